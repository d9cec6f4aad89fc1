"""Somebody stands in between, and acts. Every attack is refused; with its defence off, it succeeds.

The second half of that sentence is tested, too: it shows that the defence is what refused it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

import msrp_sasl.exchange
import msrp_sasl.mechanisms.gs2_header as gs2_header
import msrp_sasl.mechanisms.scram as scram
from msrp_sasl import Channel, ChannelLevel, Password, Policy, Reason, SASLClient, SaslError
from sasl.parties import (
    ALICE,
    BOB,
    EVE,
    NOW,
    PERSON,
    PLUS,
    SECRET,
    UNBOUND,
    Kept,
    Passwords,
    acceptor,
    initiator,
    run,
    same,
)

CAROL = "im:carol@lan"
BARE = "SCRAM-SHA-256"
# Two TLS connections, because somebody in between ends the one and begins the other.
NEAR = Channel(ChannelLevel.ENCRYPTED, {"tls-exporter": b"near" * 8, "tls-unique": b"same" * 3})
FAR = Channel(ChannelLevel.ENCRYPTED, {"tls-exporter": b"far!" * 8, "tls-unique": b"same" * 3})
EITHER = Policy(acceptor="service", mechanisms=(PLUS, BARE))


@pytest.fixture(params=["defended", "defenceless"])
def defended(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "defended")


class Attack:
    """What is asserted of every attack."""

    def __init__(self, defended: bool, *reasons: Reason) -> None:
        self.defended = defended
        self.reasons = reasons

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not self.defended:
            assert error is None, "without its defence it succeeds"
            return False
        assert isinstance(error, SaslError), "it succeeded"
        assert error.reason in self.reasons
        return True


def verified(channel: Channel) -> Channel:
    return replace(channel, level=ChannelLevel.VERIFIED)


# -- the list of mechanisms


def test_the_bound_form_is_taken_off_the_list(defended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The initiator says "y": I could bind, and was not offered it (RFC 5802 section 6)."""
    if not defended:
        monkeypatch.setattr(gs2_header, "check", lambda header, setting, family, plus: None)
    client = initiator(BARE, channel=verified(NEAR), policy=EITHER, offered=(BARE,))
    server = acceptor(PLUS, BARE, channel=verified(FAR))
    with Attack(defended, Reason.DOWNGRADE):
        run(client, server)


