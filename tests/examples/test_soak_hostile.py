"""The hostile soak: that its books find what is wrong, and a short run of it."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.hosts import hosts

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
DIGEST = "d1"


@pytest.fixture
def books(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("hostile_books")


class Kept:
    """Ledgers of two processes, and a hostile one, with a session for each pair."""

    def __init__(self, books: Any, folder: Path) -> None:
        self._books = books
        self._folder = folder
        self.killed: dict[str, float] = {}
        for process, lines in {
            "near.0": ["begun 100 s1 far", "begun 100 s2 somebody"],
            "far.0": ["begun 100 s1 p1"],
            "hostile.0": ["begun 100 s2 near"],
        }.items():
            self.write(process, *lines)

    def write(self, process: str, *lines: str) -> None:
        with (self._folder / process).open("a") as file:
            file.writelines(f"{line}\n" for line in lines)

    def sum(self) -> Any:
        read = [self._books.Book.read(path, self.killed.get(path.name)) for path in self._folder.iterdir()]
        return self._books.summed(read, {"p1": "near", "somebody": "hostile"})


@pytest.fixture
def kept(books: Any, tmp_path: Path) -> Kept:
    return Kept(books, tmp_path)


SENT, HERE = "sent m1 s1 5 d1", "here m1 s1 5 d1"
TOLD, FAILED = "told m1 delivered", "told m1 failed why"


@pytest.mark.parametrize(
    ("sender", "receiver", "column"),
    [
        ([SENT, TOLD], [HERE], "delivered"),
        ([SENT, FAILED], [], "failed"),
        ([SENT, FAILED], [HERE], "doubt"),
    ],
)
def test_what_is_right(kept: Kept, sender: list[str], receiver: list[str], column: str) -> None:
    kept.write("near.0", *sender)
    kept.write("far.0", *receiver)
    found = kept.sum()
    assert found.right, found.wrong
    row = found.rows["near", "far"]
    assert row.sent == getattr(row, column) == 1


@pytest.mark.parametrize(
    ("sender", "receiver", "wrong"),
    [
        ([SENT], [HERE], "never told"),
        ([SENT, TOLD], [], "told delivered, and not here"),
        ([SENT, TOLD], [HERE, HERE], "here more than once"),
        ([SENT, FAILED], [HERE, HERE], "here more than once"),
        ([SENT, TOLD], ["here m1 s1 5 d2"], "here damaged, or in another session"),
        ([SENT, TOLD], ["here m1 s3 5 d1"], "here damaged, or in another session"),
        ([SENT, FAILED], ["damaged m1 s1"], "here damaged, or in another session"),
        ([], [HERE], "here, and never sent"),
        ([SENT, TOLD, FAILED], [HERE], "faults"),
        (["fault a task is left"], [], "faults"),
        (["sent m1 s2 5 d1", "told m1 delivered"], [], "told delivered, and never answered"),
    ],
)
def test_what_is_wrong(kept: Kept, sender: list[str], receiver: list[str], wrong: str) -> None:
    kept.write("near.0", *sender)
    kept.write("far.0", *receiver)
    assert wrong in kept.sum().wrong


@pytest.mark.parametrize(("process", "column"), [("near.0", "gone"), ("far.0", "unread")])
def test_who_was_killed(kept: Kept, process: str, column: str) -> None:
    kept.write("near.0", SENT, *([TOLD] if column == "unread" else []))
    assert not kept.sum().right
    kept.killed[process] = 101.0
    found = kept.sum()
    assert found.right, found.wrong
    assert getattr(found.rows["near", "far"], column) == 1


def test_a_receiver_that_was_killed_before_it_wrote_anything(kept: Kept) -> None:
    kept.write("near.0", "begun 200 s4 far", "sent m1 s4 5 d1", TOLD)
    kept.killed["far.0"] = 500.0
    assert not kept.sum().right, "it died long after that session began"
    kept.killed["far.0"] = 200.2
    assert kept.sum().right


@pytest.mark.parametrize(
    ("last", "seconds", "flat"),
    [(100.0, 1800.0, True), (118.0, 1800.0, True), (119.0, 1800.0, False), (200.0, 60.0, True)],
)
def test_when_memory_is_flat(
    monkeypatch: pytest.MonkeyPatch, last: float, seconds: float, flat: bool
) -> None:
    """By a tenth and eight MiB more it may have grown; a short run is not judged."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    watch = importlib.import_module("hostile_watch")
    values = [10.0] * 4 + [100.0] * 8 + [last] * 4
    samples = [watch.Sample(k * seconds / 15, value, 20.0) for k, value in enumerate(values)]
    assert watch.Watched("a process", 0, samples).tell() is flat


@pytest.mark.timeout(300)
def test_a_short_run() -> None:
    try:
        for tool in ("tc", "ss", "nft"):
            if shutil.which(tool) is None:
                raise OSError(f"there is no `{tool}`")
        with hosts():
            pass
    except OSError as error:
        pytest.skip(f"no network namespaces can be made here: {error}")
    command = [sys.executable, "-P", str(BENCHMARKS / "soak_hostile.py"), "--seconds", "6", "--peers", "20"]
    with subprocess.Popen([*command, "--pace", "0.3"], stdout=subprocess.PIPE, text=True) as run:
        told, _ = run.communicate()
    assert run.returncode == 0, told
    assert "The sum is right." in told
    together = re.search(r"together +(\d+)", told)
    assert together, told
    assert int(together[1]) > 0
    left = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    assert f"msrp-hostile-{run.pid}" not in left
