"""What somebody in between can do to DIGEST-MD5, and what stands in where the proofs do not cover it.

The proofs cover user, realm, both nonces, their count, qop, digest-uri and authzid. Ciphers, sizes of
buffers, the charset and the lists of the challenge they do not.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from msrp_sasl import LayerTerms, Policy, SASLClient, SaslError, SASLServer, offered
from msrp_sasl.mechanisms.digest_tokens import read_challenge, read_proof, read_response
from sasl.digests import CIPHERS, LAYERS, VERIFIED, changed, directive, policy, sides
from sasl.parties import ALICE, EVE, run

PLACES = {"challenge": 0, "response": 1, "proof": 2}
HASHED = {
    "challenge": ("realm", "nonce"),
    "response": ("username", "realm", "nonce", "cnonce", "nc", "digest-uri", "qop", "authzid", "response"),
    "proof": ("rspauth",),
}
EACH = [(place, name) for place, names in HASHED.items() for name in names]
Change = Callable[[bytes], bytes]


def outcome(place: str, change: Change, *policies: Policy, **more: Any) -> tuple[SASLClient, SASLServer]:
    """Both ends after an exchange of which one token was changed on the way."""
    client, server = sides(*policies, **more)

    def between(index: int, token: bytes) -> bytes:
        return change(token) if index == PLACES[place] else token

    with suppress(SaslError):
        run(client, server, between)
    return client, server


def tokens(qop: Any = "auth-conf") -> list[bytes]:
    return run(*sides(policy(qop), authorization=ALICE))


@pytest.mark.parametrize(("place", "name"), EACH)
@given(where=st.integers(0, 100), octet=st.integers(0, 255), kind=st.sampled_from(["put", "add", "drop"]))
def test_any_octet_of_what_is_hashed_changed_makes_it_fail(
    place: str, name: str, where: int, octet: int, kind: str
) -> None:
    same = False

    def change(token: bytes) -> bytes:
        nonlocal same
        value = directive(token, name)
        at = where % len(value)
        middle = b"" if kind == "drop" else bytes([octet])
        new = value[:at] + middle + value[at + (kind != "add") :]
        quote = b'"' if name not in ("nc", "qop", "response", "rspauth") else b""
        result = changed(name, quote + new + quote)(token)
        same = read(place, result) == read(place, token)
        return result

    client, server = outcome(place, change, policy("auth-conf"), authorization=ALICE)
    assert client.complete == same
    assert server.complete == (same or place == "proof")  # it had spoken its last word


def read(place: str, token: bytes) -> object:
    """What it means; two spellings may mean the same."""
    reader: Any = {"challenge": read_challenge, "response": read_response, "proof": read_proof}[place]
    try:
        return reader(token)
    except SaslError:
        return None


@pytest.mark.parametrize("place", PLACES)
def test_every_octet_of_one_exchange(place: str) -> None:
    """One bit turned anywhere: it fails, or both sides have only what their policy allows."""
    allowed = policy("auth-conf")
    for at in range(len(tokens()[PLACES[place]])):
        for bit in (1, 0x20, 0x80):

            def turned(token: bytes, at: int = at, bit: int = bit) -> bytes:
                at = min(at, len(token) - 1)
                return token[:at] + bytes([token[at] ^ bit]) + token[at + 1 :]

            client, server = outcome(place, turned, allowed, authorization=ALICE)
            for end in (client, server):
                assert not end.complete or within(allowed, end)


# -- what is not hashed: each side's own policy stands

QOPS = st.lists(st.sampled_from(["auth", "auth-int", "auth-conf"]), min_size=1, max_size=3, unique=True)
POLICIES = st.builds(
    lambda qops, ciphers, size: policy(*qops, ciphers=tuple(ciphers), digest_md5_buffer=size),
    QOPS,
    st.lists(st.sampled_from(CIPHERS), max_size=3, unique=True),
    st.integers(4096, 1 << 20),
)
WORDS = st.sampled_from(["auth", "auth-int", "auth-conf", "token", *CIPHERS])
LISTS = st.lists(WORDS, max_size=6).map(lambda words: b'"%b"' % ",".join(words).encode())
SIZES = st.integers(0, 1 << 33).map(lambda size: b"%d" % size)
FORGED = {
    "challenge": {
        "qop": LISTS,
        "cipher": LISTS,
        "maxbuf": SIZES,
        "charset": st.sampled_from([b"utf-8", b"UTF-8"]),
        "stale": st.just(b"true"),
        "x-new": st.just(b'"anything"'),
    },
    "response": {
        "cipher": WORDS.map(str.encode),
        "maxbuf": SIZES,
        "charset": st.just(b"utf-8"),
        "x-new": st.just(b'"anything"'),
    },
}


@st.composite
def forgeries(draw: st.DrawFn) -> tuple[str, Change]:
    """Some directives that no proof covers, put, replaced or taken away."""
    place = draw(st.sampled_from(list(FORGED)))
    names = draw(st.lists(st.sampled_from(list(FORGED[place])), min_size=1, unique=True))
    changes = [changed(name, draw(st.none() | FORGED[place][name])) for name in names]

    def change(token: bytes) -> bytes:
        for one in changes:
            token = one(token)
        return token

    return place, change


def within(allowed: Policy, end: SASLClient | SASLServer) -> bool:
    """Whether nothing was agreed on that this end's own policy does not allow."""
    if end.layer is None:
        return "auth" in allowed.digest_md5_qops
    terms: LayerTerms = end.layer.terms
    if terms.gives == "integrity":
        right = "auth-int" in allowed.digest_md5_qops
    else:
        right = "auth-conf" in allowed.digest_md5_qops and terms.cipher in allowed.digest_md5_ciphers
    largest = allowed.digest_md5_buffer
    return right and terms.receive == largest and 0 < terms.room < terms.send < largest


