"""Files as SDP describes them (RFC 5547): which one is meant, whether it is taken, and how much of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..signalling.agreement import NotAcceptable
from ..signalling.file_attributes import FileRange, FileSelector, FileTransfer, transfer_id
from ..terms.display import escape, quoted
from ..terms.errors import UsageError
from .incoming import Taking, session_fields, who
from .journey import Journey, naming, waiting
from .output import Output, size_text
from .progress import Bars
from .wrap import unbroken

if TYPE_CHECKING:
    from ..session.session import Session
    from ..signalling.agreement import Outcome

__all__ = ["agreed", "asked_for", "offered", "receive", "selector", "send", "shared", "taken"]


def selector(words: Sequence[str]) -> FileSelector:
    """What --get says: a file's name, or size:N, type:T, name:NAME, hash:sha-1:..., each once.

    Raises UsageError.
    """
    said: dict[str, str] = {}
    for word in words:
        what, colon, value = word.partition(":")
        if not colon or what not in ("name", "size", "type", "hash"):
            what, value = "name", word
        if what in said:
            raise UsageError(f"--get says the {what} of the file twice; one session is for one file")
        said[what] = value
    found = FileSelector.parse(" ".join(f"{what}:{said[what]}" for what in said if what != "name"))
    found = replace(found, name=said.get("name"))
    # A selector with any hash has the SHA-1 (RFC 5547 section 6).
    parts = {"name": found.name, "size": found.size, "type": found.type, "hash": found.hashes.get("sha-1")}
    for what, value in said.items():
        if parts[what] in (None, ""):
            raise UsageError(f"--get {what}:{escape(value, 100)}: this selects no file")
    return found


def asked_for(words: Sequence[str], taking: Taking) -> FileTransfer:
    """The file of --get; of one whose name is known, only what an earlier attempt left to come."""
    if taking.directory is None:
        raise UsageError("say with --out DIR where the file shall go")
    return _rest_of(FileTransfer(selector(words), transfer_id()), taking.directory)


def _rest_of(file: FileTransfer, directory: Path) -> FileTransfer:
    """The same file, from behind what lies of it in `directory`."""
    from ..session.described import left_part

    part = left_part(directory, file.selector) if file.selector.name else None
    return file if part is None else replace(file, range=FileRange(part.stat().st_size + 1))


async def offered(path: Path, bars: Bars) -> FileTransfer:
    """A file of ours, hashed. Raises OSError."""
    from ..session.described import describe

    with bars.bar(path.name, "reading") as report:
        found = await asyncio.to_thread(describe, path, report.before)
    return FileTransfer(found, transfer_id(), "attachment")


async def shared(asked: FileTransfer, paths: Sequence[Path], bars: Bars) -> tuple[Path, FileTransfer]:
    """The one file of `paths` that the other side asks for. Raises NotAcceptable where there is none,
    or more than one, and OSError."""
    fitting = []
    for path in paths:
        known = FileSelector(path.name, path.stat().st_size)
        if asked.selector.is_same(known):
            file = await offered(path, bars)
            if asked.selector.selects(file.selector):
                fitting.append((path, file))
    if not fitting:
        raise NotAcceptable("the other side asks for a file that is not among those of --file")
    if len(fitting) > 1:
        raise NotAcceptable(f"the other side asks for a file, and {len(fitting)} of --file could be meant")
    path, file = fitting[0]
    size = file.selector.size or 0
    if asked.range is not None and asked.range.start > max(size, 1):
        raise NotAcceptable(
            f"the other side has {asked.range.start - 1:,} octets already, and the file only {size:,}"
        )
    return path, file


async def taken(
    asked: FileTransfer, taking: Taking, ask: Callable[[str], Awaitable[bool]], output: Output
) -> FileTransfer:
    """The file that the other side offers, as it is to be answered. Raises NotAcceptable."""
    named = quoted(asked.selector.name, 100) if asked.selector.name else "a file without a name"
    about = (
        f"{named}, {escape(asked.selector.type or 'of unknown type', 60)}, {size_text(asked.selector.size)}"
    )
    if taking.directory is None or not taking.files:
        raise NotAcceptable(f"the other side offers {about}, and {taking.sentence}")
    file = asked
    if asked.range is None or not asked.range.is_whole(asked.selector.size):
        missing = replace(asked, range=None)
        if asked.selector.hashes:
            missing = _rest_of(missing, taking.directory)
        if asked.range is None:
            file = missing
        elif (
            missing.range is None
            or asked.range.start != missing.range.start
            or asked.range.stop not in (None, asked.selector.size)
        ):
            raise NotAcceptable(f"the other side offers a part of {named}, and not what is missing here")
    if taking.accept == "ask" and not await ask(f"The other side offers {about}. Take it?"):
        raise NotAcceptable(f"{named} was refused")
    if file.range is not None and file.range.start > 1:
        output.note(f"{named} goes on from octet {file.range.start:,}")
    # An answer has neither disposition nor date nor icon (RFC 5547 section 8.3.1).
    return FileTransfer(file.selector, asked.transfer_id, range=file.range)


async def send(session: Session, path: Path, file: FileTransfer, output: Output, bars: Bars) -> None:
    """Send what was agreed, and wait until it is delivered. Raises NotDelivered, OSError and others."""
    from ..session import described

    shown = escape(path.name, 100)
    _tell(session, output, "To")
    journey = Journey()
    try:
        with bars.bar(path.name) as journey.report, naming(shown):
            sent = await described.send(session, path, file, progress=journey.left)
            fields = {"session": session.tag, "message_id": sent.message_id, "name": path.name}
            output.event("sent", **fields)
            async with waiting(output, shown):
                await sent.delivered(journey.arrived)
    except asyncio.CancelledError:
        again = "" if journey.there else "; offered again, it goes on from what is there"
        output.interrupted(f"{shown}: {journey}{again}")
        raise
    travelled = journey.ended(sent.size)
    start = 1 if file.range is None else file.range.start
    rest = "" if start == 1 else f" from octet {start:,} on"
    output.event(
        "delivered",
        f"Delivered: {shown}{rest}, {size_text(sent.size)}, {travelled}",
        **fields,
        size=sent.size,
        start=start,
        seconds=round(travelled.seconds, 3),
        waited=round(travelled.waited, 3),
    )


async def receive(session: Session, file: FileTransfer, taking: Taking, output: Output, bars: Bars) -> None:
    """Receive what was agreed. Raises MsrpError and OSError."""
    from ..session import described

    assert taking.directory is not None
    _tell(session, output, "From")
    name = file.selector.name or "file"
    try:
        with bars.bar(name) as report:
            received = await described.receive(
                session, taking.directory, file, overwrite=taking.overwrite, progress=report
            )
    except asyncio.CancelledError:
        output.interrupted(f'"{escape(name, 100)}" {_left(taking.directory, file)}')
        raise
    checked = "checked" if received.checked else "not checked: the other side told no hash"
    output.event(
        "file",
        f"{who(session)}: {size_text(received.size)}, is now {unbroken(escape(str(received.path), 1000))}\n"
        f"    SHA-256 {received.sha256_hex}, {checked}",
        session=session.tag,
        name=file.selector.name,
        path=str(received.path),
        size=received.size,
        sha256=received.sha256_hex,
        checked=received.checked,
    )


def _left(directory: Path, file: FileTransfer) -> str:
    """How far a file is that was called off."""
    from ..session.described import left_part

    part = left_part(directory, file.selector)
    if part is None:
        return "is not here; nothing of it came"
    stays = unbroken(escape(str(part), 1000))
    return f"is not whole; what came stays in {stays}, and goes on when it is offered again"


def agreed(outcome: Outcome) -> FileTransfer | None:
    """The file a session is for, with all that both sides said of it; None for a conversation.

    Raises NotAcceptable where it would go on from a part, and nothing tells whether it is of that file.
    """
    file = outcome.file
    if file is None or outcome.peer.file is None:
        return file
    own, theirs = file.selector, outcome.peer.file.selector
    both = FileSelector(
        own.name or theirs.name,
        theirs.size if own.size is None else own.size,
        own.type or theirs.type,
        {**theirs.hashes, **own.hashes},
    )
    if file.range is not None and file.range.start > 1 and not both.hashes:
        raise NotAcceptable(
            "the other side tells no hash of the file: what an earlier attempt left cannot go on; "
            "take it out of the folder to begin anew"
        )
    return replace(file, selector=both)


def _tell(session: Session, output: Output, direction: str) -> None:
    output.event(
        "session",
        f"{direction} {who(session)}\n{session.security.describe()}",
        **session_fields(session),
    )
