"""Too many connections at one place: which of them is closed.

What counts is the address they come from; in IPv6 the network of 64 bits, of which a single computer
has all addresses. A source has so many and no more, whatever it does with them. Where all sources
together are too many, the one that has most of those without a session loses its oldest, so that
who comes from elsewhere still finds room.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable
from typing import Protocol, TypeVar

from ..terms.limits import Limits

__all__ = ["source_of", "surplus"]


class _Line(Protocol):
    @property
    def peer_address(self) -> str: ...

    @property
    def bound(self) -> bool: ...


L = TypeVar("L", bound=_Line)


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


def surplus(lines: Iterable[L], newest: L, limits: Limits) -> L | None:
    """The connection that is to be closed now that `newest` came; None where there is room.

    `lines` are all of them, the oldest first, `newest` among them.
    """
    sources = {line: source_of(line.peer_address) for line in lines}
    own = sources[newest]
    of_each = Counter(sources.values())
    waiting = Counter(source for line, source in sources.items() if not line.bound)
    if of_each[own] > limits.per_source or waiting[own] > limits.unbound_per_source:
        return newest
    if len(sources) <= limits.connections and waiting.total() <= limits.unbound:
        return None
    greediest = max(waiting, key=waiting.__getitem__)
    if waiting[greediest] <= waiting[own]:
        return newest
    return next(line for line, source in sources.items() if source == greediest and not line.bound)
