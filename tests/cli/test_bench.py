"""The benchmark runs and says what it says in all its forms; what the figures are is nobody's promise."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from msrp_core import Frame, Parser
from msrp_peer.bench.corpora import KINDS, frames
from msrp_peer.bench.framing import Row
from msrp_peer.bench.measure import Figure, contest, ratio
from msrp_peer.bench.report import told
from msrp_peer.cli.main import main


@pytest.mark.parametrize("kind", KINDS)
def test_every_corpus_is_frames_and_nothing_else(kind: str) -> None:
    every = frames(kind, 100_000)
    parser = Parser()
    read = [event for event in parser.feed(b"".join(every)) if isinstance(event, Frame)]
    assert parser.idle
    assert len(read) == len(every)
    assert [frame.fault() for frame in read] == [None] * len(every)
    assert every == frames(kind, 100_000), "the same every time"


def test_contestants_take_turns() -> None:
    turns: list[str] = []
    times = contest({"a": lambda: turns.append("a"), "b": lambda: turns.append("b")}, 3)
    assert turns == ["a", "a", "b", "b"] * 3
    assert {name: len(values) for name, values in times.items()} == {"a": 3, "b": 3}


def test_a_ratio_pairs_the_rounds() -> None:
    assert ratio([2, 4, 30], [1, 2, 10]) == Figure(2, 2, 2.5)


@pytest.mark.journey("bench")
def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--quick", "--rounds", "3", "--json", "--write", str(tmp_path / "out")]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == ["machine", *["row"] * (len(events) - 2), "written"]
    rows = [event for event in events if event["event"] == "row"]
    assert all(row["low"] <= row["median"] <= row["high"] for row in rows)
    assert all(row["met"] is None for row in rows), "a quick run judges nothing"
    assert all(re.fullmatch(r"[\d.]+ (GB/s|ns an octet)", row["plain"]) for row in rows)
    written = json.loads((tmp_path / "out" / "framing.json").read_text())
    assert [row["what"] for row in written["rows"]] == [row["what"] for row in rows]
    picture = ElementTree.parse(tmp_path / "out" / "framing.svg")
    words = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert all(row["what"] in words for row in rows)


def test_for_people_it_names_units_and_judges_nothing_in_haste(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--quick", "--rounds", "3"]) == 0
    said = capsys.readouterr()
    assert re.search(r"^64 KiB chunks, share of memcpy.*\n  [\d.]+ GB/s: \d+%", said.out, re.M)
    assert re.search(r"^one octet at a time.*\n  \d+ ns an octet: [\d.]+ times", said.out, re.M)
    assert "missed" not in said.out
    assert "judges nothing" in said.err


def test_a_figure_is_judged_where_it_may_be() -> None:
    row = Row("what", "at least 90%", Figure(0.8, 0.7, 0.9), "share", met=False, plain="3.0 GB/s")
    assert told(row, judged=True) == "what\n  3.0 GB/s: 80% (70% to 90%); at least 90%: missed"
    assert told(row, judged=False) == "what\n  3.0 GB/s: 80% (70% to 90%)"
