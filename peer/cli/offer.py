"""``msrp offer`` and ``msrp answer``: two sides meet by texts that people copy and paste."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ..signalling.sdp import MAX_SDP
from ..terms.errors import CannotReach, UsageError
from ..terms.limits import Limits
from ..terms.security import Level
from .chat import Chat
from .exits import Exit
from .incoming import Taking
from .listen import CannotListen, Listening
from .options import listening_address
from .output import Output
from .running import run as run_loop
from .send import send
from .terminal import Lines

if TYPE_CHECKING:
    from ..aio.listen import Listener
    from ..session.rendezvous import Answer, Offer
    from ..session.session import Session

__all__ = ["run"]

_PASTING = 3600.0  # seconds for people to carry a text over and another one back
NextLine = Callable[[], Awaitable[str | None]]


def run(args: argparse.Namespace) -> Exit:
    """Exchange the texts, then do what the options say."""
    if args.listen and (args.text is not None or args.files):
        raise UsageError("--listen sends nothing: leave out TEXT and --file")
    if args.text == "-":
        raise UsageError("standard input is for the other side's text: give the message itself, or --file")
    output = Output(json=args.json)
    taking = Taking.from_options(args)
    exchange = _Exchange(args, output, taking)
    return run_loop(exchange.run, output, args.verbose)


class _Exchange:
    def __init__(self, args: argparse.Namespace, output: Output, taking: Taking) -> None:
        self._args = args
        self._output = output
        self._taking = taking

    async def run(self) -> Exit:
        args, output = self._args, self._output
        if args.tls == "none":
            output.note("msrp: plain TCP: everybody on the way can read and change everything")
        if args.text is not None or args.files:
            return await send(args, output, lambda: self._met(Lines().next))
        if not args.listen:
            return await Chat(args, output, self._taking, lambda entry: self._met(entry.next)).run()
        lines = Lines()
        async with self._met(lines.next) as session:
            return await Listening(args, output, self._taking, lines).show(session)

    @contextlib.asynccontextmanager
    async def _met(self, next_line: NextLine) -> AsyncIterator[Session]:
        """The session, once both texts have been exchanged."""
        from .. import join

        args = self._args
        require = next(level for level in Level if level.word == args.require)
        if args.tls == "none":
            require = Level.PLAINTEXT
        async with contextlib.AsyncExitStack() as stack:
            listener = None if args.connect else await stack.enter_async_context(self._listening())
            told = await self._exchanged(listener, next_line)
            waits = told.outcome is not None and not told.outcome.active
            seconds = _PASTING if waits and args.timeout is None else args.timeout
            joining = join(told, listener=listener, require=require, timeout=seconds)
            yield await stack.enter_async_context(joining)

    @contextlib.asynccontextmanager
    async def _listening(self) -> AsyncIterator[Listener]:
        from .. import listen

        args = self._args
        limits = replace(Limits(), reserved=_PASTING)
        async with contextlib.AsyncExitStack() as stack:
            at = listen(listening_address(args.at, None), tls=args.tls, limits=limits)
            try:
                listener = await stack.enter_async_context(at)
            except CannotReach as error:
                raise CannotListen(str(error)) from None
            yield listener

    async def _exchanged(self, listener: Listener | None, next_line: NextLine) -> Offer | Answer:
        from .. import Answer, Offer

        args = self._args
        if args.command == "answer":
            self._output.note("Paste the offer, and an empty line.")
            answer = Answer(
                await self._pasted("offer", next_line),
                listener,
                host=args.host,
                tls=args.tls,
                files=self._taking.files,
                signalled=args.protected,
                me=args.me,
            )
            self._output.note("The answer is for whoever made the offer, and for nobody else:")
            self._tell("answer", answer.text)
            return answer
        offer = Offer(
            listener,
            host=args.host,
            tls=args.tls,
            files=self._taking.files,
            signalled=args.protected,
            me=args.me,
        )
        self._output.note("The offer is for the other side, and for nobody else:")
        text: str | None = offer.text
        while text is not None:
            self._tell("offer", text)
            self._output.note("Paste the answer, and an empty line.")
            text = offer.answered(await self._pasted("answer", next_line))
        return offer

    def _tell(self, what: str, text: str) -> None:
        """A text to be copied; an empty line behind it, by which the other side knows its end."""
        self._output.event(what, text.replace("\r\n", "\n"), sdp=text)

    async def _pasted(self, what: str, next_line: NextLine) -> str:
        """What stands on standard input up to an empty line, or its end."""
        lines: list[str] = []
        size = 0
        while (line := await next_line()) is not None:
            if line.strip():
                lines.append(line)
                size += len(line) + 1
            elif lines:
                break
            if size > MAX_SDP:
                raise UsageError(f"that is no {what}: it is longer than {MAX_SDP} characters")
        if not lines:
            raise UsageError(f"no {what} came on standard input")
        return "\n".join(lines)
