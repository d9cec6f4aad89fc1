"""message/cpim: the examples RFCs print, and that no octets break the reader.

tests/vectors/cpim holds their exact octets. RFC 4975 section 11.4 and RFC 5438 print no blank line
between CPIM's headers and MIME's.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_peer.session.bodies import show
from msrp_peer.session.cpim import Cpim

VECTORS = Path(__file__).parent.parent / "vectors" / "cpim"
BODIES = sorted(path.name for path in VECTORS.glob("*.cpim"))
ALONE = "rfc3862_s5.1_message_cpim_body.cpim"


def parsed(name: str) -> Cpim:
    message = Cpim.parse((VECTORS / name).read_bytes())
    assert message is not None
    return message


@pytest.mark.parametrize(
    ("name", "sender", "to", "kind", "body"),
    [
        (
            ALONE,
            "im:piglet@100akerwood.com",
            "im:eeyore@100akerwood.com",
            "text/xml; charset=utf-8",
            b"<body>",
        ),
        (
            "rfc4975_s11.4_reassembled_NOBLANKLINE.cpim",
            "sip:alice@example.com",
            "sip:bob@example.com",
            "text/plain",
            b"ABCD1234567890",
        ),
        (
            "rfc4975_s11.4_reassembled_fixed_per_rfc3862.cpim",
            "sip:alice@example.com",
            "sip:bob@example.com",
            "text/plain",
            b"ABCD1234567890",
        ),
        (
            "rfc5438_s7.1.1.3_im_requesting_imdn_NOBLANKLINE.cpim",
            "im:alice@example.com",
            "im:bob@example.com",
            "text/plain",
            b"Hello World",
        ),
        (
            "rfc5438_s7.2.1.1_imdn_NOBLANKLINE.cpim",
            "im:bob@example.com",
            "im:alice@example.com",
            "message/imdn+xml",
            b"<?xml",
        ),
    ],
)
@pytest.mark.rule("4975 13-3")
def test_examples(name: str, sender: str, to: str, kind: str, body: bytes) -> None:
    message = parsed(name)
    assert (message.address("From") or ("", ""))[1] == sender
    assert (message.address("To") or ("", ""))[1] == to
    assert message.content_type == kind
    assert message.body.startswith(body)


def test_every_example_is_tried() -> None:
    assert len(BODIES) == 5


def test_the_headers_of_rfc_3862_section_5_1() -> None:
    message = parsed(ALONE)
    assert message.address("From") == ("MR SANDERS", "im:piglet@100akerwood.com")
    assert message.subject == "the weather will be fine today"
    assert message.values("Subject")[1] == ";lang=fr beau temps prevu pour aujourd'hui"
    assert message.values("DateTime") == ["2000-12-13T13:40:00-08:00"]
    assert ("MyFeatures.WackyMessageOption", "Use-silly-font") in message.headers
    assert message.required == [("MyFeatures.VitalMessageOption", None)]
    assert message.values("subject") == []  # by case (RFC 3862 section 2.1)
    assert ("content-id", "<1234567890@foo.com>") in message.content


@pytest.mark.parametrize("name", BODIES)
def test_written_and_read_again(name: str) -> None:
    message = parsed(name)
    again = Cpim.parse(message.octets())
    assert again == message
    if name == ALONE:
        assert message.octets().lower() == (VECTORS / name).read_bytes().lower()


def test_headers_and_escapes() -> None:
    index = json.loads((VECTORS / "rfc3862_headers.json").read_text())
    for header in index["headers"]:
        message = Cpim.parse(f"{header['raw']}\r\n\r\n\r\n".encode())
        assert message is not None
        name, _, value = header["raw"].partition(":")
        assert message.headers == ((name, value.strip()),)
    for escape in index["escapes"]:
        message = Cpim.parse(f"Subject: a{escape['esc']}b\r\n\r\n\r\n".encode())
        assert message is not None
        assert message.subject == f"a{chr(int(escape['cp'][2:], 16))}b"


@pytest.mark.parametrize("value", [" a", "a ", "\ta\n", "\u00a0a\u2003", " ", "a b", ";lang=de  a "])
def test_white_space_around_a_value_is_a_part_of_it(value: str) -> None:
    """RFC 3862 section 2.3.1: it was escaped, and is again."""
    message = Cpim((("From", "<im:a@lan>"), ("Subject", value)), (("content-type", "text/plain"),), b"")
    assert Cpim.parse(message.octets()) == message


def test_a_language() -> None:
    message = Cpim.parse(b"Subject:;lang=fr Objet de message\r\n\r\n\r\n")
    assert message is not None
    assert message.subject == "Objet de message"


def test_a_folded_header() -> None:
    """RFC 5547 section 9.1 prints one, though there is no folding in CPIM."""
    message = Cpim.parse(b"To: Bob\r\n <sip:bob@example.com>\r\n\r\n\r\nx")
    assert message is not None
    assert message.address("To") == ("Bob", "sip:bob@example.com")


@pytest.mark.rule("4975 13-7 13-8")
def test_wrapped_by_us() -> None:
    """RFC 3862 section 5: From, To, DateTime, a blank line, MIME headers, a blank line."""
    when = "2026-01-02T03:04:05+01:00"
    message = Cpim.wrap(
        b"hi", "text/plain", sender="im:a@lan", to=["im:b@lan", "im:c@lan"], when=when, subject="a\r\nb\\"
    )
    octets = message.octets()
    assert octets == (
        b"From: <im:a@lan>\r\nTo: <im:b@lan>\r\nTo: <im:c@lan>\r\nDateTime: " + when.encode() + b"\r\n"
        b"Subject: a\\r\\nb\\\\\r\n\r\nContent-Type: text/plain\r\n\r\nhi"
    )
    assert Cpim.parse(octets) == message


@pytest.mark.parametrize(("name", "value"), [("Not a name", "x"), ("", "x"), ("X:", "")])
def test_what_no_line_can_hold(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="header"):
        Cpim(((name, value),), (), b"").octets()
    with pytest.raises(ValueError, match="header"):
        Cpim((("From", "x"),), (("content-type", "text/plain\r\nX: y"),), b"").octets()


@pytest.mark.parametrize(
    "octets", [b"", b"\r\n\r\n", b"hello", b"From x\r\n\r\n\r\n", b"From: x", b"A: b\r\n" * 9999]
)
def test_what_is_none(octets: bytes) -> None:
    assert Cpim.parse(octets) is None


PIECES = [
    *(
        b"From: ",
        b"<a:b>",
        b"\r\n",
        b"\n",
        b" ",
        b'"',
        b"\\",
        b"\\u00",
        b"Content-Type:",
        b"\xff",
        b":",
        b"x.y: ",
    ),
]


@given(st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join)))
def test_no_octets_break_the_reader(octets: bytes) -> None:
    message = Cpim.parse(octets)
    if message is not None:
        assert octets.endswith(message.body)
        assert message.address("From") is None or message.address("From")
        assert isinstance(message.content_type + (message.subject or ""), str)


def with_headers(*lines: str) -> Cpim:
    message = Cpim.parse("\r\n".join((*lines, "", "Content-Type: text/plain", "", "hi")).encode())
    assert message is not None
    return message


@pytest.mark.rule("4975 13-6")
def test_a_prefix_may_stand_for_the_own_namespace() -> None:
    """RFC 3862 section 3.4; its section 6 spells the namespace otherwise."""
    for own in ("urn:ietf:params:cpim-headers:", "urn:ietf:params-cpim-headers:"):
        message = with_headers(f"NS: c <{own}>", "c.From: <im:a@b.c>", "c.Subject: one", "From: <im:d@e.f>")
        assert message.values("From") == ["<im:a@b.c>", "<im:d@e.f>"]
        assert message.subject == "one"


@pytest.mark.rule("4975 13-6")
@pytest.mark.parametrize("space", ["<urn:other>", " <urn:other>"])
def test_another_default_namespace_has_other_headers(space: str) -> None:
    """From there on; and RFC 3862's own are to be had by a prefix declared before."""
    message = with_headers(
        "NS: c <urn:ietf:params:cpim-headers:>",
        "From: <im:a@b.c>",
        f"NS: {space}",
        "Subject: of theirs",
        "From: <im:d@e.f>",
        "c.Subject: of ours",
        "c.NS: <urn:ietf:params:cpim-headers:>",
        "To: <im:g@h.i>",
    )
    assert message.values("From") == ["<im:a@b.c>"]
    assert message.subject == "of ours"
    assert message.address("To") == ("", "im:g@h.i")


@pytest.mark.rule("4975 13-6")
def test_a_prefix_nobody_declared_is_of_nobody() -> None:
    message = with_headers(
        "x.From: <im:a@b.c>",
        "NS: x nonsense",
        "x.Subject: no",
        "NS: x <urn:x>",
        "x.To: <im:a@b.c>",
        "From: <im:d@e.f>",
    )
    assert (message.values("From"), message.subject, message.values("To")) == (["<im:d@e.f>"], None, [])


@pytest.mark.rule("4975 13-6")
def test_what_is_required_is_told_by_its_namespace() -> None:
    required = (
        "NS: c <urn:ietf:params:cpim-headers:>",
        "NS: x <urn:x>",
        "Require: c.Subject,x.Subject,Subject",
    )
    assert with_headers(*required).required == [
        ("c.Subject", "Subject"),
        ("x.Subject", None),
        ("Subject", "Subject"),
    ]
    shown = show("message/cpim", with_headers("From: <im:d@e.f>", *required).octets())
    assert shown.notes == ("it requires what is not understood here: x.Subject",)
