"""Many chunks in one go are the same as one after the other."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_core import Batches, Chunks, Express, Frame, LocalProtocolError, Parser, response
from msrp_core._writer import forget_pool

TO, FROM = "msrp://a.example:1/s1;tcp", "msrp://b.example:2/s2;tcp"
HYPHENS = st.binary(max_size=40) | st.sampled_from([b"-------", b"-" * 500, b"\r\n-------0123456789ab"])


def chunks() -> Chunks:
    return Chunks(TO, FROM, "message1", [("Content-Type", "text/plain")])


@given(st.lists(HYPHENS, max_size=40), st.integers(1, 3000), st.integers(1, 2**40), st.booleans())
def test_what_is_cut_in_a_batch_comes_out_whole(
    parts: list[bytes], size: int, first: int, last: bool
) -> None:
    body = b"".join(parts) * 10
    batch, octets = chunks().batch(body, first, size, None, last)
    frames = [event for event in Parser().feed(octets) if isinstance(event, Frame)]
    assert [frame.transaction_id for frame in frames] == batch.ids
    assert len(set(batch.ids)) == batch.count == batch.left == max(-(-len(body) // size), 1 if last else 0)
    assert b"".join(frame.body for frame in frames) == body
    at = first
    for number, frame in enumerate(frames, 1):
        ends = last and number == len(frames)
        known = ends or frame.size <= 2048
        assert frame.flag == ("$" if ends else "+")
        assert frame.byte_range == (at, at + frame.size - 1 if known else None, None)
        assert frame.size == size or number == len(frames)
        assert frame.fault() is None
        at += frame.size


@pytest.mark.parametrize(
    ("first", "size", "total"),
    [
        (0, 10, None),
        (1, 0, None),
        (1, -(2**70), None),
        (1, 10, 4),
        (2**62, 1, None),
        (2**70, 1, None),
        (1, 10, -5),
        (1, 10, 2**70),
    ],
)
def test_batches_that_cannot_be(first: int, size: int, total: int | None) -> None:
    with pytest.raises(LocalProtocolError, match="impossible numbers"):
        chunks().batch(b"hello", first, size, total)


@pytest.mark.parametrize("first", [near for power in range(1, 19) for near in (10**power - 1, 10**power)])
def test_numbers_of_every_length(first: int) -> None:
    body = b"ab"
    _, octets = chunks().batch(body, first, 1, first + 1)
    frames = [event for event in Parser().feed(octets) if isinstance(event, Frame)]
    assert [frame.byte_range for frame in frames] == [(at, at, first + 1) for at in (first, first + 1)]
    assert octets.count(b"%d/%d" % (first, first + 1)) == 1


def test_no_batch_has_the_ids_of_another() -> None:
    several = [chunks().batch(b"x" * 100, 1, 1, None)[0].ids for _ in range(50)]
    ids = [one for ids in several for one in ids]
    assert len(set(ids)) == len(ids) == 5000
    # Random in every digit, as RFC 4975 section 7.1 wants of an id.
    assert all(len({ids[0][at] for ids in several}) > 4 for at in range(16))


@pytest.mark.parametrize("size", [sys.maxsize, 2**64, 2**70])
def test_a_chunk_may_be_as_large_as_anything(size: int) -> None:
    batch, octets = chunks().batch(b"hello", 1, size, None, True)
    assert batch.count == 1
    (frame,) = Parser().feed(octets)
    assert bytes(frame) == b"hello"


def test_without_a_content_type_there_is_no_body() -> None:
    with pytest.raises(LocalProtocolError, match="Content-Type"):
        Chunks(TO, FROM, "message1").batch(b"hello", 1, 5, None)


# --- which of them are answered ---------------------------------------------------------------


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The next random numbers, once the test has put them here."""
    chosen: list[int] = []
    monkeypatch.setattr(
        os, "urandom", lambda size: b"".join(struct.pack("=Q", n) for n in chosen).ljust(size, b"x")
    )
    forget_pool()
    yield chosen
    monkeypatch.undo()
    forget_pool()


def read(octets: bytes) -> list[Frame]:
    return [event for event in Parser().feed(octets) if isinstance(event, Frame)]


def told(octets: bytes, batches: Batches) -> list[Frame]:
    """Which responses the short way does not take."""
    events = list(Parser(None, Express(batches)).feed(octets))
    assert all(isinstance(event, Frame) for event in events)
    return [event for event in events if isinstance(event, Frame)]


