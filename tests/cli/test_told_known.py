"""`msrp offer` and `msrp answer` with `--known` and `--let-in`: the floor holds there, too."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

import pytest

from cli.people import Person
from cli.programs import AT, Open, Program, Start, Terminal, carry, generated, printed
from msrp_peer.security.known import Learned
from msrp_peer.security.known_peers import KnownPeers, usual_path
from msrp_peer.terms.principal import Principal
from msrp_peer.terms.security import Level
from security.known_lines import DAY, key_of, line

# Python 3.12 and later fear a fork beside threads; pexpect forks, and there are no threads here.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")

ALICE, BOB = "im:alice@lan", "im:bob@lan"
TO_BOB = ("--as", ALICE, "--expect", BOB)
TO_ALICE = ("--as", BOB, "--expect", ALICE)
BY_KEY = ("--auth", "certificate")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MSRP_PASSWORD", "MSRP_PASSWORD_FOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def alice(person: Callable[[str], Person]) -> Person:
    return person(ALICE)


@pytest.fixture
def bob(person: Callable[[str], Person]) -> Person:
    return person(BOB)


def shown(source: Terminal) -> str:
    """The text that a terminal shows, to be pasted elsewhere."""
    source.wait_for("is for [^\r\n]+, and for nobody else:")
    text = source.wait_for(r"v=0\r?\n(?:[a-z]=[^\r\n]*\r?\n)+\r?\n")
    return "\n".join([*re.findall("[a-z]=[^\r\n]*", text), "", ""])


def paste(target: Terminal, text: str) -> None:
    target.wait_for("Paste the ")
    for each in text.splitlines():
        target.type(each)


def scram(msrp: Start, alice: Person, bob: Person, *more: str) -> tuple[Program, Program]:
    """Alice sends, and is proved by the password that bob made for her."""
    with bob.at_home():
        word = generated(msrp, ALICE, BOB)
    hers = alice.start(msrp, "offer", *AT, "Lunch?", *TO_BOB, "--password-stdin", *more)
    his = bob.start(msrp, "answer", *AT, "--listen", *TO_ALICE, *more)
    hers.write(f"{word}\n")
    carry(hers, his)
    carry(his, hers)
    return hers, his


class TestWhatWasReached:
    def test_is_remembered_by_both(self, msrp: Start, alice: Person, bob: Person) -> None:
        programs = scram(msrp, alice, bob)
        assert [program.wait() for program in programs] == [0, 0], programs[0].errors + programs[1].errors
        assert (alice.knows(BOB), bob.knows(ALICE)) == (Level.AUTHENTICATED, Level.AUTHENTICATED)

    def test_is_not_where_nobody_wants_it(self, msrp: Start, alice: Person, bob: Person) -> None:
        programs = scram(msrp, alice, bob, "--known", "off")
        assert [program.wait() for program in programs] == [0, 0]
        assert (alice.knows(BOB), bob.knows(ALICE)) == (None, None)

    def test_nobody_is_remembered_who_was_not_meant(self, msrp: Start) -> None:
        one = msrp("offer", *AT, "hi", stdin=subprocess.PIPE)
        other = msrp("answer", *AT, "--listen", stdin=subprocess.PIPE)
        carry(one, other)
        carry(other, one)
        assert (one.wait(), other.wait()) == (0, 0)
        assert not usual_path().exists()


class TestLess:
    """Each knows the other's key; alice has met bob by something better, and so has he."""

    @pytest.fixture(autouse=True)
    def better(self, alice: Person, bob: Person) -> None:
        for one, other in ((alice, bob), (bob, alice)):
            one.known.pin(Principal.parse(other.name), other.key, DAY)

    @pytest.mark.parametrize("connects", ["alice", "bob"])
    @pytest.mark.parametrize("policy", ["ask", "strict"])
    def test_is_refused_where_nobody_can_be_asked(
        self, msrp: Start, alice: Person, bob: Person, connects: str, policy: str
    ) -> None:
        who = Principal.parse(BOB)
        alice.known.meet(who, line(who), 2 * DAY)
        commands = ("offer", "answer") if connects == "alice" else ("answer", "offer")
        hers = alice.start(msrp, commands[0], *AT, "Lunch?", *TO_BOB, *BY_KEY, "--known", policy)
        his = bob.start(msrp, commands[1], *AT, "--listen", *TO_ALICE, *BY_KEY, "--timeout", "5")
        one, other = (hers, his) if connects == "alice" else (his, hers)
        carry(one, other)
        carry(other, one)
        assert hers.wait() == 4, hers.errors
        assert f"a line to {BOB} has been authenticated" in hers.errors
        assert his.wait() in (0, 3)
        assert "Lunch" not in his.output

    @pytest.mark.parametrize("connects", ["alice", "bob"])
    def test_is_asked_about_on_a_terminal(
        self, msrp: Start, terminal: Open, alice: Person, bob: Person, connects: str
    ) -> None:
        who = Principal.parse(BOB)
        alice.known.meet(who, line(who), 2 * DAY)
        offers = connects == "alice"
        hers = alice.sits(terminal, "offer" if offers else "answer", *AT, "Lunch?", *TO_BOB, *BY_KEY)
        his = bob.start(msrp, "answer" if offers else "offer", *AT, "--listen", *TO_ALICE, *BY_KEY)
        if offers:
            his.write(shown(hers))
            paste(hers, printed(his))
        else:
            paste(hers, printed(his))
            his.write(shown(hers))
        hers.wait_for(f"a line to {BOB} has been authenticated")
        hers.wait_for(r"Talk to them all the same, this once\? \[y/n\]")
        assert "Lunch" not in his.output
        hers.type("y")
        hers.wait_for("Delivered: the message")
        assert hers.wait() == 0
        assert his.wait() == 0, his.errors
        assert "Lunch?" in his.output
        assert alice.knows(BOB) is Level.AUTHENTICATED

    def test_is_what_a_person_may_refuse(
        self, msrp: Start, terminal: Open, alice: Person, bob: Person
    ) -> None:
        who = Principal.parse(BOB)
        alice.known.meet(who, line(who), 2 * DAY)
        hers = alice.sits(terminal, "offer", *AT, "Lunch?", *TO_BOB, *BY_KEY)
        his = bob.start(msrp, "answer", *AT, "--listen", *TO_ALICE, *BY_KEY)
        his.write(shown(hers))
        paste(hers, printed(his))
        hers.wait_for(r"this once\? \[y/n\]")
        hers.type("n")
        assert hers.wait() == 4
        assert "you did not agree" in hers.seen
        assert "Lunch" not in his.output


