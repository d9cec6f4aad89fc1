"""Requests that wait for their response (RFC 4975 section 7.1.1: 30 seconds each).

All wait equally long, so the oldest is always the next to be late. Responses nobody waits for
(late, doubled, never asked) are ignored (RFC 4975 section 7.2).

The clock runs from the time the last octet was handed to the transport: when `data_to_send` gave
it out. A driver asks again only once the network has taken what it was given; where that took
long, the clock begins anew at that moment.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Protocol

from msrp_core import Batch, Batches, Frame

__all__ = ["BatchOwner", "Owner", "Transactions"]

_AT_ONCE = 1.0  # seconds in which the network took what it was given, as good as at once


class Owner(Protocol):
    """Whoever sent a request."""

    def answered(self, response: Frame, octets: int) -> None:
        """The response is here; `octets` is what the request carried."""

    def late(self) -> None:
        """No response came in time."""


class BatchOwner(Owner, Protocol):
    """Whoever sent requests in batches."""

    def confirmed(self, requests: int, octets: int) -> None:
        """So many of them were answered with a plain 200, and carried so many octets together."""


_Entry = tuple[float, Owner, int, int]
"""When it is late; whose it is; what it carries, where it is no batch; the turn it was opened in."""


class Transactions:
    """Those of one connection. Beyond `most` of them nothing more should be asked.

    The SENDs of a batch go out together, so they have one clock. Their plain 200s come together,
    too, by way of `batches`.
    """

    def __init__(self, patience: float, most: int) -> None:
        self._patience = patience
        self._most = most
        self._waiting: OrderedDict[str | Batch, _Entry] = OrderedDict()
        self._batched: dict[Batch, BatchOwner] = {}
        self._open = 0
        self._quiet: OrderedDict[str, tuple[Owner, int]] = OrderedDict()
        self._turn = 0  # how often the transport asked
        self._since: float | None = None  # when the first of this turn was opened
        self.batches = Batches()

    def __len__(self) -> int:
        return self._open

    @property
    def room(self) -> int:
        """How many more may be opened."""
        return self._most - self._open

    def open(self, transaction_id: str, owner: Owner, octets: int, now: float) -> None:
        """A request was handed to the transport."""
        self._enter(transaction_id, 1, owner, octets, now)

    def open_batch(self, batch: Batch, owner: BatchOwner, now: float) -> None:
        """All SENDs of a batch were."""
        self._enter(batch, batch.left, owner, 0, now)
        self._batched[batch] = owner
        self.batches.add(batch)

    def _enter(self, key: str | Batch, requests: int, owner: Owner, octets: int, now: float) -> None:
        if self._since is None:
            self._since = now
        self._waiting[key] = (now + self._patience, owner, octets, self._turn)
        self._open += requests

    def listen(self, transaction_id: str, owner: Owner, octets: int) -> None:
        """A request is answered where it is refused, and else never (Failure-Report partial): no
        clock runs. Only so many are remembered."""
        self._quiet[transaction_id] = (owner, octets)
        if len(self._quiet) > self._most:
            self._quiet.popitem(last=False)

    def ignore(self, transaction_ids: Iterable[str]) -> None:
        """No refusal is listened for any more."""
        for transaction_id in transaction_ids:
            self._quiet.pop(transaction_id, None)

    def taken(self, now: float) -> None:
        """The transport asks for more: what was opened since it asked last is with it by now."""
        turn, self._turn = self._turn, self._turn + 1
        since, self._since = self._since, None
        if since is None or now - since < _AT_ONCE:
            return
        fresh = []
        for key, (_, _, _, opened) in reversed(self._waiting.items()):
            if opened != turn:
                break
            fresh.append(key)
        for key in reversed(fresh):
            _, owner, octets, _ = self._waiting.pop(key)
            self._waiting[key] = (now + self._patience, owner, octets, turn)

    @property
    def fresh(self) -> bool:
        """Whether any was opened since the transport asked last."""
        return self._since is not None

    def answer(self, response: Frame) -> None:
        transaction_id = response.transaction_id
        entry = self._waiting.pop(transaction_id, None)
        if entry is not None:
            self._open -= 1
            entry[1].answered(response, entry[2])
        elif (batched := self.batches.take(transaction_id)) is not None:
            batch, octets = batched
            self._batched_answers(batch, 1).answered(response, octets)
        elif self._quiet and (quiet := self._quiet.pop(transaction_id, None)) is not None:
            quiet[0].answered(response, quiet[1])

    def settle(self) -> None:
        """Tell of the plain 200s that `batches` took by themselves."""
        for batch, requests, octets in self.batches.confirmed():
            self._batched_answers(batch, requests).confirmed(requests, octets)

    def _batched_answers(self, batch: Batch, requests: int) -> BatchOwner:
        """Whose batch got so many answers."""
        self._open -= requests
        return self._batched[batch] if batch.left else self._closed(batch)

    def _closed(self, batch: Batch) -> BatchOwner:
        """Nothing more is waited for of it."""
        self._waiting.pop(batch, None)
        self.batches.discard(batch)
        return self._batched.pop(batch)

    def next_timer(self) -> float | None:
        for deadline, _, _, _ in self._waiting.values():
            return deadline
        return None

    def handle_timer(self, now: float) -> None:
        while self._waiting:
            key, (deadline, owner, _, _) = next(iter(self._waiting.items()))
            if deadline > now:
                return
            del self._waiting[key]
            requests = 1
            if isinstance(key, Batch):
                requests = key.left
                self._closed(key)
            self._open -= requests
            for _ in range(requests):
                owner.late()

    def clear(self) -> None:
        self._waiting.clear()
        self._batched.clear()
        self.batches.clear()
        self._quiet.clear()
        self._open = 0
