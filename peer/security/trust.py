"""Whose key it is: by a chain to an authority, or because it is pinned to somebody.

Decided inside of the handshake, so that the right alert goes out, and so that a client shows its own
certificate to nobody but whom it expects (docs/decisions/0080-verified-in-the-handshake.md). What counts
is the *expected principal*, never a host.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Final, Literal, Protocol, runtime_checkable

from cryptography import x509
from OpenSSL import SSL, crypto

from ..terms.errors import MsrpError, UsageError
from ..terms.fingerprints import OTHER_KEY, Fingerprint
from ..terms.principal import Principal, PrincipalError
from ..terms.security import NewKey
from .certificates import DAMAGED, Said, matches, said, wrong

__all__ = ["PURPOSE", "FirstUses", "Judge", "Pins", "Trust", "read_authorities"]

_MOST: Final = 16 << 20  # octets of a file of authorities; those of the whole web have half a MiB
PURPOSE: Final = 26
"""X509_V_ERR_INVALID_PURPOSE. A person's certificate serves at both ends."""
_HINTS: Final = (85, 86)  # key identifiers, which only help to find the issuer, are missing


class Pins(Protocol):
    """Keys that somebody said are somebody's: a file of known peers, say."""

    def holders(self, fingerprint: str) -> Collection[str]:
        """Who is known by the certificate of this fingerprint, as `Principal.text` has them.

        `fingerprint` is SHA-256, upper-case hexadecimal with colons. Called in the middle of a
        handshake: it must not take long.
        """


@runtime_checkable
class FirstUses(Protocol):
    """Pins that may also tell of keys which were taken when somebody was met first, and verify nobody."""

    @property
    def takes_first(self) -> bool:
        """Whether such keys count."""

    def met(self, fingerprint: str) -> Collection[str]:
        """For whose such a key was taken, as `Pins.holders`; empty where they do not count."""


class Trust:
    """Whom to believe that a key is somebody's.

    Args:
        authorities: certificates of authorities; each is trusted for whatever it may vouch for.
        pins: fingerprints of keys by principal (``{"im:bob@lan": ["4A:AD:..."]}``, SHA-256 over the
            certificate), or whatever knows them (`Pins`).

    Raises `UsageError` where one of these is none, or there are none at all.
    """

    def __init__(
        self,
        authorities: Iterable[x509.Certificate] = (),
        pins: Mapping[str, Collection[str]] | Pins | None = None,
    ) -> None:
        self.authorities = tuple(authorities)
        for each in self.authorities:
            _check_authority(each)
        if isinstance(pins, Mapping):
            pins = _Pinned(pins)
        self._pins = pins
        if not self.authorities and pins is None:
            raise UsageError("nobody is believed by nobody: give an authority's certificate, or a pinned key")

    @classmethod
    def read(cls, authorities: Path, pins: Mapping[str, Collection[str]] | Pins | None = None) -> Trust:
        """With the authorities of a file in PEM. Raises `UsageError` where it holds none."""
        return cls(read_authorities(authorities), pins)

    def holders(self, fingerprint: str) -> frozenset[str]:
        """To whom the key of this certificate is pinned."""
        return frozenset() if self._pins is None else frozenset(self._pins.holders(fingerprint))

    @property
    def takes_first(self) -> bool:
        """Whether keys count that were taken at first use; beside an authority none does."""
        return not self.authorities and isinstance(self._pins, FirstUses) and self._pins.takes_first

    def met(self, fingerprint: str) -> frozenset[str]:
        """For whose this key was taken at first use."""
        if self.authorities or not isinstance(self._pins, FirstUses):
            return frozenset()
        return frozenset(self._pins.met(fingerprint))

    def install(self, context: SSL.Context) -> None:
        """Let `context` build chains to these authorities."""
        store = context.get_cert_store()
        assert store is not None  # a context always has one
        for each in self.authorities:
            store.add_cert(crypto.X509.from_cryptography(each))
        # Strict: what an authority's certificate must have, it must have (RFC 5280 section 4.2.1).
        # Partial: one that is trusted ends the chain, whoever signed it.
        store.set_flags(crypto.X509StoreFlags.X509_STRICT | crypto.X509StoreFlags.PARTIAL_CHAIN)

    def judge(
        self,
        expected: Iterable[Principal] = (),
        told: Iterable[Fingerprint] = (),
        *,
        doubting: bool = False,
    ) -> Judge:
        """For one connection; without `expected` anybody will do who is named.

        `told` are the fingerprints that signalling told, if any did: the certificate must match one
        of them, too (RFC 8122 section 6.2). With `doubting`, and where no authority is named, a key
        that is not known does not end the handshake, where its certificate names one person who would
        do: `Judge.doubt` has it, and whoever asked for that decides before anything is done on the line.
        """
        doubting = doubting and not self.authorities
        return Judge(self, frozenset(each.text for each in expected), tuple(told), doubting=doubting)


