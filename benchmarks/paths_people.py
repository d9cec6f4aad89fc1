"""Those who meet in benchmarks: an authority that vouches for them, and a realm where they have tickets."""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import msrp_peer

__all__ = ["ALICE", "BOB", "REALM", "SECRET", "certify", "local_part", "realm", "shown", "ticket"]

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


def local_part(principal: str) -> str:
    """``alice`` of ``im:alice@bench.example``."""
    return principal.removeprefix("im:").partition("@")[0]


def shown(principal: str) -> dict[str, Any]:
    """What one of them shows, and whom they believe."""
    folder = Path(os.environ["BENCH_SHOWN"])
    return {
        "key": msrp_peer.read_key(folder / f"{local_part(principal)}.pem"),
        "trust": msrp_peer.Trust.read(folder / "authority.pem"),
    }


def ticket(principal: str) -> str:
    """The credential cache of one of them, as Kerberos names it."""
    return f"FILE:{os.environ['BENCH_TICKETS']}/{local_part(principal)}"


def certify(folder: Path, people: Iterable[str] = (ALICE, BOB)) -> None:
    """An authority, and what it vouches for, in files; told to all processes by the environment."""
    os.environ["BENCH_SHOWN"] = str(folder)
    authority, root = _issued("an authority", None, None, None)
    (folder / "authority.pem").write_bytes(root.public_bytes(Encoding.PEM))
    for name in people:
        private, certificate = _issued(local_part(name), name, authority, root)
        secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path = folder / f"{local_part(name)}.pem"
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
def realm(people: Iterable[str] = (ALICE, BOB), address: str | None = None) -> Iterator[str]:
    """A Kerberos realm of its own, told to this process and those it starts by the environment; gives
    what is missing for one, or nothing.

    Args:
        people: those who have tickets.
        address: where its KDC is reached; None for the name of this machine.
    """
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
    conf: dict[str, Any] = {"libdefaults": {"dns_canonicalize_hostname": "false", "rdns": "false"}}
    if address is not None:
        conf["realms"] = {REALM: {"kdc": f"{address}:$port0"}}
    kdc = k5test.K5Realm(
        realm=REALM, portbase=_ports(), krb5_conf=conf, create_user=False, create_host=False, get_creds=False
    )
    try:
        os.environ.update({name: value for name, value in kdc.env.items() if "KRB5" in name})
        os.environ["BENCH_TICKETS"] = kdc.tmpdir
        for name in people:
            kdc.addprinc(local_part(name), SECRET)
            kdc.kinit(local_part(name), SECRET, ["-c", ticket(name)])
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
