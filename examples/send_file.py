"""Send one file and wait until the other side has confirmed every octet.

    python examples/send_file.py 127.0.0.1:2855 big.iso
    python examples/send_file.py im:bob@lan big.iso

The other side, for example: msrp listen --out received --accept-files
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msrp_peer


def progress(done: int, total: int | None) -> None:
    print(f"\r{done:,} of {total or 0:,} octets", end="", file=sys.stderr, flush=True)


async def send(target: str, path: Path) -> None:
    async with msrp_peer.connect(target) as session:
        print(session.security.describe())
        sent = await session.send(path, progress=progress)
        await sent.delivered()
        print(f"delivered: {sent.size} octets", flush=True)


def main() -> int:
    if len(sys.argv) != 3:
        print("usage: send_file.py TARGET FILE", file=sys.stderr)
        return 2
    try:
        asyncio.run(send(sys.argv[1], Path(sys.argv[2])))
    except (msrp_peer.MsrpError, OSError) as error:
        # Every error is a sentence for a person and holds no secret.
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
