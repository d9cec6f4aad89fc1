"""A file on its way out: how long the line took for it, without the time a person thought."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..terms.display import escape
from ..terms.errors import NotDelivered
from ..terms.limits import Limits
from .output import Output, size_text
from .progress import Report, Shows

if TYPE_CHECKING:
    from ..session.session import Session

__all__ = ["Journey", "Transfer", "naming", "send_file", "waiting"]

_ASKED = 2.0  # seconds without a word after which somebody there is being asked
_FIRST = 1 << 20
"""Octets: a first report about no more says that the reading begins now."""
_SLOW = 1_000_000  # octets a second; what is held back there is much slower


class Transfer(NamedTuple):
    """A file that was delivered.

    Attributes:
        size: its octets.
        octets: those that `seconds` were measured by: all that travelled, or what came after somebody
            agreed.
        seconds: what the line took for them.
        waited: seconds the other side took to agree.
        left_out: octets that were not sent again, as they were there from an attempt before.
    """

    size: int
    octets: int
    seconds: float
    waited: float
    left_out: int = 0

    @property
    def speed(self) -> float:
        """MB/s."""
        return self.octets / 1e6 / self.seconds

    def __str__(self) -> str:
        speed = f"in {self.seconds:.1f} s ({self.speed:.1f} MB/s)"
        if self.waited < _ASKED / 2:
            return speed
        if self.octets < self.size - self.left_out:
            return f"{speed} from when it was agreed to, after {self.waited:.0f} s"
        return f"{speed}; it was agreed to {self.waited:.0f} s later"


class Journey:
    """When what happened to a file, told by `Session.send` and `Sent.delivered`."""

    report: Report

    def __init__(self) -> None:
        self.octets = 0  # handed over
        self._total: int | None = None
        self.taken = False  # whether the other side said that it takes it
        self.held = False  # whether it was seen to go slowly
        self._began: float | None = None
        self._agreed: float | None = None
        self._before = 0  # octets handed over until then
        self._there: float | None = None  # when the last octet was

    def left(self, done: int, total: int | None) -> None:
        """So many octets were handed over."""
        if self._began is None:
            self._began = time.monotonic()
        self.octets = done
        self._total = total
        self.report(done, total)

    def took(self, done: int, total: int | None) -> None:
        """So many octets were taken by whoever they are for."""
        now = time.monotonic()
        began = self._began or now
        first = done <= _FIRST or done > self.octets  # what they had before was never handed over
        waited = self.held or (first and now - began >= _ASKED)
        if not self.taken and waited and self._there is None:
            self._agreed = now
            self._before = max(self.octets, done)
            self.report.again()
        self.taken = True

    def arrived(self, done: int, total: int | None) -> None:
        """So many octets are there."""
        if done == total and self._there is None:
            self._there = time.monotonic()

    @property
    def there(self) -> bool:
        """Whether all of it is."""
        return self._there is not None

    def __str__(self) -> str:
        if self.there:
            return "not delivered; it is there, and the other side has not said that it takes it"
        if not self.octets:
            return "not delivered; nothing of it was sent"
        # What was handed over and what is there differ by what is on its way; and what was there from
        # an attempt before was never sent.
        return f"not delivered; it had come to about {_about(self.octets)} of {size_text(self._total)}"

    def ended(self, size: int, left_out: int = 0) -> Transfer:
        """It is delivered, all of its octets; so many of them were there before."""
        now = time.monotonic()
        began = self._began or now
        if self._agreed is not None and self._before < size:
            seconds = max(now - self._agreed, 1e-6)
            return Transfer(size, size - self._before, seconds, self._agreed - began, left_out)
        there = self._there or now
        return Transfer(size, size - left_out, max(there - began, 1e-6), now - there, left_out)


def _about(octets: int) -> str:
    return size_text(octets).partition(" (")[0]


@contextlib.contextmanager
def naming(what: str) -> Iterator[None]:
    """Say of which message it was that it did not arrive."""
    try:
        yield
    except NotDelivered as error:
        raise NotDelivered(f"{what}: {error}", status=error.status) from None


async def send_file(session: Session, output: Output, path: Path, bars: Shows) -> Transfer:
    """Send a file and wait until it is delivered. Raises NotDelivered, OSError and others; where it
    is called off, it says how far the file is."""
    shown = escape(path.name, 100)
    journey = Journey()
    try:
        with bars.bar(path.name, "reading") as report, naming(shown):
            journey.report = report
            async with _beside(_watch(journey, output, shown)):
                sent = await session.send(
                    path, progress=journey.left, hashing=report.before, taken=journey.took
                )
            fields = {"session": session.tag, "message_id": sent.message_id, "name": path.name}
            output.event("sent", **fields)
            async with waiting(output, shown):
                await sent.delivered(journey.arrived)
    except asyncio.CancelledError:
        output.interrupted(f"{shown}: {journey}")
        raise
    transfer = journey.ended(sent.size, sent.left_out)
    there = f", of which {size_text(sent.left_out)} were not sent again" if sent.left_out else ""
    output.event(
        "delivered",
        f"Delivered: {shown}, {size_text(transfer.size)}{there}, {transfer}",
        **fields,
        size=transfer.size,
        left_out=sent.left_out,
        seconds=round(transfer.seconds, 3),
        waited=round(transfer.waited, 3),
    )
    return transfer


@contextlib.asynccontextmanager
async def _beside(words: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Say something meanwhile."""
    saying = asyncio.ensure_future(words)
    try:
        yield
    finally:
        saying.cancel()


def waiting(output: Output, shown: str) -> contextlib.AbstractAsyncContextManager[None]:
    """Say so where the other side has all of it and is slow to take it."""
    return _beside(_wait(output, shown))


async def _wait(output: Output, shown: str) -> None:
    await asyncio.sleep(_ASKED)
    output.note(f"{shown} is there; waiting for the other side to take it")


async def _watch(journey: Journey, output: Output, shown: str) -> None:
    """Say so where the file goes slowly because nobody there has agreed to it yet."""
    before = 0
    while not journey.taken:
        if journey.octets > Limits().unhurried and journey.octets - before < _SLOW * _ASKED:
            journey.held = True
            output.note(
                f"The other side has not agreed to {shown} yet; until it does, the file goes on slowly"
            )
            return
        before = journey.octets
        await asyncio.sleep(_ASKED)
