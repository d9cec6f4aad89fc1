"""Header values: lenient in, strict out, never an exception for what the other side wrote."""

from __future__ import annotations

import hashlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_peer.terms.content import (
    Accepts,
    Disposition,
    digest_header,
    disposition,
    media_type,
    parse_digest,
    parse_disposition,
)

any_text = st.text(st.characters(codec=None))
headerish = st.text("abc/*;=\"\\\r\n\t '%0éfilename:,-", max_size=60)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("text/plain", ("text", "plain", {})),
        ("Text/PLAIN", ("text", "plain", {})),
        ("text/plain;charset=UTF-8", ("text", "plain", {"charset": "UTF-8"})),
        ('text/plain ; Charset="a;b\\"c" ; x', ("text", "plain", {"charset": 'a;b"c', "x": ""})),
        ("text/plain;charset=a;charset=b", ("text", "plain", {"charset": "a"})),
        ("text/plain;", ("text", "plain", {})),
        ("text/plain; =x; y=1", ("text", "plain", {})),
        ('text/plain; x="open', ("text", "plain", {"x": ""})),
        ("application/vnd.3gpp.x+xml", ("application", "vnd.3gpp.x+xml", {})),
        ("message/*", ("message", "*", {})),
        ("text", None),
        ("text/", None),
        ("/plain", None),
        ("text/plain/x", None),
        ("text/plain charset=x", None),
        ("tëxt/plain", None),
        ("", None),
        (None, None),
    ],
)
def test_media_types(value: str | None, read: object) -> None:
    assert media_type(value) == read


@pytest.mark.parametrize(
    ("accepts", "content_type", "allowed"),
    [
        ("*", "x/y", True),
        ("*", "garbage", False),
        ("text/plain", "text/plain", True),
        ("text/plain", "TEXT/Plain;charset=utf-8", True),
        ("text/plain;charset=utf-8", "text/plain", True),
        ('text/plain;x="a b" message/cpim', "message/cpim", True),
        ("text/plain", "text/html", False),
        ("text/*", "text/html", True),
        ("text/*", "texts/html", False),
        ("message/cpim *", "image/png", True),
        ("*/*", "image/png", True),
        ("  text/plain\r\n\ttext/html ", "text/html", True),
        ("nonsense / text/plain", "text/plain", True),
        ("nonsense", "text/plain", False),
        ("", "text/plain", False),
        (None, "text/plain", False),
        ("text/plain", None, False),
        ('text/plain;x="é"', "text/plain", True),
    ],
)
@pytest.mark.rule("4975 8.6-2 8.6-11")
def test_what_a_list_allows(accepts: str | None, content_type: str | None, allowed: bool) -> None:
    assert Accepts.parse(accepts).allows(content_type) is allowed


def test_a_list_keeps_its_order_and_says_each_entry_once() -> None:
    accepts = Accepts.parse("message/cpim text/plain  x text/plain *")
    assert accepts.entries == ("message/cpim", "text/plain", "*")
    assert accepts.text == "message/cpim text/plain *"
    assert Accepts.parse('text/plain;x="é" image/png').text == "text/plain image/png"


@given(any_text | headerish)
def test_a_list_written_again_is_the_same(text: str) -> None:
    accepts = Accepts.parse(text)
    assert Accepts.parse(accepts.text) == accepts
    assert accepts.text.isascii()
    assert not set("\r\n") & set(accepts.text)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (None, Disposition()),
        ("", Disposition()),
        ("Attachment", Disposition("attachment")),
        ("attachment; filename=a.txt; size=7", Disposition("attachment", "a.txt", 7)),
        ('attachment; filename="a \\"b\\".txt"', Disposition("attachment", 'a "b".txt')),
        ("attachment; filename=my file.txt ; size=1", Disposition("attachment", "my file.txt", 1)),
        ('attachment;FileName = "x" ;SIZE="12"', Disposition("attachment", "x", 12)),
        ("attachment; filename=ü.txt", Disposition("attachment", "ü.txt")),
        ("attachment; filename*=UTF-8'de'%C3%BC.txt; filename=u.txt", Disposition("attachment", "ü.txt")),
        ("attachment; filename*=iso-8859-1''%FC", Disposition("attachment", "ü")),
        ("attachment; filename*=%C3%BC", Disposition("attachment", "ü")),
        ("attachment; filename*=zip''abc; filename=u", Disposition("attachment", "u")),
        ("attachment; filename*=UTF-8''%FF", Disposition("attachment", "\ufffd")),
        (
            "attachment; filename*0*=utf-8''%C3; filename*1*=%BC; filename*2=\".t\"",
            Disposition("attachment", "ü.t"),
        ),
        ("attachment; filename*1=b; filename*0=a; filename=x", Disposition("attachment", "ab")),
        ("attachment; filename=", Disposition("attachment")),
        ("attachment; filename=a; filename=b", Disposition("attachment", "a")),
        ("attachment; size=-1", Disposition("attachment")),
        ("attachment; size=1e9", Disposition("attachment")),
        ("attachment; size=٣", Disposition("attachment")),
        ("attachment; size=" + "9" * 5000, Disposition("attachment")),
        ('filename="x"', Disposition("attachment", "x")),
        ("what is this; filename=x", Disposition("attachment", "x")),
        ("; filename=x", Disposition("attachment", "x")),
        ("inline;;;filename=x;", Disposition("inline", "x")),
    ],
)
def test_dispositions_of_others(value: str | None, read: Disposition) -> None:
    assert parse_disposition(value) == read


