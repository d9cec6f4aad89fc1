"""``msrp chat``: lines typed here appear there, and the other way round."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..terms.display import escape
from ..terms.errors import MsrpError, UsageError
from ..terms.principal import Principal
from .comparing import Comparing, meaning
from .entry import Entry, Interrupted, entry
from .exits import Exit, exit_of
from .incoming import Incoming, Taking, session_fields, who, who_and_where
from .journey import send_file
from .knowing import Ask, Knowing, as_before, mark, note, remark, ruling_fields
from .listen import listening
from .login import Accepting, accepting
from .output import Output
from .progress import Toolbar
from .remembering import Memory
from .running import run as run_loop
from .send import connection
from .terminal import means_yes

if TYPE_CHECKING:
    from ..security.several_paths import Ruling
    from ..session.sent import Sent
    from ..session.session import Session

__all__ = ["Chat", "run"]

Meet = Callable[[Entry], contextlib.AbstractAsyncContextManager["Session"]]

_TAKEN_FOR_ANSWERS = ("y", "yes", "n", "no")
_UNANSWERED = 16  # lines on their way at a time; the other side need not take many at once
_ANSWERS = {"/take": True, "/refuse": False}
_WITH_SOMEBODY = ("/file", "/security", "/verify")
_BEGIN = "/help tells what else can be typed here; Ctrl-D ends."
_EARLY = " before anything was said: perhaps busy with somebody else, or not letting you in"
_HELP = """\
  /file PATH   send a file
  /take        take the file that you are asked about
  /refuse      refuse it
  /security    what protects this line
  /verify      words to compare with the other side: does anybody sit in between?
               /verify yes or /verify no says what came of it, /verify remember keeps their key
  /quit        end (Ctrl-D does, too)
  //text       a line that begins with a slash"""


def run(args: argparse.Namespace) -> Exit:
    """Talk until one side ends it."""
    if (args.target is None) == (args.address is None):
        raise UsageError("say either to whom to talk, a TARGET, or --listen")
    # What the config file sets for the other role is no contradiction.
    if args.address is None and args.given & {"announce", "port"}:
        raise UsageError("--announce and --port go with --listen")
    if args.address is not None and (args.password_stdin or "guessable" in args.given):
        raise UsageError("--password-stdin and --guessable go with a TARGET; msrp passwd sets who may log in")
    output = Output(json=args.json)
    taking = Taking.from_options(args)
    if args.address is not None:
        login = accepting(args)
        return run_loop(
            lambda: Chat(args, output, taking, login=login).run(), output, args.verbose, args.trace
        )
    remark(args, output)
    caller = as_before(args)
    meet: Meet = lambda typed: connection(args, caller, _asking(typed, output))  # noqa: E731
    return run_loop(lambda: Chat(args, output, taking, meet).run(), output, args.verbose, args.trace)


