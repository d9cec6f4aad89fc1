"""A file that worker threads use, one call at a time, and that may be given up at any moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

__all__ = ["Handle"]


class Closable(Protocol):
    def close(self) -> object: ...


T = TypeVar("T", bound=Closable)
R = TypeVar("R")


class Handle(Generic[T]):
    """Opened by its first use, in that thread.

    A coroutine that is cancelled cannot stop the thread it waited for, and must neither wait for
    it nor close a file it is in the middle of. So `close` marks the file; where a call is under
    way, that call's thread closes it.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._file: T | None = None
        self._lock = threading.Lock()
        self._over = False

    def use(self, call: Callable[[T], R]) -> R:
        """Call with the file, in a worker thread. Raises what opening and calling raise, and
        ValueError once it is closed."""
        with self._lock:
            try:
                if self._over:
                    raise ValueError("the file is closed")
                if self._file is None:
                    self._file = self._make()
                return call(self._file)
            finally:
                if self._over:
                    self._close()

    def close(self) -> None:
        """Never waits; may be called twice."""
        self._over = True
        if self._lock.acquire(blocking=False):
            try:
                self._close()
            finally:
                self._lock.release()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
