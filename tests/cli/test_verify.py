"""`/verify` in a chat and `msrp verify`: words that two people compare."""

from __future__ import annotations

import json
import secrets
import subprocess
from pathlib import Path

import pytest

from cli.programs import Open, Program, Start, Terminal, wait_until
from msrp_peer.security.known_peers import KnownPeers
from msrp_peer.terms.principal import Principal

# Python 3.12 and later fear a fork beside threads; pexpect forks, and there are no threads here.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")

WORDS = r"(?m)^ +((?:[a-z]+ ){4}[a-z]+)\r?\n +(\d{3} \d{3} \d{3} \d{4})"
LISTENING = ("chat", "--listen", "127.0.0.1", "--port", "0", "--as", "im:bob@lan")


@pytest.fixture
def two(terminal: Open) -> tuple[Terminal, Terminal]:
    """Bob, who listened, and Alice, who called him."""
    bob = terminal(*LISTENING)
    alice = terminal("chat", bob.wait_for(r"127\.0\.0\.1:\d+"), "--as", "im:alice@lan")
    for one in (alice, bob):
        one.wait_for("nobody is proved")
    return bob, alice


def test_in_a_chat(two: tuple[Terminal, Terminal]) -> None:
    bob, alice = two
    alice.type("/verify yes")
    alice.wait_for("there are no words to compare yet")
    alice.type("/verify")
    alice.wait_for(r"To compare with im:bob@lan \(claimed, not proved\):")
    hers = alice.wait_for(WORDS)
    alice.wait_for("/verify yes or /verify no")
    bob.wait_for(r"im:alice@lan \(claimed, not proved\) wants to compare words with you:")
    assert bob.wait_for(WORDS) == hers
    bob.type("yes")  # an answer to something she wrote, and none to the question
    alice.wait_for(r"im:bob@lan \(not proved\): yes")
    bob.type("/verify perhaps")
    bob.wait_for("say /verify, and then")
    alice.type("/verify yes")
    alice.wait_for("Waiting for the other side")
    bob.type("/security")
    bob.wait_for("nobody is proved")
    bob.type("/verify yes")
    for one in (bob, alice):
        one.wait_for("Verified: you both saw the same words, so nobody sits in between")
        one.wait_for("protected, to a key you have verified")
        one.wait_for("Then say: /verify remember")
    alice.type("/security")
    alice.wait_for("protected, to a key you have verified")
    alice.type("/verify")
    assert alice.wait_for(WORDS) == hers
    alice.type("/verify yes")
    alice.wait_for("it was said already")
    alice.type("still here")
    bob.wait_for(r"im:alice@lan \(not proved\): still here")
    alice.type("/quit")
    assert alice.wait() == 0


def test_in_a_chat_words_that_differ_end_it(two: tuple[Terminal, Terminal]) -> None:
    bob, alice = two
    bob.type("/verify")
    bob.wait_for(WORDS)
    alice.wait_for(WORDS)
    bob.type("/verify no")
    for one in (bob, alice):
        one.wait_for("somebody may sit in between and read everything: the two users saw different words")
    assert alice.wait() == 4
    bob.wait_for(">")  # the prompt: before it the terminal eats the key
    bob.key("d")
    assert bob.wait() == 4  # he waited for the next one, and it is not forgotten


def waiting(msrp: Start, *options: str) -> tuple[Program, str]:
    """Bob, who waits to compare, and where."""
    bob = msrp("verify", "--listen", "127.0.0.1", "--port", "0", "--json", *options, stdin=subprocess.PIPE)
    return bob, f"127.0.0.1:{bob.event('listening')['port']}"


@pytest.mark.journey("verify")
def test_the_command_at_both_ends(msrp: Start) -> None:
    bob, target = waiting(msrp, "--as", "im:bob@lan")
    alice = msrp("verify", target, "--json", "--as", "im:alice@lan", stdin=subprocess.PIPE)
    hers, his = alice.event("words"), bob.event("words")
    assert (hers["words"], hers["digits"]) == (his["words"], his["digits"])
    assert (hers["begun_here"], his["begun_here"]) == (True, False)
    for one in (alice, bob):
        one.write("y\n\nyes\n")
    verified = [one.event("verified") for one in (alice, bob)]
    assert [one.wait() for one in (alice, bob)] == [0, 0]
    assert [each["peer"] for each in verified] == ["im:bob@lan", "im:alice@lan"]
    assert verified[0]["own_key"] == verified[1]["peer_key"] is not None
    for each in verified:
        assert each["security"]["level"] == "key-verified"
        assert each["security"]["layers"][0]["verified"] == "compared"


def test_with_json_the_question_is_on_standard_error(msrp: Start) -> None:
    """Whoever sits there must see what they are to answer."""
    bob, target = waiting(msrp, "--as", "im:bob@lan")
    alice = msrp("verify", target, "--json", "--as", "im:alice@lan", stdin=subprocess.PIPE)
    for one in (alice, bob):
        words = one.event("words")
        wait_until(lambda one=one: "Are they the same? yes or no:" in one.errors)  # type: ignore[misc]
        assert " ".join(words["words"]) in one.errors
        assert words["digits"] in one.errors
        one.write("yes\n")
    assert [one.wait() for one in (alice, bob)] == [0, 0]
    assert "Are they the same" not in alice.output + bob.output


