"""AUTH with a proof, the side that asks: whom it believes, and when."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from msrp_core import Frame, Parser, Uri, response
from msrp_peer.protocol.connection import Connection
from msrp_peer.protocol.initiator import Initiator
from msrp_peer.protocol.sasl_header import SaslHeader
from msrp_peer.terms.errors import ConnectionLost, NotSecureEnough, PeerError
from msrp_peer.terms.security import Level
from support.by_hand import ANY, LISTENER, Clear
from support.pair import Pair, Toy
from support.proofs import BOB, NAMES, WORD, Asking, Door
from support.tapped import Tapped

LIST = ("WWW-Authenticate", SaslHeader(NAMES).text())
AGAIN = ("Authentication-Info", SaslHeader(NAMES).text())


def log_in(pair: Pair, asking: Asking | None = None) -> Initiator:
    """To the end, every step of both sides taken as a driver does."""
    run = Initiator(pair.left, asking or Asking(), LISTENER, Uri.fresh("127.0.0.1", 9).text)
    pair.run()
    run.begin(pair.now)
    moved = True
    while moved:
        moved = pair.step()
        if pair.right.acceptor.thinking:
            pair.right.acceptor.think()
            pair.right.intake.thought(pair.now)
            moved = True
        if run.step is not None and not moved:
            run.think()
            run.thought(pair.now)
            moved = True
    return run


class Hand:
    """An initiator, and the acceptor played by hand."""

    def __init__(self, asking: Asking | None = None, *, layer: Clear | None = None) -> None:
        self.asking = asking or Asking()
        self.connection = Connection([layer or Clear()], terms=ANY)
        self.connection.begin(0)
        self.parser = Parser()
        self.run = Initiator(self.connection, self.asking, LISTENER, Uri.fresh("127.0.0.1", 9).text)
        self.run.begin(0)
        self.asked = self.hear()

    def hear(self) -> Frame | None:
        data = b"".join(self.connection.data_to_send(0))
        frames = [event for event in self.parser.feed(data) if isinstance(event, Frame)]
        assert len(frames) <= 1, "one AUTH at a time"
        return frames[0] if frames else None

    def answer(self, status: int, *headers: tuple[str, str], behind: bytes = b"") -> Frame | None:
        """Answer what was asked last; what it asks then, every step taken."""
        assert self.asked is not None
        self.connection.receive(response(self.asked, status, None, headers) + behind, 0)
        self.steps()
        self.asked = self.hear()
        return self.asked

    def steps(self) -> None:
        while self.run.step is not None:
            self.run.think()
            self.run.thought(0)

    def said(self) -> SaslHeader | None:
        assert self.asked is not None
        return SaslHeader.of(self.asked, "Authorization")

    def to_outcome(self) -> None:
        self.answer(401, LIST)
        self.answer(401, ("WWW-Authenticate", SaslHeader(s2c=b"who?").text()))
        assert self.said() == SaslHeader(c2s=WORD)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layered", [False, True])
def test_each_proves_itself_to_the_other(name: str, layered: bool) -> None:
    layer = (lambda: Toy(handshake=False)) if layered else None
    pair = Pair(gate=(door := Door(layer=layer)))
    near, far = (Tapped().line("") for _ in range(2))
    pair.left.outlet.tap, pair.right.outlet.tap = near, far
    run = log_in(pair, asking := Asking(name, layer=layer))
    assert (run.state, run.failure) == ("done", None)
    assert (near.there, near.back) == (far.back, far.there)
    assert near.there.startswith(b"MSRP ")
    for connection in (pair.left, pair.right):
        assert connection.security.level is Level.AUTHENTICATED
        assert len(connection.security.layers) == 1 + layered
    assert pair.left.proof is not None
    assert pair.left.proof.principal == BOB
    assert door.begun[0].to == BOB
    assert asking.forgotten
    ours, theirs = pair.meet()
    assert (ours.closed, theirs.closed) == (False, False)


def test_no_capability_goes_before_the_proof() -> None:
    hand = Hand()
    shown = {hand.asked.from_path} if hand.asked is not None else set()
    hand.to_outcome()
    assert hand.asked is not None
    assert shown == {hand.asked.from_path}, "one URI, which names nothing"
    assert Uri.parse(hand.asked.to_path).session_id is None
    assert Uri.parse(hand.asked.from_path).userinfo is None
    assert hand.connection.sessions == 0


@pytest.mark.parametrize(
    ("status", "headers"),
    [(501, []), (481, []), (400, []), (401, []), (401, [("WWW-Authenticate", 'Digest realm="x"')])],
)
def test_absence_is_no_failure(status: int, headers: list[tuple[str, str]]) -> None:
    hand = Hand()
    assert hand.answer(status, *headers) is None
    assert (hand.run.state, hand.run.failure) == ("absent", None)
    assert hand.connection.state == "open"
    assert hand.connection.proof is None


def test_closing_is_a_lost_line() -> None:
    hand = Hand()
    hand.connection.lost("gone")
    assert isinstance(hand.run.failure, ConnectionLost)


def test_a_failure_there_is_one_here() -> None:
    pair = Pair(gate=Door())
    run = log_in(pair, asking := Asking(word=b"wrong"))
    assert isinstance(run.failure, NotSecureEnough)
    assert asking.forgotten
    assert pair.left.proof is None


@pytest.mark.parametrize("status", [401, 403])
def test_refused_at_the_outcome(status: int) -> None:
    hand = Hand()
    hand.to_outcome()
    hand.answer(status, *([LIST] if status == 401 else []))
    assert str(hand.run.failure) == "it failed there"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [AGAIN],
        [("Authentication-Info", SaslHeader(s2c=b"eve").text())],
        [("Authentication-Info", "SASL s2c=x")],
        [("Authentication-Info", 'rspauth="x"')],
    ],
)
def test_success_without_the_proof_it_owes(headers: Sequence[tuple[str, str]]) -> None:
    hand = Hand()
    hand.to_outcome()
    assert hand.answer(200, *headers) is None
    assert hand.run.state == "failed"
    assert isinstance(hand.run.failure, (NotSecureEnough, PeerError))
    assert hand.connection.proof is None


@pytest.mark.parametrize("after", [0, 1])
def test_success_out_of_turn(after: int) -> None:
    hand = Hand()
    if after:
        hand.answer(401, LIST)
    hand.answer(200, ("Authentication-Info", SaslHeader(s2c=None if after else b"bob").text()))
    assert hand.run.state == "failed"
    assert hand.connection.proof is None


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (200, [("Authentication-Info", SaslHeader(("TOY",)).text())]),
        (200, []),
        (200, [("Authentication-Info", SaslHeader((*NAMES, "MORE")).text())]),
        (401, [LIST]),
        (501, []),
        (403, []),
    ],
)
def test_the_second_look_must_see_the_first_list(status: int, headers: list[tuple[str, str]]) -> None:
    hand = Hand()
    hand.to_outcome()
    hand.answer(200, ("Authentication-Info", SaslHeader(s2c=b"bob").text()))
    assert hand.run.state == "looking"
    assert hand.connection.proof is None, "not before it has looked again"
    assert hand.said() is None
    hand.answer(status, *headers)
    assert hand.run.state == "failed"
    assert hand.connection.proof is None


def test_the_order_of_the_list_does_not_matter() -> None:
    hand = Hand()
    hand.to_outcome()
    hand.answer(200, ("Authentication-Info", SaslHeader(s2c=b"bob").text()))
    hand.answer(200, ("Authentication-Info", SaslHeader(NAMES[::-1]).text()))
    assert hand.run.state == "done"


@pytest.mark.parametrize("step", ["choose", "start"])
def test_who_does_not_like_it_says_nothing(step: str) -> None:
    hand = Hand(Asking(fails_at=step))
    assert hand.answer(401, LIST) is None
    assert str(hand.run.failure) == f"we do not like it: {step}"


@pytest.mark.parametrize("status", [401, 403, 200, 501])
def test_who_gives_up_says_so_and_whatever_comes_it_has_failed(status: int) -> None:
    hand = Hand(Asking(fails_at="process"))
    hand.answer(401, LIST)
    hand.answer(401, ("WWW-Authenticate", SaslHeader(s2c=b"who?").text()))
    assert hand.said() == SaslHeader(abort=True)
    assert hand.asking.forgotten
    hand.answer(status, *([AGAIN] if status == 200 else []))
    assert hand.run.state == "failed"
    assert str(hand.run.failure) == "we do not like it: process"
    assert hand.connection.proof is None


def test_a_list_that_breaks_the_grammar() -> None:
    hand = Hand()
    hand.answer(401, ("WWW-Authenticate", "SASL mech=TOY"))
    assert isinstance(hand.run.failure, PeerError)


def test_no_answer_in_time() -> None:
    hand = Hand()
    hand.connection.handle_timer(30)
    assert isinstance(hand.run.failure, ConnectionLost)


def test_an_error_of_ours_is_raised() -> None:
    class Broken(Asking):
        def process(self, challenge: bytes) -> bytes:
            raise ZeroDivisionError

    hand = Hand(Broken())
    hand.answer(401, LIST)
    with pytest.raises(ZeroDivisionError):
        hand.answer(401, ("WWW-Authenticate", SaslHeader(s2c=b"who?").text()))


# -- the exact octet


def test_what_follows_success_waits_until_it_is_judged() -> None:
    """At this side a step may be in a thread while octets for the layer arrive."""
    layer = Toy(handshake=False)
    hand = Hand(Asking("SLOW", layer=lambda: layer))
    hand.to_outcome()
    assert hand.asked is not None
    sender = Toy(handshake=False)
    inside = b"MSRP abcd 200 OK\r\nTo-Path: " + LISTENER.encode() + b"\r\n"
    early = b"".join(sender.wrap([inside]))
    tap = hand.connection.outlet.tap = Tapped().line("")
    outcome = response(hand.asked, 200, None, [("Authentication-Info", SaslHeader(s2c=b"bob").text())])
    hand.connection.receive(outcome + early[:5], 0)
    assert (hand.run.state, hand.run.slow) == ("judging", True)
    assert hand.connection.paused, "the network is not read meanwhile"
    hand.connection.receive(early[5:], 0)
    assert hand.connection.state == "open"
    hand.steps()
    assert hand.connection.state == "open", "it went through the layer"
    assert bytes(tap.there) == outcome + inside, "and is seen once, as it is above the layer"
    assert not hand.connection.paused
    data = b"".join(hand.connection.data_to_send(0))
    assert b"MSRP" not in data
    assert b"".join(bytes(piece) for piece in sender.unwrap(data)).startswith(b"MSRP ")


def test_what_is_kept_may_break_the_line() -> None:
    hand = Hand()
    hand.to_outcome()
    hand.answer(200, ("Authentication-Info", SaslHeader(s2c=b"bob").text()), behind=b"nonsense\r\n")
    assert hand.connection.state == "closed"
    assert hand.run.state == "failed"
    assert hand.connection.proof is None


def test_the_line_is_lost_while_a_step_is_taken() -> None:
    hand = Hand(Asking("SLOW"))
    hand.to_outcome()
    assert hand.asked is not None
    outcome = response(hand.asked, 200, None, [("Authentication-Info", SaslHeader(s2c=b"bob").text())])
    hand.connection.receive(outcome, 0)
    hand.run.think()
    hand.connection.lost("gone")
    hand.run.thought(0)
    assert hand.run.over
    assert hand.connection.proof is None
