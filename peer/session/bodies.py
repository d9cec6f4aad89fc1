"""What a message says to a person: text, message/cpim, multipart/... Over octets, no more.

Nothing here raises for what the other side wrote; what cannot be understood is named, so that
nobody takes silence for an empty message. Each takes time linear in its input.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from email.policy import compat32

from ..terms.content import CHARSETS, media_type, parse_disposition
from .cpim import Cpim

__all__ = ["Part", "Shown", "is_readable", "kinds", "parts", "show", "text_of"]

_DEEP = 8  # kinds inside of kinds
_MANY = 256  # parts of one message
_HEAD = 16 * 1024  # octets of a part's headers
_UNDERSTOOD = ("From", "To", "cc", "DateTime", "Subject", "NS", "Require")
_BLANK = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart, its transfer encoding undone.

    Attributes:
        name: what the sender calls it; hostile, as every file name is.
        file: whether it is sent as a file.
    """

    content_type: str
    body: bytes
    name: str | None = None
    file: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """What can be shown of a message.

    Attributes:
        text: its words; empty where it has none.
        sender, subject: what its CPIM headers claim.
        notes: what a reader must know besides: whether it is signed, what it requires, who else is said
            to have sent it, what cannot be taken apart.
        others: parts that are no text.
    """

    text: str = ""
    sender: str | None = None
    subject: str | None = None
    notes: tuple[str, ...] = ()
    others: tuple[Part, ...] = ()


def is_readable(content_type: str) -> bool:
    """Whether `show` finds words in messages of this kind."""
    kind = media_type(content_type)
    return kind is not None and (kind.type in ("text", "multipart") or kind.bare == "message/cpim")


def text_of(content_type: str, body: bytes) -> str:
    """Octets as text: by their charset where that is UTF-8, US-ASCII or ISO 8859-1, else as UTF-8.

    Octets that do not fit appear as ``\\xff``: nothing is lost, and a terminal obeys none.
    """
    kind = media_type(content_type)
    # Not whatever Python has a codec for: some take quadratic time, some run no decoder at all.
    codec = CHARSETS.get((kind.parameters.get("charset") or "").lower() if kind else "", "utf-8")
    return body.decode(codec, errors="backslashreplace")


def show(content_type: str, body: bytes) -> Shown:
    """What a person is to see of a message."""
    return _show(content_type, body, _DEEP)


def kinds(content_type: str, body: bytes) -> Iterator[str]:
    """The kinds of content inside of a message, at any depth, without its own (RFC 4975 section 8.6);
    looked for as they are asked for."""
    return _kinds(content_type, body, _DEEP)


def parts(content_type: str, body: bytes) -> tuple[Part, ...]:
    """The parts of a multipart (RFC 2046 section 5.1); none where there is no boundary to be found."""
    kind = media_type(content_type)
    boundary = kind.parameters.get("boundary", "") if kind is not None and kind.type == "multipart" else ""
    if not boundary or len(boundary) > 70 or not boundary.isascii():
        return ()
    line = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary.encode()) + rb"(--)?[ \t]*(?:\r?\n|\Z)")
    found: list[Part] = []
    begun: int | None = None
    at = 0
    while (match := line.search(body, at)) is not None and len(found) < _MANY:
        if begun is not None:
            found.append(
                _part(body[begun : match.start()], digest=kind is not None and kind.subtype == "digest")
            )
        if match.group(1):
            return tuple(found)
        begun = match.end()
        # The line end before a delimiter belongs to it, and may be the one behind the last.
        at = max(match.end() - 2, match.start() + 2)
    if begun is not None and len(found) < _MANY:
        found.append(_part(body[begun:], digest=False))  # its last delimiter is missing
    return tuple(found)


def _part(octets: bytes, *, digest: bool) -> Part:
    default = "message/rfc822" if digest else "text/plain"
    if octets[:1] == b"\n" or octets[:2] == b"\r\n":
        head, body = b"", octets[octets.index(b"\n") + 1 :]
    elif (blank := _BLANK.search(octets, 0, _HEAD)) is not None:
        head, body = octets[: blank.start()], octets[blank.end() :]
    else:
        return Part("application/octet-stream", octets)
    headers = BytesHeaderParser(policy=compat32).parsebytes(head + b"\r\n\r\n")

    def header(name: str) -> str | None:
        value = headers.get(name)
        return None if value is None else re.sub(r"[\r\n]+[ \t]*", " ", str(value))

    disposition = parse_disposition(header("Content-Disposition"))
    return Part(
        header("Content-Type") or default,
        _decoded(header("Content-Transfer-Encoding"), body),
        disposition.filename,
        disposition.kind == "attachment",
    )


