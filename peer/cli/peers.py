"""``msrp peers``: who announces to be listening on this network."""

from __future__ import annotations

import argparse
import contextlib
import math

from ..signalling.announcement import Announcement
from ..terms.display import escape
from .exits import Exit
from .output import Output
from .running import run as run_loop

__all__ = ["run"]


def run(args: argparse.Namespace) -> Exit:
    """List announcements as they are heard of; `Exit.NOBODY` where there was none."""
    output = Output(json=args.json)
    return run_loop(lambda: _peers(args, output), output, args.verbose)


async def _peers(args: argparse.Namespace, output: Output) -> Exit:
    from ..aio.discovery import browse

    seconds = math.inf if args.follow else args.seconds
    how_long = "until Ctrl-C" if args.follow else f"for {args.seconds:g} s"
    output.note(f"Looking {how_long}. What is announced is a hint: anybody can announce any name.")
    found = 0
    async with contextlib.aclosing(browse(seconds=seconds, interfaces=args.interfaces)) as announcements:
        async for announcement in announcements:
            found += 1
            await output.room()
            _show(announcement, output)
    if not found:
        output.note("Nobody announces to be listening on this network.")
    return Exit.DONE if found else Exit.NOBODY


def _show(announcement: Announcement, output: Output) -> None:
    places = [
        f"[{address}]:{announcement.port}" if ":" in address else f"{address}:{announcement.port}"
        for address in announcement.addresses
    ]
    name = None if announcement.principal is None else announcement.principal.text
    lines = [f"{name or '(no name)'}  {escape(' '.join(places))}  {escape(announcement.name, 63)}"]
    if not announcement.secure:
        lines.append("    plain TCP, where a proof protects the line (--tls none)")
    if announcement.fingerprint is not None:
        lines.append(f"    announced key, SHA-256 {announcement.fingerprint}")
    output.event(
        "peer",
        "\n".join(lines),
        name=announcement.name,
        principal=name,
        addresses=places,
        fingerprint=announcement.fingerprint,
        mechanisms=announcement.mechanisms,
        tls=announcement.secure,
        proved=False,
    )
