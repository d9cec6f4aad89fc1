"""What is kept of compared words: the key by which the other one is known the next time."""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.programs import MSRP, Open, Program, Start, Terminal
from msrp_peer.security.known import Learned
from msrp_peer.security.known_peers import KnownPeers
from msrp_peer.security.lasting import lasting_key
from msrp_peer.terms.principal import Principal

# Python 3.12 and later fear a fork beside threads; pexpect forks, and there are no threads here.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")

ALICE, BOB, EVE = "im:alice@lan", "im:bob@lan", "im:eve@lan"
WAITING = ("--listen", "127.0.0.1", "--port", "0")
CERTIFICATE = ("--auth", "certificate")
ON_LOOPBACK = ("--interface", "127.0.0.1")
WORDS = r"(?m)^ +((?:[a-z]+ ){4}[a-z]+)\r?\n"

PLAYS = Path(__file__).parents[1] / "support" / "plays_both.py"

At = Callable[[str], None]


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> At:
    """What is started from now on is somebody's, with a home of their own."""

    def home(who: str) -> None:
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / who))

    return home


def known_to(tmp_path: Path, who: str) -> KnownPeers:
    """Those whom `who` knows."""
    return KnownPeers(home(tmp_path, who) / "known_peers.db")


def home(tmp_path: Path, who: str) -> Path:
    folder = tmp_path / who / "msrp-peer"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def pins(tmp_path: Path, who: str, whom: str) -> list[str]:
    """The keys that `who` knows `whom` by."""
    known = known_to(tmp_path, who).recall(Principal.parse(whom))
    return [] if known is None else [key.fingerprint for key in known.pins]


def key_of(tmp_path: Path, who: str, name: str) -> str:
    return lasting_key(name, home(tmp_path, who) / "keys").fingerprint


def waiting(msrp: Start, at: At, *options: str) -> tuple[Program, str]:
    at("bob")
    bob = msrp("verify", *WAITING, "--json", "--as", BOB, *options, stdin=subprocess.PIPE)
    return bob, f"127.0.0.1:{bob.event('listening')['port']}"


def calling(msrp: Start, at: At, target: str, *options: str, me: str = ALICE) -> Program:
    at("alice")
    return msrp("verify", target, "--json", "--as", me, *options, stdin=subprocess.PIPE)


def agreed(*both: Program) -> list[int]:
    for one in both:
        one.event("words")
        one.write("yes\n")
    return [one.wait() for one in both]


def show(at: At, who: str, whom: str) -> str:
    at(who)
    done = subprocess.run(
        [MSRP, "known", "show", whom], capture_output=True, text=True, timeout=30, check=False
    )
    return done.stdout


def test_the_next_line_is_known_by_the_key(msrp: Start, at: At, tmp_path: Path) -> None:
    bob, target = waiting(msrp, at, "--remember", ALICE)
    alice = calling(msrp, at, target, "--remember", BOB)
    assert agreed(alice, bob) == [0, 0]
    hers, his = key_of(tmp_path, "alice", ALICE), key_of(tmp_path, "bob", BOB)
    verified = next(json.loads(line) for line in alice.output.splitlines() if '"event": "verified"' in line)
    assert (verified["own_lasting"], verified["peer_lasting"]) == (hers, his)
    assert {verified["own_key"], verified["peer_key"]}.isdisjoint((hers, his))  # not shown on the line
    assert f'{{"event": "pinned", "principal": "{BOB}", "key": "{his}"}}' in alice.output
    assert pins(tmp_path, "alice", BOB) == [his]
    assert pins(tmp_path, "bob", ALICE) == [hers]
    assert "key compared, on 20" in show(at, "alice", BOB)
    at("bob")
    listener = msrp("listen", "127.0.0.1", "--port", "0", "--json", "--as", BOB, *CERTIFICATE)
    target = f"127.0.0.1:{listener.event('listening')['port']}"
    at("alice")
    sent = msrp("send", target, "Lunch?", "--json", "--as", ALICE, "--expect", BOB, *CERTIFICATE)
    assert sent.wait() == 0, sent.errors
    for one in (sent, listener):
        assert one.event("session")["security"]["level"] == "key-verified"


