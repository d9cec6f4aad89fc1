"""DIGEST-MD5's security layer: one buffer to its protected form and back (RFC 2831 sections 2.3, 2.4).

    auth-int     message, MAC (10), 00 01, sequence number (4)
    auth-conf    {message, padding, MAC (10)} enciphered, 00 01, sequence number (4)

The RFC does not say whether a cipher's state goes on from one buffer to the next. It does in
every implementation, and so here: RC4's key stream, and the chaining of the block ciphers.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Final, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4, TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.hashes import MD5
from cryptography.hazmat.primitives.hmac import HMAC

from ..errors import Reason, SaslError
from .digest_hash import LayerKeys

__all__ = ["Receiver", "Sender"]

_MAC: Final = 10
_TAIL: Final = 6  # type and sequence number
_TYPE: Final = b"\0\1"
_BLOCK: Final = 8
_LAST: Final = 0xFFFF_FFFF
_PADDING: Final = [bytes([size]) * size for size in range(_BLOCK + 1)]


class _Context(Protocol):
    def update(self, data: bytes | memoryview) -> bytes: ...


class _Direction:
    """What both directions have: the MAC's state after its key, the cipher's, a count of buffers."""

    def __init__(self, keys: LayerKeys, cipher: str | None) -> None:
        self._mac = HMAC(keys.signing, MD5())  # noqa: S303, as the RFC has it
        self._block = cipher in ("3des", "des")
        self._cipher: _Context | None = None
        self._number = 0

    def _signed(self, number: bytes, message: bytes | memoryview) -> bytes:
        mac = self._mac.copy()
        mac.update(number)
        mac.update(message)
        return mac.finalize()[:_MAC]

    def _next(self) -> bytes:
        """The number of this buffer. Raises `SaslError` where they are used up."""
        number = self._number
        if number > _LAST:
            raise SaslError(
                Reason.POLICY,
                "these keys have protected all the buffers they can: connect anew",
            )
        self._number = number + 1
        return number.to_bytes(4)


class Sender(_Direction):
    """Protects."""

    def __init__(self, keys: LayerKeys, cipher: str | None) -> None:
        super().__init__(keys, cipher)
        if cipher is not None:
            self._cipher = _begun(_made(keys, cipher).encryptor, cipher)

    def protect(self, message: bytes) -> bytes:
        """Raises `SaslError` before a number would come twice."""
        number = self._next()
        mac = self._signed(number, message)
        if self._cipher is None:
            return b"".join((message, mac, _TYPE, number))
        if self._block:
            padding = _PADDING[_BLOCK - (len(message) + _MAC) % _BLOCK]
            return b"".join((self._cipher.update(b"".join((message, padding, mac))), _TYPE, number))
        return b"".join((self._cipher.update(message), self._cipher.update(mac), _TYPE, number))


class Receiver(_Direction):
    """Checks and opens."""

    def __init__(self, keys: LayerKeys, cipher: str | None) -> None:
        super().__init__(keys, cipher)
        if cipher is not None:
            self._cipher = _begun(_made(keys, cipher).decryptor, cipher)

    def open(self, buffer: bytes) -> bytes:
        """Raises `SaslError` for what was changed, left out, sent twice or put in another order."""
        number = self._next()
        octets = memoryview(buffer)
        body = octets[:-_TAIL]
        if octets[-_TAIL:] != _TYPE + number:
            raise _changed()
        # The least is one octet of padding before the MAC, hence two blocks.
        if self._block and (len(body) % _BLOCK or len(body) < 2 * _BLOCK):
            raise _changed()
        if self._cipher is not None:
            body = memoryview(self._cipher.update(body))
        message, mac = body[:-_MAC], body[-_MAC:]
        padded = True
        if self._block:
            # Bad padding is found out about after the MAC, and in the same words: the error does not tell
            # which of the two it was, and the time hardly does.
            padding = message[-1] if 1 <= message[-1] <= _BLOCK else 1
            padded = hmac.compare_digest(message[-padding:], _PADDING[padding])
            message = message[:-padding]
        if not (hmac.compare_digest(self._signed(number, message), mac) and padded):
            raise _changed()
        return bytes(message)


def _made(keys: LayerKeys, cipher: str) -> Cipher[modes.CBC | None]:
    key = keys.sealing
    if cipher == "3des":
        first, second = _odd(key[:7]), _odd(key[7:14])
        return Cipher(TripleDES(first + second + first), modes.CBC(key[8:]))
    if cipher == "des":  # the same key three times is single DES
        return Cipher(TripleDES(_odd(key[:7]) * 3), modes.CBC(key[8:]))
    return Cipher(ARC4(key), None)


def _begun(begin: Callable[[], _Context], cipher: str) -> _Context:
    try:
        return begin()
    except UnsupportedAlgorithm:
        raise SaslError(
            Reason.POLICY,
            f"there is no {cipher} here: OpenSSL's legacy provider is missing or turned off",
        ) from None


def _odd(key: bytes) -> bytes:
    """DES's form of a key: seven bits an octet, the eighth for parity, which nobody looks at."""
    bits = int.from_bytes(key)
    return bytes((bits >> shift & 0x7F) << 1 for shift in range(49, -1, -7))


def _changed() -> SaslError:
    return SaslError(
        Reason.MALFORMED, "a protected buffer was changed, left out or repeated on the way: the line is cut"
    )
