"""Tests that need a loop: run each in one of its own, and see that it leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, ParamSpec

import msrp_peer
from msrp_peer.terms.limits import Limits

P = ParamSpec("P")

LOCAL = "127.0.0.1:0"


def running(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a coroutine as a test. It fails, too, where a callback or a task nobody awaited did, or
    where a task is left."""

    @functools.wraps(test)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(_watched(test(*args, **kwargs)))
        gc.collect()  # so that what was not closed is found in the test that forgot it

    return wrapper


async def _watched(test: Coroutine[Any, Any, None]) -> None:
    problems: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    async with asyncio.timeout(30):
        await test
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, left
    assert not problems, problems


class Talk:
    """A handler that hands its session to the test, and keeps it until the test ends."""

    def __init__(self) -> None:
        self._met: asyncio.Queue[msrp_peer.Session] = asyncio.Queue()
        self._over = asyncio.Event()

    async def __call__(self, session: msrp_peer.Session) -> None:
        self._met.put_nowait(session)
        await self._over.wait()

    async def met(self) -> msrp_peer.Session:
        return await self._met.get()

    def over(self) -> None:
        self._over.set()


@contextlib.asynccontextmanager
async def meeting(
    *, limits: Limits | None = None, own_limits: Limits | None = None, tls: str = "anonymous", **more: Any
) -> AsyncIterator[tuple[msrp_peer.Session, msrp_peer.Session]]:
    """Two ends of one session over TLS on the loopback: the one that connected, and the other."""
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk, limits=limits, tls=tls, **more) as listener:
        async with msrp_peer.connect(f"127.0.0.1:{listener.port}", limits=own_limits, tls=tls) as session:
            yield session, await talk.met()
        talk.over()


async def first(session: msrp_peer.Session) -> msrp_peer.Message:
    """The next message of a session."""
    async for message in session:
        return message
    raise AssertionError("the session ended")


async def until(true: Callable[[], bool]) -> None:
    """Let the loop run until something is so; the test's own limit bounds it."""
    while not true():  # noqa: ASYNC110 - nothing rings for it
        await asyncio.sleep(0.001)


async def together(*work: Awaitable[Any]) -> list[Any]:
    return list(await asyncio.gather(*work))
