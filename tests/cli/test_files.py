"""`msrp send --file` to `msrp listen --out`: files, whatever they are called."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from cli.programs import Listening, Open, Start, wait_until

SIZE = 3_000_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "holiday.jpg"
    path.write_bytes(os.urandom(SIZE))
    return path


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    return tmp_path / "inbox"


def names(inbox: Path) -> list[str]:
    return sorted(path.name for path in inbox.iterdir())


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def sparse(path: Path, mebibytes: int = 200) -> Path:
    """A file that takes a while to send, and no room on the disk."""
    with path.open("wb") as file:
        file.truncate(mebibytes << 20)
    return path


@pytest.mark.parametrize("tls", ["anonymous", "adh"])
def test_a_file_arrives(msrp: Start, listening: Listening, file: Path, inbox: Path, tls: str) -> None:
    listener, target = listening("--once", "--out", inbox, "--accept-files", "--tls", tls)
    sender = msrp("send", target, "--file", file, "--tls", tls)
    assert sender.wait() == 0, sender.errors
    assert re.search(
        r"^Delivered: holiday\.jpg, 3\.0 MB \(3,000,000 octets\), in .* MB/s\)$", sender.output, re.M
    )
    assert sender.errors == "", "no progress but on a terminal"
    assert listener.wait() == 0, listener.errors
    assert names(inbox) == ["holiday.jpg"]
    assert sha256(inbox / "holiday.jpg") == sha256(file)
    assert f"SHA-256 {sha256(file)}, checked" in listener.output
    assert str(inbox / "holiday.jpg") in listener.output


def test_no_room_for_a_file_says_which_and_where_it_stays(msrp: Start, file: Path, inbox: Path) -> None:
    prlimit = shutil.which("prlimit")
    assert prlimit is not None, "it is a part of util-linux"
    waiting = ("listen", "127.0.0.1", "--port", "0", "--once", "--out", inbox, "--accept-files")
    listener = msrp(*waiting, inside=[prlimit, "--fsize=1000000"])
    target = listener.wait_for(r"127\.0\.0\.1:\d+").group()
    assert msrp("send", target, "--file", file).wait() == 1
    assert listener.wait() == 1
    part = inbox / "holiday.jpg.part"
    assert f'"holiday.jpg" is not whole; what came stays in {part}: File too large' in listener.errors
    assert part.stat().st_size == 1_000_000


def test_text_and_files_in_one_session(msrp: Start, listening: Listening, file: Path, inbox: Path) -> None:
    empty = file.with_name("empty")
    empty.touch()
    listener, target = listening("--once", "--json", "--out", inbox, "--accept-files")
    sender = msrp("send", target, "Look:", "--file", file, "-f", empty, "--json")
    assert sender.wait() == 0, sender.output
    said = [json.loads(line) for line in sender.output.splitlines()]
    assert [one["size"] for one in said if one["event"] == "delivered"] == [5, SIZE, 0]
    assert listener.event("message")["text"] == "Look:"
    files = {one["name"]: one for one in (listener.event("file") for _ in range(2))}
    assert {name: (one["size"], one["sha256"], one["checked"]) for name, one in files.items()} == {
        "holiday.jpg": (SIZE, sha256(file), True),
        "empty": (0, hashlib.sha256().hexdigest(), True),
    }
    assert Path(files["holiday.jpg"]["path"]) == inbox / "holiday.jpg"
    assert listener.wait() == 0


def test_an_existing_file_stays(msrp: Start, listening: Listening, file: Path, inbox: Path) -> None:
    inbox.mkdir()
    (inbox / "holiday.jpg").write_text("mine")
    listener, target = listening("--once", "--out", inbox, "--accept-files")
    assert msrp("send", target, "--file", file).wait() == 0
    assert listener.wait() == 0
    assert names(inbox) == ["holiday (1).jpg", "holiday.jpg"]
    assert (inbox / "holiday.jpg").read_text() == "mine"


def test_unless_it_may_be_replaced(msrp: Start, listening: Listening, file: Path, inbox: Path) -> None:
    inbox.mkdir()
    (inbox / "holiday.jpg").write_text("mine")
    listener, target = listening("--once", "--out", inbox, "--accept-files", "--overwrite")
    assert msrp("send", target, "--file", file).wait() == 0
    assert listener.wait() == 0
    assert names(inbox) == ["holiday.jpg"]
    assert sha256(inbox / "holiday.jpg") == sha256(file)


def test_hostile_names(msrp: Start, listening: Listening, tmp_path: Path, inbox: Path) -> None:
    given = ["\x1b[2J\u202egpj.exe", "..\\..\\evil", "-rf", ".bashrc", "CON", "ünï", "a\nmsrp: b"]
    for name in given:
        (tmp_path / name).write_text("hello")
    listener, target = listening("--once", "--out", inbox, "--accept-files")
    sender = msrp("send", target, *(f"--file={tmp_path / name}" for name in given))
    assert sender.wait() == 0, sender.errors
    assert listener.wait() == 0
    kept = names(inbox)
    assert len(kept) == len(given)
    for name in kept:
        assert name.isprintable()
        assert not name.startswith((".", "-"))
        assert "\\" not in name
    for program in (listener, sender):
        assert "\x1b" not in program.output
        assert "\u202e" not in program.output
        assert "\nmsrp:" not in program.output


@pytest.mark.parametrize("options", [[], ["--out", "inbox"]])
def test_refused_without_leave(
    msrp: Start, listening: Listening, file: Path, tmp_path: Path, options: list[str]
) -> None:
    """Without --out; and with it, where nobody can be asked and --accept-files is not there."""
    out = [option if option.startswith("-") else str(tmp_path / option) for option in options]
    listener, target = listening(*out)
    listener.wait_for("files are refused")
    sender = msrp("send", target, "--file", file)
    assert sender.wait() == 1
    assert "holiday.jpg: not delivered: the other side refuses it" in sender.errors
    in_json = msrp("send", target, "--file", file, "--json")
    assert in_json.wait() == 1
    assert in_json.event("error")["kind"] == "not-delivered"
    assert in_json.errors == ""
    why = "no --out" if not options else "there is no terminal to ask on, and no --accept-files"
    listener.wait_for(rf'tried to send "holiday\.jpg", .* octets\): refused, {why}')
    assert msrp("send", target, "but words are taken").wait() == 0
    assert not out or names(tmp_path / "inbox") == []


def test_a_refused_file_is_told_to_programs_escaped(
    msrp: Start, listening: Listening, tmp_path: Path
) -> None:
    listener, target = listening("--json")
    odd = tmp_path / "a\u202eb\x1b[2Jc"
    odd.write_bytes(b"x")
    assert msrp("send", target, "--file", odd).wait() == 1
    refused = listener.event("refused")
    assert (refused["status"], refused["content_type"]) == (403, "application/octet-stream")
    assert "\x1b" not in listener.output
    listener, target = listening()
    assert msrp("send", target, "--file", odd).wait() == 1
    listener.wait_for("tried to send .*: refused, no --out")
    assert not {"\x1b", "\u202e"} & set(listener.output)
    alike = tmp_path / "p\u0430ypal.pdf"
    alike.write_bytes(b"x")
    assert msrp("send", target, "--file", alike).wait() == 1
    listener.wait_for(r'tried to send "p\u0430ypal\.pdf" \(Cyrillic and Latin letters in one word\), ')


def test_whoever_called_is_told_of_a_refused_file_too(msrp: Start, file: Path) -> None:
    bob = msrp("chat", "--listen", "127.0.0.1", "--port", "0", stdin=subprocess.PIPE)
    target = bob.wait_for(r"msrps://(127\.0\.0\.1:\d+);tcp").group(1)
    alice = msrp("chat", target, stdin=subprocess.PIPE)
    bob.wait_for("Talking to")
    bob.write(f"/file {file}\n")
    alice.wait_for(r'tried to send "holiday\.jpg", .*: refused, no --out')


def test_a_cut_leaves_the_part_and_the_others(
    msrp: Start, listening: Listening, file: Path, tmp_path: Path, inbox: Path
) -> None:
    large = sparse(tmp_path / "large")
    listener, target = listening("--json", "--out", inbox, "--accept-files")
    cut = msrp("send", target, "--file", large)
    other = msrp("send", target, "--file", file)
    part = inbox / "large.part"
    wait_until(lambda: part.exists() and part.stat().st_size > 0)
    cut.process.kill()
    error = listener.event("error")
    assert error["kind"] == "message-cut"
    assert str(part) in error["message"]
    assert other.wait() == 0, other.errors
    assert names(inbox) == [".large.part", "holiday.jpg", "large.part"]
    assert stat.S_IMODE(part.stat().st_mode) == 0o600
    # The next one of that name takes no part of it.
    file.rename(tmp_path / "renamed")
    large.write_text("small")
    assert msrp("send", target, "--file", large).wait() == 0
    assert (inbox / "large").read_text() == "small"


def test_sent_again_it_goes_on(msrp: Start, listening: Listening, tmp_path: Path, inbox: Path) -> None:
    """However often it is cut there is one part; the last attempt sends what is missing."""
    large = sparse(tmp_path / "large")
    size = large.stat().st_size
    with large.open("r+b") as file:
        file.seek(size - 5)
        file.write(b"other")
    listener, target = listening("--json", "--out", inbox, "--accept-files")
    part = inbox / "large.part"
    for far in (size // 4, size * 3 // 4):
        cut = msrp("send", target, "--file", large)
        wait_until(lambda far=far: part.exists() and part.stat().st_size > far)  # type: ignore[misc]
        cut.process.kill()
        listener.wait_for('"kind": "message-cut"')
        assert names(inbox) == [".large.part", "large.part"]
    sender = msrp("send", target, "--file", large, "--json")
    delivered = sender.event("delivered")
    assert sender.wait() == 0, sender.errors
    came = listener.event("file")
    assert came["before"] > size * 3 // 4
    assert delivered["size"] == came["size"] == size
    assert 0 < delivered["left_out"] <= came["before"]
    assert names(inbox) == ["large"]
    assert came["sha256"] == sha256(large) == sha256(inbox / "large")


def test_ctrl_c_says_how_far_it_had_come(
    msrp: Start, listening: Listening, tmp_path: Path, inbox: Path
) -> None:
    """Of a file that goes on from an attempt before, too."""
    large = sparse(tmp_path / "large", 600)  # so that its end is far when it is interrupted
    size = large.stat().st_size
    listener, target = listening("--json", "--out", inbox, "--accept-files")
    part = inbox / "large.part"
    for far in (size // 8, size // 4):
        sender = msrp("send", target, "--file", large, "--json")
        wait_until(lambda far=far: part.exists() and part.stat().st_size > far)  # type: ignore[misc]
        assert sender.interrupt() < 5
        words = r"large: not delivered; it had come to about ([\d.]+) MB of 629\.1 MB \(629,145,600 octets\)"
        told = re.search(words, sender.output)
        assert told is not None, sender.output
        listener.wait_for('"kind": "message-cut"')
        on_its_way = 16 << 20
        assert abs(float(told[1]) * 1e6 - part.stat().st_size) < on_its_way


def test_a_cut_is_a_failure_of_once(msrp: Start, listening: Listening, tmp_path: Path, inbox: Path) -> None:
    large = sparse(tmp_path / "large")
    listener, target = listening("--once", "--out", inbox, "--accept-files")
    sender = msrp("send", target, "--file", large)
    wait_until(lambda: list(inbox.glob("*.part")))
    assert sender.interrupt() < 5
    assert listener.wait() == 1
    assert "large.part" in listener.errors


def test_a_file_that_cannot_be_kept(msrp: Start, listening: Listening, tmp_path: Path, inbox: Path) -> None:
    inbox.mkdir()
    listener, target = listening("--out", inbox, "--accept-files", "--json")
    inbox.rmdir()
    sender = msrp("send", target, "--file", sparse(tmp_path / "large"))
    assert sender.wait() == 1
    assert "not delivered" in sender.errors
    assert listener.event("error")["kind"] == "system"
    assert msrp("send", target, "hello").wait() == 0


class TestAsked:
    """On a terminal each file is asked about, and nothing waits for the answer but that file."""

    def test_yes_and_no(self, msrp: Start, terminal: Open, file: Path, inbox: Path) -> None:
        listener = terminal("listen", "127.0.0.1", "--port", "0", "--out", inbox)
        target = listener.wait_for(r"127\.0\.0\.1:\d+")
        listener.wait_for("once you have agreed")
        sender = msrp("send", target, "--file", file, "--as", "im:alice@lan")
        listener.wait_for(
            r'im:alice@lan \(claimed, not proved\) sends "holiday\.jpg", application/octet-stream, '
            r"3\.0 MB \(3,000,000 octets\)\. Take it\? \[y/N\] "
        )
        assert msrp("send", target, "meanwhile").wait() == 0
        listener.wait_for(": meanwhile")
        listener.type("y")
        listener.wait_for(f"SHA-256 {sha256(file)}")
        assert sender.wait() == 0, sender.errors
        second = msrp("send", target, "--file", file)
        listener.wait_for(r"Take it\? \[y/N\] ")
        listener.type("")
        listener.wait_for('"holiday.jpg" was refused')
        assert second.wait() == 1, "its octets were here, and yet it was not delivered"
        assert "holiday.jpg: not delivered: the other side refuses it" in second.errors
        assert names(inbox) == ["holiday.jpg"]
        listener.key("c")
        assert listener.wait() == 130

    def test_one_question_at_a_time(self, msrp: Start, terminal: Open, file: Path, inbox: Path) -> None:
        listener = terminal("listen", "127.0.0.1", "--port", "0", "--out", inbox)
        target = listener.wait_for(r"127\.0\.0\.1:\d+")
        senders = [msrp("send", target, "--file", file) for _ in range(2)]
        listener.wait_for(r"Take it\? \[y/N\] ")
        for sender in senders:
            sender.wait_for("^To ")
        listener.type("y")
        listener.wait_for("SHA-256")
        listener.wait_for(r"Take it\? \[y/N\] ")
        listener.type("yes")
        listener.wait_for("SHA-256")
        for sender in senders:
            assert sender.wait() == 0, sender.errors
        listener.key("c")
        assert listener.wait() == 130
        assert names(inbox) == ["holiday (1).jpg", "holiday.jpg"]

    def test_a_question_is_withdrawn(
        self, msrp: Start, terminal: Open, file: Path, tmp_path: Path, inbox: Path
    ) -> None:
        listener = terminal("listen", "127.0.0.1", "--port", "0", "--out", inbox)
        target = listener.wait_for(r"127\.0\.0\.1:\d+")
        cut = msrp("send", target, "--file", sparse(tmp_path / "large"))
        listener.wait_for(r'"large", .* Take it\? \[y/N\] ')
        cut.process.kill()
        listener.wait_for("cut before it was agreed to")
        sender = msrp("send", target, "--file", file)
        listener.wait_for(r'"holiday\.jpg", .* Take it\? \[y/N\] ')
        listener.type("y")
        listener.wait_for(f"SHA-256 {sha256(file)}")
        assert sender.wait() == 0, sender.errors
        assert names(inbox) == ["holiday.jpg"]

    def test_a_bar_is_shown_to_the_sender(self, terminal: Open, listening: Listening, tmp_path: Path) -> None:
        large = sparse(tmp_path / "large", 60)
        _, target = listening("--out", tmp_path / "inbox", "--accept-files")
        sender = terminal("send", target, "--file", large)
        sender.wait_for("large: reading")
        sender.wait_for("MB/s")
        assert sender.wait() == 0
        assert "Delivered: large" in sender.seen
