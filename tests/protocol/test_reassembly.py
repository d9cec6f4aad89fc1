"""Chunks in any order, over one another, twice, or never (RFC 4975 sections 5.4 and 7.3.1)."""

from __future__ import annotations

import gc
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_peer.protocol.auth import Terms
from msrp_peer.protocol.budget import Budget
from msrp_peer.protocol.endpoint import Endpoint
from msrp_peer.terms.content import Accepts
from msrp_peer.terms.limits import Limits
from support.by_hand import ANY, ByHand, Rung, content, statuses


def begin(limits: Limits | None = None, terms: Terms = ANY) -> tuple[ByHand, Endpoint]:
    hand = ByHand(limits=limits, terms=terms)
    return hand, hand.bind()


PARTS = [(1, b"one ", "+"), (5, b"two ", "+"), (9, b"three ", "+"), (15, b"four", "$")]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
@pytest.mark.rule("4975 7.3.1-2 7.3.1-5")
def test_in_any_order(order: tuple[int, ...]) -> None:
    """Section 7.3.1: receivers must not assume that chunks come in order, or "$" last."""
    hand, endpoint = begin()
    for i in order:
        start, body, flag = PARTS[i]
        assert statuses(hand.say(hand.chunk("msg1", body, start, 18, flag))) == [200]
    (message,) = endpoint.inbox
    assert (message.state, content(message)) == ("whole", b"one two three four")
    assert not endpoint._arriving
    assert hand.connection.next_timer() is None


@pytest.mark.rule("4975 7.3.1-7")
def test_it_is_read_as_far_as_it_goes() -> None:
    hand, endpoint = begin()
    hand.say(hand.chunk("msg1", b"three", 9, "*", "+"))
    assert not endpoint.inbox, "nothing of it can be read yet"
    hand.say(hand.chunk("msg1", b"one ", 1, "*", "+"))
    (message,) = endpoint.inbox
    bell = message.bell = Rung()
    message.open()
    assert content(message) == b"one "
    assert (message.received, message.reach, message.missing) == (9, 4, True)
    hand.say(hand.chunk("msg1", b"four", 14, "*"))
    assert (content(message), bell.times) == (b"", 0)
    hand.say(hand.chunk("msg1", b"two ", 5, "*", "+"))
    assert (content(message), bell.times) == (b"two threefour", 2)
    assert message.state == "whole"


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[int, list[tuple[int, bytes, bool]]]:
    """The length of a message, and its chunks as they arrive: all octets are there at the end."""
    size = draw(st.integers(0, 60))
    spans = draw(
        st.lists(st.tuples(st.integers(0, size), st.integers(0, size)).map(sorted), min_size=1, max_size=8)
    )
    edges = [0, *sorted(draw(st.lists(st.integers(0, size), max_size=4))), size]
    spans += [[a, b] for a, b in itertools.pairwise(edges)]
    order = draw(st.permutations(spans))
    return size, [(a, draw(st.binary(min_size=b - a, max_size=b - a)), b == size) for a, b in order]


@given(arrivals(), st.integers(0, 30), st.sampled_from(["first", "last", "never"]))
@pytest.mark.rule("4975 7.3.1-6")
def test_the_later_arrival_wins(
    coming: tuple[int, list[tuple[int, bytes, bool]]], unopened: int, opened: str
) -> None:
    """Section 7.3.1: where octets overlap, the last to be received SHOULD take precedence."""
    size, chunks = coming
    hand, endpoint = begin(Limits(unopened=unopened))
    model = bytearray(size)
    there: set[int] = set()
    last = False
    for start, body, ends in chunks:
        if endpoint._seen.get("msg1") == 200:
            break  # it was whole before
        heard = hand.say(hand.chunk("msg1", body, start + 1, size, "$" if ends else "+"))
        assert statuses(heard) == [200]
        model[start : start + len(body)] = body
        there |= set(range(start, start + len(body)))
        last = last or ends
        if endpoint.inbox and opened == "first":
            endpoint.inbox[0].open()
        assert (len(there) == size and last) == (endpoint._seen.get("msg1") == 200)
    (message,) = endpoint.inbox
    if opened == "last":
        message.open()
    assert (message.state, content(message)) == ("whole", bytes(model))
    assert message.received == size


