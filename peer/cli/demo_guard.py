"""A folder of the demo's, and programs that run beside it, which are gone when it is: killed, too."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

__all__ = ["Guard", "guarded"]

_WATCH = Path(__file__).with_name("demo_watch.py")


class Guard:
    """What `guarded` gives.

    Attributes:
        folder: an empty folder, nobody else's.
    """

    def __init__(self, folder: Path, watch: Process) -> None:
        self.folder = folder
        self._watch = watch
        self._programs = 0

    async def run(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a program. One may be run."""
        assert self._watch.stdin is not None
        self._watch.stdin.write(json.dumps([list(command), dict(environment)]).encode() + b"\n")
        await self._watch.stdin.drain()

    async def ended(self) -> None:
        """Wait until the program has ended by itself."""
        assert self._watch.stdout is not None
        await self._watch.stdout.readline()

    async def end(self) -> None:
        """End the program, and wait until it and the folder are gone."""
        assert self._watch.stdin is not None
        with contextlib.suppress(OSError):
            self._watch.stdin.close()
        await self._watch.wait()


@asynccontextmanager
async def guarded(prefix: str) -> AsyncIterator[Guard]:
    """A folder whose name begins so, and what is run in it, for as long as the ``async with`` lasts, or
    this process: however that ends. Raises OSError."""
    # Its own removing is for the case that the watch was killed.
    with tempfile.TemporaryDirectory(prefix=prefix) as folder:
        # A session of its own: neither Ctrl-C nor a terminal that is closed is for it.
        watch = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_WATCH), folder),
            stdin=PIPE,
            stdout=PIPE,
            start_new_session=True,
        )
        guard = Guard(Path(folder), watch)
        try:
            yield guard
        finally:
            await asyncio.shield(guard.end())
