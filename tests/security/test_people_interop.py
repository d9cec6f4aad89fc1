"""OpenSSL's and GnuTLS' own programs against our TLS in every mode; certificates of the openssl command."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from msrp_peer.security.keys import ThrowAway
from msrp_peer.security.own_key import OwnKey, read_key
from msrp_peer.security.tls import TlsLayer
from msrp_peer.security.tls_modes import TlsMode, client_context, server_context
from msrp_peer.security.trust import Trust
from msrp_peer.terms.errors import PeerError
from msrp_peer.terms.fingerprints import Fingerprint
from msrp_peer.terms.principal import Principal
from security.tls_peers import (
    gnutls_cli,
    gnutls_serv,
    last_words,
    line_to,
    our_server,
    s_client,
    s_server,
    talk,
)
from support.authority import CA, Authority, key_pem, pem, write

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(
        shutil.which("openssl") is None or shutil.which("gnutls-cli") is None,
        reason="there is no openssl or no gnutls-cli (gnutls-bin)",
    ),
]

ALICE, BOB = "im:alice@example.com", "im:bob@example.com"
AUTHORITY = Authority()
OTHER = Authority(replace(CA, common_name="another", private=rsa.generate_private_key(65537, 2048)))
"""One whose key can sign with MD5, too."""
TRUST = Trust([AUTHORITY.certificate, OTHER.certificate])
CERTIFICATE, FINGERPRINT = TlsMode.CERTIFICATE, TlsMode.FINGERPRINT
OLD, NEW = "TLSv1.2", "TLSv1.3"
VERSIONS = pytest.mark.parametrize("version", [OLD, NEW])
ANON = "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ANON-DH"
Files = tuple[Path, Path]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("people")
    (made / "ca.pem").write_bytes(pem(AUTHORITY.certificate))
    write(made, "bob", *AUTHORITY.issue_pem(BOB))
    write(made, "alice", *AUTHORITY.issue_pem(ALICE))
    return made


def ours(folder: Path, name: str) -> OwnKey:
    return read_key(folder / f"{name}.pem", folder / f"{name}.key")


def client(folder: Path) -> TlsLayer:
    """Alice, who means Bob."""
    key = ours(folder, "alice")
    judge = TRUST.judge([Principal.parse(BOB)])
    return TlsLayer(
        client_context(CERTIFICATE, key, TRUST), server=False, own_key=key.fingerprint, judge=judge
    )


def server(folder: Path) -> TlsLayer:
    """Bob, who serves Alice."""
    key = ours(folder, "bob")
    judge = TRUST.judge([Principal.parse(ALICE)])
    return TlsLayer(
        server_context(CERTIFICATE, key, TRUST), server=True, own_key=key.fingerprint, judge=judge
    )


def openssl_files(folder: Path, name: str) -> list[str | Path]:
    return ["-cert", folder / f"{name}.pem", "-key", folder / f"{name}.key", "-CAfile", folder / "ca.pem"]


def gnutls_files(folder: Path, name: str) -> list[str | Path]:
    return [
        *("--x509certfile", folder / f"{name}.pem", "--x509keyfile", folder / f"{name}.key"),
        *("--x509cafile", folder / "ca.pem"),
    ]


def gnutls_version(version: str) -> str:
    return f"NORMAL:-VERS-ALL:+VERS-{version.removeprefix('TLSv').join(['TLS', ''])}"


def is_verified(layer: TlsLayer, name: str, version: str) -> None:
    assert layer.protection is not None
    assert layer.protection.version == version
    assert (layer.protection.verified, layer.protection.names) == ("chain", (name,))


# -- people


@VERSIONS
def test_our_client_and_s_server_that_verifies(folder: Path, version: str) -> None:
    options = [*openssl_files(folder, "bob"), "-Verify", "2", "-verify_return_error"]
    with (
        s_server(*options, f"-{version.lower().replace('v1.', '1_')}") as (port, process),
        line_to(port) as line,
    ):
        layer = client(folder)
        assert talk(layer, line, b"hello\n", 6) == b"olleh\n"
        is_verified(layer, BOB, version)
        last_words(layer, line)
        process.terminate()
        assert b"verify return:1" in process.communicate(timeout=20)[0]


@VERSIONS
def test_s_client_that_verifies_and_our_server(folder: Path, version: str) -> None:
    layer = server(folder)
    options = [*openssl_files(folder, "alice"), "-verify", "2", "-verify_return_error"]
    with s_client(*map(str, options), f"-{version.lower().replace('v1.', '1_')}") as (line, process):
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"hello\n")
        assert talk(layer, line, b"welcome\n", 6) == b"hello\n"
        is_verified(layer, ALICE, version)
        last_words(layer, line)
        assert b"Verify return code: 0 (ok)" in process.stdout.read()


@VERSIONS
def test_our_client_and_gnutls_serv(folder: Path, version: str) -> None:
    options = [*gnutls_files(folder, "bob"), "--require-client-cert", "--verify-client-cert"]
    with gnutls_serv(*options, f"--priority={gnutls_version(version)}") as (port, _), line_to(port) as line:
        layer = client(folder)
        assert talk(layer, line, b"hello\n", 6) == b"hello\n"
        is_verified(layer, BOB, version)
        last_words(layer, line)


@VERSIONS
def test_gnutls_cli_and_our_server(folder: Path, version: str) -> None:
    """It goes by hosts; the chain it finds good, and the name not."""
    layer = server(folder)
    options = [*gnutls_files(folder, "alice"), "--insecure", f"--priority={gnutls_version(version)}"]
    with gnutls_cli(*options) as (line, process):
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"hello\n")
        assert talk(layer, line, b"welcome\n", 6) == b"hello\n"
        is_verified(layer, ALICE, version)
        last_words(layer, line)
        told = process.stdout.read()
    assert b"The name in the certificate does not match the expected" in told
    assert b"issuer is unknown" not in told


@VERSIONS
def test_whoever_shows_nothing(folder: Path, version: str) -> None:
    short = f"-{version.lower().replace('v1.', '1_')}"
    with s_client(short) as (line, _), pytest.raises(PeerError, match="the other side shows no certificate"):
        talk(server(folder), line)
    with (
        gnutls_cli("--insecure", f"--priority={gnutls_version(version)}") as (line, _),
        pytest.raises(PeerError, match="the other side shows no certificate"),
    ):
        talk(server(folder), line)


# -- certificates that nobody should have


def made(
    folder: Path, *options: str, names: str = f"URI:{BOB}", days: str = "9", key: str = "rsa:2048"
) -> Files:
    """Bob's, by the openssl command, which does whatever it is told."""
    (folder / "root.pem").write_bytes(pem(OTHER.certificate))
    (folder / "root.key").write_bytes(key_pem(OTHER._private))
    request, shown, secret = folder / "request.pem", folder / "shown.pem", folder / "shown.key"
    extensions = folder / "extensions"
    extensions.write_text(
        f"subjectAltName={names}\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
    )
    commands = (
        f"req -newkey {key} -nodes -subj /CN=bob -keyout {secret} -out {request}",
        f"x509 -req -in {request} -CA {folder}/root.pem -CAkey {folder}/root.key -CAcreateserial "
        f"-days {days} -extfile {extensions} -out {shown} {' '.join(options)}",
    )
    for command in commands:
        subprocess.run(["openssl", *command.split()], check=True, capture_output=True)
    return shown, secret


