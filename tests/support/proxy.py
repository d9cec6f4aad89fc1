"""A TCP proxy that treats what it carries badly, and clients that speak no MSRP."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

_KEPT = 1 << 20


@dataclass
class Fate:
    """What happens to the octets of one direction.

    Attributes:
        cut: octets carried before the end; None for all.
        how: how it ends then: ``"close"`` in both directions, or ``"reset"`` (RST).
        freeze: octets carried before nothing moves any more, while all stays open.
        octetwise: whether each octet goes alone.
        delay: seconds that each read waits.
        carried: octets so far.
        kept: the first of them.
    """

    cut: int | None = None
    how: str = "close"
    freeze: int | None = None
    octetwise: bool = False
    delay: float = 0.0
    carried: int = field(default=0, init=False)
    kept: bytearray = field(default_factory=bytearray, init=False)


class Proxy:
    """Made by `proxy`. `there` is the fate of what the client says, `back` of what it hears.

    Attributes:
        turns: what each side said until the other one did, the client's first.
    """

    def __init__(self, port: int, there: Fate, back: Fate) -> None:
        self.port = 0
        self.there = there
        self.back = back
        self.turns: list[bytes] = [b""]
        self._to = port
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers += [writer, far_writer]
        for end in (writer, far_writer):
            end.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for source, sink, fate in ((reader, far_writer, self.there), (far_reader, writer, self.back)):
            task = asyncio.ensure_future(self._carry(source, sink, fate))
            self._tasks.add(task)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, fate: Fate) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                if fate.delay:
                    await asyncio.sleep(fate.delay)
                data, end = self._allowed(data, fate)
                self._keep(fate, data[: _KEPT - len(fate.kept)])
                step = 1 if fate.octetwise else len(data)
                for at in range(0, len(data), step or 1):
                    sink.write(data[at : at + step])
                    await sink.drain()
                fate.carried += len(data)
                if end == "freeze":
                    await asyncio.Event().wait()
                if end:
                    self._end(fate.how)
                    return
            if sink.can_write_eof():
                sink.write_eof()

    def _keep(self, fate: Fate, data: bytes) -> None:
        fate.kept += data
        if len(self.turns) % 2 == (fate is self.back):
            self.turns.append(b"")
        self.turns[-1] += data

    @staticmethod
    def _allowed(data: bytes, fate: Fate) -> tuple[bytes, str]:
        for limit, end in ((fate.cut, "cut"), (fate.freeze, "freeze")):
            if limit is not None and fate.carried + len(data) >= limit:
                return data[: limit - fate.carried], end
        return data, ""

    def _end(self, how: str) -> None:
        for writer in self._writers:
            if how == "reset":
                reset(writer.get_extra_info("socket"))
                writer.transport.abort()
            else:
                writer.close()

    def cut(self, how: str = "close") -> None:
        """End every connection now."""
        self._end(how)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def proxy(port: int, there: Fate | None = None, back: Fate | None = None) -> AsyncIterator[Proxy]:
    """A proxy on the loopback in front of `port`."""
    made = Proxy(port, there or Fate(), back or Fate())
    made._server = await asyncio.start_server(made._serve, "127.0.0.1", 0)
    made.port = made._server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        await made.close()


def reset(sock: socket.socket) -> None:
    """Let the close of a socket be an RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextlib.asynccontextmanager
async def raw(
    port: int, host: str = "127.0.0.1"
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A client that speaks what the test writes."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
