"""GSSAPI, GS2-KRB5 and KRB5-U2U with MIT's KDC: who gets in, and what is said to those who do not."""

from __future__ import annotations

import random
import re
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_peer.terms.principal import Principal
from msrp_sasl import (
    Channel,
    Identities,
    Kerberos,
    Layer,
    Policy,
    Reason,
    SaslError,
    SaslUsageError,
    SecurityLayer,
    choose,
    offered,
)
from msrp_sasl.kerberos.libkrb5 import UserToUser, own_ticket
from sasl.parties import ALICE, BOUND, EXPORTER, NOW, UNBOUND, VERIFIED, alone, refused, run
from sasl.realm import CLEAR, HOST, HOST_BASED, NAME, USER_TO_USER, Realm, identity, needed

pytestmark = needed

LAYERS: tuple[Layer, ...] = ("none", "integrity", "confidentiality")
BOB = identity("bob")
ME = identity("alice")


def through(first: SecurityLayer, second: SecurityLayer, octets: bytes, chance: random.Random) -> None:
    """All of it, cut anywhere on the way."""
    wire = b"".join(first.wrap([octets[:10], octets[10:]]))
    got = bytearray()
    while wire:
        cut = chance.choice([1, 5, 1000, 70_000, 300_000])
        for plain in second.unwrap(wire[:cut]):
            got += plain
        wire = wire[cut:]
    assert got == octets
    assert not second.partial


@pytest.mark.parametrize("layer", LAYERS)
def test_gssapi(realm: Realm, layer: Layer) -> None:
    """RFC 4752, with each layer; a million octets through it, each way."""
    kerberos = replace(realm.of("alice"), layers=(layer,))
    client, server = realm.initiator("GSSAPI", kerberos=kerberos), realm.acceptor("GSSAPI")
    said = run(client, server)
    assert [len(token) > 0 for token in said] == [True, True, False, True, True]
    assert (client.identity.name, server.identity.name) == (HOST, ME)
    assert client.identity.binding is server.identity.binding is None
    assert not client.spent
    if layer == "none":
        assert client.layer is server.layer is None
        return
    assert client.layer is not None
    assert server.layer is not None
    assert client.layer.terms.gives == server.layer.terms.gives == layer
    chance = random.Random(layer)
    octets = chance.randbytes(1_000_000)
    through(client.layer, server.layer, octets, chance)
    through(server.layer, client.layer, octets, chance)
    visible = b"".join(client.layer.wrap([b"in the clear?"]))
    assert (b"in the clear?" in visible) == (layer == "integrity")


@pytest.mark.parametrize(
    ("ours", "theirs", "agreed"),
    [
        (LAYERS, LAYERS, None),
        (LAYERS[::-1], LAYERS, "confidentiality"),
        (("integrity", "confidentiality"), LAYERS[::-1], "integrity"),
        (LAYERS, ("confidentiality",), "confidentiality"),
    ],
)
def test_the_initiator_chooses_the_layer(
    realm: Realm, ours: tuple[Layer, ...], theirs: tuple[Layer, ...], agreed: str | None
) -> None:
    client = realm.initiator("GSSAPI", kerberos=replace(realm.of("alice"), layers=ours))
    server = realm.acceptor("GSSAPI", kerberos=replace(realm.of_service(), layers=theirs))
    run(client, server)
    for side in (client, server):
        assert (side.layer and side.layer.terms.gives) == agreed


def test_no_layer_in_common(realm: Realm) -> None:
    client = realm.initiator("GSSAPI", kerberos=replace(realm.of("alice"), layers=("integrity",)))
    server = realm.acceptor("GSSAPI", kerberos=replace(realm.of_service(), layers=("confidentiality",)))
    assert "integrity" in refused(Reason.POLICY, lambda: run(client, server))


@pytest.mark.parametrize("name", ["GS2-KRB5", "GS2-KRB5-PLUS"])
def test_gs2(realm: Realm, name: str) -> None:
    client, server = realm.initiator(name), realm.acceptor(name)
    said = run(client, server)
    assert len(said) == 2
    assert said[0].startswith(b"p=tls-exporter,," if name.endswith("PLUS") else b"n,,")
    assert client.identity.binding == server.identity.binding == ("tls-exporter" if "PLUS" in name else None)
    assert client.spent == server.spent == name.endswith("PLUS")
    assert (client.identity.name, server.identity.name) == (HOST, ME)
    assert client.layer is server.layer is None


