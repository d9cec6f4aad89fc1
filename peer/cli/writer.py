"""Writing to a pipe, a file or a terminal while the event loop goes on."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from typing import TextIO

__all__ = ["Through", "Writer"]

_ROOM = 256 * 1024
"""Octets that may wait; beyond it nothing more should be taken that leads to more of them."""
_AT_ONCE = 64 * 1024


class Writer:
    """A thread that writes, in order, what is put.

    Whoever reads a pipe slowly, or not at all, or stops a terminal with Ctrl-S, holds up that thread and
    nothing else. It writes to
    the file descriptor itself: a lock of Python's own streams could not be had while it waits, not
    even to end. Nobody waits for the thread.
    """

    def __init__(self, failed: Callable[[int, OSError], object]) -> None:
        """`failed` is called, in the event loop, with a descriptor that cannot be written to."""
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._pieces: deque[tuple[int, bytes]] = deque()
        self._held = 0
        self._changed = asyncio.Event()
        self._more = threading.Condition()
        threading.Thread(target=self._run, name="output", daemon=True).start()

    def put(self, descriptor: int, octets: bytes) -> None:
        """Have this written; from any thread."""
        with self._more:
            self._pieces.append((descriptor, octets))
            self._held += len(octets)
            self._more.notify()

    @property
    def behind(self) -> bool:
        """Whether so much waits that nothing should be put that can be left out."""
        return self._held >= _ROOM

    async def room(self) -> None:
        """Wait until less than the bound is waiting to be written."""
        await self._below(_ROOM)

    async def drained(self, seconds: float | None) -> None:
        """Wait until all of it is written, but no longer than that."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._below(1)

    async def _below(self, octets: int) -> None:
        while self._held >= octets:
            self._changed.clear()
            await self._changed.wait()

    def _run(self) -> None:
        while True:
            with self._more:
                while not self._pieces:
                    self._more.wait()
                descriptor, octets = self._pieces.popleft()
                while self._pieces and self._pieces[0][0] == descriptor and len(octets) < _AT_ONCE:
                    octets += self._pieces.popleft()[1]
            failure = _write(descriptor, octets)
            with self._more:
                self._held -= len(octets)
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                if failure is not None:
                    self._loop.call_soon_threadsafe(self._failed, descriptor, failure)
                self._loop.call_soon_threadsafe(self._changed.set)


class Through(io.TextIOBase):
    """A terminal's stream, for others that write to it; what they write goes through the thread."""

    def __init__(self, writer: Writer, stream: TextIO) -> None:
        self._writer = writer
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._writer.put(self.fileno(), text.encode(self.encoding, "backslashreplace"))
        return len(text)


def _write(descriptor: int, octets: bytes) -> OSError | None:
    rest = memoryview(octets)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:  # somebody else who uses the pipe has made it so
            select.select([], [descriptor], [])
        except OSError as error:
            return error
    return None
