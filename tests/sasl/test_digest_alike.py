"""What nobody may learn of DIGEST-MD5: who exists, and what is secret."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from msrp_sasl import DigestMD5Verifier, FromPasswords, Password, Reason, digest_md5_secret
from msrp_sasl.mechanisms.digest_hash import proof, session_key
from msrp_sasl.mechanisms.digest_tokens import Response
from sasl.digests import ENCRYPTED, NAME, answered, challenged, directive, layered, policy, sides
from sasl.parties import ALICE, BOB, EVE, NOW, SECRET, Kept, Passwords, acceptor, initiator, refused, run
from sasl.test_alike import held


class Counted:
    """How often MD5 was begun, and over how many octets in all."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.inputs: list[int] = []
        real = hashlib.md5

        def counted(octets: bytes = b"", **more: Any) -> Any:
            self.inputs.append(len(octets))
            return real(octets, **more)

        monkeypatch.setattr(hashlib, "md5", counted)

    def during(self, act: Callable[[], object]) -> list[int]:
        self.inputs.clear()
        act()
        return list(self.inputs)


def from_passwords(user: str, acceptor: str) -> Password | None:
    return Password(SECRET) if (user, acceptor) == (ALICE, BOB) else None


@pytest.mark.parametrize("kind", ["verifiers", "passwords"])
def test_wrong_users_and_wrong_passwords_are_alike(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stores: dict[str, Any] = {
        "verifiers": Kept().add_digest(ALICE, BOB, SECRET),
        "passwords": FromPasswords(from_passwords),
    }
    counted = Counted(monkeypatch)

    def attempt(user: str) -> tuple[bytes, list[int], str]:
        """What the other side sees, what this side worked, and what it says to its own people."""
        server = acceptor(NAME, verifiers=stores[kind])
        mine = Passwords({(user, BOB): Password("x" * len(SECRET), generated=True)})
        client = initiator(NAME, me=user, credentials=mine)
        challenge = challenged(server)
        response = answered(client, challenge)
        words = ""

        def judge() -> None:
            nonlocal words
            words = refused(Reason.WRONG, lambda: server.process(response, NOW))

        return challenge, counted.during(judge), words

    known, unknown = attempt(ALICE), attempt("im:alicf@lan")  # a name of the same length
    assert len(known[0]) == len(unknown[0])
    nonces = [directive(challenge, "nonce") for challenge, _, _ in (known, unknown)]
    assert known[0].replace(nonces[0], b"") == unknown[0].replace(nonces[1], b"")
    assert known[2] == unknown[2] == "user or password are wrong"
    if kind == "passwords":  # the one that is made up for whom nobody knows has a length of its own
        known[1][0] = unknown[1][0] = 0
    assert known[1] == unknown[1]
    assert len(known[1]) == (4 if kind == "passwords" else 3)


@pytest.mark.parametrize("secret", [bytes(16), b"\xff" * 16])
def test_nobody_logs_in_as_somebody_who_does_not_exist(secret: bytes) -> None:
    """Whatever stands in for the secret there is not: it opens nothing."""
    server = acceptor(NAME)
    nonce = directive(challenged(server), "nonce")
    response = Response(EVE.encode(), b"bob@lan", nonce, b"abc", b"msrp/bob@lan", b"auth")
    response = response.proved(proof(session_key(secret, response), response))
    refused(Reason.WRONG, lambda: server.process(response.encode(), NOW))


def test_a_password_somebody_thought_of_needs_a_verified_key_or_consent() -> None:
    mine = Passwords({(ALICE, BOB): Password(SECRET)})
    client = initiator(NAME, channel=ENCRYPTED, credentials=mine)
    challenge = challenged(acceptor(NAME, channel=ENCRYPTED))
    assert "guess" in refused(Reason.POLICY, lambda: answered(client, challenge))
    consent = policy("auth-conf", guessable=True)
    client = initiator(NAME, channel=ENCRYPTED, credentials=mine, policy=consent)
    run(client, acceptor(NAME, channel=ENCRYPTED))
    assert client.complete


def test_without_a_password_nothing_is_sent() -> None:
    for credentials in (None, Passwords({})):
        client = initiator(NAME, credentials=credentials)
        challenge = challenged(acceptor(NAME))
        refused(Reason.CREDENTIALS, lambda c=client, said=challenge: answered(c, said))


def test_nothing_secret_is_shown() -> None:
    secret = digest_md5_secret(ALICE, "bob@lan", SECRET)
    client, server = layered("auth-conf", "rc4")
    shown = [repr(DigestMD5Verifier(secret)), repr(Kept().add_digest(ALICE, BOB, SECRET))]
    shown += [repr(end) for end in (client, server, client.identity, client.layer, server.layer)]
    for text in shown:
        assert SECRET not in text
        assert repr(secret)[2:-1] not in text
        assert secret.hex() not in text


def test_what_is_secret_is_forgotten() -> None:
    """Once it is over nothing is left: no password, no secret of it, no key."""
    secret = digest_md5_secret(ALICE, "bob@lan", SECRET)
    for qop in ("auth", "auth-conf"):
        client, server = sides(policy(qop))
        response = answered(client, challenged(server))
        keys = [thing for thing in held(client) if isinstance(thing, bytes) and len(thing) == 16]
        assert keys  # it is found where it is
        client.succeeded(server.process(response, NOW), NOW)
        for thing in held(client):
            assert thing not in (SECRET, SECRET.encode(), secret, *keys)
        for thing in held(server):  # which has its store of verifiers at hand
            assert thing not in keys
