"""What the line looks like to SASL, a SASL layer on a line, and how fast somebody may guess."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from msrp_core import Uri
from msrp_peer.credentials.errors import CredentialsError
from msrp_peer.protocol.initiator import Initiator
from msrp_peer.protocol.watch import EXPIRED
from msrp_peer.security.attempts import Attempts
from msrp_peer.security.guard import Guard
from msrp_peer.security.prove import Login, channel
from msrp_peer.security.sasl_layer import SaslLayer
from msrp_peer.terms.errors import MsrpError, PeerError
from msrp_peer.terms.limits import Limits
from msrp_peer.terms.principal import Principal
from msrp_peer.terms.security import Level, Protection, Security
from msrp_sasl import (
    ChannelLevel,
    Kerberos,
    LayerTerms,
    Policy,
    Reason,
    SaslError,
    SecurityLayer,
    Verifiers,
)
from support.by_hand import LISTENER
from support.pair import Cut, Pair, Toy, octetwise, whole
from support.people import ALICE, BOB, EVE, SECRET, Knows, known
from support.proofs import Asking, Door

TLS = Protection("tls", "TLSv1.3", "AES", confidential=True)
BINDINGS = {"tls-exporter": b"x" * 32, "tls-server-end-point": b"y" * 32}


# -- the channel


@pytest.mark.parametrize(
    ("layers", "level"),
    [
        ((), ChannelLevel.CLEAR),
        ((Protection("sasl", "X", "Y", confidential=True),), ChannelLevel.CLEAR),
        ((TLS,), ChannelLevel.ENCRYPTED),
        ((Protection("tls", "X", "Y", confidential=True, verified="host"),), ChannelLevel.ENCRYPTED),
        ((Protection("tls", "X", "Y", confidential=True, verified="signalled"),), ChannelLevel.VERIFIED),
        ((Protection("tls", "X", "Y", confidential=True, verified="pinned"),), ChannelLevel.VERIFIED),
    ],
)
def test_what_the_line_is_to_sasl(layers: tuple[Protection, ...], level: ChannelLevel) -> None:
    seen = channel(Security(layers), BINDINGS.get, Policy())
    assert seen.level is level
    assert seen.bindings == {"tls-exporter": b"x" * 32}, "no other binding counts"
    assert channel(Security(layers), lambda name: None, Policy()).bindings == {}


# -- a layer


def layer(*, confidential: bool = True) -> SaslLayer:
    """msrp_sasl's framing over a mechanism that turns every octet around, 60 at a time."""

    def turned(octets: bytes) -> bytes:
        return octets.translate(bytes(reversed(range(256))))

    def protected(octets: bytes) -> bytes:
        return b"!" + turned(octets)

    def checked(octets: bytes) -> bytes:
        if octets[:1] != b"!":
            raise SaslError(Reason.MALFORMED, "it is none")
        return turned(octets[1:])

    terms = LayerTerms("confidentiality" if confidential else "integrity", "turned", 64, 60, 64)
    return SaslLayer(SecurityLayer(protected, checked, terms), "TURN")


GOODBYE = b"\0\0\0\1!"
"""Its buffer that holds nothing."""


def log_in(pair: Pair, asking: Asking | None = None) -> Initiator:
    pair.run()
    run = Initiator(pair.left, asking or Asking(layer=layer), LISTENER, Uri.fresh("127.0.0.1", 9).text)
    run.begin(pair.now)
    while not run.over:
        if run.step is None:
            assert pair.step()
        else:
            run.think()
            run.thought(pair.now)
    return run


@pytest.mark.parametrize("cut", [whole, octetwise])
@pytest.mark.parametrize("inside_tls", [True, False])
def test_a_session_under_a_layer(cut: Cut, inside_tls: bool) -> None:
    """Without TLS, too: what protects there is the layer alone."""
    pair = Pair(gate=Door(layer=layer), cut=cut, **({} if inside_tls else {"layers": list}))
    assert log_in(pair).failure is None
    assert pair.right.security.level is Level.AUTHENTICATED
    assert pair.right.security.layers[-1] == Protection("sasl", "TURN", "turned", confidential=True)
    ours, theirs = pair.meet()
    outgoing = ours.send("text/plain", 1000)
    outgoing.feed(b"x" * 1000)
    outgoing.end()
    pair.run()
    assert outgoing.state == "delivered"
    assert theirs.inbox[0].state == "whole"
    pair.left.leave(ours, pair.now)
    pair.run()
    assert theirs.closed
    assert (pair.left.reason, pair.right.reason) == (None, None)


