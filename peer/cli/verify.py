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
from .listen import listening
from .login import initiating
from .output import Output
from .progress import Bars
from .running import run as run_loop
from .send import connection, showing
from .terminal import Lines

if TYPE_CHECKING:
    from ..session.session import Session

__all__ = ["run"]

_HOW = "yes or no:"


def run(args: argparse.Namespace) -> Exit:
    """Compare once, and end."""
    if (args.target is None) == (args.address is None):
        raise UsageError("say either whom to compare with, a TARGET, or --listen")
    # What the config file sets for the other role is no contradiction.
    if args.address is None and args.given & {"announce", "port"}:
        raise UsageError("--announce and --port go with --listen")
    output = Output(json=args.json)
    if args.address is not None:
        return run_loop(lambda: _wait(args, output), output, args.verbose, args.trace)
    login = initiating(args)
    return run_loop(lambda: _call(args, output, login), output, args.verbose, args.trace)


async def _call(args: argparse.Namespace, output: Output, login: dict[str, Any]) -> Exit:
    async with connection(args, login) as session:
        await _verify(session, output, asks=True)
    return Exit.DONE


async def _wait(args: argparse.Namespace, output: Output) -> Exit:
    """Until somebody has come to compare; who leaves before there are words is not the one."""
    ended: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
    turn = asyncio.Lock()

    async def came(session: Session) -> None:
        async with turn:
            if ended.done():
                return
            try:
                if await _verify(session, output, asks=False):
                    ended.set_result(None)
            except Exception as error:
                ended.set_result(error)

    taking = Taking(None, "refuse", False, "files are refused: this compares words", "this compares words")
    async with listening(args, came, output, taking, None):
        error = await ended
    if error is not None:
        raise error
    return Exit.DONE


async def _verify(session: Session, output: Output, *, asks: bool) -> bool:
    """Compare in one session; False where the other side left before there were words.

    Raises `NotSecureEnough` where the words are not the same, or nobody says that they are.
    """
    output.event("session", f"Talking to {who_and_where(session)}", **session_fields(session))
    comparing = Comparing(session, output, _HOW)
    async with showing(session, output, Bars(shown=not output.json, output=output)):
        if asks:
            await comparing.ask()
        else:
            try:
                await comparing.asked()
            except ConnectionLost:
                output.note("That was somebody who did not compare.")
                return False
        await _decide(comparing, output)
        await comparing.outcome()
    return True


async def _decide(comparing: Comparing, output: Output) -> None:
    """Until our user has said something, or the other side has ended it."""
    lines = Lines()
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
            output.ask("Please type the whole word, yes or no.")
    finally:
        ended.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await ended
