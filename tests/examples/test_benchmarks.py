"""The benchmarks between processes run to their end, in every part; figures are nobody's promise."""

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


def test_a_crowd_at_one_listener(tmp_path: Path) -> None:
    """A few idle sessions, and a small flood: every line of the two who talk arrives, and once."""
    command = [sys.executable, "-P", str(ROOT / "benchmarks" / "crowd.py"), "--json", "--out", str(tmp_path)]
    done = subprocess.run(
        [*command, "--quick", "--only", "scram-256", "--only", "digest-tcp", "--only", "flood"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "PYTHONSAFEPATH": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "no handler failed"
    found = json.loads(done.stdout)
    assert found == json.loads((tmp_path / "crowd.json").read_text())
    assert [row["unit"] for row in found["rows"]] == ["KiB", "KiB", "ms", "ms", "share", "MiB"]
    assert all(row["figure"]["median"] > 0 for row in found["rows"][:5])
    assert found["rows"][4]["met"], "said, heard once, and confirmed"
    assert [idle["levels"] for idle in found["idle"].values()] == [["authenticated"], ["passive-only"]]
    attacks = found["flood"]["attacks"]
    assert sum(sum(outcomes.values()) for outcomes in attacks.values()) == 100
    assert not any("let in" in outcomes for outcomes in attacks.values())
    assert found["flood"]["logins"] > 0
