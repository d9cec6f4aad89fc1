"""What arrives on a session: its words are shown, its files taken, asked about or refused."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..session.bodies import is_readable
from ..terms.display import escape, quoted
from ..terms.errors import MessageCut, MsrpError, UsageError
from ..terms.principal import Principal
from ..terms.security import Level
from .output import Output, size_text
from .progress import Shows
from .terminal import TEXT_LIMIT, can_ask
from .wrap import unbroken

if TYPE_CHECKING:
    from ..aio.failed_logins import TurnedAway
    from ..session.message import Message
    from ..session.session import Session

__all__ = ["Incoming", "Taking", "session_fields", "who", "who_and_where"]

Ask = Callable[[str], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Taking:
    """What is done with files.

    Attributes:
        directory: where they go; None where they are refused.
        accept: ``"refuse"``, ``"ask"`` or ``"all"``.
        overwrite: whether one may replace another of its name.
        sentence: the same for a person.
        lacking: why they are refused, where they are.
    """

    directory: Path | None
    accept: Literal["refuse", "ask", "all"]
    overwrite: bool
    sentence: str
    lacking: str = ""

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> Taking:
        """From --out, --accept-files and --overwrite; the folder is made where it is missing.

        Raises UsageError.
        """
        out: Path | None = args.out
        if out is None:
            if args.accept_files or args.overwrite:
                raise UsageError("say with --out DIR where files shall go")
            return cls(None, "refuse", False, "files are refused: --out DIR takes them", "no --out")
        if out.exists() and not out.is_dir():
            raise UsageError(f"{out} is not a folder")
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"the folder {out} cannot be made: {error.strerror}") from None
        if not os.access(out, os.W_OK | os.X_OK):
            raise UsageError(f"no file can be written into {out}: permission denied")
        if args.accept_files:
            return cls(out, "all", args.overwrite, f"every file is taken, into {out}")
        if can_ask():
            return cls(out, "ask", args.overwrite, f"files go into {out}, once you have agreed to each")
        lacking = "there is no terminal to ask on, and no --accept-files"
        return cls(out, "refuse", False, f"files are refused: {lacking}", lacking)

    @property
    def files(self) -> bool:
        """Whether any file is let in."""
        return self.accept != "refuse"


def who(session: Session | TurnedAway) -> str:
    """Who is at the other end, as far as that is known, for a person."""
    security = session.security
    if security.names:
        how = "logged in, and that proves little"
        if security.level is Level.AUTHENTICATED:
            how = "proved"
        elif security.pinned:
            how = "known by their key"
        elif security.met:
            how = "by a key taken at first use, which nobody compared"
        return f"{escape(' and '.join(Principal.parse(name).shown for name in security.names))} ({how})"
    if session.peer_claim is not None:
        return f"{escape(session.peer_claim.shown)} (claimed, not proved)"
    return escape(session.peer_address)


def who_and_where(session: Session | TurnedAway) -> str:
    """The same, and the address where that is not all that is known."""
    shown = who(session)
    where = escape(session.peer_address)
    return shown if shown == where else f"{shown} at {where}"


def session_fields(session: Session | TurnedAway) -> dict[str, object]:
    """The same for a program."""
    security = session.security.as_dict()
    return {
        "session": session.tag,
        "peer_claimed": None if session.peer_claim is None else str(session.peer_claim),
        "peer_proved": security["principal_proved"],
        "peer_address": session.peer_address,
        "security": security,
    }


_AT_ONCE = 16
"""Messages of a session that are received, or asked about, at a time."""


class Incoming:
    """Shows what arrives on one session, each message in a task of its own: a long file, or a
    question nobody answers, holds up no line of text."""

    def __init__(
        self, session: Session, output: Output, taking: Taking, *, label: str, ask: Ask, bars: Shows
    ) -> None:
        """`label` stands before everything that is shown."""
        self.failed = False
        """Whether some message was cut or could not be kept."""
        self.heard = False
        """Whether any message came."""
        self._session = session
        self._output = output
        self._taking = taking
        self._label = label
        self._ask = ask
        self._bars = bars
        self._asking: dict[asyncio.Task[bool], Message] = {}

    async def run(self) -> None:
        """Until the other side closes. Raises ConnectionLost once the rest is done."""
        lost: MsrpError | None = None
        # A message is taken from the session only when somebody deals with it: what is not taken
        # is what the engine's limits bound.
        room = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            try:
                async for message in self._session:
                    self.heard = True
                    await room.acquire()
                    await self._output.room()
                    tasks.create_task(self._arrived(message)).add_done_callback(lambda _: room.release())
            except MsrpError as error:
                lost = error
            for question, message in self._asking.items():
                if message.awaited or not message.whole:
                    question.cancel()  # its sender was told that it was not delivered
        if lost is not None:
            raise lost

    async def _arrived(self, message: Message) -> None:
        try:
            if not message.file and is_readable(message.content_type):
                await self._text(message)
            else:
                await self._file(message)
        except (MsrpError, OSError) as error:
            self.failed = True
            words = self._label
            if isinstance(error, OSError):
                message.refuse(413)  # no room for it here: the other side need not go on
                if message.part is not None and message.part.exists():
                    part = escape(str(message.part), 1000)
                    words += f": {_called(message)} is not whole; what came stays in {part}"
            self._output.error(error, words, **self._fields(message))
        except Exception as error:  # of one message; the others go on
            self.failed = True
            self._output.bug(error)

    def _fields(self, message: Message) -> dict[str, object]:
        return {"session": self._session.tag, "message_id": message.message_id}

    async def _text(self, message: Message) -> None:
        try:
            shown = await message.shown(TEXT_LIMIT)
        except UsageError:
            message.refuse(413)
            raise MessageCut(f"a message of more than {size_text(TEXT_LIMIT)} of text was refused") from None
        again = _again(message)
        lines = [f"{self._label}{again}: {shown.text}"]
        if shown.subject is not None:
            lines.insert(0, f"{self._label}{again}: subject: {shown.subject}")
        told = [f"says it is from {shown.sender}, which nothing proves"] if shown.sender is not None else []
        told += shown.notes
        for part in shown.others:
            named = f'"{part.name}", ' if part.name else ""
            told.append(f"has {named}{part.content_type}, {size_text(len(part.body))}, which is not shown")
        lines += [f"({note})" for note in told]
        # Lines after the first are indented: no text can look like a line of ours.
        words = escape("\n".join(lines), TEXT_LIMIT, lines=True).replace("\n", "\n    ")
        self._output.event(
            "message",
            words,
            **self._fields(message),
            content_type=message.content_type,
            size=message.received,
            text=shown.text,
            sender_claimed=shown.sender,
            subject=shown.subject,
            notes=list(shown.notes),
            parts=[
                {"content_type": p.content_type, "name": p.name, "size": len(p.body)} for p in shown.others
            ],
            duplicate=message.duplicate,
        )

    async def _file(self, message: Message) -> None:
        directory = self._taking.directory
        named = _called(message)
        kind = escape(message.content_type, 60)
        if directory is None or not self._taking.files:
            if message.file:
                message.refuse(403)
                size = size_text(message.size)
                why = f"tried to send {named}, {kind}, {size}: refused, {self._taking.lacking}"
                self._refused(message, why, 403)
            else:
                message.refuse(415)
                self._refused(message, f"{kind} cannot be shown, and was refused", 415)
            return
        who = f"{self._label}{_again(message)}"
        question = f"{who} sends {named}, {kind}, {size_text(message.size)}. Take it?"
        if self._taking.accept == "ask" and not await self._agreed(message, named, question):
            message.refuse(403)
            self._refused(message, f"{named} was refused", 403)
            return
        try:
            with self._bars.bar(message.name or "file") as report:
                received = await message.save(directory, overwrite=self._taking.overwrite, progress=report)
        except asyncio.CancelledError:
            if message.part is not None and message.part.exists():
                part = _shown(message.part)
                self._output.interrupted(f"{named} is not whole; what came stays in {part}")
            raise
        checked = "checked" if received.checked else "not checked: the other side told no digest"
        before = f" ({size_text(received.before)} of it from before)" if received.before else ""
        self._output.event(
            "file",
            f"{who}: {named}, {size_text(received.size)}{before}, is now {_shown(received.path)}\n"
            f"    SHA-256 {received.sha256_hex}, {checked}",
            **self._fields(message),
            name=message.name,
            content_type=message.content_type,
            path=str(received.path),
            size=received.size,
            sha256=received.sha256_hex,
            checked=received.checked,
            before=received.before,
            duplicate=message.duplicate,
        )

    def _refused(self, message: Message, words: str, status: int) -> None:
        self._output.event(
            "refused",
            f"{self._label}: {words}",
            **self._fields(message),
            name=message.name,
            content_type=message.content_type,
            status=status,
        )

    async def _agreed(self, message: Message, named: str, question: str) -> bool:
        """Whether somebody agrees to a file. Raises `MessageCut` where its sender is gone before."""

        async def ask() -> bool:
            with self._bars.pause():
                return await self._ask(question)

        asking = asyncio.create_task(ask())
        arriving = asyncio.create_task(message.arrived())
        self._asking[asking] = message
        why = "its sender has left"
        try:
            await asyncio.wait({asking, arriving}, return_when=asyncio.FIRST_COMPLETED)
            cut = arriving.exception() if arriving.done() and not arriving.cancelled() else None
            if cut is not None and not asking.done():
                why = str(cut)
                asking.cancel()
            await asyncio.wait({asking})
        finally:
            del self._asking[asking]
            asking.cancel()
            arriving.cancel()
        if asking.cancelled():
            raise MessageCut(f"{named} was cut before it was agreed to ({why}): no answer is needed any more")
        return asking.result()


def _called(message: Message) -> str:
    return quoted(message.name, 100) if message.name else "a file without a name"


def _shown(path: Path) -> str:
    return unbroken(escape(str(path), 1000))


def _again(message: Message) -> str:
    """A warning that it came before (RFC 4975 section 5.4)."""
    return " (again)" if message.duplicate else ""
