"""The tokens of DIGEST-MD5, read and written (RFC 2831 sections 2.1 and 7).

A token is a list of directives, `name=value` with commas between them, as HTTP has them: space
around them and empty places are nothing, names count in any case, a value may be quoted or not
wherever it needs no quotes. Directives nobody knows are ignored; those that are known stand once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final

from ..errors import Reason, SaslError

__all__ = [
    "LONGEST_CHALLENGE",
    "LONGEST_RESPONSE",
    "Challenge",
    "Response",
    "malformed",
    "read_challenge",
    "read_proof",
    "read_response",
    "write_proof",
]

LONGEST_CHALLENGE: Final = 2047
"""Octets (RFC 2831 section 2.1.1)."""
LONGEST_RESPONSE: Final = 4095
"""Octets (RFC 2831 section 2.1.2)."""
USUAL_BUFFER: Final = 65536
"""What "maxbuf" is where nothing is said."""

_LWS = rb"(?:(?:\r\n)?[ \t])*"
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_GAP = re.compile(rb"(?:" + _LWS + rb",)*" + _LWS)
_DIRECTIVE = re.compile(
    rb"(%b)%b=%b" % (_TOKEN, _LWS, _LWS)
    + rb'(?:"((?:[^\x00-\x1f\x7f"\\]|\\[\x20-\x7e])*)"|(%b))' % _TOKEN
    + _LWS
    + rb"(?=,|\Z)"
)
_ESCAPED = re.compile(rb"\\(.)")
_NAME = re.compile(_TOKEN)
_NUMBER = re.compile(rb"[0-9]{1,10}")
_COUNT = re.compile(rb"[0-9a-f]{8}")
_HASH = re.compile(rb"[0-9a-f]{32}")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")

Directives = dict[str, list[bytes]]


def malformed(what: str) -> SaslError:
    return SaslError(Reason.MALFORMED, f"the other side's DIGEST-MD5 token is not right: {what}")


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the acceptor begins with.

    Attributes:
        realms: among which the initiator chooses.
        nonce: new in every challenge.
        qops, ciphers: what the acceptor allows, in lower case; ciphers are those of auth-conf.
        buffer: octets of a buffer the acceptor takes.
        utf8: whether names and passwords may be more than ISO 8859-1.
    """

    realms: tuple[bytes, ...]
    nonce: bytes
    qops: tuple[str, ...]
    ciphers: tuple[str, ...] = ()
    buffer: int = USUAL_BUFFER
    utf8: bool = True

    def encode(self) -> bytes:
        """The token. Raises `SaslError` where it is too long."""
        parts = [b"realm=" + _quoted(realm) for realm in self.realms]
        parts += [b"nonce=" + _quoted(self.nonce), b'qop="%b"' % ",".join(self.qops).encode()]
        parts.append(b"algorithm=md5-sess")
        if self.utf8:
            parts.append(b"charset=utf-8")
        if self.qops != ("auth",):
            parts.append(b"maxbuf=%d" % self.buffer)
        if self.ciphers:
            parts.append(b'cipher="%b"' % ",".join(self.ciphers).encode())
        return _fitting(parts, LONGEST_CHALLENGE)


@dataclass(frozen=True, slots=True)
class Response:
    """What the initiator answers; octets as they are hashed.

    Attributes:
        user, realm: who it is, and where; None for no realm.
        nonce, cnonce: the acceptor's and the initiator's own.
        uri: whom it means, "service/host".
        qop: in the case in which it was sent.
        cipher: in lower case; None for none.
        buffer: octets of a buffer the initiator takes.
        utf8: whether names are UTF-8, else they are ISO 8859-1.
        authorization: as whom to act; None for as oneself.
        count: how often the nonce was used, 8 hexadecimal digits.
        value: the proof, 32 hexadecimal digits.
    """

    user: bytes
    realm: bytes | None
    nonce: bytes
    cnonce: bytes
    uri: bytes
    qop: bytes
    cipher: str | None = None
    buffer: int = USUAL_BUFFER
    utf8: bool = True
    authorization: bytes | None = None
    count: bytes = b"00000001"
    value: bytes = field(default=b"", repr=False)

    def proved(self, value: bytes) -> Response:
        """The same, with the proof."""
        return replace(self, value=value)

    def encode(self) -> bytes:
        """The token. Raises `SaslError` where it is too long."""
        parts = [b"charset=utf-8"] if self.utf8 else []
        parts.append(b"username=" + _quoted(self.user))
        if self.realm is not None:
            parts.append(b"realm=" + _quoted(self.realm))
        parts += [b"nonce=" + _quoted(self.nonce), b"nc=" + self.count, b"cnonce=" + _quoted(self.cnonce)]
        parts += [b"digest-uri=" + _quoted(self.uri), b"response=" + self.value, b"qop=" + self.qop]
        if self.qop != b"auth":
            parts.append(b"maxbuf=%d" % self.buffer)
        if self.cipher is not None:
            parts.append(b"cipher=" + self.cipher.encode())
        if self.authorization is not None:
            parts.append(b"authzid=" + _quoted(self.authorization))
        return _fitting(parts, LONGEST_RESPONSE)


