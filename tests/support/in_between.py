"""Somebody in the middle, with valid TLS to both sides: reads everything, and changes what it likes.

Run as a program it is that in a process of its own, between whoever comes and the listener at PORT:

    python in_between.py PORT ['{"change": "501", "announce": "im:bob@lan", ...}']

It says, as JSON, where it listens and which key it shows; when its standard input ends, what it heard.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from msrp_peer.aio.discovery import Announcer
from msrp_peer.security.keys import Key, ThrowAway
from msrp_peer.security.own_key import read_key
from msrp_peer.security.tls import TlsLayer
from msrp_peer.security.tls_modes import TlsMode, client_context, server_context
from msrp_peer.signalling.announcement import Announcement
from msrp_peer.terms.errors import PeerError
from msrp_peer.terms.principal import Principal

__all__ = ["InBetween", "answering", "in_between"]

Change = Callable[[bytes], bytes]


class InBetween:
    """Made by `in_between`. It ends TLS on both sides.

    Attributes:
        port: where the victim connects to.
        key: the fingerprint of what it shows.
        there, back: what the victim said, and what it was to hear, in the clear.
        connections: how many came.
    """

    def __init__(self, to: int, there: Change, back: Change, own: Key | None = None) -> None:
        self.port = 0
        self.there = bytearray()
        self.back = bytearray()
        self.connections = 0
        self._to = to
        self._changes = there, back
        self._tasks: set[asyncio.Task[None]] = set()
        own = own or ThrowAway()
        self.key = own.fingerprint
        self._client = client_context(TlsMode.ANONYMOUS, own)
        self._server = server_context(TlsMode.ANONYMOUS, own)

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
            with contextlib.suppress(ConnectionError, PeerError):
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
                with contextlib.suppress(ConnectionError, PeerError):
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


def answering(status: bytes, header: bytes = b"") -> Change:
    """Every response becomes this one."""

    def change(octets: bytes) -> bytes:
        octets = re.sub(rb"^(MSRP \S+) \d{3}[^\r]*", rb"\1 " + status, octets)
        return re.sub(rb"(WWW-Authenticate|Authentication-Info): [^\r]*\r\n", header, octets)

    return change


def _list(*names: str) -> bytes:
    return b'WWW-Authenticate: SASL mech="%b"\r\n' % " ".join(names).encode()


CHANGES: dict[str, Change] = {
    "nothing": _same,
    "501": answering(b"501 what?"),
    "481": answering(b"481 no"),
    "200": answering(b"200 OK", b'Authentication-Info: SASL mech="SCRAM-SHA-512-PLUS"\r\n'),
    "anonymous": answering(b"401 go on", _list("ANONYMOUS")),
    "unbound": answering(b"401 go on", _list("SCRAM-SHA-256", "PLAIN")),
    "shorter": lambda octets: octets.replace(b"SCRAM-SHA-512-PLUS ", b""),
}
"""What becomes of what the victim is to hear."""


@contextlib.asynccontextmanager
async def in_between(
    to: int, *, there: Change = _same, back: Change = _same, own: Key | None = None
) -> AsyncIterator[InBetween]:
    """Between whoever connects to its port and the listener at port `to`; shows `own` to both."""
    middle = InBetween(to, there, back, own)
    server = await asyncio.start_server(middle.serve, "127.0.0.1", 0)
    middle.port = server.sockets[0].getsockname()[1]
    try:
        yield middle
    finally:
        server.close()
        await middle.close()


# -- as a process


async def _main(to: int, order: dict[str, Any]) -> None:
    """
    change: what becomes of what the victim hears, of `CHANGES`.
    places: put the listener's place for ours in all that the victim says, and back.
    announce: tell the loopback interface that this principal is here, with our key and `mech`.
    shows: files of a certificate and its key, shown to both sides instead of one of its own.
    clear: answer without TLS whatever comes, and keep that.
    """
    back = CHANGES[order.get("change", "nothing")]
    there = _same
    places = {"own": b"", "listener's": b"127.0.0.1:%d" % to}
    if order.get("places"):
        there = lambda octets: octets.replace(places["own"], places["listener's"])  # noqa: E731
        back = lambda octets: octets.replace(places["listener's"], places["own"])  # noqa: E731
    async with contextlib.AsyncExitStack() as stack:
        if order.get("clear"):
            heard = bytearray()
            server = await asyncio.start_server(_clear(heard), "127.0.0.1", 0)
            stack.callback(server.close)
            print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
            await asyncio.to_thread(sys.stdin.read)
            print(json.dumps({"there": heard.decode("latin-1")}), flush=True)
            return
        own = read_key(*map(Path, order["shows"])) if "shows" in order else None
        middle = await stack.enter_async_context(in_between(to, there=there, back=back, own=own))
        places["own"] = b"127.0.0.1:%d" % middle.port
        if "announce" in order:
            told = Announcement(
                f"msrp-{middle.port}",
                ("127.0.0.1",),
                middle.port,
                Principal.parse(order["announce"]),
                middle.key,
                tuple(order.get("mech", ())),
            )
            await stack.enter_async_context(Announcer(told, interfaces=["127.0.0.1"]))
        print(json.dumps({"port": middle.port, "key": middle.key}), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        heard_both = {"there": middle.there.decode("latin-1"), "back": middle.back.decode("latin-1")}
        print(json.dumps({**heard_both, "connections": middle.connections}), flush=True)


def _clear(heard: bytearray) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            heard.extend(await reader.read(65536))
            writer.write(b"MSRP 0123456789abcdef 200 OK\r\nTo-Path: msrp://a:1;tcp\r\n")
            writer.write(b"From-Path: msrp://b:1;tcp\r\n-------0123456789abcdef$\r\n")
            while data := await reader.read(65536):
                heard.extend(data)
        writer.close()

    return serve


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), json.loads(sys.argv[2]) if sys.argv[2:] else {}))
