"""`msrp send` to `msrp listen`: words."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
from pathlib import Path

import pytest

import msrp_peer
from cli.programs import PATIENCE, Listening, Program, Start
from support.raw_peer import raw_peer


@pytest.mark.journey("listen", "send")
def test_text_is_seen_and_said_to_be_delivered(msrp: Start, listening: Listening) -> None:
    listener, target = listening("--once", "--as", "im:bob@lan")
    sender = msrp("send", target, "Hello, wörld", "--as", "im:alice@lan")
    assert sender.wait() == 0, sender.errors
    assert (
        "To im:bob@lan (claimed, not proved)\nprotected against listening; nobody is proved" in sender.output
    )
    assert "Delivered: the message, 13 octets\n" in sender.output
    assert sender.errors == ""
    assert listener.wait() == 0, listener.errors
    assert "files are refused" in listener.output
    assert "protected against listening; nobody is proved" in listener.output
    assert "] im:alice@lan (claimed, not proved): Hello, wörld\n" in listener.output


def test_without_a_claim_the_address_is_shown(msrp: Start, listening: Listening) -> None:
    listener, target = listening("--once")
    assert msrp("send", target, "Hello").wait() == 0
    listener.wait_for(r"^\[\w+\] 127\.0\.0\.1:\d+: Hello$")


@pytest.mark.parametrize("tls", ["anonymous", "adh"])
def test_json_on_both_sides(msrp: Start, listening: Listening, tls: str) -> None:
    listener, target = listening("--once", "--json", "--tls", tls)
    sender = msrp("send", target, "Grüße", "--json", "--as", "im:alice@lan", "--tls", tls)
    assert sender.wait() == 0, sender.output
    assert listener.wait() == 0
    for program in (listener, sender):
        assert program.errors == ""
        assert program.output.isascii()
    said = [json.loads(line) for line in sender.output.splitlines()]
    assert [one["event"] for one in said] == ["session", "sent", "delivered", "closed"]
    heard = {one["event"]: one for one in map(json.loads, listener.output.splitlines())}
    assert list(heard) == ["listening", "session", "message", "closed"]
    assert heard["listening"]["files"] == "refuse"
    assert heard["session"]["peer_claimed"] == "im:alice@lan"
    assert heard["session"]["peer_proved"] is None
    assert heard["session"]["security"]["level"] == "passive-only"
    key = said[0]["security"]["layers"][0]["peer_key"]
    assert key == heard["listening"]["fingerprint"]
    assert (key is None) == (tls == "adh")
    assert heard["message"]["text"] == "Grüße"
    assert heard["message"]["message_id"] == said[2]["message_id"]
    assert heard["message"]["session"] == heard["session"]["session"]


def test_standard_input_is_a_message(msrp: Start, listening: Listening) -> None:
    listener, target = listening("--once", "--json")
    sender = msrp("send", target, "-", stdin=subprocess.PIPE)
    sender.write("first\nsecond\n")
    assert sender.process.stdin is not None
    sender.process.stdin.close()
    assert sender.wait() == 0, sender.errors
    assert listener.event("message")["text"] == "first\nsecond"


def test_hostile_text_stays_text(msrp: Start, listening: Listening) -> None:
    listener, target = listening("--once")
    forged = "\x1b[2Jhi\u202e\n[000000] im:bob@lan (claimed, not proved): forged"
    assert msrp("send", target, forged).wait() == 0
    assert listener.wait() == 0
    assert "\x1b" not in listener.output
    assert "\u202e" not in listener.output
    assert ": \\x1b[2Jhi\\u202e\n    [000000] im:bob" in listener.output


def test_what_cannot_be_shown_is_refused(listening: Listening) -> None:
    """A text of any length, and what is neither text nor a file: said, and never kept."""
    listener, target = listening("--json")

    async def send(body: bytes, content_type: str) -> int | None:
        async with msrp_peer.connect(target) as session:
            try:
                await (await session.send(body, content_type)).delivered()
            except msrp_peer.NotDelivered as error:
                return error.status
            return None

    assert asyncio.run(send(b"x" * 20_000_000, "text/plain")) == 413
    assert "more than 1.0 MB" in listener.event("error")["message"]
    asyncio.run(send(b"<x/>", "application/xml"))
    assert listener.event("refused")["content_type"] == "application/xml"
    assert asyncio.run(send("grün".encode("latin-1"), "text/plain;charset=iso-8859-1")) is None
    assert listener.event("message")["text"] == "grün"


@pytest.mark.rule("4975 5.4-17")
@pytest.mark.parametrize("as_json", [False, True])
def test_what_comes_twice_is_said_to_be_there_again(
    listening: Listening, tmp_path: Path, as_json: bool
) -> None:
    listener, target = listening("--out", tmp_path, "--accept-files", *["--json"] * as_json)
    attached = ("Content-Disposition", 'attachment; filename="x.txt"')

    async def send() -> None:
        async with raw_peer(int(target.rpartition(":")[2])) as peer:
            await peer.bind()
            for headers in ((), (), (attached,), (attached,)):
                name = "file" if headers else "line"
                assert await peer.asked(peer.message(name, b"hello", *headers)) == 200

    asyncio.run(send())
    # Each is dealt with in a task of its own, and none waits for another.
    if as_json:
        for event in ("message", "file"):
            assert {listener.event(event)["duplicate"] for _ in range(2)} == {False, True}
    else:
        for shown in ("hello$", r'"x\.txt", .* is now '):
            for _ in range(2):
                listener.wait_for(rf"^\[\w+\] .*: {shown}")
            assert len(re.findall(rf"^\[\w+\] \S+ \(again\): {shown}", listener.output, re.M)) == 1


def test_sessions_at_the_same_time_and_garbage_between(msrp: Start, listening: Listening) -> None:
    listener, target = listening("--json")
    host, _, port = target.partition(":")
    first = msrp("chat", target, "--json", stdin=subprocess.PIPE)
    second = msrp("chat", target, "--json", stdin=subprocess.PIPE)
    with socket.create_connection((host, int(port))) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        for program, text in ((first, "one"), (second, "two"), (first, "three")):
            program.write(f"{text}\n")
            assert listener.event("message")["text"] == text
    first.process.kill()
    assert listener.event("error")["kind"] == "connection-lost"
    second.write("four\n")
    assert listener.event("message")["text"] == "four"
    assert listener.interrupt() < 5


def test_nobody_there(msrp: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]  # bound, and nobody listens
        sender = msrp("send", f"127.0.0.1:{port}", "hi")
        assert sender.wait() == 3
        assert "nobody can be reached" in sender.errors
        in_json = msrp("send", f"127.0.0.1:{port}", "hi", "--json")
        assert in_json.wait() == 3
        assert in_json.event("error")["kind"] == "cannot-reach"
        assert in_json.errors == ""


def test_somebody_who_speaks_something_else(msrp: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        sender = msrp("send", f"127.0.0.1:{server.getsockname()[1]}", "hi")
        other, _ = server.accept()
        with other:
            other.sendall(b"220 mail.example ESMTP\r\n")
            assert sender.wait() == 1
    assert sender.errors.startswith("msrp: ")


def test_less_protected_than_required(msrp: Start, listening: Listening) -> None:
    _, target = listening()
    sender = msrp("send", target, "hi", "--require", "key-verified")
    assert sender.wait() == 4
    assert "key-verified is required, and this line reaches passive-only" in sender.errors


def test_a_port_in_use(msrp: Start, listening: Listening) -> None:
    _, target = listening()
    other = msrp("listen", target)
    assert other.wait() == 1
    assert f"msrp: {target} cannot be listened at: another program listens there already. " in other.errors
    assert "Another port will do, or 0 for any free one" in other.errors


def test_nobody_reads_what_is_heard(msrp: Start, listening: Listening) -> None:
    listener, target = listening()
    assert listener.process.stdout is not None
    listener._selector.close()
    listener.process.stdout.close()
    msrp("send", target, "hi").wait()
    assert listener.process.wait(20) == 1
    assert "Traceback" not in listener.errors
    assert "BrokenPipe" not in listener.errors


class TestInterrupted:
    """Ctrl-C ends every command at once, with 130 and without a word of Python."""

    def test_listen(self, listening: Listening) -> None:
        listener, _ = listening()
        assert listener.interrupt() < 5

    def test_listen_with_a_session(self, msrp: Start, listening: Listening) -> None:
        listener, target = listening()
        chat = msrp("chat", target, stdin=subprocess.PIPE)
        listener.wait_for(r"session with 127\.0\.0\.1:\d+$")  # once: nothing else is known
        assert listener.interrupt() < 5
        assert chat.wait() == 0, chat.errors
        assert "has left" in chat.output

    def test_terminated(self, listening: Listening) -> None:
        listener, _ = listening()
        listener.process.terminate()
        assert listener.wait() == 130

    def test_send_while_nobody_answers(self, msrp: Start) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            silent.settimeout(PATIENCE)
            sender = msrp("send", f"127.0.0.1:{silent.getsockname()[1]}", "hi")
            other, _ = silent.accept()
            with other:
                assert other.recv(1), "its hello"
                assert sender.interrupt() < 5

    def test_send_while_standard_input_is_read(self, msrp: Start) -> None:
        sender = msrp("send", "127.0.0.1", "-", "-v", stdin=subprocess.PIPE)
        sender.write("a line\n")
        self._until_running(sender)
        assert sender.interrupt() < 5

    def test_peers(self, msrp: Start) -> None:
        peers = msrp("peers", "--follow", "--interface", "127.0.0.1")
        self._until_running(peers)
        assert peers.interrupt() < 5

    @staticmethod
    def _until_running(program: Program) -> None:
        """Until Python has started: before, Ctrl-C is Python's own affair."""
        children = f"/proc/{program.process.pid}/status"
        for _ in range(2000):
            with open(children) as status:  # noqa: PTH123
                caught = next(int(line.split()[1], 16) for line in status if line.startswith("SigCgt"))
            if caught & (1 << 14):  # SIGTERM is ours once the loop runs
                return
            subprocess.run(["sleep", "0.01"], check=True)
        raise AssertionError("it never ran")


