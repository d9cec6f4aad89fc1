"""AUTH with the scheme SAS: one run on a line, in its order, and nothing forgiven in the middle of it."""

from __future__ import annotations

import hashlib
import itertools
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_core import Frame, Uri, request, response
from msrp_peer.protocol.comparing import DIFFER
from msrp_peer.protocol.sas_header import SasHeader, Told
from msrp_peer.terms.errors import NotSecureEnough, UsageError
from msrp_peer.terms.security import Level
from support.by_hand import LISTENER, ByHand, Clear
from support.keyed import KeyedClear, KeyedToy
from support.pair import Pair
from support.proofs import Door

NONCE = bytes(range(16))
COMMIT = SasHeader("commit", hashlib.sha256(NONCE).digest())
REVEAL = SasHeader("reveal", NONCE)
KEY = Told(b"a certificate", b"a proof")
SAME, DIFFERENT = SasHeader("result", same=True), SasHeader("result", same=False)


def test_a_key_that_is_told_is_not_shown() -> None:
    assert repr(KEY) == "<Told>"


class Two(Pair):
    """Two who have met; `settle` lets timers come that are due at once."""

    def __init__(self) -> None:
        super().__init__(layers=lambda: [KeyedToy()])
        self.ours, self.theirs = self.meet()

    def settle(self) -> None:
        self.run()
        for side in (self.left, self.right):
            if (due := side.next_timer()) is not None and due <= self.now:
                side.handle_timer(self.now)
        self.run()

    @property
    def states(self) -> tuple[str, str]:
        return self.left.comparing.state, self.right.comparing.state

    @property
    def levels(self) -> tuple[Level, Level]:
        return self.left.security.level, self.right.security.level

    def show(self) -> None:
        self.right.comparing.welcome(self.now)
        self.left.comparing.ask(self.ours, self.now)
        self.settle()


class Hand(ByHand):
    """A session that stands, and its other side played by hand."""

    def __init__(self, layer: Clear | None = None, gate: Door | None = None) -> None:
        super().__init__(layer=layer or KeyedClear(), gate=gate)
        self.endpoint = self.bind()

    def reply(self, asked: Frame, status: int, *headers: tuple[str, str]) -> list[Frame]:
        return self.say(response(asked, status, "", headers))

    def say_auth(self, header: SasHeader) -> list[Frame]:
        return self.say(request("AUTH", self.to, self.own, [("Authorization", header.text())])[1])


def by_hand(*, willing: bool = True, gate: Door | None = None) -> Hand:
    hand = Hand(gate=gate)
    hand.connection.comparing.willing = willing
    return hand


def auth(hand: Hand, *headers: SasHeader, to: str = "") -> Frame:
    values = [("Authorization", header.text()) for header in headers]
    return hand.ask(*values, to=to or hand.to)


# -- a run


def test_both_get_the_same_nonces_and_each_sides_user_counts() -> None:
    two = Two()
    two.show()
    assert two.states == ("shown", "shown")
    assert two.left.comparing.nonces == two.right.comparing.nonces is not None
    assert (two.left.comparing.asked_here, two.right.comparing.asked_here) == (True, False)
    assert two.levels == (Level.PASSIVE_ONLY, Level.PASSIVE_ONLY)
    two.left.comparing.say(True, two.ours, two.now)
    two.settle()
    assert two.states == ("ours", "theirs")
    assert two.levels == (Level.PASSIVE_ONLY, Level.PASSIVE_ONLY)
    two.right.comparing.say(True, two.theirs, two.now)
    two.settle()
    assert two.states == ("compared", "compared")
    assert two.levels == (Level.KEY_VERIFIED, Level.KEY_VERIFIED)


def test_the_nonces_are_new_each_time() -> None:
    first, second = Two(), Two()
    first.show()
    second.show()
    assert first.left.comparing.nonces is not None
    assert second.left.comparing.nonces is not None
    assert len({*first.left.comparing.nonces, *second.left.comparing.nonces}) == 4