def test_what_was_read_is_not_taken_back() -> None:
    hand, endpoint = begin()
    hand.say(hand.chunk("msg1", b"abcdef", 1, 12, "+"))
    (message,) = endpoint.inbox
    assert content(message) == b"abcdef"
    assert statuses(hand.say(hand.chunk("msg1", b"CDEFGHIJKL", 3, 12))) == [200]
    assert (message.state, content(message)) == ("whole", b"GHIJKL")


@pytest.mark.rule("4975 7.3.1-3")
def test_a_chunk_may_be_shorter_than_it_says() -> None:
    """Section 7.3.1: its length is that of its body."""
    hand, endpoint = begin()
    heard = hand.say(
        hand.chunk("msg1", b"world", 7, "*", "$", end=900),
        hand.chunk("msg1", b"hel", 1, 11, "+", end=6),
        hand.chunk("msg1", b"lo ", 4, 11, "+", end="*"),
    )
    assert statuses(heard) == [200] * 3
    assert content(endpoint.inbox[0]) == b"hello world"


@pytest.mark.parametrize("again", [0, 1, 2])
def test_a_chunk_that_comes_twice(again: int) -> None:
    hand, endpoint = begin()
    parts = [(1, b"one ", "+"), (5, b"two ", "+"), (9, b"three", "$")]
    for start, body, flag in [parts[2], parts[again], parts[0], parts[1]]:
        assert statuses(hand.say(hand.chunk("msg1", body, start, 13, flag))) == [200]
    (message,) = endpoint.inbox
    assert (message.state, content(message), message.duplicate) == ("whole", b"one two three", False)


@pytest.mark.rule("4975 5.4-18")
def test_a_late_chunk_of_what_is_whole_already() -> None:
    """Section 5.4: it is a duplicate; its response is due all the same, and nothing is shown."""
    hand, endpoint = begin()
    hand.say(hand.chunk("msg1", b"one ", 1, 7, "+"), hand.chunk("msg1", b"two", 5, 7))
    assert statuses(hand.say(hand.chunk("msg1", b"two", 5, 7))) == [200]
    assert len(endpoint.inbox) == 1
    assert not endpoint._arriving


def test_the_end_may_be_said_by_a_chunk_without_a_body() -> None:
    hand, endpoint = begin()
    assert statuses(hand.say(hand.chunk("msg1", None, 6, 5))) == [200]
    assert not endpoint.inbox
    assert statuses(hand.say(hand.chunk("msg1", b"hello", 1, 5, "+"))) == [200]
    (message,) = endpoint.inbox
    assert (message.state, content(message), message.content_type) == ("whole", b"hello", "text/plain")


def test_the_sender_gives_it_up_while_octets_are_missing() -> None:
    hand, endpoint = begin()
    hand.say(
        hand.chunk("msg1", b"one ", 1, 20, "+"),
        hand.chunk("msg1", b"three ", 9, 20, "+"),
        hand.chunk("msg1", b"", 15, 20, "#"),
    )
    (message,) = endpoint.inbox
    assert (message.state, content(message), message.reach) == ("cut", b"one ", 4)
    assert hand.connection.next_timer() is None
    assert statuses(hand.say(hand.chunk("msg1", b"two ", 5, 20, "+"))) == [413]


# --- what cannot be right -------------------------------------------------------------------


def test_octets_behind_the_end() -> None:
    hand, endpoint = begin()
    heard = hand.say(
        hand.chunk("msg1", b"end", 11, "*"),
        hand.chunk("msg1", b"more", 14, "*", "+"),
        hand.chunk("msg1", b"01234567", 3, "*", "+"),
    )
    assert statuses(heard) == [200, 400, 400]
    assert not endpoint.inbox


