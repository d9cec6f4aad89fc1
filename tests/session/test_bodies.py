"""What is shown of a message, whatever kind it is of."""

from __future__ import annotations

import base64
import re
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_peer.session.bodies import Part, is_readable, kinds, parts, show, text_of

VECTORS = Path(__file__).parent.parent / "vectors" / "cpim"
MIXED = "multipart/mixed;boundary=b"


def made(message: MIMEMultipart) -> tuple[str, bytes]:
    """Content-Type and body of a message the email package writes."""
    head, _, body = message.as_bytes().partition(b"\n\n")
    del head
    return message["Content-Type"].replace("\n", ""), body


def test_text_in_the_charsets_there_are() -> None:
    assert text_of("text/plain", "grüße".encode()) == "grüße"
    assert text_of("text/plain;charset=ISO-8859-1", b"gr\xfc\xdfe") == "grüße"
    assert text_of('text/plain;charset="utf-8"', "grüße".encode()) == "grüße"


@pytest.mark.parametrize(
    "charset", ["", ";charset=utf-8", ";charset=us-ascii", ";charset=utf-16", ";charset=zip"]
)
def test_text_that_is_none_is_not_lost(charset: str) -> None:
    """Every octet that does not fit is there to see, as digits."""
    assert text_of(f"text/plain{charset}", b"a\xffb") == "a\\xffb"
    assert show(f"text/plain{charset}", b"a\xffb").text == "a\\xffb"


@pytest.mark.rule("4975 7.3.1-9")
def test_alternatives() -> None:
    """RFC 2046 section 5.1.4: the last that can be shown; plain words before marked ones."""
    message = MIMEMultipart("alternative")
    message.attach(MIMEText("plain", "plain"))
    message.attach(MIMEText("<b>rich</b>", "html"))
    message.attach(MIMEImage(b"GIF89a", "gif"))
    assert show(*made(message)).text == "plain"
    only = MIMEMultipart("alternative")
    only.attach(MIMEText("<b>rich</b>", "html"))
    assert show(*made(only)).text == "<b>rich</b>"


@pytest.mark.rule("4975 7.3.1-9")
def test_mixed() -> None:
    message = MIMEMultipart("mixed")
    message.attach(MIMEText("one", "plain"))
    image = MIMEImage(b"\x00\x01", "png")
    image.add_header("Content-Disposition", "attachment", filename="a b.png")
    message.attach(image)
    message.attach(MIMEText("zwöi", "plain", "utf-8"))  # which it writes as base64
    shown = show(*made(message))
    assert shown.text == "one\n\nzwöi"
    assert shown.others == (Part("image/png", b"\x00\x01", "a b.png", True),)


@pytest.mark.rule("4975 14.3-1")
def test_signed_is_shown_and_said_to_be_unchecked() -> None:
    """RFC 3862 section 5.2: a signed CPIM message."""
    octets = (VECTORS / "rfc3862_s5.2_multipart_signed.eml").read_bytes()
    body = octets.partition(b"\r\n\r\n")[2]
    kind = "multipart/signed; boundary=next; micalg=sha1; protocol=application/pkcs7-signature"
    shown = show(kind, body)
    assert "Here is the text of my message." in shown.text
    assert shown.sender == "im:piglet@100akerwood.com"
    assert shown.subject == "the weather will be fine today"
    assert any("signature was not checked" in note for note in shown.notes)
    assert list(kinds(kind, body)) == [
        "Message/CPIM",
        "text/xml; charset=utf-8",
        "application/pkcs7-signature",
    ]
    assert parts(kind, body)[0].body.startswith(b"From: MR SANDERS")


@pytest.mark.rule("4975 13-3")
def test_cpim() -> None:
    body = (VECTORS / "rfc4975_s11.4_reassembled_NOBLANKLINE.cpim").read_bytes()
    shown = show("message/cpim", body)
    assert (shown.text, shown.sender, shown.notes) == ("ABCD1234567890", "sip:alice@example.com", ())
    assert list(kinds("message/CPIM", body)) == ["text/plain"]


@pytest.mark.rule("4975 14.5-3")
def test_each_who_is_said_to_have_sent_it_is_told() -> None:
    """A gateway wrapped it, and a conference what came of that: a chain of assertions."""
    said = b"\r\n\r\nContent-Type: text/plain\r\n\r\nhello"
    for sender in ("im:alice@lan", "im:gateway@lan", "im:conference@lan"):
        said = f"From: <{sender}>".encode() + said
        shown = show("message/cpim", said)
        said = b"\r\n\r\nContent-Type: message/cpim\r\n\r\n" + said
    assert (shown.text, shown.sender) == ("hello", "im:conference@lan")
    told = [re.findall(r"im:\w+@lan", note) for note in shown.notes]
    assert told == [["im:gateway@lan"], ["im:alice@lan"]], "from the outside in"


def test_parts_that_name_several_senders() -> None:
    head = "--b\r\nContent-Type: message/cpim\r\n\r\n"
    part = head + "From: <im:{0}@lan>\r\n\r\nContent-Type: text/plain\r\n\r\n{0}\r\n"
    body = "".join(part.format(who) for who in ("alice", "alice", "bob")) + "--b--\r\n"
    shown = show("multipart/mixed; boundary=b", body.encode())
    assert (shown.text, shown.sender) == ("alice\n\nalice\n\nbob", "im:alice@lan")
    assert [re.findall(r"im:\w+@lan", note) for note in shown.notes] == [["im:bob@lan"]]


