"""What the exchange holds any mechanism to: one that speaks second, owes a layer, or misbehaves.

The mechanism here is as simple as can be, and goes by the name of one the table knows.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

import msrp_sasl.exchange
import msrp_sasl.selection
from msrp_sasl import (
    Accepting,
    Channel,
    ChannelLevel,
    Initiating,
    LayerTerms,
    Policy,
    Properties,
    Reason,
    SASLClient,
    SASLServer,
    SaslUsageError,
)
from sasl.parties import ALICE, AUTHORITY, BOB, NOW, refused

NAME = "DIGEST-MD5"
PROPERTIES = Properties(client_first=False, mutual=True, proves_initiator=True, proves_acceptor="principal")
POLICY = Policy(digest_md5=True)
INTEGRITY = LayerTerms("integrity", "none", 64, 60, 64)
CONFIDENTIALITY = LayerTerms("confidentiality", "none", 64, 60, 64)


class Simple:
    """Says what it was made with, and looks at nothing; complete after so many tokens."""

    name = NAME
    properties = PROPERTIES
    binding = None
    shared = False
    user = ALICE
    authorization = ""

    def __init__(self, says: list[bytes | None], after: int, layer: LayerTerms | None = None) -> None:
        self.says = list(says)
        self.complete = False
        self.layer = layer
        self.left = after
        self.disposed = False

    def step(self, token: bytes | None, now: float) -> bytes | None:
        self.left -= 1
        self.complete = self.left <= 0
        return self.says.pop(0)

    def wrap(self, data: bytes) -> bytes:
        return b"<" + data + b">"

    def unwrap(self, data: bytes) -> bytes:
        return data[1:-1]

    def dispose(self) -> None:
        self.disposed = True


Begin = Callable[[Simple, Simple, ChannelLevel], tuple[SASLClient, SASLServer]]


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch) -> Begin:
    def begin(
        initiator: Simple, acceptor: Simple, level: ChannelLevel = ChannelLevel.VERIFIED
    ) -> tuple[SASLClient, SASLServer]:
        for module in (msrp_sasl.exchange, msrp_sasl.selection):
            monkeypatch.setattr(module, "PROPERTIES", {NAME: PROPERTIES})
        monkeypatch.setattr(msrp_sasl.exchange, "INITIATORS", {NAME: lambda setting: initiator})
        monkeypatch.setattr(msrp_sasl.exchange, "ACCEPTORS", {NAME: lambda setting: acceptor})
        client = SASLClient(Initiating(ALICE, BOB, Channel(level), POLICY, offered=(NAME,)))
        return client, SASLServer(Accepting(BOB, Channel(level), POLICY, AUTHORITY))

    return begin


def sides(layer: LayerTerms | None = None) -> tuple[Simple, Simple]:
    return Simple([b"response", b""], 2, layer), Simple([b"challenge", b"proof"], 2, layer)


def talk(client: SASLClient, server: SASLServer) -> None:
    assert client.start(NOW) is None
    challenge = server.start(NAME, None, NOW)
    assert challenge == b"challenge"
    client.succeeded(server.process(client.process(challenge, NOW), NOW), NOW)


def test_the_acceptor_may_speak_first(begin: Begin) -> None:
    client, server = begin(*sides(), ChannelLevel.VERIFIED)
    talk(client, server)
    assert (client.identity.name, server.identity.name) == (BOB, ALICE)
    assert not client.spent
    assert not server.spent


def test_an_initial_response_to_who_speaks_first(begin: Begin) -> None:
    for token in (b"", b"me first"):
        _, server = begin(*sides(), ChannelLevel.VERIFIED)
        refused(Reason.MALFORMED, lambda server=server, token=token: server.start(NAME, token, NOW))


@pytest.mark.parametrize("level", [ChannelLevel.CLEAR, ChannelLevel.ENCRYPTED])
@pytest.mark.parametrize("layer", [None, INTEGRITY])
def test_a_layer_that_is_owed(begin: Begin, level: ChannelLevel, layer: LayerTerms | None) -> None:
    """Each side insists by itself."""
    client, server = begin(*sides(layer), level)
    client.start(NOW)
    response = client.process(server.start(NAME, None, NOW) or b"", NOW)
    refused(Reason.POLICY, lambda: server.process(response, NOW))
    refused(Reason.POLICY, lambda: client.succeeded(b"proof", NOW))
    assert client.layer is None
    assert server.layer is None


@pytest.mark.parametrize("level", list(ChannelLevel))
def test_the_layer_begins_at_success(begin: Begin, level: ChannelLevel) -> None:
    mechanisms = sides(CONFIDENTIALITY)
    client, server = begin(*mechanisms, level)
    assert client.layer is None
    talk(client, server)
    assert client.layer is not None
    assert server.layer is not None
    assert client.layer.terms is CONFIDENTIALITY
    wire = client.layer.wrap([b"hello"])
    assert wire == [b"\0\0\0\x07<hello>"]
    assert list(server.layer.unwrap(wire[0])) == [b"hello"]
    # The mechanism lives as long as its layer.
    client.dispose()
    assert client.layer.wrap([b"x"])
    assert not mechanisms[0].disposed
    client.abort()
    assert client.layer is None
    assert mechanisms[0].disposed


def test_a_mechanism_is_disposed_of_when_it_is_over(begin: Begin) -> None:
    mechanisms = sides()
    talk(*begin(*mechanisms, ChannelLevel.VERIFIED))
    assert all(mechanism.disposed for mechanism in mechanisms)
    left = sides()
    client, server = begin(*left, ChannelLevel.VERIFIED)
    client.start(NOW)
    server.start(NAME, None, NOW)
    client.dispose()
    server.dispose()
    assert all(mechanism.disposed for mechanism in left)
    with pytest.raises(SaslUsageError):
        client.process(b"challenge", NOW)


def test_success_in_the_middle(begin: Begin) -> None:
    client, _ = begin(Simple([b"response", b"more to say"], 2), sides()[1], ChannelLevel.VERIFIED)
    client.start(NOW)
    client.process(b"challenge", NOW)
    refused(Reason.UNPROVED, lambda: client.succeeded(b"proof", NOW))


def test_an_acceptor_that_neither_answers_nor_ends(begin: Begin) -> None:
    _, server = begin(sides()[0], Simple([None], 2), ChannelLevel.VERIFIED)
    with pytest.raises(SaslUsageError):
        server.start(NAME, None, NOW)
