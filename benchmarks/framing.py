"""The framing core against other parsers: octets of equal size, contestants in turn.

make bench                             prints the tables; build/bench/ gets JSON and SVG
make bench ARGS="--rounds 30 --quick"
make bench ARGS="--picture docs/images/speed.svg"      renews the picture of the README
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from picture import picture
from speeds import Speed, against_rivals, block, measured

from msrp_peer.bench.framing import Row, rows
from msrp_peer.bench.report import as_json, chart, line, machine

ROOT = Path(__file__).resolve().parent.parent


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
    parser.add_argument("--picture", type=Path, help="where the picture of everybody's speed goes, too")
    args = parser.parse_args()
    print(machine(), "\n")
    speeds: list[Speed] = []
    for some in measured(args.rounds):
        print(block(some), "\n", flush=True)
        speeds += some
    found = against_rivals(speeds)
    for row in found:
        print(line(row))
    for row in (*with_sse2(args.rounds), *rows(args.rounds, quick=args.quick)):
        print(line(row), flush=True)
        found.append(row)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "framing.json").write_text(as_json(found) + "\n")
    (args.out / "framing.svg").write_text(chart(found))
    kept = [{key: value for key, value in asdict(speed).items() if key != "seconds"} for speed in speeds]
    (args.out / "speeds.json").write_text(json.dumps({"machine": machine(), "speeds": kept}, indent=1) + "\n")
    for path in (args.out / "speeds.svg", *([args.picture] if args.picture else [])):
        path.write_text(picture(speeds, machine()))
    print(f"\nWritten, into {args.out}: framing.json and framing.svg (the goals), speeds.json and speeds.svg")


if __name__ == "__main__":
    main()
