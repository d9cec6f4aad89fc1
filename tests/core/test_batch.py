"""Many chunks in one go are the same as one after the other."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_core import Chunks, Frame, LocalProtocolError, Parser

TO, FROM = "msrp://a.example:1/s1;tcp", "msrp://b.example:2/s2;tcp"
HYPHENS = st.binary(max_size=40) | st.sampled_from([b"-------", b"-" * 500, b"\r\n-------0123456789ab"])


def chunks() -> Chunks:
    return Chunks(TO, FROM, "message1", [("Content-Type", "text/plain")])


@given(st.lists(HYPHENS, max_size=40), st.integers(1, 3000), st.integers(1, 2**40), st.booleans())
def test_what_is_cut_in_a_batch_comes_out_whole(
    parts: list[bytes], size: int, first: int, last: bool
) -> None:
    body = b"".join(parts) * 10
    ids, octets = chunks().batch(body, first, size, None, last)
    frames = [event for event in Parser().feed(octets) if isinstance(event, Frame)]
    assert [frame.transaction_id for frame in frames] == ids
    assert len(set(ids)) == len(ids) == max(-(-len(body) // size), 1 if last else 0)
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
    several = [chunks().batch(b"x" * 100, 1, 1, None)[0] for _ in range(50)]
    ids = [one for ids in several for one in ids]
    assert len(set(ids)) == len(ids) == 5000
    # Random in every digit, as RFC 4975 section 7.1 wants of an id.
    assert all(len({ids[0][at] for ids in several}) > 4 for at in range(16))


def test_a_chunk_may_be_as_large_as_anything() -> None:
    ids, octets = chunks().batch(b"hello", 1, sys.maxsize, None, True)
    assert len(ids) == 1
    (frame,) = Parser().feed(octets)
    assert bytes(frame) == b"hello"


def test_without_a_content_type_there_is_no_body() -> None:
    with pytest.raises(LocalProtocolError, match="Content-Type"):
        Chunks(TO, FROM, "message1").batch(b"hello", 1, 5, None)