@pytest.mark.parametrize("name", ["SCRAM-FOO-PLUS", "SCRAM-SHA-1-PLUS"])
def test_a_bound_form_nobody_takes_is_put_in_its_place(
    name: str, defended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that policy would not take here does not make the "y" an "n"."""
    if not defended:
        monkeypatch.setattr(gs2_header, "make", lambda setting, family, plus: (b"n,,", None))
    client = initiator(BARE, channel=verified(NEAR), policy=EITHER, offered=(name, BARE))
    server = acceptor(PLUS, BARE, channel=verified(FAR))
    with Attack(defended, Reason.DOWNGRADE):
        run(client, server)


def test_the_y_is_made_an_n(defended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not defended:
        monkeypatch.setattr(scram.hmac, "compare_digest", lambda a, b: True)
    client = initiator(BARE, channel=verified(NEAR), policy=EITHER, offered=(BARE,))
    server = acceptor(PLUS, BARE, channel=verified(FAR))
    with Attack(defended, Reason.BINDING):
        run(client, server, lambda index, token: b"n" + token[1:] if index == 0 else token)


def test_only_the_weakest_is_left_on_the_list(defended: bool) -> None:
    """The least that will do is fixed before the first octet."""
    policy = Policy(anonymous=True, least=PLUS if defended else "ANONYMOUS")
    server = acceptor(PLUS, "ANONYMOUS", channel=FAR)
    with Attack(defended, Reason.POLICY):
        run(initiator("", channel=NEAR, policy=policy, offered=("ANONYMOUS",)), server)


def test_the_second_look_sees_what_was_taken_away(defended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not defended:
        monkeypatch.setattr(msrp_sasl.exchange, "compare", lambda first, second: None)
    client = initiator(PLUS, channel=NEAR, policy=PERSON, offered=(PLUS,))
    server = acceptor("SCRAM-SHA-512-PLUS", PLUS, channel=NEAR)
    run(client, server)
    with Attack(defended, Reason.DOWNGRADE):
        client.look_again(("SCRAM-SHA-512-PLUS", PLUS))


# -- the channel


def test_an_exchange_is_relayed(defended: bool) -> None:
    """Every token is passed on unchanged, from one TLS connection to the other."""
    client, server = initiator(PLUS, channel=NEAR), acceptor(PLUS, channel=FAR)
    if not defended:
        client = initiator(BARE, channel=UNBOUND)
        server = acceptor(BARE, channel=UNBOUND)
    with Attack(defended, Reason.BINDING):
        run(client, server)


def test_the_binding_is_swapped(defended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """ "c=" is rewritten to what the acceptor expects; the proof covers it."""
    if not defended:
        monkeypatch.setattr(scram.hmac, "compare_digest", lambda a, b: True)

    def between(index: int, token: bytes) -> bytes:
        if index != 2:
            return token
        rest = token.partition(b",")[2]
        return b"c=" + base64.b64encode(b"p=tls-exporter,," + FAR.bindings["tls-exporter"]) + b"," + rest

    with Attack(defended, Reason.WRONG):
        run(initiator(PLUS, channel=NEAR), acceptor(PLUS, channel=FAR), between)


def test_another_kind_of_binding_is_put_in_its_place(defended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two channels agree in tls-unique, so the initiator's word is made "p=tls-unique"."""
    if not defended:
        monkeypatch.setattr(scram.hmac, "compare_digest", lambda a, b: True)

    def between(index: int, token: bytes) -> bytes:
        return token.replace(b"p=tls-exporter", b"p=tls-unique") if index == 0 else token

    with Attack(defended, Reason.BINDING):
        run(initiator(PLUS, channel=NEAR), acceptor(PLUS, channel=FAR), between)


def test_it_is_relayed_to_another_acceptor(defended: bool) -> None:
    """Alice means Bob; who answers passes her on to Carol, where she has the same password."""
    kept = Kept().add(ALICE, CAROL, SECRET)
    name, near, far = (PLUS, NEAR, FAR) if defended else (BARE, UNBOUND, UNBOUND)
    client = initiator(name, acceptor=BOB, channel=near)
    server = acceptor(name, me=CAROL, channel=far, verifiers=kept)
    with Attack(defended, Reason.BINDING):
        run(client, server)


def test_pairs_have_passwords_of_their_own(defended: bool) -> None:
    """The same, over one channel: then the password is what tells acceptors apart."""
    kept = Kept().add(ALICE, CAROL, "another" if defended else SECRET)
    server = acceptor(PLUS, me=CAROL, channel=NEAR, verifiers=kept)
    with Attack(defended, Reason.WRONG):
        run(initiator(PLUS, acceptor=BOB, channel=NEAR), server)


# -- our own words, and old ones


def test_our_own_words_come_back(defended: bool) -> None:
    """Bob begins with Eve, and Eve with Bob: she answers with what he says himself."""
    credentials = Passwords({(BOB, EVE): Password(SECRET, generated=True)})
    kept = Kept().add(BOB, BOB, SECRET).add(BOB, EVE, SECRET)
    client = initiator(PLUS, me=BOB, acceptor=EVE, channel=NEAR, credentials=credentials)
    server = acceptor(PLUS, me=BOB if defended else EVE, channel=NEAR, verifiers=kept)
    with Attack(defended, Reason.WRONG):
        run(client, server)


def test_an_old_exchange_is_replayed_to_the_acceptor(defended: bool) -> None:
    nonce = None if defended else (lambda: b"always-the-same")
    said = run(initiator(PLUS), acceptor(PLUS, nonce=nonce))
    server = acceptor(PLUS, nonce=nonce)
    with Attack(defended, Reason.MALFORMED):
        server.start(PLUS, said[0], NOW)
        server.process(said[2], NOW)
        assert server.complete


def test_an_old_exchange_is_replayed_to_the_initiator(defended: bool) -> None:
    nonce = None if defended else (lambda: b"always-the-same")
    said = run(initiator(PLUS, nonce=nonce), acceptor(PLUS))
    client = initiator(PLUS, nonce=nonce)
    client.start(NOW)
    with Attack(defended, Reason.MALFORMED):
        client.process(said[1], NOW)
        client.succeeded(said[3], NOW)


# -- a false acceptor


def claiming(iterations: int = 4096) -> Iterator[Callable[[bytes], bytes]]:
    """What somebody without the password can say."""
    yield lambda first: b"r=%beve,s=c2FsdA==,i=%d" % (first.rpartition(b"r=")[2], iterations)
    yield lambda final: b"v=" + base64.b64encode(bytes(32))


def talk(client: SASLClient, answers: Iterator[Callable[[bytes], bytes]]) -> None:
    challenge = next(answers)(client.start(NOW) or b"")
    client.succeeded(next(answers)(client.process(challenge, NOW)), NOW)


def test_who_does_not_know_the_password_answers(defended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not defended:
        monkeypatch.setattr(scram.hmac, "compare_digest", lambda a, b: True)
    with Attack(defended, Reason.UNPROVED):
        talk(initiator(PLUS), claiming())


def test_a_cheap_proof_is_asked_for(defended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rounds make guesses quick: the proof does not leave."""
    if not defended:
        monkeypatch.setattr(scram, "LEAST_ITERATIONS", 1)
    client = initiator(PLUS)
    with Attack(defended, Reason.POLICY):
        client.process(next(claiming(1))(client.start(NOW) or b""), NOW)


def test_a_guessable_proof_is_asked_for(defended: bool) -> None:
    credentials = Passwords({(ALICE, BOB): Password("hunter2", generated=not defended)})
    client = initiator(PLUS, channel=NEAR, policy=PERSON, credentials=credentials)
    with Attack(defended, Reason.POLICY):
        client.process(next(claiming())(client.start(NOW) or b""), NOW)


def test_success_is_claimed_too_early(defended: bool) -> None:
    client, server = initiator(PLUS), acceptor(PLUS)
    final = client.process(server.start(PLUS, client.start(NOW), NOW) or b"", NOW)
    data = None if defended else server.process(final, NOW)
    with Attack(defended, Reason.UNPROVED):
        client.succeeded(data, NOW)


def test_without_anybody_in_between_all_of_it_succeeds() -> None:
    client, server = initiator(PLUS, channel=NEAR), acceptor(PLUS, channel=NEAR)
    run(client, server, same)
    assert server.complete
