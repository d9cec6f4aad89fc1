"""Runs the installed command as people do: as a process, with pipes or on a terminal."""

from __future__ import annotations

import json
import os
import re
import selectors
import signal
import subprocess
import sysconfig
import tempfile
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import pexpect

from msrp_peer.credentials.verifiers import VerifierStore, usual_path
from msrp_sasl import Hash
from msrp_sasl.verifier import ITERATIONS, LEAST_ITERATIONS

MSRP = str(Path(sysconfig.get_path("scripts")) / "msrp")
PATIENCE = 20.0


def wait_until(condition: Callable[[], object], patience: float = PATIENCE) -> None:
    """For what nobody prints: look again until it is so."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


class Program:
    """``msrp`` with pipes. No threads: what it says is read when it is waited for."""

    def __init__(
        self, *arguments: str | Path, stdin: int | None = subprocess.DEVNULL, inside: Sequence[str] = ()
    ) -> None:
        """`inside`: the words before the command, where it is to run elsewhere."""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `stop`
        self.process = subprocess.Popen(
            [*inside, MSRP, *map(str, arguments)],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        )
        self.output = ""
        self._seen = 0
        assert self.process.stdout is not None
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.process.stdout, selectors.EVENT_READ)

    @property
    def errors(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode()

    def wait_for(self, pattern: str, patience: float = PATIENCE) -> re.Match[str]:
        """Until this appears on stdout, behind what was waited for before."""
        deadline = time.monotonic() + patience
        while (found := re.compile(pattern, re.M).search(self.output, self._seen)) is None:
            assert self._read(deadline), f"no {pattern!r}\nstdout: {self.output}\nstderr: {self.errors}"
        self._seen = found.end()
        return found

    def event(self, name: str) -> dict[str, Any]:
        """The next JSON event of that name."""
        found: dict[str, Any] = json.loads(self.wait_for(rf'^\{{"event": "{name}".*\}}$').group())
        return found

    def wait(self, patience: float = PATIENCE) -> int:
        """Until it ends; its exit code. Nothing it said is a traceback."""
        deadline = time.monotonic() + patience
        while self._read(deadline):
            pass
        code = self.process.wait(max(deadline - time.monotonic(), 0.1))
        assert "Traceback" not in self.errors + self.output, self.errors + self.output
        return code

    def interrupt(self) -> float:
        """Ctrl-C; the seconds until it has ended, with 130."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        assert self.wait() == 130, self.errors
        return time.monotonic() - began

    def write(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        self.process.wait()
        self._errors.close()
        self._selector.close()

    def _read(self, deadline: float) -> bool:
        """Take what came; False at the end of stdout or at the deadline."""
        assert self.process.stdout is not None
        if not self._selector.select(max(deadline - time.monotonic(), 0)):
            return False
        octets = os.read(self.process.stdout.fileno(), 65536)
        self.output += octets.decode("utf-8", "replace")
        return bool(octets)


class Terminal:
    """``msrp`` on a terminal of its own."""

    def __init__(self, *arguments: str | Path, cwd: Path | None = None, columns: int = 200) -> None:
        self.child = pexpect.spawn(
            MSRP,
            [str(argument) for argument in arguments],
            timeout=PATIENCE,
            encoding="utf-8",
            codec_errors="replace",
            dimensions=(50, columns),
            # Before it begins, too: theirs may come when it has looked already.
            preexec_fn=lambda: termios.tcsetwinsize(0, (50, columns)),
            cwd=None if cwd is None else str(cwd),
            # The size is the terminal's own, not what a shell or a test runner remembers of another.
            env={
                **{name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")},
                "TERM": "xterm",
                "PROMPT_TOOLKIT_NO_CPR": "1",
            },
        )
        self.child.delaybeforesend = None
        self.child.delayafterclose = self.child.ptyproc.delayafterclose = 0
        self.seen = ""

    def wait_for(self, pattern: str) -> str:
        self.child.expect(pattern)
        self.seen += self.child.before + self.child.after
        return str(self.child.match.group())

    def type(self, line: str) -> None:
        # A terminal in raw mode wants what the key sends.
        self.child.send(f"{line}\r")

    def key(self, letter: str) -> None:
        """A letter with Ctrl held down."""
        self.child.sendcontrol(letter)

    def wait(self) -> int:
        self.child.expect(pexpect.EOF)
        self.seen += self.child.before
        self.child.close()
        assert "Traceback" not in self.seen, self.seen
        return int(self.child.exitstatus if self.child.exitstatus is not None else -1)

    def wait_and_look_at_echo(self) -> tuple[int, bool]:
        """Until it ends; its exit code, and whether the terminal it leaves shows what is typed."""
        self.child.expect(pexpect.EOF)
        self.seen += self.child.before
        shows = bool(self.child.getecho())
        self.child.close()
        return int(self.child.exitstatus if self.child.exitstatus is not None else -1), shows

    def stop(self) -> None:
        if self.child.isalive():
            self.child.kill(signal.SIGKILL)
            self.child.wait()
        self.child.close()


class Start(Protocol):
    def __call__(self, *arguments: str | Path, stdin: int | None = ...) -> Program: ...


class Open(Protocol):
    def __call__(self, *arguments: str | Path, cwd: Path | None = ..., columns: int = ...) -> Terminal: ...


class Listening(Protocol):
    def __call__(self, *arguments: str | Path) -> tuple[Program, str]: ...


AT = ("--at", "127.0.0.1:0")
"""Where `msrp offer` and `msrp answer` wait in tests."""


FEW: dict[Hash, int] = dict.fromkeys(ITERATIONS, LEAST_ITERATIONS)
"""Iterations of SCRAM where their number is not the point: those of a new store stay its own."""


def generated(msrp: Start, initiator: str, acceptor: str, *options: str) -> str:
    """The password that the acceptor has made for the initiator; in a store that is quick."""
    VerifierStore(usual_path(), iterations=FEW)
    made = msrp("passwd", "--from", initiator, "--for", acceptor, "--generate", "--json", *options)
    assert made.wait() == 0, made.errors
    return str(made.event("kept")["secret"])


def printed(source: Program) -> str:
    """The text that is printed next to be pasted: an offer, or an answer."""
    return source.wait_for(r"(?s)^v=0\n.*?\n\n").group()


def carry(source: Program, target: Program) -> str:
    """Read a text where it is printed and paste it where it is waited for."""
    text = printed(source)
    target.write(text)
    return text


def exchanged(
    msrp: Start, offer: Sequence[str | Path], answer: Sequence[str | Path]
) -> tuple[Program, Program, str, str]:
    """``msrp offer`` and ``msrp answer`` with these options, and both texts."""
    one = msrp("offer", *AT, *offer, stdin=subprocess.PIPE)
    other = msrp("answer", *AT, *answer, stdin=subprocess.PIPE)
    return one, other, carry(one, other), carry(other, one)
