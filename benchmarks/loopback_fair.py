"""How long a chat line waits behind a file, on a line of 2.5 MB/s."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator

import msrp_peer
from msrp_peer.bench.framing import Row
from msrp_peer.bench.measure import Figure

RATE = 2_500_000  # octets in a second
LINES = 100
FILE = 1 << 30


def limited(port: int, rate: int, stood: list[float]) -> int:
    """A port that carries to `port`, so many octets a second: as a slow line it takes no more into
    its buffers than it must. Where it was late itself, as on a busy machine, `stood` tells for how
    many seconds."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    listening.bind(("127.0.0.1", 0))
    listening.listen(1)

    def back(near: socket.socket, far: socket.socket) -> None:
        while data := far.recv(65536):
            near.sendall(data)

    def there() -> None:
        near, _ = listening.accept()
        far = socket.create_connection(("127.0.0.1", port))
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=back, args=(near, far), daemon=True).start()
        due = time.monotonic()
        while data := near.recv(4096):
            far.sendall(data)
            now = time.monotonic()
            if now - due > 0.005:  # not made up for
                stood.append(now - due)
                due = now - 0.005
            due += len(data) / rate
            time.sleep(max(0.0, due - time.monotonic()))

    threading.Thread(target=there, daemon=True).start()
    return int(listening.getsockname()[1])


async def behind_a_file() -> tuple[list[float], list[float], float, float]:
    """Seconds until each line had left, until each was there; what the file got meanwhile; and for
    how many seconds the network stood still at the worst."""
    left: list[float] = []
    there: list[float] = []
    said: dict[str, float] = {}
    over = asyncio.Event()
    received = 0
    stood: list[float] = []

    async def keep(message: msrp_peer.Message) -> None:
        nonlocal received
        try:
            async for block in message:
                received += len(block)
        except msrp_peer.MsrpError:
            pass  # we cut it ourselves

    async def hear(session: msrp_peer.Session) -> None:
        files = []
        async for message in session:
            if message.file:
                files.append(asyncio.ensure_future(keep(message)))
            else:
                text = await message.text()
                there.append(time.monotonic() - said[text])
                if len(there) == LINES:
                    over.set()

    async def blocks() -> AsyncIterator[bytes]:
        block = bytes(65536)
        for _ in range(FILE // len(block)):
            yield block

    async with msrp_peer.listen("127.0.0.1:0", hear) as listener:  # noqa: SIM117
        async with msrp_peer.connect(f"127.0.0.1:{limited(listener.port, RATE, stood)}") as session:
            file = asyncio.ensure_future(session.send(blocks(), size=FILE, name="file"))
            await asyncio.sleep(1.5)  # until every buffer on the way is full
            began, before = time.monotonic(), received
            stood.clear()
            for number in range(LINES):
                text = f"line {number}"
                said[text] = time.monotonic()
                await session.send(text)
                left.append(time.monotonic() - said[text])
                await asyncio.sleep(0.05 + number % 7 / 200)
            await over.wait()
            speed = (received - before) / (time.monotonic() - began)
            still = max(stood, default=0.0)
            file.cancel()
            await asyncio.gather(file, return_exceptions=True)
    return left, there, speed, still


def fairness(only: list[str]) -> Iterator[tuple[Row, str]]:
    if only and "fair" not in only:
        return
    left, there, speed, still = asyncio.run(behind_a_file())
    for what, seconds, goal in (("has left", left, 50.0), ("is there", there, None)):
        figure = Figure.of([second * 1000 for second in seconds])
        worst = max(seconds) * 1000
        what = f"a chat line behind 1 GiB at 2.5 MB/s {what}"
        words = f"at most {goal:g} ms" if goal else "no goal"
        more = (
            f"       worst {worst:.1f} ms of {LINES} lines; the file got {speed / 1e6:.2f} MB/s meanwhile, "
            f"and the network stood still for {still * 1000:.0f} ms at the worst"
        )
        yield Row(what, words, figure, "ms", not goal or worst <= goal), more
