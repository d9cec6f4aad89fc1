"""What it costs until a session stands: octets and round trips, and sessions a second.

Both ends are in this process, over real sockets on 127.0.0.1. Round trips and octets are counted by a relay
between them. Of time, the processor's counts (user and system, of all threads): both ends together,
against the same expensive primitives done bare, one after the other in every round.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from paths_floor import floor
from paths_people import ALICE, BOB, SECRET, shown
from paths_ways import ITERATIONS, Way

import msrp_peer
from msrp_peer.bench.measure import Figure, ratio
from msrp_peer.security.keys import ThrowAway
from msrp_peer.security.tls_modes import TlsMode, client_context, server_context

__all__ = ["Begun", "Rate", "begun", "rate"]


@dataclass(frozen=True)
class Begun:
    """What went over the line until both sides had the session, the answer to the first SEND included.

    Attributes:
        there, back: octets of the initiator, and of the acceptor, TCP's and IP's own left out.
        trips: round trips, TCP's included.
    """

    there: int
    back: int
    trips: int


class Relay:
    """Carries octets as they are, and counts.

    Attributes:
        flights: who spoke, and how much, in turn: True for the initiator.
    """

    def __init__(self, to: int) -> None:
        self.flights: list[tuple[bool, int]] = []
        self.moved = asyncio.Event()
        self._to = to
        self._tasks: set[asyncio.Task[None]] = set()

    def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._carry(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)

        async def way(source: asyncio.StreamReader, sink: asyncio.StreamWriter, there: bool) -> None:
            while data := await source.read(65536):
                if self.flights and self.flights[-1][0] is there:
                    self.flights[-1] = there, self.flights[-1][1] + len(data)
                else:
                    self.flights.append((there, len(data)))
                sink.write(data)
                self.moved.set()
            sink.close()

        await asyncio.gather(way(reader, far_writer, True), way(far_reader, writer, False))


class Acceptor:
    """A listener, and the sessions that came to it. `host` is where others are to go, on its port."""

    def __init__(self, way: Way, listener: msrp_peer.Listener) -> None:
        self.way = way
        self.host = "127.0.0.1"
        self.listener = listener
        self.met: asyncio.Queue[msrp_peer.Session] = asyncio.Queue()

    async def __call__(self, session: msrp_peer.Session) -> None:
        self.met.put_nowait(session)
        async for message in session:
            await message.read()

    async def session(self) -> msrp_peer.Session:
        """A new one, when both sides have it."""
        if not self.way.signalled:
            near = await msrp_peer.connect(f"{self.host}:{self.listener.port}", **self.way.connecting())
            await self.met.get()
            return near
        offer = msrp_peer.Offer(None, tls=self.way.tls)
        answer = msrp_peer.Answer(offer.text, self.listener, tls=self.way.tls, host=self.host)
        offer.answered(answer.text)
        near, far = await asyncio.gather(
            msrp_peer.join(offer), msrp_peer.join(answer, listener=self.listener)
        )
        self.met.put_nowait(far)
        return near


@contextlib.asynccontextmanager
async def accepting(way: Way) -> AsyncIterator[Acceptor]:
    acceptor: Acceptor

    async def serve(session: msrp_peer.Session) -> None:
        await acceptor(session)

    options = {"tls": way.tls} if way.signalled else way.listening()
    handler = None if way.signalled else serve
    async with msrp_peer.listen("127.0.0.1:0", handler, **options) as listener:
        acceptor = Acceptor(way, listener)
        yield acceptor


async def begun(way: Way) -> Begun:
    """One session, counted."""
    async with accepting(way) as acceptor:
        # At the listener's own port: a session URI that was signalled has to be the listener's.
        relay = Relay(acceptor.listener.port)
        acceptor.host = "127.0.0.2"
        server = await asyncio.start_server(relay.serve, acceptor.host, acceptor.listener.port)
        near = await acceptor.session()
        while relay.flights[-1][0]:  # the first SEND is not answered yet
            relay.moved.clear()
            await relay.moved.wait()
        flights = list(relay.flights)
        await near.close()
        server.close()
    there, back = (sum(size for who, size in flights if who is side) for side in (True, False))
    return Begun(there, back, 1 + sum(not who for who, _ in flights))


# -- time


@dataclass(frozen=True)
class Rate:
    """Attributes:
    share: the bare primitives' time in hundredths of ours.
    per_second: sessions, on one processor that does both ends.
    ours: milliseconds of processor time a session, both ends.
    parts: milliseconds of each primitive.
    floor: hundredths of the same, of a program that has asyncio, this TLS and as many trips, and no
        engine; None where it is not measured.
    """

    share: Figure
    per_second: Figure
    ours: Figure
    parts: dict[str, float]
    floor: Figure | None


Work = Callable[[], object]


def primitives(way: Way) -> dict[str, Work]:
    """What is expensive on this way, whoever does it, each as a call."""
    found: dict[str, Work] = {}
    if way.certified:
        both = certified(server=False), certified(server=True)
        found["TLS handshake, both verified"] = lambda: handshake(*both)
    elif way.tls != "none":
        mode = TlsMode(way.tls)
        keys = (None, None) if mode is TlsMode.ADH else (ThrowAway(), ThrowAway())
        contexts = client_context(mode, keys[0]), server_context(mode, keys[1])
        found["TLS handshake"] = lambda: handshake(*contexts)
        if mode is not TlsMode.ADH:
            found["a key and its signature"] = throw_away
    if way.hash is not None:
        name, rounds = way.hash.replace("-", "").lower(), ITERATIONS[way.hash]
        found["PBKDF2"] = lambda: hashlib.pbkdf2_hmac(name, SECRET.encode(), bytes(16), rounds)
    return found


def certified(*, server: bool) -> SSL.Context:
    """Each side's context with a certificate of the authority's, and the chain of the other verified."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_options(SSL.OP_NO_TICKET)
    one = shown(BOB if server else ALICE)
    one["key"].install(context)
    one["trust"].install(context)
    must = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
    context.set_verify(must, lambda _connection, _certificate, _error, _depth, ok: bool(ok))
    return context


