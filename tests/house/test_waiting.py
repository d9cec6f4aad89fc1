"""Whoever waits for a build sees that it goes on (.ci/waiting)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pexpect

ROOT = Path(__file__).resolve().parents[2]
WAITING = str(ROOT / ".ci/waiting")


def test_dots_while_nothing_is_said_and_its_exit_code() -> None:
    child = pexpect.spawn(
        WAITING, ["sh", "-c", "read line; exit 3"], timeout=20, encoding="utf-8", echo=False
    )
    child.expect_exact("..")
    child.sendline("")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 3


def test_an_interrupt_ends_both() -> None:
    child = pexpect.spawn(WAITING, ["sleep", "60"], timeout=20, encoding="utf-8", echo=False)
    child.expect_exact(".")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130 or child.signalstatus == 2


def test_a_log_gets_no_dots() -> None:
    done = subprocess.run(
        [WAITING, "sh", "-c", "sleep 2.5; exit 3"], capture_output=True, check=False, timeout=20
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, b"", b"")


def test_every_step_that_takes_long_says_so() -> None:
    makefile = (ROOT / "Makefile").read_text()
    steps = makefile[makefile.index("$(made): ") :]
    long = [line.strip() for line in steps.splitlines() if "$(pip)" in line]
    assert len(long) == 5
    assert [line for line in long if "$(waiting) $(pip)" not in line] == []
