"""Other people's TLS to talk with: the standard library's in a thread, OpenSSL's as a process."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from msrp_peer.security.tls import TlsLayer
from security.tls_line import hear, owed, say


def certificate(folder: Path) -> Path:
    """A file with a new P-256 key and its certificate, for the other side to show."""
    path, key = folder / "cert.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=other -days 2"
    subprocess.run([*command.split(), "-keyout", key, "-out", path], check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_bytes(key.read_bytes() + path.read_bytes())
    return both


def talk(layer: TlsLayer, line: socket.socket, said: bytes = b"", until: int = 0) -> bytes:
    """Shake hands, say `said`, and hear until that many octets came."""
    heard = b""
    while True:
        out = owed(layer)
        if layer.protection is not None and said:
            out, said = out + say(layer, said), b""
        line.sendall(out)
        if layer.protection is not None and len(heard) >= until:
            return heard
        data = line.recv(65536)
        if not data:
            raise EOFError(heard)
        heard += hear(layer, data)


def last_words(layer: TlsLayer, line: socket.socket) -> None:
    """Say goodbye, and hear out the other side until it has said its own or is gone."""
    layer.close()
    line.sendall(owed(layer))
    line.shutdown(socket.SHUT_WR)
    while data := line.recv(65536):
        layer.unwrap(data)


@contextlib.contextmanager
def line_to(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        yield line


@contextlib.contextmanager
def served(serve: Callable[[socket.socket], object]) -> Iterator[tuple[int, list[Exception]]]:
    """The port where one line is taken and served, in a thread; and what `serve` raised."""
    raised: list[Exception] = []

    def run(listener: socket.socket) -> None:
        line, _ = listener.accept()
        line.settimeout(20)
        with line:
            try:
                serve(line)
            except Exception as error:
                raised.append(error)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        thread = threading.Thread(target=run, args=(listener,))
        thread.start()
        try:
            yield listener.getsockname()[1], raised
        finally:
            thread.join(20)


def standard_server(
    context: ssl.SSLContext, serve: Callable[[ssl.SSLSocket], None]
) -> contextlib.AbstractContextManager[tuple[int, list[Exception]]]:
    """The port of a server of the standard library, and what its handshake or `serve` raised."""

    def over_tls(plain: socket.socket) -> None:
        with context.wrap_socket(plain, server_side=True) as line:
            serve(line)

    return served(over_tls)


def our_server(
    layer: TlsLayer, serve: Callable[[TlsLayer, socket.socket], object]
) -> contextlib.AbstractContextManager[tuple[int, list[Exception]]]:
    """The port of a server with our layer, and what `serve` raised; the alert is sent first."""

    def through(line: socket.socket) -> None:
        try:
            serve(layer, line)
        except Exception:
            with contextlib.suppress(OSError):
                line.sendall(owed(layer))
            raise

    return served(through)


@contextlib.contextmanager
def s_server(*options: str | Path, rev: bool = True) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """`openssl s_server`: with `rev` it sends back every line reversed, without it obeys its stdin."""
    command = ["openssl", "s_server", "-accept", "127.0.0.1:0", *(["-rev"] * rev), *map(str, options)]
    with subprocess.Popen(
        command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        try:
            port = 0
            while not port:
                text = process.stdout.readline()
                assert text, "s_server ended"
                if text.startswith(b"ACCEPT"):
                    port = int(text.rpartition(b":")[2])
            yield port, process
        finally:
            process.terminate()


@contextlib.contextmanager
def called(command: Callable[[int], list[str]]) -> Iterator[tuple[socket.socket, subprocess.Popen[bytes]]]:
    """A program that connects to the port it is given, and our end of the line to it. It sends what its
    stdin is given."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        with subprocess.Popen(
            command(listener.getsockname()[1]),
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            try:
                line, _ = listener.accept()
                line.settimeout(20)
                with line:
                    yield line, process
            finally:
                process.terminate()


def s_client(
    *options: str,
) -> contextlib.AbstractContextManager[tuple[socket.socket, subprocess.Popen[bytes]]]:
    """`openssl s_client`."""
    return called(lambda port: ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *options])


@contextlib.contextmanager
def gnutls_serv(*options: str | Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """`gnutls-serv`, which sends back what it hears."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["gnutls-serv", "--echo", "--port", str(port), *map(str, options)]
    with subprocess.Popen(
        command, bufsize=0, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        try:
            heard = b""
            while b"IPv4 0.0.0.0 port" not in heard or not heard.endswith(b"done\n"):
                text = process.stdout.readline()
                assert text, heard
                heard += text
            yield port, process
        finally:
            process.terminate()


def gnutls_cli(
    *options: str | Path,
) -> contextlib.AbstractContextManager[tuple[socket.socket, subprocess.Popen[bytes]]]:
    """`gnutls-cli`."""
    return called(lambda port: ["gnutls-cli", "--port", str(port), *map(str, options), "127.0.0.1"])
