"""MSRP between two people, directly: sessions, messages, files, and how well they are protected.

    async with msrp_peer.connect("im:bob@lan") as session:
        await session.send("hello")

Names are loaded when asked for, so that `msrp_peer.protocol` alone never loads an event loop.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .aio.connect import connect as connect
    from .aio.join import join as join
    from .aio.listen import Listener as Listener
    from .aio.listen import listen as listen
    from .aio.new_keys import NewKeys as NewKeys
    from .aio.pool import Pool as Pool
    from .kept.errors import StoreError as StoreError
    from .security.access import Access as Access
    from .security.access import Entry as Entry
    from .security.known import KnownPolicy as KnownPolicy
    from .security.known import NotAsKnown as NotAsKnown
    from .security.known_peers import KnownPeers as KnownPeers
    from .security.lasting import lasting_key as lasting_key
    from .security.own_key import OwnKey as OwnKey
    from .security.own_key import read_key as read_key
    from .security.trust import Trust as Trust
    from .session.comparison import Compared as Compared
    from .session.comparison import Comparison as Comparison
    from .session.message import Message as Message
    from .session.rendezvous import Answer as Answer
    from .session.rendezvous import Offer as Offer
    from .session.rendezvous import refusal as refusal
    from .session.sent import Sent as Sent
    from .session.session import Session as Session
    from .signalling.agreement import NotAcceptable as NotAcceptable
    from .signalling.agreement import Refused as Refused
    from .signalling.interface import Agreed as Agreed
    from .signalling.interface import Paths as Paths
    from .signalling.interface import Signalling as Signalling
    from .signalling.interface import new_uri as new_uri
    from .signalling.rendezvous import Rendezvous as Rendezvous
    from .signalling.sdp import SdpError as SdpError
    from .terms.content import Accepts as Accepts
    from .terms.content import Takes as Takes
    from .terms.errors import CannotReach as CannotReach
    from .terms.errors import ConnectionLost as ConnectionLost
    from .terms.errors import MessageCut as MessageCut
    from .terms.errors import MsrpError as MsrpError
    from .terms.errors import NotDelivered as NotDelivered
    from .terms.errors import NotSecureEnough as NotSecureEnough
    from .terms.errors import PeerError as PeerError
    from .terms.errors import UsageError as UsageError
    from .terms.limits import Limits as Limits
    from .terms.principal import Principal as Principal
    from .terms.security import Level as Level
    from .terms.security import Security as Security

_HOMES = {
    "connect": "aio.connect",
    "join": "aio.join",
    "listen": "aio.listen",
    "Listener": "aio.listen",
    "NewKeys": "aio.new_keys",
    "Pool": "aio.pool",
    "StoreError": "kept.errors",
    "Access": "security.access",
    "Entry": "security.access",
    "KnownPolicy": "security.known",
    "NotAsKnown": "security.known",
    "KnownPeers": "security.known_peers",
    "Compared": "session.comparison",
    "Comparison": "session.comparison",
    "OwnKey": "security.own_key",
    "Trust": "security.trust",
    "lasting_key": "security.lasting",
    "read_key": "security.own_key",
    "Message": "session.message",
    "Sent": "session.sent",
    "Answer": "session.rendezvous",
    "Offer": "session.rendezvous",
    "refusal": "session.rendezvous",
    "NotAcceptable": "signalling.agreement",
    "Refused": "signalling.agreement",
    "SdpError": "signalling.sdp",
    "Session": "session.session",
    "Agreed": "signalling.interface",
    "Paths": "signalling.interface",
    "Signalling": "signalling.interface",
    "new_uri": "signalling.interface",
    "Rendezvous": "signalling.rendezvous",
    "Accepts": "terms.content",
    "Takes": "terms.content",
    "CannotReach": "terms.errors",
    "ConnectionLost": "terms.errors",
    "MessageCut": "terms.errors",
    "MsrpError": "terms.errors",
    "NotDelivered": "terms.errors",
    "NotSecureEnough": "terms.errors",
    "PeerError": "terms.errors",
    "UsageError": "terms.errors",
    "Limits": "terms.limits",
    "Principal": "terms.principal",
    "Level": "terms.security",
    "Security": "terms.security",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("msrp-peer")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
