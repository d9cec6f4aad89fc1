"""Lines that are longer than the terminal break between words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cli.programs import Open, Start
from msrp_peer.cli.wrap import unbroken, wrapped


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("short", ["short"]),
        ("", [""]),
        ("one two three four five six", ["one two three four", "    five six"]),
        ("  indented as ever before", ["  indented as ever", "    before"]),
        ("      six columns deep, and on", ["      six columns", "      deep, and on"]),
        ("a-word-that-is-longer-than-the-line stays", ["a-word-that-is-longer-than-the-line", "    stays"]),
        ("first\nsecond line is a longer one", ["first", "second line is a", "    longer one"]),
        ("字字字字字 字字字字字 字", ["字字字字字", "    字字字字字 字"]),
        ("spaces   between  them  stay", ["spaces   between", "    them  stay"]),
    ],
)
def test_lines(text: str, lines: list[str]) -> None:
    assert wrapped(text, 20).split("\n") == lines


def test_a_path_stays_whole() -> None:
    path = unbroken("/home/bob/a holiday photo.jpg")
    assert wrapped(f"a file, is now {path}", 32) == "a file, is now\n    /home/bob/a holiday photo.jpg"
    assert wrapped(path, None) == "/home/bob/a holiday photo.jpg"


def test_a_fingerprint_breaks_in_its_middle() -> None:
    half = ":".join(f"{octet:02X}" for octet in range(16))
    print_ = f"{half}:{half}"
    assert wrapped(f"  a key, SHA-256 {print_}, ours", 60).split("\n") == [
        "  a key, SHA-256",
        f"    {half}:",
        f"    {half}, ours",
    ]
    assert wrapped(print_, 95) == wrapped(print_, None) == print_


def test_where_there_is_no_width_there_are_no_breaks() -> None:
    assert wrapped("x " * 100, None) == wrapped("x " * 100, 5) == "x " * 100


def test_a_narrow_terminal(msrp: Start, terminal: Open, tmp_path: Path) -> None:
    listener = terminal("listen", "127.0.0.1", "--port", "0", "--out", tmp_path / "inbox", columns=60)
    target = listener.wait_for(r"127\.0\.0\.1:\d+")
    listener.wait_for("Ctrl-C ends")
    words = "Whoever reads this on a narrow terminal reads whole words. " * 5
    assert msrp("send", target, words, "--as", "im:alice@lan").wait() == 0
    listener.wait_for("whole words")
    listener.key("c")
    assert listener.wait() == 130
    lines = listener.seen.replace("\r", "").split("\n")
    assert max(len(line) for line in lines if len(line.split()) > 2) <= 60
    told = re.sub(r"\n {4}", " ", "\n".join(lines))
    assert words.strip() in told


def test_what_is_to_be_copied_is_not_broken(terminal: Open) -> None:
    offer = terminal("offer", "--at", "127.0.0.1:0", columns=60)
    line = offer.wait_for(r"a=fingerprint:[^\n]*\r\n")
    assert re.fullmatch(r"a=fingerprint:sha-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}\s*", line)
