"""Running a command in an event loop: its interruption, its logging, and errors nobody awaits."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ..terms.display import escape
from .exits import Exit
from .output import Output

__all__ = ["run"]

_LAST = 1.0  # seconds for the last words, where somebody wants to end and nobody reads


def run(
    command: Callable[[], Coroutine[Any, Any, Exit]],
    output: Output,
    verbose: int = 0,
    trace: Path | None = None,
) -> Exit:
    """Run a command's coroutine to its end and return its exit code; meanwhile `trace` is written.

    Ctrl-C and SIGTERM cancel it, so that sessions are closed and files kept; a second Ctrl-C
    does not wait for that. So does the end of whoever reads stdout.
    """
    _logging(verbose, output)
    return asyncio.run(_watched(_traced(command, output, trace), output))


def _traced(
    command: Callable[[], Coroutine[Any, Any, Exit]], output: Output, path: Path | None
) -> Callable[[], Coroutine[Any, Any, Exit]]:
    """The same command, with its frames written down."""
    if path is None:
        return command

    async def traced() -> Exit:
        from ..aio.taps import watching
        from .trace import Trace

        loop = asyncio.get_running_loop()

        def ended(why: OSError) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits for it any more
                loop.call_soon_threadsafe(output.error, why, "the trace ends here, the session goes on")

        trace = Trace(path, ended)
        try:
            with watching(trace):
                return await command()
        finally:
            await asyncio.to_thread(trace.close)

    return traced


class _Executor(ThreadPoolExecutor):
    """Threads for what blocks. The end of the loop does not wait for one that was called off: a name
    being looked up, a long file being hashed."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait=False, cancel_futures=True)


async def _watched(command: Callable[[], Coroutine[Any, Any, Exit]], output: Output) -> Exit:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        if task is not None:
            task.cancel()

    def unexpected(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if os.environ.get("MSRP_DEBUG") == "1":
            loop.default_exception_handler(context)
        output.bug(context.get("exception") or RuntimeError(context["message"]))

    loop.set_default_executor(_Executor(thread_name_prefix="msrp"))
    loop.set_exception_handler(unexpected)
    output.on_gone = stop
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is None or signal.getsignal(number) is signal.SIG_IGN:
            continue  # nohup means it
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop)
    output.start()
    try:
        try:
            return await command()
        finally:
            # However long: it is what was asked for. Ctrl-C ends the wait, too.
            await output.finish(_LAST if task is not None and task.cancelling() else None)
    except asyncio.CancelledError:
        await output.finish(_LAST)
        if not stopped:
            raise  # Ctrl-C: asyncio.run turns it into KeyboardInterrupt
        return Exit.FAILED if output.gone else Exit.INTERRUPTED
    finally:
        output.on_gone = None


def _logging(verbose: int, output: Output) -> None:
    root = logging.getLogger()
    if not verbose:
        # Without a handler Python would print what libraries warn of.
        root.addHandler(logging.NullHandler())
        return
    handler = _Said(output)
    handler.setFormatter(_Escaping("%(asctime)s %(name)s %(levelname)s: %(message)s"))
    root.addHandler(handler)
    root.setLevel(logging.INFO if verbose == 1 else logging.DEBUG)


class _Said(logging.Handler):
    """Writes where the command speaks: a prompt may stand in front of the terminal."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        self._output.log(self.format(record))


class _Escaping(logging.Formatter):
    """Whatever of the other side gets into the log, the terminal does not obey it."""

    def format(self, record: logging.LogRecord) -> str:
        return escape(super().format(record), 100_000, lines=True)