@pytest.mark.parametrize(
    ("name", "size", "value"),
    [
        ("a.txt", 7, 'attachment; filename="a.txt"; size=7'),
        ("dir/a.txt", None, 'attachment; filename="a.txt"'),
        ('a"b\\c', 0, 'attachment; filename="a\\"b\\\\c"; size=0'),
        ("ü.txt", 1, "attachment; filename=\"_.txt\"; filename*=UTF-8''%C3%BC.txt; size=1"),
        ("a\r\nSize: 1", None, "attachment; filename=\"a__Size: 1\"; filename*=UTF-8''a%0D%0ASize%3A%201"),
        (None, 3, "attachment; size=3"),
        ("", None, "attachment"),
    ],
)
def test_dispositions_of_ours(name: str | None, size: int | None, value: str) -> None:
    assert disposition(name, size) == value


def test_a_disposition_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(ValueError):
        disposition("a", kind="attach ment")
    with pytest.raises(ValueError):
        disposition("a", -1)


@given(any_text, st.none() | st.integers(0, 10**18))
def test_what_we_write_is_ascii_on_one_line_and_reads_back(name: str, size: int | None) -> None:
    value = disposition(name, size)
    assert value.isascii()
    assert value.isprintable()
    told = name.rpartition("/")[2].encode("utf-8", "replace").decode()
    assert parse_disposition(value) == Disposition("attachment", told or None, size)


def test_digests() -> None:
    sha256 = hashlib.sha256(b"").digest()
    value = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"  # the SHA-256 of nothing
    assert digest_header(sha256) == value
    assert parse_digest(value) == sha256
    assert parse_digest(f"sha-512=:AAAA:, {value};x=1") == sha256
    assert parse_digest(f"SHA-256 = {value[8:]}") == sha256
    other = digest_header(bytes(32))
    assert parse_digest(f"{other},{value}") == sha256
    with pytest.raises(ValueError):
        digest_header(b"short")


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "sha-256",
        "sha-256=::",
        "sha-256=:AAAA:",
        "sha-512=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
        "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU:",
        "sha-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "sha-256=:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=:",
        "sha-256=:é:",
    ],
)
def test_what_is_no_digest(value: str | None) -> None:
    assert parse_digest(value) is None


@given(st.binary(min_size=32, max_size=32))
def test_every_digest_reads_back(sha256: bytes) -> None:
    assert parse_digest(digest_header(sha256)) == sha256


@given(any_text | headerish)
def test_nothing_raises(value: str) -> None:
    media_type(value)
    Accepts.parse(value).allows(value)
    parse_disposition(value)
    parse_disposition(f"attachment; {value}")
    parse_digest(value)
    parse_digest(f"sha-256=:{value}:")


@pytest.mark.parametrize(
    "piece",
    [
        '"',
        '\\"',
        ";",
        '; "',
        ' ;a="',
        "; a",
        " ",
        "a/b",
        "a/b ",
        "\\",
        ";a=\t",
        ",sha-256=:",
        "sha-256=:A",
        'a/b;x="\\',
    ],
)
def test_time_grows_with_the_length_only(piece: str) -> None:
    text = piece * (400_000 // len(piece))
    for value in (text, f"a/b{text}", f"attachment; filename*0={text}", f'a/b;x="{text}'):
        began = time.perf_counter()
        media_type(value)
        Accepts.parse(value)
        parse_disposition(value)
        parse_digest(value)
        assert time.perf_counter() - began < 5  # quadratic, it takes minutes


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("text/plain message/cpim", True),
        ("multipart/mixed", True),
        ("multipart/*", True),
        ("message/*", True),
        ("*", True),
        ("application/pkcs7-mime;smime-type=enveloped-data", True),
        ("text/* image/png application/octet-stream", False),
        ("", False),
    ],
)
def test_what_can_hold_others(text: str, holds: bool) -> None:
    assert Accepts.parse(text).containers is holds
