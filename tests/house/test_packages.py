"""What is shipped is what is in the tree: setuptools finds no subpackage by itself."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from msrp_peer.cli.options import build_parser
from msrp_peer.cli.settings import commands

ROOT = Path(__file__).resolve().parents[2]
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
FOLDERS: dict[str, str] = SETUPTOOLS["package-dir"]  # import name: folder
LONGEST = 400  # lines; a file that outgrows them holds two things
SOURCES = {".py", ".pyi", ".pyx", ".pxd", ".h"}


def sources(*suffixes: str) -> list[tuple[str, Path]]:
    """Our files, each with its import name's folder in front: ("msrp_peer/aio/line.py", path)."""
    return [
        (f"{name}/{path.relative_to(ROOT / folder).as_posix()}", path)
        for name, folder in FOLDERS.items()
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in suffixes
    ]


def test_every_package_is_listed() -> None:
    in_the_tree = {name.rpartition("/")[0].replace("/", ".") for name, _ in sources(*SOURCES)}
    assert in_the_tree == set(SETUPTOOLS["packages"])


@pytest.mark.parametrize("package", SETUPTOOLS["packages"])
def test_package_has_an_init(package: str) -> None:
    top, *rest = package.split(".")
    assert (ROOT / FOLDERS[top]).joinpath(*rest, "__init__.py").is_file()


def test_the_installed_modules_are_those_of_the_tree() -> None:
    files = [f.as_posix() for f in metadata.files("msrp-peer") or []]
    if any(f.startswith("__editable__") for f in files):
        return  # such an install is the tree
    installed = {f for f in files if f.startswith(tuple(FOLDERS)) and f.endswith((".py", ".pyi"))}
    assert installed == {name for name, _ in sources(".py", ".pyi")}


@pytest.mark.parametrize("name", FOLDERS)
def test_types_are_shipped(name: str) -> None:
    assert (ROOT / FOLDERS[name] / "py.typed").is_file()


def test_no_file_is_too_long() -> None:
    lines = {name: len(path.read_text().splitlines()) for name, path in sources(*SOURCES)}
    assert {name: n for name, n in lines.items() if n > LONGEST} == {}


def test_each_command_has_a_journey_that_is_tried_with_each_wheel() -> None:
    marked = re.compile(r"@pytest\.mark\.journey\(([^)]*)\)")
    named = {
        command.strip('" ')
        for path in (ROOT / "tests/cli").glob("test_*.py")
        for found in marked.findall(path.read_text())
        for command in found.split(",")
    }
    assert named == set(commands(build_parser()))
