"""Connections shared by several sessions with one other side."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ..security.own_key import OwnKey
from ..security.prove import Login
from ..security.trust import Trust
from ..session.session import Session
from ..terms.errors import ConnectionLost, PeerError, UsageError
from ..terms.limits import Limits
from ..terms.principal import Principal
from ..terms.security import Level
from .line import Line

__all__ = ["Pool", "Sharing"]


@dataclass(frozen=True, slots=True)
class Sharing:
    """What two sessions must have in common to share a connection.

    The same host, port and scheme (RFC 4975 section 5.4), the same two principals, and the
    same demands on the line: nobody gets less than they asked for, nor under another name.
    """

    place: tuple[str, int] | Principal
    tls: str
    me: Principal | None
    expected: Principal | None
    require: Level
    limits: Limits
    login: Login | None = None
    papers: tuple[OwnKey | None, Trust | None] = (None, None)


class Pool:
    """Lets sessions with the same other side share one connection.

        async with msrp_peer.Pool() as pool:
            async with msrp_peer.connect("im:bob@lan", pool=pool) as talk:
                async with msrp_peer.connect("im:bob@lan", pool=pool) as files:
                    ...

    They take turns on it, and they end together where it breaks; without a pool each has a
    connection of its own. Only sessions for the same host, port and scheme, the same two
    principals and the same demands share one. A connection nobody uses is kept for
    `Limits.idle`. Leaving the block closes all of them in order.
    """

    def __init__(self) -> None:
        self._lines: dict[Sharing, list[Line]] = {}
        self._turns: weakref.WeakValueDictionary[Sharing, asyncio.Lock] = weakref.WeakValueDictionary()
        self._closed = False

    @property
    def connections(self) -> int:
        """Those that stand now."""
        self._tidy()
        return sum(map(len, self._lines.values()))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End every session on them, and close them, in order. May be called twice."""
        self._closed = True
        lines = [line for alike in self._lines.values() for line in alike]
        self._lines.clear()
        for line in lines:
            line.connection.close(line.now())
            line.flush()
        await asyncio.gather(*(line.gone() for line in lines))

    async def session(
        self,
        sharing: Sharing,
        begin: Callable[[Line], Awaitable[Session]],
        fresh: Callable[[], Awaitable[tuple[Line, Session]]],
    ) -> Session:
        """A session that `begin` makes on a line that serves for it, or `fresh` on a new one.

        Raises what they raise, and `UsageError` where the pool is closed.
        """
        turn = self._turns.setdefault(sharing, asyncio.Lock())
        async with turn:  # one at a time: two who come together are to share, too
            self._tidy()
            for line in list(self._lines.get(sharing, ())):
                if line.connection.sessions < line.connection.limits.sessions:
                    try:
                        return await begin(line)
                    except ConnectionLost:  # it closed just now, or does not answer any more
                        self._let_go(sharing, line)
                    except PeerError as refused:
                        if refused.status != 403:  # it wants no more on this one
                            raise
            if self._closed:
                raise UsageError("this pool is closed")
            line, session = await fresh()
            if self._closed:
                await session.close()
                raise UsageError("this pool was closed meanwhile")
            line.connection.keeps = True
            self._lines.setdefault(sharing, []).append(line)
            return session

    def _let_go(self, sharing: Sharing, line: Line) -> None:
        """Begin no more sessions on it; it ends with those it has."""
        alike = self._lines.get(sharing, [])
        if line in alike:  # or it was forgotten meanwhile, as it is closed
            alike.remove(line)
        line.connection.keeps = False
        if not line.connection.sessions:
            line.connection.close(line.now())
            line.flush()

    def _tidy(self) -> None:
        """Forget those that are closed."""
        for sharing, lines in list(self._lines.items()):
            self._lines[sharing] = [line for line in lines if line.connection.state == "open"]
            if not self._lines[sharing]:
                del self._lines[sharing]
