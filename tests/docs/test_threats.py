"""The table of threats in docs/security.md: no cell is empty, and every test it leans on is there."""

from __future__ import annotations

import re

import pytest

from docs.claims import PAGE, named_tests, rows, section, there

TITLE = "Threats, and what stops them"
THREATS = (
    "an eavesdropper",
    "an active man in the middle",
    "an impostor with a valid certificate for another principal",
    "a stolen session URI",
    "replay",
    "reflection",
    "a relayed login",
    "downgrade",
    "guessing offline",
    "a malicious peer",
    "malicious discovery",
)
VERDICTS = {"stopped by ": "yes", "not stopped: ": "**no**", "does not arise: ": "–"}


def details() -> dict[str, dict[str, str]]:
    """Of each threat what stands about each path."""
    parts = re.split(r"^### (.+)$", section(TITLE), flags=re.M)[1:]
    tables = zip(parts[::2], parts[1::2], strict=True)
    return {_small(name): dict(row for row in rows(text)[1:]) for name, text in tables}


def _small(words: str) -> str:
    return words[0].lower() + words[1:]


GRID = rows(section(TITLE))
PATHS = GRID[0][1:]
CELLS = [(threat, path, cell) for threat, cells in details().items() for path, cell in cells.items()]


def test_every_threat_has_every_path() -> None:
    assert tuple(details()) == THREATS
    assert len(PATHS) == len(set(PATHS)) >= 9
    assert all(list(cells) == PATHS for cells in details().values())
    assert len(CELLS) == len(THREATS) * len(PATHS)


@pytest.mark.parametrize(("threat", "path", "cell"), CELLS, ids=[f"{t}-{p}" for t, p, _ in CELLS])
def test_each_cell_says_what_is_so_and_who_shows_it(threat: str, path: str, cell: str) -> None:
    (verdict,) = [words for words in VERDICTS if cell.startswith(words)]
    tests = named_tests(cell)
    assert tests or verdict == "does not arise: "
    assert len(cell.split(": `")[0]) >= len(verdict) + 3
    for named in tests:
        assert there(named), named


def test_the_grid_says_what_the_cells_say() -> None:
    assert GRID[0][0] == "stopped?"
    for threat, *words in GRID[1:]:
        told = [
            next(word for start, word in VERDICTS.items() if cell.startswith(start))
            for cell in details()[threat].values()
        ]
        assert told == words, threat
    assert [row[0] for row in GRID[1:]] == list(THREATS)


def test_tests_named_elsewhere_in_the_page_are_there() -> None:
    for named in named_tests(PAGE.read_text()):
        assert "::" not in named or there(named), named
