"""How connections end: in order, in the middle of anything, and what everybody is told."""

from __future__ import annotations

import pytest

from msrp_peer.protocol.connection import Connection
from msrp_peer.protocol.endpoint import Endpoint
from support.by_hand import ANY, LISTENER, ByHand, Rung, content, statuses
from support.pair import Pair, Toy

K = 1024


def begin() -> tuple[ByHand, Endpoint]:
    hand = ByHand()
    return hand, hand.bind()


def test_closed_in_order() -> None:
    hand, endpoint = begin()
    bell, changed = Rung(), Rung()
    endpoint.bell, hand.connection.bell = bell, changed
    hand.connection.close(hand.now)
    assert hand.layer.closed
    assert hand.connection.state == "ending"
    assert endpoint.closed
    assert endpoint.reason is None
    assert bell.times
    assert changed.times
    assert hand.say(hand.chunk("msg1", b"too late")) == []
    assert not endpoint.inbox
    hand.end()
    assert hand.connection.state == "closed"
    assert hand.connection.reason is None


def test_the_other_side_closed_in_order() -> None:
    hand, endpoint = begin()
    hand.say(hand.chunk("msg1", b"hello"))
    hand.end()
    assert hand.connection.state == "ending", "our goodbye is still to be said"
    assert endpoint.closed
    assert endpoint.reason is None
    assert content(endpoint.inbox[0]) == b"hello"


def test_answers_go_out_before_the_goodbye() -> None:
    hand, _ = begin()
    hand.connection.receive(hand.chunk("msg1", b"hello"), hand.now)
    hand.connection.close(hand.now)
    assert statuses(hand.hear()) == [200]


def test_withdrawals_go_out_before_the_goodbye() -> None:
    hand, endpoint = begin()
    outgoing = endpoint.send("a/b", None)
    outgoing.feed(b"x" * 4 * K)
    hand.hear()
    outgoing.withdraw()
    hand.connection.close(hand.now)
    assert [frame.flag for frame in hand.hear()] == ["#"]


def test_closing_tells_every_message() -> None:
    hand, endpoint = begin()
    queued, sending, awaiting, done = (endpoint.send("a/b", None) for _ in range(4))
    for message in (done, awaiting, sending):
        message.feed(b"x" * 4 * K)
        if message is not sending:
            message.end()
        for frame in hand.hear():
            if message is done:
                hand.answer(frame)
    hand.say(hand.chunk("msg1", b"half of it", 1, 20, "+"))
    hand.connection.close(hand.now)
    assert [m.state for m in (queued, sending, awaiting, done)] == ["failed"] * 3 + ["delivered"]
    assert "closed before it was confirmed" in queued.reason
    (arrived,) = endpoint.inbox
    assert (arrived.state, content(arrived)) == ("cut", b"half of it")


CUTS = {
    "inside a frame": (30, "cut inside a frame (at octet"),
    "inside a body": (-30, "cut inside a frame (at octet"),
    "before the last octet": (-1, "cut inside a frame (at octet"),
    "between frames": (None, "did not say goodbye"),
}


@pytest.mark.parametrize(("at", "words"), CUTS.values(), ids=CUTS.keys())
@pytest.mark.rule("4975 5.4-13")
def test_the_network_ends_without_goodbye(at: int | None, words: str) -> None:
    hand, endpoint = begin()
    waiting = endpoint.send("a/b", 1)
    waiting.feed(b"x")
    waiting.end()
    hand.hear()
    hand.say(hand.chunk("msg1", b"first ", 1, 100, "+"))
    hand.say(hand.chunk("msg1", b"x" * 50, 7, 100, "+")[:at])
    hand.connection.ended(hand.now)
    assert hand.connection.state == "closed"
    assert words in (hand.connection.reason or "")
    assert endpoint.reason == hand.connection.reason
    assert (waiting.state, waiting.status) == ("failed", None)
    assert waiting.reason == hand.connection.reason
    (message,) = endpoint.inbox
    assert message.state == "cut"
    assert message.reason == hand.connection.reason
    assert content(message).startswith(b"first ")


def test_goodbye_inside_a_frame_is_no_goodbye() -> None:
    hand, endpoint = begin()
    hand.say(hand.chunk("msg1", b"x" * 50)[:-20])
    hand.end()
    assert hand.connection.state == "closed"
    assert "inside a frame" in (endpoint.reason or "")


