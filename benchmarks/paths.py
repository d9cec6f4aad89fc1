"""The ways to a session, one beside the other: what each costs until it stands, and what a file costs on it.

    make bench-paths
    make bench-paths ARGS="--only scram-512 --only digest --rounds 9"

begun   octets and round trips from the first of TCP to the answer to the first SEND, and sessions a
        second on one processor that does both ends. Their share is the time of the expensive
        primitives alone (TLS handshake by pyOpenSSL, a key and its signature, PBKDF2 with the
        iterations of `msrp passwd`), done one after the other in the same round, in hundredths of ours
file    64 MiB between two processes, from file to file, checked. Its share is the same file by Python's
        own TLS on asyncio, in the same round; where a mechanism's own layer carries it, that layer's
        codec with nothing around it; and where that layer lies in TLS, both

Shares compare processor time of both ends, all threads: it hardly depends on what else the machine does.
By the clock they are told, too; of these believe only those of an idle machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, os.path.dirname(__file__))  # noqa: PTH120

from paths_begun import Begun, begun, rate
from paths_file import carried, made
from paths_people import certify, realm
from paths_ways import WAYS, Way

from msrp_peer.bench.framing import Row
from msrp_peer.bench.report import as_json, chart, line, machine

ROOT = Path(__file__).resolve().parent.parent
GOAL_TLS, GOAL_LAYER = 0.80, 0.60


def established(name: str, way: Way, rounds: int, sessions: int) -> tuple[Row, str]:
    """Sessions a second."""
    many = max(1, sessions // 20) if way.hash else sessions
    found = asyncio.run(rate(way, rounds, many))
    what, speed = f"sessions established: {way.name}", f"{found.per_second.median:.1f} sessions/s"
    if way.kerberos or way.tls == "none":  # what is expensive there nobody does bare
        row = Row(what, "no goal", found.per_second, "a second", True, speed)
        return row, f"       ms of both ends: {found.ours.median:.2f}"
    met = found.share.median >= GOAL_TLS
    row = Row(what, f"at least {GOAL_TLS:.0%}", found.share, "share", met, speed)
    parts = ", ".join(f"{part} {each:.2f}" for part, each in found.parts.items())
    more = f"       {speed}; ms of both ends: {found.ours.median:.2f}, bare: {parts}"
    if found.floor is not None:
        least = f"{found.floor.median:.0%}"
        more += (
            f"\n       a program of asyncio, this TLS and two trips, without any engine, would have {least}"
        )
    return row, more


def file(name: str, way: Way, path: Path, rounds: int) -> tuple[Row, str]:
    """The file."""
    found = carried(name, way, path, rounds)
    goal = GOAL_LAYER if way.layer else GOAL_TLS
    against = "asyncio's TLS" if not way.layer else "its codec" + (" and TLS" if way.tls != "none" else "")
    row = Row(
        f"{path.stat().st_size >> 20} MiB against {against}: {way.name}",
        f"at least {goal:.0%}",
        found.share,
        "share",
        found.share.median >= goal,
        f"{found.megabytes:.0f} MB/s",
    )
    wall = f"by the clock {found.megabytes:.0f} MB/s, {found.wall.median:.0%}"
    return row, f"       {wall}; without hashing, which only ours does, {found.unhashed.median:.0%}"


def costs(ways: dict[str, Way]) -> Iterator[tuple[str, Begun]]:
    for name, way in ways.items():
        yield name, asyncio.run(begun(way))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7, help="turns of each (7)")
    parser.add_argument("--sessions", type=int, default=40, help="sessions of a turn (40)")
    parser.add_argument("--mebibytes", type=int, default=64, help="the size of the file (64)")
    parser.add_argument("--only", action="append", default=[], choices=list(WAYS), help="this way alone")
    parser.add_argument("--part", action="append", default=[], choices=["begun", "file"], help="this alone")
    parser.add_argument("--json", action="store_true", help="print JSON and no table")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench", help="where JSON and SVG go")
    args = parser.parse_args()
    tell: Callable[..., None] = print if not args.json else lambda *_, **__: None
    tell(machine(), "\n")
    parts = args.part or ["begun", "file"]
    ways = {name: way for name, way in WAYS.items() if not args.only or name in args.only}
    needed = any(way.kerberos for way in ways.values())
    with (
        realm() if needed else contextlib.nullcontext("") as missing,
        tempfile.TemporaryDirectory(prefix="msrp-bench-") as folder,
    ):
        certify(Path(folder))
        if missing:
            tell(f"Kerberos is left out: there is no {missing}\n")
            ways = {name: way for name, way in ways.items() if not way.kerberos}
        found = _measured(args, ways, parts, Path(folder), tell)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "paths.json").write_text(found["json"] + "\n")
    (args.out / "paths.svg").write_text(found["svg"])
    if args.json:
        print(found["json"])
    else:
        print(f"\nWritten: {args.out}/paths.json, {args.out}/paths.svg")


def _measured(
    args: argparse.Namespace, ways: dict[str, Way], parts: list[str], folder: Path, tell: Callable[..., None]
) -> dict[str, str]:
    rows: list[Row] = []
    begins: dict[str, Any] = {}
    if "begun" in parts:
        tell(f"{'until a session stands':44}{'round trips':>12}{'octets there':>14}{'and back':>10}")
        for name, cost in costs(ways):
            begins[name] = asdict(cost)
            tell(f"{ways[name].name:44}{cost.trips:12}{cost.there:14}{cost.back:10}", flush=True)
        tell()
    with contextlib.ExitStack() as stack:
        path = stack.enter_context(made(folder, args.mebibytes << 20)) if "file" in parts else folder
        for part in parts:
            for name, way in ways.items():
                if part == "begun":
                    row, more = established(name, way, args.rounds, args.sessions)
                else:
                    row, more = file(name, way, path, args.rounds)
                rows.append(row)
                tell(line(row), flush=True)
                tell(more, flush=True)
    whole = {**json.loads(as_json(rows)), "begun": begins}
    return {"json": json.dumps(whole, indent=1), "svg": chart(rows)}


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
