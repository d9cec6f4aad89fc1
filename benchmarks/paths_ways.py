"""The ways to a session that benchmarks/paths.py compares: what each side is told, and who is there."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from msrp_sasl import ChannelLevel, DigestMD5Verifier, Hash, Kerberos, Password, Policy, ScramVerifier
from msrp_sasl.verifier import ITERATIONS

__all__ = ["WAYS", "Way", "realm"]

REALM = "BENCH.EXAMPLE"
ALICE, BOB = f"im:alice@{REALM.lower()}", f"im:bob@{REALM.lower()}"
SECRET = "k7fk-q4ph-sgmt-wxhw-x2bm"


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

    def listening(self) -> dict[str, Any]:
        """For `listen`."""
        if self.mechanism is None:
            return {"tls": self.tls, "me": BOB}
        found: dict[str, Any] = {"tls": self.tls, "me": BOB, "policy": self._policy}
        if self.kerberos:
            return found | {"kerberos": Kerberos(ccache=os.environ["BENCH_BOB"])}
        return found | {"verifiers": Kept()}

    def connecting(self) -> dict[str, Any]:
        """For `connect`."""
        if self.mechanism is None:
            return {"tls": self.tls, "me": ALICE}
        found: dict[str, Any] = {"tls": self.tls, "me": ALICE, "expect": BOB, "policy": self._policy}
        if self.kerberos:
            return found | {"kerberos": Kerberos(ccache=os.environ["BENCH_ALICE"])}
        return found | {"credentials": Knows()}

    @property
    def _policy(self) -> Policy:
        assert self.mechanism is not None
        return Policy(mechanisms=(self.mechanism,), digest_md5=True)


WAYS = {
    "anonymous": Way("TLS 1.3, nobody proved"),
    "adh": Way("TLS 1.2 by anonymous Diffie-Hellman", tls="adh"),
    "fingerprint": Way("TLS 1.3, fingerprints by SDP", tls="fingerprint", signalled=True),
    "scram-512": Way("SCRAM-SHA-512-PLUS in TLS", mechanism="SCRAM-SHA-512-PLUS", hash="SHA-512"),
    "scram-256": Way("SCRAM-SHA-256-PLUS in TLS", mechanism="SCRAM-SHA-256-PLUS", hash="SHA-256"),
    "u2u": Way("KRB5-U2U in TLS", mechanism="KRB5-U2U"),
    "u2u-tcp": Way("KRB5-U2U over plain TCP", tls="none", mechanism="KRB5-U2U", layer=True),
    "digest": Way("DIGEST-MD5 auth-conf in TLS", mechanism="DIGEST-MD5", layer=True),
    "digest-tcp": Way("DIGEST-MD5 auth-conf over plain TCP", tls="none", mechanism="DIGEST-MD5", layer=True),
}


class Knows:
    """Credentials: the one password."""

    def password(self, initiator: str, acceptor: str) -> Password:
        return Password(SECRET, generated=True)


@cache
def _kept(hash: Hash) -> ScramVerifier:
    return ScramVerifier.make(SECRET, hash)


class Kept:
    """Verifiers as `msrp passwd` makes them, in memory, so that no file's time counts."""

    decoy_key = bytes(32)

    def iterations(self, hash: Hash) -> int:
        return ITERATIONS[hash]

    def scram(self, user: str, acceptor: str, hash: Hash) -> ScramVerifier | None:
        return _kept(hash) if user == ALICE else None

    def digest_md5(self, user: str, realm: str, acceptor: str) -> DigestMD5Verifier | None:
        return DigestMD5Verifier.make(user, realm, SECRET) if user == ALICE else None


@contextlib.contextmanager
def realm() -> Iterator[str]:
    """A Kerberos realm of its own, told to this process and those it starts by the environment; gives
    what is missing for one, or nothing."""
    try:
        import k5test
    except ImportError:
        yield "k5test"
        return
    path = os.pathsep.join([*os.get_exec_path(), "/usr/sbin"])
    for program in ("krb5kdc", "kdb5_util", "kadmin.local", "kinit"):
        if shutil.which(program, path=path) is None:
            yield program
            return
    conf = {"libdefaults": {"dns_canonicalize_hostname": "false", "rdns": "false"}}
    kdc = k5test.K5Realm(
        realm=REALM, portbase=_ports(), krb5_conf=conf, create_user=False, create_host=False, get_creds=False
    )
    try:
        os.environ.update({name: value for name, value in kdc.env.items() if "KRB5" in name})
        for user in ("alice", "bob"):
            cache = f"FILE:{kdc.tmpdir}/{user}"
            kdc.addprinc(user, SECRET)
            kdc.kinit(user, SECRET, ["-c", cache])
            os.environ[f"BENCH_{user.upper()}"] = cache
        yield ""
    finally:
        kdc.stop()


def _ports() -> int:
    """The first of a few that are free next to each other."""
    for base in range(30_000 + os.getpid() % 10_000, 60_000, 7):
        with contextlib.ExitStack() as opened:
            try:
                for port in range(base, base + 6):
                    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                        opened.enter_context(socket.socket(socket.AF_INET, kind)).bind(("0.0.0.0", port))
            except OSError:
                continue
            return base
    raise SystemExit("no ports are free")