@pytest.mark.parametrize("channel", [BOUND, VERIFIED, CLEAR], ids=["encrypted", "verified", "clear"])
def test_user_to_user(realm: Realm, channel: Channel) -> None:
    """No layer inside TLS, and bound; without TLS encrypted by Kerberos."""
    client = realm.initiator(USER_TO_USER, channel=channel)
    server = realm.acceptor(USER_TO_USER, channel=channel)
    run(client, server)
    assert (client.identity.name, server.identity.name, server.identity.user) == (BOB, ME, ME)
    clear = channel is CLEAR
    assert client.spent == server.spent == (not clear)
    assert client.identity.binding == server.identity.binding == (None if clear else "tls-exporter")
    if not clear:
        assert client.layer is server.layer is None
        return
    assert client.layer is not None
    assert server.layer is not None
    assert client.layer.terms.gives == "confidentiality"
    chance = random.Random(1)
    octets = chance.randbytes(1_000_000)
    through(client.layer, server.layer, octets, chance)
    through(server.layer, client.layer, octets, chance)
    assert b"in the clear?" not in b"".join(client.layer.wrap([b"in the clear?"]))


def test_user_to_user_inside_tls_is_bound_or_is_not(realm: Realm) -> None:
    refused(Reason.POLICY, lambda: realm.initiator(USER_TO_USER, channel=UNBOUND))
    with pytest.raises(SaslUsageError):
        realm.acceptor(USER_TO_USER, channel=UNBOUND)


@pytest.mark.parametrize("name", [*HOST_BASED, USER_TO_USER])
def test_it_ends_with_the_ticket(realm: Realm, name: str) -> None:
    now = time.time()
    client, server = realm.initiator(name), realm.acceptor(name)
    token = server.start(name, client.start(now), now)
    while not server.complete:
        assert token is not None
        token = server.process(client.process(token, now), now)
    client.succeeded(token, now)
    ends = own_ticket(realm.ccache("alice"), now).ends
    for side, grace in ((client, 2), (server, 302)):  # MIT's acceptor gives clocks five minutes
        assert side.identity.until is not None
        assert abs(side.identity.until - ends) <= grace


# -- as whom to act


@pytest.mark.parametrize("name", [*HOST_BASED, USER_TO_USER])
def test_acting_as_another(realm: Realm, name: str) -> None:
    carol = identity("carol")
    for mapped, reason in (({ME: [carol]}, None), ({}, Reason.FORBIDDEN)):
        authority = authorities(mapped)
        client = realm.initiator(name, authorization=carol)
        server = realm.acceptor(name, authority=authority)
        if reason is None:
            run(client, server)
            assert (server.identity.user, server.identity.name) == (ME, carol)
        else:
            refused(reason, lambda client=client, server=server: run(client, server))


def authorities(mapped: dict[str, list[str]]) -> Identities:
    return Identities(lambda text: Principal.parse(text).text, mapped=mapped)


def test_whose_principal_it_is_may_be_said(realm: Realm) -> None:
    """alice@KRBTEST.COM is called otherwise, at both ends."""
    mapped = {ALICE: f"alice@{NAME}"}
    ours = replace(realm.of("alice"), mapped=mapped)
    client = realm.initiator(USER_TO_USER, kerberos=ours, me=ALICE)
    server = realm.acceptor(USER_TO_USER, kerberos=replace(realm.of("bob"), mapped=mapped))
    run(client, server)
    assert server.identity.name == ALICE
    with pytest.raises(SaslUsageError):
        Kerberos(mapped={ALICE: "x@Y", BOB: "x@Y"})


@pytest.mark.parametrize(
    ("identity", "principal"),
    [
        ("im:bob@krbtest.com", f"bob@{NAME}"),
        ("sip:bob@krbtest.com", None),
        ("im:bob@KRBTEST.COM", None),
        ("im:bob@other.com", None),
        ("im:bob/admin@krbtest.com", None),
        ("im:bob@x@krbtest.com", None),
        ("im:bo\\b@krbtest.com", None),
        ("im:@krbtest.com", None),
        ("im:bo%62@krbtest.com", None),
        ("im:b%C3%B6b@krbtest.com", None),
        ("bob@krbtest.com", None),
        ("", None),
    ],
)
def test_identities_and_principals(identity: str, principal: str | None) -> None:
    kerberos = Kerberos()
    if principal is None:
        refused(Reason.CREDENTIALS, lambda: kerberos.principal(identity, NAME))
    else:
        assert kerberos.principal(identity, NAME) == principal
        assert kerberos.identity(principal, NAME) == identity


