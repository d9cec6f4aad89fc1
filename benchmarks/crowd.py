"""A crowd at one listener: a thousand who say nothing, and a flood of those who mean no good.

    make bench-crowd                          about three minutes
    make bench-crowd ARGS="--only flood --seconds 5"
    make bench-crowd ARGS="--quick"           a few seconds, to see that it runs; its figures say nothing

idle    memory of a listener, a process of its own, for each session that stands and says nothing, by each
        way that people log in: resident memory with so many, less what it was with twenty, over their
        number. Told, too: what comes back when all are gone, and what as many anew take on top of that.
        All come from one address, so `Limits` of the connections are larger than usual; passwords have the
        least iterations allowed (4,096), which are the guests' to derive. By passwords each guest has a
        name of their own; certificates and tickets are Alice's, each time.
flood   two people chat, one of them the listener, at a steady rate both ways, over SCRAM-SHA-256-PLUS in TLS;
        in turns with nobody else there, and while ten addresses (127.0.0.11 to 20) do what
        crowd_attack.py names: wrong passwords, unknown names, tokens of no meaning, logins left half way,
        connections that say nothing, halves of a ClientHello, TLS and then nothing. Meanwhile a third
        person logs in from another address, twice a second. All `Limits` are the usual ones.
        How long a line takes is counted from when it was to be said until its sender knows that it was
        delivered. Every line is looked for at the other side: there, and once. The names whose passwords
        are tried are not those of the people here: a name under attack is kept out itself (decision 78).

Where others are at work, each program stands still now and then. So a process that only sleeps is watched in
the same turns, and of the worst moment of each event loop is told for how long its thread ran in it, and for
how long it waited for a processor (both by Linux's own count). What is left it waited for threads of its own.

Linux; no root is needed. Kerberos is measured where a KDC is installed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, os.path.dirname(__file__))  # noqa: PTH120

from loopback import End
from paths_people import certify, realm
from paths_ways import WAYS

from msrp_peer.bench.framing import Row
from msrp_peer.bench.measure import Figure
from msrp_peer.bench.report import as_json, line, machine

ROOT = Path(__file__).resolve().parent.parent
ENDS = Path(__file__).with_name("crowd_ends.py")
ATTACK = Path(__file__).with_name("crowd_attack.py")
IDLE = ("scram-256", "certificate", "digest-tcp", "u2u", "u2u-tcp")
CHAT = "scram-256"
WARM = 20
GOAL_KIB, GOAL_MS = 64, 250


Details = dict[str, Any]
"""What is found besides the rows, for JSON."""


def started(stack: contextlib.ExitStack, *role: str, script: Path = ENDS) -> End:
    end = End(*role, script=script)
    stack.callback(end.close)
    return end


# -- a thousand


def idle(name: str, sessions: int, details: Details) -> tuple[Row, str]:
    """One way: the memory of a session, and what becomes of it."""
    with contextlib.ExitStack() as stack:
        host = started(stack, "host", name, "roomy", str(sessions))
        first, crowd = (started(stack, "guests", name) for _ in range(2))
        port = host.here["port"]

        def come(guests: End, count: int, expected: int) -> tuple[float, dict[str, Any]]:
            seconds = guests.ask(do="come", port=port, count=count)["seconds"]
            levels.update(host.ask(do="until", sessions=expected)["levels"])
            return seconds, host.ask(do="costs")

        levels: dict[str, int] = {}
        _, before = come(first, WARM, WARM)
        seconds, there = come(crowd, sessions, WARM + sessions)
        crowd.ask(do="leave")
        host.ask(do="until", sessions=WARM)
        after = host.ask(do="costs")
        _, again = come(crowd, sessions, WARM + sessions)
        crowd.ask(do="leave")
        host.ask(do="until", sessions=WARM)
        trimmed = host.ask(do="costs", trim=True)
    each = (there["resident"] - before["resident"]) / sessions / 1024
    row = Row(
        f"idle session: {WAYS[name].name}",
        f"under {GOAL_KIB} KiB",
        Figure(each, each, each),
        "KiB",
        each < GOAL_KIB,
    )
    named = {"before": before, "there": there, "after": after, "again": again, "trimmed": trimmed}
    details[name] = {"sessions": sessions, "levels": list(levels), "seconds": seconds, **named}
    mib = {key: (one["resident"] - before["resident"]) / (1 << 20) for key, one in named.items()}
    shared = (there["proportional"] - before["proportional"]) / sessions / 1024
    return row, (
        f"       {sessions} of them ({', '.join(levels)}) in {seconds:.0f} s: {mib['there']:+.1f} MiB, by "
        f"proportional memory {shared:.1f} KiB each;\n"
        f"       all gone {mib['after']:+.1f} MiB, as many anew {mib['again']:+.1f}, all gone and what the C "
        f"library only keeps given back {mib['trimmed']:+.1f};\n"
        f"       descriptors {before['descriptors']}, {there['descriptors']}, {after['descriptors']}"
    )


# -- the flood


@dataclass
class Found:
    """What some turns of one kind came to."""

    waits: list[float] = field(default_factory=list)
    said: int = 0
    heard: int = 0
    again: int = 0
    failed: list[str] = field(default_factory=list)
    logins: list[float] = field(default_factory=list)
    kept_out: list[str] = field(default_factory=list)
    stood: dict[str, dict[str, float]] = field(default_factory=dict)
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    sent_in: float = 0.0
    processor: float = 0.0

    def stand(self, who: str, stood: dict[str, float]) -> None:
        """Keep the worst moment."""
        if stood["late"] >= self.stood.get(who, {"late": 0.0})["late"]:
            self.stood[who] = stood

    def lines(self) -> str:
        worst, logins = max(self.waits) * 1e3, sorted(self.logins)
        median, rare = (
            statistics.median(self.waits),
            statistics.quantiles(self.waits, n=100, method="inclusive")[98],
        )
        text = (
            f"       median {median * 1e3:.1f} ms, p99 {rare * 1e3:.1f}, worst {worst:.1f} of {self.said}; "
            f"{self.heard} heard, {self.again} again, {len(self.failed)} not delivered\n"
        )
        for who, stood in self.stood.items():
            text += (
                f"       {who} stood still for {stood['late'] * 1e3:.0f} ms at the worst: it ran for "
                f"{stood['ran'] * 1e3:.0f}, waited for a processor for {stood['waited'] * 1e3:.0f}\n"
            )
        if logins:
            text += (
                f"       a third person logged in {len(logins)} times, in "
                f"{statistics.median(logins) * 1e3:.0f} ms, at the worst {logins[-1] * 1e3:.0f}; "
                f"was kept out {len(self.kept_out)} times\n"
            )
        for kind, outcomes in self.outcomes.items():
            each = ", ".join(f"{outcome} {times}" for outcome, times in outcomes.most_common())
            text += f"       {kind}: {each}\n"
        return text.rstrip()


class Scene:
    """The listener, the one who talks with it, the third, the sleeper, the attackers."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self.host = started(stack, "host", CHAT, "usual")
        self.talker = started(stack, "talk", CHAT)
        self.visitor = started(stack, "visit", CHAT)
        self.sleeper = started(stack, "sleep")
        self.attackers = started(stack, script=ATTACK)
        self.port = self.host.here["port"]
        self.talker.ask(do="connect", port=self.port)
        self._turns = 0

    def turn(self, found: Found, seconds: float, rate: float, attacks: int) -> None:
        self._turns += 1
        began = self.host.ask(do="processor")["seconds"]
        if attacks:
            self.attackers.tell(port=self.port, count=attacks, seconds=seconds)
        people = {"the listener": self.host, "the other one": self.talker}
        self.sleeper.tell(seconds=seconds)
        self.visitor.tell(port=self.port, seconds=seconds)
        for end in people.values():
            end.tell(do="say", turn=self._turns, seconds=seconds, rate=rate)
        many = 0
        for who, end in people.items():
            said = end.heard()
            many = len(said["waits"])
            found.said += many
            found.waits += said["waits"]
            found.failed += said["failed"]
            found.stand(who, said["stood"])
        found.stand("the sleeper", self.sleeper.heard()["stood"])
        for end in people.values():
            counted = end.ask(do="count", turn=self._turns, expected=many)
            found.heard += counted["heard"]
            found.again += counted["again"]
        visits = self.visitor.heard()
        found.logins += visits["took"]
        found.kept_out += visits["failed"]
        if attacks:
            done = self.attackers.heard()
            found.sent_in += done["seconds"]
            for kind, outcomes in done["outcomes"].items():
                found.outcomes.setdefault(kind, Counter()).update(outcomes)
        found.processor += self.host.ask(do="processor")["seconds"] - began