def handshake(client: SSL.Context, server: SSL.Context) -> None:
    """Both ends of one, by pyOpenSSL alone, from memory to memory."""
    one, other = SSL.Connection(client, None), SSL.Connection(server, None)
    one.set_connect_state()
    other.set_accept_state()
    undone = [one, other]
    while undone:
        for end, far in ((one, other), (other, one)):
            if end in undone:
                try:
                    end.do_handshake()
                    undone.remove(end)
                except SSL.WantReadError:
                    pass
            with contextlib.suppress(SSL.WantReadError):
                far.bio_write(end.bio_read(65536))


def throw_away() -> None:
    """A key as each connect has a new one; the certificate around it is not counted."""
    ec.generate_private_key(ec.SECP256R1()).sign(b"x" * 300, ec.ECDSA(hashes.SHA256()))


async def rate(way: Way, rounds: int, sessions: int) -> Rate:
    """Sessions one after the other, each closed before the next."""
    parts = primitives(way)
    ours: list[float] = []
    bare: list[float] = []
    each: dict[str, list[float]] = {name: [] for name in parts}
    least: list[float] = []
    async with contextlib.AsyncExitStack() as stack:
        acceptor = await stack.enter_async_context(accepting(way))
        program = None
        if way.mechanism is None:
            program = await stack.enter_async_context(floor(TlsMode(way.tls)))
            await program()

        async def one() -> None:
            near = await acceptor.session()
            await near.close()
            if way.signalled:
                await (await acceptor.met.get()).close()

        await one()  # what is made once is there
        for _ in range(rounds):
            ours.append(await _timed(one, sessions))
            for name, call in parts.items():
                each[name].append(await _timed(_as_coroutine(call), sessions))
            bare.append(sum(times[-1] for times in each.values()))
            if program is not None:
                least.append(await _timed(program, sessions))
    return Rate(
        ratio(bare, ours),
        Figure.of([1 / seconds for seconds in ours]),
        Figure.of([seconds * 1e3 for seconds in ours]),
        {name: Figure.of([seconds * 1e3 for seconds in times]).median for name, times in each.items()},
        ratio(bare, least) if least else None,
    )


def _as_coroutine(call: Work) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        call()

    return run


async def _timed(call: Callable[[], Awaitable[None]], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        await call()
    return (time.process_time() - began) / times
