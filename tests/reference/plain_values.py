"""The values of RFC 4975 section 9, told from what is none, in plain Python."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = [
    "ByteRange",
    "header_name",
    "ident",
    "media_type",
    "no_text",
    "read_byte_range",
    "read_choice",
    "read_status",
]

_TOKEN = rb"[\x21\x23-\x27\x2A\x2B\x2D\x2E\x30-\x39\x41-\x5A\x5E-\x7E]"
_HIGH = (
    rb"[\xC0-\xDF][\x80-\xBF]|[\xE0-\xEF][\x80-\xBF]{2}|[\xF0-\xF7][\x80-\xBF]{3}"
    rb"|[\xF8-\xFB][\x80-\xBF]{4}|[\xFC-\xFD][\x80-\xBF]{5}"
)
_QUOTED = rb'"(?:[ \t\x21\x23-\x5B\x5D-\x7E]|[\x80-\xFF]|\\\\|\\")*"'
_IDENT = re.compile(rb"[A-Za-z0-9][A-Za-z0-9.\-+%=]{3,31}")
_NAME = re.compile(rb"[A-Za-z]" + _TOKEN + rb"*")
_TEXT = re.compile(rb"(?:[\t\x20-\x7E]|" + _HIGH + rb")*")
_MEDIA_TYPE = re.compile(
    _TOKEN + rb"+/" + _TOKEN + rb"+"
    rb"(?:[ \t]*;[ \t]*" + _TOKEN + rb"+(?:=(?:" + _TOKEN + rb"+|" + _QUOTED + rb"))?)*"
)
_RANGE = re.compile(rb"([0-9]+)-([0-9]+|\*)/([0-9]+|\*)")
_STATUS = re.compile(rb"[0-9]{3} [0-9]{3}(?: .*)?", re.DOTALL)


class ByteRange(NamedTuple):
    start: int
    end: int | None
    total: int | None


def ident(octets: bytes) -> bool:
    """ident = ALPHANUM 3*31ident-char"""
    return _IDENT.fullmatch(octets) is not None


def header_name(octets: bytes) -> bool:
    """hname = ALPHA *token"""
    return _NAME.fullmatch(octets) is not None


def no_text(octets: bytes) -> int | None:
    """Where the first octet stands that is no utf8text; None where all are.

    RFC 4975 writes UTF-8 in its old form, of up to six octets a character.
    """
    match = _TEXT.match(octets)
    assert match is not None
    return None if match.end() == len(octets) else match.end()


def media_type(octets: bytes) -> bool:
    """media-type, white space around ";" tolerated.

    Octets above 127 in a quoted string are let pass: `no_text` looks at those of every value.
    """
    return _MEDIA_TYPE.fullmatch(octets) is not None


def read_byte_range(octets: bytes) -> ByteRange | None:
    """range-start "-" range-end "/" total; None for bad syntax and for impossible numbers."""
    match = _RANGE.fullmatch(octets)
    if match is None:
        return None
    numbers: list[int | None] = []
    for part in match.groups():
        digits = part.lstrip(b"0") or b"0"
        if part == b"*":
            numbers.append(None)
        elif len(digits) > 19 or int(digits) > 2**63 - 1:
            return None
        else:
            numbers.append(int(digits))
    start, end, total = numbers
    if not start:
        return None
    if end is not None and end < start - 1:
        return None
    if total is not None and (start - 1 > total or (end is not None and end > total)):
        return None
    return ByteRange(start, end, total)


def read_choice(octets: bytes, *choices: str) -> str | None:
    """Which of these words stands there, in any case of its letters."""
    word = octets.decode("latin-1")
    return next((choice for choice in choices if word.isascii() and word.lower() == choice), None)


def read_status(octets: bytes) -> bool:
    """namespace SP status-code [SP comment]"""
    return _STATUS.fullmatch(octets) is not None
