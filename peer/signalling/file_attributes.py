"""The file attributes of RFC 5547: which file is meant, and how much of it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote

from ..terms.content import media_type

__all__ = ["FILE_NAMES", "MIRRORED", "FileRange", "FileSelector", "FileTransfer", "transfer_id"]

FILE_NAMES: Final = (
    "file-selector",
    "file-transfer-id",
    "file-disposition",
    "file-date",
    "file-icon",
    "file-range",
)
MIRRORED: Final = ("file-selector", "file-transfer-id", "file-range")
"""Those an answer repeats as they came; the others it must not have (RFC 5547 section 8.3.1)."""

_HASHES = {"sha-1": 20, "sha-256": 32}
_SELECTOR = re.compile(r'(name|size|type|hash):((?:[^\s"]|"[^"]*+(?:"|\Z))*+)', re.IGNORECASE)
_DATE = re.compile(r'(creation|modification|read):"([^"]*+)"', re.IGNORECASE)
_RANGE = re.compile(r"([0-9]{1,19})-([0-9]{1,19}|\*)")
_TOKEN = re.compile(r"[!#$%&'*+.^_`{|}~0-9A-Za-z-]{1,256}")
# Besides NUL, CR, LF, the quote and the percent sign: what some system takes for a directory.
_QUOTED = "".join(chr(c) for c in range(0x20, 0x7F) if chr(c) not in '"%/\\:')


@dataclass(frozen=True, slots=True)
class FileSelector:
    """What is known of a file (RFC 5547 section 5): each part may be missing.

    Attributes:
        name: as the other side wrote it, percent-decoded: never a path to open (see
            `session.files.safe_name`), never printed as it stands (see `display.escape`).
        size: octets of the file, without any wrapper.
        type: a media type, with its parameters as they were written.
        hashes: digest by the hash's name in lower case; ``sha-1`` is the RFC's, ``sha-256``
            ours beside it. Of the whole file, even where only a range goes.
    """

    name: str | None = None
    size: int | None = None
    type: str | None = None
    hashes: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def parse(cls, value: str) -> FileSelector:
        """Read the attribute; a selector that cannot be understood counts as absent."""
        name = size = kind = None
        hashes: dict[str, bytes] = {}
        for found in _SELECTOR.finditer(value):
            what, text = found.group(1).lower(), found.group(2)
            if what == "name" and name is None:
                name = unquote(text.strip('"'), errors="replace") or None
            elif what == "size" and size is None and text.isascii() and text.isdigit() and len(text) < 20:
                size = int(text)
            elif (
                what == "type" and kind is None and media_type(text) is not None and text.count('"') % 2 == 0
            ):
                kind = text  # one with an open quote would take in what is written behind it
            elif what == "hash":
                algorithm, _, digest = text.partition(":")
                octets = _digest(algorithm.lower(), digest)
                if octets is not None:
                    hashes.setdefault(algorithm.lower(), octets)
        return cls(name, size, kind, hashes)

    @property
    def text(self) -> str:
        """As the attribute's value; ``""`` where nothing is known."""
        parts = []
        if self.name:
            parts.append(f'name:"{quote(self.name, safe=_QUOTED, errors="replace")}"')
        if self.type:
            parts.append(f"type:{self.type}")
        if self.size is not None:
            parts.append(f"size:{self.size}")
        parts += [f"hash:{name}:{digest.hex(':').upper()}" for name, digest in self.hashes.items()]
        return " ".join(parts)

    def selects(self, file: FileSelector) -> bool:
        """Whether it selects a file of which `file` says everything (RFC 5547 section 5).

        Each part must match: a file of the right hash under another name is not the one.
        """
        return all(
            mine is None or mine == theirs
            for mine, theirs in (
                (self.name, file.name),
                (self.size, file.size),
                (_bare(self.type), _bare(file.type)),
            )
        ) and all(file.hashes.get(name) == digest for name, digest in self.hashes.items())

    def is_same(self, other: FileSelector) -> bool:
        """Whether both may mean one file, as far as both say something (RFC 5547 section 8.1)."""
        return all(
            mine is None or theirs is None or mine == theirs
            for mine, theirs in (
                (self.name, other.name),
                (self.size, other.size),
                (_bare(self.type), _bare(other.type)),
                *((digest, other.hashes.get(name)) for name, digest in self.hashes.items()),
            )
        )


