"""Somebody stands between the two sides of Kerberos, or plays one of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.codec.der import decoder

from msrp_sasl import Channel, ChannelLevel, Kerberos, Policy, Reason, SASLClient, SaslError, SASLServer
from msrp_sasl.kerberos import gss, libkrb5, tokens
from msrp_sasl.mechanisms import gss_layers, gssapi, krb5_u2u
from sasl.parties import BOUND, NOW, VERIFIED, acceptor, refused, run
from sasl.realm import CLEAR, HOST, HOST_BASED, NAME, USER_TO_USER, Realm, identity, needed, realm

pytestmark = needed

NEAR = Channel(ChannelLevel.ENCRYPTED, {"tls-exporter": b"near" * 8})
FAR = Channel(ChannelLevel.ENCRYPTED, {"tls-exporter": b"far!" * 8})
BOTH = ("GS2-KRB5-PLUS", "GS2-KRB5")
Between = Callable[[int, bytes], bytes]


def inside(side: SASLClient | SASLServer) -> Any:
    """A mechanism, to make it misbehave."""
    return side._mechanism


# -- tickets that are not what they should be


def offering(realm: Realm, ticket: bytes) -> Between:
    """The acceptor's ticket-granting ticket is put in the place of this one."""
    return lambda index, token: tokens.tgt_reply(ticket) if index == 1 else token


def test_a_third_ones_ticket_is_offered(realm: Realm) -> None:
    """Carol answers in Bob's place, with her own ticket: the KDC compares."""
    carols = libkrb5.own_ticket(realm.ccache("carol"), NOW).octets
    client, server = realm.initiator(USER_TO_USER), realm.acceptor(USER_TO_USER)
    said = refused(Reason.WRONG, lambda: run(client, server, offering(realm, carols)))
    assert "somebody else's" in said