@pytest.mark.parametrize("principal", ["bob@OTHER.COM", f"bob/admin@{NAME}", f"@{NAME}", f"b\\@x@{NAME}", ""])
def test_principals_that_are_nobody(principal: str) -> None:
    refused(Reason.WRONG, lambda: Kerberos().identity(principal, NAME))


@given(
    st.text(st.characters(codec="latin-1"), max_size=6) | st.from_regex(r"bo?%[0-9a-f]{2}b?", fullmatch=True)
)
def test_no_principal_is_taken_for_another_one(user: str) -> None:
    """What is made of a principal is what its protocol has for normal, and leads back."""
    kerberos, principal = Kerberos(), f"{user}@{NAME}"
    with suppress(SaslError):
        found = kerberos.identity(principal, NAME)
        assert Principal.parse(found).text == found
        assert kerberos.principal(found, NAME) == principal


def test_a_mapped_identity_has_no_other_principal() -> None:
    """Else whoever is called bob there would be taken for the one who is meant."""
    refused(Reason.WRONG, lambda: Kerberos(mapped={BOB: f"robert@{NAME}"}).identity(f"bob@{NAME}", NAME))


def test_a_mapped_principal_is_nobody_else() -> None:
    """Else whoever it is mapped to would be proved to who means another."""
    kerberos = Kerberos(mapped={"im:robert@home": f"bob@{NAME}"})
    said = refused(Reason.CREDENTIALS, lambda: kerberos.principal(BOB, NAME))
    assert "mapped to somebody else" in said


# -- what is said to a person


def nobody(realm: Realm) -> Kerberos:
    return Kerberos(ccache=f"FILE:{realm.kdc.tmpdir}/nobody")


@pytest.mark.parametrize("name", [*HOST_BASED, USER_TO_USER])
def test_no_ticket(realm: Realm, name: str) -> None:
    client = realm.initiator(name, kerberos=nobody(realm))
    said = refused(Reason.CREDENTIALS, lambda: client.start(NOW))
    assert said == "there is no Kerberos ticket here: run kinit"


def test_a_ticket_that_grants_none(realm: Realm) -> None:
    """A cache without a ticket-granting ticket; and it is gone once nobody needs it."""
    bobs = own_ticket(realm.ccache("bob"), NOW)
    held = UserToUser(realm.ccache("alice"), bobs.principal, bobs.octets)
    said = refused(Reason.CREDENTIALS, lambda: own_ticket(held.ccache, NOW))
    assert said == f"there is no Kerberos ticket here: run kinit alice@{NAME}"
    held.close()
    assert refused(Reason.CREDENTIALS, lambda: own_ticket(held.ccache, NOW)).endswith(": run kinit")


@pytest.mark.parametrize("what", ["KRB5CCNAME", "damaged"])
def test_a_cache_that_is_none(realm: Realm, what: str, tmp_path: Path) -> None:
    (tmp_path / "damaged").write_bytes(b"\x05\x04garbage" * 10)
    named = {"KRB5CCNAME": "NOSUCH:kind", "damaged": f"FILE:{tmp_path}/damaged"}[what]
    client = realm.initiator(USER_TO_USER, kerberos=Kerberos(ccache=named))
    said = refused(Reason.CREDENTIALS, lambda: client.start(NOW))
    assert what in said
    assert named not in said


def test_no_ticket_where_one_is_asked_for(realm: Realm) -> None:
    client, server = realm.initiator(USER_TO_USER), realm.acceptor(USER_TO_USER, kerberos=nobody(realm))
    assert "kinit" in refused(Reason.CREDENTIALS, lambda: run(client, server))


@pytest.mark.parametrize("name", HOST_BASED)
def test_no_keytab(realm: Realm, name: str) -> None:
    server = realm.acceptor(name, kerberos=Kerberos(keytab=f"FILE:{realm.kdc.tmpdir}/none"))
    assert "keytab" in refused(Reason.CREDENTIALS, lambda: run(realm.initiator(name), server))


@pytest.mark.parametrize("name", [*HOST_BASED, USER_TO_USER])
def test_somebody_elses_ticket(realm: Realm, name: str) -> None:
    client = realm.initiator(name, me=identity("carol"))
    said = refused(Reason.CREDENTIALS, lambda: client.start(NOW))
    assert said == f"the Kerberos ticket here is alice@{NAME}'s, not that of im:carol@krbtest.com: run kinit"


