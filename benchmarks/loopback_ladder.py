"""Where a receiver's time goes: the same octets, to receivers that do ever more of what the engine does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from loopback_dumb import Dumb

from msrp_peer.bench.measure import Figure

SCRIPT = Path(__file__).with_name("loopback_steps.py")
STEPS = {
    "counted": "octets counted",
    "parsed": "+ frames read",
    "matched": "+ session found, 200s made, bodies kept",
    "answered": "+ 200s written",
    "engine": "+ the engine around it: rules, limits, clocks",
    "whole": "+ given to a program: async for, read()",
}


def ladder(
    work: Any,
    over: str,
    rounds: int,
    end_of: Callable[..., Any],
    frames: Callable[..., Iterator[bytes]],
) -> Iterator[str]:
    """A line for each step: what it costs, what it adds, and which share of the whole it adds."""
    costs: dict[str, list[float]] = {step: [] for step in STEPS}
    with contextlib.ExitStack() as stack:
        ends = {}
        for step in STEPS:
            end = end_of(step, over, script=SCRIPT)
            stack.callback(end.close)
            dumb = Dumb(end.here["port"], tls=over == "tls")
            stack.callback(dumb.close)
            ends[step] = end, dumb
        for turn in range(rounds + 1):
            for step, (end, dumb) in ends.items():
                blocks = list(frames(work, end.here["local"], end.here["remote"]))
                bodies = step in ("engine", "whole")
                count = work.body * work.frames if bodies else sum(map(len, blocks))
                end.ask(do="start", count=count, stream=work.chunks)
                dumb.send(blocks)
                cost = end.heard()["cpu"] / work.frames * 1e6
                if turn:
                    costs[step].append(cost)
    yield f"{over.upper()}, received: {work.words}; us of processor time a frame"
    yield from _lines(costs)


def _lines(costs: dict[str, list[float]]) -> Iterator[str]:
    before: Sequence[float] = [0.0] * len(costs["counted"])
    whole = costs["whole"]
    for step, words in STEPS.items():
        each = costs[step]
        total = Figure.of(each).median
        more = Figure.of([now - then for now, then in zip(each, before, strict=True)]).median
        share = Figure.of(
            [(now - then) / all_ for now, then, all_ in zip(each, before, whole, strict=True)]
        ).median
        yield f"       {words:48}{total:8.2f}{more:+8.2f}{share:8.0%}"
        before = each
