"""One message on its way out: blocks in, whole chunks out.

A chunk is cut whole and never left open between two turns, so there is no interruption to
remember: what would interrupt it simply gets its turn first (RFC 4975 section 7.1.1). When an
answer stops a message, no chunk of it is half out, and nothing but "#" follows.

What is asked for decides what is waited for (RFC 4975 section 7.1.1): with Failure-Report yes an
answer to each chunk, in time; with partial nothing but a refusal, at any time; with no nothing at
all. With Success-Report yes, reports about every octet, for as long as the session stands.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from msrp_core import ByteRange, Chunks, Frame, new_ident

from ..terms.content import RESUMABLE
from ..terms.errors import UsageError
from .bells import SILENT, Bell
from .codes import refusal
from .fed import Fed
from .spans import Spans
from .tables import OUTGOING, Machine

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from .endpoint import Endpoint

__all__ = ["FailureReport", "Outgoing"]

FailureReport = Literal["yes", "no", "partial"]


class Outgoing:
    """States in `tables.OUTGOING`. Made by `Endpoint.send`.

    Attributes:
        endpoint: the session it belongs to.
        content_type: of all its chunks.
        message_id: of all its chunks (RFC 4975 section 7.1.1).
        queued: whether it waits for its turn (`turns.Turns`).
        cut_octets: octets of body in chunks made so far, or left out.
        left_out: octets of body that the other side had from before, and that are not sent.
        acknowledged: octets of body in chunks answered with 200.
        status: the code it was refused with, 408 where no answer came; None else.
        reason: why it failed, for a person.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        content_type: str,
        total: int | None,
        headers: Sequence[tuple[str, str]],
        *,
        failure_report: FailureReport = "yes",
        success_report: bool = False,
        message_id: str | None = None,
        resumable: bool = False,
    ) -> None:
        self.endpoint = endpoint
        self._limits = endpoint.limits
        self.content_type = content_type
        self.message_id = message_id or new_ident()
        self.total = total
        self._maximum = endpoint.peer_maximum  # what signalling agrees later is for others
        asked: list[tuple[str, str]] = []
        if failure_report != "yes":
            asked.append(("Failure-Report", failure_report))
        if success_report:
            asked.append(("Success-Report", "yes"))
        self._resumable = resumable and success_report and total is not None
        asked.append(("Content-Type", content_type))
        self._chunks = Chunks(endpoint.remote, endpoint.local, self.message_id, asked)
        self._failure_report = failure_report
        self._success_report = success_report
        self._spoken_of = Spans(self._limits.pieces)  # octets that success REPORTs are about
        self._reports = 0
        self._first_headers = (RESUMABLE, *headers) if self._resumable else tuple(headers)
        self._last_headers: tuple[tuple[str, str], ...] = ()
        self._machine = Machine(OUTGOING, "queued")
        self._fed = Fed()
        self._ended = False
        self._waiting = 0  # chunks without an answer
        self._listened: deque[str] | None = None  # chunks that are answered where they are refused alone
        self._abandon = False  # a "#" is due
        self.queued = False
        self.cut_octets = 0
        self.left_out = 0
        self.acknowledged = 0
        self.status: int | None = None
        self.reason = ""
        self.bell: Bell = SILENT

    @property
    def state(self) -> str:
        return self._machine.state

    @property
    def leaving(self) -> bool:
        """Whether octets of it are still to go out."""
        return self._machine.state in ("queued", "sending")

    @property
    def wants_refusals(self) -> bool:
        """Whether a chunk that is refused is answered."""
        return self._failure_report != "no"

    @property
    def over(self) -> bool:
        """Whether nothing about it can change any more."""
        return self._machine.over

    # -- from the application

    def wants(self) -> bool:
        """Whether more may be fed now; else wait for the bell."""
        return self.leaving and not self._ended and (self._fed.held < self._limits.unsent or self._all_fed)

    def feed(self, data: Buffer) -> None:
        """Take the next octets of the body; they must not change until they are sent.

        Where no size was given, and it becomes longer than the other side takes, it fails here.
        """
        view = memoryview(data)
        if view.ndim != 1 or view.itemsize != 1:
            view = view.cast("B")
        size = len(view)
        if self.total is not None and self.cut_octets + self._fed.held - self._fed.ahead + size > self.total:
            raise UsageError("the body is longer than the size given for it")
        most = None if self.total is not None or not self.leaving else self._maximum
        if most is not None and self.cut_octets + self._fed.held + size > most:
            self.status = 413
            self._stop("refused", f"the other side takes at most {most} octets a message, and this is longer")
            return
        if self.leaving and self._fed.add(view):
            self.endpoint.connection.has_work(self)

    def leap(self) -> int:
        """Octets that need not be fed, as the other side has them: the next to be fed are those behind."""
        return self._fed.leap()

    def end(self, headers: Sequence[tuple[str, str]] = ()) -> None:
        """No more octets follow; `headers` go into the last chunk."""
        if self.total is not None and self.cut_octets + self._fed.held < self.total and self.leaving:
            raise UsageError("the body is shorter than the size given for it")
        self._ended = True
        self._last_headers = tuple(headers)
        self.endpoint.connection.has_work(self)

    def withdraw(self) -> None:
        """Send no more of it; the other side is told. Without effect once it is all out."""
        if self._machine.may("withdraw"):
            self._stop("withdraw", "it was withdrawn")

    # -- to the wire

    def ready(self) -> bool:
        """Whether a chunk, or the notice that none follows, can be cut now."""
        if self._abandon:
            return True
        if not self.leaving:
            return False
        if self._failure_report == "yes" and self.cut_octets - self.acknowledged >= self._limits.window:
            return False
        if self._ended:
            return True
        # Chunks below 2,048 octets are for the end alone (RFC 4975 section 7.1.1); and the last
        # octets wait for it, as an empty chunk behind them would have a range that ends before it begins.
        return self._fed.held >= self._limits.chunk_in_company and not self._all_fed

    @property
    def _all_fed(self) -> bool:
        """Whether every octet of a message of known size is here; only `end` is missing."""
        return self.cut_octets + self._fed.held == self.total

    def cut(self, room: int, now: float) -> bytes:
        """One whole SEND of at most `room` octets of body."""
        if self._abandon:
            self._abandon = False
            first = self.cut_octets + 1
            return self._chunks.cut(b"", first, first - 1, self.total, "#")[1]
        data = self._fed.take(room)
        size = len(data)
        first = self.cut_octets + 1
        last = self._ended and not self._fed.held
        # Above 2,048 octets a chunk counts as interruptible, and must say so.
        open_ended = not last and size > 2048
        headers: tuple[tuple[str, str], ...] = self._first_headers if first == 1 else ()
        if last:
            headers += self._last_headers
        flag: Literal["$", "+"] = "$" if last else "+"
        transaction_id, octets = self._chunks.cut(
            data, first, None if open_ended else first + size - 1, self._total(size, last), flag, headers
        )
        transactions = self.endpoint.connection.transactions
        if self._failure_report == "yes":
            self._waiting += 1
            transactions.open(transaction_id, self, size, now)
        elif self._failure_report == "partial":
            transactions.listen(transaction_id, self, size)
            if self._listened is None:
                self._listened = deque(maxlen=self._limits.unanswered)
            self._listened.append(transaction_id)
        self._went(size, last)
        return octets

    def cut_many(self, room: int, most: int, now: float) -> bytes:
        """At most that many whole SENDs, of at most `room` octets of body each, one after the other:
        as `cut` would make them while nothing else wants to go out between."""
        limits = self._limits
        special = self._abandon or (self._first_headers and not self.cut_octets)
        if most < 2 or special or self._failure_report == "partial":
            return self.cut(room, now)
        size = min(self._fed.held, room * most)
        if self._failure_report == "yes":
            # The last one begins inside the window, as it does when they are cut one by one.
            window = limits.window - (self.cut_octets - self.acknowledged)
            size = min(size, -(-window // room) * room)
        last = self._ended and size == self._fed.held
        rest = size % room
        if last and self._last_headers:
            size -= rest or room  # these go into the last chunk alone
            last = False
        elif not self._ended and rest < limits.chunk_in_company:
            size -= rest
        if size <= room:
            return self.cut(room, now)
        batch, octets = self._chunks.batch(
            self._fed.take(size), self.cut_octets + 1, room, self._total(size, last), last
        )
        if self._failure_report == "yes":
            self._waiting += batch.count
            self.endpoint.connection.transactions.open_batch(batch, self, now)
        self._went(size, last)
        return octets

    def _total(self, size: int, last: bool) -> int | None:
        """Of the message, as its next chunk says it, with which it has `size` octets more."""
        return self.cut_octets + size if last else self.total

    def _went(self, size: int, last: bool) -> None:
        """So many octets more are out."""
        self.cut_octets += size
        self._machine.step("last" if last else "cut")
        if last:
            self._confirm()
            if self._failure_report != "yes" and not self._success_report:
                self.endpoint.unconfirmed(self)
        self.bell.ring()

    # -- from the wire

    def answered(self, response: Frame, octets: int) -> None:
        status = response.status or 0
        if 200 <= status < 300:
            self.confirmed(1, octets)
        else:
            self._waiting -= 1
            self.refused(status)

    def confirmed(self, requests: int, octets: int) -> None:
        """So many of its chunks were answered with 200, and carried so many octets together."""
        self._waiting -= requests
        self.acknowledged += octets
        self._confirm()
        if self.ready():
            self.endpoint.connection.has_work(self)
        self.bell.ring()

    @property
    def reported(self) -> int:
        """Octets from the first on that success REPORTs are about."""
        return self._spoken_of.reach

    def report_arrived(self, byte_range: ByteRange | None) -> None:
        """The other side reports success: for all of it, or up to some octet, or of one chunk, in
        any order (RFC 4975 section 7.1.3)."""
        self._reports += 1
        if self._resumable and byte_range is not None and byte_range.start == 1:
            self._leave_out(byte_range.end or 0)
        if byte_range is None:
            self._spoken_of.add(0, self.cut_octets)
        else:
            end = self.cut_octets if byte_range.end is None else min(byte_range.end, self.cut_octets)
            if end >= byte_range.start:
                self._spoken_of.add(byte_range.start - 1, end)
        self._confirm()
        self.bell.ring()

    def _leave_out(self, until: int) -> None:
        """Octets before that are with the other side already, from an attempt before; of what it
        says about the last ones nothing is believed while they are here."""
        assert self.total is not None
        more = until - self.cut_octets
        if more <= 0 or until >= self.total or self._machine.state != "sending":
            return
        self.cut_octets = until
        self.acknowledged += more  # what the window counts is what is on its way
        self.left_out += more
        self._fed.drop(more)
        if self.ready():
            self.endpoint.connection.has_work(self)

    @property
    def _all_reported(self) -> bool:
        return self._reports > 0 and self._spoken_of.reach >= self.cut_octets

    def _confirm(self) -> None:
        """Delivered: every chunk is answered, and where a report was asked for, it is there."""
        if self._machine.state != "awaiting" or self._waiting:
            return
        if self._all_reported if self._success_report else self._failure_report == "yes":
            self._step("confirmed")

    def refused(self, status: int) -> None:
        """A response or a REPORT says it will not be taken (RFC 4975 sections 7.3.2 and 10)."""
        event = "late" if status == 408 else "refused"  # section 10.4: like a timeout of our own
        if self._machine.may(event):
            self.status = status
            self._stop(event, refusal(status))
            self.endpoint.answered(status, self.content_type)
        else:
            self.endpoint.answered(status)  # the session may be over, whatever became of the message

    def late(self) -> None:
        self._waiting -= 1
        if self._machine.state == "awaiting" and self._success_report and self._all_reported:
            self._confirm()  # whatever became of the answer, the message is there
            self.bell.ring()
        else:
            self.refused(408)

    def unheard(self) -> None:
        """Nobody will say what became of it."""
        if self._machine.may("unasked"):
            self._step("unasked")
            self.bell.ring()

    def lost(self, reason: str) -> None:
        if self._machine.may("lost"):
            self._stop("lost", reason)

    def _stop(self, event: str, reason: str) -> None:
        # Whoever has a part of it is told that the rest will not come.
        self._abandon = self._machine.state == "sending"
        self._step(event)
        self.reason = reason
        self._fed.clear()
        if self._abandon:
            self.endpoint.connection.has_work(self)
        self.bell.ring()

    def _step(self, event: str) -> None:
        self._machine.step(event)
        if self._machine.over:
            self.endpoint.forget(self)
            if self._listened and self._machine.state != "failed":
                # Or a connection would keep it for as long as it stands. After a refusal others may follow.
                self.endpoint.connection.transactions.ignore(self._listened)
