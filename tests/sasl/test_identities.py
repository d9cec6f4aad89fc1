"""Who is who, and may act as whom."""

from __future__ import annotations

import pytest

from msrp_peer.terms.principal import Principal
from msrp_sasl import (
    Channel,
    ChannelLevel,
    Identities,
    Password,
    Reason,
    SaslError,
)
from sasl.parties import (
    ALICE,
    AUTHORITY,
    BOB,
    CERTIFIED,
    EVE,
    PLUS,
    SECRET,
    Kept,
    Passwords,
    acceptor,
    initiator,
    refused,
    run,
)


@pytest.mark.parametrize(
    ("asked", "mapped", "becomes"),
    [
        ("", {}, ALICE),
        (ALICE, {}, ALICE),
        ("IM:alice@LAN", {}, ALICE),
        ("im:%61lice@lan", {}, ALICE),
        (EVE, {ALICE: [EVE]}, EVE),
        (EVE, {}, None),
        ("sip:alice@lan", {}, None),
        ("sip:alice@lan", {ALICE: ["sip:alice@lan"]}, "sip:alice@lan"),
        ("im:alice@lan;x=y", {}, None),
        ("im:alice@lan:5060", {}, None),
        ("alice", {}, None),
        ("mailto:alice@lan", {}, None),
    ],
)
def test_acting_as(asked: str, mapped: dict[str, list[str]], becomes: str | None) -> None:
    authority = Identities(lambda text: Principal.parse(text).text, mapped=mapped)
    client, server = initiator(PLUS, authorization=asked), acceptor(PLUS, authority=authority)
    if becomes is None:
        refused(Reason.FORBIDDEN, lambda: run(client, server))
    else:
        run(client, server)
        assert (server.identity.name, server.identity.user) == (becomes, ALICE)


@pytest.mark.parametrize(
    ("user", "principal"),
    [("alice", ALICE), ("alice@lan", ALICE), (ALICE, ALICE), ("a@b", "im:a@b"), ("sip:a@b", "sip:a@b")],
)
def test_the_identity_of_a_user_who_asks_for_none(user: str, principal: str) -> None:
    assert AUTHORITY.principal(user) == principal


def test_external_claims_only_what_is_proved() -> None:
    two = Channel(ChannelLevel.VERIFIED, {}, frozenset({ALICE, EVE}), frozenset({ALICE}))
    for asked, channel, becomes in (
        ("", CERTIFIED, ALICE),
        (ALICE, CERTIFIED, ALICE),
        ("IM:Alice@lan", CERTIFIED, None),
        (EVE, CERTIFIED, None),
        (EVE, two, EVE),
        ("", two, None),
    ):
        client = initiator("EXTERNAL", channel=two, authorization=asked)
        server = acceptor("EXTERNAL", channel=channel)
        if becomes is None:
            with pytest.raises(SaslError):
                run(client, server)
        else:
            run(client, server)
            assert server.identity.name == becomes


def test_nobody_is_at_both_ends() -> None:
    """An identity that is the acceptor's own is refused (reflection)."""
    credentials = Passwords({(BOB, BOB): Password(SECRET, generated=True), ("bob", BOB): Password(SECRET)})
    kept = Kept().add(BOB, BOB, SECRET).add("bob", BOB, SECRET)
    for me in (BOB, "bob"):
        client = initiator(PLUS, me=me, credentials=credentials)
        refused(Reason.WRONG, lambda client=client: run(client, acceptor(PLUS, verifiers=kept)))
    may = Identities(lambda text: Principal.parse(text).text, mapped={ALICE: [BOB], BOB: [EVE]})
    for me, asked in ((ALICE, BOB), (BOB, EVE)):
        credentials = Passwords({(me, BOB): Password(SECRET, generated=True)})
        client = initiator(PLUS, me=me, authorization=asked, credentials=credentials)
        server = acceptor(PLUS, authority=may, verifiers=kept.add(ALICE, BOB, SECRET))
        refused(Reason.WRONG, lambda client=client, server=server: run(client, server))


def test_a_shared_secret_is_reported_as_shared() -> None:
    credentials = Passwords({(ALICE, BOB): Password(SECRET, generated=True, shared=True)})
    kept = Kept().add(ALICE, BOB, SECRET, shared=True)
    client, server = initiator(PLUS, credentials=credentials), acceptor(PLUS, verifiers=kept)
    run(client, server)
    assert client.identity.shared
    assert server.identity.shared
