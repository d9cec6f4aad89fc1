"""Messages on their way in: whole, in chunks, mixed, refused, cut; one answer to each request."""

from __future__ import annotations

import pytest

from msrp_peer.protocol.auth import Terms
from msrp_peer.protocol.endpoint import Endpoint
from msrp_peer.terms.content import Accepts
from msrp_peer.terms.limits import Limits
from support.by_hand import ANY, ByHand, Rung, content, statuses

K = 1024


def begin(limits: Limits | None = None, terms: Terms = ANY) -> tuple[ByHand, Endpoint]:
    hand = ByHand(limits=limits, terms=terms)
    return hand, hand.bind()


@pytest.mark.rule("4975 7.2-6 7.3.1-1")
def test_a_whole_message() -> None:
    hand, endpoint = begin()
    bell = endpoint.bell = Rung()
    assert statuses(hand.say(hand.chunk("msg1", b"hello", 1, 5))) == [200]
    (message,) = endpoint.inbox
    assert (message.state, content(message), message.total) == ("whole", b"hello", 5)
    assert message.content_type == "text/plain"
    assert bell.times == 1


@pytest.mark.rule("4975 7.3.1-1")
def test_without_a_byte_range_it_begins_at_its_first_octet() -> None:
    hand, endpoint = begin()
    frame = hand.frame([("Message-ID", "msg1"), ("Content-Type", "text/plain")], b"hello")
    assert statuses(hand.say(frame)) == [200]
    assert content(endpoint.inbox[0]) == b"hello"


@pytest.mark.rule("4975 7.3.1-2")
def test_in_chunks_octet_by_octet() -> None:
    hand, endpoint = begin()
    octets = (
        hand.chunk("msg1", b"hel", 1, 11, "+")
        + hand.chunk("msg1", b"lo wo", 4, 11, "+", end="*")
        + hand.chunk("msg1", b"rld", 9, 11, "$")
    )
    heard = hand.say(*(octets[i : i + 1] for i in range(len(octets))))
    assert statuses(heard) == [200, 200, 200]
    (message,) = endpoint.inbox
    assert (message.state, content(message)) == ("whole", b"hello world")


@pytest.mark.rule("4975 7.1.1-21")
def test_an_empty_message_and_an_empty_last_chunk() -> None:
    hand, endpoint = begin()
    hand.say(hand.chunk("msg1", b"", 1, 0))
    hand.say(hand.chunk("msg2", b"hello", 1, "*", "+"), hand.chunk("msg2", b"", 6, 5))
    assert [(m.state, content(m)) for m in endpoint.inbox] == [("whole", b""), ("whole", b"hello")]


@pytest.mark.rule("4975 5.4-5 7.1-11")
def test_a_send_without_a_body_is_no_message() -> None:
    hand, endpoint = begin()
    assert statuses(hand.say(hand.frame([("Message-ID", "msg1")]))) == [200]
    assert not endpoint.inbox


def test_the_last_chunk_may_have_no_body_at_all() -> None:
    hand, endpoint = begin()
    assert statuses(hand.say(hand.chunk("msg1", b"hello", 1, 5, "+"), hand.chunk("msg1", None, 6, 5))) == [
        200,
        200,
    ]
    assert (endpoint.inbox[0].state, content(endpoint.inbox[0])) == ("whole", b"hello")


@pytest.mark.rule("4975 7.3.1-2")
def test_two_messages_and_a_chat_line_mixed() -> None:
    hand, endpoint = begin()
    heard = hand.say(
        hand.chunk("big1", b"one ", 1, 12, "+")
        + hand.chunk("big2", b"eins ", 1, 15, "+")
        + hand.chunk("line", b"hi", 1, 2)
        + hand.chunk("big1", b"two ", 5, 12, "+")
        + hand.chunk("big2", b"zwei ", 6, 15, "+"),
        hand.chunk("big2", b"drei ", 11, 15) + hand.chunk("big1", b"tre ", 9, 12),
    )
    assert statuses(heard) == [200] * 7
    assert [(m.message_id, content(m)) for m in endpoint.inbox] == [
        ("big1", b"one two tre "),
        ("big2", b"eins zwei drei "),
        ("line", b"hi"),
    ]


@pytest.mark.rule("4975 7.3.1-3 7.3.1-4")
def test_actual_octets_count_and_not_the_range() -> None:
    """RFC 4975 section 7.3.1: a chunk is as long as its body; "$" says where the message ends."""
    hand, endpoint = begin()
    heard = hand.say(
        hand.chunk("msg1", b"hello", 1, 100, "+", end=50), hand.chunk("msg1", b"!", 6, 100, end=100)
    )
    assert statuses(heard) == [200, 200]
    assert (endpoint.inbox[0].state, content(endpoint.inbox[0])) == ("whole", b"hello!")


