"""Somebody in the middle who plays the comparison: `python plays_both.py PORT KEYS`.

To who calls he is im:bob@lan, to the one at PORT im:alice@lan. He compares with both, and tells each at
once that the words are the same, with a key of his own for it; KEYS is the folder of those. Prints the port
to be connected to; and in the end, a line a side, whether he was told a key there.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msrp_peer

ALICE, BOB = "im:alice@lan", "im:bob@lan"


async def play(session: msrp_peer.Session, me: str, keys: Path, *, asks: bool) -> bool:
    """His part towards one side; whether it told him a key."""
    key = msrp_peer.lasting_key(me, keys)
    try:
        comparison = await (session.compare() if asks else session.asked_to_compare())
        await comparison.confirm(key)
        return (await comparison.agreed()).lasting is not None
    except msrp_peer.MsrpError:
        return False


async def main(port: str, keys: Path) -> None:
    over: asyncio.Future[list[bool]] = asyncio.get_running_loop().create_future()

    async def came(near: msrp_peer.Session) -> None:
        async with msrp_peer.connect(f"127.0.0.1:{port}", me=ALICE) as far:
            sides = play(near, BOB, keys, asks=False), play(far, ALICE, keys, asks=True)
            over.set_result(await asyncio.gather(*sides))

    async with msrp_peer.listen("127.0.0.1:0", came, me=BOB) as listener:
        print(listener.port, flush=True)
        for told in await over:
            print("told a key" if told else "told nothing", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
