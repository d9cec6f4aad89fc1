"""Frames out of octets (RFC 4975 sections 7.1 and 9), by both parsers."""

from __future__ import annotations

from typing import Any

import pytest

from core.events import COMPILED, Implementation, implementation, normalise, run
from msrp_core import ByteRange, LocalProtocolError, RemoteProtocolError

PATHS = b"To-Path: msrp://a.example:1/secretA;tcp\r\nFrom-Path: msrp://b.example:2/secretB;tcp\r\n"
SEND = (
    b"MSRP a786hjs2 SEND\r\n" + PATHS + b"Message-ID: 87652491\r\nByte-Range: 1-5/5\r\n"
    b"Content-Type: text/plain\r\n\r\nhello\r\n-------a786hjs2$\r\n"
)
OK = b"MSRP a786hjs2 200 OK\r\n" + PATHS + b"-------a786hjs2$\r\n"


@implementation
def test_a_request(parser: Implementation) -> None:
    frame = parser.frame_of(SEND)
    assert type(frame).__name__ == "Frame"
    assert (frame.method, frame.status, frame.comment) == ("SEND", None, None)
    assert frame.transaction_id == "a786hjs2"
    assert frame.to_path == "msrp://a.example:1/secretA;tcp"
    assert frame.from_path == "msrp://b.example:2/secretB;tcp"
    assert frame.message_id == "87652491"
    assert frame.byte_range == (1, 5, 5)
    assert (frame.byte_range.start, frame.byte_range.end, frame.byte_range.total) == (1, 5, 5)
    assert frame.content_type == "text/plain"
    assert frame.success_report is False
    assert frame.failure_report == "yes"
    assert [name for name, _ in frame.headers] == [
        "To-Path",
        "From-Path",
        "Message-ID",
        "Byte-Range",
        "Content-Type",
    ]
    assert frame.header("message-id") == frame.header("MESSAGE-ID") == "87652491"
    assert frame.header("Expires") is None
    assert frame.has_body
    assert frame.body == bytes(frame) == b"hello"
    assert (frame.flag, frame.size, len(frame)) == ("$", 5, 5)
    assert frame.offset == 0
    assert SEND[frame.body_offset :].startswith(b"hello")
    assert SEND[frame.end_offset :] == b"-------a786hjs2$\r\n"
    assert frame.fault() is None


@pytest.mark.parametrize("numbers", [(2**63,), (-1,), (1, 2**70), (1, None, -(2**70))])
def test_a_range_that_cannot_be(numbers: tuple[int, ...]) -> None:
    with pytest.raises(LocalProtocolError, match="Byte-Range"):
        ByteRange(*numbers)


@implementation
def test_a_response(parser: Implementation) -> None:
    frame = parser.frame_of(OK)
    assert (frame.method, frame.status, frame.comment) == (None, 200, "OK")
    assert not frame.has_body
    assert frame.body == b""
    assert frame.message_id is frame.byte_range is frame.content_type is None
    assert OK[frame.body_offset :] == OK[frame.end_offset :] == b"-------a786hjs2$\r\n"


@implementation
@pytest.mark.parametrize(
    ("line", "status", "comment"), [("000", 0, None), ("999 ", 999, ""), ("200  x ", 200, " x ")]
)
def test_a_status_and_its_comment(
    parser: Implementation, line: str, status: int, comment: str | None
) -> None:
    frame = parser.frame_of(OK.replace(b"200 OK", line.encode()))
    assert (frame.status, frame.comment) == (status, comment)


@implementation
def test_offsets_count_from_the_first_octet_of_the_stream(parser: Implementation) -> None:
    first, second = parser.events(SEND + OK)
    assert (first.offset, second.offset) == (0, len(SEND))
    assert second.end_offset == len(SEND + OK) - len(b"-------a786hjs2$\r\n")


@implementation
def test_white_space_around_a_value_is_no_part_of_it(parser: Implementation) -> None:
    frame = parser.frame_of(
        OK.replace(b"From-Path: ", b"FROM-path:\t  ").replace(b"B;tcp\r\n", b"B;tcp \t\r\nX:\r\nY:  \r\n")
    )
    assert frame.from_path == "msrp://b.example:2/secretB;tcp"
    assert frame.headers[1:] == (("FROM-path", "msrp://b.example:2/secretB;tcp"), ("X", ""), ("Y", ""))
    assert frame.fault() is None