def test_whose_key_was_compared_is_to_show_it_without_being_told(msrp: Start, at: At, tmp_path: Path) -> None:
    bob_is = f"im:bob-{secrets.token_hex(4)}@lan"  # somebody nobody else on this machine is
    for who, name, whom, whose in (("alice", bob_is, "bob", bob_is), ("bob", ALICE, "alice", ALICE)):
        key = key_of(tmp_path, whom, whose)
        known_to(tmp_path, who).pin(Principal.parse(name), key, 1000)
    call = ("send", bob_is, "Lunch?", "--as", ALICE, *ON_LOOPBACK)

    def called(*options: str) -> Program:
        at("alice")
        return msrp(*call, *options)

    at("bob")
    there = ("listen", "127.0.0.1", "--port", "0", "--json", "--as", bob_is, "--announce", *ON_LOOPBACK)
    bob = msrp(*there, *CERTIFICATE)
    bob.event("listening")
    sent = called("--json")
    assert sent.event("session")["security"]["level"] == "key-verified"
    assert sent.wait() == 0, sent.errors
    bob.interrupt()
    at("bob")
    msrp(*there).event("listening")  # with a key made for the run
    refused = called()
    assert refused.wait() == 4
    assert "another one than before" in refused.errors
    assert "it may be made for the occasion" in refused.errors
    less = called("--auth", "none")
    assert less.wait() == 4
    assert f"a line to {bob_is} has been key-verified" in less.errors


@pytest.fixture
def compared(terminal: Open, at: At, tmp_path: Path) -> Callable[..., Terminal]:
    """Alice, who knows the key of somebody who listens with one made for the run, calls on a terminal."""
    bob_is = f"im:bob-{secrets.token_hex(4)}@lan"  # somebody nobody else on this machine is
    known_to(tmp_path, "alice").pin(Principal.parse(bob_is), key_of(tmp_path, "bob", bob_is), 1000)

    def call(msrp: Start, *options: str) -> Terminal:
        at("bob")
        there = ("listen", "127.0.0.1", "--port", "0", "--json", "--as", bob_is, "--announce")
        msrp(*there, *ON_LOOPBACK).event("listening")
        at("alice")
        return terminal("send", bob_is, "Lunch?", *ON_LOOPBACK, *options)

    return call


def test_no_password_is_asked_for_where_a_key_is_all_that_is_known(
    msrp: Start, compared: Callable[..., Terminal]
) -> None:
    alice = compared(msrp, "--as", ALICE, "--require", "authenticated")
    assert alice.wait() == 4
    assert "is known by their key, and a line by that reaches key-verified" in alice.seen
    assert "Password of" not in alice.seen
    asked = compared(msrp, "--as", ALICE, "--require", "authenticated", "--auth", "scram")
    asked.wait_for("Password of")


def test_who_does_not_say_who_they_are_is_told_that_it_would_do(
    msrp: Start, compared: Callable[..., Terminal]
) -> None:
    alice = compared(msrp)
    alice.wait_for("has been key-verified")
    alice.wait_for("--as im:alice@lan, and it counts")
    alice.wait_for("Talk to them all the same")
    alice.type("n")
    assert alice.wait() == 4


def test_a_key_that_signalling_told_is_not_compared_without_a_word(
    msrp: Start, at: At, tmp_path: Path
) -> None:
    """Whose voice it was nobody has said yet."""
    key, who = key_of(tmp_path, "bob", BOB), Principal.parse(BOB)
    alices = known_to(tmp_path, "alice")
    alices.pin(who, key, 1000, Learned.SIGNALLED)
    for options, learned in (((), Learned.SIGNALLED), (("--remember", BOB), Learned.COMPARED)):
        bob, target = waiting(msrp, at)
        alice = calling(msrp, at, target, *options)
        assert agreed(alice, bob) == [0, 0]
        known = alices.recall(who)
        assert known is not None
        assert [(each.fingerprint, each.learned) for each in known.keys] == [(key, learned)]