@pytest.mark.parametrize("who", ["who asked", "who was asked"])
@pytest.mark.parametrize("after", [False, True])
def test_words_that_differ_end_the_line_and_both_know_why(who: str, after: bool) -> None:
    two = Two()
    two.show()
    sides = [(two.left, two.ours), (two.right, two.theirs)]
    (side, end), (other, far) = sides if who == "who asked" else sides[::-1]
    if after:  # the other one had not looked closely
        other.comparing.say(True, far, two.now)
        two.settle()
    side.comparing.say(False, end, two.now)
    two.settle()
    assert two.states == ("over", "over")
    assert {side.state, other.state} == {"closed"}
    assert side.reason == other.reason == end.reason == far.reason == DIFFER
    assert side.comparing.differed
    assert other.comparing.differed
    assert two.levels == (Level.PASSIVE_ONLY, Level.PASSIVE_ONLY)


def test_who_has_said_the_same_may_still_find_out() -> None:
    two = Two()
    two.show()
    two.left.comparing.say(True, two.ours, two.now)
    with pytest.raises(UsageError):
        two.left.comparing.say(True, two.ours, two.now)
    two.left.comparing.say(False, two.ours, two.now)
    two.settle()
    assert two.states == ("over", "over")


def test_a_key_is_told_with_the_word_that_they_are_the_same() -> None:
    two = Two()
    two.show()
    two.left.comparing.say(True, two.ours, two.now, KEY)
    two.settle()
    assert two.right.comparing.told == KEY
    assert two.left.comparing.told is None
    two.right.comparing.say(True, two.theirs, two.now)
    two.settle()
    assert two.states == ("compared", "compared")
    assert two.left.comparing.told is None


def test_whom_we_do_not_hear_the_same_from_is_told_nothing() -> None:
    two = Two()
    two.show()
    two.left.comparing.say(False, two.ours, two.now, KEY)
    two.settle()
    assert two.right.comparing.differed
    assert two.right.comparing.told is None


def test_before_the_words_there_is_nothing_to_say() -> None:
    two = Two()
    for same in (True, False):
        with pytest.raises(UsageError, match="no words to compare"):
            two.left.comparing.say(same, two.ours, two.now)
    assert two.left.state == "open"


def test_a_line_has_one_run() -> None:
    two = Two()
    two.show()
    before = two.left.comparing.nonces
    two.left.comparing.ask(two.ours, two.now)
    two.right.comparing.ask(two.theirs, two.now)
    two.settle()
    assert two.states == ("shown", "shown")
    assert two.left.comparing.nonces == two.right.comparing.nonces == before


def test_messages_go_on_meanwhile() -> None:
    two = Two()
    two.right.comparing.welcome(two.now)
    outgoing = two.ours.send("text/plain", None)
    outgoing.feed(b"a" * 100_000)
    two.left.comparing.ask(two.ours, two.now)
    two.settle()
    outgoing.feed(b"b")
    outgoing.end()
    two.settle()
    assert outgoing.state == "delivered"
    assert two.states == ("shown", "shown")


def test_both_at_once_have_one_run() -> None:
    """The lower commitment counts: both sides know it without another word."""
    winners = set()
    for _ in range(20):
        two = Two()
        two.left.comparing.ask(two.ours, two.now)
        two.right.comparing.ask(two.theirs, two.now)
        two.settle()
        two.settle()
        assert two.states == ("shown", "shown")
        assert two.left.comparing.nonces == two.right.comparing.nonces is not None
        assert two.left.comparing.asked_here is not two.right.comparing.asked_here
        winners.add(two.left.comparing.asked_here)
        assert two.left.comparing.refusal is two.right.comparing.refusal is None
    assert winners == {True, False}


