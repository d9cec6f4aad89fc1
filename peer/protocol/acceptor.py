"""AUTH with a proof, the side that answers (docs/profile.md section 11).

    asked what there is    401 with the list; after success 200 with the same list
    a start, a token       401 with a challenge, or the outcome: 200, 401 with the list, 403

A step of a mechanism may take long, and then runs in a thread: until it is answered nothing may
follow its AUTH on the line. The order of it all is the table `ACCEPTOR`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from msrp_core import Frame, Uri

from ..terms.errors import MsrpError, PeerError
from ..terms.security import Security
from .auth import Answer
from .prover import Accepting, Gate, Verdict
from .sasl_header import SaslHeader, SaslHeaderError
from .tables import ACCEPTOR, Machine
from .wire import Wire

__all__ = ["Acceptor", "Place"]

_BAD = "bad syntax"


class Place(Protocol):
    """The line that somebody is proved on."""

    @property
    def security(self) -> Security: ...

    @property
    def bound(self) -> bool:
        """Whether a session ever stood on it."""

    @property
    def wire(self) -> Wire: ...


class Acceptor:
    """One connection's."""

    def __init__(self, gate: Gate | None, place: Place, tries: int) -> None:
        self.gate = gate
        self._place = place
        self._tries = tries
        self._machine = Machine(ACCEPTOR, "open")
        self._offered: tuple[str, ...] = ()
        self._exchange: Accepting | None = None
        self._frame: Frame | None = None
        self._step: Callable[[], bytes | None] | None = None
        self._said: bytes | None = None
        self._error: Exception | None = None
        self.failure: str | None = None
        """Why the last exchange failed, for whoever listens; taken away by the driver. The other side
        is not told."""

    # -- what is known

    @property
    def state(self) -> str:
        return self._machine.state

    @property
    def talking(self) -> bool:
        """Whether an exchange waits for the other side: nothing but its AUTH may come."""
        return self._machine.state == "talking"

    @property
    def thinking(self) -> bool:
        """Whether an AUTH is not answered yet: nothing at all may come."""
        return self._machine.state == "thinking"

    @property
    def slow(self) -> bool:
        """Whether the step at hand may take long."""
        return self._exchange is not None and self._exchange.slow

    @property
    def shut(self) -> bool:
        """Whether nothing but AUTH is done here: the line is not good enough, yet or for good."""
        return self.gate is not None and self._place.security.level < self.gate.least

    def barrier(self) -> Answer:
        """What a request for a session is answered with meanwhile; it serves as discovery, too."""
        if self.state == "proved":
            return Answer(403, "a better protected line is required")
        return self.listing()

    # -- requests

    def concerns(self, frame: Frame) -> bool:
        """Whether an AUTH is about who somebody is, and not about a session."""
        if self.gate is None:
            return False
        return self.talking or _proves(frame)

    def unready(self, frame: Frame) -> bool:
        """Whether an AUTH is about who somebody is, and there is nobody to judge it."""
        return _proves(frame) and (self.gate is None or not self._list())

    def auth_arrived(self, frame: Frame) -> Answer | None:
        """Answer an AUTH that `concerns`; None where a step must be taken first (`think`)."""
        if " " in frame.to_path or " " in frame.from_path:
            return self._stray(Answer(403, "authentication runs over one hop"))
        try:
            header = SaslHeader.of(frame, "Authorization")
        except SaslHeaderError as wrong:
            return self._stray(Answer(400, f"{_BAD}: {wrong}"))
        if self.talking:
            return self._go_on(frame, header)
        if header is not None and self.state == "proved":
            return Answer(400, "one success is all a connection has")
        if header is not None and self._place.bound:
            return Answer(403, "a session stands on this connection")
        if Uri.parse(frame.to_path).session_id is not None:
            return Answer(481, "no such session")
        if header is None:
            return self.listing()
        return self._start(frame, header)

    def listing(self) -> Answer:
        """What there is: how somebody can prove who they are."""
        if self.state == "proved":
            return Answer(200, "OK", (("Authentication-Info", SaslHeader(mech=self._list()).text()),))
        if not self._list():
            return Answer(403, "nobody can be authenticated on a line like this")
        return Answer(401, "authentication is asked for", (self._challenge(mech=self._list()),))

    def _list(self) -> tuple[str, ...]:
        if not self._offered:  # it was asked before, and must be told the same
            assert self.gate is not None  # or nothing would concern us
            self._offered = self.gate.offered(self._place.security, self._place.wire.binding)
        return self._offered

    def _challenge(self, mech: tuple[str, ...] | None = None, s2c: bytes | None = None) -> tuple[str, str]:
        realm = self.gate.realm if mech and self.gate else None
        return "WWW-Authenticate", SaslHeader(mech, realm, s2c=s2c).text()

    def _start(self, frame: Frame, header: SaslHeader) -> Answer | None:
        if header.mech is None or len(header.mech) != 1 or header.abort or frame.has_body:
            return Answer(400, "no exchange is under way" if header.mech is None else _BAD)
        if not self._list():
            return self.listing()
        assert self.gate is not None  # or nothing would concern us
        exchange = self._exchange = self.gate.exchange(
            header.mech[0], header.to, self._list(), self._place.security, self._place.wire.binding
        )
        token = header.c2s
        self._think_about(frame, "start", lambda: exchange.start(token))
        return None

    def _go_on(self, frame: Frame, header: SaslHeader | None) -> Answer | None:
        exchange = self._exchange
        assert exchange is not None  # while talking
        if header is None or header.mech is not None or frame.has_body:
            return self._stray(Answer(400, "an exchange is under way"))
        if header.abort:
            self.failure = "the other side gave it up"
            return self._failed()
        if header.c2s is None:
            return self._stray(Answer(400, _BAD))
        token = header.c2s
        self._think_about(frame, "token", lambda: exchange.process(token))
        return None

    def _stray(self, answer: Answer) -> Answer:
        """In the middle of an exchange nothing is forgiven."""
        if not self.talking:
            return answer
        self.bar()
        return Answer(answer.status, answer.comment, answer.headers, closes=True)

    # -- steps

    def _think_about(self, frame: Frame, event: str, step: Callable[[], bytes | None]) -> None:
        self._machine.step(event)
        self._frame, self._step = frame, step

    def think(self) -> None:
        """Take the step at hand; in any thread. Raises nothing. Then `thought`."""
        try:
            self._said = self._step() if self._step is not None else None
        except Exception as error:
            self._error = error

    def thought(self) -> tuple[Frame, Answer, Verdict | None]:
        """The step is taken: the request, its answer, and what succeeded, if it did.

        Raises what went wrong in the mechanism where that was nobody's doing but our own.
        """
        frame, exchange = self._frame, self._exchange
        assert frame is not None  # while thinking
        assert exchange is not None
        said, error = self._said, self._error
        self._frame = self._step = self._said = self._error = None
        if isinstance(error, MsrpError):
            self.failure = str(error)
            barred = isinstance(error, PeerError) and error.status == 403
            return frame, self._failed(barred=barred), None
        if error is not None:
            self._over("last")
            raise error
        verdict = exchange.verdict
        try:
            if verdict is None:
                answer = Answer(401, "go on", (self._challenge(s2c=said or b""),))
                self._machine.step("more")
                return frame, answer, None
            header = ("Authentication-Info", SaslHeader(s2c=said).text())
        except SaslHeaderError:  # a token of ours that no line can carry
            return frame, self._failed(), None
        self._machine.step("proved")
        self.forget()
        return frame, Answer(200, "OK", (header,)), verdict

    def _failed(self, *, barred: bool = False) -> Answer:
        """Whatever was wrong, it looks the same."""
        assert self._exchange is not None  # or nothing could fail
        self._tries -= 1
        if barred or self._exchange.spent or self._tries <= 0:
            self._over("last")
            return Answer(403, "not authenticated", closes=True)
        self._over("wrong")
        return Answer(401, "not authenticated", (self._challenge(mech=self._list()),))

    def bar(self) -> None:
        """What came has no place in the exchange: there will be no other."""
        self._over("last")

    def lost(self) -> None:
        """The line is gone."""
        thinking = self.thinking
        if self._machine.may("lost"):
            self._machine.step("lost")
        if not thinking:
            self.forget()  # else a thread may be in the midst of it

    def forget(self) -> None:
        """Nobody waits for an exchange any more."""
        if self._exchange is not None:
            self._exchange.forget()
        self._exchange = None

    def _over(self, event: str) -> None:
        self._machine.step(event)
        self.forget()


def _proves(frame: Frame) -> bool:
    if frame.header("Authorization") is not None:
        return True
    return frame.header("Accept-Types") is None and frame.header("Expires") is None
