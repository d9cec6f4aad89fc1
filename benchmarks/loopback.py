"""The whole engine between two processes on 127.0.0.1, against programs that only move the octets.

    make bench-loopback
    make bench-loopback ARGS="--rounds 9 --only chat --only fair"

What is compared is processor time (user and system) of one process, for the same octets:

    received   the engine through its public API, every rule in force: parse, find the session,
               answer 200, `async for message in session`, `await message.read()`;
               against an asyncio protocol that counts octets and answers nothing
    sent       `session.send` until it is delivered, the answers read; against a protocol that writes
               blocks of as many octets made beforehand, and reads nothing
    answering  a second rival sends back as many octets as we do, of no meaning, one write a read: what
               the system takes for answers, whoever gives them
    share      the rival's time in hundredths of ours: 100 % would be an engine that costs nothing

Over TLS the rival stands on the same TLS layer. A *message* here is one frame: one SEND with a
Message-ID of its own and "$"; *chunks* are SENDs of one long message. They are different work: each
message is given to the program by itself. Rounds are interleaved, the table gives medians and
quartiles of the ratio round by round. Loopback is moody: compare shares, and never times of two runs.

Then: the memory an idle session costs a listener, TLS and all; how long a chat line waits behind a file
on a line of 2.5 MB/s; and what a frame costs where a thousand sessions stand on one connection.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, os.path.dirname(__file__))  # noqa: PTH120

from loopback_dumb import Dumb
from loopback_fair import fairness
from loopback_ladder import ladder, sending
from loopback_many import many

from msrp_peer.bench.framing import Row
from msrp_peer.bench.measure import Figure
from msrp_peer.bench.report import as_json, line, machine

ROOT = Path(__file__).resolve().parent.parent
ENDS = Path(__file__).with_name("loopback_ends.py")


class End:
    """A process of `loopback_ends.py`."""

    def __init__(self, *role: str, script: Path = ENDS) -> None:
        path = os.pathsep.join([str(script.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONPATH": path}
        # Ctrl-C is for us: it ends when its orders do.
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self._process = subprocess.Popen(
                [sys.executable, script, *role],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
            )
        finally:
            signal.signal(signal.SIGINT, handler)
        try:
            self.here = self.heard()
        except BaseException:
            self.close()
            raise

    def ask(self, **order: object) -> dict[str, Any]:
        self.tell(**order)
        return self.heard()

    def tell(self, **order: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()

    def heard(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        words = self._process.stdout.readline()
        if not words:
            raise SystemExit(f"a process of the benchmark ended: {self._process.wait()}")
        found: dict[str, Any] = json.loads(words)
        if "lost" in found:
            raise SystemExit(f"of what was sent, this much was not received: {found['lost']}")
        return found

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        self._process.kill()
        self._process.wait()


@dataclass(frozen=True)
class Work:
    """What is sent, as it stands in the table.

    Attributes:
        body: octets of body in each frame.
        frames: how many a round has.
        chunks: whether they are chunks of one message, or a message each.
    """

    words: str
    body: int
    frames: int
    chunks: bool = False


CHAT = Work("chat messages (60 octets in frames of about 300)", 60, 60_000)
SMALL = Work("messages of 2 KiB", 2048, 20_000)
SMALL_CHUNKS = Work("2 KiB chunks of one message", 2048, 40_000, chunks=True)
LARGE = Work("messages of 64 KiB", 65536, 2_000)
LARGE_CHUNKS = Work("64 KiB chunks of one message", 65536, 2_000, chunks=True)
RECEIVED = {"chat": [CHAT], "2k": [SMALL, SMALL_CHUNKS], "64k": [LARGE, LARGE_CHUNKS]}
GOALS = {
    ("tcp", CHAT): 0.12,
    ("tcp", SMALL): 0.45,
    ("tcp", SMALL_CHUNKS): 0.45,
    ("tcp", LARGE): 0.65,
    ("tcp", LARGE_CHUNKS): 0.65,
    ("tls", SMALL): 0.80,
    ("tls", SMALL_CHUNKS): 0.80,
    ("tls", LARGE): 0.95,
    ("tls", LARGE_CHUNKS): 0.95,
}


def frames(work: Work, to: str, source: str) -> Iterator[bytes]:
    """The octets of a round, in blocks of many frames; ids as random as real ones."""
    rng = random.Random()
    body = rng.randbytes(work.body) if work.body > 100 else (b"the quick brown fox, " * 3)[: work.body]
    total = work.body * (work.frames if work.chunks else 1)
    head = f" SEND\r\nTo-Path: {to}\r\nFrom-Path: {source}\r\nMessage-ID: ".encode()
    tail = b"Content-Type: text/plain\r\n\r\n" + body + b"\r\n-------"
    message_id, start = b"%024x" % rng.getrandbits(96), 1
    pieces: list[bytes] = []
    for number in range(work.frames):
        tid = b"%016x" % rng.getrandbits(64)
        last = not work.chunks or number == work.frames - 1
        if not work.chunks:
            message_id, start = b"%024x" % rng.getrandbits(96), 1
        # Above 2,048 octets a chunk that is not the last may be interrupted, and says so.
        end = b"*" if not last and work.body > 2048 else b"%d" % (start + work.body - 1)
        place = b"\r\nByte-Range: %d-%b/%d\r\n" % (start, end, total)
        pieces += (b"MSRP ", tid, head, message_id, place, tail, tid, b"$\r\n" if last else b"+\r\n")
        start += work.body
        if len(pieces) * (work.body + 240) > 8 << 20:
            yield b"".join(pieces)
            pieces.clear()
    yield b"".join(pieces)


Costs = dict[str, list[dict[str, Any]]]


def received(work: Work, over: str, rounds: int) -> Costs:
    """What each round cost us, the rival that only counts, and the one that answers, too."""
    costs: Costs = {"ours": [], "rival": [], "answering": []}
    with contextlib.ExitStack() as stack:
        ends: dict[str, tuple[End, Dumb]] = {}
        for who in costs:
            end = End(f"receive-{'ours' if who == 'ours' else 'rival'}-{over}")
            stack.callback(end.close)
            dumb = Dumb(end.here["port"], tls=over == "tls")
            stack.callback(dumb.close)
            ends[who] = end, dumb
        end, dumb = ends["ours"]
        to, source = dumb.bind() if over == "tls" else (end.here["local"], end.here["remote"])
        answer = len(f"MSRP 0123456789abcdef 200 OK\r\nTo-Path: {source}\r\nFrom-Path: {to}\r\n-------") + 19
        for turn in range(rounds + 1):
            blocks = list(frames(work, to, source))
            octets = sum(map(len, blocks))
            for who, (end, dumb) in ends.items():
                count = work.body * work.frames if who == "ours" else octets
                answers = answer * work.frames / octets if who == "answering" else 0.0
                end.ask(do="start", count=count, stream=work.chunks, answers=answers)
                dumb.send(blocks)
                cost = end.heard()
                if turn:
                    costs[who].append(cost)
    return costs


def ladders(rounds: int, only: list[str]) -> Iterator[str]:
    for over in ("tcp", "tls"):
        for kind, works in RECEIVED.items():
            for work in works if not only or kind in only or over in only else ():
                yield from ladder(work, over, rounds, End, frames)
    if not only or "sent" in only:
        yield from sending(rounds, End)


def row(what: str, goal: float | None, costs: Costs, many: int) -> tuple[Row, str]:
    def share(rival: str, kind: str) -> Figure:
        return Figure.of([b[kind] / a[kind] for a, b in zip(costs["ours"], costs[rival], strict=True)])

    figure = share("rival", "cpu")
    words = f"at least {goal:.0%}" if goal else "no goal"
    each = [
        f"{Figure.of([cost[kind] / many * 1e6 for cost in costs[who]]).median:.2f}"
        for who in ("ours", "rival")
        for kind in ("cpu", "system")
    ]
    more = "       {} us a frame ({} of them the system's), the rival {} ({})".format(*each)
    more += f"; wall {share('rival', 'wall').median:.0%}"
    if "answering" in costs:
        more += f"; of a rival that answers {share('answering', 'cpu').median:.0%}"
    return Row(what, words, figure, "share", not goal or figure.median >= goal), more


def receivers(rounds: int, only: list[str]) -> Iterator[tuple[Row, str]]:
    for over in ("tcp", "tls"):
        for kind, works in RECEIVED.items():
            for work in works if not only or kind in only or over in only else ():
                what = f"{over.upper()}, received: {work.words}"
                yield row(what, GOALS.get((over, work)), received(work, over, rounds), work.frames)


MIB = 1 << 20
SENT: list[tuple[str, float | None, dict[str, Any]]] = [
    ("a stream in chunks of 2 KiB", 0.50, {"how": "stream", "octets": 64 * MIB, "chunk": 2048}),
    ("a stream in chunks of 64 KiB", None, {"how": "stream", "octets": 128 * MIB, "chunk": 65536}),
    ("chat, one awaited after the other", None, {"how": "one by one", "messages": 6400, "body": 60}),
    ("chat, 64 tasks at once", None, {"how": "side by side", "messages": 6400, "body": 60}),
    ("2 KiB, one awaited after the other", None, {"how": "one by one", "messages": 6400, "body": 2048}),
    ("2 KiB, 64 tasks at once", None, {"how": "side by side", "messages": 6400, "body": 2048}),
]


def senders(rounds: int, only: list[str]) -> Iterator[tuple[Row, str]]:
    for words, goal, order in SENT if not only or "sent" in only else ():
        order = {"chunk": 65536, **order}
        many = order["octets"] // order["chunk"] if "octets" in order else order["messages"]
        size = order["chunk"] if "octets" in order else order["body"]
        costs: Costs = {"ours": [], "rival": []}
        with contextlib.ExitStack() as stack:
            ends = [End(role) for role in ("receive-ours-tcp", "receive-rival-tcp", "send", "send")]
            for end in ends:
                stack.callback(end.close)
            far, counting, ours, rival = ends
            octets = many * (size + 240)  # the frames around the bodies, too
            ours.ask(do="connect", who="ours", **{**order, **far.here})
            rival.ask(do="connect", who="rival", port=counting.here["port"], block=65536, octets=octets)
            for turn in range(rounds + 1):
                for end, cost in ((ours, costs["ours"]), (rival, costs["rival"])):
                    spent = end.ask(do="start")
                    if turn:
                        cost.append(spent)
        yield row(f"TCP, sent: {words}", goal, costs, many)


def memory(sessions: int, only: list[str]) -> Iterator[tuple[Row, str]]:
    """What a session that says nothing costs its listener: resident memory, over so many."""
    if only and "memory" not in only:
        return
    with contextlib.ExitStack() as stack:
        end = End("receive-ours-tls")
        stack.callback(end.close)
        for _ in range(20):  # what is made once is there
            dumb = Dumb(end.here["port"], tls=True)
            stack.callback(dumb.close)
            dumb.bind()
        before = end.ask(do="memory")["resident"]
        for _ in range(sessions):
            dumb = Dumb(end.here["port"], tls=True)
            stack.callback(dumb.close)
            dumb.bind()
        each = (end.ask(do="memory")["resident"] - before) / sessions / 1024
    figure = Figure(each, each, each)
    yield (
        Row("an idle session, its connection and TLS", "under 64 KiB", figure, "KiB", each < 64),
        (f"       resident memory of the listener, {sessions} sessions over {sessions} connections"),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7, help="turns of each (7); one more comes first")
    parser.add_argument("--sessions", type=int, default=400, help="idle sessions (400)")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        choices=["chat", "2k", "64k", "tcp", "tls", "sent", "memory", "fair", "many"],
        help="measure this alone; may be given several times",
    )
    parser.add_argument(
        "--ladder", action="store_true", help="tell where the time goes, step by step, and no more"
    )
    parser.add_argument("--json", action="store_true", help="print JSON and no table")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench", help="where JSON goes")
    args = parser.parse_args()
    tell: Callable[..., None] = print if not args.json else lambda *_, **__: None
    tell(machine(), "\n")
    if args.ladder:
        for words in ladders(args.rounds, args.only):
            print(words, flush=True)
        return
    found = []
    for measured in (
        receivers(args.rounds, args.only),
        senders(args.rounds, args.only),
        memory(args.sessions, args.only),
        fairness(args.only),
        many(args.rounds, args.only),
    ):
        for one, more in measured:
            found.append(one)
            tell(line(one), flush=True)
            tell(more, flush=True)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "loopback.json").write_text(as_json(found) + "\n")
    if args.json:
        print(as_json(found))
    else:
        print(f"\nWritten: {args.out}/loopback.json")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