def test_what_is_required_and_not_understood_is_said() -> None:
    """RFC 3862 section 4.7."""
    rest = b"\r\n\r\nContent-Type: text/plain\r\n\r\nhello"
    assert show("message/cpim", b"From: <im:a@lan>\r\nRequire: From,Subject" + rest).notes == ()
    shown = show("message/cpim", b"NS: X <x:y>\r\nRequire: Subject,X.Vital" + rest)
    assert shown.text == "hello"
    assert shown.notes == ("it requires what is not understood here: X.Vital",)


def test_two_senders_in_one_envelope_are_not_one_in_silence() -> None:
    """RFC 4975 section 13: From stands there once."""
    rest = b"\r\n\r\nContent-Type: text/plain\r\n\r\nhello"
    shown = show("message/cpim", b"From: <im:a@lan>\r\nTo: <im:b@lan>\r\nFrom: <im:c@lan>" + rest)
    assert shown.sender == "im:a@lan"
    assert [note for note in shown.notes if "more than once" in note] == list(shown.notes) != []


def test_what_cannot_be_taken_apart_is_shown_as_it_is() -> None:
    for kind in ("message/cpim", "multipart/mixed", MIXED):
        shown = show(kind, b"just words")
        assert shown.text == "just words"
        assert shown.notes


def test_other_kinds_have_no_words() -> None:
    assert show("image/png", b"\x89PNG").others == (Part("image/png", b"\x89PNG"),)
    assert show("nonsense", b"x").text == ""


@pytest.mark.parametrize(
    ("kind", "readable"),
    [
        ("text/plain", True),
        ("Text/X-y;charset=z", True),
        ("message/cpim", True),
        ("multipart/mixed", True),
        ("message/imdn+xml", False),
        ("image/png", False),
        ("", False),
    ],
)
def test_which_kinds_have_words(kind: str, readable: bool) -> None:
    assert is_readable(kind) == readable


# -- taking apart: RFC 2046 section 5.1


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        (b"--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n", [b"one", b"two"]),
        (b"before\r\n--b\r\n\r\none\r\n--b--\r\nafter", [b"one"]),
        (b"--b\n\none\n--b--", [b"one"]),
        (b"--b \t\r\n\r\none\r\n--b--", [b"one"]),
        (b"--b\r\n\r\none\r\n--bb\r\n--b--", [b"one\r\n--bb"]),
        (b"--b\r\n\r\n\r\n--b\r\n\r\n--b--", [b"", b""]),
        (b"--b\r\n\r\nno end", [b"no end"]),
        (b"--b\r\nX: y\r\n\r\none\r\n--b--", [b"one"]),
        (b"--b--", []),
        (b"", []),
    ],
)
def test_delimiters(body: bytes, texts: list[bytes]) -> None:
    assert [part.body for part in parts(MIXED, body)] == texts


def test_encodings() -> None:
    head = b"--b\r\nContent-Transfer-Encoding: "
    octets = bytes(range(256))
    assert (
        parts(MIXED, head + b"base64\r\n\r\n" + base64.encodebytes(octets) + b"\r\n--b--")[0].body == octets
    )
    assert parts(MIXED, head + b"quoted-printable\r\n\r\na=C3=A4\r\n--b--")[0].body == "aä".encode()
    assert parts(MIXED, head + b"base64\r\n\r\n!\r\n--b--")[0].body in (b"", b"!")
    assert parts(MIXED, head + b"binary\r\n\r\n\x00\r\n--b--")[0].body == b"\x00"


def test_what_is_hostile_is_bounded() -> None:
    many = b"--b\r\n\r\nx\r\n" * 10_000
    assert len(parts(MIXED, many)) == 256
    deep = b"x"
    for number in range(2_000):
        deep = f"--{number}\r\nContent-Type: multipart/mixed;boundary={number - 1}\r\n\r\n".encode() + deep
    assert show("multipart/mixed;boundary=1999", deep).text == ""
    assert len(list(kinds("multipart/mixed;boundary=1999", deep))) < 10
    assert parts(f"multipart/mixed;boundary={'b' * 71}", many) == ()
    assert parts("multipart/mixed;boundary=ü", many) == ()
    assert show(MIXED, b"--b\r\n" + b"X: y\r\n" * 10_000).text == ""


KINDS = [
    MIXED,
    "multipart/alternative;boundary=b",
    "multipart/signed;boundary=b",
    "message/cpim",
    "text/x",
    "a/b",
]
PIECES = [
    *(b"--b", b"--", b"\r\n", b"\n", b"--c", b"From: x", b"\xff", b"=", b":", b" "),
    *(b"Content-Type: ", b"message/cpim", b"multipart/mixed;boundary=c", b"text/html;charset=utf-7"),
    b"Content-Transfer-Encoding: base64",
]


@given(
    st.sampled_from(KINDS),
    st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join)),
)
def test_no_octets_break_it(kind: str, body: bytes) -> None:
    shown = show(kind, body)
    assert shown.text or shown.others or shown.notes or kind != "text/x" or not body
    list(kinds(kind, body))
    for part in parts(kind, body):
        assert isinstance(part.content_type, str)
