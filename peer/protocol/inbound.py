"""What the other side's frames do: each request to its method, each response to its request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from msrp_core import Body, Flag, Frame, response

from ..terms.errors import PeerError
from .auth import Answer
from .delayed import Delayed
from .endpoint import Endpoint
from .incoming import Incoming
from .sas_header import speaks_of

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["Inbound"]

_OTHER_BODY = 10240  # a request other than SEND carries at most that (RFC 4975 section 7.1)

_NO_SESSION = {
    403: "a better protected line is required",
    481: "no such session",
    506: "the session is in use on another connection",
}


class _Current:
    """The frame at hand: where its body goes, and whether it is answered already."""

    __slots__ = ("answered", "endpoint", "frame", "message", "size")

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.endpoint: Endpoint | None = None
        self.message: Incoming | None = None
        self.answered = False
        self.size = 0


class Inbound:
    """One connection's frames, one after the other."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.later = Delayed(connection)
        self._current: _Current | None = None

    def event(self, event: Frame | Body | Flag, now: float) -> None:
        if isinstance(event, Frame):
            acceptor = self._connection.acceptor
            if acceptor.thinking or (acceptor.talking and event.method != "AUTH"):
                raise PeerError("the other side spoke of something else in the middle of authentication")
            self._current = current = _Current(event)
            if event.status is not None:
                current.answered = True
                self._connection.transactions.answer(event)
            else:
                handler = self._METHODS.get(event.method or "")
                if handler is None:
                    # RFC 4975 section 12: how a peer learns that an extension is not here.
                    self._answer(current, Answer(501, "method not understood"))
                else:
                    handler(self, current, now)
            if event.size:
                self._octets(current, bytes(event))
            if event.flag is not None:
                self._ended(current, event.flag, now)
        elif self._current is not None:
            if isinstance(event, Body):
                self._octets(self._current, bytes(event))
            else:
                self._ended(self._current, event.flag, now)

    def go_on(self, frame: Frame, endpoint: Endpoint, message: Incoming) -> None:
        """A chunk of this message has begun, and its octets so far are taken."""
        self._current = current = _Current(frame)
        current.endpoint, current.message = endpoint, message

    # -- bodies

    def _octets(self, current: _Current, data: bytes) -> None:
        current.size += len(data)
        if current.message is not None:
            current.message.octets_arrived(data)
            if current.message.refusal is not None:
                # At once: the rest of a long chunk need not be sent (RFC 4975 section 10.5).
                self._answer(current, Answer(current.message.refusal, "refused"))
        elif current.size > _OTHER_BODY and current.frame.method != "SEND":
            self._answer(current, Answer(413, f"no more than {_OTHER_BODY} octets in such a request"))

    def _ended(self, current: _Current, flag: str, now: float) -> None:
        self._current = None
        message, endpoint = current.message, current.endpoint
        if message is None or endpoint is None:
            if not current.answered:  # an AUTH whose body, if any, is not too long
                self._auth_ended(current.frame, now)
            elif current.frame.method == "AUTH" and self._connection.acceptor.talking:
                self._connection.acceptor.bar()  # a fault of its frame, and no part of the exchange
                self._connection.close(now)
            return
        endpoint.chunk_ended(message, flag, now)
        if message.refusal is not None:
            self._answer(current, Answer(message.refusal, "refused"))
        elif endpoint.closed and message.state != "whole":
            self._answer(current, Answer(481, _NO_SESSION[481]))  # left while the chunk came in
        else:
            self._answer(current, Answer(200, "OK"), message, now + message.delay)
            if flag == "+":
                self._connection.short.follow(endpoint, message, current.frame)

    # -- methods

    def _send(self, current: _Current, now: float) -> None:
        frame = current.frame
        if self._connection.acceptor.shut:
            self._answer(current, Answer(403, "authentication is required"))
            return
        endpoint = self._connection.bindings.session_of(frame, now)
        if isinstance(endpoint, int):
            self._answer(current, Answer(endpoint, _NO_SESSION[endpoint]))
            return
        fault = frame.fault()
        if fault is not None:
            self._answer(current, Answer(fault.status, fault.message))
            return
        if not frame.has_body and not endpoint.expects(frame):
            # It only binds the session, or keeps it alive (RFC 4975 sections 5.4 and 7.1).
            self._answer(current, Answer(200, "OK"))
            return
        message = endpoint.send_arrived(frame)
        if isinstance(message, int):
            self._answer(current, Answer(message, "OK" if message == 200 else "refused"))
        else:
            current.endpoint, current.message = endpoint, message
            self._connection.short.leave(endpoint, message)

    def _auth(self, current: _Current, now: float) -> None:
        """Answered at its end: only then is it known to be no longer than it may be."""
        fault = current.frame.fault()
        if fault is not None:
            self._answer(current, Answer(fault.status, fault.message))

    def _auth_ended(self, frame: Frame, now: float) -> None:
        acceptor = self._connection.acceptor
        answer: Answer | None
        if not acceptor.talking and speaks_of(frame):
            answer = self._connection.comparing.auth_arrived(frame, now)
        elif acceptor.concerns(frame):
            answer = acceptor.auth_arrived(frame)
        elif acceptor.shut:
            answer = acceptor.barrier()
        else:
            answer = self._connection.grants.auth_arrived(frame, now)
        if answer is not None:  # else `answer`, when a step is taken, or somebody is there to compare
            self.answer(frame, answer, now)

    def answer(self, frame: Frame, answer: Answer, now: float) -> None:
        """Answer an AUTH, and end the connection where it is the last word."""
        self._answer(_Current(frame), answer)
        if answer.closes:
            self._connection.close(now, answer.reason)

    def _report_arrived(self, current: _Current, now: float) -> None:
        """Never answered (RFC 4975 section 7.1.2); one that makes no sense is ignored."""
        current.answered = True
        frame = current.frame
        endpoint = self._connection.bindings.known(frame)
        status = frame.header("Status")
        if endpoint is None or status is None or frame.fault() is not None or frame.message_id is None:
            return
        namespace, _, rest = status.partition(" ")
        if namespace == "000":
            endpoint.report_arrived(frame.message_id, int(rest[:3]), frame.byte_range)

    _METHODS: ClassVar[dict[str, Callable[[Inbound, _Current, float], None]]] = {
        "SEND": _send,
        "AUTH": _auth,
        "REPORT": _report_arrived,
    }

    # -- answers

    def _answer(
        self, current: _Current, answer: Answer, message: Incoming | None = None, due: float = 0.0
    ) -> None:
        """One response to one request, where one is due at all (RFC 4975 sections 7.1.4, 7.2); of a
        `message` that goes slowly, once it is `due`."""
        if current.answered:
            return
        current.answered = True
        wants = "yes"
        if current.frame.method == "SEND":
            wants = _failure_report(current.frame)
        if wants == "no" or (wants == "partial" and answer.status == 200):
            return
        octets = response(current.frame, answer.status, answer.comment, answer.headers)
        if message is not None and message.delay:
            self.later.put(message, octets, due)
        else:
            self._connection.say(octets)


def _failure_report(frame: Frame) -> str:
    value = (frame.header("Failure-Report") or "yes").lower()
    return value if value in ("no", "partial") else "yes"
