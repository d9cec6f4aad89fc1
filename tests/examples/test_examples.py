"""Every example, run for real: processes of their own, talking over loopback."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

import msrp_peer

ROOT = Path(__file__).resolve().parents[2]
MSRP = Path(sysconfig.get_path("scripts")) / "msrp"
TRIED_HERE = {"bring_your_own_signalling.py", "echo.py", "send_file.py"}
TRIED_ELSEWHERE = {"trio_driver.py"}


@contextlib.contextmanager
def started(*command: str | Path, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that does not outlive the test. The folder of the sources is not its own."""
    environment = {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def example(name: str) -> tuple[str, Path]:
    return sys.executable, ROOT / "examples" / name


def line(process: subprocess.Popen[str]) -> str:
    """The next line it says; where it said nothing and ended, what it complained of."""
    assert process.stdout is not None
    said = process.stdout.readline()
    if not said and process.stderr is not None:
        pytest.fail(process.stderr.read())
    return said.strip()


def test_every_example_is_tried() -> None:
    assert {path.name for path in (ROOT / "examples").glob("*.py")} <= TRIED_HERE | TRIED_ELSEWHERE


def test_echo_answers_each_message_and_ends_at_ctrl_c(tmp_path: Path) -> None:
    async def talk(target: str) -> list[tuple[str, str]]:
        heard = []
        async with msrp_peer.connect(target) as session:
            answers = aiter(session)
            for text in ("one", "zwei", "3" * 100_000):
                await (await session.send(text)).delivered()
                message = await anext(answers)
                heard.append((message.content_type, await message.text()))
            with pytest.raises(msrp_peer.NotDelivered) as refused:
                await (await session.send("x", name="x.txt")).delivered()
            assert refused.value.status == 403
        return heard

    with started(*example("echo.py"), "127.0.0.1:0", cwd=tmp_path) as process:
        uri = line(process)
        assert re.fullmatch(r"msrps://127\.0\.0\.1:\d+;tcp", uri)
        kind = "text/plain;charset=utf-8"
        assert asyncio.run(talk(uri)) == [(kind, "one"), (kind, "zwei"), (kind, "3" * 100_000)]
        assert "nobody is proved" in line(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_send_file_delivers_to_the_command(tmp_path: Path) -> None:
    octets = os.urandom(3_000_001)
    (tmp_path / "noise.bin").write_bytes(octets)
    listen = "listen 127.0.0.1 --port 0 --once --json --out received --accept-files"
    with started(MSRP, *listen.split(), cwd=tmp_path) as listener:
        target = json.loads(line(listener))["uri"]
        with started(*example("send_file.py"), target, "noise.bin", cwd=tmp_path) as sender:
            said, _ = sender.communicate(timeout=60)
            assert sender.returncode == 0
            assert "nobody is proved" in said
            assert "delivered: 3000001 octets" in said
        rest, _ = listener.communicate(timeout=60)
        assert listener.returncode == 0
    events = [json.loads(one) for one in rest.splitlines()]
    file = next(event for event in events if event["event"] == "file")
    assert file["checked"] is True
    assert file["sha256"] == hashlib.sha256(octets).hexdigest()
    assert (tmp_path / "received" / "noise.bin").read_bytes() == octets


def test_send_file_says_in_a_sentence_why_not(tmp_path: Path) -> None:
    (tmp_path / "some").write_bytes(b"some")
    with socket.socket() as silent:  # bound, and not listening: nobody else has the port
        silent.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{silent.getsockname()[1]}"
        with started(*example("send_file.py"), target, "some", cwd=tmp_path) as sender:
            _, complaint = sender.communicate(timeout=60)
    assert sender.returncode == 1
    assert f"nobody can be reached at {target}" in complaint
    assert "Traceback" not in complaint


@pytest.mark.parametrize(("tls", "level"), [("anonymous", "passive-only"), ("none", "plaintext")])
def test_two_sides_bring_their_own_signalling(tls: str, level: str, tmp_path: Path) -> None:
    with started(*example("bring_your_own_signalling.py"), tls, cwd=tmp_path) as process:
        said, complaint = process.communicate(timeout=60)
    assert complaint == ""
    assert process.returncode == 0
    assert said.splitlines() == [
        f"Alice's line: {level}",
        "Alice says: Is it still on for tonight?",
        "Bob says: At eight. Bring the cards.",
    ]


def test_without_trio_its_example_says_what_it_needs() -> None:
    path = ROOT / "examples" / "trio_driver.py"
    code = f"import runpy, sys; sys.modules['trio'] = None; runpy.run_path({str(path)!r})"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "This example needs trio: pip install trio\n"
