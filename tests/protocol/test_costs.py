"""What a hostile sender can make us keep: in proportion to what it sends, and up to a bound.

RFC 4975 section 14.5: what Byte-Range claims must be checked before anything is made of it.
"""

from __future__ import annotations

import pytest

from msrp_peer.protocol.budget import Budget
from msrp_peer.protocol.endpoint import Endpoint
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


def test_a_million_octets_in_chunks_of_one() -> None:
    """In order they are a message like any other; with gaps they are refused beyond a bound."""
    hand, endpoint = begin()
    for at in range(1, 20_001, 100):
        octets = b"".join(hand.chunk("msg1", b"x", at + i, "*", "+") for i in range(100))
        assert set(statuses(hand.say(octets))) == {200}
    (message,) = endpoint.inbox
    assert content(message) == b"x" * 20_000
    heard = []
    for at in range(2, 10_000, 200):
        octets = b"".join(hand.chunk("msg2", b"x", at + i, "*", "+") for i in range(0, 200, 2))
        heard += statuses(hand.say(octets))
    assert heard == [200] * 1024 + [413] * (5000 - 1024)
    assert statuses(hand.say(hand.chunk("msg3", b"next"))) == [200]


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
    assert (Limits().memory - budget.memory < 2200, budget.disk) == (True, Limits().spill)
    assert content(endpoint.inbox[0]) == b"one "