class Chat:
    """One conversation; where there is nobody to meet, one after the other, with those who come."""

    def __init__(
        self,
        args: argparse.Namespace,
        output: Output,
        taking: Taking,
        meet: Meet | None = None,
        *,
        login: Accepting | None = None,
    ) -> None:
        self._args = args
        self._login = login
        self._output = output
        self._taking = taking
        self._meet = meet
        self._entry = entry(json=args.json)
        self._bars = Toolbar(self._entry.above)
        self._knowing = Knowing(args, output)
        self._memory = Memory(args, output)
        self._session: Session | None = None
        self._left: str | None = None  # who was there last
        self._present = asyncio.Event()
        self._turn = asyncio.Lock()
        self._answer: asyncio.Future[bool] | None = None  # to whether somebody is let in
        self._file_answer: asyncio.Future[bool] | None = None  # to whether a file is taken
        self._comparing: Comparing | None = None
        self._beside: set[asyncio.Task[None]] = set()  # what ends with the session
        self._room = asyncio.Semaphore(_UNANSWERED)
        self._underway: set[asyncio.Task[None]] = set()
        self._failed = self._differed = False
        self._taken = False  # whether a line of ours was

    async def run(self) -> Exit:
        await self._output.settled()
        with self._entry:
            try:
                ended = await (self._waiting() if self._meet is None else self._called(self._meet))
            except Interrupted:
                return Exit.INTERRUPTED
            finally:
                for task in self._underway:
                    task.cancel()
        if ended in (Exit.DONE, Exit.FAILED) and self._differed:
            return Exit.INSECURE
        return Exit.FAILED if self._failed and ended is Exit.DONE else ended

    async def _called(self, meet: Meet) -> Exit:
        """We reached out: the chat ends when either side ends it."""
        async with meet(self._entry) as session, self._with(session):
            self._begin()
            ended = await _first(self._hear(session), self._type())
            await self._answered()  # where the other side has left: at once, and not delivered
            return ended

    async def _waiting(self) -> Exit:
        """We wait: when one has left, for the next."""
        ask = self._ask if self._entry.live else None
        async with listening(self._args, self._came, self._output, self._taking, self._login, ask):
            self._begin()
            return await self._type()

    def _begin(self) -> None:
        if self._entry.live:
            self._output.note(_BEGIN)

    async def _came(self, session: Session) -> None:
        ruling = None
        if self._session is None:
            ruling = await self._knowing.lets_in(session, self._ask if self._entry.live else None)
            if ruling is None:
                return
        if ruling is None or self._session is not None:  # somebody may have come while we asked
            self._output.note(f"{who(session)} called meanwhile, and was turned away")
            return
        try:
            async with self._with(session, ruling):
                await self._hear(session, ruling)
        finally:
            self._knowing.left(session)

    @contextlib.asynccontextmanager
    async def _with(self, session: Session, ruling: Ruling | None = None) -> AsyncIterator[None]:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(False)  # there is room for one; what is typed now is for them
        self._session = session
        self._comparing = Comparing(session, self._output, "/verify yes or /verify no", self._memory)
        self._present.set()
        words = [f"Talking to {who_and_where(session)}", session.security.describe(), *note(ruling)]
        self._output.event("session", "\n".join(words), **session_fields(session), **ruling_fields(ruling))
        self._start(self._comparing.attend(), self._beside)
        try:
            yield
        finally:
            for task in self._beside:
                task.cancel()
            self._session = self._comparing = None
            self._left = _short(session)
            self._present.clear()

    async def _hear(self, session: Session, ruling: Ruling | None = None) -> Exit:
        label = f"{_short(session)}{mark(ruling)}"
        incoming = Incoming(
            session, self._output, self._taking, label=label, ask=self._ask_file, bars=self._bars
        )
        try:
            await incoming.run()
        except (MsrpError, OSError) as error:
            self._output.error(error, label, session=session.tag)
            return exit_of(error)
        finally:
            self._failed |= incoming.failed
            self._differed |= self._comparing is not None and self._comparing.differed
        early = self._meet is not None and not (incoming.heard or self._taken)
        self._output.event("closed", f"{label} has left{_EARLY if early else ''}", session=session.tag)
        return Exit.DONE

    # -- what is typed

    async def _type(self) -> Exit:
        """Until the end of what is typed; then until all of it was answered."""
        while (line := await self._entry.next()) is not None:
            await self._output.room()
            if not await self._entered(line):
                break
        await self._answered()
        return Exit.DONE

    async def _answered(self) -> None:
        while self._underway:
            await asyncio.wait(self._underway)

    async def _entered(self, line: str) -> bool:
        """Do what a line says; False to end."""
        word, _, rest = line.strip().partition(" ")
        answer = self._answer
        if (
            answer is not None
            and not answer.done()
            and word.lower() in ("", "y", "yes", "n", "no")
            and not rest
        ):
            answer.set_result(means_yes(word))
        elif word in _ANSWERS:
            self._answers(word, rest)
        elif word == "/quit":
            return False
        elif word == "/help":
            self._output.note(_HELP)
        elif word.startswith("/") and not word.startswith("//") and word not in _WITH_SOMEBODY:
            self._output.note(f"{escape(word, 60)} is no command:\n{_HELP}")
        elif word:
            await self._to_session(word, line, rest.strip())
        return True

    async def _to_session(self, word: str, line: str, rest: str) -> None:
        if not self._entry.live:
            await self._present.wait()  # lines of a script wait until somebody is there
        session = self._session
        if session is None:
            gone = "" if self._left is None else f": {self._left} has left"
            self._output.note(f"nobody is there{gone or ' yet'}")
        elif word == "/security":
            for layer in session.security.layers:
                keys = {"the other side's key": layer.peer_key, "our key": layer.own_key}
                told = "".join(f"\n  {whose}, SHA-256 {key}" for whose, key in keys.items() if key)
                self._output.note(f"{layer.version}, {layer.cipher}{told}")
            self._output.note(f"{who(session)}: {session.security.describe()}")
        elif word == "/verify" and self._comparing is not None:
            self._start(self._verify(self._comparing, rest), self._beside)
        elif word == "/file" and not rest:
            self._output.note("say which file: /file PATH (Tab completes it)")
        elif word == "/file":
            self._start(self._file(session, rest.strip("\"'")))
        else:
            await self._say(session, line.removeprefix("/") if word.startswith("//") else line)

    def _answers(self, word: str, rest: str) -> None:
        answer = self._file_answer
        if answer is None or answer.done():
            self._output.note("no file waits for an answer")
        elif rest:
            self._output.note(f"{word} stands alone: it is about the file you were asked about last")
        else:
            answer.set_result(_ANSWERS[word])

    async def _say(self, session: Session, line: str) -> None:
        """Hand a line over; its delivery is waited for beside what is typed next."""
        await self._room.acquire()
        try:
            sent = await session.send(line)
        except (MsrpError, OSError) as error:
            self._room.release()
            self._undelivered(error, line)
            return
        self._output.event("sent", session=session.tag, message_id=sent.message_id)
        if self._file_answer is not None and line.strip().lower() in _TAKEN_FOR_ANSWERS:
            self._output.note(f"said to {_short(session)}; /take or /refuse answers about the file")
        self._start(self._delivery(session, sent, line))

    async def _delivery(self, session: Session, sent: Sent, line: str) -> None:
        try:
            await sent.delivered()
            self._taken = True
            self._output.event("delivered", session=session.tag, message_id=sent.message_id)
        except (MsrpError, OSError) as error:
            self._undelivered(error, line, message_id=sent.message_id)
        finally:
            self._room.release()

    async def _file(self, session: Session, name: str) -> None:
        path = _path(name)
        try:
            if not path.is_fifo():  # that would wait for who writes
                path.open("rb").close()  # what cannot be read is not announced
        except OSError as error:
            # A person sees it and says another; of a script it was the one try.
            self._failed |= not self._entry.live
            self._output.error(error, session=session.tag)
            return
        try:
            self._output.note(f"Sending {escape(name, 100)}")
            await send_file(session, self._output, path, self._bars)
        except (MsrpError, OSError) as error:
            self._failed = True
            self._output.error(error, session=session.tag)  # which names the file

    def _undelivered(self, error: BaseException, what: str, **fields: object) -> None:
        self._failed = True
        self._output.error(error, f'not delivered: "{escape(what, 60)}"', **fields)

    async def _verify(self, comparing: Comparing, answer: str) -> None:
        """Compare words, or say what came of it: never by a word that may be meant for the other side."""
        same = meaning(answer)
        try:
            if same is not None:
                await comparing.say(same=same)
            elif answer == "remember":
                await comparing.remember()
            elif answer:
                self._output.note("say /verify, and then /verify yes or /verify no")
            elif await comparing.ask():
                await comparing.tell()
        except MsrpError as error:
            self._output.error(error)

    def _start(self, work: Coroutine[Any, Any, None], group: set[asyncio.Task[None]] | None = None) -> None:
        tasks = self._underway if group is None else group
        task = asyncio.ensure_future(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    # -- questions

    async def _ask_file(self, question: str) -> bool:
        """Ask about a file while somebody is there to talk to: no word that may be meant for them answers."""
        async with self._turn:
            self._file_answer = asyncio.get_running_loop().create_future()
            self._output.ask(f"{question} Say /take or /refuse")
            self._entry.prompt("(/take or /refuse) > ")
            try:
                return await self._file_answer
            finally:
                self._file_answer = None
                self._entry.prompt("> ")

    async def _ask(self, question: str) -> bool:
        """Ask while nobody is there to talk to; the next line that is yes, no or empty answers."""
        async with self._turn:
            self._answer = asyncio.get_running_loop().create_future()
            self._output.ask(f"{question} [y/N]")
            self._entry.prompt("? ")
            try:
                return await self._answer
            finally:
                self._answer = None
                self._entry.prompt("> ")


def _path(name: str) -> Path:
    return Path(os.path.expanduser(name))  # noqa: PTH111 - pathlib's raises where nobody has a home


def _short(session: Session) -> str:
    """Who says a line. A name that nothing proves never looks like one that is proved."""
    if session.security.names:
        not_compared = " (not compared)" if session.security.met else ""
        return f"{escape(Principal.parse(session.security.names[0]).shown)}{not_compared}"
    return (
        session.peer_address
        if session.peer_claim is None
        else f"{escape(session.peer_claim.shown)} (not proved)"
    )


def _asking(typed: Entry, output: Output) -> Ask | None:
    """Asks at the prompt before anybody is talked to; None where nobody sits there."""

    async def ask(question: str) -> bool:
        typed.forget()
        output.ask(f"{question} [y/N]")
        typed.prompt("[y/N] ")
        try:
            return means_yes(await typed.next() or "")
        finally:
            typed.prompt("> ")

    return ask if typed.live else None


async def _first(*works: Coroutine[Any, Any, Exit]) -> Exit:
    """Run both until one ends; the other is called off. What it returned or raised counts."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(task for task in tasks if task in done).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
