"""What a message holds: media types, the lists of those accepted, file names, digests.

Values of the other side are read as far as they can be understood and never raise; values of
ours are written as the grammars have them, in ASCII and on one line. Every reader takes time
linear in its input.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import quote, unquote_to_bytes

__all__ = [
    "CHARSETS",
    "RESUMABLE",
    "Accepts",
    "Disposition",
    "MediaType",
    "Takes",
    "digest_header",
    "disposition",
    "media_type",
    "parse_digest",
    "parse_disposition",
]

RESUMABLE = ("Resumable", "yes")
"""A header of a file's first chunk: its sender leaves out what the other side says it has of it
(docs/profile.md, section 7). Where either side does not know it, all of the file is sent."""

_CHAR = r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]"  # RFC 2045, and RFC 4975 section 9, less "/"
_TYPE = re.compile(rf"\s*+({_CHAR}++)/({_CHAR}++)[ \t]*+(?=;|$)")
_ATOM = re.compile(rf"\s*+({_CHAR}++)[ \t]*+(?=;|$)")
_PARAMETER = re.compile(
    rf"[ \t]*+;[ \t]*+(?:({_CHAR}++)[ \t]*+(?:=[ \t]*+(?:\"((?:[^\"\\]|\\.)*+)\"|([^;\"]*+)))?+)?+[ \t]*+",
    re.DOTALL,
)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
# A quoted string without an end reaches to the end of the text, so that nothing is read twice.
_ENTRY = re.compile(r'(?:[^\s"]|"(?:[^"\\]|\\.)*+\\?+(?:"|\Z))++', re.DOTALL)


def _parameters(text: str, start: int) -> Iterator[tuple[str, str]]:
    """The parameters behind a value, names in lower case, until the first that is no parameter."""
    while (found := _PARAMETER.match(text, start)) is not None:
        name, quoted, bare = found.groups()
        if name is not None:
            value = bare.strip() if bare is not None else _QUOTED_PAIR.sub(r"\1", quoted or "")
            yield name.lower(), value
        start = found.end()


def _first(pairs: Iterator[tuple[str, str]]) -> dict[str, str]:
    # Whoever repeats a parameter hopes that two readers choose differently: the first counts.
    result: dict[str, str] = {}
    for name, value in pairs:
        result.setdefault(name, value)
    return result


class MediaType(NamedTuple):
    """A media type: ``text/plain;charset=utf-8``. Type and subtype are in lower case."""

    type: str
    subtype: str
    parameters: dict[str, str]

    @property
    def bare(self) -> str:
        """Without parameters: ``"text/plain"``."""
        return f"{self.type}/{self.subtype}"


def media_type(value: str | None) -> MediaType | None:
    """Read the value of a Content-Type header (RFC 2045 section 5.1); None where it is none.

    Of a parameter given twice the first counts.
    """
    found = _TYPE.match(value) if value else None
    if value is None or found is None:
        return None
    kind, subtype = found.groups()
    return MediaType(kind.lower(), subtype.lower(), _first(_parameters(value, found.end())))


@dataclass(frozen=True, slots=True)
class Accepts:
    """The media types one side takes: an accept-types list (RFC 4975 section 8.6).

    Attributes:
        entries: as they were written, in order of preference, each once.
    """

    entries: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str | None) -> Accepts:
        """Read a list: ``"message/cpim text/* *"``. Entries that are none are left out."""
        entries: dict[str, None] = {}
        for found in _ENTRY.finditer(text or ""):
            entry = found.group()
            kind = media_type(entry)
            if entry == "*":
                entries.setdefault(entry)
            elif kind is not None:
                entries.setdefault(entry if entry.isascii() and entry.isprintable() else kind.bare)
        return cls(tuple(entries))

    def allows(self, content_type: str | None) -> bool:
        """Whether a message of this type may be sent to whoever gave the list.

        Parameters count on neither side. ``*`` allows every type: the other side then
        looks at the message and may still answer 415. What is not a media type is not allowed.
        """
        asked = media_type(content_type)
        if asked is None:
            return False
        for entry in self.entries:
            listed = None if entry == "*" else media_type(entry)
            if listed is None:
                return True
            if listed.type in ("*", asked.type) and listed.subtype in ("*", asked.subtype):
                return True
        return False

    def meets(self, other: Accepts) -> bool:
        """Whether some type could be on both lists."""
        return any(_alike(mine, theirs) for mine in self.entries for theirs in other.entries)

    @property
    def containers(self) -> bool:
        """Whether any type on the list can hold others (RFC 4975 section 8.6): message/cpim, any
        multipart, S/MIME's."""
        return any(
            _alike(entry, one)
            for entry in self.entries
            for one in ("message/cpim", "multipart/*", "application/pkcs7-mime")
        )

    @property
    def text(self) -> str:
        """The list as an Accept-Types header or an SDP attribute has it."""
        return " ".join(self.entries)


def _alike(one: str, other: str) -> bool:
    if "*" in (one, other):
        return True
    first, second = media_type(one), media_type(other)
    if first is None or second is None:
        return False
    return all("*" in pair or pair[0] == pair[1] for pair in zip(first[:2], second[:2], strict=True))


@dataclass(frozen=True, slots=True)
class Takes:
    """What one side takes, as it tells the other (RFC 4975 section 8.6).

    Attributes:
        accepts: the kinds of content a message may have.
        wrapped: those that may stand only inside of others.
        maximum: the largest message in octets, None for any.
        files: whether attachments are among it.
    """

    accepts: Accepts
    wrapped: Accepts = Accepts()
    maximum: int | None = None
    files: bool = True


