"""Back-pressure: whoever reads slowly holds the network back, and nobody's memory grows."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Pressure"]


class Pressure:
    """Of the messages of one connection that somebody reads.

    Attributes:
        holding: whether more of them waits than may, so that the network is not to be read.
        released: whether that ended, and nobody has looked since.
    """

    def __init__(self, most: int, ring: Callable[[], None]) -> None:
        """`most` octets may wait; `ring` wakes whoever reads the network."""
        self._most = most
        self._ring = ring
        self._waiting = 0
        self.holding = False
        self.released = False

    def took(self, octets: int) -> None:
        """That many octets more wait for their reader."""
        self._waiting += octets
        if self._waiting > self._most:
            self.holding = True

    def gave(self, octets: int) -> None:
        """The reader took that many, or wants them no more."""
        self._waiting -= octets
        if self.holding and self._waiting <= self._most // 4:
            self.holding = False
            self.released = True
            self._ring()
