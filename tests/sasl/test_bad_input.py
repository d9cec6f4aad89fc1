"""What the other side may not say: one error, and the exchange is dead."""

from __future__ import annotations

import base64

import pytest

from msrp_sasl import Reason, SaslError, SaslUsageError
from msrp_sasl.identity import check_authorization
from msrp_sasl.mechanisms.scram_tokens import LONGEST
from sasl.parties import CERTIFIED, NOW, PLUS, VERIFIED, acceptor, initiator, run, started

BARE = "SCRAM-SHA-256"

CLIENT_FIRST = {
    "nothing": b"",
    "no header": b"n=alice,r=abc",
    "half a header": b"n,n=alice,r=abc",
    "another flag": b"x,,n=alice,r=abc",
    "a flag and more": b"nn,,n=alice,r=abc",
    "a binding to the unbound form": b"p=tls-exporter,,n=alice,r=abc",
    "an authorization identity of another kind": b"n,b=x,n=alice,r=abc",
    "an empty authorization identity": b"n,a=,n=alice,r=abc",
    "an authorization identity with NUL": b"n,a=a\0b,n=alice,r=abc",
    "no nonce": b"n,,n=alice",
    "an empty nonce": b"n,,n=alice,r=",
    "a space in the nonce": b"n,,n=alice,r=a b",
    "an endless nonce": b"n,,n=alice,r=" + b"a" * 1025,
    "no user": b"n,,n=,r=abc",
    "a user of nothing": "n,,n=\u00ad,r=abc".encode(),
    "a user with NUL": b"n,,n=a\0b,r=abc",
    "a user with a control": b"n,,n=a\nb,r=abc",
    "a user that is not UTF-8": b"n,,n=\xff,r=abc",
    "a broken escape": b"n,,n=a=2Xb,r=abc",
    "an escape of something else": b"n,,n=a=41b,r=abc",
    "an escape in lower case": b"n,,n=a=2cb,r=abc",
    "an escape cut short": b"n,,n=a=2,r=abc",
    "the wrong order": b"n,,r=abc,n=alice",
    "the user twice": b"n,,n=alice,n=bob,r=abc",
    "the nonce twice": b"n,,n=alice,r=abc,r=def",
    "an extension twice": b"n,,n=alice,r=abc,x=1,x=2",
    "an attribute defined elsewhere": b"n,,n=alice,r=abc,i=4096",
    "an extension that is demanded": b"n,,m=ext,n=alice,r=abc",
    "an extension in the wrong place": b"n,,x=1,n=alice,r=abc",
    "an extension without value": b"n,,n=alice,r=abc,x=",
    "a comma at the end": b"n,,n=alice,r=abc,",
    "too long": b"n,,n=alice,r=abc,x=" + b"y" * LONGEST,
}


@pytest.mark.parametrize("token", CLIENT_FIRST.values(), ids=CLIENT_FIRST)
def test_client_first(token: bytes) -> None:
    server = acceptor(BARE)
    dead(lambda: server.start(BARE, token, NOW), lambda: server.process(b"", NOW))


@pytest.mark.parametrize("token", [b"n,,n=alice,r=abc", b"y,,n=alice,r=abc"])
def test_no_binding_to_the_bound_form(token: bytes) -> None:
    server = acceptor(PLUS)
    dead(lambda: server.start(PLUS, token, NOW), lambda: server.process(b"", NOW))


@pytest.mark.parametrize("name", [b"tls-unique", b"tls-server-end-point", b"", b"tls exporter", b"x" * 65])
def test_a_binding_that_is_not_there(name: bytes) -> None:
    server = acceptor(PLUS)
    with pytest.raises(SaslError):
        server.start(PLUS, b"p=" + name + b",,n=alice,r=abc", NOW)


