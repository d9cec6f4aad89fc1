"""Connections that are kept, asked whether they live, given up, and left."""

from __future__ import annotations

import pytest

from msrp_core import response
from msrp_peer.protocol.binding import Bindings
from msrp_peer.protocol.connection import Connection
from msrp_peer.terms.limits import Limits
from support.by_hand import ANY, LISTENER, ByHand, Rung, content, statuses
from support.pair import Pair

ASKING = Limits(keep_alive=20)


# --- is anybody there? (RFC 4975 section 7.1: bodiless SENDs) -------------------------------


def test_nobody_is_asked_by_default() -> None:
    hand = ByHand()
    hand.bind()
    assert hand.connection.next_timer() is None
    assert hand.wait(100_000) == []


@pytest.mark.rule("4975 7.1-11")
def test_silence_is_asked_about_and_an_answer_ends_it() -> None:
    hand = ByHand(limits=ASKING)
    hand.bind()
    assert hand.wait(19.9) == []
    (asked,) = hand.wait(0.1)
    assert (asked.method, asked.to_path, asked.from_path) == ("SEND", hand.own, hand.to)
    assert not hand.connection.hold.events
    assert (asked.has_body, asked.message_id is not None) == (False, True)
    hand.answer(asked)
    assert hand.connection.next_timer() == hand.now + 20
    for _ in range(100):
        (asked,) = hand.wait(20)
        hand.answer(asked)
    assert hand.connection.state == "open"


def test_whoever_speaks_is_not_asked() -> None:
    hand = ByHand(limits=ASKING)
    hand.bind()
    for number in range(10):
        assert hand.wait(19) == []
        assert statuses(hand.say(hand.chunk(f"msg{number}", b"hello"))) == [200]


def test_no_answer_and_the_line_is_dead() -> None:
    """RFC 4975 names no rule; ours is the time of a transaction."""
    hand = ByHand(limits=ASKING)
    endpoint = hand.bind()
    bell = endpoint.bell = Rung()
    hand.say(hand.chunk("msg1", b"half of it", 1, 20, "+"))
    waiting = endpoint.send("a/b", 1)
    waiting.feed(b"x")
    waiting.end()
    hand.hear()
    hand.wait(20)
    hand.wait(29.9)
    assert hand.connection.state == "open"
    hand.wait(0.1)
    assert hand.connection.state == "closed"
    assert hand.connection.reason == "the other side has not answered, nor said anything, for 30 s"
    assert endpoint.reason == hand.connection.reason
    assert bell.times
    assert waiting.state == "failed"
    (message,) = endpoint.inbox
    assert (message.state, content(message)) == ("cut", b"half of it"), "what came is kept"


def test_anything_said_is_a_sign_of_life() -> None:
    """An answer may stand behind a chunk that takes a minute on this line."""
    hand = ByHand(limits=ASKING)
    hand.bind()
    hand.wait(20)
    octets = hand.chunk("msg1", b"x" * 4000)
    hand.say(octets[:1000])
    hand.wait(29)
    hand.say(octets[1000:])
    hand.wait(1)
    assert hand.connection.state == "open"


def test_who_does_not_read_judges_nobody() -> None:
    hand = ByHand(limits=Limits(keep_alive=20, unread=100))
    endpoint = hand.bind()
    hand.say(hand.chunk("msg1", b"x" * 50, 1, 5000, "+"))
    endpoint.inbox[0].open()
    hand.say(hand.chunk("msg1", b"x" * 4000, 51, 5000, "+"))
    assert hand.connection.paused
    hand.wait(20)
    hand.wait(30)
    assert hand.connection.state == "open"


def test_every_session_is_asked_about() -> None:
    """So a session that the other side ended is found out."""
    hand = ByHand(limits=ASKING)
    one = hand.bind()
    hand.own = hand.fresh()
    other = hand.bind()
    asked = {frame.from_path: frame for frame in hand.wait(20)}
    assert set(asked) == {one.local, other.local}
    hand.say(response(asked[one.local], 481), response(asked[other.local], 200))
    assert (one.closed, one.reason) == (True, "the other side knows no such session")
    assert not other.closed
    assert [frame.from_path for frame in hand.wait(20)] == [other.local]


