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

Who proves themselves (docs/profile.md section 11) asks what there is, chooses, and talks; each token is
*thought* about, which may take long. The other side's success is *judged*, and then the list is
looked at once more; only then it is done. An *absent* extension is no failure by itself. Where our own
step fails while the other side still waits, we are *leaving*: it is told, and its answer ends it.
To whom somebody proves themselves, a wrong proof leaves the line *open* for another try; the last
one, or whatever has no place in an exchange, bars it.

Two who compare a short string (docs/profile.md section 12) have one run. Who asks has committed, and
*reveals* when it has the other nonce; who is *asked* answers as soon as somebody is there to compare.
Both *shown* the string, each side says what its user found: *ours*, *theirs*, and with both it is
*compared*. What has no place in a run, or differs, is the end of the line.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "ACCEPTOR",
    "COMPARING",
    "CONNECTION",
    "INCOMING",
    "INITIATOR",
    "OUTGOING",
    "TABLES",
    "Machine",
    "Table",
    "Violation",
]

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

INITIATOR: Final[Table] = {
    "idle": {"ask": "asking", "lost": "failed"},
    "asking": {"list": "choosing", "none": "absent", "refused": "failed", "lost": "failed"},
    "choosing": {"start": "thinking", "none": "absent", "unfit": "failed", "lost": "failed"},
    "thinking": {"token": "talking", "abort": "leaving", "unfit": "failed", "lost": "failed"},
    "talking": {"challenge": "thinking", "success": "judging", "refused": "failed", "lost": "failed"},
    "leaving": {"refused": "failed", "lost": "failed"},
    "judging": {"genuine": "looking", "forged": "failed", "lost": "failed"},
    "looking": {"same": "done", "other": "failed", "lost": "failed"},
    "done": {},
    "absent": {},
    "failed": {},
}

ACCEPTOR: Final[Table] = {
    "open": {"start": "thinking", "lost": "gone"},
    "thinking": {"more": "talking", "proved": "proved", "wrong": "open", "last": "barred", "lost": "gone"},
    "talking": {"token": "thinking", "wrong": "open", "last": "barred", "lost": "gone"},
    "proved": {"lost": "gone"},
    "barred": {},
    "gone": {},
}

COMPARING: Final[Table] = {
    "idle": {"ask": "asking", "asked": "asked", "lost": "over"},
    "asking": {"nonce": "revealing", "refused": "idle", "asked": "asked", "stray": "over", "lost": "over"},
    "asked": {"welcome": "answering", "unwelcome": "idle", "stray": "over", "lost": "over"},
    "answering": {"reveal": "shown", "stray": "over", "lost": "over"},
    "revealing": {"shown": "shown", "stray": "over", "lost": "over"},
    "shown": {"same": "ours", "theirs": "theirs", "differ": "over", "lost": "over"},
    "ours": {"theirs": "compared", "differ": "over", "lost": "over"},
    "theirs": {"same": "compared", "differ": "over", "lost": "over"},
    "compared": {},
    "over": {},
}

TABLES: Final[dict[str, tuple[Table, str]]] = {
    "connection": (CONNECTION, "securing"),
    "outgoing": (OUTGOING, "queued"),
    "incoming": (INCOMING, "arriving"),
    "initiator": (INITIATOR, "idle"),
    "acceptor": (ACCEPTOR, "open"),
    "comparing": (COMPARING, "idle"),
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
