"""What nobody may learn: who exists, what the password is, and what can be guessed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping

import pytest

from msrp_sasl import (
    FromPasswords,
    Password,
    Policy,
    Reason,
    SaslError,
    ScramVerifier,
    digest_md5_secret,
    prepare,
)
from sasl.parties import (
    ALICE,
    BOB,
    BOUND,
    EVE,
    FEW,
    NOW,
    PERSON,
    PLUS,
    SCRAM,
    SECRET,
    VERIFIED,
    Kept,
    Passwords,
    acceptor,
    initiator,
    refused,
    run,
    started,
)


class Counted:
    """How often a key was derived from a password, by whom ever."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rounds: list[int] = []
        real = hashlib.pbkdf2_hmac

        def counted(name: str, password: bytes, salt: bytes, rounds: int) -> bytes:
            self.rounds.append(rounds)
            return real(name, password, salt, rounds)

        monkeypatch.setattr(hashlib, "pbkdf2_hmac", counted)

    def during(self, act: Callable[[], object]) -> list[int]:
        self.rounds.clear()
        act()
        return list(self.rounds)


def from_passwords(user: str, acceptor: str) -> Password | None:
    return Password(SECRET) if (user, acceptor) == (ALICE, BOB) else None


@pytest.mark.parametrize("kind", ["verifiers", "passwords"])
@pytest.mark.parametrize("name", SCRAM)
def test_wrong_users_and_wrong_passwords_are_alike(
    name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = {
        "verifiers": Kept().add(ALICE, BOB, SECRET),
        "passwords": FromPasswords(from_passwords, iterations=FEW),
    }
    counted = Counted(monkeypatch)

    def attempt(user: str) -> tuple[bytes, list[int], list[int], str]:
        """What the other side sees, what this side worked, and what it says to its own people."""
        server = acceptor(name, verifiers=stores[kind])  # type: ignore[arg-type]
        client = initiator(
            name, me=user, credentials=Passwords({(user, BOB): Password("wrong", generated=True)})
        )
        first = client.start(NOW)
        challenge = b""
        words = ""

        def begin() -> None:
            nonlocal challenge
            challenge = server.start(name, first, NOW) or b""

        def judge() -> None:
            nonlocal words
            words = refused(Reason.WRONG, lambda: server.process(final, NOW))

        begun = counted.during(begin)
        final = client.process(challenge, NOW)
        judged = counted.during(judge)
        return challenge, begun, judged, words

    known, unknown, once_more = attempt(ALICE), attempt(EVE), attempt(EVE)
    assert known[1:] == unknown[1:] == once_more[1:]
    assert known[1] == ([4096] if kind == "passwords" else [])
    assert known[2] == []

    def salt(challenge: bytes) -> bytes:
        return challenge.split(b",s=")[1]

    # The same form, the same count, and for the same user always the same salt.
    assert len(known[0]) == len(unknown[0])
    assert salt(unknown[0]) == salt(once_more[0]) != salt(known[0]) == salt(attempt(ALICE)[0])
    assert salt(known[0]).split(b",")[1] == salt(unknown[0]).split(b",")[1]


def test_salts_of_users_who_do_not_exist_need_the_key() -> None:
    def salt(key: bytes, user: str = EVE, me: str = BOB) -> bytes:
        credentials = Passwords({(user, BOB): Password("guess", generated=True)})
        client = initiator(PLUS, me=user, credentials=credentials)
        challenge = acceptor(PLUS, me=me, verifiers=Kept(decoy_key=key)).start(PLUS, client.start(NOW), NOW)
        assert challenge is not None
        return challenge.split(b",")[1]

    assert salt(b"one") == salt(b"one")
    assert len({salt(b"one"), salt(b"two"), salt(b"one", "im:zoe@lan"), salt(b"one", me="im:carol@lan")}) == 4


def test_passwords_at_the_acceptor() -> None:
    store = FromPasswords(from_passwords, iterations=FEW)
    assert store.scram(EVE, BOB, "SHA-256") is None
    assert store.digest_md5(EVE, "lan", BOB) is None
    found = store.digest_md5(ALICE, "lan", BOB)
    assert found is not None
    assert found.secret == digest_md5_secret(ALICE, "lan", SECRET)
    client = initiator(PLUS)
    server = acceptor(PLUS, verifiers=FromPasswords(from_passwords, iterations=FEW))  # type: ignore[arg-type]
    run(client, server)
    assert server.identity.name == ALICE


# -- offline guessing


def test_a_password_somebody_thought_of_needs_a_verified_key_or_consent() -> None:
    mine = Passwords({(ALICE, BOB): Password(SECRET)})
    said = refused(Reason.POLICY, lambda: initiator(PLUS, channel=BOUND, credentials=mine).start(NOW))
    assert "guess" in said
    consent = Policy(guessable=True)
    for channel, policy in ((VERIFIED, PERSON), (BOUND, consent)):
        client = initiator(PLUS, channel=channel, policy=policy, credentials=mine)
        run(client, acceptor(PLUS, channel=channel))


def test_without_a_password_nothing_is_sent() -> None:
    for credentials in (None, Passwords({}), Passwords({(ALICE, EVE): Password(SECRET, generated=True)})):
        client = initiator(PLUS, credentials=credentials)
        refused(Reason.CREDENTIALS, lambda client=client: client.start(NOW))


@pytest.mark.parametrize("count", [1, 4095, 1_000_001, 4_294_967_295])
def test_iterations_out_of_bounds(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    client = initiator(PLUS)
    nonce = (client.start(NOW) or b"").rpartition(b"r=")[2]
    counted = Counted(monkeypatch)
    challenge = b"r=%bmore,s=c2FsdA==,i=%d" % (nonce, count)
    said = refused(Reason.POLICY, lambda: client.process(challenge, NOW))
    assert str(count) in said
    assert counted.rounds == []


# -- secrets


def test_nothing_secret_is_shown() -> None:
    client, server = initiator(PLUS), acceptor(PLUS)
    shown = [repr(Password(SECRET)), repr(Kept().add(ALICE, BOB, SECRET)), repr(VERIFIED)]
    run(client, server)
    shown += [repr(client), repr(server), repr(client.identity)]
    verifier = ScramVerifier.make(SECRET, iterations=4096)
    for text in shown:
        assert SECRET not in text
        assert repr(VERIFIED.bindings["tls-exporter"]) not in text
    assert repr(verifier.stored_key) not in repr(verifier)
    assert repr(verifier.server_key) not in repr(verifier)


def test_errors_hold_neither_secrets_nor_the_words_of_the_other_side() -> None:
    for token in (b"r=\x1b[31mred", b"e=\x1b[31mred", b"v=" + SECRET.encode()):
        client, _, _ = started()
        with pytest.raises(SaslError) as caught:
            client.process(token, NOW)
        assert "\x1b" not in str(caught.value)
        assert SECRET not in str(caught.value)


def held(*roots: object) -> Iterator[object]:
    """Everything that hangs on these objects, but for where passwords come from."""
    seen: set[int] = set()
    todo = list(roots)
    while todo:
        thing = todo.pop()
        if id(thing) in seen or isinstance(thing, Passwords):
            continue
        seen.add(id(thing))
        yield thing
        if isinstance(thing, Mapping):
            todo += thing.values()
        elif isinstance(thing, list | tuple | set | frozenset):
            todo += thing
        else:
            slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
            todo += [getattr(thing, name) for name in slots if hasattr(thing, name)]
            todo += getattr(thing, "__dict__", {}).values()


def test_the_password_is_forgotten() -> None:
    """Once the proof is made, nothing that the exchange holds is the password."""
    prepared = prepare(SECRET).encode()
    client, server = initiator(PLUS), acceptor(PLUS)
    back = server.start(PLUS, client.start(NOW), NOW) or b""
    assert prepared in list(held(client))  # it is found where it is
    final = client.process(back, NOW)
    assert prepared not in list(held(client))
    client.succeeded(server.process(final, NOW), NOW)
    assert prepared not in list(held(client, server))
