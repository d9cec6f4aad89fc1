"""What goes out on one connection, and in which order: answers and reports before chunks, and chunks
in turn, as much in one go as the network takes quickly."""

from __future__ import annotations

from ..terms.limits import Limits
from .tap import Tap
from .transactions import Transactions
from .turns import Pace, Turns
from .wire import Wire

__all__ = ["Outlet"]


class Outlet:
    """One connection's.

    Attributes:
        turns: the messages that have a chunk to cut.
        said: whole frames that go out next.
        owed: the octets of these.
        last: what goes behind everything else, through all layers already: a goodbye, an alert.
        tap: who sees what passes on this line, in both directions; None for nobody.
        more: whether `take`, which was just asked, is to be asked again at once.
    """

    def __init__(self, limits: Limits, wire: Wire, transactions: Transactions) -> None:
        self._limits = limits
        self._wire = wire
        self._transactions = transactions
        self._pace = Pace(limits)
        self._sealed: list[bytes] = []
        self.turns = Turns(limits)
        self.said: list[bytes] = []
        self.owed = 0
        self.last: list[bytes] = []
        self.tap: Tap | None = None
        self.more = True

    def say(self, frame: bytes) -> None:
        """One whole frame for the next turn."""
        self.said.append(frame)
        self.owed += len(frame)

    def seal(self) -> None:
        """Wrap what was said so far: a layer begins behind it."""
        if self.tap is not None and self.said:
            self.tap.said(b"".join(self.said))
        self._sealed += self._wire.wrap(self.said)
        self.said = []

    def take(self, now: float, *, chunks: bool) -> list[bytes]:
        """What the network is to carry next; asking says that it has taken what it was given.

        Raises `PeerError` where a layer can carry nothing any more.
        """
        transactions, pace, turns = self._transactions, self._pace, self.turns
        pace.asked(now)
        transactions.taken(now)
        said, self.said = self.said, []
        room = min(self._limits.turn, pace.octets) - self.owed
        self.owed = 0
        if chunks and turns:
            said += turns.cut(room, pace.octets, transactions, now)
        if self.tap is not None and said:
            self.tap.said(b"".join(said))
        # The clocks of what is opened begin when it is taken, and so does the measure of the pace.
        self.more = bool(turns) or transactions.fresh
        pace.gave(now, more=bool(turns) and transactions.room > 0)
        sealed, self._sealed = self._sealed, []
        return sealed + self._wire.wrap(said) + self.rest()

    def rest(self) -> list[bytes]:
        """The last words, once."""
        last, self.last = self.last, []
        return last

    def clear(self) -> None:
        """Nothing but last words will be carried."""
        self.said.clear()
        self.turns.clear()