def test_several_sessions_of_a_line_have_one_string_and_one_level() -> None:
    two = Two()
    own = Uri.fresh("127.0.0.1", 9).text
    more, far = two.meet()
    assert own != more.local
    two.right.comparing.welcome(two.now)
    two.left.comparing.ask(more, two.now)
    two.settle()
    two.left.comparing.say(True, two.ours, two.now)
    two.right.comparing.say(True, far, two.now)
    two.settle()
    assert two.states == ("compared", "compared")


# -- nobody there, and lines that cannot


def test_who_is_asked_waits_a_moment_for_somebody_to_be_there() -> None:
    two = Two()
    two.left.comparing.ask(two.ours, two.now)
    two.settle()
    assert two.states == ("asking", "asked")
    two.now += 4.9
    two.right.handle_timer(two.now)
    two.right.comparing.welcome(two.now)
    two.settle()
    assert two.states == ("shown", "shown")


def test_where_nobody_is_there_to_compare_it_is_said_and_may_be_asked_again() -> None:
    two = Two()
    for _ in range(2):
        two.left.comparing.ask(two.ours, two.now)
        two.settle()
        two.now += 5.0
        two.right.handle_timer(two.now)
        two.settle()
        assert two.states == ("idle", "idle")
        assert two.left.comparing.refusal.startswith("nobody compares words there")
    two.show()
    assert two.states == ("shown", "shown")


@pytest.mark.parametrize("status", [200, 400, 401, 403, 481, 501])
def test_who_does_not_know_it_answers_something_else(status: int) -> None:
    """RFC 4975 section 12; and the session goes on, also behind 481."""
    hand = by_hand()
    endpoint = hand.endpoint
    hand.connection.comparing.ask(endpoint, hand.now)
    (asked,) = hand.hear()
    assert (asked.method, asked.to_path, asked.from_path) == ("AUTH", endpoint.remote, endpoint.local)
    hand.reply(asked, status)
    assert hand.connection.comparing.state == "idle"
    assert hand.connection.comparing.refusal
    assert not endpoint.closed


def test_a_line_without_an_exporter() -> None:
    hand = Hand(Clear())
    with pytest.raises(NotSecureEnough, match="TOY without extended master secret cannot be told"):
        hand.connection.comparing.ask(hand.endpoint, hand.now)
    assert hand.connection.data_to_send(0) == []
    hand.connection.comparing.willing = True
    assert auth(hand, COMMIT).status == 403
    assert hand.connection.state == "open"


def test_over_relays_nothing_is_compared() -> None:
    hand = by_hand()
    hand.endpoint.remote = f"{LISTENER} {hand.own}"
    with pytest.raises(UsageError, match="relays"):
        hand.connection.comparing.ask(hand.endpoint, hand.now)
    assert auth(hand, COMMIT, to=f"{LISTENER} {hand.to}").status == 403


def test_no_answer_is_no_run() -> None:
    two = Two()
    two.left.comparing.ask(two.ours, two.now)
    two.left.data_to_send(two.now)  # and lost
    two.left.data_to_send(two.now)
    two.now += 30.0
    two.left.handle_timer(two.now)
    assert two.left.comparing.state == "idle"
    assert two.left.comparing.refusal == "no answer came in time"
    assert two.left.state == "open"


# -- who is asked, by hand


def test_by_hand() -> None:
    hand = by_hand()
    answer = auth(hand, COMMIT)
    challenge = SasHeader.of(answer, "WWW-Authenticate")
    assert (answer.status, challenge and challenge.name) == (401, "nonce")
    assert challenge is not None
    assert hand.connection.comparing.nonces is None
    assert auth(hand, REVEAL).status == 200
    assert hand.connection.comparing.nonces == (NONCE, challenge.octets)
    assert auth(hand, SAME).status == 200
    assert hand.connection.comparing.state == "theirs"
    assert auth(hand, SAME).status == 400
    assert auth(hand, COMMIT).status == 400
    assert auth(hand, REVEAL).status == 400
    assert hand.connection.state == "open"
    assert hand.connection.security.level is Level.PASSIVE_ONLY


