"""What people hold of a session: messages out, messages in, and how well it is protected.

Coroutines that know no event loop: a driver brings one.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote

from ..protocol.endpoint import Endpoint
from ..protocol.outgoing import Outgoing
from ..terms.content import digest_header, disposition
from ..terms.errors import ConnectionLost
from ..terms.principal import Principal, PrincipalError
from ..terms.security import Security
from .driver import Driver, HeardBell
from .files import hash_file
from .message import Message, Progress, Sent, failure

__all__ = ["Session"]

Buffer = bytes | bytearray | memoryview

_STEP = 256 * 1024


class Session:
    """One session with one other side.

        async with msrp_peer.connect("box.lan:2855") as session:
            await session.send("hello")
            async for message in session:
                print(await message.text())

    Attributes:
        security: how well the line is protected and who is proved; never changes.
        peer_address: where the other side is, ``host:port``.
        peer_claim: who the other side says it is; nobody has proved it.
        tag: a short name for logs; no secret.
    """

    def __init__(self, endpoint: Endpoint, driver: Driver, tag: str) -> None:
        self._endpoint = endpoint
        self._driver = driver
        self._bell = driver.bell()
        endpoint.bell = self._bell
        self._closing = False
        self.security: Security = driver.connection.security
        self.peer_address = driver.peer_address
        self.peer_claim = _claim(endpoint)
        self.tag = tag

    # -- in

    async def __aiter__(self) -> AsyncIterator[Message]:
        """Messages as they begin to arrive.

        Ends when either side closed the session in order. Raises `ConnectionLost` where the
        line broke; messages that came before are given out first.
        """
        endpoint = self._endpoint
        while True:
            while endpoint.inbox:
                yield Message(endpoint.inbox.popleft(), self._driver, self.security)
            if endpoint.closed:
                break
            await self._bell.heard()
        if endpoint.reason is not None and not self._closing:
            raise ConnectionLost(endpoint.reason)

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
    ) -> Sent:
        """Send one message; returns when its last octet was handed to the transport.

        A `Path` goes as a file: hashed first, so that the other side can check it. With
        `name`, anything else goes as a file, too. Octets that come from an iterable may be of
        any number; give `size` where it is known. `progress` is called with the octets handed
        over, and how many there will be.

        Cancelling it tells the other side that the rest will not come. Raises `NotDelivered`
        where it was refused meanwhile or the line was lost, `UsageError` where the other side
        does not take such content, OSError where a file cannot be read.
        """
        if isinstance(body, Path):
            return await self._send_file(body, content_type, name, progress)
        if isinstance(body, str):
            body = body.encode("utf-8", errors="replace")
            content_type = content_type or "text/plain;charset=utf-8"
        headers = [("Content-Disposition", disposition(name, size))] if name is not None else []
        kind = content_type or "application/octet-stream"
        if isinstance(body, AsyncIterable):
            return await self._send_blocks(body, kind, size, headers, progress)
        octets = bytes(body)
        return await self._send_blocks(_pieces(octets), kind, len(octets), headers, progress)

    async def _send_file(
        self, path: Path, content_type: str | None, name: str | None, progress: Progress | None
    ) -> Sent:
        in_thread = self._driver.in_thread
        digest = await in_thread(lambda: hash_file(path))
        file = await in_thread(lambda: path.open("rb"))
        try:
            size = await in_thread(lambda: path.stat().st_size)

            async def blocks() -> AsyncIterator[bytes]:
                while block := await in_thread(lambda: file.read(_STEP)):
                    yield block

            headers = [
                ("Content-Disposition", disposition(name or path.name, size)),
                ("Content-Digest", digest_header(digest)),
            ]
            return await self._send_blocks(
                blocks(), content_type or "application/octet-stream", size, headers, progress
            )
        finally:
            file.close()

    async def _send_blocks(
        self,
        blocks: AsyncIterable[Buffer],
        content_type: str,
        size: int | None,
        headers: list[tuple[str, str]],
        progress: Progress | None,
    ) -> Sent:
        if self._endpoint.closed:
            raise ConnectionLost(self._endpoint.reason or "the session is closed")
        outgoing = self._endpoint.send(content_type, size, headers)
        bell = self._driver.bell()
        outgoing.bell = bell
        try:
            async for block in blocks:
                await self._room(outgoing, bell, progress)
                outgoing.feed(block)
                self._driver.flush()
            outgoing.end()
            self._driver.flush()
            while outgoing.leaving:
                self._tell(outgoing, progress)
                await bell.heard()
        except BaseException:
            outgoing.withdraw()
            self._driver.flush()
            raise
        if outgoing.state == "failed":
            raise failure(outgoing)
        self._tell(outgoing, progress)
        return Sent(outgoing, bell)

    async def _room(self, outgoing: Outgoing, bell: HeardBell, progress: Progress | None) -> None:
        while not outgoing.wants():
            if not outgoing.leaving:
                raise failure(outgoing)
            self._tell(outgoing, progress)
            await bell.heard()

    @staticmethod
    def _tell(outgoing: Outgoing, progress: Progress | None) -> None:
        if progress is not None:
            progress(outgoing.cut_octets, outgoing.total)

    # -- the end

    async def close(self) -> None:
        """End the session in order; returns when the line is closed. May be called twice."""
        self._closing = True
        connection = self._driver.connection
        connection.close(self._driver.now())
        self._driver.flush()
        while connection.state != "closed":
            await self._driver.changed.heard()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<Session {self.tag} with {self.peer_address}, {self.security.level.word}>"


def _claim(endpoint: Endpoint) -> Principal | None:
    """Who the other side's URI names in its userinfo (RFC 4975 section 6); only a claim."""
    userinfo = endpoint.remote_uris[0].userinfo
    if userinfo is None:
        return None
    try:
        return Principal.parse(unquote(userinfo))
    except PrincipalError:
        return None


async def _pieces(octets: bytes) -> AsyncIterator[Buffer]:
    view = memoryview(octets)
    for start in range(0, len(view), _STEP):
        yield view[start : start + _STEP]
