"""`msrp chat`: on terminals, and where there is none."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from cli.programs import Open, Program, Start, Terminal

# Python 3.12 and later fear a fork beside threads; pexpect forks, and there are no threads here.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


@pytest.fixture
def two(terminal: Open, tmp_path: Path) -> tuple[Terminal, Terminal]:
    """Bob, who listened, and Alice, who called him."""
    bob = terminal(
        "chat", "--listen", "127.0.0.1", "--port", "0", "--as", "im:bob@lan", "--out", tmp_path / "bob"
    )
    target = bob.wait_for(r"127\.0\.0\.1:\d+")
    alice = terminal("chat", target, "--as", "im:alice@lan", cwd=tmp_path)
    alice.wait_for(r"Talking to im:bob@lan \(claimed, not proved\) at 127\.0\.0\.1:\d+")
    alice.wait_for("protected against listening; nobody is proved")
    alice.wait_for("/help tells what else can be typed here; Ctrl-D ends")
    bob.wait_for(r"Talking to im:alice@lan \(claimed, not proved\)")
    return bob, alice


@pytest.mark.journey("chat")
def test_two_terminals(two: tuple[Terminal, Terminal]) -> None:
    bob, alice = two
    alice.type("Hello Bob")
    bob.wait_for(r"im:alice@lan \(not proved\): Hello Bob")
    bob.type("Grüß dich, Alice")
    alice.wait_for(r"im:bob@lan \(not proved\): Grüß dich, Alice")
    alice.type("//slashes stay")
    bob.wait_for(r"im:alice@lan \(not proved\): /slashes stay")
    alice.type("/security")
    alice.wait_for(
        r"TLSv1.3, TLS_AES_256_GCM_SHA384\s+"
        r"the other side's key, SHA-256 ([0-9A-F]{2}:){31}..\s+our key, SHA-256 "
    )
    alice.type("/help")
    alice.wait_for("/file PATH")
    alice.type("/fly")
    alice.wait_for("/fly is no command")
    alice.type("/quit")
    assert alice.wait() == 0
    bob.wait_for(r"im:alice@lan \(not proved\) has left")
    bob.type("anybody?")
    # The prompt is back: between two the terminal eats the key.
    bob.wait_for(r"nobody is there: im:alice@lan \(not proved\) has left[^>]*>")
    bob.key("d")
    assert bob.wait() == 0


def test_a_file_is_asked_about_and_taken(two: tuple[Terminal, Terminal], tmp_path: Path) -> None:
    bob, alice = two
    (tmp_path / "a photo.jpg").write_bytes(b"x" * 300_000)
    alice.type('/file "a photo.jpg"')
    bob.wait_for(r'im:alice@lan \(not proved\) sends "a photo\.jpg", .*Take it\? Say /take or /refuse')
    bob.wait_for(r"\(/take or /refuse\) >")
    alice.type("shall we have lunch?")
    bob.wait_for("shall we have lunch")
    for word in ("yes", "n"):  # said to Alice, and no answer to the question
        bob.type(word)
        alice.wait_for(rf"im:bob@lan \(not proved\): {word}\b")
        bob.wait_for(r"said to im:alice@lan \(not proved\); /take or /refuse answers about the file")
    bob.type("")
    bob.type("/take a photo.jpg")
    bob.wait_for("/take stands alone")
    assert "was refused" not in bob.seen
    assert "checked" not in bob.seen
    bob.type("/take")
    bob.wait_for(r"SHA-256 [0-9a-f]{64}, checked")
    alice.wait_for("Delivered: a photo.jpg")  # only now: it waited at Bob's for his answer
    assert (tmp_path / "bob" / "a photo.jpg").stat().st_size == 300_000


def test_a_file_is_refused(two: tuple[Terminal, Terminal], tmp_path: Path) -> None:
    bob, alice = two
    with (tmp_path / "large").open("wb") as sparse:
        sparse.truncate(100 << 20)
    bob.type("/file none/such")
    bob.wait_for("msrp: No such file or directory: none/such")
    assert "Sending" not in bob.seen
    alice.type("/file large")
    bob.wait_for(r"Take it\? Say /take or /refuse")
    bob.type("/refuse")
    bob.wait_for('"large" was refused')
    assert bob.seen.count("Take it?") == 1
    bob.type("/refuse")
    bob.wait_for("no file waits for an answer")
    assert list((tmp_path / "bob").iterdir()) == []


def test_file_says_how_it_is_used_and_tab_completes(two: tuple[Terminal, Terminal], tmp_path: Path) -> None:
    bob, alice = two
    (tmp_path / "a long name.txt").write_text("x")
    alice.type("/file")
    alice.wait_for("say which file: /file PATH")
    alice.child.send("/fi\t")
    alice.wait_for("m/fi")  # behind what puts the cursor there
    alice.wait_for("le")
    alice.child.send("a lo\t")
    alice.wait_for("ng name.txt")
    alice.type("")
    bob.wait_for(r'sends "a long name\.txt"')


def test_a_mistyped_file_is_no_failure(two: tuple[Terminal, Terminal], tmp_path: Path) -> None:
    bob, alice = two
    for name in ("no such file", "."):
        alice.type(f"/file {name}")
        alice.wait_for(f"msrp: [^\r\n]*directory: {name}")
    alice.type("still here")
    bob.wait_for("still here")
    alice.type("/quit")
    assert alice.wait() == 0
    assert "Sending" not in alice.seen


def test_colours_that_are_pasted_are_no_keys(two: tuple[Terminal, Terminal]) -> None:
    bob, alice = two
    alice.type("\x1b[1mHello\x1b[0m \x1b[38;5;9mBob\x1b[<9;9;9m\x1b[M\x01\x02\x03!")
    bob.wait_for(r"im:alice@lan \(not proved\): Hello Bob!")
    alice.type("/quit")
    assert alice.wait() == 0
    assert "xception" not in alice.seen


def test_a_long_file_has_a_bar(two: tuple[Terminal, Terminal], tmp_path: Path) -> None:
    bob, alice = two
    with (tmp_path / "large").open("wb") as sparse:
        sparse.truncate(600 << 20)
    alice.type("/file large")
    alice.wait_for(r"large: reading +█*░* +\d+% +[\d.]+/629\.1 MB +[\d.]+ MB/s")
    bob.wait_for(r"Take it\? Say /take or /refuse")
    bob.type("/take")
    for one in two:
        one.wait_for(r"large +█*░* +\d+% +[\d.]+/629\.1 MB +[\d.]+ MB/s")
    alice.type("and words go on")
    bob.wait_for(r"im:alice@lan \(not proved\): and words go on")
    bob.key("c")
    assert bob.wait() == 130
    assert '"large" is not whole; what came stays in' in bob.seen


def test_ctrl_c(two: tuple[Terminal, Terminal]) -> None:
    bob, alice = two
    alice.key("c")
    assert alice.wait() == 130
    bob.wait_for("has left")
    bob.key("c")
    assert bob.wait() == 130


def test_a_lost_line_ends_the_chat(two: tuple[Terminal, Terminal]) -> None:
    bob, alice = two
    bob.child.kill(signal.SIGKILL)
    assert alice.wait() == 1
    assert "msrp: im:bob@lan (not proved): the connection was cut" in alice.seen


def test_a_third_is_turned_away(two: tuple[Terminal, Terminal], msrp: Start) -> None:
    bob, alice = two
    third = msrp("chat", alice.child.args[2].decode(), stdin=subprocess.PIPE)
    bob.wait_for("called meanwhile, and was turned away")
    assert third.wait() == 0
    assert "im:bob@lan (not proved) has left before anything was said: perhaps busy with" in third.output
    fourth = msrp("send", alice.child.args[2].decode(), "hi")
    assert fourth.wait() == 1
    assert "The other side ended the session: it has left, is busy with somebody else, or" in fourth.errors
    alice.type("still here")
    bob.wait_for(r"im:alice@lan \(not proved\): still here")
    bob.type("good")
    alice.wait_for("good")
    bob.key("d")
    assert bob.wait() == 0
    alice.wait_for(r"im:bob@lan \(not proved\) has left\s*$")


class TestWithoutATerminal:
    def test_lines_of_a_script(self, msrp: Start) -> None:
        bob = msrp("chat", "--listen", "127.0.0.1:0", "--json", "--as", "im:bob@lan", stdin=subprocess.PIPE)
        target = f"127.0.0.1:{bob.event('listening')['port']}"
        bob.write("waits until somebody is there\n")
        alice = msrp("chat", target, "--json", stdin=subprocess.PIPE)
        assert alice.event("message")["text"] == "waits until somebody is there"
        lines = [f"line {number}" for number in range(200)]
        alice.write("".join(f"{line}\n" for line in lines))
        assert [bob.event("message")["text"] for _ in lines] == lines
        assert alice.process.stdin is not None
        alice.process.stdin.close()
        assert alice.wait() == 0
        events = [json.loads(line)["event"] for line in alice.output.splitlines()]
        assert events.count("delivered") == 200
        bob.event("closed")
        bob.write("/quit\n")
        assert bob.wait() == 0
        assert bob.errors == alice.errors == ""

    def test_the_other_side_leaves(self, msrp: Start) -> None:
        bob, alice = self._talking(msrp)
        bob.write("/quit\n")
        assert alice.wait() == 0
        assert "127.0.0.1" in alice.output
        assert "has left" in alice.output

    def test_a_file_refused_is_a_failure(self, msrp: Start, tmp_path: Path) -> None:
        _, alice = self._talking(msrp)
        (tmp_path / "file").write_text("x")
        alice.write(f"/file {tmp_path / 'file'}\n/quit\n")
        assert alice.wait() == 1
        assert "msrp: file: not delivered: the other side refuses it" in alice.errors

    def test_a_file_that_is_not_there_is_a_failure(self, msrp: Start) -> None:
        """Nobody sees it and says another."""
        _, alice = self._talking(msrp)
        alice.write("/file no-such-file\n/quit\n")
        assert alice.wait() == 1
        assert "msrp: No such file or directory: no-such-file" in alice.errors

    def test_ctrl_c(self, msrp: Start) -> None:
        bob, alice = self._talking(msrp)
        assert alice.interrupt() < 5
        assert bob.interrupt() < 5

    def test_nobody_there(self, msrp: Start) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            chat = msrp("chat", f"127.0.0.1:{taken.getsockname()[1]}")
            assert chat.wait() == 3

    @staticmethod
    def _talking(msrp: Start) -> tuple[Program, Program]:
        bob = msrp("chat", "--listen", "127.0.0.1:0", stdin=subprocess.PIPE)
        target = bob.wait_for(r"127\.0\.0\.1:\d+").group()
        alice = msrp("chat", target, stdin=subprocess.PIPE)
        alice.write("hello\n")
        bob.wait_for("127.0.0.1:[0-9]+: hello")
        return bob, alice
