"""Tests that are coroutines, each on a loop of its own."""

from __future__ import annotations

import asyncio
import functools
import gc
from collections.abc import Callable, Coroutine
from typing import Any


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run, then look for what was left behind: every warning is an error."""
    asyncio.run(main, debug=True)
    gc.collect()


def looped(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that is a coroutine."""

    @functools.wraps(test)
    def wrapped(**fixtures: object) -> None:
        run(test(**fixtures))

    return wrapped
