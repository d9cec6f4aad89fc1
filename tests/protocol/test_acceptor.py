"""AUTH with a proof, the side that answers: what comes when, and what is never forgiven."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_core import Frame, Parser, Uri, request, response
from msrp_peer.protocol.sasl_header import SaslHeader
from msrp_peer.terms.limits import Limits
from msrp_peer.terms.security import Level
from support.by_hand import LISTENER, ByHand, Clear, statuses
from support.pair import Toy
from support.proofs import ALICE, NAMES, WORD, Door

ALIEN = [("Message-ID", "msg1")]


def by_hand(door: Door | None = None, **more: object) -> ByHand:
    return ByHand(gate=door or Door(), **more)  # type: ignore[arg-type]


def said(answer: Frame) -> SaslHeader:
    name = "Authentication-Info" if answer.status == 200 else "WWW-Authenticate"
    header = SaslHeader.of(answer, name)
    assert header is not None
    return header


def auth(hand: ByHand, header: SaslHeader, *more: tuple[str, str], to: str = LISTENER) -> Frame:
    return hand.ask(("Authorization", header.text()), *more, to=to)


def start(hand: ByHand, name: str = "TOY", token: bytes | None = b"alice") -> Frame:
    return auth(hand, SaslHeader((name,), c2s=token))


def octets_of_start(hand: ByHand, name: str = "SLOW", token: bytes = b"alice") -> bytes:
    """The octets of a start."""
    return request("AUTH", LISTENER, hand.own, [("Authorization", SaslHeader((name,), c2s=token).text())])[1]


def answer_to_nothing(hand: ByHand) -> bytes:
    (asked,) = Parser().feed(request("AUTH", hand.own, LISTENER)[1])
    assert isinstance(asked, Frame)
    return response(asked, 200)


def log_in(hand: ByHand, name: str = "TOY") -> Frame:
    assert start(hand, name).status == 401
    return auth(hand, SaslHeader(c2s=WORD))


def test_asked_what_there_is() -> None:
    hand = by_hand()
    answer = hand.ask()
    assert (answer.status, said(answer)) == (401, SaslHeader(NAMES, "lan"))
    assert (answer.to_path, answer.from_path) == (hand.own, LISTENER)
    assert hand.ask().header("WWW-Authenticate") == answer.header("WWW-Authenticate")


def test_a_request_for_a_session_is_told_the_same() -> None:
    hand = by_hand()
    assert hand.ask(("Accept-Types", "*")).header("WWW-Authenticate") == hand.ask().header("WWW-Authenticate")
    assert not hand.connection.arrived


def test_an_exchange() -> None:
    hand = by_hand()
    challenge = start(hand)
    assert (challenge.status, said(challenge)) == (401, SaslHeader(s2c=b"who?"))
    assert hand.connection.proof is None
    outcome = auth(hand, SaslHeader(c2s=WORD))
    assert (outcome.status, said(outcome)) == (200, SaslHeader(s2c=b"bob"))
    assert hand.connection.proof is not None
    assert hand.connection.proof.principal == ALICE
    assert hand.connection.security.level is Level.AUTHENTICATED


def test_a_client_first_mechanism_without_its_token_is_asked_for_it() -> None:
    hand = by_hand()
    assert said(start(hand, token=None)) == SaslHeader(s2c=b"")
    assert said(auth(hand, SaslHeader(c2s=b"alice"))) == SaslHeader(s2c=b"who?")
    assert auth(hand, SaslHeader(c2s=WORD)).status == 200


def test_success_without_data_has_no_token() -> None:
    hand = by_hand()
    assert said(start(hand, "EARLY", None)) == SaslHeader(s2c=b"who?")
    assert said(auth(hand, SaslHeader(c2s=WORD))) == SaslHeader()


def test_the_list_after_success_is_the_first_one() -> None:
    hand = by_hand(door := Door())
    first = said(hand.ask()).mech
    log_in(hand)
    door.names = ("OTHER",)
    again = hand.ask()
    assert (again.status, said(again)) == (200, SaslHeader(first))


def test_a_session_after_success() -> None:
    hand = by_hand()
    log_in(hand)
    endpoint = hand.bind()
    assert statuses(hand.say(hand.chunk("msg1", b"hello"))) == [200]
    assert endpoint.inbox[0].state == "whole"


def test_before_success_nothing_else_is_done() -> None:
    hand = by_hand()
    hand.to = LISTENER
    for to in (LISTENER, hand.fresh()):
        hand.to = to
        assert statuses(hand.say(hand.chunk("msg1", b"hello"))) == [403]
        assert statuses(hand.say(hand.frame(ALIEN, method="NICKNAME"))) == [501]
        assert (
            hand.say(hand.frame([*ALIEN, ("Byte-Range", "1-1/1"), ("Status", "000 200 OK")], method="REPORT"))
            == []
        )
    assert hand.connection.state == "open"


def test_where_nobody_needs_to_be_proved_sessions_are_granted_at_once() -> None:
    hand = by_hand(Door(least=Level.PASSIVE_ONLY))
    hand.bind()
    assert hand.ask().status == 401
    assert hand.connection.security.level is Level.PASSIVE_ONLY


def test_a_proof_that_is_not_enough_leaves_the_line_shut() -> None:
    hand = by_hand(layer=Clear(confidential=False))
    log_in(hand)
    assert hand.connection.security.level is Level.PLAINTEXT
    assert hand.ask(("Accept-Types", "*")).status == 403


# -- failure


def test_who_fails_may_try_again_and_not_for_ever() -> None:
    hand = by_hand(door := Door())
    for _ in range(2):
        start(hand)
        answer = auth(hand, SaslHeader(c2s=b"wrong"))
        assert (answer.status, said(answer)) == (401, SaslHeader(NAMES, "lan"))
    start(hand)
    answer = auth(hand, SaslHeader(c2s=b"wrong"))
    assert answer.status == 403
    assert answer.header("WWW-Authenticate") is None
    assert hand.connection.state == "ending"
    assert all(trial.forgotten for trial in door.begun)


def test_the_third_try_may_succeed() -> None:
    hand = by_hand()
    for _ in range(2):
        start(hand)
        auth(hand, SaslHeader(c2s=b"wrong"))
    assert log_in(hand).status == 200


def test_a_mechanism_that_was_not_offered_is_a_failure() -> None:
    assert start(by_hand(Door(names=("TOY",))), "EARLY", None).status == 401


def test_what_was_bound_to_the_line_fails_once() -> None:
    """RFC 9266 section 4.1: one instance of a mechanism for a connection."""
    hand = by_hand()
    start(hand, "BOUND")
    assert auth(hand, SaslHeader(c2s=b"wrong")).status == 403
    assert hand.connection.state == "ending"


def test_an_abort_is_answered_like_a_failure() -> None:
    hand = by_hand(door := Door())
    for status in (401, 401, 403):
        start(hand)
        assert auth(hand, SaslHeader(abort=True)).status == status
    assert all(trial.forgotten for trial in door.begun)
    assert hand.connection.state == "ending"


def test_who_is_proved_and_not_welcome() -> None:
    hand = by_hand()
    assert start(hand, token=b"forbidden").status == 403
    assert hand.connection.state == "ending"


def test_an_error_of_ours_ends_the_connection_and_is_raised() -> None:
    hand = by_hand()
    octets = request(
        "AUTH", LISTENER, hand.own, [("Authorization", SaslHeader(("TOY",), c2s=b"bug").text())]
    )[1]
    with pytest.raises(ZeroDivisionError):
        hand.connection.receive(octets, 0)
    assert hand.connection.state == "closed"
    assert hand.connection.proof is None


def test_a_line_on_which_nothing_may_be_used() -> None:
    hand = by_hand(Door(names=()))
    assert statuses([hand.ask(), hand.ask(("Accept-Types", "*")), start(hand)]) == [403, 403, 403]
    assert hand.connection.state == "open"


# -- what has no place


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ('SASL c2s="AAAA"', 400),
        ('SASL c2s="*"', 400),
        ("SASL", 400),
        ('SASL mech="TOY",c2s="AAA"', 400),
        ('SASL mech="TOY EARLY"', 400),
        ('SASL mech="TOY",c2s="*"', 400),
        ('Digest username="x"', 401),
    ],
)
def test_starts_that_are_none(value: str, status: int) -> None:
    hand = by_hand(door := Door())
    assert hand.ask(("Authorization", value)).status == status
    assert not door.begun
    assert log_in(hand).status == 200, "nothing is lost"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Authorization", 'SASL mech="TOY",c2s=""')], 400),
        ([("Authorization", "SASL c2s=x")], 400),
        ([("Authorization", "SASL")], 400),
        ([("Authorization", 'Digest username="x"')], 400),
        ([], 400),
        ([("Accept-Types", "*")], 400),
        ([("Expires", "0")], 400),
    ],
)
def test_in_the_middle_of_an_exchange_nothing_is_forgiven(
    headers: list[tuple[str, str]], status: int
) -> None:
    hand = by_hand(door := Door())
    start(hand)
    assert hand.ask(*headers).status == status
    assert hand.connection.state == "ending"
    assert door.begun[0].forgotten


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ([("Byte-Range", "1-5/3")], None, 400),
        ([("Content-Type", "a/b")], b"x" * 10241, 413),
        ([("Content-Type", "a/b")], b"x", 400),
    ],
)
def test_a_frame_with_a_fault_is_not_forgiven_either(
    headers: list[tuple[str, str]], body: bytes | None, status: int
) -> None:
    hand = by_hand(door := Door())
    start(hand)
    said = ("Authorization", SaslHeader(c2s=WORD).text())
    assert statuses(hand.say(request("AUTH", LISTENER, hand.own, [said, *headers], body)[1])) == [status]
    assert hand.connection.state == "ending"
    assert hand.connection.proof is None
    assert door.begun[0].forgotten


def test_what_was_held_may_not_follow_an_unanswered_auth() -> None:
    """What comes for a session that signalling has not told yet is held, and all that is behind it."""
    hand = by_hand(Door(least=Level.PASSIVE_ONLY))
    hand.to = hand.fresh()
    hand.connection.bindings.register.reserve(hand.to, 0, 100)
    octets = octets_of_start(hand) + octets_of_start(hand)
    assert hand.say(hand.frame(ALIEN) + octets) == []
    assert hand.connection.hold.events
    hand.connection.bindings.register.forget(hand.to)
    hand.connection.resume(0)
    assert hand.connection.state == "closed"
    assert "in the middle of authentication" in (hand.connection.reason or "")


@pytest.mark.parametrize("method", ["SEND", "REPORT", "NICKNAME", None])
def test_nothing_else_may_be_said_in_the_middle_of_an_exchange(method: str | None) -> None:
    hand = by_hand(door := Door())
    start(hand)
    hand.to = LISTENER
    octets = answer_to_nothing(hand) if method is None else hand.frame(ALIEN, method=method)
    assert hand.say(octets) == []
    assert hand.connection.state == "closed"
    assert "in the middle of authentication" in (hand.connection.reason or "")
    assert door.begun[0].forgotten


def test_one_success_is_all_a_connection_has() -> None:
    hand = by_hand(door := Door())
    log_in(hand)
    assert start(hand).status == 400
    assert auth(hand, SaslHeader(c2s=WORD)).status == 400
    assert hand.connection.state == "open"
    assert len(door.begun) == 1
    hand.bind()


def test_no_start_where_a_session_stands() -> None:
    hand = by_hand(door := Door(least=Level.PASSIVE_ONLY))
    hand.bind()
    assert start(hand).status == 403
    assert statuses(hand.say(hand.chunk("msg1", b"hello"))) == [200], "and the session goes on"
    assert not door.begun


def test_one_hop_only() -> None:
    hand = by_hand(door := Door())
    two = f"{LISTENER} {LISTENER}"
    assert auth(hand, SaslHeader(("TOY",)), to=two).status == 403
    assert hand.ask(to=two).status == 403
    assert hand.ask(own=f"{hand.fresh()} {hand.fresh()}").status == 403
    assert auth(hand, SaslHeader(("TOY",)), to=hand.fresh()).status == 481
    assert hand.ask(to=hand.fresh()).status == 481
    assert not door.begun


def test_a_start_has_no_body() -> None:
    hand = by_hand(door := Door())
    headers = [("Authorization", SaslHeader(("TOY",)).text()), ("Content-Type", "a/b")]
    octets = request("AUTH", LISTENER, hand.own, headers, b"x")[1]
    assert statuses(hand.say(octets)) == [400]
    assert statuses(hand.say(octets[:-20], octets[-20:])) == [400]
    assert not door.begun


def test_whom_it_is_for_is_told() -> None:
    hand = by_hand(door := Door())
    auth(hand, SaslHeader(("TOY",), to="im:bob@lan", c2s=b"alice"))
    assert door.begun[0].to == "im:bob@lan"


# -- nothing behind an unanswered AUTH


@pytest.mark.parametrize("name", ["TOY", "SLOW"])
@pytest.mark.parametrize("one_read", [True, False])
@pytest.mark.parametrize("more", [b"M", None])
def test_nothing_may_follow_an_unanswered_auth(name: str, one_read: bool, more: bytes | None) -> None:
    if name == "TOY" and not one_read:
        return  # answered by then
    hand = by_hand()
    octets = request(
        "AUTH", LISTENER, hand.own, [("Authorization", SaslHeader((name,), c2s=b"alice").text())]
    )[1]
    more = more or request("AUTH", LISTENER, hand.own)[1]
    assert hand.say(*([octets + more] if one_read else [octets, more])) == []
    assert hand.connection.state == "closed"
    assert "before its AUTH was answered" in (hand.connection.reason or "")


def think(hand: ByHand) -> list[Frame]:
    """What a driver does in a thread."""
    hand.connection.acceptor.think()
    hand.connection.intake.thought(hand.now)
    return hand.hear()


def test_a_slow_step_is_answered_when_it_is_taken() -> None:
    hand = by_hand()
    octets = request(
        "AUTH", LISTENER, hand.own, [("Authorization", SaslHeader(("SLOW",), c2s=b"alice").text())]
    )[1]
    assert hand.say(octets) == []
    assert hand.connection.acceptor.thinking
    (answer,) = think(hand)
    assert said(answer) == SaslHeader(s2c=b"who?")
    octets = request("AUTH", LISTENER, hand.own, [("Authorization", SaslHeader(c2s=WORD).text())])[1]
    assert hand.say(octets) == []
    assert statuses(think(hand)) == [200]


def test_a_slow_step_that_is_taken_too_late() -> None:
    hand = by_hand(door := Door())
    octets = request(
        "AUTH", LISTENER, hand.own, [("Authorization", SaslHeader(("SLOW",), c2s=b"alice").text())]
    )[1]
    hand.say(octets)
    hand.wait(30)
    assert hand.connection.state == "closed"
    assert "30 s" in (hand.connection.reason or "")
    assert not door.begun[0].forgotten, "a thread may be in the midst of it"
    assert think(hand) == []
    assert door.begun[0].forgotten
    assert hand.connection.proof is None


def test_thirty_seconds_from_the_beginning_to_the_session() -> None:
    hand = by_hand(limits=Limits(handshake=30))
    start(hand)
    hand.wait(29.9)
    assert hand.connection.state == "open"
    hand.wait(0.2)
    assert hand.connection.state == "closed"


# -- whose connection it is


def test_a_connection_belongs_to_its_pair() -> None:
    hand = by_hand()
    log_in(hand)
    assert hand.ask(("Accept-Types", "*"), own=Uri.fresh("h", 9, user="im:eve@lan").text).status == 481
    assert hand.ask(("Accept-Types", "*"), own=Uri.fresh("h", 9, user=ALICE).text).status == 200
    assert hand.ask(("Accept-Types", "*"), own=Uri.fresh("h", 9).text).status == 200


@pytest.mark.parametrize(("named", "status"), [("im:eve@lan", 481), (ALICE, 200), (None, 200)])
def test_what_was_granted_before_belongs_to_the_pair_too(named: str | None, status: int) -> None:
    """Where nobody needs to be proved a session may be granted first, under any name."""
    hand = by_hand(Door(least=Level.PASSIVE_ONLY))
    own = Uri.fresh("h", 9, user=named).text
    granted = hand.ask(("Accept-Types", "*"), own=own).header("Use-Path") or ""
    assert log_in(hand).status == 200
    hand.to, hand.own = granted, own
    assert statuses(hand.say(hand.chunk("msg1", b"hello"))) == [status]
    assert bool(hand.connection.arrived) == (status == 200)


# -- where a layer begins


@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_a_layer_begins_behind_the_end_of_the_200(cut: int) -> None:
    layers: list[Toy] = []

    def layer() -> Toy:
        layers.append(Toy(handshake=False))
        return layers[-1]

    hand = by_hand(Door(layer=layer))
    answer = log_in(hand)  # its 200 is read without the layer
    assert answer.status == 200
    sender = Toy(handshake=False)
    octets = b"".join(sender.wrap([request("AUTH", LISTENER, hand.own)[1]]))
    for at in range(0, len(octets), cut):
        hand.connection.receive(octets[at : at + cut], 0)
    protected = b"".join(hand.connection.data_to_send(0))
    assert b"MSRP" not in protected
    (again,) = hand.parser.feed(b"".join(bytes(piece) for piece in sender.unwrap(protected)))
    assert isinstance(again, Frame)
    assert (again.status, said(again)) == (200, SaslHeader(NAMES))
    assert len(hand.connection.security.layers) == 2


def test_what_goes_past_the_layer_breaks_the_line() -> None:
    hand = by_hand(Door(layer=lambda: Toy(handshake=False)))
    log_in(hand)
    hand.connection.receive(request("AUTH", LISTENER, hand.own)[1], 0)
    assert b"".join(hand.connection.data_to_send(0)) == b"!", "an alert, and nothing else"
    assert hand.connection.state == "closed"


# -- whatever comes


MOVES: dict[str, list[tuple[str, str]]] = {
    "ask": [],
    "grant": [("Accept-Types", "*")],
    "give back": [("Expires", "0")],
    "start": [("Authorization", SaslHeader(("TOY",), c2s=b"alice").text())],
    "start empty": [("Authorization", SaslHeader(("TOY",)).text())],
    "start slow": [("Authorization", SaslHeader(("SLOW",), c2s=b"alice").text())],
    "start unknown": [("Authorization", SaslHeader(("OTHER",)).text())],
    "alice": [("Authorization", SaslHeader(c2s=b"alice").text())],
    "word": [("Authorization", SaslHeader(c2s=WORD).text())],
    "wrong": [("Authorization", SaslHeader(c2s=b"wrong").text())],
    "abort": [("Authorization", SaslHeader(abort=True).text())],
    "broken": [("Authorization", "SASL c2s=x")],
    "digest": [("Authorization", 'Digest username="x"')],
}


@given(st.lists(st.sampled_from([*MOVES, "SEND", "REPORT", "NICKNAME", "think", "wait"]), max_size=12))
def test_whatever_comes_only_the_word_proves(moves: list[str]) -> None:
    hand = by_hand(door := Door())
    hand.to = LISTENER
    spoken = ""
    for move in moves:
        talking = hand.connection.acceptor.talking
        if move == "think":
            if hand.connection.acceptor.thinking:
                think(hand)
        elif move == "wait":
            hand.wait(5)
        elif move in MOVES:
            hand.say(request("AUTH", LISTENER, hand.own, MOVES[move])[1])
        else:
            hand.say(hand.frame(ALIEN, method=move))
        spoken = move if move in MOVES else spoken
        if hand.connection.proof is None:
            assert not hand.connection.grants._open
        elif hand.connection.state == "open" and talking:
            assert spoken == "word"
    if hand.connection.proof is not None:
        assert "word" in moves
    if hand.connection.state != "open":
        hand.connection.intake.thought(hand.now)  # as a driver does whose thread comes back too late
        assert all(trial.forgotten for trial in door.begun)
