"""The scheme SASL in the headers of AUTH (docs/profile.md section 11.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.headers import header
from msrp_core import Frame, Parser, RemoteProtocolError, request, response
from msrp_peer.protocol.sasl_header import SaslHeader, SaslHeaderError
from support.by_hand import LISTENER

OWN = "msrps://127.0.0.1:9/secretsecretsecretsecret;tcp"


def frame(*headers: tuple[str, str]) -> Frame:
    (found,) = Parser().feed(request("AUTH", LISTENER, OWN, headers)[1])
    assert isinstance(found, Frame)
    return found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("SASL", SaslHeader()),
        ('SASL realm="lan",mech="A B-2_C"', SaslHeader(("A", "B-2_C"), "lan")),
        ('sasl MECH="A", c2S="AA=="', SaslHeader(("A",), c2s=b"\0")),
        ('SASL s2c=""', SaslHeader(s2c=b"")),
        ('SASL c2s="*"', SaslHeader(abort=True)),
        ('SASL to="im:bob@lan",mech="A"', SaslHeader(("A",), to="im:bob@lan")),
        ('SASL new=1,newer="a\\"b",s2c="AAAA"', SaslHeader(s2c=b"\0\0\0")),
        ('SASL realm="a \\"b\\" \\\\ c"', SaslHeader(realm='a "b" \\ c')),
        ('SASL realm="a, b=c"', SaslHeader(realm="a, b=c")),
        ('SASL realm=""', SaslHeader(realm="")),
    ],
)
def test_what_is_read(value: str, expected: SaslHeader) -> None:
    assert SaslHeader.parse(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        'Digest realm="a",nonce="b",qop="auth"',
        'rspauth="6629",cnonce="x",nc=00000001,qop=auth',  # RFC 4976: no scheme there
        "SASLX",
        'SAS commit="AAAA"',
        "",
        "=",
        'sasl="x"',
    ],
)
def test_other_schemes_are_passed_over(value: str) -> None:
    assert SaslHeader.parse(value) is None


@pytest.mark.parametrize(
    "value",
    [
        "SASL ",
        'SASL  s2c=""',
        "SASL ,",
        'SASL s2c="",',
        'SASL s2c=""  ,c2s=""',
        'SASL s2c="",  c2s=""',
        'SASL s2c="" c2s=""',
        'SASL s2c="',
        "SASL s2c=",
        "SASL s2c",
        "SASL =x",
        'SASL s2c="",S2C=""',
        "SASL new=1,new=2",
        "SASL mech=A",
        'SASL mech=""',
        'SASL mech="a"',
        'SASL mech="A  B"',
        'SASL mech=" A"',
        'SASL mech="ABCDEFGHIJKLMNOPQRSTU"',
        'SASL mech="\\A"',
        "SASL c2s=*",
        'SASL s2c="*"',
        'SASL c2s="**"',
        'SASL c2s="A"',
        'SASL c2s="AA"',
        'SASL c2s="AAA"',
        'SASL c2s="AB=="',  # bits left over (RFC 4648 section 3.5)
        'SASL c2s="AA==AA=="',
        'SASL c2s="AA=="" "',
        'SASL c2s="A A="',
        'SASL c2s="AA-_"',
        'SASL c2s="\u00c5AAA"',
        'SASL c2s="====" ',
    ],
)
def test_what_breaks_the_grammar(value: str) -> None:
    with pytest.raises(SaslHeaderError) as wrong:
        SaslHeader.parse(value)
    assert value[5:] not in str(wrong.value) or not value[5:].strip()


def test_the_line_of_our_scheme_is_found_among_others() -> None:
    several = frame(
        ("Authorization", 'Digest username="x"'),
        ("authorization", 'SASL mech="A"'),
        ("Authorization", 'SAS reveal="AAAA"'),
    )
    assert SaslHeader.of(several, "Authorization") == SaslHeader(("A",))
    assert SaslHeader.of(several, "WWW-Authenticate") is None


def test_two_of_our_scheme_are_one_too_many() -> None:
    with pytest.raises(SaslHeaderError, match="two"):
        SaslHeader.of(frame(("Authorization", "SASL"), ("Authorization", "SASL")), "Authorization")


NAME = st.text("ABCXYZ019-_", min_size=1, max_size=20)
WORDS = st.text(st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=("Cs", "Cc")))


@given(
    mech=st.none() | st.lists(NAME, min_size=1, max_size=9).map(tuple),
    realm=st.none() | WORDS,
    to=st.none() | WORDS,
    s2c=st.none() | st.binary(max_size=300),
    c2s=st.none() | st.binary(max_size=300),
    abort=st.booleans(),
)
def test_what_is_written_is_read(mech, realm, to, s2c, c2s, abort) -> None:  # type: ignore[no-untyped-def]
    said = SaslHeader(mech, realm, to, s2c, None if abort else c2s, abort)
    assert SaslHeader.parse(said.text()) == said
    if said.text().isprintable():
        assert SaslHeader.of(frame(("Authorization", said.text())), "Authorization") == said


@given(st.binary(max_size=200) | st.text('SASLsaslmechc2realto=",* \\AZ09-_+/', max_size=60).map(str.encode))
def test_two_readers_agree(octets: bytes) -> None:
    header(octets)
    header(b"SASL " + octets)


def test_tokens_are_in_no_repr() -> None:
    assert "secret" not in repr(SaslHeader(s2c=b"secret", c2s=b"secret"))


def test_the_longest_token_fits_and_a_longer_one_is_refused_here() -> None:
    longest = SaslHeader(c2s=bytes(73671)).text()
    (read,) = Parser().feed(request("AUTH", LISTENER, OWN, [("Authorization", longest)])[1])
    assert isinstance(read, Frame)
    assert SaslHeader.of(read, "Authorization") == SaslHeader(c2s=bytes(73671))
    (read,) = Parser().feed(response(read, 200, None, [("Authentication-Info", longest)]))
    with pytest.raises(SaslHeaderError, match="too long"):
        SaslHeader(c2s=bytes(73674)).text()


@pytest.mark.parametrize("name", ["WWW-Authenticate", "Authorization", "Authentication-Info", "Use-Path"])
def test_the_longest_lines(name: str) -> None:
    most = 16 * 1024 if name == "Use-Path" else 96 * 1024
    value = "x" * (most - len(name) - 4)  # the colon, a space and CRLF count, too
    (read,) = Parser().feed(request("AUTH", LISTENER, OWN, [(name, value)])[1])
    assert isinstance(read, Frame)
    with pytest.raises(RemoteProtocolError):
        list(Parser().feed(request("AUTH", LISTENER, OWN, [(name, value + "x")])[1]))
