"""The state machines, as data.

A row stands only where something may happen; a missing row is a violation. Whose fault it is
depends on who caused the event: theirs closes the connection or is answered, ours raises.

A connection *secures* its layers, is *open* for frames, is *ending* while it still hands over
what it owes, and is *closed*. What ends it badly (`broken`) needs no farewell.

An outgoing message is *queued* until its first chunk is cut, *sending* until its last,
*awaiting* until every chunk is answered, or whatever else it asked for has come; one that asked for
nothing is *out*, and nobody will ever know. It can be withdrawn while it is not all out: then `#`
tells the receiver (RFC 4975 section 7.1.1). An answer that refuses one chunk refuses all.

An incoming message is *arriving* until its octets are complete (`filled`), in whatever order they
come; or the other side gives it up (`#`), or what is missing stays missing (`late`), or the line is
lost: then it is *cut*, and what came before the first missing octet stays readable. What still
comes of a *refused* one is only answered, because the sender cannot know yet.
"""

from __future__ import annotations

from typing import Final

__all__ = ["CONNECTION", "INCOMING", "OUTGOING", "TABLES", "Machine", "Table", "Violation"]

Table = dict[str, dict[str, str]]

CONNECTION: Final[Table] = {
    "securing": {"secured": "open", "broken": "closed"},
    "open": {"end": "ending", "broken": "closed"},
    "ending": {"drained": "closed", "late": "closed", "broken": "closed"},
    "closed": {},
}

OUTGOING: Final[Table] = {
    "queued": {
        "cut": "sending",
        "last": "awaiting",
        "withdraw": "withdrawn",
        "refused": "failed",
        "lost": "failed",
    },
    "sending": {
        "cut": "sending",
        "last": "awaiting",
        "withdraw": "withdrawn",
        "refused": "failed",
        "late": "failed",
        "lost": "failed",
    },
    "awaiting": {
        "confirmed": "delivered",
        "unasked": "out",
        "refused": "failed",
        "late": "failed",
        "lost": "failed",
    },
    "delivered": {},
    "out": {},
    "withdrawn": {},
    "failed": {},
}

INCOMING: Final[Table] = {
    "arriving": {
        "chunk": "arriving",
        "filled": "whole",
        "given up": "cut",
        "late": "cut",
        "lost": "cut",
        "refuse": "refused",
    },
    "whole": {},
    "cut": {},
    "refused": {},
}

TABLES: Final[dict[str, tuple[Table, str]]] = {
    "connection": (CONNECTION, "securing"),
    "outgoing": (OUTGOING, "queued"),
    "incoming": (INCOMING, "arriving"),
}
"""Every machine with the state it starts in."""


class Violation(Exception):
    """An event in a state that has no row for it."""


class Machine:
    """One walk through a table."""

    __slots__ = ("_table", "state")

    def __init__(self, table: Table, state: str) -> None:
        self._table = table
        self.state = state

    def may(self, event: str) -> bool:
        return event in self._table[self.state]

    def step(self, event: str) -> str:
        """Follow the row for `event`. Raises `Violation` where there is none."""
        try:
            self.state = self._table[self.state][event]
        except KeyError:
            raise Violation(f"{event!r} while {self.state}") from None
        return self.state

    @property
    def over(self) -> bool:
        """Whether nothing can happen any more."""
        return not self._table[self.state]
