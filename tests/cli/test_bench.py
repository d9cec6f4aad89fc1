"""The benchmark runs and says what it says in all its forms; what the figures are is nobody's promise."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from msrp_core import Frame, Parser
from msrp_peer.bench.corpora import KINDS, frames
from msrp_peer.bench.measure import Figure, contest, ratio
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


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--quick", "--rounds", "3", "--json", "--write", str(tmp_path / "out")]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == ["machine", *["row"] * (len(events) - 2), "written"]
    rows = [event for event in events if event["event"] == "row"]
    assert all(row["low"] <= row["median"] <= row["high"] for row in rows)
    written = json.loads((tmp_path / "out" / "framing.json").read_text())
    assert [row["what"] for row in written["rows"]] == [row["what"] for row in rows]
    picture = ElementTree.parse(tmp_path / "out" / "framing.svg")
    words = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert all(row["what"] in words for row in rows)
