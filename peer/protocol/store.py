"""What arrived of a message and was not taken yet: in memory first, then in a temporary file.

Stopping to read the wire for a message nobody looks at would also stop the answers standing
behind it, and whoever waits for one of those before looking would wait for ever.
"""

from __future__ import annotations

import tempfile
from collections import deque
from typing import IO

from .budget import Budget

__all__ = ["Store"]

_STEP = 256 * 1024
_SMALL = 4096
"""Blocks below it are joined: each object costs as much as some dozens of octets."""


class Store:
    """Blocks in the order they came: some in memory, then a file, then some in memory again."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._early: deque[bytes | bytearray] = deque()
        self._late: deque[bytes | bytearray] = deque()
        self._file: IO[bytes] | None = None
        self._read = 0
        self._written = 0
        self.memory = 0
        """Octets held in memory."""

    def __len__(self) -> int:
        return self.memory + self._written - self._read

    @property
    def spilled(self) -> int:
        """Octets that went to the file so far."""
        return self._written

    def put(self, block: bytes, *, spill: bool) -> bool:
        """Add a block, to the file where `spill` says so; False where the budget has no room.

        What goes to memory while a file is in use stands behind it: spill no more after that.
        Raises `OSError` where the file cannot be written.
        """
        size = len(block)
        if spill:
            if not self._budget.take_disk(size):
                return False
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="msrp-")  # noqa: SIM115
            self._written += size  # given back by clear(), written or not
            self._file.seek(self._written - size)
            self._file.write(block)
            return True
        if not self._budget.take_memory(size):
            return False
        self.memory += size
        blocks = self._early if self._file is None else self._late
        if size < _SMALL and blocks and isinstance(blocks[-1], bytearray) and len(blocks[-1]) < _STEP:
            blocks[-1] += block
        else:
            blocks.append(bytearray(block) if size < _SMALL else block)
        return True

    def take(self) -> bytes:
        """The oldest octets; empty where there are none."""
        if self._early:
            return self._taken(self._early)
        if self._file is not None:
            self._file.seek(self._read)
            block = self._file.read(min(_STEP, self._written - self._read))
            self._read += len(block)
            if self._read == self._written:
                self._close()
                self._early, self._late = self._late, self._early
            return block
        return b""

    def _taken(self, blocks: deque[bytes | bytearray]) -> bytes:
        block = bytes(blocks.popleft())
        self.memory -= len(block)
        self._budget.take_memory(-len(block))
        return block

    def __del__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._early.clear()
        self._late.clear()
        self._budget.take_memory(-self.memory)
        self.memory = 0
        self._close()

    def _close(self) -> None:
        self._budget.take_disk(-self._written)
        self._read = self._written = 0
        if self._file is not None:
            self._file.close()
            self._file = None
