"""DIGEST-MD5's layers: octets go through whole, or the connection ends."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_sasl import Reason, SaslError, SaslUsageError, SecurityLayer
from msrp_sasl.mechanisms.digest_hash import LayerKeys
from msrp_sasl.mechanisms.digest_layer import Receiver, Sender
from sasl.digests import LAYERS, layered
from sasl.parties import refused

EACH = pytest.mark.parametrize(("qop", "cipher"), LAYERS)
KEYS = LayerKeys(bytes(range(16)), bytes(range(16, 32)))


def layers(qop: Any, cipher: Any, **more: Any) -> tuple[SecurityLayer, SecurityLayer]:
    client, server = layered(qop, cipher, **more)
    assert client.layer is not None
    assert server.layer is not None
    return client.layer, server.layer


def pair(qop: Any, cipher: Any) -> tuple[Sender, Receiver]:
    name = cipher if qop == "auth-conf" else None
    return Sender(KEYS, name), Receiver(KEYS, name)


def ends(receiver: SecurityLayer, wire: bytes, good: list[bytes]) -> None:
    """What is good comes through, nothing else does, and nothing ever after."""
    got: list[bytes] = []
    with pytest.raises(SaslError) as caught:
        got.extend(receiver.unwrap(wire))
    assert caught.value.reason is Reason.MALFORMED
    assert b"".join(got) in (b"", b"".join(good))
    for again in (lambda: list(receiver.unwrap(b"")), lambda: receiver.wrap([b"x"])):
        with pytest.raises(SaslError):
            again()


@EACH
def test_a_million_octets_both_ways_in_any_splits(qop: str, cipher: str) -> None:
    chance = random.Random(f"{qop} {cipher}")
    said = chance.randbytes(1_000_000)
    ends = layers(qop, cipher, digest_md5_buffer=8192)
    for sender, receiver in (ends, ends[::-1]):
        wire = b"".join(
            b"".join(sender.wrap([said[a:b]]))
            for a, b in pairwise([0, *sorted(chance.sample(range(len(said)), 100)), len(said)])
        )
        cuts = [0, *sorted(chance.sample(range(len(wire)), 500)), len(wire)]
        got = b"".join(plain for a, b in pairwise(cuts) for plain in receiver.unwrap(wire[a:b]))
        assert got == said
        assert not receiver.partial


@EACH
@given(sizes=st.lists(st.integers(0, 70), max_size=8))
def test_buffers_of_any_size(qop: str, cipher: str, sizes: list[int]) -> None:
    sender, receiver = pair(qop, cipher)
    for number, size in enumerate(sizes):
        plain = bytes([number]) * size
        buffer = sender.protect(plain)
        assert 16 <= len(buffer) - len(plain) <= 26
        if qop == "auth-conf" and size > 8:
            assert plain not in buffer
        assert receiver.open(buffer) == plain


@EACH
def test_nothing_larger_than_agreed_on_is_sent(qop: str, cipher: str) -> None:
    sender, receiver = layers(qop, cipher, digest_md5_buffer=4096)
    for size in (sender.terms.room, sender.terms.room + 1, 3 * sender.terms.room):
        buffers = sender.wrap([b"x" * size])
        assert len(buffers) == -(-size // sender.terms.room)
        assert max(map(len, buffers)) <= 4096  # the length before it included, as Cyrus SASL counts
        assert b"".join(plain for buffer in buffers for plain in receiver.unwrap(buffer)) == b"x" * size


@EACH
def test_every_octet_of_a_buffer_changed(qop: str, cipher: str) -> None:
    wire = pair(qop, cipher)[0].protect(b"hello, world")
    for at in range(len(wire)):
        for bit in (1, 0x80):
            broken = wire[:at] + bytes([wire[at] ^ bit]) + wire[at + 1 :]
            refused(Reason.MALFORMED, lambda broken=broken: pair(qop, cipher)[1].open(broken))


@EACH
def test_a_buffer_cut_or_lengthened(qop: str, cipher: str) -> None:
    wire = pair(qop, cipher)[0].protect(b"hello, world")
    for size in range(len(wire)):
        for broken in (wire[:size], wire[size:][: len(wire) - 1]):
            if broken != wire:
                refused(Reason.MALFORMED, lambda broken=broken: pair(qop, cipher)[1].open(broken))
    for more in (wire + b"\0", wire + wire, b"\0" + wire):
        refused(Reason.MALFORMED, lambda more=more: pair(qop, cipher)[1].open(more))


def replayed(sent: list[bytes]) -> bytes:
    return sent[0] + sent[0] + sent[1]


def swapped(sent: list[bytes]) -> bytes:
    return sent[1] + sent[0]


def left_out(sent: list[bytes]) -> bytes:
    return sent[0] + sent[2]


def spliced(sent: list[bytes]) -> bytes:
    """The head of one and the tail of the next, under one length."""
    return sent[0][:12] + sent[1][12:]


def renumbered(sent: list[bytes]) -> bytes:
    """The first once more, under the next one's number."""
    return sent[0] + sent[0][:-4] + (1).to_bytes(4)


