"""Programs that end with the test that started them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.people import Person
from cli.programs import Open, Program, Start, Terminal


@pytest.fixture(autouse=True)
def _known_in_one_test_alone(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whom one test has met the next does not know."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))


@pytest.fixture
def msrp() -> Iterator[Start]:
    """Start ``msrp`` with pipes."""
    started: list[Program] = []

    def start(*arguments: str | Path, **options: int | None) -> Program:
        started.append(Program(*arguments, **options))
        return started[-1]

    yield start
    for program in started:
        program.stop()


@pytest.fixture
def terminal() -> Iterator[Open]:
    """Start ``msrp`` on a terminal."""
    opened: list[Terminal] = []

    def start(*arguments: str | Path, cwd: Path | None = None, columns: int = 200) -> Terminal:
        opened.append(Terminal(*arguments, cwd=cwd, columns=columns))
        return opened[-1]

    yield start
    for one in opened:
        one.stop()


@pytest.fixture
def listening(msrp: Start) -> Callable[..., tuple[Program, str]]:
    """Start ``msrp listen`` on a free port of loopback; the program, and the target to reach it."""

    def start(*arguments: str | Path) -> tuple[Program, str]:
        program = msrp("listen", "127.0.0.1", "--port", "0", *arguments)
        found = program.wait_for(r"msrps?://(127\.0\.0\.1:\d+);tcp")
        return program, found.group(1)

    return start


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Person]:
    """Somebody of that name, whose files are nobody else's."""
    return lambda name: Person(name, tmp_path / name.replace(":", "-"), monkeypatch)
