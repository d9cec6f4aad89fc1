"""Every end-line scan there is, each in a process of its own, as it is chosen once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# End-lines at every distance from the edges of a vector, behind octets that one probe hits.
SCRIPT = """
import sys
from pathlib import Path
from msrp_core import Parser, scan_name

assert scan_name() == sys.argv[1], scan_name()
HEAD = (
    b"MSRP abcd SEND\\r\\nTo-Path: msrp://a;tcp\\r\\nFrom-Path: msrp://b;tcp\\r\\n"
    b"Content-Type: text/plain\\r\\n\\r\\n"
)
END = b"\\r\\n-------abcd$\\r\\n"
FILLERS = (
    b"x", b"\\r", b"\\n", b"\\r\\n", b"-", b"d", b"\\r-----------d", b"\\r\\n-------abc",
    b"\\r\\n-------abcd", b"\\r\\n-------abce$\\r\\n", b"\\r\\n------abcd$\\r\\n", b"\\xff\\x00",
)
for filler in FILLERS:
    for size in range(270):
        body = (filler * size)[:size]
        octets = HEAD + body + END
        first, second = Parser().feed(octets + octets)
        assert first.body == second.body == body, (filler, size)
        parser = Parser()
        cut = len(HEAD) + size // 2
        events = [*parser.feed(octets[:cut])]
        events += parser.feed(octets[cut:])
        pieces = [bytes(event) for event in events[1:-1]]
        assert b"".join(pieces) == body, (filler, size)
        assert events[-1].flag == "$"
print("done")
"""


def scans() -> list[str]:
    """Those this machine has. Where it does not say which it has, all; the core says which it lacks."""
    said = Path("/proc/cpuinfo")
    flags = said.read_text().split() if said.exists() else ["avx2", "sse2"]
    return [*(name for name in ("avx2", "sse2") if name in flags), "c"]


@pytest.mark.parametrize("name", scans())
def test_a_scan_finds_every_end_line(name: str) -> None:
    # -P: the source folder, unbuilt, must not stand before the installed package.
    done = subprocess.run(
        [sys.executable, "-P", "-c", SCRIPT, name],
        env={**os.environ, "MSRP_SCAN": name},
        capture_output=True,
        text=True,
        check=False,
    )
    if "no such scan on this machine" in done.stderr:
        assert not Path("/proc/cpuinfo").exists(), "it has"
        pytest.skip(f"this machine cannot run the {name} scan")
    assert done.stdout == "done\n", done.stderr


def test_a_scan_nobody_knows_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", "import msrp_core"],
        env={**os.environ, "MSRP_SCAN": "none"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "MSRP_SCAN" in done.stderr
