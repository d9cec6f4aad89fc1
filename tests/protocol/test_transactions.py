"""Requests and their responses: ids, clocks, codes (RFC 4975 sections 7.1, 7.1.1, 7.2 and 10)."""

from __future__ import annotations

import pytest

from msrp_core import Frame
from msrp_peer.protocol.endpoint import Endpoint
from msrp_peer.protocol.outgoing import FailureReport, Outgoing
from msrp_peer.terms.errors import NotDelivered
from msrp_peer.terms.limits import Limits
from support.by_hand import ByHand, statuses

K = 1024


def begin(limits: Limits | None = None) -> tuple[ByHand, Endpoint]:
    hand = ByHand(limits=limits)
    return hand, hand.bind()


def full(
    endpoint: Endpoint, body: bytes = b"x", kind: str = "a/b", failure_report: FailureReport = "yes"
) -> Outgoing:
    outgoing = endpoint.send(kind, len(body), failure_report=failure_report)
    outgoing.feed(body)
    outgoing.end()
    return outgoing


def report(hand: ByHand, outgoing: Outgoing, status: int) -> list[Frame]:
    """A REPORT about a message; what is heard then."""
    headers = [("Message-ID", outgoing.message_id), ("Byte-Range", "1-1/1"), ("Status", f"000 {status:03d}")]
    return hand.say(hand.frame(headers, method="REPORT"))


@pytest.mark.rule("4975 7.1-1 7.1-2 7.1.1-1")
def test_ids_are_random_and_never_the_same() -> None:
    """Section 7.1: 64 random bits at least in every transaction id; section 7.1.1: a Message-ID
    that nobody makes again. Sixteen digits of 16 values that are each seen everywhere."""
    hand, endpoint = begin()
    frames = [frame for _ in range(300) for frame in (full(endpoint), hand.hear())[1]]
    for ids in ([f.transaction_id for f in frames], [f.message_id or "" for f in frames]):
        assert len(set(ids)) == 300
        assert min(map(len, ids)) >= 16
        for column in zip(*(each[:16] for each in ids), strict=True):
            assert len(set(column)) >= 16


# --- the clock ------------------------------------------------------------------------------


@pytest.mark.rule("4975 7.1.1-7")
def test_the_clock_begins_with_the_last_octet_handed_over() -> None:
    """Section 7.1.1: not with the message, nor with its first chunk."""
    hand, endpoint = begin()
    outgoing = endpoint.send("a/b", None)
    outgoing.feed(b"x" * 64 * K)
    hand.now = 5
    hand.hear()
    hand.now = 9
    outgoing.end()
    first = hand.connection.next_timer()
    hand.hear()
    assert (first, hand.connection.next_timer()) == (35, 35)
    hand.now = 30
    assert outgoing.state == "awaiting"
    hand.wait(5)
    assert (outgoing.state, outgoing.status) == ("failed", 408)


@pytest.mark.rule("4975 7.1.1-7")
def test_the_clock_begins_anew_where_the_network_was_slow() -> None:
    """What data_to_send() gave out is with the network when it is asked for more."""
    hand, endpoint = begin(Limits(turn=1, chunk_alone=2 * K))
    outgoing = full(endpoint, b"x" * 4 * K)
    hand.connection.data_to_send(0)
    assert hand.connection.next_timer() == 30
    hand.now = 25
    hand.connection.data_to_send(25)  # the first chunk took all that time
    assert hand.connection.next_timer() == 55
    hand.connection.data_to_send(28)
    assert hand.connection.next_timer() == 55, "the first chunk's; the second's began anew"
    hand.wait(29.9)
    assert outgoing.state == "awaiting"
    hand.wait(0.1)
    assert outgoing.state == "failed"


def test_a_network_that_takes_nothing_more_is_no_excuse() -> None:
    hand, endpoint = begin()
    outgoing = full(endpoint)
    hand.connection.data_to_send(0)
    hand.connection.handle_timer(30)
    assert (outgoing.state, outgoing.status) == ("failed", 408)


