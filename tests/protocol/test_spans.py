"""Ranges that were spoken of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from msrp_peer.protocol.spans import Spans

spans = st.tuples(st.integers(0, 40), st.integers(1, 20)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(st.lists(spans, max_size=30))
def test_reach(added: list[tuple[int, int]]) -> None:
    told = Spans(1000)
    there: set[int] = set()
    for start, end in added:
        told.add(start, end)
        there |= set(range(start, end))
        assert told.reach == next(i for i in range(100) if i not in there)
    assert len(told._starts) == sum(i - 1 not in there for i in there), "none touches another"
    assert told._starts == sorted(told._starts)


def test_too_many() -> None:
    told = Spans(10)
    for i in range(1, 100):
        told.add(2 * i, 2 * i + 1)
    assert len(told._starts) == 10
    told.add(0, 3)
    assert told.reach == 3, "what touches one that is known is always taken"