def _decoded(encoding: str | None, body: bytes) -> bytes:
    match (encoding or "").strip().lower():
        case "base64":
            try:
                return base64.b64decode(body)
            except (binascii.Error, ValueError):
                return body
        case "quoted-printable":
            return quopri.decodestring(body)
    return body


def _show(content_type: str, body: bytes, depth: int) -> Shown:
    kind = media_type(content_type)
    bare = kind.bare if kind is not None else content_type
    if kind is not None and depth > 0:
        if bare == "message/cpim":
            message = Cpim.parse(body)
            if message is None:
                return Shown(text_of("", body), notes=("its CPIM headers cannot be read",))
            inner = _show(message.content_type, message.body, depth - 1)
            sender = message.address("From")
            told = sender[1] if sender else inner.sender
            notes = (*_odd(message), *_asserted(told, inner.sender), *inner.notes)
            return Shown(inner.text, told, message.subject, notes, inner.others)
        if kind.type == "multipart":
            found = parts(content_type, body)
            if not found:
                return Shown(text_of("", body), notes=("its parts cannot be told apart",))
            if kind.subtype == "alternative":
                return _best([_show(part.content_type, part.body, depth - 1) for part in found], found)
            if kind.subtype == "signed":
                first = _show(found[0].content_type, found[0].body, depth - 1)
                note = "it is signed, and the signature was not checked"
                return Shown(first.text, first.sender, first.subject, (note, *first.notes), first.others)
            return _mixed(found, depth)
    if kind is not None and kind.type == "text":
        return Shown(text_of(content_type, body))
    return Shown(others=(Part(content_type, body),))


def _odd(message: Cpim) -> Iterator[str]:
    """What its reader is to understand, and we do not (RFC 3862 section 4.7); who is named besides."""
    unknown = [name for name, own in message.required if own not in _UNDERSTOOD]
    if unknown:
        yield f"it requires what is not understood here: {', '.join(unknown)}"
    if len(message.values("From")) > 1:  # RFC 4975 section 13: not more than once
        yield "it says more than once who it is from; others may show another one"


def _asserted(outer: str | None, inner: str | None) -> Iterator[str]:
    """Who passed it on is not who is said to have said it (RFC 4975 section 14.5): told, each by name."""
    if inner is not None and inner != outer:
        yield f"what is inside of it says it is from {inner}, which nothing proves either"


def _best(shown: list[Shown], found: tuple[Part, ...]) -> Shown:
    """Of alternatives the last one with words, which the sender prefers (RFC 2046 section 5.1.4);
    plain ones before those whose words stand among marks."""
    plain = [s for s, part in zip(shown, found, strict=True) if s.text and not _marked(part)]
    words = plain or [s for s in shown if s.text]
    return words[-1] if words else shown[-1]


def _marked(part: Part) -> bool:
    kind = media_type(part.content_type)
    return kind is not None and kind.type == "text" and kind.subtype != "plain"


def _mixed(found: tuple[Part, ...], depth: int) -> Shown:
    texts: list[str] = []
    notes: list[str] = []
    others: list[Part] = []
    sender = subject = None
    for part in found:
        if part.file:
            others.append(part)
            continue
        shown = _show(part.content_type, part.body, depth - 1)
        if shown.text:
            texts.append(shown.text)
        if sender is not None:
            notes += _asserted(sender, shown.sender)
        notes += shown.notes
        others += [Part(o.content_type, o.body, o.name or part.name, o.file) for o in shown.others]
        sender, subject = sender or shown.sender, subject or shown.subject
    return Shown("\n\n".join(texts), sender, subject, tuple(notes), tuple(others))


def _kinds(content_type: str, body: bytes, depth: int) -> Iterator[str]:
    kind = media_type(content_type)
    if kind is None or depth == 0:
        return
    inside: list[tuple[str, bytes]] = []
    if kind.bare == "message/cpim":
        message = Cpim.parse(body)
        inside = [] if message is None else [(message.content_type, message.body)]
    elif kind.type == "multipart":
        inside = [(part.content_type, part.body) for part in parts(content_type, body)]
    for inner, octets in inside:
        yield inner
        yield from _kinds(inner, octets, depth - 1)
