"""The processes of the hostile soak: started, killed, frozen and told to stop, each in its namespace."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

from hostile_ends import Orders
from soak_line import inside

__all__ = ["Process"]

HERE = Path(__file__).parent


class Process:
    """One of them, run after run.

    Attributes:
        mortal: whether it is killed now and then.
        deaths: when each run was killed; None where it was not.
        ended: what it said where it ended by itself.
    """

    def __init__(
        self,
        name: str,
        namespace: str,
        script: tuple[str, ...],
        orders: Orders,
        environment: dict[str, str],
        folder: Path,
        *,
        mortal: bool = False,
    ) -> None:
        self.name = name
        self.namespace = namespace
        self.mortal = mortal
        self.deaths: dict[str, float | None] = {}
        self.ended: list[str] = []
        self._script = script
        self._orders = orders
        self._environment = environment
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._run = ""
        self._stopping = False

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def hub(self) -> bool:
        return self._script[-1] == "hub"

    @property
    def alive(self) -> bool:
        """Whether it runs; where it does not, and nobody killed it, that is written down."""
        process = self._process
        if process is None or process.poll() is None:
            return process is not None
        if self.deaths[self._run] is None and (process.returncode or not self._stopping):
            self.ended.append(f"{self._run} ended by itself, code {process.returncode}: {self._errors()}")
        self._process = None
        return False

    def start(self) -> None:
        self._run = f"{self.name}.{len(self.deaths)}"
        self.deaths[self._run] = None
        path = self._folder / self._run
        with path.with_name(path.name + ".errors").open("w") as errors:
            # A session of its own: Ctrl-C is for the supervisor alone.
            self._process = subprocess.Popen(
                [*inside(self.namespace), sys.executable, "-P", HERE / self._script[0], *self._script[1:]],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=self._environment,
                start_new_session=True,
            )
        self._tell(Orders(**{**vars(self._orders), "ledger": str(path)}).text())

    def ready(self) -> None:
        """Wait until it listens, or is about to connect."""
        if self._process is not None:
            assert self._process.stdout is not None
            self._process.stdout.readline()

    def _tell(self, line: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def stop(self, word: str = "stop") -> None:
        self._stopping = True
        if self.alive:
            self._tell(word)

    def wait(self, seconds: float) -> None:
        """Until it has ended, or so long; then it is killed, and that is wrong."""
        if not self.alive:
            return
        assert self._process is not None
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.ended.append(f"{self._run} does not end: {self._errors()}")
            self._process.kill()
            self._process.wait()
            self._process = None
            return
        assert not self.alive

    def kill(self) -> None:
        if self.alive:
            assert self._process is not None
            self.deaths[self._run] = time.monotonic()
            self._process.kill()
            self._process.wait()
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        if self.alive:
            assert self._process is not None
            self._process.send_signal(number)

    def _errors(self) -> str:
        text = (self._folder / f"{self._run}.errors").read_text(errors="backslashreplace").strip()
        return text[-2000:] or "it said nothing"
