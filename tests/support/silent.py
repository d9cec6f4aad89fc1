"""A realm whose KDC hears everything and says nothing."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sasl.realm import Realm, realm

__all__ = ["Silent", "silent_kdc"]


class Silent:
    """While it stands, libkrb5 of this process asks it.

    Attributes:
        realm: the realm; its people have their tickets.
        conf: what libkrb5 reads.
    """

    def __init__(self, shared: Realm, conf: Path, stream: socket.socket, datagrams: socket.socket) -> None:
        self.realm, self.conf = shared, conf
        self._sockets = stream, datagrams

    async def asked(self) -> None:
        """Wait until it has been asked something."""
        loop = asyncio.get_running_loop()
        stream, datagrams = self._sockets
        asked = [
            asyncio.ensure_future(loop.sock_accept(stream)),  # large questions come by TCP
            asyncio.ensure_future(loop.sock_recv(datagrams, 10_000)),
        ]
        heard, unheard = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        for task in unheard:
            task.cancel()
        for task in heard:
            if isinstance(found := task.result(), tuple):
                self._sockets += (found[0],)  # who hangs up would be an answer

    def close(self) -> None:
        for opened in self._sockets:
            opened.close()


@contextmanager
def silent_kdc(folder: Path) -> Iterator[Silent]:
    """`folder` is for its configuration."""
    shared = realm()
    stream, datagrams = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
    conf = folder / "silent.conf"
    silent = Silent(shared, conf, stream, datagrams)
    try:
        stream.bind(("127.0.0.1", 0))
        stream.listen()
        port = stream.getsockname()[1]
        datagrams.bind(("127.0.0.1", port))
        conf.write_text(
            f"[libdefaults]\ndefault_realm = {shared.name}\ndns_lookup_kdc = false\n"
            f"[realms]\n{shared.name} = {{\nkdc = 127.0.0.1:{port}\n}}\n"
        )
        for opened in (stream, datagrams):
            opened.setblocking(False)
        before = os.environ.get("KRB5_CONFIG")
        os.environ["KRB5_CONFIG"] = str(conf)
        try:
            yield silent
        finally:
            if before is None:
                del os.environ["KRB5_CONFIG"]
            else:
                os.environ["KRB5_CONFIG"] = before
    finally:
        silent.close()
