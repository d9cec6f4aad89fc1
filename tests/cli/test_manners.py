"""What `msrp send` and `msrp listen` say when not all goes as it should: refused, slow, interrupted."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path

import pytest

import msrp_peer
from cli.programs import Listening, Open, Start, wait_until


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    return tmp_path / "inbox"


def made(folder: Path, name: str, size: int) -> Path:
    """A file of zeros that takes no room on the disk."""
    path = folder / name
    with path.open("wb") as file:
        file.truncate(size)
    return path


class TestOneOfSeveral:
    def test_a_refused_file_stops_no_other(self, msrp: Start, terminal: Open, tmp_path: Path) -> None:
        a, b, c = (made(tmp_path, name, 1000) for name in "abc")
        listener = terminal("listen", "127.0.0.1", "--port", "0", "--out", tmp_path / "inbox")
        target = listener.wait_for(r"127\.0\.0\.1:\d+")
        sender = msrp("send", target, "-f", a, "-f", b, "-f", c)
        for answer in ("y", "n", "y"):
            listener.wait_for(r"Take it\? \[y/N\] ")
            listener.type(answer)
        assert sender.wait() == 1, "not everything was delivered"
        assert "msrp: b: not delivered: the other side refuses it" in sender.errors
        assert re.findall(r"^Delivered: (\w),", sender.output, re.M) == ["a", "c"]
        assert sorted(path.name for path in (tmp_path / "inbox").iterdir()) == ["a", "c"]

    def test_what_the_end_of_the_session_leaves_unsent_is_named(
        self, msrp: Start, listening: Listening, tmp_path: Path, inbox: Path
    ) -> None:
        listener, target = listening("--out", inbox, "--accept-files")
        files = [made(tmp_path, "large", 500 << 20), made(tmp_path, "b", 1), made(tmp_path, "c", 1)]
        sender = msrp("send", target, *(f"--file={file}" for file in files))
        wait_until(lambda: list(inbox.glob("*.part")))
        listener.process.kill()
        assert sender.wait() == 1
        assert "msrp: large: not delivered: " in sender.errors
        assert "msrp: not sent: b, c: the session is over" in sender.errors

    def test_a_file_that_has_gone_meanwhile(self, msrp: Start, terminal: Open, tmp_path: Path) -> None:
        listener = terminal("listen", "127.0.0.1", "--port", "0", "--out", tmp_path / "inbox")
        target = listener.wait_for(r"127\.0\.0\.1:\d+")
        a, b, c = (made(tmp_path, name, 1000) for name in "abc")
        sender = msrp("send", target, "-f", a, "-f", b, "-f", c)
        listener.wait_for(r"Take it\? \[y/N\] ")
        b.unlink()
        listener.type("y")
        listener.wait_for(r'"c", .*Take it\? \[y/N\] ')
        listener.type("y")
        assert sender.wait() == 1
        assert f"msrp: No such file or directory: {b}" in sender.errors


class TestSlowToAgree:
    def test_the_speed_is_that_of_the_line(self, msrp: Start, terminal: Open, tmp_path: Path) -> None:
        listener = terminal("listen", "127.0.0.1", "--port", "0", "--out", tmp_path / "inbox")
        target = listener.wait_for(r"127\.0\.0\.1:\d+")
        sender = msrp("send", target, "--file", made(tmp_path, "a", 1000))
        listener.wait_for(r"Take it\? \[y/N\] ")
        wait_until(lambda: "waiting for the other side to take it" in sender.errors)
        listener.type("y")
        assert sender.wait() == 0
        assert re.search(r"in [\d.]+ s \([\d.]+ MB/s\); it was agreed to \d+ s later$", sender.output, re.M)

    def test_a_long_file_waits_too(self, msrp: Start, terminal: Open, tmp_path: Path, inbox: Path) -> None:
        listener = terminal("listen", "127.0.0.1", "--port", "0", "--out", inbox)
        target = listener.wait_for(r"127\.0\.0\.1:\d+")
        sender = msrp("send", target, "--file", made(tmp_path, "large", 150 << 20))
        listener.wait_for(r"Take it\? \[y/N\] ")
        wait_until(lambda: "The other side has not agreed to large yet" in sender.errors)
        assert msrp("send", target, "meanwhile").wait() == 0
        listener.type("y")
        listener.wait_for("SHA-256 [0-9a-f]+, checked")
        assert sender.wait() == 0, sender.errors
        assert re.search(r"MB/s\) from when it was agreed to, after \d+ s$", sender.output, re.M)
        assert (inbox / "large").stat().st_size == 150 << 20


class TestInterrupted:
    def test_the_sender_says_what_is_undone(
        self, terminal: Open, listening: Listening, tmp_path: Path
    ) -> None:
        _, target = listening("--out", tmp_path / "inbox", "--accept-files")
        small, large, rest = (
            made(tmp_path, name, size) for name, size in (("small", 1), ("large", 1 << 30), ("rest", 1))
        )
        sender = terminal("send", target, "-f", small, "-f", large, "-f", rest)
        sender.wait_for("Delivered: small")
        sender.wait_for("large .*MB/s")
        sender.key("c")
        code, shows = sender.wait_and_look_at_echo()
        assert (code, shows) == (130, True)
        how_far = r"[\d.]+ .B of 1\.1 GB \(1,073,741,824 octets\)"
        gone = rf"\n\S*msrp: large: not delivered; it had come to about {how_far}"
        assert re.search(gone, sender.seen)
        assert "msrp: not sent: rest" in sender.seen
        assert "\x1b[?25h" in sender.seen[sender.seen.rindex("\x1b[?25l") :], "the cursor is back"

    def test_before_anybody_answered(self, terminal: Open) -> None:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            sender = terminal("send", f"127.0.0.1:{silent.getsockname()[1]}", "hello")
            with silent.accept()[0]:
                sender.key("c")
                assert sender.wait() == 130
        assert "msrp: nothing was sent: nobody had answered yet" in sender.seen

    def test_the_receiver_says_where_the_part_is(
        self, msrp: Start, terminal: Open, tmp_path: Path, inbox: Path
    ) -> None:
        listener = terminal("listen", "127.0.0.1", "--port", "0", "--out", inbox, "--accept-files")
        target = listener.wait_for(r"127\.0\.0\.1:\d+")
        sender = msrp("send", target, "--file", made(tmp_path, "large", 1 << 30))
        (inbox / "large.part").write_text("of another time")
        part = inbox / "large (1).part"  # a name with a space in it
        wait_until(lambda: part.exists() and part.stat().st_size)
        listener.key("c")
        assert listener.wait() == 130
        assert f'msrp: "large" is not whole; what came stays in {part}' in listener.seen
        assert part.exists()
        assert sender.wait() == 1
        assert "large: not delivered" in sender.errors


class TestQuestions:
    """A question stands on a line of its own, for as long as an answer is of any use."""

    def test_withdrawn_when_its_sender_leaves(self, msrp: Start, terminal: Open, tmp_path: Path) -> None:
        """Its octets were all here; but the sender was told that it was not delivered."""
        listener = terminal("listen", "127.0.0.1", "--port", "0", "--out", tmp_path / "inbox")
        target = listener.wait_for(r"127\.0\.0\.1:\d+")
        sender = msrp("send", target, "--file", made(tmp_path, "a", 1000))
        listener.wait_for(r"Take it\? \[y/N\] ")
        wait_until(lambda: "a is there; waiting" in sender.errors)
        sender.interrupt()
        assert "a: not delivered; it is there, and the other side has not said" in sender.errors
        listener.wait_for(
            r"\r\nmsrp: [^\n]*\"a\" was cut before it was agreed to \(its sender has left\): no answer"
        )
        another = msrp("send", target, "--file", made(tmp_path, "b", 1000))
        listener.wait_for(r'"b", .*Take it\? \[y/N\] ')
        listener.type("y")
        assert another.wait() == 0

    def test_withdrawn_when_the_file_is_given_up(self, terminal: Open, tmp_path: Path) -> None:
        listener = terminal("listen", "127.0.0.1", "--port", "0", "--out", tmp_path / "inbox")
        target = listener.wait_for(r"127\.0\.0\.1:\d+")

        async def give_up() -> None:
            async with msrp_peer.connect(target) as session:
                sending = asyncio.create_task(session.send(made(tmp_path, "large", 200 << 20)))
                await asyncio.to_thread(listener.wait_for, r"Take it\? \[y/N\] ")
                sending.cancel()
                await asyncio.wait([sending])
                await asyncio.to_thread(listener.wait_for, r"\(the sender gave it up\): no answer is needed")
                await (await session.send("still here")).delivered()
                await asyncio.to_thread(listener.wait_for, ": still here")

        asyncio.run(give_up())

    def test_what_nobody_waits_for_may_still_be_taken(self, terminal: Open, tmp_path: Path) -> None:
        """A sender that did not ask for a report counts the file as delivered: it is kept."""
        inbox = tmp_path / "inbox"
        listener = terminal("listen", "127.0.0.1", "--port", "0", "--out", inbox)
        target = listener.wait_for(r"127\.0\.0\.1:\d+")

        async def send() -> None:
            async with msrp_peer.connect(target) as session:
                sent = await session.send(made(tmp_path, "a", 1000), success_report=False)
                await sent.delivered()

        asyncio.run(send())
        listener.wait_for(r"Take it\? \[y/N\] ")
        listener.type("y")
        listener.wait_for("checked")
        assert (inbox / "a").stat().st_size == 1000

    def test_asked_again_below_what_is_said_meanwhile(
        self, msrp: Start, terminal: Open, tmp_path: Path
    ) -> None:
        listener = terminal("listen", "127.0.0.1", "--port", "0", "--out", tmp_path / "inbox")
        target = listener.wait_for(r"127\.0\.0\.1:\d+")
        sender = msrp("send", target, "--file", made(tmp_path, "a", 1000))
        listener.wait_for(r"Take it\? \[y/N\] ")
        assert msrp("send", target, "hello").wait() == 0
        listener.wait_for(r'\r\n[^\n]*: hello\r\n[^\n]* sends "a", [^\n]*Take it\? \[y/N\] ')
        listener.type("y")
        assert sender.wait() == 0
        listener.wait_for("checked")

    def test_withdrawn_in_a_chat(self, msrp: Start, terminal: Open, tmp_path: Path) -> None:
        bob = terminal("chat", "--listen", "127.0.0.1", "--port", "0", "--out", tmp_path / "inbox")
        target = bob.wait_for(r"127\.0\.0\.1:\d+")
        alice = msrp("send", target, "--file", made(tmp_path, "a", 1000))
        bob.wait_for(r"Take it\? Say /take or /refuse")
        wait_until(lambda: "a is there; waiting" in alice.errors)
        alice.interrupt()
        bob.wait_for("no answer is needed any more")
        bob.type("/take")
        bob.wait_for("no file waits for an answer")
        bob.type("y")
        bob.wait_for(r"nobody is there: 127\.0\.0\.1:\d+ has left")