def test_who_hands_octets_over_is_told_whether_a_clock_depends_on_it() -> None:
    hand, endpoint = begin()
    connection = hand.connection
    full(endpoint)
    assert connection.data_to_send(hand.now)
    assert connection.more, "the clock of that chunk begins when the network has it"
    assert not connection.data_to_send(hand.now)
    assert not connection.more
    connection.receive(hand.chunk("msg1", b"x"), hand.now)
    assert connection.data_to_send(hand.now)
    assert not connection.more, "an answer has no clock"


def test_a_request_that_waited_for_the_network() -> None:
    hand, _ = begin()
    asked = hand.connection.request("AUTH", "msrps://127.0.0.1:2855;tcp", hand.own, [], 0)
    hand.now = 20
    hand.hear()
    hand.wait(15)
    assert not asked.over
    hand.wait(15)
    assert asked.failure == "no answer came in time"


@pytest.mark.rule("4975 7.1.1-9")
def test_responses_may_come_in_any_order_and_requests_need_not_wait() -> None:
    """Section 7.1.1: no need to await a response before the next request."""
    hand, endpoint = begin()
    messages = [full(endpoint, b"%d" % i) for i in range(20)]
    frames = hand.hear()
    assert len(frames) == 20
    hand.answer(*frames[::-2])
    hand.answer(*frames[::2])
    assert [m.state for m in messages] == ["delivered"] * 20


def test_two_responses_to_one_request() -> None:
    hand, endpoint = begin()
    one, other = full(endpoint), full(endpoint)
    first, second = hand.hear()
    hand.answer(first)
    hand.answer(first, status=413)
    hand.answer(second, status=403)
    hand.answer(second)
    assert (one.state, other.state, other.status) == ("delivered", "failed", 403)


def test_open_transactions_have_a_bound() -> None:
    """One who answers nothing makes us wait, not grow."""
    hand, endpoint = begin(Limits(unanswered=100))
    messages = [full(endpoint) for _ in range(1000)]
    frames = hand.hear()
    assert (len(frames), len(hand.connection.transactions)) == (100, 100)
    frames = hand.answer(*frames[:30])
    assert len(frames) == 30
    assert sum(m.state == "queued" for m in messages) == 870
    hand.wait(30)
    assert sum(m.state == "failed" for m in messages) == 100
    assert len(hand.connection.transactions) == 100, "then others get their turn"


# --- codes ----------------------------------------------------------------------------------

CODES = {
    400: "did not understand",
    403: "refuses",
    408: "no answer came in time",
    413: "takes no more of it",
    415: "does not take this kind",
    423: "answered 423",
    481: "no such session",
    501: "does not know this request",
    506: "in use on another connection",
    100: "answered 100",
    302: "answered 302",
    500: "answered 500",
    999: "answered 999",
}


@pytest.mark.parametrize("how", ["response", "report"])
@pytest.mark.parametrize("status", CODES)
@pytest.mark.rule("4975 7.3.2-2 10-3 10-9 10-11")
def test_a_code_is_about_the_message_the_session_or_the_type(status: int, how: str) -> None:
    """Section 10; section 7.3.2: a REPORT says the same as a response of its code."""
    hand, endpoint = begin()
    outgoing, other = full(endpoint), full(endpoint, kind="c/d")
    frame, _ = hand.hear()
    heard = hand.answer(frame, status=status) if how == "response" else report(hand, outgoing, status)
    assert heard == [], "all of it is out: nothing to give up"
    assert (outgoing.state, outgoing.status) == ("failed", status)
    assert CODES[status] in outgoing.reason
    assert endpoint.closed == (status in (481, 506))
    assert other.state == ("failed" if endpoint.closed else "awaiting")
    assert hand.connection.state == "open"


