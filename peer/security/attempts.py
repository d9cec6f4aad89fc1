"""Logins that failed of late: guessing over the network goes no faster than these numbers let it."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

__all__ = ["Attempts"]

_KEYS = 4096


_LONGEST = 16  # times as long as the first time


class _Failures:
    """Of one name.

    Attributes:
        times: when its last ones were.
        until: until when it is barred for coming again and again.
        factor: how many times as long the next time.
    """

    __slots__ = ("factor", "times", "until")

    def __init__(self, most: int) -> None:
        self.times: deque[float] = deque(maxlen=most)
        self.until = float("-inf")
        self.factor = 1


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
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def failed(self, name: str, *, growing: bool = False) -> None:
        """One more. With `growing` a name that comes again when it is let in again is barred for twice
        as long each time, up to sixteen times; as long without a failure, and it is as new."""
        with self._lock:
            now = self._clock()
            one = self._failures.setdefault(name, _Failures(self._most))
            if now > one.until + self._seconds * one.factor:
                one.factor = 1
            one.times.append(now)
            if growing and now >= one.until and self._full(one, now):
                one.until = now + self._seconds * one.factor
                one.factor = min(2 * one.factor, _LONGEST)
                one.times.clear()
            self._failures.move_to_end(name)
            if len(self._failures) > _KEYS:
                self._failures.popitem(last=False)

    def barred(self, name: str) -> bool:
        """Whether there were too many."""
        with self._lock:
            one, now = self._failures.get(name), self._clock()
            return one is not None and (now < one.until or self._full(one, now))

    def _full(self, one: _Failures, now: float) -> bool:
        return len(one.times) == self._most and one.times[0] > now - self._seconds