def test_an_end_before_octets_that_came() -> None:
    hand, endpoint = begin()
    heard = hand.say(
        hand.chunk("msg1", b"hello", 1, "*", "+"),
        hand.chunk("msg1", b"more", 14, "*", "+"),
        hand.chunk("msg1", b"end", 6, "*"),
    )
    assert statuses(heard) == [200, 200, 400]
    (message,) = endpoint.inbox
    assert (message.state, content(message)) == ("refused", b"helloend")


def test_the_rest_of_what_was_refused() -> None:
    """Section 10.5: after 413 no more of it is wanted."""
    hand, endpoint = begin()
    hand.say(hand.chunk("msg1", b"one ", 1, "*", "+"))
    endpoint.inbox[0].refuse(403)
    heard = hand.say(*(hand.chunk("msg1", b"x", at, "*", "+") for at in (9, 5, 20)))
    assert statuses(heard) == [403, 403, 403]


def test_types_and_files_that_are_not_taken_in_whatever_order() -> None:
    hand, endpoint = begin(terms=Terms(Accepts.parse("text/plain"), files=False))
    heard = hand.say(
        hand.chunk("msg1", b"x", 9, "*", kind="a/b"),
        hand.chunk("msg2", None, 9, 8),
        hand.chunk("msg2", b"x", 3, 8, "+", kind="a/b"),
        hand.chunk("msg3", b"x", 2, 2),
        hand.chunk("msg3", b"x", 1, 2, "+", ("Content-Disposition", "attachment")),
    )
    assert statuses(heard) == [415, 200, 415, 200, 403]
    assert not endpoint.inbox


def test_what_it_is_stands_in_its_first_chunk() -> None:
    hand, endpoint = begin()
    disposition = ("Content-Disposition", "attachment; filename=x")
    hand.say(hand.chunk("msg1", b"x", 2, 2))
    assert not endpoint.inbox, "it would be shown as what it is not"
    hand.say(hand.chunk("msg1", b"x", 1, 2, "+", disposition, ("Content-Digest", "sha-256=:x:")))
    assert endpoint.inbox[0].disposition == disposition[1]
    assert endpoint.inbox[0].digest == "sha-256=:x:"


# --- missing for ever -----------------------------------------------------------------------


def test_chunks_that_never_come() -> None:
    """RFC 7701 section 6.1: some 540 seconds, begun again by each chunk."""
    hand, endpoint = begin()
    hand.say(hand.chunk("msg1", b"one ", 1, 20, "+"), hand.chunk("msg1", b"three ", 9, 20, "+"))
    assert hand.connection.next_timer() == 540
    hand.wait(500)
    hand.say(hand.chunk("msg1", b"four", 15, 20, "+"))
    hand.wait(539.9)
    (message,) = endpoint.inbox
    assert message.state == "arriving"
    assert hand.wait(0.1) == []
    assert (message.state, content(message)) == ("cut", b"one ")
    assert message.reason == "octets of it were missing, and none of it came for 540 s"
    assert hand.connection.next_timer() is None
    assert statuses(hand.say(hand.chunk("msg1", b"two ", 5, 20, "+"))) == [413], "too late"
    assert hand.connection.state == "open"


def test_a_stream_may_be_silent_for_ever() -> None:
    """Nothing is known to be missing: the sender has nothing to say yet."""
    hand, endpoint = begin()
    hand.say(hand.chunk("msg1", b"tick", 1, "*", "+"))
    assert hand.connection.next_timer() is None
    hand.wait(1e6)
    hand.say(hand.chunk("msg1", b"tock", 5, "*"))
    assert endpoint.inbox[0].state == "whole"


def test_what_is_on_its_way_is_not_missing() -> None:
    hand, endpoint = begin(Limits(missing=10, stall=1000))
    hand.say(hand.chunk("msg1", b"!", 2001, 2001))
    octets = hand.chunk("msg1", b"x" * 2000, 1, 2001, "+")
    hand.say(octets[:500])
    hand.wait(11)
    hand.say(octets[500:])
    assert endpoint.inbox[0].state == "whole"


