"""Keys this user shows again and again: a private key with the certificates that say whose it is.

They come from files of the user's own (`read_key`), or are kept for each principal (`lasting`).
"""

from __future__ import annotations

import os
import stat
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from OpenSSL import SSL

from ..terms.errors import UsageError
from ..terms.principal import Principal, PrincipalError
from .errors import KeyUnusable, PassphraseNeeded

__all__ = ["OwnKey", "owner", "read_key"]

Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey

_MOST: Final = 1 << 20
"""Octets of a file of certificates or of a key; real ones have a hundredth of it."""
_CHAIN: Final = 10
"""Certificates that are shown: each costs the other side time, and no handshake takes many."""


class OwnKey:
    """A private key, and the certificates that are shown with it; a `msrp_peer.security.keys.Key`.

    The private key cannot be taken out, and no text of this object tells it.

    Attributes:
        certificate: the one that belongs to the key.
        chain: those of the authorities behind it, up to the trusted one, which need not be there.
        fingerprint: SHA-256 over `certificate` as RFC 8122 section 5 writes it: upper-case
            hexadecimal with colons between octets.
        names: the principals `certificate` names as URIs (RFC 5280 section 4.2.1.6), as
            `Principal.text` has them. Whether anybody believes it is another matter.
    """

    __slots__ = ("__private", "certificate", "chain", "fingerprint", "names")

    def __init__(
        self, private: Private, certificate: x509.Certificate, chain: Sequence[x509.Certificate] = ()
    ) -> None:
        """Raises `KeyUnusable` where the two do not belong together."""
        if _public(certificate) != _spki(private):
            raise KeyUnusable("the certificate belongs to another key")
        self.__private = private
        self.certificate = certificate
        self.chain = tuple(chain)
        self.fingerprint: str = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
        self.names: tuple[str, ...] = _names(certificate)

    @classmethod
    def from_pem(cls, certificates: bytes, key: bytes, passphrase: bytes | None = None) -> OwnKey:
        """From PEM (RFC 7468): certificates, that of the key first, and the private key.

        Raises `PassphraseNeeded` where the key is encrypted and no passphrase was given, and
        `KeyUnusable` for whatever else is wrong with them.
        """
        first, *chain = _certificates(certificates)
        try:
            return cls(_private(key, passphrase), first, chain)
        except KeyUnusable as error:
            if chain and str(error).startswith("the certificate belongs"):
                raise KeyUnusable(
                    "the first certificate belongs to another key: the key's own stands first, then those "
                    "of the authorities behind it"
                ) from None
            raise

    def install(self, context: SSL.Context) -> None:
        """Let `context` show the certificates and sign with the key.

        Raises `KeyUnusable` where OpenSSL finds them too weak to be used.
        """
        try:
            context.use_certificate(self.certificate)
            for each in self.chain:
                context.add_extra_chain_cert(each)
            context.use_privatekey(self.__private)
        except SSL.Error as error:
            raise KeyUnusable(f"OpenSSL does not use this key: {_reason(error)}") from None

    @property
    def der(self) -> bytes:
        """`certificate` in DER."""
        return self.certificate.public_bytes(Encoding.DER)

    def sign(self, octets: bytes) -> bytes:
        """A signature as ecdsa_secp256r1_sha256 makes it (RFC 8446 section 4.2.3).

        Raises `KeyUnusable` where the key is not of P-256.
        """
        private = self.__private
        if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
            raise KeyUnusable("only a key of P-256 signs this")
        return private.sign(octets, ec.ECDSA(hashes.SHA256()))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.fingerprint}>"


def owner(key: OwnKey | None, me: Principal | None) -> Principal | None:
    """Who we are, where a key says it.

    Raises `UsageError` where its certificate is somebody else's, or names several and we say nothing.
    """
    if key is None or not key.names:
        return me
    if me is None and len(key.names) > 1:
        raise UsageError(f"our certificate names {' and '.join(key.names)}: say who we are")
    if me is not None and me.text not in key.names:
        raise UsageError(f"our certificate is that of {' and '.join(key.names)}, and not of {me}")
    return me or Principal.parse(key.names[0])


