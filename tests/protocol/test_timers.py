"""Time is an argument: what waits, how long, and what is said when it is over."""

from __future__ import annotations

import pytest

from msrp_core import request
from msrp_peer.protocol.connection import Connection
from msrp_peer.terms.limits import Limits
from support.by_hand import ANY, LISTENER, ByHand, statuses
from support.pair import Pair, Toy

K = 1024


@pytest.mark.rule("4975 7.1.1-7 10-4")
def test_a_chunk_without_an_answer() -> None:
    hand = ByHand()
    endpoint = hand.bind()
    early = endpoint.send("a/b", 1)
    early.feed(b"x")
    early.end()
    hand.hear()
    hand.now = 10.0
    late = endpoint.send("a/b", None)
    late.feed(b"x" * 64 * K)
    hand.hear()
    assert hand.connection.next_timer() == 30.0
    hand.wait(19.9)
    assert early.state == "awaiting"
    hand.wait(0.1)
    assert (early.state, early.status) == ("failed", 408)
    assert early.reason == "no answer came in time"
    assert late.state == "sending"
    assert hand.connection.next_timer() == 40.0
    (notice,) = hand.wait(10)
    assert (late.state, late.status, notice.flag) == ("failed", 408, "#")
    assert hand.connection.next_timer() is None
    assert hand.connection.state == "open", "one message, not the session"


def test_an_answer_that_comes_too_late() -> None:
    hand = ByHand()
    endpoint = hand.bind()
    outgoing = endpoint.send("a/b", 1)
    outgoing.feed(b"x")
    outgoing.end()
    (frame,) = hand.hear()
    hand.wait(31)
    hand.answer(frame)
    assert outgoing.state == "failed"


def test_a_request_without_an_answer() -> None:
    hand = ByHand()
    asked = hand.connection.request("AUTH", LISTENER, hand.own, [], hand.now)
    answered = hand.connection.request("AUTH", LISTENER, hand.own, [], hand.now)
    _, second = hand.hear()
    hand.answer(second, status=501)
    hand.wait(30)
    assert asked.over
    assert asked.response is None
    assert asked.failure == "no answer came in time"
    assert answered.response is not None
    assert answered.response.status == 501
    assert answered.failure is None


# --- the handshake --------------------------------------------------------------------------


def test_a_handshake_that_never_ends() -> None:
    connection = Connection([Toy()], terms=ANY, limits=Limits(handshake=0.3))
    connection.begin(100.0)
    assert connection.next_timer() == 100.3
    connection.receive(b"\x01", 100.2)  # half a hello
    connection.handle_timer(100.29)
    assert connection.state == "securing"
    connection.handle_timer(100.3)
    assert connection.state == "closed"
    assert connection.reason == (
        "the other side did not finish the handshake, or begin a session, within 0.3 s"
    )
    assert connection.next_timer() is None


def test_a_handshake_after_which_no_session_begins() -> None:
    pair = Pair(limits=Limits(handshake=0.3, stall=0.2))
    pair.run()
    assert pair.right.state == "open"
    pair.right.handle_timer(0.29)
    assert pair.right.state == "open", "silence is not half a frame"
    pair.right.handle_timer(0.3)
    assert pair.right.state == "closed"
    assert "begin a session" in (pair.right.reason or "")


def test_grants_that_are_never_used_keep_nobody() -> None:
    hand = ByHand(limits=Limits(handshake=1))
    assert hand.ask(("Accept-Types", "*")).status == 200
    hand.wait(1)
    assert hand.connection.state == "closed"


def test_a_session_may_be_silent_for_ever() -> None:
    hand = ByHand()
    hand.bind()
    assert hand.connection.next_timer() is None
    hand.wait(1e9)
    assert hand.connection.state == "open"


# --- stalls ---------------------------------------------------------------------------------

LIMITS = Limits(stall=10, stall_octets=100)


