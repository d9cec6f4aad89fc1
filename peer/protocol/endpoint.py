"""This end of one session: two paths, what arrives, what leaves."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from msrp_core import ByteRange, Frame, Lane, Seen, Uri, request

from ..terms.content import Accepts, Takes, parse_disposition
from ..terms.errors import NotDelivered, UsageError
from ..terms.limits import Limits
from .bells import SILENT, Bell
from .codes import refusal
from .inbox import Inbox
from .incoming import Incoming
from .outgoing import FailureReport, Outgoing

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["Endpoint"]

_IDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+%=-]{3,31}")  # RFC 4975 section 9


class Endpoint:
    """One session, as the protocol sees it.

    Attributes:
        local: our session URI, the capability by which the other side reaches us.
        remote: the other side's path, as it goes into To-Path.
        inbox: messages nobody looked at yet.
        closed: whether the session is over; `reason` then says how, None for an orderly end.
        takes: the kinds of content we take; `files` whether attachments are among them.
        peer_takes: the kinds the other side takes; `peer_maximum` its largest message.
        peer_wrapped: the kinds it takes inside of others only; None where nobody told.
        granted: whether the line itself gave its URIs (direct rendezvous), not other signalling.
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
        self.peer_wrapped: Accepts | None = None
        self.inbox = Inbox(self)
        self.bell: Bell = SILENT
        self.closed = False
        self.granted = False
        self.reason: str | None = None
        self._arriving: dict[str, Incoming] = {}
        self._leaving: dict[str, Outgoing] = {}
        self._unconfirmed: OrderedDict[Outgoing, None] = OrderedDict()
        self._unwanted: set[str] = set()  # types it refused
        last = self.remote_uris[-1]
        self._seen: Seen = connection.budget.seen((last.userinfo, last.host))
        self._mark = object()  # of what this session saw

    # -- from the application

    def send(
        self,
        content_type: str,
        total: int | None,
        headers: Sequence[tuple[str, str]] = (),
        *,
        failure_report: FailureReport = "yes",
        success_report: bool = False,
        message_id: str | None = None,
        resumable: bool = False,
    ) -> Outgoing:
        """Begin a message; feed it to the `Outgoing` returned.

        With `success_report` it counts as delivered when the other side reports that it was
        taken; without, when every chunk was answered. `message_id` is for sending again what
        may not have arrived (RFC 4975 section 5.4). With `resumable` and a success report, octets that
        the other side says it has are left out (`Outgoing.leap`).

        Raises `NotDelivered` where the other side said it would not take it: its types
        (RFC 4975 sections 8.6 and 10.6) or its maximum size; `UsageError` for an id that cannot
        be one, or is that of a message still leaving.
        """
        kind = _kind(content_type)
        if not self.peer_takes.allows(content_type) or kind in self._unwanted:
            raise NotDelivered(f"the other side does not take {kind}", status=415)
        if total is not None and self.peer_maximum is not None and total > self.peer_maximum:
            raise NotDelivered(
                f"the other side takes at most {self.peer_maximum} octets a message, not {total}", status=413
            )
        if message_id is not None and (message_id in self._leaving or not _IDENT.fullmatch(message_id)):
            raise UsageError("a Message-ID is that of a message before, which is over, in 4 to 32 characters")
        outgoing = Outgoing(
            self,
            content_type,
            total,
            headers,
            failure_report=failure_report,
            success_report=success_report,
            message_id=message_id,
            resumable=resumable,
        )
        self._leaving[outgoing.message_id] = outgoing
        if self.closed:
            outgoing.lost(self.reason or "the session is over")
        return outgoing

    def forget(self, outgoing: Outgoing) -> None:
        """It is over."""
        self._leaving.pop(outgoing.message_id, None)
        self._unconfirmed.pop(outgoing, None)

    def unconfirmed(self, outgoing: Outgoing) -> None:
        """It is all out, and nothing will confirm it; where it wants to know of refusals, one may
        still come, but not for ever."""
        if outgoing.wants_refusals:
            self._unconfirmed[outgoing] = None
        else:
            outgoing.unheard()
        if len(self._unconfirmed) > self.limits.remembered:
            next(iter(self._unconfirmed)).unheard()

    def check_inside(self, kinds: Iterable[str]) -> None:
        """Raise `NotDelivered` where the other side takes one of these not even inside of others
        (RFC 4975 section 8.6)."""
        wrapped = self.peer_wrapped
        if wrapped is None:
            return
        for kind in kinds:
            if not self.peer_takes.allows(kind) and not wrapped.allows(kind):
                bare = kind.partition(";")[0]
                raise NotDelivered(f"the other side does not take {bare} inside of others", status=415)

    def renew(self, own: Takes, peer: Takes) -> None:
        """Take, and expect to be taken, what signalling agreed anew."""
        self.takes, self.files = own.accepts, own.files
        self.peer_takes, self.peer_maximum, self.peer_wrapped = peer.accepts, peer.maximum, peer.wrapped
        self._unwanted.clear()

    # -- from the wire

    def lane(self) -> Lane:
        """The short way for its plain SENDs."""
        limits = self.limits
        largest = limits.unopened if limits.message is None else min(limits.message, limits.unopened)
        return Lane(self.local, self.remote, self._seen, self._mark, self._arriving, largest)

    def knows(self, frame: Frame) -> bool:
        """Whether a request comes from the other URI of this session, and from it alone."""
        if frame.from_path == self.remote:
            return True
        return Uri.parse_path(frame.from_path) == self.remote_uris

    def expects(self, frame: Frame) -> bool:
        """Whether a SEND without a body is part of a message: one that is arriving, or one whose
        other chunks are still to come."""
        byte_range = frame.byte_range
        return frame.message_id in self._arriving or (byte_range is not None and byte_range.start > 1)

    def send_arrived(self, frame: Frame) -> Incoming | int:
        """The message a SEND is a chunk of; or the code to answer it with."""
        message_id = frame.message_id
        if message_id is None:
            return 400
        byte_range = frame.byte_range
        begins = byte_range is None or byte_range.start == 1
        message = self._arriving.get(message_id)
        if message is None:
            earlier = self._seen.get(message_id)
            if earlier is not None and not begins and self._seen.within(message_id, self._mark):
                # Came again, or is the rest of something refused or given up. In another session
                # it is a message sent again, whose first chunk is still on its way.
                return earlier
            refused = self._refused(frame)
            if refused is not None:
                return refused
            message = Incoming(self, frame, earlier=earlier)
            if frame.has_body and message.refusal is None:
                self.connection.short.accepted(self, message.content_type)
            self._arriving[message_id] = message
            if frame.flag != "$":  # it takes a while, and may come again meanwhile
                self.became(message, 413)
        else:
            if not message.content_type and not self._takes(frame):
                message.refuse(415)
            message.described(frame)
            self.connection.missing.stop(message)  # while more of it is on its way
        message.chunk_arrived(frame, byte_range)
        if begins and not message.shown and message.refusal is None:
            self._show(message)
        return message

    def _refused(self, frame: Frame) -> int | None:
        if not self._takes(frame):
            return 415
        if not self._takes_files(frame.header("Content-Disposition")):
            return 403
        if len(self._arriving) >= self.limits.arriving or len(self.inbox) >= self.limits.inbox:
            return 413
        return None

    def _takes(self, frame: Frame) -> bool:
        return not frame.has_body or self.takes.allows(frame.content_type or "")

    def _takes_files(self, disposition: str | None) -> bool:
        return self.files or not disposition or parse_disposition(disposition).kind != "attachment"

    def _show(self, message: Incoming) -> None:
        """Its first octet came, and with it what the sender calls it."""
        if not self._takes_files(message.disposition):
            message.refuse(403)
        elif len(self.inbox) >= self.limits.inbox:
            message.refuse(413)
        else:
            message.shown = True
            self.inbox.append(message)
            self.bell.ring()

    def may_spill(self, message: Incoming) -> bool:
        """Whether a message nobody reads yet may use a temporary file."""
        if message.spilled:
            return True
        waiting = {id(m): m for m in (*self.inbox.begun(), *self._arriving.values()) if m.spilled}
        return len(waiting) < self.limits.spills

    def chunk_ended(self, message: Incoming, flag: str, now: float) -> None:
        message.flag_arrived(flag)
        if message.state != "arriving":
            # After a refusal nothing need follow, not even "#" (RFC 4975 section 10.5).
            self._arriving.pop(message.message_id, None)
            self.became(message, 200 if message.state == "whole" else message.refusal or 413)
        elif message.missing:
            self.connection.missing.start(message, now)

    def late(self, message: Incoming, now: float) -> None:
        """What is missing of a message has not come."""
        if self.connection.paused:
            self.connection.missing.start(message, now)  # we do not read: nobody's fault
        else:
            self._arriving.pop(message.message_id, None)
            message.late(self.limits.missing)
            self.became(message, 413)

    def became(self, message: Incoming, status: int) -> None:
        """What to say where the message comes again, or more of it does."""
        self._seen.set(message.message_id, status, self._mark)

    def report(self, message: Incoming, status: int, end: int) -> None:
        """Tell the sender what became of a message's first `end` octets (RFC 4975 section 7.1.2)."""
        if self.closed:
            return
        size = message.size
        headers = [
            ("Message-ID", message.message_id),
            ("Byte-Range", f"1-{end}/{'*' if size is None else size}"),
            ("Status", "000 200 OK" if status == 200 else f"000 {status:03d} refused"),
        ]
        self.connection.say(request("REPORT", message.path, self.local, headers)[1])

    def report_arrived(self, message_id: str, status: int, byte_range: ByteRange | None) -> None:
        """A REPORT of failure is handled like the response of that code (RFC 4975 section
        7.1.2); one about a message nobody knows is ignored."""
        outgoing = self._leaving.get(message_id)
        if outgoing is None:
            return
        if 200 <= status < 300:
            outgoing.report_arrived(byte_range)
        else:
            outgoing.refused(status)

    def answered(self, status: int, content_type: str | None = None) -> None:
        """A request of this session was answered with a code that is about more than itself
        (RFC 4975 sections 10.6, 10.8 and 10.10)."""
        if status in (481, 506):
            self.close(refusal(status))
        elif status == 415 and content_type is not None:
            kind = _kind(content_type)
            self._unwanted.add(kind)
            for outgoing in tuple(self._leaving.values()):
                if outgoing.state == "queued" and _kind(outgoing.content_type) == kind:
                    outgoing.refused(415)

    def close(self, reason: str | None) -> None:
        """The session is over: what arrived stays readable, what was leaving is told."""
        if self.closed:
            return
        self.connection.short.close(self)
        self.closed = True
        self.reason = reason
        for message in self._arriving.values():
            self.connection.missing.stop(message)
            self.became(message, 413)
            message.lost(reason or "the other side closed the session before its end")
        self._arriving.clear()
        for outgoing in tuple(self._leaving.values()):
            outgoing.lost(reason or "the session was closed before it was confirmed")
        self.connection.bindings.over(self)
        self.bell.ring()


def _kind(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()
