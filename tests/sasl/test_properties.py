"""What holds for any configurations and any octets."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_sasl import (
    Accepting,
    Channel,
    ChannelLevel,
    Initiating,
    Password,
    Policy,
    SASLClient,
    SaslError,
    SASLServer,
    choose,
    compare,
    offered,
    prepare,
)
from msrp_sasl.mechanisms import scram_tokens
from sasl.parties import (
    ALICE,
    AUTHORITY,
    BOB,
    EVE,
    NOW,
    PLUS,
    SCRAM,
    SECRET,
    Kept,
    Passwords,
    acceptor,
    initiator,
    run,
)

NAMES = [*SCRAM, "EXTERNAL", "ANONYMOUS", "DIGEST-MD5"]
VALUES = st.sampled_from([b"one" * 10, b"two" * 10])
CHANNELS = st.builds(
    Channel,
    st.sampled_from(ChannelLevel),
    st.dictionaries(st.sampled_from(["tls-exporter", "tls-unique"]), VALUES),
    st.frozensets(st.sampled_from([ALICE, EVE])),
    st.frozensets(st.just(ALICE)),
)
POLICIES = st.builds(
    Policy,
    acceptor=st.sampled_from(["principal", "service"]),
    least_channel=st.sampled_from(ChannelLevel),
    mechanisms=st.none() | st.lists(st.sampled_from(NAMES), unique=True).map(tuple),
    anonymous=st.booleans(),
    digest_md5=st.booleans(),
    bindings=st.permutations(["tls-exporter", "tls-unique"]).map(tuple),
    guessable=st.booleans(),
)
TEXTS = st.sampled_from([SECRET, "another"])


@cache
def kept(text: str) -> Kept:
    return Kept().add(ALICE, BOB, text).add_digest(ALICE, BOB, text)


SIDES = st.tuples(CHANNELS, POLICIES, TEXTS)


@given(
    SIDES.map(lambda side: (side, side)) | st.tuples(SIDES, SIDES),
    st.sampled_from([BOB, EVE]),
)
def test_two_sides_never_succeed_with_different_views(
    both: tuple[tuple[Channel, Policy, str], tuple[Channel, Policy, str]], meant: str
) -> None:
    ours, theirs = both
    here, policy, text = ours
    there, their_policy, their_text = theirs
    offer = offered(their_policy, there)
    server = SASLServer(Accepting(BOB, there, their_policy, AUTHORITY, kept(their_text), offer))
    passwords = Passwords({(ALICE, meant): Password(text, generated=True)})
    try:
        client = SASLClient(Initiating(ALICE, meant, here, policy, passwords, offer))
        run(client, server)
    except SaslError:
        # The side that verified last may stand alone: the acceptor, which cannot know more.
        return
    assert client.name == server.name
    name = client.name
    assert name in offer
    assert client.identity.binding == server.identity.binding
    if client.identity.binding:
        binding = client.identity.binding
        assert here.bindings[binding] == there.bindings[binding]
    if client.properties.password:
        assert text == their_text
        assert server.identity.name == ALICE
        assert client.identity.name == meant
    if name == "EXTERNAL":
        assert server.identity.name in there.peer_names
    if policy.acceptor == "principal" and name != "ANONYMOUS":
        assert client.properties.binds or name in ("EXTERNAL", "DIGEST-MD5")
    if name == "DIGEST-MD5":
        assert meant == BOB
        for end, channel in ((client, here), (server, there)):
            conceals = end.layer is not None and end.layer.terms.gives == "confidentiality"
            assert conceals or channel.level is ChannelLevel.VERIFIED
    assert here.level >= policy.least_channel
    assert there.level >= their_policy.least_channel


def outcome(name: str, place: int, change: object) -> tuple[bool, bool]:
    """Whether each side succeeded when one token was changed on the way."""
    client, server = initiator(name), acceptor(name)

    def between(index: int, token: bytes) -> bytes:
        return change(token) if index == place else token  # type: ignore[operator]

    with suppress(SaslError):
        run(client, server, between)
    return client.complete, server.complete


@pytest.mark.parametrize("name", SCRAM)
@given(
    place=st.integers(0, 3),
    where=st.integers(0, 10_000),
    octet=st.integers(0, 255),
    kind=st.sampled_from(["put", "add", "drop"]),
)
def test_any_octet_changed_makes_it_fail(name: str, place: int, where: int, octet: int, kind: str) -> None:
    changed = True

    def change(token: bytes) -> bytes:
        nonlocal changed
        at = where % len(token)
        rest = token[at + (kind != "add") :]
        new = token[:at] + (b"" if kind == "drop" else bytes([octet])) + rest
        changed = new != token
        return new

    client, server = outcome(name, place, change)
    if changed:
        assert not client
        assert server == (place == 3)  # it had spoken its last word
    else:
        assert client
        assert server


def test_every_octet_of_one_exchange() -> None:
    """The same, without chance: each octet of each token, one bit turned."""
    lengths = [len(token) for token in run(initiator(PLUS), acceptor(PLUS))]
    for place, length in enumerate(lengths):
        for at in range(length):
            for bit in (1, 0x20, 0x80):

                def turned(token: bytes, at: int = at, bit: int = bit) -> bytes:
                    return token[:at] + bytes([token[at] ^ bit]) + token[at + 1 :]

                client, server = outcome(PLUS, place, turned)
                assert not client, (place, at, bit)
                assert server == (place == 3)


# -- octets of any kind

READERS = [
    scram_tokens.read_client_first,
    scram_tokens.read_server_first,
    scram_tokens.read_client_final,
    scram_tokens.read_server_final,
]
PIECES = st.sampled_from(
    b"n,, y,, p=tls-exporter,, a= n= r= s= i= c= p= v= e= m= x=y , = =2C =3D biws A= \0 \xff".split(b" ")
)
TOKENS = st.binary(max_size=200) | st.lists(PIECES | st.binary(max_size=5), max_size=20).map(b"".join)


@pytest.mark.parametrize("read", READERS, ids=lambda r: r.__name__)
@given(token=TOKENS)
def test_readers_raise_nothing_else(read: object, token: bytes) -> None:
    with suppress(SaslError):
        read(token)  # type: ignore[operator]


@pytest.mark.parametrize("name", NAMES)
@given(tokens=st.lists(TOKENS, min_size=1, max_size=3))
def test_both_sides_raise_nothing_else(name: str, tokens: list[bytes]) -> None:
    channel = Channel(
        ChannelLevel.VERIFIED, {"tls-exporter": b"x" * 32}, frozenset({ALICE}), frozenset({ALICE})
    )
    server = acceptor(name, channel=channel)
    with suppress(SaslError):
        server.start(name, tokens[0], NOW)
        for token in tokens[1:]:
            if not server.complete:
                server.process(token, NOW)
    if name not in ("EXTERNAL", "ANONYMOUS"):
        assert not server.complete
    for claimed in (False, True):
        client = initiator(name, channel=channel)
        client.start(NOW)
        with suppress(SaslError):
            for token in tokens[claimed:]:
                client.process(token, NOW)
            if claimed:
                client.succeeded(tokens[0], NOW)
        assert not client.complete


ODD = ["", "PLAIN", "scram-sha-1", "A" * 20, "A" * 21, "A B", "\n"]
ENTRIES = st.sampled_from([*NAMES, *ODD]) | st.text(max_size=3)


@given(st.lists(ENTRIES, max_size=70), st.lists(ENTRIES, max_size=5))
def test_lists_of_any_kind(first: list[str], second: list[str]) -> None:
    for act in (
        lambda: choose(first, Policy(anonymous=True), Channel(ChannelLevel.VERIFIED)),
        lambda: compare(first, second),
    ):
        with suppress(SaslError):
            act()


@given(st.text())
def test_preparing_any_text(text: str) -> None:
    try:
        once = prepare(text)
    except SaslError:
        return
    assert prepare(once) == once