@pytest.mark.parametrize(
    "said",
    [COMMIT, SAME, DIFFERENT, SasHeader("nonce", NONCE), SasHeader("reveal", bytes(16))],
    ids=["commit", "same", "differ", "nonce", "a lie"],
)
def test_in_the_middle_of_a_run_nothing_else_is_taken(said: SasHeader) -> None:
    """It would be another guess for whoever sits in between."""
    hand = by_hand()
    auth(hand, COMMIT)
    answer = auth(hand, said)
    assert answer.status == (403 if said.name == "reveal" else 400)
    assert hand.connection.state == "ending"
    assert hand.connection.reason is not None
    assert ("cheats" in hand.connection.reason) is (said.name == "reveal")
    assert hand.connection.comparing.state == "over"
    assert hand.connection.comparing.nonces is None


def test_a_run_that_does_not_go_on_ends_the_line() -> None:
    hand = by_hand()
    auth(hand, COMMIT)
    hand.connection.handle_timer(29.9)
    assert hand.connection.state == "open"
    hand.connection.handle_timer(30.0)
    assert hand.connection.state == "closed"
    assert "did not go on" in (hand.connection.reason or "")


def test_who_asked_and_is_not_answered_after_revealing_leaves() -> None:
    hand = by_hand()
    hand.connection.comparing.ask(hand.endpoint, hand.now)
    (asked,) = hand.hear()
    hand.reply(asked, 401, ("WWW-Authenticate", SasHeader("nonce", NONCE).text()))
    hand.connection.handle_timer(0.0)
    (revealed,) = hand.hear()
    assert SasHeader.of(revealed, "Authorization") is not None
    hand.connection.data_to_send(0.0)
    hand.connection.handle_timer(30.0)
    assert hand.connection.state == "closed"
    assert hand.connection.comparing.nonces is None


@pytest.mark.parametrize("status", [200, 400, 401, 403, 481])
def test_what_was_revealed_must_be_taken(status: int) -> None:
    hand = by_hand()
    hand.connection.comparing.ask(hand.endpoint, hand.now)
    (asked,) = hand.hear()
    hand.reply(asked, 401, ("WWW-Authenticate", SasHeader("nonce", NONCE).text()))
    hand.connection.handle_timer(0.0)
    (revealed,) = hand.hear()
    hand.reply(revealed, status)
    assert (hand.connection.state == "open") is (status == 200)
    assert (hand.connection.comparing.nonces is not None) is (status == 200)


@pytest.mark.parametrize(
    "value", ["SAS", 'SAS nonce="AAAA"', "SAS nonce=x", 'SAS nonce="AA==",reveal="AA=="']
)
def test_a_challenge_that_is_none_ends_the_line(value: str) -> None:
    hand = by_hand()
    hand.connection.comparing.ask(hand.endpoint, hand.now)
    (asked,) = hand.hear()
    hand.reply(asked, 401, ("WWW-Authenticate", value))
    assert hand.connection.state == "closed"


def test_what_we_said_and_comes_back_is_somebody_in_between() -> None:
    hand = by_hand()
    hand.connection.comparing.ask(hand.endpoint, hand.now)
    (asked,) = hand.hear()
    ours = SasHeader.of(asked, "Authorization")
    assert ours is not None
    assert auth(hand, ours).status == 400
    assert hand.connection.state == "ending"
    assert "somebody sits in between" in (hand.connection.reason or "")


