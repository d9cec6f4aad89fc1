"""DIGEST-MD5: who is proved by it, what is agreed on, and by whose policy."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from msrp_sasl import (
    ChannelLevel,
    DigestMD5Verifier,
    FromPasswords,
    LayerTerms,
    Password,
    Policy,
    Reason,
    SASLClient,
    SASLServer,
    SaslUsageError,
    choose,
    digest_md5_secret,
    offered,
)
from msrp_sasl.mechanisms.digest_hash import session_key
from msrp_sasl.mechanisms.digest_tokens import Response
from sasl.digests import (
    CIPHERS,
    CLEAR,
    ENCRYPTED,
    LAYERS,
    NAME,
    VERIFIED,
    answered,
    challenged,
    changed,
    directive,
    policy,
    sides,
)
from sasl.parties import (
    ALICE,
    BOB,
    EVE,
    NOW,
    PLUS,
    SECRET,
    Kept,
    Passwords,
    acceptor,
    initiator,
    refused,
    run,
)
from sasl.parties import VERIFIED as LINE

TESTS = Path(__file__).parents[1]


def test_both_sides_are_proved() -> None:
    client, server = sides()
    challenge, response, proof = run(client, server)
    assert directive(challenge, "realm") == b"bob@lan"
    assert directive(response, "digest-uri") == b"msrp/bob@lan"
    assert directive(response, "username") == ALICE.encode()
    assert proof.startswith(b"rspauth=")
    assert (client.identity.name, server.identity.name, server.identity.user) == (BOB, ALICE, ALICE)
    assert (client.layer, server.layer) == (None, None)
    assert client.identity.binding is None


def test_from_passwords() -> None:
    def password(user: str, me: str) -> Password | None:
        return Password(SECRET, shared=True) if (user, me) == (ALICE, BOB) else None

    server = acceptor(NAME, verifiers=FromPasswords(password))  # type: ignore[arg-type]
    client = initiator(NAME)
    run(client, server)
    assert server.identity.shared
    assert not client.identity.shared


def test_a_shared_secret_is_told() -> None:
    kept = Kept().add_digest(ALICE, BOB, SECRET, shared=True)
    mine = Passwords({(ALICE, BOB): Password(SECRET, shared=True)})
    client, server = initiator(NAME, credentials=mine), acceptor(NAME, verifiers=kept)
    run(client, server)
    assert client.identity.shared
    assert server.identity.shared


@pytest.mark.parametrize("empty", [("", SECRET), (ALICE, "")])
def test_nobody_and_nothing(empty: tuple[str, str]) -> None:
    user, password = empty
    mine = Passwords({(user, BOB): Password(password, generated=True)})
    client = initiator(NAME, me=user, credentials=mine)
    refused(Reason.CREDENTIALS, lambda: answered(client, challenged(acceptor(NAME))))


# -- what is agreed on


@pytest.mark.parametrize(("qop", "cipher"), LAYERS)
def test_the_layer_agreed_on(qop: str, cipher: str) -> None:
    client, server = sides(policy(qop, ciphers=(cipher,)))
    challenge, response, _ = run(client, server)
    gives: Any = "integrity" if qop == "auth-int" else "confidentiality"
    expected = LayerTerms(gives, cipher if qop == "auth-conf" else "HMAC-MD5", 65532, 65506, 65536)
    assert client.layer is not None
    assert server.layer is not None
    assert client.layer.terms == server.layer.terms == expected
    assert directive(challenge, "maxbuf") == directive(response, "maxbuf") == b"65536"
    assert directive(response, "qop") == qop.encode()
    if qop == "auth-conf":
        assert directive(challenge, "cipher") == directive(response, "cipher") == cipher.encode()


def test_the_weak_ciphers_are_only_there_by_name() -> None:
    challenge = challenged(acceptor(NAME, channel=CLEAR))
    assert directive(challenge, "cipher") == b"rc4,3des"
    assert directive(challenge, "qop") == b"auth-conf"
    for weak in ("rc4-56", "rc4-40", "des"):
        client, server = sides(policy(), policy("auth-conf", ciphers=(weak,)))
        said = refused(Reason.POLICY, lambda c=client, s=server: answered(c, challenged(s)))
        assert "auth-conf (rc4, 3des)" in said


@pytest.mark.parametrize("channel", [CLEAR, ENCRYPTED, VERIFIED])
def test_confidentiality_where_the_channel_has_none_of_its_own(channel: Any) -> None:
    """Each side insists by itself, whatever the other offers or takes."""
    verified = channel.level is ChannelLevel.VERIFIED
    client = initiator(NAME, channel=channel)
    server = acceptor(NAME, channel=channel)
    run(client, server)
    assert (client.layer is None) == (server.layer is None) == verified
    # An acceptor that sees a better channel offers more, and the initiator takes what it needs.
    client, server = initiator(NAME, channel=channel), acceptor(NAME, channel=VERIFIED)
    run(client, server)
    assert (client.layer is None) == verified
    client, server = initiator(NAME, channel=VERIFIED), acceptor(NAME, channel=channel)
    run(client, server)
    assert (server.layer is None) == verified


@pytest.mark.parametrize("allowed", [policy("auth", "auth-int"), policy(ciphers=())])
def test_policy_that_has_nothing_for_the_channel(allowed: Policy) -> None:
    """Then it is neither offered nor chosen."""
    for channel in (CLEAR, ENCRYPTED):
        assert offered(allowed, channel) == ()
        refused(Reason.POLICY, lambda channel=channel: choose([NAME], allowed, channel))
    assert offered(allowed, VERIFIED) == (NAME,)


def test_the_best_of_both_is_taken_by_the_initiators_order() -> None:
    mine = policy("auth-conf", "auth-int", "auth", ciphers=("3des", "rc4"))
    for qops, ciphers, taken in (
        (("auth", "auth-int", "auth-conf"), CIPHERS, (b"auth-conf", b"3des")),
        (("auth", "auth-int", "auth-conf"), ("des", "rc4"), (b"auth-conf", b"rc4")),
        (("auth", "auth-int", "auth-conf"), ("des", "rc4-40"), (b"auth-int", None)),
        (("auth",), ("rc4",), (b"auth", None)),
    ):
        client, server = sides(mine, policy(*qops, ciphers=ciphers))
        _, response, _ = run(client, server)
        assert directive(response, "qop") == taken[0]
        assert (b"cipher=" in response) == (taken[1] is not None)
        if taken[1] is not None:
            assert directive(response, "cipher") == taken[1]


def test_buffers() -> None:
    """What is sent fits the other side and the own policy, counted as Cyrus SASL does."""
    large, small = (policy("auth-int", digest_md5_buffer=size) for size in (1 << 20, 4096))
    client, server = sides(large, small)
    run(client, server)
    assert client.layer is not None
    assert server.layer is not None
    assert (client.layer.terms.send, client.layer.terms.room) == (4096 - 4, 4096 - 4 - 26)
    assert client.layer.terms.receive == 1 << 20
    assert (server.layer.terms.send, server.layer.terms.receive) == (4096 - 4, 4096)


@pytest.mark.parametrize(
    "fault",
    [
        {"digest_md5_qops": ("auth", "auth-all")},
        {"digest_md5_ciphers": ("aes",)},
        {"digest_md5_buffer": 4095},
        {"digest_md5_buffer": (1 << 20) + 1},
    ],
)
def test_policy_that_makes_no_sense(fault: dict[str, Any]) -> None:
    with pytest.raises(SaslUsageError):
        Policy(**fault)


def test_a_store_that_gives_something_else() -> None:
    with pytest.raises(SaslUsageError):
        DigestMD5Verifier(b"not sixteen octets long")


@pytest.mark.parametrize("qop", [b"AUTH", b"Auth-Int", b"AUTH-CONF"])
def test_the_case_of_what_is_taken_is_hashed_as_it_is(qop: bytes) -> None:
    """RFC 2831 section 2.1.2.1: it counts in any case, and goes into the proof as it was sent."""
    server = acceptor(NAME)
    nonce = directive(challenged(server), "nonce")
    cipher = "rc4" if qop == b"AUTH-CONF" else None
    response = Response(ALICE.encode(), b"bob@lan", nonce, b"abc", b"msrp/bob@lan", qop, cipher)
    key = session_key(digest_md5_secret(ALICE, "bob@lan", SECRET), response)
    # The other part of the proof, written out: 32 zeros wherever there is a layer.
    second = b"AUTHENTICATE:msrp/bob@lan" + (b"" if qop == b"AUTH" else b":" + b"0" * 32)
    parts = (key.hex().encode(), nonce, b"00000001:abc", qop, md5(second).hexdigest().encode())
    value = md5(b":".join(parts)).hexdigest().encode()
    assert server.process(response.proved(value).encode(), NOW)
    assert (server.layer is None) == (qop == b"AUTH")


def test_without_the_ciphers_it_says_so() -> None:
    """Some systems' OpenSSL has no RC4 and no DES any more."""
    code = (
        "from sasl.test_digest import *\n"
        "client, server = sides(policy('auth-conf'))\n"
        "answer = answered(client, challenged(server))\n"
        "print(refused(Reason.POLICY, lambda: server.process(answer, NOW)), server.complete)\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "CRYPTOGRAPHY_OPENSSL_NO_LEGACY": "1", "PYTHONPATH": str(TESTS)},
    )
    assert done.stdout == "there is no rc4 here: OpenSSL's legacy provider is missing or turned off False\n"


