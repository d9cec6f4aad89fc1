"""An independent reader, tshark, captures a session on the loopback interface and agrees about every frame.

Its dissector reads one frame a segment, and none that spans segments; so each frame here is one. It takes
any seven hyphens at the begin of a line for the end-line, whatever follows; no body here has them.
"""

from __future__ import annotations

import select
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from msrp_core import Frame, Parser
from msrp_peer.protocol.connection import Connection
from msrp_peer.terms.limits import Limits
from support.by_hand import Clear
from support.pair import Pair

if TYPE_CHECKING:
    from msrp_peer.protocol.endpoint import Endpoint

FIELDS = (
    "msrp.transaction.id",
    "msrp.method",
    "msrp.status.code",
    "msrp.to.path",
    "msrp.from.path",
    "msrp.messageid",
    "msrp.byte.range",
    "msrp.status",
    "msrp.content.type",
    "msrp.cnt.flg",
    "tcp.payload",
)


class OverTcp(Pair):
    """The channel is a TCP connection; what went over it, frame by frame, is in `frames` and `octets`."""

    def __init__(self, left: socket.socket, right: socket.socket) -> None:
        super().__init__(limits=Limits(chunk_alone=16384), layers=lambda: [Clear()])
        self.frames: list[Frame] = []
        self.octets: list[bytes] = []
        self._ends = {id(self.right): (left, right), id(self.left): (right, left)}
        self._parsers = {id(self.right): Parser(), id(self.left): Parser()}

    def _deliver(self, data: bytes, other: Connection) -> None:
        sender, receiver = self._ends[id(other)]
        parser = self._parsers[id(other)]
        begin = parser.offset
        for event in parser.feed(data):
            assert type(event) is Frame
            self.frames.append(event)
            frame = data[event.offset - begin : parser.offset - begin]
            self.octets.append(frame)
            sender.sendall(frame)
            arrived = b""
            while len(arrived) < len(frame):
                arrived += receiver.recv(65536)
            other.receive(arrived, self.now)


@contextmanager
def connected() -> Iterator[tuple[socket.socket, socket.socket, int]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as left:
            left.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            right, _ = server.accept()
            with right:
                right.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                yield left, right, port


@contextmanager
def captured(port: int, to: Path) -> Iterator[None]:
    """tshark writes what crosses the port; it has begun when this begins, and has all when this ends."""
    command = [
        "tshark",
        "-i",
        "lo",
        "-f",
        f"port {port}",
        "-w",
        to,
        "-P",
        "-l",
        "-T",
        "fields",
        "-e",
        "udp.length",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as tshark:
        assert tshark.stdout is not None
        assert tshark.stderr is not None
        try:
            for line in tshark.stderr:
                if "Capturing on" in line:
                    break
            else:
                pytest.skip("tshark may not capture on the loopback interface here")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind(("127.0.0.1", 0))
                if not seen(tshark.stdout, probe, port, b"begin"):
                    pytest.skip("tshark may not capture on the loopback interface here")
                yield
                assert seen(tshark.stdout, probe, port, b"the end")
        finally:
            tshark.terminate()


def seen(lines: IO[str], probe: socket.socket, port: int, mark: bytes) -> bool:
    """Wait until the capture shows `mark`; whether it does: it may end before."""
    while True:
        probe.sendto(mark, ("127.0.0.1", port))
        while select.select([lines], [], [], 0.1)[0]:
            line = lines.readline()
            if not line:
                return False
            if line.strip() == str(8 + len(mark)):
                return True


def read(capture: Path, port: int) -> list[dict[str, str]]:
    """The frames tshark sees."""
    command = ["tshark", "-r", capture, "-d", f"tcp.port=={port},msrp", "-Y", "msrp", "-T", "fields"]
    command += [
        "-E",
        "separator=/t",
        "-E",
        "occurrence=f",
        *(word for field in FIELDS for word in ("-e", field)),
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return [dict(zip(FIELDS, line.split("\t"), strict=True)) for line in run.stdout.splitlines()]


def expected(frame: Frame) -> dict[str, str]:
    return {
        "msrp.transaction.id": frame.transaction_id,
        "msrp.method": frame.method or "",
        "msrp.status.code": "" if frame.status is None else str(frame.status),
        "msrp.to.path": frame.to_path,
        "msrp.from.path": frame.from_path,
        "msrp.messageid": frame.message_id or "",
        "msrp.byte.range": frame.header("Byte-Range") or "",
        "msrp.status": frame.header("Status") or "",
        "msrp.content.type": frame.content_type or "",
        "msrp.cnt.flg": frame.flag or "",
    }


def talk(pair: Pair, ours: Endpoint, theirs: Endpoint) -> None:
    """Short messages, chunks of two messages in turn, a report, a refusal."""
    for body, total in ((b"hello", 5), (b"\r\n------\r\n" * 3000, 30000), (bytes(range(256)) * 300, None)):
        outgoing = ours.send("text/plain", total, success_report=total is None)
        outgoing.feed(body)
        outgoing.end()
    theirs.send("text/plain", 0).end()
    pair.run()
    for message in (*theirs.inbox, *ours.inbox):
        while message.take():
            pass
        message.confirm()
    unwanted = ours.send("text/plain", 100_000)
    unwanted.feed(b"x" * 50_000)
    pair.step()
    theirs.inbox[-1].refuse(413)  # its next chunk is told so
    unwanted.feed(b"x" * 50_000)
    unwanted.end()
    pair.run()
    given_up = ours.send("text/plain", 100_000)
    given_up.feed(b"x" * 50_000)
    pair.run()
    given_up.withdraw()
    pair.run()


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.rule("4975 9-1")
def test_it_reads_what_we_wrote(tmp_path: Path) -> None:
    capture = tmp_path / "session.pcapng"
    with connected() as (left, right, port):
        pair = OverTcp(left, right)
        with captured(port, capture):
            talk(pair, *pair.meet())
    seen = read(capture, port)
    assert {frame.method or str(frame.status) for frame in pair.frames} >= {
        "AUTH",
        "SEND",
        "REPORT",
        "200",
        "413",
    }
    assert {frame.flag for frame in pair.frames} == {"$", "+", "#"}
    for frame, octets, row in zip(pair.frames, pair.octets, seen, strict=True):
        assert row.pop("tcp.payload").replace(":", "") == octets.hex()
        assert row == expected(frame)
        assert octets[frame.body_offset - frame.offset :].startswith(bytes(frame))
