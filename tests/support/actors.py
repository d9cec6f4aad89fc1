"""Who uses a session: they send, look and read, and sleep until their bell rings.

Nothing wakes them but a bell: one the protocol forgets to ring leaves its sleeper asleep for ever.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from msrp_peer.protocol.endpoint import Endpoint
from msrp_peer.protocol.incoming import Incoming
from msrp_peer.protocol.outgoing import Outgoing

__all__ = ["Actor", "Guest", "Reader", "Sender"]


class Actor:
    """Attributes:
    awake: whether its bell has rung since it acted last.
    done: whether it has seen the end of what it does.
    """

    def __init__(self) -> None:
        self.awake = True
        self.done = False

    def ring(self) -> None:
        self.awake = True

    @property
    def ready(self) -> bool:
        return self.awake and not self.done

    def act(self) -> None:
        self.awake = False
        self.do()

    def do(self) -> None:
        raise NotImplementedError


class Sender(Actor):
    """Feeds one message as it is wanted, ends it, and waits for what became of it."""

    def __init__(self, outgoing: Outgoing, body: bytes, block: int) -> None:
        super().__init__()
        self.outgoing = outgoing
        self.body = body
        outgoing.bell = self
        self._blocks = deque(body[at : at + block] for at in range(0, len(body), block))
        self._ended = False

    def do(self) -> None:
        outgoing = self.outgoing
        while self._blocks and outgoing.wants():
            outgoing.feed(self._blocks.popleft())
        if not self._blocks and not self._ended and outgoing.leaving:
            outgoing.end()
            self._ended = True
        self.done = outgoing.over


class Reader(Actor):
    """Reads one message, as `msrp_peer.session.message.Message` does.

    Attributes:
        came: the octets taken.
    """

    def __init__(self, incoming: Incoming, way: str, stop: int) -> None:
        super().__init__()
        self.incoming = incoming
        self.way = way
        self.came = bytearray()
        self.settled = False  # said what became of it
        self._stop = stop
        self._opened = False
        incoming.bell = self

    def do(self) -> None:
        incoming = self.incoming
        if self.way == "refuse":
            incoming.refuse(403)
            self.done = self.settled = True
            return
        if self.way == "throw away":
            incoming.dropped = True  # as a finalizer does, which calls nothing
            incoming.bell = Actor()
            self.done = True
            return
        if not self._opened:
            self._opened = True
            incoming.open()
        while block := incoming.take():
            self.came += block
            if self.way == "leave" and len(self.came) >= self._stop:
                self._over(taken=False)
                return
        if incoming.state != "arriving":
            self._over(taken=incoming.state == "whole" and self.way != "spoil")

    def _over(self, *, taken: bool) -> None:
        self.done = self.settled = True
        self.incoming.leave()
        if taken:
            self.incoming.confirm()
        else:
            self.incoming.refuse(413)


class Guest(Actor):
    """Looks at what arrives in a session, and hands each message to `seen`."""

    def __init__(self, endpoint: Endpoint, seen: Callable[[Incoming], None]) -> None:
        super().__init__()
        self.endpoint = endpoint
        self._seen = seen
        endpoint.bell = self

    def do(self) -> None:
        while self.endpoint.inbox:
            self._seen(self.endpoint.inbox.popleft())
        self.done = self.endpoint.closed
