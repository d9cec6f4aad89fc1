"""Who is how fast, for people who would rather look than read."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import log10

from speeds import ALL, LAZILY, RIVAL, SEVEN, Speed

__all__ = ["picture"]

PANELS = (
    ("chat", "Chat", "messages of 315 octets"),
    ("2k", "Small chunks", "2 KiB each"),
    ("64k", "Files", "chunks of 64 KiB"),
)
UNITS = {1: "kB/s", 2: "MB/s", 3: "GB/s"}
FEED = 65536
LEAST, MOST = 5, 11.2  # powers of ten, in octets a second: the ends of the scale
WIDTH, LEFT, RIGHT, ROW, TOP = 860, 196, 148, 25, 92
NAMES = {
    LAZILY: "msrp_core",
    SEVEN: "msrp_core, all headers",
    "httptools, least": "httptools, no callbacks",
    RIVAL: "httptools",
    "MSRP in plain Python": "plain Python",
}
SHOWN = [name for name in ALL if name != "memchr"]
NOTES = (
    "httptools and h11 read HTTP messages of the same size. HTTP tells a body's length ahead, and its octets",
    "need not be looked at; MSRP has to find the end. Plain Python is the tests' own parser, made clear.",
)

# The picture brings its own ground: it is legible on whatever page it stands, and follows the reader's taste
# where that is known.
STYLE = """
.ground{fill:#ffffff;stroke:#d5dae1}.ink{fill:#1c2430}.soft{fill:#5b6675}.grid{stroke:#e4e8ee}
.ours{fill:#0b7a75}.also{fill:#56b3ad}.rival{fill:#a9b4c2}
.limit{fill:none;stroke:#8a95a5;stroke-dasharray:4 3}
text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
@media (prefers-color-scheme:dark){
.ground{fill:#12171f;stroke:#2d3643}.ink{fill:#e9eef5}.soft{fill:#9aa6b6}.grid{stroke:#252e3a}
.ours{fill:#2fc4b8}.also{fill:#1f7f79}.rival{fill:#566274}.limit{stroke:#7d8999}}
"""


def _at(speed: float) -> float:
    share = (min(max(log10(speed), LEAST), MOST) - LEAST) / (MOST - LEAST)
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _rate(speed: float) -> str:
    for unit, name in ((1e9, "GB/s"), (1e6, "MB/s")):
        if speed >= unit:
            return f"{speed / unit:.{0 if speed >= 10 * unit else 1}f} {name}"
    return f"{speed / 1e3:.0f} kB/s"


def _text(x: float, y: float, words: str, size: int, kind: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" class="{kind}"{more}>{escape(words)}</text>'


def _panel(y: float, title: str, words: str, speeds: dict[str, float]) -> list[str]:
    out = [
        f'<text x="24" y="{y}" font-size="15" class="ink" font-weight="600">{escape(title)}'
        f'<tspan dx="8" font-size="13" font-weight="400" class="soft">{escape(words)}</tspan></text>'
    ]
    for number, name in enumerate(SHOWN):
        top = y + 12 + number * ROW
        end = _at(speeds[name])
        kind = {LAZILY: "ours", SEVEN: "also", "memcpy": "limit"}.get(name, "rival")
        strong = ' font-weight="600"' if name == LAZILY else ""
        label = _rate(speeds[name])
        if name in (LAZILY, SEVEN):
            label += f" · {speeds[name] / speeds[RIVAL]:.1f} × httptools"
        out += [
            _text(LEFT - 10, top + 14, NAMES.get(name, name), 13, "ink", f' text-anchor="end"{strong}'),
            f'<rect x="{LEFT}" y="{top + 2}" width="{end - LEFT:.1f}" height="17" rx="2.5" class="{kind}"/>',
            _text(end + 8, top + 15, label, 13, "ink" if strong else "soft", strong),
        ]
    return out


def picture(speeds: Sequence[Speed], machine: str) -> str:
    """An SVG: bars on a scale of powers of ten, one panel for each of three corpora."""
    found: dict[str, dict[str, float]] = {kind: {} for kind, _, _ in PANELS}
    for one in speeds:
        if one.feed == FEED and one.corpus in found:
            found[one.corpus][one.contestant] = one.figure.median
    each = len(SHOWN) * ROW + 44
    bottom = TOP + len(PANELS) * each
    height = bottom + 30 + 17 * (len(NOTES) + 1)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img">',
        "<title>Octets read in a second: msrp_core, httptools, h11, plain Python and memcpy</title>",
        f"<style>{STYLE}</style>",
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="10" class="ground"/>',
        _text(24, 36, "Octets read in a second", 20, "ink", ' font-weight="650"'),
        _text(24, 58, "Longer is faster; every line to the right is ten times the one before.", 13, "soft"),
    ]
    for power in range(LEAST, int(MOST) + 1):
        x = _at(10.0**power)
        out.append(f'<path d="M{x:.1f} {TOP - 8}V{bottom - 18}" class="grid"/>')
        label = f"{10 ** (power % 3)} {UNITS[power // 3]}"
        out.append(_text(x, bottom - 2, label, 12, "soft", ' text-anchor="middle"'))
    for number, (kind, title, words) in enumerate(PANELS):
        out += _panel(TOP + number * each, title, words, found[kind])
    for number, note in enumerate((*NOTES, f"In feeds of 64 KiB. {machine}")):
        out.append(_text(24, bottom + 30 + 17 * number, note, 12, "soft"))
    out.append("</svg>")
    return "\n".join(out) + "\n"