def test_an_end_inside_a_buffer_is_a_cut() -> None:
    pair = Pair(gate=Door(layer=layer), layers=list)
    log_in(pair)
    _, theirs = pair.meet()
    pair.right.receive(b"\0\0\0", pair.now)
    assert pair.right.state == "open"
    pair.right.ended(pair.now)
    assert "goodbye" in (theirs.reason or "")


@pytest.mark.parametrize("inside_tls", [True, False])
@pytest.mark.parametrize("side", ["left", "right"])
def test_an_end_between_two_buffers_without_goodbye_is_a_cut(side: str, inside_tls: bool) -> None:
    """Inside of TLS, too, whose goodbye whoever ends TLS in between can say."""
    pair = Pair(gate=Door(layer=layer), **({} if inside_tls else {"layers": list}))
    log_in(pair)
    ours, theirs = pair.meet()
    pair.run()
    here, mine = (pair.left, ours) if side == "left" else (pair.right, theirs)
    if inside_tls:
        here.receive(Toy.goodbye(), pair.now)
    assert (here.state, here.wire.partial) == ("open", False)
    here.ended(pair.now)
    assert here.reason == mine.reason == "the connection was cut: the other side did not say goodbye"
    assert here.data_to_send(pair.now) == [], "and none is said"


def test_a_buffer_that_holds_nothing_is_the_goodbye() -> None:
    """A line is left by it before the network says so."""
    pair = Pair(gate=Door(layer=layer), layers=list)
    log_in(pair)
    _, theirs = pair.meet()
    pair.left.close(pair.now)
    said = b"".join(pair.left.data_to_send(pair.now))
    assert said.endswith(GOODBYE)
    for octet in octetwise(said):
        assert pair.right.state == "open"
        pair.right.receive(octet, pair.now)
    assert pair.right.state == "ending"
    assert (theirs.closed, theirs.reason, pair.right.reason) == (True, None, None)


@pytest.mark.parametrize("octets", [b"\0\0\0\x41" + b"x" * 65, b"\0\0\0\1x", b"MSRP "])
def test_a_buffer_that_is_none_breaks_the_line(octets: bytes) -> None:
    pair = Pair(gate=Door(layer=layer), layers=list)
    log_in(pair)
    pair.right.receive(octets, pair.now)
    assert pair.right.state == "closed"
    assert "security layer" in (pair.right.reason or "")
    assert pair.right.data_to_send(pair.now) == [], "there is no alert to give"


def test_a_layer_for_integrity_alone_grants_nothing_without_tls() -> None:
    security = Security((layer(confidential=False).protection or TLS,))
    assert security.level is Level.PLAINTEXT


def test_nothing_passes_a_layer_that_can_protect_no_more() -> None:
    def worn(octets: bytes) -> bytes:
        raise SaslError(Reason.POLICY, "its numbers are used up")

    one = SaslLayer(SecurityLayer(worn, worn, LayerTerms("confidentiality", "x", 64, 60, 64)), "WORN")
    with pytest.raises(PeerError, match="used up"):
        one.wrap([b"x"])
    assert one.wrap([]) == []


# -- how long


@pytest.mark.parametrize("side", ["initiator", "acceptor"])
def test_what_is_proved_for_a_time_ends_with_it(side: str) -> None:
    pair = Pair(gate=Door(lasts=100 if side == "acceptor" else None))
    assert log_in(pair, Asking(lasts=100 if side == "initiator" else None)).failure is None
    ours, theirs = pair.meet()
    here, there = (pair.left, pair.right) if side == "initiator" else (pair.right, pair.left)
    mine, other = (ours, theirs) if side == "initiator" else (theirs, ours)
    outgoing = mine.send("text/plain", 2)
    outgoing.feed(b"x")
    pair.run()
    pair.now = 99.9
    here.handle_timer(pair.now)
    assert (here.state, here.next_timer()) == ("open", 100)
    pair.now = 100.0
    here.handle_timer(pair.now)
    assert (mine.reason, outgoing.reason, here.reason) == (EXPIRED, EXPIRED, EXPIRED)
    pair.run()
    assert (other.closed, other.reason, there.reason) == (True, None, None), "goodbye was said"
    assert here.state == "closed"


