"""Who came to a listener in vain, as they failed to log in or are not let in: for whoever runs it."""

from __future__ import annotations

from collections import deque
from typing import Generic, NamedTuple, TypeVar

from ..terms.principal import Principal
from ..terms.security import Security
from .line import Bell

__all__ = ["FailedLogin", "FailedLogins", "InVain", "TurnedAway"]

_KEPT = 100

One = TypeVar("One")


class FailedLogin(NamedTuple):
    """Somebody who could not prove who they are.

    Attributes:
        address: from where, without the port.
        reason: why, in words; they may hold what the other side said.
    """

    address: str
    reason: str


class TurnedAway(NamedTuple):
    """Somebody who was granted no session, as `Access` says; named as a session's fields are.

    Attributes:
        peer_address: from where, with the port.
        peer_claim: who they say they are; None where they do not.
        security: their line, and whom it proves.
        tag: that of the session, and there is none.
    """

    peer_address: str
    peer_claim: Principal | None
    security: Security
    tag: None = None


class InVain(Generic[One]):
    """The last hundred that nobody took yet.

    Attributes:
        count: how many there were ever.
    """

    def __init__(self) -> None:
        self.count = 0
        self._kept: deque[One] = deque(maxlen=_KEPT)
        self._bell = Bell()

    def put(self, one: One) -> None:
        """One more; called by the listener."""
        self.count += 1
        self._kept.append(one)
        self._bell.ring()

    async def next(self) -> One:
        """Wait for one, and take it. Whoever is slow misses some, which `count` shows."""
        while not self._kept:
            await self._bell.heard()
        return self._kept.popleft()

    def take(self) -> list[One]:
        """Those that can be had without waiting."""
        kept = list(self._kept)
        self._kept.clear()
        return kept


class FailedLogins(InVain[FailedLogin]):
    """Those who could not prove who they are."""

    def add(self, address: str, reason: str) -> None:
        """One more; called by the listener."""
        self.put(FailedLogin(address, reason))
