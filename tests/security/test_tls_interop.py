"""The TLS layer and other people's TLS, over real sockets."""

from __future__ import annotations

import hashlib
import re
import shutil
import socket
import ssl
import warnings
from pathlib import Path

import pytest

from msrp_peer.security.keys import ThrowAway
from msrp_peer.security.tls import TlsLayer
from msrp_peer.security.tls_modes import TlsMode, client_context
from msrp_peer.terms.errors import PeerError
from security.tls_line import ADH, ANONYMOUS, hear, key, owed, pair, records, say
from security.tls_peers import (
    certificate,
    last_words,
    line_to,
    our_server,
    s_client,
    s_server,
    standard_server,
    talk,
)

pytestmark = pytest.mark.timeout(60)
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl command")
OLD, NEW = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
ADH_ONLY = "aNULL+AESGCM:@SECLEVEL=0"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("shown"))


def standard_context(
    *, server: bool, version: ssl.TLSVersion, ciphers: str | None = None, shown: Path | None = None
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    if not server:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # for TLS 1.1
        context.minimum_version = context.maximum_version = version
    if ciphers is not None:
        context.set_ciphers(ciphers)
    if shown is not None:
        context.load_cert_chain(shown)
    return context


def fingerprint(der: bytes | None) -> str:
    assert der is not None
    return (
        hashlib.sha256(der).hexdigest(":").upper() if False else hashlib.sha256(der).digest().hex(":").upper()
    )


@needs_openssl
@pytest.mark.parametrize("version", [OLD, NEW])
def test_our_client_and_the_standard_server(version: ssl.TLSVersion, shown: Path) -> None:
    context = standard_context(server=True, version=version, shown=shown)
    unique: list[bytes | None] = []

    def serve(line: ssl.SSLSocket) -> None:
        unique.append(line.get_channel_binding("tls-unique"))
        while len(octets := line.recv(65536)):
            line.sendall(octets)
        line.unwrap().close()

    said = bytes(range(256)) * 4000
    client = pair()[0]
    with standard_server(context, serve) as (port, raised), line_to(port) as line:
        assert talk(client, line, b"hello", 5) == b"hello"
        assert talk(client, line, said, len(said)) == said
        last_words(client, line)
    assert not raised
    assert client.ended()
    assert client.protection is not None
    assert client.protection.version == version.name.replace("_", ".")
    assert client.protection.peer_key == fingerprint(ssl.PEM_cert_to_DER_cert(_pem(shown)))
    if version is OLD:
        assert client.binding("tls-unique") == unique[0]


def _pem(path: Path) -> str:
    text = path.read_text()
    return text[text.index("-----BEGIN CERTIFICATE-----") :]


@pytest.mark.parametrize(
    ("version", "ciphers", "server_mode"),
    [
        (NEW, None, ANONYMOUS),
        (OLD, None, ANONYMOUS),
        (OLD, ADH_ONLY, ANONYMOUS),
        (OLD, ADH_ONLY, ADH),
        (OLD, f"ALL:{ADH_ONLY}", ADH),
    ],
)
def test_the_standard_client_and_our_server(
    version: ssl.TLSVersion, ciphers: str | None, server_mode: TlsMode
) -> None:
    """The standard library's OpenSSL may be too old to name a Diffie-Hellman group it can use."""
    context = standard_context(server=False, version=version, ciphers=ciphers)
    server = pair(server_mode)[1]

    def serve(layer: TlsLayer, line: socket.socket) -> None:
        talk(layer, line, talk(layer, line, b"", 5)[::-1])
        last_words(layer, line)

    ours = our_server(server, serve)
    with ours as (port, raised), line_to(port) as plain, context.wrap_socket(plain) as line:
        line.sendall(b"hello")
        assert line.recv(100) == b"olleh"
        unique = line.get_channel_binding("tls-unique")
        der = line.getpeercert(binary_form=True)
        assert line.recv(100) == b""  # our goodbye: without it this raises
        line.unwrap().close()
    assert not raised
    assert server.ended()
    assert server.protection is not None
    anonymous = server.protection.cipher.startswith("ADH-")
    assert anonymous == (ciphers is not None)
    assert (der is None) == anonymous
    if not anonymous:
        assert fingerprint(der) == server.protection.own_key == key().fingerprint
    if version is OLD:
        assert server.binding("tls-unique") == unique


@pytest.mark.parametrize("version", [OLD, NEW])
def test_nothing_is_resumed(version: ssl.TLSVersion) -> None:
    context = standard_context(server=False, version=version)
    session: ssl.SSLSession | None = None
    for _ in range(3):

        def serve(layer: TlsLayer, line: socket.socket) -> None:
            talk(layer, line, b"hello")
            last_words(layer, line)

        ours = our_server(pair()[1], serve)
        with (
            ours as (port, raised),
            line_to(port) as plain,
            context.wrap_socket(plain, session=session) as line,
        ):
            assert line.recv(100) == b"hello"
            assert not line.session_reused
            session = line.session
            line.unwrap().close()
        assert not raised


def test_a_line_cut_by_the_standard_client() -> None:
    context = standard_context(server=False, version=NEW)
    server = pair()[1]

    def serve(layer: TlsLayer, line: socket.socket) -> None:
        talk(layer, line, b"", 100)

    ours = our_server(server, serve)
    with ours as (port, raised), line_to(port) as plain, context.wrap_socket(plain) as line:
        line.sendall(b"hello")
        line.shutdown(socket.SHUT_WR)  # TCP's end without TLS's goodbye
        while line.recv(65536):
            pass
    assert isinstance(raised[0], EOFError)
    assert raised[0].args == (b"hello",)
    assert not server.ended()


def test_a_standard_client_of_tls_1_1() -> None:
    context = standard_context(server=False, version=ssl.TLSVersion.TLSv1_1, ciphers="ALL:@SECLEVEL=0")
    ours = our_server(pair()[1], talk)
    refused = pytest.raises(ssl.SSLError, match="alert protocol version")
    with ours as (port, raised), line_to(port) as plain, refused:
        context.wrap_socket(plain)
    assert isinstance(raised[0], PeerError)
    assert str(raised[0]).startswith("no TLS version in common with the other side")


@needs_openssl
def test_a_standard_server_of_tls_1_1(shown: Path) -> None:
    context = standard_context(
        server=True, version=ssl.TLSVersion.TLSv1_1, ciphers="ALL:@SECLEVEL=0", shown=shown
    )
    theirs = standard_server(context, lambda line: None)
    refused = pytest.raises(PeerError, match="alert protocol_version: it speaks none of the TLS versions")
    with theirs as (port, raised), line_to(port) as line, refused:
        talk(pair()[0], line)
    assert isinstance(raised[0], ssl.SSLError)


@needs_openssl
def test_a_standard_client_that_verifies() -> None:
    context = ssl.create_default_context()
    ours = our_server(pair()[1], lambda layer, line: talk(layer, line, until=1))
    with ours as (port, raised), line_to(port) as plain, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(plain, server_hostname="bob.example")
    assert "it verifies certificates and does not accept the one this side shows" in str(raised[0])


EXPORT = ("-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32")
MODES = pytest.mark.parametrize("mode", [TlsMode.ANONYMOUS, TlsMode.ADH])


def exported(text: bytes) -> bytes:
    found = re.search(rb"Keying material: ([0-9A-F]+)", text)
    assert found, text
    return bytes.fromhex(found[1].decode())


@needs_openssl
@MODES
def test_our_client_and_s_server(mode: TlsMode, shown: Path) -> None:
    options: tuple[str | Path, ...] = ("-cert", shown, *EXPORT)
    if mode is ADH:
        options = ("-nocert", "-tls1_2", "-cipher", ADH_ONLY)
    client = pair(mode)[0]
    with s_server(*options) as (port, process), line_to(port) as line:
        assert talk(client, line, b"hello\n", 6) == b"olleh\n"
        assert client.protection is not None
        assert client.protection.version == ("TLSv1.2" if mode is ADH else "TLSv1.3")
        assert client.protection.cipher.startswith("ADH-") == (mode is ADH)
        last_words(client, line)
        process.terminate()
        text = process.communicate(timeout=20)[0]
    if mode is ANONYMOUS and b"Keying material" in text:
        assert exported(text) == client.binding("tls-exporter")


@needs_openssl
@pytest.mark.parametrize(("mode", "server_mode"), [(ANONYMOUS, ANONYMOUS), (ADH, ADH), (ADH, ANONYMOUS)])
def test_s_client_and_our_server(mode: TlsMode, server_mode: TlsMode) -> None:
    options = EXPORT if mode is ANONYMOUS else ("-tls1_2", "-cipher", ADH_ONLY)
    server = pair(server_mode)[1]
    with s_client(*options) as (line, process):
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"hello\n")
        assert talk(server, line, b"welcome\n", 6) == b"hello\n"
        last_words(server, line)
        text = process.stdout.read()
    assert b"welcome\n" in text
    assert server.ended()
    assert server.protection is not None
    assert server.protection.cipher.startswith("ADH-") == (mode is ADH)
    if mode is ANONYMOUS:
        # No context and an empty one are the same on TLS 1.3 (RFC 8446 section 7.5).
        assert exported(text) == server.binding("tls-exporter")


