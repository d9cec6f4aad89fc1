"""`msrp known` and `--known`: whom programs remember, and what they do about whoever is less than before."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import subprocess
from pathlib import Path

import pytest

from cli.programs import MSRP, Listening, Open, Program, Start, generated
from msrp_peer import MsrpError, connect, lasting_key
from msrp_peer.security.known import KnownPolicy, New
from msrp_peer.security.known_peers import KnownPeers, usual_path
from msrp_peer.terms.principal import Principal
from msrp_peer.terms.security import Level
from security.known_lines import DAY, key_of, line, shows

# Python 3.12 and later fear a fork beside threads; pexpect forks, and there are no threads here.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")

ALICE = "im:alice@lan"
BOB = f"im:bob-{secrets.token_hex(4)}@lan"  # somebody nobody else on this machine is
ON_LOOPBACK = ("--interface", "127.0.0.1")
SHARED = "a word of many people"


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MSRP_PASSWORD", "MSRP_PASSWORD_FOR"):
        monkeypatch.delenv(name, raising=False)


def known(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [MSRP, "known", *arguments], capture_output=True, text=True, timeout=30, check=False
    )
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode == code, done.stderr
    return done


def send(msrp: Start, target: str, word: str, *options: str) -> Program:
    program = msrp(
        "send", target, "Lunch?", "--as", ALICE, "--expect", BOB, "--password-stdin", *options,
        stdin=subprocess.PIPE,
    )  # fmt: skip
    program.write(f"{word}\n")
    return program


def recalled(name: str) -> Level | None:
    found = KnownPeers(usual_path()).recall(Principal.parse(name))
    return None if found is None else found.level


class TestTheList:
    def test_nobody(self) -> None:
        done = known()
        assert done.stdout == ""
        assert "Nobody is known yet" in done.stderr
        assert known("--json").stdout == ""
        assert not usual_path().exists()
        for what in ("show", "forget"):
            assert "nothing is remembered of im:bob@lan" in known(what, "im:bob@lan", code=1).stderr

    @pytest.fixture
    def several(self) -> KnownPeers:
        store = KnownPeers.usual()
        bob, carol, odd = map(Principal.parse, ("im:bob@lan", "sip:carol@lan", "im:%E2%80%AEbob%20x@lan"))
        store.meet(bob, shows(bob, key_of("one"), "chain"), 1 * DAY, key=key_of("one"))
        store.meet(bob, line(bob), 400 * DAY)
        taken = KnownPolicy(New.ACCEPT)
        store.meet(carol, line(key=key_of("two")), 2 * DAY, key=key_of("two"), policy=taken)
        store.meet(odd, line(odd), 3 * DAY)
        return store

    def test_a_line_each(self, several: KnownPeers) -> None:
        assert known().stdout.splitlines() == [
            "im:%E2%80%AEbob%20x@lan: authenticated on 1970-01-04, met 1970-01-04",
            "im:bob@lan: authenticated on 1971-02-05, 1 key, met 1971-02-05",
            "sip:carol@lan: passive-only on 1970-01-03, 1 key, met 1970-01-03",
        ]

    def test_all_of_one(self, several: KnownPeers) -> None:
        assert known("show", "IM:b%6Fb@LAN").stdout.splitlines() == [
            "im:bob@lan",
            "  met first on 1970-01-02, last on 1971-02-05",
            "  best protected: authenticated, last on 1971-02-05; less needs your consent",
            "  proved by certificate, first on 1970-01-02, last on 1970-01-02",
            "  proved by SCRAM-SHA-512-PLUS, first on 1971-02-05, last on 1971-02-05",
            "  key certified by an authority, on 1970-01-02, shown last on 1970-01-02:",
            f"    SHA-256 {key_of('one')}",
        ]

    def test_for_programs(self, several: KnownPeers) -> None:
        events = [json.loads(each) for each in known("--json").stdout.splitlines()]
        assert [event["principal"] for event in events] == [
            "im:%E2%80%AEbob%20x@lan",
            "im:bob@lan",
            "sip:carol@lan",
        ]
        assert json.loads(known("show", "im:bob@lan", "--json").stdout) == events[1]
        assert events[1] == {
            "event": "known",
            "principal": "im:bob@lan",
            "first": "1970-01-02T00:00:00+00:00",
            "last": "1971-02-05T00:00:00+00:00",
            "level": "authenticated",
            "level_number": 3,
            "reached": "1971-02-05T00:00:00+00:00",
            "keys": [
                {
                    "fingerprint": key_of("one"),
                    "learned": "chain",
                    "first": "1970-01-02T00:00:00+00:00",
                    "last": "1970-01-02T00:00:00+00:00",
                }
            ],
            "mechanisms": [
                {
                    "name": "certificate",
                    "first": "1970-01-02T00:00:00+00:00",
                    "last": "1970-01-02T00:00:00+00:00",
                },
                {
                    "name": "SCRAM-SHA-512-PLUS",
                    "first": "1971-02-05T00:00:00+00:00",
                    "last": "1971-02-05T00:00:00+00:00",
                },
            ],
        }

    @pytest.mark.journey("known")
    def test_forgetting(self, several: KnownPeers) -> None:
        assert "no such key" in known("forget", "im:bob@lan", key_of("two"), code=1).stderr
        assert known("forget", "im:bob@lan", key_of("one")).stdout == "Forgotten: a key of im:bob@lan\n"
        assert "key" not in known("show", "im:bob@lan").stdout
        assert json.loads(known("forget", "im:bob@lan", "--json").stdout) == {
            "event": "forgotten",
            "principal": "im:bob@lan",
            "key": None,
        }
        assert "nothing is remembered" in known("forget", "im:bob@lan", code=1).stderr
        assert len(known().stdout.splitlines()) == 2

    def test_pinning(self) -> None:
        key = key_of("one")
        typed = key.lower().replace(":", " :")  # as somebody reads it out
        assert known("pin", "IM:b%6Fb@LAN", typed).stdout == f"Pinned to im:bob@lan: {key}\n"
        assert "key compared, on 20" in known("show", "im:bob@lan").stdout
        assert KnownPeers.usual().holders(key) == ("im:bob@lan",)
        other = known("pin", "im:bob@lan", key_of("two"), code=4)
        assert f"it was {key} (compared on 20" in other.stderr
        assert f"now is {key_of('two')}" in other.stderr
        assert json.loads(known("pin", "im:bob@lan", key, "--json").stdout) == {
            "event": "pinned",
            "principal": "im:bob@lan",
            "key": key,
        }
        known("forget", "im:bob@lan", key.lower())
        known("pin", "im:bob@lan", key_of("two"))

    def test_a_damaged_file(self, several: KnownPeers) -> None:
        usual_path().write_bytes(b"\xa5" * 8192)
        for arguments in ((), ("show", "im:bob@lan"), ("forget", "im:bob@lan")):
            assert "is damaged, and was left as it is" in known(*arguments, code=1).stderr
        event = json.loads(known("--json", code=1).stdout)
        assert (event["event"], event["kind"]) == ("error", "store-error")


class TestWhoCalls:
    @pytest.fixture
    def bob(self, msrp: Start, listening: Listening) -> str:
        """Alice and bob have met, and were proved; bob is found by name. The password."""
        word = generated(msrp, ALICE, BOB)
        _, target = listening("--as", BOB, "--announce", *ON_LOOPBACK)
        alice = send(msrp, target, word)
        assert alice.wait() == 0, alice.errors
        assert recalled(BOB) is Level.AUTHENTICATED
        return word

    def test_who_was_proved_is_proved_again_without_being_told(self, msrp: Start, bob: str) -> None:
        again = msrp("send", BOB, "again", "--as", ALICE, *ON_LOOPBACK)
        assert again.wait() == 1
        assert f"{BOB} has been authenticated before, so nothing less is taken" in again.errors
        assert "--auth none asks whether less will do" in again.errors
        meant = msrp("send", BOB, "again", "--as", ALICE, "--expect", BOB, *ON_LOOPBACK)
        assert meant.wait() == 1
        assert "no terminal to ask for the password" in meant.errors
        assert "--auth none" not in meant.errors
        anonymous = msrp("send", BOB, "again", *ON_LOOPBACK)
        assert anonymous.wait() == 2
        assert "--as im:alice@lan" in anonymous.errors
        assert "has been authenticated before" in anonymous.errors
        proved = msrp(
            "send", BOB, "again", "--as", ALICE, "--password-stdin", *ON_LOOPBACK, stdin=subprocess.PIPE
        )
        proved.write(f"{bob}\n")
        assert proved.wait() == 0, proved.errors
        assert f"To {BOB} (proved)" in proved.output

    def test_less_is_refused_where_nobody_can_be_asked(self, msrp: Start, bob: str) -> None:
        for more in ((), ("--known", "strict")):
            less = msrp("send", BOB, "psst", "--auth", "none", *more, *ON_LOOPBACK)
            assert less.wait() == 4
            assert f"a line to {BOB} has been authenticated, last on 20" in less.errors
            assert f"msrp known forget {BOB}" in less.errors
        in_json = msrp("send", BOB, "psst", "--auth", "none", "--json", *ON_LOOPBACK)
        assert in_json.wait() == 4
        assert in_json.event("error")["kind"] == "not-as-known"
        assert msrp("send", BOB, "hi", "--auth", "none", "--known", "off", *ON_LOOPBACK).wait() == 0
        assert recalled(BOB) is Level.AUTHENTICATED
        known("forget", BOB)
        assert msrp("send", BOB, "hi", *ON_LOOPBACK).wait() == 0
        assert recalled(BOB) is None, "nothing proves him now"
        strict = msrp("send", BOB, "hi", "--known", "strict", *ON_LOOPBACK)
        assert strict.wait() == 4
        assert f"{BOB} was never met here, and nothing on this line proves them" in strict.errors

    def test_on_a_terminal_less_is_asked_about(self, terminal: Open, bob: str) -> None:
        sender = terminal("send", BOB, "psst", "--auth", "none", *ON_LOOPBACK)
        sender.wait_for(f"a line to {BOB} has been authenticated, last on 20")
        sender.wait_for(r"Talk to them all the same, this once\? \[y/N\]")
        sender.type("n")
        assert sender.wait() == 4
        assert "you did not agree" in sender.seen
        sender = terminal("send", BOB, "psst", "--auth", "none", *ON_LOOPBACK)
        sender.wait_for(r"this once\? \[y/N\]")
        sender.type("y")
        sender.wait_for("Delivered: the message")
        assert sender.wait() == 0
        chat = terminal("chat", BOB, "--auth", "none", *ON_LOOPBACK)
        chat.wait_for(r"this once\? \[y/N\]")
        chat.type("yes")
        # With its prompt: before that the terminal eats the key.
        chat.wait_for(r"Talking to im:bob-\w+@lan \(claimed, not proved\)[^>]*>")
        chat.key("d")
        assert chat.wait() == 0
        assert recalled(BOB) is Level.AUTHENTICATED

    def test_where_the_file_is_damaged_nothing_is_said(self, msrp: Start, bob: str) -> None:
        usual_path().write_bytes(b"\xa5" * 8192)
        sender = msrp("send", BOB, "psst", *ON_LOOPBACK)
        assert sender.wait() == 1
        assert "is damaged" in sender.errors


class TestWhoIsCalled:
    """Alice was proved to bob by a password of theirs; then bob says that others know it, too."""

    @pytest.fixture
    def weaker(self, msrp: Start, listening: Listening) -> str:
        word = generated(msrp, ALICE, BOB)
        bob, target = listening("--as", BOB)
        assert send(msrp, target, word).wait() == 0
        assert recalled(ALICE) is Level.AUTHENTICATED
        bob.interrupt()
        shared = msrp(
            "passwd", "--from", ALICE, "--for", BOB, "--shared", "--password-stdin", stdin=subprocess.PIPE
        )
        shared.write(f"{SHARED}\n")
        assert shared.wait() == 0, shared.errors
        return SHARED

    def test_without_a_terminal_they_are_not_let_in(
        self, msrp: Start, listening: Listening, weaker: str
    ) -> None:
        bob, target = listening("--as", BOB, "--json")
        alice = send(msrp, target, weaker, "--guessable")
        assert alice.wait() == 1
        error = bob.event("error")
        assert error["kind"] == "not-secure-enough"
        assert "im:alice@lan was met by a line that is authenticated" in error["message"]
        assert "Lunch" not in bob.output
        # Whoever is no less than before is served as ever, and so is alice where nobody looks.
        assert msrp("send", target, "hi").wait() == 0
        bob.wait_for('"text": "hi"')
        bob, target = listening("--as", BOB, "--known", "off")
        assert send(msrp, target, weaker, "--guessable").wait() == 0

    def test_on_a_terminal_they_are_asked_about_and_marked(
        self, msrp: Start, terminal: Open, weaker: str
    ) -> None:
        bob = terminal("chat", "--listen", "127.0.0.1", "--port", "0", "--as", BOB)
        target = bob.wait_for(r"127\.0\.0\.1:\d+")
        alice = send(msrp, target, weaker, "--guessable")
        bob.wait_for("im:alice@lan was met by a line that is authenticated")
        bob.wait_for(r"Let them in all the same\? \[y/N\]")
        bob.type("n")
        bob.wait_for("im:alice@lan was not let in")
        assert alice.wait() == 1
        assert "Lunch" not in bob.seen
        alice = send(msrp, target, weaker, "--guessable")
        bob.wait_for(r"Let them in all the same\? \[y/N\]")
        assert "Lunch" not in bob.seen
        bob.type("y")
        bob.wait_for("and you agreed to this")
        bob.wait_for(r"im:alice@lan \(less protected than before\): Lunch\?")
        assert alice.wait() == 0, alice.errors
        assert recalled(ALICE) is Level.AUTHENTICATED

    def test_a_program_is_told_in_fields(self, msrp: Start, terminal: Open, weaker: str) -> None:
        bob = terminal("listen", "127.0.0.1", "--port", "0", "--as", BOB, "--json")
        target = bob.wait_for(r"127\.0\.0\.1:\d+")
        alice = send(msrp, target, weaker, "--guessable")
        bob.wait_for(r"Let them in all the same\? \[y/N\]")
        bob.type("y")
        bob.wait_for('"reception": "mark", "reception_why": "agreed", "better_level": "authenticated"')
        assert alice.wait() == 0, alice.errors


class TestWhoComesIn:
    def test_who_is_blocked_gets_no_session(self, msrp: Start, listening: Listening) -> None:
        word = generated(msrp, ALICE, BOB)
        assert known("block", ALICE).stdout == "Blocked: im:alice@lan\n"
        assert known().stdout.startswith("im:alice@lan: blocked on 20")
        _, target = listening("--as", BOB)
        alice = send(msrp, target, word)
        assert alice.wait() == 1
        assert "grants no session: it does not let you in, or not once more" in alice.errors
        says_so = msrp("send", target, "hi", "--as", ALICE)
        assert says_so.wait() == 1
        assert msrp("send", target, "hi", "--as", "im:carol@lan").wait() == 0
        known("unblock", ALICE)
        assert "is not blocked" in known("unblock", ALICE, code=1).stderr
        _, target = listening("--as", BOB)
        assert send(msrp, target, word).wait() == 0

    def test_blocking_counts_at_once(self, msrp: Start, listening: Listening) -> None:
        word = generated(msrp, ALICE, BOB)
        bob, target = listening("--as", BOB, "--known", "off", "--json")
        assert send(msrp, target, word).wait() == 0
        bob.wait_for('"text": "Lunch')
        known("block", ALICE)
        assert send(msrp, target, word).wait() == 1
        assert bob.event("turned-away")["peer_proved"] == ALICE
        assert known("--json").stdout.count("blocked") == 1

    def test_who_comes_all_the_same_is_told(self, msrp: Start, listening: Listening) -> None:
        """Blocked before we listened: whoever is proved, and whoever says the name."""
        word = generated(msrp, ALICE, BOB)
        known("block", ALICE)
        people, target = listening("--as", BOB)
        programs, other = listening("--as", BOB, "--json")
        for to in (target, other):
            assert msrp("send", to, "hi", "--as", ALICE).wait() == 1
        people.wait_for(rf"^{ALICE} \(claimed, not proved\) at 127\.0\.0\.1:\d+ was turned away$")
        told = programs.event("turned-away")
        assert (told["peer_claimed"], told["peer_proved"]) == (ALICE, None)
        assert (told["session"], told["count"]) == (None, 1)
        assert told["peer_address"].startswith("127.0.0.1:")
        for to in (target, other):
            assert send(msrp, to, word).wait() == 1
        people.wait_for(rf"^{ALICE} \(proved\) at 127\.0\.0\.1:\d+ was turned away$")
        assert programs.event("turned-away")["peer_proved"] == ALICE

    def test_who_comes_all_day_long_is_a_few_lines(self, listening: Listening) -> None:
        known("block", ALICE)
        bob, target = listening("--as", BOB, "--json")

        async def many() -> None:
            for _ in range(30):
                with contextlib.suppress(MsrpError):
                    async with connect(target, me=ALICE):
                        pass

        asyncio.run(many())
        told = [bob.event("turned-away")["count"] for _ in range(5)]
        while sum(told) < 30:
            told.append(bob.event("turned-away")["count"])
        assert sum(told) == 30
        assert told[:5] == [1] * 5
        assert len(told) <= 12

    def test_only_who_is_known(self, msrp: Start, listening: Listening) -> None:
        word = generated(msrp, ALICE, BOB)
        bob, target = listening("--as", BOB, "--let-in", "known", "--json")
        for stranger in (send(msrp, target, word), msrp("send", target, "hi", "--as", ALICE)):
            assert stranger.wait() == 1
            assert bob.event("turned-away")["peer_claimed"] == ALICE
        _, open_target = listening("--as", BOB)
        assert send(msrp, open_target, word).wait() == 0
        assert send(msrp, target, word).wait() == 0
        bob.wait_for('"text": "Lunch')
        assert msrp("send", target, "hi", "--as", ALICE).wait() == 1, "a name opens no door"

    def test_others_are_asked_about(self, msrp: Start, terminal: Open) -> None:
        word = generated(msrp, ALICE, BOB)
        bob = terminal("chat", "--listen", "127.0.0.1", "--port", "0", "--as", BOB, "--let-in", "ask")
        target = bob.wait_for(r"127\.0\.0\.1:\d+")
        stranger = msrp("send", target, "psst")
        bob.wait_for(r"127\.0\.0\.1:\d+ wants to talk to you\. protected against listening; nobody is proved")
        bob.wait_for(r"Let them in\? \[y/N\]")
        bob.type("n")
        bob.wait_for("was turned away")
        assert stranger.wait() == 1
        assert "psst" not in bob.seen
        alice = send(msrp, target, word)
        bob.wait_for(r"im:alice@lan \(proved\) at .* wants to talk to you")
        bob.type("y")
        bob.wait_for(r"im:alice@lan: Lunch\?")
        assert alice.wait() == 0, alice.errors
        bob.wait_for("has left")
        again = send(msrp, target, word)  # she is known now
        bob.wait_for(r"im:alice@lan: Lunch\?")
        assert again.wait() == 0, again.errors


class TestLastingKeys:
    """Each shows a key that lasts; alice's is pinned here, bob's is new."""

    @pytest.fixture
    def target(self, listening: Listening) -> str:
        known("pin", ALICE, lasting_key(ALICE).fingerprint)
        _, target = listening("--as", BOB, "--expect", ALICE, "--auth", "certificate")
        return target

    def test_a_new_key_is_asked_about_and_known_from_then_on(
        self, msrp: Start, terminal: Open, target: str
    ) -> None:
        call = ("send", target, "hi", "--as", ALICE, "--expect", BOB, "--auth", "certificate")
        theirs = lasting_key(BOB).fingerprint
        nobody_to_ask = msrp(*call)
        assert nobody_to_ask.wait() == 4
        assert f"{BOB} was never met here, and nothing verifies their key, {theirs}" in nobody_to_ask.errors
        alice = terminal(*call)
        alice.wait_for("nothing verifies their key")
        alice.wait_for(r"Is it theirs\? \[y/N\]")
        alice.type("n")
        assert alice.wait() == 4
        assert recalled(BOB) is None
        alice = terminal(*call)
        alice.wait_for(r"Is it theirs\? \[y/N\]")
        alice.type("y")
        alice.wait_for("Delivered: the message")
        assert alice.wait() == 0
        assert recalled(BOB) is Level.KEY_VERIFIED
        again = msrp(*call)
        assert again.wait() == 0, again.errors

    def test_another_key_is_refused_with_both(self, msrp: Start, target: str) -> None:
        known("pin", BOB, key_of("another"))
        call = ("send", target, "hi", "--as", ALICE, "--expect", BOB, "--auth", "certificate")
        alice = msrp(*call)
        assert alice.wait() == 4
        assert f"it was {key_of('another')} (compared on 20" in alice.errors
        assert f"now is {lasting_key(BOB).fingerprint}" in alice.errors
        assert f"msrp known forget {BOB}" in alice.errors


def test_the_demo_remembers_nobody(msrp: Start) -> None:
    demo = msrp("demo", "--auth", "scram", "--size", "1")
    assert demo.wait(60) == 0, demo.errors
    assert not usual_path().exists()


def test_nobody_is_remembered_who_was_not_proved(msrp: Start, listening: Listening, tmp_path: Path) -> None:
    _, target = listening("--as", BOB)
    assert msrp("send", target, "hi", "--as", ALICE).wait() == 0
    assert not usual_path().exists()


def test_who_is_blocked_is_named_as_that(msrp: Start, listening: Listening) -> None:
    generated(msrp, ALICE, BOB)
    generated(msrp, "im:carol@lan", BOB)
    known("block", ALICE)
    listed = msrp("passwd", "--list")
    assert listed.wait() == 0
    alices, carols = listed.output.splitlines()
    assert alices.startswith(ALICE)
    assert alices.endswith(", and blocked: msrp known unblock lets them in again")
    assert "blocked" not in carols
    bob, target = listening("--as", BOB)
    bob.wait_for("others are served, too: im:carol@lan$")
    calls = msrp("send", target, "hi", "--expect", ALICE, "--as", BOB)
    assert calls.wait() != 0
    assert f"({ALICE} is blocked here: you can call them, and they get no session with you)" in calls.errors
