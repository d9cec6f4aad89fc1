"""Which requests are answered, which are reported on, and which never (RFC 4975 section 7.1)."""

from __future__ import annotations

import pytest

from msrp_core import Frame
from msrp_peer.protocol.auth import Terms
from msrp_peer.protocol.outgoing import Outgoing
from msrp_peer.terms.content import Accepts
from msrp_peer.terms.limits import Limits
from support.by_hand import ByHand, statuses

NO, PARTIAL = ("Failure-Report", "no"), ("Failure-Report", "partial")
SUCCESS = ("Success-Report", "yes")


@pytest.mark.parametrize(
    ("header", "good", "bad"),
    [
        (("Failure-Report", "yes"), [200], [415]),
        (PARTIAL, [], [415]),
        (NO, [], []),
    ],
)
@pytest.mark.rule("4975 7.1.4-1 7.1.4-4 7.1.4-5 7.1.4-6 7.2-1 7.3-3 7.3.1-8")
def test_failure_report(header: tuple[str, str], good: list[int], bad: list[int]) -> None:
    hand = ByHand(terms=Terms(Accepts.parse("text/plain")))
    endpoint = hand.bind()
    assert statuses(hand.say(hand.chunk("msg1", b"x", 1, "*", "$", header))) == good
    assert statuses(hand.say(hand.chunk("msg2", b"x", 1, "*", "$", header, kind="a/b"))) == bad
    assert [m.message_id for m in endpoint.inbox] == ["msg1"]
    hand.to = hand.fresh()
    heard = statuses(hand.say(hand.chunk("msg3", b"x", 1, "*", "$", header)))
    assert heard == ([481] if bad else [])


@pytest.mark.rule("4975 5.3-2 7.1.2-1 7.1.2-2 7.1.2-3 7.1.3-1 7.1.3-2 7.1.3-3")
def test_success_report_over_the_whole() -> None:
    hand = ByHand()
    endpoint = hand.bind()
    first = hand.say(hand.chunk("msg1", b"hello", 1, 11, "+", SUCCESS))
    assert statuses(first) == [200]
    message = endpoint.inbox[0]
    message.confirm()
    assert hand.hear() == [], "not before it is whole"
    assert statuses(hand.say(hand.chunk("msg1", b" world", 6, 11, "$", SUCCESS))) == [200]
    assert hand.hear() == [], "nor before somebody has taken it"
    message.confirm()
    message.confirm()
    (report,) = hand.hear()
    assert report.method == "REPORT"
    assert (report.to_path, report.from_path) == (hand.own, hand.to)
    assert report.message_id == "msg1"
    assert report.header("Byte-Range") == "1-11/11"
    assert report.header("Status") == "000 200 OK"
    assert report.header("Failure-Report") is None
    assert report.header("Success-Report") is None


@pytest.mark.rule("4975 7.1.3-1")
def test_success_report_without_any_response() -> None:
    hand = ByHand()
    endpoint = hand.bind()
    assert hand.say(hand.chunk("msg1", b"x", 1, 1, "$", SUCCESS, NO)) == []
    endpoint.inbox[0].confirm()
    (report,) = hand.hear()
    assert report.method == "REPORT"


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ((SUCCESS,), ["000 403 refused"]),
        ((SUCCESS, PARTIAL), ["000 403 refused"]),
        ((SUCCESS, NO), []),
        ((), []),
    ],
)
@pytest.mark.rule("4975 5.3-3 7.1.4-2 7.1.4-3 7.1.4-8")
def test_a_whole_message_that_nobody_wanted(headers: tuple[tuple[str, str], ...], told: list[str]) -> None:
    hand = ByHand()
    endpoint = hand.bind()
    hand.say(hand.chunk("msg1", b"x", 1, 1, "$", *headers))
    endpoint.inbox[0].refuse(403)
    endpoint.inbox[0].refuse(403)
    endpoint.inbox[0].confirm()
    assert [report.header("Status") for report in hand.hear()] == told


@pytest.mark.rule("4975 7.1.1-26 7.3.2-1")
def test_a_message_that_wants_a_report_waits_for_it() -> None:
    hand = ByHand()
    endpoint = hand.bind()
    outgoing = endpoint.send("text/plain", 5, success_report=True)
    outgoing.feed(b"hello")
    outgoing.end()
    (sent,) = hand.hear()
    assert sent.success_report
    hand.answer(sent)
    assert outgoing.state == "awaiting", "its octets are there, and nobody has them yet"
    status = ("Status", "000 200 OK")
    ours = ("Message-ID", outgoing.message_id)
    hand.say(hand.frame([ours, ("Byte-Range", "1-4/5"), status], method="REPORT"))
    assert outgoing.state == "awaiting", "a report about a part"
    hand.say(hand.frame([ours, ("Byte-Range", "5-5/5"), status], method="REPORT"))
    assert outgoing.state == "delivered"


