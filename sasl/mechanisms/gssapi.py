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

from typing import Final

from ..errors import Reason, SaslError
from ..kerberos.gss import Flag
from ..kerberos.setting import Layer
from . import gss_layers
from .kerberos import GSSAPI
from .krb5_sides import Accepts, Initiates, Side

__all__ = ["FLAGS", "GssapiAcceptor", "GssapiInitiator", "Negotiates", "Offers"]

FLAGS: Final = Flag.MUTUAL | Flag.REPLAY | Flag.SEQUENCE | Flag.INTEGRITY | Flag.CONFIDENTIALITY


class _Negotiated(Side):
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
        self._stands(token, now)
        self._next = self._choose
        return b""


class GssapiAcceptor(Offers):
    name = "GSSAPI"
    properties = GSSAPI

    def _first(self, token: bytes | None, now: float) -> bytes:
        self._next = self._offer
        return self._service(token, now)