def test_a_silent_line_without_a_session_is_asked_nothing() -> None:
    hand = ByHand(limits=Limits(keep_alive=5))
    hand.ask(("Accept-Types", "*"))
    assert hand.wait(20) == []


def test_both_sides_ask_and_live_for_ever() -> None:
    pair = Pair(limits=ASKING)
    ours, theirs = pair.meet()
    for _ in range(100):
        pair.now += 10
        pair.left.handle_timer(pair.now)
        pair.right.handle_timer(pair.now)
        pair.run()
    assert pair.left.state == pair.right.state == "open"
    assert not ours.inbox
    assert not theirs.inbox, "an empty SEND is no message"


# --- without a session -----------------------------------------------------------------------


def test_a_connection_without_a_session_is_closed_after_a_while() -> None:
    hand = ByHand()
    endpoint = hand.bind()
    asked = hand.connection.greet(endpoint, hand.now)
    (frame,) = hand.hear()
    hand.answer(frame, status=481)
    assert asked.response is not None
    assert endpoint.closed
    assert hand.wait(59.9) == []
    assert hand.connection.state == "open"
    hand.wait(0.1)
    assert hand.connection.state == "ending"
    assert hand.connection.reason is None


def test_a_new_session_on_an_idle_connection() -> None:
    hand = ByHand()
    hand.bind()
    hand.say(hand.frame([("Expires", "0")], method="AUTH"))
    hand.wait(59)
    hand.own = hand.fresh()
    hand.bind()
    hand.wait(1000)
    assert hand.connection.state == "open"


def test_a_connection_that_never_had_a_session_has_the_time_of_a_handshake() -> None:
    hand = ByHand()
    hand.wait(30)
    assert hand.connection.state == "closed"


# --- giving a session back -------------------------------------------------------------------


def test_the_other_side_gives_a_session_back() -> None:
    hand = ByHand()
    endpoint = hand.bind()
    bell = endpoint.bell = Rung()
    hand.say(hand.chunk("msg1", b"half of it", 1, 20, "+"))
    assert statuses(hand.say(hand.frame([("Expires", "0")], method="AUTH"))) == [200]
    assert (endpoint.closed, endpoint.reason, bell.times > 0) == (True, None, True)
    assert content(endpoint.inbox[0]) == b"half of it"
    assert statuses(hand.say(hand.chunk("msg2", b"too late"))) == [481]
    assert hand.connection.sessions == 0
    hand.connection.leave(endpoint, hand.now)
    assert hand.connection.state == "open", "they may have more to say"


def test_only_ones_own_session_is_given_back() -> None:
    hand = ByHand()
    endpoint = hand.bind()
    own, hand.own = hand.own, hand.fresh()
    assert statuses(hand.say(hand.frame([("Expires", "0")], method="AUTH"))) == [481]
    hand.own, to = own, hand.to
    hand.to = LISTENER
    assert statuses(hand.say(hand.frame([("Expires", "0")], method="AUTH"))) == [481]
    hand.to = to
    assert statuses(hand.say(hand.frame([("Expires", "30")], method="AUTH"))) == [501]
    assert not endpoint.closed


def test_a_session_of_other_signalling_is_not_given_back() -> None:
    hand = ByHand()
    hand.connection.keeps = True
    bindings: Bindings = hand.connection.bindings
    hand.to = hand.fresh()
    endpoint = bindings.bind(hand.to, hand.own, ANY.accepts, None, ANY, granted=False)
    assert statuses(hand.say(hand.frame([("Expires", "0")], method="AUTH"))) == [481]
    hand.connection.leave(endpoint, hand.now)
    assert hand.hear() == [], "its own signalling ends it"


def test_a_connection_that_is_kept_has_its_last_session_given_back() -> None:
    pair = Pair()
    pair.left.keeps = True
    ours, theirs = pair.meet()
    pair.left.leave(ours, pair.now)
    pair.run()
    assert (theirs.closed, theirs.reason) == (True, None)
    assert pair.left.state == pair.right.state == "open"
    again, _ = pair.meet()
    assert not again.closed


