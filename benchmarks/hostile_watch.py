"""Whether memory and descriptors of a process that lives long are flat.

Flat is: the median of the last quarter of the samples is not above that of the second quarter by more
than a tenth and, besides, `ROOM` MiB, or `SPARE` descriptors. The first quarter is for warming up. A run
shorter than `LEAST` seconds is shown, and not judged.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

__all__ = ["Watched"]

ROOM, SPARE = 8.0, 16.0
LEAST = 600.0
BARS = "▁▂▃▄▅▆▇█"


class Sample(NamedTuple):
    when: float
    memory: float  # MiB, what is shared with others counted in part (PSS)
    descriptors: float


@dataclass
class Watched:
    """One process, by its id."""

    name: str
    pid: int
    samples: list[Sample] = field(default_factory=list)

    def look(self) -> None:
        """Once more; a process that has ended is passed over."""
        with contextlib.suppress(OSError):
            rollup = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
            memory = next(int(row.split()[1]) for row in rollup.splitlines() if row.startswith("Pss:"))
            descriptors = len(os.listdir(f"/proc/{self.pid}/fd"))  # noqa: PTH208
            self.samples.append(Sample(time.monotonic(), memory / 1024, descriptors))

    @property
    def last(self) -> str:
        if not self.samples:
            return "?"
        return f"{self.samples[-1].memory:.0f} MiB, {self.samples[-1].descriptors:.0f} fds"

    def tell(self) -> bool:
        """Print what it was; whether it was flat."""
        if len(self.samples) < 8:
            print(f"{self.name}: too short a run to say anything of its memory")
            return True
        seconds = self.samples[-1].when - self.samples[0].when
        found = {
            "memory": self._flat("MiB", [each.memory for each in self.samples], ROOM),
            "descriptors": self._flat("descriptors", [each.descriptors for each in self.samples], SPARE),
        }
        if seconds < LEAST:
            return True
        for what, flat in found.items():
            if not flat:
                print(f"WRONG: {self.name}: {what} not flat")
        return all(found.values())

    def _flat(self, what: str, values: list[float], room: float) -> bool:
        size = len(values) // 4
        quarters = [values[k * size : (k + 1) * size] for k in range(3)] + [values[3 * size :]]
        middles = [statistics.median(quarter) for quarter in quarters]
        told = ", ".join(f"{middle:.0f}" for middle in middles)
        print(f"{self.name}: {_curve(values)} medians of the quarters {told}; most {max(values):.0f} {what}")
        return middles[3] <= middles[1] * 1.1 + room


def _curve(values: list[float], width: int = 40) -> str:
    step = max(1, len(values) // width)
    points = [statistics.median(values[at : at + step]) for at in range(0, len(values), step)]
    most = max(points) or 1.0
    return "".join(BARS[min(7, int(8 * point / most))] for point in points)