@implementation
def test_an_empty_body_is_not_no_body(parser: Implementation) -> None:
    """RFC 4975 section 7.1: an empty body is shown by its type, a missing one is not shown."""
    empty = parser.frame_of(SEND.replace(b"hello", b""))
    assert empty.has_body
    assert (empty.body, empty.fault()) == (b"", None)
    none = parser.frame_of(b"MSRP abcd SEND\r\n" + PATHS + b"-------abcd$\r\n")
    assert not none.has_body
    assert none.fault() is None


@implementation
def test_the_blank_line_is_not_the_line_end_before_the_end_line(parser: Implementation) -> None:
    octets = SEND.replace(b"hello\r\n", b"")
    assert run(parser, octets).said[1] == ("body so far", SEND.index(b"hello"), b"-------a786hjs2$")


@implementation
@pytest.mark.parametrize(
    "body",
    [
        b"\r\n-------a786hjs2",
        b"\r\n-------a786hjs2!\r\n",
        b"\r\n-------a786hjs2$\r",
        b"\r\n-------a786hjs2$x\r\n",
        b"\r\n-------A786hjs2$\r\n",
        b"\r\n------a786hjs2$\r\n",
        b"\r\n--------a786hjs2$\r\n",
        b"\n-------a786hjs2$\n",
        b"\r\n-------a786hjs2$\r\r\n-------a786hjs2+\n",
        b"MSRP a786hjs2 SEND\r\n\r\n",
        b"\r\n\r\r\r\n",
        bytes(range(256)),
    ],
)
@pytest.mark.rule("4975 9-2")
def test_what_only_resembles_an_end_line_is_body(parser: Implementation, body: bytes) -> None:
    octets = SEND.replace(b"hello", body) + OK
    whole = run(parser, octets)
    assert whole.error is None
    assert whole.said[1][2] == body
    for cut in range(len(octets)):
        assert run(parser, octets, [cut]) == whole
    assert run(parser, octets, range(len(octets))) == whole


@implementation
def test_a_frame_in_several_feeds_comes_in_several_events(parser: Implementation) -> None:
    one = parser.new()
    at = SEND.index(b"hello")
    assert list(one.feed(SEND[:10])) == []
    (head,) = one.feed(SEND[10:at])
    assert (head.flag, head.size, head.end_offset, head.has_body) == (None, 0, None, True)
    assert head.method == "SEND"
    assert not one.idle
    (body,) = one.feed(SEND[at : at + 2])
    assert type(body).__name__ == "Body"
    assert (bytes(body), len(body), body.offset) == (b"he", 2, at)
    # What may be the beginning of the end-line is kept until that is known.
    (body,) = one.feed(SEND[at + 2 : -4])
    assert (bytes(body), body.offset) == (b"llo", at + 2)
    (flag,) = one.feed(SEND[-4:])
    assert type(flag).__name__ == "Flag"
    assert (flag.flag, flag.offset) == ("$", SEND.index(b"-------"))
    assert one.idle
    assert one.offset == len(SEND)


@implementation
def test_a_frame_without_a_body_is_one_event_however_cut(parser: Implementation) -> None:
    for cut in range(1, len(OK)):
        one = parser.new()
        events: list[Any] = [*one.feed(OK[:cut])]
        events += one.feed(OK[cut:])
        assert [event.flag for event in events] == ["$"]


@implementation
def test_events_are_made_while_iterating(parser: Implementation) -> None:
    """A security layer begins behind a frame: what follows must not be looked at."""
    one = parser.new()
    one.feed(OK + b"\x00\x00\x00\x20 not MSRP")
    assert next(iter(one)).status == 200
    assert one.idle
    assert one.rest() == b"\x00\x00\x00\x20 not MSRP"
    assert list(one) == []
    assert one.rest() == b""
    assert one.offset == len(OK), "what was taken away was never looked at"
    assert [frame.offset for frame in one.feed(SEND)] == [len(OK)]
    one.end()


