"""The ways to a session that benchmarks/paths.py compares: what each side is told, and who is there."""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import msrp_peer
from msrp_sasl import ChannelLevel, DigestMD5Verifier, Hash, Kerberos, Password, Policy, ScramVerifier
from msrp_sasl.verifier import ITERATIONS

__all__ = ["ALICE", "BOB", "SECRET", "WAYS", "Way", "certify", "realm", "shown"]

REALM = "BENCH.EXAMPLE"
ALICE, BOB = f"im:alice@{REALM.lower()}", f"im:bob@{REALM.lower()}"
SECRET = "k7fk-q4ph-sgmt-wxhw-x2bm"
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


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

    def listening(self) -> dict[str, Any]:
        """For `listen`."""
        if self.certified:
            return {"tls": self.tls, "expect": ALICE, **shown("bob")}
        if self.mechanism is None:
            return {"tls": self.tls, "me": BOB}
        found: dict[str, Any] = {"tls": self.tls, "me": BOB, "policy": self._policy}
        if self.kerberos:
            return found | {"kerberos": Kerberos(ccache=os.environ["BENCH_BOB"])}
        return found | {"verifiers": Kept()}

    def connecting(self) -> dict[str, Any]:
        """For `connect`."""
        if self.certified:
            return {"tls": self.tls, "expect": BOB, **shown("alice")}
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
    "certificate": Way("TLS 1.3, certificates of an authority", tls="certificate", mechanism="EXTERNAL"),
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


def shown(user: str) -> dict[str, Any]:
    """What one of the two shows, and whom they believe."""
    folder = Path(os.environ["BENCH_SHOWN"])
    return {
        "key": msrp_peer.read_key(folder / f"{user}.pem"),
        "trust": msrp_peer.Trust.read(folder / "authority.pem"),
    }


def certify(folder: Path) -> None:
    """An authority, and what it vouches for, in files; told to all processes by the environment."""
    os.environ["BENCH_SHOWN"] = str(folder)
    authority, root = _issued("an authority", None, None, None)
    (folder / "authority.pem").write_bytes(root.public_bytes(Encoding.PEM))
    for user, name in (("alice", ALICE), ("bob", BOB)):
        private, certificate = _issued(user, name, authority, root)
        secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path = folder / f"{user}.pem"
        path.touch(mode=0o600)
        path.write_bytes(certificate.public_bytes(Encoding.PEM) + secret)


def _issued(
    common_name: str,
    uri: str | None,
    issuer: ec.EllipticCurvePrivateKey | None,
    root: x509.Certificate | None,
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """A person's, by the root; without a URI the root's own."""
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    person = uri is not None
    usage = dict.fromkeys(_USAGES, False) | {"digital_signature" if person else "key_cert_sign": True}
    signer = issuer or private
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if root is None else root.subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.BasicConstraints(ca=not person, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if uri is not None:
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
        builder = builder.add_extension(names, critical=False)
    return private, builder.sign(signer, hashes.SHA256())


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
