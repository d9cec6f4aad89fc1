"""What the framing core is measured by: the limits of the machine, and itself."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from msrp_core import Chunks, Frame, Parser, scan_name

from .corpora import FROM, HOSTILE, TO, frames, pieces
from .measure import Figure, contest, per_second, ratio

__all__ = ["PASS", "Row", "copied", "lazily", "rows", "searched", "seven_headers"]

PASS = 4 << 20
"""Octets a pass reads: more than the nearest caches hold, less than the farthest."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        what: what is measured.
        goal: what it should be, in words.
        figure: what it is, in the goal's unit; several where the goal names several.
        unit: how to print it.
        met: whether the goal is met.
        plain: what was done by itself, with its unit; it differs from machine to machine.
    """

    what: str
    goal: str
    figure: Figure
    unit: str
    met: bool
    plain: str = ""


class Feedable(Protocol):
    """A parser of msrp_core's interface, or one like it."""

    def feed(self, data: bytes) -> Iterable[object]: ...


def lazily(fed: Iterable[bytes], make: Callable[[], Feedable] = Parser) -> Callable[[], object]:
    """Read frames, look at nothing."""

    def call() -> None:
        parser = make()
        for piece in fed:
            for _ in parser.feed(piece):
                pass

    return call


def seven_headers(fed: Sequence[bytes]) -> Callable[[], object]:
    """Read frames, and turn all seven usual values into Python objects."""

    def call() -> None:
        parser = Parser()
        for piece in fed:
            for event in parser.feed(piece):
                if type(event) is Frame:
                    event.transaction_id  # noqa: B018
                    event.method  # noqa: B018
                    event.to_path  # noqa: B018
                    event.from_path  # noqa: B018
                    event.message_id  # noqa: B018
                    event.byte_range  # noqa: B018
                    event.content_type  # noqa: B018

    return call


def copied(fed: Sequence[bytes]) -> Callable[[], object]:
    """memcpy: the same octets, from where they are to one other place."""
    room = memoryview(bytearray(sum(map(len, fed))))

    def call() -> None:
        at = 0
        for piece in fed:
            room[at : at + len(piece)] = piece
            at += len(piece)

    return call


def searched(fed: Sequence[bytes]) -> Callable[[], object]:
    """memchr: for an octet that does not stand there."""
    cleaned = [piece.replace(b"\x00", b"\x01") for piece in fed]

    def call() -> None:
        for piece in cleaned:
            piece.find(b"\x00")

    return call


def share_of_memcpy(rounds: int) -> list[Row]:
    fed = pieces(b"".join(frames("64k", PASS)), 262144)
    times = contest({"us": lazily(fed), "memcpy": copied(fed)}, rounds)
    share = ratio(times["memcpy"], times["us"])
    goal = {"avx2": 1.4, "sse2": 0.75}.get(scan_name())
    what = f"64 KiB chunks, share of memcpy's octets/s, {scan_name()}"
    words = f"at least {goal:.0%}" if goal else "no goal"
    plain = per_second(_octets(fed), times["us"])
    return [Row(what, words, share, "share", goal is None or share.median >= goal, plain)]


def _octets(fed: Sequence[bytes]) -> int:
    return sum(map(len, fed))


def hostile(rounds: int) -> list[Row]:
    fed = {kind: pieces(b"".join(frames(kind, PASS)), 262144) for kind in ("64k", *HOSTILE[:4])}
    times = contest({kind: lazily(octets) for kind, octets in fed.items()}, rounds)
    ratios = {kind: ratio(times["64k"], times[kind]) for kind in HOSTILE[:4]}
    kind, worst = min(ratios.items(), key=lambda pair: pair[1].median)
    what = "worst hostile 64 KiB body against the benign one"
    plain = per_second(_octets(fed[kind]), times[kind])
    return [Row(what, "at least 90%", worst, "share", worst.median >= 0.9, plain)]


def near_hits(rounds: int) -> list[Row]:
    found = []
    for kind, words in (
        ("wrong-flag", "whole end-lines with a wrong flag"),
        ("both-probes", "bodies that hit both probes"),
    ):
        fed = pieces(b"".join(frames(kind, PASS)), 262144)
        times = contest({"us": lazily(fed), "memcpy": copied(fed)}, rounds)
        share = ratio(times["memcpy"], times["us"])
        what, plain = f"{words}, share of memcpy", per_second(_octets(fed), times["us"])
        found.append(Row(what, "at least 10%", share, "share", share.median >= 0.1, plain))
    return found