class TestKeys:
    """Bob knows alice's key, and waits; alice connects to him, and does not know his."""

    @pytest.fixture(autouse=True)
    def known_to_bob(self, alice: Person, bob: Person) -> None:
        bob.known.pin(Principal.parse(ALICE), alice.key, DAY)

    def waits(self, msrp: Start, bob: Person, *more: str) -> Program:
        return bob.start(msrp, "offer", *AT, "--listen", *TO_ALICE, *BY_KEY, *more)

    @pytest.mark.rule("8122 7-1", "6714 7-1")
    def test_a_new_one_is_asked_about_and_known_from_then_on(
        self, msrp: Start, terminal: Open, alice: Person, bob: Person
    ) -> None:
        for answer, code in (("n", 4), ("y", 0)):
            his = self.waits(msrp, bob)
            hers = alice.sits(terminal, "answer", *AT, "--connect", "Lunch?", *TO_BOB, *BY_KEY)
            paste(hers, printed(his))
            his.write(shown(hers))
            hers.wait_for(f"{BOB} was never met here, and nothing verifies their key, {bob.key}")
            hers.wait_for(r"Is it theirs\? \[y/n\]")
            hers.type(answer)
            assert hers.wait() == code, hers.seen
            if code:
                assert alice.knows(BOB) is None
                his.stop()
        assert his.wait() == 0, his.errors
        assert "Lunch?" in his.output
        assert alice.learned(BOB) == [(bob.key, Learned.COMPARED)]

    def test_a_new_one_is_refused_where_nobody_can_be_asked(
        self, msrp: Start, alice: Person, bob: Person
    ) -> None:
        alice.known.block(Principal.parse("im:eve@lan"), DAY)  # there is a file
        his = self.waits(msrp, bob, "--timeout", "5")
        hers = alice.start(msrp, "answer", *AT, "--connect", "Lunch?", *TO_BOB, *BY_KEY)
        carry(his, hers)
        assert hers.wait() == 4, hers.errors
        assert f"{BOB} was never met here, and nothing verifies their key, {bob.key}" in hers.errors

    @pytest.mark.rule("8122 7-1", "6714 7-1")
    def test_another_one_is_refused_with_both(self, msrp: Start, alice: Person, bob: Person) -> None:
        """Also where nobody can have changed the texts: bob may have lost his computer to somebody."""
        alice.known.pin(Principal.parse(BOB), key_of("another"), DAY)
        for more in ((), ("--protected",)):
            his = self.waits(msrp, bob, "--timeout", "5")
            hers = alice.start(msrp, "answer", *AT, "--connect", "Lunch?", *TO_BOB, *BY_KEY, *more)
            carry(his, hers)
            assert hers.wait() == 4
            assert f"it was {key_of('another')} (compared on 19" in hers.errors
            assert f"now is {bob.key}" in hers.errors
            his.stop()
        assert alice.learned(BOB) == [(key_of("another"), Learned.COMPARED)]

    def test_protected_texts_tell_it(self, msrp: Start, alice: Person, bob: Person) -> None:
        for more in (("--protected",), ()):  # and once is enough
            his = self.waits(msrp, bob)
            hers = alice.start(msrp, "answer", *AT, "--connect", "Lunch?", *TO_BOB, *BY_KEY, *more)
            carry(his, hers)
            carry(hers, his)
            assert (hers.wait(), his.wait()) == (0, 0), hers.errors + his.errors
            if more:
                assert f"Taken as the key of {BOB}, for the texts tell it: SHA-256 {bob.key}" in hers.errors
            assert alice.learned(BOB) == [(bob.key, Learned.SIGNALLED)]
            assert alice.knows(BOB) is Level.KEY_VERIFIED

    @pytest.mark.parametrize("more", [(), ("--protected",)])
    def test_nobody_is_asked_about_one_that_the_text_did_not_tell(
        self, msrp: Start, terminal: Open, alice: Person, bob: Person, more: tuple[str, ...]
    ) -> None:
        his = self.waits(msrp, bob, "--timeout", "5")
        hers = alice.sits(terminal, "answer", *AT, "--connect", "Lunch?", *TO_BOB, *BY_KEY, *more)
        paste(hers, printed(his).replace(bob.key, key_of("another")))
        assert hers.wait() == 4
        assert "another key than the one whose fingerprint was signalled" in hers.seen
        assert "Is it theirs" not in hers.seen
        assert alice.knows(BOB) is None

    @pytest.mark.parametrize("more", [(), ("--protected",)])
    def test_one_that_is_made_for_the_session_is_not_kept(
        self, msrp: Start, terminal: Open, alice: Person, bob: Person, more: tuple[str, ...]
    ) -> None:
        his = bob.start(msrp, "offer", *AT, "--listen", "--timeout", "5")
        hers = alice.sits(terminal, "answer", *AT, "--connect", "Lunch?", *TO_BOB, *BY_KEY, *more)
        paste(hers, printed(his))
        assert hers.wait() == 4
        assert "Is it theirs" not in hers.seen
        assert alice.knows(BOB) is None


