"""What honest peers of the hostile soak do with a session: say much, hear all of it, and write it down."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

from hostile_books import Ledger, name_of

import msrp_peer
from msrp_peer.session.files import FileDamaged

__all__ = ["Talker"]

SETTLING = 15.0  # seconds that answers still have at the end, before sessions are closed
LARGEST = 22  # the exponent of two


class Talker:
    """The sessions of one process.

    Attributes:
        stopping: set once nothing new is to be said.
        standing: how many there are now.
        quiet: set while there are none.
    """

    def __init__(self, ledger: Ledger, folder: Path, pace: float) -> None:
        """`pace` multiplies the pauses."""
        self.ledger = ledger
        self.stopping = asyncio.Event()
        self.standing = 0
        self.quiet = asyncio.Event()
        self.quiet.set()
        self.dice = random.Random(ledger.run)
        self._folder = folder
        self._pace = pace

    async def pause(self, low: float, high: float, session: msrp_peer.Session | None = None) -> None:
        """Until then, until nothing new is to be said, or the session is over."""
        left = self.dice.uniform(low, high) * self._pace
        while left > 0 and not self.stopping.is_set() and (session is None or not session.closed):
            nap = min(left, 0.5)
            await asyncio.sleep(nap)
            left -= nap

    async def converse(self, session: msrp_peer.Session, whom: object, *, leading: bool) -> None:
        """Returns when the session is over and all of it is written down. Who leads it ends it: after a
        while, at once at the end, and in one of four times without waiting for what is on its way."""
        name = name_of(session)
        self.ledger.begun(name, whom)
        self.standing += 1
        self.quiet.clear()
        lazy = self.dice.random() < 0.2
        try:
            async with asyncio.TaskGroup() as group:
                saying = [
                    group.create_task(each)
                    for each in (self._chat(session, name), self._files(session, name))
                ]
                group.create_task(self._listen(session, name, group, lazy=lazy))
                if leading:
                    group.create_task(self._lead(session, saying))
        except BaseExceptionGroup as group_error:
            self.ledger.note("fault", f"in a session: {_words(group_error)}")
        finally:
            self.standing -= 1
            if not self.standing:
                self.quiet.set()

    async def _lead(self, session: msrp_peer.Session, saying: list[asyncio.Task[None]]) -> None:
        await self.pause(5, 90, session)
        if self.stopping.is_set() or self.dice.random() < 0.75:
            await asyncio.wait(saying, timeout=SETTLING)
        await session.close()

    # -- out

    async def _chat(self, session: msrp_peer.Session, name: str) -> None:
        await self.pause(0, 1, session)
        while not self.stopping.is_set() and not session.closed:
            body = self.dice.randbytes(self.dice.choice((1, 1, 40, 200, 200, 400, 3000)))
            number = self._about(name, body)
            asked: dict[str, Any] = self.dice.choice(
                (
                    {},
                    {},
                    {"success_report": True},
                    {"failure_report": "partial", "success_report": True},
                    {"failure_report": "no", "success_report": True},
                )
            )
            sending = session.send(body, "application/x-chat", message_id=number, **asked)
            if not await self._told(number, sending):
                return
            await self.pause(0.2, 1.5, session)

    async def _files(self, session: msrp_peer.Session, name: str) -> None:
        while not session.closed:
            await self.pause(1, 12, session)
            if self.stopping.is_set():
                return
            body = self.dice.randbytes(int(2 ** self.dice.uniform(0, LARGEST)))
            number = self._about(name, body)
            if self.dice.random() < 0.3:
                sending = session.send(_pieces(body), name="stream", message_id=number)
                if not await self._told(number, sending):
                    return
                continue
            path = self._folder / number
            await asyncio.to_thread(path.write_bytes, body)
            try:
                if not await self._told(number, session.send(path, message_id=number)):
                    return
            finally:
                path.unlink()

    def _about(self, session: str, body: bytes) -> str:
        number = self.ledger.new()
        self.ledger.note("sent", number, session, len(body), hashlib.sha256(body).hexdigest())
        return number

    async def _told(self, number: str, sending: Coroutine[Any, Any, msrp_peer.Sent]) -> bool:
        """Whether the session goes on."""
        try:
            sent = await sending
            await sent.delivered()
        except msrp_peer.NotDelivered as error:
            status = "" if error.status is None else f"{error.status}: "
            self.ledger.note("told", number, "failed", f"{status}{error}")
            return True
        except msrp_peer.ConnectionLost as error:
            self.ledger.note("told", number, "failed", error)
            return False
        self.ledger.note("told", number, "delivered")
        return True

    # -- in

    async def _listen(
        self, session: msrp_peer.Session, name: str, group: asyncio.TaskGroup, *, lazy: bool
    ) -> None:
        with contextlib.suppress(msrp_peer.ConnectionLost):
            async for message in session:
                if lazy and self.dice.random() < 0.05:
                    await self.pause(5, 25, session)  # and nobody reads anything meanwhile
                group.create_task(self._take(session, message, name, lazy=lazy))

    async def _take(
        self, session: msrp_peer.Session, message: msrp_peer.Message, name: str, *, lazy: bool
    ) -> None:
        try:
            if lazy and self.dice.random() < 0.1:
                await self.pause(2, 20, session)
            if message.file:
                received = await message.save(self._folder)
                body = await asyncio.to_thread(received.path.read_bytes)
                received.path.unlink()
            else:
                body = await message.read()
        except msrp_peer.MsrpError as error:
            if isinstance(error, FileDamaged):
                self.ledger.note("damaged", message.message_id, name)
            if message.part is not None:
                message.part.unlink(missing_ok=True)
            return
        digest = hashlib.sha256(body).hexdigest()
        self.ledger.note("here", message.message_id, name, len(body), digest)


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), 30_000):
        yield body[at : at + 30_000]


def _words(group: BaseExceptionGroup[BaseException]) -> str:
    """Those inside, each in one line."""
    leaves: list[str] = []
    for each in group.exceptions:
        leaves.append(_words(each) if isinstance(each, BaseExceptionGroup) else f"{each!r}")
    return "; ".join(leaves)
