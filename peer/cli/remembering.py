"""What is kept of compared words: the lasting key of the other one, under a name that our user confirms."""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..signalling.target import parse_target
from ..terms.display import escape
from ..terms.errors import MsrpError, NotSecureEnough
from ..terms.principal import Principal
from ..terms.security import Security
from . import papers
from .knowing import kept
from .output import Output

if TYPE_CHECKING:
    from ..security.own_key import OwnKey
    from ..session.comparison import Compared

__all__ = ["Memory", "Worth"]


@dataclass(frozen=True, slots=True)
class Worth:
    """A key that may be remembered.

    Attributes:
        principal: who says that it is theirs.
        key: its fingerprint.
        named: whether our user has named them, or they are proved; else it is only what they say.
    """

    principal: Principal
    key: str
    named: bool

    @property
    def question(self) -> str:
        who = self.principal.text
        if self.named:
            return f"Shall the key of {who} be remembered, so that the next line to them is known by it?"
        return (
            f"The other side says it is {who}, and the words do not prove a name. Is that whose voice you "
            "heard, and shall their key be remembered under this name?"
        )


class Memory:
    """That of one command, as --known says; with ``off`` nothing is told and nothing kept."""

    def __init__(self, args: argparse.Namespace, output: Output) -> None:
        """Raises `StoreError` where the user has no home."""
        self._known = kept(args)
        self._output = output
        self._meant = _meant(args)
        # Who shows a key of their own anyhow is known by that.
        self._tells = self._known is not None and not papers.wanted(args)

    async def own(self, me: Principal | None) -> OwnKey | None:
        """Our lasting key, to be told to whom we have compared with; made now where there is none yet."""
        if me is None or not self._tells:
            return None
        from ..security.lasting import lasting_key

        try:
            return await asyncio.to_thread(lasting_key, me.text)
        except MsrpError as error:  # that the words are the same is worth saying all the same
            self._output.error(error, "your own key is not told")
            return None

    async def worth(self, compared: Compared, *, proved: bool) -> Worth | None:
        """What may be remembered, once our user agrees; None for nothing, which was said then.

        Raises `NotSecureEnough` where the other side says it is somebody else than our user meant,
        `NotAsKnown` where they have had another key, `StoreError`.
        """
        from ..security.known import KnownPolicy, Learned, NotAsKnown, judge

        known, who = self._known, compared.peer
        if known is None:
            self.left("Nothing of it is remembered: --known off.", "off")
            return None
        if self._meant is not None and who is not None and who != self._meant:
            raise NotSecureEnough(
                f"you meant {self._meant}, and the other side says it is {who}: their key is not remembered"
            )
        if compared.lasting is None or who is None:
            self.left(f"Nothing of it is remembered: {escape(compared.lacking, 300)}.", "no-key")
            return None
        found = Worth(who, compared.lasting, named=proved or self._meant is not None)
        before = await asyncio.to_thread(known.recall, who)
        if before is not None and before.pins and not before.has(found.key):
            raise NotAsKnown(judge(who, before, Security(), found.key, KnownPolicy()))
        pins = () if before is None else before.pins
        if any(key.fingerprint == found.key and key.learned is Learned.COMPARED for key in pins):
            await asyncio.to_thread(known.pin, who, found.key, time.time())
            self._output.event("pinned", _words(found, "Known already"), principal=who.text, key=found.key)
            return None
        return found

    def left(self, words: str, why: str) -> None:
        """Say that nothing is remembered, and why."""
        self._output.event("not-remembered", words, reason=why)

    async def keep(self, found: Worth) -> None:
        """Our user has agreed. Raises `NotAsKnown`, `StoreError`."""
        if self._known is None:
            return
        await asyncio.to_thread(self._known.pin, found.principal, found.key, time.time())
        self._output.event(
            "pinned", _words(found, "Remembered"), principal=found.principal.text, key=found.key
        )


def _words(found: Worth, word: str) -> str:
    who = found.principal.text
    return (
        f"{word}: {who}, by their lasting key, SHA-256 {found.key}\n"
        f"Where both of you say --auth certificate and --as, the next line is known by it; msrp known forget "
        f"{who} undoes it."
    )


def _meant(args: argparse.Namespace) -> Principal | None:
    """Whom our user has named; None for nobody, or several."""
    if getattr(args, "remember", None):
        return Principal.parse(args.remember)
    if len(args.expect) == 1:
        return Principal.parse(args.expect[0])
    target = getattr(args, "target", None)
    return None if target is None else parse_target(target).principal
