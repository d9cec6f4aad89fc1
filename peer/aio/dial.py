"""Getting through to somebody: the first of several addresses that answers."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from ..protocol.connection import Connection
from ..security.tls_modes import TlsMode
from ..signalling.target import Target
from ..terms.errors import CannotReach, ConnectionLost, NotSecureEnough, UsageError
from .line import Line
from .resolve import addresses

__all__ = ["NotBegun", "begun", "hang_up", "reach", "tls_mode"]

T = TypeVar("T")


class NotBegun(CannotReach):
    """Somebody was reached, and began no session in time: it may not know of us yet."""


Found = tuple[Line, Target]

_STAGGER = 0.25  # seconds before the next address is tried, too (RFC 8305 section 8)


def tls_mode(name: str) -> TlsMode:
    """The mode of that name; raises `UsageError`."""
    try:
        return TlsMode(name)
    except ValueError:
        raise UsageError(f"tls is {' or '.join(TlsMode)}, not {name!r}") from None


async def reach(
    shown: object, places: Sequence[Target], make: Callable[[str], Connection], limit: float
) -> tuple[Line, Target]:
    """A line to the first place that answers, and that place (RFC 4975 section 6.2).

    One that does not answer delays the next by a moment only (RFC 8305 section 5): an address
    that swallows what is sent to it hides no other. `make` is told the host.
    Raises `CannotReach` after `limit` seconds.
    """
    failures: list[str] = []
    tasks: set[asyncio.Task[Found]] = set()
    try:
        async with asyncio.timeout(limit):
            for place in places:
                for _, address, port in await addresses(place.host or "", place.port or 0):
                    tasks.add(asyncio.ensure_future(_dial(address, port, place, make)))
                    if (found := await _first(tasks, failures, _STAGGER)) is not None:
                        return found
            while tasks:
                if (found := await _first(tasks, failures, None)) is not None:
                    return found
    except TimeoutError:
        waited = ", ".join(sorted(task.get_name() for task in tasks))
        failures.append(f"{waited}: no answer within {limit:g} s")
    finally:
        await _give_up(tasks)
    raise CannotReach(f"nobody can be reached at {shown}: {'; '.join(failures)}")


async def _dial(
    address: str, port: int, place: Target, make: Callable[[str], Connection]
) -> tuple[Line, Target]:
    task = asyncio.current_task()
    if task is not None:
        task.set_name(address)
    loop = asyncio.get_running_loop()
    connection = make(place.host or "")
    try:
        _, line = await loop.create_connection(lambda: Line(connection), address, port)
    except OSError as error:
        # The loop writes words of its own over the system's.
        why = os.strerror(error.errno) if error.errno else str(error)
        raise CannotReach(f"{address}: {why}") from None
    return line, place


async def _first(tasks: set[asyncio.Task[Found]], failures: list[str], wait: float | None) -> Found | None:
    """The first that has got through, if one has within the time; what failed is told and gone."""
    done, _ = await asyncio.wait(tasks, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        error = task.exception()
        if error is None:
            tasks.discard(task)
            return task.result()
        tasks.discard(task)
        failures.append(str(error))
        if not isinstance(error, CannotReach):
            raise error
    return None


async def _give_up(tasks: set[asyncio.Task[Found]]) -> None:
    """End what still tries, and hang up on whoever answered second."""
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, tuple):
            outcome[0].abort("another address answered first")


async def begun(line: Line, beginning: Awaitable[T], seconds: float | None, shown: object) -> T:
    """What `beginning` gives; where it fails or takes too long, the line is hung up."""
    try:
        async with asyncio.timeout(seconds):
            return await _while_it_stands(line, beginning)
    except TimeoutError:
        words = f"{shown} was reached, but did not begin a session within {seconds:g} s"
        await hang_up(line, words)
        raise NotBegun(words) from None
    except ConnectionLost as why:
        await hang_up(line, str(why))
        if line.connection.wire.unwanted:  # by TLS 1.3 it is told when the handshake is over here
            raise NotSecureEnough(str(why)) from None
        raise
    except BaseException as why:
        await hang_up(line, str(why) or type(why).__name__)
        raise


async def _while_it_stands(line: Line, beginning: Awaitable[T]) -> T:
    """It may wait for a thread, which knows nothing of the line."""
    begin = asyncio.ensure_future(beginning)
    try:
        first: list[asyncio.Future[Any]] = [begin, line.end]
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if not begin.done():
            await asyncio.wait([begin], timeout=0.1)  # it may be about to say why
        if not begin.done():
            raise ConnectionLost(line.connection.reason or "the connection was closed")
        return begin.result()
    finally:
        if begin.cancel():
            await asyncio.wait([begin])


async def hang_up(line: Line, why: str) -> None:
    """Say goodbye where the line stands; never wait long for one that is being left."""
    line.connection.close(line.now())
    line.flush()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            await line.gone()
            return
    line.abort(why)
