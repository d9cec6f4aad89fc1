"""Words that two people compare: shown, answered, and what came of it; in a chat and in ``msrp verify``."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ..protocol.comparing import DIFFER
from ..terms.errors import ConnectionLost, MsrpError, NotSecureEnough, UsageError
from ..terms.security import Level
from .incoming import who
from .output import Output
from .remembering import Memory, Worth

if TYPE_CHECKING:
    from ..session.comparison import Compared, Comparison
    from ..session.session import Session

__all__ = ["Comparing", "meaning"]


def meaning(answer: str) -> bool | None:
    """Whether an answer says that the words are the same, or that they are not; None for neither.

    Nothing short, and no empty line: it is not to be given by accident.
    """
    return {"yes": True, "same": True, "no": False, "differ": False}.get(answer.strip().lower())


class Comparing:
    """One session's.

    Args:
        how: how to say that the words are the same, or that they are not.
        memory: what is kept of it for the next session.
    """

    def __init__(self, session: Session, output: Output, how: str, memory: Memory) -> None:
        self._session = session
        self._output = output
        self._how = how
        self._memory = memory
        self._told: str | None = None  # the fingerprint of ours
        self.comparison: Comparison | None = None
        self._compared: Compared | None = None
        self._worth: Worth | None = None  # while our user has not agreed to it

    async def ask(self) -> bool:
        """Our user wants to compare: show the words, or show them again. Raises what `compare` raises.

        Whether they are new: then `outcome` is to be waited for.
        """
        return self._show(await self._session.compare(), again=True)

    async def asked(self) -> bool:
        """Show the words once the other side asks. Raises what `asked_to_compare` raises."""
        return self._show(await self._session.asked_to_compare(), again=False)

    async def attend(self) -> None:
        """Show the words where the other side asks, and what came of it, until the session ends.

        Raises nothing: how a session ends is told by whoever reads it.
        """
        with contextlib.suppress(MsrpError):
            if await self.asked():
                await self.tell()

    async def tell(self) -> None:
        """What came of it, and how to keep the key: by a command of its own, as a yes may be meant for the
        other side. Raises nothing."""
        try:
            await self.outcome()
        except MsrpError:
            return  # as above
        try:
            if (found := await self.weigh()) is not None:
                self._output.ask(f"{found.question} Then say: /verify remember")
        except MsrpError as error:
            self._output.error(error)

    @property
    def differed(self) -> bool:
        """Whether a user said that the words are not the same."""
        return self.comparison is not None and self.comparison.differed

    def _show(self, comparison: Comparison, *, again: bool) -> bool:
        new = self.comparison is None
        if not new and not again:
            return False  # both asked at once
        begun = new and not comparison.begun_here
        self.comparison = comparison
        name = who(self._session)
        first = f"{name} wants to compare words with you" if begun else f"To compare with {name}"
        question = (
            f"{first}:\n"
            f"  {' '.join(comparison.words)}\n"
            f"  {comparison.digits}\n"
            "Read them to each other, words or number, where you know the voice: by telephone, or face to "
            f"face, and never over this line.\nAre they the same? {self._how}"
        )
        if self._output.json:  # who answers sees it, too
            self._output.ask(question)
        self._output.event(
            "words",
            question,
            session=self._session.tag,
            words=list(comparison.words),
            digits=comparison.digits,
            begun_here=comparison.begun_here,
        )
        return new

    async def say(self, *, same: bool) -> None:
        """What our user found. Raises `UsageError` where there is nothing to say it of, `NotSecureEnough`
        where the other side has said meanwhile that the words differ."""
        if self.comparison is None:
            raise UsageError("there are no words to compare yet")
        if not same:
            await self.comparison.differ()
            return
        there = self.comparison.said_there
        own = None if self.comparison.said else await self._memory.own(self.comparison.me)
        try:
            await self.comparison.confirm(own)
        except (ConnectionLost, UsageError):
            if self.comparison.differed:
                raise NotSecureEnough(DIFFER) from None
            raise
        self._told = None if own is None else own.fingerprint
        if not there:
            self._output.note("Waiting for the other side to say that they are the same.")

    async def outcome(self) -> None:
        """Wait until both have said the same, and tell it. Raises as `Comparison.agreed`."""
        if self.comparison is None:
            raise UsageError("there are no words to compare yet")
        compared = await self.comparison.agreed()
        session = self._session
        words = [
            "Verified: you both saw the same words, so nobody sits in between.",
            session.security.describe(),
        ]
        if self._told is not None:
            words.append(f"They were told your lasting key of {compared.me}, SHA-256 {self._told}")
        self._output.event(
            "verified",
            "\n".join(words),
            session=session.tag,
            me=None if compared.me is None else str(compared.me),
            peer=None if compared.peer is None else str(compared.peer),
            own_key=compared.own_key,
            peer_key=compared.peer_key,
            own_lasting=self._told,
            peer_lasting=compared.lasting,
            security=session.security.as_dict(),
        )
        self._compared = compared

    async def weigh(self) -> Worth | None:
        """The key that may be remembered once our user agrees; None for none. Raises as `Memory.worth`."""
        if self._compared is None:
            raise UsageError("nobody has compared yet")
        proved = self._session.security.level is Level.AUTHENTICATED
        self._worth = await self._memory.worth(self._compared, proved=proved)
        return self._worth

    async def remember(self) -> None:
        """Our user has agreed to it. Raises as `Memory.keep`."""
        found, self._worth = self._worth, None
        if found is None:
            raise UsageError("there is no key to remember")
        await self._memory.keep(found)
