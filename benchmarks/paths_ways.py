"""The ways to a session that benchmarks/paths.py compares: what each side is told, and who is there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

from paths_people import ALICE, BOB, SECRET, shown, ticket

from msrp_sasl import ChannelLevel, DigestMD5Verifier, Hash, Kerberos, Password, Policy, ScramVerifier
from msrp_sasl.verifier import ITERATIONS

__all__ = ["WAYS", "Knows", "Way"]


@dataclass(frozen=True)
class Way:
    """One way from two addresses to a session.

    Attributes:
        name: as it stands in tables.
        tls: as `connect` has it.
        mechanism: what proves both; None where nobody is proved.
        signalled: whether SDP came first (`join`), and no rendezvous.
        hash: of PBKDF2, where a password is turned into a key.
        layer: whether the mechanism's own layer carries what is said.
    """

    name: str
    tls: str = "anonymous"
    mechanism: str | None = None
    signalled: bool = False
    hash: Hash | None = None
    layer: bool = False

    @property
    def kerberos(self) -> bool:
        return self.mechanism is not None and self.mechanism.startswith("KRB5")

    @property
    def channel(self) -> ChannelLevel:
        """What is below the mechanism."""
        return ChannelLevel.CLEAR if self.tls == "none" else ChannelLevel.ENCRYPTED

    @property
    def certified(self) -> bool:
        return self.tls == "certificate"

    @property
    def by_password(self) -> bool:
        return self.mechanism is not None and not self.kerberos and not self.certified

    def listening(
        self, me: str = BOB, them: Collection[str] = (ALICE,), iterations: int | None = None
    ) -> dict[str, Any]:
        """For `listen`: who we are, and those who may come; `iterations` as `Kept` has it."""
        if self.certified:
            return {"tls": self.tls, "expect": tuple(them), **shown(me)}
        if self.mechanism is None:
            return {"tls": self.tls, "me": me}
        found: dict[str, Any] = {"tls": self.tls, "me": me, "policy": self._policy}
        if self.kerberos:
            return found | {"kerberos": Kerberos(ccache=ticket(me))}
        return found | {"verifiers": Kept(frozenset(them), iterations)}

    def connecting(self, me: str = ALICE, whom: str = BOB) -> dict[str, Any]:
        """For `connect`: who we are, and whom we mean."""
        if self.certified:
            return {"tls": self.tls, "expect": whom, **shown(me)}
        if self.mechanism is None:
            return {"tls": self.tls, "me": me}
        found: dict[str, Any] = {"tls": self.tls, "me": me, "expect": whom, "policy": self._policy}
        if self.kerberos:
            return found | {"kerberos": Kerberos(ccache=ticket(me))}
        return found | {"credentials": Knows()}

    @property
    def _policy(self) -> Policy:
        assert self.mechanism is not None
        return Policy(mechanisms=(self.mechanism,), digest_md5=True)


WAYS = {
    "anonymous": Way("TLS 1.3, nobody proved"),
    "adh": Way("TLS 1.2 by anonymous Diffie-Hellman", tls="adh"),
    "fingerprint": Way("TLS 1.3, fingerprints by SDP", tls="fingerprint", signalled=True),
    "certificate": Way("TLS 1.3, certificates of an authority", tls="certificate", mechanism="EXTERNAL"),
    "scram-512": Way("SCRAM-SHA-512-PLUS in TLS", mechanism="SCRAM-SHA-512-PLUS", hash="SHA-512"),
    "scram-256": Way("SCRAM-SHA-256-PLUS in TLS", mechanism="SCRAM-SHA-256-PLUS", hash="SHA-256"),
    "u2u": Way("KRB5-U2U in TLS", mechanism="KRB5-U2U"),
    "u2u-tcp": Way("KRB5-U2U over plain TCP", tls="none", mechanism="KRB5-U2U", layer=True),
    "digest": Way("DIGEST-MD5 auth-conf in TLS", mechanism="DIGEST-MD5", layer=True),
    "digest-tcp": Way("DIGEST-MD5 auth-conf over plain TCP", tls="none", mechanism="DIGEST-MD5", layer=True),
}


class Knows:
    """Credentials: the one password; or one that is wrong."""

    def __init__(self, secret: str = SECRET) -> None:
        self._secret = secret

    def password(self, initiator: str, acceptor: str) -> Password:
        return Password(self._secret, generated=True)


@cache
def _kept(hash: Hash, iterations: int) -> ScramVerifier:
    return ScramVerifier.make(SECRET, hash, iterations=iterations)


class Kept:
    """Verifiers as `msrp passwd` makes them, in memory, so that no file's time counts; or with other
    `iterations`."""

    decoy_key = bytes(32)

    def __init__(self, users: frozenset[str], iterations: int | None = None) -> None:
        self._users = users
        self._iterations = iterations

    def iterations(self, hash: Hash) -> int:
        return self._iterations or ITERATIONS[hash]

    def scram(self, user: str, acceptor: str, hash: Hash) -> ScramVerifier | None:
        return _kept(hash, self.iterations(hash)) if user in self._users else None

    def digest_md5(self, user: str, realm: str, acceptor: str) -> DigestMD5Verifier | None:
        return DigestMD5Verifier.make(user, realm, SECRET) if user in self._users else None