@needs_openssl
def test_renegotiation_is_refused() -> None:
    server = pair()[1]
    with s_client("-tls1_2") as (line, process):
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"hello\n")
        talk(server, line, b"", 6)
        before = server.binding("tls-exporter"), server.binding("tls-unique")
        assert None not in before
        process.stdin.write(b"R\n")
        assert hear(server, line.recv(65536)) == b""
        refusal = owed(server)
        assert [record[0] for record in records(refusal)] == [0x15]  # an alert and nothing else
        assert before == (server.binding("tls-exporter"), server.binding("tls-unique"))
        line.sendall(refusal)
        with pytest.raises(PeerError, match=r"gave up the TLS connection with the alert handshake_failure$"):
            hear(server, line.recv(65536))
        assert server.binding("tls-exporter") is None
        line.close()
        assert b"no renegotiation" in process.stdout.read()


@needs_openssl
def test_renegotiation_is_refused_by_a_client(shown: Path) -> None:
    client = pair()[0]
    with s_server("-cert", shown, "-tls1_2", rev=False) as (port, process), line_to(port) as line:
        assert process.stdin is not None
        talk(client, line)
        before = client.binding("tls-exporter"), client.binding("tls-unique")
        assert None not in before
        process.stdin.write(b"r\n")
        assert hear(client, line.recv(65536)) == b""
        refusal = owed(client)
        assert [record[0] for record in records(refusal)] == [0x15]
        assert before == (client.binding("tls-exporter"), client.binding("tls-unique"))