@dataclass(frozen=True, slots=True)
class FileRange:
    """The octets of a file that go: from `start`, counted from 1, up to and with `stop`, None for the end."""

    start: int = 1
    stop: int | None = None

    @classmethod
    def parse(cls, value: str) -> FileRange | None:
        """None where the value is no range, or an empty one."""
        found = _RANGE.fullmatch(value)
        if found is None:
            return None
        start = int(found.group(1))
        stop = None if found.group(2) == "*" else int(found.group(2))
        return None if start < 1 or (stop is not None and stop < start) else cls(start, stop)

    def is_whole(self, size: int | None) -> bool:
        """Whether it is all of a file of so many octets."""
        return self.start == 1 and (self.stop is None or (size is not None and self.stop >= size))

    @property
    def text(self) -> str:
        return f"{self.start}-{'*' if self.stop is None else self.stop}"


@dataclass(frozen=True, slots=True)
class FileTransfer:
    """One file to go over one session (RFC 5547 section 8).

    Attributes:
        selector: which file.
        transfer_id: of this transfer; one that was seen before starts nothing new.
        disposition: ``"attachment"``, or ``"render"``, which an absent attribute means.
        range: None for the whole file.
        dates: RFC 5322 dates by ``creation``, ``modification``, ``read``.
        icon: the cid: URL of a preview.
    """

    selector: FileSelector
    transfer_id: str | None = None
    disposition: str = "render"
    range: FileRange | None = None
    dates: Mapping[str, str] = field(default_factory=dict)
    icon: str | None = None

    @classmethod
    def read(cls, values: Mapping[str, str | None]) -> FileTransfer | None:
        """From attributes by name (see `FILE_NAMES`).

        None where there is no file-selector, or an empty one: that tells of the ability alone
        (RFC 5547 section 8.5). Raises ValueError for a file-range that is none: to send the
        wrong octets would be worse than to send nothing.
        """
        selector = FileSelector.parse(values.get("file-selector") or "")
        if not selector.text:
            return None
        asked = values.get("file-range")
        found = None if asked is None else FileRange.parse(asked)
        if asked is not None and found is None:
            raise ValueError("its file-range is none")
        disposition = values.get("file-disposition") or ""
        dates = {kind.lower(): date for kind, date in _DATE.findall(values.get("file-date") or "")}
        return cls(
            selector,
            _token(values.get("file-transfer-id")),
            disposition.lower() if _token(disposition) else "render",
            found,
            dates,
            values.get("file-icon"),
        )

    def lines(self) -> list[tuple[str, str]]:
        """As attributes of an offer."""
        lines = [("file-selector", self.selector.text)]
        if self.transfer_id is not None:
            lines.append(("file-transfer-id", self.transfer_id))
        if self.disposition != "render":
            lines.append(("file-disposition", self.disposition))
        if self.dates:
            lines.append(("file-date", " ".join(f'{kind}:"{date}"' for kind, date in self.dates.items())))
        if self.icon is not None:
            lines.append(("file-icon", self.icon))
        if self.range is not None:
            lines.append(("file-range", self.range.text))
        return lines


def transfer_id() -> str:
    """A file-transfer-id nobody used before: 32 characters (RFC 5547 section 8.1)."""
    return secrets.token_hex(16)


def _bare(text: str | None) -> str | None:
    kind = media_type(text)
    return None if kind is None else kind.bare


def _digest(algorithm: str, text: str) -> bytes | None:
    try:
        octets = bytes.fromhex(text.replace(":", ""))
    except ValueError:
        return None
    return octets if len(octets) == _HASHES.get(algorithm) else None


def _token(text: str | None) -> str | None:
    return text if text is not None and _TOKEN.fullmatch(text) else None
