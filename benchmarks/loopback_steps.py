"""The processes of the ladder (loopback_ladder.py): they do ever more of what the engine does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable

from loopback_ends import (
    ROOM,
    SENDERS,
    Counting,
    Made,
    Meter,
    Order,
    Plain,
    Writing,
    counting_layer,
    read,
    say,
    send,
    serve,
)

import msrp_peer
from msrp_core import Batches, Chunks, Express, Frame, Lane, Parser, Seen, Uri, new_ident
from msrp_peer.security.tls import TlsLayer
from msrp_peer.session.session import Session

MUCH = 1 << 40


class Parsing(Counting):
    """Reads frames, and throws them away."""

    def __init__(self, meter: Meter, layer: TlsLayer | None, local: str, remote: str) -> None:
        super().__init__(meter, layer)
        self.parser = Parser()

    def came(self, pieces: list[bytes] | list[memoryview]) -> None:
        for piece in pieces:
            for _ in self.parser.feed(piece):
                pass
        self.meter.count(sum(map(len, pieces)))


class Matching(Counting):
    """Finds the session, knows what came before, makes the 200s, keeps the bodies; all of it in the core."""

    def __init__(self, meter: Meter, layer: TlsLayer | None, local: str, remote: str) -> None:
        super().__init__(meter, layer)
        self.express = Express()
        self.parser = Parser(None, self.express)
        self.lane = Lane(local, remote, Seen(4096), self, {})
        self.lane.takes("text/plain")
        self.express.open(self.lane)

    def came(self, pieces: list[bytes] | list[memoryview]) -> None:
        octets = sum(map(len, pieces))
        self.express.begin(octets)
        self.express.asks()
        self.lane.allow(MUCH, MUCH)
        for piece in pieces:
            for event in self.parser.feed(piece):
                if isinstance(event, Frame) and not (self.express.asks() and self.express.takes(event)):
                    self.follow(event)
        self.answer(self.express.answers())
        self.lane.messages()
        self.lane.octets()
        self.meter.count(octets)

    def follow(self, frame: Frame) -> None:
        place = frame.byte_range
        if frame.flag == "+" and place is not None:
            self.lane.follow(frame.message_id or "", place.start + frame.size, place.total, False)

    def answer(self, octets: bytes) -> None:
        """They are made, and go nowhere."""


class Answering(Matching):
    """Writes the 200s, too."""

    def answer(self, octets: bytes) -> None:
        if octets:
            self.transport.write(octets if self.layer is None else b"".join(self.layer.wrap([octets])))


class Engine(Plain):
    """The engine itself; but its messages are taken at once, where they arrive, by no coroutine."""

    def __init__(self, meter: Meter, layer: TlsLayer | None, local: str, remote: str) -> None:
        super().__init__(local, remote, self._begun, layer)
        self.meter = meter

    def _begun(self, session: Session) -> None:
        self.endpoint = session.endpoint

    def buffer_updated(self, nbytes: int) -> None:
        super().buffer_updated(nbytes)
        inbox, octets = self.endpoint.inbox, 0
        while inbox.waiting and isinstance(inbox.waiting[0], Frame):
            octets += inbox.next().size or 0
        inbox.settle()
        while inbox.waiting:
            message = inbox[0]
            message.open()
            while block := message.take():
                octets += len(block)
            if message.state == "arriving":
                break
            inbox.popleft()
        if self.connection.stirred:
            self.flush()
        self.meter.count(octets)


class Whole(Plain):
    """All of it: a program that reads messages by `async for`."""

    def __init__(self, meter: Meter, layer: TlsLayer | None, local: str, remote: str) -> None:
        super().__init__(local, remote, self._begun, layer)
        self.meter = meter

    def _begun(self, session: Session) -> None:
        self.task = asyncio.ensure_future(self._read(session))

    async def _read(self, session: Session) -> None:
        with contextlib.suppress(msrp_peer.ConnectionLost):  # nobody says goodbye here
            await read(session, self.meter)


Step = Callable[[Meter, "TlsLayer | None", str, str], asyncio.BufferedProtocol]
STEPS: dict[str, Step] = {
    "counted": lambda meter, layer, _local, _remote: Counting(meter, layer),
    "parsed": Parsing,
    "matched": Matching,
    "answered": Answering,
    "engine": Engine,
    "whole": Whole,
}


# -- senders


class Cutting(Writing, asyncio.BufferedProtocol):
    """Cuts chunks of 2 KiB, as many together as the engine does; where it `reads` their answers, it
    waits for them, too."""

    CHUNK = 2048
    TURN = 65536

    def __init__(self, reads: bool) -> None:
        super().__init__()
        self.reads = reads
        self.batches = Batches()
        self.parser = Parser(None, Express(self.batches))
        self.answered = asyncio.Event()
        self.left = 0
        self.buffer = memoryview(bytearray(ROOM))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        if not self.reads:
            return
        for _ in self.parser.feed(self.buffer[:nbytes]):
            pass
        for batch, answers, _ in self.batches.confirmed():
            self.left -= answers
            if not batch.left:
                self.batches.discard(batch)
        if not self.left:
            self.answered.set()

    async def send(self, order: Order) -> None:
        octets = order["octets"]
        to, source = order["local"], order["remote"]
        chunks = Chunks(to, source, new_ident(), [("Content-Type", "application/octet-stream")])
        body = memoryview(os.urandom(self.TURN))
        self.answered.clear()
        for first in range(1, octets + 1, self.TURN):
            last = first + self.TURN > octets
            batch, frames = chunks.batch(body, first, self.CHUNK, octets, last)
            if self.reads:
                self.batches.add(batch)
                self.left += batch.count
            self.transport.write(frames)
            await self.open.wait()
        while self.transport.get_write_buffer_size():  # noqa: ASYNC110 - nothing rings for it
            await asyncio.sleep(0)
        if self.reads:
            await self.answered.wait()


async def cutting(order: Order, reads: bool) -> Made:
    _, protocol = await asyncio.get_running_loop().create_connection(
        lambda: Cutting(reads), "127.0.0.1", order["port"]
    )
    return lambda: protocol.send(order)


async def main(step: str, over: str) -> None:
    if step == "sending":
        more = {
            "cut": lambda order: cutting(order, False),
            "heard": lambda order: cutting(order, False),
            "answered": lambda order: cutting(order, True),
        }
        await send({**SENDERS, **more})
        return
    meter = Meter()
    layer: Callable[[], TlsLayer | None] = counting_layer() if over == "tls" else lambda: None
    local, remote = Uri.fresh("127.0.0.1", 1).text, Uri.fresh("127.0.0.1", 2).text
    server = await asyncio.get_running_loop().create_server(
        lambda: STEPS[step](meter, layer(), local, remote), "127.0.0.1", 0
    )
    say(port=server.sockets[0].getsockname()[1], local=local, remote=remote)
    await serve(meter)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
