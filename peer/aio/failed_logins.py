"""Who tried to log in at a listener, and failed: for whoever runs it."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from .line import Bell

__all__ = ["FailedLogin", "FailedLogins"]

_KEPT = 100


class FailedLogin(NamedTuple):
    """One of them.

    Attributes:
        address: from where, without the port.
        reason: why, in words; they may hold what the other side said.
    """

    address: str
    reason: str


class FailedLogins:
    """The last hundred that nobody took yet.

    Attributes:
        count: how many there were ever.
    """

    def __init__(self) -> None:
        self.count = 0
        self._kept: deque[FailedLogin] = deque(maxlen=_KEPT)
        self._bell = Bell()

    def add(self, address: str, reason: str) -> None:
        """One more; called by the listener."""
        self.count += 1
        self._kept.append(FailedLogin(address, reason))
        self._bell.ring()

    async def next(self) -> FailedLogin:
        """Wait for one, and take it. Whoever is slow misses some, which `count` shows."""
        while not self._kept:
            await self._bell.heard()
        return self._kept.popleft()

    def take(self) -> list[FailedLogin]:
        """Those that can be had without waiting."""
        kept = list(self._kept)
        self._kept.clear()
        return kept
