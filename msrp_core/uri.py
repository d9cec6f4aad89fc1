"""MSRP URIs: parse, compare, make (RFC 4975 sections 6 and 9).

    msrp://alice@host.example.com:2855/asfd34;tcp;name=value
    scheme userinfo    host       port session-id transport parameters

Whoever knows the session-id may speak in the session (RFC 4975 section 14.1), so `str` and
`repr` of a `Uri`, and the texts of `UriError`, leave it out; only `Uri.text` holds it.

Decisions where RFC 4975 leaves room:

- The authority is RFC 3986's, save that a ``;`` in it must be percent-encoded: otherwise nobody
  could tell where the authority ends and the transport begins.
- An IPvFuture literal (``[v1.x]``) and a zone id are refused: nobody could connect to them.
- An empty host and an empty port (``host:``) are refused: RFC 4975 section 6.1 makes a port that
  is there unlike one that is not, and ``host:`` is neither.
- A numeric address without a port is accepted: the grammar of section 9 has room for it, and
  whoever connects needs a port for any host (section 6.2).
- Parameters after the transport are not compared: section 6.1 does not name them.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
from dataclasses import dataclass, replace
from typing import Final, Literal
from urllib.parse import quote

__all__ = ["MAX_URI", "Uri", "UriError"]

MAX_URI: Final = 4096
"""Characters in one URI."""

_ALPHA = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DIGIT = frozenset("0123456789")
_HEX = frozenset("0123456789abcdefABCDEF")
_ALPHANUM = _ALPHA | _DIGIT
_UNRESERVED = _ALPHANUM | frozenset("-._~")
_SUB_DELIMS = frozenset("!$&'()*+,=")  # RFC 3986's, without ";"
_USERINFO = _UNRESERVED | _SUB_DELIMS | {":"}
_REG_NAME = _UNRESERVED | _SUB_DELIMS
_SESSION_ID = _UNRESERVED | frozenset("+=/")
_TOKEN = _ALPHANUM | frozenset("!#$%&'*+-.^_`{|}~")
# What nearly all are: looked at by C in one go. Whatever else they may be, with the place of every
# fault, is for the code below, which says the same of these.
_ORDINARY: Final = re.compile(
    r"(msrps?)://([A-Za-z0-9._~-]+):([1-9][0-9]{0,4})/([A-Za-z0-9._~+=/-]+);tcp", re.ASCII
).fullmatch


class UriError(ValueError):
    """A text that is not an MSRP URI. What it says holds nothing of the text.

    Attributes:
        position: characters before the one that is wrong.
    """

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message, position)
        self.message = message
        self.position = position

    def __str__(self) -> str:
        return f"{self.message} (at character {self.position})"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Uri:
    """One MSRP URI. Made by `parse` and `fresh`; fields given directly are not checked.

    Equal means what RFC 4975 section 6.1 says: scheme, host and transport in any case, IP
    addresses as addresses, percent-encoded unreserved characters of a host decoded, a port never
    like none, the session-id letter by letter; userinfo and parameters do not count.
    """

    scheme: Literal["msrp", "msrps"]
    userinfo: str | None
    """As written, percent-encoded; None where there is no ``@``."""
    host: str
    """As written, an IPv6 address without its brackets."""
    port: int | None
    session_id: str | None
    """Confidential. None where the URI names a device and no session (RFC 4975 section 6)."""
    transport: str
    """Lower-case: ``tcp``, or ``ws`` (RFC 7977), ``dc`` (RFC 8873), ..."""
    parameters: tuple[tuple[str, str | None], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Uri:
        """The URI a text is, wholly; raises `UriError` where it is none (RFC 4975 section 9)."""
        if len(text) > MAX_URI:
            raise UriError(f"a URI longer than {MAX_URI} characters", MAX_URI)
        if (ordinary := _ORDINARY(text)) and int(ordinary[3]) <= 65535:
            plain, host, digits, session = ordinary.groups()
            return cls("msrps" if plain == "msrps" else "msrp", None, host, int(digits), session, "tcp")
        return cls._parse(text)

    @classmethod
    def _parse(cls, text: str) -> Uri:
        """Any URI."""
        scheme, at = _scheme(text)
        # Neither session-id, transport nor parameters have room for "@": one anywhere ends a userinfo.
        sign = text.find("@", at)
        userinfo = None
        if sign >= 0:
            _check(text, at, sign, _USERINFO, "userinfo", percent=True)
            userinfo = text[at:sign]
            at = sign + 1
        host, at = _host(text, at)
        port, at = _port(text, at)
        session_id = None
        if text.startswith("/", at):
            end = _until(text, at + 1, ";")
            _check(text, at + 1, end, _SESSION_ID, "session-id")
            if end == at + 1:
                raise UriError("an empty session-id", end)
            session_id = text[at + 1 : end]
            at = end
        if not text.startswith(";", at):
            raise UriError("no transport where ';' and one are due", at)
        end = _until(text, at + 1, ";")
        _check(text, at + 1, end, _ALPHANUM, "transport")
        if end == at + 1:
            raise UriError("an empty transport", end)
        transport = text[at + 1 : end].lower()
        return cls(scheme, userinfo, host, port, session_id, transport, _parameters(text, end))

    @classmethod
    def parse_path(cls, text: str) -> tuple[Uri, ...]:
        """The URIs of a To-Path, From-Path or SDP path attribute: one or more.

        One space stands between them by the grammar; any number of spaces is accepted, also
        around them. Raises `UriError`, its position counted in the whole text.
        """
        uris = []
        at = 0
        for piece in text.split(" "):
            if piece:
                try:
                    uris.append(cls.parse(piece))
                except UriError as error:
                    raise UriError(error.message, at + error.position) from None
            at += len(piece) + 1
        if not uris:
            raise UriError("a path without a URI", len(text))
        return tuple(uris)

    @classmethod
    def fresh(cls, host: str, port: int, *, secure: bool = True, user: str | None = None) -> Uri:
        """A URI for one new session, never used before: its session-id has 128 random bits.

        RFC 4975 section 14.1 wants at least 80. `host` is a name or an address, IPv6 with or
        without brackets; `user` any text. Raises `UriError` where the host is none, or the port
        does not lie between 0 and 65535.
        """
        inner = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        authority = f"[{inner}]" if ":" in inner else host
        _, end = _host(authority, 0)
        if end < len(authority):
            raise UriError("a character that may not stand in the host", end)
        if user is not None:
            # Also ":" is encoded, so that nothing in a user's name can look like a password.
            authority = f"{quote(user, safe='', errors='replace')}@{authority}"
        scheme = "msrps" if secure else "msrp"
        return cls.parse(f"{scheme}://{authority}:{port:d}/{secrets.token_urlsafe(16)};tcp")

    @property
    def secure(self) -> bool:
        """Whether TLS must protect the connection (RFC 4975 section 6: ``msrps``)."""
        return self.scheme == "msrps"

    @property
    def text(self) -> str:
        """The URI as it goes on the wire. Confidential: it lets whoever reads it into the session."""
        session = "" if self.session_id is None else f"/{self.session_id}"
        userinfo = "" if self.userinfo is None else f"{self.userinfo}@"
        return self._write(userinfo, session)

    def without_session(self) -> Uri:
        """The device this URI is at, with no session named: safe to show."""
        return replace(self, session_id=None)

    def __str__(self) -> str:
        session = "" if self.session_id is None else "/…"
        userinfo = ""
        if self.userinfo is not None:
            # RFC 4975 section 6 forbids a password here; one that came all the same is not shown.
            user, colon, _ = self.userinfo.partition(":")
            userinfo = f"{user}{':…' if colon else ''}@"
        return self._write(userinfo, session)

    def __repr__(self) -> str:
        return f"<Uri {self}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Uri):
            return NotImplemented
        if self._place() != other._place():
            return False
        if self.session_id is None or other.session_id is None:
            return self.session_id is other.session_id
        # The session-id is the secret: how long the comparison takes must not tell how much fits.
        return hmac.compare_digest(self.session_id.encode(), other.session_id.encode())

    def __hash__(self) -> int:
        return hash((self._place(), self.session_id))

    def _place(self) -> tuple[str, object, int | None, str]:
        """What is compared besides the session-id (RFC 4975 section 6.1, rules 1, 2, 3 and 5)."""
        return self.scheme, _comparable_host(self.host), self.port, self.transport.lower()

    def _write(self, userinfo: str, session: str) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        rest = "".join(f";{name}" if value is None else f";{name}={value}" for name, value in self.parameters)
        return f"{self.scheme}://{userinfo}{host}{port}{session};{self.transport}{rest}"


def _until(text: str, at: int, *signs: str) -> int:
    """Where the first of these characters stands from `at` on; the end where none does."""
    found = [place for sign in signs if (place := text.find(sign, at)) >= 0]
    return min(found, default=len(text))


def _check(
    text: str, start: int, end: int, allowed: frozenset[str], part: str, *, percent: bool = False
) -> None:
    """Raise `UriError` unless every character from `start` to `end` may stand in that part."""
    at = start
    while at < end:
        if text[at] in allowed:
            at += 1
        elif percent and text[at] == "%":
            if at + 3 > end or not _HEX.issuperset(text[at + 1 : at + 3]):
                raise UriError(f"'%' without two hexadecimal digits in the {part}", at)
            at += 3
        else:
            raise UriError(f"a character that may not stand in the {part}", at)


def _scheme(text: str) -> tuple[Literal["msrp", "msrps"], int]:
    """The scheme, and where the authority begins."""
    lower = text[:8].lower()
    if lower.startswith("msrp://"):
        return "msrp", 7
    if lower.startswith("msrps://"):
        return "msrps", 8
    raise UriError("neither msrp:// nor msrps:// at its beginning", 0)


def _host(text: str, at: int) -> tuple[str, int]:
    """The host beginning at `at`, and where it ends (RFC 3986 section 3.2.2)."""
    if text.startswith("[", at):
        end = text.find("]", at)
        if end < 0:
            raise UriError("'[' without ']'", at)
        address = text[at + 1 : end]
        # The ipaddress module would take a zone id too.
        if not (_HEX | {":", "."}).issuperset(address):
            raise UriError("no IPv6 address between '[' and ']'", at + 1)
        try:
            ipaddress.IPv6Address(address)
        except ValueError:
            raise UriError("no IPv6 address between '[' and ']'", at + 1) from None
        end += 1
        if end < len(text) and text[end] not in ":/;":
            raise UriError("a character that may not stand after ']'", end)
        return address, end
    end = _until(text, at, ":", "/", ";")
    _check(text, at, end, _REG_NAME, "host", percent=True)
    if end == at:
        raise UriError("an empty host", at)
    return text[at:end], end


def _port(text: str, at: int) -> tuple[int | None, int]:
    """The port whose colon stands at `at`, and where it ends; None where no colon does."""
    if not text.startswith(":", at):
        return None, at
    end = _until(text, at + 1, "/", ";")
    _check(text, at + 1, end, _DIGIT, "port")
    if end == at + 1:
        raise UriError("an empty port", end)
    # Leading zeros are grammatical; int() of thousands of digits need not be tried.
    digits = text[at + 1 : end].lstrip("0") or "0"
    if len(digits) > 5 or int(digits) > 65535:
        raise UriError("a port above 65535", at + 1)
    return int(digits), end


def _parameters(text: str, at: int) -> tuple[tuple[str, str | None], ...]:
    """The parameters after the transport, from the first one's ``;`` to the end."""
    parameters: list[tuple[str, str | None]] = []
    while at < len(text):
        end = _until(text, at + 1, ";")
        middle = min(_until(text, at + 1, "="), end)
        _check(text, at + 1, middle, _TOKEN, "name of a parameter")
        if middle == at + 1:
            raise UriError("a parameter without a name", middle)
        value = None
        if middle < end:
            _check(text, middle + 1, end, _TOKEN, "value of a parameter")
            if end == middle + 1:
                raise UriError("an empty value of a parameter", end)
            value = text[middle + 1 : end]
        parameters.append((text[at + 1 : middle], value))
        at = end
    return tuple(parameters)


def _comparable_host(host: str) -> object:
    """What two spellings of one host have in common (RFC 4975 section 6.1, rule 2)."""
    if ":" in host:
        # The address itself: RFC 5952 writes one address in one way, others write it in many.
        return ipaddress.IPv6Address(host)
    pieces = host.split("%")
    decoded = [pieces[0]]
    for piece in pieces[1:]:
        character = chr(int(piece[:2], 16))
        decoded.append((character if character in _UNRESERVED else f"%{piece[:2]}") + piece[2:])
    # An IPv4 address has one spelling only: with a leading zero it is a name (RFC 3986 section 3.2.2).
    return "".join(decoded).lower()