WEAK = {
    "MD5": (["-md5"], {}, "signed with a hash that can be forged"),
    "SHA-1": (["-sha1"], {}, "signed with a hash that can be forged"),
    "RSA of 1024 bits": ([], {"key": "rsa:1024"}, "the key of the other side's certificate is too short"),
}


@pytest.mark.parametrize("name", WEAK)
def test_a_weak_certificate_of_a_server(folder: Path, tmp_path: Path, name: str) -> None:
    how, more, words = WEAK[name]
    cert, key = made(tmp_path, *how, **more)
    weak = ["-cipher", "ALL:@SECLEVEL=0", "-tls1_2"]
    with s_server("-cert", cert, "-key", key, *weak) as (port, process), line_to(port) as line:
        layer = client(folder)
        with pytest.raises(PeerError, match=words):
            talk(layer, line)
        assert layer.refused is not None
        line.sendall(b"".join(layer.wrap([])))
        line.shutdown(socket.SHUT_WR)
        while line.recv(65536):
            pass
        process.terminate()
        assert b"alert bad certificate" in process.communicate(timeout=20)[0]


@pytest.mark.parametrize("name", WEAK)
def test_a_weak_certificate_of_a_client(folder: Path, tmp_path: Path, name: str) -> None:
    how, more, words = WEAK[name]
    cert, key = made(tmp_path, *how, **more)
    layer = server(folder)
    options = ["-cert", cert, "-key", key, "-cipher", "ALL:@SECLEVEL=0", "-tls1_2"]
    with s_client(*map(str, options)) as (line, process):
        assert process.stdout is not None
        with pytest.raises(PeerError, match=words):
            talk(layer, line)
        line.sendall(b"".join(layer.wrap([])))
        line.close()
        assert b"alert bad certificate" in process.stdout.read()