def test_a_report_may_come_before_the_last_response() -> None:
    hand = ByHand()
    endpoint = hand.bind()
    outgoing = endpoint.send("text/plain", 0, success_report=True)
    outgoing.end()
    (sent,) = hand.hear()
    report = [("Message-ID", outgoing.message_id), ("Byte-Range", "1-0/0"), ("Status", "000 200 OK")]
    hand.say(hand.frame(report, method="REPORT"))
    assert outgoing.state == "awaiting"
    hand.answer(sent)
    assert outgoing.state == "delivered"


def test_a_report_that_it_was_not_wanted_fails_it() -> None:
    hand = ByHand()
    endpoint = hand.bind()
    outgoing = endpoint.send("text/plain", 5, success_report=True)
    outgoing.feed(b"hello")
    outgoing.end()
    (sent,) = hand.hear()
    hand.answer(sent)
    report = [("Message-ID", outgoing.message_id), ("Byte-Range", "1-5/5"), ("Status", "000 403 refused")]
    hand.say(hand.frame(report, method="REPORT"))
    assert (outgoing.state, outgoing.status) == ("failed", 403)


@pytest.mark.rule("4975 7.1.3-5")
def test_no_success_report_unasked_nor_for_what_was_given_up_or_refused() -> None:
    hand = ByHand(terms=Terms(Accepts.parse("text/plain")))
    hand.bind()
    heard = hand.say(
        hand.chunk("msg1", b"x", 1, 1, "$", ("Success-Report", "no")),
        hand.chunk("msg2", b"x", 1, 9, "#", SUCCESS),
        hand.chunk("msg3", b"x", 1, 1, "$", SUCCESS, kind="a/b"),
    )
    assert statuses(heard) == [200, 200, 415]


@pytest.mark.rule("4975 7.1.1-11 7.1.2-6 7.1.2-8 7.1.2-9")
def test_a_report_is_never_answered() -> None:
    hand = ByHand()
    hand.bind()
    status = ("Status", "000 200 OK")
    right = [("Message-ID", "msg1"), ("Byte-Range", "1-5/5"), status]
    reports = [
        hand.frame(right, method="REPORT"),
        hand.frame([("Message-ID", "msg1"), status], method="REPORT"),
        hand.frame([status], method="REPORT"),
        hand.frame([("Message-ID", "msg1")], method="REPORT"),
        hand.frame([("Message-ID", "msg1"), ("Status", "garbage")], method="REPORT"),
        hand.frame([("Message-ID", "msg1"), ("Status", "000")], method="REPORT"),
        hand.frame([*right, ("Content-Type", "a/b")], b"x" * 20000, method="REPORT"),
    ]
    assert hand.say(*reports) == []
    hand.to = hand.fresh()
    assert hand.say(hand.frame(right, method="REPORT")) == []
    assert hand.connection.state == "open"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("000 200 OK", "awaiting"),
        ("000 413", "failed"),
        ("000 481 gone", "failed"),
        ("001 413 of another namespace", "awaiting"),
        ("000 41x", "awaiting"),
    ],
)
@pytest.mark.rule("4975 7.3.2-2")
def test_a_failure_report_counts_like_a_response(status: str, state: str) -> None:
    hand = ByHand()
    endpoint = hand.bind()
    outgoing, other = endpoint.send("a/b", 1), endpoint.send("a/b", 1)
    for message in (outgoing, other):
        message.feed(b"x")
        message.end()
    frames = hand.hear()
    headers = [("Message-ID", outgoing.message_id), ("Byte-Range", "1-1/1"), ("Status", status)]
    assert hand.say(hand.frame(headers, method="REPORT")) == []
    assert outgoing.state == state
    hand.answer(*frames)
    assert outgoing.state == ("failed" if state == "failed" else "delivered")
    assert other.state == ("failed" if "481" in status else "delivered"), "481 ends the session"
    assert hand.say(hand.frame(headers, method="REPORT")) == []


def test_a_report_from_elsewhere_is_ignored() -> None:
    hand = ByHand()
    endpoint = hand.bind()
    outgoing = endpoint.send("a/b", 1)
    outgoing.feed(b"x")
    outgoing.end()
    hand.hear()
    headers = [("Message-ID", outgoing.message_id), ("Status", "000 413")]
    hand.own = hand.fresh()
    hand.say(hand.frame(headers, method="REPORT"))
    assert outgoing.state == "awaiting"


def test_a_report_begins_no_session() -> None:
    hand = ByHand()
    hand.to = hand.ask(("Accept-Types", "*")).header("Use-Path") or ""
    headers = [("Message-ID", "msg1"), ("Status", "000 200 OK")]
    assert hand.say(hand.frame(headers, method="REPORT")) == []
    assert not hand.connection.arrived
    assert statuses(hand.say(hand.frame([("Message-ID", "msg1")]))) == [200]
    assert hand.connection.arrived


# --- in parts -------------------------------------------------------------------------------