def test_goodbye_between_two_chunks() -> None:
    hand, endpoint = begin()
    hand.say(hand.chunk("msg1", b"hello", 1, 100, "+"))
    hand.end()
    (message,) = endpoint.inbox
    assert (message.state, message.reason) == ("cut", "the other side closed the session before its end")


@pytest.mark.rule("4975 5.4-13")
def test_the_network_broke() -> None:
    hand, endpoint = begin()
    asked = hand.connection.request("AUTH", LISTENER, hand.own, [], hand.now)
    bell = asked.bell = Rung()
    hand.connection.lost("connection reset")
    assert (endpoint.closed, endpoint.reason) == (True, "connection reset")
    assert (asked.failure, bell.times) == ("connection reset", 1)
    late = hand.connection.request("AUTH", LISTENER, hand.own, [], hand.now)
    assert late.failure == "connection reset"


GARBAGE = {
    "no frame": (b"GET / HTTP/1.1\r\n\r\n", "at octet"),
    "octets": (bytes(range(128, 256)) * 10, "at octet"),
    "a long line": (b"MSRP abcd1234 SEND\r\nTo-Path: " + b"x" * 20000, "at octet"),
    "no paths": (b"MSRP abcd1234 SEND\r\nMessage-ID: abcd\r\n-------abcd1234$\r\n", "at octet"),
    "no URI": (
        b"MSRP abcd1234 SEND\r\nTo-Path: http://x\r\nFrom-Path: y\r\n-------abcd1234$\r\n",
        "at octet",
    ),
}


@pytest.mark.parametrize("octets", [g[0] for g in GARBAGE.values()], ids=GARBAGE.keys())
def test_garbage_says_what_and_where(octets: bytes) -> None:
    hand, endpoint = begin()
    hand.say(hand.chunk("msg1", b"good"))
    hand.say(octets)
    assert hand.connection.state == "closed"
    reason = hand.connection.reason or ""
    assert reason.startswith("the other side broke the protocol: ")
    assert "(at octet " in reason
    assert hand.to not in reason
    assert endpoint.reason == reason
    assert content(endpoint.inbox[0]) == b"good"


def test_answers_to_nobody_hurt_nobody() -> None:
    hand, _ = begin()
    octets = f"MSRP abcd1234 200 OK\r\nTo-Path: {hand.to}\r\nFrom-Path: {hand.own}\r\n-------abcd1234$\r\n"
    assert hand.say(octets.encode(), octets.replace("200 OK", "999").encode()) == []
    assert statuses(hand.say(hand.chunk("msg1", b"hello"))) == [200]


# --- with a layer that shakes hands and says goodbye ----------------------------------------


def test_ended_during_the_handshake() -> None:
    connection = Connection([Toy()], terms=ANY)
    connection.begin(0)
    connection.ended(0)
    assert connection.state == "closed"
    assert connection.reason is not None
    assert connection.reason.startswith("the other side closed the connection during the handshake: ")


def test_closed_during_the_handshake() -> None:
    connection = Connection([Toy()], terms=ANY)
    connection.begin(0)
    connection.close(0)
    assert (connection.state, connection.reason) == ("closed", "closed before the line was protected")


def test_no_octets_of_a_layer_but_its_alert_goes_out() -> None:
    connection = Connection([Toy()], terms=ANY)
    connection.begin(0)
    connection.data_to_send(0)
    connection.receive(b"GET / HTTP/1.1\r\n", 0)
    assert connection.state == "closed"
    assert connection.reason == "what the other side sent is no record"
    assert connection.data_to_send(0) == [b"!"]
    assert connection.data_to_send(0) == []


def test_a_layer_broken_while_the_session_stands() -> None:
    pair = Pair()
    ours, theirs = pair.meet()
    outgoing = ours.send("a/b", None)
    outgoing.feed(b"x" * 64 * K)
    pair.run()
    pair.right.receive(b"\xff\xff\xff", pair.now)
    assert theirs.reason == "what the other side sent is no record"
    assert theirs.inbox[0].state == "cut"
    assert len(content(theirs.inbox[0])) == 64 * K


@pytest.mark.parametrize("both", [False, True])
def test_two_sides_part(both: bool) -> None:
    pair = Pair()
    ours, theirs = pair.meet()
    message = ours.send("a/b", 5)
    message.feed(b"hello")
    message.end()
    pair.run()
    pair.left.close(pair.now)
    if both:
        pair.right.close(pair.now)
    pair.run()
    assert (pair.left.state, pair.right.state) == ("closed", "closed")
    assert ours.reason is None
    assert theirs.reason is None
    assert content(theirs.inbox[0]) == b"hello"
    assert message.state == "delivered"


