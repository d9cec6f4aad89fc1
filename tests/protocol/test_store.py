"""What waits to be read of one message: in memory and in a file, in whatever order it came."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_peer.protocol.budget import Budget
from msrp_peer.protocol.store import Store
from msrp_peer.terms.limits import Limits


def emptied(store: Store) -> bytes:
    blocks = []
    while block := store.take():
        blocks.append(block)
    return b"".join(blocks)


def test_it_keeps_the_order() -> None:
    budget = Budget(Limits(memory=1000, spill=1000))
    store = Store(budget)
    for i in range(12):
        assert store.put(10 * i, bytes([i]) * 10, spill=3 <= i < 10)
    assert (len(store), store.memory, store.spilled) == (120, 50, 70)
    assert (budget.memory, budget.disk) == (950, 930)
    assert emptied(store) == b"".join(bytes([i]) * 10 for i in range(12))
    assert len(store) == 0
    assert store.put(120, b"again", spill=False)
    assert store.take() == b"again"
    assert store.put(125, b"x", spill=True)
    store.clear()
    assert store.take() == b""
    assert (budget.memory, budget.disk) == (1000, 1000)


def test_small_blocks_are_joined() -> None:
    store = Store(Budget(Limits()))
    for i in range(100):
        store.put(i, bytes([i]), spill=False)
    assert store.take() == bytes(range(100))


def test_it_takes_no_more_than_the_budget_has() -> None:
    budget = Budget(Limits(memory=100, spill=100))
    one, two = Store(budget), Store(budget)
    for i, spill in enumerate((False, True)):
        assert one.put(60 * i, b"x" * 60, spill=spill)
        assert not two.put(40 * i, b"x" * 60, spill=spill)
        assert two.put(40 * i, b"x" * 40, spill=spill)
    del one
    assert (budget.memory, budget.disk) == (60, 60), "what nobody can read any more is given back"


puts = st.tuples(st.integers(0, 120), st.binary(max_size=40), st.booleans())
deeds = st.lists(st.one_of(puts, st.sampled_from(["take", "cut"]), st.integers(0, 160)), max_size=40)


@given(deeds=deeds, most=st.integers(1, 1024))
def test_later_octets_count_unless_they_were_read(
    deeds: list[tuple[int, bytes, bool] | str | int], most: int
) -> None:
    """RFC 4975 section 7.3.1. A dict of octets is the model."""
    budget = Budget(Limits(memory=20_000, spill=20_000))
    store = Store(budget, most)
    model: dict[int, int] = {}
    taken = arrived = 0
    for deed in deeds:
        if deed == "take":
            block = store.take()
            assert list(block) == [model[taken + i] for i in range(len(block))]
            taken += len(block)
            assert bool(block) or taken not in model
        elif deed == "cut":
            model = {at: octet for at, octet in model.items() if at < store.reach}
            store.cut()
        elif isinstance(deed, int):
            store.skip(deed)
            taken = max(taken, deed)
            model = {at: octet for at, octet in model.items() if at >= taken}
        else:
            at, block, spill = deed
            if not store.put(at, block, spill=spill):
                break  # in too many pieces
            for i, octet in enumerate(block, at):
                arrived += i not in model and i >= taken
                if i >= taken:
                    model[i] = octet
        reach = taken
        while reach in model:
            reach += 1
        assert (store.reach, len(store)) == (reach, reach - taken)
        assert store.end == max(model, default=-1) + 1 or store.end == taken
        assert store.arrived == arrived
    else:
        rest = emptied(store)
        assert list(rest) == [model[taken + i] for i in range(len(rest))]
        assert taken + len(rest) not in model
    store.clear()
    assert (budget.memory, budget.disk, store.memory) == (20_000, 20_000, 0)


@pytest.mark.parametrize("spill", [False, True])
def test_what_comes_again_takes_no_more_room(spill: bool) -> None:
    budget = Budget(Limits(memory=5000, spill=5000))
    store = Store(budget)
    for _ in range(1000):
        assert store.put(10, b"x" * 1000, spill=spill)
    assert store.arrived == 1000
    assert budget.memory + budget.disk >= 5000 + 5000 - 1000 - 256


def test_a_position_costs_nothing() -> None:
    budget = Budget(Limits())
    store = Store(budget)
    assert store.put(10**18, b"x", spill=False)
    assert store.put(10**17, b"y" * 9000, spill=True)
    assert Limits().memory - budget.memory < 1000
    assert Limits().spill - budget.disk == 9000


def test_backwards_octet_by_octet() -> None:
    """Neighbours in memory become one; in a file they stay as they came, and have a bound."""
    octets = bytes(i % 251 for i in range(30_000))
    store = Store(Budget(Limits()), 100)
    for at in reversed(range(len(octets))):
        assert store.put(at, octets[at : at + 1], spill=False)
    assert emptied(store) == octets
    store = Store(Budget(Limits()), 100)
    assert [store.put(at, b"x", spill=True) for at in range(101, 0, -1)] == [True] * 100 + [False]


def test_pieces_have_a_bound_whatever_they_weigh() -> None:
    store = Store(Budget(Limits()), 100)
    assert [store.put(2 * i + 1, b"x", spill=False) for i in range(101)] == [True] * 100 + [False]
    assert store.put(0, b"in order", spill=False) is False
    store = Store(Budget(Limits()), 100)
    for i in range(99):
        assert store.put(2 * i + 1, b"x", spill=False)
    assert store.put(0, b"o" * 300, spill=False), "one that closes all gaps"
    assert emptied(store) == b"o" * 300


def test_pieces_cost_more_than_their_octets() -> None:
    budget = Budget(Limits(memory=10_000))
    store = Store(budget)
    put = 0
    while store.put(2 * put + 1, b"x", spill=False):
        put += 1
    assert put < 100
    store.clear()
    assert budget.memory == 10_000
