"""Answer every message with itself.

    python examples/echo.py                    on 127.0.0.1, port 2855
    python examples/echo.py 0.0.0.0:2855       for the whole network

Then, from another terminal: msrp chat 127.0.0.1
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

import msrp_peer


async def echo(session: msrp_peer.Session) -> None:
    """One session, from its beginning to its end; every session has a task of its own."""
    print(f"{session.peer_address}: {session.security.describe()}", flush=True)
    async for message in session:
        if message.size is not None and message.size > 1_000_000:
            message.refuse(413)
            continue
        body = await message.read(maximum=1_000_000)
        sent = await session.send(body, message.content_type)
        print(f"{session.peer_address}: {sent.size} octets came and went", flush=True)


async def main(address: str) -> None:
    async with msrp_peer.listen(address, echo, files=False) as listener:
        print(listener.uri, flush=True)
        await listener.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:2855"))
