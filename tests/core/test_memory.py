"""What the compiled parser keeps alive, and `ReceiveBuffer`, which counts on it."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
from collections import deque

import pytest

from msrp_core import Body, Flag, Frame, LocalProtocolError, Parser, ReceiveBuffer, request, scan_name

TO = "msrp://a.example:1/secretA;tcp"
FROM = "msrp://b.example:2/secretB;tcp"
LARGE = bytes(range(256)) * 256


def send(body: bytes) -> bytes:
    return request("SEND", TO, FROM, [("Content-Type", "text/plain")], body)[1]


def fill(buffer: ReceiveBuffer, octets: bytes) -> memoryview:
    """Receive these octets, as a socket would."""
    buffer.get()[: len(octets)] = octets
    return buffer.filled(len(octets))


def place(buffer: ReceiveBuffer) -> int:
    """Where the memory lies."""
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer.get()))


def test_memory_nobody_holds_is_used_again() -> None:
    buffer = ReceiveBuffer(4096)
    first = place(buffer)
    for _ in range(3):
        assert bytes(fill(buffer, b"hello")) == b"hello"
        assert place(buffer) == first
    assert len(buffer.get()) == 4096
    assert not buffer.get().readonly
    assert len(ReceiveBuffer().get()) == 262144


def test_a_slice_somebody_holds_stays_as_it_is() -> None:
    buffer = ReceiveBuffer(4096)
    held = fill(buffer, b"hello")
    assert held.readonly
    assert bytes(fill(buffer, b"other")) == b"other"
    assert bytes(held) == b"hello"
    part = held[1:3]
    del held
    fill(buffer, b"more!")
    assert bytes(part) == b"el"


def test_sizes_that_cannot_be() -> None:
    for size in (0, -(2**70), 2**63, 2**70):
        with pytest.raises(LocalProtocolError):
            ReceiveBuffer(size)
    buffer = ReceiveBuffer(16)
    with pytest.raises(LocalProtocolError):
        buffer.filled(1)
    buffer.get()
    for size in (-1, 17, 2**63, -(2**70)):
        with pytest.raises(LocalProtocolError):
            buffer.filled(size)
    assert len(buffer.filled(16)) == 16
    assert len(buffer.filled(0)) == 0


@pytest.mark.parametrize("octets", [send(b"x" * 60), send(b""), request("SEND", TO, FROM)[1]])
def test_a_small_frame_does_not_hold_what_was_fed(octets: bytes) -> None:
    buffer = ReceiveBuffer()
    first = place(buffer)
    parser = Parser()
    kept = list(parser.feed(fill(buffer, octets * 3)))
    assert len(kept) == 3
    assert place(buffer) == first
    fill(buffer, b"\xff" * 4096)
    for frame in kept:
        assert isinstance(frame, Frame)
        assert frame.to_path == TO
        assert frame.body == bytes(frame) in (b"x" * 60, b"")


def test_a_small_piece_of_a_body_does_not_hold_what_was_fed() -> None:
    buffer = ReceiveBuffer()
    first = place(buffer)
    parser = Parser()
    octets = send(b"hello")
    at = octets.index(b"hello")
    kept = [
        event for part in (octets[: at + 3], octets[at + 3 :]) for event in parser.feed(fill(buffer, part))
    ]
    assert place(buffer) == first
    fill(buffer, b"\xff" * 4096)
    assert [type(event) for event in kept] == [Frame, Body, Body, Flag]
    assert b"".join(bytes(event) for event in kept if isinstance(event, Body)) == b"hello"


def test_a_large_body_holds_it_as_long_as_it_lives() -> None:
    buffer = ReceiveBuffer()
    first = place(buffer)
    parser = Parser()
    (frame,) = parser.feed(fill(buffer, send(LARGE)))
    assert isinstance(frame, Frame)
    assert place(buffer) != first, "the memory is in use"
    fill(buffer, b"\xff" * 262144)
    assert memoryview(frame) == LARGE
    view = memoryview(frame)
    assert view.readonly
    second = place(buffer)
    del frame
    gc.collect()
    assert view == LARGE, "a view of a frame keeps it"
    assert place(buffer) == second


def test_large_pieces_of_a_body_stay_valid() -> None:
    buffer = ReceiveBuffer()
    parser = Parser()
    octets = send(LARGE * 4)
    events: list[Frame | Body | Flag] = []
    for start in range(0, len(octets), 50_000):
        events += parser.feed(fill(buffer, octets[start : start + 50_000]))
    assert b"".join(bytes(event) for event in events if isinstance(event, Body)) == LARGE * 4
    for event in events:
        if isinstance(event, Body):
            at = event.offset
            assert memoryview(event) == octets[at : at + len(event)]


def test_the_parser_lets_go_of_what_it_looked_at() -> None:
    for octets in (send(b"x"), send(LARGE), send(b"x")[:40], send(b"x")[:-5], b""):
        data = bytearray(octets)
        parser = Parser()
        kept = [type(event) for event in parser.feed(data)]
        assert len(kept) <= 2
        data.append(0)  # raises BufferError while anybody holds the memory
        fed = bytes(octets) + b""
        before = sys.getrefcount(fed)
        parser = Parser()
        deque(parser.feed(fed), maxlen=0)
        assert sys.getrefcount(fed) == before


def test_rest_lets_go_too() -> None:
    data = bytearray(send(b"x") + b"not MSRP")
    parser = Parser()
    next(parser.feed(data))
    assert parser.rest() == b"not MSRP"
    data.append(0)


def test_what_was_fed_cannot_change_under_a_large_body() -> None:
    data = bytearray(send(LARGE))
    (frame,) = Parser().feed(data)
    with pytest.raises(BufferError):
        data.append(0)
    del frame
    data.append(0)


def test_the_scan_at_work_has_a_name() -> None:
    assert scan_name() in ("avx2", "sse2", "c")


STREAMS = """
import resource
from msrp_core import Chunks, Express, Lane, Parser, ReceiveBuffer, Seen

ours, theirs = "msrp://a.example:1/secretA;tcp", "msrp://b.example:2/secretB;tcp"
express = Express()
parser, buffer = Parser(None, express), ReceiveBuffer()
lane = Lane(ours, theirs, Seen(64), None, {})
lane.takes("text/plain")
express.open(lane)
chunks = Chunks(ours, theirs, "message1", [("Content-Type", "text/plain")])
body = bytes(260_000)
for number in range(220):
    if number == 20:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    _, octets = chunks.cut(body, 1 + number * len(body), None, None, "+")
    view = buffer.get()
    view[: len(octets)] = octets
    express.begin(len(octets))
    lane.allow(100, 1 << 30)
    lane.follow("message1", 1 + number * len(body), None, False)
    for event in parser.feed(buffer.filled(len(octets))):
        assert express.asks() is lane and express.takes(event)
    assert sum(map(len, lane.octets())) == len(body)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count, and free, memory in other ways")
def test_blocks_of_a_stream_lie_in_memory_that_is_there() -> None:
    """And are not fetched from the system for each read, page by page: 64 pages a block."""
    done = subprocess.run([sys.executable, "-P", "-c", STREAMS], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 200 * 8