def test_what_is_over_already_ends_at_once() -> None:
    pair = Pair(gate=Door(lasts=-1.0))
    log_in(pair, Asking())
    pair.right.handle_timer(pair.now)
    assert (pair.right.state, pair.right.reason) == ("ending", EXPIRED)


# -- guessing


def test_beyond_so_many_failures_a_name_is_barred_for_a_while() -> None:
    now = 0.0
    attempts = Attempts(3, 60, clock=lambda: now)
    for at in (0.0, 10.0, 20.0):
        assert not attempts.barred("eve")
        now = at
        attempts.failed("eve")
    assert attempts.barred("eve")
    assert not attempts.barred("alice")
    now = 59.9
    assert attempts.barred("eve")
    now = 60.1
    assert not attempts.barred("eve"), "the first is forgotten"
    attempts.failed("eve")
    assert attempts.barred("eve")


def test_who_comes_again_and_again_is_barred_for_longer_each_time() -> None:
    now = 0.0
    attempts = Attempts(3, 60, clock=lambda: now)

    def fail_until_barred() -> float:
        """How long it lasts."""
        nonlocal now
        for _ in range(3):
            assert not attempts.barred("203.0.113.5")
            attempts.failed("203.0.113.5", growing=True)
        began = now
        while attempts.barred("203.0.113.5"):
            now += 1
        return now - began

    assert [fail_until_barred() for _ in range(7)] == [60, 120, 240, 480, 960, 960, 960]
    now += 961  # as long without a failure
    assert fail_until_barred() == 60
    now += 60
    assert fail_until_barred() == 120
    for _ in range(3):
        attempts.failed("im:alice@lan")
    now += 60
    assert not attempts.barred("im:alice@lan"), "a name is never barred for longer"


def test_only_so_many_names_are_remembered() -> None:
    attempts = Attempts(1, 60, clock=lambda: 0.0)
    for number in range(5000):
        attempts.failed(f"{number}")
    assert not attempts.barred("0")
    assert attempts.barred("4999")
    assert len(attempts._failures) <= 4096


def attempt(
    guard: Guard,
    source: str,
    me: str = ALICE,
    word: str = SECRET,
    *,
    to: str = BOB,
    salts: list[bytes] | None = None,
) -> int:
    """One exchange with an acceptor: 200, or the status it failed with; 0 where that was the password.

    `salts` takes what the acceptor showed.
    """
    gate = guard.gate()
    gate.source = source
    line = Security((TLS,))
    prover = Login(Principal.parse(me), Principal.parse(BOB), Knows(word)).begin()
    prover.choose(gate.offered(line, BINDINGS.get), line, BINDINGS.get)
    exchange = gate.exchange(prover.name, to, gate.offered(line, BINDINGS.get), line, BINDINGS.get)
    try:
        challenge = exchange.start(prover.start())
        assert challenge is not None
        if salts is not None:
            salts += re.findall(rb"s=([^,]*)", challenge)
        exchange.process(prover.process(challenge))
    except PeerError as error:
        return 0 if error.status == 401 else error.status or -1
    return 200


def guard(failures: int) -> Guard:
    return Guard(
        Principal.parse(BOB),
        known({ALICE: SECRET, EVE: SECRET}),
        Policy(),
        expected=frozenset(),
        least=Level.AUTHENTICATED,
        failures=failures,
        seconds=1000,
    )


def test_an_address_from_which_too_many_failed() -> None:
    bob = guard(2)
    assert [attempt(bob, "192.0.2.1", me, "wrong") for me in (ALICE, EVE)] == [0, 0]
    assert attempt(bob, "192.0.2.1") == 403, "refused before it is looked at"
    assert attempt(bob, "192.0.2.2") == 200


