"""The benchmark of the ways to a session runs to its end, in every part; figures are nobody's promise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[2]
WAYS = ("anonymous", "fingerprint", "digest-tcp")


def test_every_part_of_the_benchmark_of_the_ways(tmp_path: Path) -> None:
    """Inside TLS, by SDP, and on plain TCP with a layer of its own; one turn, one session."""
    command = [sys.executable, "-P", str(ROOT / "benchmarks" / "paths.py"), "--json", "--out", str(tmp_path)]
    command += ["--rounds", "1", "--sessions", "1", "--mebibytes", "1"]
    done = subprocess.run(
        [*command, *(word for way in WAYS for word in ("--only", way))],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "PYTHONSAFEPATH": "1"},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found == json.loads((tmp_path / "paths.json").read_text())
    assert list(found["begun"]) == list(WAYS)
    for cost in found["begun"].values():
        assert cost["trips"] > 2
        assert min(cost["there"], cost["back"]) > 500
    # A rendezvous that SDP saved is a round trip that is not there.
    assert found["begun"]["fingerprint"]["trips"] < found["begun"]["anonymous"]["trips"]
    assert [row["unit"] for row in found["rows"]] == ["share", "share", "a second", *["share"] * len(WAYS)]
    assert all(row["figure"]["median"] > 0 for row in found["rows"])
    picture = ElementTree.parse(tmp_path / "paths.svg")
    words = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert all(row["what"] in words for row in found["rows"])