def begun(octets: int) -> tuple[ByHand, Outgoing, list[Frame]]:
    """A message that wants a report, all out; each of its chunks."""
    hand = ByHand()
    endpoint = hand.bind()
    outgoing = endpoint.send("a/b", octets, success_report=True)
    outgoing.feed(bytes(octets))
    outgoing.end()
    return hand, outgoing, hand.hear()


def reported(hand: ByHand, outgoing: Outgoing, *ranges: str, status: str = "000 200 OK") -> None:
    for each in ranges:
        headers = [("Message-ID", outgoing.message_id), ("Byte-Range", each), ("Status", status)]
        assert hand.say(hand.frame(headers, method="REPORT")) == []


@pytest.mark.rule("4975 7.1.3-5")
@pytest.mark.parametrize(
    "ranges",
    [
        ["1-100000/100000"],
        ["1-50000/100000", "1-100000/100000"],
        ["1-50000/100000", "50001-100000/100000"],
        ["70001-100000/*", "1-20000/*", "20001-70000/*"],
        ["30000-100000/100000", "1-40000/*"],
        ["1-*/*"],
    ],
)
def test_success_is_reported_in_any_ranges_and_order(ranges: list[str]) -> None:
    """RFC 4975 section 7.1.3: at once, cumulative, or chunk by chunk."""
    hand, outgoing, frames = begun(100_000)
    hand.answer(*frames)
    reported(hand, outgoing, *ranges[:-1])
    assert outgoing.state == "awaiting"
    reported(hand, outgoing, ranges[-1])
    assert (outgoing.state, outgoing.reported) == ("delivered", 100_000)


def test_a_gap_in_the_reports_is_no_delivery() -> None:
    hand, outgoing, frames = begun(100_000)
    hand.answer(*frames)
    reported(hand, outgoing, "1-49999/100000", "50001-100000/100000", "7-5/*", "200000-300000/*")
    assert (outgoing.state, outgoing.reported) == ("awaiting", 49_999)


def test_reports_about_octets_not_sent_yet_count_for_nothing() -> None:
    hand = ByHand()
    endpoint = hand.bind()
    outgoing = endpoint.send("a/b", None, success_report=True)
    outgoing.feed(bytes(65_536))
    frames = hand.hear()
    reported(hand, outgoing, "1-1000000/1000000")
    assert outgoing.reported == 65_536
    outgoing.feed(bytes(4_464))
    outgoing.end()
    hand.answer(*frames, *hand.hear())
    assert outgoing.state == "awaiting"
    reported(hand, outgoing, "1-70000/70000")
    assert outgoing.state == "delivered"


def test_a_report_about_all_outweighs_an_answer_that_is_late() -> None:
    hand, outgoing, _ = begun(100)
    reported(hand, outgoing, "1-100/100")
    assert outgoing.state == "awaiting"
    hand.wait(30)
    assert outgoing.state == "delivered"
    hand, outgoing, _ = begun(100)
    reported(hand, outgoing, "1-99/100")
    hand.wait(30)
    assert (outgoing.state, outgoing.status) == ("failed", 408)


def test_ever_more_ranges_take_no_more_memory() -> None:
    hand, outgoing, frames = begun(100_000)
    hand.answer(*frames)
    for at in range(2, 20_000, 200):
        octets = [f"{at + i}-{at + i}/*" for i in range(0, 200, 2)]
        reported(hand, outgoing, *octets)
    assert len(outgoing._spoken_of._starts) == 1024
    reported(hand, outgoing, "1-100000/100000")
    assert outgoing.state == "delivered"


def test_a_long_message_is_reported_while_it_is_taken() -> None:
    """RFC 4975 section 7.1.3: incremental reports, each about all so far."""
    hand = ByHand(limits=Limits(reported=1000, unopened=100_000))
    endpoint = hand.bind()
    for i in range(5):
        hand.say(hand.chunk("msg1", bytes(5000), 1 + 5000 * i, 25_000, "$" if i == 4 else "+", SUCCESS, NO))
    message = endpoint.inbox[0]
    message.open()
    while message.take():
        pass
    assert len(hand.connection.outlet.said) == 4
    message.confirm()
    ranges = [frame.header("Byte-Range") for frame in hand.hear()]
    assert ranges == [f"1-{5000 * i}/25000" for i in range(1, 6)], "the last once it was taken"


def test_a_long_message_of_which_no_report_was_asked() -> None:
    hand = ByHand(limits=Limits(reported=10))
    endpoint = hand.bind()
    hand.say(hand.chunk("msg1", bytes(5000), 1, 5000))
    endpoint.inbox[0].open()
    endpoint.inbox[0].take()
    endpoint.inbox[0].confirm()
    assert hand.hear() == []


@pytest.mark.rule("4975 7.1.2-10")
def test_no_report_goes_out_on_a_session_that_is_over() -> None:
    hand = ByHand()
    endpoint = hand.bind()
    hand.say(hand.chunk("msg1", b"x", 1, 1, "$", SUCCESS))
    endpoint.close(None)
    endpoint.inbox[0].confirm()
    assert hand.hear() == []
