"""Sources and store in the exchange they are for: msrp_sasl's, both sides."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from credentials.stores import ALICE, BOB, CAROL, FEW, PASSWORD, open_store
from msrp_peer.credentials.environment import Environment
from msrp_peer.credentials.secret import generate
from msrp_peer.credentials.verifiers import VerifierStore
from msrp_peer.terms.principal import Principal
from msrp_sasl import (
    Accepting,
    Channel,
    ChannelLevel,
    Identities,
    Initiating,
    Password,
    Policy,
    SASLClient,
    SaslError,
    SASLServer,
    offered,
)

CHANNEL = Channel(ChannelLevel.ENCRYPTED, {"tls-exporter": os.urandom(32)})


def environment(password: str) -> Environment:
    return Environment({"MSRP_PASSWORD": password, "MSRP_PASSWORD_FOR": BOB.text})


class Meeting:
    """Both sides, up to the acceptor's challenge."""

    def __init__(
        self,
        store: VerifierStore,
        password: str,
        mechanism: str,
        me: Principal = ALICE,
        guessable: bool = True,
    ) -> None:
        policy = Policy(mechanisms=(mechanism,), guessable=guessable)
        names = tuple(offered(policy, CHANNEL))
        assert names == (mechanism,)
        credentials = environment(password)
        self.client = SASLClient(Initiating(me.text, BOB.text, CHANNEL, policy, credentials, offered=names))
        authority = Identities(lambda text: Principal.parse(text).text)
        self.server = SASLServer(Accepting(BOB.text, CHANNEL, policy, authority, store, offered=names))
        self.challenge = self.server.start(mechanism, self.client.start(0), 0) or b""

    def end(self) -> Meeting:
        last = self.server.process(self.client.process(self.challenge, 0), 0)
        assert self.server.complete
        self.client.succeeded(last, 0)
        return self

    def told(self) -> tuple[bytes, int]:
        """What the challenge tells of the user: salt and iterations."""
        fields = dict(field.split(b"=", 1) for field in self.challenge.split(b","))
        return base64.b64decode(fields[b"s"]), int(fields[b"i"])


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-512-PLUS"])
def test_both_sides_are_proved(tmp_path: Path, mechanism: str) -> None:
    store = open_store(tmp_path)
    store.keep(ALICE, BOB, PASSWORD, 0)
    met = Meeting(store, PASSWORD.text, mechanism).end()
    assert met.server.identity.name == ALICE.text
    assert met.client.identity.name == BOB.text
    assert not met.server.identity.shared
    store.keep(ALICE, BOB, Password(PASSWORD.text, shared=True), 0)
    assert Meeting(store, PASSWORD.text, mechanism).end().server.identity.shared


def test_a_user_with_any_name_logs_in(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    strange = Principal.parse("sips:J%C3%BCrgen%20%22=,@lan")
    store.keep(strange, BOB, PASSWORD, 0)
    met = Meeting(store, PASSWORD.text, "SCRAM-SHA-512-PLUS", strange).end()
    assert met.server.identity.name == strange.text


def test_a_generated_secret_needs_no_consent_however_it_is_typed(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    secret = generate()
    store.keep(ALICE, BOB, environment(secret).password(ALICE.text, BOB.text) or PASSWORD, 0)
    typed = secret.upper().replace("-", " ")
    Meeting(store, typed, "SCRAM-SHA-512-PLUS", guessable=False).end()
    with pytest.raises(SaslError, match="not generated"):
        Meeting(store, PASSWORD.text, "SCRAM-SHA-512-PLUS", guessable=False)


@pytest.mark.parametrize(("me", "password"), [(ALICE, "a wrong password"), (CAROL, PASSWORD.text)])
def test_who_is_not_known_looks_like_who_is_wrong(tmp_path: Path, me: Principal, password: str) -> None:
    store = open_store(tmp_path)
    store.keep(ALICE, BOB, PASSWORD, 0)
    met, again = (Meeting(store, password, "SCRAM-SHA-512-PLUS", me) for _ in range(2))
    salt, iterations = met.told()
    assert (len(salt), iterations) == (16, FEW["SHA-512"])
    assert again.told() == met.told()
    with pytest.raises(SaslError, match=r"^user or password are wrong$"):
        met.end()