def read_challenge(token: bytes) -> Challenge:
    """Raises `SaslError`."""
    found = _directives(token, LONGEST_CHALLENGE)
    once = ("nonce", "qop", "stale", "maxbuf", "charset", "algorithm", "cipher")
    _check_once(found, once, needed=("nonce", "algorithm"))
    if found["algorithm"][0].lower() != b"md5-sess":
        raise malformed("the algorithm is another one")
    return Challenge(
        realms=tuple(found.get("realm", ())),
        nonce=_filled(found, "nonce"),
        qops=_tokens(found, "qop") or ("auth",),
        ciphers=_tokens(found, "cipher"),
        buffer=_buffer(found),
        utf8=_utf8(found),
    )


def read_response(token: bytes) -> Response:
    """Raises `SaslError`."""
    found = _directives(token, LONGEST_RESPONSE)
    needed = ("username", "nonce", "cnonce", "nc", "digest-uri", "response")
    once = ("realm", "qop", "maxbuf", "charset", "cipher", "authzid")
    _check_once(found, needed + once, needed=needed)
    (count,), (value,) = found["nc"], found["response"]
    if not _COUNT.fullmatch(count):
        raise malformed("the nonce count")
    if not _HASH.fullmatch(value):
        raise malformed("the response value")
    qop = found.get("qop", [b"auth"])[0]
    cipher = found.get("cipher")
    return Response(
        user=_filled(found, "username"),
        realm=found.get("realm", [None])[0],
        nonce=_filled(found, "nonce"),
        cnonce=_filled(found, "cnonce"),
        uri=_filled(found, "digest-uri"),
        qop=qop,
        cipher=cipher[0].lower().decode("ascii", "replace") if cipher else None,
        buffer=_buffer(found),
        utf8=_utf8(found),
        # RFC 6331 section 2: whether an empty one is hashed is not said, so nobody may send it.
        authorization=_filled(found, "authzid") if "authzid" in found else None,
        count=count,
        value=value,
    )


def write_proof(value: bytes) -> bytes:
    return b"rspauth=" + value


def read_proof(token: bytes) -> bytes:
    """The acceptor's own proof (RFC 2831 section 2.1.3). Raises `SaslError`."""
    found = _directives(token, LONGEST_CHALLENGE)
    if found.keys() != {"rspauth"} or len(found["rspauth"]) > 1 or not _HASH.fullmatch(found["rspauth"][0]):
        raise malformed("it is not the proof that is due")
    return found["rspauth"][0]


def _directives(token: bytes, longest: int) -> Directives:
    if len(token) > longest:
        raise malformed("it is too long")
    found: Directives = {}
    at = 0
    while (at := _end_of_gap(token, at)) < len(token):
        directive = _DIRECTIVE.match(token, at)
        if directive is None:
            raise malformed("something that is not a directive")
        name, quoted, plain = directive.groups()
        value = plain if quoted is None else _ESCAPED.sub(rb"\1", quoted)
        found.setdefault(name.lower().decode(), []).append(value)
        at = directive.end()
    return found


def _end_of_gap(token: bytes, at: int) -> int:
    gap = _GAP.match(token, at)
    assert gap is not None  # it may be nothing
    return gap.end()


def _check_once(found: Directives, names: tuple[str, ...], needed: tuple[str, ...]) -> None:
    for name in names:
        if len(found.get(name, ())) > 1:
            raise malformed(f"{name} stands twice")
    for name in needed:
        if name not in found:
            raise malformed(f"no {name}")


def _filled(found: Directives, name: str) -> bytes:
    value = found[name][0]
    if not value:
        raise malformed(f"{name} is empty")
    return value


def _tokens(found: Directives, name: str) -> tuple[str, ...]:
    """A list within a value, in lower case; nothing where there is none."""
    parts = [part.strip(b" \t\r\n") for part in found.get(name, [b""])[0].split(b",")]
    if not all(_NAME.fullmatch(part) for part in parts if part):
        raise malformed(f"the list in {name}")
    return tuple(part.lower().decode() for part in parts if part)


def _buffer(found: Directives) -> int:
    value = found.get("maxbuf", [b"%d" % USUAL_BUFFER])[0]
    if not _NUMBER.fullmatch(value):
        raise malformed("maxbuf")
    return int(value)


def _utf8(found: Directives) -> bool:
    value = found.get("charset", [None])[0]
    if value is not None and value.lower() != b"utf-8":
        raise malformed("the charset is another one")
    return value is not None


def _quoted(value: bytes) -> bytes:
    return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _fitting(parts: list[bytes], longest: int) -> bytes:
    token = b",".join(parts)
    if len(token) > longest:
        raise SaslError(
            Reason.POLICY,
            f"the names are too long for DIGEST-MD5: all it says has {longest} octets at most",
        )
    if _CONTROL.search(token):
        raise SaslError(Reason.POLICY, "DIGEST-MD5 has no way to say a name with control characters")
    return token
