"""Things that all wait equally long, so that the oldest is always the next to be late."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

__all__ = ["Deadlines"]

T = TypeVar("T")


class Deadlines(Generic[T]):
    """Each is in here once; starting it again begins its wait anew. Times in seconds."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._at: OrderedDict[T, float] = OrderedDict()  # a dict looks long for its first item

    def start(self, waiting: T, now: float) -> None:
        self._at[waiting] = now + self._patience
        self._at.move_to_end(waiting)

    def stop(self, waiting: T) -> None:
        """Without effect where it does not wait."""
        self._at.pop(waiting, None)

    def next_timer(self) -> float | None:
        for at in self._at.values():
            return at
        return None

    def late(self, now: float) -> list[T]:
        """Those whose time is over; they wait no more."""
        over = []
        while self._at:
            waiting, at = next(iter(self._at.items()))
            if at > now:
                break
            del self._at[waiting]
            over.append(waiting)
        return over
