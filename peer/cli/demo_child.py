"""Bob's process, seen from Alice's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..terms.errors import MsrpError
from .demo_authority import Papers
from .output import reason

__all__ = ["Child"]

_PATIENCE = 2.0  # seconds for a process that was told to end


class Child:
    """The same installed program once more, as ``demo-peer``; ends with the ``async with``."""

    def __init__(
        self,
        inbox: Path,
        tls: str,
        interface: str,
        auth: str = "none",
        *,
        password: str | None = None,
        ticket: str | None = None,
    ) -> None:
        """Alice has to log in as `auth` says: with `password`, or as he has a Kerberos `ticket` in the
        credential cache of that name."""
        self._options = ["--out", str(inbox), "--tls", tls, "--interface", interface, "--auth", auth]
        self._password = password
        self._ticket = ticket
        self.papers: Papers | None = None
        """What he shows, and whom he believes, where alice is to show a certificate."""
        self._process: Process | None = None
        self._events: deque[dict[str, Any]] = deque()

    @property
    def process(self) -> int:
        """Its number."""
        return self._process.pid if self._process else 0

    async def __aenter__(self) -> Self:
        # -P: the installed package, whatever lies in the folder we were started in.
        command = [sys.executable, "-P", "-m", "msrp_peer.cli.main", "demo-peer", *self._options]
        command += [] if self.papers is None else self.papers.options
        environment = {**os.environ, "PYTHONSAFEPATH": "1"}
        if self._ticket is not None:
            environment["KRB5CCNAME"] = self._ticket
        self._process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, env=environment
        )
        if self._password is not None and self._process.stdin is not None:
            # Not by an argument or the environment, where others can read it.
            self._process.stdin.write(f"{self._password}\n".encode())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._process
        if process is None:
            return
        try:
            await self.end()  # orderly, so that his announcement is taken back
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    async def event(self, name: str) -> dict[str, Any]:
        """The next event of that name. Raises MsrpError where it failed or ended before."""
        for known in self._events:
            if known["event"] == name:
                self._events.remove(known)
                return known
        while (found := await self._next()) is not None:
            if found["event"] == name:
                return found
            if found["event"] == "error":
                raise MsrpError(f"bob failed: {found['message']}")
            self._events.append(found)
        raise MsrpError("bob's process ended")

    async def end(self) -> int | None:
        """Let it end, by the end of its standard input; its exit code, None where it does not."""
        process = self._process
        if process is None or process.stdin is None:
            return None
        process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                return await process.wait()
        return None

    async def _next(self) -> dict[str, Any] | None:
        if self._process is None or self._process.stdout is None:
            return None
        line = await self._process.stdout.readline()
        if not line:
            return None
        try:
            found = json.loads(line)
        except ValueError as error:
            raise MsrpError(f"bob said something odd: {reason(error)}") from None
        return found if isinstance(found, dict) else None