@pytest.mark.parametrize("value", ["1-5/3", "0-4/5", "5-1/9", "1-5", "x", "1-5/5/5", "-1-5/5", ""])
@pytest.mark.rule("4975 10-2")
def test_a_wrong_byte_range(value: str) -> None:
    hand, endpoint = begin()
    right = hand.chunk("msg1", b"hello", 1, 5)
    wrong = right.replace(b"Byte-Range: 1-5/5", b"Byte-Range: " + value.encode())
    assert statuses(hand.say(wrong)) == [400]
    assert not endpoint.inbox
    assert statuses(hand.say(right)) == [200]


@pytest.mark.parametrize("line", [b"Message-ID: msg1\r\n", b"Content-Type: text/plain\r\n"])
def test_a_header_that_must_be_there(line: bytes) -> None:
    hand, endpoint = begin()
    right = hand.chunk("msg1", b"hello")
    assert statuses(hand.say(right.replace(line, b"X-Other: x\r\n"))) == [400]
    assert not endpoint.inbox
    assert hand.connection.state == "open"


@pytest.mark.rule("4975 9-4")
def test_header_names_in_any_case() -> None:
    hand, endpoint = begin()
    octets = hand.chunk("msg1", b"hello", 1, 5)
    for name in (b"Message-ID", b"Byte-Range", b"Content-Type", b"To-Path", b"From-Path"):
        octets = octets.replace(name, name.swapcase())
    assert statuses(hand.say(octets)) == [200]
    assert content(endpoint.inbox[0]) == b"hello"


@pytest.mark.rule("4975 14.3-2")
def test_bodies_that_are_no_text() -> None:
    hand, endpoint = begin()
    body = bytes(range(256)) * 8
    assert statuses(hand.say(hand.chunk("msg1", body, kind="image/x"))) == [200]
    assert content(endpoint.inbox[0]) == body


def test_a_body_that_nearly_holds_its_own_end_line() -> None:
    """CRLF, seven hyphens and the transaction id do not end a chunk: the flag behind them does."""
    hand, endpoint = begin()
    body = b"\r\n-------idididid" + b"x\r\n-------idididid-\r\n-------ididid\r\n"
    octets = hand.chunk("msg1", body, transaction_id="otherid").replace(b"otherid", b"idididid")
    for reads in ([octets], [octets[i : i + 1] for i in range(len(octets))]):
        assert statuses(hand.say(*reads)) == [200]
        assert content(endpoint.inbox.pop()) == body


def test_given_up_by_its_sender() -> None:
    hand, endpoint = begin()
    heard = hand.say(hand.chunk("msg1", b"hello", 1, 20, "+"), hand.chunk("msg1", b"", 6, 20, "#"))
    assert statuses(heard) == [200, 200]
    (message,) = endpoint.inbox
    assert (message.state, content(message), message.reason) == ("cut", b"hello", "the sender gave it up")
    assert statuses(hand.say(hand.chunk("msg1", b"again", 1, 5))) == [200]
    assert endpoint.inbox[1].duplicate


def test_given_up_in_a_chunk_with_octets() -> None:
    hand, endpoint = begin()
    hand.say(hand.chunk("msg1", b"hello", 1, 20, "#"))
    assert (endpoint.inbox[0].state, content(endpoint.inbox[0])) == ("cut", b"hello")


@pytest.mark.rule("4975 7.3.1-8 8.6-2")
def test_a_type_that_is_not_taken() -> None:
    hand, endpoint = begin(terms=Terms(Accepts.parse("text/plain image/*")))
    heard = hand.say(
        hand.chunk("msg1", b"x", kind="text/html"),
        hand.chunk("msg2", b"x", kind="image/png"),
        hand.chunk("msg3", b"x" * 3000, 1, 9000, "+", kind="text/html"),
        hand.chunk("msg3", b"x" * 3000, 3001, 9000, "+", kind="text/html"),
    )
    assert statuses(heard) == [415, 200, 415, 415]
    assert [m.message_id for m in endpoint.inbox] == ["msg2"]


def test_files_that_are_not_taken() -> None:
    hand, endpoint = begin(terms=Terms(Accepts.parse("*"), files=False))
    attached = ("Content-Disposition", 'attachment; filename="x"')
    heard = hand.say(
        hand.chunk("msg1", b"x", 1, "*", "$", attached),
        hand.chunk("msg2", b"x", 1, "*", "$", ("Content-Disposition", "render")),
        hand.chunk("msg3", b"x"),
    )
    assert statuses(heard) == [403, 200, 200]
    assert [m.message_id for m in endpoint.inbox] == ["msg2", "msg3"]


@pytest.mark.parametrize(
    ("to", "own"),
    [("other", "own"), ("to", "other"), ("to", "own other"), ("to other", "own"), ("listener", "own")],
)
@pytest.mark.rule("4975 5.4-11 7.3-1 7.3-2")
def test_the_wrong_session(to: str, own: str) -> None:
    hand, endpoint = begin()
    uris = {"to": hand.to, "own": hand.own, "other": hand.fresh(), "listener": "msrps://127.0.0.1:2855;tcp"}
    right = hand.to, hand.own
    hand.to, hand.own = (" ".join(uris[word] for word in path.split()) for path in (to, own))
    assert statuses(hand.say(hand.chunk("msg1", b"x"))) == [481]
    hand.to, hand.own = right
    assert statuses(hand.say(hand.chunk("msg2", b"x"))) == [200]
    assert [m.message_id for m in endpoint.inbox] == ["msg2"]