class Judge:
    """Looks at the certificate of one other side, while TLS shakes hands.

    Attributes:
        verified: how the key was verified; None where it was not.
        names: whose it is: those expected, or all it names; sorted.
        failure: why it was refused, for the person on this side; None where it was not.
        shown: the fingerprint of the other side's own certificate; None where it was not looked at yet.
        anothers: whether an authority says that it is somebody else's than was expected, or signalling
            told another one.
        claims: who the other side's own certificate says it is, by which nothing is proved.
        doubt: the key, where it is not known, and is to be decided about; None where there is no doubt.
    """

    def __init__(
        self,
        trust: Trust,
        expected: frozenset[str],
        told: tuple[Fingerprint, ...] = (),
        *,
        doubting: bool = False,
    ) -> None:
        self._trust = trust
        self._doubting = doubting
        self._told = told
        self._expected = expected
        self.verified: Literal["pinned", "chain", "host", "first-use"] | None = None
        self.names: tuple[str, ...] = ()
        self.failure: str | None = None
        self.shown: str | None = None
        self.anothers = False
        self.claims: tuple[str, ...] = ()
        self.doubt: NewKey | None = None
        self._problem: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether the certificate was looked at, and will do, or is decided about later."""
        return self.verified is not None or self.doubt is not None

    def look(self, certificate: crypto.X509, error: int, depth: int, holds: bool) -> bool:
        """What OpenSSL found about one certificate of the chain; whether to go on.

        It begins at the far end and finds the other side's own last; only the name constraints
        come behind.
        """
        if self.failure is not None:
            return False
        if not holds:
            if error in _HINTS or (error == PURPOSE and depth == 0):
                return True
            if self._problem is None:
                self._problem = wrong(error, depth, certificate)
            return self.verified in (None, "pinned", "first-use") or self._refuse(self._problem)
        return depth > 0 or self._own(certificate)

    def _own(self, certificate: crypto.X509) -> bool:
        """The other side's own: who may that be?"""
        self.shown = certificate.digest("sha256").decode("ascii")
        if self._told and not matches(certificate, self._told):
            self.anothers = True
            return self._refuse(OTHER_KEY)
        try:
            pinned = self._among(self._trust.holders(self.shown))
            met = self._among(self._trust.met(self.shown))
        except MsrpError as error:  # the file cannot be read, and OpenSSL takes no exception from here
            return self._refuse(f"whose the key of the other side is cannot be looked up: {error}")
        found = said(certificate)
        if pinned and not (found and self._vouched(found)):
            self.verified, self.names = "pinned", pinned
            return True
        if met:
            self.verified, self.names = "first-use", met
            return True
        if found is None:
            return self._refuse(DAMAGED)
        self.claims = tuple(found.principals)
        if self._vouched(found):
            self.verified, self.names = "chain", self._among(found.principals)
            return True
        ours = self._among(found.principals)
        if self._doubting and len(ours) == 1 and found.unfit is None:
            self.doubt = NewKey(ours[0], self.shown)
            return True
        vouched = self._problem is None and bool(self._trust.authorities) and found.unfit is None
        self.anothers = vouched and bool(found.principals)
        return self._refuse(self._why(found))

    def _vouched(self, found: Said) -> bool:
        """Whether an authority says that it is somebody who will do."""
        if self._problem is not None or not self._trust.authorities or found.unfit is not None:
            return False
        return bool(self._among(found.principals))

    def _among(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(name for name in names if not self._expected or name in self._expected))

    def _why(self, found: Said) -> str:
        if self._problem is not None:
            if not self._trust.authorities:
                return (
                    f"the key of the other side is not {self._whom('the one known of ', 'one that is known')}"
                )
            return self._problem
        if found.unfit is not None:
            return f"the other side's certificate {found.unfit}"
        if found.principals:
            return (
                f"the other side's certificate is that of {', '.join(found.principals[:3])}, and "
                f"{self._whom('', 'somebody else')} was expected"
            )
        names = f"only {', '.join(found.others)}" if found.others else "nobody"
        return (
            f"the other side's certificate names {names}, and no person: it is believed only for "
            "an im:, sip: or sips: URI"
        )

    def _whom(self, before: str, nobody: str) -> str:
        return before + " or ".join(sorted(self._expected)[:3]) if self._expected else nobody

    def _refuse(self, why: str) -> bool:
        self.verified, self.names, self.failure = None, (), why
        self.doubt = None
        return False


class _Pinned:
    """Pins that were given by principal."""

    def __init__(self, pins: Mapping[str, Collection[str]]) -> None:
        self._holders: dict[str, set[str]] = {}
        for name, fingerprints in pins.items():
            if isinstance(fingerprints, str):
                raise UsageError("the fingerprints pinned to somebody are several: give a list of them")
            try:
                who = Principal.parse(name).text
            except PrincipalError as wrong:
                raise UsageError(str(wrong)) from None
            for each in fingerprints:
                fingerprint = Fingerprint.parse(f"sha-256 {each}")
                if fingerprint is None:
                    raise UsageError(f"what is pinned to {who} is no fingerprint by SHA-256 (4A:AD:...)")
                self._holders.setdefault(fingerprint.value, set()).add(who)

    def holders(self, fingerprint: str) -> Collection[str]:
        return self._holders.get(fingerprint, ())


def read_authorities(path: Path) -> tuple[x509.Certificate, ...]:
    """Those in a file in PEM. Raises `UsageError` where it holds none, or something else."""
    try:
        with path.open("rb") as file:
            octets = file.read(_MOST + 1)
    except OSError as error:
        raise UsageError(f"cannot read the authorities in {path}: {error.strerror}") from None
    try:
        if len(octets) > _MOST:
            raise ValueError
        found = tuple(x509.load_pem_x509_certificates(octets))
        for each in found:
            _check_authority(each)
    except (ValueError, x509.InvalidVersion):
        raise UsageError(f"{path} holds no certificates in PEM (-----BEGIN CERTIFICATE-----)") from None
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
    return found


def _check_authority(certificate: x509.Certificate) -> None:
    """A person's own certificate is no authority's, and would be one for that person alone: pin it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        constraints = x509.BasicConstraints(ca=False, path_length=None)
    if not constraints.ca:
        raise UsageError("a certificate in there is no authority's (its basic constraints do not say CA)")