def test_who_stands_in_between_the_next_time_is_refused(msrp: Start, at: At, tmp_path: Path) -> None:
    bob, target = waiting(msrp, at)
    assert agreed(calling(msrp, at, target, "--remember", BOB), bob) == [0, 0]
    at("eve")
    eve = msrp("listen", "127.0.0.1", "--port", "0", "--json", "--as", BOB)
    target = f"127.0.0.1:{eve.event('listening')['port']}"
    at("alice")
    sent = msrp("send", target, "Lunch?", "--as", ALICE, "--expect", BOB, *CERTIFICATE)
    assert sent.wait() == 4
    assert "another one than before" in sent.errors
    assert pins(tmp_path, "alice", BOB)[0] in sent.errors
    at("alice")
    assert subprocess.run([MSRP, "known", "forget", BOB], check=False, timeout=30).returncode == 0
    assert pins(tmp_path, "alice", BOB) == []


def test_a_name_that_is_only_said_is_not_remembered_in_a_script(msrp: Start, at: At, tmp_path: Path) -> None:
    bob, target = waiting(msrp, at)
    alice = calling(msrp, at, target)
    assert agreed(alice, bob) == [0, 0]
    for one in (alice, bob):
        assert '"pinned"' not in one.output
        assert one.event("not-remembered")["reason"] == "only-said"
    assert pins(tmp_path, "alice", BOB) == pins(tmp_path, "bob", ALICE) == []


def test_whoever_says_another_name_than_was_meant_is_not_remembered(
    msrp: Start, at: At, tmp_path: Path
) -> None:
    bob, target = waiting(msrp, at, "--remember", EVE)
    alice = calling(msrp, at, target, "--remember", BOB)
    assert agreed(alice, bob) == [0, 4]
    assert f"you meant {EVE}, and the other side says it is {ALICE}" in bob.output
    assert pins(tmp_path, "alice", BOB) != []
    for name in (ALICE, EVE):
        assert pins(tmp_path, "bob", name) == []


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_words_that_differ_leave_nothing(msrp: Start, at: At, tmp_path: Path, who: str) -> None:
    bob, target = waiting(msrp, at, "--remember", ALICE)
    alice = calling(msrp, at, target, "--remember", BOB)
    both = {"alice": alice, "bob": bob}
    for one in both.values():
        one.event("words")
    for name, one in both.items():
        one.write("no\n" if name == who else "yes\n")
    assert [one.wait() for one in both.values()] == [4, 4]
    assert pins(tmp_path, "alice", BOB) == pins(tmp_path, "bob", ALICE) == []


