"""A session for one file (RFC 5547 section 8.7): sent and received as its SDP describes it."""

from __future__ import annotations

import mimetypes
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial
from io import FileIO
from pathlib import Path

from ..signalling.file_attributes import FileRange, FileSelector, FileTransfer
from ..terms.content import disposition
from ..terms.errors import MessageCut, UsageError
from .cpim import Cpim
from .envelope import enveloped
from .files import Received, safe_name
from .handle import Handle
from .hashes import hashes_of
from .parts import part_size
from .sent import Progress, Sent
from .session import Session

__all__ = ["describe", "left_part", "receive", "send"]

_STEP = 256 * 1024
_KIND = "application/octet-stream"
_CPIM = "message/cpim"


def describe(path: Path, hashing: Callable[[int, int], None] | None = None) -> FileSelector:
    """All that a selector can say of a file; reads it once, and blocks. Raises OSError."""
    kind, coding = mimetypes.guess_type(path.name)
    return FileSelector(
        path.name, path.stat().st_size, kind if kind and not coding else _KIND, hashes_of(path, hashing)
    )


def left_part(directory: Path, selector: FileSelector) -> Path | None:
    """What an earlier attempt left of this file, by its name; None where there is nothing to go on
    from: no part, an empty one, one of as many octets as the file, one that is being written to."""
    part = directory / f"{safe_name(selector.name)}.part"
    size = part_size(part)
    return part if size and (selector.size is None or size < selector.size) else None


async def send(session: Session, path: Path, file: FileTransfer, *, progress: Progress | None = None) -> Sent:
    """Send a file, or the octets of its range, as one message.

    Where the other side takes message/cpim and not the file's type at the top, it goes inside of
    that (RFC 5547 section 8.7). Returns, and raises, as `Session.send`; `UsageError` where the file
    has no octets of that range.
    """
    size = await session.driver.in_thread(lambda: path.stat().st_size)
    span = file.range or FileRange()
    start, stop = span.start - 1, size if span.stop is None else min(span.stop, size)
    if start and start >= stop:
        raise UsageError(f"{path.name} has {size} octets, and none from {span.start} on")
    kind = file.selector.type or _KIND
    takes = session.endpoint.peer_takes
    head = b""
    if not takes.allows(kind) and takes.allows(_CPIM):
        session.endpoint.check_inside([kind])
        head, kind = _wrapper(path.name, size, kind), _CPIM
    # A name in the message's own headers comes with the message's digest, and that must be the file's.
    name = path.name if not head and (start, stop) == (0, size) else None
    async with aclosing(_octets(session, path, head, start, stop)) as blocks:
        return await session.send(
            blocks, kind, name=name, size=len(head) + stop - start, progress=progress, success_report=True
        )


def _wrapper(name: str, size: int, kind: str) -> bytes:
    cpim = enveloped(b"", kind)
    content = (("content-disposition", disposition(name, size)), *cpim.content)
    return Cpim(cpim.headers, content, b"").octets()


async def _octets(
    session: Session, path: Path, head: bytes, start: int, stop: int
) -> AsyncGenerator[bytes, None]:
    in_thread = session.driver.in_thread
    file = Handle(lambda: path.open("rb", buffering=0))
    if head:
        yield head
    try:
        await in_thread(lambda: file.use(lambda opened: opened.seek(start)))
        while start < stop:
            block = await in_thread(partial(file.use, partial(_read, min(_STEP, stop - start))))
            if not block:
                return  # it has become shorter, which the sender of a message of a size notices
            start += len(block)
            yield block
    finally:
        file.close()


def _read(most: int, file: FileIO) -> bytes:
    return file.read(most)


async def receive(
    session: Session,
    directory: Path,
    file: FileTransfer,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Received:
    """Receive the one file of a session into `directory`, never outside of it.

    Its name, size and hashes are those of `file`, and checked. Where `file.range` begins behind the
    first octet it goes on from what `left_part` finds; a sender who sends all of it is understood,
    too. Raises as `Message.save`, and `MessageCut` where the other side leaves before it sent any.
    """
    async for message in session:
        part = None
        if file.range is not None and file.range.start > 1:
            part = left_part(directory, file.selector)
            if file.selector.size is not None and message.size == file.selector.size:
                part = None
        return await message.save(directory, file=file, resume=part, overwrite=overwrite, progress=progress)
    raise MessageCut("the other side has left, and the file did not come")