def test_a_frame_that_stops_in_the_middle() -> None:
    hand = ByHand(limits=LIMITS)
    endpoint = hand.bind()
    octets = hand.chunk("msg1", b"x" * 1000, 1, 1000)
    hand.say(octets[:600])
    assert hand.connection.next_timer() == 10
    hand.wait(9.9)
    assert hand.connection.state == "open"
    hand.wait(0.1)
    assert hand.connection.state == "closed"
    assert hand.connection.reason == (
        "the other side stalled in the middle of a frame: fewer than 100 octets in 10 s"
    )
    (message,) = endpoint.inbox
    assert message.state == "cut"
    assert "stalled" in message.reason
    assert 0 < len(message.take()) < 600, "what came stays"


def test_one_octet_a_minute() -> None:
    hand = ByHand(limits=LIMITS)
    hand.bind()
    octets = hand.chunk("msg1", b"x" * 1000, 1, 1000)
    for i in range(10):
        assert hand.connection.state == "open"
        hand.say(octets[i : i + 1])
        hand.wait(1)
    assert hand.connection.state == "closed"


def test_a_slow_line_is_no_stall() -> None:
    hand = ByHand(limits=LIMITS)
    hand.bind()
    octets = hand.chunk("msg1", b"x" * 4000, 1, 4000)
    for at in range(0, len(octets), 12):
        hand.say(octets[at : at + 12])
        hand.wait(1)
        assert hand.connection.state == "open"
    hand.wait(100)
    assert hand.connection.state == "open"


def test_a_stall_inside_a_record() -> None:
    pair = Pair(limits=LIMITS)
    pair.meet()
    pair.right.receive(b"\x02\x00\x10half", pair.now)
    pair.right.handle_timer(10)
    assert pair.right.state == "closed"
    assert "stalled" in (pair.right.reason or "")


def test_what_we_do_not_read_is_nobodys_stall() -> None:
    hand = ByHand(limits=Limits(stall=10, unread=1000))
    endpoint = hand.bind()
    octets = hand.chunk("msg1", b"x" * 9000, 1, 9000)
    hand.say(octets[:5000])
    endpoint.inbox[0].open()
    assert hand.connection.paused
    hand.wait(10)
    hand.wait(10)
    assert hand.connection.state == "open"
    while endpoint.inbox[0].take():
        pass
    assert not hand.connection.paused
    hand.wait(9)
    assert hand.connection.state == "open"
    hand.wait(1)
    assert hand.connection.state == "closed"


def test_a_peer_that_reads_none_of_our_answers() -> None:
    hand = ByHand(limits=Limits(stall=10, owed=300))
    hand.bind()
    asked = request("FOO", hand.to, hand.own)[1]
    for _ in range(5):
        hand.connection.receive(asked, hand.now)  # and the network takes nothing of ours
    assert hand.connection.paused
    assert hand.connection.next_timer() == 10
    hand.connection.handle_timer(10)
    assert hand.connection.reason == "the other side has not read our answers for 10 s"


def test_a_peer_that_reads_our_answers_late() -> None:
    hand = ByHand(limits=Limits(stall=10, owed=300))
    hand.bind()
    asked = request("FOO", hand.to, hand.own)[1]
    for _ in range(5):
        hand.connection.receive(asked, hand.now)
    hand.now = 9
    assert statuses(hand.hear()) == [501] * 5
    assert not hand.connection.paused
    assert hand.wait(10) == []
    assert hand.connection.state == "open"


# --- closing --------------------------------------------------------------------------------


def test_a_close_that_nobody_answers() -> None:
    hand = ByHand(limits=Limits(closing=0.5))
    hand.bind()
    hand.connection.close(7.0)
    assert hand.connection.state == "ending"
    assert hand.connection.next_timer() == 7.5
    hand.connection.handle_timer(7.4)
    assert hand.connection.state == "ending"
    hand.connection.handle_timer(7.5)
    assert hand.connection.state == "closed"
    assert hand.connection.reason is None, "it was our wish"


@pytest.mark.parametrize("call", ["handle_timer", "ended", "close"])
def test_nothing_happens_to_a_closed_connection(call: str) -> None:
    hand = ByHand()
    hand.bind()
    hand.connection.lost("gone")
    getattr(hand.connection, call)(1e9)
    hand.connection.receive(b"anything", 1e9)
    hand.connection.lost("again")
    assert (hand.connection.state, hand.connection.reason) == ("closed", "gone")
    assert hand.hear() == []