@dataclass(frozen=True, slots=True)
class Disposition:
    """What a Content-Disposition header says (RFC 2183).

    Attributes:
        kind: ``"render"``, ``"attachment"``, ... in lower case.
        filename: as the other side wrote it, whatever it is: never a path to open (see
            `session.files.safe_name`), never printed as it stands (see `display.escape`).
        size: octets, as announced.
    """

    kind: str = "render"
    filename: str | None = None
    size: int | None = None


def disposition(name: str | None = None, size: int | None = None, *, kind: str = "attachment") -> str:
    """The value of a Content-Disposition header for a file of `size` octets.

    Only the last component of `name` is told. One that is not plain ASCII is given whole as
    ``filename*`` (RFC 2231 section 4), and once more with ``_`` for everything else, for those
    who do not know that. Raises ValueError for a `kind` that is no token or a negative size.
    """
    if not re.fullmatch(rf"{_CHAR}+", kind):
        raise ValueError(f"{kind!r} is no kind of disposition")
    parts = [kind]
    if name is not None and (last := name.rpartition("/")[2]):
        plain = "".join(c if " " <= c <= "~" else "_" for c in last)
        escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
        parts.append(f'filename="{escaped}"')
        if plain != last:
            # A name of this system that is no text has surrogates in it; there is no way to say it.
            parts.append(f"filename*=UTF-8''{quote(last, safe='', errors='replace')}")
    if size is not None:
        if size < 0:
            raise ValueError("a size is not negative")
        parts.append(f"size={size}")
    return "; ".join(parts)


def parse_disposition(value: str | None) -> Disposition:
    """Read a Content-Disposition header; an absent one means ``render`` (RFC 4975 section 7.1.1).

    What cannot be understood counts as absent, but where there is no kind at all while
    something follows it is taken for ``attachment``, as RFC 2183 section 2.8 treats unknown ones.
    """
    if value is None or not value.strip():
        return Disposition()
    found = _ATOM.match(value)
    if found is not None:
        kind = found.group(1).lower()
        parameters = _first(_parameters(value, found.end()))
    else:
        kind = "attachment"
        garbage, _, rest = value.partition(";")
        parameters = _first(_parameters(f";{value}" if "=" in garbage else f";{rest}", 0))
    size = parameters.get("size", "")
    # Nineteen digits hold every size of a file; int() of thousands would take long.
    octets = int(size) if size.isascii() and size.isdigit() and len(size) < 20 else None
    return Disposition(kind, _filename(parameters) or None, octets)


CHARSETS: Final = {"utf-8": "utf-8", "us-ascii": "ascii", "iso-8859-1": "latin-1"}
"""The charsets a text or a file name is read in, with Python's names: cheap decoders that never fail."""


def _filename(parameters: dict[str, str]) -> str:
    """The file name among parameters (RFC 2231): ``filename*``, else its pieces, else ``filename``."""
    if (extended := parameters.get("filename*")) is not None:
        octets, charset = _extended(extended)
        if (text := _decoded(octets, charset)) is not None:
            return text
    pieces: list[bytes] = []
    charset = "utf-8"
    while True:
        number = len(pieces)
        if (piece := parameters.get(f"filename*{number}*")) is not None:
            if number == 0:
                octets, charset = _extended(piece)
            else:
                octets = unquote_to_bytes(piece)
            pieces.append(octets)
        elif (piece := parameters.get(f"filename*{number}")) is not None:
            pieces.append(piece.encode("utf-8", "replace"))
        else:
            break
    if pieces and (text := _decoded(b"".join(pieces), charset)) is not None:
        return text
    return parameters.get("filename", "")


def _extended(value: str) -> tuple[bytes, str]:
    """The octets and the charset's name of ``charset'language'octets`` (RFC 2231 section 4)."""
    charset, _, rest = value.partition("'")
    _, mark, octets = rest.partition("'")
    # Without both apostrophes there is no charset: some write only the encoded octets.
    return (unquote_to_bytes(octets), charset.lower()) if mark else (unquote_to_bytes(value), "utf-8")


def _decoded(octets: bytes, charset: str) -> str | None:
    # A short list of our own: Python's codecs include some that decompress.
    codec = CHARSETS.get(charset or "utf-8")
    return octets.decode(codec, "replace") if codec else None


def digest_header(sha256: bytes) -> str:
    """The value of a Content-Digest header for a whole message (RFC 9530 section 2).

    Raises ValueError unless given the 32 octets of a SHA-256.
    """
    if len(sha256) != 32:
        raise ValueError("a SHA-256 has 32 octets")
    return f"sha-256=:{base64.b64encode(sha256).decode('ascii')}:"


_DIGEST = re.compile(
    r"[ \t]*+sha-256[ \t]*+=[ \t]*+:([A-Za-z0-9+/]*+={0,2}+):[ \t]*+(?:;.*+)?", re.I | re.DOTALL
)


def parse_digest(value: str | None) -> bytes | None:
    """The SHA-256 in a Content-Digest header, 32 octets; None where there is none to read.

    Other algorithms beside it are passed over; of two SHA-256 the last counts (RFC 8941
    section 4.2.2, whose dictionary this is).
    """
    result = None
    for member in (value or "").split(","):
        if (found := _DIGEST.fullmatch(member)) is not None:
            result = _sha256(found.group(1))
    return result


def _sha256(text: str) -> bytes | None:
    try:
        octets = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return octets if len(octets) == 32 else None
