"""One sender, several paths: what becomes of a message that came by a weaker one than its sender has.

RFC 4975 section 14.5 lets the same two people have several sessions, each as trustworthy as itself:
what is known of one says nothing about another. So a message over a weak line is not to be read as
if it had come over the good one. Pure: it goes by who is proved and by levels; names that are only
said, in a URI, an envelope (message/cpim) or an announcement, are no input.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from ..terms.errors import UsageError
from ..terms.principal import Principal
from ..terms.security import Level, Security

__all__ = ["Path", "Reception", "Ruling", "SenderPolicy", "Why", "sender_of"]


class Reception(IntEnum):
    """What becomes of a message; higher is stricter."""

    ACCEPT = 0
    """It is shown like any other of its sender."""
    MARK = 1
    """It is shown, and never without a word about what it lacks."""
    HOLD = 2
    """Nothing of it is shown before the person has said yes."""
    REFUSE = 3
    """It is not taken, and its sender is told so (403)."""

    @property
    def word(self) -> str:
        """Its name in settings and in JSON."""
        return self.name.lower()


class Why(StrEnum):
    """The strictest of the reasons there were."""

    EQUAL = "equal"
    """Its sender is proved, and has, or had, no better path."""
    UNPROVED = "unproved"
    """Nothing on this path verifies who sends."""
    AGREED = "agreed"
    """A better path is known, and the person agreed to this one."""
    BEFORE = "before"
    """Its sender was better protected before."""
    BESIDE = "beside"
    """Its sender has a better path at this moment, and did not use it."""


@dataclass(frozen=True, slots=True)
class Path:
    """One way by which somebody is, or was, heard.

    Attributes:
        principal: who is, or was, proved there.
        level: how well.
        standing: whether it is there now.
    """

    principal: Principal
    level: Level
    standing: bool = False


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of a message, and why.

    Attributes:
        reception, why: see there.
        level: that of the path it came by.
        sender: who is proved to have sent it; None for nobody.
        best: the better path there is, or was; None for none.
    """

    reception: Reception
    why: Why
    level: Level
    sender: Principal | None
    best: Path | None = None

    @property
    def sentence(self) -> str:
        """What is so, for a person; empty where there is nothing to say."""
        best = self.best
        if best is None or self.why is Why.UNPROVED:
            return "" if self.why is Why.EQUAL else "nothing here verifies who sent this"
        better = f"{best.principal} {'is here' if best.standing else 'was met'} by a line that is"
        end = {
            Why.AGREED: ", and you agreed to this",
            Why.BEFORE: "",
            Why.BESIDE: ", and did not use it",
        }[self.why]
        return f"this came by a line that is {self.level.word}; {better} {best.level.word}{end}"


@dataclass(frozen=True)
class SenderPolicy:
    """What a person, or a program for them, has decided beforehand; docs/security.md has the reasons.

    Attributes:
        unproved: what becomes of a message whose sender nothing verifies.
        before: of one that came by less than its sender had before.
        beside: of one that came by less than its sender has at this moment.
        agreed: of one that came by less, where the person agreed to that.
        same: principals that are one person to us, a set for each person. Only our own user knows
            that; what others say about it does not belong here. Without it every URI is somebody
            of its own.

    Raises `UsageError` where one principal is said to be two persons.
    """

    unproved: Reception = Reception.MARK
    before: Reception = Reception.HOLD
    beside: Reception = Reception.HOLD
    agreed: Reception = Reception.MARK
    same: Iterable[Iterable[Principal]] = ()
    _persons: dict[Principal, frozenset[Principal]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        persons: dict[Principal, frozenset[Principal]] = {}
        for group in map(frozenset, self.same):
            for principal in group:
                if persons.setdefault(principal, group) != group:
                    raise UsageError(f"{principal} is said to be two persons")
        object.__setattr__(self, "_persons", persons)

    def rule(
        self, sender: Principal | None, level: Level, paths: Iterable[Path], agreed: Level | None = None
    ) -> Ruling:
        """What becomes of a message.

        Args:
            sender: who is proved to have sent it (`sender_of`); None for nobody.
            level: how well the path it came by is protected.
            paths: those of everybody that stand now, and what is remembered of others
                (`KnownPeers`); those of other people count nothing.
            agreed: the least level the person has agreed to for this sender.
        """
        if sender is None:
            return Ruling(self.unproved, Why.UNPROVED, level, None)
        person = self._persons.get(sender, frozenset([sender]))
        better = [path for path in paths if path.principal in person and path.level > level]
        best = max(better, key=lambda path: (path.level, path.standing), default=None)
        reasons = [(Reception.ACCEPT, Why.EQUAL)]
        if level < Level.KEY_VERIFIED:
            reasons.append((self.unproved, Why.UNPROVED))
        if better and agreed is not None and level >= agreed:
            reasons.append((self.agreed, Why.AGREED))
        elif better:
            reasons.append((self.before, Why.BEFORE))
            if any(path.standing for path in better):
                reasons.append((self.beside, Why.BESIDE))
        order = list(Why)
        reception, why = max(reasons, key=lambda reason: (reason[0], order.index(reason[1])))
        return Ruling(reception, why, level, sender, best)


def sender_of(security: Security) -> Principal | None:
    """Who is proved at the other end of a line, or whose key is there, pinned or met before; None for nobody,
    and where it could be several."""
    name = security.principal
    known = security.pinned + security.met
    if name is None and len(known) == 1 and not security.vouched:
        name = known[0]
    return None if name is None else Principal.parse(name)
