"""KRB5-U2U: Kerberos between two people, each with nothing but a ticket-granting ticket.

    initiator                                        acceptor
    TGT request: I want to speak with you    ->
                                             <-      TGT reply: my ticket-granting ticket
    AP-REQ: a ticket under its key           ->
                                             <-      AP-REP: I have that key
    nothing                                  ->
                                             <-      wrapped: layers, what I am bound to
    wrapped: the layer, as whom I act        ->

User-to-user authentication of RFC 4120 section 3.7, with the tokens of
draft-swift-win2k-krb-user2user-03 and then the agreement of RFC 4752. Inside TLS it is bound to
the channel and has no layer; without TLS it has one for confidentiality, and nothing less.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from ..errors import Reason, SaslError
from ..kerberos.faults import not_bound, other_channel
from ..kerberos.gss import AcceptorContext, Flag, InitiatorContext
from ..kerberos.libkrb5 import SessionKey, Ticket, UserToUser
from ..kerberos.setting import Layer
from ..kerberos.tokens import (
    AP_REPLY,
    KERBEROS,
    USER_TO_USER,
    framed,
    read_ap_request,
    read_tgt_reply,
    read_tgt_request,
    tgt_reply,
    tgt_request,
    unframed,
    user_to_user,
)
from ..policy import ChannelLevel
from ..setting import Accepting, Initiating
from . import kerberos
from .gssapi import FLAGS, Negotiates, Offers

__all__ = ["UserToUserAcceptor", "UserToUserInitiator"]

_UNBOUND: Final = bytes(32)


class _Bound:
    """To what it is bound, as this side sees the channel."""

    def __init__(self, setting: Initiating | Accepting) -> None:
        usable = setting.channel.bound_by(setting.policy.bindings)
        self.clear = setting.channel.level is ChannelLevel.CLEAR
        if not self.clear and not usable:
            raise SaslError(Reason.BINDING, "this channel has nothing to bind to")
        self.name = None if self.clear else usable[0]
        self.data = self.name.encode() + b":" + setting.channel.bindings[self.name] if self.name else None

    @property
    def layers(self) -> tuple[Layer, ...]:
        return ("confidentiality",) if self.clear else ("none", "confidentiality")

    @property
    def digest(self) -> bytes:
        return _UNBOUND if self.data is None else hashlib.sha256(self.data).digest()


class UserToUserInitiator(Negotiates):
    name = "KRB5-U2U"
    properties = kerberos.USER_TO_USER

    def __init__(self, setting: Initiating) -> None:
        super().__init__(setting)
        self._bound = _Bound(setting)
        self._expected = ""
        self._realm = ""

    def _first(self, token: bytes | None, now: float) -> bytes:
        self._expected = self._kerberos.principal(self._setting.acceptor, self._own(now).realm)
        self._realm = self._expected.rpartition("@")[2]
        self._next = self._asked
        return tgt_request(self._expected)

    def _asked(self, token: bytes | None, now: float) -> bytes:
        second = read_tgt_reply(token or b"", self._realm)
        self.binding = self._bound.name
        ticket = UserToUser(self._kerberos.ccache, self._expected, second)
        try:
            context = InitiatorContext(self._expected, ticket.ccache, FLAGS, self._bound.data)
            first = context.step(None, now)
        finally:
            ticket.close()
        self._context = context
        self._lasts(ticket.ends)
        self._next = self._answered
        return user_to_user(first or b"")

    def _answered(self, token: bytes | None, now: float) -> bytes:
        self._stands(token, now, USER_TO_USER)
        self._next = self._choose
        return b""

    def _layers(self) -> tuple[Layer, ...]:
        return self._bound.layers

    def _opened(self, plain: bytes) -> bytes:
        head, digest = plain[:-32], plain[-32:]
        if not hmac.compare_digest(digest, self._bound.digest):
            raise other_channel()
        return head


class UserToUserAcceptor(Offers):
    name = "KRB5-U2U"
    properties = kerberos.USER_TO_USER

    def __init__(self, setting: Accepting) -> None:
        super().__init__(setting)
        self._bound = _Bound(setting)
        self._ticket: Ticket | None = None

    def _first(self, token: bytes | None, now: float) -> bytes:
        wanted = read_tgt_request(token or b"")
        ticket = self._own(now)
        if wanted != ticket.principal:
            raise SaslError(Reason.WRONG, "the other side wants to speak with somebody else")
        self._ticket = ticket
        self._next = self._shown
        return tgt_reply(ticket.octets)

    def _shown(self, token: bytes | None, now: float) -> bytes:
        ticket = self._ticket
        assert ticket is not None  # since the first token
        request = read_ap_request(token or b"", USER_TO_USER)
        if request.server != ticket.principal:
            raise SaslError(Reason.WRONG, "the other side's ticket is for somebody else")
        self.binding = self._bound.name
        key = SessionKey(ticket)
        try:
            # Repeats need no memory: who repeats an AP-REQ has not the key for what is wrapped.
            context = AcceptorContext({"keytab": key.keytab, "rcache": "none:"}, self._bound.data)
            answer = context.step(request.token, now)
        finally:
            key.close()
            self._ticket = None
        # libkrb5 lets in an initiator that gives no bindings at all.
        if self._bound.data is not None and not context.has(Flag.BOUND):
            raise not_bound()
        if answer is None or not context.has(FLAGS):
            raise SaslError(Reason.POLICY, "the other side's Kerberos gives less than is needed")
        self.user = self._kerberos.identity(context.initiator, ticket.realm)
        self._context = context
        self._lasts(context.ends, ticket.ends)
        self._next = self._offer
        kind, message = unframed(KERBEROS, answer)
        if kind != AP_REPLY:
            raise SaslError(Reason.MALFORMED, "libkrb5 answers with something else than AP-REP")
        return framed(USER_TO_USER, AP_REPLY, message)

    def _layers(self) -> tuple[Layer, ...]:
        return self._bound.layers

    def _besides(self) -> bytes:
        return self._bound.digest

    def dispose(self) -> None:
        self._ticket = None
        super().dispose()