def flood(
    turns: int, seconds: float, rate: float, attacks: int, details: Details
) -> Iterator[tuple[Row, str]]:
    quiet, busy = Found(), Found()
    with contextlib.ExitStack() as stack:
        scene = Scene(stack)
        scene.turn(Found(), min(1.0, seconds), rate, 0)  # what is made once is there
        before = scene.host.ask(do="costs")
        for number in range(turns):
            scene.turn(quiet, seconds, rate, 0)
            scene.turn(busy, seconds, rate, attacks * (number + 1) // turns - attacks * number // turns)
        time.sleep(min(5.0, seconds))  # who was refused is gone by then
        after = scene.host.ask(do="costs")
    for name, found in (("with nobody else there", quiet), ("in the flood", busy)):
        worst, figure = max(found.waits) * 1e3, Figure.of([wait * 1e3 for wait in found.waits])
        flooded = found is busy
        met = worst < GOAL_MS or not flooded
        words = f"worst under {GOAL_MS} ms" if flooded else "no goal"
        yield (
            Row(f"a line between two, {name}", words, figure, "ms", met, f"worst {worst:.1f} ms"),
            found.lines(),
        )
    made = sum(sum(outcomes.values()) for outcomes in busy.outcomes.values())
    arrived = Figure.of([found.heard / found.said for found in (quiet, busy)])
    exact = arrived.low == arrived.high == 1 and not any(f.again or f.failed for f in (quiet, busy))
    yield (
        Row("lines that arrived, once, and were confirmed", "all", arrived, "share", exact),
        f"       {made} attacks, sent off in {busy.sent_in:.1f} s; each took the listener "
        f"{(busy.processor - quiet.processor) / made * 1e3:.2f} ms of a processor",
    )
    details |= {
        "quiet": quiet.stood,
        "busy": busy.stood,
        "attacks": busy.outcomes,
        "processor": [quiet.processor, busy.processor],
        "logins": len(busy.logins),
        "kept out": busy.kept_out,
        "before": before,
        "after": after,
    }
    grown = (after["resident"] - before["resident"]) / (1 << 20)
    more = (
        f"       {before['resident'] / (1 << 20):.1f} MiB before; descriptors {before['descriptors']} and "
        f"{after['descriptors']}, threads {before['threads']} and {after['threads']}"
    )
    yield (
        Row("memory of the listener, after the flood", "no goal", Figure(grown, grown, grown), "MiB", True),
        more,
    )


# -- all of it


def loads() -> str:
    return "load average {:.1f}, {:.1f}, {:.1f}".format(*os.getloadavg())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=1000, help="idle ones (1000)")
    parser.add_argument("--attacks", type=int, default=10_000, help="of all turns together (10000)")
    parser.add_argument("--turns", type=int, default=3, help="quiet ones, and as many with the flood (3)")
    parser.add_argument("--seconds", type=float, default=10, help="a turn takes (10)")
    parser.add_argument("--rate", type=float, default=25, help="lines a second, each way (25)")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        choices=[*IDLE, "idle", "flood"],
        help="measure this alone; may be given several times",
    )
    parser.add_argument(
        "--quick", action="store_true", help="50 sessions, 100 attacks, one turn of a second: does it run?"
    )
    parser.add_argument("--json", action="store_true", help="print JSON and no table")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench", help="where JSON goes")
    args = parser.parse_args()
    if args.quick:
        args.sessions, args.attacks, args.turns, args.seconds = 50, 100, 1, 1.0
    tell: Callable[..., None] = print if not args.json else lambda *_, **__: None
    tell(f"{machine()}; {loads()}\n")
    rows: list[Row] = []
    details: dict[str, Details] = {"idle": {}, "flood": {}}
    for row, more in measured(args, tell, details):
        rows.append(row)
        tell(line(row), flush=True)
        tell(more, flush=True)
    tell(f"\n{loads()}")
    whole = json.dumps({**json.loads(as_json(rows)), **details}, indent=1)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "crowd.json").write_text(whole + "\n")
    print(whole if args.json else f"Written: {args.out}/crowd.json")


def measured(
    args: argparse.Namespace, tell: Callable[..., None], details: dict[str, Details]
) -> Iterator[tuple[Row, str]]:
    only = set(args.only) or {"idle", "flood"}
    ways = [name for name in IDLE if {"idle", name} & only]
    with (
        realm() if any(WAYS[name].kerberos for name in ways) else contextlib.nullcontext("") as missing,
        tempfile.TemporaryDirectory(prefix="msrp-bench-") as folder,
    ):
        certify(Path(folder))
        if missing:
            tell(f"Kerberos is left out: there is no {missing}\n")
        for name in ways:
            if not (missing and WAYS[name].kerberos):
                yield idle(name, args.sessions, details["idle"])
        if "flood" in only:
            yield from flood(args.turns, args.seconds, args.rate, args.attacks, details["flood"])


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
