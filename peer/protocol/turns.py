"""Whose chunk is next, and how much goes out in one go (RFC 4975 section 7.1.1)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ..terms.limits import Limits

if TYPE_CHECKING:
    from .endpoint import Endpoint
    from .outgoing import Outgoing
    from .transactions import Transactions

__all__ = ["Pace", "Turns"]


class Turns:
    """Sessions take turns, and in each session its messages: one with many has no larger share."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._sessions: deque[Endpoint] = deque()
        self._rings: dict[Endpoint, deque[Outgoing]] = {}

    def __bool__(self) -> bool:
        return bool(self._sessions)

    def add(self, outgoing: Outgoing) -> None:
        """It may have a chunk to cut. Without effect where it waits already."""
        if outgoing.queued:
            return
        outgoing.queued = True
        ring = self._rings.get(outgoing.endpoint)
        if ring is None:
            self._rings[outgoing.endpoint] = ring = deque()
            self._sessions.append(outgoing.endpoint)
        ring.append(outgoing)

    def next(self) -> Outgoing | None:
        """The next that has a chunk to cut; add it again where it then has another."""
        while self._sessions:
            session = self._sessions.popleft()
            ring = self._rings[session]
            outgoing = ring.popleft()
            outgoing.queued = False
            if ring:
                self._sessions.append(session)
            else:
                del self._rings[session]
            if outgoing.ready():
                return outgoing
        return None

    def cut(self, room: int, most: int, transactions: Transactions, now: float) -> list[bytes]:
        """Chunks in turn, for about `room` octets, with at most `most` octets of body each; of a
        message that is alone, many in one go."""
        limits = self._limits
        said = []
        while room > 0 and transactions.room > 0:
            outgoing = self.next()
            if outgoing is None:
                break
            if self:
                octets = outgoing.cut(min(limits.chunk_in_company, most), now)
            else:
                size = min(limits.chunk_alone, most)
                octets = outgoing.cut_many(size, min(room // size, transactions.room), now)
            said.append(octets)
            room -= len(octets)
            if outgoing.ready():
                self.add(outgoing)
        return said

    def of(self, session: Endpoint) -> tuple[Outgoing, ...]:
        """Those of one session that wait."""
        return tuple(self._rings.get(session, ()))

    def clear(self) -> None:
        self._sessions.clear()
        self._rings.clear()


class Pace:
    """How much the network is given in one go, so that what is cut next need not wait long.

    A driver asks again when the network has taken what it was given. On a slow line that takes
    long, and less is given then: what takes half of `Limits.backlog`, as the other half is for a
    network, or a processor, that is late.

    Attributes:
        octets: about how much to give now.
    """

    def __init__(self, limits: Limits) -> None:
        self._least = limits.chunk_in_company
        self._most = max(limits.chunk_alone, limits.turn)
        self._time = limits.backlog / 2
        self._given: float | None = None
        self.octets = self._most

    def asked(self, now: float) -> None:
        """The network takes more."""
        given, self._given = self._given, None
        if given is None:
            return
        if now - given > self._time:
            self.octets = max(self._least, self.octets // 2)
        elif now - given < self._time / 4:
            self.octets = min(self._most, self.octets * 2)

    def gave(self, now: float, *, more: bool) -> None:
        """As much as this was given; where `more` is there to give, the network is what we wait for."""
        self._given = now if more else None
