"""What the documents say holds: links, paths, programs, command lines, numbers, pictures, frames."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import hashlib
import importlib
import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

import msrp_core
import msrp_peer.terms.errors
from docs.flow import FILE, run, run_login, run_words, section, string_shown
from docs.kerberos_flow import run as run_kerberos
from docs.kerberos_flow import table
from docs.pictures import pictures
from msrp_core import Frame, Parser, Uri
from msrp_peer.cli.exits import MEANINGS, Exit
from msrp_peer.cli.options import build_parser
from msrp_peer.terms.content import parse_digest, parse_disposition
from msrp_peer.terms.limits import Limits
from sasl.realm import needed, realm

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
IDS = [page.relative_to(ROOT).as_posix() for page in PAGES]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
_FOLDERS = ("msrp_core/", "sasl/", "peer/", "tests/", "docs/", "examples/", "benchmarks/", ".ci/", ".github/")


def fences(page: Path, *languages: str) -> list[str]:
    return [text for language, text in _FENCE.findall(page.read_text()) if language in languages]


def prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text())


def spans(page: Path) -> list[str]:
    """What stands between backticks, outside of fences."""
    return re.findall(r"`([^`\n]+)`", prose(page))


# -- links and paths


def anchors(page: Path) -> set[str]:
    """The names that headings get, as the usual renderers make them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", h.replace("`", "")).strip().lower().replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_resolve(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / unquote(path)).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_files_named_exist(page: Path) -> None:
    folders = _FOLDERS if (ROOT / ".github").exists() else _FOLDERS[:-1]  # an sdist has none
    named = {span.partition("::")[0] for span in spans(page) if span.startswith(folders) and " " not in span}
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_the_tables_of_the_architecture_name_every_module_of_the_protocol() -> None:
    named = set(spans(ROOT / "docs/architecture.md"))
    modules = {path.name for path in (ROOT / "peer/protocol").glob("[a-z]*.py")}
    assert modules <= named
    rooms = {f"peer/{path.name}/" for path in (ROOT / "peer").iterdir() if (path / "__init__.py").exists()}
    assert rooms <= named


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs/decisions"
    index = (folder / "README.md").read_text()
    for page in folder.glob("0*.md"):
        title = page.read_text().splitlines()[0].removeprefix("# ")
        number, _, words = title.partition(". ")
        assert f"{number}. [{words}]({page.name})" in index
        assert int(page.name[:4]) == int(number)


# -- programs


def programs() -> Iterator[tuple[str, str]]:
    for page, name in zip(PAGES, IDS, strict=True):
        for number, text in enumerate(fences(page, "python"), 1):
            yield f"{name}-{number}", text


PROGRAMS = dict(programs())


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_compiles(name: str) -> None:
    compile(PROGRAMS[name], name, "exec", dont_inherit=True)


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_uses_names_that_exist(name: str) -> None:
    for node in ast.walk(ast.parse(PROGRAMS[name])):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("msrp_"):
            module = importlib.import_module(node.module or "")
            assert all(hasattr(module, alias.name) for alias in node.names)
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "msrp_peer"
        ):
            assert hasattr(importlib.import_module("msrp_peer"), node.attr), node.attr


def test_the_program_of_the_framing_runs(capsys: pytest.CaptureFixture[str]) -> None:
    program = next(text for text in PROGRAMS.values() if "from msrp_core import" in text)
    exec(compile(program, "embedding", "exec"), {})
    assert capsys.readouterr().out == "SEND 1234 None\n"


def test_the_program_of_sasl_runs(capsys: pytest.CaptureFixture[str]) -> None:
    program = next(text for text in PROGRAMS.values() if "SASLClient(" in text)
    exec(compile(program, "embedding", "exec"), {})
    assert capsys.readouterr().out == "SCRAM-SHA-512-PLUS bob@lan alice@lan\n"


def test_the_program_that_proves_runs(capsys: pytest.CaptureFixture[str]) -> None:
    program = next(text for text in PROGRAMS.values() if "verifiers=known" in text)
    exec(compile(program, "embedding", "exec"), {})
    told = capsys.readouterr().out
    assert "authenticated\n" in told
    assert "Proof(principal='im:alice@lan', mechanism='SCRAM-SHA-512-PLUS', bound=True" in told


def test_the_program_with_lasting_keys_runs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    program = next(text for text in PROGRAMS.values() if "lasting_key(ALICE)" in text)
    exec(compile(program, "embedding", "exec"), {})
    assert capsys.readouterr().out == "key-verified\n('im:alice@lan',) Hello\n"


def test_every_public_name_is_explained() -> None:
    peer = importlib.import_module("msrp_peer")
    text = (ROOT / "docs/embedding.md").read_text()
    assert {name for name in peer.__all__ if not re.search(rf"\b{name}\b", text)} <= {"Listener", "Principal"}


def test_the_tree_of_errors_is_that_of_the_code() -> None:
    tree = re.search(r"^ *MsrpError\n(?: +[├└].*\n)+", msrp_peer.terms.errors.__doc__ or "", re.M)
    assert tree is not None
    assert textwrap.dedent(tree[0]) in fences(ROOT / "docs/embedding.md", "")


# -- command lines


def command_lines(page: Path) -> list[str]:
    lines = [line for text in fences(page, "console", "") for line in text.splitlines()]
    lines = [line.removeprefix("$ ") for line in lines] + spans(page)
    found = (re.fullmatch(r"(?:\.venv/bin/)?msrp ([a-z-].*)", line) for line in lines)
    return [match[1] for match in found if match]


COMMAND_LINES = [(page, line) for page in PAGES for line in command_lines(page)]


@pytest.mark.parametrize(("page", "line"), COMMAND_LINES, ids=[line for _, line in COMMAND_LINES])
def test_command_line_is_understood(page: Path, line: str) -> None:
    words = shlex.split(line, comments=True)
    if "--" in words[0]:  # --help, --version
        with pytest.raises(SystemExit) as done:
            build_parser().parse_args(words)
        assert done.value.code == 0
    elif len(words) == 1:
        assert words[0] in _commands()
    else:
        build_parser().parse_args(words)


def _commands() -> set[str]:
    action = next(a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return set(action.choices)


def test_the_readme_shows_every_command() -> None:
    shown = {shlex.split(line)[0] for line in command_lines(ROOT / "README.md")}
    assert _commands() - {"demo", "demo-peer"} <= shown


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_options_named_exist(page: Path) -> None:
    known = {word for text in _helps() for word in re.findall(r"--[a-z0-9-]+", text)}
    named = {span.split()[0] for span in spans(page) if re.match(r"--[a-z]", span)}
    assert named <= known


def _helps() -> Iterator[str]:
    yield build_parser().format_help()
    action = next(a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    for command in action.choices.values():
        yield command.format_help()


def test_targets_of_make_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    for page in PAGES:
        lines = [*spans(page), *(line for text in fences(page, "", "console") for line in text.splitlines())]
        named = {m[1] for line in lines if (m := re.match(r"make ([a-z]+)", line))}
        assert named <= targets, page


def test_exit_codes_said_are_those() -> None:
    assert "exit code 4" in (ROOT / "README.md").read_text()
    assert Exit.INSECURE == 4
    assert "--require" in MEANINGS[Exit.INSECURE]


# -- numbers


def _told_limits() -> dict[str, str]:
    rows = re.findall(r"^\| `([\w.]+)` \| ([^|]+) \|", (ROOT / "docs/security.md").read_text(), re.M)
    return dict(rows)


def test_the_table_of_limits_is_that_of_the_code() -> None:
    told = _told_limits()
    defaults = Limits()
    expected = {
        f"frames.{f.name}": getattr(defaults.frames, f.name) for f in dataclasses.fields(msrp_core.Limits)
    }
    expected |= {f.name: getattr(defaults, f.name) for f in dataclasses.fields(Limits) if f.name != "frames"}
    assert set(told) == set(expected)
    for name, value in expected.items():
        said = told[name].split()[0].rstrip(",")
        assert said == (
            "no" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
        ), name


# -- pictures and frames


def test_the_machines_are_drawn_as_they_are() -> None:
    assert [text.rstrip("\n") for text in fences(ROOT / "docs/architecture.md", "mermaid")] == list(
        pictures().values()
    )


def test_the_flow_is_what_both_sides_say() -> None:
    page = (ROOT / "docs/profile.md").read_text()
    shown = page.split("## 9. An example\n", 1)[1].split("## 10.", 1)[0]
    # `python tests/docs/flow.py` prints what belongs there.
    assert shown.split("\n\n", 1)[1].strip() == section(run()).strip()
    shown = page.split("### 11.6 An example\n", 1)[1].split("### 11.7", 1)[0]
    # `python tests/docs/flow.py login` prints that.
    assert shown.strip().split("\n\n", 1)[1].strip() == section(run_login()).strip()
    shown = page.split("### 12.7 An example\n", 1)[1].split("## 13.", 1)[0]
    # `python tests/docs/flow.py words` prints that.
    assert shown.strip().split("\n\n", 1)[1].strip() == section(run_words()).strip()


@needed
def test_the_flow_without_tls_is_what_both_sides_say() -> None:
    page = (ROOT / "docs/profile.md").read_text()
    shown = page.split("### 11.7 An example without TLS\n", 1)[1].split("### 11.8", 1)[0]
    # `PYTHONPATH=tests python tests/docs/kerberos_flow.py` prints that.
    with realm().at_home():
        rows = run_kerberos()
    assert shown.strip().split("\n\n", 1)[1].strip() == table(rows)
    early = [frame for _, layered, frame in rows if not layered]
    assert len(early) == 10
    for frame in early:
        for path in (frame.to_path, frame.from_path):
            assert Uri.parse(path).userinfo is None
        assert frame.header("Accept-Types") is None


def test_the_string_shown_is_that_of_the_flow() -> None:
    page = (ROOT / "docs/profile.md").read_text()
    string = string_shown()
    assert f"{string.value:010x} in hexadecimal: *{' '.join(string.words)}*, or {string.digits}." in page


def test_each_frame_shown_follows_the_rules() -> None:
    shown = [text.replace("\n", "\r\n").encode() for text in fences(ROOT / "docs/profile.md", "msrp")]
    assert shown == [octets for _, _, octets in (*run(), *run_login(), *run_words())]
    requests: dict[str, Frame] = {}
    for octets in shown:
        (frame,) = Parser().feed(octets)
        assert isinstance(frame, Frame)
        assert frame.fault() is None
        assert all(uri.secure for uri in (*Uri.parse_path(frame.to_path), *Uri.parse_path(frame.from_path)))
        if frame.status is None:
            assert frame.transaction_id not in requests
            requests[frame.transaction_id] = frame
        else:
            asked = requests[frame.transaction_id]
            assert (frame.to_path, frame.from_path) == (asked.from_path, asked.to_path)


def test_the_grant_shown_is_used_as_the_rules_want() -> None:
    shown = [text.replace("\n", "\r\n").encode() for text in fences(ROOT / "docs/profile.md", "msrp")]
    frames = [frame for octets in shown for frame in Parser().feed(octets) if isinstance(frame, Frame)]
    asked, grant, first = frames[:3]
    assert asked.method == "AUTH"
    assert Uri.parse(asked.to_path).session_id is None
    own, granted = Uri.parse(asked.from_path), Uri.parse(grant.header("Use-Path") or "")
    for uri in (own, granted):
        # 128 bits take 22 characters of base64.
        assert len(uri.session_id or "") >= 22
    assert grant.header("Expires") == "30"
    assert (unquote(own.userinfo or ""), unquote(granted.userinfo or "")) == ("im:alice@lan", "im:bob@lan")
    assert (Uri.parse(first.to_path), Uri.parse(first.from_path)) == (granted, own)


def test_the_file_shown_is_whole() -> None:
    shown = [text.replace("\n", "\r\n").encode() for text in fences(ROOT / "docs/profile.md", "msrp")]
    frames = [frame for octets in shown for frame in Parser().feed(octets) if isinstance(frame, Frame)]
    chunks = [f for f in frames if f.method == "SEND" and (f.content_type or "").startswith("application/")]
    assert b"".join(chunk.body for chunk in chunks) == FILE
    told = parse_disposition(chunks[0].header("Content-Disposition"))
    assert (told.kind, told.filename, told.size) == ("attachment", "list.txt", len(FILE))
    digest = parse_digest(chunks[0].header("Content-Digest"))
    assert digest is not None
    assert digest == hashlib.sha256(FILE).digest()
    assert [chunk.flag for chunk in chunks] == ["+", "$"]
