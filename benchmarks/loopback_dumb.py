"""A sender that knows no rules: writes octets made beforehand, throws away what comes back."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterable

from msrp_core import Frame, Parser, Uri, new_ident, request
from msrp_peer.security.tls import TlsLayer
from msrp_peer.security.tls_modes import TlsMode, client_context

_CONTEXT = client_context(TlsMode.ANONYMOUS)
_STEP = 64 * 1024


class Dumb:
    """One connection to 127.0.0.1, blocking; over TLS where asked."""

    def __init__(self, port: int, *, tls: bool) -> None:
        self._port = port
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._layer = TlsLayer(_CONTEXT, server=False) if tls else None
        self._parser = Parser()
        self._hearing: threading.Thread | None = None
        if self._layer is not None:
            while self._layer.protection is None:
                self._socket.sendall(b"".join(self._layer.wrap([])))
                self._layer.unwrap(self._socket.recv(_STEP))
            self._socket.sendall(b"".join(self._layer.wrap([])))

    def bind(self) -> tuple[str, str]:
        """Ask for a session and begin it; where to send to, and our own URI."""
        own = Uri.fresh("127.0.0.1", 9).text
        listener = f"msrps://127.0.0.1:{self._port};tcp"
        granted = self._asked(request("AUTH", listener, own, [("Accept-Types", "*")])[1])
        to = granted.header("Use-Path")
        assert to is not None
        bound = self._asked(request("SEND", to, own, [("Message-ID", new_ident())])[1])
        assert bound.status == 200
        return to, own

    def _asked(self, octets: bytes) -> Frame:
        assert self._layer is not None
        self._socket.sendall(b"".join(self._layer.wrap([octets])))
        while True:
            for piece in self._layer.unwrap(self._socket.recv(_STEP)):
                for event in self._parser.feed(piece):
                    assert isinstance(event, Frame)
                    return event

    def send(self, blocks: Iterable[bytes]) -> None:
        """Write it all. What comes back is thrown away meanwhile, and until the end: a peer whose
        answers nobody reads stops reading itself."""
        if self._hearing is None:
            self._hearing = threading.Thread(target=self._discard, daemon=True)
            self._hearing.start()
        for block in blocks:
            view = memoryview(block)
            for at in range(0, len(view), _STEP):
                step: bytes | memoryview = view[at : at + _STEP]
                if self._layer is not None:
                    step = b"".join(self._layer.wrap([step]))
                self._socket.sendall(step)

    def _discard(self) -> None:
        room = bytearray(4 * _STEP)
        with contextlib.suppress(OSError):
            while self._socket.recv_into(room):
                pass

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
