"""Being met: a listener, its connections, a task for each session."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from types import TracebackType
from typing import Any

from msrp_sasl import Kerberos, Policy, Verifiers

from ..protocol.auth import Terms
from ..protocol.budget import Budget
from ..protocol.connection import Connection
from ..security.access import Access
from ..security.guard import Guard
from ..security.keys import Key
from ..security.known_peers import KnownPeers
from ..security.own_key import OwnKey
from ..security.tls_ends import Serving
from ..security.tls_modes import TlsMode
from ..security.trust import Trust
from ..session.establish import session_tag
from ..session.session import Session
from ..signalling.announcement import Announcement, instance_name
from ..signalling.interface import Agreed, new_uri
from ..signalling.target import Target
from ..terms.content import Accepts
from ..terms.errors import CannotReach, MsrpError, UsageError
from ..terms.limits import Limits
from ..terms.principal import Principal
from ..terms.security import Level
from .arrivals import Arrivals, Demand
from .crowd import Crowd, source_of
from .dial import tls_mode
from .discovery import Announcer, DiscoveryUnavailable
from .door import Ask, Door
from .failed_logins import FailedLogins
from .interfaces import local_addresses
from .line import Line
from .new_keys import Deciding, settle
from .newcomers import AT_A_TIME, Newcomer, queue_up
from .place import where, why_not
from .proofs import certified, claimed, everybody, guarding, over_tcp
from .threads import Threads

__all__ = ["Handler", "Listener", "listen"]

log = logging.getLogger(__name__)

Handler = Callable[[Session], Awaitable[None]]


class listen:  # a verb: async with ...
    """Serve each session that others begin with `handler`, in a task of its own.

        async def echo(session):
            async for message in session:
                await session.send(await message.read(), message.content_type)

        async with msrp_peer.listen("0.0.0.0:2855", echo) as listener:
            print(listener.uri)
            await listener.serve_forever()

    A session ends when its handler returns. What a handler raises ends its own session and is
    logged. Leaving the block closes everything in order.

    Args:
        address: ``host:port`` to listen at; ``0.0.0.0`` for every interface, port 0 for any.
        handler: called with each `Session`; None for a listener that is only there for the
            sessions of `join`, and lets nobody else begin one.
        me: who we say we are (``im:bob@lan``); None says nothing. Not proved by saying it.
        verifiers: what is kept of the passwords of those who may log in at `me`
            (`msrp_sasl.Verifiers`); None where nobody can by a password. Without a handler it is
            for the sessions of `join`, whose own `expect` says who must be proved in each.
        kerberos: where the Kerberos ticket of `me` is (`msrp_sasl.Kerberos`), so that people of its
            realm may log in by KRB5-U2U; None where nobody can.
        policy: which mechanisms may be used (`msrp_sasl.Policy`).
        known: those who are known (`KnownPeers`). Who is proved over less than the best line there was
            with them is not served; else it is remembered. None remembers nothing.
        access: who may open a session (`Access`); None for everybody who gets as far. Who may not is
            answered 403.
        ask: called with each `Session` that `access` says to ask about, before the handler; whether
            it may begin. Meanwhile the other side has it, and what it says waits.
        expect: those who alone are served, by principal; None for anybody.
        require: the least level at which anybody is served; with `expect` they must be proved.
        tls: ``"anonymous"``, ``"adh"``, ``"certificate"`` or ``"none"``, as for `connect`; without a
            handler also ``"fingerprint"``, and ``"none"`` is plain TCP that nothing protects.
        key, trust: as for `connect`. With ``"certificate"`` who comes shows a certificate that is believed,
            of one of those expected; where there are `verifiers` or `kerberos` they may log in instead.
            With ``"fingerprint"`` the key is what Offer and Answer tell, and with trust who comes shows
            such a certificate, too.
        new_keys: decides about lasting keys that `trust` does not know, of people who would be served
            (`NewKeys`); nothing else is done on their lines until it has. None, or an authority in
            `trust`, refuses them.
        announce: whether to tell the LAN (multicast DNS), under `name` and, where given, `me`.
        interfaces: numeric addresses of those to announce on; None for all.
        files, accept_types, limits: as for `connect`.

    Entering raises `UsageError`, and `CannotReach` where the address cannot be had.
    """

    def __init__(
        self,
        address: str,
        handler: Handler | None = None,
        *,
        me: str | None = None,
        verifiers: Verifiers | None = None,
        kerberos: Kerberos | None = None,
        policy: Policy | None = None,
        known: KnownPeers | None = None,
        access: Access | None = None,
        ask: Ask | None = None,
        expect: str | Sequence[str] | None = None,
        require: Level = Level.PASSIVE_ONLY,
        tls: str = "anonymous",
        key: OwnKey | None = None,
        trust: Trust | None = None,
        new_keys: Deciding | None = None,
        announce: bool = False,
        name: str | None = None,
        interfaces: Sequence[str] | None = None,
        files: bool = True,
        accept_types: str = "*",
        limits: Limits | None = None,
    ) -> None:
        self._host, self._port = where(address)
        self._announce = announce
        self._name = name
        self._interfaces = interfaces
        self._me = certified(claimed(me), tls, key, trust, listens=True)
        limits = limits or Limits()
        if handler is not None and tls == "fingerprint":
            raise UsageError("nobody told the fingerprint of whoever comes: tls='fingerprint' is for join")
        if handler is None and announce:
            raise UsageError("a listener that serves nobody by itself is not announced")
        claim = None if self._me is None else self._me.text
        terms = Terms(Accepts.parse(accept_types), limits.message, files, claim)
        mode = None if tls == "none" else tls_mode(tls)
        others = verifiers is not None or kerberos is not None
        guard = None
        if mode is not TlsMode.FINGERPRINT or trust is None or others:
            first = trust is not None and trust.takes_first and not others
            guard = guarding(
                self._me, verifiers, kerberos, policy, expect, require, limits, trust, first_uses=first
            )
        if handler is not None and mode is None:
            over_tcp(guard, Level.PLAINTEXT if guard is None else guard.least)
        doubting = new_keys is not None
        serving = Serving(mode, key, trust, everybody(expect), demanding=not others, doubting=doubting)
        door = Door(known, access, ask)
        self._listener = Listener(handler, mode, limits, terms, serving, guard, door, new_keys)

    async def __aenter__(self) -> Listener:
        listener = self._listener
        await listener.open(self._host, self._port)
        if self._announce:
            try:
                await listener.announce(self._name, self._me, self._interfaces)
            except BaseException:
                await listener.close()
                raise
        return listener

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._listener.close()


class Listener:
    """Made by `listen`.

    Attributes:
        port: where it listens.
        tls: how its lines are protected, as `listen` was told.
        key: what it shows in TLS, if anything.
        fingerprint: SHA-256 of the certificate it shows (RFC 8122 section 5); None without one.
        guard: who may log in; None where it does not say.
        discovery_problem: why it is not announced though it was asked to be; None else.
        namesake: set once another is announced under its name, or as the same `me`: before, or later.
        failed_logins: those who could not prove who they are, by a login or a certificate, as they come.
        turned_away: those who were granted no session, as `access` says.
    """

    def __init__(
        self,
        handler: Handler | None,
        mode: TlsMode | None,
        limits: Limits,
        own: Terms,
        serving: Serving,
        guard: Guard | None = None,
        door: Door | None = None,
        new_keys: Deciding | None = None,
    ) -> None:
        self._handler = handler
        self._door = door or Door(None, None, None)
        self._new_keys = new_keys
        self.guard = guard
        self._threads = Threads()
        self.tls: str = "none" if mode is None else mode
        self._limits = limits
        self._budget = Budget(limits)
        self._terms = own
        self._serving = serving
        self.key: Key | None = serving.key
        self.fingerprint = serving.fingerprint
        self.port = 0
        self.discovery_problem: str | None = None
        self.namesake = asyncio.Event()
        self.failed_logins, self.turned_away = FailedLogins(), self._door.turned_away
        self._host = ""
        self._server: asyncio.Server | None = None
        self._closed = asyncio.Event()
        self._announcer: Announcer | None = None
        self._lines: dict[Line, None] = {}  # the oldest first
        self._crowd: Crowd[Line] = Crowd(limits)
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrivals = Arrivals(self._lines, guard)

    @property
    def uri(self) -> str:
        """Where to reach it, as an MSRP URI without session-id: no secret."""
        secure = self.tls != "none"
        return Target("address", local_addresses(self._host)[0], self.port, secure=secure).uri

    def new_uri(self, host: str | None = None, *, user: str | None = None) -> str:
        """A session URI at this listener, for `join` and the signalling before it.

        As soon as it is made the other side may have it. Whoever uses it before `join` was told the
        other side's path has to wait, for the time of a handshake. Where `join` does not come within
        `Limits.reserved`, it is void.

        `host` is the name or address others reach this listener by, where it is not the one it listens
        at; `user` who we say we are, as a principal's text. Whoever learns it may speak in the session.
        """
        at = host or local_addresses(self._host)[0]
        made = new_uri(at, self.port, secure=self.tls != "none", user=user)
        self._arrivals.reserve(made, self._limits.reserved)
        return made

    @property
    def trust(self) -> Trust | None:
        """Whom it believes, where it verifies certificates."""
        return self._serving.trust

    @property
    def announced(self) -> bool:
        """Whether the LAN is told about it."""
        return self._announcer is not None

    @property
    def name_taken(self) -> bool:
        """Whether `namesake` is set; who finds its own name taken at once has a number behind it."""
        return self.namesake.is_set()

    async def serve_forever(self) -> None:
        """Wait until cancelled, or closed."""
        # Not the server's own: a close elsewhere would look like a cancellation of the caller.
        await self._closed.wait()

    # -- used by `listen`

    async def open(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: Newcomer(self._let_in), host, port, backlog=AT_A_TIME
            )
        except (OSError, OverflowError) as error:
            raise CannotReach(f"{host}:{port} cannot be listened at: {why_not(error)}") from None
        queue_up(self._server)
        self._host = host
        self.port = self._server.sockets[0].getsockname()[1]

    async def announce(
        self, name: str | None, principal: Principal | None, interfaces: Sequence[str] | None
    ) -> None:
        name = name or instance_name(socket.gethostname(), os.getpid(), principal)
        at = tuple(interfaces) if interfaces else local_addresses(self._host)
        told = Announcement(name, at, self.port, principal, self.fingerprint, secure=self.tls != "none")
        announcer = Announcer(told, interfaces=interfaces)
        try:
            await announcer.__aenter__()
        except DiscoveryUnavailable as problem:
            self.discovery_problem = str(problem)
        else:
            self._announcer = announcer
            self.namesake = announcer.namesake

    # -- used by `join`

    async def arrival(self, agreed: Agreed, demand: Demand) -> tuple[Line, Session]:
        """As `Arrivals.wait`; raises `UsageError` also where this listener speaks another TLS."""
        if agreed.tls != self.tls:
            raise UsageError(f"tls {agreed.tls} was agreed, and this listener speaks {self.tls}")
        return await self._arrivals.wait(agreed, demand)

    def only(self, line: Line) -> None:
        """Listen no longer, and keep no connection but this one."""
        if self._server is not None:
            self._server.close()
        for other in self._lines.keys() - {line}:
            other.abort("nobody is waited for any more")

    async def close(self) -> None:
        """Take no more connections, end every session in order, wait for them."""
        self._arrivals.close()
        if self._announcer is not None:
            await self._announcer.__aexit__(None, None, None)
            self._announcer = None
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        lines = list(self._lines)
        for line in lines:
            line.connection.close(line.now())
            line.flush()
        await asyncio.gather(*(line.gone() for line in lines))
        self._closed.set()

    # -- connections

    def _let_in(self, peer_address: str) -> Line | None:
        if not self._crowd.has_room(source_of(peer_address)):
            log.warning("a connection from %s is closed: too many already", peer_address)
            return None
        connection = Connection(
            self._serving.layers(),
            terms=self._terms,
            limits=self._limits,
            budget=self._budget,
            register=self._arrivals.register,
            granting=self._handler is not None,
            gate=self._arrivals.gate(),
        )
        return Line(connection, self, self._threads)

    def line_made(self, line: Line) -> None:
        self._lines[line] = None
        line.connection.admits = partial(self._door.admits, line.peer_address)
        source = source_of(line.peer_address)
        if (gate := line.connection.acceptor.gate) is not None:
            gate.source = source
        if (one := self._crowd.came(line, source)) is not None:
            log.warning("the connection from %s is closed: others need its place", one.peer_address)
            one.abort("too many connections")

    def login_failed(self, line: Line, why: str) -> None:
        self.failed_logins.add(line.peer_address.rpartition(":")[0], why)

    def line_gone(self, line: Line) -> None:
        self._lines.pop(line, None)
        self._crowd.gone(line)
        if (refused := line.connection.wire.refused) is not None:
            self.login_failed(line, refused)
        if line.connection.reason is not None:
            log.info("the connection from %s ended: %s", line.peer_address, line.connection.reason)

    def sessions_arrived(self, line: Line) -> None:
        self._crowd.begun(line)
        while line.connection.arrived:
            endpoint = line.connection.arrived.popleft()
            session = Session(endpoint, line, session_tag())
            log.info("session %s with %s: %s", session.tag, session.peer_address, session.security.describe())
            if self._handler is None or not endpoint.granted:
                self._arrivals.came(line, session, endpoint.local)
                continue
            self._begin(self._serve(session, self._handler))

    def doubted(self, line: Line) -> None:
        if self._new_keys is not None and (new := line.connection.doubt) is not None:
            self._begin(settle(self._new_keys, new, line, partial(self.login_failed, line)))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, session: Session, handler: Handler) -> None:
        try:
            await self._door.enter(session)
            await handler(session)
        except MsrpError as error:
            log.warning("session %s ended: %s", session.tag, error)
        except Exception:
            log.exception("the handler of session %s failed", session.tag)
        finally:
            self._door.leave(session)
            with contextlib.suppress(MsrpError):
                await session.close()
