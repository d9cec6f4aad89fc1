"""The tokens of SCRAM, read and written (RFC 5802 section 7).

Everything is read strictly: attributes in their order, each once, base64 in its one spelling.
Extensions that nobody knows are ignored where the grammar has room for them, because the
signatures cover them; "m" is refused.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Final

from ..errors import Reason, SaslError
from .gs2_header import Header, malformed, read, read_name

__all__ = [
    "LONGEST",
    "ClientFinal",
    "ClientFirst",
    "ServerFirst",
    "read_client_final",
    "read_client_first",
    "read_server_final",
    "read_server_first",
]

LONGEST: Final = 16 * 1024
"""Octets of a token."""
_LONGEST_NONCE: Final = 1024
_LONGEST_SALT: Final = 1024
_ATTRIBUTE = re.compile(rb"([A-Za-z])=([^\x00,]+)")
_NONCE = re.compile(rb"[\x21-\x2b\x2d-\x7e]+")
_COUNT = re.compile(rb"[1-9][0-9]{0,9}")
_DEFINED = frozenset(b"anmrcsipve")  # not to be met as extensions

# RFC 5802 section 7, server-error-value: what each tells the person at this end.
_ERRORS: Final[dict[bytes, tuple[Reason, str]]] = {
    b"channel-bindings-dont-match": (Reason.BINDING, "the two sides see different channels"),
    b"server-does-support-channel-binding": (
        Reason.DOWNGRADE,
        "the other side offers channel binding, and the offer did not arrive",
    ),
    b"channel-binding-not-supported": (Reason.BINDING, "the other side cannot bind to the channel"),
    b"unsupported-channel-binding-type": (Reason.BINDING, "the other side cannot bind in this way"),
    b"no-resources": (Reason.REFUSED, "the other side is too busy: try again later"),
}


@dataclass(frozen=True, slots=True)
class ClientFirst:
    """`bare` is what follows the header, as it came."""

    header: Header
    user: str
    nonce: bytes
    bare: bytes


@dataclass(frozen=True, slots=True)
class ServerFirst:
    nonce: bytes
    salt: bytes = field(repr=False)
    iterations: int


@dataclass(frozen=True, slots=True)
class ClientFinal:
    """`without_proof` is what the proof is over."""

    binding: bytes = field(repr=False)
    nonce: bytes
    proof: bytes = field(repr=False)
    without_proof: bytes = field(repr=False)


def read_client_first(token: bytes) -> ClientFirst:
    _check_size(token)
    header, bare = read(token)
    user, nonce = _attributes(bare, b"nr")
    return ClientFirst(header, read_name(user), _nonce(nonce), bare)


def read_server_first(token: bytes) -> ServerFirst:
    _check_size(token)
    nonce, salt, count = _attributes(token, b"rsi")
    if not _COUNT.fullmatch(count):
        raise malformed("the iteration count")
    octets = _base64(salt, "the salt")
    if len(octets) > _LONGEST_SALT:
        raise malformed("the salt is too long")
    return ServerFirst(_nonce(nonce), octets, int(count))


def read_client_final(token: bytes) -> ClientFinal:
    _check_size(token)
    without_proof, comma, proof = token.rpartition(b",")
    if not comma or not proof.startswith(b"p="):
        raise malformed("no proof at its end")
    binding, nonce = _attributes(without_proof, b"cr")
    return ClientFinal(
        _base64(binding, "the channel binding"), _nonce(nonce), _base64(proof[2:], "the proof"), without_proof
    )


def read_server_final(token: bytes) -> bytes:
    """The acceptor's signature. Raises `SaslError` where the token holds an error instead."""
    _check_size(token)
    if token.startswith(b"e="):
        (error,) = _attributes(token, b"e")
        raise SaslError(*_ERRORS.get(error, (Reason.WRONG, "the other side refused user or password")))
    (signature,) = _attributes(token, b"v")
    return _base64(signature, "the signature")


def _check_size(token: bytes) -> None:
    if len(token) > LONGEST:
        raise malformed("it is too long")


def _attributes(text: bytes, wanted: bytes) -> list[bytes]:
    """The values of the wanted attributes, which come first and in this order."""
    found = [_ATTRIBUTE.fullmatch(part) for part in text.split(b",")]
    if any(attribute is None for attribute in found):
        raise malformed("something that is not an attribute")
    pairs = [(attribute[1], attribute[2]) for attribute in found if attribute]
    letters = b"".join(letter for letter, _ in pairs)
    if letters[:1] == b"m":
        raise malformed("it demands an extension")
    if letters[: len(wanted)] != wanted:
        raise malformed("its attributes")
    extensions = letters[len(wanted) :]
    if len(set(extensions)) != len(extensions) or _DEFINED.intersection(extensions):
        raise malformed("an attribute stands twice, or in the wrong place")
    return [value for _, value in pairs[: len(wanted)]]


def _nonce(octets: bytes) -> bytes:
    if len(octets) > _LONGEST_NONCE or not _NONCE.fullmatch(octets):
        raise malformed("the nonce")
    return octets


def _base64(octets: bytes, what: str) -> bytes:
    try:
        decoded = base64.b64decode(octets, validate=True)
    except binascii.Error:
        raise malformed(what) from None
    if base64.b64encode(decoded) != octets:  # bits to spare, say
        raise malformed(what)
    return decoded
