"""Who may open a session here, decided beforehand. Pure.

Whoever is proved is let in, asked about or turned away by who they are; whoever is not, as nobody. A
name that is only said opens no door. It may close one: who says they are somebody who was turned
away is taken at their word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ..terms.principal import Principal
from ..terms.security import Level, Security
from .known import level_of
from .several_paths import sender_of

__all__ = ["Access", "Entry"]


class Entry(StrEnum):
    """What becomes of whoever asks for a session."""

    ALLOW = "allow"
    ASK = "ask"
    """Not without the person's yes."""
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Access:
    """What a person, or a program for them, has decided.

    Attributes:
        persons: about single ones, once they are proved or their key is verified. DENY blocks them.
        proved: about everybody else who is.
        unproved: about who is not.
        at_once: sessions that one person may have at a time; None for any number.
    """

    persons: Mapping[Principal, Entry] = field(default_factory=dict)
    proved: Entry = Entry.ALLOW
    unproved: Entry = Entry.ALLOW
    at_once: int | None = None

    def entry(self, security: Security, claim: Principal | None, standing: int = 0) -> Entry:
        """What becomes of somebody.

        Args:
            security: their line.
            claim: who they say they are.
            standing: how many sessions the one who is proved has here already.
        """
        who = sender_of(security)
        if Entry.DENY in (self._of(who), self._of(claim)):
            return Entry.DENY
        if who is None or level_of(who, security) < Level.KEY_VERIFIED:
            return self.unproved
        if self.at_once is not None and standing >= self.at_once:
            return Entry.DENY
        return self._of(who) or self.proved

    def _of(self, principal: Principal | None) -> Entry | None:
        return None if principal is None else self.persons.get(principal)
