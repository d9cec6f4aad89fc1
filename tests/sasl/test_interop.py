"""GNU SASL and Cyrus SASL as the other side, in both roles."""

from __future__ import annotations

import random
from pathlib import Path
from types import ModuleType

import pytest

from msrp_peer.terms.principal import Principal
from msrp_sasl import Identities, LayerTerms, Password, Reason, SaslError, SecurityLayer, prepare
from sasl import cyrus, gsasl, realm
from sasl.matrix import CELLS, Cell, faults, page, there
from sasl.parties import ALICE, BOB, EVE, NOW, SECRET, UNBOUND, Kept, Passwords, acceptor, alone, initiator

PAGE = Path(__file__).resolve().parents[2] / "docs/sasl-interop.md"
MARKS = {"gsasl": [gsasl.needed], "cyrus": [cyrus.needed], "ours": []}
BY_WHOM = [pytest.param(cell, marks=MARKS[cell.peer], id="-".join(map(str, cell))) for cell in CELLS]
PEERS = [
    pytest.param(gsasl.Gsasl, marks=gsasl.needed, id="gsasl"),
    pytest.param(cyrus.Cyrus, marks=cyrus.needed, id="cyrus"),
]


@pytest.mark.parametrize("cell", BY_WHOM)
def test_exchange(cell: Cell) -> None:
    assert not there(cell) or faults(cell) == ()


@gsasl.needed
@cyrus.needed
@realm.needed
def test_the_page_says_what_was_found() -> None:
    assert PAGE.read_text() == page()


# What SCRAM escapes, what is not ASCII, and what RFC 4013 maps: Debian's Cyrus SASL maps nothing.
PLAIN = [("bob=b,c", "a, ="), ("m\u00fcller", "p\u00e4ssw\u00f6rd"), ("\u0431\u043e\u0431", "\u05d0\u05d1")]
MAPPED = [("I\u00adX", "a\u00adb"), ("\u2168", "\u00aa\u2168"), ("\uff21b", "\u1680c\u200b")]
PREPARED = [
    pytest.param(peer, *pair, marks=peer.needed, id=f"{peer.__name__}-{pair!a}")
    for peer, pairs in ((gsasl, PLAIN + MAPPED), (cyrus, PLAIN))
    for pair in pairs
]


@pytest.mark.parametrize(("peer", "user", "password"), PREPARED)
def test_names_and_passwords_are_prepared_alike(peer: ModuleType, user: str, password: str) -> None:
    name, party = "SCRAM-SHA-256", peer.Cyrus if peer is cyrus else peer.Gsasl
    theirs = party("server", name, user=user, password=password)
    client = initiator(
        name, me=user, channel=UNBOUND, credentials=Passwords({(user, BOB): Password(password)})
    )
    client.succeeded(theirs.step(client.process(theirs.step(client.start(NOW)), NOW)), NOW)
    assert client.complete
    theirs.close()

    theirs = party("client", name, user=user, password=password)
    kept = Kept().add(prepare(user), BOB, password)
    server = acceptor(name, channel=UNBOUND, policy=alone(name), verifiers=kept)
    theirs.step(server.process(theirs.step(server.start(name, theirs.step(None), NOW)), NOW))
    assert theirs.complete
    assert server.identity.user == prepare(user)
    theirs.close()


@pytest.mark.parametrize("peer", PEERS)
def test_acting_as_another(peer: type) -> None:
    """GNU SASL and Cyrus SASL ask to act as somebody else: only who is mapped may."""
    name = "SCRAM-SHA-256"
    for mapped, reason in (({ALICE: [EVE]}, None), ({}, Reason.FORBIDDEN)):
        authority = Identities(lambda text: Principal.parse(text).text, mapped=mapped)
        theirs = peer("client", name, user=ALICE, password=SECRET, authorization=EVE)
        server = acceptor(name, channel=UNBOUND, policy=alone(name), authority=authority)
        final = theirs.step(server.start(name, theirs.step(None), NOW))
        if reason is None:
            server.process(final, NOW)
            assert (server.identity.user, server.identity.name) == (ALICE, EVE)
        else:
            with pytest.raises(SaslError) as caught:
                server.process(final, NOW)
            assert caught.value.reason is reason
        theirs.close()


@cyrus.needed
@pytest.mark.parametrize("size", [1, 3, 1500, 70_000])
def test_the_framing_of_a_real_layer(size: int) -> None:
    """Cyrus SASL's DIGEST-MD5 protects; the length before each buffer is read and written here."""
    first = cyrus.Cyrus("client", "DIGEST-MD5", user="alice", password=SECRET, most=1)
    second = cyrus.Cyrus("server", "DIGEST-MD5", user="alice", password=SECRET, most=1)
    token = second.step(first.step(None))
    while not second.complete:
        token = second.step(first.step(token))
    first.step(token)
    assert first.number(cyrus.STRENGTH) == second.number(cyrus.STRENGTH) == 1

    def layer(end: cyrus.Cyrus) -> SecurityLayer:
        terms = LayerTerms("integrity", "", 65536, end.number(cyrus.MOST), 65536)
        return SecurityLayer(
            lambda plain: end.encode(plain)[4:],
            lambda buffer: end.decode(len(buffer).to_bytes(4) + buffer),
            terms,
        )

    ours = layer(first), layer(second)
    said = random.Random(size).randbytes(200_000)
    for sender, receiver, theirs in ((ours[0], ours[1], second), (ours[1], ours[0], first)):
        wire = b"".join(sender.wrap([said[:100], said[100:]]))
        pieces = [wire[start : start + size] for start in range(0, len(wire), size)]
        if size > 1000:  # read by Cyrus itself, lengths and all
            assert b"".join(map(theirs.decode, pieces)) == said
        else:
            assert b"".join(plain for piece in pieces for plain in receiver.unwrap(piece)) == said
            assert not receiver.partial
    first.close()
    second.close()
