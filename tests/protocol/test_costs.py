"""What a hostile sender can make us keep: in proportion to what it sends, and up to a bound.

RFC 4975 section 14.5: what Byte-Range claims must be checked before anything is made of it.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest

from msrp_peer.protocol.budget import Budget
from msrp_peer.protocol.endpoint import Endpoint
from msrp_peer.protocol.short import Short
from msrp_peer.terms.limits import Limits
from support.by_hand import ByHand, content, statuses


def begin(limits: Limits | None = None) -> tuple[ByHand, Endpoint]:
    hand = ByHand(limits=limits)
    return hand, hand.bind()


def test_what_cannot_be_read_yet_does_not_stop_the_wire() -> None:
    """Or what is missing would never come."""
    hand, endpoint = begin(Limits(unread=1000, unopened=1000))
    hand.say(hand.chunk("msg1", b"a", 1, "*", "+"))
    (message,) = endpoint.inbox
    message.open()
    for i in range(10):
        hand.say(hand.chunk("msg1", bytes([i]) * 600, 2 + 600 * (i + 1), "*", "+"))
        assert not hand.connection.paused
    assert message.spilled == 9 * 600
    hand.say(hand.chunk("msg1", b"b" * 600, 2, "*", "+"))
    assert hand.connection.paused
    assert content(message) == b"a" + b"b" * 600 + b"".join(bytes([i]) * 600 for i in range(10))
    assert not hand.connection.paused


@pytest.mark.rule("4975 14.5-6")
def test_a_range_that_claims_much_costs_nothing() -> None:
    budget = Budget(Limits())
    hand = ByHand(budget=budget)
    hand.bind()
    heard = hand.say(
        hand.chunk("msg1", b"x", 1, 99999999999, "+", end=99999999999),
        hand.chunk("msg2", b"x", 99999999999, 99999999999, "+"),
    )
    assert statuses(heard) == [200, 200]
    assert Limits().memory - budget.memory < 6000
    assert budget.disk == Limits().spill


def test_a_position_beyond_the_largest_message() -> None:
    hand, endpoint = begin(Limits(message=100))
    heard = hand.say(
        hand.chunk("msg1", b"x", 101, "*", "+"),
        hand.chunk("msg2", b"xx", 100, "*", "+"),
        hand.chunk("msg3", b"x", 100, "*"),
        hand.chunk("msg4", b"", 102, "*"),
    )
    assert statuses(heard) == [413, 413, 200, 413]
    assert not endpoint.inbox


MILLION = 1_000_000
READ = 100_000  # octets that a driver hands over at a time, about


def single_octets(hand: ByHand, count: int, step: int) -> Iterator[tuple[int, bytes]]:
    """Reads full of chunks of one octet each, and how many; `step` octets from one to the next."""
    frame = hand.chunk("msg1", b"x", 777, "*", "+", transaction_id="0123456789abcdef")
    frame = frame.replace(b"%", b"%%").replace(b"0123456789abcdef", b"%(id)016x")
    frame = frame.replace(b"777-777", b"%(at)d-%(at)d")
    many = READ // len(frame)
    for first in range(0, count, many):
        numbers = range(first, min(first + many, count))
        yield len(numbers), b"".join(frame % {b"id": n, b"at": 1 + n * step} for n in numbers)


def codes(octets: list[bytes]) -> tuple[int, int]:
    """How many 200 there are, and how many 413."""
    said = b"".join(octets)
    return said.count(b" 200 OK\r\n"), said.count(b" 413 refused\r\n")


@pytest.mark.parametrize("read", [True, False])
def test_a_million_chunks_of_one_octet(read: bool) -> None:
    """In order they are a message like any other, and cost as much as its octets. Where nobody reads
    them, they go to the file one by one as soon as `unopened` is full: fewer show what a million would."""
    hand, endpoint = begin()
    count = MILLION if read and Short.on else 70_000
    budget = hand.connection.budget
    least = budget.memory
    body = b""
    for many, octets in single_octets(hand, count, 1):
        hand.connection.receive(octets, hand.now)
        assert codes(hand.connection.data_to_send(hand.now)) == (many, 0)
        least = min(least, budget.memory)
        if read:
            endpoint.inbox[0].open()
            body += endpoint.inbox[0].take()
    assert Limits().memory - least < Limits().unopened + READ
    assert body + content(endpoint.inbox[0]) == b"x" * count


def test_chunks_of_one_octet_with_gaps() -> None:
    """Beyond a bound they are refused, and then it does not matter how many come."""
    hand, endpoint = begin()
    hand.say(hand.chunk("before", b"x"))  # what is made once is there
    budget = hand.connection.budget
    taken = refused = 0
    count = 20_000
    peaks = []
    tracemalloc.start()
    try:
        for many, octets in single_octets(hand, count, 2):
            tracemalloc.reset_peak()
            hand.connection.receive(octets, hand.now)
            ok, no = codes(hand.connection.data_to_send(hand.now))
            assert ok + no == many
            taken, refused = taken + ok, refused + no
            peaks.append(tracemalloc.get_traced_memory()[1] - len(octets))
    finally:
        tracemalloc.stop()
    assert (taken, refused) == (1024, count - 1024)
    assert max(peaks[4:]) < 2 * min(peaks[4:]) < 2 << 20, "the last of them cost no more than the first"
    assert Limits().memory - budget.memory < 10_000
    assert statuses(hand.say(hand.chunk("after", b"next"))) == [200]
    assert [content(m) for m in endpoint.inbox if m.message_id != "msg1"] == [b"x", b"next"]


def test_a_million_requests_of_one_who_reads_no_answers() -> None:
    """Each is answered at once and forgotten; answers that nobody takes stop the reading."""
    hand, _ = begin()
    asked = hand.chunk("msg1", b"x", 1, "*", "+", transaction_id="0123456789abcdef") * 1000
    read = 0
    while not hand.connection.paused:
        assert read < MILLION
        hand.connection.receive(asked, hand.now)
        read += 1000
    assert len(b"".join(hand.connection.data_to_send(hand.now))) < Limits().owed + len(asked)
    assert not hand.connection.paused, "and go on when they are taken"


def test_a_million_transactions_that_nobody_answers() -> None:
    """As many are opened as may be open, and no more, however much there is to send."""
    limits = Limits(chunk_alone=2048, window=MILLION * 2048)
    hand, endpoint = begin(limits)
    outgoing = endpoint.send("a/b", MILLION * 2048)
    while outgoing.wants():
        outgoing.feed(bytes(limits.unsent))
        while hand.connection.data_to_send(hand.now):
            pass
    assert len(hand.connection.transactions) == limits.unanswered
    assert outgoing.cut_octets == limits.unanswered * 2048
    hand.wait(30)
    assert (outgoing.state, outgoing.status) == ("failed", 408)
    assert len(hand.connection.transactions) == 0


def test_ten_thousand_half_messages() -> None:
    budget = Budget(Limits())
    hand, beside = ByHand(budget=budget), ByHand(budget=budget)
    hand.bind()
    other = beside.bind()
    heard = []
    for i in range(0, 10_000, 100):
        octets = b"".join(hand.chunk(f"half{i + j}", b"x" * 100, 101, 300, "+") for j in range(100))
        heard += statuses(hand.say(octets))
    assert heard == [200] * 64 + [413] * 9936
    assert Limits().memory - budget.memory < 64 * 4096
    assert statuses(beside.say(beside.chunk("msg1", b"untouched"))) == [200]
    assert content(other.inbox[0]) == b"untouched"


def test_messages_cost_more_than_their_octets() -> None:
    """Empty ones are not for nothing; whoever reads them gives the room back."""
    budget = Budget(Limits(memory=10_000))
    hand = ByHand(budget=budget)
    endpoint = hand.bind()
    heard = hand.say(*(hand.chunk(f"msg{i}", b"", 1, 0) for i in range(5)))
    assert statuses(heard) == [200] * 4 + [413]
    assert len(endpoint.inbox) == 4
    for message in endpoint.inbox:
        message.open()
    assert budget.memory == 10_000


@pytest.mark.parametrize("short", [True, False])
def test_what_comes_with_a_message_counts_too(short: bool) -> None:
    """Its path, its kind, what it is called: each may be as long as a line may be."""
    long = "x" * 3900
    budget = Budget(Limits(memory=100_000))
    hand = ByHand(budget=budget)
    hand.own = hand.own.replace(";tcp", f";tcp;more={long}")
    endpoint = hand.bind()
    more = () if short else (("Success-Report", "yes"),)
    messages = [hand.chunk(f"message{i}", b"x", 1, 1, "$", *more) for i in range(10, 60)]
    room = 100_000 // (2048 + len(messages[0].partition(b"\r\n\r\n")[0]) + 4 + 1)
    assert room < 20
    assert statuses(hand.say(*messages)) == [200] * room + [413] * (50 - room)
    for message in endpoint.inbox:
        message.open()
    hand.say(hand.chunk("begun", b"x", 1, "*", "+"))
    between = budget.memory
    for i in range(5):
        hand.say(hand.chunk("begun", b"x", 2 + i, "*", "+", ("Content-Digest", "x" * 1000 * (1 + i))))
    assert between - budget.memory == 5000 + 5, "the last one is kept, and counts"


@pytest.mark.parametrize("how", ["given up", "late", "lost", "refused"])
def test_what_nobody_can_read_any_more_is_not_kept(how: str) -> None:
    budget = Budget(Limits())
    hand = ByHand(budget=budget, limits=Limits(unopened=1000))
    endpoint = hand.bind()
    hand.say(hand.chunk("msg1", b"one ", 1, "*", "+"))
    for i in range(10):
        hand.say(hand.chunk("msg1", bytes(600), 100 + 1000 * i, "*", "+"))
    assert Limits().spill - budget.disk >= 5000
    if how == "given up":
        hand.say(hand.chunk("msg1", b"", 99, "*", "#"))
    elif how == "late":
        hand.wait(540)
    elif how == "lost":
        hand.connection.lost("the connection broke")
    else:
        hand.say(hand.chunk("msg1", b"", 50, "*", "$"))
    assert (Limits().memory - budget.memory < 2500, budget.disk) == (True, Limits().spill)
    assert content(endpoint.inbox[0]) == b"one "
