"""SDP as text in and text out (RFC 8866): lines of a session and of its media, all kept.

Only what MSRP needs is understood; the rest is kept as it came and never acted on. Reading is
lenient, because real stacks are: any line end, lines missing, blank or indented, spaces around
values. Writing is strict. `media` says what an MSRP section means.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ..terms.display import escape
from ..terms.errors import PeerError

__all__ = ["MAX_SDP", "Description", "Lines", "Origin", "SdpError", "Section", "address_lines"]

MAX_SDP: Final = 64 * 1024
"""Characters of one description; it is a text of a page, and more is an attack."""

Lines = tuple[tuple[str, str], ...]
"""Lines as letter and value, in their order."""

_LINE_END = re.compile(r"\r\n|\n|\r")
_M_LINE = re.compile(r"([!-~]+)[ \t]+([0-9]{1,10})(?:/[0-9]+)?[ \t]+([!-~]+)(?:[ \t]+(.*))?", re.DOTALL)
_NUMBER = re.compile(r"[0-9]{1,20}")


class SdpError(PeerError):
    """The other side's session description cannot be used.

    The text says what is wrong with it, is safe to print, and holds no session URI.

    Attributes:
        line: in which line of it, counted from 1; None where that is not known, or in none.
    """

    def __init__(self, message: str, *, status: int | None = None, line: int | None = None) -> None:
        super().__init__(message, status=status)
        self.line = line


@dataclass(frozen=True, slots=True)
class Origin:
    """An o= line (RFC 8866 section 5.2): who made the description, and which version it is."""

    user: str
    session_id: int
    version: int
    address: str

    @classmethod
    def fresh(cls, address: str) -> Origin:
        """For a new session: a random id, which tells neither the time nor the user."""
        number = secrets.randbits(62)  # RFC 3264 section 5: it fits into 62 bits
        return cls("-", number, number, address)

    @classmethod
    def parse(cls, value: str) -> Origin | None:
        """None where the line is none: it is of use for telling versions apart only."""
        fields = value.split()
        if len(fields) != 6 or not _NUMBER.fullmatch(fields[1]) or not _NUMBER.fullmatch(fields[2]):
            return None
        return cls(fields[0], int(fields[1]), int(fields[2]), fields[5])

    @property
    def text(self) -> str:
        return f"{self.user} {self.session_id} {self.version} IN {_family(self.address)} {self.address}"


@dataclass(frozen=True, slots=True, repr=False)
class Section:
    """One m= line and the lines below it (RFC 8866 section 5.14).

    Attributes:
        media: ``"message"``, ``"audio"``, ... in lower case.
        port: 0 to 65535; 0 says that the section is refused, or over (RFC 3264 sections 6, 8.2).
        protocol: ``"TCP/MSRP"``, ``"TCP/TLS/MSRP"``, ... in upper case.
        formats: the rest of the line.
        lines: everything below it.
    """

    media: str
    port: int
    protocol: str
    formats: str
    lines: Lines = ()

    @property
    def is_msrp(self) -> bool:
        """Whether it proposes MSRP over TCP (RFC 4975 section 8.1)."""
        return self.media == "message" and self.protocol in ("TCP/MSRP", "TCP/TLS/MSRP")

    def attribute(self, name: str) -> str | None:
        """The first value of an attribute of its own; None where it is absent."""
        return next(iter(_values(self.lines, name)), None)

    def refused(self, keep: Iterable[str] = ()) -> Section:
        """The same with port 0: an answer's refusal; only attributes of these names are kept."""
        names = tuple(keep)
        lines = tuple(line for line in self.lines if line[0] == "a" and _name(line[1]) in names)
        return Section(self.media, 0, self.protocol, self.formats, lines)

    def __repr__(self) -> str:
        return f"<Section {escape(self.media, 40)} {self.port} {escape(self.protocol, 40)}>"


