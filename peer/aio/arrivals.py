"""The sessions that `join` waits for at a listener: who may begin them, and which have come."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Iterator
from typing import NamedTuple

from ..protocol.prover import Gate
from ..protocol.register import Expected, Register
from ..security.doors import Doors
from ..security.guard import Guard
from ..session.establish import own_terms
from ..session.session import Session
from ..signalling.interface import Agreed
from ..terms.errors import CannotReach, NotSecureEnough, UsageError
from ..terms.principal import Principal
from ..terms.security import Level
from .crowd import source_of
from .line import Bell, Line

__all__ = ["Arrivals", "Demand"]


class Demand(NamedTuple):
    """What the passive side of a session asks of the other.

    Attributes:
        require: the least level of the line.
        principal: who must be proved; None for anybody.
        guard: who may log in; None where that is the listener's to say, or nobody can.
        certified: whether the handshake has verified whose key it is, by `Trust`.
    """

    require: Level
    principal: Principal | None = None
    guard: Guard | None = None
    certified: bool = False


class Arrivals:
    """One listener's.

    Attributes:
        register: the session URIs of the place, across its connections.
    """

    def __init__(self, lines: Collection[Line], own: Guard | None) -> None:
        """`lines` are those of the listener, as they come and go; `own` is who may log in at all of them."""
        self._lines = lines
        self._own = own
        self.register = Register()
        self._doors = Doors()
        self._come: dict[str, tuple[Line, Session]] = {}
        self._waiting: set[Bell] = set()
        self._shut = False

    def gate(self) -> Gate | None:
        """For a new connection; None where nobody can log in."""
        if self._own is not None:
            return self._own.gate()
        return self._doors.gate() if self._doors else None

    def reserve(self, uri: str, seconds: float) -> None:
        """Whoever uses this URI within that time is to wait until it is expected."""
        now = asyncio.get_running_loop().time()
        self.register.reserve(uri, now, now + seconds)

    def came(self, line: Line, session: Session, local: str) -> None:
        """One has begun."""
        self._come[local] = line, session

    async def wait(self, agreed: Agreed, demand: Demand) -> tuple[Line, Session]:
        """The session that was agreed, when the other side has begun it, and its line.

        Raises `UsageError` where another waits for this URI, `NotSecureEnough` where the other
        side comes over less than what is demanded, `CannotReach` where the listener is closed.
        """
        peer, whom = agreed.peer, demand.principal
        local = agreed.local or ""
        expected = Expected(
            local,
            agreed.remote,
            own_terms(agreed),
            peer.accepts,
            peer.maximum,
            _least(demand),
            agreed.fingerprints,
            agreed.signalled,
            peer.wrapped,
            None if whom is None else whom.text,
        )
        bell = expected.bell = Bell()
        self.register.expect(expected)
        self._waiting.add(bell)
        try:
            with self._let_in(agreed, demand):
                # It may have come already, and have come again: what is older is given up there.
                for line in reversed(list(self._lines)):
                    line.resume()
                while local not in self._come:
                    if expected.refusal is not None:
                        raise NotSecureEnough(expected.refusal)
                    if self._shut:
                        raise CannotReach("the listener was closed before the other side came")
                    await bell.heard()
                return self._come.pop(local)
        finally:
            self._waiting.discard(bell)
            self.register.forget(local)
            if local in self._come:  # it came just as we stopped waiting
                await self._come.pop(local)[1].close()

    @contextlib.contextmanager
    def _let_in(self, agreed: Agreed, demand: Demand) -> Iterator[None]:
        """Whoever is demanded can log in meanwhile, also on a line that stands already."""
        guard = demand.guard
        if guard is None:
            demanded = demand.principal is not None and not demand.certified
            if self._own is None and (demanded or agreed.auth):
                raise UsageError("nothing can prove who comes: give verifiers, or kerberos")
            yield
            return
        if self._own is not None:
            raise UsageError("this listener says already who may log in: leave out verifiers and kerberos")
        self._doors.open(guard)
        try:
            for line in self._lines:
                acceptor = line.connection.acceptor
                if acceptor.gate is None:
                    acceptor.gate = self._doors.gate()
                    acceptor.gate.source = source_of(line.peer_address)
            yield
        finally:
            self._doors.shut(guard)

    def close(self) -> None:
        """Nobody comes any more."""
        self._shut = True
        for bell in self._waiting:
            bell.ring()


def _least(demand: Demand) -> Level:
    """The level of the line: somebody is to be proved; but by a pinned key they are known, and that
    is what a key is pinned for."""
    if demand.principal is None:
        return demand.require
    return max(demand.require, Level.KEY_VERIFIED if demand.certified else Level.AUTHENTICATED)
