"""Where the time goes: the same octets, to receivers and from senders that do ever more of what the
engine does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from loopback_dumb import Dumb

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
    yield from _lines(STEPS, costs)


SENDING = {
    "rival": "blocks made beforehand",
    "cut": "+ chunks cut of 64 KiB at a time",
    "heard": "+ their 200s taken from the network",
    "answered": "+ those read and matched",
    "ours": "+ the engine around it, and its program",
}


def sending(rounds: int, end_of: Callable[..., Any]) -> Iterator[str]:
    """The same of a sender: a stream in chunks of 2 KiB."""
    octets, chunk = 64 << 20, 2048
    costs: dict[str, list[float]] = {step: [] for step in SENDING}
    with contextlib.ExitStack() as stack:
        ends = {}
        for who in SENDING:
            far = end_of("counted" if who in ("rival", "cut") else "whole", "tcp", script=SCRIPT)
            near = end_of("sending", "tcp", script=SCRIPT)
            stack.callback(far.close)
            stack.callback(near.close)
            size = octets // chunk * (chunk + 240) if who == "rival" else octets
            order = {"how": "stream", "octets": size, "chunk": chunk, "block": 65536}
            near.ask(do="connect", who=who, **order, **far.here)
            ends[who] = near
        for turn in range(rounds + 1):
            for who, near in ends.items():
                cost = near.ask(do="start")["cpu"] / (octets // chunk) * 1e6
                if turn:
                    costs[who].append(cost)
    yield "TCP, sent: a stream in chunks of 2 KiB; us of processor time a chunk"
    yield from _lines(SENDING, costs)


def _lines(steps: dict[str, str], costs: dict[str, list[float]]) -> Iterator[str]:
    """Of each step the round that cost least: others at work on the machine can only add to it."""
    least = {step: min(costs[step]) for step in steps}
    whole, before = least[[*steps][-1]], 0.0
    for step, words in steps.items():
        more = least[step] - before
        yield f"       {words:48}{least[step]:8.2f}{more:+8.2f}{more / whole:8.0%}"
        before = least[step]
