"""Run by a test: 30 MiB of unknown length to another process; prints how many KiB each grew by."""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
from collections.abc import AsyncIterator
from multiprocessing.connection import Connection

import msrp_peer

STEP = 64 * 1024
STEPS = 480


def peak() -> int:
    """KiB of memory at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


async def stream(steps: int) -> AsyncIterator[bytes]:
    for i in range(steps):
        yield i.to_bytes(2, "big") * (STEP // 2)


async def send(port: int) -> int:
    async with msrp_peer.connect(f"127.0.0.1:{port}") as session:
        await (await session.send(stream(40), "a/b")).delivered()  # all that is loaded once
        before = peak()
        await (await session.send(stream(STEPS), "a/b")).delivered()
        return peak() - before


async def receive(pipe: Connection) -> int:
    grown: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def handler(session: msrp_peer.Session) -> None:
        before = 0
        async for message in session:
            size = 0
            async for block in message:
                size += len(block)
            if before:
                assert size == STEPS * STEP
                grown.set_result(peak() - before)
            before = peak()

    async with msrp_peer.listen("127.0.0.1:0", handler) as listener:
        pipe.send(listener.port)
        return await grown


def receiver(pipe: Connection) -> None:
    pipe.send(asyncio.run(receive(pipe)))


if __name__ == "__main__":
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=receiver, args=(theirs,))
    process.start()
    print(asyncio.run(send(ours.recv())), ours.recv())
    process.join()
