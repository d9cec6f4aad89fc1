"""The mechanisms of Kerberos by name; what they rest on is loaded when the first one begins."""

from __future__ import annotations

from typing import Final

from ..interfaces import AcceptorMechanism, InitiatorMechanism, Properties
from ..setting import Accepting, Initiating

__all__ = ["GSSAPI", "PROPERTIES", "USER_TO_USER", "accept", "gs2", "initiate"]


def gs2(plus: bool) -> Properties:
    return Properties(
        client_first=True,
        mutual=True,
        binds=plus,
        proves_initiator=True,
        proves_acceptor="service",
        may_block=True,
        kerberos=True,
    )


GSSAPI: Final = Properties(
    client_first=True,
    mutual=True,
    layers=frozenset({"integrity", "confidentiality"}),
    proves_initiator=True,
    proves_acceptor="service",
    may_block=True,
    kerberos=True,
)
USER_TO_USER: Final = Properties(
    client_first=True,
    mutual=True,
    binds=True,
    layers=frozenset({"confidentiality"}),
    proves_initiator=True,
    proves_acceptor="principal",
    may_block=True,
    kerberos=True,
)
PROPERTIES: Final = {
    "GSSAPI": GSSAPI,
    "GS2-KRB5": gs2(False),
    "GS2-KRB5-PLUS": gs2(True),
    "KRB5-U2U": USER_TO_USER,
}


def initiate(setting: Initiating, name: str) -> InitiatorMechanism:
    """Begin at the side that starts."""
    from .gs2 import Gs2Initiator
    from .gssapi import GssapiInitiator
    from .krb5_u2u import UserToUserInitiator

    if name == "GSSAPI":
        return GssapiInitiator(setting)
    if name == "KRB5-U2U":
        return UserToUserInitiator(setting)
    return Gs2Initiator(setting, name)


def accept(setting: Accepting, name: str) -> AcceptorMechanism:
    """Begin at the side that answers."""
    from .gs2 import Gs2Acceptor
    from .gssapi import GssapiAcceptor
    from .krb5_u2u import UserToUserAcceptor

    if name == "GSSAPI":
        return GssapiAcceptor(setting)
    if name == "KRB5-U2U":
        return UserToUserAcceptor(setting)
    return Gs2Acceptor(setting, name)
