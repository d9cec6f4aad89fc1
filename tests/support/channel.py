"""What lies between two connections: a network that cuts, holds and breaks, or a relay that also
changes the order of chunks. Octets move only when the test says so, and time only with `advance`."""

from __future__ import annotations

from msrp_core import Frame, Parser, Uri
from msrp_peer.protocol.auth import granted
from msrp_peer.protocol.budget import Budget
from msrp_peer.protocol.connection import Connection
from msrp_peer.protocol.endpoint import Endpoint
from msrp_peer.terms.limits import Limits
from support.by_hand import ANY, LISTENER, Clear
from support.pair import Toy

__all__ = ["Channel", "End"]


class End:
    """One side: its connection, and what it said that is still under way.

    Attributes:
        flight: whole frames where a relay is between, else octets in pieces of any size.
        silent: it says nothing more, and the other side learns it behind the last octet.
    """

    def __init__(self, limits: Limits, budget: Budget, *, relay: bool) -> None:
        self.layer = Clear() if relay else Toy()
        self.connection = Connection([self.layer], terms=ANY, limits=limits, budget=budget)
        self.parser = Parser()
        self.flight: list[bytes] = []
        self.silent = False
        self.heard_all = False


class Channel:
    """Made with both sides connected; `meet` begins a session. Each side has a budget, as one place has."""

    def __init__(self, limits: Limits, now: float, budgets: tuple[Budget, Budget], *, relay: bool) -> None:
        self.now = now
        self.relay = relay
        self.frozen = False  # whether all that is under way is lost, and neither side knows
        self.left, self.right = (End(limits, budget, relay=relay) for budget in budgets)
        self.ends = (self.left, self.right)
        for end in self.ends:
            end.connection.begin(now)
        self.run()

    def other(self, end: End) -> End:
        return self.right if end is self.left else self.left

    @property
    def closed(self) -> bool:
        return all(end.connection.state == "closed" for end in self.ends)

    # -- moves

    def pull(self, end: End) -> bool:
        """The network takes what a side has to say; whether there was anything."""
        data = b"".join(end.connection.data_to_send(self.now))
        if data and not end.connection.more:
            assert not end.connection.data_to_send(self.now), "or a driver would not have asked"
        if not data:
            if end.silent or end.connection.state not in ("ending", "closed"):
                return False
            end.silent = True
            return True
        end.flight += self._frames(end, data) if self.relay else [data]
        return True

    def _frames(self, end: End, data: bytes) -> list[bytes]:
        # Each event is a whole frame, since frames are said whole.
        starts = []
        base = end.parser.offset
        for event in end.parser.feed(data):
            assert isinstance(event, Frame)
            starts.append(event.offset - base)
        return [data[a:b] for a, b in zip(starts, [*starts[1:], len(data)], strict=True)]

    def deliver(self, end: End, size: int | None = None, place: int = 0) -> bool:
        """The other side reads: up to `size` octets, or the frame at `place`; whether it did."""
        other = self.other(end)
        if self.frozen:
            end.flight.clear()
            return False
        if other.connection.paused:
            return False
        if not end.flight:
            return self._end(end, other)
        if self.relay:
            data = end.flight.pop(place % len(end.flight))
        else:
            octets = b"".join(end.flight)
            data, rest = octets[:size], octets[len(octets) if size is None else size :]
            end.flight = [rest] if rest else []
        other.connection.receive(data, self.now)
        return True

    def _end(self, end: End, other: End) -> bool:
        if not end.silent or other.heard_all:
            return False
        other.heard_all = True
        if isinstance(other.layer, Clear):
            other.layer.goodbye = end.connection.reason is None
        other.connection.ended(self.now)
        self.pull(other)
        if other.connection.state == "ending":
            other.connection.ended(self.now)  # nothing follows that could drain it
        return True

    def run(self, place: int = 0) -> bool:
        """Carry all there is until both sides are silent, over a relay always the frame at `place`
        first; whether anything moved."""
        moved = False
        while any([*map(self.pull, self.ends), *(self.deliver(end, None, place) for end in self.ends)]):
            moved = True
        return moved

    def break_(self) -> None:
        """It is gone, without goodbye, and with all that was under way."""
        for end in self.ends:
            end.flight.clear()
            end.connection.lost("the connection broke")

    # -- time

    def next_timer(self) -> float | None:
        due = (end.connection.next_timer() for end in self.ends)
        return min((at for at in due if at is not None), default=None)

    def advance(self, until: float) -> None:
        """Let time pass; each side is woken when it asked for it, and at no other time."""
        for _ in range(10_000):
            due = self.next_timer()
            if due is None or due > until:
                self.now = until
                return
            self.now = max(self.now, due)
            for end in self.ends:
                at = end.connection.next_timer()
                if at is not None and at <= self.now:
                    end.connection.handle_timer(self.now)
        raise AssertionError("a timer is due for ever")

    # -- sessions

    def meet(self) -> tuple[Endpoint, Endpoint]:
        """Begin a session, over everything else that is under way; its two ends."""
        connection = self.left.connection
        own = Uri.fresh("127.0.0.1", 9).text
        asked = connection.request("AUTH", LISTENER, own, connection.terms.headers(), self.now)
        self.run()
        assert asked.response is not None, asked.failure
        ours = connection.bind(own, *granted(asked.response))
        connection.greet(ours, self.now)
        self.run()
        return ours, self.right.connection.arrived.popleft()
