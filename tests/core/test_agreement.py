"""The compiled parser against the plain one, which was written from RFC 4975 on its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.events import COMPILED, PLAIN, run
from core.strategies import (
    Piece,
    alike_streams,
    broken_streams,
    cuts,
    doubtful_frames,
    doubtful_uris,
    streams,
)
from msrp_core import Limits, LocalProtocolError, Uri, request
from msrp_core.uri import UriError

PATHS = b"To-Path: msrp://a;tcp\r\nFrom-Path: msrp://b;tcp\r\n"
small_limits = st.builds(
    Limits,
    head=st.integers(40, 400),
    line=st.integers(24, 120),
    auth_line=st.integers(120, 200),
    headers=st.integers(2, 8),
)


@given(streams, st.data())
@pytest.mark.rule("4975 9-2 14.3-2")
def test_right_streams_are_read_whole(pieces: list[Piece], data: st.DataObject) -> None:
    octets = b"".join(piece.octets for piece in pieces)
    outcome = run(COMPILED, octets, data.draw(cuts(octets)))
    assert outcome.error is None
    assert outcome.compared == run(PLAIN, octets).compared
    frames = [said for said in outcome.said if said[0] == "frame"]
    assert [frame[2] for frame in frames] == [piece.transaction_id for piece in pieces]
    assert [said[2] for said in outcome.said if said[0] == "body"] == [
        piece.body for piece in pieces if piece.body is not None
    ]
    assert [said[2] for said in outcome.said if said[0] == "end"] == [piece.flag for piece in pieces]


@given(st.one_of(broken_streams(), st.binary(max_size=200)), st.data())
@pytest.mark.rule("4975 9-3")
def test_both_say_the_same_of_any_octets(octets: bytes, data: st.DataObject) -> None:
    outcome = run(COMPILED, octets, data.draw(cuts(octets)))
    assert outcome.compared == run(PLAIN, octets).compared


@given(broken_streams(), small_limits, st.data())
def test_both_say_the_same_within_narrow_limits(octets: bytes, limits: Limits, data: st.DataObject) -> None:
    outcome = run(COMPILED, octets, data.draw(cuts(octets)), limits)
    assert outcome.compared == run(PLAIN, octets, (), limits).compared


@given(alike_streams(), st.data())
def test_what_is_remembered_of_one_frame_fits_the_next(octets: bytes, data: st.DataObject) -> None:
    outcome = run(COMPILED, octets, data.draw(cuts(octets)))
    assert outcome.compared == run(PLAIN, octets).compared


@pytest.mark.parametrize("length", [4, 12, 16, 17, 24, 32])
def test_every_octet_at_every_place_of_an_id(length: int) -> None:
    for place in range(length):
        for octet in range(256):
            name = b"Aa09zZ.-+%=bcdefghijklmnopqrstuvwxyz"[:length]
            name = name[:place] + bytes([octet]) + name[place + 1 :]
            octets = (
                b"MSRP "
                + name
                + b" SEND\r\n"
                + PATHS
                + b"Message-ID: "
                + name
                + b"\r\n-------"
                + name
                + b"$\r\n"
            )
            assert run(COMPILED, octets).compared == run(PLAIN, octets).compared, name
            octets = b"MSRP abcd SEND\r\n" + PATHS + b"Message-ID: " + name + b"\r\n-------abcd$\r\n"
            assert run(COMPILED, octets).compared == run(PLAIN, octets).compared, name


@pytest.mark.parametrize("before", [0, 1, 14, 15, 16, 17, 31, 32, 47, 48, 62, 63, 64, 65])
def test_every_octet_in_a_line(before: int) -> None:
    """The octets of a head are looked at many at a time: each place in such a block counts."""
    for octet in range(256):
        for line in (b"X: " + b"x" * before + b"%b" + b"\r\n", b"X" * (before + 1) + b"%b: y\r\n"):
            octets = b"MSRP abcd SEND\r\n" + PATHS + line % bytes([octet]) + b"-------abcd$\r\n"
            assert run(COMPILED, octets).compared == run(PLAIN, octets).compared, octet


@pytest.mark.parametrize("parser", [COMPILED, PLAIN], ids=["compiled", "plain"])
@given(
    octets=st.one_of(broken_streams(), streams.map(lambda some: b"".join(p.octets for p in some))),
    data=st.data(),
)
def test_the_cuts_change_nothing(parser, octets: bytes, data: st.DataObject) -> None:  # type: ignore[no-untyped-def]
    assert run(parser, octets, data.draw(cuts(octets))) == run(parser, octets, data.draw(cuts(octets)))


@given(doubtful_frames(), st.data())
def test_both_find_the_same_values_wrong(octets: bytes, data: st.DataObject) -> None:
    outcome = run(COMPILED, octets, data.draw(cuts(octets)))
    assert outcome.compared == run(PLAIN, octets).compared


def _accepts(text: str) -> bool:
    try:
        Uri.parse(text)
    except UriError:
        return False
    return True


def _sent_to(path: str) -> bytes:
    return f"MSRP abcd SEND\r\nTo-Path: {path}\r\nFrom-Path: msrp://h;tcp\r\n-------abcd$\r\n".encode()


def _ipv6_literals() -> Iterator[str]:
    """Addresses of every shape, most of them wrong."""
    tails = ["", "1.2.3.4", "1.2.3", "1.2.3.4.5", "256.2.3.4", "1.2.3.04"]
    for before, after in product(range(10), range(10)):
        for gap, tail in product(["::", ":", ":::"], tails):
            yield ":".join(["a"] * before) + gap + ":".join(["F0"] * after + [tail] * bool(tail))
    yield from (
        ":",
        "",
        "12345::",
        "::12345",
        "::g",
        "0::%eth0",
        "1.2.3.4",
        "::1.2.3.4:1",
        ":1:2:3:4:5:6:7:8",
    )


def test_every_shape_of_an_ipv6_address() -> None:
    right = 0
    for address in _ipv6_literals():
        text = f"msrp://[{address}]:1/s;tcp"
        assert (run(COMPILED, _sent_to(text)).error is None) == _accepts(text), address
        right += _accepts(text)
    assert right > 30


@given(doubtful_uris())
def test_parser_writer_and_uri_agree_on_what_a_uri_is(text: str) -> None:
    octets = _sent_to(text)
    # The parser takes several, and spaces around them.
    accepted = all(map(_accepts, filter(None, text.strip(" \t").split(" ")))) and text.strip(" \t") != ""
    assert (run(COMPILED, octets).error is None) == accepted
    if _accepts(text):
        assert text in request("SEND", text, text)[1].decode()
    elif " " not in text:
        with pytest.raises(LocalProtocolError):
            request("SEND", text, "msrp://h;tcp")