def read_key(certificates: Path, key: Path | None = None, passphrase: bytes | None = None) -> OwnKey:
    """The key in files of the user's own.

    Args:
        certificates: PEM: that of the key first, then those of the authorities behind it.
        key: PEM; None where it stands in the same file.
        passphrase: of an encrypted key.

    Raises `PassphraseNeeded` where it is encrypted and none was given; `UsageError` where a file is
    not there, `KeyUnusable` where one cannot be used: it is damaged, the two do not belong
    together, or others than this user may read the key.
    """
    shown = _read(certificates, secret=key is None)
    secret = shown if key is None else _read(key, secret=True)
    try:
        return OwnKey.from_pem(shown, secret, passphrase)
    except PassphraseNeeded:
        raise PassphraseNeeded(f"the key in {key or certificates} is encrypted") from None
    except KeyUnusable as error:
        where = certificates if key is None else f"{certificates} and {key}"
        raise KeyUnusable(f"{where}: {error}") from None


def _read(path: Path, *, secret: bool) -> bytes:
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            octets = file.read(_MOST + 1)
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}") from None
    except OSError as error:
        raise KeyUnusable(f"cannot read {path}: {error.strerror}") from None
    if len(octets) > _MOST:
        raise KeyUnusable(f"{path} is no file of certificates: it has more than {_MOST} octets")
    # Certificates are for everybody: where one was given alone, its key is what is missing.
    if secret and b"PRIVATE KEY-----" in octets:
        _check_rights(path, found)
    return octets


def _check_rights(path: Path, found: os.stat_result) -> None:
    """A key that others can read is no secret, whoever made it."""
    if sys.platform == "win32" or not stat.S_ISREG(found.st_mode):
        return  # the rights of a pipe are those of whoever opened it
    if found.st_uid not in (0, os.geteuid()):
        raise KeyUnusable(f"{path} belongs to another user, and a key in it is not used")
    # Keys of services belong to root, and a group of their own may read them.
    open_to = 0o077 if found.st_uid == os.geteuid() != 0 else 0o037
    if found.st_mode & open_to:
        raise KeyUnusable(
            f"the key in {path} can be read by other users of this machine, and is not used. If none of "
            f"them had it, run: chmod 600 {path}"
        )


def _certificates(pem: bytes) -> list[x509.Certificate]:
    try:
        found = x509.load_pem_x509_certificates(pem)
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise KeyUnusable("there is no certificate in PEM (-----BEGIN CERTIFICATE-----)") from None
    if len(found) > _CHAIN:
        raise KeyUnusable(f"{len(found)} certificates are more than the {_CHAIN} that are shown")
    return found


def _private(pem: bytes, passphrase: bytes | None) -> Private:
    try:
        found = load_pem_private_key(pem, passphrase)
    except TypeError:
        # With a passphrase: the key needs none, and can be had without.
        if passphrase is None:
            raise PassphraseNeeded("the key is encrypted") from None
        return _private(pem, None)
    except (ValueError, UnsupportedAlgorithm):
        # What exactly is wrong could tell something of it.
        if passphrase is not None:
            raise KeyUnusable("the passphrase is wrong, or the key is damaged") from None
        raise KeyUnusable("there is no private key in PEM (-----BEGIN PRIVATE KEY-----)") from None
    if not isinstance(found, Private):
        raise KeyUnusable("TLS has no use for a key of this kind: make one of EC, Ed25519 or RSA")
    return found


def _spki(private: Private) -> bytes:
    return private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _public(certificate: x509.Certificate) -> bytes | None:
    try:
        return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm):
        return None


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is our own, and used as it is
            found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        raise KeyUnusable("the certificate cannot be read: its extensions are damaged") from None
    names = []
    for uri in found.get_values_for_type(x509.UniformResourceIdentifier):
        try:
            names.append(Principal.parse(uri).text)
        except PrincipalError:
            continue  # of something else than a person
    return tuple(names)


def _reason(error: SSL.Error) -> str:
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return next((reason for _, _, reason in queue if reason), "no reason given")
