"""Nothing is left behind, however many messages go through: no block of memory, no reference.

A million messages, three seconds.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from msrp_core import (
    Batches,
    Chunks,
    Flag,
    Frame,
    LocalProtocolError,
    Parser,
    ReceiveBuffer,
    RemoteProtocolError,
    request,
    response,
)

TO = "msrp://a.example:1/secretA;tcp"
FROM = "msrp://b.example:2/secretB;tcp"
TYPE = ("Content-Type", "text/plain")
MESSAGES = 1_000_000
SPARE = 100
"""Blocks and references that caches of the interpreter may take; a leak is one for each message."""


NAMES = [name for name in dir(Frame) if not name.startswith("_")]


def read(frame: Frame) -> None:
    """Turn everything in a frame into objects."""
    repr(frame)
    for name in NAMES:
        getattr(frame, name)
    frame.header("Message-ID")
    frame.fault()
    bytes(memoryview(frame))
    hash(frame.byte_range)


SMALL = request("SEND", TO, FROM, [("Message-ID", "abcd"), ("Byte-Range", "1-5/5"), TYPE], b"hello")[1]
LARGE = request("SEND", TO, FROM, [("Message-ID", "abcd"), TYPE], bytes(range(256)) * 16, flag="+")[1]
REPORT = request("REPORT", TO, FROM, [("Message-ID", "abcd"), ("Status", "000 200 OK")])[1]
FAULTY = SMALL.replace(b"Message-ID: abcd", b"Message-ID: ----")
WRONG = b"MSRP abcd SEND\r\nNothing: of the sort\r\n\r\n"


class Stream:
    """One parser that goes on and on."""

    def __init__(self) -> None:
        self.parser = Parser()
        self.buffer = ReceiveBuffer(65536)

    def whole(self) -> None:
        for event in self.parser.feed(SMALL + REPORT + LARGE):
            assert type(event) is Frame
            read(event)

    def pieces(self) -> None:
        for at in range(0, len(LARGE), 1400):
            for event in self.parser.feed(LARGE[at : at + 1400]):
                repr(event), event.offset, event.flag if type(event) is Flag else None
        for at in range(0, len(SMALL), 40):
            for event in self.parser.feed(memoryview(SMALL)[at : at + 40]):
                repr(event)

    def received(self) -> None:
        self.buffer.get()[: len(LARGE)] = LARGE
        kept = list(self.parser.feed(self.buffer.filled(len(LARGE))))
        assert len(kept) == 1

    def faulty(self) -> None:
        for event in self.parser.feed(FAULTY):
            assert type(event) is Frame
            assert event.fault() is not None
            with pytest.raises(RemoteProtocolError):
                _ = event.message_id

    def broken(self) -> None:
        parser = Parser()
        with pytest.raises(RemoteProtocolError):
            list(parser.feed(WRONG))
        with pytest.raises(RemoteProtocolError):
            parser.feed(WRONG)


class Written:
    def __init__(self) -> None:
        self.chunks = Chunks(TO, FROM, "abcd", [TYPE])
        self.batches = Batches()
        (self.frame,) = Parser().feed(SMALL)
        assert type(self.frame) is Frame

    def requests(self) -> None:
        request("SEND", TO, FROM, [("Message-ID", "abcd"), TYPE], b"hello")
        assert type(self.frame) is Frame
        response(self.frame, 200, "OK")

    def chunk(self) -> None:
        self.chunks.cut(b"hello", 1, 5, 5, "$", [("X", "y")])
        self.chunks.cut(b"-" * 40, 1, None, None, "+")

    def batch(self) -> None:
        batch, _ = self.chunks.batch(b"-" * 40, 1, 8, 40, last=True)
        self.batches.add(batch)
        assert self.batches.take(batch.ids[0]) == (batch, 8)
        self.batches.discard(batch)

    def misused(self) -> None:
        for wrong in (lambda: self.chunks.cut(b"", 0, 1, 1, "$"), lambda: request("send", TO, FROM)):
            with pytest.raises(LocalProtocolError):
                wrong()


# What to do again and again, and how many messages each time.
WORK: dict[str, tuple[Callable[[], Callable[[], None]], int]] = {
    "whole frames": (lambda: Stream().whole, 3),
    "frames in pieces": (lambda: Stream().pieces, 2),
    "a receive buffer": (lambda: Stream().received, 1),
    "wrong values": (lambda: Stream().faulty, 1),
    "broken streams": (lambda: Stream().broken, 1),
    "requests and responses": (lambda: Written().requests, 2),
    "chunks": (lambda: Written().chunk, 2),
    "batches": (lambda: Written().batch, 5),
    "misuse": (lambda: Written().misused, 2),
}


def held() -> tuple[int, ...]:
    """Blocks of memory, and references to what every frame refers to."""
    gc.collect()
    shared = (None, True, False, 1, b"", Frame, Flag, Parser, RemoteProtocolError, "SEND")
    return sys.getallocatedblocks(), *(sys.getrefcount(one) for one in shared)


def size() -> int:
    """Octets of memory of this process; 0 where the system does not tell."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * 4096 if statm.exists() else 0


@pytest.mark.parametrize("work", WORK)
def test_nothing_is_left_behind(work: str) -> None:
    make, messages = WORK[work]
    again = make()
    turns = MESSAGES // len(WORK) // messages
    for _ in range(min(turns, 1000)):
        again()
    before, resident = held(), size()
    for _ in range(turns):
        again()
    assert size() - resident < 8 << 20  # what no allocator of Python's counts, such as large bodies
    assert [after - was for was, after in zip(before, held(), strict=True) if after - was > SPARE] == []
