"""How well a line is protected, and who is proved at its other end.

A `Protection` is what one layer gives, a `Proof` is what an authentication gave, a
`Security` is both for one session. There is one total order, `Level`, computed in one
place, `Security.level`; policy compares levels and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

__all__ = ["Believed", "Level", "NewKey", "Proof", "Protection", "Security"]

Believed = Literal["pinned", "first-use"]
"""What a key may become that a person, or the policy, decides about."""


class Level(IntEnum):
    """The one total order (docs/security.md); higher is better."""

    PLAINTEXT = 0
    """No confidentiality, whoever is proved."""
    PASSIVE_ONLY = 1
    """Nobody who only listens can read it; who is at the other end is not proved."""
    KEY_VERIFIED = 2
    """Confidential to a key that was pinned, signalled or compared."""
    AUTHENTICATED = 3
    """Confidential, and the expected principal is proved."""

    @property
    def word(self) -> str:
        """The name on the command line and in JSON: ``"passive-only"``."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True)
class Protection:
    """What one layer gives to everything above it.

    Attributes:
        kind: ``"tls"`` or ``"sasl"``.
        version: ``"TLSv1.3"``, or the mechanism of a SASL layer.
        cipher: the suite or cipher by its library's name.
        confidential: whether listening is of no use.
        peer_key: SHA-256 over the certificate the other side showed, as RFC 8122 writes it
            (upper-case hexadecimal, colons between octets); None where it showed none.
        own_key: the same for ours.
        verified: how the other side's key was verified; None where it was not.
        names: whose it is (`Principal.text`), where it was verified by a chain of certificates, or is
            pinned, or taken at first use: those expected of them, or all where nobody was. Beside
            "compared" whose it was taken for: the words that were compared prove no name.
    """

    kind: Literal["tls", "sasl"]
    version: str
    cipher: str
    confidential: bool
    peer_key: str | None = None
    own_key: str | None = None
    verified: Literal["pinned", "signalled", "compared", "chain", "host", "first-use"] | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewKey:
    """A lasting key that nothing verifies.

    Attributes:
        principal: whose it says to be, as `Principal.text` has it. A claim.
        key: SHA-256 over its certificate, as `Protection.peer_key` has it.
    """

    principal: str
    key: str


@dataclass(frozen=True, slots=True)
class Proof:
    """That a principal was authenticated.

    Attributes:
        principal: who, as `Principal.text` has it.
        mechanism: by what.
        bound: whether it was bound to the line by a channel binding.
        shared: whether the secret is shared more widely: then it was somebody who knows it.
        guessable: whether it rests on a password that whoever watched the exchange could try to
            guess, were it not for a layer around it.
    """

    principal: str
    mechanism: str
    bound: bool
    shared: bool = False
    guessable: bool = False


