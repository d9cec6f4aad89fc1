"""The body of a message that leaves, between whoever feeds it and the chunks it is cut into."""

from __future__ import annotations

from collections import deque

__all__ = ["Fed"]


class Fed:
    """Octets that were fed and not taken yet, in order.

    Attributes:
        held: how many they are.
        ahead: octets that nobody wants and that were not fed yet; they are dropped when they come.
    """

    __slots__ = ("_blocks", "ahead", "held")

    def __init__(self) -> None:
        self._blocks: deque[memoryview] = deque()
        self.held = 0
        self.ahead = 0

    def add(self, block: memoryview) -> int:
        """Add octets; they must not change until they are taken. How many of them are wanted."""
        size = len(block)
        if self.ahead:
            late = min(size, self.ahead)
            self.ahead -= late
            size -= late
            block = block[late:]
        if size:
            self._blocks.append(block)
            self.held += size
        return size

    def take(self, room: int) -> memoryview | bytes:
        """The next octets, at most `room`."""
        if not self._blocks:
            return b""
        block = self._blocks.popleft()
        if len(block) > room:
            self._blocks.appendleft(block[room:])
            self.held -= room
            return block[:room]
        if not self._blocks or len(block) == room:
            self.held -= len(block)
            return block
        pieces = [block]
        size = len(block)
        while self._blocks and size < room:
            block = self._blocks.popleft()
            if len(block) > room - size:
                self._blocks.appendleft(block[room - size :])
                block = block[: room - size]
            pieces.append(block)
            size += len(block)
        self.held -= size
        return b"".join(pieces)

    def drop(self, octets: int) -> None:
        """Nobody wants the next so many, whether they are here or still to be fed."""
        while octets and self._blocks:
            block = self._blocks.popleft()
            dropped = min(octets, len(block))
            if dropped < len(block):
                self._blocks.appendleft(block[dropped:])
            self.held -= dropped
            octets -= dropped
        self.ahead += octets

    def leap(self) -> int:
        """Octets that need not be fed: the next to be fed are those behind them."""
        ahead, self.ahead = self.ahead, 0
        return ahead

    def clear(self) -> None:
        """Forget what is here."""
        self._blocks.clear()
        self.held = 0
