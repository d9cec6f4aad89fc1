"""Meeting by signalling of another's: paths, an offer, an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from msrp_core import Uri

from ..protocol.connection import Connection
from ..security.tls_modes import TlsMode
from ..session.establish import establish, own_terms
from ..session.session import Session
from ..session.told import Told
from ..signalling.interface import Agreed, Signalling
from ..signalling.target import Target
from ..terms.errors import CannotReach, NotSecureEnough, UsageError
from ..terms.limits import Limits
from ..terms.security import Level
from .connect import tls_mode
from .dial import begun, client_layers, reach
from .line import Line
from .listen import Listener
from .pool import Pool, Sharing

if TYPE_CHECKING:
    from ..security.keys import Key

__all__ = ["join"]


class join:  # a verb: async with ...
    """Meet whom signalling led to.

        paths = msrp_peer.Paths(local_uri=ours, remote_path=theirs, active=True)
        async with msrp_peer.join(paths) as session:
            await session.send("hello")

    The active side connects and sends at once, and has the session when the other side has
    answered. The passive side has it when that first request came: at `listener`, or else at the
    host and port of its own URI, for as long as that takes.

    Leaving the block ends the session in order. Awaiting it gives the session, and then its
    `close` is the caller's.

    Args:
        signalling: `Paths`, or anything else that is a `Signalling`.
        listener: where the passive side waits; many sessions may wait at one. Let its
            `Listener.new_uri` make the URI, so that nobody comes too early.
        require: the least level (`Level`) at which anything is said. Plain TCP needs
            ``Level.PLAINTEXT``.
        limits: every number that bounds the session. At a `listener` its own count.
        timeout: seconds to reach the other side and for it to answer, each, or for it to come;
            None for the handshake's limit.
        pool: as for `connect`.

    Entering raises what the signalling raises, `UsageError`, `CannotReach`, `ConnectionLost`,
    `NotSecureEnough`, and `PeerError` where the other side knows no such session (481) or has
    it elsewhere (506).
    """

    def __init__(
        self,
        signalling: Signalling,
        *,
        listener: Listener | None = None,
        require: Level = Level.PASSIVE_ONLY,
        limits: Limits | None = None,
        timeout: float | None = None,
        pool: Pool | None = None,
    ) -> None:
        self._signalling = signalling
        self._listener = listener
        self._require = require
        self._limits = limits or Limits()
        self._seconds = self._limits.handshake if timeout is None else timeout
        self._pool = pool
        self._session: Session | None = None

    async def __aenter__(self) -> Session:
        agreed = await self._signalling.agree()
        if agreed.asks:
            raise UsageError("a listener and no session was agreed on: use connect")
        if agreed.tls == "none" and self._require > Level.PLAINTEXT:
            raise NotSecureEnough(
                f"{self._require.word} is required, and plain TCP protects nothing: "
                "say require=Level.PLAINTEXT where that is meant"
            )
        if agreed.active:
            self._session = await self._go(agreed)
        elif self._listener is not None:
            _, self._session = await self._wait(self._listener, agreed)
        else:
            self._session = await self._wait_there(agreed)
        if isinstance(self._signalling, Told):
            self._signalling.follow(self._session)
        return self._session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    def __await__(self) -> Generator[Any, None, Session]:
        return self.__aenter__().__await__()

    # -- the active side

    async def _go(self, agreed: Agreed) -> Session:
        host, port = agreed.place
        target = Target("address", host, port)
        mode = _mode(agreed)

        def make(host: str) -> Connection:
            layers = client_layers(mode, host, cast("Key | None", agreed.key))
            return Connection(layers, terms=own_terms(agreed), limits=self._limits, granting=False)

        def begin(line: Line) -> Coroutine[Any, Any, Session]:
            return establish(line, agreed, self._require)

        async def fresh() -> tuple[Line, Session]:
            line, _ = await reach(target, [target], make, self._seconds)
            return line, await begun(line, begin(line), self._seconds, target)

        if self._pool is None or agreed.fingerprints:  # whose key belongs to one session
            return (await fresh())[1]
        sharing = Sharing((host, port), agreed.tls, agreed.me, agreed.expected, self._require, self._limits)
        return await self._pool.session(sharing, begin, fresh)

    # -- the passive side

    async def _wait(self, listener: Listener, agreed: Agreed) -> tuple[Line, Session]:
        try:
            async with asyncio.timeout(self._seconds):
                return await listener.arrival(agreed, self._require)
        except TimeoutError:
            raise CannotReach(f"the other side did not come within {self._seconds:g} s") from None

    async def _wait_there(self, agreed: Agreed) -> Session:
        """At a listener of our own, where our URI says."""
        own = Uri.parse(agreed.local or "")
        key = cast("Key | None", agreed.key)
        listener = Listener(None, _mode(agreed), self._limits, own_terms(agreed), key)
        await listener.open(own.host, own.port or 0)
        try:
            line, session = await self._wait(listener, agreed)
        except BaseException:
            await listener.close()
            raise
        listener.only(line)
        return session


def _mode(agreed: Agreed) -> TlsMode | None:
    return None if agreed.tls == "none" else tls_mode(agreed.tls)
