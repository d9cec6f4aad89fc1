"""What an event loop must supply, and all it must supply, for sessions to run on it.

asyncio's is `msrp_peer.aio.line`; `examples/trio_driver.py` shows another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from ..protocol.connection import Connection

__all__ = ["Driver", "HeardBell"]

T = TypeVar("T")


class HeardBell(Protocol):
    """A bell (`msrp_peer.protocol.bells`) that can be waited for."""

    def ring(self) -> None:
        """Wake everybody who waits now. From the event loop's thread only; runs none of their code."""

    async def heard(self) -> None:
        """Wait for the next ring."""


class Driver(Protocol):
    """One connection on one event loop."""

    @property
    def connection(self) -> Connection: ...

    @property
    def changed(self) -> HeardBell:
        """The connection's bell: rung when its state changes."""

    @property
    def peer_address(self) -> str:
        """``host:port`` of the other side, for people."""

    @property
    def own_address(self) -> tuple[str, int]:
        """Where this side's end is: a numeric address without zone, and a port."""

    def bell(self) -> HeardBell:
        """A new bell."""

    def now(self) -> float:
        """Seconds, from a clock that never goes back."""

    def flush(self) -> None:
        """Something may be due: answers, chunks, timers, reading on. Call it after every change."""

    def soon(self, call: Callable[[], object]) -> None:
        """Run this in the event loop's thread before long, and flush; without effect where the loop
        has ended. May be called anywhere, from a finalizer, too."""

    async def in_thread(self, call: Callable[[], T]) -> T:
        """Run what blocks where it stops nobody; returns what it returns."""

    async def apart(self, call: Callable[[], None], late: Callable[[], object]) -> None:
        """Run a step of authentication, which may take as long as somebody elsewhere likes, where it
        stops nobody and no other such step, for as long as a handshake may take.

        Raises `TimeoutError` then. Where it is not waited for any more, `late` is called once it
        has ended.
        """
