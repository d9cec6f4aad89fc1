"""Whoever reads what `msrp` says slowly, or not at all, holds up nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

import msrp_peer
from cli.programs import MSRP, PATIENCE, Open, Start, wait_until
from msrp_peer.cli.output import Output
from msrp_peer.cli.progress import Bars

LONG = "x" * 60_000
MANY = 12  # of them are more than a pipe and the bound take


class Blocked:
    """``msrp listen``, whose output is a pipe that is read when it is asked for."""

    def __init__(self, *arguments: str, errors: int = subprocess.PIPE) -> None:
        self._pipe, end = os.pipe()
        command = [MSRP, "listen", "127.0.0.1", "--port", "0", "--json", *arguments]
        self.process = subprocess.Popen(command, stdout=end, stderr=errors, stdin=subprocess.DEVNULL)
        os.close(end)
        self._rest = b""
        self.target = f"127.0.0.1:{self.event()['port']}"

    def event(self) -> dict[str, object]:
        while b"\n" not in self._rest:
            octets = os.read(self._pipe, 65536)
            assert octets, "it ended"
            self._rest += octets
        line, _, self._rest = self._rest.partition(b"\n")
        found: dict[str, object] = json.loads(line)
        return found

    def rest(self) -> list[dict[str, object]]:
        while octets := os.read(self._pipe, 65536):
            self._rest += octets
        return [json.loads(line) for line in self._rest.splitlines()]

    def close(self) -> None:
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1

    def stop(self) -> None:
        self.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()


@pytest.fixture
def blocked() -> Iterator[list[Blocked]]:
    started: list[Blocked] = []
    yield started
    for one in started:
        one.stop()


async def say_much(target: str) -> None:
    """More than is taken; what has arrived is answered, whether somebody reads or not."""
    async with msrp_peer.connect(target) as session:
        for number in range(MANY):
            sent = await session.send(f"{number} {LONG}")
            await sent.delivered()


async def sessions_go_on(target: str) -> None:
    await say_much(target)
    async with asyncio.timeout(PATIENCE), msrp_peer.connect(target) as another:
        await (await another.send("hello")).delivered()


def test_sessions_go_on_and_nothing_is_lost(blocked: list[Blocked]) -> None:
    one = Blocked()
    blocked.append(one)
    asyncio.run(sessions_go_on(one.target))
    texts = []
    while len(texts) <= MANY:
        event = one.event()
        if event["event"] == "message":
            texts.append(str(event["text"]))
    assert "hello" in texts
    assert [text for text in texts if text != "hello"] == [f"{number} {LONG}" for number in range(MANY)]


def test_what_is_read_late_holds_back_who_speaks(blocked: list[Blocked]) -> None:
    """A message is not taken, and not reported as read, before there is room for its words."""
    one = Blocked()
    blocked.append(one)

    async def speak() -> None:
        async with msrp_peer.connect(one.target) as session:
            sent = [await session.send(f"{number} {LONG}", success_report=True) for number in range(MANY)]
            await sent[0].delivered()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await sent[-1].delivered()
            while (await asyncio.to_thread(one.event))["event"] != "message":
                pass
            reading = asyncio.create_task(asyncio.to_thread(all_of_them, one))
            await sent[-1].delivered()
            await reading

    asyncio.run(speak())


def all_of_them(one: Blocked) -> None:
    for _ in range(MANY - 1):
        assert one.event()["event"] == "message"


def test_ctrl_c_works(blocked: list[Blocked]) -> None:
    one = Blocked()
    blocked.append(one)
    asyncio.run(say_much(one.target))
    one.process.send_signal(signal.SIGINT)
    assert one.process.wait(PATIENCE) == 130
    assert one.process.stderr is not None
    assert one.process.stderr.read() == b""


def test_all_of_it_is_written_before_the_end(blocked: list[Blocked]) -> None:
    one = Blocked("--once")
    blocked.append(one)
    asyncio.run(say_much(one.target))
    events = one.rest()
    assert [event["event"] for event in events] == ["session", *["message"] * MANY, "closed"]
    assert one.process.wait(PATIENCE) == 0


def test_a_pipe_nobody_reads_any_more_ends_it(blocked: list[Blocked]) -> None:
    one = Blocked()
    blocked.append(one)
    asyncio.run(say_much(one.target))
    one.close()
    assert one.process.wait(PATIENCE) == 1
    assert one.process.stderr is not None
    assert one.process.stderr.read() == b""


def test_a_full_disk_is_told() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [MSRP, "listen", "127.0.0.1", "--port", "0"],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
            text=True,
        )
    assert done.returncode == 1
    assert "msrp: standard output: No space left on device\n" in done.stderr


# -- a terminal that is stopped with Ctrl-S


def test_a_stopped_terminal_stops_no_session(msrp: Start, terminal: Open) -> None:
    listener = terminal("listen", "127.0.0.1", "--port", "0")
    target = listener.wait_for(r"127\.0\.0\.1:\d+")
    listener.wait_for("Ctrl-C ends")
    listener.key("s")
    assert msrp("send", target, "while nothing is shown").wait() == 0
    listener.key("q")
    listener.wait_for("while nothing is shown")
    listener.key("c")
    assert listener.wait() == 130


def test_a_stopped_terminal_stops_no_chat(msrp: Start, terminal: Open) -> None:
    """A prompt has no use for Ctrl-S as that."""
    waiting = terminal("chat", "--listen", "127.0.0.1", "--port", "0")
    target = waiting.wait_for(r"127\.0\.0\.1:\d+")
    waiting.wait_for(r"\x1b\[\?2004h.*>")  # the prompt
    waiting.key("s")
    assert msrp("send", target, "all the same").wait() == 0
    waiting.wait_for("all the same")


def test_a_stopped_terminal_stops_no_file(msrp: Start, terminal: Open, tmp_path: Path) -> None:
    """Nor the bar that is drawn of it."""
    listener = terminal("listen", "127.0.0.1", "--port", "0", "--out", str(tmp_path / "in"), "--accept-files")
    target = listener.wait_for(r"127\.0\.0\.1:\d+")
    listener.wait_for("Ctrl-C ends")
    file = tmp_path / "large"
    with file.open("wb") as sparse:
        sparse.truncate(100 << 20)
    sender = msrp("send", target, "--file", file)
    listener.wait_for(r"large .*\d+%|large.*MB")  # the bar
    listener.key("s")
    assert sender.wait(60) == 0, sender.errors
    assert msrp("send", target, "and a word").wait() == 0
    listener.key("q")
    listener.wait_for("large.*is now")
    listener.wait_for("and a word")


def test_questions_and_words_keep_their_order_on_a_terminal(
    msrp: Start, terminal: Open, tmp_path: Path
) -> None:
    listener = terminal("listen", "127.0.0.1", "--port", "0", "--out", str(tmp_path / "in"))
    target = listener.wait_for(r"127\.0\.0\.1:\d+")
    file = tmp_path / "file"
    file.write_bytes(b"x")
    sender = msrp("send", target, "--file", file)
    listener.wait_for(r"Take it\? \[y/N\] ")
    assert msrp("send", target, "meanwhile").wait() == 0
    listener.wait_for(r"meanwhile\r\n.*has left\r\n.*Take it\? \[y/N\] $")
    listener.type("y")
    assert sender.wait() == 0
    listener.wait_for("is now")


def test_nothing_is_drawn_while_the_terminal_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar changes ten times a second, for as long as nobody reads it."""
    master, slave = os.openpty()
    with os.fdopen(slave, "w") as terminal:
        for name in ("stderr", "__stderr__"):
            monkeypatch.setattr(sys, name, terminal)
        monkeypatch.setenv("TERM", "xterm")

        async def run() -> list[bool]:
            output = Output()
            output.start()
            bars = Bars(shown=True, output=output)
            drawn = []

            def is_behind(expected: bool) -> bool:
                return output.behind is expected

            with bars.bar("file") as report:
                assert bars._progress is not None
                for step, behind in enumerate((False, True, False)):
                    if behind:
                        output.note("x" * 400_000)
                    elif step:
                        reading = asyncio.create_task(asyncio.to_thread(read))
                    await asyncio.to_thread(wait_until, partial(is_behind, behind))
                    report(step, 10)
                    drawn.append(bars._progress.live.is_started)
            await output.finish()
            os.write(slave, b"the end")
            await reading
            return drawn

        def read() -> None:
            heard = b""
            while b"the end" not in heard[-100:]:
                heard += os.read(master, 65536)

        assert asyncio.run(run()) == [True, False, True]
    os.close(master)
