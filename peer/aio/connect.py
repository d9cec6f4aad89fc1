"""Meeting somebody: find, connect, protect, begin a session."""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from types import TracebackType
from typing import Any

from msrp_sasl import Credentials, Kerberos, Policy

from ..protocol.auth import Terms
from ..protocol.connection import Connection
from ..security.tls_modes import TlsMode
from ..session.establish import establish
from ..session.session import Session
from ..signalling.interface import Agreed
from ..signalling.target import Target, parse_target
from ..terms.content import Accepts, Takes
from ..terms.errors import CannotReach, UsageError
from ..terms.limits import Limits
from ..terms.principal import Principal
from ..terms.security import Level
from .dial import begun, client_layers, reach
from .discovery import find_all
from .line import Line
from .pool import Pool, Sharing
from .proofs import claimed, login

__all__ = ["connect"]

log = logging.getLogger(__name__)

_PATIENCE = 5.0  # seconds to look for a principal on the LAN


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
        expect: whom we mean (``im:bob@lan``), where the target is only an address, or another
            name than theirs. They must be proved, or nothing is said.
        credentials: where the password of `me` for whom we mean comes from
            (`msrp_sasl.Credentials`).
        kerberos: where our Kerberos ticket is (`msrp_sasl.Kerberos`). With either of these each side
            proves itself to the other by SASL, or nothing is said; without, nobody is proved.
        policy: which mechanisms may be used (`msrp_sasl.Policy`).
        require: the least level (`Level`) at which anything is said.
        tls: ``"anonymous"`` (TLS 1.3, keys nobody verifies) or ``"adh"`` (TLS 1.2, none).
        files: whether the other side may send files.
        accept_types: the kinds of content taken (RFC 4975 section 8.6).
        limits: every number that bounds the session.
        timeout: seconds to look on the LAN, to reach what was found, and for it to begin a
            session, each; None for five, and for the handshake's limit.
        interfaces: numeric addresses of those to look on; None for all.
        pool: shares one connection with the other sessions of this `Pool` that go to the same
            place; None gives the session a connection of its own.

    Entering raises `UsageError`, `CannotReach`, `ConnectionLost`, `NotSecureEnough`, `PeerError`.
    """

    def __init__(
        self,
        target: str,
        *,
        me: str | None = None,
        expect: str | None = None,
        credentials: Credentials | None = None,
        kerberos: Kerberos | None = None,
        policy: Policy | None = None,
        require: Level = Level.PASSIVE_ONLY,
        tls: str = "anonymous",
        files: bool = True,
        accept_types: str = "*",
        limits: Limits | None = None,
        timeout: float | None = None,
        interfaces: Sequence[str] | None = None,
        pool: Pool | None = None,
    ) -> None:
        self._target = parse_target(target)
        self._require = require
        self._mode = tls_mode(tls)
        if self._mode is TlsMode.FINGERPRINT:
            raise UsageError("nobody told the fingerprint of whoever is there: tls='fingerprint' is for join")
        self._limits = limits or Limits()
        self._me = claimed(me)
        self._expected = claimed(expect) or self._target.principal
        self._login = login(self._me, self._expected, credentials, kerberos, policy)
        if expect is not None and self._login is None:
            raise UsageError(f"nothing can prove that it is {self._expected}: give credentials, or kerberos")
        self._own = Takes(Accepts.parse(accept_types), maximum=self._limits.message, files=files)
        self._pool = pool
        self._timeout = timeout
        self._interfaces = interfaces
        self._session: Session | None = None

    async def __aenter__(self) -> Session:
        if not self._target.secure:
            raise UsageError("direct rendezvous runs over protected lines alone: write msrps://, not msrp://")
        if self._pool is None:
            _, self._session = await self._fresh()
        else:
            self._session = await self._pool.session(self._sharing(), self._on, self._fresh)
        return self._session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    def __await__(self) -> Generator[Any, None, Session]:
        return self.__aenter__().__await__()

    async def _fresh(self) -> tuple[Line, Session]:
        """A session on a line of its own."""
        limit = self._limits.handshake if self._timeout is None else self._timeout
        line, place = await reach(self._target, await self._places(), self._connection, limit)
        line.listener = place.uri
        return line, await begun(line, self._on(line), self._timeout, place)

    async def _on(self, line: Line) -> Session:
        """A session on a line that stands."""
        agreed = Agreed(None, line.listener, active=True, tls=self._mode, own=self._own, me=self._me)
        prover = None if self._login is None else self._login.begin()
        return await establish(line, agreed, self._require, prover)

    def _connection(self, host: str) -> Connection:
        terms = Terms(self._own.accepts, self._own.maximum, self._own.files)
        return Connection(client_layers(self._mode, host), terms=terms, limits=self._limits, granting=False)

    def _sharing(self) -> Sharing:
        target = self._target
        place = target.principal or (target.host or "", target.port or 0)
        return Sharing(place, self._mode, self._me, self._expected, self._require, self._limits, self._login)

    async def _places(self) -> list[Target]:
        principal = self._target.principal
        if principal is None:
            return [self._target]
        seconds = _PATIENCE if self._timeout is None else self._timeout
        return await _look_for(principal, seconds, self._interfaces)


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
