"""Passwords asked for on a real terminal, which never shows them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from msrp_peer.credentials.secret import generate

# Python 3.12 and later fear a fork beside threads; pexpect forks, and there are no threads here.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")

PROGRAM = """\
from msrp_peer.credentials.errors import CredentialsError
from msrp_peer.credentials.prompt import Prompt
try:
    found = Prompt().password("im:alice@lan", "im:bob@lan")
    print("found", None if found is None else (len(found.text), found.generated))
except CredentialsError as error:
    print(type(error).__name__, error)
"""
QUESTION = b"Password of im:alice@lan for im:bob@lan: "
Spawn = Callable[..., "pexpect.spawn[bytes]"]


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Spawn]:
    """A program that asks, behind a shell's redirection."""
    started: list[pexpect.spawn[bytes]] = []
    script = tmp_path / "ask.py"
    script.write_text(PROGRAM)

    def start(redirection: str = "") -> pexpect.spawn[bytes]:
        child = pexpect.spawn("/bin/sh", ["-c", f"{sys.executable} -P {script} {redirection}"], timeout=20)
        child.delaybeforesend = None
        child.expect_exact(QUESTION)
        started.append(child)
        return child

    yield start
    for child in started:
        child.close(force=True)


def ended(child: pexpect.spawn[bytes]) -> bytes:
    child.expect(pexpect.EOF)
    return bytes(child.before).strip()


@pytest.mark.parametrize("redirection", ["", "</dev/null"])
def test_what_is_typed_is_taken_and_not_shown(asking: Spawn, redirection: str) -> None:
    child = asking(redirection)
    child.sendline(b"S3cret password")
    assert ended(child) == b"found (15, False)"


def test_a_generated_secret(asking: Spawn) -> None:
    child = asking()
    child.sendline(generate().upper().replace("-", "").encode())
    assert ended(child) == b"found (24, True)"


def test_a_slip_in_a_generated_secret_is_asked_about(asking: Spawn) -> None:
    secret = generate()
    slip = ("3" if secret[0] == "2" else "2") + secret[1:]
    child = asking()
    child.sendline(slip.encode())
    child.expect_exact(b"with a slip in it. Once more, please: ")
    child.sendline(secret.encode())
    assert ended(child) == b"found (24, True)"
    child = asking()
    child.sendline(slip.encode())
    child.expect_exact(b"Once more, please: ")
    child.sendline(slip.encode())  # it is meant so
    assert ended(child).endswith(b"found (24, False)")


@pytest.mark.parametrize("keys", [b"\r", b"\x04"])
def test_nobody_wants_to_give_one(asking: Spawn, keys: bytes) -> None:
    child = asking()
    child.send(keys)
    assert ended(child) == b"found None"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (b"S3cr\xff\xfe", b"CredentialsError the password is not text in this terminal's encoding"),
        (b"S3cr\xee\x80\x80", b"CredentialsError the password has characters that are not allowed"),
        (b"S3cr" * 300, b"CredentialsError the password is longer than 1024 characters"),
    ],
)
def test_what_no_password_can_be_is_not_repeated(asking: Spawn, typed: bytes, words: bytes) -> None:
    child = asking()
    child.sendline(typed)
    said = ended(child)
    assert said.startswith(words)
    assert b"S3cr" not in said


def test_without_a_terminal_nothing_is_asked() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM],
        input=b"S3cret\n",
        capture_output=True,
        check=True,
        timeout=30,
        start_new_session=True,  # without the terminal these tests may have
    )
    assert done.stdout.startswith(b"CannotAsk there is no terminal to ask for the password")
    assert done.stderr == b""
