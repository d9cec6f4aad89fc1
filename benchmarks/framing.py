"""The framing core against other parsers: octets of equal size, contestants in turn.

    make bench                             prints the table; build/bench/ gets JSON and SVG
    make bench ARGS="--rounds 30 --quick"

The rivals read HTTP, for there is no other MSRP parser worth comparing with: messages of the same
number of header lines and of the same size. A plain-Python MSRP parser of the same interface is
the tests' oracle; it is written for clarity, and shown for scale.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import h11
import httptools

from msrp_peer.bench.corpora import frames, pieces
from msrp_peer.bench.framing import PASS, Row, copied, lazily, rows, searched, seven_headers
from msrp_peer.bench.measure import contest, ratio
from msrp_peer.bench.report import as_json, chart, line, machine

ROOT = Path(__file__).resolve().parent.parent
Call = Callable[[], object]


def as_http(frame: bytes) -> bytes:
    """A POST with as many header lines and octets as a SEND."""
    body = frame.partition(b"\r\n\r\n")[2].rpartition(b"\r\n-------")[0]
    head = (
        b"POST /jshA7weztasQ5fKpQ2mNAA HTTP/1.1\r\nHost: bob.example.com:8145\r\nUser-Agent: %s\r\n"
        b"X-Message-ID: 0123456789abcdef0123\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
    )
    spare = max(1, len(frame) - len(body) - len(head % (b"", len(body))))
    return head % (b"a" * spare, len(body)) + body


class Counting:
    """httptools at its least: told where messages end."""

    def on_message_complete(self) -> None:
        pass


class Keeping:
    """httptools as whoever serves HTTP uses it: url, headers and body are kept."""

    def on_message_begin(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.body: list[bytes] = []

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        pass

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        self.done = True


def by_httptools(fed: Sequence[bytes], handler: type) -> Call:
    def call() -> None:
        parser = httptools.HttpRequestParser(handler())
        for piece in fed:
            parser.feed_data(piece)

    return call


def by_h11(fed: Sequence[bytes]) -> Call:
    def call() -> None:
        connection = h11.Connection(h11.SERVER)
        for piece in fed:
            connection.receive_data(piece)
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    break
                if event is h11.PAUSED:
                    # One request at a time: answer it, so that it goes on to the next.
                    connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
                    connection.send(h11.EndOfMessage())
                    connection.start_next_cycle()

    return call


def by_plain_python(fed: Sequence[bytes]) -> Call:
    sys.path.insert(0, str(ROOT / "tests"))
    from reference.plain_parser import Parser

    return lazily(fed, Parser)


def against_rivals(rounds: int) -> tuple[list[Row], list[str]]:
    """The rows that name a rival, and a table of everybody's speed."""
    found: list[Row] = []
    table: list[str] = []
    for kind, feed in (("chat", 65536), ("2k", 65536), ("64k", 262144)):
        every = frames(kind, PASS)
        data = b"".join(every)
        fed = pieces(data, feed)
        http = pieces(b"".join(map(as_http, every)), feed)
        contestants: dict[str, Call] = {
            "msrp_core, lazily": lazily(fed),
            "msrp_core, seven headers": seven_headers(fed),
            "httptools, least": by_httptools(http, Counting),
            "httptools, full callbacks": by_httptools(http, Keeping),
            "memcpy": copied(fed),
            "memchr": searched(fed),
        }
        times = contest(contestants, rounds)
        # These two are so much slower that a part of the octets, and a few rounds, are enough.
        few = max(1, len(every) // 64)
        parts = {
            "h11": by_h11(pieces(b"".join(map(as_http, every[:few])), feed)),
            "plain Python": by_plain_python(pieces(b"".join(every[:few]), feed)),
        }
        size = len(b"".join(every[:few]))
        for name, seconds in contest(parts, 3).items():
            times[name] = [second * len(data) / size for second in seconds]
        for name, seconds in times.items():
            speed = sorted(len(data) / second / 1e9 for second in seconds)[len(seconds) // 2]
            each = sorted(seconds)[len(seconds) // 2] / len(every) * 1e9
            table.append(f"{kind:6}{name:28}{speed:10.3f} GB/s{each:14,.0f} ns a message")
        full = times["httptools, full callbacks"]
        goals = {
            "chat": [("msrp_core, lazily", 10.0), ("msrp_core, seven headers", 3.0)],
            "2k": [("msrp_core, lazily", 7.0)],
            "64k": [],
        }[kind]
        words = {"chat": "chat messages", "2k": "2 KiB chunks"}.get(kind, kind)
        for name, goal in goals:
            figure = ratio(full, times[name])
            what = f"{words}, {name.partition(', ')[2]}, against httptools with full callbacks"
            found.append(Row(what, f"at least {goal:g} times", figure, "times", figure.median >= goal))
    return found, table


def with_sse2(rounds: int) -> list[Row]:
    """The share of memcpy with the other scan, which is chosen when the core is loaded."""
    code = (
        "from msrp_peer.bench.framing import share_of_memcpy\n"
        "from msrp_peer.bench.measure import Figure\n"
        f"row = share_of_memcpy({rounds})[0]\n"
        "print(repr((row.what, row.goal, row.figure.median, row.figure.low, row.figure.high, row.met)))"
    )
    environment = {**os.environ, "MSRP_SCAN": "sse2", "PYTHONSAFEPATH": "1"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    if run.returncode:
        return []
    import ast

    from msrp_peer.bench.measure import Figure

    what, goal, median, low, high, met = ast.literal_eval(run.stdout)
    return [Row(what, goal, Figure(median, low, high), "share", met)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15, help="turns of each contestant (15)")
    parser.add_argument("--quick", action="store_true", help="leave out what takes long")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench", help="where JSON and SVG go")
    args = parser.parse_args()
    print(machine(), "\n")
    found, table = against_rivals(args.rounds)
    print("\n".join(table), "\n")
    for row in found:
        print(line(row))
    for row in (*with_sse2(args.rounds), *rows(args.rounds, quick=args.quick)):
        print(line(row), flush=True)
        found.append(row)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "framing.json").write_text(as_json(found) + "\n")
    (args.out / "framing.svg").write_text(chart(found))
    print(f"\nWritten: {args.out}/framing.json and framing.svg")


if __name__ == "__main__":
    main()