@pytest.mark.rule("4975 5.4-16 5.4-18")
def test_duplicates_are_marked() -> None:
    hand, endpoint = begin(Limits(remembered=2))
    for name in ("msg1", "msg1", "msg2", "msg3", "msg1", "msg3"):
        assert statuses(hand.say(hand.chunk(name, b"x"))) == [200]
    assert [m.duplicate for m in endpoint.inbox] == [False, True, False, False, False, True]


# --- max-size, in total ---------------------------------------------------------------------


@pytest.mark.rule("4975 7.1.1-21")
def test_too_large_as_announced() -> None:
    hand, endpoint = begin(Limits(message=10))
    assert statuses(hand.say(hand.chunk("msg1", b"x", 1, 11, "+"))) == [413]
    assert not endpoint.inbox
    assert statuses(hand.say(hand.chunk("msg2", b"x" * 10, 1, 10))) == [200]


def test_too_large_in_total_and_not_in_any_chunk() -> None:
    hand, endpoint = begin(Limits(message=10))
    heard = hand.say(*(hand.chunk("msg1", b"four", 1 + 4 * i, "*", "+") for i in range(5)))
    assert statuses(heard) == [200, 200, 413, 413, 413]
    (message,) = endpoint.inbox
    assert message.state == "refused"
    assert content(message) == b"fourfour", "what came before stays"
    assert "10 octets" in message.reason
    assert statuses(hand.say(hand.chunk("msg2", b"x"))) == [200]


def test_too_large_in_a_running_chunk_is_told_at_once_and_once() -> None:
    hand, endpoint = begin(Limits(message=10))
    octets = hand.chunk("msg1", b"x" * 50000, 1, "*")
    assert statuses(hand.say(octets[:1000])) == [413], "the other side need not send the rest"
    assert statuses(hand.say(octets[1000:20000], octets[20000:])) == []
    assert endpoint.inbox[0].state == "refused"
    assert statuses(hand.say(hand.chunk("msg2", b"x"))) == [200]


# --- refused by whoever reads ---------------------------------------------------------------


def test_refused_in_a_running_chunk() -> None:
    hand, endpoint = begin()
    octets = hand.chunk("msg1", b"x" * 3000, 1, "*", "+")
    assert hand.say(octets[:1000]) == []
    endpoint.inbox[0].refuse(403)
    assert statuses(hand.say(octets[1000:2000])) == [403]
    assert hand.say(octets[2000:]) == []


def test_refused_between_chunks() -> None:
    hand, endpoint = begin()
    hand.say(hand.chunk("msg1", b"x" * 3000, 1, "*", "+"))
    message = endpoint.inbox[0]
    message.refuse(403)
    assert content(message) == b"", "whoever refuses wants none of it"
    assert statuses(hand.say(hand.chunk("msg1", b"x", 3001, "*", "+"))) == [403]


def test_refused_messages_leave_room_for_others() -> None:
    """RFC 4975 section 10.5: after 413 the sender need not say that nothing follows."""
    hand, endpoint = begin(Limits(arriving=3))
    for i in range(10):
        assert statuses(hand.say(hand.chunk(f"msg{i}", b"x" * 3000, 1, "*", "+"))) == [200]
        endpoint.inbox.pop().refuse(413)
        assert statuses(hand.say(hand.chunk(f"msg{i}", b"x", 3001, "*", "+"))) == [413]
    assert statuses(hand.say(hand.chunk("last", b"x"))) == [200]


def test_a_refused_message_keeps_its_reason() -> None:
    hand, endpoint = begin(Limits(message=8))
    hand.say(hand.chunk("msg1", b"hello", 1, "*", "+"), hand.chunk("msg1", b"hello", 6, "*", "+")[:-9])
    hand.connection.lost("the connection broke")
    assert endpoint.inbox[0].reason == "it is longer than the 8 octets taken here"


def test_thrown_away_unread() -> None:
    hand, endpoint = begin()
    hand.say(hand.chunk("msg1", b"x" * 3000, 1, "*", "+"))
    endpoint.inbox.popleft().drop()
    assert statuses(hand.say(hand.chunk("msg1", b"x", 3001))) == [413]


def test_too_many_at_a_time() -> None:
    hand, endpoint = begin(Limits(arriving=2, inbox=3))
    heard = hand.say(*(hand.chunk(f"msg{i}", b"x", 1, "*", "+") for i in range(3)))
    assert statuses(heard) == [200, 200, 413], "two may be unfinished"
    heard = hand.say(*(hand.chunk(f"msg{i}", b"x", 2, "*") for i in range(2)))
    assert statuses(heard) == [200, 200]
    assert statuses(hand.say(*(hand.chunk(f"more{i}", b"x") for i in range(2)))) == [200, 413]
    endpoint.inbox.popleft()
    assert statuses(hand.say(hand.chunk("more2", b"x"))) == [200]
