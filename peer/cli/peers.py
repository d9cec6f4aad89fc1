"""``msrp peers``: who announces to be listening on this network."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
from collections.abc import AsyncGenerator

from ..signalling.announcement import Announcement
from ..terms.display import escape, oddities
from .exits import Exit
from .output import Output
from .running import run as run_loop

__all__ = ["run", "settled"]

_STILL = 0.7  # seconds


def run(args: argparse.Namespace) -> Exit:
    """List announcements as they are heard of; `Exit.NOBODY` where there was none."""
    output = Output(json=args.json)
    return run_loop(lambda: _peers(args, output), output, args.verbose)


async def _peers(args: argparse.Namespace, output: Output) -> Exit:
    from ..aio.discovery import browse

    seconds = math.inf if args.follow else args.seconds
    how_long = "until Ctrl-C" if args.follow else f"for {args.seconds:g} s"
    output.note(f"Looking {how_long}. What is announced is a hint: anybody can announce any name.")
    shown: dict[tuple[str, bool], Announcement] = {}
    heard = browse(seconds=seconds, interfaces=args.interfaces)
    async with contextlib.aclosing(heard), contextlib.aclosing(settled(heard)) as announcements:
        async for announcement in announcements:
            name = announcement.name, announcement.secure
            if shown.get(name) != announcement:
                await output.room()
                _show(announcement, output, changed=name in shown)
            shown[name] = announcement
    if not shown:
        output.note("Nobody announces to be listening on this network.")
    return Exit.DONE if shown else Exit.NOBODY


async def settled(
    heard: AsyncGenerator[Announcement, None], still: float = _STILL
) -> AsyncGenerator[Announcement, None]:
    """Each announcement as it is `still` seconds after it was new or changed: whoever has several
    addresses is heard of at one, and then at the others."""
    loop = asyncio.get_running_loop()
    waiting: dict[tuple[str, bool], tuple[float, Announcement]] = {}
    one: asyncio.Future[Announcement | None] | None = None
    try:
        while True:
            one = one or asyncio.ensure_future(anext(heard, None))
            due = min((due for due, _ in waiting.values()), default=math.inf)
            await asyncio.wait({one}, timeout=None if due == math.inf else max(due - loop.time(), 0))
            if one.done():
                found, one = one.result(), None
                if found is None:
                    break
                name = found.name, found.secure
                due = waiting[name][0] if name in waiting else loop.time() + still
                waiting[name] = due, found
            for name in [name for name, (due, _) in waiting.items() if due <= loop.time()]:
                yield waiting.pop(name)[1]
        for _, last in waiting.values():
            yield last
    finally:
        if one is not None:
            one.cancel()  # else `heard` could not be closed
            await asyncio.wait({one})


def _show(announcement: Announcement, output: Output, *, changed: bool) -> None:
    places = [
        f"[{address}]:{announcement.port}" if ":" in address else f"{address}:{announcement.port}"
        for address in announcement.addresses
    ]
    name = None if announcement.principal is None else announcement.principal.text
    shown = "(no name)" if announcement.principal is None else announcement.principal.shown
    lines = [f"{shown}  {escape(' '.join(places))}  {escape(announcement.name, 63)}"]
    if odd := oddities(announcement.name):
        lines[0] += f"  ({'; '.join(odd)})"
    if changed:
        lines[0] += "  (changed)"
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
        changed=changed,
    )