def test_a_good_one_of_the_openssl_command(folder: Path, tmp_path: Path) -> None:
    """What the others differ from is good."""
    cert, key = made(tmp_path, "-sha256")
    with s_server("-cert", cert, "-key", key) as (port, _), line_to(port) as line:
        layer = client(folder)
        assert talk(layer, line, b"hello\n", 6) == b"olleh\n"
        is_verified(layer, BOB, NEW)
        last_words(layer, line)


@pytest.mark.skipif(shutil.which("faketime") is None, reason="there is no faketime")
def test_years_later(folder: Path) -> None:
    """A process whose clock says so refuses what is good now."""
    program = (
        "import socket, sys\nfrom pathlib import Path\n"
        "from msrp_peer.security.own_key import read_key\n"
        "from msrp_peer.security.tls_ends import client_layers\n"
        "from msrp_peer.security.tls_modes import TlsMode\n"
        "from msrp_peer.security.trust import Trust\n"
        "from msrp_peer.terms.principal import Principal\n"
        "from security.tls_peers import talk\n"
        "folder, port = Path(sys.argv[1]), int(sys.argv[2])\n"
        "key = read_key(folder / 'alice.pem', folder / 'alice.key')\n"
        "trust = Trust.read(folder / 'ca.pem')\n"
        f"layer = client_layers(TlsMode.CERTIFICATE, '', key, trust, Principal.parse({BOB!r}))[0]\n"
        "with socket.create_connection(('127.0.0.1', port)) as line:\n"
        "    print(talk(layer, line, b'hello\\n', 6))\n"
    )
    import os
    import sys

    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    for words, shift in (("b'olleh\\n'", []), ("has expired, on", ["faketime", "+10 years"])):
        with s_server(*openssl_files(folder, "bob")) as (port, _):
            command = [*shift, sys.executable, "-P", "-c", program, str(folder), str(port)]
            done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
            assert words in done.stdout + done.stderr


# -- the other modes


@VERSIONS
def test_anonymous_and_gnutls(version: str) -> None:
    key = ThrowAway()
    layer = TlsLayer(server_context(TlsMode.ANONYMOUS, key), server=True, own_key=key.fingerprint)
    with gnutls_cli("--insecure", f"--priority={gnutls_version(version)}") as (line, process):
        assert process.stdin is not None
        process.stdin.write(b"hello\n")
        assert talk(layer, line, b"welcome\n", 6) == b"hello\n"
        assert layer.protection is not None
        assert (layer.protection.version, layer.protection.verified) == (version, None)
        last_words(layer, line)