SERVER_FIRST = {
    "nothing": b"",
    "an error": b"e=other-error",
    "another nonce": b"r=another,s=c2FsdA==,i=4096",
    "our nonce and no more": b"r=%b,s=c2FsdA==,i=4096",
    "no salt": b"r=%bx,i=4096",
    "an empty salt": b"r=%bx,s=,i=4096",
    "a salt that is not base64": b"r=%bx,s=c2Fsd!==,i=4096",
    "a salt without padding": b"r=%bx,s=c2FsdA,i=4096",
    "a salt with bits to spare": b"r=%bx,s=c2FsdB==,i=4096",
    "a salt with a line break": b"r=%bx,s=c2Fs\ndA==,i=4096",
    "an endless salt": b"r=%bx,s=" + base64.b64encode(bytes(1025)) + b",i=4096",
    "no count": b"r=%bx,s=c2FsdA==",
    "a count of nothing": b"r=%bx,s=c2FsdA==,i=0",
    "a count below zero": b"r=%bx,s=c2FsdA==,i=-4096",
    "a count with a zero before": b"r=%bx,s=c2FsdA==,i=04096",
    "a count with a space": b"r=%bx,s=c2FsdA==,i= 4096",
    "a count in other digits": "r=%bx,s=c2FsdA==,i=\u0664\u0660\u0669\u0666".encode(),
    "a count with a sign": b"r=%bx,s=c2FsdA==,i=+4096",
    "too few rounds": b"r=%bx,s=c2FsdA==,i=4095",
    "too many rounds": b"r=%bx,s=c2FsdA==,i=1000001",
    "an endless count": b"r=%bx,s=c2FsdA==,i=" + b"9" * 5000,
    "the wrong order": b"s=c2FsdA==,r=%bx,i=4096",
    "an attribute twice": b"r=%bx,s=c2FsdA==,i=4096,i=5000",
    "an extension that is demanded": b"m=ext,r=%bx,s=c2FsdA==,i=4096",
    "too long": b"r=%bx,s=c2FsdA==,i=4096,x=" + b"y" * LONGEST,
}


@pytest.mark.parametrize("token", SERVER_FIRST.values(), ids=SERVER_FIRST)
def test_server_first(token: bytes) -> None:
    client = initiator(PLUS)
    nonce = (client.start(NOW) or b"").rpartition(b"r=")[2]
    dead(lambda: client.process(token.replace(b"%b", nonce), NOW), lambda: client.process(b"", NOW))


def final(**changes: bytes) -> bytes:
    """A right client-final of an exchange that is over, changed; `nonce` is taken over by the test."""
    parts = {"c": b"cD10bHMtZXhwb3J0ZXIsLAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f", "p": b"A" * 43 + b"="}
    parts |= changes
    return b"c=%b,r=%%b,p=%b" % (parts["c"], parts["p"])


CLIENT_FINAL = {
    "nothing": b"",
    "a false proof": final(),
    "a proof too short": final(p=b"AAAA"),
    "a proof too long": final(p=b"AAAA" * 20),
    "a proof that is not base64": final(p=b"*" * 44),
    "no proof": final().rpartition(b",")[0],
    "something behind the proof": final() + b",x=1",
    "another binding": final(c=b"biws"),
    "a binding that is not base64": final(c=b"!"),
    "an empty binding": final(c=b""),
    "another nonce": final().replace(b"%b", b"another"),
    "the nonce and more": final().replace(b"%b", b"%bx"),
    "the proof twice": final().replace(b",p=", b",p=AAAA,p="),
    "an extension that is demanded": b"m=x," + final(),
    "the wrong order": b"r=%b,c=biws,p=AAAA",
    "too long": final().replace(b",p=", b",x=" + b"y" * LONGEST + b",p="),
}


@pytest.mark.parametrize("token", CLIENT_FINAL.values(), ids=CLIENT_FINAL)
def test_client_final(token: bytes) -> None:
    client, server = initiator(PLUS), acceptor(PLUS)
    challenge = server.start(PLUS, client.start(NOW), NOW) or b""
    nonce = challenge.partition(b",")[0][2:]
    dead(lambda: server.process(token.replace(b"%b", nonce), NOW), lambda: server.process(b"", NOW))
    assert not server.complete


