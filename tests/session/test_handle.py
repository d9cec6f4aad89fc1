"""Files given up in the middle of what a thread does with them."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

import msrp_peer
from msrp_peer.protocol.auth import Grant
from msrp_peer.session.handle import Handle
from msrp_peer.session.session import Session
from msrp_peer.terms.content import Accepts
from support.loops import looped


class Thing:
    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def test_opened_by_the_first_use_and_closed_once() -> None:
    things: list[Thing] = []

    def make() -> Thing:
        things.append(Thing())
        return things[-1]

    handle = Handle(make)
    assert not things
    assert handle.use(lambda thing: thing) is handle.use(lambda thing: thing)
    handle.close()
    handle.close()
    assert [thing.closed for thing in things] == [1]
    with pytest.raises(ValueError, match="closed"):
        handle.use(lambda thing: thing)
    assert len(things) == 1


def test_closed_by_the_thread_that_is_in_the_middle_of_it() -> None:
    thing = Thing()
    handle = Handle(lambda: thing)
    begun, go_on = threading.Event(), threading.Event()

    def slow(_: Thing) -> int:
        begun.set()
        assert go_on.wait(30)
        return thing.closed

    closed_meanwhile: list[int] = []
    thread = threading.Thread(target=lambda: closed_meanwhile.append(handle.use(slow)))
    thread.start()
    assert begun.wait(30)
    handle.close()  # returns at once
    go_on.set()
    thread.join(30)
    assert (closed_meanwhile, thing.closed) == ([0], 1)


async def nobody(session: Session) -> None:
    async for _ in session:
        pass


@looped
async def test_a_pipe_nobody_writes_to_is_given_up_without_waiting_for_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    async with (
        msrp_peer.listen("127.0.0.1:0", nobody) as listener,
        msrp_peer.connect(f"127.0.0.1:{listener.port}") as session,
    ):
        sending = asyncio.ensure_future(session.send(pipe))
        writer = await asyncio.to_thread(lambda: pipe.open("wb"))  # the reader is there now
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        sent = await session.send("still alive")
        await sent.delivered()
        writer.close()


@looped
async def test_a_save_that_is_cancelled_leaves_no_empty_part(tmp_path: Path) -> None:
    begun = asyncio.Event()
    cancelled = asyncio.Event()

    async def handler(session: Session) -> None:
        async for message in session:
            saving = asyncio.ensure_future(message.save(tmp_path))
            await asyncio.sleep(0)
            begun.set()
            saving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await saving
            cancelled.set()
            return

    async with (
        msrp_peer.listen("127.0.0.1:0", handler) as listener,
        msrp_peer.connect(f"127.0.0.1:{listener.port}") as session,
    ):
        await session.send(b"x" * 100, name="a.bin")
        await asyncio.wait_for(cancelled.wait(), 30)
        # The thread that opens the part may still be at it; the loop waits for its threads.
        await asyncio.get_running_loop().shutdown_default_executor()
        assert os.listdir(tmp_path) == []  # noqa: PTH208


def test_no_repr_shows_a_capability() -> None:
    grant = Grant("msrps://x:1/SECRET;tcp", "msrps://y:1/SECRET;tcp", (), Accepts.parse("*"), None, 0)  # type: ignore[arg-type]
    assert "SECRET" not in repr(grant)
