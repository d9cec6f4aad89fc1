"""What DIGEST-MD5 computes from what was said (RFC 2831 sections 2.1.2.1, 2.1.3, 2.3, 2.4)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from .digest_tokens import Response

__all__ = ["CIPHERS", "LayerKeys", "layer_keys", "proof", "session_key"]

CIPHERS: Final = {"rc4": 16, "3des": 16, "rc4-56": 7, "rc4-40": 5, "des": 16}
"""The ciphers of auth-conf, with the octets of the session key that their keys are made of.

The RFC writes [0..n] for them, which would be one octet more; nobody reads it like that.
"""

_SIGNING = b"Digest session key to %b signing key magic constant"
_SEALING = b"Digest H(A1) to %b sealing key magic constant"
_TO_ACCEPTOR, _TO_INITIATOR = b"client-to-server", b"server-to-client"


@dataclass(frozen=True, slots=True)
class LayerKeys:
    """Those of one direction."""

    signing: bytes = field(repr=False)
    sealing: bytes = field(repr=False)


def session_key(secret: bytes, response: Response) -> bytes:
    """H(A1), 16 octets; `secret` is H(user:realm:password)."""
    parts = [secret, response.nonce, response.cnonce]
    if response.authorization is not None:
        parts.append(response.authorization)
    return _md5(b":".join(parts))


def proof(key: bytes, response: Response, *, of_acceptor: bool = False) -> bytes:
    """The response value, or the acceptor's ("rspauth"): 32 hexadecimal digits."""
    second = (b":" if of_acceptor else b"AUTHENTICATE:") + response.uri
    if response.qop.lower() != b"auth":
        second += b":" + b"0" * 32
    parts = (_hex(key), response.nonce, response.count, response.cnonce, response.qop, _hex(_md5(second)))
    return _hex(_md5(b":".join(parts)))


def layer_keys(key: bytes, cipher: str | None, *, to_acceptor: bool) -> LayerKeys:
    """The keys of one direction; those of auth-int where there is no cipher."""
    whither = _TO_ACCEPTOR if to_acceptor else _TO_INITIATOR
    part = key[: CIPHERS[cipher]] if cipher is not None else b""
    return LayerKeys(_md5(key + _SIGNING % whither), _md5(part + _SEALING % whither))


def _md5(octets: bytes) -> bytes:
    return hashlib.md5(octets, usedforsecurity=False).digest()


def _hex(octets: bytes) -> bytes:
    return octets.hex().encode()