# -- whom it is about


def test_the_acceptor_is_the_one_meant() -> None:
    """The digest-uri names it; an acceptor that is another refuses a right response."""
    kept = Kept().add_digest(ALICE, EVE, SECRET, "bob@lan")
    client = initiator(NAME)
    server = acceptor(NAME, me=EVE, verifiers=kept, realms=("bob@lan",))
    response = answered(client, challenged(server))
    assert "another acceptor" in refused(Reason.WRONG, lambda: server.process(response, NOW))


@pytest.mark.parametrize(
    ("uri", "right"),
    [
        ("MSRP/bob@LAN", True),
        ("msrp/Bob@lan", False),
        ("imap/bob@lan", False),
        ("msrp/bob@lan/lan", False),
        ("msrp/lan", False),
        ("msrp", False),
        ("bob@lan", False),
    ],
)
def test_how_the_acceptor_may_be_spelled(uri: str, right: bool) -> None:
    """RFC 2831 section 2.1.2: the service and its host in any case; the user in its own."""
    service, _, host = uri.partition("/")
    mine = Passwords({(ALICE, host): Password(SECRET, generated=True)})
    client = initiator(NAME, acceptor=host, service=service, credentials=mine)
    server = acceptor(NAME)
    response = answered(client, challenged(server))
    if right:
        client.succeeded(server.process(response, NOW), NOW)
        assert server.complete
    else:
        refused(Reason.WRONG, lambda: server.process(response, NOW))