def one_octet(rounds: int) -> list[Row]:
    found = []
    for kind, words in (("chat", "a chat message"), ("1m", "1 MiB")):
        fed = pieces(frames(kind, 1)[0], 1)
        passes = max(1, 200_000 // len(fed))
        times = contest({"empty": _empty_calls(fed, passes), "us": _octet_by_octet(fed, passes)}, rounds)
        figure = ratio(times["us"], times["empty"])
        what = f"one octet at a time, {words}, against an empty call"
        plain = f"{statistics.median(times['us']) / passes / len(fed) * 1e9:.0f} ns an octet"
        found.append(Row(what, "at most 2 times", figure, "times", figure.median <= 2, plain))
    return found


def _empty(piece: bytes) -> None:
    pass


def _empty_calls(fed: Sequence[bytes], passes: int) -> Callable[[], object]:
    def call() -> None:
        for _ in range(passes):
            for piece in fed:
                _empty(piece)

    return call


def _octet_by_octet(fed: Sequence[bytes], passes: int) -> Callable[[], object]:
    def call() -> None:
        parser = Parser()
        for _ in range(passes):
            for piece in fed:
                for _event in parser.feed(piece):
                    pass

    return call


def memory(rounds: int) -> list[Row]:
    """A message of 1 GiB in feeds of 64 KiB, in a process of its own for a clean start."""
    if not os.path.exists("/proc/self/statm"):  # noqa: PTH110
        return []
    code = "from msrp_peer.bench.framing import streamed; print(streamed(1 << 30))"
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    run = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    grown = int(run.stdout) / (1 << 20)
    figure = Figure(grown, grown, grown)
    return [
        Row("memory while 1 GiB streams through, above the start", "under 1 MiB", figure, "MiB", grown < 1)
    ]


def _resident() -> int:
    with open("/proc/self/statm") as statm:  # noqa: PTH123
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def streamed(octets: int) -> int:
    """By how many octets the process grows, at the most, while a message of that size goes through."""
    parser = Parser()
    head = frames("1m", 1)[0].partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    block = os.urandom(65536)
    for piece in (head, block):
        for _ in parser.feed(piece):
            pass
    start, most = _resident(), 0
    for turn in range(octets // len(block)):
        for _ in parser.feed(block):
            pass
        if turn % 64 == 0:
            most = max(most, _resident() - start)
    return most


def serialise(rounds: int) -> list[Row]:
    """32 chunks a batch: 64 KiB, what a sender hands on in one turn. Both write the same octets of body."""
    size, count, passes = 2048, 32, 32
    body = os.urandom(size * count)
    tid = b"0123456789abcdef"
    chunks = Chunks(TO.decode(), FROM.decode(), tid.decode(), [("Content-Type", "text/plain")])
    parts = [
        (
            b"MSRP %s SEND\r\nTo-Path: %s\r\nFrom-Path: %s" % (tid, TO, FROM),
            b"\r\nMessage-ID: %s\r\nByte-Range: " % tid,
            b"%d-%d/*" % (at + 1, at + size),
            b"\r\nContent-Type: text/plain\r\n\r\n",
            body[at : at + size],
            b"\r\n-------",
            tid,
            b"+",
            b"\r\n",
        )
        for at in range(0, len(body), size)
    ]
    if len(chunks.batch(body, 1, size, None)[1]) != sum(len(part) for frame in parts for part in frame):
        raise AssertionError("the contestants do not write as many octets")

    def joined() -> None:
        for _ in range(passes):
            for frame in parts:
                b"".join(frame)

    def cut() -> None:
        for _ in range(passes):
            chunks.batch(body, 1, size, None)

    times = contest({"join": joined, "us": cut}, rounds)
    quicker = ratio(times["join"], times["us"])
    what = "SENDs of 2 KiB in a batch, against b''.join of the parts"
    plain = per_second(size * count * passes, times["us"])
    return [Row(what, "at least 1.5 times", quicker, "times", quicker.median >= 1.5, plain)]


def linear(rounds: int) -> list[Row]:
    """Time an octet: one stream of 1,000 MB, against streams of 1 MB between its parts."""
    data = b"".join(frames("2k", 1_000_000))
    turns = 10
    passes = 1000 // (2 * turns)  # a contestant works twice a turn
    found = []
    for size in (1460, 65536):
        fed = pieces(data, size)
        contestants = {
            "many": partial(_read, Parser(), fed, passes),
            "few": partial(_read, None, fed, passes),
        }
        times = contest(contestants, turns)
        figure = ratio(times["many"], times["few"])
        what = f"time an octet over 1,000 MB against 1 MB, feeds of {size:,}"
        plain = per_second(passes * len(data), times["many"])
        found.append(Row(what, "within 10%", figure, "share", figure.median <= 1.1, plain))
    return found


def _read(going: Parser | None, fed: Sequence[bytes], passes: int) -> None:
    """Read the same again and again, by a parser that goes on or by a new one each time."""
    for _ in range(passes):
        parser = going or Parser()
        for piece in fed:
            for _event in parser.feed(piece):
                pass


def rows(rounds: int, *, quick: bool = False) -> Iterable[Row]:
    """Each row as soon as it is measured."""
    measures: list[Callable[[int], list[Row]]] = [share_of_memcpy, hostile, near_hits, one_octet, serialise]
    if not quick:
        measures += [memory, linear]
    for measure in measures:
        yield from measure(rounds)
