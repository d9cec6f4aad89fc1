"""GS2-KRB5 and GS2-KRB5-PLUS: Kerberos to a service on a host (RFC 5801), bound to the channel or not.

    initiator                                        acceptor
    header, AP-REQ without its framing       ->
                                             <-      AP-REP, and with it success

What binds is inside the AP-REQ: the header and, with PLUS, the channel's value.
"""

from __future__ import annotations

from typing import Final

from ..kerberos.faults import not_bound
from ..kerberos.gss import Flag
from ..kerberos.tokens import KERBEROS, framed, unframed
from ..setting import Accepting, Initiating
from . import gs2_header
from .kerberos import PROPERTIES
from .krb5_sides import Accepts, Initiates

__all__ = ["Gs2Acceptor", "Gs2Initiator"]

_FAMILY: Final = "GS2-KRB5"
_FLAGS: Final = Flag.MUTUAL | Flag.SEQUENCE | Flag.INTEGRITY


def _bound(header: bytes, binding: str | None, setting: Initiating | Accepting) -> bytes:
    """RFC 5801 section 5.1."""
    return header + (setting.channel.bindings[binding] if binding else b"")


class Gs2Initiator(Initiates):
    def __init__(self, setting: Initiating, name: str) -> None:
        self.name, self.properties = name, PROPERTIES[name]
        super().__init__(setting)

    def _first(self, token: bytes | None, now: float) -> bytes:
        header, self.binding = gs2_header.make(self._setting, _FAMILY, self.properties.binds)
        context = self._service(now, _FLAGS, _bound(header, self.binding, self._setting))
        self._context = context
        self._next = self._answered
        kind, message = unframed(KERBEROS, context.step(None, now) or b"")
        return header + kind + message

    def _answered(self, token: bytes | None, now: float) -> bytes:
        self._stands(token, now)
        self.complete = True
        return b""


class Gs2Acceptor(Accepts):
    def __init__(self, setting: Accepting, name: str) -> None:
        self.name, self.properties = name, PROPERTIES[name]
        super().__init__(setting)

    def _first(self, token: bytes | None, now: float) -> bytes:
        header, rest = gs2_header.read(token or b"")
        self.binding = gs2_header.check(header, self._setting, _FAMILY, self.properties.binds)
        self.authorization = header.authorization
        bindings = _bound(header.octets, self.binding, self._setting)
        answer = self._service(framed(KERBEROS, rest[:2], rest[2:]), now, bindings)
        # libkrb5 lets in an initiator that gives no bindings at all.
        if not self._running().has(Flag.BOUND):
            raise not_bound()
        self.complete = True
        return answer
