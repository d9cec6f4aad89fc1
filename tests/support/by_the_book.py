"""The other side of an RFC's example: a program that says, over plain TCP, exactly what it is told to.

It knows nothing of MSRP but where a request or response ends, and shares no code with ours. `Book` is
its handle in a test; run as a program it obeys lines of JSON on standard input, each with one answer:

    {"listen": true}              at a free port of 127.0.0.1: the port
    {"accept": true}              whoever comes: null
    {"connect": PORT}             of 127.0.0.1: null
    {"say": OCTETS}               null
    {"hear": true}                the next request or response; "" at the end
    {"close": true}               null
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from typing import Any

__all__ = ["Book"]

_START = re.compile(rb"MSRP ([^ ]+) ")


class Book:
    """One such program. Octets and lines are as in the RFC: what differs is replaced by the test."""

    def __init__(self) -> None:
        self._program = subprocess.Popen(
            [sys.executable, "-P", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def _do(self, **what: object) -> Any:
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.write(json.dumps(what) + "\n")
        self._program.stdin.flush()
        return json.loads(self._program.stdout.readline())

    def listen(self) -> int:
        return int(self._do(listen=True))

    def accept(self) -> None:
        self._do(accept=True)

    def connect(self, port: int) -> None:
        self._do(connect=port)

    def say(self, *frames: bytes) -> None:
        self._do(say=b"".join(frames).decode("latin-1"))

    def hear(self) -> bytes:
        return str(self._do(hear=True)).encode("latin-1")

    def close(self) -> None:
        self._do(close=True)

    def stop(self) -> None:
        self._program.kill()
        self._program.communicate()


def _main() -> None:
    listener: socket.socket | None = None
    line: socket.socket | None = None
    pending = b""
    for text in sys.stdin:
        ((what, value),) = json.loads(text).items()
        answer: object = None
        if what == "listen":
            listener = socket.create_server(("127.0.0.1", 0))
            answer = listener.getsockname()[1]
        elif what == "connect":
            line = socket.create_connection(("127.0.0.1", value), timeout=20)
        elif what == "accept":
            assert listener is not None
            listener.settimeout(20)
            line = listener.accept()[0]
            line.settimeout(20)
        else:
            assert line is not None
            if what == "say":
                line.sendall(value.encode("latin-1"))
            elif what == "close":
                line.close()
                pending = b""
            else:
                frame, pending = _frame(line, pending)
                answer = frame.decode("latin-1")
        print(json.dumps(answer), flush=True)


def _frame(line: socket.socket, pending: bytes) -> tuple[bytes, bytes]:
    """One request or response, and what came behind it."""
    while True:
        begun = _START.match(pending)
        if begun is not None:
            end = re.search(rb"(?:\A|\r\n)-------%s[$+#]\r\n" % re.escape(begun[1]), pending)
            if end is not None:
                return pending[: end.end()], pending[end.end() :]
        data = line.recv(65536)
        if not data:
            return b"", b""
        pending += data


if __name__ == "__main__":
    _main()