@pytest.mark.parametrize("who", [0, 1])
def test_the_command_where_they_differ(msrp: Start, who: int) -> None:
    bob, target = waiting(msrp)
    both = [bob, msrp("verify", target, "--json", stdin=subprocess.PIPE)]
    for one in both:
        one.event("words")
    both[1 - who].write("yes\n")
    both[who].write("no\n")
    for one in both:
        assert one.wait() == 4
        last = json.loads(one.output.strip().splitlines()[-1])
        assert (last["event"], last["kind"]) == ("error", "not-secure-enough")
        assert "somebody may sit in between" in last["message"]


def test_who_says_nothing_has_verified_nothing(msrp: Start) -> None:
    bob, target = waiting(msrp)
    alice = msrp("verify", target, "--json", stdin=subprocess.DEVNULL)
    bob.event("words")
    assert alice.wait() == 4
    assert "nobody said here whether the words are the same" in alice.output
    assert bob.wait() == 1  # she left
    for one in (alice, bob):
        assert '"event": "verified"' not in one.output


def test_who_may_begin(msrp: Start) -> None:
    """--let-in, as elsewhere."""
    bob, target = waiting(msrp, "--let-in", "known")
    alice = msrp("verify", target, "--as", "im:alice@lan", stdin=subprocess.PIPE)
    assert bob.event("turned-away")["peer_claimed"] == "im:alice@lan"
    assert alice.wait() != 0
    assert '"event": "words"' not in bob.output
    assert bob.interrupt() < 5


def test_whoever_was_better_protected_before_is_not_compared_with_unasked(msrp: Start) -> None:
    """--known, as elsewhere."""
    bob_is = f"im:bob-{secrets.token_hex(4)}@lan"  # somebody nobody else on this machine is
    KnownPeers.usual().pin(Principal.parse(bob_is), ":".join(["AB"] * 32), 1000)
    waiting(msrp, "--as", bob_is, "--announce", "--interface", "127.0.0.1")
    call = ("verify", bob_is, "--interface", "127.0.0.1", "--json")
    alice = msrp(*call, stdin=subprocess.PIPE)
    assert alice.wait() == 4
    assert f"a line to {bob_is} has been key-verified" in alice.output
    alice = msrp(*call, "--known", "off", stdin=subprocess.PIPE)
    alice.event("words")


def test_who_does_not_come_to_compare_is_waited_out(msrp: Start) -> None:
    bob, target = waiting(msrp)
    msrp("send", target, "hello", "--json").wait()
    alice = msrp("verify", target, "--json", stdin=subprocess.PIPE)
    for one in (alice, bob):
        one.event("words")
        one.write("yes\n")
    assert [one.wait() for one in (alice, bob)] == [0, 0]


def test_the_command_with_somebody_who_chats(msrp: Start, terminal: Open) -> None:
    bob = terminal(*LISTENING)
    alice = msrp("verify", bob.wait_for(r"127\.0\.0\.1:\d+"), "--json", stdin=subprocess.PIPE)
    hers = alice.event("words")
    assert " ".join(hers["words"]) in bob.wait_for(WORDS)
    alice.write("yes\n")
    bob.type("/verify yes")
    bob.wait_for("Verified")
    assert alice.wait() == 0


def test_where_nobody_compares(msrp: Start, tmp_path: Path) -> None:
    listener = msrp("listen", "127.0.0.1", "--port", "0", "--json")
    target = f"127.0.0.1:{listener.event('listening')['port']}"
    alice = msrp("verify", target, stdin=subprocess.PIPE)
    assert alice.wait() == 4
    assert "words cannot be compared: nobody compares words there" in alice.errors


def test_a_line_without_keys(msrp: Start) -> None:
    bob, target = waiting(msrp)
    alice = msrp("verify", target, "--tls", "adh", stdin=subprocess.PIPE)
    assert alice.wait() == 4
    assert "with --tls adh nobody shows a key" in alice.errors
    assert bob.interrupt() < 5


@pytest.mark.parametrize("words", [[], ["127.0.0.1", "--listen"], ["127.0.0.1", "--port", "1"]])
def test_words_that_make_no_sense(msrp: Start, words: list[str]) -> None:
    assert msrp("verify", *words).wait() == 2


def test_on_terminals_as_narrow_as_they_are(terminal: Open) -> None:
    bob = terminal("verify", "--listen", "127.0.0.1", "--port", "0", columns=60)
    alice = terminal("verify", bob.wait_for(r"127\.0\.0\.1:\d+"), columns=60)
    for one in (alice, bob):
        one.wait_for(r"\n  (?:[a-z]+ ){4}[a-z]+\r")
        one.wait_for("Are they the same\\? yes or no:")
    alice.type("y")
    alice.wait_for("Please type the whole word, yes or no")
    for one in (alice, bob):
        one.type("yes")
    for one in (alice, bob):
        one.wait_for("Verified: you both saw the same words")
    assert [one.wait() for one in (alice, bob)] == [0, 0]


def test_ctrl_c_ends_it_for_both(msrp: Start) -> None:
    bob, target = waiting(msrp)
    alice = msrp("verify", target, "--json", stdin=subprocess.PIPE)
    for one in (alice, bob):
        one.event("words")
    assert alice.interrupt() < 5
    assert bob.wait() == 1
    assert "before both users had compared" in bob.output