@given(mine=POLICIES, theirs=POLICIES, forgery=forgeries())
def test_what_is_not_hashed_never_leads_beyond_policy(
    mine: Policy, theirs: Policy, forgery: tuple[str, Change]
) -> None:
    place, change = forgery
    assume(offered(mine, VERIFIED) and offered(theirs, VERIFIED))
    client, server = sides(mine, theirs)

    def between(index: int, token: bytes) -> bytes:
        return change(token) if index == PLACES[place] else token

    with suppress(SaslError):
        run(client, server, between)
    for end, allowed in ((client, mine), (server, theirs)):
        assert not end.complete or within(allowed, end)
    if client.layer and server.layer:
        meet(client, server)


def meet(client: SASLClient, server: SASLServer) -> None:
    """Two layers: each delivers what the other said, or ends."""
    for sender, receiver in ((client, server), (server, client)):
        assert sender.layer is not None
        assert receiver.layer is not None
        with suppress(SaslError):
            wire = b"".join(sender.layer.wrap([b"hello, world" * 1000]))
            assert b"".join(receiver.layer.unwrap(wire)) == b"hello, world" * 1000


@pytest.mark.parametrize("way", ["to the acceptor", "to the initiator"])
def test_a_cipher_changed_on_the_way_ends_at_the_first_buffer(way: str) -> None:
    """The two have other keys then: nothing comes through that could be read or changed."""
    client, server = outcome("response", changed("cipher", b"3des"), policy("auth-conf"))
    assert client.layer is not None
    assert server.layer is not None
    assert (client.layer.terms.cipher, server.layer.terms.cipher) == ("rc4", "3des")
    ends = (client.layer, server.layer)
    sender, receiver = ends if way == "to the acceptor" else ends[::-1]
    wire = b"".join(sender.wrap([b"hello, world"]))
    with pytest.raises(SaslError):
        list(receiver.unwrap(wire))


@pytest.mark.parametrize(("qop", "cipher"), LAYERS)
def test_a_weaker_protection_is_not_taken_for_a_list_made_weaker(qop: Any, cipher: Any) -> None:
    """What is left of the lists is not what is allowed, so nothing is agreed on."""
    allowed = policy("auth-conf", ciphers=("rc4",))
    if (qop, cipher) == ("auth-conf", "rc4"):
        return

    def weaker(token: bytes) -> bytes:
        return changed("qop", b'"%b"' % qop.encode())(changed("cipher", b'"%b"' % cipher.encode())(token))

    client, server = outcome("challenge", weaker, allowed)
    assert not client.complete
    assert not server.complete


def test_another_user_in_the_response() -> None:
    client, server = outcome("response", changed("username", b'"%b"' % EVE.encode()))
    assert not client.complete
    assert not server.complete
