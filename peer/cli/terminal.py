"""Standard input, line by line, while the event loop goes on; and questions on a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading

from .output import Output, is_terminal

__all__ = ["TEXT_LIMIT", "Lines", "Questions", "can_ask", "flush_typed"]

TEXT_LIMIT = 1 << 20
"""Octets of one message of text that is typed, piped or shown; more is a file."""

_AHEAD = 64  # lines read before anybody wants them


def can_ask() -> bool:
    """Whether somebody can be asked: questions go to stderr, answers come from stdin."""
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def flush_typed() -> None:
    """Drop what was typed on the terminal and is not read yet."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import termios

        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)


class Lines:
    """The lines of standard input, without their ends.

    A thread reads them that nobody waits for: a read from a terminal cannot be called off, and
    must not keep the command from ending. It reads the file descriptor itself: Python's own
    stream would be locked at the end of the interpreter.
    """

    def __init__(self) -> None:
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._room = threading.Semaphore(_AHEAD)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over = False

    async def next(self) -> str | None:
        """The next line; None at the end, and ever after."""
        self._start()
        if self._over and self._lines.empty():
            return None
        line = await self._lines.get()
        self._room.release()
        if line is None:
            self._over = True
        return line

    def forget(self) -> None:
        """Drop what was typed and not asked for."""
        flush_typed()
        while not self._lines.empty():
            self._room.release()
            if self._lines.get_nowait() is None:
                self._over = True

    def _start(self) -> None:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            threading.Thread(target=self._read, name="stdin", daemon=True).start()

    def _read(self) -> None:
        pending = b""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            descriptor = sys.stdin.fileno()
            while block := os.read(descriptor, 65536):
                *lines, pending = (pending + block).split(b"\n")
                if len(pending) > TEXT_LIMIT:
                    lines.append(pending)
                    pending = b""
                for line in lines:
                    self._put(line.decode("utf-8", "replace").removesuffix("\r"))
        if pending:
            self._put(pending.decode("utf-8", "replace"))
        self._put(None)

    def _put(self, line: str | None) -> None:
        self._room.acquire()
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody reads any more
                self._loop.call_soon_threadsafe(self._lines.put_nowait, line)


class Questions:
    """Questions on a terminal: on stderr, answered by a line of stdin, one at a time."""

    def __init__(self, lines: Lines, output: Output) -> None:
        self._lines = lines
        self._output = output
        self._turn = asyncio.Lock()

    async def ask(self, question: str) -> bool:
        """Whether the answer is yes; whatever is not yes is no."""
        async with self._turn:
            self._lines.forget()  # what was typed before the question is no answer to it
            with self._output.question(f"{question} [y/N] ") as answered:
                line = await self._lines.next()
                if line is not None:
                    answered()
            return means_yes(line or "")


def means_yes(answer: str) -> bool:
    return answer.strip().lower() in ("y", "yes")
