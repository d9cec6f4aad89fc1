"""DIGEST-MD5 with GNU SASL, Cyrus SASL and pure-sasl, in both roles, layers included."""

from __future__ import annotations

from typing import Any

import pytest
from puresasl.client import SASLClient as PureClient

from msrp_peer.terms.principal import Principal
from msrp_sasl import Identities, Password, Reason, SaslError, SASLServer
from sasl import cyrus, gsasl
from sasl.digest_matrix import CELLS, HOST, Cell, Failed, Gsasl, Terms, faults, refuses, run
from sasl.digests import NAME, answered, challenged, directive, policy
from sasl.parties import ALICE, BOB, EVE, NOW, SECRET, Kept, Passwords, acceptor, initiator

MARKS = {"gsasl": [gsasl.needed], "cyrus": [cyrus.needed], "ours": []}
BY_WHOM = [pytest.param(cell, marks=MARKS[cell.peer], id="-".join(filter(None, cell))) for cell in CELLS]
PEERS = [
    pytest.param(gsasl.Gsasl, marks=gsasl.needed, id="gsasl"),
    pytest.param(cyrus.Cyrus, marks=cyrus.needed, id="cyrus"),
]
AS_IT_IS = Identities(str)


@pytest.mark.parametrize("cell", BY_WHOM)
def test_exchange_and_layer(cell: Cell) -> None:
    if refuses(cell):
        terms = Terms(cell.qop, cell.cipher)
        with pytest.raises(Failed) as caught:
            run(cell, terms, terms)
        assert caught.value.__cause__.__class__ in (gsasl.Refused, cyrus.Refused)
    else:
        assert faults(cell) == ()


@pytest.mark.parametrize("peer", PEERS)
def test_acting_as_another(peer: Any) -> None:
    for mapped, reason in (({ALICE: [EVE]}, None), ({}, Reason.FORBIDDEN)):
        authority = Identities(lambda text: Principal.parse(text).text, mapped=mapped)
        theirs = peer("client", NAME, user=ALICE, password=SECRET, authorization=EVE, host=HOST)
        server = acceptor(NAME, authority=authority)
        response = said_to(theirs, server)
        if reason is None:
            server.process(response, NOW)
            assert (server.identity.user, server.identity.name) == (ALICE, EVE)
        else:
            with pytest.raises(SaslError) as caught:
                server.process(response, NOW)
            assert caught.value.reason is reason
        theirs.close()


def said_to(theirs: Any, server: SASLServer) -> bytes:
    """What an initiator of another library answers to our challenge."""
    challenge = server.start(NAME, theirs.step(None) or None, NOW)
    assert challenge is not None
    response = theirs.step(challenge)
    assert response is not None
    return bytes(response)


def logs_in_at_us(peer: Any, user: str, password: str, realm: str = HOST) -> bool:
    theirs = peer("client", NAME, user=user, password=password, host=HOST)
    kept = Kept().add_digest(user, BOB, password, realm)
    server = acceptor(NAME, policy=policy(), verifiers=kept, authority=AS_IT_IS, realms=(realm,))
    try:
        theirs.step(server.process(said_to(theirs, server), NOW))
    except SaslError:
        return False
    finally:
        theirs.close()
    assert theirs.complete
    assert server.identity.user == user
    return True


def lets_us_in(peer: Any, user: str, password: str) -> bool:
    theirs = peer("server", NAME, user=user, password=password, host=HOST)
    mine = Passwords({(user, BOB): Password(password, generated=True)})
    client = initiator(NAME, me=user, credentials=mine)
    try:
        client.succeeded(theirs.step(answered(client, theirs.step(None))), NOW)
    except (gsasl.Refused, cyrus.Refused):
        return False
    finally:
        theirs.close()
    return client.complete


LATIN = ("müller", "pässwörd")  # all of it in ISO 8859-1
QUOTED = ('b"o\\b', 'p"\\,=')
NAMES = [LATIN, QUOTED, ("müller", "пароль"), ("боб", "pässwörd"), ("боб", "пароль"), ("bob", "²ª½´")]


