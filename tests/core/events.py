"""Both parsers, run over octets however cut, and what they say brought to one form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import pytest

import msrp_core
from msrp_core import Limits, RemoteProtocolError
from reference import plain_parser

__all__ = [
    "COMPILED",
    "IMPLEMENTATIONS",
    "PLAIN",
    "AnyParser",
    "Implementation",
    "Outcome",
    "implementation",
    "normalise",
    "run",
]


class AnyParser(Protocol):
    """What both parsers have in common, seen from a test."""

    @property
    def offset(self) -> int: ...
    @property
    def idle(self) -> bool: ...
    def feed(self, data: Any, /) -> AnyParser: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __next__(self) -> Any: ...
    def rest(self) -> bytes: ...
    def end(self) -> None: ...


class Implementation(NamedTuple):
    """One of the two parsers."""

    name: str
    parser: Callable[[Limits], AnyParser]

    def new(self, limits: Limits | None = None) -> AnyParser:
        return self.parser(limits or Limits())

    def events(self, octets: bytes, limits: Limits | None = None) -> list[Any]:
        """The events of one feed."""
        return list(self.new(limits).feed(octets))

    def frame_of(self, octets: bytes) -> Any:
        """The only frame of a stream that holds one, whole."""
        (frame,) = self.events(octets)
        return frame

    def error(self, octets: bytes, limits: Limits | None = None) -> RemoteProtocolError:
        """The stream error these octets lead to."""
        with pytest.raises(RemoteProtocolError) as caught:
            self.events(octets, limits)
        assert caught.value.rank == "stream"
        assert caught.value.status == 400
        return caught.value


COMPILED = Implementation("compiled", msrp_core.Parser)
PLAIN = Implementation("plain", plain_parser.Parser)
IMPLEMENTATIONS = (COMPILED, PLAIN)

implementation = pytest.mark.parametrize("parser", IMPLEMENTATIONS, ids=lambda one: one.name)
"""Runs a test with each parser in turn, as its argument `parser`."""


class Outcome(NamedTuple):
    """What became of a stream: its frames and bodies, and how it ended."""

    said: list[tuple[Any, ...]]
    error: tuple[str, int, int] | None
    """Rank, status and offset."""
    text: str | None
    """What the error says; the parsers need not agree on it."""

    @property
    def compared(self) -> tuple[list[tuple[Any, ...]], tuple[str, int, int] | None]:
        return self.said, self.error


_VALUES = ("message_id", "byte_range", "content_type", "success_report", "failure_report")


def _ask(frame: Any, name: str) -> Any:
    """One value of a frame, or where it is wrong."""
    try:
        return getattr(frame, name)
    except RemoteProtocolError as error:
        return _short(error)


def _short(error: RemoteProtocolError) -> tuple[str, int, int]:
    return error.rank, error.status, error.offset


def _frame(frame: Any) -> tuple[Any, ...]:
    fault = frame.fault()
    return (
        "frame",
        frame.offset,
        frame.transaction_id,
        frame.method,
        frame.status,
        frame.comment,
        frame.to_path,
        frame.from_path,
        frame.headers,
        *(_ask(frame, name) for name in _VALUES),
        None if fault is None else _short(fault),
        frame.has_body,
        frame.body_offset,
    )


def normalise(events: Iterable[Any]) -> list[tuple[Any, ...]]:
    """Events as tuples, the same however the octets were cut: pieces of body are joined.

    ("frame", offset, ...), where there is a body ("body", offset, octets), and ("end", offset, flag).
    Asserts what holds of events one by one: where each begins, and that none is empty.
    """
    said: list[tuple[Any, ...]] = []
    body: bytes | None = None
    begin = 0
    for event in events:
        kind = type(event).__name__
        if kind == "Frame":
            assert body is None, "a frame inside a frame"
            said.append(_frame(event))
            assert bytes(event) == event.body
            assert len(event) == event.size == len(event.body)
            if event.flag is None:
                assert event.has_body
                assert event.size == 0
                assert event.end_offset is None
                body = b""
                begin = event.body_offset
                continue
            if event.has_body:
                said.append(("body", event.body_offset, event.body))
                assert event.end_offset == event.body_offset + event.size + 2
            else:
                assert event.end_offset == event.body_offset
            said.append(("end", event.end_offset, event.flag))
            continue
        assert body is not None, "an event that belongs to no frame"
        if kind == "Body":
            assert len(event) == len(bytes(event)) > 0
            assert event.offset == begin + len(body)
            body += bytes(event)
        else:
            assert kind == "Flag"
            said += [("body", begin, body), ("end", event.offset, event.flag)]
            assert event.offset == begin + len(body) + 2
            body = None
    if body is not None:
        said.append(("body so far", begin, body))
    return said


def run(
    parser: Implementation, octets: bytes, cuts: Sequence[int] = (), limits: Limits | None = None
) -> Outcome:
    """Feed octets, cut at these places, and say that they are over."""
    one = parser.new(limits)
    events: list[Any] = []
    places = [0, *sorted(cut for cut in cuts if 0 < cut < len(octets)), len(octets)]
    try:
        for start, end in pairwise(places):
            # An object of its own each time: a slice that outlives its feed would show.
            # One by one, so that those before an error stay.
            for event in one.feed(bytearray(octets[start:end])):
                events.append(event)
        one.end()
    except RemoteProtocolError as error:
        return Outcome(normalise(events), _short(error), error.message)
    assert one.idle
    assert one.offset == len(octets)
    return Outcome(normalise(events), None, None)
