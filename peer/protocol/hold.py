"""Requests that came before signalling said from whom they may come.

The other side may learn our URI, connect and send before its own path has reached us. Answering
481 would end a session that is about to begin, and believing whoever comes first would bind it
to a stranger. So that connection waits: what came is held, and behind more than one event of it
nothing is read. (Behind one it is, so that the end of a line is seen whose other side gave up: a
session must not begin on that.) The same goes for who begins to prove themselves where it is not
known yet to whom, and by what; and for everything on a line where it is not decided whose the other
side's key is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from msrp_core import Body, Flag, Frame

from ..terms.security import Believed
from .auth import Answer

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["Hold"]

Event = Frame | Body | Flag


class Hold:
    """What one connection holds, for the time of a handshake at most.

    Attributes:
        events: what is held, in order.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.events: deque[Event] = deque()
        self._until: float | None = None
        self._refusing = False

    @property
    def full(self) -> bool:
        """Whether nothing more is to be read."""
        return len(self.events) > 1

    def takes(self, event: Event, now: float) -> bool:
        """Whether it must wait; then it is held here."""
        if self._refusing:
            self._refuse(event, now)
            return True
        if self._connection.doubt is not None:
            self.events.append(event)
            return True
        if not self.events and not (isinstance(event, Frame) and self._early(event, now)):
            return False
        self.events.append(event)
        return True

    def _early(self, frame: Frame, now: float) -> bool:
        connection, bindings = self._connection, self._connection.bindings
        if not bindings.register.reserves or frame.to_path in bindings.endpoints:
            return False
        if frame.method == "AUTH":
            if connection.granting or not connection.acceptor.unready(frame):
                return False
        elif frame.method != "SEND" or not bindings.register.early(frame, now):
            return False
        if self._until is None:
            self._until = now + connection.limits.handshake
        return now < self._until

    def release(self, work: Callable[[Event], None], now: float) -> None:
        """Look again: `work` gets what need not wait any more."""
        held, self.events = self.events, deque()
        for event in held:
            if not self.takes(event, now):
                work(event)
        if not self.events:
            self._until = None

    def decided(self, how: Believed | None, now: float) -> None:
        """It is decided how the key in doubt is believed; None for not at all. Then as after
        `Connection.receive`."""
        connection = self._connection
        if how is None:
            self._refuse_all(now)
        elif connection.doubt is not None:
            connection.doubt = None
            connection.wire.believe(how)
            connection.resume(now)

    def _refuse_all(self, now: float) -> None:
        """Nothing is done for the other side any more, until it leaves or its time is over: its requests
        get 403, those that are held and all others."""
        self._refusing = True
        held, self.events = self.events, deque()
        for event in held:
            self._refuse(event, now)

    def _refuse(self, event: Event, now: float) -> None:
        if isinstance(event, Frame) and event.status is None:
            self._connection.inbound.answer(event, Answer(403, "no session is for you"), now)

    def next_timer(self) -> float | None:
        return self._until if self.events else None
