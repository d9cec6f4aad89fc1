"""What all that waits to be read may take, in memory and on disk, of one listener together."""

from __future__ import annotations

from ..terms.limits import Limits

__all__ = ["Budget"]


class Budget:
    """Shared by the connections of a listener; a connection of our own has one for itself.

    Attributes:
        memory: octets of memory still to be had.
        disk: octets of temporary files still to be had.
    """

    def __init__(self, limits: Limits) -> None:
        self.memory = limits.memory
        self.disk = limits.spill

    def take_memory(self, octets: int) -> bool:
        """Take that much, if there is as much; give it back by taking less than nothing."""
        if octets > self.memory:
            return False
        self.memory -= octets
        return True

    def take_disk(self, octets: int) -> bool:
        """The same of temporary files."""
        if octets > self.disk:
            return False
        self.disk -= octets
        return True
