"""Figures for people: a table, JSON, a picture."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path

from msrp_core import scan_name

from .framing import Row

__all__ = ["as_json", "chart", "line", "machine", "told"]

_WIDTH, _BAR, _LABEL = 900, 26, 430


def machine() -> str:
    """What it ran on, in one line."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for text in cpuinfo.read_text(errors="replace").splitlines():
            if text.startswith("model name"):
                processor = text.partition(":")[2].strip()
                break
    return (
        f"{processor}, {os.cpu_count()} processors, {platform.system()} {platform.machine()}, "
        f"Python {sys.version.split()[0]}, scan {scan_name()}"
    )


def _figure(row: Row) -> str:
    figure = row.figure
    if row.unit == "share":
        return f"{figure.median:.0%} ({figure.low:.0%} to {figure.high:.0%})"
    return f"{figure.median:.2f} {row.unit} ({figure.low:.2f} to {figure.high:.2f})"


def told(row: Row, *, judged: bool) -> str:
    """One row for a person, on any terminal; `judged` against its goal where the figure is worth it."""
    plain = f"{row.plain}: " if row.plain else ""
    verdict = f"; {row.goal}: {'met' if row.met else 'missed'}" if judged else ""
    return f"{row.what}\n  {plain}{_figure(row)}{verdict}"


def line(row: Row) -> str:
    """One row of the table."""
    return f"{'met' if row.met else 'missed':7}{row.what:66}{row.goal:20}{_figure(row)}"


def as_json(rows: Sequence[Row]) -> str:
    """All rows, and what they were measured on."""
    return json.dumps({"machine": machine(), "rows": [asdict(row) for row in rows]}, indent=1)


def chart(rows: Sequence[Row]) -> str:
    """An SVG: for each row its figure as a bar, the quartiles as a line on it."""
    scale = {
        unit: (_WIDTH - _LABEL - 190) / max([row.figure.high for row in rows if row.unit == unit] or [1])
        for unit in {row.unit for row in rows}
    }
    height = _BAR * len(rows) + 50
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="10" y="18" font-weight="bold">{escape(machine())}</text>',
    ]
    for number, row in enumerate(rows):
        y = 34 + number * _BAR
        factor = scale[row.unit]
        low, high = _LABEL + row.figure.low * factor, _LABEL + row.figure.high * factor
        length = max(1.0, row.figure.median * factor)
        colour = "#3a7d44" if row.met else "#b5651d"
        out += [
            f'<text x="{_LABEL - 8}" y="{y + 14}" text-anchor="end">{escape(row.what)}</text>',
            f'<rect x="{_LABEL}" y="{y + 3}" width="{length:.1f}" height="14" fill="{colour}"/>',
            f'<path d="M{low:.1f} {y + 10}H{high:.1f}" stroke="#000" stroke-width="2"/>',
            f'<text x="{max(high, _LABEL + length) + 6:.1f}" y="{y + 14}">{escape(_figure(row))}</text>',
        ]
    out.append("</svg>")
    return "\n".join(out) + "\n"
