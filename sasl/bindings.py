"""The channel binding that is made from a certificate (RFC 5929 section 4).

The two others are asked of TLS itself: tls-exporter (RFC 9266) and tls-unique (RFC 5929 section 3).
"""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from .errors import SaslUsageError

__all__ = ["server_end_point"]

_WEAK = ("md5", "sha1")


def server_end_point(certificate: bytes) -> bytes | None:
    """tls-server-end-point of the certificate (DER) that the TLS server showed.

    Its hash, made with the hash of its signature, or SHA-256 where that is MD5 or SHA-1. None
    where the signature has no hash of its own (Ed25519, say): then this binding is not defined.
    Raises `SaslUsageError` for what is no certificate.
    """
    try:
        used = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None
    except ValueError:
        raise SaslUsageError("this is no certificate in DER") from None
    if used is None:
        return None
    digest = hashes.Hash(hashes.SHA256() if used.name in _WEAK else used)
    digest.update(certificate)
    return digest.finalize()
