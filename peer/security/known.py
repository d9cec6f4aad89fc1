"""What is remembered of somebody, and what a line to them is worth beside it.

Pure values and one decision, `judge`: who reads the file and who asks a person are elsewhere.
It goes by the principal we mean or who is proved, and by the level of the line. What the other
side merely says of itself is never looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from ..terms.errors import NotSecureEnough, UsageError
from ..terms.principal import Principal
from ..terms.security import Level, Protection, Security

__all__ = [
    "Answer",
    "Finding",
    "Judgement",
    "Known",
    "KnownKey",
    "KnownMechanism",
    "KnownPolicy",
    "Learned",
    "New",
    "NotAsKnown",
    "judge",
    "judge_refused",
    "lasting_key",
    "level_of",
]


class Learned(StrEnum):
    """How a lasting key came to be known as somebody's."""

    COMPARED = "compared"
    """Two people compared it, or what was made of it."""
    SIGNALLED = "signalled"
    """Signalling told it that nobody could change."""
    CHAIN = "chain"
    """A certificate of an authority we trust names them."""
    FIRST_USE = "first-use"
    """It was shown when they were met first, and taken without proof."""


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A lasting key of somebody.

    Attributes:
        fingerprint: SHA-256 over its certificate, as `Protection.peer_key` has it.
        learned: how it came to be known.
        first, last: when it was seen, in seconds since the epoch; the first of those that it has been
            known so well since.
    """

    fingerprint: str
    learned: Learned
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class KnownMechanism:
    """What somebody has proved themselves by; the times are those of `KnownKey`."""

    name: str
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Known:
    """All that is remembered of one principal.

    Attributes:
        principal: who, as `Principal.text` has it.
        first, last: when they were met, in seconds since the epoch.
        level: the highest level a line to them has had: the floor of the next one.
        reached: when it was last reached.
        keys, mechanisms: what they have shown and proved.
    """

    principal: str
    first: float
    last: float
    level: Level
    reached: float
    keys: tuple[KnownKey, ...] = ()
    mechanisms: tuple[KnownMechanism, ...] = ()

    @property
    def pins(self) -> tuple[KnownKey, ...]:
        """The keys beside which no other one is taken. An authority may certify another key any day."""
        return tuple(key for key in self.keys if key.learned is not Learned.CHAIN)

    @property
    def verified(self) -> tuple[KnownKey, ...]:
        """The keys that verify them by themselves, where TLS shows one: those of `KnownPeers.holders`."""
        return tuple(key for key in self.keys if key.learned in (Learned.COMPARED, Learned.SIGNALLED))

    def has(self, fingerprint: str) -> bool:
        return any(key.fingerprint == fingerprint for key in self.keys)


class New(StrEnum):
    """What becomes of somebody who is not known, whose key nothing verifies."""

    ASK = "ask"
    ACCEPT = "accept-new"
    REFUSE = "strict"


@dataclass(frozen=True, slots=True)
class KnownPolicy:
    """What a person, or a program for them, has decided beforehand.

    Attributes:
        new: what becomes of those who are not known. Where ASK is said, a line that is weaker than
            the floor is asked about, too; else it is refused.
        key: the fingerprint of the one new key that they have said yes to.
        least: the level they have agreed to, this time, although more was reached before.

    Raises `UsageError` for another word than those of `New`.
    """

    new: New | str = New.ASK
    key: str | None = None
    least: Level | None = None

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "new", New(self.new))
        except ValueError:
            raise UsageError(f"who is new is met by {' or '.join(New)}, not by {self.new!r}") from None


class Finding(StrEnum):
    """What a line is, beside what is remembered."""

    NOBODY = "nobody"
    """They are not known, and nothing on this line is worth remembering."""
    FIRST = "first"
    """They are not known, and something on this line is worth it; or nobody has compared their key yet."""
    SAME = "same"
    """As well protected as ever, with no other key than before."""
    WEAKER = "weaker"
    """More was reached before."""
    OTHER_KEY = "other-key"
    """They show another key than the one that is theirs."""


class Answer(StrEnum):
    """What is to be done about it. ASK: not without the person's yes."""

    ACCEPT = "accept"
    ASK = "ask"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found, and what is to be done.

    Attributes:
        principal: whom the line is meant to lead to, or who is proved there.
        finding, answer: see there.
        level: that of the line, as far as it counts for this principal.
        key: the lasting key it showed, None where it showed none.
        verified: whether something on this line verifies who is there.
        known: what is remembered of them; None for nothing.
    """

    principal: Principal
    finding: Finding
    answer: Answer
    level: Level
    key: str | None
    verified: bool
    known: Known | None

    @property
    def worth_keeping(self) -> bool:
        """Whether the meeting is to be remembered: something was proved, or the key was taken."""
        return self.answer is Answer.ACCEPT and (self.verified or self.key is not None)

    @property
    def keeps_key(self) -> bool:
        """Whether the key is to be remembered as theirs, where it is not already. Who agreed that
        less will do this time has agreed to no key."""
        return self.key is not None and (self.verified or self.finding is Finding.FIRST)

    @property
    def sentence(self) -> str:
        """What is so, for a person."""
        who, known = self.principal.text, self.known
        match self.finding:
            case Finding.OTHER_KEY:
                assert known is not None  # else there was none to compare with
                before = " or ".join(
                    f"{key.fingerprint} ({_HOW[key.learned]} on {_day(key.first)})" for key in known.keys
                )
                return f"the key of {who} is another one than before: it was {before}, and now is {self.key}"
            case Finding.WEAKER:
                assert known is not None
                return (
                    f"a line to {who} has been {known.level.word}, last on {_day(known.reached)}, and this "
                    f"one is {self.level.word}"
                )
            case Finding.FIRST if known is not None:
                first = min(each.first for each in known.keys if each.fingerprint == self.key)
                return (
                    f"the key of {who} was taken at first use on {_day(first)}, and nobody has compared it, "
                    f"{self.key}"
                )
            case Finding.FIRST if not self.verified:
                return f"{who} was never met here, and nothing verifies their key, {self.key}"
            case Finding.NOBODY if known is None:
                return f"{who} was never met here, and nothing on this line proves them"
            case Finding.FIRST | Finding.NOBODY:
                return f"{who} was never met here"
            case Finding.SAME:
                assert known is not None
                return f"{who} is known since {_day(known.first)}, met last on {_day(known.last)}"

    @property
    def advice(self) -> str:
        """What a person can do where it is refused; empty else."""
        if self.answer is Answer.ACCEPT:
            return ""
        who = self.principal.text
        match self.finding:
            case Finding.OTHER_KEY:
                return (
                    "Somebody may be in between. Ask them, on another way than this, whether they have a new "
                    f"key and what it is; only if it is the one shown now: msrp known forget {who}"
                )
            case Finding.WEAKER:
                return (
                    "Somebody may be in between, or they have changed how they are reached. Prove them as "
                    f"before; or, if less is to do from now on: msrp known forget {who}"
                )
            case _:
                return "Compare the key with what they tell you on another way, or have them proved"

    def as_dict(self) -> dict[str, object]:
        """The same as fields, for ``--json``."""
        known = self.known
        return {
            "principal": self.principal.text,
            "finding": self.finding.value,
            "answer": self.answer.value,
            "level": self.level.word,
            "floor": None if known is None else known.level.word,
            "key": self.key,
            "known_keys": [] if known is None else [key.fingerprint for key in known.keys],
        }


class NotAsKnown(NotSecureEnough):
    """Somebody is not as they are remembered, or is new and was not agreed to.

    Attributes:
        judgement: what was found. Where its answer is ASK, a person may say yes, and the same may
            be tried again with a `KnownPolicy` that has what they said yes to.
        why: what else was said of it: why TLS refused the key, say; empty for nothing.
    """

    def __init__(self, judgement: Judgement, why: str = "") -> None:
        """`why` is what else was said of it."""
        super().__init__(
            f"{judgement.sentence}{f' ({why})' if why else ''}. {judgement.advice}", key=judgement.key
        )
        self.judgement = judgement
        self.why = why


_HOW: Final = {
    Learned.COMPARED: "compared",
    Learned.SIGNALLED: "signalled",
    Learned.CHAIN: "certified",
    Learned.FIRST_USE: "taken at first use",
}


def level_of(principal: Principal, security: Security) -> Level:
    """The level of a line as far as it counts for `principal`: what is proved, certified or pinned of
    somebody else counts nothing."""
    own = principal.text
    proof = security.proof
    layers = tuple(
        layer if not layer.names or own in layer.names else replace(layer, verified=None, names=())
        for layer in security.layers
    )
    return Security(layers, proof if proof is not None and proof.principal == own else None).level


def lasting_key(security: Security) -> str | None:
    """The fingerprint of the other side's key, where it is one that stays: certified, pinned or met. Of any
    other the line does not tell whether it was made for the occasion."""
    for layer in security.layers:
        if layer.verified in ("chain", "pinned", "first-use"):
            return layer.peer_key
    return None


def judge(
    principal: Principal, known: Known | None, security: Security, key: str | None, policy: KnownPolicy
) -> Judgement:
    """Compare a line with what is remembered.

    Args:
        principal: whom we mean, fixed before connecting, or who is proved. Never a claim.
        known: what is remembered of them.
        security: the line.
        key: the fingerprint of the lasting key the other side showed; None where it showed none, or
            one that is made for the occasion.
        policy: what was decided beforehand.
    """
    level = level_of(principal, security)
    verified = level >= Level.KEY_VERIFIED

    def judged(finding: Finding, answer: Answer) -> Judgement:
        return Judgement(principal, finding, answer, level, key, verified, known)

    if known is None:
        finding = Finding.FIRST if verified or key is not None else Finding.NOBODY
        if verified or (finding is Finding.NOBODY and policy.new is not New.REFUSE):
            return judged(finding, Answer.ACCEPT)
        if key is not None and (policy.new is New.ACCEPT or policy.key == key):
            return judged(finding, Answer.ACCEPT)
        return judged(finding, Answer.ASK if policy.new is New.ASK else Answer.REFUSE)
    # A pin stands against everything, a proof or an authority, too. Keys that an authority has
    # certified stand only against one that nothing verifies.
    if key is not None and known.keys and not known.has(key) and (known.pins or not verified):
        return judged(Finding.OTHER_KEY, Answer.REFUSE)
    if level < known.level:
        if policy.least is not None and level >= policy.least:
            return judged(Finding.WEAKER, Answer.ACCEPT)
        return judged(Finding.WEAKER, Answer.ASK if policy.new is New.ASK else Answer.REFUSE)
    return judged(Finding.SAME, Answer.ACCEPT)


def judge_refused(
    principal: Principal, known: Known | None, key: str, policy: KnownPolicy, *, named: bool
) -> Judgement | None:
    """A key that TLS has refused already: what is to be said of it, where they are new, or had another
    one; None where the memory has nothing to add.

    `named` is whether its certificate says that it is theirs. That proves nothing; but a key that says
    so is one that lasts, and one that names nobody may be made for the occasion: it is not to be kept.
    """
    shown = Protection("tls", "", "", confidential=True, peer_key=key)
    found = judge(principal, known, Security((shown,)), key, policy)
    if found.finding is Finding.OTHER_KEY or (found.finding is Finding.FIRST and named):
        return found
    keys = () if known is None else known.keys
    taken = [each.fingerprint for each in keys if each.learned is Learned.FIRST_USE]
    if found.finding is Finding.SAME and named and key in taken:
        return replace(found, finding=Finding.FIRST, answer=_NEW[New(policy.new)])
    return None


_NEW: Final = {New.ASK: Answer.ASK, New.ACCEPT: Answer.ACCEPT, New.REFUSE: Answer.REFUSE}


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC).astimezone():%Y-%m-%d}"
