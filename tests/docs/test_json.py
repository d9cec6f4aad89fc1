"""docs/json.md names no event and no field that is not there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = re.findall(r"^\| (`[a-z].*?) \| .*? \| (.*) \|$", (ROOT / "docs/json.md").read_text(), re.M)
SOURCES = [*sorted((ROOT / "peer/cli").glob("*.py")), ROOT / "peer/terms/security.py"]


def words() -> set[str]:
    """Every text and every named argument of the commands."""
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
            elif isinstance(node, ast.keyword) and node.arg is not None:
                found.add(node.arg)
    return found


@pytest.mark.parametrize(("events", "fields"), ROWS, ids=[events for events, _ in ROWS])
def test_events_and_fields_exist(events: str, fields: str) -> None:
    told = set(re.findall(r"`([a-z][a-z0-9_-]*)`", f"{events} {fields}"))
    assert told
    assert told <= words()


def test_there_are_rows() -> None:
    assert len(ROWS) > 15
