"""One message on its way in: chunks to octets, for whoever reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msrp_core import ByteRange, Frame

from .bells import SILENT, Bell
from .store import Store
from .tables import INCOMING, Machine

if TYPE_CHECKING:
    from .endpoint import Endpoint

__all__ = ["Incoming"]


class Incoming:
    """States in `tables.INCOMING`. Made by `Endpoint` at a message's first chunk.

    Attributes:
        first: the first chunk's frame, for its headers.
        total: the size the sender announced, None where it did not.
        received: octets that arrived.
        refusal: the code its next chunk is answered with; None while it is taken.
        duplicate: whether a message of this id arrived before (RFC 4975 section 5.4).
    """

    def __init__(self, endpoint: Endpoint, first: Frame, *, duplicate: bool) -> None:
        self._endpoint = endpoint
        self._limits = endpoint.limits
        self.first = first
        self.message_id = first.message_id or ""
        self.content_type = first.content_type or ""
        self.disposition = first.header("Content-Disposition")
        self.digest = first.header("Content-Digest")
        byte_range = first.byte_range
        self.total = byte_range.total if byte_range is not None else None
        self.received = 0
        self.refusal: int | None = None
        self.duplicate = duplicate
        self.bell: Bell = SILENT
        self.opened = False
        self.dropped = False  # set by whoever threw it away, from any thread
        self.reason = ""
        self._report_due = first.success_report
        self._machine = Machine(INCOMING, "arriving")
        self.budget = endpoint.connection.budget
        self._store = Store(self.budget)

    @property
    def state(self) -> str:
        return self._machine.state

    @property
    def spilled(self) -> int:
        """Octets that went to a temporary file."""
        return self._store.spilled

    # -- from the wire

    def chunk_arrived(self, frame: Frame, byte_range: ByteRange | None) -> None:
        """A chunk begins. One that does not continue where the last ended refuses the message:
        never acknowledged, never lost in silence."""
        start = 1 if byte_range is None else byte_range.start
        if self.dropped:
            self.drop()
        if self.state == "refused":
            return
        if start != self.received + 1:
            self._turn_away(400, "a chunk came out of order")
            return
        if byte_range is not None and byte_range.total is not None:
            self.total = byte_range.total
        limit = self._limits.message
        if limit is not None and self.total is not None and self.total > limit:
            self._turn_away(413, f"it is longer than the {limit} octets taken here")
            return
        self._machine.step("chunk")
        if frame is not self.first:
            self.digest = frame.header("Content-Digest") or self.digest

    def octets_arrived(self, data: bytes) -> None:
        """Body of the chunk that began last."""
        if self.dropped:
            self.drop()
        if self.state != "arriving" or not data:
            return
        limit = self._limits.message
        if limit is not None and self.received + len(data) > limit:
            self._turn_away(413, f"it is longer than the {limit} octets taken here")
            return
        much = self.spilled > 0 or self._store.memory + len(data) > self._limits.unopened
        spill = much and not self.opened
        try:
            room = (not spill or self._endpoint.may_spill(self)) and self._store.put(data, spill=spill)
            if not room:
                self._turn_away(413, "there is no room for more of what nobody has read yet")
                return
        except OSError as error:
            self._turn_away(413, f"it cannot be kept: {error.strerror}")
            return
        self.received += len(data)
        if self.opened:
            self._endpoint.connection.took(len(data))
        self.bell.ring()

    def flag_arrived(self, flag: str) -> None:
        """The chunk that began last is complete."""
        if flag == "$" and self._machine.may("filled"):
            self._machine.step("filled")
        elif flag == "#" and self._machine.may("given up"):
            self.reason = "the sender gave it up"
            self._machine.step("given up")
        self.bell.ring()

    def lost(self, reason: str) -> None:
        if self._machine.may("lost"):
            if self.state == "arriving":
                self.reason = reason
            self._machine.step("lost")
            self.bell.ring()

    # -- from the application

    def open(self) -> None:
        """Somebody reads now: from here on the wire waits for them."""
        if not self.opened:
            self.opened = True
            self._endpoint.connection.took(len(self._store))

    def take(self) -> bytes:
        """The oldest octets not taken yet; empty where there are none."""
        block = self._store.take()
        if self.opened and block:
            self._endpoint.connection.gave(len(block))
        return block

    def confirm(self) -> None:
        """All of it has been taken, by whoever it is for: the sender who asked is told so
        (Success-Report, RFC 4975 section 7.1.2)."""
        if self.state == "whole":
            self._report(200)

    def refuse(self, status: int) -> None:
        """Take no more of it, and say so with `status` to its next chunk, or in a REPORT where
        no chunk follows; forget what is here."""
        if self.state == "whole":
            self._report(status)
        self._turn_away(status, "it was refused")
        self._forget()

    def _report(self, status: int) -> None:
        due, self._report_due = self._report_due, False
        if due and (status == 200 or self.first.failure_report != "no"):
            self._endpoint.report(self, status)

    def leave(self) -> None:
        """Nobody reads on: refuse what still comes, forget what is here."""
        self._turn_away(413, "it was refused")
        self._forget()
        self.bell = SILENT

    def drop(self) -> None:
        """Nobody will read it; and the sender is told so."""
        self.refuse(413)
        self.bell = SILENT

    def _turn_away(self, status: int, reason: str) -> None:
        # What came before stays readable: it is all that anybody will have of the message.
        if self._machine.may("refuse"):
            self._machine.step("refuse")
            self.refusal = status
            self.reason = reason
        self.bell.ring()

    def _forget(self) -> None:
        if self.opened:
            self._endpoint.connection.gave(len(self._store))
        self._store.clear()