@pytest.mark.parametrize(("user", "password"), NAMES)
@pytest.mark.parametrize("peer", PEERS)
def test_names_and_passwords_are_hashed_alike(peer: Any, user: str, password: str) -> None:
    """RFC 2831 section 2.1.2.1; what GNU SASL does otherwise is on the page."""
    expected = peer is cyrus.Cyrus or not (user == "müller" or '"' in user)
    assert logs_in_at_us(peer, user, password) == expected
    assert lets_us_in(peer, user, password) == expected


@pytest.mark.parametrize("realm", ["Köln", "кёльн"])
@pytest.mark.parametrize("peer", PEERS)
def test_realms_are_hashed_as_cyrus_sasl_does(peer: Any, realm: str) -> None:
    """RFC 2831 speaks of user and password alone, and of sharing with HTTP, which has one charset for all."""
    expected = peer is cyrus.Cyrus or realm != "Köln"
    assert logs_in_at_us(peer, "bob", "pw", realm) == expected


@cyrus.needed
def test_cyrus_begins_a_subsequent_authentication() -> None:
    """RFC 2831 section 2.2: it says its last response again, with the next count; we begin anew."""
    user = "im:often@lan"
    kept = Kept().add_digest(user, BOB, SECRET)
    begun = []
    for _ in range(3):
        theirs = cyrus.Cyrus("client", NAME, user=user, password=SECRET, host=HOST)
        first = theirs.step(None)
        begun.append(first is not None and b"nc=00000002" in first)
        server = acceptor(NAME, verifiers=kept)
        challenge = server.start(NAME, first, NOW)
        assert challenge is not None
        assert not server.complete
        response = theirs.step(challenge)
        assert response is not None
        assert directive(response, "nonce") == directive(challenge, "nonce")
        assert directive(response, "nc") == b"00000001"
        theirs.step(server.process(response, NOW))
        assert theirs.complete
        assert server.identity.name == user
        theirs.close()
    assert begun == [False, True, True]


@cyrus.needed
def test_cyrus_says_nothing_of_its_charset() -> None:
    theirs = cyrus.Cyrus("client", NAME, user="müller", password="x", host=HOST)
    response = said_to(theirs, acceptor(NAME))
    theirs.close()
    assert b"charset" not in response
    assert 'username="müller"'.encode() in response


@pytest.mark.parametrize("peer", PEERS)
def test_their_acceptors_do_not_look_at_whom_is_meant(peer: Any) -> None:
    theirs = peer("server", NAME, user=ALICE, password=SECRET, host=HOST)
    mine = Passwords({(ALICE, EVE): Password(SECRET, generated=True)})
    client = initiator(NAME, acceptor=EVE, credentials=mine)
    client.succeeded(theirs.step(answered(client, theirs.step(None))), NOW)
    assert client.complete
    theirs.close()


@gsasl.needed
def test_gnu_sasl_decodes_whole_buffers_alone() -> None:
    """Why `Gsasl.decode` gathers them: half of one is lost without a word."""
    theirs = Gsasl("client", Terms("auth-int", ""))
    server = acceptor(NAME, policy=policy("auth-int"))
    theirs.step(server.process(said_to(theirs, server), NOW))
    assert server.layer is not None
    (buffer,) = server.layer.wrap([b"hello, world"])
    assert gsasl.Gsasl.decode(theirs, buffer[:9]) == b""
    theirs.close()


@pytest.mark.parametrize("password", [SECRET, "another"])
def test_pure_sasls_own_client(password: str) -> None:
    """pure-sasl as it comes, without ours joined to it."""
    sasl = PureClient(HOST, "msrp", mechanism=NAME, username=ALICE, password=password)
    server = acceptor(NAME)
    assert sasl.process() is None
    response = sasl.process(challenged(server))
    assert response is not None
    if password != SECRET:
        with pytest.raises(SaslError) as caught:
            server.process(response, NOW)
        assert caught.value.reason is Reason.WRONG
        return
    proof = server.process(response, NOW)
    assert sasl.process(proof) is None
    assert sasl.complete
    assert server.identity.name == ALICE
    sasl.dispose()
