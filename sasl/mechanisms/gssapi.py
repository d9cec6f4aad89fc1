"""GSSAPI: Kerberos to a service on a host (RFC 4752), with a layer or without; never bound.

    initiator                                        acceptor
    AP-REQ: my ticket for you                ->
                                             <-      AP-REP: I have its key
    nothing                                  ->
                                             <-      wrapped: the layers I have
    wrapped: the layer, as whom I act        ->

The wrapped ones prove that neither repeats what it heard before.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ..errors import Reason, SaslError, SaslUsageError
from ..interfaces import LayerTerms, Properties
from ..kerberos.gss import AcceptorContext, Context, Flag, InitiatorContext
from ..kerberos.libkrb5 import Ticket, host_realm, own_ticket
from ..kerberos.setting import Kerberos, Layer
from ..kerberos.tokens import check_ap_reply, read_ap_request
from ..setting import Accepting, Initiating
from . import gss_layers
from .kerberos import GSSAPI

__all__ = ["Accepts", "GssapiAcceptor", "GssapiInitiator", "Initiates", "Negotiates", "out_of_turn"]

_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,253}[a-z0-9])?")
FLAGS: Final = Flag.MUTUAL | Flag.REPLAY | Flag.SEQUENCE | Flag.INTEGRITY | Flag.CONFIDENTIALITY


def out_of_turn(token: bytes | None, now: float) -> bytes | None:
    raise SaslError(Reason.MALFORMED, "the other side's token has no place in this exchange")


class _Kerberos:
    """What every mechanism of Kerberos has, on both sides.

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
        self._kerberos: Kerberos = setting.kerberos
        self._context: Context | None = None
        self._next: Callable[[bytes | None, float], bytes | None] = out_of_turn

    def step(self, token: bytes | None, now: float) -> bytes | None:
        step, self._next = self._next, out_of_turn
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

    def _lasts(self, *ends: float | None) -> None:
        self.until = min((end for end in ends if end is not None), default=None)


class Initiates(_Kerberos):
    """An initiator with its ticket."""

    def __init__(self, setting: Initiating) -> None:
        super().__init__(setting)
        self._setting = setting
        self._next = self._first

    def _first(self, token: bytes | None, now: float) -> bytes | None:
        raise NotImplementedError

    def _ticket(self, now: float) -> Ticket:
        return held(self._kerberos, self._setting.me, now)

    def _service(self, now: float, flags: int, bindings: bytes | None = None) -> InitiatorContext:
        """A context to the service on the host that is meant."""
        self._ticket(now)
        host = self._setting.acceptor.lower()
        if not _HOST.fullmatch(host):
            raise SaslError(Reason.CREDENTIALS, "a Kerberos service is named by its host")
        # No DNS is asked for the host's "real" name: anybody might answer (RFC 4752 section 5).
        target = f"{self._setting.service}/{host}@{host_realm(host)}"
        return InitiatorContext(target, self._kerberos.ccache, flags, bindings)


class Accepts(_Kerberos):
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

    def _service(self, token: bytes | None, now: float, bindings: bytes | None = None) -> bytes | None:
        """Take the ticket for a service here; sets the context and the user."""
        request = read_ap_request(token or b"")
        store = {"keytab": self._kerberos.keytab} if self._kerberos.keytab else {}
        context = AcceptorContext(store, bindings)
        answer = context.step(request.token, now)
        if context.has(Flag.MUTUAL) != request.mutual:
            raise SaslError(Reason.MALFORMED, "the other side's token was changed on the way")
        service, _, realm = context.target.rpartition("@")
        # libkrb5 tries every key it has, whoever the ticket says that it is for.
        if request.server != context.target or service.split("/")[0] != self._setting.service:
            raise SaslError(Reason.WRONG, "the other side's ticket is for another service")
        self.user = self._kerberos.identity(context.initiator, realm)
        self._context = context
        self._lasts(context.ends)
        return answer


class _Negotiated(_Kerberos):
    """What comes behind the context, on both sides, where a layer is agreed on."""

    def _layers(self) -> tuple[Layer, ...]:
        """Those allowed here, the best first."""
        return self._kerberos.layers


class Negotiates(_Negotiated, Initiates):
    """An initiator's part of it."""

    def _choose(self, token: bytes | None, now: float) -> bytes:
        context = self._running()
        there, size = gss_layers.read_offer(self._opened(context.unwrap(token or b"", False)))
        here = gss_layers.available(context, self._layers())
        layer = next((layer for layer in here if layer in there), None)
        if layer is None:
            raise SaslError(Reason.POLICY, f"the other side has none of the layers wanted: {', '.join(here)}")
        self.layer = gss_layers.agreed(context, layer, size)
        self.complete = True
        return context.wrap(gss_layers.choice(layer, self._setting.authorization), False)

    def _opened(self, plain: bytes) -> bytes:
        """What was wrapped, but for what else than the layers stands there."""
        return plain


class Offers(_Negotiated, Accepts):
    """An acceptor's part of it."""

    _offered: tuple[Layer, ...] = ()

    def _offer(self, token: bytes | None, now: float) -> bytes:
        if token:
            raise SaslError(Reason.MALFORMED, "the other side's token has no place in this exchange")
        context = self._running()
        self._offered = gss_layers.available(context, self._layers())
        if not self._offered:
            raise SaslError(Reason.POLICY, "the other side's Kerberos gives none of the layers wanted")
        self._next = self._taken
        return context.wrap(gss_layers.offer(self._offered) + self._besides(), False)

    def _taken(self, token: bytes | None, now: float) -> None:
        context = self._running()
        plain = context.unwrap(token or b"", False)
        layer, size, self.authorization = gss_layers.read_choice(plain, self._offered)
        self.layer = gss_layers.agreed(context, layer, size)
        self.complete = True

    def _besides(self) -> bytes:
        """What is wrapped besides the layers."""
        return b""


class GssapiInitiator(Negotiates):
    name = "GSSAPI"
    properties = GSSAPI

    def _first(self, token: bytes | None, now: float) -> bytes | None:
        self._context = self._service(now, FLAGS)
        self._next = self._answered
        return self._context.step(None, now)

    def _answered(self, token: bytes | None, now: float) -> bytes:
        context = self._running()
        assert isinstance(context, InitiatorContext)
        answer = context.step(check_ap_reply(token or b""), now)
        if answer or not context.complete:
            raise SaslError(Reason.MALFORMED, "the other side's Kerberos goes on where it should end")
        self._lasts(context.ends)
        self._next = self._choose
        return b""


class GssapiAcceptor(Offers):
    name = "GSSAPI"
    properties = GSSAPI

    def _first(self, token: bytes | None, now: float) -> bytes:
        answer = self._service(token, now)
        if answer is None:  # not asked for
            return self._offer(None, now)
        self._next = self._offer
        return answer


def held(kerberos: Kerberos, me: str, now: float) -> Ticket:
    """This side's own ticket, which has to be that of `me`. Raises `SaslError`."""
    ticket = own_ticket(kerberos.ccache, now)
    if kerberos.principal(me, ticket.realm) != ticket.principal:
        raise SaslError(
            Reason.CREDENTIALS,
            f"the Kerberos ticket here is {ticket.principal}'s, not that of {me}: run kinit",
        )
    return ticket