@pytest.mark.parametrize("status", [200, 202, 299])
def test_codes_of_success(status: int) -> None:
    hand, endpoint = begin()
    outgoing = full(endpoint)
    hand.answer(*hand.hear(), status=status)
    assert outgoing.state == "delivered"


@pytest.mark.rule("4975 10-4")
def test_408_is_a_timeout_like_our_own() -> None:
    """Section 10.4."""
    hand, endpoint = begin()
    theirs, ours = full(endpoint), full(endpoint)
    frame, _ = hand.hear()
    hand.answer(frame, status=408)
    hand.wait(30)
    assert (theirs.state, theirs.status, theirs.reason) == (ours.state, ours.status, ours.reason)


@pytest.mark.rule("4975 7.3.2-3 10-5 10-6")
def test_413_stops_that_message_and_no_other() -> None:
    """Section 10.5: no further chunk of it, and what is left open is closed with "#"."""
    hand, endpoint = begin(Limits(turn=1))
    stopped = full(endpoint, b"s" * 20 * K)
    other = full(endpoint, b"o" * 6 * K, kind="c/d")
    heard = list(hand.parser.feed(b"".join(hand.connection.data_to_send(0))))
    (first,) = (frame for frame in heard if isinstance(frame, Frame))
    frames = hand.answer(first, status=413)
    mine = [f for f in frames if f.message_id == stopped.message_id]
    assert [(f.flag, bytes(f), f.header("Byte-Range")) for f in mine] == [("#", b"", "2049-2048/20480")]
    hand.answer(*frames)
    assert (stopped.state, other.state) == ("failed", "delivered")


@pytest.mark.rule("4975 10-7")
def test_415_stops_that_type_for_the_session() -> None:
    """Section 10.6: no further messages of that type; other types go on."""
    hand, endpoint = begin(Limits(turn=1, chunk_alone=2 * K))
    first = full(endpoint, kind="text/HTML;charset=utf-8")
    (frame,) = hand.hear()
    running = full(endpoint, b"r" * 4 * K, kind="text/html")
    hand.connection.data_to_send(0)
    waiting, other = full(endpoint, kind="Text/html"), full(endpoint, kind="text/plain")
    hand.answer(frame, status=415)
    assert (first.state, waiting.state, waiting.status) == ("failed", "failed", 415)
    assert "failed" not in (running.state, other.state), "what has begun is answered by itself"
    with pytest.raises(NotDelivered, match="does not take text/html") as refused:
        endpoint.send("text/html", 1)
    assert refused.value.status == 415
    again = hand.bind()
    assert again.send("text/html", 1)


@pytest.mark.rule("4975 12-3")
def test_501_to_an_unknown_method_and_the_session_goes_on() -> None:
    """Sections 10.9 and 12: how a peer learns that an extension is not here."""
    hand, endpoint = begin()
    assert statuses(hand.say(hand.frame([("X", "y")], method="NICKNAME"))) == [501]
    assert statuses(hand.say(hand.chunk("msg1", b"hello"))) == [200]
    assert len(endpoint.inbox) == 1


# --- Failure-Report -------------------------------------------------------------------------


@pytest.mark.rule("4975 7.1.1-3 7.1.1-8")
def test_partial_runs_no_clock_and_hears_of_refusals() -> None:
    """Section 7.1.1: the user must be told of an error; there is no timer."""
    hand, endpoint = begin()
    fine, refused = (full(endpoint, failure_report="partial") for _ in range(2))
    frames = hand.hear()
    assert [f.header("Failure-Report") for f in frames] == ["partial", "partial"]
    assert hand.connection.next_timer() is None
    hand.wait(1e6)
    hand.answer(frames[1], status=413)
    assert (fine.state, refused.state, refused.status) == ("awaiting", "failed", 413)
    endpoint.close(None)
    assert (fine.state, fine.reason) == ("failed", "the session was closed before it was confirmed")


