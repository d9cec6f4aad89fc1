"""AUTH with a proof, the side that asks (docs/profile.md section 11).

    begin      asks what there is
    step       what to do next, if anything: `think`, in a thread where `slow`, then `thought`
    over       `done`, `absent` or `failed`; `failure` says why

Responses come by themselves; each rings `bell`. What follows the other side's success on the line
is kept until it is known which layer it belongs to (`Intake`). The order is the table `INITIATOR`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from msrp_core import Frame

from ..terms.errors import ConnectionLost, MsrpError, NotSecureEnough, PeerError
from ..terms.security import Security
from .bells import SILENT, Bell
from .prover import Binding, Initiating, Verdict
from .requests import Request
from .sasl_header import SaslHeader, SaslHeaderError
from .tables import INITIATOR, Machine

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["Initiator"]

_ABSENT: Final = (400, 481, 501)
"""RFC 4975 sections 7.3 and 12: how somebody answers who does not know this use of AUTH."""


class _Asked(Request):
    """An AUTH whose answer counts at once: a layer may begin with the next octet."""

    def __init__(self, initiator: Initiator) -> None:
        super().__init__()
        self._initiator = initiator

    def answered(self, response: Frame, octets: int) -> None:
        self.response = response
        self._initiator.answered(response)

    def lost(self, reason: str) -> None:
        self.failure = reason
        self._initiator.lost(reason)


class Initiator:
    """One run on one connection. `own` is a URI that names nothing: no capability goes before the proof.

    Attributes:
        bell: rung when there is something to do, or it is over.
        failure: why it failed, for our user.
        step: what is to be done next; None where the other side is to speak.
    """

    def __init__(self, connection: Connection, prover: Initiating, listener: str, own: str) -> None:
        self.bell: Bell = SILENT
        self.failure: MsrpError | None = None
        self.step: Callable[[], None] | None = None
        self._connection = connection
        self._prover = prover
        self._paths = listener, own
        self._machine = Machine(INITIATOR, "idle")
        self._chosen = self._started = False
        self._token: bytes | None = None
        self._verdict: Verdict | None = None
        self._error: Exception | None = None

    @property
    def state(self) -> str:
        return self._machine.state

    @property
    def over(self) -> bool:
        return self._machine.over

    @property
    def slow(self) -> bool:
        """Whether the step at hand may take long."""
        return self.state in ("thinking", "judging") and self._prover.slow

    def begin(self, now: float) -> None:
        self._machine.step("ask")
        self._ask((), now)

    # -- what the other side says

    def answered(self, response: Frame) -> None:
        """One of our requests is answered."""
        try:
            self._answered(response, response.status or 0)
        except (SaslHeaderError, PeerError) as wrong:
            self._fail(PeerError(f"the other side broke the order of authentication: {wrong}"))
        self.bell.ring()

    def _answered(self, response: Frame, status: int) -> None:
        state = self.state
        header = None
        if status in (200, 401):
            name = "Authentication-Info" if status == 200 else "WWW-Authenticate"
            header = SaslHeader.of(response, name)
        if state == "asking":
            self._list_arrived(status, header)
        elif state == "talking" and status == 200 and header is not None:
            self._machine.step("success")
            self.step = partial(self._judge, header.s2c)
            self._connection.intake.wait()
        elif state == "talking" and status == 401 and header is not None and header.s2c is not None:
            self._machine.step("challenge")
            self.step = partial(self._process, header.s2c)
        elif state == "looking" and status == 200 and header is not None and header.mech:
            self._looked(header.mech)
        elif state == "leaving":
            self._machine.step("refused")
        elif status == 200:
            raise PeerError("it claims success, and nothing was proved")
        elif state == "talking" and status in (401, 403):
            self._fail(self._prover.failed())
        else:
            raise PeerError(f"it answered {status:03d}")

    def _list_arrived(self, status: int, header: SaslHeader | None) -> None:
        if status in _ABSENT:
            self._machine.step("none")
        elif status == 401 and header is None:
            self._machine.step("none")  # other schemes alone, which we do not know
        elif status == 401 and header is not None and header.mech and header.s2c is None:
            self._machine.step("list")
            line = self._connection
            self.step = partial(self._choose, header.mech, line.security, line.wire.binding)
        elif status == 403 and not self._prover.needed:
            self._machine.step("none")
        elif status == 403:
            self._fail(NotSecureEnough("the other side authenticates nobody on a line like this"))
        else:
            raise PeerError(f"asked how to authenticate, it answered {status:03d}")

    def _looked(self, offered: tuple[str, ...]) -> None:
        try:
            self._prover.look_again(offered)
        except MsrpError as error:
            self._fail(error)
            return
        self._machine.step("same")
        assert self._verdict is not None  # since it was judged
        self._connection.proof = self._verdict.proof
        self._prover.forget()

    def lost(self, reason: str) -> None:
        """No answer will come."""
        if self.over:
            return
        if self.state == "leaving":
            self._machine.step("lost")
        else:
            self._fail(ConnectionLost(f"{reason}, while we proved who we are"), "lost")
        self.bell.ring()

    # -- what we do

    def think(self) -> None:
        """Take the step at hand; in any thread. Raises nothing. Then `thought`."""
        try:
            if self.step is not None:
                self.step()
        except Exception as error:
            self._error = error

    def _choose(self, offered: tuple[str, ...], security: Security, binding: Binding) -> None:
        self._chosen = self._prover.choose(offered, security, binding)

    def _start(self) -> None:
        self._token = self._prover.start()

    def _process(self, challenge: bytes) -> None:
        self._token = self._prover.process(challenge)

    def _judge(self, data: bytes | None) -> None:
        self._verdict = self._prover.judge(data)

    def thought(self, now: float) -> None:
        """The step is taken: say what came of it. Raises what was nobody's doing but our own."""
        error, self._error, self.step = self._error, None, None
        if self.over:
            self._prover.forget()  # the line was lost meanwhile
        elif error is not None:
            self._failed(error, now)
        elif self.state == "choosing" and not self._chosen:
            self._machine.step("none")
        elif self.state == "choosing":
            self._machine.step("start")
            self.step = self._start
        elif self.state == "thinking":
            self._speak(now)
        else:
            self._machine.step("genuine")
            assert self._verdict is not None  # since it was judged
            self._connection.watch.proved(now, self._verdict.lasts)
            self._connection.intake.go_on(self._verdict.layer, now)
            if not self.over:  # by what was kept
                self._ask((), now)

    def _speak(self, now: float) -> None:
        header = SaslHeader(c2s=self._token)
        if not self._started:
            header = SaslHeader((self._prover.name,), to=self._prover.to, c2s=self._token)
        try:
            value = header.text()
        except SaslHeaderError as error:
            self._failed(NotSecureEnough(f"we cannot authenticate: {error}"), now)
            return
        self._started = True
        self._machine.step("token")
        self._ask((("Authorization", value),), now)

    def _failed(self, error: Exception, now: float) -> None:
        """A step of ours failed. Where the other side waits for one, it is told that none will come."""
        if self.state == "thinking" and self._started:
            self._machine.step("abort")
            self._ask((("Authorization", SaslHeader(abort=True).text()),), now)
            self._note(error)
        else:
            self._fail(error, "forged" if self.state == "judging" else "unfit")
        if not isinstance(error, MsrpError):
            raise error

    def _fail(self, error: Exception, event: str | None = None) -> None:
        if event is None:
            event = "refused" if self._machine.may("refused") else "other"
        self._machine.step(event)
        self._note(error)

    def _note(self, error: Exception) -> None:
        if isinstance(error, MsrpError):
            self.failure = error
        self._prover.forget()

    def _ask(self, headers: tuple[tuple[str, str], ...], now: float) -> None:
        to, own = self._paths
        self._connection.requests.send(_Asked(self), "AUTH", to, own, headers, now)
