"""Requests of ours without a body, and what their answers mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msrp_core import Frame, new_ident, request

from .bells import SILENT, Bell

if TYPE_CHECKING:
    from .connection import Connection
    from .endpoint import Endpoint

__all__ = ["KeepAlive", "Request", "Requests"]


class Request:
    """A request of ours without a body: wait for its bell until it is over."""

    def __init__(self, endpoint: Endpoint | None = None) -> None:
        self._endpoint = endpoint
        self.bell: Bell = SILENT
        self.response: Frame | None = None
        self.failure: str | None = None

    @property
    def over(self) -> bool:
        return self.response is not None or self.failure is not None

    def answered(self, response: Frame, octets: int) -> None:
        self.response = response
        if self._endpoint is not None:
            self._endpoint.answered(response.status or 0)
        self.bell.ring()

    def late(self) -> None:
        self.lost("no answer came in time")

    def lost(self, reason: str) -> None:
        self.failure = reason
        self.bell.ring()


class KeepAlive(Request):
    """An empty SEND that asks whether anybody is there (RFC 4975 section 7.1).

    The RFC names no rule for the dead. Here: without an answer in the time of a transaction, and
    without a single octet meanwhile, the line is dead.
    """

    def __init__(self, connection: Connection, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        self._connection = connection
        self._heard = connection.heard

    def late(self) -> None:
        super().late()
        connection = self._connection
        if self._heard == connection.heard and not connection.paused:
            patience = connection.limits.transaction
            connection.lost(f"the other side has not answered, nor said anything, for {patience:g} s")


class Requests:
    """Those of one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._open: list[Request] = []

    def send(
        self,
        asked: Request,
        method: str,
        to_path: str,
        from_path: str,
        headers: Sequence[tuple[str, str]],
        now: float,
    ) -> Request:
        connection = self._connection
        if connection.state != "open":
            asked.lost(connection.reason or "the connection is not open")
            return asked
        transaction_id, octets = request(method, to_path, from_path, headers)
        connection.transactions.open(transaction_id, asked, 0, now)
        self._open = [other for other in self._open if not other.over]
        self._open.append(asked)
        connection.say(octets)
        return asked

    @property
    def waiting(self) -> bool:
        """Whether some are not answered yet."""
        return any(not asked.over for asked in self._open)

    def greet(self, asked: Request, endpoint: Endpoint, now: float) -> Request:
        """An empty SEND."""
        headers = [("Message-ID", new_ident())]
        return self.send(asked, "SEND", endpoint.remote, endpoint.local, headers, now)

    def lost(self, reason: str) -> None:
        """The line is gone: nothing will be answered."""
        for asked in self._open:
            if not asked.over:
                asked.lost(reason)
        self._open.clear()
