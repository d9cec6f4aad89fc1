"""Lines broken between words, at the width of the terminal they are for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from ..terms.display import escape

__all__ = ["escaped", "unbroken", "width_of", "wrapped"]

_KEPT = "\0"
"""Stands for a space where no line is to break; nothing that reaches a terminal has one."""
_HANG = "    "
"""Before what goes on: no words of the other side can look like a line of ours."""
_FINGERPRINT = re.compile(r"((?:[0-9A-F]{2}:){16})((?:[0-9A-F]{2}:){15}[0-9A-F]{2}\S{0,2})")
_LEAST = 20  # columns; what is narrower breaks wherever it likes


def width_of(stream: object) -> int | None:
    """Columns of the terminal behind a stream; None where that cannot be told."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or None  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):
        return None


def unbroken(text: str) -> str:
    """A path, for instance: `wrapped` leaves it whole, and puts its spaces back."""
    return text.replace(" ", _KEPT)


def escaped(text: str, longest: int) -> str:
    """`escape` for text in which something is `unbroken`, and stays it."""
    return _KEPT.join(escape(part, longest) for part in text.split(_KEPT))


def wrapped(text: str, width: int | None) -> str:
    """`text` with no line longer than `width` columns, but where a word is; a fingerprint, which people
    compare, breaks in its middle."""
    if width is not None and width >= _LEAST:
        text = "\n".join(part for line in text.split("\n") for part in _parts(line, width))
    return text.replace(_KEPT, " ")


def _parts(line: str, width: int) -> list[str]:
    if _columns(line) <= width:
        return [line]
    indent = line[: len(line) - len(line.lstrip(" "))]
    hang = indent if len(indent) >= len(_HANG) else _HANG
    parts: list[str] = []
    here = indent
    empty = True
    for space, word in _words(line[len(indent) :], width - len(hang)):
        if empty or _columns(here + space + word) <= width:
            here += word if empty else space + word
        else:
            parts.append(here)
            here = hang + word
        empty = False
    return [*parts, here]


def _words(line: str, room: int) -> Iterator[tuple[str, str]]:
    """Each word, with the spaces before it."""
    for space, word in re.findall(r"(\s*)(\S+)", line):
        if len(word) > room and (halves := _FINGERPRINT.fullmatch(word)):
            yield space, halves[1]
            yield "", halves[2]
        else:
            yield space, word


def _columns(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