def test_octets_and_goodbye_in_one_read() -> None:
    pair = Pair()
    ours, theirs = pair.meet()
    message = ours.send("a/b", 5)
    message.feed(b"hello")
    message.end()
    data = b"".join(pair.left.data_to_send(pair.now))
    pair.left.close(pair.now)
    pair.right.receive(data + b"".join(pair.left.data_to_send(pair.now)), pair.now)
    assert theirs.closed
    assert theirs.reason is None
    assert content(theirs.inbox[0]) == b"hello"
    assert pair.right.data_to_send(pair.now), "its 200 and its goodbye"


# --- several sessions on one line -----------------------------------------------------------


@pytest.mark.rule("4975 5.4-21")
def test_one_session_ends_and_the_others_go_on() -> None:
    hand, one = begin()
    one_to, one_own = hand.to, hand.own
    hand.own = hand.fresh()
    other = hand.bind()
    sending = one.send("a/b", None)
    sending.feed(b"x" * 4 * K)
    hand.hear()
    hand.connection.leave(one, hand.now)
    assert (one.closed, one.reason, other.closed) == (True, None, False)
    assert sending.state == "failed"
    stop, back = hand.hear()
    assert (stop.method, stop.flag) == ("SEND", "#")
    assert (back.method, back.to_path, back.from_path) == ("AUTH", one_own, one_to)
    assert back.header("Expires") == "0", "the other side learns that it is over"
    assert statuses(hand.say(hand.chunk("msg1", b"hello"))) == [200]
    hand.to, hand.own = one_to, one_own
    assert statuses(hand.say(hand.chunk("msg2", b"too late"))) == [481]
    assert hand.connection.state == "open"
    assert list(hand.connection.bindings.endpoints) == [other.local], "what is over is not kept"
    hand.connection.leave(other, hand.now)
    assert hand.connection.state == "ending"


def test_a_session_left_twice() -> None:
    hand, one = begin()
    hand.own = hand.fresh()
    hand.bind()
    hand.connection.leave(one, hand.now)
    hand.connection.leave(one, hand.now)
    assert hand.connection.state == "open"


@pytest.mark.parametrize("status", [481, 506])
@pytest.mark.rule("4975 10-9 10-11")
def test_a_session_the_other_side_does_not_know(status: int) -> None:
    """RFC 4975 sections 10.8 and 10.10: the session is over; the line is not."""
    hand, endpoint = begin()
    one, other = endpoint.send("a/b", 1), endpoint.send("a/b", None)
    other.feed(b"x" * 4 * K)
    one.feed(b"x")
    one.end()
    hand.answer(*(f for f in hand.hear() if f.message_id == one.message_id), status=status)
    assert endpoint.closed
    assert endpoint.reason
    assert (one.state, one.status) == ("failed", status)
    assert other.state == "failed"
    assert hand.connection.state == "open"


@pytest.mark.parametrize("status", [481, 506])
@pytest.mark.parametrize("before", ["refused", "withdrawn"])
def test_a_session_that_ended_behind_a_message_that_had(before: str, status: int) -> None:
    """The code is about the session, also where its message is over for another reason."""
    hand, endpoint = begin()
    outgoing = endpoint.send("a/b", None)
    outgoing.feed(b"x" * 100 * 1024)
    first, second = hand.hear()
    if before == "refused":
        hand.answer(first, status=413)
    else:
        outgoing.withdraw()
    assert not endpoint.closed
    hand.answer(second, status=status)
    assert endpoint.closed
    assert outgoing.state == ("failed" if before == "refused" else "withdrawn")
    assert hand.connection.state == "open"


def test_a_greeting_the_other_side_does_not_know() -> None:
    hand, endpoint = begin()
    hand.connection.greet(endpoint, hand.now)
    (greeting,) = hand.hear()
    hand.answer(greeting, status=481)
    assert endpoint.reason == "the other side knows no such session"


def test_other_refusals_end_no_session() -> None:
    hand, endpoint = begin()
    for status in (400, 403, 413, 415, 501, 999):
        outgoing = endpoint.send(f"a/b{status}", 0)
        outgoing.end()
        hand.answer(*hand.hear(), status=status)
    assert not endpoint.closed
