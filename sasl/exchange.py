"""The exchange, for each side: who may speak when, and what success means.

    client   new: start > talking          server   new: start > talking
             talking: challenge > talking           talking: response > talking
             talking: success > done                talking: proved > done
             any: broken, abort > dead              any: broken, abort > dead

Both are used once. What the other side does wrong raises `SaslError`, after which the object is
dead and its secrets are forgotten; what our own program does wrong raises `SaslUsageError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from .errors import Reason, SaslError, SaslUsageError
from .interfaces import AcceptorMechanism, Expiring, InitiatorMechanism, Mechanism, Properties
from .layer import SecurityLayer
from .mechanisms import ACCEPTORS, INITIATORS, PROPERTIES
from .policy import layer_owed
from .selection import choose, compare, offered
from .setting import Accepting, Initiating

__all__ = ["Identity", "SASLClient", "SASLServer"]

M = TypeVar("M", bound=Mechanism)


@dataclass(frozen=True, slots=True)
class Identity:
    """What one side has proved of the other.

    Attributes:
        name: who the other side is; None where the mechanism does not prove it. At an acceptor
            it is the identity the initiator acts as.
        user: at an acceptor, the name it authenticated with; "" for nobody.
        mechanism: by what.
        binding: the channel binding in use; None for none.
        shared: whether the secret is shared more widely: then it was somebody who knows it.
        until: when the proof ends, in seconds since the epoch; None for never. Close then.
    """

    name: str | None
    user: str
    mechanism: str
    binding: str | None
    shared: bool
    until: float | None = None


class _Exchange(Generic[M]):
    """What both sides have: a mechanism, a state, and the end of it."""

    def __init__(self) -> None:
        self._state = "new"
        self._mechanism: M | None = None
        self._identity: Identity | None = None
        self._layer: SecurityLayer | None = None
        self._binding: str | None = None

    @property
    def complete(self) -> bool:
        """Whether it succeeded, for this side."""
        return self._state == "done"

    @property
    def identity(self) -> Identity:
        """Who the other side is. Raises `SaslUsageError` before success."""
        if self._identity is None:
            raise SaslUsageError("nobody is proved before success")
        return self._identity

    @property
    def layer(self) -> SecurityLayer | None:
        """The security layer that begins now; None for none."""
        return self._layer

    @property
    def spent(self) -> bool:
        """Whether the channel's binding was used, so that no other exchange may follow on it.

        A failed exchange then ends the connection (RFC 9266 section 4.1).
        """
        return self._binding is not None

    def abort(self) -> None:
        """Give up, as this side or the other wishes."""
        self._end("dead")

    def dispose(self) -> None:
        """Forget everything that is secret; what was proved, and the layer, stay."""
        if self._state == "done":
            self._drop()
        else:
            self._end("dead")

    def _expect(self, state: str, what: str) -> None:
        if self._state != state:
            raise SaslUsageError(f"{what} while the exchange is {self._state}")

    @contextmanager
    def _deadly(self) -> Iterator[None]:
        """Whatever goes wrong inside ends the exchange."""
        try:
            yield
        except BaseException:
            self._end("dead")
            raise

    def _step(self, mechanism: M, token: bytes | None, now: float) -> bytes | None:
        try:
            return mechanism.step(token, now)
        finally:
            self._binding = mechanism.binding

    def _running(self) -> M:
        assert self._mechanism is not None  # while talking
        return self._mechanism

    def _done(self, mechanism: M, name: str | None, user: str, owed: str | None) -> None:
        terms = mechanism.layer
        if owed is not None and (terms is None or terms.gives != owed):
            raise SaslError(Reason.POLICY, f"{mechanism.name} needs a layer for {owed} here, and has none")
        until = mechanism.until if isinstance(mechanism, Expiring) else None
        self._identity = Identity(name, user, mechanism.name, mechanism.binding, mechanism.shared, until)
        if terms is not None:
            self._layer = SecurityLayer(mechanism.wrap, mechanism.unwrap, terms)
        else:
            self._drop()
        self._state = "done"

    def _end(self, state: str) -> None:
        self._layer = self._identity = None
        self._drop()
        self._state = state

    def _drop(self) -> None:
        if self._mechanism is not None and self._layer is None:
            self._mechanism.dispose()
            self._mechanism = None


class SASLClient(_Exchange[InitiatorMechanism]):
    """The initiator. `start`, then `process` each challenge, then `succeeded` at the outcome.

    Choosing the mechanism happens here, before anything is sent: raises `SaslError` where
    policy allows none of those offered (`Initiating.offered`).
    """

    def __init__(self, setting: Initiating) -> None:
        super().__init__()
        has = setting.kerberos is not None
        self.name = choose(setting.offered, setting.policy, setting.channel, kerberos=has)
        """The mechanism, by its registered name."""
        self._setting = setting
        self._mechanism = INITIATORS[self.name](setting)
        self._answered = 0  # challenges

    @property
    def properties(self) -> Properties:
        """What the mechanism can do."""
        return PROPERTIES[self.name]

    def start(self, now: float) -> bytes | None:
        """The initial response; None where the acceptor speaks first. Raises `SaslError`."""
        self._expect("new", "start")
        with self._deadly():
            self._state = "talking"
            return self._step(self._running(), None, now) if self.properties.client_first else None

    def process(self, challenge: bytes, now: float) -> bytes:
        """Answer a challenge. Raises `SaslError`, and then abort to the other side."""
        self._expect("talking", "a challenge")
        self._answered += 1
        with self._deadly():
            answer = self._step(self._running(), challenge, now)
            return answer or b""

    def succeeded(self, data: bytes | None, now: float) -> None:
        """The other side claims success, with additional data or without (None).

        Raises `SaslError` where it still owes a proof, or gives a false one: close then.
        """
        self._expect("talking", "success")
        with self._deadly():
            mechanism = self._running()
            if data is not None and self._step(mechanism, data, now):
                raise SaslError(Reason.UNPROVED, "the other side claims success and expects an answer")
            if not mechanism.complete:
                raise SaslError(Reason.UNPROVED, "the other side claims success without the proof it owes")
            person = self.properties.proves_acceptor is not None
            name = self._setting.acceptor if person else None
            self._done(mechanism, name, "", layer_owed(self.name, self._setting.channel))

    def failed(self) -> SaslError:
        """The other side said that it failed; gives the error to raise or to show."""
        if self._state == "done":
            raise SaslUsageError("it has succeeded")
        self._end("dead")
        causes = ["the user is not known there", "the password is wrong"] if self.properties.password else []
        if self.name == "DIGEST-MD5":
            causes.append("nothing is kept there of this user for this mechanism")
        person = self.properties.proves_acceptor == "principal"
        if self.properties.kerberos and person and not self._answered:
            # It has seen nothing yet but whom this side means (docs/krb5-u2u.md step 2).
            causes.append(f"it is not {self._setting.acceptor}")
            causes.append("its own Kerberos ticket has ended (klist tells that there, kinit gets another)")
        elif self.properties.kerberos:
            causes += ["its ticket or key is too old", "one of the clocks is wrong"]
            causes += [f"it does not let {self._setting.me} in"] if person else []
        if self.properties.binds:
            causes.append("somebody stands in between")
        why = f": {', or '.join(causes)}" if causes else ", which does not let this user in"
        return SaslError(Reason.REFUSED, f"{self.name} failed at the other side{why}")

    def look_again(self, names: tuple[str, ...]) -> None:
        """The list asked for again after success, under what protects it now.

        Raises `SaslError` where it is another: close then (RFC 4422 section 6.1.2).
        """
        self._expect("done", "the second look")
        with self._deadly():
            compare(self._setting.offered, names)


class SASLServer(_Exchange[AcceptorMechanism]):
    """The acceptor. `start` with the mechanism's name, then `process` each response.

    Raises `SaslUsageError` where more is to be offered than policy allows on this channel.
    """

    def __init__(self, setting: Accepting) -> None:
        super().__init__()
        self.name = ""
        """The mechanism the initiator took; "" before `start`."""
        usable = offered(setting.policy, setting.channel, kerberos=setting.kerberos is not None)
        self.offered = setting.offered or usable
        """The mechanisms to offer, the best first; nothing else is accepted."""
        if not set(self.offered) <= set(usable):
            raise SaslUsageError("more is offered than policy allows on this channel")
        self._setting = replace(setting, offered=self.offered)

    def start(self, name: str, token: bytes | None, now: float) -> bytes | None:
        """Begin with this mechanism; `token` is the initial response, None for none.

        Returns the challenge, or with `complete` the additional data of success (None for
        none). Raises `SaslError`: then answer that it failed, and nothing else.
        """
        self._expect("new", "start")
        with self._deadly():
            if name not in self.offered:
                raise SaslError(Reason.POLICY, "the other side took a mechanism that was not offered")
            self.name = name
            self._state = "talking"
            self._mechanism = ACCEPTORS[name](self._setting)
            first = PROPERTIES[name].client_first
            if first and token is None:
                return b""  # RFC 4422 section 5: the initial response is asked for
            if not first and token is not None and not PROPERTIES[name].variable:
                raise SaslError(Reason.MALFORMED, f"{name} begins with a challenge")
            return self._advance(token, now)

    def process(self, token: bytes, now: float) -> bytes | None:
        """Take a response; as `start`."""
        self._expect("talking", "a response")
        with self._deadly():
            return self._advance(token, now)

    def _advance(self, token: bytes | None, now: float) -> bytes | None:
        mechanism = self._running()
        answer = self._step(mechanism, token, now)
        if mechanism.complete:
            name = self._acting_as(mechanism)
            self._done(mechanism, name, mechanism.user, layer_owed(self.name, self._setting.channel))
        elif answer is None:
            raise SaslUsageError(f"{self.name} neither answers nor ends")
        return answer

    def _acting_as(self, mechanism: AcceptorMechanism) -> str | None:
        if not mechanism.properties.proves_initiator:
            return None
        authority = self._setting.authority
        principal = authority.principal(mechanism.user)
        wanted = authority.normal(mechanism.authorization) if mechanism.authorization else principal
        if self._setting.me in (principal, wanted):
            # Nobody is at both ends: these are our own words, sent back (reflection).
            raise SaslError(Reason.WRONG, "the other side calls itself what this end is called")
        if wanted != principal and not authority.may(principal, wanted):
            raise SaslError(Reason.FORBIDDEN, "the other side may not act as whom it asks for")
        return wanted
