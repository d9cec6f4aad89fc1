"""The bar of a chat, at any width."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cli.programs import Listening, Open
from msrp_peer.cli.progress import Toolbar


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_a_line_fits(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(Toolbar, "_SOON", -1.0)
    shown: list[str | None] = []
    with Toolbar(shown.append).bar("a-file-with-a-name-of-some-length.iso") as report:
        report(1_234_567, 80_000_000)
    line, gone = shown
    assert line is not None
    assert len(line) < columns
    assert re.search(r"2% +1\.2/80\.0 MB  [\d.]+ MB/s$", line)
    assert gone is None


@pytest.mark.parametrize("columns", [60, 80])
def test_a_bar_fits(terminal: Open, listening: Listening, tmp_path: Path, columns: int) -> None:
    large = tmp_path / "a-file-with-a-name-of-some-length.iso"
    with large.open("wb") as file:
        file.truncate(600 << 20)
    _, target = listening("--out", tmp_path / "inbox", "--accept-files")
    sender = terminal("send", target, "--file", large, columns=columns)
    sender.wait_for("[MG]B/s")
    sender.wait_for("Delivered|0:00:0[1-9]")
    bars = re.split(r"[\r\n]|\x1b\[\d*[A-KS-T]", sender.seen)
    plain = [re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", bar) for bar in bars]
    assert not [bar for bar in plain if "MB" in bar and len(bar) > columns]
    assert any(re.search(r"a-fil.*[━╸╺].* MB.*[MG]B/s", bar) for bar in plain), plain