def test_acting_as_another() -> None:
    client, server = initiator(NAME, authorization=EVE), acceptor(NAME)
    response = answered(client, challenged(server))
    assert directive(response, "authzid") == EVE.encode()
    refused(Reason.FORBIDDEN, lambda: server.process(response, NOW))
    client, server = initiator(NAME, authorization=ALICE), acceptor(NAME)
    run(client, server)
    assert server.identity.name == ALICE


def test_reflection() -> None:
    """Our own words sent back: nobody here is the acceptor itself."""
    kept = Kept().add_digest(BOB, BOB, SECRET)
    mine = Passwords({(BOB, BOB): Password(SECRET, generated=True)})
    client, server = initiator(NAME, me=BOB, credentials=mine), acceptor(NAME, verifiers=kept)
    response = answered(client, challenged(server))
    refused(Reason.WRONG, lambda: server.process(response, NOW))


# -- realms and characters


def realm_of(challenge: bytes, **more: Any) -> bytes:
    return directive(answered(initiator(NAME, **more), challenge), "realm")


def test_realms() -> None:
    def asked(*realms: str) -> bytes:
        return challenged(acceptor(NAME, realms=realms))

    assert realm_of(asked("a", "bob@lan", "b")) == b"bob@lan"
    assert realm_of(asked("a", "b")) == b"a"
    assert realm_of(asked("a", "b"), realm="b") == b"b"
    client = initiator(NAME, realm="another")
    assert "realm" in refused(Reason.POLICY, lambda: answered(client, asked("a")))
    none = changed("realm", None)(asked("a"))
    assert b"realm=" not in answered(initiator(NAME), none)
    assert realm_of(none, realm="b") == b"b"