@VERSIONS
def test_anonymous_and_gnutls_the_other_way(folder: Path, version: str) -> None:
    layer = TlsLayer(client_context(TlsMode.ANONYMOUS), server=False)
    options = [*gnutls_files(folder, "bob"), f"--priority={gnutls_version(version)}"]
    with gnutls_serv(*options) as (port, _), line_to(port) as line:
        assert talk(layer, line, b"hello\n", 6) == b"hello\n"
        assert layer.protection is not None
        assert (layer.protection.version, layer.protection.verified) == (version, None)
        last_words(layer, line)


@pytest.mark.parametrize("mode", [TlsMode.ADH, TlsMode.ANONYMOUS])
def test_anonymous_diffie_hellman_and_gnutls(mode: TlsMode) -> None:
    key = None if mode is TlsMode.ADH else ThrowAway()
    layer = TlsLayer(server_context(mode, key), server=True)
    with gnutls_cli("--insecure", f"--priority={ANON}") as (line, process):
        assert process.stdin is not None
        process.stdin.write(b"hello\n")
        assert talk(layer, line, b"welcome\n", 6) == b"hello\n"
        assert layer.protection is not None
        assert layer.protection.cipher.startswith("ADH-")
        last_words(layer, line)


def test_anonymous_diffie_hellman_and_gnutls_the_other_way() -> None:
    layer = TlsLayer(client_context(TlsMode.ADH), server=False)
    with gnutls_serv(f"--priority={ANON}") as (port, _), line_to(port) as line:
        assert talk(layer, line, b"hello\n", 6) == b"hello\n"
        assert layer.protection is not None
        assert layer.protection.cipher.startswith("ADH-")
        last_words(layer, line)


def fingerprint(key: OwnKey) -> list[Fingerprint]:
    return [Fingerprint("sha-256", key.fingerprint)]


def test_fingerprints_and_openssl(folder: Path) -> None:
    key = ThrowAway()
    layer = TlsLayer(client_context(FINGERPRINT, key), server=False, own_key=key.fingerprint)
    with s_server(*openssl_files(folder, "bob"), "-verify", "2") as (port, _), line_to(port) as line:
        assert talk(layer, line, b"hello\n", 6) == b"olleh\n"
        assert not layer.verify(fingerprint(ours(folder, "alice")), signalled=True)
        assert layer.verify(fingerprint(ours(folder, "bob")), signalled=True)
        last_words(layer, line)


def test_fingerprints_and_gnutls(folder: Path) -> None:
    key = ThrowAway()
    layer = TlsLayer(server_context(FINGERPRINT, key), server=True, own_key=key.fingerprint)
    with gnutls_cli("--insecure", *gnutls_files(folder, "alice")) as (line, process):
        assert process.stdin is not None
        process.stdin.write(b"hello\n")
        assert talk(layer, line, b"welcome\n", 6) == b"hello\n"
        assert layer.verify(fingerprint(ours(folder, "alice")), signalled=True)
        last_words(layer, line)


# -- handshakes that are cut


@VERSIONS
@pytest.mark.parametrize("ends", [lambda line: line.close(), lambda line: line.shutdown(socket.SHUT_WR)])
def test_a_client_that_goes_in_the_middle(
    folder: Path, version: str, ends: Callable[[socket.socket], None]
) -> None:
    """After each octet of what it would say; nobody is taken for anybody."""
    flight = b"".join(client(folder).wrap([]))
    for size in (0, 1, 5, len(flight) // 2, len(flight) - 1, len(flight)):
        layer = server(folder)
        with our_server(layer, talk) as (port, raised):
            line = socket.create_connection(("127.0.0.1", port), timeout=20)
            line.sendall(flight[:size])
            ends(line)
            line.close()
        assert isinstance(raised[0], EOFError | OSError)
        assert layer.protection is None
