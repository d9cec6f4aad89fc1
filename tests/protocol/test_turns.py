"""Who may write next, and how much: messages, sessions, slow lines (RFC 4975 section 7.1.1)."""

from __future__ import annotations

from collections import Counter

import pytest

from msrp_core import Frame, request
from msrp_peer.protocol.endpoint import Endpoint
from msrp_peer.protocol.outgoing import Outgoing
from msrp_peer.protocol.turns import Pace
from msrp_peer.terms.limits import Limits
from support.by_hand import ByHand

K = 1024
ONE = Limits(turn=1)  # one chunk a turn


def two_sessions(limits: Limits) -> tuple[ByHand, Endpoint, Endpoint]:
    hand = ByHand(limits=limits)
    one = hand.bind()
    hand.own = hand.fresh()
    return hand, one, hand.bind()


def full(endpoint: Endpoint, size: int) -> Outgoing:
    outgoing = endpoint.send("a/b", size, failure_report="no")
    outgoing.feed(bytes(size))
    outgoing.end()
    return outgoing


def turn(hand: ByHand) -> list[Frame]:
    data = b"".join(hand.connection.data_to_send(hand.now))
    return [event for event in hand.parser.feed(data) if isinstance(event, Frame)]


@pytest.mark.rule("4975 7.1.1-25")
def test_a_session_with_many_messages_has_no_larger_share() -> None:
    hand, one, other = two_sessions(ONE)
    for _ in range(20):
        full(one, 20 * K)
    alone = full(other, 20 * K)
    octets: Counter[bool] = Counter()
    for _ in range(20):
        for frame in turn(hand):
            octets[frame.message_id == alone.message_id] += len(frame)
    assert octets == {True: 20 * K, False: 20 * K}


def test_any_number_of_messages_take_turns() -> None:
    hand, one, _ = two_sessions(ONE)
    messages = [full(one, 4 * K) for _ in range(500)]
    order = [frame.message_id for _ in range(1000) for frame in turn(hand)]
    ids = [message.message_id for message in messages]
    assert order == ids + ids


def test_a_short_message_waits_for_one_chunk_of_each_session_at_most() -> None:
    hand, one, other = two_sessions(ONE)
    for endpoint in (one, other):
        for _ in range(50):
            full(endpoint, 100 * K)
    turn(hand)
    line = full(other, 5)
    sizes = []
    while not sizes or sizes[-1] != 5:
        sizes += [len(frame) for frame in turn(hand)]
        assert len(sizes) <= 101, "its own session's messages are before it, once"
    assert set(sizes[:-1]) == {2 * K}
    assert line.state == "out"


@pytest.mark.rule("4975 7.1.1-15 7.1.1-19 7.1.1-24")
def test_a_chunk_above_2048_octets_may_be_interrupted_and_says_so() -> None:
    """And at each of its ends whatever waits goes first: answers, reports, other messages."""
    hand, one, _ = two_sessions(ONE)
    full(one, 200 * K)
    (first,) = turn(hand)
    assert (len(first), first.flag, first.header("Byte-Range")) == (64 * K, "+", f"1-*/{200 * K}")
    line = full(one, 5)
    hand.connection.receive(request("FOO", hand.to, hand.own)[1], hand.now)
    assert [frame.status for frame in turn(hand)] == [501], "an answer"
    assert [len(frame) for frame in turn(hand)] == [2 * K], "a message that waits shortens the next"
    assert [frame.message_id for frame in turn(hand)] == [line.message_id]
    assert [len(frame) for frame in turn(hand)] == [64 * K]


@pytest.mark.rule("4975 7.1.1-24")
def test_a_report_goes_before_chunks() -> None:
    hand, one, other = two_sessions(ONE)
    full(one, 200 * K)
    turn(hand)
    hand.connection.receive(hand.chunk("msg1", b"x", 1, 1, "$", ("Success-Report", "yes")), hand.now)
    other.inbox[0].confirm()
    assert [frame.method or frame.status for frame in turn(hand)] == [200, "REPORT"]


# --- how much -------------------------------------------------------------------------------


def test_on_a_slow_line_little_is_written_at_a_time() -> None:
    """So that what is cut next need not wait for what is written already."""
    hand, one, _ = two_sessions(Limits())
    full(one, 10_000 * K)
    sizes = []
    for _ in range(12):
        sizes.append(sum(len(frame) for frame in turn(hand)))
        hand.now += 0.2  # the network took that long
    assert sizes[:6] == [64 * K, 32 * K, 16 * K, 8 * K, 4 * K, 2 * K]
    assert sizes[6:] == [2 * K] * 6, "never less than the RFC wants"
    sizes = []
    for _ in range(8):
        hand.now += 0.001
        sizes.append(sum(len(frame) for frame in turn(hand)))
    assert sizes[-1] == 64 * K, "and much again on a fast one"


def test_silence_of_ours_is_no_slow_line() -> None:
    hand, one, _ = two_sessions(Limits())
    for _ in range(5):
        full(one, 70 * K)
        assert sum(map(len, hand.hear())) == 70 * K
        hand.now += 100
    outgoing = one.send("a/b", None)
    outgoing.feed(bytes(64 * K))
    assert [len(frame) for frame in turn(hand)] == [64 * K]


def test_half_of_the_time_is_for_a_network_that_is_late() -> None:
    """A line of 2.5 MB/s: what goes out in one go takes no more than 25 of the 50 ms."""
    hand, one, _ = two_sessions(Limits())
    full(one, 10_000 * K)
    sizes = []
    for _ in range(12):
        sizes.append(sum(len(frame) for frame in turn(hand)))
        hand.now += sizes[-1] / 2.5e6
    assert sizes == [64 * K] + [32 * K] * 11


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.01, 0.024])
def test_a_backlog_that_is_short_enough_is_left_as_it_is_or_grows(seconds: float) -> None:
    pace = Pace(Limits())
    for i in range(10):
        pace.asked(i * seconds)
        assert pace.octets == 64 * K
        pace.gave(i * seconds, more=True)
