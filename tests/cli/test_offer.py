"""`msrp offer` and `msrp answer`: two processes that know each other by pasted texts alone."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

import pytest

from cli.programs import AT, MSRP, Open, Program, Start, Terminal, carry, exchanged, printed
from msrp_peer.signalling.agreement import look

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


def met(msrp: Start, offer: tuple[str, ...], answer: tuple[str, ...]) -> tuple[Program, Program]:
    """Both programs; the answerer connects where it says --connect, else it is connected to (RFC 6135)."""
    one, other, offered, answered = exchanged(msrp, offer, answer)
    for text in (offered, answered):
        look(text)  # it proposes MSRP
    assert "a=setup:actpass\n" in offered
    setup = "active" if "--connect" in answer else "passive"
    assert f"a=setup:{setup}\n" in answered
    return one, other


@pytest.mark.rule("6135 4.2.1-1 4.2.2-3 4.2.2-5")
@pytest.mark.parametrize("more", [(), ("--protected", "--require", "key-verified"), ("--tls", "none")])
@pytest.mark.parametrize("connects", [(), ("--connect",)])
@pytest.mark.journey("offer", "answer")
def test_a_message(msrp: Start, more: tuple[str, ...], connects: tuple[str, ...]) -> None:
    one, other = met(msrp, ("Hello, wörld", *more), ("--listen", "--as", "im:bob@lan", *more, *connects))
    assert one.wait() == 0, one.errors
    assert "To im:bob@lan (claimed, not proved)\n" in one.output
    assert "Delivered: the message, 13 octets\n" in one.output
    assert other.wait() == 0, other.errors
    assert ": Hello, wörld\n" in other.output
    said = {
        (): "protected against listening; nobody is proved",
        "--protected": "protected, to a key you have verified",
        "--tls": "not protected: everybody on the way can read and change it",
    }[more[0] if more else ()]
    for program in (one, other):
        assert said in program.output
        assert ("plain TCP: everybody" in program.errors) == (more[:1] == ("--tls",))


def test_a_file(msrp: Start, tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(bytes(range(256)) * 1000)
    one, other = met(
        msrp, ("--file", str(file)), ("--listen", "--out", str(tmp_path / "in"), "--accept-files")
    )
    assert one.wait() == 0, one.errors
    assert other.wait() == 0, other.errors
    assert (tmp_path / "in" / "a.bin").read_bytes() == file.read_bytes()
    assert hashlib.sha256(file.read_bytes()).hexdigest() in other.output


def test_a_talk(msrp: Start) -> None:
    """Behind the pasted text, lines are what is said."""
    one, other = met(msrp, (), ())
    one.wait_for("^Talking to ")
    other.wait_for("^Talking to ")
    one.write("How are you?\n")
    other.wait_for(": How are you\\?$")
    other.write("Well.\n/quit\n")
    one.wait_for(": Well\\.$")
    assert other.wait() == 0, other.errors
    assert one.wait() == 0, one.errors


@pytest.mark.parametrize("at_once", [False, True])
def test_on_terminals(terminal: Open, at_once: bool) -> None:
    """Pasted at the prompt of a chat: line by line, or as terminals mark what is pasted, with its
    empty line."""
    one, other = terminal("offer", *AT), terminal("answer", *AT)
    for source, target in ((one, other), (other, one)):
        target.wait_for("Paste the ")
        # What was typed into it is shown there too: its own comes behind these words.
        source.wait_for("is for [^\r\n]+, and for nobody else:")
        # It may arrive in pieces; its last line is that of the key.
        text = source.wait_for(r"v=0\r?\n(?:[a-z]=[^\r\n]*\r?\n)+?a=fingerprint:[^\r\n]+\r?\n")
        lines = re.findall("[a-z]=[^\r\n]*", text)
        if at_once:
            pasted = "\r".join([*lines, "", ""])
            target.type(f"\x1b[200~{pasted}\x1b[201~")
            continue
        for line in [*lines, ""]:
            target.type(line)
    for source in (one, other):
        source.wait_for("Talking to ")
    one.type("Hello")
    other.wait_for(": Hello")
    _end(other)
    _end(one)


def _end(program: Terminal) -> None:
    program.type("/quit")
    assert program.wait() == 0


def test_json(msrp: Start) -> None:
    one = msrp("offer", *AT, "hi", "--json", stdin=subprocess.PIPE)
    other = msrp("answer", *AT, "--listen", "--json", stdin=subprocess.PIPE)
    other.write(one.event("offer")["sdp"] + "\n")
    one.write(other.event("answer")["sdp"] + "\n")
    assert other.event("message")["text"] == "hi"
    assert one.event("delivered")["size"] == 2
    assert (one.wait(), other.wait()) == (0, 0)


def test_as_a_pipe_and_back(tmp_path: Path) -> None:
    """As the README shows it."""
    script = (
        f'mkfifo back; "{MSRP}" offer --at 127.0.0.1:0 "Lunch?" < back '
        f'| "{MSRP}" answer --at 127.0.0.1:0 --listen | tee back'
    )
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert ": Lunch?\n" in done.stdout


@pytest.mark.parametrize(
    ("words", "pasted", "code", "told"),
    [
        (("answer",), "", 2, "no offer came"),
        (("answer",), "hello\n\n", 1, "no session description"),
        (("answer",), "v=0\nm=audio 1 RTP/AVP 0\n\n", 1, "no MSRP session"),
        (("answer", "--tls", "none"), "TLS", 1, "one side wants TLS"),
        (("answer", "--connect"), "active", 1, "nobody can connect"),
        (("answer", "--tls", "none", "--require", "key-verified"), "", 2, "--tls none protects nothing"),
        (("offer", "--tls", "none", "--require", "passive-only"), "", 2, "--tls none protects nothing"),
        (("answer",), "x" * 70_000, 2, "longer than"),
        (("offer",), "v=0\nm=message 0 TCP/TLS/MSRP *\n\n", 1, "port 0"),
        (("offer", "--listen", "text"), "", 2, "--listen sends nothing"),
        (("offer", "-"), "", 2, "standard input is for"),
        (("offer", "--out", "/dev/null"), "", 2, "not a folder"),
    ],
)
def test_what_cannot_be_is_told(
    msrp: Start, words: tuple[str, ...], pasted: str, code: int, told: str
) -> None:
    if pasted in ("TLS", "active"):
        offering = msrp("offer", *AT, *(("--connect",) if pasted == "active" else ()), stdin=subprocess.PIPE)
        pasted = printed(offering)
    program = msrp(*words, *AT, stdin=subprocess.PIPE)
    program.write(pasted)
    assert program.process.stdin is not None
    program.process.stdin.close()
    assert program.wait() == code, program.errors
    assert told in program.errors


@pytest.mark.parametrize(
    ("pasted", "told"),
    [
        ("v=0\ns=-\nm=message 99999 TCP/TLS/MSRP *\n", "port above 65535 (line 3 of what was pasted)"),
        ("v=0\nm=message\n", "does not say media, port and protocol (line 2 of what was pasted)"),
        ("v=1\nm=message 9 TCP/TLS/MSRP *\n", "the one version there is (line 1 of"),
        (
            "v=0\nm=message 9 TCP/TLS/MSRP *\na=path:http://tOpSeCrEt/\n",
            "its beginning (at character 0) (line 3",
        ),
        ("v=0\nm=message 9 TCP/TLS/MSRP *\n", "its MSRP section has no a=path"),
        (
            "> v=0\n> m=message 9 TCP/TLS/MSRP *\n",
            "Each line begins with >, as mails quote: paste them without",
        ),
    ],
)
def test_the_line_that_is_wrong_is_told(msrp: Start, pasted: str, told: str) -> None:
    for what in ("offer", "answer"):
        program = msrp(what, *AT, stdin=subprocess.PIPE)
        program.write(f"{pasted}\n")
        assert program.wait() == 1
        assert told in program.errors
        assert "tOpSeCrEt" not in program.errors


def test_what_cannot_be_used_is_pasted_again(terminal: Open, msrp: Start) -> None:
    """Whoever sits there does not begin anew for a slip; nor is what came with it taken for the next."""
    one = msrp("offer", *AT, "Lunch?", stdin=subprocess.PIPE)
    offer = printed(one)
    other = terminal("answer", *AT, "--listen")
    other.wait_for("Paste the offer, and an empty line")
    for line in ("Here is my offer:", "", "v=0", "more of it"):
        other.type(line)
    other.wait_for("msrp: this is no session description")
    other.wait_for("Paste the offer again, and an empty line; Ctrl-D ends")
    for line in (*offer.splitlines()[:-1], ""):
        other.type(line)
    other.wait_for("The answer is for whoever made the offer")
    answer = other.wait_for(r"v=0\r?\n(?:[a-z]=[^\r\n]*\r?\n)+?a=fingerprint:[^\r\n]+\r?\n")
    one.write("\n".join([*answer.split("\r\n"), ""]))
    other.wait_for(": Lunch\\?")
    assert one.wait() == 0, one.errors


def test_the_offer_is_not_its_own_answer(terminal: Open) -> None:
    one = terminal("offer", *AT)
    offer = one.wait_for(r"v=0\r?\n(?:[a-z]=[^\r\n]*\r?\n)+?a=fingerprint:[^\r\n]+\r?\n")
    one.wait_for("Paste the answer")
    for line in (*offer.split("\r\n")[:-1], ""):
        one.type(line)
    one.wait_for("this is the offer itself: the other side makes the answer of it")
    # With its prompt: before that the terminal eats the key.
    one.wait_for("Paste the answer again[^>]*>")
    one.key("d")
    one.wait_for("no answer came on standard input")
    assert one.wait() == 2


def test_an_answer_with_the_offer_before_it_is_asked_for_again(
    terminal: Open, msrp: Start, tmp_path: Path
) -> None:
    """Copied with all that stands above it; without the offer it is taken."""
    (tmp_path / "a.bin").write_bytes(b"octets")
    one = terminal("offer", *AT, "--get", "a.bin", "--out", tmp_path / "in")
    offer = one.wait_for(r"v=0\r?\n(?:[a-z]=[^\r\n]*\r?\n)+\r?\n").replace("\r", "")
    one.wait_for("Paste the answer")
    other = msrp("answer", *AT, "--file", tmp_path / "a.bin", stdin=subprocess.PIPE)
    other.write(offer)
    answer = printed(other)
    for line in (*offer.splitlines()[:-1], *answer.splitlines()):
        one.type(line)
    one.wait_for("the offer stands in it: paste the answer alone")
    one.wait_for("Paste the answer again")
    for line in answer.splitlines():
        one.type(line)
    assert one.wait() == 0
    assert other.wait() == 0, other.errors
    assert (tmp_path / "in" / "a.bin").read_bytes() == b"octets"


def test_colours_pasted_for_an_answer_are_no_keys(terminal: Open) -> None:
    one = terminal("offer", *AT)
    one.wait_for("Paste the answer[^>]*>")
    one.type("\x1b[31mHere it is\x1b[0m")
    one.type("\x1b[0m")
    one.wait_for("this is no session description")
    one.wait_for("Paste the answer again[^>]*>")
    assert "xception" not in one.seen
    one.key("d")
    assert one.wait() == 2


def test_what_an_answer_repeats_commands_no_terminal(msrp: Start) -> None:
    program = msrp("answer", *AT, stdin=subprocess.PIPE)
    program.write('v=0\nm=audio 5 RTP/AVP \x1b]0;title\x07\na=file-selector:name:"\x9b31m"\n\n')
    assert program.wait() == 1
    assert 'm=audio 0 RTP/AVP \\x1b]0;title\\x07\na=file-selector:name:"\\x9b31m"\n' in program.output


def test_another_key_than_the_text_told(msrp: Start) -> None:
    one = msrp("offer", *AT, "secret", stdin=subprocess.PIPE)
    other = msrp("answer", *AT, "--listen", "--timeout", "2", stdin=subprocess.PIPE)
    carry(one, other)
    answer = printed(other)
    one.write(re.sub("(?<=sha-256 )..", lambda found: "00" if found[0] != "00" else "01", answer))
    assert one.wait() == 4, one.errors
    assert "another key" in one.errors
    assert other.wait() == 3
    assert "secret" not in other.output
