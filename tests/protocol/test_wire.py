"""Layers: a new one begins at an exact octet, wherever the reads were cut."""

from __future__ import annotations

import pytest

from msrp_core import Flag, Frame, Parser, request
from msrp_peer.protocol.wire import Wire
from msrp_peer.terms.errors import PeerError
from support.by_hand import LISTENER
from support.pair import Toy

URI = "msrps://h:1/s;tcp"
FIRST = request("AUTH", LISTENER, URI, transaction_id="switch00")[1]
THEN = [
    request("SEND", URI, LISTENER, [("Message-ID", "msg0")], transaction_id=f"after{i:03}")[1]
    for i in range(3)
]


def switched(reads: list[bytes], below: list[Toy], above: list[Toy]) -> list[str]:
    """Ids of the frames heard, where each frame called switch... pushes the next layer."""
    wire, parser, heard = Wire(below), Parser(), []
    layers = iter(above)
    for read in reads:
        for octets in wire.unwrap(read):
            for event in parser.feed(octets):
                if isinstance(event, Frame):
                    current = event
                if isinstance(event, Flag) or event.flag is not None:  # type: ignore[union-attr]
                    heard.append(current.transaction_id)
                    if current.transaction_id.startswith("switch"):
                        wire.push(next(layers), parser.rest())
                        break
    assert parser.idle
    return heard


def said(*frames: bytes) -> bytes:
    return b"".join(Toy(handshake=False).wrap(list(frames)))


EXPECTED = ["switch00", "after000", "after001", "after002"]


def test_a_layer_pushed_in_mid_read_under_every_cut() -> None:
    octets = FIRST + said(*THEN)
    for at in range(len(octets) + 1):
        reads = [octets[:at], octets[at:]]
        assert switched(reads, [], [Toy(handshake=False)]) == EXPECTED


def test_a_layer_pushed_octet_by_octet() -> None:
    octets = FIRST + said(*THEN)
    reads = [octets[i : i + 1] for i in range(len(octets))]
    assert switched(reads, [], [Toy(handshake=False)]) == EXPECTED


def test_a_layer_pushed_inside_another_under_every_cut() -> None:
    outer = Toy(handshake=False)
    octets = b"".join(outer.wrap([FIRST + said(*THEN)]))
    for at in range(len(octets) + 1):
        reads = [octets[:at], octets[at:]]
        assert switched(reads, [Toy(handshake=False)], [Toy(handshake=False)]) == EXPECTED


def test_records_of_one_read_wait_below_the_new_layer() -> None:
    """One read gives several pieces; those behind the switch are the new layer's."""
    outer = Toy(handshake=False)
    above = said(THEN[0])
    pieces = [FIRST + above[:20], above[20:], said(THEN[1]), said(THEN[2])]
    octets = b"".join(outer.wrap(pieces))
    assert switched([octets], [Toy(handshake=False)], [Toy(handshake=False)]) == EXPECTED


def test_what_is_put_back_comes_before_the_other_records_of_its_read() -> None:
    """Where no layer begins after all, too."""
    outer = Toy(handshake=False)
    wire = Wire([Toy(handshake=False)])
    heard = []
    for octets in wire.unwrap(b"".join(outer.wrap([b"one|two", b"three", b"four"]))):
        first, _, rest = bytes(octets).partition(b"|")
        heard.append(first)
        if rest:
            wire.push(None, rest)
    assert heard == [b"one", b"two", b"three", b"four"]


def test_two_layers_pushed_in_one_read() -> None:
    second = FIRST.replace(b"switch00", b"switch01")
    octets = FIRST + said(second, said(*THEN))
    for at in range(len(octets) + 1):
        layers = [Toy(handshake=False), Toy(handshake=False)]
        heard = switched([octets[:at], octets[at:]], [], layers)
        assert heard == ["switch00", "switch01", *EXPECTED[1:]]


def test_what_was_said_goes_through_every_layer() -> None:
    near, far = Toy(handshake=False), Toy(handshake=False)
    wire = Wire([near, far])
    octets = b"".join(wire.wrap([b"abc"]))
    assert octets == b"".join(Toy(handshake=False).wrap(Toy(handshake=False).wrap([b"abc"])))
    assert (
        b"".join(bytes(piece) for piece in Wire([Toy(handshake=False), Toy(handshake=False)]).unwrap(octets))
        == b"abc"
    )


def test_nothing_is_there_before_the_handshake() -> None:
    wire = Wire([Toy()])
    assert wire.securing
    assert wire.protections == ()
    hello = b"".join(Toy().wrap([]))
    assert list(wire.unwrap(hello + said(b"at once"))) == [b"at once"]
    assert not wire.securing
    assert [p.kind for p in wire.protections] == ["tls"]


def test_an_orderly_end_is_an_end_of_every_layer() -> None:
    near, far = Toy(handshake=False), Toy(handshake=False)
    wire = Wire([near, far])
    other = Wire([Toy(handshake=False), Toy(handshake=False)])
    assert Wire().ended(), "a bare connection ends as it pleases"
    assert not wire.ended()
    assert list(wire.unwrap(b"".join(other.close()))) == []
    assert wire.ended()


def test_octets_that_are_no_record() -> None:
    wire = Wire([Toy(handshake=False)])
    with pytest.raises(PeerError, match="no record"):
        list(wire.unwrap(b"GET / HTTP/1.1\r\n"))
    assert wire.wrap([]) == [b"!"], "the alert"
