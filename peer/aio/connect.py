"""Meeting somebody: find, connect, protect, begin a session."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Generator, Sequence
from types import TracebackType
from typing import Any

from ..protocol.auth import Terms
from ..protocol.connection import Connection
from ..protocol.wire import Layer
from ..security.keys import ThrowAway
from ..security.tls import TlsLayer
from ..security.tls_modes import TlsMode, client_context
from ..session.establish import establish
from ..session.session import Session
from ..signalling.target import Target, parse_target
from ..terms.content import Accepts
from ..terms.errors import CannotReach, UsageError
from ..terms.limits import Limits
from ..terms.principal import Principal, PrincipalError
from ..terms.security import Level
from .discovery import find_all
from .line import Line
from .resolve import addresses

__all__ = ["connect"]

log = logging.getLogger(__name__)

_PATIENCE = 5.0  # seconds to look for a principal on the LAN
_STAGGER = 0.25  # seconds before the next address is tried, too (RFC 8305 section 8)


class connect:  # a verb: async with ...
    """Meet whom a target names, directly.

        async with msrp_peer.connect("im:bob@lan") as session:
            await session.send("hello")

    Leaving the block ends the session in order. Awaiting it gives the session, and then its
    `close` is the caller's.

    Args:
        target: ``host:port``, an msrps URI without session-id, or an im:, sip: or sips: URI to
            be looked for on the LAN, as the user typed it.
        me: who we say we are (``im:alice@lan``); None says nothing. Not proved by saying it.
        require: the least level (`Level`) at which anything is said.
        tls: ``"anonymous"`` (TLS 1.3, keys nobody verifies) or ``"adh"`` (TLS 1.2, none).
        files: whether the other side may send files.
        accept_types: the kinds of content taken (RFC 4975 section 8.6).
        limits: every number that bounds the session.
        timeout: seconds to look on the LAN, to reach what was found, and for it to begin a
            session, each; None for five, and for the handshake's limit.
        interfaces: numeric addresses of those to look on; None for all.

    Entering raises `UsageError`, `CannotReach`, `ConnectionLost`, `NotSecureEnough`, `PeerError`.
    """

    def __init__(
        self,
        target: str,
        *,
        me: str | None = None,
        require: Level = Level.PASSIVE_ONLY,
        tls: str = "anonymous",
        files: bool = True,
        accept_types: str = "*",
        limits: Limits | None = None,
        timeout: float | None = None,
        interfaces: Sequence[str] | None = None,
    ) -> None:
        self._target = parse_target(target)
        self._require = require
        self._mode = tls_mode(tls)
        self._limits = limits or Limits()
        self._terms = terms(me, accept_types, files, self._limits)
        self._timeout = timeout
        self._interfaces = interfaces
        self._session: Session | None = None

    async def __aenter__(self) -> Session:
        if not self._target.secure:
            raise UsageError("direct rendezvous runs over protected lines alone: write msrps://, not msrp://")
        line, listener = await self._reach()
        try:
            async with asyncio.timeout(self._timeout):
                self._session = await establish(line, listener.uri, line.own_address, self._require)
        except TimeoutError:
            words = f"{listener} was reached, but did not begin a session within {self._timeout:g} s"
            await _hang_up(line, words)
            raise CannotReach(words) from None
        except BaseException as why:
            await _hang_up(line, str(why) or type(why).__name__)
            raise
        return self._session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    def __await__(self) -> Generator[Any, None, Session]:
        return self.__aenter__().__await__()

    def _layers(self) -> list[Layer]:
        if self._mode is TlsMode.ADH:
            return [TlsLayer(client_context(self._mode), server=False)]
        key = ThrowAway()
        return [TlsLayer(client_context(self._mode, key), server=False, own_key=key.fingerprint)]

    async def _reach(self) -> tuple[Line, Target]:
        """A line to the first place that answers, and that place (RFC 4975 section 6.2).

        One that does not answer delays the next by a moment only (RFC 8305 section 5): an
        address that swallows what is sent to it hides no other.
        """
        limit = self._limits.handshake if self._timeout is None else self._timeout
        places = await self._places()
        failures: list[str] = []
        tasks: set[asyncio.Task[tuple[Line, Target]]] = set()
        try:
            async with asyncio.timeout(limit):
                for place in places:
                    for _, address, port in await addresses(place.host or "", place.port or 0):
                        tasks.add(asyncio.ensure_future(self._dial(address, port, place)))
                        if (found := await _first(tasks, failures, _STAGGER)) is not None:
                            return found
                while tasks:
                    if (found := await _first(tasks, failures, None)) is not None:
                        return found
        except TimeoutError:
            waited = ", ".join(sorted(task.get_name() for task in tasks))
            failures.append(f"{waited}: no answer within {limit:g} s")
        finally:
            await _give_up(tasks)
        raise CannotReach(f"nobody can be reached at {self._target}: {'; '.join(failures)}")

    async def _places(self) -> list[Target]:
        principal = self._target.principal
        if principal is None:
            return [self._target]
        seconds = _PATIENCE if self._timeout is None else self._timeout
        return await _look_for(principal, seconds, self._interfaces)

    async def _dial(self, address: str, port: int, place: Target) -> tuple[Line, Target]:
        task = asyncio.current_task()
        if task is not None:
            task.set_name(address)
        loop = asyncio.get_running_loop()
        connection = Connection(self._layers(), terms=self._terms, limits=self._limits)
        try:
            _, line = await loop.create_connection(lambda: Line(connection), address, port)
        except OSError as error:
            # The loop writes words of its own over the system's.
            why = os.strerror(error.errno) if error.errno else str(error)
            raise CannotReach(f"{address}: {why}") from None
        return line, place


Found = tuple[Line, Target]


async def _first(tasks: set[asyncio.Task[Found]], failures: list[str], wait: float | None) -> Found | None:
    """The first that has got through, if one has within the time; what failed is told and gone."""
    done, _ = await asyncio.wait(tasks, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        error = task.exception()
        if error is None:
            tasks.discard(task)
            return task.result()
        tasks.discard(task)
        failures.append(str(error))
        if not isinstance(error, CannotReach):
            raise error
    return None


async def _give_up(tasks: set[asyncio.Task[Found]]) -> None:
    """End what still tries, and hang up on whoever answered second."""
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, tuple):
            outcome[0].abort("another address answered first")


async def _hang_up(line: Line, why: str) -> None:
    """Say goodbye where the line stands; never wait long for one that is being left."""
    line.connection.close(line.now())
    line.flush()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            await line.gone()
            return
    line.abort(why)


async def _look_for(principal: Principal, seconds: float, interfaces: Sequence[str] | None) -> list[Target]:
    """Where the listener is that announces itself as that principal: each of its addresses."""
    found = await find_all(principal, timeout=seconds, interfaces=interfaces)
    places = {(a.addresses, a.port) for a in found}
    if len(places) > 1:
        where = ", ".join(sorted(f"{addresses[0]}:{port}" for addresses, port in places))
        # Whichever we took would be a guess, and nothing on this line proves a guess right.
        raise CannotReach(f"several listeners say they are {principal}: name one by its address: {where}")
    first = found[0]
    log.info("%s announces itself at %s port %d", principal, ", ".join(first.addresses), first.port)
    return [Target("address", address, first.port) for address in first.addresses]


def tls_mode(name: str) -> TlsMode:
    """The mode of that name; raises `UsageError`."""
    try:
        return TlsMode(name)
    except ValueError:
        raise UsageError(f"tls is {' or '.join(TlsMode)}, not {name!r}") from None


def terms(me: str | None, accept_types: str, files: bool, limits: Limits) -> Terms:
    """What we take and who we say we are; raises `UsageError`."""
    try:
        claim = None if me is None else Principal.parse(me).text
    except PrincipalError as wrong:
        raise UsageError(str(wrong)) from None
    return Terms(Accepts.parse(accept_types), limits.message, files, claim)
