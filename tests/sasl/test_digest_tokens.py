"""What DIGEST-MD5's tokens may hold: one error for the rest, and the exchange is dead."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_sasl import Password, Reason, SaslError, SaslUsageError
from msrp_sasl.mechanisms.digest_tokens import (
    LONGEST_CHALLENGE,
    LONGEST_RESPONSE,
    Challenge,
    Response,
    read_challenge,
    read_proof,
    read_response,
)
from sasl.digests import NAME, answered, challenged, changed, policy, sides
from sasl.parties import BOB, NOW, SECRET, Kept, Passwords, acceptor, initiator, refused

GOOD = (
    b'realm="bob@lan",nonce="abc",qop="auth,auth-int,auth-conf",algorithm=md5-sess,charset=utf-8,cipher="rc4"'
)
Change = Callable[[bytes], bytes]


def more(directive: bytes) -> Change:
    return lambda token: token + b"," + directive


CHALLENGES: dict[str, Change] = {
    "nothing": lambda token: b"",
    "nothing but commas": lambda token: b" , ,,",
    "no directive": lambda token: b"nonsense",
    "no comma between": lambda token: token.replace(b",qop", b" qop"),
    "a quote left open": lambda token: token + b',x="y',
    "a quote that ends early": lambda token: token.replace(b'"abc"', b'"a"bc"'),
    "a backslash at the end": lambda token: token + b',x="y\\',
    "an escaped control": lambda token: token + b',x="\\\n"',
    "an escaped octet beyond ASCII": lambda token: token + b',x="\\\xff"',
    "a control": lambda token: token.replace(b"abc", b"a\0c"),
    "a value that needs quotes": lambda token: token.replace(b'"bob@lan"', b"bob@lan"),
    "no value": more(b"x="),
    "no name": more(b"=x"),
    "a line break": lambda token: token.replace(b",qop", b",\nqop"),
    "no nonce": changed("nonce", None),
    "an empty nonce": changed("nonce", b'""'),
    "two nonces": more(b'nonce="def"'),
    "no algorithm": changed("algorithm", None),
    "another algorithm": changed("algorithm", b"md5"),
    "two algorithms": more(b"algorithm=md5-sess"),
    "two qops": more(b'qop="auth"'),
    "a qop that is no list": changed("qop", b'"auth auth-int"'),
    "two ciphers": more(b'cipher="3des"'),
    "two charsets": more(b"CHARSET=utf-8"),
    "another charset": changed("charset", b"utf-16"),
    "stale twice": more(b"stale=true,stale=true"),
    "maxbuf twice": more(b"maxbuf=5000,maxbuf=6000"),
    "a maxbuf that is no number": changed("maxbuf", b"many"),
    "a maxbuf below zero": changed("maxbuf", b"-5000"),
    "an endless maxbuf": changed("maxbuf", b"9" * 11),
    "maxbuf in other digits": changed("maxbuf", '"\u0665\u0660\u0660\u0660"'.encode()),
    "a realm that is not UTF-8": changed("realm", b'"\xff"'),
    "too long": lambda token: token + b',x="' + b"y" * LONGEST_CHALLENGE + b'"',
}


@pytest.mark.parametrize("change", CHALLENGES.values(), ids=CHALLENGES)
def test_challenges(change: Change) -> None:
    assert read_challenge(GOOD)
    client = initiator(NAME)
    dead(lambda: answered(client, change(GOOD)), lambda: client.process(GOOD, NOW), Reason.MALFORMED)


@pytest.mark.parametrize(
    "change",
    [
        changed("qop", b'"auth-more"'),
        changed("qop", b'""'),
        changed("cipher", None),
        changed("cipher", b'"aes,des"'),
        changed("maxbuf", b"1023"),
        changed("maxbuf", b"0"),
    ],
)
def test_challenges_that_offer_too_little(change: Change) -> None:
    client = initiator(NAME, policy=policy("auth-conf"))
    dead(lambda: answered(client, change(GOOD)), lambda: client.process(GOOD, NOW), Reason.POLICY)


@pytest.mark.parametrize(
    "token",
    [
        b'nonce=abc,algorithm="MD5-SESS"',
        b' , ,nonce="abc" ,\t,\r\n algorithm = md5-sess ,',
        b'NONCE="abc",Algorithm=md5-sess,x-new=1,x-new="2",opaque="x",domain="y",stale=true',
        b'nonce="\\a\\b\\c",algorithm=md5-sess,qop="auth-new,, AUTH ,",charset="UTF-8"',
        b'nonce="abc",algorithm=md5-sess,qop=auth,maxbuf=0',
    ],
)
def test_what_is_ignored_or_spelled_otherwise(token: bytes) -> None:
    challenge = read_challenge(token)
    assert challenge.nonce == b"abc"
    assert "auth" in challenge.qops
    assert b'nonce="abc"' in answered(initiator(NAME), token)


RESPONSES: dict[str, tuple[Change, Reason]] = {
    "nothing": (lambda token: b"", Reason.MALFORMED),
    "no user": (changed("username", None), Reason.MALFORMED),
    "an empty user": (changed("username", b'""'), Reason.MALFORMED),
    "two users": (more(b'username="eve"'), Reason.MALFORMED),
    "a user that is not UTF-8": (changed("username", b'"\xff"'), Reason.MALFORMED),
    "no realm": (changed("realm", None), Reason.MALFORMED),
    "another realm": (changed("realm", b'"eve@lan"'), Reason.MALFORMED),
    "two realms": (more(b'realm="bob@lan"'), Reason.MALFORMED),
    "no nonce": (changed("nonce", None), Reason.MALFORMED),
    "another nonce": (changed("nonce", b'"abc"'), Reason.MALFORMED),
    "no cnonce": (changed("cnonce", None), Reason.MALFORMED),
    "an empty cnonce": (changed("cnonce", b'""'), Reason.MALFORMED),
    "another cnonce": (changed("cnonce", b'"abc"'), Reason.WRONG),
    "no count": (changed("nc", None), Reason.MALFORMED),
    "another count": (changed("nc", b"00000002"), Reason.MALFORMED),
    "a count too short": (changed("nc", b"1"), Reason.MALFORMED),
    "another qop": (changed("qop", b"auth-int"), Reason.MALFORMED),  # for its cipher
    "a qop nobody has": (changed("qop", b"auth-more"), Reason.POLICY),
    "a qop beyond ASCII": (changed("qop", b'"\xff"'), Reason.POLICY),
    "no qop": (changed("qop", None), Reason.MALFORMED),
    "a cipher that was not offered": (changed("cipher", b"des"), Reason.POLICY),
    "a cipher nobody has": (changed("cipher", b'"\xff"'), Reason.POLICY),
    "no cipher": (changed("cipher", None), Reason.POLICY),
    "two ciphers": (more(b"cipher=rc4"), Reason.MALFORMED),
    "no uri": (changed("digest-uri", None), Reason.MALFORMED),
    "another uri": (changed("digest-uri", b'"msrp/eve@lan"'), Reason.WRONG),
    "no response": (changed("response", None), Reason.MALFORMED),
    "a response too short": (changed("response", b"0" * 31), Reason.MALFORMED),
    "a response in capitals": (changed("response", b"ABCDEF" * 5 + b"AB"), Reason.MALFORMED),
    "a false response": (changed("response", b"0" * 32), Reason.WRONG),
    "an authzid": (more(b'authzid="im:eve@lan"'), Reason.WRONG),
    "an empty authzid": (more(b'authzid=""'), Reason.MALFORMED),
    "an authzid that is not UTF-8": (more(b'authzid="\xff"'), Reason.MALFORMED),
    "a buffer too small": (changed("maxbuf", b"1023"), Reason.POLICY),
    "another charset": (changed("charset", b"latin-1"), Reason.MALFORMED),
    "too long": (lambda token: token + b',x="' + b"y" * LONGEST_RESPONSE + b'"', Reason.MALFORMED),
}


@pytest.mark.parametrize(("change", "reason"), RESPONSES.values(), ids=RESPONSES)
def test_responses(change: Change, reason: Reason) -> None:
    client, server = sides(policy("auth-conf", "auth-int", "auth"))
    response = answered(client, challenged(server))
    dead(lambda: server.process(change(response), NOW), lambda: server.process(response, NOW), reason)
    assert not server.complete


def test_a_cipher_without_its_protection() -> None:
    client, server = sides(policy("auth-int", "auth-conf"))
    response = answered(client, challenged(server))
    refused(Reason.MALFORMED, lambda: server.process(response + b",cipher=rc4", NOW))


@pytest.mark.parametrize(
    "token",
    [
        b"",
        b"rspauth=",
        b"rspauth=" + b"0" * 31,
        b"rspauth=" + b"A" * 32,
        b"rspauth=" + b"0" * 32 + b",rspauth=" + b"0" * 32,
        b"rspauth=" + b"0" * 32 + b",x=y",
        b"response=" + b"0" * 32,
        b"rspauth=\xff",
        GOOD,
    ],
)
def test_proofs(token: bytes) -> None:
    client, server = sides()
    answered(client, challenged(server))
    dead(
        lambda: client.succeeded(token, NOW),
        lambda: client.succeeded(b"rspauth=" + b"0" * 32, NOW),
        Reason.MALFORMED,
    )


def test_names_that_are_too_long_are_our_own_affair() -> None:
    me = "im:" + "x" * LONGEST_RESPONSE + "@lan"
    mine = Passwords({(me, BOB): Password(SECRET, generated=True)})
    client = initiator(NAME, me=me, credentials=mine)
    assert "too long" in refused(Reason.POLICY, lambda: answered(client, GOOD))
    server = acceptor(NAME, realms=("x" * LONGEST_CHALLENGE,), verifiers=Kept())
    assert "too long" in refused(Reason.POLICY, lambda: server.start(NAME, None, NOW))
    me = "im:a\nb@lan"
    mine = Passwords({(me, BOB): Password(SECRET, generated=True)})
    client = initiator(NAME, me=me, credentials=mine)
    assert "control" in refused(Reason.POLICY, lambda: answered(client, GOOD))


def test_errors_hold_nothing_of_the_other_side() -> None:
    for token in (b'nonce="\x1b[31m"', GOOD.replace(b"md5-sess", b"evil"), b"evil" + GOOD + b",evil"):
        client = initiator(NAME)
        with suppress(SaslError):
            answered(client, token)
            continue
        with pytest.raises(SaslError) as caught:
            read_challenge(token)
        assert "evil" not in str(caught.value)
        assert "\x1b" not in str(caught.value)


# -- octets of any kind

TEXT = st.binary(max_size=40).map(lambda octets: bytes(o for o in octets if o >= 32 and o != 127))
FILLED = TEXT.filter(bool)
TOKENS = st.sampled_from(["auth", "auth-int", "auth-conf", "x-y"])


@given(
    st.builds(
        Challenge,
        realms=st.lists(TEXT, max_size=3).map(tuple),
        nonce=FILLED,
        qops=st.lists(TOKENS, min_size=1, max_size=3).map(tuple),
        ciphers=st.lists(st.sampled_from(["rc4", "des"]), max_size=2).map(tuple),
        buffer=st.integers(0, 1 << 30),
        utf8=st.booleans(),
    )
)
def test_challenges_are_read_as_they_are_written(challenge: Challenge) -> None:
    read = read_challenge(challenge.encode())
    if challenge.qops == ("auth",):  # then no buffers are spoken of
        assert read.buffer == 65536
    else:
        assert read == challenge


@given(
    st.builds(
        Response,
        user=FILLED,
        realm=st.none() | TEXT,
        nonce=FILLED,
        cnonce=FILLED,
        uri=FILLED,
        qop=st.sampled_from([b"auth-int", b"auth-conf"]),
        cipher=st.none() | st.just("rc4"),
        buffer=st.integers(0, 1 << 30),
        utf8=st.booleans(),
        authorization=st.none() | FILLED,
        value=st.just(b"0" * 32),
    )
)
def test_responses_are_read_as_they_are_written(response: Response) -> None:
    assert read_response(response.encode()) == response


PIECES = st.sampled_from(
    b'realm= nonce= nonce="a" qop= "auth,auth-conf" maxbuf=9 algorithm=md5-sess charset=utf-8 cipher="rc4" '
    b'username="a" cnonce="b" nc=00000001 digest-uri="msrp/bob@lan" response= rspauth= authzid= , " = '
    b"\\ \xff \0 00000000000000000000000000000000".split(b" ")
)
ANY = st.binary(max_size=200) | st.lists(PIECES | st.binary(max_size=5), max_size=20).map(b",".join)


@pytest.mark.parametrize("read", [read_challenge, read_response, read_proof], ids=lambda r: r.__name__)
@given(token=ANY)
def test_readers_raise_nothing_else(read: Callable[[bytes], object], token: bytes) -> None:
    with suppress(SaslError):
        read(token)


def dead(act: Callable[[], object], again: Callable[[], object], reason: Reason) -> None:
    """`act` raises the one error, after which `again` is our own mistake."""
    with pytest.raises(SaslError) as caught:
        act()
    assert caught.value.reason is reason
    with pytest.raises(SaslUsageError):
        again()
