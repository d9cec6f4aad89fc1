"""What people type is understood, or refused in words that help."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_core import Uri
from msrp_peer.signalling.target import Target, parse_target
from msrp_peer.terms.display import is_plain
from msrp_peer.terms.errors import UsageError
from msrp_peer.terms.principal import Principal


@pytest.mark.parametrize(
    ("text", "host", "port", "secure"),
    [
        ("127.0.0.1:2855", "127.0.0.1", 2855, True),
        ("[::1]:2855", "::1", 2855, True),
        ("[::1]", "::1", 2855, True),
        ("[FE80::1%eth0]:1", "fe80::1%eth0", 1, True),
        ("box.lan:65535", "box.lan", 65535, True),
        ("Box", "box", 2855, True),
        (" my_box \n", "my_box", 2855, True),
        ("box.lan.:9", "box.lan.", 9, True),
        ("msrp:2855", "msrp", 2855, True),
        ("bücher.example", "xn--bcher-kva.example", 2855, True),
        ("msrps://box.lan:2855;tcp", "box.lan", 2855, True),
        ("MSRPS://Box.lan:2855;TCP", "box.lan", 2855, True),
        ("msrps://box.lan:2855", "box.lan", 2855, True),
        ("msrps://box.lan", "box.lan", 2855, True),
        ("msrps://[::1]:7;tcp", "::1", 7, True),
        ("msrp://10.0.0.1:7;tcp;x=y", "10.0.0.1", 7, False),
        ("msrps://box.lan:2855;tcp;=", "box.lan", 2855, True),
        ("msrps://[fe80::1%eth0]:7;tcp", "fe80::1%eth0", 7, True),
    ],
)
@pytest.mark.rule("4975 6-5")
def test_addresses(text: str, host: str, port: int, secure: bool) -> None:
    assert parse_target(text) == Target("address", host, port, secure)


@pytest.mark.parametrize("text", ["im:bob@lan", "sip:bob@lan", "SIPS:bob@LAN"])
def test_principals(text: str) -> None:
    target = parse_target(text)
    assert target == Target("principal", principal=Principal.parse(text))
    assert str(target) == Principal.parse(text).text
    with pytest.raises(UsageError):
        _ = target.uri


@pytest.mark.parametrize(
    ("text", "uri", "shown"),
    [
        ("box.lan", "msrps://box.lan:2855;tcp", "box.lan:2855"),
        ("[::1]:7", "msrps://[::1]:7;tcp", "[::1]:7"),
        ("msrp://box.lan:7", "msrp://box.lan:7;tcp", "box.lan:7"),
        ("[fe80::1%eth0]:7", "msrps://[fe80::1]:7;tcp", "[fe80::1%eth0]:7"),
    ],
)
def test_the_listeners_uri(text: str, uri: str, shown: str) -> None:
    assert parse_target(text).uri == uri
    assert str(parse_target(text)) == shown


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "a target looks like im:bob@lan"),
        ("  ", "a target looks like im:bob@lan"),
        ("bob@lan", "did you mean im:bob@lan?"),
        ("mailto:bob@lan", "did you mean im:bob@lan?"),
        ("bob@lan@lan", "a target looks like"),
        ("im:bob", "names no user: a principal looks like im:bob@lan"),
        ("im:bob@lan:2855", "a port or a password"),
        ("http://box.lan/", "is no MSRP address: a target looks like"),
        ("msrps:box.lan:2855", "two slashes: msrps://box.lan:2855;tcp"),
        ("msrps:/box.lan", "two slashes"),
        ("msrps://", "has no host"),
        ("msrps://:2855;tcp", "has no host"),
        ("msrps://bob@box.lan:2855;tcp", "no user before its host"),
        ("msrps://box.lan:2855;ws", "only the transport tcp"),
        ("msrps://box.lan:2855;", "only the transport tcp"),
        ("box.lan:0", "ports go from 1 to 65535"),
        ("box.lan:65536", "ports go from 1 to 65535"),
        ("box.lan:" + "9" * 900, "ports go from 1 to 65535"),
        ("box.lan:", "no number for a port"),
        ("box.lan:http", "no number for a port"),
        ("box.lan:²", "no number for a port"),
        (":2855", "has no host"),
        ("2855", "is a number and no host"),
        ("::1", r"lacks brackets: an IPv6 address looks like \[::1\]:2855"),
        ("::1:2855", "lacks brackets"),
        ("[::1", "lacks a bracket"),
        ("[::1]2855", "lacks a bracket"),
        ("[box]:1", "no IPv6 address between"),
        ("[fe80::1%]:1", "odd zone"),
        ("300.0.0.1", "no IPv4 address"),
        ("10.0.0:1", "no IPv4 address"),
        ("box lan", "no host that could be looked up"),
        ("box..lan", "no host that could be looked up"),
        ("-box", "no host that could be looked up"),
        ("box.lan/x", "no host that could be looked up"),
        ("straße.de", "xn--"),
        ("x" * 2000, "too long"),
        ("\x1b[2Jbox@@", "a target looks like"),
    ],
)
def test_near_misses(text: str, hint: str) -> None:
    with pytest.raises(UsageError, match=hint) as refused:
        parse_target(text)
    assert all(is_plain(c) for c in str(refused.value))


@pytest.mark.parametrize(
    "text",
    [
        "msrps://box.lan:2855/SeCrEtId17;tcp",
        "msrps://box.lan:2855/SeCrEtId17",
        "msrps://box.lan/SeCrEtId17;tcp;x=y",
        "msrps://bob@box.lan:2855/SeCrEtId17;tcp",
        "msrps://box.lan:2855;tcp/SeCrEtId17",
        "msrps:box.lan:2855/SeCrEtId17;tcp",
        "msrps://[::1/SeCrEtId17;tcp",
        "MSRP://box.lan:99999/SeCrEtId17;tcp",
    ],
)
def test_a_session_is_refused_and_its_id_never_shown(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_target(text)
    assert "SeCrEtId17" not in str(refused.value)
    assert "names one session" in str(refused.value) or "two slashes" in str(refused.value)


@given(
    st.text() | st.text(":[]@;/.%msrp128lan", max_size=30) | st.text(":[];/.%128").map("msrps://{}".format)
)
def test_every_text_is_a_target_or_a_usage_error(text: str) -> None:
    try:
        target = parse_target(text)
    except UsageError as error:
        refused = str(error)
    else:
        refused = ""
    assert all(is_plain(c) for c in refused)
    if refused:
        return
    if target.kind == "address":
        uri = Uri.parse(target.uri)
        assert uri.session_id is None
        assert uri.port == target.port
        assert parse_target(str(target)) == Target("address", target.host, target.port)
