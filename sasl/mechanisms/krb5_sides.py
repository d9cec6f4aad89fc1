"""What every mechanism of Kerberos has, on each side."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ..errors import Reason, SaslError, SaslUsageError
from ..interfaces import LayerTerms, Properties
from ..kerberos.gss import AcceptorContext, Context, Flag, InitiatorContext
from ..kerberos.libkrb5 import Ticket, host_realm, own_ticket
from ..kerberos.setting import Kerberos
from ..kerberos.tokens import KERBEROS, check_ap_reply, read_ap_request
from ..setting import Accepting, Initiating

__all__ = ["Accepts", "Initiates", "Side"]

_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,253}[a-z0-9])?")


def _out_of_turn(token: bytes | None, now: float) -> bytes | None:
    raise SaslError(Reason.MALFORMED, "the other side's token has no place in this exchange")


class Side:
    """A mechanism as a row of steps, each of which says what the next one is.

    Attributes:
        until: when the ticket ends, in seconds since the epoch, and the connection with it.
    """

    name: str
    properties: Properties
    shared = False

    def __init__(self, setting: Initiating | Accepting) -> None:
        if setting.kerberos is None:
            raise SaslUsageError(f"{self.name} without Kerberos being set up")
        self.complete = False
        self.layer: LayerTerms | None = None
        self.binding: str | None = None
        self.until: float | None = None
        self._me = setting.me
        self._kerberos: Kerberos = setting.kerberos
        self._context: Context | None = None
        self._next: Callable[[bytes | None, float], bytes | None] = _out_of_turn

    def step(self, token: bytes | None, now: float) -> bytes | None:
        step, self._next = self._next, _out_of_turn
        return step(token, now)

    def wrap(self, data: bytes) -> bytes:
        return self._running().wrap(data, self._confidential())

    def unwrap(self, data: bytes) -> bytes:
        return self._running().unwrap(data, self._confidential())

    def dispose(self) -> None:
        self._context = None

    def _confidential(self) -> bool:
        if self.layer is None:
            raise SaslUsageError(f"{self.name} has no security layer here")
        return self.layer.gives == "confidentiality"

    def _running(self) -> Context:
        assert self._context is not None  # until disposed
        return self._context

    def _own(self, now: float) -> Ticket:
        """This side's own ticket, which has to be that of whom it says it is. Raises `SaslError`."""
        ticket = own_ticket(self._kerberos.ccache, now)
        if self._kerberos.principal(self._me, ticket.realm) != ticket.principal:
            raise SaslError(
                Reason.CREDENTIALS,
                f"the Kerberos ticket here is {ticket.principal}'s, not that of {self._me}: run kinit",
            )
        return ticket

    def _lasts(self, *ends: float | None) -> None:
        self.until = min((end for end in ends if end is not None), default=None)


class Initiates(Side):
    """An initiator with its ticket."""

    def __init__(self, setting: Initiating) -> None:
        super().__init__(setting)
        self._setting = setting
        self._next = self._first

    def _first(self, token: bytes | None, now: float) -> bytes | None:
        raise NotImplementedError

    def _service(self, now: float, flags: int, bindings: bytes | None = None) -> InitiatorContext:
        """A context to the service on the host that is meant."""
        self._own(now)
        host = self._setting.acceptor.lower()
        if not _HOST.fullmatch(host):
            raise SaslError(Reason.CREDENTIALS, "a Kerberos service is named by its host")
        # No DNS is asked for the host's "real" name: anybody might answer (RFC 4752 section 5).
        target = f"{self._setting.service}/{host}@{host_realm(host)}"
        return InitiatorContext(target, self._kerberos.ccache, flags, bindings)

    def _stands(self, token: bytes | None, now: float, mechanism: bytes = KERBEROS) -> None:
        """The acceptor has answered with AP-REP, and the context stands."""
        context = self._running()
        assert isinstance(context, InitiatorContext)
        if context.step(check_ap_reply(token or b"", mechanism), now) or not context.complete:
            raise SaslError(Reason.MALFORMED, "the other side's Kerberos goes on where it should end")
        self._lasts(self.until, context.ends)


class Accepts(Side):
    """An acceptor with its key.

    Attributes:
        user: whose ticket it was.
        authorization: as whom the initiator wants to act.
    """

    def __init__(self, setting: Accepting) -> None:
        super().__init__(setting)
        self.user = ""
        self.authorization = ""
        self._setting = setting
        self._next = self._first

    def _first(self, token: bytes | None, now: float) -> bytes | None:
        raise NotImplementedError

    def _service(self, token: bytes | None, now: float, bindings: bytes | None = None) -> bytes:
        """Take the ticket for a service here; sets the context and the user, and returns AP-REP."""
        request = read_ap_request(token or b"")
        store = {"keytab": self._kerberos.keytab} if self._kerberos.keytab else {}
        context = AcceptorContext(store, bindings)
        answer = context.step(request.token, now)
        if answer is None or not context.has(Flag.MUTUAL):
            raise SaslError(Reason.POLICY, "the other side does not ask who this is")
        service, _, realm = context.target.rpartition("@")
        # libkrb5 tries every key it has, whoever the ticket says that it is for.
        if request.server != context.target or service.split("/")[0] != self._setting.service:
            raise SaslError(Reason.WRONG, "the other side's ticket is for another service")
        self.user = self._kerberos.identity(context.initiator, realm)
        self._context = context
        self._lasts(context.ends)
        return answer
