"""What people hold of a message that came."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Protocol

from msrp_core import Frame

from ..protocol.endpoint import Endpoint
from ..protocol.incoming import Incoming
from ..signalling.file_attributes import FileTransfer
from ..terms.content import Disposition, parse_digest, parse_disposition
from ..terms.errors import MessageCut, UsageError
from ..terms.security import Security
from .bodies import Shown, is_readable, show, text_of
from .cpim import inside
from .driver import Driver
from .files import Received, Receiving
from .handle import Handle
from .parts import Origin, from_whom
from .sent import Progress

__all__ = ["Message"]

_WHOLE = 64 * 1024 * 1024


class Holder(Protocol):
    """The session a message came by."""

    @property
    def security(self) -> Security: ...
    @property
    def endpoint(self) -> Endpoint: ...
    @property
    def driver(self) -> Driver: ...


class _Unread:
    """What a message, and through it its sender, is told by when nobody can read it any more."""

    __slots__ = ("driver", "incoming", "taken")

    def __init__(self, incoming: Incoming, driver: Driver) -> None:
        self.incoming = incoming
        self.driver = driver
        self.taken = False

    def __del__(self) -> None:
        # What still comes is refused. This may run anywhere, in the midst of the protocol's work or
        # in another thread: it leaves a mark, and the rest to the event loop.
        if not self.taken:
            self.incoming.dropped = True
            self.driver.soon(self.incoming.drop)


class Message:
    """A message of the other side, from its first chunk on; its rest may still be arriving.

    Iterate it for its octets, block by block, or use `read`, `text` or `save`; once only. A
    message nobody reads waits (a large one in a temporary file); one that is thrown away is
    refused.

    Attributes:
        message_id: as the sender made it.
        content_type: as the sender wrote it.
        size: what the sender announced, in octets; None where it did not say.
        name: what the sender calls the file; None where it says nothing. Hostile: show it
            through `msrp_peer.terms.display.escape`, store it with `save`.
        file: whether it is sent as a file (an attachment, RFC 2183 section 2.2).
        duplicate: whether a message of this id came before (RFC 4975 section 5.4).
        security: how well it was protected on its way, as far as that is known now (`Session.security`).
        part: where it lies while `save` receives it, and stays where that fails; None before.
    """

    __slots__ = ("__weakref__", "_frame", "_incoming", "_session", "_taken", "_unread", "part")

    def __init__(self, arrived: Incoming | Frame, session: Holder) -> None:
        self._session = session
        self._taken = False
        self.part: Path | None = None
        if type(arrived) is Frame:
            # All of it, and little more than that is asked of most messages.
            self._frame: Frame | None = arrived
        else:
            assert isinstance(arrived, Incoming)
            self._frame = None
            self._incoming = arrived
            self._unread = _Unread(arrived, session.driver)

    @property
    def _arrived(self) -> Incoming:
        if self._frame is not None:
            self._incoming = Incoming.whole(self._session.endpoint, self._frame)
            self._unread = _Unread(self._incoming, self._session.driver)
            self._unread.taken = self._taken
            self._frame = None
        return self._incoming

    @property
    def security(self) -> Security:
        return self._session.security

    @property
    def message_id(self) -> str:
        return (self._frame or self._arrived).message_id or ""

    @property
    def content_type(self) -> str:
        return (self._frame or self._arrived).content_type or ""

    @property
    def size(self) -> int | None:
        if self._frame is not None:
            return self._frame.size
        incoming = self._arrived
        return incoming.total if incoming.total is not None else self._disposition.size

    @property
    def name(self) -> str | None:
        return None if self._frame is not None else self._disposition.filename

    @property
    def file(self) -> bool:
        return self._frame is None and self._disposition.kind == "attachment"

    @property
    def _disposition(self) -> Disposition:
        return parse_disposition(self._arrived.disposition)

    @property
    def duplicate(self) -> bool:
        return self._frame is None and self._arrived.duplicate

    @property
    def whole(self) -> bool:
        """Whether all of it is here."""
        return self._frame is not None or self._arrived.state == "whole"

    @property
    def awaited(self) -> bool:
        """Whether its sender wants to hear that it was taken, and has not heard of it: where the
        session ends before, it counts there as not delivered."""
        return self._frame is None and self._arrived.awaited

    @property
    def received(self) -> int:
        """Octets that arrived so far, in whatever order."""
        return self._frame.size if self._frame is not None else self._arrived.received

    @property
    def digest(self) -> bytes | None:
        """The SHA-256 the sender told (RFC 9530); a stream tells it only at its end."""
        return parse_digest(self._arrived.digest)

    async def arrived(self) -> None:
        """Wait until all of it is here, before it is read. Raises `MessageCut` where it ends before
        its end."""
        if self._frame is not None:
            return
        incoming = self._arrived
        incoming.bell = bell = self._session.driver.bell()
        while incoming.state == "arriving":
            await bell.heard()
        if incoming.state != "whole":
            raise MessageCut(incoming.reason)

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        """Blocks of the body as they come.

        A sender who asked is told when the last one has been taken, or that it was not. Raises
        `MessageCut` where the message ends before its end: what came has been given out by then.
        """
        taken = False
        try:
            async with aclosing(self._octets()) as octets:
                async for block in octets:
                    yield block
            taken = True
        finally:
            self._settle(taken)

    async def _octets(self, before: int = 0) -> AsyncGenerator[bytes, None]:
        """With `before`, from behind so many octets, which are here already."""
        incoming, driver = self._arrived, self._session.driver
        connection = driver.connection
        self._take()
        incoming.bell = bell = driver.bell()
        incoming.open()
        if before:
            incoming.skip(before)
            driver.flush()
        try:
            while True:
                while block := incoming.take():
                    if connection.stirred:
                        driver.flush()
                    yield block
                if incoming.state != "arriving":
                    break
                await bell.heard()
        finally:
            # The reader has gone: what it left behind must hold nobody back any more.
            incoming.leave()
            driver.flush()
        if incoming.state != "whole":
            raise MessageCut(f"the message was cut after {incoming.reach:,} octets: {incoming.reason}")

    def _take(self) -> None:
        if self._taken:
            raise UsageError("a message can be read once")
        self._taken = True
        if self._frame is None:
            self._unread.taken = True

    def _settle(self, taken: bool) -> None:
        """Tell a sender who asked for it what became of the message."""
        if taken:
            self._arrived.confirm()
        else:
            self._arrived.refuse(413)
        self._session.driver.flush()

    async def read(self, maximum: int = _WHOLE) -> bytes:
        """The whole body. Raises `MessageCut`, also where all that waits here together would take
        more than `Limits.memory`; `UsageError` beyond `maximum` octets: use `save`, or iterate."""
        frame = self._frame
        if frame is not None and not self._taken and frame.size <= maximum:
            self._taken = True
            return frame.body
        budget = self._arrived.budget
        body = bytearray()
        try:
            async with aclosing(aiter(self)) as arriving:
                async for block in arriving:
                    if len(body) + len(block) > maximum:
                        raise UsageError(
                            f"the message is longer than {maximum} octets: save it, or iterate over it"
                        )
                    if not budget.take_memory(len(block)):
                        raise MessageCut(f"there is no room for more than {len(body)} octets of the message")
                    body += block
        finally:
            budget.take_memory(-len(body))
        return bytes(body)

    async def text(self, maximum: int = _WHOLE) -> str:
        """The words of it (see `shown`), empty where it has none; of a kind that has no words, all
        of it as text. Octets that fit no charset appear as ``\\xff``."""
        shown = await self.shown(maximum)
        if shown.text or is_readable(self.content_type):
            return shown.text
        return text_of(self.content_type, b"".join(part.body for part in shown.others))

    async def shown(self, maximum: int = _WHOLE) -> Shown:
        """What a person is to see of it: text, the words inside message/cpim and multipart/...,
        and what must be known besides (`bodies.Shown`)."""
        return show(self.content_type, await self.read(maximum))

    async def save(
        self,
        directory: Path,
        *,
        file: FileTransfer | None = None,
        resume: Path | None = None,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> Received:
        """Receive it as a file into `directory`, never outside it.

        It stays in ``<name>.part`` until it is whole and its digest, where one was told, is
        right; a name that is taken gets a number, unless `overwrite`. Only then is a sender who
        asked told that it was taken. What an attempt of theirs before left of this very file, in a
        `.part` here, need not come again. With `file`, name, size and hashes are those that signalling
        told (RFC 5547), and the message/cpim that may be around it is taken off; `resume` is a part
        in `directory` that this is the rest of.

        Raises `MessageCut` and `FileDamaged` with what came left in the part, and OSError.
        """
        taken = False
        in_thread = self._session.driver.in_thread
        wrapped = file is not None and _is_cpim(self.content_type) and not _is_cpim(file.selector.type)
        handle = Handle(lambda: self._receiving(directory, file, resume, overwrite, wrapped=wrapped))
        try:
            opened = await in_thread(lambda: handle.use(lambda receiving: receiving))
            self.part = part = opened.part
            before = opened.before if file is None else 0
            received = before
            try:
                async with aclosing(self._octets(before)) as whole, aclosing(inside(whole)) as within:
                    async for block in within if wrapped else whole:
                        await in_thread(partial(handle.use, partial(_write, block)))
                        received += len(block)
                        if progress is not None:
                            progress(received, self.size)
            except MessageCut as cut:
                raise MessageCut(f"{cut}; what came stays in {part}") from None
            late = None if wrapped or resume else self.digest
            received_file = await in_thread(lambda: handle.use(lambda receiving: _finish(receiving, late)))
            taken = True
            return received_file
        finally:
            handle.close()
            self._settle(taken)

    def _receiving(
        self,
        directory: Path,
        file: FileTransfer | None,
        resume: Path | None,
        overwrite: bool,
        *,
        wrapped: bool,
    ) -> Receiving:
        if file is None:
            origin = self._origin()
            return Receiving(
                directory, self.name, size=self.size, digest=self.digest, overwrite=overwrite, origin=origin
            )
        told = file.selector
        size = self.size if told.size is None and not wrapped and resume is None else told.size
        return Receiving(
            directory,
            told.name or self.name,
            size=size,
            digest=told.hashes.get("sha-256"),
            sha1=told.hashes.get("sha-1"),
            overwrite=overwrite,
            resume=resume,
        )

    def _origin(self) -> Origin | None:
        """Of which file a part of it is, where its sender could go on with one."""
        size, digest = self._arrived.total, self.digest
        if not self._arrived.resumable or size is None or digest is None:
            return None
        sender = from_whom(self.security, self._session.driver.peer_address)
        return Origin(sender, self.name or "", size, digest)

    def refuse(self, status: int = 403) -> None:
        """Take no more of it; its next chunk is answered with `status` (RFC 4975 section 10)."""
        incoming = self._arrived
        self._taken = True
        self._unread.taken = True
        incoming.refuse(status)
        self._session.driver.flush()

    def __repr__(self) -> str:
        size = "" if self.size is None else f" of {self.size} octets"
        return f"<Message {self.message_id}{size}, {self._arrived.state}>"


def _is_cpim(kind: str | None) -> bool:
    return (kind or "").partition(";")[0].strip().lower() == "message/cpim"


def _write(block: bytes, receiving: Receiving) -> None:
    receiving.write(block)


def _finish(receiving: Receiving, late: bytes | None) -> Received:
    if late is not None:
        receiving.set_digest(late)
    return receiving.finish()
