"""SASL's tokens: whatever arrives, both sides raise their one error, and nobody is believed for nothing.

An input is one octet that picks the mechanism and the side, then tokens with a line feed between them.
From 128 on the octet picks what reads one token of Kerberos, which are the ones in DER.
"""

from __future__ import annotations

from contextlib import suppress

from msrp_sasl import (
    PROPERTIES,
    Accepting,
    Channel,
    ChannelLevel,
    DigestMD5Verifier,
    Hash,
    Identities,
    Initiating,
    Password,
    Policy,
    SASLClient,
    SaslError,
    SASLServer,
    SaslUsageError,
    ScramVerifier,
)
from msrp_sasl.kerberos import tokens as kerberos
from msrp_sasl.mechanisms.scram_tokens import read_server_first

__all__ = ["sasl"]

NAMES = ("SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "EXTERNAL", "ANONYMOUS", "DIGEST-MD5")
CHANNEL = Channel(
    ChannelLevel.VERIFIED, {"tls-exporter": b"x" * 32}, frozenset({"alice"}), frozenset({"alice"})
)
ROUNDS = 4096
VERIFIER = ScramVerifier.make("pencil", salt=b"salt", iterations=ROUNDS)


class Both:
    """What both sides know: the password of alice, and its verifier."""

    decoy_key = b"key"

    def password(self, initiator: str, acceptor: str) -> Password:
        return Password("pencil")

    def iterations(self, hash: Hash) -> int:
        return ROUNDS

    def scram(self, user: str, acceptor: str, hash: Hash) -> ScramVerifier | None:
        return VERIFIER if user == "alice" else None

    def digest_md5(self, user: str, realm: str, acceptor: str) -> DigestMD5Verifier | None:
        return DigestMD5Verifier.make(user, realm, "pencil") if user == "alice" else None


def policy(name: str) -> Policy:
    bound = name.endswith("-PLUS") or not name.startswith("SCRAM")
    # Without layers: those take cryptography, which is not installed where the fuzzer runs.
    return Policy(
        acceptor="principal" if bound else "service",
        mechanisms=(name,),
        anonymous=True,
        digest_md5_qops=("auth",),
    )


def accept(name: str, tokens: list[bytes]) -> None:
    setting = Accepting("bob", CHANNEL, policy(name), Identities(str), Both(), nonce=lambda: b"more")
    server = SASLServer(setting)
    try:
        server.start(name, tokens[0], 0.0)
        for token in tokens[1:]:
            if server.complete:
                break
            server.process(token, 0.0)
    except SaslError:
        assert not server.complete
        return
    # The nonces are fixed, so what was right once is right again: the two inputs that say it.
    if server.complete and PROPERTIES[name].password:
        assert server.identity.user == "alice"


def initiate(name: str, tokens: list[bytes]) -> None:
    setting = Initiating(
        "alice", "bob", CHANNEL, policy(name), Both(), offered=(name,), nonce=lambda: b"nonce"
    )
    client = SASLClient(setting)
    client.start(0.0)
    try:
        for token in tokens[:-1]:
            if dear(token):
                return
            client.process(token, 0.0)
        client.succeeded(tokens[-1] if tokens[-1] else None, 0.0)
    except SaslError:
        assert not client.complete
        try:
            client.process(b"", 0.0)
        except SaslUsageError:
            return
        raise AssertionError("an exchange goes on after its error") from None
    assert client.complete


def dear(token: bytes) -> bool:
    """Whether it asks for so many rounds that nothing else would be tried."""
    try:
        return read_server_first(token).iterations > 2 * ROUNDS
    except SaslError:
        return False


REALM = "R"


def request(token: bytes) -> None:
    """Whoever is asked for, only one token asks for them."""
    principal = kerberos.read_tgt_request(token)
    assert not principal or kerberos.tgt_request(principal) == token


def reply(token: bytes) -> None:
    assert kerberos.tgt_reply(kerberos.read_tgt_reply(token, REALM)) == token


def shown(token: bytes) -> None:
    """Our own way there and back: the option put in is the one taken out."""
    assert kerberos.read_ap_request(token).token == token
    with suppress(SaslError):  # a service's
        assert kerberos.read_ap_request(kerberos.user_to_user(token), kerberos.USER_TO_USER).token == token


def shown_to_a_person(token: bytes) -> None:
    read = kerberos.read_ap_request(token, kerberos.USER_TO_USER)
    assert kerberos.user_to_user(read.token) == token


def answered(token: bytes) -> None:
    assert kerberos.check_ap_reply(token) == token


KERBEROS = (request, reply, shown, shown_to_a_person, answered)


def sasl(data: bytes) -> None:
    """Both sides, any tokens."""
    if data and data[0] >= 128:
        with suppress(SaslError):
            KERBEROS[data[0] % len(KERBEROS)](data[1:])
    elif data:
        name = NAMES[(data[0] >> 1) % len(NAMES)]
        (initiate if data[0] & 1 else accept)(name, data[1:].split(b"\n"))
