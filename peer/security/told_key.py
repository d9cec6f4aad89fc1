"""A lasting key that one of two people tells the other over a line they have compared.

Lines show keys that are made for the run, so that nobody is known by them twice. Who wants to be known
again tells the key that stays, to the one whose voice was heard and to nobody else, and signs with it
something that only this line has: or anybody could tell the key of somebody else as their own
(docs/profile.md section 12.5).
"""

from __future__ import annotations

import hashlib
import hmac
import warnings
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import crypto

from ..terms.errors import PeerError
from ..terms.principal import Principal
from .certificates import UNREADABLE, said
from .own_key import OwnKey

__all__ = ["ToldKey", "hear", "signed", "tell"]

# As RFC 8446 section 4.4.3: no signature of TLS begins so, and none of ours ends up as one of TLS.
_BEFORE: Final = b" " * 64
_WHOSE: Final = {True: b"MSRP SAS, key of the asker\0", False: b"MSRP SAS, key of the answerer\0"}


@dataclass(frozen=True, slots=True)
class ToldKey:
    """A lasting key of the other side.

    Attributes:
        principal: whom its certificate names, and nobody else.
        fingerprint: SHA-256 over the certificate, as `Protection.peer_key` has it.
    """

    principal: Principal
    fingerprint: str


def tell(key: OwnKey, exported: bytes, nonces: tuple[bytes, bytes], *, asker: bool) -> tuple[bytes, bytes]:
    """The certificate of a key (DER), and the proof that it is ours.

    Args:
        key: of P-256, as `lasting_key` makes it.
        exported, nonces: what the short string is made from; see `ShortString`.
        asker: whether this side asked to compare.

    Raises `KeyUnusable` for a key of another kind.
    """
    certificate = key.der
    return certificate, key.sign(signed(certificate, exported, nonces, asker=asker))


def hear(
    certificate: bytes, proof: bytes, exported: bytes, nonces: tuple[bytes, bytes], *, asker: bool
) -> ToldKey:
    """What the other side told; `asker` is whether that side asked to compare.

    Raises `PeerError` where it is no certificate of one person for a key of P-256, or the other side
    does not have the key.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is odd in it is not ours to mend
        try:
            shown = x509.load_der_x509_certificate(certificate)
            public = shown.public_key()
            found = said(crypto.X509.from_cryptography(shown))  # OpenSSL, as TLS reads it, takes less
        except UNREADABLE:
            raise PeerError("the key that the other side told cannot be read") from None
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise PeerError("the key that the other side told is of another kind than P-256")
    if found is None or found.unfit is not None or len(found.principals) != 1:
        raise PeerError("the key that the other side told is not that of one person")
    try:
        public.verify(proof, signed(certificate, exported, nonces, asker=asker), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise PeerError("the other side told a key that it does not have: it cheats") from None
    return ToldKey(Principal.parse(found.principals[0]), shown.fingerprint(hashes.SHA256()).hex(":").upper())


def signed(certificate: bytes, exported: bytes, nonces: tuple[bytes, bytes], *, asker: bool) -> bytes:
    """What the proof signs."""
    asked, answered = nonces
    line = hmac.digest(exported, asked + answered + hashlib.sha256(certificate).digest(), hashlib.sha256)
    return _BEFORE + _WHOSE[asker] + line
