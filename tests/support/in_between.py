"""Somebody in the middle, with valid TLS to both sides: reads everything, and changes what it likes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from msrp_peer.security.keys import ThrowAway
from msrp_peer.security.tls import TlsLayer
from msrp_peer.security.tls_modes import TlsMode, client_context, server_context

__all__ = ["InBetween", "in_between"]

Change = Callable[[bytes], bytes]


class InBetween:
    """Made by `in_between`. It ends TLS on both sides.

    Attributes:
        port: where the victim connects to.
        there, back: what the victim said, and what it was to hear, in the clear.
        connections: how many came.
    """

    def __init__(self, to: int, there: Change, back: Change) -> None:
        self.port = 0
        self.there = bytearray()
        self.back = bytearray()
        self.connections = 0
        self._to = to
        self._changes = there, back
        self._tasks: set[asyncio.Task[None]] = set()
        self._client = client_context(TlsMode.ANONYMOUS, ThrowAway())
        self._server = server_context(TlsMode.ANONYMOUS, ThrowAway())

    def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._relay(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        near = TlsLayer(self._server, server=True)
        far = TlsLayer(self._client, server=False)
        far_writer.write(b"".join(far.wrap([])))
        waiting: dict[TlsLayer, list[bytes]] = {near: [], far: []}

        async def carry(
            source: asyncio.StreamReader, heard: TlsLayer, said: TlsLayer, kept: bytearray, change: Change
        ) -> None:
            writers = {near: writer, far: far_writer}
            with contextlib.suppress(ConnectionError):
                while data := await source.read(65536):
                    for piece in heard.unwrap(data):
                        kept += piece
                        waiting[said].append(change(bytes(piece)))
                    for layer in (near, far):
                        if layer.protection is not None:
                            out = layer.wrap([piece for piece in waiting[layer] if piece])
                            waiting[layer].clear()
                        else:
                            out = layer.wrap([])
                        writers[layer].write(b"".join(out))
            for layer in (near, far):
                layer.close()
                with contextlib.suppress(ConnectionError):
                    writers[layer].write(b"".join(layer.wrap([])))
                writers[layer].close()

        there, back = self._changes
        await asyncio.gather(
            carry(reader, near, far, self.there, there), carry(far_reader, far, near, self.back, back)
        )

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _same(octets: bytes) -> bytes:
    return octets


@contextlib.asynccontextmanager
async def in_between(to: int, *, there: Change = _same, back: Change = _same) -> AsyncIterator[InBetween]:
    """Between whoever connects to its port and the listener at port `to`."""
    middle = InBetween(to, there, back)
    server = await asyncio.start_server(middle.serve, "127.0.0.1", 0)
    middle.port = server.sockets[0].getsockname()[1]
    try:
        yield middle
    finally:
        server.close()
        await middle.close()
