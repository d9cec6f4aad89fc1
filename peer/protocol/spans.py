"""Which octets of a message were spoken of: ranges in any order, over one another."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

__all__ = ["Spans"]


class Spans:
    """Sorted ranges, none touching another, counted from 0; no more than `most` of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._starts: list[int] = []
        self._ends: list[int] = []

    @property
    def reach(self) -> int:
        """Where the first octet is that was not spoken of."""
        return self._ends[0] if self._starts and self._starts[0] == 0 else 0

    def add(self, start: int, end: int) -> None:
        """Octets `start` to `end`, the last not included. Forgotten where there are too many ranges."""
        first = bisect_left(self._ends, start)
        last = bisect_right(self._starts, end)
        if first < last:
            start = min(start, self._starts[first])
            end = max(end, self._ends[last - 1])
        elif len(self._starts) >= self._most:
            return
        self._starts[first:last] = [start]
        self._ends[first:last] = [end]
