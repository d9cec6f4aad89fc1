"""`msrp offer` and `msrp answer` with `--expect`: two programs that pasted texts prove who is at them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cli.programs import AT, Program, Start, carry, generated, printed, wait_until
from msrp_peer.signalling.agreement import look

ALICE, BOB, EVE = "im:alice@lan", "im:bob@lan", "im:eve@lan"
TO_BOB = ("--as", ALICE, "--expect", BOB)
TO_ALICE = ("--as", BOB, "--expect", ALICE)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Passwords of this test alone, kept at Bob's; Alice has none there."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "bob"))
    for name in ("MSRP_PASSWORD", "MSRP_PASSWORD_FOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def word(msrp: Start) -> str:
    """Bob makes a password for alice."""
    return generated(msrp, ALICE, BOB)


@pytest.fixture
def alice(msrp: Start, home: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts programs of Alice, who keeps nothing, and types a password first."""

    def start(*words: str | Path, stdin: int | None = subprocess.PIPE) -> Program:
        with monkeypatch.context() as hers:
            hers.setenv("XDG_DATA_HOME", str(home / "alice"))
            return msrp(*words, stdin=stdin)

    return start


def proved(alice: Program, bob: Program) -> None:
    for program, other in ((alice, BOB), (bob, ALICE)):
        assert f"{other} (proved)" in program.output
        assert f"protected, and {other} is proved by SCRAM-SHA-512-PLUS, bound" in program.output


@pytest.mark.parametrize("offers", ["alice", "bob"])
@pytest.mark.journey("offer", "answer")
def test_each_is_proved_to_the_other(msrp: Start, alice: Start, word: str, offers: str) -> None:
    """Who has the password connects, and a=setup says so, whoever makes the offer."""
    commands = ("offer", "answer") if offers == "alice" else ("answer", "offer")
    hers = alice(commands[0], *AT, "Lunch?", *TO_BOB, "--password-stdin")
    his = msrp(commands[1], *AT, "--listen", *TO_ALICE, stdin=subprocess.PIPE)
    hers.write(f"{word}\n")
    one, other = (hers, his) if offers == "alice" else (his, hers)
    for text, who in ((carry(one, other), one), (carry(other, one), other)):
        assert look(text).auth == ("SASL",)
        assert f"a=setup:{'active' if who is hers else 'passive'}\n" in text
        assert word not in text
    assert hers.wait() == 0, hers.errors
    assert his.wait() == 0, his.errors
    proved(hers, his)
    assert ": Lunch?\n" in his.output
    for program in (hers, his):
        assert word not in program.output + program.errors


def test_a_described_file_and_its_receiver(msrp: Start, alice: Start, word: str, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"octets" * 1000)
    hers = alice("offer", *AT, "--file", tmp_path / "a.bin", *TO_BOB, "--password-stdin")
    hers.write(f"{word}\n")
    his = msrp("answer", *AT, "--out", tmp_path / "in", "--accept-files", *TO_ALICE, stdin=subprocess.PIPE)
    carry(hers, his)
    carry(his, hers)
    assert (hers.wait(), his.wait()) == (0, 0), hers.errors + his.errors
    proved(hers, his)
    assert (tmp_path / "in" / "a.bin").read_bytes() == b"octets" * 1000


def test_in_fields(msrp: Start, alice: Start, word: str) -> None:
    hers = alice("offer", *AT, "hi", *TO_BOB, "--password-stdin", "--json")
    hers.write(f"{word}\n")
    his = msrp("answer", *AT, "--listen", *TO_ALICE, "--require", "authenticated", "--json",
               stdin=subprocess.PIPE)  # fmt: skip
    his.write(hers.event("offer")["sdp"] + "\n")
    hers.write(his.event("answer")["sdp"] + "\n")
    for program, other in ((hers, BOB), (his, ALICE)):
        session = program.event("session")
        assert session["peer_proved"] == other
        assert session["security"]["level"] == "authenticated"
    assert (hers.wait(), his.wait()) == (0, 0)


