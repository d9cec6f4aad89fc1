"""`--trace FILE`: every frame, without what is secret; and it ends before a session does."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

import msrp_peer
from cli.programs import Listening, Program, Start
from msrp_peer.aio.taps import watching
from msrp_peer.cli.trace import Trace
from msrp_peer.terms.errors import UsageError
from support.people import ALICE, BOB, SECRET, known
from support.running import LOCAL, Talk, meeting, running
from support.tapped import Tapped

BODY = "Nobody else may read that."


def traced(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def frames(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if line["event"] in ("request", "response")]


def test_both_ends_tell_the_same_frames(listening: Listening, msrp: Start, tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    file = tmp_path / "a secret name.txt"
    file.write_text(BODY * 10_000)
    bob, target = listening(
        "--trace", there, "--once", "--out", tmp_path / "in", "--accept-files", "--as", BOB
    )
    alice = msrp(
        "send", target, BODY, "--file", tmp_path / "a secret name.txt", "--trace", here, "--as", ALICE
    )
    assert alice.wait() == 0, alice.errors
    assert bob.wait() == 0, bob.errors
    theirs, ours = traced(there), traced(here)
    for lines in (theirs, ours):
        assert lines[0]["event"] == "line"
        assert (lines[-1]["event"], lines[-1]["reason"]) == ("gone", None)
        assert len({line["connection"] for line in lines}) == 1
        assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    assert ours[0]["address"] == target
    told = ("event", "transaction_id", "method", "status", "headers", "body", "flag")
    for way, other in (("in", "out"), ("out", "in")):
        heard, said = (
            [{key: line.get(key) for key in told} for line in frames(lines) if line["direction"] == each]
            for lines, each in ((theirs, way), (ours, other))
        )
        assert heard == said
        assert heard
    sizes = [line["body"] for line in frames(ours) if line["direction"] == "out" and line["method"] == "SEND"]
    assert sum(size or 0 for size in sizes) == len(BODY) * 10_001
    for path in (here, there):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        for secret in (BODY, "a secret name", "in between"):
            assert secret not in path.read_text()


def check(tap: Tapped, *texts: str, more: tuple[str, ...] = ()) -> None:
    secrets = tap.secrets()
    assert len(secrets) >= 2
    for text in texts:
        for secret in (*secrets, *more):
            assert secret not in text, secret


def start(*arguments: str | Path, stdin: str | None = None) -> Program:
    """`msrp` with what it logs at its loudest, beside the loop of this test."""
    program = Program(*arguments, "-vv", stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE)
    if stdin is not None:
        program.write(stdin)
    return program


async def ended(program: Program) -> str:
    """What it said, on both streams."""
    try:
        assert await asyncio.to_thread(program.wait) == 0, program.errors
        return program.errors
    finally:
        program.stop()


@running
async def test_no_secret_of_a_login_is_in_a_trace_or_a_log_of_who_connects(tmp_path: Path) -> None:
    tap, talk = Tapped(), Talk()
    with watching(tap):
        async with msrp_peer.listen(LOCAL, talk, me=BOB, verifiers=known(), expect=ALICE) as listener:
            target = f"127.0.0.1:{listener.port}"
            program = start(
                "send", target, BODY, "--as", ALICE, "--expect", BOB, "--password-stdin",
                "--trace", tmp_path / "trace", stdin=f"{SECRET}\n",
            )  # fmt: skip
            session = await talk.met()
            async for message in session:
                assert await message.text() == BODY
            errors = await ended(program)
            talk.over()
    trace = (tmp_path / "trace").read_text()
    values = {value for line in frames(traced(tmp_path / "trace")) for _, value in line["headers"]}
    assert {"SASL c2s=…", "SASL s2c=…"} <= values
    check(tap, trace, errors, more=(SECRET, BODY))


@running
async def test_no_secret_of_a_comparison_is_in_a_trace_or_a_log(tmp_path: Path) -> None:
    tap, talk = Tapped(), Talk()
    with watching(tap):
        async with msrp_peer.listen(LOCAL, talk, me=BOB) as listener:
            target = f"127.0.0.1:{listener.port}"
            program = start("verify", target, "--trace", tmp_path / "trace", stdin="yes\n")
            session = await talk.met()
            comparison = await session.asked_to_compare()
            await comparison.confirm()
            await comparison.agreed()
            errors = await ended(program)
            talk.over()
    trace = (tmp_path / "trace").read_text()
    values = {value for line in frames(traced(tmp_path / "trace")) for _, value in line["headers"]}
    assert {"SAS commit=…", "SAS nonce=…", "SAS reveal=…", 'SAS result="same"'} <= values
    check(tap, trace, errors, more=(" ".join(comparison.words), comparison.digits))


@running
async def test_no_secret_is_in_a_trace_or_a_log_of_who_listens(tmp_path: Path) -> None:
    tap = Tapped()
    program = start("listen", "127.0.0.1", "--port", "0", "--once", "--trace", tmp_path / "trace")
    with watching(tap):
        target = (await asyncio.to_thread(program.wait_for, r"127\.0\.0\.1:\d+")).group()
        async with msrp_peer.connect(target, me=ALICE) as session:
            await (await session.send(BODY)).delivered()
            await asyncio.to_thread(program.wait_for, BODY)
        errors = await ended(program)
    check(tap, (tmp_path / "trace").read_text(), errors, more=(BODY,))


@running
async def test_a_tap_hears_every_octet_once(tmp_path: Path) -> None:
    """Also what the core takes by itself, and what comes behind success, where a layer may begin."""
    tap, body = Tapped(), os.urandom(300_000)
    with watching(tap):
        async with meeting() as (near, far):
            for _ in range(50):
                await near.send("short")
            sent = await near.send(body)
            async for message in far:
                if await message.read() == body:
                    break
            await sent.delivered()
    first, second = tap.lines
    for one, other in ((first, second), (second, first)):
        assert one.there == other.back


# -- files that cannot be had, or not go on


def test_a_full_disk_ends_the_trace_and_not_the_session(
    listening: Listening, msrp: Start, tmp_path: Path
) -> None:
    """Bounded by the system (RLIMIT_FSIZE), as a full disk would."""
    prlimit = shutil.which("prlimit")
    assert prlimit is not None, "it is a part of util-linux"
    bob, target = listening()
    alice = msrp("send", target, BODY, "--trace", tmp_path / "trace", inside=[prlimit, "--fsize=900"])
    assert alice.wait() == 0, alice.errors
    assert "the trace ends here, the session goes on: File too large" in alice.errors
    assert alice.output.splitlines()[-1].startswith("Delivered")
    assert (tmp_path / "trace").stat().st_size <= 900
    assert bob.interrupt() < 5


def test_a_trace_goes_on_where_one_is(listening: Listening, msrp: Start, tmp_path: Path) -> None:
    path = tmp_path / "trace"
    before = '{"time": "2000-01-01T00:00:00.000000Z", "event": "gone"}\n'
    path.write_text(before)
    path.chmod(0o644)
    _, target = listening()
    assert msrp("send", target, BODY, "--trace", path).wait() == 0
    assert path.read_text().startswith(before + '{"time"')
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_another_file_stays_what_it_is(msrp: Start, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"mine")
    path.chmod(0o644)
    program = msrp("send", "127.0.0.1:9", "hello", "--trace", path)
    assert program.wait() == 2
    assert "is there, and is no trace" in program.errors
    assert path.read_bytes() == b"mine"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("kind", ["folder", "link", "pipe", "nowhere"])
def test_what_is_no_file(msrp: Start, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "trace"
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path = tmp_path / "none" / "trace"
    program = msrp("send", "127.0.0.1:9", "hello", "--trace", path)
    assert program.wait() in (1, 2)
    assert str(path) in program.errors
    assert not (tmp_path / "elsewhere").exists()


def test_who_writes_too_slowly_is_given_up(tmp_path: Path) -> None:
    """The trace ends; nothing waits, and no more than a bound is held."""
    told: list[OSError] = []
    read, write = os.pipe()
    trace = Trace(tmp_path / "trace", told.append)
    os.dup2(write, trace._file)  # and nobody reads: the thread is stuck
    tap = trace.line("nowhere")
    frame = b"MSRP abcd SEND\r\nTo-Path: msrp://a/abcdef;tcp\r\nFrom-Path: msrp://b/abcdef;tcp\r\n-------abcd$\r\n"
    for _ in range(200):
        tap.heard(frame * 5000)
    assert [error.strerror for error in told] == ["it is written too slowly for what passes on the line"]
    assert trace._ahead < 80 << 20
    for descriptor in (read, write):
        os.close(descriptor)
    trace.close()


def test_what_is_no_msrp_is_said_once(tmp_path: Path) -> None:
    trace = Trace(tmp_path / "trace", print)
    tap = trace.line("127.0.0.1:1")
    tap.heard(b"GET / HTTP/1.1\r\n\r\n")
    tap.heard(b"Host: x\r\n\r\n")
    tap.said(
        b"MSRP abcd 400\r\nTo-Path: msrp://a/abcdef;tcp\r\nFrom-Path: msrp://b/abcdef;tcp\r\n-------abcd$\r\n"
    )
    trace.gone(tap, "the other side broke the protocol")
    trace.close()
    assert [line["event"] for line in traced(tmp_path / "trace")] == ["line", "error", "response", "gone"]


def test_no_pipe_is_written_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(UsageError, match="no plain file"):
        Trace(tmp_path / "pipe", print)
    os.close(reader)