SERVER_FINAL = {
    "nothing": b"",
    "a false signature": b"v=" + base64.b64encode(bytes(32)),
    "a signature too short": b"v=AAAA",
    "a signature that is not base64": b"v=!",
    "an empty signature": b"v=",
    "an error": b"e=invalid-proof",
    "an error and a signature": b"e=x,v=AAAA",
    "an unknown error": b"e=\xff",
    "an extension that is demanded": b"m=x,v=AAAA",
}


@pytest.mark.parametrize("token", SERVER_FINAL.values(), ids=SERVER_FINAL)
def test_server_final(token: bytes) -> None:
    client, _, _ = started()
    dead(lambda: client.succeeded(token, NOW), lambda: client.succeeded(None, NOW))
    assert not client.complete


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (b"channel-bindings-dont-match", Reason.BINDING),
        (b"unsupported-channel-binding-type", Reason.BINDING),
        (b"channel-binding-not-supported", Reason.BINDING),
        (b"server-does-support-channel-binding", Reason.DOWNGRADE),
        (b"no-resources", Reason.REFUSED),
        (b"invalid-proof", Reason.WRONG),
        (b"unknown-user", Reason.WRONG),
        (b"anything", Reason.WRONG),
    ],
)
def test_errors_of_the_other_side_say_what_to_do(error: bytes, reason: Reason) -> None:
    client, _, _ = started()
    with pytest.raises(SaslError) as caught:
        client.process(b"e=" + error, NOW)
    assert caught.value.reason is reason
    assert error.decode() not in str(caught.value)


def test_a_demand_is_named() -> None:
    with pytest.raises(SaslError, match="demands"):
        acceptor(BARE).start(BARE, CLIENT_FIRST["an extension that is demanded"], NOW)


@pytest.mark.parametrize("octets", [b"\xff", b"a\0", b"x" * 2049])
def test_what_is_no_authorization_identity(octets: bytes) -> None:
    with pytest.raises(SaslError) as caught:
        check_authorization(octets)
    assert caught.value.reason is Reason.MALFORMED
    assert check_authorization(b"x" * 2048) == "x" * 2048


def test_extensions_nobody_knows_are_ignored_and_covered() -> None:
    """RFC 5802 section 5.1; one put in on the way is noticed by the signatures."""
    client, server = initiator(PLUS), acceptor(PLUS)
    with pytest.raises(SaslError):
        run(client, server, lambda index, token: token + b",x=1" if index == 0 else token)
    server = acceptor(PLUS)
    assert server.start(PLUS, b"p=tls-exporter,,n=alice,r=abc,x=1,Y=2", NOW)


@pytest.mark.parametrize("token", [b"\xff", b"im:a\0b@lan", b"x" * 3000])
def test_external(token: bytes) -> None:
    server = acceptor("EXTERNAL", channel=CERTIFIED)
    dead(lambda: server.start("EXTERNAL", token, NOW), lambda: server.process(b"", NOW))


@pytest.mark.parametrize("token", [b"\xff", b"a\0b", b"x" * 256, "\u00e4".encode() * 256])
def test_anonymous(token: bytes) -> None:
    server = acceptor("ANONYMOUS", channel=VERIFIED)
    dead(lambda: server.start("ANONYMOUS", token, NOW), lambda: server.process(b"", NOW))


def test_a_challenge_to_what_is_said_already() -> None:
    client = initiator("ANONYMOUS")
    client.start(NOW)
    dead(lambda: client.process(b"", NOW), lambda: client.succeeded(None, NOW))


def dead(act: object, again: object) -> None:
    """`act` raises the one error, after which `again` is our own mistake."""
    with pytest.raises(SaslError):
        act()  # type: ignore[operator]
    with pytest.raises(SaslUsageError):
        again()  # type: ignore[operator]