def test_both_give_it_back_at_once() -> None:
    pair = Pair()
    one, other = pair.meet(), pair.meet()
    pair.left.leave(one[0], pair.now)
    pair.right.leave(one[1], pair.now)
    pair.run()
    assert pair.left.state == pair.right.state == "open"
    assert [end.closed for end in (*one, *other)] == [True, True, False, False]


def test_a_session_left_in_the_middle_of_a_chunk() -> None:
    """Its last octets are on their way: they are not answered as if they had been taken."""
    hand = ByHand()
    endpoint = hand.bind()
    to, own = hand.to, hand.own
    hand.own = hand.fresh()
    hand.bind()
    hand.to, hand.own = to, own
    octets = hand.chunk("msg1", b"x" * 4000)
    hand.say(octets[:3000])
    hand.connection.leave(endpoint, hand.now)
    hand.hear()
    assert statuses(hand.say(octets[3000:])) == [481]
    assert endpoint.inbox[0].state == "cut"


# --- one session, one connection -------------------------------------------------------------


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.rule("4975 5.4-12 7.3-2")
def test_a_session_on_another_connection_of_the_place(own: bool) -> None:
    """RFC 4975 section 5.4: 506 for whoever names it, 481 once it is over."""
    one, two = ByHand(), ByHand()
    register = one.connection.bindings.register
    two.connection.bindings.register = register
    endpoint = one.bind()
    two.to = one.to
    if own:
        two.own = one.own
    octets = two.chunk("msg1", b"hello")
    assert statuses(two.say(octets)) == [506]
    assert not endpoint.inbox
    assert statuses(two.say(two.chunk("msg2", b"hello", 1, 5, "$", ("Failure-Report", "no")))) == []
    one.connection.leave(endpoint, one.now)
    assert statuses(two.say(octets)) == [481]


def test_a_grant_nobody_used_is_unknown_elsewhere() -> None:
    one, two = ByHand(), ByHand()
    two.connection.bindings.register = one.connection.bindings.register
    two.to = one.ask(("Accept-Types", "*")).header("Use-Path") or ""
    two.own = one.own
    assert statuses(two.say(two.chunk("msg1", b"hello"))) == [481]


def test_who_grants_nothing() -> None:
    connection = Connection([], terms=ANY, granting=False)
    connection.begin(0)
    hand = ByHand()
    hand.connection = connection
    assert hand.ask(("Accept-Types", "*")).status == 501


# --- before the signalling is through --------------------------------------------------------


def test_what_is_held_is_in_order_and_within_bounds() -> None:
    hand = ByHand(limits=Limits(handshake=30))
    register = hand.connection.bindings.register
    hand.to = hand.fresh()
    register.reserve(hand.to, 0.0, 100.0)
    first = hand.chunk("msg1", b"one", 1, 6, "+")
    octets = first + hand.chunk("msg1", b"two", 4, 6) + hand.chunk("msg2", b"x" * 5000)
    assert hand.say(octets[:-2000], octets[-2000:]) == []
    assert hand.connection.paused
    assert hand.connection.next_timer() == 30
    assert hand.wait(29) == []
    register.forget(hand.to)
    hand.connection.resume(hand.now)
    assert statuses(hand.hear()) == [481] * 3
    assert not hand.connection.paused


def test_what_is_held_for_too_long_is_answered() -> None:
    hand = ByHand(limits=Limits(handshake=30))
    bound = hand.bind()
    own, to = hand.own, hand.to
    hand.to, hand.own = hand.fresh(), hand.fresh()
    hand.connection.bindings.register.reserve(hand.to, 0.0, 100.0)
    early = hand.chunk("msg1", b"hello")
    hand.to, hand.own = to, own
    assert hand.say(early, hand.chunk("msg2", b"behind it")) == []
    assert statuses(hand.wait(30)) == [481, 200]
    assert content(bound.inbox[0]) == b"behind it"


def test_sessions_that_stand_do_not_wait() -> None:
    hand = ByHand()
    hand.bind()
    hand.connection.bindings.register.reserve(hand.fresh(), 0.0, 100.0)
    assert statuses(hand.say(hand.chunk("msg1", b"hello"))) == [200]
