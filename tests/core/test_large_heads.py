"""Heads as large as a peer likes to make them: refused at the limit, or read right where there is none."""

from __future__ import annotations

import tracemalloc
from collections import deque

import pytest

from core.events import COMPILED, Implementation, implementation, run
from msrp_core import Limits, Parser, RemoteProtocolError

PATHS = b"To-Path: msrp://a.example:1/s;tcp\r\nFrom-Path: msrp://b.example:2/t;tcp\r\n"
HEAD = b"MSRP abcd SEND\r\n" + PATHS
END = b"-------abcd$\r\n"
WIDE = Limits(head=1 << 30, line=1 << 30, auth_line=1 << 30, headers=1 << 30)
MILLION = 1_000_000


def lines(count: int) -> bytes:
    return b"".join(b"X-%05d: %s\r\n" % (number, b"y" * 89) for number in range(count))


LINES = lines(10_000)


def amount(parser: Implementation) -> int:
    """A million of what there is much of; the plain parser is slow and gets fewer."""
    return MILLION if parser is COMPILED else 20_000


@implementation
def test_a_megabyte_of_headers(parser: Implementation) -> None:
    count = amount(parser) // 100
    octets = HEAD + lines(count) + END
    assert len(octets) > amount(parser)
    assert run(parser, octets, (), WIDE).error is None
    (frame,) = parser.events(octets, WIDE)
    assert len(frame.headers) == count + 2
    assert frame.header(f"x-{count - 1:05}") == "y" * 89
    # By the number of lines, by the size of the head: each limit at its octet.
    few = Limits(headers=64, head=1 << 30)
    assert run(parser, octets, (), few).error == ("stream", 400, len(HEAD) + 62 * 100)
    small = Limits(headers=1 << 30, head=10_000)
    assert run(parser, octets, (), small).error == ("stream", 400, 10_000)


@pytest.mark.parametrize("step", [1, 1460, 65536])
def test_a_megabyte_of_headers_in_pieces(step: int) -> None:
    octets = HEAD + LINES + END
    whole = run(COMPILED, octets, (), WIDE)
    assert run(COMPILED, octets, range(0, len(octets), step), WIDE) == whole
    size = Limits(headers=1 << 30)
    assert run(COMPILED, octets, range(0, len(octets), step), size) == run(COMPILED, octets, (), size)


@pytest.mark.parametrize("line", [LINES, b"X: " + b"y" * MILLION, b"y" * MILLION, b"\r" * MILLION])
def test_what_is_beyond_the_limits_is_not_held(line: bytes) -> None:
    octets = HEAD + line
    parser = Parser(Limits(headers=1 << 30))
    tracemalloc.start()
    try:
        pieces = (octets[at : at + 4096] for at in range(0, len(octets), 4096))
        with pytest.raises(RemoteProtocolError):
            deque((event for piece in pieces for event in parser.feed(piece)), maxlen=0)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 3 * Limits().head


@implementation
@pytest.mark.parametrize(
    ("before", "digit", "behind", "numbers"),
    [
        (b"", b"9", b"-*/*", None),
        (b"1-", b"9", b"/*", None),
        (b"1-*/", b"9", b"", None),
        (b"1", b"0", b"-*/*", None),
        (b"", b"0", b"1-*/*", (1, None, None)),
        (b"1-*/", b"0", b"5", (1, None, 5)),
        (b"", b"1", b"", None),
    ],
)
def test_a_range_of_a_million_digits(
    parser: Implementation, before: bytes, digit: bytes, behind: bytes, numbers: tuple[int | None, ...] | None
) -> None:
    """RFC 4975 section 9 gives 1*DIGIT no bound: no number overflows, and no line is beyond its limit."""
    octets = HEAD + b"Byte-Range: " + before + digit * amount(parser) + behind + b"\r\n" + END
    (frame,) = parser.events(octets, WIDE)
    if numbers is None:
        fault = frame.fault()
        assert (fault.rank, fault.offset) == ("message", len(HEAD) + len(b"Byte-Range: "))
        with pytest.raises(RemoteProtocolError, match="Byte-Range"):
            _ = frame.byte_range
    else:
        assert frame.fault() is None
        assert frame.byte_range == numbers
    assert parser.error(octets).offset == len(HEAD) + Limits().line


@implementation
@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        (b"1-*/*", (1, None, None)),
        (b"1-5/*", (1, 5, None)),
        (b"1-*/5", (1, None, 5)),
        (b"6-*/5", (6, None, 5)),
        (b"*-5/5", None),
        (b"*", None),
        (b"1-**/5", None),
        (b"1-*5/5", None),
        (b"1-5/*5", None),
        (b"1-5/5*", None),
    ],
)
def test_the_asterisk_stands_for_end_and_total(
    parser: Implementation, value: bytes, numbers: tuple[int | None, ...] | None
) -> None:
    frame = parser.frame_of(HEAD + b"Byte-Range: " + value + b"\r\n" + END)
    if numbers is None:
        assert frame.fault() is not None
    else:
        assert frame.byte_range == numbers


@implementation
@pytest.mark.parametrize("blank", [b" ", b"\t", b" \t"])
def test_lines_are_not_folded(parser: Implementation, blank: bytes) -> None:
    octets = HEAD + b"X: y\r\n" + blank + b"z\r\n" + END
    assert parser.error(octets).offset == len(HEAD) + len(b"X: y\r\n")


@implementation
@pytest.mark.parametrize("body", [b"hello", b"Hello: you", b"MSRP abcd SEND"])
def test_without_the_blank_line_the_body_is_a_header_or_wrong(parser: Implementation, body: bytes) -> None:
    octets = HEAD + b"Content-Type: text/plain\r\n" + body + b"\r\n" + END
    if b":" in body:
        frame = parser.frame_of(octets)
        assert (frame.has_body, frame.header("hello")) == (False, "you")
    else:
        assert parser.error(octets).offset == len(HEAD) + len(b"Content-Type: text/plain\r\n")


@implementation
def test_a_status_has_three_digits_and_no_number_beyond(parser: Implementation) -> None:
    for digits in (b"2" * 4, b"9" * 30, b"9" * 5000):
        error = parser.error(b"MSRP abcd " + digits + b"\r\n" + PATHS + END)
        assert error.offset == len(b"MSRP abcd ")
