"""Kerberos' tokens as octets: written, read strictly, and what is said of those that are not right."""

from __future__ import annotations

import base64
import hashlib
import json
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyasn1.codec.der import encoder

from msrp_sasl import Reason, SaslError
from msrp_sasl.kerberos import tokens
from msrp_sasl.mechanisms import gss_layers
from sasl.parties import refused

VECTORS = Path(__file__).resolve().parents[1] / "vectors/sasl"
BOB = "bob@KRBTEST.COM"
REALM = "KRBTEST.COM"


def ticket(
    name: tuple[str, ...] = ("krbtgt", REALM), realm: str = REALM, kind: int = 2, **more: int
) -> bytes:
    made = tokens._Ticket()
    made["tkt-vno"], made["realm"] = more.get("version", 5), realm
    made["sname"]["name-type"] = kind
    made["sname"]["name-string"].extend(name)
    made["enc-part"]["etype"], made["enc-part"]["cipher"] = 18, b"cipher"
    return bytes(encoder.encode(made))


def test_the_identifiers() -> None:
    """RFC 5801 section 3.1 makes names of them."""
    known = {bytes.fromhex(entry["oid_der_hex"]): entry["name"] for entry in vectors("gs2_names")}
    for oid in (tokens.KERBEROS, tokens.USER_TO_USER):
        name = base64.b32encode(hashlib.sha1(oid, usedforsecurity=False).digest()).decode()[:11]
        assert known[oid] == f"GS2-{name}"