def test_several_realms_have_several_verifiers() -> None:
    kept = Kept().add_digest(ALICE, BOB, SECRET, "one").add_digest(ALICE, BOB, "another", "two")
    for realm, password in (("one", SECRET), ("two", "another")):
        mine = Passwords({(ALICE, BOB): Password(password, generated=True)})
        client = initiator(NAME, realm=realm, credentials=mine)
        run(client, acceptor(NAME, verifiers=kept, realms=("one", "two")))
        assert client.complete


NAMES = [
    ("müller", "pässwörd", "Köln"),
    ("müller", "пароль", "Köln"),
    ("боб", "pässwörd", "Köln"),
    ("m", "p", "кёльн"),
    ('a"b\\c', 'p"\\,=', 'r"\\'),
    ("²ª½", "´µ²", "ª"),
]


@pytest.mark.parametrize(("user", "password", "realm"), NAMES)
def test_names_of_any_kind(user: str, password: str, realm: str) -> None:
    """Each part is hashed in ISO 8859-1 where it can be (RFC 2831 section 2.1.2.1), and not prepared."""
    me = f"im:{user}@lan"
    mine = Passwords({(me, BOB): Password(password, generated=True)})
    kept = Kept().add_digest(me, BOB, password, realm)
    client = initiator(NAME, me=me, credentials=mine)
    server = acceptor(NAME, verifiers=kept, realms=(realm,), authority=Plain())  # type: ignore[arg-type]
    run(client, server)
    assert server.identity.user == me


class Plain:
    """Everybody is who they say they are."""

    def principal(self, user: str) -> str:
        return user

    def normal(self, authorization: str) -> str:
        return authorization

    def may(self, principal: str, authorization: str) -> bool:
        return False


def latin(user: str, password: str, realm: str) -> tuple[SASLClient, SASLServer, bytes]:
    """An initiator whose acceptor does not offer UTF-8: what it says to that."""
    mine = Passwords({(user, BOB): Password(password, generated=True)})
    kept = Kept().add_digest(user, BOB, password, realm)
    client = initiator(NAME, me=user, credentials=mine)
    server = acceptor(NAME, verifiers=kept, realms=(realm,), authority=Plain())  # type: ignore[arg-type]
    return client, server, changed("charset", None)(challenged(server))


def test_an_acceptor_of_iso_8859_1() -> None:
    client, server, challenge = latin("müller", "pässwörd", "koeln")
    response = answered(client, challenge)
    assert b"charset" not in response
    assert directive(response, "username") == "müller".encode("iso-8859-1")
    client.succeeded(server.process(response, NOW), NOW)
    assert server.identity.user == "müller"
    for user, password in (("боб", "pw"), ("bob", "пароль")):
        client, _, challenge = latin(user, password, "koeln")
        refused(Reason.CREDENTIALS, lambda c=client, said=challenge: answered(c, said))


def test_surrogates_are_no_characters() -> None:
    mine = Passwords({(ALICE, BOB): Password("p\udcff", generated=True)})
    client, challenge = initiator(NAME, credentials=mine), challenged(acceptor(NAME))
    refused(Reason.CREDENTIALS, lambda: answered(client, challenge))


