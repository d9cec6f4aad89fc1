"""What arrived of a message and was not taken yet: in memory first, then in a temporary file.

Stopping to read the wire for a message nobody looks at would also stop the answers standing
behind it, and whoever waits for one of those before looking would wait for ever.

Octets may come in any order and more than once (RFC 4975 section 7.3.1). What is held are
*pieces*, sorted, none over another; a new one is made only for octets that were missing, and
what arrives again is written over what is there. So a message costs what arrived of it, wherever
its chunks say they belong.
"""

from __future__ import annotations

import errno
import os
import tempfile
from bisect import bisect_right
from typing import IO

from .budget import Budget

__all__ = ["Store"]

_STEP = 256 * 1024
_SMALL = 4096
"""Blocks below it are joined: each object costs as much as some dozens of octets."""
_APART = 256
"""What a piece that stands alone costs, beside its octets."""


class _Piece:
    """Octets from `start` to `end` of the message: in `block`, or in the file from `at` on."""

    __slots__ = ("at", "block", "cost", "end", "start")

    def __init__(self, start: int, end: int, block: bytes | bytearray | None, at: int, cost: int) -> None:
        self.start = start
        self.end = end
        self.block = block
        self.at = at
        self.cost = cost  # octets of the budget's memory

    def own(self) -> bytearray:
        """What is in memory, to be changed."""
        if not isinstance(self.block, bytearray):
            self.block = bytearray(self.block or b"")
        return self.block

    def append(self, block: bytes | bytearray) -> None:
        self.own().extend(block)
        self.end += len(block)


def _end(piece: _Piece) -> int:
    return piece.end


