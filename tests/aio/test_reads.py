"""What the driver of a line does with full reads, and with an end that comes late."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from msrp_core import Frame, Parser, ReceiveBuffer, Uri, request
from msrp_peer.aio import line as driver
from msrp_peer.protocol.auth import Terms
from msrp_peer.protocol.connection import Connection
from msrp_peer.terms.content import Accepts
from msrp_peer.terms.limits import Limits
from support.running import running, until

ANY = Accepts.parse("*")
OURS, THEIRS = Uri.fresh("127.0.0.1", 1).text, Uri.fresh("127.0.0.1", 2).text


class Line(driver.Line):
    """Counts how often it looks for something to write."""

    flushes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.connection.bind(OURS, THEIRS, ANY, None)
        self._buffer = ReceiveBuffer(len(frame(1)))

    def flush(self) -> None:
        self.flushes += 1
        super().flush()


def frame(number: int) -> bytes:
    headers = [("Message-ID", f"message{number}"), ("Byte-Range", "1-5/5"), ("Content-Type", "text/plain")]
    return request("SEND", OURS, THEIRS, headers, b"hello", transaction_id=f"transaction{number}")[1]


@contextlib.asynccontextmanager
async def met(limits: Limits | None = None) -> AsyncIterator[tuple[Line, socket.socket]]:
    lines: list[Line] = []

    def made() -> Line:
        lines.append(Line(Connection([], terms=Terms(ANY), limits=limits)))
        return lines[0]

    loop = asyncio.get_running_loop()
    server = await loop.create_server(made, "127.0.0.1", 0)
    async with server:
        with socket.socket() as near:
            near.setblocking(False)
            await loop.sock_connect(near, server.sockets[0].getsockname())
            await until(lambda: bool(lines and lines[0].connection.sessions))
            lines[0].flushes = 0
            yield lines[0], near
            lines[0].abort("the test is over")
            await lines[0].gone()


async def answers(near: socket.socket, count: int) -> list[str]:
    parser, found = Parser(), list[str]()
    while len(found) < count:
        octets = await asyncio.get_running_loop().sock_recv(near, 65536)
        assert octets
        found += [event.transaction_id for event in parser.feed(octets) if isinstance(event, Frame)]
    return found


@running
async def test_answers_to_full_reads_go_out_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "_PATIENCE", 0.3)
    async with met() as (line, near):
        assert near.send(b"".join(map(frame, range(1, 10)))) == 9 * len(frame(1))
        assert await answers(near, 9) == [f"transaction{number}" for number in range(1, 10)]
        assert line.flushes == 2, "after five of them, and after four that nothing followed"


@running
async def test_who_sends_no_more_is_answered_soon() -> None:
    async with met() as (line, near):
        near.send(frame(1))
        assert await answers(near, 1) == ["transaction1"]
        assert line.flushes == 1


@running
async def test_a_line_that_is_lost_meanwhile() -> None:
    async with met() as (line, near):
        near.send(frame(1))
        near.shutdown(socket.SHUT_RDWR)
        await line.gone()
        assert line._late is None


@running
async def test_a_reader_behind_stops_the_reading_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "_PATIENCE", 0.3)
    async with met(Limits(owed=1)) as (line, near):
        near.send(frame(1) + frame(2))
        assert await answers(near, 2) == ["transaction1", "transaction2"]
        assert line.flushes == 2, "no answer waits where only few may"


@running
async def test_a_closed_line_whose_rest_is_taken_late() -> None:
    async with met() as (line, near):
        assert line._transport is not None
        line._transport.write(bytes(16 << 20))  # more than the network takes at once
        line.connection.lost("enough")
        line.flush()
        while await asyncio.get_running_loop().sock_recv(near, 1 << 20):
            pass
        await line.gone()
        line.abort("once more")  # asyncio's transport has no loop any more, and would say so


@running
async def test_nothing_is_written_while_asyncio_says_that_it_may() -> None:
    """Where such a write failed, asyncio would end the connection twice."""
    async with met() as (line, near):
        line.pause_writing()
        near.send(frame(1))
        await until(lambda: line.flushes > 0)
        line.resume_writing()
        assert line.flushes == 1
        assert await answers(near, 1) == ["transaction1"]
        assert line.flushes == 2
