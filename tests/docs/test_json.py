"""docs/json.md names every event, field and kind of error that the commands write, and no other."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from msrp_peer.cli.exits import kind_of

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/json.md").read_text()
ROWS = re.findall(r"^\| (`[a-z].*?) \| .*? \| (.*) \|$", PAGE, re.M)
KINDS = re.findall(r"^\| (`[a-z][^|]*) \| [^|]* \|$", PAGE, re.M)
# A demo's other half is read by the demo alone.
COMMANDS = [path for path in sorted((ROOT / "peer/cli").glob("*.py")) if path.name != "demo_peer.py"]
SECURITY = ROOT / "peer/terms/security.py"


@cache
def words() -> set[str]:
    """Every text and every named argument of the commands."""
    found = set()
    for path in [*COMMANDS, SECURITY]:
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


def named(cell: str) -> set[str]:
    return set(re.findall(r"`([a-z][a-z0-9_-]*)`", cell))


def documented() -> dict[str, set[str]]:
    """The fields of each event of the page."""
    found: dict[str, set[str]] = defaultdict(set)
    for events, fields in ROWS:
        for event in named(events):
            found[event] |= named(fields)
            if "as `session`" in fields:
                found[event] |= found["session"]
    return found


def strings(node: ast.AST) -> set[str]:
    """The keys of the dictionaries in it that are the outermost."""
    if isinstance(node, ast.Dict):
        return {key.value for key in node.keys if isinstance(key, ast.Constant)}
    return {name for child in ast.iter_child_nodes(node) for name in strings(child)}


def emitted() -> Iterator[tuple[str, str, set[str]]]:
    """Where each event is written, and the fields that can be seen there."""
    trees = {path: ast.parse(path.read_text()) for path in COMMANDS}
    returned: dict[tuple[Path | None, str], set[str]] = defaultdict(set)
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                for one in ast.walk(node):
                    if isinstance(one, ast.Return) and one.value is not None:
                        returned[path, node.name] |= strings(one.value)
                        returned[None, node.name] |= strings(one.value)
    for path, tree in trees.items():
        functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
        for function in functions:
            for call in ast.walk(function):
                if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                    continue
                if call.func.attr not in ("event", "text") or not ast.unparse(call.func.value).endswith(
                    "output"
                ):
                    continue
                fields: set[str] = set()
                for keyword in call.keywords:
                    value = keyword.value
                    if keyword.arg is not None:
                        fields.add(keyword.arg)
                    elif isinstance(value, ast.Call):
                        name = ast.unparse(value.func).rpartition(".")[2]
                        fields |= returned.get((path, name)) or returned[None, name]
                    elif isinstance(value, ast.Dict):
                        fields |= strings(value)
                    elif isinstance(value, ast.Name):
                        for set_ in ast.walk(function):
                            if isinstance(set_, ast.Assign | ast.AugAssign) and value.id in ast.unparse(
                                set_.targets[0] if isinstance(set_, ast.Assign) else set_.target
                            ):
                                fields |= strings(set_.value)
                first = call.args[0]
                if isinstance(first, ast.Constant):
                    yield path.name, str(first.value), fields
                    continue
                for other in ast.walk(tree):  # who calls this function, and with which event
                    if (
                        isinstance(other, ast.Call)
                        and isinstance(other.func, ast.Attribute)
                        and other.func.attr == function.name
                    ):
                        assert isinstance(other.args[0], ast.Constant)
                        yield path.name, str(other.args[0].value), fields


def test_every_event_is_on_the_page() -> None:
    found = {event for _, event, _ in emitted()} | {"error"}  # which `Output` writes by itself
    assert found == set(documented())


def test_every_field_is_on_the_page() -> None:
    page = documented()
    seen = 0
    for path, event, fields in emitted():
        assert fields <= page[event], f"{path}: {event}"
        seen += len(fields)
    assert seen > 100


def test_every_kind_of_error_is_on_the_page() -> None:
    bases: dict[str, set[str]] = defaultdict(set)
    for path in (ROOT / "peer").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                bases[node.name] |= {ast.unparse(base) for base in node.bases}
    errors = {"MsrpError"}
    while more := {name for name, its in bases.items() if its & errors} - errors:
        errors |= more
    kinds = {kind_of(type(name, (Exception,), {})()) for name in errors - {"MsrpError"}}
    assert kinds | {kind_of(OSError())} == {kind for cell in KINDS for kind in named(cell)}


def test_there_are_rows() -> None:
    assert len(ROWS) > 15
