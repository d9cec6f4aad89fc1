"""``msrp send``: a message or files, and the wait until they are delivered."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..terms.display import escape
from ..terms.errors import NotDelivered, UsageError
from .exits import Exit
from .incoming import Incoming, Taking, session_fields, who
from .login import initiating
from .output import Output, size_text
from .progress import Bars
from .running import run as run_loop
from .terminal import TEXT_LIMIT, Lines

if TYPE_CHECKING:
    from ..session.session import Session

__all__ = ["Transfer", "connection", "run", "send", "send_file", "send_text"]


class Transfer(NamedTuple):
    """A file that was delivered: octets, and the seconds they took."""

    size: int
    seconds: float

    @property
    def speed(self) -> float:
        """MB/s."""
        return self.size / 1e6 / self.seconds


def run(args: argparse.Namespace) -> Exit:
    """Send what the options say; done only when all of it was delivered."""
    output = Output(json=args.json)
    meet = partial(connection, args, initiating(args), files=False)
    return run_loop(lambda: send(args, output, meet), output, args.verbose)


def connection(
    args: argparse.Namespace, login: dict[str, Any], *, files: bool
) -> contextlib.AbstractAsyncContextManager[Session]:
    """The session that the options ask for; `login` is what `initiating` made of them."""
    from .. import connect

    return connect(
        args.target,
        me=args.me,
        tls=args.tls,
        files=files,
        timeout=args.timeout,
        interfaces=args.interfaces,
        **login,
    )


async def send(
    args: argparse.Namespace,
    output: Output,
    meet: Callable[[], contextlib.AbstractAsyncContextManager[Session]],
) -> Exit:
    """Send what the options say over the session that `meet` gives."""
    text = await _text(args)
    for path in args.files:
        _check(path)
    if text is None and not args.files:
        raise UsageError("nothing to send: give a TEXT, - for standard input, or --file F")
    async with meet() as session:
        output.event(
            "session", f"To {who(session)}\n{session.security.describe()}", **session_fields(session)
        )
        bars = Bars(shown=not output.json)
        async with _showing(session, output, bars):
            if text is not None:
                _hint(args.text, output)
                await send_text(session, output, text)
            for path in args.files:
                await send_file(session, output, path, bars)
    output.event("closed", session=session.tag)
    return Exit.DONE


def _hint(words: str, output: Output) -> None:
    """The likeliest slip: a file's name where its --file was meant."""
    if 0 < len(words) < 256 and words != "-" and Path(words).is_file():
        output.note(f"(this sends the words; to send the file, say --file {escape(words)})")


async def _text(args: argparse.Namespace) -> str | None:
    """What to send besides files; None for nothing. Raises UsageError for too much of it."""
    text: str | None = args.text
    if text == "-":
        text = await _standard_input()
    if text is not None and len(text.encode("utf-8", "replace")) > TEXT_LIMIT:
        raise UsageError(
            f"that is more than {size_text(TEXT_LIMIT)}, much for a message: send it with --file"
        )
    return text


async def _standard_input() -> str:
    lines = Lines()
    text: list[str] = []
    size = 0
    while size <= TEXT_LIMIT and (line := await lines.next()) is not None:
        text.append(line)
        size += len(line) + 1
    return "\n".join(text)


def _check(path: Path) -> None:
    """Raise UsageError for what cannot be sent, before anybody is disturbed."""
    if path.exists() and not path.is_file():
        raise UsageError(f"{escape(str(path))} is no file")  # to open a pipe would wait for its other end
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise UsageError(f"{escape(str(path))} cannot be sent: {error.strerror}") from None


@contextlib.asynccontextmanager
async def _showing(session: Session, output: Output, bars: Bars) -> AsyncIterator[None]:
    """Show what the other side says meanwhile."""

    async def ask(question: str) -> bool:
        return False

    taking = Taking(None, "refuse", False, "")
    incoming = Incoming(session, output, taking, label=who(session), ask=ask, bars=bars)
    showing = asyncio.ensure_future(incoming.run())
    try:
        yield
    finally:
        showing.cancel()
        await asyncio.wait([showing])
        if not showing.cancelled():
            showing.exception()  # a lost line is told by whoever waits for a delivery


@contextlib.contextmanager
def _naming(what: str) -> Iterator[None]:
    """Say of which message it was that it did not arrive."""
    try:
        yield
    except NotDelivered as error:
        raise NotDelivered(f"{what}: {error}", status=error.status) from None


async def send_text(session: Session, output: Output, text: str) -> None:
    """Send a message of text and wait until it is delivered. Raises NotDelivered and others."""
    with _naming("the message"):
        # That it has arrived there is not enough: somebody who is busy turns the session away unread.
        sent = await session.send(text, success_report=True)
        fields = {"session": session.tag, "message_id": sent.message_id}
        output.event("sent", **fields)
        await sent.delivered()
    size = len(text.encode("utf-8", "replace"))
    output.event("delivered", f"Delivered: the message, {size_text(size)}", **fields, size=size)


async def send_file(session: Session, output: Output, path: Path, bars: Bars) -> Transfer:
    """Send a file and wait until it is delivered. Raises NotDelivered, OSError and others."""
    shown = escape(path.name, 100)
    began = time.monotonic()
    hashed: float | None = None
    with bars.bar(path.name, "reading") as report:

        def underway(done: int, total: int | None) -> None:
            nonlocal hashed
            hashed = hashed or time.monotonic()
            report(done, total)

        with _naming(shown):
            sent = await session.send(path, progress=underway, hashing=report.before)
            fields = {"session": session.tag, "message_id": sent.message_id, "name": path.name}
            output.event("sent", **fields)
            waiting = asyncio.ensure_future(sent.delivered())
            try:
                _, pending = await asyncio.wait([waiting], timeout=2)
                if pending:
                    output.note(f"{shown} is there; waiting for the other side to take it")
                await waiting
            finally:
                waiting.cancel()
    # The file is hashed before its first octet goes; that is not the line's time.
    transfer = Transfer(sent.size, max(time.monotonic() - (hashed or began), 1e-6))
    output.event(
        "delivered",
        f"Delivered: {shown}, {size_text(transfer.size)}, "
        f"in {transfer.seconds:.1f} s ({transfer.speed:.1f} MB/s)",
        **fields,
        size=transfer.size,
        seconds=round(transfer.seconds, 3),
    )
    return transfer
