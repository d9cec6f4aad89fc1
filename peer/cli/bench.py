"""``msrp bench``: how fast the framing core is on this machine, against the machine's own limits."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..terms.errors import UsageError
from .exits import Exit
from .output import Output

__all__ = ["run"]


def run(args: argparse.Namespace) -> Exit:
    """Measure and print; the exit code says nothing about the figures."""
    from ..bench.framing import rows
    from ..bench.report import as_json, chart, machine, told

    output = Output(json=args.json)
    directory: Path | None = args.write
    if directory is not None:  # before minutes are spent
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"the folder {directory} cannot be made: {error.strerror}") from None
    output.event("machine", machine(), machine=machine())
    output.note(
        "A quick run gives an idea, and judges nothing; msrp bench takes minutes, and compares with goals."
        if args.quick
        else "This takes minutes; goals are for a machine that does nothing else."
    )
    output.note("Each: the figure on this machine, then the ratio named, its median (and quartiles).")
    found = []
    for row in rows(args.rounds, quick=args.quick):
        found.append(row)
        if output.gone:
            break  # nobody reads what it takes minutes to find out
        output.event(
            "row",
            told(row, judged=not args.quick),
            what=row.what,
            goal=row.goal,
            unit=row.unit,
            median=row.figure.median,
            low=row.figure.low,
            high=row.figure.high,
            met=None if args.quick else row.met,
            plain=row.plain,
        )
    if directory is not None:
        (directory / "framing.json").write_text(as_json(found) + "\n")
        (directory / "framing.svg").write_text(chart(found))
        output.event(
            "written", f"Written: {directory}/framing.json and framing.svg", directory=str(directory)
        )
    return Exit.DONE
