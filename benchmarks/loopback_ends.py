"""The processes of benchmarks/loopback.py: ends of a connection, told over stdin what to do.

Each answers one line of JSON with one line of JSON: ``{"do": "start", ...}`` and later what it cost.
Those that are measured count processor time (user and system) from "start" to the last octet.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msrp_peer
from msrp_core import Uri
from msrp_peer.aio.line import Line
from msrp_peer.protocol.auth import Terms
from msrp_peer.protocol.connection import Connection
from msrp_peer.security.keys import ThrowAway
from msrp_peer.security.tls import TlsLayer
from msrp_peer.security.tls_modes import TlsMode, server_context
from msrp_peer.session.session import Session
from msrp_peer.terms.content import Accepts
from msrp_peer.terms.limits import Limits

ROOM = 256 * 1024
"""What our receiver reads at most at a time; the counting one reads into as much."""

Order = dict[str, Any]
TAKES = Accepts.parse("*")


def processor() -> tuple[float, float]:
    """Seconds of processor time: in this process, and in the system for it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime, used.ru_stime


def resident() -> int:
    with open("/proc/self/statm") as statm:  # noqa: PTH123
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Meter:
    """Counts up to a number, then says what that took."""

    def __init__(self) -> None:
        self.left: float = float("inf")
        self.answers = 0.0  # octets sent back for each one received
        self.stream = True  # whether octets are taken block by block, not messages whole
        self.done = asyncio.Event()
        self.began = (0.0, 0.0), 0.0

    def start(self, number: int, stream: bool = True) -> None:
        self.left = number
        self.stream = stream
        self.done.clear()
        self.began = processor(), time.perf_counter()

    def count(self, number: int) -> None:
        self.left -= number
        if self.left <= 0:
            self.stop()

    def stop(self) -> None:
        user, system = (now - then for now, then in zip(processor(), self.began[0], strict=True))
        wall = time.perf_counter() - self.began[1]
        self.cost = {"cpu": user + system, "system": system, "wall": wall}
        self.done.set()


class Counting(asyncio.BufferedProtocol):
    """The rival: counts octets, into one buffer as large as ours; behind TLS where there is a layer.

    Where it answers, it sends back as many octets as we do, of no meaning, once for each read.
    """

    def __init__(self, meter: Meter, layer: TlsLayer | None) -> None:
        self.meter = meter
        self.layer = layer
        self.buffer = memoryview(bytearray(ROOM))
        self.owed = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self.layer is None:
            self.came([self.buffer[:nbytes]])
            return
        shaking = self.layer.protection is None
        pieces = self.layer.unwrap(self.buffer[:nbytes])
        if shaking:
            self.transport.write(b"".join(self.layer.wrap([])))
        self.came(pieces)

    def came(self, pieces: list[bytes] | list[memoryview]) -> None:
        octets = sum(map(len, pieces))
        self.owed += octets * self.meter.answers
        if self.owed >= 1:
            answer = bytes(int(self.owed))
            self.owed -= len(answer)
            if self.layer is not None:
                answer = b"".join(self.layer.wrap([answer]))
            self.transport.write(answer)
        self.meter.count(octets)


def counting_layer() -> Callable[[], TlsLayer]:
    key = ThrowAway()
    context = server_context(TlsMode.ANONYMOUS, key)
    return lambda: TlsLayer(context, server=True)


