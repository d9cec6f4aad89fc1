"""``msrp verify``: compare words with somebody, and find out whether anybody sits in between."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from ..terms.errors import ConnectionLost, NotSecureEnough, UsageError
from .comparing import Comparing, meaning
from .exits import Exit
from .incoming import Taking, session_fields, who_and_where
from .knowing import Ask, Knowing, as_before
from .listen import listening
from .login import Accepting, accepting
from .output import Output
from .progress import Bars
from .remembering import Memory
from .running import run as run_loop
from .send import connection, showing
from .terminal import Lines, Questions, can_ask

if TYPE_CHECKING:
    from ..session.session import Session

__all__ = ["run"]

_HOW = "yes or no:"
_WHOLE = "Please type the whole word, yes or no."


def run(args: argparse.Namespace) -> Exit:
    """Compare once, and end."""
    if (args.target is None) == (args.address is None):
        raise UsageError("say either whom to compare with, a TARGET, or --listen")
    # What the config file sets for the other role is no contradiction.
    if args.address is None and args.given & {"announce", "port"}:
        raise UsageError("--announce and --port go with --listen")
    if args.address is not None and (args.password_stdin or "guessable" in args.given):
        raise UsageError("--password-stdin and --guessable go with a TARGET; msrp passwd sets who may log in")
    output = Output(json=args.json)
    one = _Verifying(args, output)
    if args.address is not None:
        waiting = accepting(args)
        return run_loop(lambda: one.wait(waiting), output, args.verbose, args.trace)
    login = as_before(args)
    return run_loop(lambda: one.call(login), output, args.verbose, args.trace)


class _Verifying:
    """One run; all that is typed comes by `Lines` of its own."""

    def __init__(self, args: argparse.Namespace, output: Output) -> None:
        self._args = args
        self._output = output
        self._lines = Lines()
        self._ask: Ask | None = Questions(self._lines, output).ask if can_ask() else None
        self._memory = Memory(args, output)

    async def call(self, login: dict[str, Any]) -> Exit:
        async with connection(self._args, login, self._ask) as session:
            await self._verify(session, asks=True)
        return Exit.DONE

    async def wait(self, login: Accepting) -> Exit:
        """Until somebody has come to compare; who leaves before there are words is not the one."""
        ended: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        turn = asyncio.Lock()
        knowing = Knowing(self._args, self._output)

        async def came(session: Session) -> None:
            async with turn:
                if ended.done() or await knowing.lets_in(session, self._ask) is None:
                    return
                try:
                    if await self._verify(session, asks=False):
                        ended.set_result(None)
                except Exception as error:
                    ended.set_result(error)
                finally:
                    knowing.left(session)

        sentence = "files are refused: this compares words"
        taking = Taking(None, "refuse", False, sentence, "this compares words")
        async with listening(self._args, came, self._output, taking, login):
            error = await ended
        if error is not None:
            raise error
        return Exit.DONE

    async def _verify(self, session: Session, *, asks: bool) -> bool:
        """Compare in one session; False where the other side left before there were words.

        Raises `NotSecureEnough` where the words are not the same, or nobody says that they are, and
        where the other side's key is not to be remembered: see `Memory.worth`.
        """
        output = self._output
        output.event("session", f"Talking to {who_and_where(session)}", **session_fields(session))
        comparing = Comparing(session, output, _HOW, self._memory)
        async with showing(session, output, Bars(shown=not output.json, output=output)):
            if asks:
                await comparing.ask()
            else:
                try:
                    await comparing.asked()
                except ConnectionLost:
                    output.note("That was somebody who did not compare.")
                    return False
            await _decide(comparing, self._lines, output)
            await comparing.outcome()
        await self._remember(comparing)
        return True

    async def _remember(self, comparing: Comparing) -> None:
        """Where our user agrees; in a script, where they have named whose key it is."""
        if (found := await comparing.weigh()) is None:
            return
        if self._ask is not None:
            if not await _agrees(f"{found.question} {_HOW}", self._lines, self._output):
                self._memory.left("Not remembered.", "declined")
                return
        elif not found.named:
            self._memory.left(
                f"Not remembered: that it is {found.principal} is only said; --remember {found.principal} "
                "agrees to it beforehand.",
                "only-said",
            )
            return
        await comparing.remember()


async def _agrees(question: str, lines: Lines, output: Output) -> bool:
    """The answer of somebody at a terminal, in a whole word; its end is a no."""
    lines.forget()  # what was typed before the question is no answer to it
    output.ask(question)
    while (line := await lines.next()) is not None:
        if (answer := meaning(line)) is not None:
            return answer
        output.ask(_WHOLE)
    return False


async def _decide(comparing: Comparing, lines: Lines, output: Output) -> None:
    """Until our user has said something, or the other side has ended it."""
    assert comparing.comparison is not None  # it was shown
    ended = asyncio.ensure_future(comparing.comparison.agreed())
    try:
        while True:
            typed = asyncio.ensure_future(lines.next())
            await asyncio.wait([typed, ended], return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                typed.cancel()
                ended.result()
                return
            line = typed.result()
            if line is None:
                raise NotSecureEnough("nobody said here whether the words are the same: nothing is verified")
            if (same := meaning(line)) is not None:
                await comparing.say(same=same)
                return
            output.ask(_WHOLE)
    finally:
        ended.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await ended
