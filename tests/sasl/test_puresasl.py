"""Programs written for pure-sasl: its own client is the program here, unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import puresasl.mechanisms
import pytest
from puresasl import QOP, SASLError, SASLProtocolException
from puresasl.client import SASLClient

import msrp_sasl.puresasl
from sasl import cyrus, gsasl
from sasl.matrix import OurAcceptor, Terms
from sasl.parties import ALICE, BOB, EXPORTER, SCRAM, SECRET

if TYPE_CHECKING:
    from sasl.matrix import Party

BINDING = ("tls-exporter", EXPORTER["tls-exporter"])


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> dict[str, type]:
    """A registry of its own for every test."""
    fresh = dict(puresasl.mechanisms.mechanisms)
    monkeypatch.setattr(puresasl.mechanisms, "mechanisms", fresh)
    monkeypatch.setattr(msrp_sasl.puresasl, "mechanisms", fresh)
    return fresh


def converse(sasl: SASLClient, server: Party) -> None:
    """The loop of pure-sasl's documentation."""
    token = server.step(sasl.process())
    while not (server.complete and token is None):
        assert token is not None
        answer = sasl.process(token)
        if server.complete:
            break
        token = server.step(answer)


def theirs(name: str, who: str) -> Party:
    binding = BINDING if name.endswith("-PLUS") else None
    if who == "ours":
        return OurAcceptor(Terms(name, binding))
    if who == "gsasl":
        return gsasl.Gsasl("server", name, user=ALICE, password=SECRET, binding=binding, external=ALICE)
    return cyrus.Cyrus("server", name, user=ALICE, password=SECRET, binding=binding, external=ALICE)


@pytest.mark.parametrize(
    "who",
    ["ours", pytest.param("gsasl", marks=gsasl.needed), pytest.param("cyrus", marks=cyrus.needed)],
)
@pytest.mark.parametrize("name", [*SCRAM, "EXTERNAL"])
def test_its_client_authenticates(name: str, who: str) -> None:
    if who == "gsasl" and name not in gsasl.mechanisms():
        assert "SHA-512" in name
        return
    msrp_sasl.puresasl.register(plus=True)
    props = {"channel_bindings": EXPORTER} if name.endswith("-PLUS") else {}
    sasl = SASLClient(BOB, "msrp", mechanism=name, username=ALICE, password=SECRET, **props)
    server = theirs(name, who)
    assert not sasl.complete
    converse(sasl, server)
    assert server.complete
    assert sasl.complete
    assert sasl.unwrap(sasl.wrap(b"as it is")) == b"as it is"
    sasl.dispose()
    server.close()


def test_its_choice_takes_the_best() -> None:
    offered = ["PLAIN", "CRAM-MD5", "DIGEST-MD5", "ANONYMOUS", *SCRAM]
    msrp_sasl.puresasl.register()
    sasl = SASLClient(BOB, username=ALICE, password=SECRET)
    sasl.choose_mechanism(offered, allow_plaintext=False)
    assert sasl.mechanism == "SCRAM-SHA-512"
    msrp_sasl.puresasl.register(plus=True)
    sasl.choose_mechanism(offered, allow_anonymous=False, allow_active=False)
    assert sasl.mechanism == "SCRAM-SHA-512-PLUS"


def test_nothing_is_joined_without_the_call(registry: dict[str, type]) -> None:
    assert not [name for name in registry if name.startswith("SCRAM")]
    assert set(msrp_sasl.puresasl.register()) == {name for name in SCRAM if "PLUS" not in name} | {
        "ANONYMOUS",
        "EXTERNAL",
        "DIGEST-MD5",
    }


def test_the_flag_says_whether_the_bound_forms_are_joined() -> None:
    """ "y": we could bind, and were not offered it; "n" where that cannot be said."""
    for plus, flag in ((True, b"y,,"), (False, b"n,,")):
        msrp_sasl.puresasl.register(plus=plus)
        sasl = SASLClient(
            BOB, mechanism="SCRAM-SHA-256", username=ALICE, password=SECRET, channel_bindings=EXPORTER
        )
        first = sasl.process()
        assert first is not None
        assert first.startswith(flag)


def test_properties_come_from_the_callback() -> None:
    msrp_sasl.puresasl.register()
    given = {"username": ALICE, "password": SECRET}
    sasl = SASLClient(BOB, mechanism="SCRAM-SHA-256", callback=given.__getitem__)
    converse(sasl, theirs("SCRAM-SHA-256", "ours"))
    assert sasl.complete


def test_errors_are_those_of_pure_sasl() -> None:
    msrp_sasl.puresasl.register(plus=True)

    def client(name: str = "SCRAM-SHA-256", **more: object) -> SASLClient:
        return SASLClient(BOB, mechanism=name, username=ALICE, password=SECRET, **more)  # type: ignore[arg-type]

    with pytest.raises(SASLProtocolException):
        client().process(b"who speaks first?")
    talking = client()
    talking.process()
    with pytest.raises(SASLProtocolException):
        talking.process(b"r=nonsense")
    with pytest.raises(SASLProtocolException, match="quality of protection"):
        client(qops=[QOP.AUTH_CONF]).process()
    with pytest.raises(SASLError, match="proves nothing"):
        client("EXTERNAL", mutual_auth=True).process()
    with pytest.raises(SASLProtocolException, match="nothing to bind"):
        client("SCRAM-SHA-256-PLUS").process()
    with pytest.raises(SASLError, match="password"):
        SASLClient(BOB, mechanism="SCRAM-SHA-256", callback=lambda prop: None).process()


def test_a_false_server_is_not_believed() -> None:
    msrp_sasl.puresasl.register()
    sasl = SASLClient(BOB, mechanism="SCRAM-SHA-256", username=ALICE, password="another")
    with pytest.raises(msrp_sasl.SaslError):
        converse(sasl, theirs("SCRAM-SHA-256", "ours"))
    assert not sasl.complete


def test_what_failed_stays_failed() -> None:
    msrp_sasl.puresasl.register()
    sasl = SASLClient(BOB, mechanism="SCRAM-SHA-256", username=ALICE, password=SECRET)
    server = theirs("SCRAM-SHA-256", "ours")
    first = server.step(sasl.process())
    with pytest.raises(SASLProtocolException):
        sasl.process(b"r=nonsense")
    for token in (first, None):
        with pytest.raises(SASLProtocolException, match="has failed"):
            sasl.process(token)
    assert not sasl.complete
