"""Somebody in the middle, in a process of their own: `python in_between_script.py PORT`.

Prints the port to be connected to; once stdin ends, what was said there and back, in hexadecimal.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.in_between import in_between


async def main(to: int) -> None:
    async with in_between(to) as middle:
        print(middle.port, flush=True)
        await asyncio.to_thread(sys.stdin.read)
        print(middle.there.hex(), middle.back.hex(), sep="\n")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