class TestWhoIsLetIn:
    def test_nobody_but_who_is_known(self, msrp: Start, alice: Person, bob: Person) -> None:
        stranger = bob.start(msrp, "answer", *AT, "--listen", *TO_ALICE, "--let-in", "known")
        assert stranger.wait() == 4
        assert f"{ALICE} is not known here, and --let-in known lets in nobody else" in stranger.errors
        nobody = bob.start(msrp, "answer", *AT, "--listen", "--let-in", "known")
        assert nobody.wait() == 2
        assert "say whom you mean, --expect" in nobody.errors
        for name, other in ((alice, BOB), (bob, ALICE)):
            who = Principal.parse(other)
            name.known.meet(who, line(who), DAY)
        programs = scram(msrp, alice, bob, "--let-in", "known")
        assert [program.wait() for program in programs] == [0, 0], programs[0].errors + programs[1].errors

    @pytest.mark.parametrize("connects", ["asks", "other"])
    def test_others_are_asked_about(self, msrp: Start, terminal: Open, connects: str) -> None:
        mine, theirs = ("offer", "answer") if connects == "asks" else ("answer", "offer")
        for reply, code in (("n", 4), ("y", 0)):
            here = terminal(mine, *AT, "Lunch?", "--let-in", "ask")
            there = msrp(theirs, *AT, "--listen", stdin=subprocess.PIPE)
            if mine == "offer":
                there.write(shown(here))
                paste(here, printed(there))
            else:
                paste(here, printed(there))
                there.write(shown(here))
            here.wait_for("wants to talk to you. protected against listening; nobody is proved")
            here.wait_for(r"Let them in\? \[y/n\]")
            here.type(reply)
            assert here.wait() == code, here.seen
            assert ("was turned away" in here.seen) == bool(code)
            there.wait()
            assert ("Lunch" in there.output) != bool(code)

    def test_where_nobody_can_be_asked_they_are_turned_away(self, msrp: Start) -> None:
        one = msrp("offer", *AT, "Lunch?", "--let-in", "ask", "--json", stdin=subprocess.PIPE)
        other = msrp("answer", *AT, "--listen", stdin=subprocess.PIPE)
        offer = one.event("offer")["sdp"]
        other.write(f"{offer}\n")
        carry(other, one)
        assert one.wait() == 4
        assert one.event("turned-away")["peer_proved"] is None
        assert one.event("error")["kind"] == "not-secure-enough"
        other.wait()
        assert "Lunch" not in other.output

    def test_who_was_agreed_to_once_is_known(
        self, msrp: Start, terminal: Open, alice: Person, bob: Person
    ) -> None:
        for one, other in ((alice, bob), (bob, alice)):
            one.known.pin(Principal.parse(other.name), other.key, DAY)
        his = bob.start(msrp, "offer", *AT, "--listen", *TO_ALICE, *BY_KEY, "--let-in", "known")
        hers = alice.start(msrp, "answer", *AT, "Lunch?", *TO_BOB, *BY_KEY, "--let-in", "ask")
        carry(his, hers)
        carry(hers, his)
        assert (hers.wait(), his.wait()) == (0, 0), hers.errors + his.errors

    def test_who_is_blocked(self, msrp: Start) -> None:
        KnownPeers.usual().block(Principal.parse(ALICE), DAY)
        meant = msrp("offer", *AT, *TO_ALICE, "--password-stdin", stdin=subprocess.PIPE)
        meant.write("k7fk-q4ph-sgmt-wxhw-x2bm\n")
        assert meant.wait() == 4
        assert f"{ALICE} is blocked here, and gets no session: msrp known unblock {ALICE}" in meant.errors
        one = msrp("offer", *AT, "Lunch?", stdin=subprocess.PIPE)
        says_so = msrp("answer", *AT, "--listen", "--as", ALICE, stdin=subprocess.PIPE)
        carry(one, says_so)
        carry(says_so, one)
        assert one.wait() == 4
        assert "was turned away" in one.output
        says_so.wait()
        assert "Lunch" not in says_so.output
