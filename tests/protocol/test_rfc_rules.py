"""Rules of RFC 4975 that no other test has for its subject."""

from __future__ import annotations

import pytest

from docs.flow import run
from msrp_core import Frame, Parser
from msrp_peer.protocol.endpoint import Endpoint
from msrp_peer.terms.limits import Limits
from support.by_hand import ByHand, Rung, content, statuses

K = 1024
SUCCESS = ("Success-Report", "yes")


def begin(limits: Limits | None = None) -> tuple[ByHand, Endpoint]:
    hand = ByHand(limits=limits)
    return hand, hand.bind()


@pytest.mark.rule("4975 5.4-14 5.4-20 7.3-2")
def test_a_session_that_failed_begins_again_with_other_uris_alone() -> None:
    hand, endpoint = begin()
    hand.connection.lost("the cable was cut")
    assert endpoint.closed
    again = ByHand()
    again.to, again.own = hand.to, hand.own
    assert statuses(again.say(again.chunk("msg1", b"hello"))) == [481]
    again.bind()
    assert again.to != hand.to


@pytest.mark.rule("4975 5.4-15 5.4-16 7.3.1-5")
@pytest.mark.parametrize("whole", [False, True])
def test_sent_again_in_the_next_session_its_chunks_may_come_in_any_order(whole: bool) -> None:
    hand = ByHand()
    hand.own = hand.own.replace("://", "://im%3Aalice%40lan@")
    first = hand.bind()
    hand.say(hand.chunk("msg1", b"hello ", 1, 11, "+"))
    if whole:
        hand.say(hand.chunk("msg1", b"world", 7, 11))
    hand.connection.lost("the cable was cut")
    assert first.inbox[0].state == ("whole" if whole else "cut")
    again = ByHand(budget=hand.connection.budget)
    again.own = again.own.replace("://", "://im%3Aalice%40lan@")
    endpoint = again.bind()
    heard = again.say(again.chunk("msg1", b"world", 7, 11), again.chunk("msg1", b"hello ", 1, 11, "+"))
    assert statuses(heard) == [200, 200]
    (message,) = endpoint.inbox
    assert (message.state, content(message), message.duplicate) == ("whole", b"hello world", True)
    late = again.say(again.chunk("msg1", b"world", 7, 11))
    assert statuses(late) == [200], "one that comes twice is no new message"
    assert len(endpoint.inbox) == 1


@pytest.mark.rule("4975 5.4-16")
@pytest.mark.parametrize("cut", [-5, None])
def test_what_comes_again_while_it_is_arriving_is_a_duplicate_too(cut: int | None) -> None:
    """Its sender may have given up waiting: one of both is marked, however each of them ends."""
    hand = ByHand()
    again = ByHand(budget=hand.connection.budget)
    for side in (hand, again):
        side.own = side.own.replace("://", "://im%3Aalice%40lan@")
    first, second = hand.bind(), again.bind()
    octets = hand.chunk("msg1", b"hello ", 1, 11, "+")
    hand.say(octets[:cut])
    again.say(again.chunk("msg1", b"hello world", 1, 11))
    hand.say(*([octets[cut:]] if cut else []), hand.chunk("msg1", b"world", 7, 11))
    messages = [*first.inbox, *second.inbox]
    assert [(m.state, content(m), m.duplicate) for m in messages] == [
        ("whole", b"hello world", False),
        ("whole", b"hello world", True),
    ]


@pytest.mark.rule("4975 7.1.1-4")
def test_every_chunk_asks_for_the_same_reports() -> None:
    hand, endpoint = begin()
    outgoing = endpoint.send("a/b", 150 * K, success_report=True)
    outgoing.feed(bytes(150 * K))
    outgoing.end()
    frames = hand.hear()
    assert [frame.header("Success-Report") for frame in frames] == ["yes"] * 3
    assert {frame.failure_report for frame in frames} == {"yes"}
    assert {frame.message_id for frame in frames} == {outgoing.message_id}


@pytest.mark.rule("4975 7.1.1-6")
def test_a_session_that_ends_before_the_report_came_fails_the_message() -> None:
    hand, endpoint = begin()
    outgoing = endpoint.send("a/b", 1, success_report=True)
    outgoing.feed(b"x")
    outgoing.end()
    hand.answer(*hand.hear())
    assert outgoing.state == "awaiting"
    hand.end()
    assert outgoing.state == "failed"
    assert outgoing.reason


def test_a_report_makes_up_for_an_answer_that_never_comes() -> None:
    """And whoever waits is woken."""
    hand, endpoint = begin()
    outgoing = endpoint.send("a/b", 1, success_report=True)
    outgoing.feed(b"x")
    outgoing.end()
    hand.hear()
    report = [("Message-ID", outgoing.message_id), ("Byte-Range", "1-1/1"), ("Status", "000 200 OK")]
    hand.say(hand.frame(report, method="REPORT"))
    bell = outgoing.bell = Rung()
    hand.wait(30)
    assert (outgoing.state, bell.times) == ("delivered", 1)


@pytest.mark.rule("4975 7.1.1-10")
def test_what_is_not_said_is_failure_report_yes_and_success_report_no() -> None:
    hand, endpoint = begin()
    assert statuses(hand.say(hand.chunk("msg1", b"hello", 1, 5))) == [200]
    message = endpoint.inbox[0]
    content(message)
    message.confirm()
    assert hand.hear() == []