def test_a_foreign_realms_ticket_is_offered(realm: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused before any KDC hears of it."""
    foreign = Realm("OTHER.COM", ("bob",))
    octets = libkrb5.own_ticket(foreign.ccache("bob"), NOW).octets
    foreign.kdc.stop_kdc()
    monkeypatch.setattr(krb5_u2u, "UserToUser", None)
    client, server = realm.initiator(USER_TO_USER), realm.acceptor(USER_TO_USER)
    said = refused(Reason.WRONG, lambda: run(client, server, offering(realm, octets)))
    assert "of its realm" in said


def test_a_ticket_that_grants_none_is_offered(realm: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []

    def keep(index: int, token: bytes) -> bytes:
        seen.append(token)
        return token

    run(realm.initiator("GSSAPI"), realm.acceptor("GSSAPI"), keep)
    _, message = tokens.unframed(tokens.KERBEROS, seen[0])
    service = tokens.encoder.encode(plain(decoder.decode(message, asn1Spec=tokens._ApRequest())[0]["ticket"]))
    monkeypatch.setattr(krb5_u2u, "UserToUser", None)
    client, server = realm.initiator(USER_TO_USER), realm.acceptor(USER_TO_USER)
    refused(Reason.WRONG, lambda: run(client, server, offering(realm, service)))


def plain(ticket: Any) -> Any:
    made = tokens._Ticket()
    for part in ("tkt-vno", "realm", "sname", "enc-part"):
        made[part] = ticket[part]
    return made


def test_an_expired_ticket_is_offered(realm: Realm, tmp_path: object) -> None:
    """In the place of the good one. MIT's KDC takes it; Bob has forgotten its key."""
    old = libkrb5.own_ticket(realm.long_ago("bob", f"FILE:{tmp_path}/old"), 0).octets
    client, server = realm.initiator(USER_TO_USER), realm.acceptor(USER_TO_USER)
    refused(Reason.WRONG, lambda: run(client, server, offering(realm, old)))


def test_somebody_without_the_key_offers_the_right_ticket(realm: Realm) -> None:
    """Bob's ticket is no secret; its key is."""
    client, server = realm.initiator(USER_TO_USER), realm.acceptor(USER_TO_USER)
    token = server.start(USER_TO_USER, client.start(NOW), NOW) or b""
    carols = libkrb5.own_ticket(realm.ccache("carol"), NOW)
    inside(server)._ticket = replace(carols, principal=f"bob@{NAME}")
    refused(Reason.WRONG, lambda: server.process(client.process(token, NOW), NOW))


def test_somebody_else_is_asked_for(realm: Realm) -> None:
    client, server = realm.initiator(USER_TO_USER, acceptor=identity("carol")), realm.acceptor(USER_TO_USER)
    said = refused(Reason.WRONG, lambda: run(client, server))
    assert said == "the other side wants to speak with somebody else"


def test_an_ordinary_ticket_is_shown(realm: Realm) -> None:
    """For Bob, under the key of his password: such a one counts for nothing."""
    client, server = realm.initiator(USER_TO_USER), realm.acceptor(USER_TO_USER)
    server.start(USER_TO_USER, client.start(NOW), NOW)
    context = gss.InitiatorContext(
        f"bob@{NAME}", realm.ccache("alice"), gssapi.FLAGS, inside(client)._bound.data
    )
    ordinary = context.step(None, NOW) or b""
    with pytest.raises(SaslError):
        server.process(ordinary, NOW)
    client, server = realm.initiator(USER_TO_USER), realm.acceptor(USER_TO_USER)
    server.start(USER_TO_USER, client.start(NOW), NOW)
    with pytest.raises(SaslError):  # dressed up as the other kind
        server.process(tokens.user_to_user(ordinary), NOW)


def test_no_user_to_user_ticket_is_no_ticket(realm: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should libkrb5 give an ordinary one, it is not used."""
    monkeypatch.setattr(libkrb5, "_USER_USER", 0)
    bob = f"bob@{NAME}"
    refused(Reason.UNPROVED, lambda: libkrb5.UserToUser(realm.ccache("alice"), bob, b""))


def test_our_own_words_come_back(realm: Realm) -> None:
    """Nobody speaks with themselves; GSSAPI's service, neither."""
    refused(
        Reason.WRONG,
        lambda: run(realm.initiator(USER_TO_USER, "bob"), realm.acceptor(USER_TO_USER, "bob")),
    )
    refused(
        Reason.WRONG,
        lambda: run(realm.initiator("GSSAPI"), realm.acceptor("GSSAPI", me=identity("alice"))),
    )


# -- the channel


@pytest.mark.parametrize("name", ["GS2-KRB5-PLUS", USER_TO_USER])
def test_it_is_relayed(realm: Realm, name: str) -> None:
    """Every token is passed on unchanged, from one TLS connection to the other."""
    level = VERIFIED.level
    near, far = (replace(channel, level=level) for channel in (NEAR, FAR))
    client, server = realm.initiator(name, channel=near), realm.acceptor(name, channel=far)
    refused(Reason.BINDING, lambda: run(client, server))
    run(realm.initiator(name, channel=near), realm.acceptor(name, channel=near))


def unbound(monkeypatch: pytest.MonkeyPatch) -> None:
    """An initiator as others make them: it gives libkrb5 no bindings."""
    real = gss.InitiatorContext.__init__

    def without(self: Any, target: str, ccache: str, flags: int, bindings: bytes | None = None) -> None:
        real(self, target, ccache, flags)

    monkeypatch.setattr(gss.InitiatorContext, "__init__", without)


@pytest.mark.parametrize("name", ["GS2-KRB5", "GS2-KRB5-PLUS", USER_TO_USER])
@pytest.mark.parametrize("defended", [True, False])
def test_the_bindings_are_dropped(
    realm: Realm, name: str, defended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libkrb5 lets in who gives none; with our own check off, it succeeds."""
    unbound(monkeypatch)
    if not defended:
        has = gss.Context.has
        monkeypatch.setattr(gss.Context, "has", lambda self, flags: has(self, flags & ~gss.Flag.BOUND))
    client, server = realm.initiator(name), realm.acceptor(name)
    if defended:
        refused(Reason.BINDING, lambda: run(client, server))
    else:
        run(client, server)


@pytest.mark.parametrize("defended", [True, False])
def test_an_acceptor_that_looks_at_no_bindings(
    realm: Realm, defended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bob's own program is careless: still the initiator sees that he is on another channel."""
    real = gss.AcceptorContext.__init__
    monkeypatch.setattr(gss.AcceptorContext, "__init__", lambda self, store, bindings=None: real(self, store))
    has = gss.Context.has
    monkeypatch.setattr(gss.Context, "has", lambda self, flags: has(self, flags & ~gss.Flag.BOUND))
    if not defended:
        monkeypatch.setattr(krb5_u2u.hmac, "compare_digest", lambda a, b: True)
    client, server = realm.initiator(USER_TO_USER, channel=NEAR), realm.acceptor(USER_TO_USER, channel=FAR)
    if defended:
        refused(Reason.BINDING, lambda: run(client, server))
    else:
        run(client, server)


def test_a_clear_line_is_none_inside_tls(realm: Realm) -> None:
    """One side sees TLS, the other none: somebody ends it on the way."""
    for near, far in ((BOUND, CLEAR), (CLEAR, BOUND)):
        client = realm.initiator(USER_TO_USER, channel=near)
        server = realm.acceptor(USER_TO_USER, channel=far)
        refused(Reason.BINDING, lambda client=client, server=server: run(client, server))


def test_the_bound_form_is_taken_off_the_list(realm: Realm) -> None:
    """RFC 5801 section 5: "y" says that it could bind, and was not offered it."""
    both = Policy(acceptor="service", mechanisms=BOTH)
    client = realm.initiator("", policy=both, offered=("GS2-KRB5",))
    server = acceptor(*BOTH, me=HOST, kerberos=realm.of_service(), policy=both)
    assert client.name == "GS2-KRB5"
    refused(Reason.DOWNGRADE, lambda: run(client, server))

    def made_an_n(index: int, token: bytes) -> bytes:
        return b"n" + token[1:] if index == 0 else token

    client = realm.initiator("", policy=both, offered=("GS2-KRB5",))
    server = acceptor(*BOTH, me=HOST, kerberos=realm.of_service(), policy=both)
    refused(Reason.BINDING, lambda: run(client, server, made_an_n))


# -- old words


def recorded(realm: Realm, name: str) -> list[bytes]:
    return run(realm.initiator(name), realm.acceptor(name))


@pytest.mark.parametrize("name", [*HOST_BASED, USER_TO_USER])
def test_an_ap_req_is_repeated(realm: Realm, name: str) -> None:
    said = recorded(realm, name)[::2]
    server = realm.acceptor(name)

    def again() -> None:
        server.start(name, said[0], NOW)
        for token in said[1:]:
            server.process(token, NOW)

    if name == USER_TO_USER:  # no memory of it: it gets no further than the AP-REP
        refused(Reason.MALFORMED, again)
    else:
        assert "came before" in refused(Reason.WRONG, again)
    assert not server.complete


def test_an_ap_req_is_repeated_where_nothing_is_remembered(
    realm: Realm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GSSAPI rests on what is wrapped, GS2-KRB5-PLUS on the channel; GS2-KRB5 on the memory alone."""
    monkeypatch.setenv("KRB5RCACHENAME", "none:")
    said = recorded(realm, "GSSAPI")[::2]
    server = realm.acceptor("GSSAPI")
    server.start("GSSAPI", said[0], NOW)
    server.process(said[1], NOW)
    refused(Reason.MALFORMED, lambda: server.process(said[2], NOW))
    said = recorded(realm, "GS2-KRB5-PLUS")
    server = realm.acceptor("GS2-KRB5-PLUS", channel=replace(FAR, level=VERIFIED.level))
    refused(Reason.BINDING, lambda: server.start("GS2-KRB5-PLUS", said[0], NOW))
    said = recorded(realm, "GS2-KRB5")
    server = realm.acceptor("GS2-KRB5")
    server.start("GS2-KRB5", said[0], NOW)
    assert server.complete


@pytest.mark.parametrize("name", [*HOST_BASED, USER_TO_USER])
def test_an_acceptor_repeats_what_it_heard(realm: Realm, name: str) -> None:
    said = recorded(realm, name)
    client = realm.initiator(name)
    client.start(NOW)

    def again() -> None:
        for token in said[1::2]:
            client.process(token, NOW)

    with pytest.raises(SaslError):
        again()
    assert not client.complete


@pytest.mark.parametrize("name", [*HOST_BASED, USER_TO_USER])
def test_success_is_claimed_too_early(realm: Realm, name: str) -> None:
    tokens = len(run(realm.initiator(name), realm.acceptor(name))) // 2
    for stop in range(tokens):
        client, server = realm.initiator(name), realm.acceptor(name)
        token = client.start(NOW) or b""
        back = server.start(name, token, NOW)
        for _ in range(stop):
            back = server.process(client.process(back or b"", NOW), NOW)
        if name.startswith("GS2"):
            back = None
        with pytest.raises(SaslError) as caught:
            client.succeeded(None if stop else back, NOW)
        assert caught.value.reason in (Reason.UNPROVED, Reason.MALFORMED)


@pytest.mark.parametrize("name", [*HOST_BASED, USER_TO_USER])
def test_a_challenge_to_what_is_said_already(realm: Realm, name: str) -> None:
    client, server = realm.initiator(name), realm.acceptor(name)
    back = server.start(name, client.start(NOW), NOW)
    while not server.complete:
        back = server.process(client.process(back or b"", NOW), NOW)
    if name.startswith("GS2"):
        client.process(back or b"", NOW)
    said = refused(Reason.MALFORMED, lambda: client.process(b"", NOW))
    assert said == "the other side's token has no place in this exchange"


# -- what is agreed on


@pytest.mark.parametrize(
    "choice",
    [
        gss_layers.choice("none", ""),
        gss_layers.choice("integrity", ""),
        b"\x06\0\x10\0",
        b"\x04\0\x0f\xff",
        b"\x04\0\x10",
        b"",
        gss_layers.choice("confidentiality", "a\0b"),
        gss_layers.choice("confidentiality", "") + b"\xff",
    ],
)
def test_a_layer_that_was_not_offered(realm: Realm, choice: bytes) -> None:
    """Without TLS nothing but confidentiality will do, in buffers of 4096 octets at least."""
    client, server = realm.initiator(USER_TO_USER, channel=CLEAR), realm.acceptor(USER_TO_USER, channel=CLEAR)
    back = server.start(USER_TO_USER, client.start(NOW), NOW)
    for _ in range(2):
        back = server.process(client.process(back or b"", NOW), NOW)
    token = inside(client)._context.wrap(choice, False)
    with pytest.raises(SaslError):
        server.process(token, NOW)
    assert not server.complete


@pytest.mark.parametrize(
    "offer", [b"\x01\0\0\0", b"\x03\0\xff\xff", b"\x04\0\x0f\xff", b"\x04\0\xff", b"\0\0\0\0"]
)
def test_no_layer_that_will_do_is_offered(realm: Realm, offer: bytes) -> None:
    client, server = realm.initiator(USER_TO_USER, channel=CLEAR), realm.acceptor(USER_TO_USER, channel=CLEAR)
    back = client.process(server.start(USER_TO_USER, client.start(NOW), NOW) or b"", NOW)
    client.process(server.process(back, NOW) or b"", NOW)
    with pytest.raises(SaslError):
        client.process(inside(server)._context.wrap(offer + bytes(32), False), NOW)


def test_an_initiator_that_asks_for_less(realm: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of Kerberos without order, or with repeats."""
    for missing in (gss.Flag.SEQUENCE, gss.Flag.REPLAY):
        client, server = realm.initiator(USER_TO_USER), realm.acceptor(USER_TO_USER)
        first = server.start(USER_TO_USER, client.start(NOW), NOW) or b""
        with monkeypatch.context() as patched:
            patched.setattr(krb5_u2u, "FLAGS", krb5_u2u.FLAGS & ~missing)
            shown = client.process(first, NOW)
        refused(Reason.POLICY, lambda server=server, shown=shown: server.process(shown, NOW))


def test_a_context_that_gives_less_than_was_wanted(realm: Realm) -> None:
    """RFC 4752 section 3.1: the initiator looks at what it got."""
    anonymity = 64  # which nobody gives here
    context = gss.InitiatorContext(f"msrp/{HOST}@{NAME}", realm.ccache("alice"), gssapi.FLAGS | anonymity)
    answer = gss.AcceptorContext({"keytab": realm.keytab}).step(context.step(None, NOW) or b"", NOW)
    refused(Reason.POLICY, lambda: context.step(answer, NOW))


# -- octets changed on the way


def outcome(name: str, place: int, change: Callable[[bytes], bytes]) -> tuple[SASLClient, SASLServer]:
    shared = realm()
    client, server = shared.initiator(name), shared.acceptor(name)
    with suppress(SaslError):
        run(client, server, lambda index, token: change(token) if index == place else token)
    return client, server


PLACES = [
    (name, place)
    for name, tokens in (("GSSAPI", 5), ("GS2-KRB5", 2), ("GS2-KRB5-PLUS", 2), (USER_TO_USER, 7))
    for place in range(tokens)
]


def says_the_same(name: str, place: int, sent: bytes, changed: bytes) -> bool:
    """Whether it says the same in other octets, which nobody's key covers.

    Of a ticket: what kind of name a service has, and the number of its key, or of the KDC's. Of a
    wrapped token: a rotation by whole turns, which RFC 4121 section 4.2.5 wants to be read.
    """
    if sent[:2] == changed[:2] == b"\x05\x04" and sent[:6] + sent[8:] == changed[:6] + changed[8:]:
        turns = int.from_bytes(sent[6:8]) - int.from_bytes(changed[6:8])
        return turns % (len(sent) - 16) == 0
    with suppress(Exception):
        return labels(name, place, sent) == labels(name, place, changed)
    return False


def labels(name: str, place: int, token: bytes) -> bytes:
    if place == 1 and name == USER_TO_USER:
        kind, message = tokens.unframed(tokens.USER_TO_USER, token)
        value = tokens._read(tokens._TgtReply(), message)
        value["ticket"]["enc-part"]["kvno"] = 0
        return kind + tokens.encoder.encode(value)
    if place == 0 and name != USER_TO_USER:
        header, framed = b"", token
        if name.startswith("GS2"):
            header, _, rest = token.partition(b",,")
            framed = tokens.framed(tokens.KERBEROS, rest[:2], rest[2:])
        kind, message = tokens.unframed(tokens.KERBEROS, framed)
        value = tokens._read(tokens._ApRequest(), message)
        value["ticket"]["enc-part"]["kvno"] = value["ticket"]["sname"]["name-type"] = 0
        return header + kind + tokens.encoder.encode(value)
    raise ValueError("no label there")


@pytest.mark.parametrize(("name", "place"), PLACES)
@settings(max_examples=settings().max_examples // 2)
@given(
    where=st.integers(0, 10_000),
    octet=st.integers(0, 255),
    kind=st.sampled_from(["put", "put", "add", "drop"]),
)
def test_any_octet_changed_makes_it_fail(name: str, place: int, where: int, octet: int, kind: str) -> None:
    pairs: list[tuple[bytes, bytes]] = []

    def change(token: bytes) -> bytes:
        at = where % (len(token) or 1)
        new = token[:at] + (b"" if kind == "drop" else bytes([octet])) + token[at + (kind != "add") :]
        pairs.append((token, new))
        return new

    with realm().at_home():
        client, server = outcome(name, place, change)
    ((sent, changed),) = pairs
    last = place == len([p for p in PLACES if p[0] == name]) - 1
    if sent == changed or says_the_same(name, place, sent, changed):
        assert client.complete
        assert server.complete
    else:
        assert not server.complete or (last and place % 2 == 1)  # it had spoken its last word
        assert not client.complete


# -- the layers


def layered(realm: Realm, layer: str) -> tuple[SASLClient, SASLServer]:
    if layer == USER_TO_USER:
        client = realm.initiator(USER_TO_USER, channel=CLEAR)
        server = realm.acceptor(USER_TO_USER, channel=CLEAR)
    else:
        kerberos: Kerberos = replace(realm.of("alice"), layers=(layer,))  # type: ignore[arg-type]
        client, server = realm.initiator("GSSAPI", kerberos=kerberos), realm.acceptor("GSSAPI")
    run(client, server)
    return client, server


SPOILT: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "truncated": lambda b: [b[0][:3] + bytes([b[0][3] - 1]) + b[0][4:-1], *b[1:]],
    "reordered": lambda b: [b[1], b[0], b[2]],
    "repeated": lambda b: [b[0], b[0], b[1]],
    "one left out": lambda b: [b[0], b[2]],
    "spliced": lambda b: [b[0][:30] + b[1][30:], b[2]],
    "empty": lambda b: [bytes(4), *b],
    "somebody else's": lambda b: [b"\0\0\0\x20" + bytes(range(32)), *b],
    "too long": lambda b: [b"\0\x01\0\x01" + bytes(70_000)],
}


@pytest.mark.parametrize("layer", ["integrity", "confidentiality", USER_TO_USER])
@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_buffer_ends_the_layer(realm: Realm, layer: str, how: str) -> None:
    """Nothing of the buffer is delivered, nor anything after it."""
    client, server = layered(realm, layer)
    assert client.layer is not None
    assert server.layer is not None
    said = [bytes([65 + index]) * 100 for index in range(3)]
    buffers = [client.layer.wrap([plain])[0] for plain in said]
    spoilt = SPOILT[how](buffers)
    got: list[bytes] = []
    with pytest.raises(SaslError):
        got.extend(server.layer.unwrap(b"".join(spoilt)))
    good = 0
    while spoilt[good] == buffers[good] and spoilt[good] not in spoilt[:good]:
        good += 1
    assert got == said[:good]
    for again in (buffers[-1], server.layer.wrap):
        with pytest.raises(SaslError):
            list(server.layer.unwrap(again)) if isinstance(again, bytes) else again([b"x"])


@pytest.mark.parametrize("layer", ["integrity", "confidentiality"])
def test_our_own_buffers_come_back(realm: Realm, layer: str) -> None:
    client, _ = layered(realm, layer)
    assert client.layer is not None
    back = client.layer.wrap([b"hello"])[0]
    refused(Reason.MALFORMED, lambda: list(client.layer.unwrap(back)))  # type: ignore[union-attr]


def test_what_is_said_of_a_buffer(realm: Realm) -> None:
    client, server = layered(realm, "integrity")
    assert client.layer is not None
    assert server.layer is not None
    first, second = (client.layer.wrap([b"hello"])[0] for _ in range(2))
    said = refused(Reason.MALFORMED, lambda: list(server.layer.unwrap(second)))  # type: ignore[union-attr]
    assert said.endswith("too early or too late")
    _, server = layered(realm, "integrity")
    said = refused(Reason.MALFORMED, lambda: list(server.layer.unwrap(first)))  # type: ignore[union-attr]
    assert said.endswith("changed on the way")


def test_what_was_given_is_not_changed(realm: Realm) -> None:
    """libkrb5 turns the octets of a token round where they lie."""
    client, server = layered(realm, "integrity")
    assert client.layer is not None
    buffer = client.layer.wrap([b"hello"])[0][4:]
    before = bytes(bytearray(buffer))
    assert inside(server).unwrap(buffer) == b"hello"
    assert buffer == before


def test_a_buffer_that_is_not_encrypted(realm: Realm) -> None:
    """Of the right sequence and the right key, but for all to read."""
    client, server = layered(realm, "confidentiality")
    assert server.layer is not None
    plain = inside(client)._context.wrap(b"for all to read", False)
    with pytest.raises(SaslError):
        list(server.layer.unwrap(len(plain).to_bytes(4) + plain))


@pytest.mark.parametrize("layer", ["integrity", "confidentiality"])
@settings(max_examples=settings().max_examples // 2)
@given(where=st.integers(0, 10_000), octet=st.integers(0, 255), size=st.integers(0, 200))
def test_any_octet_of_a_buffer_changed(layer: str, where: int, octet: int, size: int) -> None:
    with realm().at_home():
        client, server = layered(realm(), layer)
    assert client.layer is not None
    assert server.layer is not None
    sent = client.layer.wrap([bytes(size) + b"x"])[0]
    at = 4 + where % (len(sent) - 4)
    changed = sent[:at] + bytes([octet]) + sent[at + 1 :]
    if sent == changed or says_the_same("", 0, sent[4:], changed[4:]):
        assert list(server.layer.unwrap(changed)) == [bytes(size) + b"x"]
    else:
        with pytest.raises(SaslError):
            list(server.layer.unwrap(changed))
