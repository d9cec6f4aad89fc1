"""A peer over TLS whose frames the test writes octet by octet, and which does nothing by itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Self

from msrp_core import Frame, Parser, Uri, new_ident, request
from msrp_peer.security.tls import TlsLayer
from msrp_peer.security.tls_modes import TlsMode, client_context
from support.by_hand import LISTENER
from support.proxy import raw

_CONTEXT = client_context(TlsMode.ANONYMOUS)


class RawPeer:
    """Made by `raw_peer`.

    Attributes:
        own, to: session URIs; `to` is empty until `bind` was called.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.own = Uri.fresh("127.0.0.1", 9).text
        self.to = ""
        self.tls = TlsLayer(_CONTEXT, server=False)
        self._parser = Parser()
        self._frames: list[Frame] = []

    async def shake(self) -> Self:
        while self.tls.protection is None:
            self._flush()
            data = await self._read()
            assert data, "it was closed in the midst of the handshake"
            self._take(data)
        self._flush()
        return self

    def sealed(self, octets: bytes) -> bytes:
        """What goes over the network for these octets."""
        return b"".join(self.tls.wrap([octets]))

    def say(self, *octets: bytes) -> None:
        for piece in octets:
            self.writer.write(self.sealed(piece))

    async def hear(self) -> Frame | None:
        """The next frame; None where the other side said goodbye or closed."""
        while not self._frames:
            if self.tls.ended():
                return None
            data = await self._read()
            if not data:
                return None
            self._take(data)
        return self._frames.pop(0)

    async def asked(self, *octets: bytes) -> int | None:
        """Say octets; the status of the response heard then, whatever is asked of us before it."""
        self.say(*octets)
        answer = await self.hear()
        while answer is not None and answer.status is None:
            answer = await self.hear()
        return None if answer is None else answer.status

    async def bind(self) -> Self:
        self.say(request("AUTH", LISTENER, self.own, [("Accept-Types", "*")])[1])
        answer = await self.hear()
        assert answer is not None
        assert answer.status == 200
        self.to = answer.header("Use-Path") or ""
        assert await self.asked(self.frame([("Message-ID", new_ident())])) == 200
        return self

    def frame(
        self, headers: Sequence[tuple[str, str]], body: bytes | None = None, method: str = "SEND"
    ) -> bytes:
        return request(method, self.to, self.own, headers, body)[1]

    def message(self, message_id: str, body: bytes, *headers: tuple[str, str], total: str = "*") -> bytes:
        fields = [("Message-ID", message_id), ("Byte-Range", f"1-*/{total}"), *headers]
        return self.frame([*fields, ("Content-Type", "text/plain")], body)

    def goodbye(self) -> None:
        self.tls.close()
        self._flush()

    async def closed(self) -> None:
        """Wait until the other side has closed the network connection."""
        while await self._read():
            pass

    async def _read(self) -> bytes:
        with contextlib.suppress(ConnectionError):
            return await self.reader.read(65536)
        return b""

    def _take(self, data: bytes) -> None:
        for piece in self.tls.unwrap(data):
            for event in self._parser.feed(piece):
                if isinstance(event, Frame):
                    self._frames.append(event)

    def _flush(self) -> None:
        self.writer.write(b"".join(self.tls.wrap([])))


@contextlib.asynccontextmanager
async def raw_peer(port: int, host: str = "127.0.0.1") -> AsyncIterator[RawPeer]:
    """Connected and shaken hands; no session yet."""
    async with raw(port, host) as (reader, writer):
        yield await RawPeer(reader, writer).shake()
