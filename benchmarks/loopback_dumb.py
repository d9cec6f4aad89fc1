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
    """One connection to 127.0.0.1, blocking; over TLS where asked. `source` is the address it comes from,
    `patience` the seconds it waits for anything.

    Raises `OSError` where the other side closes it.
    """

    def __init__(
        self, port: int, *, tls: bool, source: str = "127.0.0.1", patience: float | None = None
    ) -> None:
        self.listener = f"msrps://127.0.0.1:{port};tcp"
        self._socket = socket.create_connection(("127.0.0.1", port), patience, (source, 0))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._layer = TlsLayer(_CONTEXT, server=False) if tls else None
        self._parser = Parser()
        self._hearing: threading.Thread | None = None
        if self._layer is not None:
            try:
                self._shake_hands(self._layer)
            except BaseException:
                self.close()
                raise

    def _shake_hands(self, layer: TlsLayer) -> None:
        while layer.protection is None:
            self._socket.sendall(b"".join(layer.wrap([])))
            layer.unwrap(self._came())
        self._socket.sendall(b"".join(layer.wrap([])))

    def _came(self) -> bytes:
        octets = self._socket.recv(_STEP)
        if not octets:
            raise ConnectionResetError("the other side closed the connection")
        return octets

    def binding(self, name: str) -> bytes | None:
        """The channel binding of that name."""
        return None if self._layer is None else self._layer.binding(name)

    def bind(self) -> tuple[str, str]:
        """Ask for a session and begin it; where to send to, and our own URI."""
        own = Uri.fresh("127.0.0.1", 9).text
        granted = self.ask(request("AUTH", self.listener, own, [("Accept-Types", "*")])[1])
        to = granted.header("Use-Path")
        assert to is not None
        bound = self.ask(request("SEND", to, own, [("Message-ID", new_ident())])[1])
        assert bound.status == 200
        return to, own

    def ask(self, octets: bytes) -> Frame:
        """Send a request; its answer, which nothing comes before."""
        assert self._layer is not None
        self._socket.sendall(b"".join(self._layer.wrap([octets])))
        while True:
            for piece in self._layer.unwrap(self._came()):
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

    def detach(self) -> socket.socket:
        """Its socket, for who takes care of it from here on."""
        return self._socket

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