class Store:
    """One message's octets, counted from 0.

    Attributes:
        reach: where the first octet is missing.
        arrived: octets that came, each counted once.
        memory: octets of the budget's memory in use.
    """

    __slots__ = (
        "_budget",
        "_file",
        "_filed",
        "_most",
        "_pieces",
        "_taken",
        "_weight",
        "_written",
        "arrived",
        "memory",
        "reach",
    )

    def __init__(self, budget: Budget, pieces: int = 1024) -> None:
        self._budget = budget
        self._most = pieces
        self._pieces: list[_Piece] = []
        self._file: IO[bytes] | None = None
        self._written = 0  # octets of the file in use, or used before
        self._filed = 0  # octets of pieces there
        self._taken = 0
        self._weight = 0
        self.reach = 0
        self.arrived = 0
        self.memory = 0

    def __len__(self) -> int:
        """Octets that can be taken now."""
        return self.reach - self._taken

    @property
    def end(self) -> int:
        """Where the last octet that came ends."""
        return self._pieces[-1].end if self._pieces else self._taken

    @property
    def spilled(self) -> int:
        """Octets that went to the file so far."""
        return self._written

    def weigh(self, octets: int) -> bool:
        """Take memory for what belongs to the message and is none of its octets."""
        taken = self._budget.take_memory(octets)
        if taken:
            self._weight += octets
        return taken

    def lighten(self) -> None:
        """Give that back."""
        self._budget.take_memory(-self._weight)
        self._weight = 0

    def put(self, at: int, block: bytes, *, spill: bool) -> bool:
        """Add octets from position `at` on, to the file where `spill` says so.

        Those that were taken already stay as they were. False where there is no room, or where
        the octets lie in too many pieces; what came of it is then of no use.
        Raises `OSError` where the file cannot be written.
        """
        if not block:
            return True
        if at == self.reach and (not self._pieces or self._pieces[-1].end == at):
            # In order, as nearly always.
            if not self._add(len(self._pieces), at, block, spill=spill, cost=0):
                return False
            self.reach += len(block)
            return True
        late = self._taken - at
        if late > 0:
            at, block = self._taken, block[late:]
        if not block:
            return True
        if len(self._pieces) >= self._most:
            self._join()
            if len(self._pieces) >= self._most:
                return False
        try:
            return self._fill(at, block, self._overwrite(at, block), spill=spill)
        finally:
            self._advance()

    def _overwrite(self, at: int, block: bytes) -> list[tuple[int, int]]:
        """Write over what is there (the later arrival wins); what is not there, from where to where."""
        gaps = []
        end = at + len(block)
        here = at
        for i in range(bisect_right(self._pieces, at, key=_end), len(self._pieces)):
            piece = self._pieces[i]
            if piece.start >= end:
                break
            if piece.start > here:
                gaps.append((here, piece.start))
                here = piece.start
            until = min(end, piece.end)
            new = block[here - at : until - at]
            if piece.block is None:
                assert self._file is not None
                self._file.seek(piece.at + here - piece.start)
                self._file.write(new)
            else:
                piece.own()[here - piece.start : until - piece.start] = new
            here = until
        if here < end:
            gaps.append((here, end))
        return gaps

    def _fill(self, at: int, block: bytes, gaps: list[tuple[int, int]], *, spill: bool) -> bool:
        for start, end in gaps:
            index = bisect_right(self._pieces, start, key=_end)
            if not self._add(index, start, block[start - at : end - at], spill=spill, cost=_APART):
                return False
        return True

    def _add(self, index: int, start: int, block: bytes, *, spill: bool, cost: int) -> bool:
        """Add octets none of which are here, before the piece of that index."""
        size = len(block)
        before = self._pieces[index - 1] if index else None
        if before is not None and before.end != start:
            before = None
        if spill:
            return self._add_to_file(index, start, block, before)
        if before is not None and (size >= _SMALL or before.block is None or len(before.block) >= _STEP):
            before = None
        cost = size if before is not None else size + cost
        if not self._budget.take_memory(cost):
            return False
        self.memory += cost
        self.arrived += size
        if before is None:
            self._pieces.insert(index, _Piece(start, start + size, block, 0, cost))
        else:
            before.append(block)
            before.cost += cost
        return True

    def _add_to_file(self, index: int, start: int, block: bytes, before: _Piece | None) -> bool:
        size = len(block)
        if not self._budget.take_disk(size):
            return False
        at = self._written
        self._written += size  # given back by _close(), written or not
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="msrp-")  # noqa: SIM115
        self._file.seek(at)
        self._file.write(block)
        self._filed += size
        self.arrived += size
        if before is not None and before.block is None and before.at + before.end - before.start == at:
            before.end += size
        else:
            self._pieces.insert(index, _Piece(start, start + size, None, at, 0))
        return True

    def _advance(self) -> None:
        for i in range(bisect_right(self._pieces, self.reach, key=_end), len(self._pieces)):
            if self._pieces[i].start > self.reach:
                break
            self.reach = self._pieces[i].end

    def _join(self) -> None:
        """Make one of neighbours, where that is possible."""
        joined: list[_Piece] = []
        for piece in self._pieces:
            last = joined[-1] if joined else None
            if last is None or last.end != piece.start or not self._merge(last, piece):
                joined.append(piece)
        self._pieces = joined

    def _merge(self, last: _Piece, piece: _Piece) -> bool:
        size = piece.end - piece.start
        if last.block is None or piece.block is None:
            if last.block is not piece.block or last.at + last.end - last.start != piece.at:
                return False
        else:
            if len(last.block) + size > _STEP:
                return False
            last.append(piece.block)
            last.cost += size
            self._give_back(piece.cost - size)
            return True
        last.end = piece.end
        return True

    def take(self) -> bytes:
        """The oldest octets; empty where there are none, or the next are missing. Raises `OSError`."""
        if self._taken == self.reach:
            return b""
        piece = self._pieces[0]
        if piece.block is not None:
            block = bytes(piece.block)
            del self._pieces[0]
            self._give_back(piece.cost)
        else:
            block = self._read(piece)
        self._taken += len(block)
        return block

    def _read(self, piece: _Piece) -> bytes:
        assert self._file is not None
        size = min(_STEP, piece.end - piece.start)
        self._file.seek(piece.at)
        block = self._file.read(size)
        if len(block) != size:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        piece.start += size
        piece.at += size
        if piece.start == piece.end:
            del self._pieces[0]
        self._filed -= size
        if not self._filed:
            self._close()
        return block

    def skip(self, until: int) -> None:
        """Octets before `until` are not wanted: they count as taken, whether they came or not."""
        while self._pieces and self._pieces[0].start < until:
            piece = self._pieces[0]
            end = min(piece.end, until)
            if piece.block is None:
                piece.at += end - piece.start
                self._filed -= end - piece.start
            else:
                piece.block = piece.block[end - piece.start :]
            piece.start = end
            if end < piece.end:
                break
            del self._pieces[0]
            self._give_back(piece.cost)
        self._taken = max(self._taken, until)
        self.reach = max(self.reach, until)
        self._advance()
        if not self._filed:
            self._close()

    def cut(self) -> None:
        """Forget what lies behind the first octet that is missing: nobody will take it."""
        index = bisect_right(self._pieces, self.reach, key=_end)
        for piece in self._pieces[index:]:
            if piece.block is None:
                self._filed -= piece.end - piece.start
            self._give_back(piece.cost)
        del self._pieces[index:]
        if not self._filed:
            self._close()

    def clear(self) -> None:
        """Forget all of it."""
        self._pieces.clear()
        self._taken = self.reach
        self._give_back(self.memory)
        self.lighten()
        self._close()

    def __del__(self) -> None:
        self.clear()

    def _give_back(self, cost: int) -> None:
        self.memory -= cost
        self._budget.take_memory(-cost)

    def _close(self) -> None:
        self._budget.take_disk(-self._written)
        self._written = self._filed = 0
        if self._file is not None:
            self._file.close()
            self._file = None
