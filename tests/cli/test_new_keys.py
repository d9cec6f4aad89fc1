"""Lasting keys that are new to `msrp listen` and `msrp chat --listen`, and `--known accept-new`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cli.people import Person
from cli.programs import Open, Program, Start
from msrp_peer.security.known import Learned
from msrp_peer.terms.principal import Principal
from msrp_peer.terms.security import Level
from security.known_lines import DAY

# Python 3.12 and later fear a fork beside threads; pexpect forks, and there are no threads here.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")

ALICE, BOB, CAROL = "im:alice@lan", "im:bob@lan", "im:carol@lan"
AT = ("127.0.0.1", "--port", "0", "--auth", "certificate", "--as", BOB)


@pytest.fixture
def alice(person: Callable[[str], Person]) -> Person:
    return person(ALICE)


@pytest.fixture
def bob(person: Callable[[str], Person]) -> Person:
    return person(BOB)


def knows_bob(somebody: Person, bob: Person) -> Person:
    somebody.known.pin(Principal.parse(BOB), bob.key, DAY)
    return somebody


def calls(msrp: Start, somebody: Person, target: str, *more: str) -> Program:
    call = ("send", target, "Lunch?", "--as", somebody.name, "--expect", BOB, "--auth", "certificate")
    return somebody.start(msrp, *call, *more)


class TestWhoListens:
    @pytest.mark.parametrize("command", [("listen",), ("chat", "--listen")])
    def test_is_asked_on_a_terminal(
        self, msrp: Start, terminal: Open, alice: Person, bob: Person, command: tuple[str, ...]
    ) -> None:
        knows_bob(alice, bob)
        his = bob.sits(terminal, *command, *AT)
        his.wait_for("you are asked about a key that is new")
        target = his.seen.rpartition("msrps://")[2].partition(";")[0]
        hers = calls(msrp, alice, target)
        his.wait_for(rf"127\.0\.0\.1:\d+ says to be {ALICE}: {ALICE} was never met here")
        his.wait_for(alice.key)
        his.wait_for(r"Is it theirs\? \[y/N\]")
        assert "Lunch" not in his.seen
        assert bob.knows(ALICE) is None
        his.type("y")
        his.wait_for(f"Pinned to {ALICE}")
        his.wait_for(rf"{ALICE}.*: Lunch\?")
        assert hers.wait() == 0, hers.errors
        assert bob.learned(ALICE) == [(alice.key, Learned.COMPARED)]
        assert bob.knows(ALICE) is Level.KEY_VERIFIED

    def test_may_say_no(self, msrp: Start, terminal: Open, alice: Person, bob: Person) -> None:
        knows_bob(alice, bob)
        his = bob.sits(terminal, "listen", *AT)
        his.wait_for("with the key")
        target = his.seen.rpartition("msrps://")[2].partition(";")[0]
        hers = calls(msrp, alice, target)
        his.wait_for(r"Is it theirs\? \[y/N\]")
        his.type("n")
        assert hers.wait() == 1
        assert "grants no session: it does not let you in" in hers.errors
        his.wait_for(r"a login from 127\.0\.0\.1 failed")
        assert calls(msrp, alice, target).wait() == 1, "and is not asked again"
        assert bob.knows(ALICE) is None

    def test_others_go_on_meanwhile(
        self,
        msrp: Start,
        terminal: Open,
        alice: Person,
        bob: Person,
        person: Callable[[str], Person],
    ) -> None:
        carol = knows_bob(person(CAROL), bob)
        bob.known.pin(Principal.parse(CAROL), carol.key, DAY)
        knows_bob(alice, bob)
        his = bob.sits(terminal, "listen", *AT)
        his.wait_for("with the key")
        target = his.seen.rpartition("msrps://")[2].partition(";")[0]
        hers = calls(msrp, alice, target)
        his.wait_for(r"Is it theirs\? \[y/N\]")
        known = calls(msrp, carol, target)
        his.wait_for(rf"{CAROL} \(known by their key\): Lunch\?")
        assert known.wait() == 0, known.errors
        his.type("y")
        assert hers.wait() == 0, hers.errors

    @pytest.mark.parametrize("policy", ["ask", "strict", "off"])
    def test_refuses_where_nobody_can_be_asked(
        self, msrp: Start, alice: Person, bob: Person, policy: str
    ) -> None:
        knows_bob(alice, bob)
        bob.known.pin(Principal.parse(CAROL), alice.key, DAY)
        bob.known.forget(Principal.parse(CAROL))
        his = bob.start(msrp, "listen", *AT, "--json", "--known", policy)
        target = f"127.0.0.1:{his.event('listening')['port']}"
        hers = calls(msrp, alice, target)
        assert hers.wait() != 0
        assert "Lunch" not in his.output
        assert his.event("login-failed")["address"] == "127.0.0.1"
        assert bob.knows(ALICE) is None


class TestAcceptNew:
    def test_takes_the_first_key_at_both_ends_and_no_other(
        self, msrp: Start, alice: Person, bob: Person
    ) -> None:
        his = bob.start(msrp, "listen", *AT, "--known", "accept-new")
        his.wait_for("the first key of somebody new is taken, which verifies nobody")
        target = his.output.rpartition("msrps://")[2].partition(";")[0]
        for _ in range(2):
            hers = calls(msrp, alice, target, "--known", "accept-new")
            assert hers.wait() == 0, hers.errors
            assert f"To {BOB} (by a key taken at first use, which nobody compared)" in hers.output
            his.wait_for(rf"taken for that of {ALICE} when they were met first, and nobody has compared it")
            his.wait_for(rf"{ALICE} \(by a key taken at first use, which nobody compared\): Lunch\?")
        assert alice.learned(BOB) == [(bob.key, Learned.FIRST_USE)]
        assert bob.learned(ALICE) == [(alice.key, Learned.FIRST_USE)]
        # A yes is asked for where keys are compared, and nobody can give it here.
        asks = calls(msrp, alice, target)
        assert asks.wait() == 4
        assert f"the key of {BOB} was taken at first use on 20" in asks.errors
        more = calls(msrp, alice, target, "--known", "accept-new", "--require", "key-verified")
        assert more.wait() == 4
        # Somebody else with a key that says to be alice's.
        alice.forget_key()
        other = calls(msrp, alice, target, "--known", "accept-new")
        assert other.wait() == 1
        his.wait_for(f"the key of {ALICE} is another one than before")
        # Somebody else who says to be bob.
        his.interrupt()
        bob.forget_key()
        his = bob.start(msrp, "listen", *AT, "--known", "accept-new")
        his.wait_for("with the key")
        target = his.output.rpartition("msrps://")[2].partition(";")[0]
        refused = calls(msrp, alice, target, "--known", "accept-new")
        assert refused.wait() == 4
        assert f"the key of {BOB} is another one than before" in refused.errors
        assert f"msrp known forget {BOB}" in refused.errors

    def test_what_was_reached_is_the_floor_without_a_question(
        self, msrp: Start, terminal: Open, bob: Person, alice: Person
    ) -> None:
        knows_bob(alice, bob)
        plain = bob.start(msrp, "listen", "127.0.0.1", "--port", "0", "--as", BOB)
        target = plain.wait_for(r"msrps://(127\.0\.0\.1:\d+);").group(1)
        hers = alice.sits(
            terminal, "send", target, "hi", "--as", ALICE, "--expect", BOB, "--auth", "certificate",
            "--known", "accept-new",
        )  # fmt: skip
        assert hers.wait() == 4
        assert "is another one than before" in hers.seen

    def test_what_was_compared_since_is_remembered_as_that(
        self, msrp: Start, alice: Person, bob: Person
    ) -> None:
        lax = ("--known", "accept-new", "--json")
        his = bob.start(msrp, "verify", "--listen", *AT, *lax, "--remember", ALICE)
        target = f"127.0.0.1:{his.event('listening')['port']}"
        call = ("verify", target, "--as", ALICE, "--expect", BOB, "--auth", "certificate", *lax)
        hers = alice.start(msrp, *call)
        for one in (hers, his):
            one.event("words")
            one.write("yes\n")
        for one in (hers, his):
            assert one.wait() == 0, one.errors
            assert one.event("verified")["security"]["level"] == "key-verified"
        assert alice.learned(BOB) == [(bob.key, Learned.COMPARED)]
        assert bob.learned(ALICE) == [(alice.key, Learned.COMPARED)]
