"""Programs written for pure-sasl, with our DIGEST-MD5 and its layers."""

from __future__ import annotations

from typing import Any

import puresasl.mechanisms
import pytest
from puresasl import QOP, SASLError, SASLProtocolException
from puresasl.client import SASLClient

import msrp_sasl.puresasl
from sasl import cyrus, gsasl
from sasl.digest_matrix import PEERS, Terms
from sasl.parties import ALICE, SECRET

QOPS = {"auth": QOP.AUTH, "auth-int": QOP.AUTH_INT, "auth-conf": QOP.AUTH_CONF}
HOST = "bob@lan"
WHO = ["ours", pytest.param("gsasl", marks=gsasl.needed), pytest.param("cyrus", marks=cyrus.needed)]


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry of its own for every test, and ours joined to it."""
    fresh = dict(puresasl.mechanisms.mechanisms)
    for module in (puresasl.mechanisms, msrp_sasl.puresasl):
        monkeypatch.setattr(module, "mechanisms", fresh)
    msrp_sasl.puresasl.register()


def client(**more: Any) -> SASLClient:
    given = {"mechanism": "DIGEST-MD5", "username": ALICE, "password": SECRET} | more
    return SASLClient(HOST, "msrp", **given)


def met(sasl: SASLClient, who: str, qop: str) -> Any:
    """The server's end, after the loop of pure-sasl's documentation."""
    server = PEERS[who].acceptor(Terms(qop, "rc4" if qop == "auth-conf" else ""))
    assert sasl.process() is None
    challenge = server.step(None)
    while not server.complete:
        assert challenge is not None
        challenge = server.step(sasl.process(challenge))
    if challenge is not None:
        assert sasl.process(challenge) == b""
    return server


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("qop", QOPS)
def test_its_client_authenticates_and_protects(qop: str, who: str) -> None:
    if who == "gsasl" and qop == "auth-conf":
        return  # it has none
    sasl = client()
    server = met(sasl, who, qop)
    assert sasl.complete
    assert sasl.qop == QOPS[qop]
    for text in (b"hello", b"x" * 5000):
        wrapped = sasl.wrap(text)
        if qop == "auth":
            assert sasl.unwrap(wrapped) == text
            continue
        # The length before each buffer is the program's, as with pure-sasl's own GSSAPI.
        assert server.decode(len(wrapped).to_bytes(4) + wrapped) == text
        assert sasl.unwrap(server.encode(text)[4:]) == text
    sasl.dispose()
    server.close()


def test_the_strongest_of_what_the_program_allows() -> None:
    for allowed, taken in (
        ([QOP.AUTH_CONF], QOP.AUTH_CONF),
        ([QOP.AUTH, QOP.AUTH_INT], QOP.AUTH_INT),
        (["auth"], QOP.AUTH),
    ):
        sasl = client(qops=allowed)
        server = PEERS["ours"].acceptor(Terms("auth", ""))
        challenge = server.step(None)
        assert challenge is not None
        everything = challenge.replace(b'qop="auth"', b'qop="auth,auth-int,auth-conf",cipher="rc4"')
        response = sasl.process(everything)
        assert response is not None
        assert b"qop=" + taken in response.split(b",")
        server.close()
    with pytest.raises(SASLProtocolException, match="quality of protection"):
        client(qops=["auth-more"]).process(b'nonce="x",algorithm=md5-sess')
    with pytest.raises(SASLError, match="auth-conf"):
        client(qops=[QOP.AUTH_CONF]).process(b'nonce="x",algorithm=md5-sess')


def test_a_broken_layer_stays_broken() -> None:
    sasl = client()
    server = met(sasl, "ours", "auth-conf")
    wrapped = bytearray(server.encode(b"hello")[4:])
    wrapped[0] ^= 1
    with pytest.raises(SASLProtocolException, match="changed"):
        sasl.unwrap(bytes(wrapped))
    for again in (lambda: sasl.wrap(b"x"), lambda: sasl.unwrap(server.encode(b"x")[4:])):
        with pytest.raises(SASLProtocolException, match="failed"):
            again()
    server.close()


def test_buffers_are_bounded() -> None:
    sasl = client(max_buffer=4096)
    server = met(sasl, "ours", "auth-int")
    assert len(sasl.wrap(b"x" * (4096 - 30))) <= 4092
    with pytest.raises(SASLError, match="4066 octets"):
        sasl.wrap(b"x" * (4096 - 29))
    with pytest.raises(SASLProtocolException, match="4097 octets"):
        sasl.unwrap(b"x" * 4097)
    with pytest.raises(SASLProtocolException, match="failed"):
        sasl.unwrap(b"x" * 20)
    server.close()
    with pytest.raises(SASLError, match="4096 octets to 1 MiB"):
        client(max_buffer=100).process(b'nonce="x",algorithm=md5-sess')


def test_what_the_program_has_to_say() -> None:
    sasl = SASLClient(HOST, mechanism="DIGEST-MD5", username=ALICE, password=SECRET)
    with pytest.raises(SASLError, match="service"):
        sasl.process(b'nonce="x",algorithm=md5-sess')
    response = client(realm="two").process(b'realm="one",realm="two",nonce="x",algorithm=md5-sess')
    assert response is not None
    assert b'realm="two"' in response
    with pytest.raises(SASLProtocolException):
        client().process(b"nonsense")