@contextlib.contextmanager
def in_between(target: str, keys: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Who plays the comparison with both sides, in a process of their own; and where."""
    port = target.rpartition(":")[2]
    keys.mkdir(mode=0o700)
    middle = subprocess.Popen(
        [sys.executable, "-P", PLAYS, port, str(keys)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert middle.stdout is not None
        yield middle, f"127.0.0.1:{middle.stdout.readline().strip()}"
    finally:
        middle.kill()
        middle.communicate()


def test_who_plays_the_comparison_with_both_is_remembered_by_none(
    msrp: Start, at: At, tmp_path: Path
) -> None:
    bob, target = waiting(msrp, at, "--remember", ALICE)
    with in_between(target, tmp_path / "eve") as (eve, instead):
        alice = calling(msrp, at, instead, "--remember", BOB)
        hers, his = alice.event("words"), bob.event("words")
        assert hers["words"] != his["words"]
        for one in (alice, bob):  # each reads to the other what is shown, and hears something else
            one.write("no\n")
        assert [one.wait() for one in (alice, bob)] == [4, 4]
        assert eve.stdout is not None
        assert eve.stdout.read().split("\n") == ["told nothing", "told nothing", ""]
    assert pins(tmp_path, "alice", BOB) == pins(tmp_path, "bob", ALICE) == []
    for who in ("alice", "bob"):
        assert not (tmp_path / who / "msrp-peer" / "keys").exists()


def test_another_key_than_the_one_known_is_not_taken(msrp: Start, at: At, tmp_path: Path) -> None:
    other = key_of(tmp_path, "elsewhere", BOB)
    known_to(tmp_path, "alice").pin(Principal.parse(BOB), other, 1000)
    bob, target = waiting(msrp, at)
    alice = calling(msrp, at, target, "--remember", BOB)
    assert agreed(alice, bob) == [4, 0]
    his = key_of(tmp_path, "bob", BOB)
    assert f"it was {other} (compared on 1970-01-01), and now is {his}" in alice.output
    assert f"msrp known forget {BOB}" in alice.output
    assert pins(tmp_path, "alice", BOB) == [other]


def test_with_known_off_nothing_is_told_and_nothing_kept(msrp: Start, at: At, tmp_path: Path) -> None:
    bob, target = waiting(msrp, at, "--known", "off")
    alice = calling(msrp, at, target, "--remember", BOB)
    assert agreed(alice, bob) == [0, 0]
    assert alice.event("not-remembered")["reason"] == "no-key"
    assert bob.event("not-remembered")["reason"] == "off"
    assert not (tmp_path / "bob" / "msrp-peer" / "keys").exists()
    assert pins(tmp_path, "alice", BOB) == []


def test_who_does_not_say_who_they_are_tells_no_key(msrp: Start, at: At, tmp_path: Path) -> None:
    bob, target = waiting(msrp, at)
    at("alice")
    alice = msrp("verify", target, "--json", "--remember", BOB, stdin=subprocess.PIPE)
    assert agreed(alice, bob) == [0, 0]
    assert bob.event("not-remembered")["reason"] == "no-key"
    assert pins(tmp_path, "alice", BOB) == [key_of(tmp_path, "bob", BOB)]


@pytest.fixture
def two(terminal: Open, at: At) -> tuple[Terminal, Terminal]:
    """Bob and Alice, who chat and have compared."""
    at("bob")
    bob = terminal("chat", *WAITING, "--as", BOB)
    target = bob.wait_for(r"127\.0\.0\.1:\d+")
    at("alice")
    alice = terminal("chat", target, "--as", ALICE)
    for one in (alice, bob):
        one.wait_for("nobody is proved")
    alice.type("/verify")
    for one in (alice, bob):
        one.wait_for(WORDS)
    for one in (alice, bob):
        one.type("/verify yes")
    for one in (alice, bob):
        one.wait_for("Then say: /verify remember")
    return bob, alice


def test_in_a_chat_only_a_command_of_its_own_remembers(
    two: tuple[Terminal, Terminal], tmp_path: Path
) -> None:
    bob, alice = two
    bob.type("yes")
    alice.wait_for(r"im:bob@lan \(not proved\): yes")
    assert pins(tmp_path, "bob", ALICE) == []
    bob.type("/verify remember")
    bob.wait_for(f"Remembered: {ALICE}, by their lasting key, SHA-256 {key_of(tmp_path, 'alice', ALICE)}")
    assert pins(tmp_path, "bob", ALICE) == [key_of(tmp_path, "alice", ALICE)]
    bob.type("/verify remember")
    bob.wait_for("there is no key to remember")
    assert pins(tmp_path, "alice", BOB) == []
    alice.type("/quit")
    assert alice.wait() == 0


def test_on_a_terminal_it_is_asked(terminal: Open, at: At, tmp_path: Path) -> None:
    at("bob")
    bob = terminal("verify", *WAITING, "--as", BOB)
    target = bob.wait_for(r"127\.0\.0\.1:\d+")
    at("alice")
    alice = terminal("verify", target, "--as", ALICE, "--remember", BOB)
    for one in (alice, bob):
        one.wait_for("Are they the same\\? yes or no:")
        one.type("yes")
    alice.wait_for(f"Shall the key of {BOB} be remembered")
    bob.wait_for(f"The other side says it is {ALICE}, and the words do not prove a name")
    bob.type("y")
    bob.wait_for("Please type the whole word")
    bob.type("no")
    bob.wait_for("Not remembered")
    alice.type("yes")
    alice.wait_for(f"Remembered: {BOB}, by their lasting key")
    assert [one.wait() for one in (alice, bob)] == [0, 0]
    assert pins(tmp_path, "bob", ALICE) == []
    assert pins(tmp_path, "alice", BOB) == [key_of(tmp_path, "bob", BOB)]
