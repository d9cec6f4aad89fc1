"""One message on its way in: chunks to octets, for whoever reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msrp_core import ByteRange, Frame

from ..terms.content import RESUMABLE
from .bells import SILENT, Bell
from .store import Store
from .tables import INCOMING, Machine

if TYPE_CHECKING:
    from .endpoint import Endpoint

__all__ = ["Incoming"]

_WEIGHT = 2048  # octets of memory that a message takes before its first octet of body


class Incoming:
    """States in `tables.INCOMING`. Made by `Endpoint` at the first chunk of a message to arrive.

    Chunks may come in any order, over one another and twice (RFC 4975 section 7.3.1). A chunk is
    as long as its body, whatever its Byte-Range says; the one with "$" says where the message
    ends. Where octets overlap, those that arrived last count, unless they have been read already.

    Attributes:
        endpoint: the session it belongs to.
        content_type, disposition, digest: as the chunks that came say.
        total: the size the sender announced, None where it did not.
        refusal: the code its next chunk is answered with; None while it is taken.
        duplicate: whether a message of this id arrived before (RFC 4975 section 5.4).
        resumable: whether its sender leaves out what it is told is here (`skip`).
        shown: whether whoever reads knows of it.
        path: where reports go; known where they are due.
    """

    __slots__ = (
        "_at",
        "_end",
        "_failures",
        "_had",
        "_limits",
        "_machine",
        "_report_due",
        "_reported",
        "_store",
        "_unread",
        "bell",
        "budget",
        "content_type",
        "digest",
        "disposition",
        "dropped",
        "duplicate",
        "endpoint",
        "message_id",
        "opened",
        "path",
        "reason",
        "refusal",
        "resumable",
        "shown",
        "total",
    )

    def __init__(self, endpoint: Endpoint, first: Frame, *, earlier: int | None) -> None:
        """`earlier` is what became of a message of the same id: 200 where it came whole."""
        self.endpoint = endpoint
        self._limits = endpoint.limits
        self.message_id = first.message_id or ""
        self.content_type = first.content_type or ""
        self.disposition = first.header("Content-Disposition")
        self.digest = first.header("Content-Digest")
        self.total: int | None = None
        self.refusal: int | None = None
        self.duplicate = earlier is not None
        self.shown = False
        self.bell: Bell = SILENT
        self.opened = False
        self.dropped = False  # set by whoever threw it away, from any thread
        self.reason = ""
        self._had = earlier == 200  # nothing is lost by not reading it again
        self._unread = False  # its octets go nowhere
        self._at = 0  # where the next octet of the chunk at hand belongs
        self._end: int | None = None  # where the message ends, once "$" said so
        self._reported = 0
        self._report_due = first.success_report
        self.resumable = self._report_due and first.header(RESUMABLE[0]) == RESUMABLE[1]
        if self._report_due:
            self.path = first.from_path
            self._failures = first.failure_report != "no"
        self._machine = Machine(INCOMING, "arriving")
        self.budget = endpoint.connection.budget
        self._store = Store(self.budget, self._limits.pieces)
        # Of its head the type, the path and more are kept; each may be as long as a line may be.
        if not self._store.weigh(_WEIGHT + first.body_offset - first.offset):
            self._turn_away(413, "there is no room for it")

    @classmethod
    def whole(cls, endpoint: Endpoint, frame: Frame) -> Incoming:
        """One that came in this frame and was answered already."""
        message = cls(endpoint, frame, earlier=None)
        message.shown = True
        message.chunk_arrived(frame, frame.byte_range)
        message.octets_arrived(frame.body)
        message.flag_arrived(frame.flag or "$")
        return message

    @property
    def state(self) -> str:
        return self._machine.state

    @property
    def received(self) -> int:
        """Octets that arrived, each counted once."""
        return self._store.arrived

    @property
    def reach(self) -> int:
        """Octets that arrived before the first that is missing: as far as it can be read."""
        return self._store.reach

    @property
    def size(self) -> int | None:
        """Its octets: as "$" said, or until then as announced; None where neither is so."""
        return self.total if self._end is None else self._end

    @property
    def missing(self) -> bool:
        """Whether octets are known to be missing: others behind them came, or the end did."""
        reach = self._store.reach
        return self.state == "arriving" and (
            self._store.end > reach or (self._end is not None and self._end > reach)
        )

    @property
    def awaited(self) -> bool:
        """Whether its sender wants to hear that it was taken, and has not heard of it."""
        return self._report_due

    @property
    def spilled(self) -> int:
        """Octets that went to a temporary file."""
        return self._store.spilled

    def room(self) -> int:
        """Octets that may come next, in order, without a question: none where anything is in doubt."""
        store = self._store
        doubt = self.dropped or self._unread or self._end is not None or self._at != store.reach
        if doubt or self.state != "arriving" or store.end > store.reach or not self.shown:
            return 0
        room = 1 << 62
        if not self.opened:
            room = 0 if self.spilled else self._limits.unopened - store.memory
        limit = self._limits.message
        return room if limit is None else min(room, limit - self._at)

    @property
    def delay(self) -> float:
        """Seconds that the answer to a chunk waits: the longer, the more is here of what nobody reads."""
        ahead = self._store.arrived - self._limits.unhurried
        if self.opened or ahead <= 0 or self.state != "arriving":
            return 0.0
        return self._limits.delay * min(ahead / self._limits.unhurried, 1.0)

    # -- from the wire

    def chunk_arrived(self, frame: Frame, byte_range: ByteRange | None) -> None:
        """A chunk begins."""
        if self.dropped:
            self.drop()
        self._at = 0 if byte_range is None else byte_range.start - 1
        if self.state != "arriving":
            return
        if byte_range is not None and byte_range.total is not None:
            self.total = byte_range.total
        limit = self._limits.message
        if limit is not None and max(self.total or 0, self._at) > limit:
            self._turn_away(413, f"it is longer than the {limit} octets taken here")
            return
        self._machine.step("chunk")

    def described(self, frame: Frame) -> None:
        """A chunk that is not the first to arrive may say what the message is, too."""
        before = len(self.digest or "") + len(self.disposition or "") + len(self.content_type)
        self.digest = frame.header("Content-Digest") or self.digest
        if not self.shown:
            self.content_type = self.content_type or frame.content_type or ""
            self.disposition = frame.header("Content-Disposition") or self.disposition
        more = len(self.digest or "") + len(self.disposition or "") + len(self.content_type) - before
        if more and not self.opened and not self._store.weigh(more):
            self._turn_away(413, "there is no room for it")

    def octets_arrived(self, data: bytes) -> None:
        """Body of the chunk that began last."""
        if self.dropped:
            self.drop()
        at = self._at
        self._at = end = at + len(data)
        if self.state != "arriving" or self._unread or not data:
            return
        limit = self._limits.message
        if limit is not None and end > limit:
            self._turn_away(413, f"it is longer than the {limit} octets taken here")
            return
        if self._end is not None and end > self._end:
            self._turn_away(400, "a chunk lies behind the message's end")
            return
        store = self._store
        before = store.reach
        # What cannot be read yet must not stop the wire: what is missing comes by it.
        waits = not self.opened or at > before
        much = self.spilled > 0 or store.memory + len(data) > self._limits.unopened
        spill = waits and much
        wrong = None
        try:
            room = (not spill or self.endpoint.may_spill(self)) and store.put(at, data, spill=spill)
            if not room:
                wrong = "there is no room for more of what nobody has read yet"
        except OSError as error:
            wrong = f"it cannot be kept: {error.strerror}"
        gained = store.reach - before
        if gained:
            if self.opened:
                self.endpoint.connection.pressure.took(gained)
            self.bell.ring()
        if wrong is not None:
            self._turn_away(413, wrong)

    def flag_arrived(self, flag: str) -> None:
        """The chunk that began last is complete."""
        if self.state != "arriving":
            return
        if flag == "#":
            self._cut("given up", "the sender gave it up")
            return
        if flag == "$":
            if self._store.end > self._at:
                self._turn_away(400, "it ends before octets that came")
                return
            self._end = self._at
        if self._end is not None and (self._unread or self._store.reach >= self._end):
            self._machine.step("filled")
            self.endpoint.connection.inbound.later.release(self)
            self.bell.ring()
            if self._unread:
                self._report(200)

    def late(self, patience: float) -> None:
        """Nothing came any more of what is missing."""
        if self._machine.may("late"):
            self._cut("late", f"octets of it were missing, and none of it came for {patience:g} s")

    def lost(self, reason: str) -> None:
        if self.state == "arriving":
            self._cut("lost", reason)

    def _cut(self, event: str, reason: str) -> None:
        self.reason = reason
        self._machine.step(event)
        self._store.cut()
        self.endpoint.connection.inbound.later.release(self)
        self.bell.ring()

    # -- from the application

    def open(self) -> None:
        """Somebody reads now: from here on the wire waits for them."""
        if not self.opened:
            self.opened = True
            if self._store.arrived > self._limits.unhurried:
                self._reported -= self._limits.reported  # its sender has waited, and soon learns of it
            self._store.lighten()
            self.endpoint.connection.pressure.took(len(self._store))
            self.endpoint.connection.inbound.later.release(self)

    def skip(self, octets: int) -> None:
        """Its first so many octets are here from before: none of them is given out by `take`. The
        sender, who must be `resumable`, is told so by a success REPORT about them, and leaves them out.
        """
        before = len(self._store)
        self._store.skip(octets)
        if self.opened:
            self.endpoint.connection.pressure.gave(before - len(self._store))
        self._reported = octets
        if self.state == "arriving":
            self.endpoint.report(self, 200, octets)

    def take(self) -> bytes:
        """The oldest octets not taken yet; empty where there are none, or the next are missing."""
        block = self._store.take()
        if self.opened and block:
            self.endpoint.connection.pressure.gave(len(block))
            done = self._store.reach - len(self._store) - len(block)
            if self._report_due and done and done - self._reported >= self._limits.reported:
                # A long message: its sender sees how far it is (RFC 4975 section 7.1.3). Never
                # about the last octets: that they are taken is said by whoever takes them.
                self._reported = done
                self.endpoint.report(self, 200, done)
        return block

    def confirm(self) -> None:
        """All of it has been taken, by whoever it is for: the sender who asked is told so
        (Success-Report, RFC 4975 section 7.1.2)."""
        if self.state == "whole":
            self._report(200)

    def refuse(self, status: int) -> None:
        """Take no more of it, and say so with `status` to its next chunk, or in a REPORT where
        no chunk follows; forget what is here.

        One that came whole before is only not read again: its sender is told that it arrived.
        """
        if self._had:
            self._unread = True
            self.confirm()
        else:
            if self.state == "whole":
                self._report(status)
                self.endpoint.became(self, status)
            self._turn_away(status, "it was refused")
        self._forget()

    def _report(self, status: int) -> None:
        due, self._report_due = self._report_due, False
        if due and (status == 200 or self._failures):
            self.endpoint.report(self, status, self._end or 0)

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
            self._store.cut()
            self.endpoint.connection.inbound.later.release(self)
        self.bell.ring()

    def _forget(self) -> None:
        if self.opened:
            self.endpoint.connection.pressure.gave(len(self._store))
        self._store.clear()
