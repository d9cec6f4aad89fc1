"""What is written down of a stream: for `msrp inspect` however it is cut, for --trace without secrets."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress

from fuzz.inputs import stream
from msrp_core import Frame, Parser, RemoteProtocolError, Uri
from msrp_core.uri import UriError
from msrp_peer.cli.inspect import Inspector
from msrp_peer.protocol.auth_header import AuthHeaderError
from msrp_peer.protocol.sasl_header import SaslHeader
from msrp_peer.terms.blanked import Blanking

__all__ = ["watched"]

_AUTH = ("authorization", "www-authenticate", "authentication-info")


def watched(data: bytes) -> None:
    """Both, of one stream."""
    one = stream(data, 4096)
    assert _inspected(one.pieces) == _inspected([one.octets])
    _traced(one.octets)


def _inspected(pieces: Iterable[bytes]) -> list[str]:
    inspector = Inspector()
    said: list[dict[str, object]] = []
    for piece in pieces:
        said += inspector.feed(piece)
        if inspector.broken:
            break
    else:
        said += inspector.end()
    return [json.dumps(each, ensure_ascii=True) for each in said]


def _traced(octets: bytes) -> None:
    blanking = Blanking()
    met: set[str] = set()
    try:
        for event in Parser().feed(octets):
            if isinstance(event, Frame):
                _blanked(blanking, event, met)
    except RemoteProtocolError:
        pass


def _blanked(blanking: Blanking, frame: Frame, met: set[str]) -> None:
    """Nothing shown holds a session-id that was met, nor a token of SASL."""
    try:
        told = blanking.headers(frame)
        comment = blanking.comment(frame) or ""
    except RemoteProtocolError:
        return
    assert len(told) == len(frame.headers)
    for path in (frame.to_path, frame.from_path):
        with suppress(UriError):
            # One of fewer than four characters may be a part of any word.
            met |= {known for uri in Uri.parse_path(path) if len(known := uri.session_id or "") >= 4}
    if len(met) < 1000:
        behind = [comment, *(text for line in told[2:] for text in line)]
        assert not any(secret in text for secret in met for text in behind)
    for (name, value), (_, shown) in zip(frame.headers, told, strict=True):
        for token in _tokens(name, value):
            assert token not in shown


def _tokens(name: str, value: str) -> list[str]:
    """What a header of the scheme SASL carries, as it is written; none that is written elsewhere in it."""
    try:
        header = SaslHeader.parse(value) if name.lower() in _AUTH else None
    except AuthHeaderError:
        return []
    if header is None:
        return []
    written = [SaslHeader(c2s=octets).text()[10:-1] for octets in (header.c2s, header.s2c) if octets]
    return [token for token in written if len(token) >= 8 and value.count(token) == 1]
