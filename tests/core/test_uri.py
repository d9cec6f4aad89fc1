"""MSRP URIs (RFC 4975 sections 6, 6.1 and 9)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.strategies import paths, uris
from msrp_core import Uri
from msrp_core.uri import UriError

FULL = "msrps://alice:pw@Host.Example.com:2855/asfd34=+/x;TCP;name=value;bare"


def test_parts() -> None:
    uri = Uri.parse(FULL)
    assert (uri.scheme, uri.secure) == ("msrps", True)
    assert uri.userinfo == "alice:pw"
    assert (uri.host, uri.port) == ("Host.Example.com", 2855)
    assert uri.session_id == "asfd34=+/x"
    assert uri.transport == "tcp"
    assert uri.parameters == (("name", "value"), ("bare", None))
    assert uri.text == FULL.replace("TCP", "tcp")


def test_the_least_there_is() -> None:
    uri = Uri.parse("MSRP://h;ws")
    assert (uri.scheme, uri.secure, uri.userinfo, uri.host) == ("msrp", False, None, "h")
    assert (uri.port, uri.session_id, uri.transport, uri.parameters) == (None, None, "ws", ())
    assert uri.text == "msrp://h;ws"


def test_an_ipv6_host_has_no_brackets_but_its_text_does() -> None:
    uri = Uri.parse("msrp://[2001:db8::1]:2855/s;tcp")
    assert uri.host == "2001:db8::1"
    assert uri.text == "msrp://[2001:db8::1]:2855/s;tcp"


@pytest.mark.parametrize(
    "text",
    [
        "msrp://h:0/s;tcp",
        "msrp://h:65535/s;tcp",
        "msrp://h:0002855/s;tcp",
        "msrp://192.0.2.1/s;tcp",
        "msrp://999.1.1.1:1/s;tcp",
        "msrp://@h:1/s;tcp",
        "msrp://a%40b@h:1/s;tcp",
        "msrp://a!$&'()*+,=:@h:1/s;tcp",
        "msrp://!$&'()*+,=%7e_~:1/s;tcp",
        "msrp://[::]:1/s;tcp",
        "msrp://[1:2:3:4:5:6:7::]:1/s;tcp",
        "msrp://[::ffff:192.0.2.1]:1/s;tcp",
        "msrp://[1:2:3:4:5:6:192.0.2.1]:1/s;tcp",
        "msrp://h:1//;tcp",
        "msrp://h:1/-._~+=;tcp",
        "msrp://h:1/s;tcp;a=b;c^`{|}~=!",
        "msrp://h:1/s;9",
    ],
)
def test_right_ones(text: str) -> None:
    uri = Uri.parse(text)
    assert Uri.parse(uri.text) == uri


@pytest.mark.parametrize(
    ("before", "wrong", "word"),
    [
        ("", "", "msrp://"),
        ("", "sip:alice@example.com", "msrp://"),
        ("", "msrp:/h;tcp", "msrp://"),
        ("", " msrp://h;tcp", "msrp://"),
        ("msrp://", ";tcp", "host"),
        ("msrp://", ":1/s;tcp", "host"),
        ("msrp://a@", "/s;tcp", "host"),
        ("msrp://h", "\u00e9:1/s;tcp", "host"),
        ("msrp://h", " :1/s;tcp", "host"),
        ("msrp://h", "%4:1/s;tcp", "%"),
        ("msrp://h", "%zz;tcp", "%"),
        ("msrp://", "%4g@h;tcp", "%"),
        ("msrp://a", "\\b@h;tcp", "userinfo"),
        ("msrp://a@b", "", "transport"),
        ("msrp://a", ";b@h;tcp", "userinfo"),
        ("msrp://", "[::1:1/s;tcp", "]"),
        ("msrp://[", "::g]:1/s;tcp", "IPv6"),
        ("msrp://[", "]:1/s;tcp", "IPv6"),
        ("msrp://[", "1.2.3.4]:1/s;tcp", "IPv6"),
        ("msrp://[", "::1%25eth0]:1/s;tcp", "IPv6"),
        ("msrp://[", "v1.x]:1/s;tcp", "IPv6"),
        ("msrp://[", "1:2:3:4::5:6:7:8]:1/s;tcp", "IPv6"),
        ("msrp://[", "::1.2.3.04]:1/s;tcp", "IPv6"),
        ("msrp://[::1]", "x:1/s;tcp", "]"),
        ("msrp://h:", "/s;tcp", "port"),
        ("msrp://h:", "65536/s;tcp", "port"),
        ("msrp://h:", "9" * 400 + "/s;tcp", "port"),
        ("msrp://h:", "x/s;tcp", "port"),
        ("msrp://h:1", ":2/s;tcp", "port"),
        ("msrp://h:1", "\u0661/s;tcp", "port"),
        ("msrp://h:1/", ";tcp", "session-id"),
        ("msrp://h:1/a", "%41;tcp", "session-id"),
        ("msrp://h:1/a", "?b;tcp", "session-id"),
        ("msrp://h:1/a", "\u00e9;tcp", "session-id"),
        ("msrp://h:1", "", "transport"),
        ("msrp://h:1/s", "", "transport"),
        ("msrp://h:1/s;", "", "transport"),
        ("msrp://h:1/s;", ";a=b", "transport"),
        ("msrp://h:1/s;t", "-;a=b", "transport"),
        ("msrp://h:1/s;tcp;", "", "parameter"),
        ("msrp://h:1/s;tcp;", "=b", "parameter"),
        ("msrp://h:1/s;tcp;a=", ";b", "parameter"),
        ("msrp://h:1/s;tcp;a", "[=b", "parameter"),
        ("msrp://h:1/s;tcp;a=b", "=c", "parameter"),
        ("msrp://h:1/s;tcp", " ", "transport"),
        ("msrp://h:1/s;tcp", "\r\n", "transport"),
        ("msrp://h/" + "s" * 4087, "s;tcp", "4096"),
    ],
)
@pytest.mark.rule("4975 6-7")
def test_wrong_ones_say_what_and_where(before: str, wrong: str, word: str) -> None:
    with pytest.raises(UriError) as caught:
        Uri.parse(before + wrong)
    assert caught.value.position == len(before)
    assert word in caught.value.message
    assert str(caught.value) == f"{caught.value.message} (at character {len(before)})"
    assert isinstance(caught.value, ValueError)


def test_a_port_is_not_read_where_none_is_needed() -> None:
    assert Uri.parse("msrp://h:1/s;tcp").port == 1
    assert Uri.parse("msrp://h/s;tcp").port is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("msrp://h:1/s;tcp", "MSRP://H:1/s;TCP"),
        ("msrp://h:1/s;tcp", "msrp://alice@h:1/s;tcp"),
        ("msrp://h:1/s;tcp", "msrp://h:0001/s;tcp"),
        ("msrp://h:1/s;tcp", "msrp://h:1/s;tcp;a=b"),
        ("msrp://a-z.example:1/s;tcp", "msrp://%41%2Dz%2eexample:1/s;tcp"),
        ("msrp://a%2Fb:1/s;tcp", "msrp://A%2fb:1/s;tcp"),
        ("msrp://192.0.2.1:1/s;tcp", "msrp://%3192.0.2.1:1/s;tcp"),
        ("msrp://[2001:db8::1]:1/s;tcp", "msrp://[2001:0DB8:0:0:0:0:0:1]:1/s;tcp"),
        ("msrp://[::ffff:192.0.2.1]:1/s;tcp", "msrp://[::FFFF:C000:201]:1/s;tcp"),
        ("msrp://h;tcp", "msrp://h;tcp"),
    ],
)
@pytest.mark.rule("4975 6.1-1 6.1-2 6.1-3 6.1-5")
def test_equal_ones(one: str, other: str) -> None:
    assert Uri.parse(one) == Uri.parse(other)
    assert hash(Uri.parse(one)) == hash(Uri.parse(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("msrp://h:1/s;tcp", "msrps://h:1/s;tcp"),
        ("msrp://h:1/s;tcp", "msrp://i:1/s;tcp"),
        ("msrp://h:1/s;tcp", "msrp://h:2/s;tcp"),
        ("msrp://h:2855/s;tcp", "msrp://h/s;tcp"),
        ("msrp://h:1/s;tcp", "msrp://h:1/S;tcp"),
        ("msrp://h:1/s;tcp", "msrp://h:1/s/;tcp"),
        ("msrp://h:1/s;tcp", "msrp://h:1;tcp"),
        ("msrp://h:1/s;tcp", "msrp://h:1/s;ws"),
        ("msrp://h%2f:1/s;tcp", "msrp://h%2e:1/s;tcp"),
        ("msrp://%252f:1/s;tcp", "msrp://%2f:1/s;tcp"),
        ("msrp://192.0.2.1:1/s;tcp", "msrp://192.0.2.01:1/s;tcp"),
        ("msrp://192.0.2.1:1/s;tcp", "msrp://[::ffff:192.0.2.1]:1/s;tcp"),
    ],
)
@pytest.mark.rule("4975 6.1-1 6.1-2 6.1-3 6.1-4 6.1-5")
def test_different_ones(one: str, other: str) -> None:
    assert Uri.parse(one) != Uri.parse(other)
    assert Uri.parse(other) != Uri.parse(one)


def test_a_uri_is_no_text() -> None:
    assert Uri.parse("msrp://h;tcp") != "msrp://h;tcp"
    assert len({Uri.parse("msrp://h;tcp"), Uri.parse("MSRP://H;TCP")}) == 1


def test_a_path() -> None:
    one, other = "msrps://a:1/s;tcp", "msrps://b;tcp"
    assert Uri.parse_path(one) == (Uri.parse(one),)
    for text in (f"{one} {other}", f"{one}   {other}", f" {one} {other} "):
        assert [uri.text for uri in Uri.parse_path(text)] == [one, other]
    for text, position in (
        ("", 0),
        ("  ", 2),
        (f"{one} msrp://b", 26),
        (f"{one}\t{other}", len(one)),
        (f"{one},", 17),
    ):
        with pytest.raises(UriError) as caught:
            Uri.parse_path(text)
        assert caught.value.position == position


def test_nothing_shows_the_session_id_or_a_password() -> None:
    uri = Uri.parse(FULL)
    for shown in (str(uri), repr(uri), f"{uri}", f"{uri!r}"):
        assert "asfd34" not in shown
        assert "pw" not in shown
    assert str(uri) == "msrps://alice:…@Host.Example.com:2855/…;tcp;name=value;bare"
    assert repr(uri) == f"<Uri {uri}>"
    assert str(Uri.parse("msrp://alice@[::1]:1;tcp")) == "msrp://alice@[::1]:1;tcp"


SECRET = "Capability7Q"


@given(st.text("@:/;[]%=. é", min_size=1, max_size=3), st.integers(7, 27))
def test_no_error_shows_the_session_id(wrong: str, at: int) -> None:
    text = f"msrp://h:1/{SECRET};tcp"
    text = text[:at] + wrong + text[at:] if not 11 < at < 23 else text[:11] + wrong + text[11:]
    assert SECRET in text
    try:
        Uri.parse(text)
    except UriError as caught:
        error = caught
    else:
        return
    assert SECRET not in repr(error) + str(error)
    # Nor does anything the interpreter would print beside it.
    assert error.__context__ is None or error.__suppress_context__
    assert 0 <= error.position <= len(text)


def test_without_session() -> None:
    uri = Uri.parse(FULL).without_session()
    assert uri.session_id is None
    assert uri.text == "msrps://alice:pw@Host.Example.com:2855;tcp;name=value;bare"
    assert uri.without_session() == uri


def test_a_uri_does_not_change() -> None:
    uri = Uri.parse(FULL)
    with pytest.raises(FrozenInstanceError):
        uri.host = "other"  # type: ignore[misc]
    assert not hasattr(uri, "__dict__")


@pytest.mark.parametrize(
    ("host", "written"),
    [("h.example", "h.example"), ("192.0.2.1", "192.0.2.1"), ("::1", "[::1]"), ("[fe80::1]", "[fe80::1]")],
)
@pytest.mark.rule("4975 6-2 6-3 8.2-5 14.1-1")
def test_a_fresh_one(host: str, written: str) -> None:
    uri = Uri.fresh(host, 2855)
    assert uri.text.startswith(f"msrps://{written}:2855/")
    assert uri.text.endswith(";tcp")
    assert Uri.parse(uri.text) == uri
    assert uri.session_id is not None
    # 128 bits in letters of 6 bits each (RFC 4975 section 14.1: at least 80).
    assert len(uri.session_id) * 6 >= 128
    assert len({Uri.fresh(host, 2855).session_id for _ in range(1000)}) == 1000
    assert not Uri.fresh(host, 1, secure=False).secure


@given(st.text())
@pytest.mark.rule("4975 6-6")
def test_any_user_may_be_named(user: str) -> None:
    uri = Uri.fresh("h", 1, user=user)
    assert Uri.parse(uri.text) == uri
    assert uri.userinfo is not None
    assert ":" not in uri.userinfo


@pytest.mark.parametrize(
    "host", ["", "a b", "a;b", "a/b", "a@b", "a:b", "h:1", "fe80::1%eth0", "[::1", "[v1.x]", "h\r\n", "é"]
)
def test_no_fresh_one_at_a_host_that_is_none(host: str) -> None:
    with pytest.raises(UriError):
        Uri.fresh(host, 2855)


@pytest.mark.parametrize("port", [-1, 65536])
def test_no_fresh_one_at_a_port_that_is_none(port: int) -> None:
    with pytest.raises(UriError, match="port"):
        Uri.fresh("h", port)


@given(uris)
def test_any_right_uri_comes_back(text: str) -> None:
    uri = Uri.parse(text)
    assert Uri.parse(uri.text) == uri
    assert Uri.parse(uri.text).text == uri.text
    assert uri.text.lower() == text.lower() or uri.port is not None


ORDINARY = "msrps://h.example:2855/abc;tcp"


@given(
    st.text("mrspMS:/@[]h.e%0128659;tcpTw=\uff11\u212a ", max_size=4), st.integers(0, 32), st.integers(0, 4)
)
def test_the_quick_way_says_what_the_long_one_says(put: str, at: int, gone: int) -> None:
    """Near to what most are: the same URI, or the same fault at the same place."""
    text = ORDINARY[:at] + put + ORDINARY[at + gone :]

    def read(way: Callable[[str], Uri]) -> object:
        try:
            uri = way(text)
        except UriError as wrong:
            return str(wrong)
        return [getattr(uri, field.name) for field in fields(uri)]

    assert read(Uri.parse) == read(Uri._parse)


@given(paths)
def test_any_right_path_comes_back(text: str) -> None:
    assert len(Uri.parse_path(text)) == text.count(" ") + 1


@given(uris, uris)
def test_equality_and_hash_agree(one: str, other: str) -> None:
    first, second = Uri.parse(one), Uri.parse(other)
    assert first == first.without_session() or first.session_id is not None
    assert (first == second) == (second == first)
    if first == second:
        assert hash(first) == hash(second)


@given(st.ip_addresses(v=6), st.ip_addresses(v=6))
def test_ipv6_addresses_are_compared_as_addresses(
    one: ipaddress.IPv6Address, other: ipaddress.IPv6Address
) -> None:
    texts = [f"msrp://[{text}]:1/s;tcp" for text in (one, one.exploded, one.exploded.upper(), other)]
    first, *rest, last = map(Uri.parse, texts)
    assert all(first == uri for uri in rest)
    assert (first == last) == (one == other)
