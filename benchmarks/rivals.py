"""Who else reads such octets: HTTP parsers, on messages of the same size, and MSRP in plain Python.

There is no other MSRP parser worth comparing with. The plain-Python one is the tests' oracle, of the
same interface; it is written for clarity, and shown for scale.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import h11
import httptools

from msrp_peer.bench.framing import lazily

__all__ = ["Call", "Counting", "Keeping", "as_http", "by_h11", "by_httptools", "by_plain_python"]

Call = Callable[[], object]
_STATUS = b"HTTP/1.1 200 OK\r\n"


def as_http(frame: bytes) -> bytes:
    """A POST with as many header lines and octets as a SEND; a 200 with as many as a response."""
    if not frame.partition(b"\r\n\r\n")[1]:
        rest = b"Server: bob.example.com:8145\r\nContent-Length: 0\r\nX-Transaction: %s\r\n\r\n"
        return _STATUS + rest % (b"a" * max(1, len(frame) - len(_STATUS) - len(rest % b"")))
    body = frame.partition(b"\r\n\r\n")[2].rpartition(b"\r\n-------")[0]
    head = (
        b"POST /jshA7weztasQ5fKpQ2mNAA HTTP/1.1\r\nHost: bob.example.com:8145\r\nUser-Agent: %s\r\n"
        b"X-Message-ID: 0123456789abcdef0123\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
    )
    spare = max(1, len(frame) - len(body) - len(head % (b"", len(body))))
    return head % (b"a" * spare, len(body)) + body


class Counting:
    """httptools at its least: told where messages end."""

    def on_message_complete(self) -> None:
        pass


class Keeping:
    """httptools as whoever serves HTTP uses it: url, headers and body are kept."""

    def on_message_begin(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.body: list[bytes] = []

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        pass

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        self.done = True


def _responds(fed: Sequence[bytes]) -> bool:
    return fed[0].startswith(_STATUS[: len(fed[0])])


def by_httptools(fed: Sequence[bytes], handler: type) -> Call:
    make = httptools.HttpResponseParser if _responds(fed) else httptools.HttpRequestParser

    def call() -> None:
        parser = make(handler())
        for piece in fed:
            parser.feed_data(piece)

    return call


def by_h11(fed: Sequence[bytes]) -> Call:
    role = h11.CLIENT if _responds(fed) else h11.SERVER
    # One message at a time: what belongs to it goes the other way, before it goes on to the next.
    request = h11.Request(method="GET", target="/", headers=[("Host", "bob.example.com")])
    response = h11.Response(status_code=200, headers=[("Content-Length", "0")])

    def call() -> None:
        connection = h11.Connection(role)
        if role is h11.CLIENT:
            connection.send(request)
            connection.send(h11.EndOfMessage())
        for piece in fed:
            connection.receive_data(piece)
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    break
                if event is h11.PAUSED:
                    if role is h11.SERVER:
                        connection.send(response)
                        connection.send(h11.EndOfMessage())
                    connection.start_next_cycle()
                    if role is h11.CLIENT:
                        connection.send(request)
                        connection.send(h11.EndOfMessage())

    return call


def by_plain_python(fed: Sequence[bytes]) -> Call:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
    from reference.plain_parser import Parser

    return lazily(fed, Parser)