# -- nonces, and those who begin by themselves


def test_every_challenge_has_a_nonce_of_its_own() -> None:
    nonces = {directive(challenged(acceptor(NAME)), "nonce") for _ in range(10)}
    assert len(nonces) == 10
    assert {len(nonce) for nonce in nonces} == {24}


def test_a_response_to_another_challenge() -> None:
    client, server = sides()
    _, response, _ = run(client, server)
    again = acceptor(NAME)
    challenged(again)
    refused(Reason.MALFORMED, lambda: again.process(response, NOW))


def test_subsequent_authentication_begins_anew() -> None:
    """RFC 2831 section 2.2.2: who begins with a response is answered with a challenge, never let in."""
    client, server = sides()
    _, response, _ = run(client, server)
    nonce = directive(response, "nonce")
    for first in (response, changed("nc", b"00000002")(response), b"", b"\xff" * 9000):
        again = acceptor(NAME)
        challenge = again.start(NAME, first, NOW)
        assert challenge is not None
        assert not again.complete
        assert directive(challenge, "nonce") != nonce
        assert b"stale" not in challenge
        mine = initiator(NAME)
        mine.succeeded(again.process(answered(mine, challenge), NOW), NOW)
        assert again.complete


def test_the_second_response_of_one_exchange() -> None:
    client, server = sides()
    response = answered(client, challenged(server))
    refused(Reason.MALFORMED, lambda: server.process(changed("nc", b"00000002")(response), NOW))
    with pytest.raises(SaslUsageError):
        server.process(response, NOW)


def test_ours_never_begins() -> None:
    assert initiator(NAME).start(NOW) is None


# -- proofs


def test_success_without_the_proof() -> None:
    client, server = sides()
    answered(client, challenged(server))
    refused(Reason.UNPROVED, lambda: client.succeeded(None, NOW))
    client, server = sides()
    client.start(NOW)
    refused(Reason.UNPROVED, lambda: client.succeeded(None, NOW))
    client, server = sides()
    client.start(NOW)
    refused(Reason.UNPROVED, lambda: client.succeeded(challenged(server), NOW))


@pytest.mark.parametrize("proof", [b"rspauth=" + b"0" * 32, b"response"])
def test_a_false_proof(proof: bytes) -> None:
    client, server = sides()
    response = answered(client, challenged(server))
    if proof == b"response":  # its own words, sent back
        proof = b"rspauth=" + directive(response, "response")
    refused(Reason.UNPROVED, lambda: client.succeeded(proof, NOW))
    assert client.layer is None


def test_the_proof_as_a_challenge() -> None:
    """As protocols without data at success have it: an empty answer, then success."""
    client, server = sides(policy("auth-conf"))
    proof = server.process(answered(client, challenged(server)), NOW)
    assert client.process(proof or b"", NOW) == b""
    assert client.layer is None
    client.succeeded(None, NOW)
    assert client.layer is not None


def test_more_after_the_proof() -> None:
    client, server = sides()
    proof = server.process(answered(client, challenged(server)), NOW) or b""
    client.process(proof, NOW)
    refused(Reason.MALFORMED, lambda: client.succeeded(proof, NOW))


def test_without_verifiers() -> None:
    server = acceptor(NAME, verifiers=None)
    refused(Reason.CREDENTIALS, lambda: server.start(NAME, None, NOW))


def test_a_user_without_a_verifier_for_it_may_go_on_with_scram() -> None:
    """It binds to nothing, so that its failure does not end the line."""
    kept = Kept().add(ALICE, BOB, SECRET)
    client, server = initiator(NAME, channel=LINE), acceptor(NAME, PLUS, channel=LINE, verifiers=kept)
    refused(Reason.WRONG, lambda: run(client, server))
    assert "for this mechanism" in str(client.failed())
    assert not client.spent
    assert not server.spent
    again = acceptor(NAME, PLUS, channel=LINE, verifiers=kept)
    run(initiator(PLUS, channel=LINE), again)
    assert again.identity.name == ALICE
