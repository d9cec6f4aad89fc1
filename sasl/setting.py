"""What is fixed before the first octet of an exchange, for each side."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import Final

from .credentials import Credentials, Password, Verifiers
from .errors import Reason, SaslError
from .identity import Authority
from .kerberos.setting import Kerberos
from .policy import Channel, ChannelLevel, Policy

__all__ = ["Accepting", "Initiating"]

NONCE: Final = 18
"""Octets of randomness in a nonce."""


def new_nonce() -> bytes:
    return base64.b64encode(token_bytes(NONCE))


@dataclass(frozen=True, slots=True)
class Initiating:
    """An initiator's setting.

    Attributes:
        me: the name to authenticate as.
        acceptor: whom the user meant: never a name that the other side or a directory gave. Of a
            service that GSSAPI or GS2 are to prove: its host.
        channel: the line, as seen from here.
        policy: what is allowed.
        credentials: where passwords come from; None for none.
        offered: the mechanisms the other side offered, before the exchange.
        authorization: as whom to act; "" for as oneself. In the protocol's normal form.
        trace: what ANONYMOUS says of its user; "" for nothing, which GNU SASL takes for no token.
        service: the service name of the protocol around, as it is registered for GSSAPI.
        realm: the one for DIGEST-MD5; "" for the acceptor's own name if that is offered, else the
            first of those offered.
        nonce: where nonces come from; another one is for tests only.
        kerberos: this side's Kerberos; None where it has none, or wants none.
    """

    me: str
    acceptor: str
    channel: Channel
    policy: Policy
    credentials: Credentials | None = None
    offered: tuple[str, ...] = ()
    authorization: str = ""
    trace: str = ""
    service: str = "msrp"
    realm: str = ""
    nonce: Callable[[], bytes] = field(default=new_nonce, repr=False)
    kerberos: Kerberos | None = None

    def password(self) -> Password:
        """The password of this pair, if it may be used on this channel. Raises `SaslError`."""
        found = self.credentials.password(self.me, self.acceptor) if self.credentials else None
        if found is None:
            raise SaslError(Reason.CREDENTIALS, "there is no password for this pair: set one first")
        if not (found.generated or self.policy.guessable or self.channel.level is ChannelLevel.VERIFIED):
            raise SaslError(
                Reason.POLICY,
                "the other side's key is not verified, and this password was not generated: whoever "
                "stands in between could guess it. Verify the key, use a generated password, or allow it",
            )
        return found


@dataclass(frozen=True, slots=True)
class Accepting:
    """An acceptor's setting.

    Attributes:
        me: the acceptor's own name, in normal form; no initiator may be it, or act as it.
        channel: the line, as seen from here.
        policy: what is allowed.
        verifiers: what is kept about users; None where nothing is.
        authority: who may act as whom.
        offered: the mechanisms offered, where they are fewer than policy allows.
        service: the service name of the protocol around, as it is registered for GSSAPI.
        realms: those DIGEST-MD5 offers; none for one that is the acceptor's own name.
        nonce: where nonces come from; another one is for tests only.
        kerberos: this side's Kerberos; None where it has none, or wants none.
    """

    me: str
    channel: Channel
    policy: Policy
    authority: Authority
    verifiers: Verifiers | None = None
    offered: tuple[str, ...] = ()
    service: str = "msrp"
    realms: tuple[str, ...] = ()
    nonce: Callable[[], bytes] = field(default=new_nonce, repr=False)
    kerberos: Kerberos | None = None