def of_another_type(sent: list[bytes]) -> bytes:
    return sent[0][:-6] + b"\0\2" + sent[0][-4:]


@EACH
@pytest.mark.parametrize("how", [replayed, swapped, left_out, spliced, renumbered, of_another_type])
def test_what_was_done_to_buffers_on_the_way_ends_it(qop: str, cipher: str, how: Any) -> None:
    sender, receiver = layers(qop, cipher)
    sent = [b"".join(sender.wrap([text])) for text in (b"the first one", b"the second one", b"the third one")]
    ends(receiver, how(sent), [b"the first one"])


@EACH
def test_buffers_of_another_line_or_direction_end_it(qop: str, cipher: str) -> None:
    """Each exchange has keys of its own, and each direction of it."""
    wire = b"".join(layers(qop, cipher)[0].wrap([b"hello"]))
    ends(layers(qop, cipher)[1], wire, [])
    sender, _ = layers(qop, cipher)
    ends(sender, b"".join(sender.wrap([b"hello"])), [])


@pytest.mark.parametrize("cipher", ["3des", "des"])
def test_padding_is_as_the_rfc_has_it(cipher: str) -> None:
    """Other octets of padding, or none, fail although the MAC is right; in the same words as a wrong MAC."""
    told = set()
    for padding in (b"\1" * 6, b"\6" * 5 + b"\5", b"\5" * 6, b"\0" * 6, b"\x0e" * 6, b"\5\6\6\6\6\6"):
        sender, receiver = pair("auth-conf", cipher)
        mac = sender._signed(bytes(4), b"")
        assert sender._cipher is not None
        forged = sender._cipher.update(padding + mac) + b"\0\1" + bytes(4)
        told.add(refused(Reason.MALFORMED, lambda r=receiver, f=forged: r.open(f)))
    sender, receiver = pair("auth-conf", cipher)
    broken = bytearray(sender.protect(b"x"))
    broken[0] ^= 1
    told.add(refused(Reason.MALFORMED, lambda: receiver.open(bytes(broken))))
    assert len(told) == 1
    sender, receiver = pair("auth-conf", cipher)
    mac = sender._signed(bytes(4), b"")
    assert sender._cipher is not None
    assert receiver.open(sender._cipher.update(b"\6" * 6 + mac) + b"\0\1" + bytes(4)) == b""


@EACH
def test_no_number_comes_twice(qop: str, cipher: str) -> None:
    """The last of 2^32 numbers is used, and then nothing more is protected or taken."""
    sender, receiver = pair(qop, cipher)
    sender._number = receiver._number = 0xFFFF_FFFF
    last = sender.protect(b"the last")
    assert last[-4:] == b"\xff" * 4
    assert receiver.open(last) == b"the last"
    assert "connect anew" in refused(Reason.POLICY, lambda: sender.protect(b"one more"))
    refused(Reason.POLICY, lambda: receiver.open(last))


def test_the_ciphers_of_each_direction_go_on() -> None:
    """The same text never looks the same twice."""
    for qop, cipher in LAYERS[1:]:
        sender, _ = pair(qop, cipher)
        assert len({sender.protect(b"the same text")[:13] for _ in range(20)}) == 20


@given(buffers=st.lists(st.binary(max_size=80), min_size=1, max_size=3))
def test_octets_of_any_kind(buffers: list[bytes]) -> None:
    for qop, cipher in LAYERS:
        _, receiver = pair(qop, cipher)
        for buffer in buffers:
            with pytest.raises(SaslError):
                receiver.open(buffer)


def test_after_the_end() -> None:
    client, _ = layered("auth-conf", "rc4")
    layer = client.layer
    assert layer is not None
    client.abort()
    for late in (lambda: layer.wrap([b"x"]), lambda: list(layer.unwrap(b"\0\0\0\x10" + b"x" * 16))):
        with pytest.raises((SaslUsageError, SaslError)):
            late()


def test_keys_are_not_shown() -> None:
    client, server = layered("auth-conf", "rc4")
    assert KEYS.signing.hex() not in repr(KEYS)
    assert repr(KEYS.signing) not in repr(KEYS)
    for shown in (repr(client.layer), repr(server.layer), repr(pair("auth-conf", "rc4"))):
        assert "key" not in shown.lower()


def test_a_whole_conversation() -> None:
    client, server = layered("auth-conf", "3des")
    assert client.layer is not None
    assert server.layer is not None
    for number in range(50):
        ask = b"question %d" % number * number
        (heard,) = list(server.layer.unwrap(b"".join(client.layer.wrap([ask])))) or [b""]
        assert heard == ask
        (answer,) = client.layer.unwrap(b"".join(server.layer.wrap([heard, b"!"])))
        assert answer == ask + b"!"