async def orders() -> AsyncIterator[Order]:
    """What the parent says, line by line."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield json.loads(line)


def say(**words: object) -> None:
    print(json.dumps(words), flush=True)


class Plain(Line):
    """Nobody is asked for a session: both paths are known beforehand."""

    def __init__(
        self,
        local: str,
        remote: str,
        begun: Callable[[Session], object],
        layer: TlsLayer | None = None,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(Connection([] if layer is None else [layer], terms=Terms(TAKES), limits=limits))
        self._paths = local, remote
        self._begun = begun

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        endpoint = self.connection.bind(*self._paths, TAKES, None)
        self._begun(Session(endpoint, self, "bench"))


# -- receivers


async def read(session: msrp_peer.Session, meter: Meter) -> None:
    """What a program does: each message in turn, its octets where there is more than a little."""
    async for message in session:
        if meter.stream:
            async for block in message:
                meter.count(len(block))
        else:
            meter.left -= len(await message.read())
            if meter.left <= 0:
                meter.stop()


async def receive_ours(tls: bool) -> None:
    """Sessions through the public API; counts octets of bodies."""
    meter = Meter()
    tasks: set[asyncio.Task[None]] = set()
    async with contextlib.AsyncExitStack() as stack:
        if tls:
            limits = Limits(connections=100_000, per_source=100_000, unbound_per_source=100_000)
            listener = await stack.enter_async_context(
                msrp_peer.listen("127.0.0.1:0", lambda session: read(session, meter), limits=limits)
            )
            say(port=listener.port)
        else:
            local, remote = Uri.fresh("127.0.0.1", 1).text, Uri.fresh("127.0.0.1", 2).text

            def begun(session: Session) -> None:
                tasks.add(asyncio.ensure_future(read(session, meter)))

            server = await asyncio.get_running_loop().create_server(
                lambda: Plain(local, remote, begun), "127.0.0.1", 0
            )
            say(port=server.sockets[0].getsockname()[1], local=local, remote=remote)
        await serve(meter)


async def receive_rival(tls: bool) -> None:
    meter = Meter()
    layer = counting_layer() if tls else lambda: None
    server = await asyncio.get_running_loop().create_server(lambda: Counting(meter, layer()), "127.0.0.1", 0)
    say(port=server.sockets[0].getsockname()[1])
    await serve(meter)


async def serve(meter: Meter) -> None:
    async for order in orders():
        if order["do"] == "start":
            meter.answers = order.get("answers", 0.0)
            meter.start(order["count"], order["stream"])
            say(ready=True)
            try:
                await asyncio.wait_for(meter.done.wait(), 120)
            except TimeoutError:
                say(lost=meter.left)
                return
            say(**meter.cost)
        elif order["do"] == "memory":
            say(resident=resident())


# -- senders


class Writing(asyncio.Protocol):
    """The rival of a sender: writes blocks as fast as the transport takes them."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def pause_writing(self) -> None:
        self.open.clear()

    def resume_writing(self) -> None:
        self.open.set()


Made = Callable[[], Awaitable[None]]
"""Sends it all once."""


async def send_rival(order: Order) -> Made:
    _, protocol = await asyncio.get_running_loop().create_connection(Writing, "127.0.0.1", order["port"])
    block = os.urandom(order["block"])

    async def send() -> None:
        for _ in range(order["octets"] // len(block)):
            protocol.transport.write(block)
            await protocol.open.wait()
        while protocol.transport.get_write_buffer_size():  # noqa: ASYNC110 - nothing rings for it
            await asyncio.sleep(0)

    return send


async def send_ours(order: Order) -> Made:
    made: list[Session] = []
    limits = Limits(chunk_alone=order["chunk"])
    await asyncio.get_running_loop().create_connection(
        lambda: Plain(order["remote"], order["local"], made.append, limits=limits), "127.0.0.1", order["port"]
    )
    (session,) = made

    async def stream() -> None:
        block = os.urandom(ROOM)

        async def blocks() -> AsyncIterator[bytes]:
            for _ in range(order["octets"] // ROOM):
                yield block

        sent = await session.send(blocks(), size=order["octets"] // ROOM * ROOM)
        await sent.delivered()

    async def one_by_one() -> None:
        body = os.urandom(order["body"])
        for _ in range(order["messages"]):
            sent = await session.send(body)
        await sent.delivered()

    async def side_by_side() -> None:
        """As many tasks as there are people in a room, each with its own messages."""
        body = os.urandom(order["body"])

        async def talk() -> None:
            for _ in range(order["messages"] // 64):
                await session.send(body)

        await asyncio.gather(*(talk() for _ in range(64)))

    return {"stream": stream, "one by one": one_by_one, "side by side": side_by_side}[order["how"]]


Sender = Callable[[Order], Awaitable[Made]]
SENDERS: dict[str, Sender] = {"rival": send_rival, "ours": send_ours}


async def send(senders: dict[str, Sender] = SENDERS) -> None:
    """One connection for each order, kept until the end."""
    meter = Meter()
    say(here=True)
    work: Made
    async for order in orders():
        if order["do"] == "connect":
            work = await senders[order["who"]](order)
            say(ready=True)
        elif order["do"] == "start":
            meter.start(1)
            await work()
            meter.stop()
            say(**meter.cost)


ROLES: dict[str, Callable[[], Awaitable[None]]] = {
    "receive-ours-tcp": lambda: receive_ours(False),
    "receive-ours-tls": lambda: receive_ours(True),
    "receive-rival-tcp": lambda: receive_rival(False),
    "receive-rival-tls": lambda: receive_rival(True),
    "send": send,
}


async def main(role: str) -> None:
    await ROLES[role]()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
