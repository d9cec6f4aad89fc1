"""Words that two people compare: shown, answered, and what came of it; in a chat and in ``msrp verify``."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..terms.errors import MsrpError, UsageError
from .incoming import who
from .output import Output

if TYPE_CHECKING:
    from ..session.comparison import Compared, Comparison
    from ..session.session import Session

__all__ = ["Comparing", "meaning"]


def meaning(answer: str) -> bool | None:
    """Whether an answer says that the words are the same, or that they are not; None for neither.

    Nothing short, and no empty line: it is not to be given by accident.
    """
    return {"yes": True, "same": True, "no": False, "differ": False}.get(answer.strip().lower())


def _nothing_kept(_: Compared) -> str:
    return "Nothing of it is remembered: keys are made for each run, and the next session begins anew."


class Comparing:
    """One session's.

    Args:
        how: how to say that the words are the same, or that they are not.
        kept: keeps what was compared for the next session, and says in a sentence what is kept.
    """

    def __init__(
        self, session: Session, output: Output, how: str, kept: Callable[[Compared], str] | None = None
    ) -> None:
        self._session = session
        self._output = output
        self._how = how
        self._kept = kept or _nothing_kept
        self.comparison: Comparison | None = None

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
                await self.outcome()

    def _show(self, comparison: Comparison, *, again: bool) -> bool:
        new = self.comparison is None
        if not new and not again:
            return False  # both asked at once
        begun = new and not comparison.begun_here
        self.comparison = comparison
        name = who(self._session)
        first = f"{name} wants to compare words with you" if begun else f"To compare with {name}"
        self._output.event(
            "words",
            f"{first}:\n"
            f"  {' '.join(comparison.words)}\n"
            f"  {comparison.digits}\n"
            "Read them to each other, words or number, where you know the voice: by telephone, or face to "
            f"face, and never over this line.\nAre they the same? {self._how}",
            session=self._session.tag,
            words=list(comparison.words),
            digits=comparison.digits,
            begun_here=comparison.begun_here,
        )
        return new

    async def say(self, *, same: bool) -> None:
        """What our user found. Raises `UsageError` where there is nothing to say it of."""
        if self.comparison is None:
            raise UsageError("there are no words to compare yet")
        if not same:
            await self.comparison.differ()
            return
        there = self.comparison.said_there
        await self.comparison.confirm()
        if not there:
            self._output.note("Waiting for the other side to say that they are the same.")

    async def outcome(self) -> None:
        """Wait until both have said the same, and tell it. Raises as `Comparison.agreed`."""
        if self.comparison is None:
            raise UsageError("there are no words to compare yet")
        compared = await self.comparison.agreed()
        session = self._session
        self._output.event(
            "verified",
            "Verified: you both saw the same words, so nobody sits in between.\n"
            f"{session.security.describe()}\n"
            f"{self._kept(compared)}",
            session=session.tag,
            me=None if compared.me is None else str(compared.me),
            peer=None if compared.peer is None else str(compared.peer),
            own_key=compared.own_key,
            peer_key=compared.peer_key,
            security=session.security.as_dict(),
        )
