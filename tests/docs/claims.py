"""What docs/security.md claims in its tables, taken apart: rows, the tests that each leans on, the code."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/security.md"


def section(title: str) -> str:
    """The text of the page between this heading and the next of its rank."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.M | re.S)
    assert found is not None, title
    return found[1]


def rows(text: str) -> list[list[str]]:
    """Of the first table in it, heading first, the line below that left out."""
    found = re.search(r"^\|.*?(?=^[^|]|\Z)", text, re.M | re.S)
    assert found is not None
    lines = found[0].strip().splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [cells[0], *cells[2:]]


def named_tests(text: str) -> list[str]:
    """The tests named in it, ``tests/file.py::name``; and whole files of them, ``tests/file.py``."""
    return re.findall(r"`(tests/[^`]+)`", text)


def there(named: str) -> bool:
    """Whether a test of that file and name is there."""
    file, _, name = named.partition("::")
    return name in _tests(ROOT / file)


@cache
def _tests(file: Path) -> set[str]:
    """The tests in it, in classes, too."""
    found = ast.walk(ast.parse(file.read_text()))
    functions = (node for node in found if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {function.name for function in functions if function.name.startswith("test_")}
