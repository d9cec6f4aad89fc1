"""The authority of ``msrp demo --auth certificate``, and the two people it vouches for."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

__all__ = ["Papers", "make_papers"]

_LIFE = datetime.timedelta(hours=1)


@dataclass(frozen=True)
class Papers:
    """Files of one person: certificate, key, and whom they believe."""

    cert: Path
    key: Path
    ca: Path

    def arguments(self) -> dict[str, Any]:
        """For `msrp_peer.connect` and `msrp_peer.listen`."""
        from .. import Trust, read_key

        return {"tls": "certificate", "key": read_key(self.cert, self.key), "trust": Trust.read(self.ca)}

    @property
    def options(self) -> list[str]:
        """For ``msrp demo-peer``."""
        return ["--cert", str(self.cert), "--key", str(self.key), "--ca", str(self.ca)]


def make_papers(folder: Path, people: Sequence[str]) -> list[Papers]:
    """A new authority, and for each principal a key that it certifies; all in `folder`. Its own key is
    forgotten at once."""
    authority = ec.generate_private_key(ec.SECP256R1())
    name = _name("msrp demo")
    root = _signed(_begun(name, authority.public_key(), ca=True), authority, authority.public_key(), name)
    ca = folder / "ca.pem"
    ca.write_bytes(root.public_bytes(Encoding.PEM))
    made = []
    for number, principal in enumerate(people):
        private = ec.generate_private_key(ec.SECP256R1())
        builder = _begun(_name(principal), private.public_key(), ca=False).add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(principal)]), critical=False
        )
        papers = Papers(folder / f"person{number}.pem", folder / f"person{number}.key", ca)
        certificate = _signed(builder, authority, authority.public_key(), name)
        papers.cert.write_bytes(certificate.public_bytes(Encoding.PEM))
        papers.key.touch(mode=0o600)
        papers.key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        made.append(papers)
    return made


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _begun(subject: x509.Name, public: ec.EllipticCurvePublicKey, *, ca: bool) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    usage = x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LIFE)
        .not_valid_after(now + _LIFE)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _signed(
    builder: x509.CertificateBuilder,
    authority: ec.EllipticCurvePrivateKey,
    public: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
) -> x509.Certificate:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(public)
    return (
        builder.issuer_name(issuer).add_extension(identifier, critical=False).sign(authority, hashes.SHA256())
    )
