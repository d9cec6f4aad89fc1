"""Several processes use one store at the same time."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from credentials.stores import ALICE, BOB, PASSWORD, open_store
from msrp_peer.credentials.verifiers import KEPT
from msrp_peer.kept.errors import StoreError
from msrp_sasl import Password, ScramVerifier

SCRIPT = Path(__file__).with_name("store_process.py")
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start processes; each waits until it is told to go."""
    started: list[subprocess.Popen[str]] = []

    def begin(number: int, rounds: int) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-P", SCRIPT, tmp_path, str(number), str(rounds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(SCRIPT.parents[1])},
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def matches(verifiers: list[ScramVerifier | None], password: str) -> bool:
    return all(verifier is not None and verifier.verify(password) for verifier in verifiers)


def test_processes_change_one_store_at_once(start: Start, tmp_path: Path) -> None:
    processes = [start(number, 6) for number in range(3)]
    for process in processes:  # nobody has made the file yet
        go(process)
    said = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], said
    store = open_store(tmp_path)
    assert {out for out, _ in said} == {store.decoy_key.hex() + "\n"}
    assert [pair.initiator for pair in store.pairs()] == [
        "im:everybody@lan",
        *(f"im:user{number}@lan" for number in range(3)),
    ]
    # Of what all of them changed, one change stands, whole.
    found = [store.scram("im:everybody@lan", BOB.text, hash) for hash in KEPT]
    assert sum(matches(found, f"ours {number} 5") for number in range(3)) == 1
    assert [path.name for path in (tmp_path / "msrp-peer").iterdir()] == ["verifiers.db"]


def test_who_reads_for_long_keeps_nobody_from_writing(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "msrp-peer/verifiers.db")) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM pair").fetchone() == (0,)
        store.keep(ALICE, BOB, PASSWORD, 0)
        assert reader.execute("SELECT count(*) FROM pair").fetchone() == (0,)
    assert len(store.pairs()) == 1


def test_who_writes_for_too_long_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path)
    monkeypatch.setattr("msrp_peer.kept.database._BUSY", 0.1)
    with contextlib.closing(sqlite3.connect(tmp_path / "msrp-peer/verifiers.db")) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="in use by another process for long"):
            store.keep(ALICE, BOB, PASSWORD, 0)
        assert store.scram(ALICE.text, BOB.text, "SHA-256") is None  # reading goes on


def test_a_process_killed_in_the_middle_leaves_the_store_whole(start: Start, tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.keep(ALICE, BOB, PASSWORD, 0)
    process = start(0, 100_000)
    go(process)
    for _ in range(3):
        while not any(pair.initiator == "im:user0@lan" for pair in store.pairs()):
            assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert matches([store.scram(ALICE.text, BOB.text, hash) for hash in KEPT], PASSWORD.text)
        assert store.keep(ALICE, BOB, Password("changed since"), 1) is True
        assert store.keep(ALICE, BOB, PASSWORD, 1) is True
        process = start(0, 100_000)
        go(process)