def test_kinds_with_words_inside(listening: Listening) -> None:
    """What CPIM claims, what is signed, what is not shown: all told; no octet reaches the terminal raw."""
    listener, target = listening("--once")
    cpim = b"From: <im:mallory@lan>\r\nSubject: a\x1b[31m\r\n\r\nContent-Type: text/plain\r\n\r\nhi\xff\x1b"
    signed = (
        b"--b\r\nContent-Type: message/cpim\r\n\r\n" + cpim + b"\r\n--b\r\n"
        b"Content-Type: application/pkcs7-signature\r\n\r\nx\r\n--b--\r\n"
    )
    mixed = (
        b"--b\r\n\r\nsee\r\n--b\r\nContent-Type: image/png\r\n"
        b'Content-Disposition: attachment; filename="a\x1b.png"\r\n\r\n1234\r\n--b--\r\n'
    )

    async def send() -> None:
        async with msrp_peer.connect(target) as session:
            for body, kind in (
                (signed, "multipart/signed;boundary=b"),
                (mixed, "multipart/mixed;boundary=b"),
            ):
                await (await session.send(body, kind)).delivered()

    asyncio.run(send())
    assert listener.wait() == 0, listener.errors
    assert "\x1b" not in listener.output
    assert ": subject: a\\x1b[31m\n" in listener.output
    assert ": hi\\xff\\x1b\n" in listener.output
    assert "    (says it is from im:mallory@lan, which nothing proves)\n" in listener.output
    assert "    (it is signed, and the signature was not checked)\n" in listener.output
    assert ': see\n    (has "a\\x1b.png", image/png, 4 octets, which is not shown)\n' in listener.output