def test_a_password_in_the_environment(
    msrp: Start, alice: Start, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    his = msrp("answer", *AT, "--listen", *TO_ALICE, stdin=subprocess.PIPE)
    monkeypatch.setenv("MSRP_PASSWORD", word)
    monkeypatch.setenv("MSRP_PASSWORD_FOR", BOB)
    hers = alice("offer", *AT, "Lunch?", *TO_BOB)
    carry(hers, his)
    carry(his, hers)
    assert (hers.wait(), his.wait()) == (0, 0), hers.errors + his.errors
    proved(hers, his)


def test_by_digest_md5(msrp: Start, alice: Start) -> None:
    word = generated(msrp, ALICE, BOB, "--digest-md5")
    hers = alice("offer", *AT, "Lunch?", *TO_BOB, "--password-stdin", "--auth", "digest")
    hers.write(f"{word}\n")
    his = msrp("answer", *AT, "--listen", *TO_ALICE, "--auth", "digest", stdin=subprocess.PIPE)
    carry(hers, his)
    carry(his, hers)
    assert (hers.wait(), his.wait()) == (0, 0), hers.errors + his.errors
    assert f"{BOB} is proved by DIGEST-MD5" in hers.output


def test_over_a_verified_key_any_password_will_do(msrp: Start, alice: Start) -> None:
    """With --protected nobody stands in between who could guess it."""
    made = msrp("passwd", "--from", ALICE, "--for", BOB, "--password-stdin", stdin=subprocess.PIPE)
    made.write("correct horse\n")
    assert made.wait() == 0, made.errors
    for more in ((), ("--protected",)):
        hers = alice("offer", *AT, "Lunch?", *TO_BOB, "--password-stdin", *more)
        hers.write("correct horse\n")
        if not more:
            assert hers.wait() == 4
            assert "--guessable" in hers.errors
            continue
        his = msrp("answer", *AT, "--listen", *TO_ALICE, *more, stdin=subprocess.PIPE)
        carry(hers, his)
        carry(his, hers)
        assert (hers.wait(), his.wait()) == (0, 0), hers.errors + his.errors
        assert f"{BOB} (proved)" in hers.output


def test_a_wrong_password_says_nothing(msrp: Start, alice: Start, word: str) -> None:
    hers = alice("offer", *AT, "Lunch?", *TO_BOB, "--password-stdin", "--guessable")
    hers.write("another word\n")
    his = msrp("answer", *AT, "--listen", *TO_ALICE, "--timeout", "10", stdin=subprocess.PIPE)
    carry(hers, his)
    carry(his, hers)
    assert hers.wait() == 4, hers.errors
    assert "the user is not known there, or the password is wrong" in hers.errors
    assert his.wait() == 3
    assert "Lunch" not in his.output


@pytest.mark.parametrize("who", ["offer", "answer"])
def test_who_shows_no_login_is_refused(msrp: Start, word: str, who: str) -> None:
    """Before anybody connects; the one who demands it ends with 4."""
    demands, plain = (TO_ALICE, ()) if who == "offer" else ((), TO_ALICE)
    one = msrp("offer", *AT, "Lunch?", *demands, stdin=subprocess.PIPE)
    other = msrp("answer", *AT, "--listen", *plain, "--timeout", "2", stdin=subprocess.PIPE)
    text = carry(one, other)
    assert ("a=msrp-auth:SASL\n" in text) == (who == "offer")
    answer = printed(other)
    one.write(answer)
    if who == "offer":
        assert "msrp-auth" not in answer
        assert one.wait() == 4
        assert "no a=msrp-auth:SASL" in one.errors
    else:
        assert "m=message 0 " in answer
        assert other.wait() == 4
        assert "no a=msrp-auth:SASL" in other.errors
        assert one.wait() == 1


def test_two_who_only_keep_passwords(msrp: Start, word: str) -> None:
    """Nobody of the two could begin."""
    one = msrp("offer", *AT, "Lunch?", *TO_ALICE, stdin=subprocess.PIPE)
    other = msrp("answer", *AT, "--listen", *TO_ALICE, stdin=subprocess.PIPE)
    carry(one, other)
    assert other.wait() == 4
    assert "can only prove others, where they connect" in other.errors


IMPATIENT = (
    "import sys; from msrp_peer.cli import main, offer; offer._ATTEMPT = 1; sys.exit(main.main(sys.argv[2:]))"
)


@pytest.mark.parametrize("login", [False, True])
def test_who_answers_and_connects_waits_for_whoever_carries_the_answer(
    msrp: Start, word: str, home: Path, monkeypatch: pytest.MonkeyPatch, login: bool
) -> None:
    """It is early: nobody there knows it before the answer is pasted, and that may take people long."""
    more, his = (TO_BOB, TO_ALICE) if login else ((), ())
    one = msrp("offer", *AT, "--listen", *his, stdin=subprocess.PIPE)
    with monkeypatch.context() as hers:
        hers.setenv("XDG_DATA_HOME", str(home / "alice"))
        hers.setenv("MSRP_PASSWORD", word)
        hers.setenv("MSRP_PASSWORD_FOR", BOB)
        inside = (sys.executable, "-P", "-c", IMPATIENT)
        other = Program("answer", "--connect", "Lunch?", *more, stdin=subprocess.PIPE, inside=inside)
    try:
        carry(one, other)
        answer = printed(other)
        wait_until(lambda: other.errors.count("does not have the answer yet") == 2)
        one.write(answer)
        assert other.wait() == 0, other.errors
        assert one.wait() == 0, one.errors
        assert ": Lunch?\n" in one.output
    finally:
        other.stop()


@pytest.mark.parametrize("command", ["offer", "answer"])
@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--expect", BOB], "--as"),
        (["--auth", "scram", "--as", ALICE], "--expect"),
        (["--require", "authenticated", "--as", ALICE], "--expect"),
        (["--expect", BOB, "--expect", EVE, "--as", ALICE], "once"),
        (["--auth", "none", "--expect", BOB], "proves nobody"),
        (["--auth", "none", "--password-stdin"], "proves nobody"),
        (["--expect", "bob"], "im:"),
        (["--expect", BOB, "--as", ALICE, "--tls", "none", "--auth", "scram"], "plain TCP"),
        (["--expect", BOB, "--as", ALICE, "--tls", "none", "--auth", "digest"], "plain TCP"),
        (["--expect", BOB, "--as", ALICE, "--realm", "LAN", "--auth", "scram"], "--realm is for"),
        (["--connect", "--port", "5000"], "leave out --port"),
        (["--connect", "--at", "127.0.0.1", "--interface", "127.0.0.1"], "leave out --interface"),
        (["--at", "127.0.0.1:0", "--interface", "127.0.0.2"], "already which interface"),
        (["--interface", "nowhere..", "--port", "0"], "host"),
        (["--port", "70000"], "65535"),
    ],
)
def test_what_makes_no_sense(msrp: Start, command: str, words: list[str], why: str) -> None:
    program = msrp(command, *words)
    assert program.wait() == 2
    assert why in program.errors


@pytest.mark.parametrize("command", ["offer", "answer"])
def test_where_the_other_side_may_connect_to(msrp: Start, command: str) -> None:
    """--port and --interface are those of listen and chat, and what the text tells."""
    probe = msrp("offer", "--interface", "127.0.0.1", "--port", "0", stdin=subprocess.PIPE)
    free = look(printed(probe)).uris[0]
    assert free.host == "127.0.0.1"
    probe.stop()
    words = (command, "--interface", "127.0.0.1", "--port", str(free.port))
    program = msrp(*words, "x", stdin=subprocess.PIPE)
    if command == "answer":
        offering = msrp("offer", "--connect", "x", stdin=subprocess.PIPE)
        carry(offering, program)
    uri = look(printed(program)).uris[0]
    assert (uri.host, uri.port) == ("127.0.0.1", free.port)
    second = msrp(*words, stdin=subprocess.PIPE)
    assert second.wait() != 0, "that port is taken"
    assert "another program listens there" in second.errors
