"""How fast everybody reads: every corpus, in feeds of every size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rivals import Call, Counting, Keeping, as_http, by_h11, by_httptools, by_plain_python

from msrp_peer.bench.corpora import HOSTILE, KINDS, frames, pieces
from msrp_peer.bench.framing import PASS, Row, copied, lazily, searched, seven_headers
from msrp_peer.bench.measure import Figure, contest, ratio

__all__ = ["FEEDS", "LAZILY", "RIVAL", "SEVEN", "Speed", "against_rivals", "block", "measured"]

FEEDS = (1, 1460, 65536, 262144)
WORDS = {
    "chat": "chat messages of 315 octets",
    "response": "responses",
    "2k": "chunks of 2 KiB",
    "64k": "chunks of 64 KiB",
    "1m": "chunks of 1 MiB",
}
LAZILY, SEVEN = "msrp_core, lazily", "msrp_core, seven headers"
LEAST, RIVAL = "httptools, least", "httptools, full callbacks"
H11, PLAIN = "h11", "MSRP in plain Python"
COPY, SEARCH = "memcpy", "memchr"
ALL = (LAZILY, SEVEN, LEAST, RIVAL, H11, PLAIN, COPY, SEARCH)


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast one contestant read one corpus in feeds of one size.

    Attributes:
        corpus: which octets; a name of `msrp_peer.bench.corpora.KINDS`.
        feed: octets a feed.
        contestant: who read.
        figure: octets a second, median and quartiles.
        each: nanoseconds a message took, the median.
        seconds: for all octets, one value a round.
    """

    corpus: str
    feed: int
    contestant: str
    figure: Figure
    each: float
    seconds: list[float]


def _speeds(kind: str, feed: int, rounds: int) -> Iterator[Speed]:
    # Octet by octet, and for the slow, a part of the octets is enough, for what is told is a rate.
    every = frames(kind, PASS if feed > 1 else 1 << 17)
    few = every[: max(1, len(every) // (64 if feed > 1 else 16))]
    # Who reads HTTP stops at the length it was told: what the body looks like is all the same to it.
    rivals = kind not in HOSTILE
    fed = pieces(b"".join(every), feed)
    quick: dict[str, Call] = {LAZILY: lazily(fed)}
    slow: dict[str, Call] = {}
    if rivals:
        http = pieces(b"".join(map(as_http, every)), feed)
        quick |= {
            SEVEN: seven_headers(fed),
            LEAST: by_httptools(http, Counting),
            RIVAL: by_httptools(http, Keeping),
        }
        slow[H11] = by_h11(pieces(b"".join(map(as_http, few)), feed))
    slow[PLAIN] = by_plain_python(pieces(b"".join(few), feed))
    if feed > 1:
        quick |= {COPY: copied(fed), SEARCH: searched(fed)}
    turns = 1 if kind == "1m" and feed == 1 else 3
    for found, read in ((contest(quick, rounds), every), (contest(slow, turns), few)):
        octets = sum(map(len, read))
        for name, seconds in found.items():
            figure = Figure.of([octets / second for second in seconds])
            yield Speed(kind, feed, name, figure, octets / figure.median / len(read) * 1e9, seconds)


def measured(rounds: int) -> Iterator[list[Speed]]:
    """Everybody's speed with one corpus, as soon as it is measured."""
    for kind in KINDS:
        feeds = FEEDS if kind not in HOSTILE else FEEDS[1:]
        yield [speed for feed in feeds for speed in _speeds(kind, feed, rounds)]


def _cell(figure: Figure) -> str:
    digits = 0 if figure.median >= 1e8 else 1 if figure.median >= 1e6 else 2
    low, median, high = (f"{value / 1e6:,.{digits}f}" for value in (figure.low, figure.median, figure.high))
    return f"{median} ({low}-{high})"


def block(speeds: Sequence[Speed]) -> str:
    """One corpus as a table: MB/s, and the quartiles."""
    kind = speeds[0].corpus
    feeds = sorted({speed.feed for speed in speeds})
    cells = {(speed.contestant, speed.feed): _cell(speed.figure) for speed in speeds}
    title = f"{WORDS.get(kind, f'64 KiB of {kind}')}, MB/s in feeds of"
    out = [f"{title:42}" + "".join(f"{feed:>26,}" for feed in feeds)]
    for name in ALL:
        if any(speed.contestant == name for speed in speeds):
            out.append(f"  {name:40}" + "".join(f"{cells.get((name, feed), '-'):>26}" for feed in feeds))
    return "\n".join(out)


def against_rivals(speeds: Sequence[Speed]) -> list[Row]:
    """The rows of the table of goals that name a rival."""
    seconds = {(one.corpus, one.feed, one.contestant): one.seconds for one in speeds}
    found = []
    for kind, name, goal in (("chat", LAZILY, 10.0), ("chat", SEVEN, 3.0), ("2k", LAZILY, 7.0)):
        # The octets are as many, so times are as good as rates.
        figure = ratio(seconds[kind, 65536, RIVAL], seconds[kind, 65536, name])
        words = {"chat": "chat messages", "2k": "2 KiB chunks"}[kind]
        what = f"{words}, {name.partition(', ')[2]}, against {RIVAL.replace(', ', ' with ')}"
        found.append(Row(what, f"at least {goal:g} times", figure, "times", figure.median >= goal))
    return found