def vectors(name: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads((VECTORS / f"{name}.json").read_text())
    return found


def test_the_agreement_on_layers() -> None:
    known = json.loads((VECTORS / "gssapi_layer.json").read_text())
    for entry in known["server_offer"]:
        octets = bytes.fromhex(entry["hex"])
        assert gss_layers.offer(entry["layers"], entry["max"]) == octets
        assert gss_layers.read_offer(octets) == (frozenset(entry["layers"]), entry["max"])
    for entry in known["client_choice"]:
        octets = bytes.fromhex(entry["hex"])
        assert gss_layers.choice(entry["layer"], entry["authzid"], entry["max"]) == octets
        everything = ("none", "integrity", "confidentiality")
        assert gss_layers.read_choice(octets, everything) == (entry["layer"], entry["max"], entry["authzid"])


def test_bits_nobody_knows_are_ignored() -> None:
    assert gss_layers.read_offer(b"\xf9\0\0\0") == ({"none"}, 0)
    refused(Reason.MALFORMED, lambda: gss_layers.read_choice(b"\x09\0\0\0", ("none",)))


@pytest.mark.parametrize("principal", [BOB, "a/b@R", "b\u00f6b@R", "x" * 200 + "@R"])
def test_asking_for_a_ticket(principal: str) -> None:
    assert tokens.read_tgt_request(tokens.tgt_request(principal)) == principal


def test_the_octets_of_the_draft() -> None:
    """draft-swift-win2k-krb-user2user-03 section 4, byte for byte."""
    assert tokens.tgt_request("bob@R").hex() == (
        "6031060a2a864886f712010202030400"  # framing, mechanism, token kind 04 00
        "3021a003020105a103020110"  # pvno 5, msg-type 16
        "a210300ea003020101a10730051b03626f62"  # server-name: a principal, bob
        "a3031b0152"  # realm
    )


def test_giving_a_ticket() -> None:
    mine = ticket()
    token = tokens.tgt_reply(mine)
    assert tokens.read_tgt_reply(token, REALM) == mine
    kind, message = tokens.unframed(tokens.USER_TO_USER, token)
    assert kind == b"\x04\x01"
    assert mine in message


@pytest.mark.parametrize(
    "offered",
    [
        ticket(realm="OTHER.COM"),
        ticket(("krbtgt", "OTHER.COM")),
        ticket(("krbtgt", "OTHER.COM"), "OTHER.COM"),
        ticket(("krbtgt",)),
        ticket(("krbtgt", REALM, "x")),
        ticket((f"krbtgt/{REALM}",)),
        ticket(("bob",), kind=1),
        ticket(("kadmin", "changepw")),
        ticket(kind=3),
    ],
)
def test_what_is_no_ticket_granting_ticket(offered: bytes) -> None:
    refused(Reason.WRONG, lambda: tokens.read_tgt_reply(tokens.tgt_reply(offered), REALM))


REQUEST = tokens.tgt_request(BOB)
REPLY = tokens.tgt_reply(ticket())
READERS: list[Callable[[bytes], object]] = [
    tokens.read_tgt_request,
    lambda token: tokens.read_tgt_reply(token, REALM),
    tokens.read_ap_request,
    lambda token: tokens.read_ap_request(token, tokens.USER_TO_USER),
    tokens.check_ap_reply,
    lambda token: tokens.check_ap_reply(token, tokens.USER_TO_USER),
]


def request(**changes: object) -> bytes:
    """KERB-TGT-REQUEST with something else in it."""
    message = tokens._TgtRequest()
    values = {"pvno": 5, "msg-type": 16, "realm": REALM, "name": ("bob",), "kind": 1} | changes
    message["pvno"], message["msg-type"] = values["pvno"], values["msg-type"]
    if values["realm"] is not None:
        message["realm"] = values["realm"]
    if values["name"] is not None:
        message["server-name"]["name-type"] = values["kind"]
        message["server-name"]["name-string"].extend(values["name"])
    return tokens.framed(tokens.USER_TO_USER, tokens.TGT_REQUEST, encoder.encode(message))


BAD = {
    "nothing": b"",
    "one octet": b"\x60",
    "too long": b"\x60\x84\x00\x02\x00\x00" + bytes(131_072),
    "a length in too many octets": b"\x60\x81" + REQUEST[1:],
    "a length of no end": b"\x60\x80" + REQUEST[2:] + b"\0\0",
    "something behind it": REQUEST + b"\0",
    "the mechanism and no more": tokens.framed(tokens.USER_TO_USER, b"", b""),
    "another mechanism": tokens.framed(tokens.KERBEROS, tokens.TGT_REQUEST, REQUEST[16:]),
    "another kind": tokens.framed(tokens.USER_TO_USER, b"\x04\x02", REQUEST[16:]),
    "an inner length in more octets than it takes": tokens.framed(
        tokens.USER_TO_USER, tokens.TGT_REQUEST, b"\x30\x81" + REQUEST[17:]
    ),
    "a number in more octets than it takes": tokens.framed(
        tokens.USER_TO_USER,
        tokens.TGT_REQUEST,
        bytes([0x30, REQUEST[17] + 1]) + b"\xa0\x04\x02\x02\0\x05" + REQUEST[23:],
    ),
    "no message": tokens.framed(tokens.USER_TO_USER, tokens.TGT_REQUEST, b""),
    "another version": request(pvno=4),
    "another message": request(**{"msg-type": 17}),
    "nobody": request(name=None),
    "no realm": request(realm=None),
    "a service": request(kind=3),
    "nested without end": tokens.framed(tokens.USER_TO_USER, tokens.TGT_REQUEST, b"\x30\x80" * 2000),
    "a number without end": request(pvno=1 << 9000),
}


@pytest.mark.parametrize("token", BAD.values(), ids=BAD)
def test_what_is_no_request(token: bytes) -> None:
    refused(Reason.MALFORMED, lambda: tokens.read_tgt_request(token))
    for read in READERS:
        with pytest.raises(SaslError):
            read(token)


MANY = b"\x1b\0" * 2000
MANY_VALUES = {
    "names": (request(name=("",) * 2000), "too many parts"),
    "pieces of a name": (
        tokens.framed(tokens.USER_TO_USER, tokens.TGT_REQUEST, b"\x30\x82\x0f\xa4\x3b\x82\x0f\xa0" + MANY),
        "too many parts",
    ),
    "behind a long tag": (
        tokens.framed(
            tokens.USER_TO_USER, tokens.TGT_REQUEST, b"\x30\x82\x0f\xa5\x3f\x1f\x82\x0f\xa0" + MANY
        ),
        "a tag Kerberos does not have",
    ),
}


@pytest.mark.parametrize(("token", "why"), MANY_VALUES.values(), ids=MANY_VALUES)
def test_each_value_costs_so_few_are_read(token: bytes, why: str) -> None:
    """They are counted before pyasn1 sees them."""
    assert why in refused(Reason.MALFORMED, lambda: tokens.read_tgt_request(token))


def test_nothing_of_a_token_is_told() -> None:
    """Not even by what was caught on the way to the error."""
    token = tokens.framed(tokens.USER_TO_USER, tokens.TGT_REQUEST, b"\x30\x05evil!")
    with pytest.raises(SaslError) as caught:
        tokens.read_tgt_request(token)
    told = "".join(traceback.format_exception(caught.value))
    assert "pyasn1" not in told


def test_a_name_that_could_be_two() -> None:
    for odd in (("a/b",), ("a@b",), ("a\\b",), ("a\nb",), ("a\0",)):
        assert tokens.read_tgt_request(request(name=odd)) == ""


@pytest.mark.parametrize(
    ("code", "why"),
    [(37, "Set both right"), (32, "from here has expired. Run kinit"), (6, ""), (999_999_999_999, "")],
)
def test_what_the_other_side_says_went_wrong(code: int, why: str) -> None:
    """KRB-ERROR: its number alone is told on, and what it means at this end."""
    error = tokens._Error()
    error["pvno"], error["msg-type"], error["stime"], error["susec"] = 5, 30, "20260101000000Z", 0
    error["error-code"], error["realm"], error["e-text"] = code, REALM, "\x1b[31mred"
    error["sname"]["name-type"] = 1
    error["sname"]["name-string"].extend(["bob"])
    token = tokens.framed(tokens.KERBEROS, tokens.ERROR, encoder.encode(error))
    said = refused(Reason.REFUSED, lambda: tokens.check_ap_reply(token))
    assert said.startswith("the other side refused")
    assert said.endswith(why or "refused")
    assert "\x1b" not in said


# -- octets of any kind

PIECES = st.sampled_from(
    [
        REQUEST,
        REPLY,
        ticket(),
        REQUEST[:16],
        REQUEST[16:],
        b"\x60",
        b"\x30\x80",
        b"\xa0\x03\x02\x01\x05",
        b"\x6e",
        b"\0\0",
    ]
)
ANY = st.binary(max_size=80) | st.lists(PIECES | st.binary(max_size=4), max_size=8).map(b"".join)
KINDS = st.sampled_from([b"\x01\0", b"\x02\0", b"\x03\0", b"\x04\0", b"\x04\x01"])
FRAMED = st.builds(tokens.framed, st.sampled_from([tokens.KERBEROS, tokens.USER_TO_USER]), KINDS, ANY)


@given(ANY | FRAMED)
@example(tokens.framed(tokens.USER_TO_USER, tokens.TGT_REQUEST, b"\x30\x80" * 20_000))
def test_readers_raise_nothing_else(token: bytes) -> None:
    for read in READERS:
        with suppress(SaslError):
            read(token)


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_request_has_one_spelling(where: int, octet: int) -> None:
    """Whatever octet is changed: it is refused, or it asks for somebody else."""
    at = where % len(REQUEST)
    changed = REQUEST[:at] + bytes([octet]) + REQUEST[at + 1 :]
    with suppress(SaslError):
        assert (tokens.read_tgt_request(changed) == BOB) == (changed == REQUEST)


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_reply_has_one_spelling(where: int, octet: int) -> None:
    at = where % len(REPLY)
    changed = REPLY[:at] + bytes([octet]) + REPLY[at + 1 :]
    with suppress(SaslError):
        assert tokens.tgt_reply(tokens.read_tgt_reply(changed, REALM)) == changed
