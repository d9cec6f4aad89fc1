"""Requests that wait for their response (RFC 4975 section 7.1.1: 30 seconds each).

All wait equally long, so the oldest is always the next to be late. Responses nobody waits for
(late, doubled, never asked) are ignored (RFC 4975 section 7.2).
"""

from __future__ import annotations

from typing import Protocol

from msrp_core import Frame

__all__ = ["Owner", "Transactions"]


class Owner(Protocol):
    """Whoever sent a request."""

    def answered(self, response: Frame, octets: int) -> None:
        """The response is here; `octets` is what the request carried."""

    def late(self) -> None:
        """No response came in time."""


class Transactions:
    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._waiting: dict[str, tuple[float, Owner, int]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def open(self, transaction_id: str, owner: Owner, octets: int, now: float) -> None:
        """A request was handed to the transport."""
        self._waiting[transaction_id] = (now + self._patience, owner, octets)

    def answer(self, response: Frame) -> None:
        entry = self._waiting.pop(response.transaction_id, None)
        if entry is not None:
            _, owner, octets = entry
            owner.answered(response, octets)

    def next_timer(self) -> float | None:
        for deadline, _, _ in self._waiting.values():
            return deadline
        return None

    def handle_timer(self, now: float) -> None:
        while self._waiting:
            transaction_id, (deadline, owner, _) = next(iter(self._waiting.items()))
            if deadline > now:
                return
            del self._waiting[transaction_id]
            owner.late()

    def clear(self) -> None:
        self._waiting.clear()
