"""Faults that other implementations have: each name says what goes wrong there, each test that it does
not here. "Any certificate is accepted" is in tests/aio: what nobody proved never raises a level."""

from __future__ import annotations

import pytest

from msrp_core import Body, Frame, Parser, Uri, request
from msrp_peer.protocol.endpoint import Endpoint
from msrp_peer.terms.limits import Limits
from support.by_hand import ByHand, content, statuses


def begin(limits: Limits | None = None) -> tuple[ByHand, Endpoint]:
    hand = ByHand(limits=limits)
    return hand, hand.bind()


def alive(hand: ByHand, endpoint: Endpoint) -> bool:
    """Whether the session still takes messages."""
    heard = hand.say(hand.chunk("alive", b"alive"))
    return statuses(heard) == [200] and content(endpoint.inbox.pop()) == b"alive"


@pytest.mark.parametrize("flag", ["$", "+", "#"])
def test_a_tcp_split_before_the_flag_loses_the_flag(flag: str) -> None:
    hand, endpoint = begin()
    octets = hand.chunk("msg1", b"hello", 1, 9, flag)
    for at in (1, 2, 3, 4):
        assert hand.say(octets[:-at]) == []
        assert statuses(hand.say(octets[-at:])) == [200]
        state = {"$": "whole", "+": "arriving", "#": "cut"}[flag]
        assert endpoint.inbox.pop().state == state
        endpoint._arriving.clear()
    assert alive(hand, endpoint)


@pytest.mark.parametrize("after", [b"x", b"-", b"\r\n", b"$x", b"$\r", b"$\rx", b"+\n", b"#$\r\n"])
def test_an_end_line_in_the_body_with_another_octet_behind_it_kills_the_connection(after: bytes) -> None:
    hand, endpoint = begin()
    body = b"before\r\n-------idididid" + after + b"after"
    octets = hand.chunk("msg1", body, transaction_id="otherid0").replace(b"otherid0", b"idididid")
    for reads in ([octets], [octets[i : i + 1] for i in range(len(octets))]):
        assert statuses(hand.say(*reads)) == [200]
        assert content(endpoint.inbox.pop()) == body
    assert alive(hand, endpoint)


@pytest.mark.parametrize("case", [bytes.lower, bytes.upper, bytes.swapcase])
def test_header_names_are_case_sensitive(case: type[bytes.lower]) -> None:
    hand, endpoint = begin()
    octets = hand.chunk("msg1", b"hello", 1, 5, "$", ("Success-Report", "YES"), ("Failure-Report", "No"))
    for name in (b"To-Path", b"From-Path", b"Message-ID", b"Byte-Range", b"Content-Type"):
        octets = octets.replace(name, case(name))
    for name in (b"Success-Report", b"Failure-Report"):
        octets = octets.replace(name, case(name))
    assert hand.say(octets) == [], "Failure-Report was read"
    endpoint.inbox[0].confirm()
    assert [frame.method for frame in hand.hear()] == ["REPORT"], "and Success-Report"
    assert content(endpoint.inbox[0]) == b"hello"


def test_max_size_is_checked_for_each_chunk_and_not_in_total() -> None:
    hand, _ = begin(Limits(message=10))
    heard = hand.say(*(hand.chunk("msg1", b"four", 1 + 4 * i, "*", "+") for i in range(4)))
    assert statuses(heard) == [200, 200, 413, 413]
    heard = hand.say(*(hand.chunk("msg2", b"four", 1 + 4 * i, "*", "+") for i in (2, 0, 1)))
    assert statuses(heard) == [413, 200, 200], "whatever the order"


def test_max_size_is_checked_when_the_message_is_complete() -> None:
    hand, _ = begin(Limits(message=1000))
    assert statuses(hand.say(hand.chunk("msg1", bytes(5000), 1, "*")[:3000])) == [413]


def test_octets_that_are_no_utf8_wedge_the_connection() -> None:
    hand, endpoint = begin()
    body = bytes(range(256))
    octets = hand.chunk("msg1", body, 1, 256, "$", ("X-Name", "name"), kind="text/plain;charset=utf-8")
    assert statuses(hand.say(octets)) == [200]
    assert content(endpoint.inbox.pop()) == body
    # In a header they are an error of this one message (RFC 4975 section 9).
    assert statuses(hand.say(octets.replace(b"X-Name: name", b"X-Name: \xff\xfe"))) == [400]
    assert alive(hand, endpoint)


def test_input_octet_by_octet_wedges_the_connection() -> None:
    hand, endpoint = begin()
    octets = hand.chunk("msg1", b"hel", 1, 5, "+") + hand.chunk("msg1", b"lo", 4, 5)
    assert statuses(hand.say(*(octets[i : i + 1] for i in range(len(octets))))) == [200, 200]
    assert content(endpoint.inbox[0]) == b"hello"


