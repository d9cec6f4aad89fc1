"""A file on each way, between two processes: against asyncio's own TLS, or against the layer alone.

The rival moves the same file over Python's TLS in the same run, turn by turn: it reads, sends, receives and
writes, and hashes nothing. Ours hashes the file before it goes and once more as it arrives, because the
profile says so; what that alone takes is measured, too, and told.

Where a mechanism's own layer carries the file, the measure is the layer: everything sealed and opened once,
in pieces as large as the engine's, with nothing around it; inside TLS it is that and the rival together.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from loopback import End
from paths_people import ALICE, BOB
from paths_ways import Way

from msrp_peer.bench.measure import Figure, ratio
from msrp_sasl import Accepting, Channel, Identities, Initiating, SASLClient, SASLServer, SecurityLayer

__all__ = ["Carried", "Codec", "carried", "codec", "made"]

ENDS = Path(__file__).with_name("paths_ends.py")
TURN = 64 * 1024
"""What the engine hands to a layer in one go (`Limits.turn`)."""

Cost = dict[str, list[float]]


@dataclass(frozen=True)
class Carried:
    """Attributes:
    share: the measure's processor time in hundredths of ours, both ends together.
    wall: the same by the clock.
    unhashed: the share, if hashing the file twice cost us nothing.
    seconds: ours, by the clock.
    megabytes: a second, ours, by the clock.
    """

    share: Figure
    wall: Figure
    unhashed: Figure
    seconds: Figure
    megabytes: float


class Ours:
    """Two processes with a session between them."""

    def __init__(self, name: str, way: Way, stack: contextlib.ExitStack) -> None:
        self.taker, self.giver = End("take", name, script=ENDS), End("give", name, script=ENDS)
        for end in (self.taker, self.giver):
            stack.callback(end.close)
        if way.signalled:
            offer = self.giver.ask(do="offer")["sdp"]
            self.giver.ask(do="join", sdp=self.taker.ask(do="answer", sdp=offer)["sdp"])
        else:
            self.giver.ask(do="connect", port=self.taker.here["port"])

    def carry(self, file: Path) -> dict[str, float]:
        self.taker.ask(do="start", count=file.stat().st_size)
        gave = self.giver.ask(do="start", file=str(file))
        took = self.taker.heard()
        if took.get("checked") is False:
            raise SystemExit("the file that came is not the one that went")
        return {"cpu": gave["cpu"] + took["cpu"], "wall": gave["wall"]}


class Bare(Ours):
    """The same, of the rival."""

    def __init__(self, name: str, stack: contextlib.ExitStack) -> None:
        self.taker, self.giver = End("take-bare", name, script=ENDS), End("give-bare", name, script=ENDS)
        for end in (self.taker, self.giver):
            stack.callback(end.close)
        self.giver.ask(do="connect", port=self.taker.here["port"])


class Codec:
    """The layer of a mechanism, and nothing else: both of its ends, in this process."""

    def __init__(self, out: SecurityLayer, into: SecurityLayer) -> None:
        self._out, self._into = out, into

    def carry(self, file: Path) -> dict[str, float]:
        octets = file.read_bytes()
        began, wall = time.process_time(), time.perf_counter()
        for at in range(0, len(octets), TURN):
            for sealed in self._out.wrap((octets[at : at + TURN],)):
                for _ in self._into.unwrap(sealed):
                    pass
        return {"cpu": time.process_time() - began, "wall": time.perf_counter() - wall}


def codec(way: Way) -> Codec:
    """The layer that this way's mechanism agrees on."""
    here, there = way.connecting(), way.listening()
    channel = Channel(way.channel)
    client = SASLClient(
        Initiating(
            ALICE,
            BOB,
            channel,
            here["policy"],
            here.get("credentials"),
            offered=(way.mechanism or "",),
            kerberos=here.get("kerberos"),
        )
    )
    server = SASLServer(
        Accepting(
            BOB,
            channel,
            there["policy"],
            Identities(str),
            there.get("verifiers"),
            kerberos=there.get("kerberos"),
        )
    )
    now = time.time()
    challenge = server.start(way.mechanism or "", client.start(now), now)
    while not server.complete:
        challenge = server.process(client.process(challenge or b"", now), now)
    client.succeeded(challenge, now)
    assert client.layer is not None
    assert server.layer is not None
    return Codec(client.layer, server.layer)


def carried(name: str, way: Way, file: Path, rounds: int) -> Carried:
    """The file, so many times, turn by turn."""
    ours: Cost = {"cpu": [], "wall": []}
    measure: Cost = {"cpu": [], "wall": []}
    hashing: list[float] = []
    with contextlib.ExitStack() as stack:
        us = Ours(name, way, stack)
        measures: list[Ours | Codec] = [codec(way)] if way.layer else []
        if way.tls != "none":
            measures.append(Bare(name, stack))
        for turn in range(rounds + 1):
            cost, others = us.carry(file), [one.carry(file) for one in measures]
            hashed = _hashed(file)
            if not turn:  # it warmed up
                continue
            hashing.append(hashed)
            for kind in ("cpu", "wall"):
                ours[kind].append(cost[kind])
                measure[kind].append(sum(other[kind] for other in others))
    seconds = Figure.of(ours["wall"])
    return Carried(
        ratio(measure["cpu"], ours["cpu"]),
        ratio(measure["wall"], ours["wall"]),
        ratio(measure["cpu"], [whole - part for whole, part in zip(ours["cpu"], hashing, strict=True)]),
        seconds,
        file.stat().st_size / seconds.median / 1e6,
    )


def _hashed(file: Path) -> float:
    began = time.process_time()
    for _ in range(2):
        with file.open("rb") as opened:
            hashlib.file_digest(opened, "sha256")
    return time.process_time() - began


@contextlib.contextmanager
def made(folder: Path, octets: int) -> Iterator[Path]:
    """A file of octets that nothing can make shorter."""
    path = folder / "file.bin"
    with path.open("wb") as opened:
        for _ in range(octets >> 20):
            opened.write(os.urandom(1 << 20))
        opened.write(os.urandom(octets % (1 << 20)))
    try:
        yield path
    finally:
        path.unlink()