@pytest.mark.parametrize("short", [True, False], ids=["taken by themselves", "asked about"])
def test_each_is_answered_once(short: bool) -> None:
    batches = Batches()
    batch, octets = chunks().batch(b"x" * 95, 1, 10, None)
    beside, more = chunks().batch(b"x" * 20, 1, 10, None)
    batches.add(batch)
    batches.add(beside)
    frames = read(octets) + read(more)
    frames = [frames[k] for k in (3, 3, 9, 10, 0, 1, 2, 11, 4, 5, 6, 7, 8, 4)]
    if short:
        left = told(b"".join(response(frame, 200) for frame in frames), batches)
        assert [frame.transaction_id for frame in left] == [batch.ids[3], batch.ids[4]], "those doubled"
        assert list(batches.confirmed()) == [(batch, 10, 95), (beside, 2, 20)]
        assert not batches.confirmed(), "given out once"
    else:
        taken = [batches.take(frame.transaction_id) for frame in frames]
        sizes = [None if each is None else each[1] for each in taken]
        assert sizes == [10, None, 5, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, None]
        assert {each[0] for each in taken if each is not None} == {batch, beside}
    assert (batch.left, beside.left) == (0, 0)


@pytest.mark.parametrize("first", [0, 0xFFFF, 2**48 - 2, 2**64 - 70_000])
@pytest.mark.parametrize("count", [65_537, 140_000])
def test_a_batch_may_be_longer_than_any(numbers: list[int], first: int, count: int) -> None:
    """Longer than the limits of a connection let one become."""
    numbers.append(first)
    batches = Batches()
    batch, _ = chunks().batch(bytes(count), 1, 1, None)
    batches.add(batch)
    ids = batch.ids
    last = ids.pop(count // 2)
    assert all(batches.take(one) == (batch, 1) for one in ids)
    assert batch.left == 1
    batches.discard(batch)
    assert batches.take(last) is None
    batches.add(batch)
    assert batches.take(last) == (batch, 1)


@pytest.mark.parametrize("first", [2**64 - 3, 0xFFFE, 2**48 - 2, 0])
def test_ids_count_on_where_the_numbers_end(numbers: list[int], first: int) -> None:
    numbers.append(first)
    batches = Batches()
    batch, octets = chunks().batch(b"x" * 70, 1, 10, None)
    batches.add(batch)
    frames = read(octets)
    assert batch.ids == ["%016x" % ((first + k) % 2**64) for k in range(7)]
    assert [frame.transaction_id for frame in frames] == batch.ids
    assert told(b"".join(response(frame, 200) for frame in frames), batches) == []
    assert batch.left == 0


def test_an_id_that_stands_in_the_body_is_another_one(numbers: list[int]) -> None:
    numbers += [1000, 5, 6]
    body = b"\r\n-------%016x!" % 1001
    batches = Batches()
    batch, octets = chunks().batch(body * 3, 1, len(body), None)
    batches.add(batch)
    assert batch.ids == [f"{n:016x}" for n in (1000, 5, 1002)]
    assert [frame.transaction_id for frame in read(octets)] == batch.ids
    assert batches.take(f"{1001:016x}") is None, "that one was never sent"
    assert [batches.take(one) for one in batch.ids] == [(batch, len(body))] * 3


def test_what_is_no_plain_200_is_told() -> None:
    batches = Batches()
    batch, octets = chunks().batch(b"x" * 30, 1, 10, None)
    batches.add(batch)
    one, two, three = read(octets)
    other = read(chunks().batch(b"x" * 10, 1, 10, None)[1])[0]
    late = [response(one, 413), response(two, 201), response(three, 200, "OK", [("X", "y")])]
    assert [frame.status for frame in told(b"".join(late), batches)] == [413, 201]
    strange = response(one, 200).replace(one.transaction_id.encode(), b"x" * 16)
    assert len(told(strange + response(other, 200) + response(three, 200), batches)) == 3
    assert batch.left == 2
    batches.discard(batch)
    assert batches.take(batch.ids[0]) is None, "it is too late"
    assert len(told(response(one, 200), batches)) == 1


@given(st.text(max_size=40))
def test_ids_that_are_none_of_ours(one: str) -> None:
    batches = Batches()
    batch, _ = chunks().batch(b"x" * 30, 1, 10, None)
    batches.add(batch)
    assert batches.take(one) is None
    assert batches.take(batch.ids[0].upper() + "g") is None
    assert batch.left == 3
