"""Watching every line of this process, as ``msrp --trace`` does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol

from ..protocol.tap import Tap

__all__ = ["Watcher", "tap", "watching"]


class Watcher(Protocol):
    """Made by whoever watches; called from the event loop. May not raise."""

    def line(self, address: str) -> Tap:
        """A network connection stands, with whoever is at ``host:port``."""

    def gone(self, tap: Tap, reason: str | None) -> None:
        """It is closed; the reason is None after an orderly end."""


_watcher: Watcher | None = None


@contextlib.contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Let it see every line that is made meanwhile; one watcher at a time, the last one counts."""
    global _watcher
    before, _watcher = _watcher, watcher
    try:
        yield
    finally:
        _watcher = before


def tap(address: str) -> tuple[Watcher, Tap] | None:
    """A tap for a new line, where somebody watches."""
    return None if _watcher is None else (_watcher, _watcher.line(address))
