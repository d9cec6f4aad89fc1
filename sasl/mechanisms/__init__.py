"""The mechanisms, by their registered names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from ..interfaces import AcceptorMechanism, InitiatorMechanism, Properties
from ..setting import Accepting, Initiating
from ..verifier import HASHES
from . import kerberos, scram
from .digest import DIGEST_MD5, DigestMD5Acceptor, DigestMD5Initiator
from .simple import (
    ANONYMOUS,
    EXTERNAL,
    AnonymousAcceptor,
    AnonymousInitiator,
    ExternalAcceptor,
    ExternalInitiator,
)

__all__ = ["ACCEPTORS", "INITIATORS", "PROPERTIES"]

_SCRAM = {f"SCRAM-{hash}{plus}": (hash, bool(plus)) for hash in HASHES for plus in ("", "-PLUS")}

PROPERTIES: Final[Mapping[str, Properties]] = {
    "EXTERNAL": EXTERNAL,
    "ANONYMOUS": ANONYMOUS,
    "DIGEST-MD5": DIGEST_MD5,
    **{name: scram.properties(plus) for name, (_, plus) in _SCRAM.items()},
    **kerberos.PROPERTIES,
}
"""What each can do."""

INITIATORS: Final[Mapping[str, Callable[[Initiating], InitiatorMechanism]]] = {
    "EXTERNAL": ExternalInitiator,
    "ANONYMOUS": AnonymousInitiator,
    "DIGEST-MD5": DigestMD5Initiator,
    **{name: partial(scram.ScramInitiator, hash=hash, plus=plus) for name, (hash, plus) in _SCRAM.items()},
    **{name: partial(kerberos.initiate, name=name) for name in kerberos.PROPERTIES},
}
"""How each begins at the side that starts."""

ACCEPTORS: Final[Mapping[str, Callable[[Accepting], AcceptorMechanism]]] = {
    "EXTERNAL": ExternalAcceptor,
    "ANONYMOUS": AnonymousAcceptor,
    "DIGEST-MD5": DigestMD5Acceptor,
    **{name: partial(scram.ScramAcceptor, hash=hash, plus=plus) for name, (hash, plus) in _SCRAM.items()},
    **{name: partial(kerberos.accept, name=name) for name in kerberos.PROPERTIES},
}
"""How each begins at the side that answers."""