def test_an_expired_ticket(realm: Realm, tmp_path: Path) -> None:
    """It was good for a day, two days ago."""
    old = Kerberos(ccache=realm.long_ago("bob", f"FILE:{tmp_path}/old"))
    now = time.time()
    for name in (*HOST_BASED, USER_TO_USER):
        client = realm.initiator(name, me=BOB, acceptor=identity("alice"), kerberos=old)
        if name != USER_TO_USER:
            client = realm.initiator(name, me=BOB, kerberos=old)
        said = refused(Reason.CREDENTIALS, lambda client=client: client.start(now))
        assert re.fullmatch(r"bob's Kerberos ticket expired at \d\d:\d\d on \d{4}-\d\d-\d\d; run kinit", said)
    client, server = realm.initiator(USER_TO_USER), realm.acceptor(USER_TO_USER, kerberos=old)
    first = client.start(now)
    said = refused(Reason.CREDENTIALS, lambda: server.start(USER_TO_USER, first, now))
    assert said.startswith("bob's Kerberos ticket expired at")


def test_a_ticket_that_expired_today_says_when(realm: Realm) -> None:
    ticket = own_ticket(realm.ccache("bob"), NOW)
    client = realm.initiator(USER_TO_USER, "bob", acceptor=ME)
    said = refused(Reason.CREDENTIALS, lambda: client.start(ticket.ends + 0.5))
    when = time.strftime("%H:%M", time.localtime(ticket.ends))
    assert said == f"bob's Kerberos ticket expired at {when}; run kinit"


def test_nobody_has_this_name(realm: Realm) -> None:
    client = realm.initiator("GSSAPI", acceptor="nowhere")
    assert "knows nobody" in refused(Reason.WRONG, lambda: client.start(NOW))
    for host in ("", "a/b", "a@b", "-", "a\0b", "user@host"):
        odd = realm.initiator("GSSAPI", acceptor=host)
        refused(Reason.CREDENTIALS, lambda odd=odd: odd.start(NOW))


def test_another_realm(realm: Realm) -> None:
    client = realm.initiator(USER_TO_USER, acceptor="im:bob@other.com")
    assert "map it" in refused(Reason.CREDENTIALS, lambda: client.start(NOW))


def test_failed_there(realm: Realm) -> None:
    """Of what went wrong there this side learns nothing; it says what it can have been."""
    client = realm.initiator(USER_TO_USER)
    client.start(NOW)
    said = str(client.failed())
    assert f"it is not {BOB}" in said
    assert "clock" not in said  # it has not seen a ticket yet
    assert "ticket" in said


# -- what is offered


def test_what_is_offered(realm: Realm) -> None:
    """Only where Kerberos is set up."""
    person, service = Policy(), Policy(acceptor="service")
    for channel in (CLEAR, BOUND, VERIFIED):
        assert offered(person, channel, kerberos=True)[0] == USER_TO_USER
        assert USER_TO_USER not in offered(person, channel)
    assert USER_TO_USER not in offered(person, UNBOUND, kerberos=True)
    assert offered(service, VERIFIED, kerberos=True)[0] == "GS2-KRB5-PLUS"
    assert "GSSAPI" in offered(service, VERIFIED, kerberos=True)
    assert "GSSAPI" not in offered(service, VERIFIED)
    assert not {"GSSAPI", "GS2-KRB5", "GS2-KRB5-PLUS"} & set(offered(person, VERIFIED, kerberos=True))
    said = refused(Reason.POLICY, lambda: choose([USER_TO_USER], alone(USER_TO_USER), VERIFIED))
    assert said == "KRB5-U2U: allowed here, and not set up"
    assert choose(["SCRAM-SHA-256-PLUS", USER_TO_USER], person, VERIFIED, kerberos=True) == USER_TO_USER
    with pytest.raises(SaslUsageError):
        realm.acceptor(USER_TO_USER, kerberos=None)


def test_a_service_of_another_name(realm: Realm) -> None:
    """The key is in the same keytab, and the service is another protocol's."""
    realm.service(f"imap/{HOST}@{NAME}")
    for name in HOST_BASED:
        client, server = realm.initiator(name, service="imap"), realm.acceptor(name)
        said = refused(Reason.WRONG, lambda client=client, server=server: run(client, server))
        assert said == "the other side's ticket is for another service"
        run(realm.initiator(name, service="imap"), realm.acceptor(name, service="imap"))


def test_secrets_are_in_no_repr(realm: Realm) -> None:
    ticket = own_ticket(realm.ccache("alice"), NOW)
    assert repr(ticket.key) not in repr(ticket)
    assert repr(ticket.octets) not in repr(ticket)
    assert ticket.key
    assert EXPORTER["tls-exporter"] not in repr(realm.initiator(USER_TO_USER)).encode()