@dataclass(frozen=True, slots=True)
class Security:
    """The one description of a line, attached to every session and message; never changes."""

    layers: tuple[Protection, ...] = ()
    proof: Proof | None = None

    @property
    def confidential(self) -> bool:
        return any(layer.confidential for layer in self.layers)

    @property
    def vouched(self) -> tuple[str, ...]:
        """Whose key it is by a certificate that an authority vouches for; empty for nobody's."""
        return tuple(name for layer in self.layers if layer.verified == "chain" for name in layer.names)

    @property
    def pinned(self) -> tuple[str, ...]:
        """To whom the other side's key is pinned; empty for nobody."""
        return tuple(name for layer in self.layers if layer.verified == "pinned" for name in layer.names)

    @property
    def met(self) -> tuple[str, ...]:
        """For whose the other side's key was taken at first use, which verifies nobody; empty for none."""
        return tuple(name for layer in self.layers if layer.verified == "first-use" for name in layer.names)

    @property
    def names(self) -> tuple[str, ...]:
        """Who the other side may be: who is proved, or else those its key is known to be of. Empty for
        anybody."""
        return self.vouched + self.pinned + self.met if self.proof is None else (self.proof.principal,)

    @property
    def level(self) -> Level:
        if not self.confidential:
            return Level.PLAINTEXT
        if self._proved:
            return Level.AUTHENTICATED
        # Who logged in with a secret that others have, too, is not made better by somebody else's key.
        about = [layer for layer in self.layers if self._may_be(layer)]
        if any(layer.verified == "chain" and layer.names for layer in about):
            return Level.AUTHENTICATED
        # A relay's verified host says nothing about the person behind it.
        if any(layer.verified in ("pinned", "signalled", "compared") for layer in about):
            return Level.KEY_VERIFIED
        return Level.PASSIVE_ONLY

    def _may_be(self, layer: Protection) -> bool:
        """Whether the key of a layer may be that of who logged in."""
        return self.proof is None or not layer.names or self.proof.principal in layer.names

    @property
    def _proved(self) -> bool:
        """Whether the proof is one of this principal, and of nobody else."""
        proof = self.proof
        if proof is None or proof.shared:
            return False
        if proof.mechanism == "EXTERNAL":  # it adds nothing to what the layer below has proved
            return proof.principal in self.vouched
        # Outside of TLS a password's exchange is there for everybody to watch, and to guess at.
        return not proof.guessable or any(layer.kind == "tls" for layer in self.layers)

    def describe(self) -> str:
        """One line in words for a person."""
        how = " inside ".join(f"{layer.version} with {layer.cipher}" for layer in reversed(self.layers))
        match self.level:
            case Level.PLAINTEXT:
                return "not protected: everybody on the way can read and change it; nobody is proved"
            case Level.PASSIVE_ONLY if self.proof is not None:
                weak = (
                    "is shared with others, who can say the same"
                    if self.proof.shared
                    else "could be guessed by whoever watched"
                )
                return (
                    f"protected against listening; {self.proof.principal} is told by "
                    f"{self.proof.mechanism}, with a secret that {weak} ({how})"
                )
            case Level.PASSIVE_ONLY if self.met:
                whom = " and ".join(self.met)
                return (
                    f"protected against listening; the key is the one that was taken for that of {whom} "
                    f"when they were met first, and nobody has compared it ({how})"
                )
            case Level.PASSIVE_ONLY:
                return (
                    f"protected against listening; nobody is proved: whoever can put themselves "
                    f"in between can read it ({how})"
                )
            case Level.KEY_VERIFIED if self.pinned:
                whom = " and ".join(self.pinned)
                return f"protected, to the key that is pinned to {whom} ({how})"
            case Level.KEY_VERIFIED:
                return f"protected, to a key you have verified ({how})"
            case Level.AUTHENTICATED:
                who, by = self._by()
                return f"protected, and {who} is proved by {by} ({how})"

    def _by(self) -> tuple[str, str]:
        """Who is proved, and by what."""
        proof, vouched = self.proof, self.vouched
        if proof is not None and self._proved and proof.mechanism != "EXTERNAL":
            return proof.principal, proof.mechanism + (", bound to this line" if proof.bound else "")
        acts = proof is not None and proof.principal in vouched
        who = proof.principal if proof is not None and acts else " and ".join(vouched)
        return who, "a certificate of an authority you trust"

    @property
    def principal(self) -> str | None:
        """Who is named by a proof or a key, whatever that is worth: `level` says it. None for nobody, or
        where a certificate proves several at once."""
        if self.proof is not None:
            return self.proof.principal
        return self.vouched[0] if len(self.vouched) == 1 else None

    def as_dict(self) -> dict[str, object]:
        """The same as fields, for ``--json``."""
        return {
            "level": self.level.word,
            "level_number": int(self.level),
            "confidential": self.confidential,
            "principal_proved": self.principal if self.level is Level.AUTHENTICATED else None,
            "principal_named": self.principal,
            "mechanism": self.proof.mechanism if self.proof else None,
            "bound": self.proof.bound if self.proof else False,
            "secret_shared": self.proof.shared if self.proof else False,
            "layers": [
                {
                    "kind": layer.kind,
                    "version": layer.version,
                    "cipher": layer.cipher,
                    "confidential": layer.confidential,
                    "peer_key": layer.peer_key,
                    "own_key": layer.own_key,
                    "verified": layer.verified,
                    "names": list(layer.names),
                }
                for layer in self.layers
            ],
        }
