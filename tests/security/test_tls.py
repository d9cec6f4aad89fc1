"""The TLS layer against itself: both modes, any cut of the octets."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from msrp_peer.protocol.wire import Layer, Wire
from msrp_peer.security.keys import ThrowAway
from msrp_peer.security.tls import TlsLayer
from msrp_peer.security.tls_modes import TlsMode, client_context, server_context
from msrp_peer.terms.errors import PeerError, UsageError
from msrp_peer.terms.security import Level, Security
from security.tls_line import (
    ADH,
    ANONYMOUS,
    contexts,
    cut_by,
    hear,
    key,
    octetwise,
    owed,
    pair,
    records,
    say,
    secured,
    shake,
)

MODES = pytest.mark.parametrize("mode", list(TlsMode))


def test_it_is_a_layer() -> None:
    layer: Layer = pair()[0]  # for mypy
    assert layer.protection is None


@MODES
@given(
    sizes=st.lists(st.integers(1, 3000), max_size=8),
    there=st.lists(st.binary(max_size=600), max_size=5),
    back=st.lists(st.binary(max_size=600), max_size=5),
)
def test_any_cut(mode: TlsMode, sizes: list[int], there: list[bytes], back: list[bytes]) -> None:
    client, server = pair(mode)
    cut = cut_by(sizes)
    shake(client, server, cut)
    assert hear(server, say(client, *there), cut) == b"".join(there)
    assert hear(client, say(server, *back), cut) == b"".join(back)
    client.close()
    assert not hear(server, owed(client), cut)
    assert server.ended()


@MODES
def test_octet_by_octet(mode: TlsMode) -> None:
    client, server = pair(mode)
    shake(client, server, octetwise)
    assert hear(server, say(client, b"hello"), octetwise) == b"hello"
    assert hear(client, say(server, b"welcome"), octetwise) == b"welcome"


@pytest.mark.rule("4975 14.2-1", "8122 7-2")
def test_what_anonymous_agrees_on() -> None:
    client, server = secured(ANONYMOUS)
    assert client.protection is not None
    assert server.protection is not None
    assert client.protection.version == server.protection.version == "TLSv1.3"
    assert client.protection.cipher == server.protection.cipher
    assert client.protection.peer_key == server.protection.own_key == key().fingerprint
    assert client.protection.own_key is None
    assert server.protection.peer_key is None
    assert client.protection.verified is None
    assert Security((client.protection,)).level is Level.PASSIVE_ONLY


@pytest.mark.rule("4975 14.2-3")
@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("bob.example", b"bob.example"),
        ("Bob.Example.", b"Bob.Example"),
        ("bücher.example", b"xn--bcher-kva.example"),
        ("192.0.2.1", None),
        ("2001:db8::1", None),
        ("fe80::1%eth0", None),
        ("a..b", None),
        ("x" * 300, None),
        ("", None),
    ],
)
def test_the_server_is_told_whom_a_client_means(host: str, told: bytes | None) -> None:
    """RFC 6066 section 3: a name, and never an address."""
    _, server = pair()
    client = TlsLayer(contexts(ANONYMOUS)[0], server=False, host=host)
    shake(client, server)
    assert server._tls.get_servername() == told


@pytest.mark.parametrize("server_mode", [ANONYMOUS, ADH])
def test_what_adh_agrees_on(server_mode: TlsMode) -> None:
    """A server in mode anonymous serves a client that offers nothing but ADH."""
    client, server = secured(ADH, server_mode)
    for end in (client, server):
        assert end.protection is not None
        assert end.protection.version == "TLSv1.2"
        assert end.protection.cipher == "ADH-AES256-GCM-SHA384"
        assert end.protection.confidential
        # No certificate was shown, even where the server had one.
        assert end.protection.peer_key is None
        assert end.protection.own_key is None
    assert hear(server, say(client, b"hello")) == b"hello"


def test_adh_is_the_last_choice() -> None:
    """A TLS 1.2 client that offers both, ADH first, is served with the certificate."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(b"aNULL+AESGCM:ECDHE+AESGCM:@SECLEVEL=0")
    client = TlsLayer(context, server=False)
    server = pair()[1]
    shake(client, server)
    assert server.protection is not None
    assert server.protection.cipher.startswith("ECDHE-ECDSA-")


def test_client_key_is_seen_by_a_server_that_verifies_nobody() -> None:
    mine = ThrowAway()
    client = TlsLayer(client_context(ANONYMOUS, mine), server=False, own_key=mine.fingerprint)
    server = pair()[1]
    shake(client, server)
    assert client.protection is not None
    assert server.protection is not None
    assert server.protection.peer_key == client.protection.own_key == mine.fingerprint
    assert server.protection.verified is None


@MODES
def test_data_in_the_flight_of_the_finished(mode: TlsMode) -> None:
    client, server = pair(mode)
    while client.protection is None:
        hear(server, owed(client))
        if server.protection is not None:  # TLS 1.2: the server's Finished is the last
            flight = say(server, b"at once")
            assert hear(client, flight) == b"at once"
            assert client.protection is not None
            return
        hear(client, owed(server))
    # TLS 1.3: the client's is.
    flight = say(client, b"at once")
    assert len(records(flight)) >= 2
    assert server.protection is None
    assert server.unwrap(flight) == [b"at once"]
    assert server.protection is not None