@implementation
def test_rest_inside_a_frame_is_our_mistake(parser: Implementation) -> None:
    for size in (3, 30, SEND.index(b"hello") + 2, len(SEND) - 1):
        one = parser.new()
        list(one.feed(SEND[:size]))
        assert not one.idle
        with pytest.raises(LocalProtocolError, match="frame"):
            one.rest()
        list(one.feed(SEND[size:]))
        assert one.rest() == b""


@implementation
def test_feeding_before_all_is_looked_at_is_our_mistake(parser: Implementation) -> None:
    one = parser.new()
    one.feed(SEND + OK)
    next(one)
    with pytest.raises(LocalProtocolError, match="looked at"):
        one.feed(OK)
    with pytest.raises(LocalProtocolError):
        one.end()
    assert next(one).status == 200
    assert [frame.status for frame in one.feed(OK)] == [200]


@implementation
def test_a_flag_not_yet_told_is_not_forgotten(parser: Implementation) -> None:
    one = parser.new()
    at = SEND.index(b"hello") + 2
    list(one.feed(SEND[:at]))
    assert type(next(one.feed(SEND[at:]))).__name__ == "Body"
    assert not one.idle
    for use in (lambda: one.feed(OK), one.rest, one.end):
        with pytest.raises(LocalProtocolError):
            use()
    assert next(one).flag == "$"
    assert one.idle
    assert [frame.status for frame in one.feed(OK)] == [200]


@implementation
def test_nothing_fed_is_nothing_said(parser: Implementation) -> None:
    one = parser.new()
    assert list(one) == []
    assert list(one.feed(b"")) == []
    assert list(one.feed(memoryview(OK))) != []
    one.end()


@implementation
@pytest.mark.parametrize(
    ("size", "where"),
    [(4, "head"), (30, "head"), (len(SEND) - 1, "body"), (SEND.index(b"hello"), "body")],
)
def test_a_stream_that_ends_inside_a_frame(parser: Implementation, size: int, where: str) -> None:
    one = parser.new()
    list(one.feed(SEND[:size]))
    with pytest.raises(RemoteProtocolError, match=f"ends inside a {where}") as caught:
        one.end()
    assert (caught.value.rank, caught.value.offset) == ("stream", size)
    assert str(caught.value) == f"{caught.value.message} (at octet {size})"


@implementation
def test_after_an_error_of_the_stream_the_parser_is_done(parser: Implementation) -> None:
    one = parser.new()
    one.feed(OK + b"GET / HTTP/1.1\r\n" + OK)
    assert next(one).status == 200
    uses: list[Any] = [lambda: next(one), lambda: one.feed(OK), one.rest, one.end, lambda: list(one)]
    for use in [*uses, *uses]:
        with pytest.raises(RemoteProtocolError, match="MSRP") as caught:
            use()
        assert (caught.value.rank, caught.value.offset) == ("stream", len(OK))


@implementation
def test_nothing_confidential_is_shown(parser: Implementation) -> None:
    assert "secret" not in repr(parser.frame_of(SEND))
    assert "hello" not in repr(parser.frame_of(SEND))
    wrong = SEND.replace(b"A;tcp", b"A;t\xe9p")
    assert "secret" not in repr(parser.error(wrong)) + str(parser.error(wrong))
    for value in (b"Message-ID: secretA\x01", b"Byte-Range: secretA", b"Success-Report: secretA"):
        fault = parser.frame_of(SEND.replace(b"Message-ID: 87652491", value)).fault()
        assert fault is not None
        assert "secret" not in repr(fault) + str(fault)


def test_both_normalise_alike() -> None:
    """The helper the other tests stand on: pieces are joined, and told from a body cut short."""
    one = COMPILED.new()
    events = [event for start in range(len(SEND)) for event in one.feed(SEND[start : start + 1])]
    assert normalise(events) == normalise(COMPILED.events(SEND))
    assert [said[0] for said in normalise(events)] == ["frame", "body", "end"]
    assert normalise(events[:3])[-1] == ("body so far", SEND.index(b"hello"), b"he")
