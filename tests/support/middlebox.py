"""A middlebox of RFC 6714 between two network namespaces that have no other way to each other.

`Box` is the half in the signalling: it puts its own address into c= and m= of every description it
carries. The other half, in the media, is this file run as a program inside the box's namespace:

    python middlebox.py ADDRESS HOST PORT [TABLE]

It listens at ADDRESS, says at which port, and hands on whoever comes to HOST and PORT. With TABLE, a
file of JSON pairs, it is the B2BUA that RFC 6714 section 6 has it be where nobody knows CEMA: it puts
the second of each pair for the first in whole requests and responses, and back.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["Box", "Side", "between", "ip"]

_END = re.compile(rb"-------[^\r\n]+[$+#]\r\n\Z")
_AUTHORITY = re.compile(r"(?<=a=path:msrp://)[^/]+")


class Side(NamedTuple):
    """One side of the box: the namespace of who is there, its address, and the box's own."""

    name: str
    address: str
    box: str

    @property
    def inside(self) -> tuple[str, ...]:
        """What stands before a command that runs there."""
        return ("ip", "netns", "exec", self.name)


class Box:
    """Made by `between`.

    Attributes:
        near, far: its two sides.
    """

    def __init__(self, name: str, near: Side, far: Side, folder: Path) -> None:
        self.near, self.far = near, far
        self._name = name
        self._relays: list[subprocess.Popen[str]] = []
        self._table = folder / "table.json"
        self._pairs: list[tuple[str, str]] = []

    def carries(self, text: str, to: Side, *, knows_cema: bool = True, b2bua: bool = False) -> str:
        """A description as the side `to` gets it. A box that is a `b2bua` has its own address in the
        path, too; `knows_cema` whether it leaves a=msrp-cema in."""
        host = re.findall(r"^c=IN IP4 (\S+)", text, re.M)[0]
        port = re.findall(r"^m=message (\d+)", text, re.M)[0]
        media = self._relay(
            to.box, self.near.address if to is self.far else self.far.address, port, b2bua=b2bua
        )
        text = text.replace(f"c=IN IP4 {host}", f"c=IN IP4 {to.box}")
        text = text.replace(f"m=message {port} ", f"m=message {media} ")
        if not knows_cema:
            text = text.replace("a=msrp-cema\n", "")
        if b2bua:
            (authority,) = _AUTHORITY.findall(text)
            self._pairs.append((f"//{authority}/", f"//{to.box}:{media}/"))
            written = self._table.with_suffix(".new")
            written.write_text(json.dumps(self._pairs))
            written.replace(self._table)
            text = _AUTHORITY.sub(f"{to.box}:{media}", text)
        return text

    def _relay(self, at: str, host: str, port: str, *, b2bua: bool) -> int:
        command = ["ip", "netns", "exec", self._name, sys.executable, "-P", __file__, at, host, port]
        if b2bua:
            command.append(str(self._table))
        self._relays.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        stdout = self._relays[-1].stdout
        assert stdout is not None
        return int(stdout.readline())

    def stop(self) -> None:
        for relay in self._relays:
            relay.kill()
            relay.communicate()


@contextlib.contextmanager
def between(folder: Path) -> Iterator[Box]:
    """A box and its two sides. Raises OSError, with the reason, where no namespaces can be made."""
    names = [f"msrp-cema-{os.getpid()}-{which}" for which in ("near", "box", "far")]
    near, box, far = names
    try:
        for name in names:
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        sides = []
        for number, name in enumerate((near, far), 1):
            own, its = f"10.66.{number}.1", f"10.66.{number}.2"
            device = f"side{number}"
            ip("link", "add", device, "netns", name, "type", "veth", "peer", "name", device, "netns", box)
            for where, address in ((name, own), (box, its)):
                ip("-n", where, "addr", "add", f"{address}/30", "dev", device)
                ip("-n", where, "link", "set", device, "up")
            sides.append(Side(name, own, its))
        made = Box(box, *sides, folder)
        try:
            yield made
        finally:
            made.stop()
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def ip(*words: str) -> None:
    """Run `ip`; raises OSError with what it says."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


# -- the half in the media


async def _serve(at: str, host: str, port: int, table: Path | None) -> None:
    async def hand_on(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pairs: list[tuple[str, str]]
    ) -> None:
        pending = b""
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                pending += data
                if pairs and not _END.search(pending):
                    continue
                for one, other in pairs:
                    pending = pending.replace(one.encode(), other.encode())
                writer.write(pending)
                await writer.drain()
                pending = b""
        writer.close()

    async def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward = await asyncio.open_connection(host, port)
        pairs = [] if table is None else await _both(table)
        # Each side is known to itself by its own name, and to the other by the box's.
        mine = [(far, near) for near, far in pairs if near.startswith(f"//{host}:")]
        others = [pair for pair in pairs if not pair[0].startswith(f"//{host}:")]
        there, back = mine + others, [(far, near) for near, far in mine + others]
        await asyncio.gather(hand_on(reader, onward[1], there), hand_on(onward[0], writer, back))

    server = await asyncio.start_server(come, at, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _both(table: Path) -> list[tuple[str, str]]:
    """The names of both sides: who connects may be faster than the other's description."""
    while len(pairs := _read(table)) < 2:  # noqa: ASYNC110 - nothing rings for it
        await asyncio.sleep(0.01)
    return pairs


def _read(table: Path) -> list[tuple[str, str]]:
    return [(near, far) for near, far in json.loads(table.read_text())]


if __name__ == "__main__":
    asyncio.run(
        _serve(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]) if sys.argv[4:] else None)
    )
