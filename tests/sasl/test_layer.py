"""The framing of security layers (RFC 4422 section 3.7): any octets, any split."""

from __future__ import annotations

import hmac
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_sasl import LayerTerms, Reason, SaslError, SaslUsageError, SecurityLayer
from sasl.parties import refused

KEY = b"a key of both"
MAC = 10


def protect(plain: bytes) -> bytes:
    return plain + hmac.digest(KEY, plain, "sha256")[:MAC]


def check(buffer: bytes) -> bytes:
    plain, mac = buffer[:-MAC], buffer[-MAC:]
    if not hmac.compare_digest(hmac.digest(KEY, plain, "sha256")[:MAC], mac):
        raise SaslError(Reason.MALFORMED, "a buffer that was changed")
    return plain


def layer(send: int = 100, receive: int = 100) -> SecurityLayer:
    return SecurityLayer(protect, check, LayerTerms("integrity", "HMAC", send, send - MAC, receive))


def framed(*plains: bytes) -> bytes:
    return b"".join(len(protect(p)).to_bytes(4) + protect(p) for p in plains)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in pairwise(edges)]


@given(
    st.lists(st.binary(max_size=300), max_size=6),
    st.lists(st.integers(0, 5000), max_size=30),
    st.integers(11, 200),
)
def test_any_octets_any_split(pieces: list[bytes], places: list[int], size: int) -> None:
    sender, receiver = layer(send=size), layer(receive=size)
    wire = sender.wrap(pieces)
    assert all(len(buffer) <= size + 4 for buffer in wire)
    got = [plain for part in cut(b"".join(wire), places) for plain in receiver.unwrap(part)]
    assert b"".join(got) == b"".join(pieces)
    assert not receiver.partial


def test_octet_by_octet() -> None:
    receiver = layer()
    data = framed(b"one", b"two")
    got: list[bytes] = []
    for at in range(len(data)):
        got += receiver.unwrap(data[at : at + 1])
        assert receiver.partial == (at not in (len(framed(b"one")) - 1, len(data) - 1))
    assert got == [b"one", b"two"]


def test_buffers_are_as_few_as_will_do() -> None:
    assert len(layer(send=110).wrap([b"x" * 30, b"", b"y" * 70])) == 1
    assert len(layer(send=110).wrap([b"x" * 101])) == 2
    assert layer().wrap([]) == []
    assert layer().wrap([b""]) == []


def test_a_buffer_just_as_large_as_agreed() -> None:
    data = framed(b"x" * 90)
    assert list(layer(receive=100).unwrap(data)) == [b"x" * 90]
    refused(Reason.MALFORMED, lambda: list(layer(receive=99).unwrap(data)))


@pytest.mark.parametrize("length", [101, 1 << 24, 0xFFFFFFFF])
def test_a_length_is_not_believed(length: int) -> None:
    receiver = layer(receive=100)
    said = refused(Reason.MALFORMED, lambda: list(receiver.unwrap(length.to_bytes(4))))
    assert str(length) in said


def test_nothing_is_allocated_from_a_length() -> None:
    """A MiB is agreed on and announced; what is held is what came."""
    receiver = layer(receive=1 << 20)
    tracemalloc.start()
    try:
        list(receiver.unwrap((1 << 20).to_bytes(4) + b"x"))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10_000
    assert receiver.partial


@pytest.mark.parametrize(
    "broken",
    [framed(b"two")[:-1] + b"!", (200).to_bytes(4), (0).to_bytes(4), (3).to_bytes(4) + b"abc"],
    ids=["changed", "too large", "empty", "too small"],
)
def test_a_broken_buffer_ends_it_for_good(broken: bytes) -> None:
    receiver = layer()
    got: list[bytes] = []
    with pytest.raises(SaslError):
        got.extend(receiver.unwrap(framed(b"one") + broken + framed(b"three")))
    # What came before is good; nothing else ever comes.
    assert got == [b"one"]
    for again in (
        lambda: list(receiver.unwrap(framed(b"four"))),
        lambda: list(receiver.unwrap(b"")),
        lambda: receiver.wrap([b"x"]),
    ):
        with pytest.raises(SaslError):
            again()


