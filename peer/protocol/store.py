"""What arrived of a message and was not taken yet: in memory first, then in a temporary file.

Stopping to read the wire for a message nobody looks at would also stop the answers standing
behind it, and whoever waits for one of those before looking would wait for ever.
"""

from __future__ import annotations

import tempfile
from collections import deque
from typing import IO

__all__ = ["Store"]

_STEP = 256 * 1024


class Store:
    """Blocks in the order they came."""

    def __init__(self) -> None:
        self._blocks: deque[bytes] = deque()
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

    def put(self, block: bytes, *, spill: bool) -> None:
        """Add a block; to the file where `spill` says so or one is in use.

        Raises `OSError` where the file cannot be written.
        """
        if self._file is None and spill:
            self._file = tempfile.TemporaryFile(prefix="msrp-")  # noqa: SIM115
        if self._file is None:
            self._blocks.append(block)
            self.memory += len(block)
        else:
            self._file.seek(self._written)
            self._file.write(block)
            self._written += len(block)

    def take(self) -> bytes:
        """The oldest octets; empty where there are none."""
        if self._blocks:
            block = self._blocks.popleft()
            self.memory -= len(block)
            return block
        if self._file is None:
            return b""
        self._file.seek(self._read)
        block = self._file.read(min(_STEP, self._written - self._read))
        self._read += len(block)
        if self._read == self._written:
            self.clear()
        return block

    def __del__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._blocks.clear()
        self.memory = self._read = self._written = 0
        if self._file is not None:
            self._file.close()
            self._file = None