@pytest.mark.parametrize(
    "value",
    [
        "SAS",
        'SAS  result="same"',
        'SAS result="maybe"',
        "SAS result=same",
        'SAS commit=""',
        'SAS commit="AAAA"',
        'SAS commit="%s"' % ("A" * 44),
        'SAS reveal="AAAAAAAAAAAAAAAAAAAAAA="',
        'SAS reveal="AAAAAAAAAAAAAAAAAAAAAB=="',
        'SAS result="same",result="same"',
        'SAS result="same",reveal="AAAAAAAAAAAAAAAAAAAAAA=="',
        'SAS unknown="x"',
        'SAS result="same",key="AAAA"',
        'SAS result="same",proof="AAAA"',
        'SAS result="same",key="",proof="AAAA"',
        'SAS result="same",key="AAAA",proof="AAA"',
        'SAS result="differ",key="AAAA",proof="AAAA"',
        'SAS key="AAAA",proof="AAAA"',
        'SAS reveal="AAAAAAAAAAAAAAAAAAAAAA==",key="AAAA",proof="AAAA"',
        'SAS result="same",key="%s",proof="AAAA"' % ("AAAA" * 1366),
        'SAS result="same",key="AAAA",proof="%s"' % ("AAAA" * 25),
        "SAS " + "x" * 5000,
    ],
)
def test_garbage_is_answered_400_and_costs_nothing_else(value: str) -> None:
    hand = by_hand()
    answer = hand.ask(("Authorization", value), to=hand.to)
    assert answer.status == 400
    assert hand.connection.state == "open"
    assert hand.connection.comparing.state == "idle"
    auth(hand, COMMIT)
    assert hand.ask(("Authorization", value), to=hand.to).status == 400
    assert hand.connection.state == "ending"


def test_two_headers_are_an_error_and_other_schemes_are_not() -> None:
    hand = by_hand()
    assert auth(hand, COMMIT, COMMIT).status == 400
    other = ("Authorization", 'Digest username="x"')
    assert hand.ask(other, ("Authorization", COMMIT.text()), to=hand.to).status == 401


def test_who_is_in_no_session_is_not_heard() -> None:
    hand = by_hand()
    assert auth(hand, COMMIT, to=LISTENER).status == 481
    hand.own = hand.fresh()
    assert auth(hand, COMMIT).status == 481
    assert hand.connection.comparing.state == "idle"


def test_where_people_must_be_proved_words_are_compared_all_the_same() -> None:
    hand = by_hand(gate=Door(least=Level.PASSIVE_ONLY))
    assert auth(hand, COMMIT).status == 401
    assert auth(hand, REVEAL).status == 200


def test_a_line_that_is_lost_takes_the_run_with_it() -> None:
    for steps in range(5):
        hand = by_hand(willing=steps != 1)
        for header in (COMMIT, REVEAL, SAME)[: max(1, steps - 1) if steps else 0]:
            hand.say_auth(header)
        hand.connection.lost("it broke")
        assert hand.connection.comparing.state == "over"
        assert hand.connection.next_timer() is None


# -- whatever comes


WORDS = [COMMIT, REVEAL, SAME, DIFFERENT, SasHeader("nonce", NONCE), SasHeader("reveal", os.urandom(16))]


@given(moves=st.lists(st.sampled_from([*range(len(WORDS)), "time", "ask", "welcome"]), max_size=8))
def test_whatever_comes_there_is_one_answer_to_one_commitment(moves: list[int | str]) -> None:
    hand = by_hand(willing=False)
    challenges, nonces = [], set()
    for move, now in zip(moves, itertools.count(1.0, 3.0), strict=False):
        comparing, hand.now = hand.connection.comparing, now
        if hand.connection.state != "open":
            break
        if move == "time":
            hand.connection.handle_timer(now)
        elif move == "ask":
            comparing.ask(hand.endpoint, now)
        elif move == "welcome":
            comparing.welcome(now)
        else:
            assert isinstance(move, int)
            hand.say_auth(WORDS[move])
        for frame in hand.hear():
            if frame.status == 401:
                challenges.append(frame)
        nonces.add(comparing.nonces)
        assert hand.connection.security.level is Level.PASSIVE_ONLY or comparing.state == "compared"
    assert len(challenges) <= 1
    assert len(nonces - {None}) <= 1
