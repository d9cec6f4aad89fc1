"""Whoever ``msrp offer`` and ``msrp answer`` lead to: compared with what is known of them, and let in."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ..terms.errors import NotSecureEnough, UsageError
from ..terms.principal import Principal
from .knowing import Ask, Knowing, begun, kept
from .output import Output

if TYPE_CHECKING:
    from ..security.known_peers import KnownPeers
    from ..session.session import Session
    from ..session.told import Told

__all__ = ["Inviting"]

Begin = Callable[["KnownPeers | None"], Awaitable["Session"]]


class Inviting:
    """What --known, --let-in and the list of those who are blocked say about the one we mean.

    Raises `UsageError` and `NotSecureEnough` where it is plain before the texts are carried over that
    nobody would be let in, and `StoreError`.
    """

    def __init__(self, args: argparse.Namespace, output: Output) -> None:
        from ..security.known_peers import KnownPeers

        self._output = output
        self._known = kept(args)
        self._whom = Principal.parse(args.expect[0]) if args.expect else None
        self._knowing = Knowing(args, output)
        self._protected: bool = args.protected
        remembered = KnownPeers.usual()
        self._before = self._whom is not None and remembered.recall(self._whom) is not None
        self._asks = args.let_in == "ask" and not self._before
        if self._whom is not None and self._whom in remembered.blocked():
            raise NotSecureEnough(
                f"{self._whom} is blocked here, and gets no session: msrp known unblock {self._whom}"
            )
        if args.let_in != "known" or self._before:
            return
        if self._whom is None:
            raise UsageError(
                "--let-in known lets in nobody whom nothing proves: say whom you mean, --expect im:bob@lan"
            )
        raise NotSecureEnough(f"{self._whom} is not known here, and --let-in known lets in nobody else")

    async def met(self, told: Told, begin: Begin, ask: Ask | None) -> Session:
        """The session that `begin` gives, once it is clear that it may be; `ask` asks the person, where
        there is one.

        Whoever connects compares before the session is asked for; whoever waits, once it stands and
        before a word is said or shown. Raises `NotSecureEnough`, and as `begin`.
        """
        outcome = told.outcome
        connects = outcome is not None and outcome.active
        fingerprints = () if outcome is None else outcome.fingerprints
        standing: Session | None = None

        async def attempt(known: KnownPeers | None) -> Session:
            nonlocal standing
            if connects and not self._asks:
                return await begin(known)
            if standing is None:
                standing = await begin(None)
                await self._let_in(standing, ask)
            await self._compare(standing, known)
            return standing

        def vouched(key: str) -> bool:
            """Whether texts that nobody can have changed told this key."""
            if not self._protected or key not in [each.value for each in fingerprints]:
                return False
            self._output.note(f"Taken as the key of {self._whom}, for the texts tell it: SHA-256 {key}")
            return True

        session = await begun(attempt, self._known, ask, vouched)
        if standing is None:
            await self._let_in(session, ask)
        return session

    async def _let_in(self, session: Session, ask: Ask | None) -> None:
        if not await self._knowing.admitted(session, ask, known=self._before):
            raise NotSecureEnough("nobody was let in")

    async def _compare(self, session: Session, known: KnownPeers | None) -> None:
        from ..security.known import lasting_key

        if known is not None and self._whom is not None:
            line = session.security
            await asyncio.to_thread(known.meet, self._whom, line, time.time(), key=lasting_key(line))