@MODES
def test_bindings_agree_and_name_one_connection(mode: TlsMode) -> None:
    names = ("tls-exporter", "tls-unique", "tls-server-end-point", "")
    client, server = pair(mode)
    assert [client.binding(name) for name in names] == [None] * 4
    assert [server.binding(name) for name in names] == [None] * 4
    shake(client, server)
    values = [client.binding(name) for name in names]
    assert values == [server.binding(name) for name in names]
    exporter, unique, *rest = values
    assert exporter is not None
    assert len(exporter) == 32
    if mode is ADH:
        assert unique is not None
        assert len(unique) == 12
    else:
        assert unique is None  # RFC 8446 appendix C.5
    assert rest == [None, None]
    # RFC 9266 section 2: an empty context, which TLS 1.2 tells from none (RFC 5705 section 4).
    label = b"EXPORTER-Channel-Binding"
    assert exporter == client._tls.export_keying_material(label, 32, b"")
    assert (exporter == client._tls.export_keying_material(label, 32)) == (mode is not ADH)
    other = secured(mode)[0]
    assert other.binding("tls-exporter") != exporter
    assert unique is None or other.binding("tls-unique") != unique


def test_no_binding_without_extended_master_secret() -> None:
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(1)  # SSL_OP_NO_EXTENDED_MASTER_SECRET
    client = TlsLayer(context, server=False)
    server = pair()[1]
    shake(client, server)
    for end in (client, server):
        assert end.binding("tls-exporter") is None
        assert end.binding("tls-unique") is None


def test_twenty_mebioctets() -> None:
    client, server = secured()
    data = random.Random(4975).randbytes(20 * 1024 * 1024)
    wire = client.wrap([data])
    assert max(map(len, wire)) < 128 * 1024
    assert b"".join(piece for octets in wire for piece in server.unwrap(octets)) == data


@given(st.lists(st.integers(0, 40_000), max_size=40))
def test_records_are_full_and_few(sizes: list[int]) -> None:
    client, server = secured()
    data = random.Random(1).randbytes(sum(sizes))
    pieces, at = [], 0
    for size in sizes:
        pieces.append(memoryview(data)[at : at + size])
        at += size
    wire = say(client, *pieces)
    assert len(records(wire)) == -(-len(data) // 16384)
    assert hear(server, wire) == data


def test_short_records_come_joined() -> None:
    client, server = secured()
    wire = b"".join(say(client, b"%04d" % i) for i in range(1000))
    assert server.unwrap(wire) == [b"".join(b"%04d" % i for i in range(1000))]


def test_any_buffer_goes_and_none_is_kept() -> None:
    client, server = secured()
    mine = bytearray(b"one ")
    wire = say(client, mine, memoryview(b"two "), b"", b"three")
    mine[:] = b"gone"
    mine.clear()  # would raise if it were still held
    arriving = bytearray(wire)
    assert b"".join(server.unwrap(memoryview(arriving))) == b"one two three"
    arriving.clear()
    assert client.wrap([b""]) == []
    assert server.unwrap(b"") == []


@MODES
def test_nothing_goes_before_the_handshake_is_done(mode: TlsMode) -> None:
    client, server = pair(mode)
    for end in (client, server):
        with pytest.raises(UsageError, match="handshake is not done"):
            end.wrap([b"too early"])
    shake(client, server)  # no harm was done
    assert hear(server, say(client, b"now")) == b"now"


@MODES
def test_goodbye(mode: TlsMode) -> None:
    client, server = secured(mode)
    late = say(server, b"still under way")
    client.close()
    client.close()
    goodbye = owed(client)
    assert len(records(goodbye)) == 1
    assert not owed(client)
    with pytest.raises(UsageError, match="closed"):
        client.wrap([b"one more thing"])
    assert not server.ended()
    assert hear(server, goodbye + b"ignored, RFC 8446 section 6.1") == b""
    assert server.unwrap(b"this too") == []
    assert server.ended()
    assert not client.ended()
    # What the other side said before is still heard, and it may finish what it was saying.
    assert hear(client, late + say(server, b", and the last")) == b"still under way, and the last"
    server.close()
    assert hear(client, owed(server)) == b""
    assert client.ended()


@MODES
def test_data_before_the_goodbye_in_one_read(mode: TlsMode) -> None:
    client, server = secured(mode)
    wire = say(client, b"last words")
    client.close()
    assert server.unwrap(wire + owed(client)) == [b"last words"]
    assert server.ended()


def test_close_during_the_handshake_says_nothing() -> None:
    client, server = pair()
    hello = owed(client)
    client.close()
    server.close()
    assert not owed(client)
    hear(server, hello)
    assert not client.ended()


def test_on_a_wire() -> None:
    client, server = pair()
    near, far = Wire([client]), Wire([server])
    assert near.securing
    for _ in range(4):
        for octets in near.wrap([]):
            assert not list(far.unwrap(octets))
        for octets in far.wrap([]):
            assert not list(near.unwrap(octets))
    assert not near.securing
    assert [bytes(piece) for octets in near.wrap([b"MSRP "]) for piece in far.unwrap(octets)] == [b"MSRP "]
    assert near.protections == (client.protection,)


def test_nothing_secret_is_shown() -> None:
    mine = ThrowAway()
    assert repr(mine) == f"<ThrowAway {mine.fingerprint}>"
    client, server = pair()
    assert repr(client) == "<TlsLayer client shaking hands>"
    shake(client, server)
    assert repr(server).startswith("<TlsLayer server TLSv1.3 TLS_")
    with pytest.raises(PeerError):
        client.unwrap(b"garbage")
    assert repr(client) == "<TlsLayer client failed>"


def test_a_server_without_a_key() -> None:
    with pytest.raises(UsageError, match="needs a key"):
        server_context(ANONYMOUS)
    server_context(ADH)
