"""Whoever comes to a listener, before it has anything to do with them.

A flood is mostly of connections that are closed at once: so nothing is made for one before it is known
whether there is room. And those who talk already must not wait for all who come: an event loop that
accepts a hundred connections in one go does nothing else meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import cast

from .line import Line, address_of

__all__ = ["AT_A_TIME", "Newcomer", "queue_up"]

AT_A_TIME = 8
"""Connections accepted in one turn of the event loop (``backlog`` of `create_server`, as asyncio uses it):
some milliseconds."""
_QUEUE = 512
"""Those the system keeps until their turn comes: less than a second's. Whoever finds no place asks again
after a second, and finds others there."""


class Newcomer(asyncio.Protocol):
    """A connection until it is let in: then its `Line` takes its place."""

    def __init__(self, let_in: Callable[[str], Line | None]) -> None:
        """`let_in` is told where it comes from, ``host:port``; None turns it away."""
        self._let_in = let_in

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        made = cast("asyncio.Transport", transport)
        line = self._let_in(address_of(made.get_extra_info("peername")))
        if line is None:
            made.abort()
            return
        made.set_protocol(line)
        line.connection_made(made)


def queue_up(server: asyncio.Server) -> None:
    """Let more wait at the system than are accepted in one turn; asyncio has one number for both."""
    for socket in server.sockets:
        with contextlib.suppress(OSError), socket.dup() as same:
            same.listen(_QUEUE)
