"""The door of a listener: who may have a session there, and is as they are known."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from ..security.access import Access, Entry
from ..security.known import lasting_key
from ..security.known_peers import KnownPeers
from ..security.several_paths import sender_of
from ..session.session import Session
from ..terms.errors import NotSecureEnough, UsageError
from ..terms.principal import Principal
from ..terms.security import Security
from .failed_logins import InVain, TurnedAway

__all__ = ["Ask", "Door"]

log = logging.getLogger(__name__)

Ask = Callable[[Session], Awaitable[bool]]


class Door:
    """For all connections of a listener.

    Args:
        known: those who are known; None remembers nobody.
        access: who may come in.
        ask: asks the person about a session. Raises `UsageError` where it is missing and `access`
            says that somebody is to be asked about.

    Attributes:
        turned_away: those who were granted no session, as they come.
    """

    def __init__(self, known: KnownPeers | None, access: Access | None, ask: Ask | None) -> None:
        self._known = known
        self._access = access or Access()
        self._ask = ask
        self.turned_away: InVain[TurnedAway] = InVain()
        self._inside: dict[Session, Principal] = {}
        answers = {self._access.proved, self._access.unproved, *self._access.persons.values()}
        if ask is None and Entry.ASK in answers:
            raise UsageError("somebody is to be asked about: say whom to ask, with ask=")

    def admits(self, address: str, security: Security, claim: Principal | None) -> bool:
        """Whether a session is granted at all to who comes from there; who is to be asked about gets one,
        and waits."""
        admitted = self._entry(security, claim) is not Entry.DENY
        if not admitted:
            log.warning("a session was denied to %s", sender_of(security) or f"who calls itself {claim}")
            self.turned_away.put(TurnedAway(address, claim, security))
        return admitted

    async def enter(self, session: Session) -> None:
        """Before its handler sees it. Raises `NotSecureEnough` and `StoreError` where it is to end."""
        line = session.security
        who = sender_of(line)
        entry = self._entry(line, session.peer_claim)
        if who is not None:
            self._inside[session] = who
        if entry is Entry.ASK and (self._ask is None or not await self._ask(session)):
            raise NotSecureEnough("our user did not let them in")
        if entry is Entry.DENY:  # several were granted at once
            raise NotSecureEnough("no session is for them")
        if (known := self._known) is not None and who is not None:
            key = lasting_key(line)
            await asyncio.to_thread(lambda: known.meet(who, line, time.time(), key=key))

    def leave(self, session: Session) -> None:
        """It is over."""
        self._inside.pop(session, None)

    def _entry(self, security: Security, claim: Principal | None) -> Entry:
        who = sender_of(security)
        standing = sum(other == who for other in self._inside.values()) if who is not None else 0
        return self._access.entry(security, claim, standing)
