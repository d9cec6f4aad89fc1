"""Logins that failed of late: guessing over the network goes no faster than these numbers let it."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

__all__ = ["Attempts"]

_KEYS = 4096


class Attempts:
    """Counts failures by whatever names somebody: an address, a principal. Any thread may ask.

    Only so many names are remembered; the oldest is forgotten.
    """

    def __init__(self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Beyond `most` failures within so many `seconds` a name is `barred`."""
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def failed(self, name: str) -> None:
        """One more."""
        with self._lock:
            times = self._failures.setdefault(name, deque(maxlen=self._most))
            times.append(self._clock())
            self._failures.move_to_end(name)
            if len(self._failures) > _KEYS:
                self._failures.popitem(last=False)

    def barred(self, name: str) -> bool:
        """Whether there were too many."""
        with self._lock:
            times = self._failures.get(name)
            return times is not None and len(times) == self._most and times[0] > self._clock() - self._seconds