@dataclass(frozen=True, slots=True, repr=False)
class Description:
    """One session description.

    Attributes:
        origin: None where there is none, or none to read.
        lines: those of the session, before the first m= line, without v= and o=.
        sections: one for each m= line, whatever it proposes.
    """

    origin: Origin | None
    lines: Lines
    sections: tuple[Section, ...]

    @classmethod
    def parse(cls, text: str | bytes) -> Description:
        """Read one; octets count as UTF-8, and what is not shows as U+FFFD.

        Raises `SdpError` for what is no description: too long, no m= line and no v=0, another
        version than 0, an m= line without media, port and protocol. Takes linear time.
        """
        if len(text) > MAX_SDP:
            raise SdpError(f"a session description has at most {MAX_SDP} characters, this one {len(text)}")
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        top: list[tuple[str, str]] = []
        groups: list[tuple[int, str, list[tuple[str, str]]]] = []
        seen = False
        for number, letter, value in _lines(text):
            if letter == "v":
                if seen or groups:
                    break  # one text pasted behind the other: the first counts
                if value != "0":
                    raise SdpError("its first line is not v=0, the one version there is", line=number)
                seen = True
            elif letter == "m":
                groups.append((number, value, []))
            else:
                (groups[-1][2] if groups else top).append((letter, value))
        if not seen and not groups:
            raise SdpError("this is no session description: it has neither v=0 nor an m= line")
        origin = next((Origin.parse(value) for letter, value in top if letter == "o"), None)
        lines = tuple(line for line in top if line[0] != "o")
        return cls(origin, lines, tuple(_section(each[1], tuple(each[2]), each[0]) for each in groups))

    @property
    def text(self) -> str:
        """The description as it is sent, its lines ended by CRLF. Confidential: it has session URIs."""
        origin = [] if self.origin is None else [("o", self.origin.text)]
        written = [("v", "0"), *origin, *self.lines]
        for section in self.sections:
            value = f"{section.media} {section.port} {section.protocol} {section.formats}"
            written += [("m", value.rstrip()), *section.lines]
        return "".join(f"{letter}={value}\r\n" for letter, value in written)

    def values(self, section: Section, name: str) -> list[str]:
        """The values of an attribute: the section's, else the session's (RFC 8866 section 5.13).

        A property attribute (``a=sendonly``) has the value ``""``. Names are compared in any case.
        """
        return _values(section.lines, name) or _values(self.lines, name)

    def value(self, section: Section, name: str) -> str | None:
        """The first of `values`; None where the attribute is absent."""
        return next(iter(self.values(section, name)), None)

    def address(self, section: Section) -> str | None:
        """The host of the c= line that holds for a section; None where there is none to read."""
        for lines in (section.lines, self.lines):
            for letter, value in lines:
                fields = value.split()
                # Some write the brackets of a URI around an IPv6 address, some a TTL behind it,
                # and RFC 8873 section 4.8 itself prints "IN IP6 IP6 2001:db8::1".
                if letter == "c" and len(fields) >= 3:
                    return fields[-1].partition("/")[0].removeprefix("[").removesuffix("]") or None
        return None

    def __repr__(self) -> str:
        return f"<Description of {len(self.sections)} sections>"


def address_lines(address: str) -> Lines:
    """The lines between o= and the first m= of a description of ours: s=, c= and t=."""
    return (("s", "-"), ("c", f"IN {_family(address)} {address}"), ("t", "0 0"))


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    """Number, letter and value of what is a line; what is none is passed over."""
    for number, line in enumerate(_LINE_END.split(text), 1):
        plain = line.strip()
        if len(plain) > 1 and plain[1] == "=" and "a" <= plain[0] <= "z":
            yield number, plain[0], plain[2:].strip()


def _section(value: str, lines: Lines, number: int) -> Section:
    found = _M_LINE.fullmatch(value)
    if found is None:
        raise SdpError(f"'m={escape(value, 60)}' does not say media, port and protocol", line=number)
    media, port, protocol, formats = found.groups()
    if int(port) > 65535:
        raise SdpError(f"'m={escape(value, 60)}' has a port above 65535", line=number)
    return Section(media.lower(), int(port), protocol.upper(), formats or "*", lines)


def _name(attribute: str) -> str:
    return attribute.partition(":")[0].strip().lower()


def _values(lines: Lines, name: str) -> list[str]:
    return [v.partition(":")[2].strip() for letter, v in lines if letter == "a" and _name(v) == name]


def _family(address: str) -> str:
    try:
        return f"IP{ipaddress.ip_address(address).version}"
    except ValueError:
        return "IP4"  # a name: what it resolves to is nobody's promise