def test_partial_is_refused_by_a_report_too() -> None:
    hand, endpoint = begin()
    outgoing = full(endpoint, failure_report="partial")
    hand.hear()
    report(hand, outgoing, 403)
    assert (outgoing.state, outgoing.status) == ("failed", 403)


def test_partial_is_not_remembered_for_ever() -> None:
    hand, endpoint = begin(Limits(remembered=10, unanswered=10))
    messages = [full(endpoint, failure_report="partial") for _ in range(30)]
    frames = hand.hear()
    assert len(frames) == 30, "no answer is waited for"
    assert [m.state for m in messages] == ["out"] * 20 + ["awaiting"] * 10
    assert (len(endpoint._leaving), len(hand.connection.transactions._quiet)) == (10, 10)
    hand.answer(*frames, status=413)
    assert [m.state for m in messages] == ["out"] * 20 + ["failed"] * 10


def test_partial_that_was_delivered_is_not_remembered() -> None:
    """A connection may stand for days."""
    hand, endpoint = begin()
    outgoing = endpoint.send("a/b", 5 * K, failure_report="partial", success_report=True)
    outgoing.feed(bytes(5 * K))
    outgoing.end()
    frames = [*hand.hear()]
    assert len(hand.connection.transactions._quiet) == len(frames) > 0
    fields = [("Message-ID", outgoing.message_id), ("Byte-Range", "1-5120/5120"), ("Status", "000 200 OK")]
    hand.say(hand.frame(fields, method="REPORT"))
    assert outgoing.state == "delivered"
    assert len(hand.connection.transactions._quiet) == 0
    assert hand.answer(*frames, status=481) == []


@pytest.mark.rule("4975 7.1.1-3 7.1.1-4")
def test_no_waits_for_nothing() -> None:
    """Section 7.1.1: neither clock nor answer."""
    hand, endpoint = begin(Limits(window=4 * K))
    outgoing = full(endpoint, b"x" * 100 * K, failure_report="no")
    frames = hand.hear()
    assert {f.header("Failure-Report") for f in frames} == {"no"}, "each chunk says so"
    assert sum(map(len, frames)) == 100 * K, "and no window waits for answers"
    assert hand.connection.next_timer() is None
    assert (outgoing.state, outgoing.over) == ("out", True)
    hand.answer(*frames, status=413)
    assert outgoing.state == "out"
    assert not endpoint._leaving


def test_the_default_is_not_written() -> None:
    """Section 7.1.1: only what is not the default is said."""
    hand, endpoint = begin()
    full(endpoint)
    (frame,) = hand.hear()
    assert frame.header("Failure-Report") is None
    assert frame.header("Success-Report") is None


@pytest.mark.parametrize("asked", ["yes", "partial", "no"])
def test_a_success_report_confirms_whatever_the_other_header_says(asked: FailureReport) -> None:
    hand, endpoint = begin()
    outgoing = endpoint.send("a/b", 5, failure_report=asked, success_report=True)
    outgoing.feed(b"hello")
    outgoing.end()
    (frame,) = hand.hear()
    if asked == "yes":
        hand.answer(frame)
    assert outgoing.state == "awaiting"
    headers = [("Message-ID", outgoing.message_id), ("Byte-Range", "1-5/5"), ("Status", "000 200 OK")]
    hand.say(hand.frame(headers, method="REPORT"))
    assert outgoing.state == "delivered"


# --- over again -----------------------------------------------------------------------------


@pytest.mark.rule("4975 5.4-15")
def test_sent_again_in_the_next_session_under_the_same_id() -> None:
    """Section 5.4."""
    hand, endpoint = begin()
    outgoing = full(endpoint, b"hello")
    (first,) = hand.hear()
    hand.connection.lost("the connection broke")
    assert outgoing.state == "failed"
    hand, endpoint = begin()
    again = endpoint.send("a/b", 5, message_id=outgoing.message_id)
    again.feed(b"hello")
    again.end()
    (second,) = hand.hear()
    assert second.message_id == first.message_id
    assert second.transaction_id != first.transaction_id
