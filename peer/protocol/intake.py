"""What comes in on one connection: octets through the layers to frames, and where a layer may begin.

A security layer begins at an exact octet (RFC 4422 section 3.7), and a step of an exchange may take
long. So between two frames two things are seen to:

- at the side that answers an AUTH nothing may follow it before it is answered: who sends all the same
  cannot know yet through which layer, and is left;
- at the side that was told of success, what follows is kept until it has judged that: only then
  is it known through which layer it has to go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msrp_core import Parser

from ..terms.errors import PeerError
from .wire import Layer

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from .connection import Connection

__all__ = ["Intake"]


class Intake:
    """One connection's.

    Attributes:
        parser: what makes frames of octets.
        waiting: whether octets are kept: the network is not to be read.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.parser = Parser(connection.limits.frames, connection.short.express)
        self.waiting = False
        self._kept: list[bytes] = []

    def octets(self, data: Buffer, size: int, now: float) -> None:
        """Work through what the network brought, so many octets. Raises what the other side did wrong."""
        connection = self._connection
        short, hold, acceptor = connection.short, connection.hold, connection.acceptor
        doubt = connection.doubt is not None
        holding = bool(hold.events) or connection.bindings.register.reserves or doubt
        short.begin(size, now, off=bool(hold.events) or doubt)
        securing = connection.state == "securing"
        proves = acceptor.gate is not None
        for octets in connection.wire.unwrap(data):
            if securing:
                connection.settle()
                securing = connection.state == "securing"
                holding = holding or connection.doubt is not None
            if (self.waiting or (proves and acceptor.thinking)) and self._between(octets, now):
                continue
            seen, behind = connection.outlet.tap, 0
            try:
                for event in self.parser.feed(octets):
                    if holding and hold.takes(event, now):
                        short.stop()
                    else:
                        short.event(event)
                    if self.waiting or (proves and acceptor.thinking):
                        rest = self.parser.rest()
                        behind = len(rest)
                        self._between(rest, now)
            finally:
                if seen is not None:  # all but what is behind, which is no frame's, or not yet
                    seen.heard(bytes(memoryview(octets)[: memoryview(octets).nbytes - behind]))
        short.end()
        if securing:
            connection.settle()

    def _between(self, octets: Buffer, now: float) -> bool:
        """Whether these are not for the frames now: `octets` stand behind success, or behind an AUTH."""
        connection = self._connection
        if self.waiting:
            if octets:
                self._kept.append(bytes(octets))
            return True
        if connection.acceptor.thinking:
            if octets:
                raise PeerError("the other side went on talking before its AUTH was answered")
            if not connection.acceptor.slow:
                connection.acceptor.think()
                self.thought(now)
        return False

    def wait(self) -> None:
        """Keep what comes from here on."""
        self.waiting = True

    def go_on(self, layer: Layer | None, now: float) -> None:
        """Judged: what was kept, and all that follows, goes through `layer`, if there is one."""
        self.waiting = False
        kept, self._kept = self._kept, []
        self._begin(layer, b"".join(kept))
        if kept:
            self._connection.receive(b"", now)

    def thought(self, now: float) -> None:
        """A step of the acceptor is taken: answer the AUTH that waits for it.

        Raises what was our own doing, and then the connection is closed.
        """
        connection = self._connection
        if connection.state != "open":
            connection.acceptor.forget()
            return
        try:
            frame, answer, verdict = connection.acceptor.thought()
        except Exception:
            connection.lost("an error at this end")
            raise
        connection.inbound.answer(frame, answer, now)
        if verdict is not None:
            connection.proof = verdict.proof
            connection.watch.proved(now, verdict.lasts)
            self._begin(verdict.layer, b"")

    def _begin(self, layer: Layer | None, rest: bytes) -> None:
        """What was said goes as the line was; what comes now, as it will be."""
        if layer is not None:
            self._connection.outlet.seal()
        self._connection.wire.push(layer, rest)
