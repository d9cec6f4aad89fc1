"""The honest processes of the hostile soak: a hub that listens on every way, and one that holds many peers.

    hostile_ends.py hub|peers     its orders (`Orders`) as one line of JSON on stdin, then "stop": say nothing
                                  new; "end" (a hub): close. The end of stdin is both.

Everything goes through the public names of `msrp_peer`. With SDP the texts go over a TCP connection of
their own, a line of JSON each way.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path

from hostile_books import Ledger
from hostile_talk import Talker
from paths_people import REALM, local_part
from paths_ways import WAYS, Way

import msrp_peer

__all__ = ["Hub", "Orders", "person"]

# A silent line is noticed within fifteen seconds, so that many are seen, on a busy machine, too.
LIMITS = msrp_peer.Limits(
    handshake=15, transaction=10, keep_alive=4, stall=10, missing=30, idle=20, message=8 << 20
)
LASTING = 40.0  # seconds in which sessions that nobody leads any more must be over
_OFTEN = (10, 10, 1)  # how often a peer goes to each hub; the last one is hostile
POLICY = msrp_peer.KnownPolicy(new="accept-new")


def person(name: str) -> str:
    return f"im:{name}@{REALM.lower()}"


@dataclass(frozen=True)
class Hub:
    """One that listens: its name, and where. The texts of SDP are exchanged at `port`, and each way has
    one of the ports behind it."""

    name: str
    host: str
    port: int

    def me(self, way: str) -> str:
        return person(f"{self.name}-{way}")

    def port_of(self, way: str) -> int:
        return self.port + 1 + list(WAYS).index(way)

    @property
    def ports(self) -> range:
        return range(self.port, self.port + 1 + len(WAYS))


@dataclass(frozen=True)
class Orders:
    """What a process is told.

    Attributes:
        ledger: where it writes.
        ways: those that there are.
        people: the peers of a process, or all who may come to a hub; each with a way.
        hubs: itself, or those that its peers meet.
        own: where a hostile process listens.
        known: the file of those who are known; other processes have it open, too.
        pace: of all pauses.
    """

    ledger: str
    ways: list[str]
    people: dict[str, str]
    hubs: list[Hub]
    known: str
    pace: float
    own: Hub | None = None

    def text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, line: str) -> Orders:
        found = json.loads(line)
        own = found["own"]
        hubs = [Hub(**hub) for hub in found["hubs"]]
        return cls(**{**found, "hubs": hubs, "own": None if own is None else Hub(**own)})


class Hubbing:
    """A hub."""

    def __init__(self, orders: Orders, talker: Talker) -> None:
        self._orders = orders
        self._talker = talker
        self._hub = orders.hubs[0]
        self._known = msrp_peer.KnownPeers(Path(orders.known), POLICY)
        self._told: set[asyncio.Task[None]] = set()

    async def run(self, stack: contextlib.AsyncExitStack) -> None:
        for name in self._orders.ways:
            way = WAYS[name]
            where = f"{self._hub.host}:{self._hub.port_of(name)}"
            if way.signalled:
                listener = await stack.enter_async_context(
                    msrp_peer.listen(where, tls=way.tls, limits=LIMITS, me=self._hub.me(name))
                )
                await self._signalling(stack, way, listener)
                continue
            them = [person(each) for each, by in self._orders.people.items() if by == name]
            known = None if way.mechanism is None else self._known
            options = way.listening(self._hub.me(name), them)
            await stack.enter_async_context(
                msrp_peer.listen(where, self._serve, known=known, limits=LIMITS, **options)
            )

    async def _serve(self, session: msrp_peer.Session) -> None:
        whom = local_part(str(session.peer_claim)) if session.peer_claim else "somebody"
        await self._talker.converse(session, whom, leading=self._talker.dice.random() < 0.1)

    async def _signalling(
        self, stack: contextlib.AsyncExitStack, way: Way, listener: msrp_peer.Listener
    ) -> None:
        async def told(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._told.add(task)
            task.add_done_callback(self._told.discard)
            try:
                async with asyncio.timeout(LIMITS.handshake):
                    text = json.loads(await reader.readline())
                answer = msrp_peer.Answer(text, listener, tls=way.tls)
                writer.write(json.dumps(answer.text).encode() + b"\n")
                writer.close()
            except (OSError, ValueError, TypeError, TimeoutError, msrp_peer.PeerError):
                writer.close()
                return
            with contextlib.suppress(msrp_peer.MsrpError):
                async with msrp_peer.join(answer, listener=listener, limits=LIMITS) as session:
                    await self._serve(session)

        server = await asyncio.start_server(told, self._hub.host, self._hub.port)
        stack.callback(server.close)


class Peering:
    """Many peers, each with sessions one after the other."""

    def __init__(self, orders: Orders, talker: Talker) -> None:
        self._orders = orders
        self._talker = talker
        self._known = msrp_peer.KnownPeers(Path(orders.known), POLICY)

    async def run(self) -> None:
        async with msrp_peer.Pool() as pool, asyncio.TaskGroup() as group:
            for number, (name, way) in enumerate(self._orders.people.items()):
                # Some have several sessions on one connection.
                shared = pool if number % 5 == 0 and not WAYS[way].signalled else None
                for _ in range(2 if shared else 1):
                    group.create_task(self._lane(name, way, shared))

    async def _lane(self, name: str, way: str, pool: msrp_peer.Pool | None) -> None:
        talker = self._talker
        await talker.pause(0, 4)
        while not talker.stopping.is_set():
            hub = talker.dice.choices(self._orders.hubs, _OFTEN)[0]
            if WAYS[way].signalled and hub is self._orders.hubs[-1]:
                continue  # it has no signalling
            try:
                session = await self._met(name, way, hub, pool)
            except msrp_peer.NotAsKnown as error:
                talker.ledger.note("fault", f"{name} and {hub.name} by {way}: {error}")
                await talker.pause(1, 5)
                continue
            except (msrp_peer.MsrpError, OSError, TimeoutError, ValueError):
                await talker.pause(0.5, 5)  # the line is bad just now, or the hub was killed
                continue
            await talker.converse(session, hub.name, leading=True)

    async def _met(self, name: str, way: str, hub: Hub, pool: msrp_peer.Pool | None) -> msrp_peer.Session:
        how, me = WAYS[way], person(name)
        if how.signalled:
            offer = msrp_peer.Offer(None, tls=how.tls, me=me)
            offer.answered(await _signalled(hub, offer.text))
            return await msrp_peer.join(offer, limits=LIMITS)
        known = None if how.mechanism is None else self._known
        where = f"{hub.host}:{hub.port_of(way)}"
        options = how.connecting(me, hub.me(way))
        return await msrp_peer.connect(where, known=known, pool=pool, limits=LIMITS, **options)


async def _signalled(hub: Hub, text: str) -> str:
    async with asyncio.timeout(LIMITS.handshake):
        reader, writer = await asyncio.open_connection(hub.host, hub.port)
        try:
            writer.write(json.dumps(text).encode() + b"\n")
            return str(json.loads(await reader.readline()))
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def _clean(ledger: Ledger) -> AsyncIterator[None]:
    """What the loop complains about is a fault, and so is a task that is left."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(
        lambda _, context: ledger.note("fault", context["message"], repr(context.get("exception")))
    )
    yield
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        ledger.note("fault", f"{len(left)} tasks are left, such as {next(iter(left))!r}")


async def main(role: str) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    orders = Orders.read((await reader.readline()).decode())
    ledger = Ledger(Path(orders.ledger))
    with tempfile.TemporaryDirectory(prefix="soak-", dir=Path(orders.ledger).parent) as folder:
        async with _clean(ledger):
            talker = Talker(ledger, Path(folder), orders.pace)
            if role == "hub":
                await _hub(orders, talker, reader)
            else:
                print("ready", flush=True)
                async with asyncio.TaskGroup() as group:
                    group.create_task(Peering(orders, talker).run())
                    await reader.readline()
                    talker.stopping.set()


async def _hub(orders: Orders, talker: Talker, reader: asyncio.StreamReader) -> None:
    async with contextlib.AsyncExitStack() as stack:
        await Hubbing(orders, talker).run(stack)
        print("ready", flush=True)
        await reader.readline()
        talker.stopping.set()
        await reader.readline()
        try:
            async with asyncio.timeout(LASTING):
                await talker.quiet.wait()
        except TimeoutError:
            talker.ledger.note("fault", f"{talker.standing} sessions do not end")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
