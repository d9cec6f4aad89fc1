"""`msrp demo`: exits 0 only if all of it held, and leaves nothing behind."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.programs import Open, Program, Start, wait_until


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the demo puts its files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def gone(process: int) -> bool:
    """Whether a process has ended, be it still to be buried."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def bobs_process(demo: Program) -> int:
    return int(demo.wait_for(r"listens at .* \(process (\d+)\)")[1])


@pytest.mark.journey("demo")
def test_all_of_it_holds(msrp: Start, temporary: Path) -> None:
    demo = msrp("demo", "--size", "2")
    bob = bobs_process(demo)
    assert demo.wait(60) == 0, demo.output + demo.errors
    told = demo.output
    assert re.search(r"^msrp [\w.]+, installed in /.*\nPython 3\.\d+\.\d+, OpenSSL \d", told)
    # Another demo on this machine at the same time, and Alice cannot tell the two Bobs apart.
    assert "alice finds im:bob@lan by multicast DNS, at 127.0.0.1:" in told or "several listeners" in told
    assert told.count("'s end of the line: passive-only\n") == 2
    assert "protected against listening; nobody is proved" in told
    assert len(re.findall(r"^alice: ", told, re.M)) >= 2
    assert len(re.findall(r"^bob:   ", told, re.M)) >= 2
    hashes = re.findall(r"^(alice|bob  ) SHA-256 ([0-9a-f]{64})$", told, re.M)
    assert len(hashes) == 2
    assert hashes[0][1] == hashes[1][1]
    assert re.search(r"^line  \d+ MB/s", told, re.M)
    assert "FAILED" not in told
    assert re.search(r"^All of it held, in .* s\.$", told, re.M)
    assert demo.errors == ""
    assert gone(bob)
    assert list(temporary.iterdir()) == []


def test_json_adh_and_kept_files(msrp: Start, tmp_path: Path) -> None:
    demo = msrp("demo", "--size", "1", "--tls", "adh", "--json", "--keep", tmp_path / "kept")
    assert demo.wait(60) == 0, demo.output
    assert demo.errors == ""
    events = [json.loads(line) for line in demo.output.splitlines()]
    last = events[-1]
    assert last["event"] == "demo"
    assert last["held"] is True
    assert all(last["checks"].values())
    assert last["security"]["alice"]["layers"][0]["cipher"].startswith("ADH-")
    assert last["security"]["bob"]["level"] == "passive-only"
    sent, arrived = tmp_path / "kept" / "noise.bin", tmp_path / "kept" / "bob" / "noise.bin"
    assert sent.read_bytes() == arrived.read_bytes()
    assert last["file"]["sha256"]["alice"] == hashlib.sha256(sent.read_bytes()).hexdigest()
    again = msrp("demo", "--keep", tmp_path / "kept")
    assert again.wait() == 2
    assert "is there already" in again.errors


def test_it_gives_up_and_says_what_was_waited_for(msrp: Start, temporary: Path) -> None:
    demo = msrp("demo", "--size", "1", "--seconds", "0.3")
    assert demo.wait() == 1
    assert re.search(r"gave up after 0\.3 s, waiting for bob to listen", demo.errors)
    assert "Not all of it held" in demo.output
    assert list(temporary.iterdir()) == []


def test_ctrl_c_while_it_prepares(msrp: Start, temporary: Path) -> None:
    demo = msrp("demo", "--size", "10000")
    wait_until(lambda: list(temporary.glob("*/noise.bin")))
    assert demo.interrupt() < 5
    assert list(temporary.iterdir()) == []


def test_ctrl_c_while_they_meet(msrp: Start, temporary: Path) -> None:
    demo = msrp("demo", "--size", "1")
    bob = bobs_process(demo)
    assert demo.interrupt() < 5
    assert demo.errors == ""
    assert gone(bob)
    assert list(temporary.iterdir()) == []


def test_ctrl_c_on_a_terminal_reaches_both(terminal: Open, temporary: Path) -> None:
    demo = terminal("demo", "--size", "1")
    demo.wait_for(r"bob   listens at .*\)")
    bob = int(demo.seen.rpartition("process ")[2].rstrip(")"))
    demo.key("c")
    assert demo.wait() == 130
    assert "rror" not in demo.seen
    assert gone(bob)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("auth", ["none", "certificate"])
def test_nothing_outlives_a_demo_that_is_killed(msrp: Start, temporary: Path, auth: str) -> None:
    demo = msrp("demo", "--size", "8", "--auth", auth)
    bob = bobs_process(demo)
    assert list(temporary.iterdir())
    demo.process.kill()
    wait_until(lambda: gone(bob))
    wait_until(lambda: not list(temporary.iterdir()))


def patched(change: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The demo with something of it replaced."""
    code = f"import sys\nfrom msrp_peer.cli import demo, main\n{change}\nsys.exit(main.main(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-P", "-c", code, "demo", "--size", "1", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


NO_MULTICAST = """\
from msrp_peer.aio import discovery, join
async def find_all(*_, **__): raise discovery.DiscoveryUnavailable('no multicast here')
join.find_all = find_all
"""


def test_by_the_address_where_multicast_is_missing() -> None:
    done = patched(NO_MULTICAST)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "alice does not find bob by multicast DNS: no multicast here\n" in done.stdout
    assert "connects to the address 127.0.0.1:" in done.stdout


def test_a_check_that_fails_is_named() -> None:
    done = patched(f"{NO_MULTICAST}async def _digest(path): return 'wrong'\ndemo._digest = _digest")
    assert done.returncode == 1
    assert "FAILED its SHA-256 is the same at both ends, and was checked on arrival\n" in done.stdout
    assert "Not all of it held" in done.stdout


def test_bob_fails(tmp_path: Path) -> None:
    code = "from msrp_peer.cli import demo_child\ndemo_child.sys.executable = '/bin/false'"
    done = patched(code)
    assert done.returncode == 1
    assert "failed while waiting for bob to listen: bob's process ended" in done.stderr
    assert "Traceback" not in done.stderr
    assert os.listdir(os.environ["TMPDIR"]) == []  # noqa: PTH208