def test_a_name_under_which_too_many_failed() -> None:
    bob = guard(2)
    assert [attempt(bob, f"192.0.2.{source}", ALICE, "wrong") for source in (1, 2)] == [0, 0]
    assert attempt(bob, "192.0.2.3") == 0, "as any wrong password"
    assert attempt(bob, "192.0.2.3", EVE) == 200


@pytest.mark.parametrize("me", [ALICE, "im:nobody@lan"])
def test_nothing_shows_whether_a_user_is_known(me: str) -> None:
    """The salt is the same before and after the bar, and whoever is to be reached."""
    bob = guard(2)
    shown: list[bytes] = []
    for to in (BOB, EVE, "no principal", BOB):
        assert attempt(bob, "192.0.2.1" if to is BOB else "192.0.2.2", me, "wrong", to=to, salts=shown) == 0
    assert attempt(bob, "192.0.2.3", me, to=EVE, salts=shown) == 0
    assert len(shown) == 5
    assert len(set(shown)) == 1


# -- what is offered


@dataclass
class Keeps:
    """Verifiers of which it is known whether they keep anything for DIGEST-MD5."""

    digest_md5: bool | MsrpError

    def keeps_digest_md5(self, acceptor: str) -> bool:
        assert acceptor == BOB
        if isinstance(self.digest_md5, MsrpError):
            raise self.digest_md5
        return self.digest_md5


PLUS = ("SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS")


@pytest.mark.parametrize(
    ("verifiers", "kerberos", "inside_tls", "outside"),
    [
        (None, True, ("KRB5-U2U",), ("KRB5-U2U",)),
        (Keeps(False), False, PLUS, ()),
        (Keeps(CredentialsError("damaged")), False, PLUS, ()),
        (Keeps(True), False, (*PLUS, "DIGEST-MD5"), ("DIGEST-MD5",)),
        (known(), True, ("KRB5-U2U", *PLUS, "DIGEST-MD5"), ("KRB5-U2U", "DIGEST-MD5")),
    ],
)
def test_only_what_can_succeed_here_is_offered(
    verifiers: Verifiers | None, kerberos: bool, inside_tls: tuple[str, ...], outside: tuple[str, ...]
) -> None:
    bob = guard(2)
    bob.verifiers = verifiers
    bob.policy = Policy(digest_md5=True)
    bob.kerberos = Kerberos() if kerberos else None
    assert bob.gate().offered(Security((TLS,)), BINDINGS.get) == inside_tls
    assert bob.gate().offered(Security(()), lambda name: None) == outside


def test_whom_to_reach_counts_without_a_password_too() -> None:
    bob = guard(2)
    bob.policy = Policy(anonymous=True)
    line = Security((TLS,))
    names = bob.gate().offered(line, BINDINGS.get)
    for to, status in ((EVE, 401), ("no principal", 401), (BOB, 403)):
        exchange = bob.gate().exchange("ANONYMOUS", to, names, line, BINDINGS.get)
        bob.expected = frozenset({ALICE})
        with pytest.raises(PeerError) as refused:
            exchange.start(b"")
        assert refused.value.status == status


def test_the_limits_are_those_of_the_listener() -> None:
    assert (Limits().failures, Limits().failing, Limits().tries) == (20, 60.0, 3)


@pytest.mark.parametrize(("names", "proved"), [((BOB,), BOB), ((EVE,), None), ((), None)])
def test_external_proves_the_other_side_only_by_its_key(names: tuple[str, ...], proved: str | None) -> None:
    """It says who we are; that they took it says nothing of who they are."""
    me, acceptor = Principal.parse(ALICE), Principal.parse(BOB)
    prover = Login(me, acceptor, certified=True, needed=False).begin()
    tls = Protection("tls", "TLSv1.3", "AES", True, verified="pinned" if names else "signalled", names=names)
    assert prover.choose(("EXTERNAL",), Security((tls,)), BINDINGS.get)
    assert prover.start() == ALICE.encode()
    proof = prover.judge(None).proof
    assert (None if proof is None else proof.principal) == proved
