"""Sans-IO stays sans-IO: what the cores, the terms and the protocol may never import."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PURE = ["msrp_core", "sasl", "peer/protocol", "peer/terms"]
FORBIDDEN = {"asyncio", "socket", "ssl", "time", "select", "threading", "trio"}


def sources(*suffixes: str) -> list[Path]:
    return sorted(p for room in PURE for p in (ROOT / room).rglob("*") if p.suffix in suffixes)


FILES = sources(".py", ".pyi")
CYTHON = sources(".pyx", ".pxd", ".pxi", ".h")


def imported(source: str) -> Iterator[str]:
    """The modules a Python source imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = ast.unparse(node.func)
            if called == "__import__" or called.endswith("import_module"):
                yield str(node.args[0].value)


def imported_by_cython(source: str) -> Iterator[str]:
    """The modules and C headers a Cython or C source takes in; libc.time counts as time."""
    for line in source.splitlines():
        if found := re.match(r"\s*from\s+([\w.]+)\s+c?import\b", line):
            yield found[1]
        elif found := re.match(r"\s*c?import\s+(.+)", line):
            yield from re.findall(r"(?:^|,)\s*([\w.]+)", found[1])
        elif found := re.match(r"""\s*(?:cdef\s+extern\s+from|\#\s*include)\s*["'<]([\w./]+)\.h""", line):
            yield found[1].replace("/", ".")


def impure(modules: Iterator[str]) -> set[str]:
    return {module for module in modules if FORBIDDEN & set(module.split("."))}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_module_is_pure(path: Path) -> None:
    assert not impure(imported(path.read_text()))


@pytest.mark.parametrize("path", CYTHON, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_cython_source_is_pure(path: Path) -> None:
    assert not impure(imported_by_cython(path.read_text()))


@pytest.mark.parametrize(
    ("scan", "source"),
    [
        (imported, "import os, asyncio.events as e"),
        (imported, "def f():\n    from ssl import SSLContext"),
        (imported, "import importlib\nimportlib.import_module('time')"),
        (imported_by_cython, "cimport cython, libc.time as t"),
        (imported_by_cython, "    from posix.time cimport clock_gettime"),
        (imported_by_cython, 'cdef extern from "sys/socket.h" nogil:'),
        (imported_by_cython, "#include <time.h>"),
    ],
)
def test_the_scan_finds_what_it_looks_for(scan, source: str) -> None:
    assert impure(scan(source))


def test_every_room_was_looked_at() -> None:
    for folder in PURE:
        assert any(p.is_relative_to(ROOT / folder) for p in FILES), folder
    assert CYTHON
