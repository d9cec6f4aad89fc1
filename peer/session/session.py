"""What people hold of a session: messages out, messages in, and how well it is protected.

Coroutines that know no event loop: a driver brings one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from functools import partial
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from ..protocol.endpoint import Endpoint
from ..protocol.outgoing import FailureReport, Outgoing
from ..terms.content import Takes, digest_header, disposition
from ..terms.errors import ConnectionLost, NotDelivered, UsageError
from ..terms.principal import claimed_in
from ..terms.security import Security
from . import comparison
from .bodies import kinds
from .comparison import Comparison
from .driver import Driver, HeardBell
from .envelope import wants_envelopes, wrapped
from .handle import Handle
from .hashes import hash_file
from .message import Message
from .sent import Progress, Sent, failure

__all__ = ["Session"]

Buffer = bytes | bytearray | memoryview

_STEP = 256 * 1024
_LEAST = 64 * 1024
"""Octets of a file that is sent again as fast as it is found out how much of it is there."""


class _Wants(NamedTuple):
    """What a message asks for, the id of one before that it is, and who hears of its reports."""

    failure_report: FailureReport
    success_report: bool | None
    message_id: str | None
    taken: Progress | None


class Session:
    """One session with one other side.

        async with msrp_peer.connect("box.lan:2855") as session:
            await session.send("hello")
            async for message in session:
                print(await message.text())

    Attributes:
        security: how well the line is protected and who is proved. Each is a value that never changes;
            there is a new one, for this session and its messages, once two people have compared the
            words of the line (`compare`): then its key is known to be the other's, and has been from
            its beginning.
        peer_address: where the other side is, ``host:port``.
        peer_claim: who the other side says it is; nobody has proved it.
        tag: a short name for logs; no secret.
    """

    def __init__(self, endpoint: Endpoint, driver: Driver, tag: str) -> None:
        self._endpoint = endpoint
        self._driver = driver
        self._inbox = endpoint.inbox
        self._bell = driver.bell()
        endpoint.bell = self._bell
        self._closing = False
        self._security = driver.connection.security
        self.peer_address = driver.peer_address
        self.peer_claim = claimed_in(endpoint.remote_uris[0].userinfo)
        self.tag = tag

    @property
    def endpoint(self) -> Endpoint:
        """The protocol's end of it."""
        return self._endpoint

    @property
    def driver(self) -> Driver:
        """What runs its line."""
        return self._driver

    @property
    def security(self) -> Security:
        known = self._driver.connection.security
        if known != self._security:
            self._security = known
        return self._security

    # -- in

    def __aiter__(self) -> Self:
        """Messages as they begin to arrive.

        Ends when either side closed the session in order. Raises `ConnectionLost` where the
        line broke; messages that came before are given out first. May be left and begun again.
        """
        # No generator: a loop that is left would have to close one, and nobody does.
        return self

    async def __anext__(self) -> Message:
        inbox = self._inbox
        if not inbox.waiting:
            await self._arrival()
        return Message(inbox.next(), self)

    async def _arrival(self) -> None:
        endpoint = self._endpoint
        self._inbox.settle()
        while not self._inbox.waiting:
            if endpoint.closed:
                if endpoint.reason is not None and not self._closing:
                    raise ConnectionLost(endpoint.reason)
                raise StopAsyncIteration
            await self._bell.heard()

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent or received any more."""
        return self._endpoint.closed

    # -- out

    async def send(
        self,
        body: str | Buffer | Path | AsyncIterable[Buffer],
        content_type: str | None = None,
        *,
        name: str | None = None,
        size: int | None = None,
        progress: Progress | None = None,
        hashing: Progress | None = None,
        taken: Progress | None = None,
        failure_report: FailureReport = "yes",
        success_report: bool | None = None,
        message_id: str | None = None,
    ) -> Sent:
        """Send one message; returns when its last octet was handed to the transport.

        A `Path` goes as a file; with `name`, anything else does, too. A file's SHA-256 goes
        with it: ahead where it is a regular file (`hashing` is called meanwhile, from another
        thread), behind the last octet where it is a stream. Octets from an iterable may be of
        any number; give `size` where it is known. `progress` is called with the octets handed over, and how
        many there will be; `taken`, once there are any, with those that the other side reports as taken
        (see `Sent.taken`): where somebody there was asked first, that is when it was agreed to. To who
        lists message/cpim first, text and octets go inside of that (RFC 4975 section 13).

        Cancelling it tells the other side that the rest will not come. Raises `NotDelivered`
        where the other side does not take such content, refused it meanwhile, or the line was
        lost, `ConnectionLost` where the session was over before, OSError where a file cannot
        be read, `UsageError` for a `message_id` that cannot be one or is in use.
        """
        wants = _Wants(failure_report, success_report, message_id, taken)
        if isinstance(body, Path):
            return await self._send_file(body, content_type, name, progress, hashing, wants)
        if isinstance(body, str):
            octets = str.encode(body, "utf-8", "replace")
            kind = content_type or "text/plain;charset=utf-8"
        elif isinstance(body, AsyncIterable):
            kind = content_type or "application/octet-stream"
            return await self._send_blocks(body, kind, size, _file_headers(name, size), progress, name, wants)
        else:
            octets = memoryview(body).tobytes()
            kind = content_type or "application/octet-stream"
            self._endpoint.check_inside(kinds(kind, octets))
        if name is None and wants_envelopes(self._endpoint.peer_takes):
            octets, kind = wrapped(self._endpoint, octets, kind, self.security.names)
        size = len(octets)
        headers = _file_headers(name, size)
        async with aclosing(_pieces(octets)) as pieces:
            return await self._send_blocks(pieces, kind, size, headers, progress, name, wants)

    async def _send_file(
        self,
        path: Path,
        content_type: str | None,
        name: str | None,
        progress: Progress | None,
        hashing: Progress | None,
        wants: _Wants,
    ) -> Sent:
        in_thread = self._driver.in_thread
        name = name or path.name
        kind = content_type or "application/octet-stream"
        size = await in_thread(lambda: path.stat().st_size if path.is_file() else None)
        headers = _file_headers(name, size)
        if size is not None:
            headers.append(("Content-Digest", digest_header(await self._hash(path, hashing))))
        # Not buffered: a pipe gives what it has, and need not fill a buffer first.
        file = Handle(lambda: path.open("rb", buffering=0))
        outgoing = self._begin(kind, size, headers, wants, resumable=size is not None and size > _LEAST)

        async def blocks() -> AsyncGenerator[Buffer, None]:
            while block := await in_thread(partial(file.use, partial(_read, outgoing.leap()))):
                yield block

        try:
            async with aclosing(blocks()) as octets:
                return await self._feed(outgoing, octets, progress, wants.taken, digest=size is None)
        except UsageError as error:  # its size is not what it was
            raise NotDelivered(f"the file changed while it was sent: {error}; send it again") from None
        finally:
            file.close()

    async def _hash(self, path: Path, hashing: Progress | None) -> bytes:
        given_up = False

        def told(done: int, total: int) -> None:
            if given_up:
                raise InterruptedError("nobody waits for this digest any more")
            if hashing is not None:
                hashing(done, total)

        try:
            return await self._driver.in_thread(lambda: hash_file(path, told))
        finally:
            given_up = True  # where we are cancelled, the thread is not: it stops at its next step

    async def _send_blocks(
        self,
        blocks: AsyncIterable[Buffer],
        content_type: str,
        size: int | None,
        headers: list[tuple[str, str]],
        progress: Progress | None,
        stream: str | None,
        wants: _Wants,
    ) -> Sent:
        """Send one message. With `stream`, the name of a file, its digest goes into the last chunk."""
        outgoing = self._begin(content_type, size, headers, wants)
        return await self._feed(outgoing, blocks, progress, wants.taken, digest=stream is not None)

    def _begin(
        self,
        content_type: str,
        size: int | None,
        headers: list[tuple[str, str]],
        wants: _Wants,
        *,
        resumable: bool = False,
    ) -> Outgoing:
        if self._endpoint.closed:
            raise ConnectionLost(self._endpoint.reason or "the session is closed")
        # Of a file the other side says when it has it, not only that its octets came.
        success_report = bool(headers) if wants.success_report is None else wants.success_report
        return self._endpoint.send(
            content_type,
            size,
            headers,
            failure_report=wants.failure_report,
            success_report=success_report,
            message_id=wants.message_id,
            resumable=resumable,
        )

    async def _feed(
        self,
        outgoing: Outgoing,
        blocks: AsyncIterable[Buffer],
        progress: Progress | None,
        taken: Progress | None,
        *,
        digest: bool,
    ) -> Sent:
        bell = self._driver.bell()
        outgoing.bell = bell
        hashed = hashlib.sha256() if digest else None
        try:
            async for block in blocks:
                await self._room(outgoing, bell, progress, taken)
                if hashed is not None:
                    hashed.update(block)
                outgoing.feed(block)
                if outgoing.ready():
                    self._driver.flush()
            outgoing.end(() if hashed is None else [("Content-Digest", digest_header(hashed.digest()))])
            self._driver.flush()
            while outgoing.leaving:
                self._tell(outgoing, progress, taken)
                await bell.heard()
        except BaseException:
            outgoing.withdraw()
            self._driver.flush()
            self._tell(outgoing, progress, taken)  # how far it had come
            raise
        if outgoing.state == "failed":
            raise failure(outgoing)
        self._tell(outgoing, progress, taken)
        return Sent(outgoing, bell)

    async def _room(
        self, outgoing: Outgoing, bell: HeardBell, progress: Progress | None, taken: Progress | None
    ) -> None:
        while not outgoing.wants():
            if not outgoing.leaving:
                raise failure(outgoing)
            self._tell(outgoing, progress, taken)
            await bell.heard()

    @staticmethod
    def _tell(outgoing: Outgoing, progress: Progress | None, taken: Progress | None) -> None:
        # In this order: who is told of octets as taken that were not handed over knows what it means.
        if taken is not None and outgoing.reported:
            taken(outgoing.reported, outgoing.total)
        if progress is not None:
            progress(outgoing.cut_octets, outgoing.total)

    # -- people who compare

    async def compare(self) -> Comparison:
        """Make the short string that both users read to each other, and see whether it is the same.

        Asks the other side, which must have somebody there to compare (`asked_to_compare`). A line has one
        string: who calls this again, or after the other side did, gets it once more.

        Raises `NotSecureEnough` where the line or the other side cannot, `UsageError` where the session
        goes over relays, `ConnectionLost`.
        """
        return await comparison.begin(self)

    async def asked_to_compare(self) -> Comparison:
        """Wait until the other side wants to compare; says to it that somebody is here to do so.

        Where nobody calls this, it is told so after `Limits.attend`.
        Raises `ConnectionLost`.
        """
        return await comparison.wait(self)

    # -- the terms

    def renew(self, own: Takes, peer: Takes) -> None:
        """Change what both sides take, as signalling agreed it anew (RFC 4975 section 8.4).

        It holds for messages that begin from now on; those under way go on. Nothing is told to the
        other side. Without effect where the session is over.
        """
        if not self._endpoint.closed:
            self._driver.connection.bindings.renew(self._endpoint, own, peer)

    # -- the end

    def leave(self) -> None:
        """Begin to end the session, in order; `close` waits for that."""
        self._closing = True
        self._driver.connection.leave(self._endpoint, self._driver.now())
        self._driver.flush()

    async def close(self) -> None:
        """End the session in order. May be called twice.

        Returns when the line is closed; where other sessions use it, it goes on.
        """
        self.leave()
        connection = self._driver.connection
        while connection.state == "ending":
            await self._driver.changed.heard()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<Session {self.tag} with {self.peer_address}, {self.security.level.word}>"


def _file_headers(name: str | None, size: int | None) -> list[tuple[str, str]]:
    return [] if name is None else [("Content-Disposition", disposition(name, size))]


def _read(leap: int, file: FileIO) -> bytes:
    if leap:
        file.seek(leap, os.SEEK_CUR)
    return file.read(_STEP)


async def _pieces(octets: Buffer) -> AsyncGenerator[Buffer, None]:
    view = memoryview(octets)
    for start in range(0, len(view), _STEP):
        yield view[start : start + _STEP]
