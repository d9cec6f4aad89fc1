"""The compiled parser against the plain one, which was written from RFC 4975 on its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.events import COMPILED, PLAIN, run
from core.strategies import Piece, broken_streams, cuts, doubtful_frames, doubtful_uris, streams
from msrp_core import Limits, LocalProtocolError, Uri, request
from msrp_core.uri import UriError

small_limits = st.builds(
    Limits,
    head=st.integers(40, 400),
    line=st.integers(24, 120),
    auth_line=st.integers(120, 200),
    headers=st.integers(2, 8),
)


@given(streams, st.data())
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
def test_both_say_the_same_of_any_octets(octets: bytes, data: st.DataObject) -> None:
    outcome = run(COMPILED, octets, data.draw(cuts(octets)))
    assert outcome.compared == run(PLAIN, octets).compared


@given(broken_streams(), small_limits, st.data())
def test_both_say_the_same_within_narrow_limits(octets: bytes, limits: Limits, data: st.DataObject) -> None:
    outcome = run(COMPILED, octets, data.draw(cuts(octets)), limits)
    assert outcome.compared == run(PLAIN, octets, (), limits).compared


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


@given(doubtful_uris())
def test_parser_writer_and_uri_agree_on_what_a_uri_is(text: str) -> None:
    octets = f"MSRP abcd SEND\r\nTo-Path: {text}\r\nFrom-Path: msrp://h;tcp\r\n-------abcd$\r\n".encode()
    # The parser takes several, and spaces around them.
    accepted = all(map(_accepts, filter(None, text.strip(" \t").split(" ")))) and text.strip(" \t") != ""
    assert (run(COMPILED, octets).error is None) == accepted
    if _accepts(text):
        assert text in request("SEND", text, text)[1].decode()
    elif " " not in text:
        with pytest.raises(LocalProtocolError):
            request("SEND", text, "msrp://h;tcp")
