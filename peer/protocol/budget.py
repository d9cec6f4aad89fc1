"""What all that waits to be read may take, in memory and on disk, of one listener together; and
which messages came before."""

from __future__ import annotations

from collections import deque
from weakref import WeakValueDictionary

from msrp_core import Seen

from ..terms.limits import Limits

__all__ = ["Budget"]

_OTHERS = 64  # other sides without a session whose messages are still remembered


class Budget:
    """Shared by the connections of a listener; a connection of our own has one for itself.

    Attributes:
        memory: octets of memory still to be had.
        disk: octets of temporary files still to be had.
    """

    def __init__(self, limits: Limits) -> None:
        self.memory = limits.memory
        self.disk = limits.spill
        self._remembered = limits.remembered
        self._seen: WeakValueDictionary[object, Seen] = WeakValueDictionary()
        self._latest: deque[Seen] = deque(maxlen=_OTHERS)

    def seen(self, other: object) -> Seen:
        """The messages of one other side, through all of its sessions: what a session left unsent
        may come again in the next one."""
        seen = self._seen.get(other)
        if seen is None:
            seen = self._seen[other] = Seen(self._remembered)
        if seen in self._latest:
            self._latest.remove(seen)
        self._latest.append(seen)
        return seen

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
