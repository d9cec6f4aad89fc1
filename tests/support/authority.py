"""A certification authority of the tests' own, and people who have certificates of it, good ones and bad."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from msrp_peer.security.own_key import OwnKey

Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
DAY = datetime.timedelta(days=1)
CLIENT, SERVER, MAIL = (
    ExtendedKeyUsageOID.CLIENT_AUTH,
    ExtendedKeyUsageOID.SERVER_AUTH,
    ExtendedKeyUsageOID.EMAIL_PROTECTION,
)


def uri(text: str) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(text)


def host(text: str) -> x509.GeneralName:
    return x509.DNSName(text)


@dataclass(frozen=True)
class Wanted:
    """What is to stand in a certificate; the defaults are what a good one of a person has.

    Attributes:
        names: subject alternative names; None for no such extension.
        common_name: the subject's.
        usage: names of the key usages set; None for no such extension.
        extended: the extended ones; None for no such extension.
        ca: what the basic constraints say; None for no such extension.
    """

    names: Sequence[x509.GeneralName] | None = ()
    common_name: str = "somebody"
    begins: datetime.datetime = NOW - DAY
    ends: datetime.datetime = NOW + 30 * DAY
    usage: Sequence[str] | None = ("digital_signature",)
    extended: Sequence[x509.ObjectIdentifier] | None = (CLIENT, SERVER)
    ca: bool | None = False
    path_length: int | None = None
    constraints: x509.NameConstraints | None = None
    private: Private | None = field(default=None, repr=False)
    identifiers: bool = True


CA = Wanted(
    common_name="an authority", names=None, usage=("key_cert_sign", "crl_sign"), extended=None, ca=True
)


class Authority:
    """A root, or what another one vouches for."""

    def __init__(self, wanted: Wanted = CA, issuer: Authority | None = None) -> None:
        self._private = wanted.private or ec.generate_private_key(ec.SECP256R1())
        self._issuer = issuer
        self.certificate = _certificate(wanted, self._private, issuer or self)

    def sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        return builder.sign(self._private, hashes.SHA256())

    def intermediate(self, wanted: Wanted = CA) -> Authority:
        return Authority(wanted, self)

    @property
    def public(self) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
        return self._private.public_key()

    @property
    def subject(self) -> x509.Name | None:
        return self.certificate.subject if hasattr(self, "certificate") else None

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """From this one up to the root, without it."""
        return () if self._issuer is None else (self.certificate, *self._issuer.chain)

    def issue(self, *names: str, wanted: Wanted | None = None, chain: bool = True) -> OwnKey:
        """A new key with a certificate of this authority; `names` are URIs."""
        wanted = wanted or Wanted(names=[uri(name) for name in names])
        private = wanted.private or ec.generate_private_key(ec.SECP256R1())
        return OwnKey(private, _certificate(wanted, private, self), self.chain if chain else ())

    def issue_pem(self, *names: str, wanted: Wanted | None = None) -> tuple[bytes, bytes]:
        """The same in PEM: certificates, and key."""
        wanted = wanted or Wanted(names=[uri(name) for name in names])
        private = wanted.private or ec.generate_private_key(ec.SECP256R1())
        certificates = (_certificate(wanted, private, self), *self.chain)
        return pem(*certificates), key_pem(private)


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def key_pem(private: Private) -> bytes:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write(folder: Path, name: str, certificates: bytes, key: bytes) -> tuple[Path, Path]:
    """Files for ``--cert`` and ``--key``."""
    shown, secret = folder / f"{name}.pem", folder / f"{name}.key"
    shown.write_bytes(certificates)
    secret.touch(mode=0o600)
    secret.write_bytes(key)
    return shown, secret


def authority_of(folder: Path, people: Mapping[str, str]) -> Authority:
    """An authority whose certificate is ``ca.pem``, and what it gave to people: principals by file name."""
    authority = Authority()
    (folder / "ca.pem").write_bytes(pem(authority.certificate))
    for name, principal in people.items():
        write(folder, name, *authority.issue_pem(principal))
    return authority


def shown_of(folder: Path, name: str) -> list[str]:
    """The certificate and the key of somebody to whom `authority_of` gave them: the paths of their files."""
    return [str(folder / f"{name}.pem"), str(folder / f"{name}.key")]


@cache
def weak_key() -> rsa.RSAPrivateKey:
    """1024 bits."""
    return rsa.generate_private_key(65537, 1024)


def _certificate(wanted: Wanted, private: Private, issuer: Authority) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, wanted.common_name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject or subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(wanted.begins)
        .not_valid_after(wanted.ends)
    )
    if wanted.names is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(wanted.names), critical=False)
    if wanted.ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(wanted.ca, wanted.path_length), critical=True)
    if wanted.usage is not None:
        builder = builder.add_extension(_usage(wanted.usage), critical=True)
    if wanted.extended is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(wanted.extended), critical=False)
    if wanted.constraints is not None:
        builder = builder.add_extension(wanted.constraints, critical=True)
    if wanted.identifiers:
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(private.public_key()), False
        )
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public), False
        )
    return issuer.sign(builder)


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


def _usage(names: Sequence[str]) -> x509.KeyUsage:
    return x509.KeyUsage(**{name: name in names for name in _USAGES})
