"""What the TLS layer says when the other side, or the line, does wrong."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from msrp_peer.security.tls import TlsLayer
from msrp_peer.security.tls_modes import TlsMode
from msrp_peer.terms.errors import PeerError
from security.tls_line import (
    ADH,
    ANONYMOUS,
    Cut,
    hear,
    octetwise,
    owed,
    pair,
    records,
    say,
    secured,
    shake,
    whole,
)

MODES = pytest.mark.parametrize("mode", list(TlsMode))
CUTS = pytest.mark.parametrize("cut", [whole, octetwise])


def failure(layer: TlsLayer, octets: bytes, cut: Cut = whole) -> str:
    """The sentence `octets` end with; checks what holds after every failure."""
    with pytest.raises(PeerError) as raised:
        hear(layer, octets, cut)
    text = str(raised.value)
    with pytest.raises(PeerError) as again:
        layer.unwrap(b"more")
    assert str(again.value) == text
    # For people: neither OpenSSL's exception nor its way of speaking.
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
    assert "SSL routines" not in text
    assert "Error" not in text
    assert not layer.ended()
    layer.close()
    return text


@CUTS
@MODES
@pytest.mark.parametrize("server", [False, True])
@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET /"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP/"),
        (b"CONNECT a.example:443 HTTP/1.1\r\n\r\n", "CONNE"),
        (b"MSRP 49fh SEND\r\nTo-Path: msrp://a.example:7777/iau39;tcp\r\n", "MSRP "),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "SSH-2"),
        (bytes(64), r"\x00\x00\x00\x00\x00"),
        (b"\x16\x16\x16" * 20, r"\x16\x16\x16"),
        (b"\xff\n\x80'" * 16, r"\xff\n\x80'\xff"),
    ],
    ids=["HTTP", "HTTP-answer", "CONNECT", "MSRP", "SSH", "zeros", "TLS-like", "escapes"],
)
def test_no_tls_at_all(octets: bytes, shown: str, mode: TlsMode, server: bool, cut: Cut) -> None:
    layer = pair(mode)[server]
    owed(layer)
    text = failure(layer, octets, cut)
    assert text.startswith("the other side does not speak TLS (its first octets are ")
    assert shown in text
    assert text.isascii()
    assert text.isprintable()
    # A server says so in the one way there is; what a client owed was its hello.
    assert owed(layer) == (bytes.fromhex("1503010002020a") if server else b"")


@CUTS
@MODES
@pytest.mark.parametrize("server", [False, True])
@pytest.mark.parametrize(
    "octets", [b"MSRP d93kswow 200 OK\r\n" * 3, bytes(40), random.Random(2).randbytes(99)]
)
def test_garbage_in_mid_stream(octets: bytes, server: bool, mode: TlsMode, cut: Cut) -> None:
    ends = secured(mode)
    layer, other = ends[server], ends[not server]
    assert hear(layer, say(other, b"before")) == b"before"
    assert failure(layer, octets, cut) in (
        "what the other side sent is no TLS record",
        "the other side sent a TLS record longer than any may be",  # OpenSSL before 4.0 looks there first
    )


@MODES
def test_a_changed_record_is_told_to_both(mode: TlsMode) -> None:
    client, server = secured(mode)
    wire = bytearray(say(client, b"pay 1 euro"))
    wire[-1] ^= 1
    text = failure(server, bytes(wire))
    assert text == "a TLS record of the other side was damaged or changed on the way"
    alert = owed(server)
    assert alert
    text = failure(client, alert)
    assert text.startswith("the other side gave up the TLS connection with the alert bad_record_mac: ")


@MODES
@given(data=st.data())
def test_no_change_yields_other_octets(mode: TlsMode, data: st.DataObject) -> None:
    client, server = secured(mode)
    said = [b"first of them", b"second", b"and the third"]
    wire = bytearray(b"".join(say(client, piece) for piece in said))
    wire[data.draw(st.integers(0, len(wire) - 1))] ^= data.draw(st.integers(1, 255))
    heard = b""
    try:
        for record in octetwise(bytes(wire)):
            heard += hear(server, record)
    except PeerError:
        pass
    assert heard in (b"", said[0], said[0] + said[1])


@MODES
def test_records_swapped_left_out_or_sent_twice(mode: TlsMode) -> None:
    for order in ([1, 0], [1], [0, 0]):
        client, server = secured(mode)
        wire = [say(client, b"one"), say(client, b"two")]
        failure(server, b"".join(wire[i] for i in order))


@given(st.integers(0, 3000))
def test_a_cut_shows(size: int) -> None:
    client, server = secured()
    said = [bytes([i]) * 500 for i in range(5)]
    wire = b"".join(say(client, piece) for piece in said)
    client.close()
    wire += owed(client)
    heard = hear(server, wire[:size])
    assert b"".join(said).startswith(heard)
    assert len(heard) % 500 == 0
    assert server.ended() == (size >= len(wire))


@MODES
@pytest.mark.parametrize("server", [False, True])
def test_a_record_too_long(mode: TlsMode, server: bool) -> None:
    ends = secured(mode)
    text = failure(ends[server], b"\x17\x03\x03\xff\xff" + bytes(100))
    assert text == "the other side sent a TLS record longer than any may be"


def test_a_handshake_message_too_long() -> None:
    client, server = pair()
    hello = b"\x16\x03\x01\x40\x00" + b"\x01\xff\xff\xff" + bytes(16380)
    text = failure(server, hello)
    assert text.startswith("the other side broke the TLS handshake (")
    assert "the alert illegal_parameter" in failure(client, owed(server))


def test_a_handshake_without_end() -> None:
    client, _ = pair()
    owed(client)
    # Hello requests mean nothing while a handshake goes on (RFC 5246 section 7.4.1.1), so
    # they may come for ever: 4096 of them, 256 KiB after 16 such records.
    nothing = b"\x16\x03\x03\x40\x00" + bytes(16384)
    assert hear(client, nothing * 15) == b""
    text = failure(client, nothing * 100)
    assert "has not finished the TLS handshake" in text


def test_anonymous_client_and_adh_server() -> None:
    client, server = pair(ANONYMOUS, ADH)
    text = failure(server, owed(client))
    assert text.startswith("no cipher suite in common with the other side (one side may want mode adh")
    text = failure(client, owed(server))
    assert text.startswith("the other side gave up the TLS handshake with the alert handshake_failure: ")
    assert "another mode (anonymous or adh)" in text


def test_tls_1_3_client_and_adh_server() -> None:
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    client, server = TlsLayer(context, server=False), pair(ADH)[1]
    assert failure(server, owed(client)).startswith("no TLS version in common with the other side (")
    text = failure(client, owed(server))
    assert "alert protocol_version: it speaks none of the TLS versions of this side" in text


@pytest.mark.parametrize("ours_is_server", [False, True])
def test_a_peer_of_tls_1_1(ours_is_server: bool) -> None:
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_1_VERSION)
    context.set_max_proto_version(SSL.TLS1_1_VERSION)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    old = TlsLayer(context, server=not ours_is_server)
    new = pair()[ours_is_server]
    if ours_is_server:
        text = failure(new, owed(old))
        assert text.startswith("no TLS version in common with the other side (TLS 1.1 and older are never")
        assert "alert protocol_version" in failure(old, owed(new))
    else:
        failure(old, owed(new))
        text = failure(new, owed(old))
        assert "alert protocol_version: it speaks none of the TLS versions of this side" in text


def test_goodbye_instead_of_a_handshake() -> None:
    client, _ = pair()
    owed(client)
    assert "said goodbye" in failure(client, b"\x15\x03\x03\x00\x02\x01\x00")


def test_the_handshake_goes_on_after_a_hello_in_many_parts() -> None:
    client, server = pair()
    hello = records(owed(client))[0]
    body = hello[5:]
    parts = [body[i : i + 7] for i in range(0, len(body), 7)]
    assert (
        hear(server, b"".join(b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part for part in parts)) == b""
    )
    shake(client, server)