def test_after_the_end_nothing_is_held() -> None:
    receiver = layer()
    refused(Reason.MALFORMED, lambda: list(receiver.unwrap((200).to_bytes(4))))
    late = bytearray(b"more")
    refused(Reason.MALFORMED, lambda: list(receiver.unwrap(late)))
    late.clear()  # BufferError where somebody still looks at it


@given(st.lists(st.integers(0, 100), max_size=10))
def test_what_came_before_the_broken_one_is_good_whatever_the_split(places: list[int]) -> None:
    receiver = layer()
    got = []
    with pytest.raises(SaslError):  # noqa: PT012
        for part in cut(framed(b"one", b"two") + (200).to_bytes(4), places):
            for plain in receiver.unwrap(part):
                got.append(plain)
    assert got == [b"one", b"two"]


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=10))
def test_any_octets_at_all(data: bytes, places: list[int]) -> None:
    receiver = layer()
    try:
        got = [plain for part in cut(data, places) for plain in receiver.unwrap(part)]
    except SaslError:
        return
    assert got == []  # nobody guesses the key


def test_an_iterator_left_early_loses_nothing() -> None:
    receiver = layer()
    for plain in receiver.unwrap(framed(b"one", b"two")):
        assert plain == b"one"
        break
    assert list(receiver.unwrap(framed(b"three"))) == [b"two", b"three"]


def test_what_cannot_be_protected_ends_it() -> None:
    def spent(plain: bytes) -> bytes:
        raise SaslError(Reason.POLICY, "the ticket has expired")

    sender = SecurityLayer(spent, check, LayerTerms("integrity", "HMAC", 100, 90, 100))
    for _ in range(2):
        refused(Reason.POLICY, lambda: sender.wrap([b"x"]))
    refused(Reason.POLICY, lambda: list(sender.unwrap(framed(b"one"))))


def test_our_own_mistakes() -> None:
    with pytest.raises(SaslUsageError):
        SecurityLayer(protect, check, LayerTerms("integrity", "HMAC", 100, 0, 100))
    with pytest.raises(SaslUsageError):
        SecurityLayer(protect, check, LayerTerms("integrity", "HMAC", 100, 101, 100))
    greedy = SecurityLayer(protect, check, LayerTerms("integrity", "HMAC", 100, 100, 100))
    with pytest.raises(SaslUsageError):
        greedy.wrap([b"x" * 100])


@pytest.mark.parametrize("way", ["wrap", "unwrap"])
def test_a_mechanism_that_raises_what_it_should_not_ends_it(way: str) -> None:
    def broken(octets: bytes) -> bytes:
        raise ValueError("of some library")

    layer = SecurityLayer(broken, broken, LayerTerms("integrity", "HMAC", 100, 90, 100))
    with pytest.raises(ValueError, match="library"):
        layer.wrap([b"x"]) if way == "wrap" else list(layer.unwrap(b"\0\0\0\1x"))
    with pytest.raises(SaslError):
        layer.wrap([b"x"])
    with pytest.raises(SaslError):
        list(layer.unwrap(b"\0\0\0\1x"))


def test_a_buffer_that_holds_nothing() -> None:
    """Whoever does not know it as a goodbye reads nothing in it; only the last one counts."""
    sender, receiver = layer(), layer()
    assert not receiver.empty
    for octets, empty in (
        (sender.end(), True),
        (b"".join(sender.wrap([b"more"])), False),
        (sender.end(), True),
    ):
        heard = [piece for octet in octets for piece in receiver.unwrap(bytes([octet]))]
        assert heard == ([] if empty else [b"more"])
        assert (receiver.empty, receiver.partial) == (empty, False)
