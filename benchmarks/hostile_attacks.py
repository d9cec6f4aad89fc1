"""The hostile process of the soak: bad logins, garbage, half frames, floods, answers twice and never.

    hostile_attacks.py     its orders (`hostile_ends.Orders`) as one line of JSON on stdin, then "stop"

Its people have logins of their own, so that some of it comes from somebody who is proved. Of what a hub
says to it only the answers count: nobody may be told that a message was taken which was not answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from hostile_books import Ledger, name_of, session_name
from hostile_ends import LIMITS, Hub, Orders, person
from paths_ways import WAYS

import msrp_peer
from msrp_core import new_ident, request, response
from msrp_peer.aio.line import Line
from msrp_sasl import Password
from support.raw_peer import RawPeer, raw_peer

ATTACKERS = 10  # at a time
PATIENCE = 60.0  # seconds one attack may take


class Wrong:
    """Credentials: some password, and never the right one."""

    def password(self, initiator: str, acceptor: str) -> Password:
        return Password("aaaa-bbbb-cccc-dddd-eeee", generated=True)


class Hostile:
    """One who does all of it, at random."""

    def __init__(self, orders: Orders, ledger: Ledger) -> None:
        self._orders = orders
        self._ledger = ledger
        self._dice = random.Random(ledger.run)
        self._attacks: list[Callable[[Hub], Awaitable[None]]] = [
            self.garbage,
            self.silence,
            self.half_a_handshake,
            self.connects,
            self.bad_logins,
            self.bad_logins,
            self.bad_logins,
            self.login_then_garbage,
            self.login_then_deaf,
            self.half_a_frame,
            self.lines_of_nothing,
            self.claims_of_size,
            self.octet_by_octet,
            self.half_messages,
            self.answers_twice,
            self.answers_never,
            self.answers_wrongly,
            self.answers_nobody_asked_for,
        ]
        self._own: list[Callable[[msrp_peer.Session, Line], Awaitable[None]]] = [
            self.serve_garbage,
            self.serve_nothing,
            self.serve_half_a_frame,
            self.serve_a_flood,
            self.serve_and_go,
        ]

    async def run(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            attack, hub = self._dice.choice(self._attacks), self._dice.choice(self._orders.hubs)
            how = "done"
            try:
                async with asyncio.timeout(PATIENCE):
                    await attack(hub)
            except Exception as error:
                how = type(error).__name__
            self._ledger.note("tried", attack.__name__, how)
            await asyncio.sleep(self._dice.uniform(0, 1) * self._orders.pace)

    # -- as one who is connected to

    async def listen(self, stack: contextlib.AsyncExitStack) -> None:
        """On every way that needs no signalling."""
        own, people = self._orders.own, self._orders.people
        assert own is not None
        for way in self._orders.ways:
            if WAYS[way].signalled:
                continue
            options = WAYS[way].listening(
                own.me(way), [person(who) for who, by in people.items() if by == way]
            )
            where = f"{own.host}:{own.port_of(way)}"
            await stack.enter_async_context(msrp_peer.listen(where, self._serve, limits=LIMITS, **options))

    async def _serve(self, session: msrp_peer.Session) -> None:
        line, what = self._by_the_engine(session, "somebody"), self._dice.choice(self._own)
        with contextlib.suppress(OSError, msrp_peer.MsrpError):
            await what(session, line)
        self._ledger.note("tried", what.__name__, "done")

    def _by_the_engine(self, session: msrp_peer.Session, whom: str) -> Line:
        """Write a session down that is the engine's own."""
        name = name_of(session)
        self._ledger.note("engine", name)
        self._ledger.begun(name, whom)
        line = session.driver
        assert isinstance(line, Line)
        return line

    async def serve_garbage(self, session: msrp_peer.Session, line: Line) -> None:
        """Octets of chance, where frames should be."""
        _write(line, os.urandom(self._dice.randrange(1, 50_000)))
        await line.gone()

    async def serve_nothing(self, session: msrp_peer.Session, line: Line) -> None:
        """Nothing is read."""
        _transport(line).pause_reading()
        await asyncio.sleep(self._dice.uniform(5, 25))
        line.abort("enough")

    async def serve_half_a_frame(self, session: msrp_peer.Session, line: Line) -> None:
        """A message stops in the midst of it."""
        fields = [("Message-ID", new_ident()), ("Byte-Range", "1-*/*"), ("Content-Type", "text/plain")]
        _, frame = request("SEND", session.endpoint.remote, session.endpoint.local, fields, bytes(5000))
        _write(line, frame[: self._dice.randrange(1, len(frame))])
        await line.gone()

    async def serve_a_flood(self, session: msrp_peer.Session, line: Line) -> None:
        """Messages without an end, as far as they are taken."""
        for _ in range(500):
            await session.send(os.urandom(2000))

    async def serve_and_go(self, session: msrp_peer.Session, line: Line) -> None:
        """The connection ends, at once."""
        line.abort("enough")

    # -- without a session

    def _way(self) -> str:
        return self._dice.choice([way for way in self._orders.ways if not WAYS[way].signalled])

    async def _open(self, hub: Hub) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(hub.host, self._dice.choice(hub.ports))

    async def garbage(self, hub: Hub) -> None:
        """Octets of chance, until it is closed."""
        reader, writer = await self._open(hub)
        writer.write(os.urandom(self._dice.randrange(1, 100_000)))
        await reader.read()
        writer.close()

    async def silence(self, hub: Hub) -> None:
        """Nothing at all, until it is closed."""
        reader, writer = await self._open(hub)
        await reader.read()
        writer.close()

    async def half_a_handshake(self, hub: Hub) -> None:
        """A ClientHello's head, and then an octet now and then."""
        _, writer = await asyncio.open_connection(hub.host, hub.port_of("anonymous"))
        writer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        for _ in range(20):
            await asyncio.sleep(1)
            writer.write(b"\x00")
            await writer.drain()
        writer.close()

    async def connects(self, hub: Hub) -> None:
        """A flood of connections, held for a while."""
        port = self._dice.choice(hub.ports)
        each = [asyncio.open_connection(hub.host, port) for _ in range(60)]
        opened = await asyncio.gather(*each, return_exceptions=True)
        await asyncio.sleep(self._dice.uniform(0, 5))
        for one in opened:
            if not isinstance(one, BaseException):
                one[1].transport.abort()

    async def bad_logins(self, hub: Hub) -> None:
        """A password that is wrong, under a name that is somebody's or nobody's; a certificate or a ticket
        of somebody else."""
        way = self._dice.choice([way for way in self._orders.ways if WAYS[way].mechanism is not None])
        nobody = f"nobody-{self._dice.randrange(1000)}"
        options = WAYS[way].connecting(person(f"eve-{way}"), hub.me(way))
        if "credentials" in options:
            options |= {"credentials": Wrong(), "me": person(self._dice.choice([nobody, f"eve-{way}"]))}
        elif "kerberos" in options:
            options |= {"me": person(nobody)}
        elif "expect" in options:
            options |= {"expect": person("somebody-else")}
        async with self._meet(hub, way, options):
            self._ledger.note("fault", f"a bad login by {way} has succeeded")

    def _meet(self, hub: Hub, way: str, options: dict[str, object]) -> msrp_peer.connect:
        return msrp_peer.connect(f"{hub.host}:{hub.port_of(way)}", limits=LIMITS, **options)  # type: ignore[arg-type]

    # -- with a session of the engine's own

    async def _logged_in(self, hub: Hub) -> tuple[msrp_peer.Session, Line]:
        way = self._way()
        session = await self._meet(hub, way, WAYS[way].connecting(person(f"eve-{way}"), hub.me(way)))
        return session, self._by_the_engine(session, hub.name)

    async def login_then_garbage(self, hub: Hub) -> None:
        """Somebody who is proved, and then speaks no MSRP."""
        _, line = await self._logged_in(hub)
        _write(line, os.urandom(self._dice.randrange(1, 50_000)))
        await line.gone()

    async def login_then_deaf(self, hub: Hub) -> None:
        """Somebody who is proved, and then reads nothing, for longer than anybody waits."""
        _, line = await self._logged_in(hub)
        _transport(line).pause_reading()
        await asyncio.sleep(self._dice.uniform(5, 25))
        line.abort("enough")

    # -- with one that is written octet by octet

    @contextlib.asynccontextmanager
    async def _bound(self, hub: Hub):  # type: ignore[no-untyped-def]
        async with raw_peer(hub.port_of("anonymous"), hub.host) as peer:
            await peer.bind()
            self._ledger.begun(session_name(peer.own, peer.to), hub.name)
            yield peer

    async def half_a_frame(self, hub: Hub) -> None:
        """It stops in the midst of a frame, and then the connection ends, or nothing comes."""
        async with self._bound(hub) as peer:
            frame = peer.message(new_ident(), os.urandom(5000))
            peer.say(frame[: self._dice.randrange(1, len(frame))])
            if self._dice.random() < 0.5:
                await asyncio.sleep(self._dice.uniform(0, 3))
            else:
                await self._answered(peer, twice=False)

    async def lines_of_nothing(self, hub: Hub) -> None:
        """Lines without an end, heads without a blank line."""
        async with self._bound(hub) as peer:
            kind = self._dice.choice((b"MSRP abcd1234 SEND\r\n" + b"X: y\r\n" * 20_000, b"a" * 200_000))
            peer.say(kind)
            await peer.closed()

    async def claims_of_size(self, hub: Hub) -> None:
        """Chunks that say they are a part of something enormous."""
        async with self._bound(hub) as peer:
            for _ in range(100):
                start = self._dice.randrange(1, 99_999_999_999)
                fields = [
                    ("Message-ID", new_ident()),
                    ("Byte-Range", f"{start}-{start + 3}/99999999999"),
                    ("Content-Type", "text/plain"),
                ]
                peer.say(request("SEND", peer.to, peer.own, fields, b"evil", flag="+")[1])
            await self._answered(peer, twice=False, seconds=3)

    async def octet_by_octet(self, hub: Hub) -> None:
        """A message whose chunks have an octet each."""
        async with self._bound(hub) as peer:
            number, count = new_ident(), 3000
            for at in range(1, count + 1):
                fields = [
                    ("Message-ID", number),
                    ("Byte-Range", f"{at}-{at}/{count}"),
                    ("Content-Type", "text/plain"),
                ]
                flag = "$" if at == count else "+"
                peer.say(request("SEND", peer.to, peer.own, fields, b"x", flag=flag)[1])  # type: ignore[arg-type]
            await self._answered(peer, twice=False, seconds=5)

    async def half_messages(self, hub: Hub) -> None:
        """The beginnings of many messages."""
        async with self._bound(hub) as peer:
            for _ in range(500):
                fields = [
                    ("Message-ID", new_ident()),
                    ("Byte-Range", "1-2048/1000000"),
                    ("Content-Type", "text/plain"),
                ]
                peer.say(request("SEND", peer.to, peer.own, fields, bytes(2048), flag="+")[1])
            await self._answered(peer, twice=False, seconds=5)

    async def answers_twice(self, hub: Hub) -> None:
        """All that is said to it is answered, and answered again."""
        async with self._bound(hub) as peer:
            await self._answered(peer, twice=True)

    async def answers_never(self, hub: Hub) -> None:
        """It listens, and says nothing."""
        async with self._bound(hub) as peer:
            async with asyncio.timeout(40):
                while await peer.hear() is not None:
                    pass

    async def answers_wrongly(self, hub: Hub) -> None:
        """With codes that mean no, or nothing."""
        async with self._bound(hub) as peer:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(15):
                    while (frame := await peer.hear()) is not None:
                        if frame.method == "SEND":
                            peer.say(response(frame, self._dice.choice((413, 415, 403, 599, 999, 400))))

    async def answers_nobody_asked_for(self, hub: Hub) -> None:
        """Responses to transactions that never were, and reports on messages that were not."""
        async with self._bound(hub) as peer:
            for _ in range(300):
                to, own = peer.to, peer.own
                number, path = new_ident(), f"To-Path: {to}\r\nFrom-Path: {own}\r\n"
                peer.say(f"MSRP {number} 200 OK\r\n{path}-------{number}$\r\n".encode())
                report = [("Message-ID", new_ident()), ("Byte-Range", "1-5/5"), ("Status", "000 200 OK")]
                peer.say(request("REPORT", to, own, report)[1])
            await self._answered(peer, twice=False, seconds=5)

    async def _answered(self, peer: RawPeer, *, twice: bool, seconds: float = 20) -> None:
        """Answer what is said, for a while; what was answered is written down before."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while (frame := await peer.hear()) is not None:
                    if frame.method != "SEND":
                        continue
                    if frame.message_id:
                        self._ledger.note("answered", frame.message_id)
                    for _ in range(1 + twice):
                        peer.say(response(frame, 200))


def _transport(line: Line) -> asyncio.Transport:
    transport = line._transport
    if transport is None:
        raise ConnectionError("it is gone")
    return transport


def _write(line: Line, octets: bytes) -> None:
    """Octets where frames should be, within all layers."""
    _transport(line).write(b"".join(line.connection.wire.wrap([octets])))


async def main() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    orders = Orders.read((await reader.readline()).decode())
    # What goes wrong in here is its own affair.
    loop.set_exception_handler(lambda *_: None)
    hostile = Hostile(orders, Ledger(Path(orders.ledger)))
    stopping = asyncio.Event()
    stack = contextlib.AsyncExitStack()
    await hostile.listen(stack)
    print("ready", flush=True)
    tasks = [asyncio.ensure_future(hostile.run(stopping)) for _ in itertools.repeat(None, ATTACKERS)]
    await reader.readline()
    stopping.set()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=5)
    os._exit(0)  # whatever it left half done


if __name__ == "__main__":
    asyncio.run(main())
