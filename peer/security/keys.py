"""Keys this side shows in TLS, and the fingerprints by which people and signalling know them.

A throw-away key is made for one listener or one connection and forgotten with it. Nobody
verifies it, so it protects against listening and against nothing else: it is to TLS 1.3 what
the anonymous suites are to TLS 1.2.

Keys that last belong to a person: `own_key` and `lasting`.
"""

from __future__ import annotations

from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from ..terms.dates import NEVER, SOME_TIME

__all__ = ["Key", "ThrowAway"]


class Key(Protocol):
    """A private key with the certificate that shows it: what a TLS context is given."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the certificate as RFC 8122 section 5 writes it: ``"4A:AD:B9:..."``."""

    def install(self, context: SSL.Context) -> None:
        """Let `context` show the certificate and sign with the key."""


class ThrowAway:
    """A new P-256 key with a self-signed certificate that names nobody.

    The private key exists in memory only, lives as long as this object and the contexts it
    was installed in, and cannot be taken out.

    Attributes:
        certificate: the self-signed certificate.
        fingerprint: SHA-256 over it as RFC 8122 section 5 writes it, upper-case hexadecimal
            with colons between octets.
    """

    __slots__ = ("__private", "certificate", "fingerprint")

    def __init__(self) -> None:
        self.__private = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "anonymous.invalid")])
        self.certificate: x509.Certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.__private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(SOME_TIME)
            .not_valid_after(NEVER)
            .sign(self.__private, hashes.SHA256())
        )
        self.fingerprint: str = self.certificate.fingerprint(hashes.SHA256()).hex(":").upper()

    def install(self, context: SSL.Context) -> None:
        """Let `context` show the certificate and sign with the key."""
        context.use_certificate(self.certificate)
        context.use_privatekey(self.__private)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.fingerprint}>"
