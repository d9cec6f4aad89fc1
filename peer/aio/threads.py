"""What may block, in a thread of its own, and for so long and no longer.

For steps that ask elsewhere (a KDC) or derive keys: `msrp_sasl.Properties.may_block`. `asyncio.to_thread`
will not do for them: its few threads serve files, too, and a program that ends waits for all of them.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ["Threads"]

T = TypeVar("T")


def _nothing() -> None:
    pass


class Threads:
    """Some threads, for all connections of a listener.

    A call that nobody waits for any more cannot be stopped; it keeps its place until it ends,
    so that there are never more threads than places.
    """

    def __init__(self, places: int = 16) -> None:
        self._free = asyncio.Semaphore(places)

    async def run(self, call: Callable[[], T], seconds: float, late: Callable[[], object] = _nothing) -> T:
        """Run it in a thread; returns what it returns, raises what it raises.

        Raises `TimeoutError` after so many seconds, waiting for a place included. Then, and where
        the waiter is cancelled, what it was run on must not be touched before it has ended: `late`
        is called then, to clean up (`SASLClient.abort`, say).
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(seconds):
            await self._free.acquire()
            done: asyncio.Future[T] = loop.create_future()

            def ended(result: T | None, error: BaseException | None) -> None:
                self._free.release()
                if done.done():
                    late()
                elif error is not None:
                    done.set_exception(error)
                else:
                    done.set_result(result)  # type: ignore[arg-type]  # it is a T without an error

            def work() -> None:
                result, error = None, None
                try:
                    result = call()
                except BaseException as raised:
                    error = raised
                try:
                    loop.call_soon_threadsafe(ended, result, error)
                except RuntimeError:  # the loop is closed, and nobody waits
                    late()

            # A daemon: the end of the program does not wait for a KDC.
            thread = threading.Thread(target=work, name="msrp-blocking", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                self._free.release()
                raise
            try:
                return await done
            except asyncio.CancelledError:
                if not done.cancelled():  # it ended just now, and nobody will hear of it
                    done.exception()
                    late()
                raise
