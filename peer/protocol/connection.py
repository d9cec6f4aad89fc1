"""One connection, sans-IO: octets in, octets out, the time as an argument.

A driver does this and no more:

    connection.begin(now)
    connection.receive(octets, now)        # what the network brought
    connection.ended(now)                  # the network brings nothing any more
    while data := connection.data_to_send(now): ...
    connection.handle_timer(now)           # at connection.next_timer()

None of these raises for anything the other side did: the connection then closes, and says why
in `reason`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msrp_core import RemoteProtocolError

from ..terms.content import Accepts
from ..terms.errors import PeerError
from ..terms.limits import Limits
from ..terms.principal import Principal
from ..terms.security import NewKey, Proof, Security
from ..terms.spoken import NO_TLS, OTHER_TLS, OTHER_TLS_PERHAPS
from .acceptor import Acceptor
from .auth import Grants, Terms
from .bells import SILENT, Bell
from .binding import Bindings
from .budget import Budget
from .comparing import Comparing
from .deadlines import Deadlines
from .endpoint import Endpoint
from .hold import Hold
from .inbound import Inbound
from .incoming import Incoming
from .intake import Intake
from .outgoing import Outgoing
from .outlet import Outlet
from .pressure import Pressure
from .prover import Gate
from .register import Register
from .requests import KeepAlive, Request, Requests
from .short import Short
from .tables import CONNECTION, Machine
from .transactions import Transactions
from .watch import EXPIRED, Watch
from .wire import Layer, Wire

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Connection", "Request"]


class Connection:
    """Sessions on one line.

    Args:
        terms: what we take, unless a session says otherwise.
        register: the session URIs of this place; None for those of this connection alone.
        granting: whether the other side may ask for sessions here.
        keeps: whether it stays, for `limits.idle`, when the last session is left.
        gate: how the other side can prove who it is here; None where it cannot.

    Attributes:
        arrived: sessions the other side began and nobody took yet.
        bell: rung when the state changes or a session arrived.
        reason: why it closed; None while it is open, and after an orderly end.
        heard: octets the network brought.
        proof: who is proved at the other end; None while nobody is.
        doubt: a key to be decided about (`Hold.decided`): until then nothing is done here. None for none.
        admits: whether a session is granted to who is there and says to be that one; to everybody, at first.
    """

    def __init__(
        self,
        layers: Sequence[Layer] = (),
        *,
        terms: Terms,
        limits: Limits | None = None,
        budget: Budget | None = None,
        register: Register | None = None,
        granting: bool = True,
        keeps: bool = False,
        gate: Gate | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.budget = budget or Budget(self.limits)
        self.terms = terms
        self.granting = granting
        self.admits: Callable[[Security, Principal | None], bool] = lambda security, claim: True
        self.keeps = keeps
        self.wire = Wire(layers)
        self.transactions = Transactions(self.limits.transaction, self.limits.unanswered)
        self.missing: Deadlines[Incoming] = Deadlines(self.limits.missing)
        self.grants = Grants(self, terms)
        self.arrived: deque[Endpoint] = deque()
        self.bell: Bell = SILENT
        self.reason: str | None = None
        self.heard = 0
        self._machine = Machine(CONNECTION, "securing")
        self.short = Short(self)
        self.intake = Intake(self)
        self.inbound = Inbound(self)
        self.acceptor = Acceptor(gate, self, self.limits.tries)
        self.proof: Proof | None = None
        self.doubt: NewKey | None = None
        self.watch = Watch(self.limits)
        self.bindings = Bindings(self, register or Register())
        self.hold = Hold(self)
        self.requests = Requests(self)
        self.comparing = Comparing(self)
        timers = (self.watch, self.transactions, self.missing, self.inbound.later)
        self._due = (*timers, self.grants, self.hold, self.comparing)
        self.outlet = Outlet(self.limits, self.wire, self.transactions)
        self.pressure = Pressure(self.limits.unread, lambda: self.bell.ring())
        self._answers = 0  # octets that were said in the last read, and before it

    # -- what is known

    @property
    def state(self) -> str:
        return self._machine.state

    @property
    def security(self) -> Security:
        """How well the line is protected, read off its layers so that it cannot drift."""
        return Security(self.wire.protections, self.proof)

    @property
    def sessions(self) -> int:
        """Sessions that stand on it now."""
        return len(self.bindings.endpoints)

    @property
    def bound(self) -> bool:
        """Whether a session ever stood on it."""
        return self.bindings.used

    @property
    def paused(self) -> bool:
        """Whether the network must not be read now: a reader here, or there, is behind.

        Never while it ends: what still comes is for nobody, and its end must be seen.
        """
        if self._machine.state != "open":
            return False
        behind = self.pressure.holding or self.outlet.owed > self.limits.owed or self.intake.waiting
        return behind or self.hold.full

    @property
    def stirred(self) -> bool:
        """Whether taking octets left the driver work: a report to write, a network to read again."""
        return self.pressure.released or self.outlet.owed != self._answers

    @property
    def patient(self) -> bool:
        """Whether there is nothing to do after a read but to write answers, and these may wait for
        those to a read that follows at once."""
        busy = self.outlet.turns or self.arrived or self.acceptor.thinking
        return not busy and self._machine.state == "open" and not self.paused

    # -- in

    def begin(self, now: float) -> None:
        """The network connection stands."""
        self.watch.begin(now)
        self.settle()

    def receive(self, data: Buffer, now: float) -> None:
        """Take octets from the network. Then ask data_to_send() and next_timer()."""
        if self._machine.state not in ("securing", "open"):
            return
        octets_here = memoryview(data).nbytes
        try:
            self.intake.octets(data, octets_here, now)
        except RemoteProtocolError as wrong:
            # The first octet of a record of TLS (RFC 8446 section 5.1).
            tls = not self.wire.layers and not self.heard and memoryview(data)[0] in (0x15, 0x16)
            self._break(OTHER_TLS if tls else f"the other side broke the protocol: {wrong}")
            return
        except PeerError as wrong:
            self._break(str(wrong))
            self.outlet.last = self.wire.wrap([])  # the alert
            return
        self.heard += octets_here
        self._answers = self.outlet.owed
        unfinished = self._machine.state == "open" and (self.wire.partial or not self.intake.parser.idle)
        self.watch.brought(octets_here, now, unfinished=unfinished)
        self.watch.owing(now, much=self.outlet.owed > self.limits.owed)
        if self.wire.left():
            self.ended(now)

    def resume(self, now: float) -> None:
        """Signalling told more: look again at what is held. Then ask as after `receive`."""
        if self.state != "open":
            return
        try:
            self.hold.release(lambda event: self.inbound.event(event, now), now)
        except RemoteProtocolError as wrong:
            self._break(f"the other side broke the protocol: {wrong}")
        except PeerError as wrong:
            self._break(str(wrong))

    def ended(self, now: float) -> None:
        """The network brings nothing any more."""
        if self.state == "ending":
            self._machine.step("drained")
            self.bell.ring()
        elif self.state == "securing":
            room = "" if self.heard else ", or has no room for another line"
            self._break(f"the other side closed the connection during the handshake: {NO_TLS}{room}")
        elif self.state == "open":
            if not self.intake.parser.idle:
                self._break(f"the connection was cut inside a frame (at octet {self.intake.parser.offset})")
            elif not self.wire.ended():
                self._break("the connection was cut: the other side did not say goodbye")
            else:
                silent = not self.wire.layers and not self.heard and self.requests.waiting
                self.close(now, OTHER_TLS_PERHAPS if silent else None)

    def lost(self, reason: str) -> None:
        """The network connection broke."""
        self._break(reason)

    def settle(self) -> None:
        """A handshake may end, and frames begin, within one read."""
        if self._machine.state == "securing" and not self.wire.securing:
            self._machine.step("secured")
            self.doubt = self.wire.new_key
            self.bell.ring()

    # -- sessions

    def bind(
        self, local: str, remote: str, peer_takes: Accepts, peer_maximum: int | None, own: Terms | None = None
    ) -> Endpoint:
        """Begin a session of our own between these two paths, as granted to us."""
        return self.bindings.bind(local, remote, peer_takes, peer_maximum, own or self.terms, granted=True)

    def leave(self, endpoint: Endpoint, now: float) -> None:
        """End one session, and the connection with the last (RFC 4975 section 5.4).

        It stays where it `keeps`, or where it grants and the other side ended the session: both
        may have more to say, for `limits.idle`.
        """
        theirs = endpoint.closed
        endpoint.close(None)
        if not self.bindings.endpoints and not self.keeps and not (theirs and self.granting):
            self.close(now)
        elif not theirs and endpoint.granted:
            for outgoing in self.outlet.turns.of(endpoint):
                if outgoing.over and outgoing.ready():
                    self.say(outgoing.cut(0, now))  # "#", while the session is known there
            # No message of MSRP ends a session, so a grant is given back.
            self.request("AUTH", endpoint.remote, endpoint.local, [("Expires", "0")], now)

    # -- out

    def request(
        self,
        method: str,
        to_path: str,
        from_path: str,
        headers: Sequence[tuple[str, str]],
        now: float,
        endpoint: Endpoint | None = None,
    ) -> Request:
        """Send a request without a body; `endpoint` is its session, where it has one."""
        return self.requests.send(Request(endpoint), method, to_path, from_path, headers, now)

    def greet(self, endpoint: Endpoint, now: float) -> Request:
        """An empty SEND, which binds a session (RFC 4975 section 5.4)."""
        return self.requests.greet(Request(endpoint), endpoint, now)

    def say(self, frame: bytes) -> None:
        """One whole frame for the next turn: answers and reports go before chunks."""
        self.outlet.say(frame)

    def has_work(self, outgoing: Outgoing) -> None:
        """An outgoing message may have a chunk to cut."""
        self.outlet.turns.add(outgoing)

    def data_to_send(self, now: float) -> list[bytes]:
        """What the network is to carry next, about `limits.turn` octets at most; empty for nothing.

        Answers first, then a chunk of each message in turn. Asking again says that the network has
        taken what it was given; where nothing depends on that, `more` is False.
        """
        if self._machine.state == "closed":
            return self.outlet.rest()
        self.pressure.released = False
        self._answers = 0
        self.watch.owing(now, much=False)
        if self.bindings.used and not self.bindings.endpoints:
            self.watch.idle(now)
        try:
            return self.outlet.take(now, chunks=self._machine.state == "open")
        except PeerError as wrong:
            self._break(str(wrong))
            return self.wire.wrap([])

    @property
    def more(self) -> bool:
        """Whether `data_to_send`, which was just asked, is to be asked again at once."""
        return self.outlet.more

    # -- time

    def next_timer(self) -> float | None:
        """When handle_timer() is to be called at the latest; None for never."""
        if self._machine.state == "closed":
            return None
        due = None
        for each in self._due:  # asked after each read and each write: so no more than this
            at = each.next_timer()
            if at is not None and (due is None or at < due):
                due = at
        return due

    def handle_timer(self, now: float) -> None:
        """Time has passed."""
        if self.state == "closed":
            return
        self.transactions.handle_timer(now)
        for message in self.missing.late(now):
            message.endpoint.late(message, now)
        self.inbound.later.handle_timer(now)
        self.grants.handle_timer(now)
        self.comparing.handle_timer(now)
        self.resume(now)
        if self.state == "open" and self.watch.silent(now):
            for endpoint in self.bindings.endpoints.values():
                self.requests.greet(KeepAlive(self, endpoint), endpoint, now)
        if self.state == "open" and self.watch.unused(now):
            self.close(now)
        if self.watch.expired(now):
            self.close(now, EXPIRED)
        overdue = self.watch.overdue(now, paused=self.paused)
        if overdue is not None:
            if self.state == "ending":
                self._machine.step("late")
                self.bell.ring()
            else:
                self._break(overdue)

    # -- the end

    def close(self, now: float, reason: str | None = None) -> None:
        """End it in order, for a `reason` told here: what is due is handed over, then goodbye is said."""
        if self.state == "securing":
            self._break("closed before the line was protected")
        if self.state != "open":
            return
        self.reason = reason
        self._forget(reason)
        # Said while still open: the answers that are due. What was leaving is lost, and its
        # receiver knows by the goodbye.
        said = self.data_to_send(now)
        if not self._machine.may("end"):
            self.outlet.last = said  # it broke just now
            return
        self._machine.step("end")
        self.watch.ending(now)
        try:
            self.outlet.last = said + self.wire.close()
        except PeerError as wrong:
            self._break(str(wrong))
        self.bell.ring()

    def _break(self, reason: str) -> None:
        if self.state == "closed":
            return
        if self.state != "ending":
            self.reason = reason
        self._machine.step("broken")
        self.outlet.clear()
        self._forget(reason)
        self.bell.ring()

    def _forget(self, reason: str | None) -> None:
        """All that depended on the line is told."""
        self.acceptor.lost()
        self.comparing.lost()
        self.hold.events.clear()
        for endpoint in list(self.bindings.endpoints.values()):
            endpoint.close(reason)
        self.requests.lost(reason or "the connection was closed")
        self.transactions.clear()
