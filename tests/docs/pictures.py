"""The state tables as pictures for docs/architecture.md.

.venv/bin/python tests/docs/pictures.py       prints them, to be pasted into the page
"""

from __future__ import annotations

from msrp_peer.protocol.tables import TABLES, Table

__all__ = ["picture", "pictures"]


def picture(table: Table, start: str) -> str:
    """One machine in mermaid's words: an arrow for each pair of states, all its events on it."""
    lines = ["stateDiagram-v2", f"    [*] --> {start}"]
    for state, row in table.items():
        arrows: dict[str, list[str]] = {}
        for event, after in row.items():
            arrows.setdefault(after, []).append(event)
        lines += [f"    {state} --> {after}: {', '.join(events)}" for after, events in arrows.items()]
        if not row:
            lines.append(f"    {state} --> [*]")
    return "\n".join(lines)


def pictures() -> dict[str, str]:
    return {name: picture(table, start) for name, (table, start) in TABLES.items()}


if __name__ == "__main__":
    for name, drawn in pictures().items():
        print(f"{name}\n\n```mermaid\n{drawn}\n```\n")
