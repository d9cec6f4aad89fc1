"""Two principals are one exactly where their canonical octets are."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_peer.terms.display import is_plain
from msrp_peer.terms.principal import Principal, PrincipalError, domain_name

users = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=40).filter(
    lambda user: len(user.encode()) <= 255
)
labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
domains = st.lists(labels, min_size=1, max_size=4).map(".".join)
principals = st.builds(Principal, st.sampled_from(["im", "sip", "sips"]), users, domains)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("im:bob@lan", "im:bob@lan"),
        ("IM:bob@LAN", "im:bob@lan"),
        ("im:Bob@lan", "im:Bob@lan"),
        ("SiPs:bob@Example.ORG.", "sips:bob@example.org"),
        ("im:%62ob@lan", "im:bob@lan"),
        ("im:a%2bb@lan", "im:a+b@lan"),
        ("im:jürgen@lan", "im:j%C3%BCrgen@lan"),
        ("im:j%c3%bcrgen@lan", "im:j%C3%BCrgen@lan"),
        ("im:bob@bücher.example", "im:bob@xn--bcher-kva.example"),
        ("im:bob@BÜCHER。example", "im:bob@xn--bcher-kva.example"),
        ("im:bob@XN--BCHER-KVA.example", "im:bob@xn--bcher-kva.example"),
        ("im:bob@xn--fa-hia.de", "im:bob@xn--fa-hia.de"),
        ("sip:+49%2030@lan", "sip:+49%2030@lan"),
        ("im:a%40b@lan", "im:a%40b@lan"),
        ("im:a%3Ab%2Fc%3Bd@lan", "im:a%3Ab%2Fc%3Bd@lan"),
    ],
)
def test_one_canonical_form(text: str, canonical: str) -> None:
    principal = Principal.parse(text)
    assert principal.text == str(principal) == canonical
    assert Principal.parse(canonical) == principal
    assert hash(Principal.parse(canonical)) == hash(principal)


def test_its_parts() -> None:
    principal = Principal.parse("SIP:j%C3%BCrgen%20x@Example.org")
    assert (principal.scheme, principal.user, principal.domain) == ("sip", "jürgen x", "example.org")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bob",
        "bob@lan",
        "mailto:bob@lan",
        "im:",
        "im:@lan",
        "im:bob",
        "im:bob@",
        "im:bob@lan@lan",
        "im:bob@lan:5060",
        "sip:bob:secret@lan",
        "sip:bob@lan;transport=tcp",
        "sip:bob;x=y@lan",
        "im:bob@lan?subject=x",
        "im:bob?x@lan",
        "im:bob@lan#x",
        "im:bob@lan/x",
        "sip:bob@[::1]",
        "im:bob\x00@lan",
        "im:bob%00@lan",
        "im:bob%0a@lan",
        "im:bob%C2%85@lan",
        "im:bob%7f@lan",
        "im:b ob@lan",
        'im:"bob"@lan',
        "im:bob%@lan",
        "im:bob%4@lan",
        "im:bob%FF@lan",
        "im:bob%ED%A0%80@lan",
        "im:\ud800@lan",
        "im:bob@la n",
        "im:bob@-lan",
        "im:bob@lan-",
        "im:bob@a..b",
        "im:bob@.lan",
        "im:bob@" + "a" * 64,
        "im:bob@" + ".".join(["a" * 60] * 5),
        "im:bob@straße.de",
        "im:bob@a\u200db.de",
        "im:bob@\u2100.de",
        "im:bob@\ud800.de",
        "im:" + "b" * 256 + "@lan",
        "im:bob@lan\n",
        " im:bob@lan",
        "im:bob@lan" + " " * 5000,
    ],
)
def test_everything_else_is_refused_in_words_that_can_be_printed(text: str) -> None:
    with pytest.raises(PrincipalError) as refused:
        Principal.parse(text)
    assert all(is_plain(c) for c in str(refused.value))
    assert len(str(refused.value)) < 600


@pytest.mark.parametrize(
    ("text", "guess"),
    [("bob@lan", "im:bob@lan"), ("mailto:bob@LAN", "im:bob@lan"), ("xmpp:bob@lan", "im:bob@lan")],
)
def test_a_near_miss_is_named(text: str, guess: str) -> None:
    with pytest.raises(PrincipalError, match=f"did you mean {guess}"):
        Principal.parse(text)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("im:bob@lan;x", "parameters"),
        ("sip:bob;x@lan", "parameters"),
        ("im:bob@lan?x", "headers"),
        ("im:bob@lan#x", "a fragment"),
        ("im:bob@lan/x", "a path"),
        ("im:bob@lan:1", "a port or a password"),
        ("im:bob:x@lan", "a port or a password"),
        ("im:bob@lan@lan", "more than one @"),
        ("im:bob@[::1]", "an address|a port"),
        ("im:b b@lan", "must be percent-encoded"),
        ("im:b%ff@lan", "not UTF-8"),
        ("im:b%00@lan", "control character"),
    ],
)
def test_what_is_too_much_is_named(text: str, what: str) -> None:
    with pytest.raises(PrincipalError, match=what):
        Principal.parse(text)


def test_a_text_that_is_far_off_shows_what_a_principal_looks_like() -> None:
    with pytest.raises(PrincipalError, match="im:bob@lan"):
        Principal.parse("hello")


def test_schemes_and_users_differ() -> None:
    texts = ["im:bob@lan", "sip:bob@lan", "sips:bob@lan", "im:Bob@lan", "im:bob@lan.lan", "im:bo%CC%88b@lan"]
    assert len({Principal.parse(text) for text in [*texts, "im:b\u00f6b@lan"]}) == 7


@pytest.mark.parametrize(
    ("scheme", "user", "domain"),
    [
        ("xmpp", "bob", "lan"),
        ("im", "", "lan"),
        ("im", "b\x00b", "lan"),
        ("im", "bob", "LAN"),
        ("im", "bob", ""),
    ],
)
def test_none_can_be_made_that_is_not_canonical(scheme: str, user: str, domain: str) -> None:
    with pytest.raises(PrincipalError):
        Principal(scheme, user, domain)


def test_it_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Principal.parse("im:bob@lan").user = "eve"  # type: ignore[misc]


@given(principals)
def test_the_text_is_ascii_and_reads_back(principal: Principal) -> None:
    text = principal.text
    assert text.isascii()
    assert text.isprintable()
    assert text.count("@") == 1
    assert Principal.parse(text) == principal
    assert Principal.parse(text).text == text


@given(principals, principals)
def test_equal_exactly_where_the_octets_are(one: Principal, other: Principal) -> None:
    assert (one == other) == (one.text == other.text)


@given(
    st.text(st.characters(codec=None)) | st.text(":@%;?/[]aim.\u00df\u3002-").map(lambda rest: f"im:{rest}")
)
def test_any_text_is_a_principal_or_a_principal_error(text: str) -> None:
    try:
        principal = Principal.parse(text)
    except PrincipalError:
        return
    assert Principal.parse(principal.text) == principal


@given(st.text())
def test_any_text_is_a_domain_or_a_principal_error(text: str) -> None:
    try:
        name = domain_name(text)
    except PrincipalError:
        return
    assert domain_name(name) == name
