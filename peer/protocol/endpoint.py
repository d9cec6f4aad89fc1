"""This end of one session: two paths, what arrives, what leaves."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msrp_core import ByteRange, Frame, Uri, request

from ..terms.content import Accepts, parse_disposition
from ..terms.errors import NotDelivered
from ..terms.limits import Limits
from .bells import SILENT, Bell
from .incoming import Incoming
from .outgoing import Outgoing, refusal

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["Endpoint"]


class Endpoint:
    """One session, as the protocol sees it.

    Attributes:
        local: our session URI, the capability by which the other side reaches us.
        remote: the other side's path, as it goes into To-Path.
        inbox: messages nobody looked at yet.
        closed: whether the session is over; `reason` then says how, None for an orderly end.
        takes: the kinds of content we take; `files` whether attachments are among them.
        peer_takes: the kinds the other side takes; `peer_maximum` its largest message.
    """

    def __init__(
        self,
        connection: Connection,
        local: str,
        remote: str,
        *,
        takes: Accepts,
        files: bool,
        peer_takes: Accepts,
        peer_maximum: int | None,
    ) -> None:
        self.connection = connection
        self.limits: Limits = connection.limits
        self.local = local
        self.remote = remote
        self.local_uri = Uri.parse(local)
        self.remote_uris = Uri.parse_path(remote)
        self.takes = takes
        self.files = files
        self.peer_takes = peer_takes
        self.peer_maximum = peer_maximum
        self.inbox: deque[Incoming] = deque()
        self.bell: Bell = SILENT
        self.closed = False
        self.reason: str | None = None
        self._arriving: dict[str, Incoming] = {}
        self._leaving: dict[str, Outgoing] = {}
        self._seen: dict[str, None] = {}

    # -- from the application

    def send(
        self,
        content_type: str,
        total: int | None,
        headers: Sequence[tuple[str, str]] = (),
        *,
        success_report: bool = False,
    ) -> Outgoing:
        """Begin a message; feed it to the `Outgoing` returned.

        With `success_report` it counts as delivered when the other side reports that it was
        taken; without, when every chunk was answered.

        Raises `NotDelivered` where the other side said it would not take it: its types
        (RFC 4975 section 8.6) or its maximum size.
        """
        if not self.peer_takes.allows(content_type):
            raise NotDelivered(f"the other side does not take {content_type.partition(';')[0]}", status=415)
        if total is not None and self.peer_maximum is not None and total > self.peer_maximum:
            raise NotDelivered(
                f"the other side takes at most {self.peer_maximum} octets a message, not {total}", status=413
            )
        outgoing = Outgoing(self, content_type, total, headers, success_report=success_report)
        # Those that are over are forgotten here: nothing else asks for them.
        self._leaving = {key: o for key, o in self._leaving.items() if not o.over}
        self._leaving[outgoing.message_id] = outgoing
        if self.closed:
            outgoing.lost(self.reason or "the session is over")
        return outgoing

    # -- from the wire

    def knows(self, frame: Frame) -> bool:
        """Whether a request comes from the other URI of this session, and from it alone."""
        if frame.from_path == self.remote:
            return True
        return Uri.parse_path(frame.from_path) == self.remote_uris

    def expects(self, frame: Frame) -> bool:
        """Whether a SEND is part of a message that is arriving."""
        return frame.message_id in self._arriving

    def send_arrived(self, frame: Frame) -> Incoming | int:
        """The message a SEND is a chunk of; or the code to answer it with."""
        message_id = frame.message_id
        if message_id is None:
            return 400
        byte_range = frame.byte_range
        message = self._arriving.get(message_id)
        if message is None:
            refused = self._refused(frame)
            if refused is not None:
                return refused
            if byte_range is not None and byte_range.start != 1:
                # The rest of something refused or given up before.
                return 413 if message_id in self._seen else 400
            message = Incoming(self, frame, duplicate=message_id in self._seen)
            self._remember(message_id)
            self._arriving[message_id] = message
            message.chunk_arrived(frame, byte_range)
            if message.refusal is None:
                self.inbox.append(message)
                self.bell.ring()
        else:
            message.chunk_arrived(frame, byte_range)
        return message

    def _refused(self, frame: Frame) -> int | None:
        if not self.takes.allows(frame.content_type or ""):
            return 415
        disposition = frame.header("Content-Disposition")
        if not self.files and disposition and parse_disposition(disposition).kind == "attachment":
            return 403
        if len(self._arriving) >= self.limits.arriving or len(self.inbox) >= self.limits.inbox:
            return 413
        return None

    def _remember(self, message_id: str) -> None:
        self._seen[message_id] = None
        if len(self._seen) > self.limits.remembered:
            del self._seen[next(iter(self._seen))]

    def may_spill(self, message: Incoming) -> bool:
        """Whether a message nobody reads yet may use a temporary file."""
        waiting = {id(m): m for m in (*self.inbox, *self._arriving.values()) if m.spilled}
        return message.spilled > 0 or len(waiting) < self.limits.spills

    def chunk_ended(self, message: Incoming, flag: str) -> None:
        message.flag_arrived(flag)
        # After a refusal nothing need follow, not even "#" (RFC 4975 section 10.5).
        if flag != "+" or message.refusal is not None:
            self._arriving.pop(message.message_id, None)

    def report(self, message: Incoming, status: int) -> None:
        """Tell the sender what became of a whole message (RFC 4975 section 7.1.2)."""
        if self.closed:
            return
        size = message.received
        headers = [
            ("Message-ID", message.message_id),
            ("Byte-Range", f"1-{size}/{size}"),
            ("Status", "000 200 OK" if status == 200 else f"000 {status:03d} refused"),
        ]
        self.connection.say(request("REPORT", message.first.from_path, self.local, headers)[1])

    def report_arrived(self, message_id: str, status: int, byte_range: ByteRange | None) -> None:
        """A REPORT of failure is handled like the response of that code (RFC 4975 section
        7.1.2); one about a message nobody knows is ignored."""
        outgoing = self._leaving.get(message_id)
        if outgoing is None:
            return
        if 200 <= status < 300:
            outgoing.reported(byte_range)
        else:
            outgoing.refused(status)

    def answered(self, status: int) -> None:
        """A request of this session was answered: these codes end it (RFC 4975 sections 10.8, 10.10)."""
        if status in (481, 506):
            self.close(refusal(status))

    def close(self, reason: str | None) -> None:
        """The session is over: what arrived stays readable, what was leaving is told."""
        if self.closed:
            return
        self.closed = True
        self.reason = reason
        for message in self._arriving.values():
            message.lost(reason or "the other side closed the session before its end")
        self._arriving.clear()
        for outgoing in self._leaving.values():
            outgoing.lost(reason or "the session was closed before it was confirmed")
        self._leaving.clear()
        self.bell.ring()