def test_what_we_do_not_read_is_not_missing() -> None:
    hand, endpoint = begin(Limits(missing=10, unread=5))
    hand.say(hand.chunk("msg1", b"behind", 20, "*", "+"), hand.chunk("msg2", b"read late", 1, "*", "+"))
    endpoint.inbox[0].open()
    assert hand.connection.paused
    hand.wait(11)
    content(endpoint.inbox[0])
    hand.wait(9)
    assert "msg1" in endpoint._arriving
    hand.wait(1)
    assert "msg1" not in endpoint._arriving


def test_the_session_ends_while_octets_are_missing() -> None:
    hand, endpoint = begin()
    hand.say(hand.chunk("msg1", b"one ", 1, 20, "+"), hand.chunk("msg1", b"three ", 9, 20, "+"))
    endpoint.close("gone")
    (message,) = endpoint.inbox
    assert (message.state, message.reason, content(message)) == ("cut", "gone", b"one ")
    assert hand.connection.next_timer() is None


# --- duplicates -----------------------------------------------------------------------------


@pytest.mark.rule("4975 5.4-16")
def test_a_message_that_comes_again_in_the_next_session() -> None:
    """Section 5.4: what a lost session left open may be sent again, under the same Message-ID."""
    budget = Budget(Limits())
    hand = ByHand(budget=budget)
    before = hand.bind()
    hand.say(hand.chunk("msg1", b"half", 1, 8, "+"), hand.chunk("msg2", b"whole"))
    hand.connection.lost("the connection broke")
    first = [m.duplicate for m in before.inbox]
    del hand, before
    gc.collect()
    again = ByHand(budget=budget)
    endpoint = again.bind()
    again.say(*(again.chunk(f"msg{i}", b"complete") for i in (1, 2, 3)))
    assert first == [False, False]
    assert [(m.duplicate, m.state) for m in endpoint.inbox] == [
        (True, "whole"),
        (True, "whole"),
        (False, "whole"),
    ]


def test_other_people_may_use_the_same_id() -> None:
    budget = Budget(Limits())
    for user in ("im%3Aalice", "im%3Acarol"):
        hand = ByHand(budget=budget)
        hand.own = hand.own.replace("//", f"//{user}@")
        endpoint = hand.bind()
        hand.say(hand.chunk("msg1", b"x"))
        assert not endpoint.inbox[0].duplicate


def test_other_people_are_remembered_up_to_a_number() -> None:
    budget = Budget(Limits())
    first = budget.seen("first")
    first.set("msg1", 200, None)
    for i in range(100):
        budget.seen(i)
    assert budget.seen("first") is first, "while its session stands"
    del first
    for i in range(100):
        budget.seen(i)
    assert budget.seen("first").get("msg1") is None


@pytest.mark.rule("4975 5.4-18")
@pytest.mark.parametrize("how", ["refuse", "drop"])
def test_a_duplicate_that_nobody_reads_has_arrived_all_the_same(how: str) -> None:
    """Section 5.4: responses and reports are due for duplicates, too."""
    hand, endpoint = begin()
    success = ("Success-Report", "yes")
    hand.say(hand.chunk("msg1", b"hello", 1, 5, "$", success))
    endpoint.inbox.popleft().confirm()
    (report,) = hand.hear()
    hand.say(hand.chunk("msg1", b"hel", 1, 5, "+", success))
    message = endpoint.inbox.popleft()
    assert message.duplicate
    message.refuse(403) if how == "refuse" else message.drop()
    again, answer = hand.say(hand.chunk("msg1", b"lo", 4, 5, "$", success))
    assert (answer.status, again.header("Status")) == (200, report.header("Status"))
    assert again.header("Byte-Range") == "1-5/5"


def test_a_duplicate_of_what_was_refused_is_refused_like_any_other() -> None:
    hand, endpoint = begin()
    success = ("Success-Report", "yes")
    for _ in range(2):
        hand.say(hand.chunk("msg1", b"hello", 1, 5, "$", success))
        endpoint.inbox.popleft().refuse(403)
        (report,) = hand.hear()
        assert report.header("Status") == "000 403 refused"
