"""What must hold whatever the octets are. One function a target; each takes an input and returns.

Anything it raises is a finding. They need no fuzzer: tests/core/test_corpus.py replays the seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.events import PLAIN, normalise, run
from fuzz.announced import announced
from fuzz.bodies import bodies
from fuzz.files import files
from fuzz.headers import header
from fuzz.inputs import Stream, stream
from fuzz.kept import config, known
from fuzz.lanes import express
from fuzz.texts import sdp
from fuzz.tokens import sasl
from fuzz.uris import uri
from fuzz.watched import watched
from fuzz.words import words
from fuzz.writing import writer
from msrp_core import Limits, Parser, RemoteProtocolError

__all__ = ["TARGETS"]

Said = tuple[list[tuple[Any, ...]], tuple[str, int, int] | None]


def _feed(parser: Parser, piece: object, events: list[Any], take_rest: bool) -> None:
    """One feed; with `take_rest`, what follows a frame is taken from the parser and fed anew."""
    while True:
        for event in parser.feed(piece):  # type: ignore[arg-type]
            events.append(event)
            if take_rest and parser.idle and len(events) < 64:
                break
        else:
            return
        before = parser.offset
        piece = parser.rest()
        assert parser.offset == before
        assert parser.idle


def _raised(use: Callable[[], object]) -> RemoteProtocolError | None:
    try:
        use()
    except RemoteProtocolError as error:
        return error
    return None


def _parse(stream: Stream) -> Said:
    """What the compiled parser says of a stream, in one form however it is cut."""
    parser = Parser(stream.limits)
    events: list[Any] = []

    def work() -> None:
        for piece in stream.pieces:
            _feed(parser, stream.memory(piece), events, stream.take_rest)
        parser.end()

    error = _raised(work)
    if error is None:
        assert parser.idle
        assert parser.offset == sum(map(len, stream.pieces))
        return normalise(events), None
    assert error.rank == "stream"
    for use in (parser.end, parser.rest, lambda: next(parser), lambda: parser.feed(b"")):
        again = _raised(use)
        assert again is not None, "a parser goes on after its error"
        assert again.offset == error.offset
    return normalise(events), (error.rank, error.status, error.offset)


def parser(data: bytes) -> None:
    """The compiled parser and the plain one agree on events, errors, ranks and offsets."""
    one = stream(data, 4096)
    said = _parse(one)
    expected = run(PLAIN, one.octets, (), one.limits).compared
    assert said == expected, f"\ncompiled: {said}\nplain:    {expected}"


def cuts(data: bytes) -> None:
    """The compiled parser says the same however its octets are cut; long streams, too."""
    one = stream(data, 1 << 18)
    said = _parse(one)
    whole = _parse(one._replace(pieces=[one.octets], take_rest=False))
    assert said == whole, f"\ncut:   {said}\nwhole: {whole}"
    if said[1] is None and one.limits.head < Limits().head:
        # Right within narrow limits is right within wide ones.
        assert said == _parse(one._replace(limits=Limits()))


TARGETS: dict[str, Callable[[bytes], None]] = {
    "parser": parser,
    "cuts": cuts,
    "express": express,
    "writer": writer,
    "uri": uri,
    "sasl": sasl,
    "sdp": sdp,
    "header": header,
    "words": words,
    "watched": watched,
    "bodies": bodies,
    "files": files,
    "announced": announced,
    "config": config,
    "known": known,
}