@needs_openssl
def test_half_a_ticket_in_the_way(shown: Path) -> None:
    """While half a handshake message has arrived, OpenSSL takes nothing: what is said must wait.

    A ticket that holds a client's certificate is longer than the records asked for here.
    """
    mine = ThrowAway()
    client = TlsLayer(client_context(ANONYMOUS, mine), server=False, own_key=mine.fingerprint)
    options = ("-cert", shown, "-max_send_frag", "512", "-verify", "1")
    with s_server(*options) as (port, _), line_to(port) as line:
        talk(client, line)
        said = [b"%03d\n" % i for i in range(40)]
        todo, heard, waiting, held = said[:], b"", b"", 0
        while len(heard) < len(b"".join(said)):
            waiting += line.recv(65536)
            while len(waiting) >= 5 and len(waiting) >= (size := 5 + int.from_bytes(waiting[3:5], "big")):
                heard += hear(client, waiting[:size])
                waiting = waiting[size:]
                line.sendall(owed(client))
                for piece in todo[:2]:
                    out = say(client, piece)
                    held += not out
                    line.sendall(out)
                del todo[:2]
        assert held
        assert heard == b"".join(piece[2::-1] + b"\n" for piece in said)
        last_words(client, line)
    assert client.ended()


@needs_openssl
def test_a_goodbye_behind_half_a_ticket(shown: Path) -> None:
    client = TlsLayer(client_context(ANONYMOUS, ThrowAway()), server=False)
    options = ("-cert", shown, "-max_send_frag", "512", "-verify", "1")
    with s_server(*options) as (port, _), line_to(port) as line:
        talk(client, line)
        waiting = b""
        while len(waiting) < 5 or len(waiting) < (size := 5 + int.from_bytes(waiting[3:5], "big")):
            waiting += line.recv(65536)
        assert hear(client, waiting[:size]) == b""
        said = (b"-" * 99 + b"\n") * 1000
        assert say(client, said) == b""
        client.close()
        assert owed(client) == b""
        heard, sent = hear(client, waiting[size:]), b""
        while not client.ended():
            out = owed(client)
            assert not sent or not out  # it went all at once
            sent += out
            line.sendall(out)
            heard += hear(client, line.recv(65536))
        assert heard == said
        assert len(records(sent)) == 8  # 7 of data, and the goodbye
    assert client.ended()
