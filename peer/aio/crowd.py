"""Too many connections at one place: which of them is closed.

What counts is the address they come from; in IPv6 the network of 64 bits, of which a single computer
has all addresses. A source has so many and no more, whatever it does with them. Where all sources
together are too many, the one that has most of those without a session loses its oldest, so that
who comes from elsewhere still finds room.

Whoever floods a place comes here with each connection, so nothing is counted anew.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Hashable
from typing import Generic, TypeVar

from ..terms.limits import Limits

__all__ = ["Crowd", "source_of"]

L = TypeVar("L", bound=Hashable)


def source_of(peer_address: str) -> str:
    """From where somebody comes, out of ``host:port``."""
    host = peer_address.rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if not isinstance(address, ipaddress.IPv6Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    if address.is_loopback:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))


class Crowd(Generic[L]):
    """The connections of one listener, by where they come from."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._sources: dict[L, str] = {}
        self._of_each: Counter[str] = Counter()
        self._waiting: dict[str, dict[L, None]] = {}  # those without a session, the oldest first
        self._all_waiting = 0

    def has_room(self, source: str) -> bool:
        """Whether one more from there may stay."""
        limits, waiting = self._limits, self._waiting
        own = len(waiting.get(source, ())) + 1
        if self._of_each[source] >= limits.per_source or own > limits.unbound_per_source:
            return False
        if len(self._sources) < limits.connections and self._all_waiting < limits.unbound:
            return True
        return max(map(len, waiting.values()), default=0) > own

    def came(self, line: L, source: str) -> L | None:
        """One more. The connection that is to be closed for it, maybe itself; None where there is room.

        What is to be closed is no longer counted.
        """
        if not self.has_room(source):
            return line
        limits, waiting = self._limits, self._waiting
        oldest = None
        if len(self._sources) >= limits.connections or self._all_waiting >= limits.unbound:
            greediest = max(waiting, key=lambda each: len(waiting[each]))
            oldest = next(iter(waiting[greediest]))
            self.gone(oldest)
        self._sources[line] = source
        self._of_each[source] += 1
        waiting.setdefault(source, {})[line] = None
        self._all_waiting += 1
        return oldest

    def begun(self, line: L) -> None:
        """It has a session: it is closed for nobody any more."""
        source = self._sources.get(line)
        waiting = None if source is None else self._waiting.get(source)
        if source is None or waiting is None or line not in waiting:
            return
        del waiting[line]
        self._all_waiting -= 1
        if not waiting:
            del self._waiting[source]

    def gone(self, line: L) -> None:
        """It is closed, or about to be."""
        self.begun(line)
        source = self._sources.pop(line, None)
        if source is not None:
            self._of_each[source] -= 1
            if not self._of_each[source]:
                del self._of_each[source]
