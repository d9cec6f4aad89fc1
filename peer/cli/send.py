"""``msrp send``: a message or files, and the wait until they are delivered."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..terms.display import escape
from ..terms.errors import (
    CannotReach,
    ConnectionLost,
    MsrpError,
    NotDelivered,
    NotSecureEnough,
    PeerError,
    UsageError,
)
from .advice import advised
from .exits import Exit, exit_of
from .incoming import Incoming, Taking, session_fields, who
from .journey import naming, send_file
from .knowing import Ask, as_before, begun, remark
from .output import Output, size_text
from .progress import Bars
from .running import run as run_loop
from .terminal import TEXT_LIMIT, Lines, Questions, can_ask

if TYPE_CHECKING:
    from ..security.known_peers import KnownPeers
    from ..session.session import Session

__all__ = ["connection", "run", "send", "send_text", "showing"]

_LOG_IN = 401  # the status of a request for a session that must log in first
_LEFT = "The other side ended the session: it has left, is busy with somebody else, or does not let you in"
_Work = tuple[str, Callable[[], Awaitable[object]]]  # what is sent, and how


def run(args: argparse.Namespace) -> Exit:
    """Send what the options say; done only when all of it was delivered."""
    output = Output(json=args.json)
    ask = Questions(Lines(), output).ask if can_ask() else None
    remark(args, output)
    meet = partial(connection, args, as_before(args), ask)
    return run_loop(lambda: send(args, output, meet), output, args.verbose, args.trace)


@contextlib.asynccontextmanager
async def connection(
    args: argparse.Namespace, login: dict[str, Any], ask: Ask | None = None
) -> AsyncIterator[Session]:
    """The session that the options ask for; `login` is what `as_before` made of them, `ask` asks the
    person, where there is one.

    Raises NotSecureEnough where the other side wants us to log in, and as `connect`.
    """
    from .. import connect

    async with contextlib.AsyncExitStack() as stack:

        async def begin(known: KnownPeers | None) -> Session:
            connecting = connect(
                args.target,
                timeout=args.timeout,
                interfaces=args.interfaces,
                **{"me": args.me, "tls": args.tls, **login, "known": known},
            )
            return await stack.enter_async_context(connecting)

        try:
            session = await begun(begin, login.get("known"), ask, named=args.me is not None)
        except PeerError as error:
            if error.status != _LOG_IN:
                raise
            raise NotSecureEnough(
                f"{error}. With a password that was made there for you, or a Kerberos ticket (kinit): "
                "--as im:YOU --expect im:THEM"
            ) from None
        except (CannotReach, ConnectionLost) as error:
            raise advised(args, error) from None
        yield session


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
    async with contextlib.AsyncExitStack() as stack:
        try:
            session = await stack.enter_async_context(meet())
        except asyncio.CancelledError:
            if not output.undone:  # of an offer's own file it was said how far that is
                output.interrupted("nothing was sent: nobody had answered yet")
            raise
        output.event(
            "session", f"To {who(session)}\n{session.security.describe()}", **session_fields(session)
        )
        bars = Bars(shown=not output.json, output=output)
        works: list[_Work] = []
        if text is not None:
            _hint(args.text, output)
            works.append(("the message", partial(send_text, session, output, text)))
        for path in args.files:
            works.append((escape(path.name, 100), partial(send_file, session, output, path, bars)))
        async with showing(session, output, bars):
            code = await _each(session, output, works)
    output.event("closed", session=session.tag)
    return code


async def _each(session: Session, output: Output, works: Sequence[_Work]) -> Exit:
    """One after the other; whatever becomes of one, the others are sent. The first failure counts."""
    code = Exit.DONE
    for at, (what, work) in enumerate(works):
        if session.closed and code:
            output.error(NotDelivered(f"not sent: {_named(works[at:])}: the session is over"))
            break
        try:
            await work()
        except asyncio.CancelledError:
            if works[at + 1 :]:
                output.interrupted(f"not sent: {_named(works[at + 1 :])}")
            raise
        except (MsrpError, OSError) as error:
            if isinstance(error, NotDelivered) and error.status is None and _left(session):
                error = NotDelivered(f"{error}. {_LEFT}")
            elif isinstance(error, ConnectionLost) and _left(session):  # before the first word was begun
                error = ConnectionLost(f"{error.reason}. {_LEFT}")
            named = isinstance(error, NotDelivered) or getattr(error, "filename", None)
            output.error(error, None if named else what)
            code = code or exit_of(error)
    if code and len(works) > 1:
        output.note("What is not named here was delivered.")
    return code


def _left(session: Session) -> bool:
    """Whether the other side ended the session in order: no reason comes with that."""
    return session.closed and session.endpoint.reason is None


def _named(works: Sequence[_Work]) -> str:
    return ", ".join(name for name, _ in works)


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
async def showing(session: Session, output: Output, bars: Bars) -> AsyncIterator[None]:
    """Show what the other side says meanwhile."""

    async def ask(question: str) -> bool:
        return False

    taking = Taking(None, "refuse", False, "", "msrp send takes none")
    incoming = Incoming(session, output, taking, label=who(session), ask=ask, bars=bars)
    showing = asyncio.ensure_future(incoming.run())
    try:
        yield
    finally:
        showing.cancel()
        await asyncio.wait([showing])
        if not showing.cancelled():
            showing.exception()  # a lost line is told by whoever waits for a delivery


async def send_text(session: Session, output: Output, text: str) -> None:
    """Send a message of text and wait until it is delivered. Raises NotDelivered and others."""
    with naming("the message"):
        # That it has arrived there is not enough: somebody who is busy turns the session away unread.
        sent = await session.send(text, success_report=True)
        fields = {"session": session.tag, "message_id": sent.message_id}
        output.event("sent", **fields)
        try:
            await sent.delivered()
        except asyncio.CancelledError:
            output.interrupted("the message is there; nobody said yet that it was read")
            raise
    size = len(text.encode("utf-8", "replace"))
    output.event("delivered", f"Delivered: the message, {size_text(size)}", **fields, size=size)
