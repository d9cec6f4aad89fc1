"""``msrp bench``: how fast the framing core is on this machine, against the machine's own limits."""

from __future__ import annotations

import argparse
from pathlib import Path

from .exits import Exit
from .output import Output

__all__ = ["run"]


def run(args: argparse.Namespace) -> Exit:
    """Measure and print; the exit code says nothing about the figures."""
    from ..bench.framing import rows
    from ..bench.report import as_json, chart, line, machine

    output = Output(json=args.json)
    output.event("machine", machine(), machine=machine())
    found = []
    for row in rows(args.rounds, quick=args.quick):
        found.append(row)
        output.event(
            "row",
            line(row),
            what=row.what,
            goal=row.goal,
            unit=row.unit,
            median=row.figure.median,
            low=row.figure.low,
            high=row.figure.high,
            met=row.met,
        )
    if args.write is not None:
        directory = Path(args.write)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "framing.json").write_text(as_json(found) + "\n")
        (directory / "framing.svg").write_text(chart(found))
        output.event(
            "written", f"Written: {directory}/framing.json and framing.svg", directory=str(directory)
        )
    return Exit.DONE
