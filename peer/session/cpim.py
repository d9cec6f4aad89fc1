"""message/cpim (RFC 3862): who says it to whom, around a message of any kind. Over octets, no more.

What it says is said by whoever wrote it: it proves nobody (RFC 4975 section 14.5).
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from ..terms.errors import MessageCut

__all__ = ["Cpim", "inside"]

_MOST = 16 * 1024  # octets of headers
_LINE_END = re.compile(rb"\r\n|\n")
_HEADER = re.compile(r"((?:[A-Za-z0-9!#$%&'*+^_`|~-]+\.)?[A-Za-z0-9!#$%&'*+^_`|~-]+):(.*)", re.DOTALL)
_ADDRESS = re.compile(r'(?:"((?:[^"\\]|\\.)*+)"[ \t]*+|([^<"]*+))<([^<>\s]++)>[ \t]*+', re.DOTALL)
_SPACE = re.compile(r"([A-Za-z0-9!#$%&'*+^_`|~-]*)[ \t]*<([^<>\s]+)>")
_OWN = ("urn:ietf:params:cpim-headers:", "urn:ietf:params-cpim-headers:")
"""The namespace of RFC 3862's headers, and how its section 6 spells it."""
_LANGUAGE = re.compile(r";lang=([A-Za-z0-9-]{1,64})[ \t]+(.*)", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_PLAIN = {"b": "\b", "t": "\t", "n": "\n", "r": "\r"}
_WRITTEN = {"\\": "\\\\", **{value: f"\\{name}" for name, value in _PLAIN.items()}}


@dataclass(frozen=True, slots=True)
class Cpim:
    """One message with its CPIM headers.

    Attributes:
        headers: names and values in their order, escapes undone; names have any prefix they came with.
        content: the MIME headers of what is inside, names in lower case.
        body: what is inside, as it is.
    """

    headers: tuple[tuple[str, str], ...]
    content: tuple[tuple[str, str], ...]
    body: bytes

    @classmethod
    def parse(cls, octets: bytes) -> Cpim | None:
        """Read one; None where it is none: no header line, no blank line, too much of either.

        The blank line between the CPIM headers and the MIME headers, which RFC 4975 section
        11.4 and RFC 5438 leave out, may be missing: a line Content-...: begins the latter.
        """
        headers: list[tuple[str, str]] = []
        content: list[tuple[str, str]] = []
        into = headers
        at = 0
        for found in _LINE_END.finditer(octets[:_MOST]):
            line, at = octets[at : found.start()].decode("utf-8", "backslashreplace"), found.end()
            if not line:
                if into is content or not headers:
                    break
                into = content
                continue
            if line[0] in " \t" and into:
                name, value = into[-1]
                into[-1] = name, f"{value} {line.strip()}"
                continue
            pair = _HEADER.fullmatch(line)
            if pair is None:
                return None
            name, value = pair.groups()
            if into is headers and headers and name.lower().startswith("content-"):
                into = content
            into.append((name, value) if into is headers else (name.lower(), value.strip()))
        else:
            return None
        if not headers or into is headers:
            return None
        return cls(
            tuple((name, _unescaped(value.strip())) for name, value in headers), tuple(content), octets[at:]
        )

    def octets(self) -> bytes:
        """As it is sent: with the blank line. Raises ValueError for a header no line can hold."""
        # A language stands right behind the colon (RFC 3862 section 3.3).
        own = [(n, _escaped(v) if v.startswith(";") else f" {_escaped(v)}") for n, v in self.headers]
        mime = [(name.title(), f" {value}") for name, value in self.content]
        for name, value in (*own, *mime):
            found = _HEADER.fullmatch(f"{name}:{value}")
            if found is None or found.group(1) != name or any(c < " " and c != "\t" for c in value):
                raise ValueError("a header has a name or a value that no line can hold")
        head = ["".join(f"{name}:{value}\r\n" for name, value in lines) for lines in (own, mime)]
        return "\r\n".join((*head, "")).encode() + self.body

    @property
    def content_type(self) -> str:
        """The kind of what is inside; RFC 3862 section 3 has text/plain where nothing says it."""
        return next((value for name, value in self.content if name == "content-type"), "text/plain")

    def values(self, name: str) -> list[str]:
        """The values of RFC 3862's header of that name, compared by case (section 2.1), whatever prefix
        it has; one that stands in another namespace is another header (section 3.4)."""
        return [value for own, value, _ in self._resolved() if own == name]

    @property
    def required(self) -> list[tuple[str, str | None]]:
        """What must be understood (RFC 3862 section 4.7): each as it is written, and its name among
        RFC 3862's own; None for what belongs to others."""
        return [
            (each.strip(), _own(each.strip(), spaces))
            for own, value, spaces in self._resolved()
            if own == "Require"
            for each in value.split(",")
        ]

    def _resolved(self) -> Iterator[tuple[str | None, str, dict[str, str]]]:
        """Each header: its name among RFC 3862's own, None of another namespace; its value; and the
        namespaces of the prefixes declared before it, that without one under ``""``."""
        spaces = {"": _OWN[0]}
        for name, value in self.headers:
            own = _own(name, spaces)
            yield own, value, spaces
            if own == "NS" and (found := _SPACE.fullmatch(value.strip())) is not None:
                spaces = {**spaces, found.group(1): found.group(2)}

    def address(self, name: str) -> tuple[str, str] | None:
        """The first address of that header: a person's name, which may be empty, and a URI."""
        for value in self.values(name):
            if (found := _ADDRESS.fullmatch(value.strip())) is not None:
                return (found.group(1) or found.group(2) or "").strip(), found.group(3)
        return None

    @property
    def subject(self) -> str | None:
        """The first subject, whatever its language."""
        for value in self.values("Subject"):
            found = _LANGUAGE.fullmatch(value)
            return found.group(2) if found is not None else value
        return None

    @classmethod
    def wrap(
        cls,
        body: bytes,
        content_type: str,
        *,
        sender: str,
        to: Sequence[str],
        when: str,
        subject: str | None = None,
    ) -> Cpim:
        """A message from `sender` to `to`, URIs; `when` is an RFC 3339 time with its offset."""
        headers = [("From", f"<{sender}>"), *(("To", f"<{uri}>") for uri in to), ("DateTime", when)]
        if subject is not None:
            headers.append(("Subject", subject))
        return cls(tuple(headers), (("content-type", content_type),), body)


def _own(name: str, spaces: dict[str, str]) -> str | None:
    prefix, _, local = name.rpartition(".")
    return local if spaces.get(prefix) in _OWN else None


async def inside(blocks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """What a message/cpim of any length holds, as its octets come. Raises `MessageCut` where it is
    none."""
    head = bytearray()
    found = None
    async for block in blocks:
        if found is not None:
            yield block
            continue
        head += block
        if len(head) >= _MOST:  # all its headers are there: looked at once
            found = _opened(head)
            yield found.body
    if found is None:
        yield _opened(head).body


def _opened(octets: bytearray) -> Cpim:
    found = Cpim.parse(bytes(octets))
    if found is None:
        raise MessageCut("what was sent as message/cpim is none")
    return found


def _unescaped(value: str) -> str:
    def character(found: re.Match[str]) -> str:
        code, sign = found.groups()
        return chr(int(code, 16)) if code else _PLAIN.get(sign, sign)

    return _ESCAPE.sub(character, value)


def _escaped(value: str) -> str:
    inner = value.strip()
    at = value.index(inner)  # white space around it is read as none of the value, unless it is escaped
    return "".join(
        _WRITTEN.get(c, f"\\u{ord(c):04x}" if _hidden(c) or not at <= i < at + len(inner) else c)
        for i, c in enumerate(value)
    )


def _hidden(c: str) -> bool:
    return c < " " or c == "\x7f" or "\ud800" <= c <= "\udfff"
