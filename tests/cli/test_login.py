"""`msrp passwd`, `--expect`, `--auth`, `--require`: two programs prove who is at them, or say nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import subprocess
from pathlib import Path

import pytest

from cli.programs import Listening, Open, Program, Start, generated
from msrp_peer import MsrpError, connect
from support.people import Knows

ALICE, BOB, EVE = "im:alice@lan", "im:bob@lan", "im:eve@lan"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Passwords of this test alone."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in ("MSRP_PASSWORD", "MSRP_PASSWORD_FOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def word(msrp: Start) -> str:
    """Bob makes a password for alice."""
    return generated(msrp, ALICE, BOB)


def send(
    msrp: Start, target: str, word: str, *options: str | Path, me: str = ALICE, expect: str = BOB
) -> Program:
    program = msrp(
        "send", target, "Lunch?", "--as", me, "--expect", expect, "--password-stdin", *options,
        stdin=subprocess.PIPE,
    )  # fmt: skip
    program.write(f"{word}\n")
    return program


@pytest.mark.journey("listen", "send")
def test_each_is_proved_to_the_other(listening: Listening, msrp: Start, word: str) -> None:
    bob, target = listening("--as", BOB, "--expect", ALICE)
    bob.wait_for(f"as {BOB}: proved to those who log in")
    bob.wait_for(f"nobody is served but those who log in: {ALICE}")
    alice = send(msrp, target, word)
    assert alice.wait() == 0, alice.errors
    assert alice.output.startswith(
        f"To {BOB} (proved)\nprotected, and {BOB} is proved by SCRAM-SHA-512-PLUS, bound"
    )
    bob.wait_for(rf"session with {ALICE} \(proved\) at 127")
    bob.wait_for(rf"protected, and {ALICE} is proved by SCRAM-SHA-512-PLUS, bound to this line")
    bob.wait_for(rf"{ALICE} \(proved\): Lunch\?")


def test_programs_are_told_in_fields(listening: Listening, msrp: Start, word: str) -> None:
    bob, target = listening("--as", BOB, "--require", "authenticated", "--json")
    told = bob.output
    assert '"may_log_in": ["im:alice@lan"]' in told
    assert '"login_needed": true' in told
    alice = send(msrp, target, word, "--json")
    for program, other in ((alice, BOB), (bob, ALICE)):
        session = program.event("session")
        assert session["peer_proved"] == other
        assert session["security"]["level"] == "authenticated"
        assert session["security"]["principal_proved"] == other
        assert session["security"]["mechanism"] == "SCRAM-SHA-512-PLUS"
        assert session["security"]["bound"] is True
    assert alice.wait() == 0, alice.errors


def test_a_name_that_is_not_ascii(listening: Listening, msrp: Start) -> None:
    """It can be typed as it is everywhere, and stands as it reads behind the form that is compared."""
    me, other = "im:älice@lan", "im:böb@lan"
    word = generated(msrp, me, other)
    bob, target = listening("--as", other, "--expect", me)
    bob.wait_for(r"as im:b%C3%B6b@lan \(böb\): proved to those who log in")
    alice = send(msrp, target, word, me=me, expect=other)
    assert alice.wait() == 0, alice.errors
    assert alice.output.startswith("To im:b%C3%B6b@lan (böb) (proved)\n")
    bob.wait_for(r"im:%C3%A4lice@lan \(älice\) \(proved\): Lunch\?")
    known = msrp("known", "show", other)
    assert known.wait() == 0
    assert known.output.startswith("im:b%C3%B6b@lan (böb)\n")
    cyrillic = msrp("listen", "127.0.0.1", "--port", "0", "--as", "im:асе@lan")  # whole, and like ace
    cyrillic.wait_for(r"as im:%D0%B0%D1%81%D0%B5@lan: a claim")


def test_a_password_in_the_environment(
    listening: Listening, msrp: Start, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, target = listening("--as", BOB, "--auth", "scram")
    monkeypatch.setenv("MSRP_PASSWORD", word)
    monkeypatch.setenv("MSRP_PASSWORD_FOR", BOB)
    alice = msrp("send", target, "Lunch?", "--as", ALICE, "--expect", BOB)
    assert alice.wait() == 0, alice.errors
    assert f"To {BOB} (proved)" in alice.output


def test_a_password_typed_on_a_terminal(listening: Listening, terminal: Open, word: str) -> None:
    bob, target = listening("--as", BOB, "--expect", ALICE)
    alice = terminal("chat", target, "--as", ALICE, "--expect", BOB)
    alice.wait_for(f"Password of {ALICE} for {BOB}: ")
    alice.type(word)
    alice.wait_for(rf"Talking to {BOB} \(proved\)")
    assert word not in alice.seen
    alice.type("Lunch?")
    bob.wait_for(rf"{ALICE} \(proved\): Lunch\?")
    alice.type("/quit")
    assert alice.wait() == 0


def test_chat_that_listens(msrp: Start, word: str) -> None:
    bob = msrp("chat", "--listen", "127.0.0.1", "--port", "0", "--as", BOB, "--expect", ALICE,
               stdin=subprocess.PIPE)  # fmt: skip
    target = bob.wait_for(r"msrps://(127\.0\.0\.1:\d+);tcp").group(1)
    alice = send(msrp, target, word)
    bob.wait_for(rf"Talking to {ALICE} \(proved\)")
    bob.wait_for("Lunch")
    assert alice.wait() == 0, alice.errors


@pytest.mark.parametrize(
    ("me", "expect", "given"),
    [(ALICE, BOB, "23456-wrong"), (EVE, BOB, None), (ALICE, "im:carol@lan", None)],
    ids=["password", "user", "acceptor"],
)
def test_who_is_not_proved_says_nothing(
    listening: Listening, msrp: Start, word: str, me: str, expect: str, given: str | None
) -> None:
    bob, target = listening("--as", BOB, "--expect", ALICE)
    alice = send(msrp, target, given or word, "--guessable", me=me, expect=expect)
    assert alice.wait() == 4
    assert re.search("the user is not known there, or the password is wrong", alice.errors)
    assert word not in alice.output + alice.errors
    bob.wait_for(r"^a login from 127\.0\.0\.1 failed: \w")
    assert word not in bob.output
    again = send(msrp, target, word)
    assert again.wait() == 0, "and who is proved still gets in"
    bob.wait_for("Lunch")
    assert bob.output.count("session with") == 1


def test_many_failed_logins_are_a_few_lines(listening: Listening, msrp: Start, word: str) -> None:
    """Some one by one, the others as a number; programs learn the same."""
    listeners = [listening("--as", BOB, "--expect", ALICE, *more) for more in ((), ("--json",))]

    async def try_to(target: str) -> None:
        with contextlib.suppress(MsrpError):
            async with connect(target, me=ALICE, expect=BOB, credentials=Knows("23456-wrong")):
                pass

    async def many(target: str) -> None:
        for _ in range(30):
            await try_to(target)

    for program, target in listeners:
        asyncio.run(many(target))
        assert program.process.poll() is None
    people, programs = (program for program, _ in listeners)
    told = 0
    while told < 30:
        told += int(
            people.wait_for(r"^(?:a|(\d+) more) logins? (?:from|failed, the last from) 127").group(1) or 1
        )
    assert told == 30
    assert len(re.findall(r"^.*logins? .*failed", people.output, re.M)) <= 12
    assert "too many logins from there have failed" in people.output
    counts = [programs.event("login-failed") for _ in range(6)]
    assert counts[0]["count"] == 1
    assert counts[5]["count"] > 1
    assert counts[0]["address"] == "127.0.0.1"


def test_who_does_not_log_in_is_not_served(listening: Listening, msrp: Start, word: str) -> None:
    bob, target = listening("--as", BOB, "--expect", ALICE)
    eve = msrp("send", target, "Lunch?", "--as", ALICE)
    assert eve.wait() == 4
    assert "speaks only with those who log in" in eve.errors
    assert "--as im:YOU --expect im:THEM" in eve.errors
    assert "session" not in bob.output


def test_auth_by_name_means_everybody(listening: Listening, msrp: Start, word: str) -> None:
    bob, target = listening("--as", BOB, "--auth", "scram")
    bob.wait_for("nobody is served but those who log in")
    eve = msrp("send", target, "Lunch?", "--as", EVE)
    assert eve.wait() == 4
    assert "session" not in bob.output


def test_a_listener_that_proves_nothing_is_told_nothing(listening: Listening, msrp: Start, word: str) -> None:
    bob, target = listening("--as", BOB, "--auth", "none")
    alice = send(msrp, target, word)
    assert alice.wait() == 4
    assert "cannot prove who it is" in alice.errors
    assert "session" not in bob.output


def test_others_are_served_where_nobody_said_no(listening: Listening, msrp: Start, word: str) -> None:
    bob, target = listening("--as", BOB)
    bob.wait_for("others are served, too")
    eve = msrp("send", target, "Lunch?", "--as", EVE)
    assert eve.wait() == 0, eve.errors
    assert "nobody is proved" in eve.output
    bob.wait_for(rf"session with {EVE} \(claimed, not proved\)")
    alice = send(msrp, target, word)
    assert alice.wait() == 0, alice.errors
    bob.wait_for(rf"session with {ALICE} \(proved\)")


def test_a_password_somebody_thought_of(msrp: Start) -> None:
    program = send(msrp, "127.0.0.1:1", "correct horse")
    assert program.wait() == 4
    assert "--guessable" in program.errors


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["send", "127.0.0.1:1", "x", "--require", "authenticated"], "--as"),
        (["send", "127.0.0.1:1", "x", "--expect", BOB], "--as"),
        (["send", "127.0.0.1:1", "x", "--auth", "scram", "--as", ALICE], "--expect"),
        (["send", "127.0.0.1:1", "x", "--auth", "none", "--expect", BOB], "proves nobody"),
        (["send", "127.0.0.1:1", "x", "--auth", "none", "--require", "authenticated"], "proves nobody"),
        (["send", "127.0.0.1:1", "x", "--expect", BOB, "--expect", EVE], "once"),
        (["send", "127.0.0.1:1", "x", "--expect", "bob"], "im:"),
        (["listen", "--expect", ALICE], "--as"),
        (["listen", "--as", BOB, "--expect", ALICE], "msrp passwd --from im:alice@lan --for im:bob@lan"),
        (["listen", "--as", BOB, "--require", "authenticated"], "msrp passwd"),
        (["listen", "--as", BOB, "--auth", "scram"], "msrp passwd"),
        (["listen", "--as", BOB, "--auth", "none", "--expect", ALICE], "proves nobody"),
        (["chat", "--listen", "--password-stdin"], "TARGET"),
    ],
)
def test_what_makes_no_sense(msrp: Start, words: list[str], why: str) -> None:
    program = msrp(*words)
    assert program.wait() == 2
    assert why in program.errors


def test_expected_without_a_password_here(msrp: Start, word: str) -> None:
    program = msrp("listen", "--as", BOB, "--expect", ALICE, "--expect", EVE)
    assert program.wait() == 2
    assert f"{EVE} has no password for {BOB}" in program.errors


def test_the_demo(msrp: Start) -> None:
    demo = msrp("demo", "--size", "1", "--auth", "scram")
    assert demo.wait(60) == 0, demo.output + demo.errors
    assert demo.output.count("'s end of the line: authenticated\n") == 2
    assert "ok   each has proved to the other who they are, bound to this very line" in demo.output


# -- DIGEST-MD5, on plain TCP


@pytest.fixture
def digest_word(msrp: Start) -> str:
    """The same as `word`, and what DIGEST-MD5 needs is kept."""
    made = msrp("passwd", "--from", ALICE, "--for", BOB, "--generate", "--digest-md5", "--json")
    assert made.wait() == 0, made.errors
    return str(made.event("kept")["secret"])


def test_a_file_on_plain_tcp_by_a_password(
    listening: Listening, msrp: Start, digest_word: str, tmp_path: Path
) -> None:
    """64 MiB between two processes, with no TLS; the line says how little that is."""
    noise, plain = tmp_path / "noise.bin", ("--auth", "digest", "--tls", "none")
    noise.write_bytes(os.urandom(64 << 20))
    bob, target = listening("--as", BOB, *plain, "--out", tmp_path / "in", "--accept-files")
    bob.wait_for(f"nobody is served but those who log in: {ALICE}")
    alice = send(msrp, target, digest_word, *plain, "--file", noise)
    assert alice.wait(60) == 0, alice.errors
    assert "is told by DIGEST-MD5, with a secret that could be guessed by whoever watched" in alice.output
    bob.wait_for("noise.bin")
    assert (tmp_path / "in" / "noise.bin").read_bytes() == noise.read_bytes()


def test_an_msrp_uri_is_plain_tcp(listening: Listening, msrp: Start, digest_word: str) -> None:
    _, target = listening("--as", BOB, "--auth", "digest", "--tls", "none")
    alice = send(msrp, f"msrp://{target};tcp", digest_word, "--auth", "digest")
    assert alice.wait() == 0, alice.errors
    assert "(DIGEST-MD5 with rc4)" in alice.output


def test_tls_here_and_none_there_and_the_other_way_round(
    listening: Listening, msrp: Start, digest_word: str
) -> None:
    """What to try is said: where octets show it for certain, and where nothing came at all."""
    _, plain = listening("--as", BOB, "--auth", "digest", "--tls", "none")
    _, covered = listening("--as", BOB, "--auth", "digest")
    digest = ("--auth", "digest")
    for program, said in (
        (msrp("send", plain, "hi"), r"perhaps it speaks no TLS.* say so here, too: --tls none"),
        (send(msrp, plain, digest_word, *digest), r"perhaps it speaks no TLS.* say so here, too: --tls none"),
        (
            send(msrp, covered, digest_word, *digest, "--tls", "none"),
            r"speaks TLS, and .*\. Leave out --tls none",
        ),
        (
            send(msrp, f"msrp://{covered}", digest_word, *digest),
            r"speaks TLS, and .*\. Give msrps://, or host:",
        ),
    ):
        assert program.wait() == 1
        assert re.search(said, program.errors)
    with socket.create_server(("127.0.0.1", 0)) as server:
        mute = send(msrp, f"127.0.0.1:{server.getsockname()[1]}", digest_word, *digest, "--tls", "none")
        line, _ = server.accept()
        with line:
            assert line.recv(65536).startswith(b"MSRP ")
        assert mute.wait() == 1
    assert "perhaps it speaks TLS alone, while we proved who we are. Leave out --tls none" in mute.errors


def test_digest_inside_tls(listening: Listening, msrp: Start, digest_word: str) -> None:
    _, target = listening("--as", BOB, "--auth", "digest", "--expect", ALICE)
    alice = send(msrp, target, digest_word, "--auth", "digest")
    assert alice.wait() == 0, alice.errors
    assert f"{BOB} is proved by DIGEST-MD5 (DIGEST-MD5 with rc4 inside TLSv1.3" in alice.output


def test_digest_is_for_those_of_whom_that_is_kept(msrp: Start, word: str) -> None:
    program = msrp("listen", "--as", BOB, "--auth", "digest")
    assert program.wait() == 2
    assert f"msrp passwd --digest-md5 --from {ALICE} --for {BOB}" in program.errors


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["send", "127.0.0.1:1", "x", "--tls", "none", "--auth", "none"], "nothing protects plain TCP"),
        (["send", "msrp://127.0.0.1:1;tcp", "x", "--auth", "none"], "nothing protects plain TCP"),
        (["send", "127.0.0.1:1", "x", "--tls", "none"], "--as"),
        (["send", "127.0.0.1:1", "x", "--tls", "none", "--auth", "scram", "--password-stdin",
          "--as", ALICE, "--expect", BOB], "nothing protects plain TCP"),
        (["send", "127.0.0.1:1", "x", "--tls", "none", "--auth", "digest", "--password-stdin",
          "--as", ALICE, "--expect", BOB, "--require", "authenticated"], "passive-only"),
        (["send", "msrp://127.0.0.1:1;tcp", "x", "--tls", "adh", "--auth", "digest", "--password-stdin",
          "--as", ALICE, "--expect", BOB], "means plain TCP"),
        (["send", "127.0.0.1:1", "x", "--auth", "scram", "--realm", "LAN", "--as", ALICE, "--expect", BOB],
         "--auth kerberos"),
        (["listen", "--tls", "none", "--auth", "none"], "nothing protects plain TCP"),
        (["listen", "--tls", "none", "--as", BOB, "--auth", "scram"], "nothing protects plain TCP"),
        (["listen", "--tls", "none", "--as", BOB, "--auth", "digest", "--expect", ALICE],
         "over plain TCP --auth digest proves too little"),
        (["listen", "--tls", "none", "--as", BOB, "--auth", "digest", "--require", "authenticated"],
         "passive-only"),
    ],
)  # fmt: skip
def test_plain_tcp_is_for_what_protects_it(msrp: Start, digest_word: str, words: list[str], why: str) -> None:
    program = msrp(*words, stdin=subprocess.PIPE)
    with contextlib.suppress(BrokenPipeError):
        program.write(f"{digest_word}\n")
    assert program.wait() == 2
    assert why in program.errors


def test_the_demo_of_digest(msrp: Start) -> None:
    """Over plain TCP; it says what that reaches, and why no more."""
    demo = msrp("demo", "--size", "1", "--auth", "digest")
    assert demo.wait(60) == 0, demo.output + demo.errors
    assert demo.output.count("'s end of the line: passive-only\n") == 2
    assert re.search(r"could be\s+guessed by whoever watched", demo.output)
    assert "ok   each knows the other by a password, at which whoever watched could guess" in demo.output