@pytest.mark.rule("4975 7.1.1-25")
def test_sessions_on_one_connection_take_turns() -> None:
    hand, one = begin(Limits(turn=1))  # one chunk a turn, as on a slow line
    hand.own = hand.fresh()
    other = hand.bind()
    for endpoint in (one, other):
        outgoing = endpoint.send("a/b", 100 * K)
        outgoing.feed(bytes(100 * K))
        outgoing.end()
    senders = [frame.from_path for frame in hand.hear()]
    turns = [one.local, other.local] * 50
    assert senders == turns
    assert len(set(turns)) == 2


@pytest.mark.rule("4975 7.1.1-26")
def test_reports_speak_of_octets_and_not_of_the_chunks_sent() -> None:
    """A relay may cut them anew."""
    hand, endpoint = begin()
    outgoing = endpoint.send("a/b", 100 * K, success_report=True)
    outgoing.feed(bytes(100 * K))
    outgoing.end()
    hand.answer(*hand.hear())
    ours = ("Message-ID", outgoing.message_id)
    size = 100 * K
    for end in (1000, 70_000, size):
        assert outgoing.state == "awaiting"
        report = [ours, ("Byte-Range", f"1-{end}/{size}"), ("Status", "000 200 OK")]
        hand.say(hand.frame(report, method="REPORT"))
    assert outgoing.state == "delivered"


@pytest.mark.rule("4975 7.1.1-28")
def test_no_frame_of_ours_names_a_transfer_encoding() -> None:
    frames = [frame for _, _, octets in run() for frame in Parser().feed(octets)]
    names = [name.lower() for frame in frames if isinstance(frame, Frame) for name, _ in frame.headers]
    assert "content-disposition" in names
    assert not [name for name in names if name.startswith("content-transfer")]


@pytest.mark.rule("4975 7.1.2-10 7.3.2-4")
def test_reports_of_a_session_that_is_over() -> None:
    hand, endpoint = begin()
    hand.own = hand.fresh()
    hand.bind()  # so that the line stays
    hand.to, hand.own = endpoint.local, endpoint.remote
    hand.say(hand.chunk("msg1", b"x", 1, 1, "$", SUCCESS), hand.chunk("msg2", b"x", 1, 1, "$", SUCCESS))
    outgoing = endpoint.send("a/b", 1, success_report=True)
    outgoing.feed(b"x")
    outgoing.end()
    hand.hear()
    hand.connection.leave(endpoint, hand.now)
    first, second = endpoint.inbox
    first.confirm()
    second.refuse(403)
    assert [frame for frame in hand.hear() if frame.method == "REPORT"] == []
    reason = outgoing.reason
    report = [("Message-ID", outgoing.message_id), ("Byte-Range", "1-1/1"), ("Status", "000 200 OK")]
    assert hand.say(hand.frame(report, method="REPORT")) == []
    assert (outgoing.state, outgoing.reason) == ("failed", reason)
    assert hand.connection.state == "open"


@pytest.mark.rule("4975 7.1.4-8 7.1.4-9 7.1-9")
def test_a_failure_report_speaks_of_the_octets_that_came() -> None:
    hand, endpoint = begin()
    hand.say(hand.chunk("msg1", b"hello", 1, 100, "$", SUCCESS, end=100))
    endpoint.inbox[0].refuse(403)
    (report,) = hand.hear()
    assert report.method == "REPORT"
    assert (report.header("Status") or "").startswith("000 403")
    assert report.byte_range is not None
    assert (report.byte_range.start, report.byte_range.end) == (1, 5)
    assert (report.to_path, report.from_path, report.message_id) == (hand.own, hand.to, "msg1")
    assert report.header("Success-Report") is None
    assert report.header("Failure-Report") is None
    assert report.flag == "$"


@pytest.mark.rule("4975 12-2")
def test_headers_nobody_knows_change_nothing() -> None:
    hand, endpoint = begin()
    unknown = [("X-New", "value, with; anything=in it"), ("Expires", "9"), ("Use-Path", "nonsense")]
    assert statuses(hand.say(hand.chunk("msg1", b"hello", 1, 5, "$", *unknown))) == [200]
    assert content(endpoint.inbox[0]) == b"hello"
    outgoing = endpoint.send("a/b", 1)
    outgoing.feed(b"x")
    outgoing.end()
    (frame,) = hand.hear()
    ok = f"MSRP {frame.transaction_id} 200 OK\r\nTo-Path: {hand.to}\r\nFrom-Path: {hand.own}\r\n"
    hand.say(f"{ok}X-New: value\r\nByte-Range: nonsense\r\n-------{frame.transaction_id}$\r\n".encode())
    assert outgoing.state == "delivered"


@pytest.mark.rule("4975 14.5-6")
@pytest.mark.parametrize("total", ["99999999999", str(2**62)])
def test_a_byte_range_beyond_all_bounds_takes_no_memory(total: str) -> None:
    hand, _ = begin()
    budget = hand.connection.budget
    before = budget.memory + budget.disk
    assert statuses(hand.say(hand.chunk("msg1", b"hello", 1, total, "+", end=total))) == [200]
    assert before - (budget.memory + budget.disk) < 4 * K
