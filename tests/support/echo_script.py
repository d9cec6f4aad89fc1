"""Run by a test: `listen` echoes until its input ends, `connect PORT` says hello and prints the answer."""

from __future__ import annotations

import asyncio
import contextlib
import sys

import msrp_peer


async def echo(session: msrp_peer.Session) -> None:
    async for message in session:
        with contextlib.suppress(msrp_peer.MessageCut):
            await session.send(await message.read(), message.content_type)


async def listen() -> None:
    async with msrp_peer.listen("127.0.0.1:0", echo) as listener:
        print(listener.port, flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def connect(port: str) -> None:
    # Other things may run beside this.
    asyncio.get_running_loop().slow_callback_duration = 0.5
    async with msrp_peer.connect(f"127.0.0.1:{port}") as session:
        await session.send("hello")
        async for message in session:
            print(f"{await message.text()}, {session.security.level.word}")
            break
        await (await session.send(bytes(10_000_000), "a/b")).delivered()


if __name__ == "__main__":
    # Names are loaded when asked for: before the loop runs, or loading would look like a slow callback.
    _ = msrp_peer.connect, msrp_peer.listen
    asyncio.run(listen() if sys.argv[1] == "listen" else connect(sys.argv[2]))
