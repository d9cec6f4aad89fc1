"""Contestants in turn, round after round: a machine that is slow for a while is slow for all."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["Figure", "contest", "per_second", "ratio"]

# The processor's time, where it is told finely: the wall clock of a busy machine also counts the turns of
# others, and the more of them the longer a contestant is at work.
_now = time.thread_time if time.get_clock_info("thread_time").resolution < 1e-6 else time.perf_counter


@dataclass(frozen=True, slots=True)
class Figure:
    """A median with the quartiles around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Figure:
        if len(values) < 2:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)

    def __format__(self, spec: str) -> str:
        return f"{self.median:{spec}} ({self.low:{spec}}-{self.high:{spec}})"


def contest(contestants: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of work each took, one value a round.

    Each works twice a round, and the second time counts: who comes before leaves nobody cold caches.
    """
    times: dict[str, list[float]] = {name: [] for name in contestants}
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, call in contestants.items():
                call()
                began = _now()
                call()
                times[name].append(_now() - began)
    finally:
        if collecting:
            gc.enable()
    return times


def ratio(slow: list[float], quick: list[float]) -> Figure:
    """How many times quicker the second is, round by round."""
    return Figure.of([a / b for a, b in zip(slow, quick, strict=True)])


def per_second(octets: int, times: list[float]) -> str:
    """What one contestant did by itself: ``"12.3 GB/s"``."""
    return f"{octets / statistics.median(times) / 1e9:.1f} GB/s"
