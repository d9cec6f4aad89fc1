"""Requests that wait for their response (RFC 4975 section 7.1.1: 30 seconds each).

All wait equally long, so the oldest is always the next to be late. Responses nobody waits for
(late, doubled, never asked) are ignored (RFC 4975 section 7.2).

The clock runs from the time the last octet was handed to the transport: when `data_to_send` gave
it out. A driver asks again only once the network has taken what it was given; where that took
long, the clock begins anew at that moment.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

from msrp_core import Frame

__all__ = ["Owner", "Transactions"]

_AT_ONCE = 1.0  # seconds in which the network took what it was given, as good as at once


class Owner(Protocol):
    """Whoever sent a request."""

    def answered(self, response: Frame, octets: int) -> None:
        """The response is here; `octets` is what the request carried."""

    def late(self) -> None:
        """No response came in time."""


class Transactions:
    """Those of one connection. Beyond `most` of them nothing more should be asked."""

    def __init__(self, patience: float, most: int) -> None:
        self._patience = patience
        self._most = most
        self._waiting: OrderedDict[str, tuple[float, Owner, int, int]] = OrderedDict()
        self._quiet: OrderedDict[str, tuple[Owner, int]] = OrderedDict()
        self._turn = 0  # how often the transport asked
        self._since: float | None = None  # when the first of this turn was opened

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        return len(self._waiting) >= self._most

    def open(self, transaction_id: str, owner: Owner, octets: int, now: float) -> None:
        """A request was handed to the transport."""
        if self._since is None:
            self._since = now
        self._waiting[transaction_id] = (now + self._patience, owner, octets, self._turn)

    def listen(self, transaction_id: str, owner: Owner, octets: int) -> None:
        """A request is answered where it is refused, and else never (Failure-Report partial): no
        clock runs. Only so many are remembered."""
        self._quiet[transaction_id] = (owner, octets)
        if len(self._quiet) > self._most:
            self._quiet.popitem(last=False)

    def taken(self, now: float) -> None:
        """The transport asks for more: what was opened since it asked last is with it by now."""
        turn, self._turn = self._turn, self._turn + 1
        since, self._since = self._since, None
        if since is None or now - since < _AT_ONCE:
            return
        fresh = []
        for transaction_id, (_, _, _, opened) in reversed(self._waiting.items()):
            if opened != turn:
                break
            fresh.append(transaction_id)
        for transaction_id in reversed(fresh):
            _, owner, octets, _ = self._waiting.pop(transaction_id)
            self._waiting[transaction_id] = (now + self._patience, owner, octets, turn)

    def answer(self, response: Frame) -> None:
        transaction_id = response.transaction_id
        entry = self._waiting.pop(transaction_id, None)
        if entry is not None:
            entry[1].answered(response, entry[2])
        elif self._quiet and (quiet := self._quiet.pop(transaction_id, None)) is not None:
            quiet[0].answered(response, quiet[1])

    def next_timer(self) -> float | None:
        for deadline, _, _, _ in self._waiting.values():
            return deadline
        return None

    def handle_timer(self, now: float) -> None:
        while self._waiting:
            transaction_id, (deadline, owner, _, _) = next(iter(self._waiting.items()))
            if deadline > now:
                return
            del self._waiting[transaction_id]
            owner.late()

    def clear(self) -> None:
        self._waiting.clear()
        self._quiet.clear()
