"""``msrp offer`` and ``msrp answer``: two sides meet by texts that people copy and paste."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ..signalling.agreement import NotAcceptable, look
from ..terms.display import escape
from ..terms.errors import CannotReach, PeerError, UsageError
from ..terms.limits import Limits
from . import transfer
from .chat import Chat
from .exits import Exit
from .incoming import Taking
from .inviting import Inviting
from .listen import CannotListen, Listening, tell_failed
from .login import Either, either
from .options import listening_address
from .output import Output
from .pasting import STILL, Typed, pasted
from .progress import Bars
from .running import run as run_loop
from .send import send
from .terminal import Lines, can_ask, means_yes

if TYPE_CHECKING:
    from pathlib import Path

    from ..aio.listen import Listener
    from ..security.known_peers import KnownPeers
    from ..session.rendezvous import Answer, Offer
    from ..session.session import Session
    from ..signalling.file_attributes import FileTransfer
    from ..signalling.media import Direction, MsrpMedia

__all__ = ["run"]

_ANYWHERE = ("0.0.0.0", "[::]")  # noqa: S104 - compared, not bound
_NAMES = 8  # looked up of one text, which may have thousands
_LOOKING_UP = 10.0  # seconds for that
_PASTING = 3600.0  # seconds for people to carry a text over and another one back
_ATTEMPT = 20.0  # seconds: less than anybody holds what is early (`Limits.handshake`)


def run(args: argparse.Namespace) -> Exit:
    """Exchange the texts, then do what the options say."""
    if args.listen and (args.text is not None or args.files):
        raise UsageError("--listen sends nothing: leave out TEXT and --file")
    if args.get and (args.listen or args.text is not None or args.files):
        raise UsageError("--get takes one file and does nothing else: leave out TEXT, --file and --listen")
    if args.text == "-":
        raise UsageError("standard input is for the other side's text: give the message itself, or --file")
    where = sorted(f"--{name}" for name in args.given & {"interface", "port"})
    if args.connect and where:
        raise UsageError(f"with --connect nobody connects to this side: leave out {' and '.join(where)}")
    output = Output(json=args.json)
    taking = Taking.from_options(args)
    inviting = Inviting(args, output)  # before anybody is asked for a password
    exchange = _Exchange(args, output, taking, either(args), inviting)
    return run_loop(exchange.run, output, args.verbose, args.trace)


def _place(args: argparse.Namespace) -> str:
    """``host:port`` where the other side may connect to. Raises UsageError."""
    where = listening_address(args.at, args.port)
    if args.interface is None:
        return where
    host, _, port = where.rpartition(":")
    one = f"[{args.interface}]" if ":" in args.interface else args.interface
    if host not in (*_ANYWHERE, one):
        raise UsageError(f"--at says already which interface: leave out --interface {args.interface}")
    return listening_address(one, int(port))


class _Transferred(Exception):
    """The session was for one file, and that is done: there is nothing to talk about."""


class _Exchange:
    def __init__(
        self, args: argparse.Namespace, output: Output, taking: Taking, login: Either, inviting: Inviting
    ) -> None:
        self._args = args
        self._output = output
        self._taking = taking
        self._login = login
        self._inviting = inviting
        self._bars = Bars(shown=not args.json, output=output)
        self._path: Path | None = None  # of ours, that the session is for

    async def run(self) -> Exit:
        if self._args.tls == "none" and not self._login.told:
            self._output.note("msrp: plain TCP: everybody on the way can read and change everything")
        try:
            return await self._run()
        except _Transferred:
            return Exit.DONE

    async def _run(self) -> Exit:
        args, output = self._args, self._output
        if args.text is not None or args.files:
            return await send(args, output, lambda: self._met(Lines()))
        if not args.listen and not args.get:
            return await Chat(args, output, self._taking, lambda entry: self._met(entry, entry.end)).run()
        lines = Lines()
        async with self._met(lines) as session:
            return await Listening(args, output, self._taking, lines).show(session)

    @contextlib.asynccontextmanager
    async def _met(self, typed: Typed, end: Callable[[], None] = lambda: None) -> AsyncIterator[Session]:
        """The session, once both texts have been exchanged. Raises `_Transferred` where it was for
        one file, which is sent or received by then; `end` is called before, as no line is asked for
        any more."""
        args = self._args
        async with contextlib.AsyncExitStack() as stack:
            listener = None if args.connect else await stack.enter_async_context(self._listening())
            told = await self._exchanged(listener, typed)
            file = None if told.outcome is None else transfer.agreed(told.outcome)
            session = await self._joined(told, listener, typed, stack)
            if file is None:
                yield session
                return
            end()
            if self._path is not None:
                await transfer.send(session, self._path, file, self._output, self._bars)
            else:
                await transfer.receive(session, file, self._taking, self._output, self._bars)
        self._output.event("closed", session=session.tag)
        raise _Transferred

    async def _joined(
        self,
        told: Offer | Answer,
        listener: Listener | None,
        typed: Typed,
        stack: contextlib.AsyncExitStack,
    ) -> Session:
        """The session, begun; where that needs somebody to carry a text over first, they have an hour."""
        # Whoever waits goes on waiting where somebody else came, and should know of it.
        failing = None if listener is None else asyncio.create_task(tell_failed(listener, self._output))
        if failing is not None:
            stack.callback(failing.cancel)

        async def begin(known: KnownPeers | None) -> Session:
            return await self._begun(told, listener, known, stack)

        async def ask(question: str) -> bool:
            return await self._asked(question, typed)

        return await self._inviting.met(told, begin, ask if can_ask() else None)

    async def _begun(
        self,
        told: Offer | Answer,
        listener: Listener | None,
        known: KnownPeers | None,
        stack: contextlib.AsyncExitStack,
    ) -> Session:
        from .. import join
        from ..aio.dial import NotBegun

        args = self._args
        given = dict(self._login.arguments)
        connects = told.outcome is not None and told.outcome.active
        # Whoever answers and connects is there before its answer is: until then nobody knows it.
        early = connects and args.command == "answer" and args.timeout is None
        seconds = args.timeout
        if seconds is None and (early or not connects):
            seconds = _ATTEMPT if early else _PASTING
        until = time.monotonic() + _PASTING
        while True:
            joining = join(told, listener=listener, timeout=seconds, known=known, **given)
            try:
                return await stack.enter_async_context(joining)
            except NotBegun:
                if not early or time.monotonic() > until:
                    raise
                self._output.note("The other side is there, and does not have the answer yet.")

    @contextlib.asynccontextmanager
    async def _listening(self) -> AsyncIterator[Listener]:
        from .. import listen

        args = self._args
        limits = replace(Limits(), reserved=_PASTING)
        async with contextlib.AsyncExitStack() as stack:
            at = listen(_place(args), tls=args.tls, limits=limits, **self._login.listening)
            try:
                listener = await stack.enter_async_context(at)
            except CannotReach as error:
                raise CannotListen(str(error)) from None
            yield listener

    async def _exchanged(self, listener: Listener | None, typed: Typed) -> Offer | Answer:
        if self._args.command == "answer":
            return await self._answered(listener, typed)
        from .. import Offer

        args = self._args
        file, direction = await self._own_file()
        offer = Offer(
            listener,
            host=args.host,
            tls=args.tls,
            direction=direction,
            file=file,
            cema=args.cema,
            signalled=args.protected,
            **{"me": args.me, **self._login.told},
        )
        self._output.note("The offer is for the other side, and for nobody else:")
        text: str | None = offer.text
        while text is not None:
            self._tell("offer", text)
            self._output.note("Paste the answer, and an empty line.")
            answer = await pasted("answer", typed, self._output, text)
            text = offer.answered(answer, await self._known(answer))
            if text is not None:
                self._output.note("The other side knows no CEMA. This new offer is for it, too:")
        return offer

    async def _own_file(self) -> tuple[FileTransfer | None, Direction]:
        """The file that an offer of ours is for."""
        args = self._args
        if args.get:
            return transfer.asked_for(args.get, self._taking), "recvonly"
        if args.text is None and len(args.files) == 1:
            self._path = args.files[0]
            return await transfer.offered(args.files[0], self._bars), "sendonly"
        return None, "sendrecv"

    async def _answered(self, listener: Listener | None, typed: Typed) -> Answer:
        from .. import Answer, refusal

        args = self._args
        self._output.note("Paste the offer, and an empty line.")
        offer = await pasted("offer", typed, self._output)
        try:
            file = await self._their_file(look(offer), typed)
            answer = Answer(
                offer,
                listener,
                host=args.host,
                tls=args.tls,
                file=file,
                cema=args.cema,
                signalled=args.protected,
                **{"me": args.me, **self._login.told},
                known=await self._known(offer),
            )
            if file is None and answer.outcome is not None and answer.outcome.file is not None:
                # Another m= line than the first is the one that works, and nobody was asked about it.
                raise NotAcceptable("only a second session of the offer would work, and that is for a file")
        except NotAcceptable:
            self._output.note("The answer refuses the offer; it is for whoever made that:")
            self._tell("answer", refusal(offer))
            raise
        self._output.note("The answer is for whoever made the offer, and for nobody else:")
        self._tell("answer", answer.text)
        return answer

    async def _their_file(self, offered: MsrpMedia, typed: Typed) -> FileTransfer | None:
        """The file an offer is for, as it is to be answered: one of ours, or one to take."""
        args = self._args
        if offered.file is None:
            return None
        if offered.direction == "recvonly":
            self._path, file = await transfer.shared(offered.file, args.files, self._bars)
            return file
        if args.text is not None or args.files:
            raise NotAcceptable("the other side offers a file, and this side was to send something")

        async def ask(question: str) -> bool:
            return await self._asked(question, typed)

        return await transfer.taken(offered.file, self._taking, ask, self._output)

    async def _asked(self, question: str, typed: Typed) -> bool:
        # Whoever wrote the text may have put an answer of their own behind it.
        await asyncio.sleep(STILL)
        typed.forget()
        self._output.ask(f"{question} [y/n]")
        while (line := await typed.next()) is not None:
            # What was pasted may have had an empty line more.
            if line.strip():
                return means_yes(line)
        return False

    async def _known(self, text: str) -> dict[str, list[str]]:
        """The addresses of the names in the other side's text, which CEMA compares."""
        if not self._args.cema:
            return {}
        from ..aio.resolve import addresses

        known: dict[str, list[str]] = {}
        try:
            hosts = look(text).hosts()
        except PeerError:
            return known  # it is told where the text is taken

        async def look_up(host: str) -> None:
            with contextlib.suppress(CannotReach):
                known[host] = [address for _, address, _ in await addresses(host, 1)]

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOKING_UP):
                await asyncio.gather(*map(look_up, sorted(hosts)[:_NAMES]))
        return known

    def _tell(self, what: str, text: str) -> None:
        """A text to be copied; an empty line behind it, by which the other side knows its end."""
        # An answer repeats lines of the offer, and a terminal would obey what stands in them.
        self._output.text(what, escape(text, 10 * len(text), lines=True), sdp=text)