@pytest.mark.parametrize(
    "garbage", [b"garbage\r\n", b"\r\n", b"\0" * 100, b"MSRP\r\n", b"msrp abcd SEND\r\n"]
)
def test_a_garbage_line_wedges_the_connection(garbage: bytes) -> None:
    """It is closed at once, with a reason; nobody waits for a frame that never ends."""
    hand, endpoint = begin()
    hand.say(hand.chunk("msg1", b"before"), garbage)
    assert hand.connection.state == "closed"
    assert "broke the protocol" in (endpoint.reason or "")
    assert content(endpoint.inbox[0]) == b"before"


def test_an_unknown_response_wedges_the_connection() -> None:
    hand, endpoint = begin()
    for status in ("200 OK", "481", "999 what", "000"):
        octets = (
            f"MSRP abcd1234 {status}\r\nTo-Path: {hand.to}\r\nFrom-Path: {hand.own}\r\n-------abcd1234$\r\n"
        )
        assert hand.say(octets.encode()) == []
    assert alive(hand, endpoint)


def test_a_send_before_the_signalling_is_done_crashes() -> None:
    hand = ByHand()
    hand.to = Uri.fresh("127.0.0.1", 2855).text
    assert statuses(hand.say(hand.chunk("msg1", b"early"), hand.frame([("Message-ID", "msg2")]))) == [481] * 2
    assert alive(hand, hand.bind())


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_chunks_out_of_order_are_acknowledged_and_lost(order: tuple[int, ...]) -> None:
    hand, endpoint = begin()
    chunks = [hand.chunk("msg1", bytes([i]) * 5, 1 + 5 * i, 15, "$" if i == 2 else "+") for i in range(3)]
    assert statuses(hand.say(*(chunks[i] for i in order))) == [200] * 3
    assert content(endpoint.inbox[0]) == b"\0" * 5 + b"\1" * 5 + b"\2" * 5


def test_binary_chunks_are_acknowledged_and_lost() -> None:
    hand, endpoint = begin()
    body = bytes(range(256)) * 20
    for at in range(0, len(body), 1000):
        flag = "$" if at + 1000 >= len(body) else "+"
        octets = hand.chunk("msg1", body[at : at + 1000], at + 1, len(body), flag, kind="image/x")
        assert statuses(hand.say(octets)) == [200]
    assert content(endpoint.inbox[0]) == body


def test_two_responses_to_one_request() -> None:
    """Refused in the midst of its body, it is not answered again at its end."""
    hand, endpoint = begin(Limits(message=100))
    octets = hand.chunk("msg1", bytes(500), 1, "*")
    assert statuses(hand.say(octets[:300], octets[300:400], octets[400:])) == [413]
    big = request("AUTH", hand.to, hand.own, [("Content-Type", "a/b")], bytes(30_000))[1]
    assert statuses(hand.say(big[:15_000], big[15_000:])) == [413]
    other = request("OTHER", hand.to, hand.own, [("Content-Type", "a/b")], bytes(30_000))[1]
    assert statuses(hand.say(other[:15_000], other[15_000:])) == [501]
    assert alive(hand, endpoint)


@pytest.mark.parametrize("method", ["NICKNAME", "FOO", "SENDX", "A"])
def test_unknown_methods_are_met_with_silence(method: str) -> None:
    hand, endpoint = begin()
    assert statuses(hand.say(hand.frame([("X", "y")], method=method))) == [501]
    assert alive(hand, endpoint)


def test_the_buffer_is_parsed_from_its_start_on_every_read() -> None:
    """There is no such buffer: what is known to be body is handed on and not kept."""
    parser = Parser()
    head, _, _ = request("SEND", "msrp://a:1/x;tcp", "msrp://b:1/y;tcp", [("Content-Type", "a/b")], b"")[
        1
    ].partition(b"\r\n-------")
    list(parser.feed(head))
    handed = 0
    for fed in range(1, 20_001):
        for event in parser.feed(b"\r" if fed % 3 else b"\n"):
            handed += len(event) if isinstance(event, Body | Frame) else 0
        assert fed - handed <= 64


def test_buffers_without_a_bound() -> None:
    """A head has one, a body is kept by nobody but its message, and that counts."""
    hand, _ = begin()
    hand.say(b"MSRP abcd1234 SEND\r\nTo-Path: ", *([b"x" * 1000] * 20))
    assert hand.connection.state == "closed"
    hand, _ = begin(Limits(memory=100_000, spill=100_000, unopened=10_000))
    octets = hand.chunk("msg1", bytes(1_000_000), 1, "*")
    assert statuses(hand.say(*(octets[at : at + 10_000] for at in range(0, len(octets), 10_000)))) == [413]
