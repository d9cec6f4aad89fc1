"""What a session costs at least that stands on asyncio and this TLS: no engine, only its trips.

A client connects, both ends shake hands through the same layer with the same contexts, and then as many
requests of as many octets are answered as the engine's are. The difference to the engine is what its rules
take, in Python; the difference to the bare primitives is what nobody saves who stands on asyncio.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from msrp_peer.security.keys import ThrowAway
from msrp_peer.security.tls import TlsLayer
from msrp_peer.security.tls_modes import TlsMode, client_context, server_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["floor"]

FRAME = bytes(250)
TRIPS = 2
"""A grant asked for, and the first SEND."""


class _End(asyncio.Protocol):
    """One end. The client's `trips` count down to its goodbye, and then `over` is done."""

    def __init__(self, layer: TlsLayer, trips: int = 0) -> None:
        self.layer = layer
        self.trips = trips
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._write([])

    def data_received(self, data: bytes) -> None:
        shaking = self.layer.protection is None
        pieces = self.layer.unwrap(data)
        if self.layer.ended():
            self.transport.close()
        elif not self.trips:  # the server's
            self._write([FRAME] if pieces else [])
        elif pieces or (shaking and self.layer.protection is not None):
            self.trips -= bool(pieces)
            if self.trips:
                self._write([FRAME])
                return
            self.layer.close()
            self._write([])
            self.transport.close()
        else:
            self._write([])

    def _write(self, pieces: list[bytes]) -> None:
        if octets := b"".join(self.layer.wrap(pieces)):
            self.transport.write(octets)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.over.done():
            self.over.set_result(None)


@asynccontextmanager
async def floor(mode: TlsMode) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """A call that makes one such session and ends it."""
    adh = mode is TlsMode.ADH
    context = server_context(mode, None if adh else ThrowAway())
    ends: list[_End] = []

    def accepted() -> _End:
        ends.append(_End(TlsLayer(context, server=True)))
        return ends[-1]

    loop = asyncio.get_running_loop()
    server = await loop.create_server(accepted, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def one() -> None:
        layer = TlsLayer(client_context(mode, None if adh else ThrowAway()), server=False)
        _, end = await loop.create_connection(lambda: _End(layer, TRIPS), "127.0.0.1", port)
        await end.over
        await ends.pop().over

    try:
        yield one
    finally:
        server.close()
