"""What can go wrong, for people who use the engine.

    MsrpError
     ├── PeerError           the other side broke a protocol, or refused
     ├── ConnectionLost      the line is gone; `reason` says how
     ├── CannotReach         nobody was found or answered at the target
     ├── NotDelivered        a message of ours did not arrive, or may not have
     ├── MessageCut          a message of theirs stopped before its end
     ├── NotSecureEnough     the line is weaker than what was required
     ├── NotAsKnown          a NotSecureEnough: somebody is not as before (`security.known`)
     ├── UsageError          we were asked for something that makes no sense
     ├── FileDamaged         what arrived is not the file that was announced (`session.files`)
     ├── SdpError            a PeerError: its session description cannot be used (`signalling.sdp`)
     ├── NotAcceptable       a PeerError: what it offers does not fit (`signalling.agreement`)
     ├── Unprovable          NotAcceptable, NotSecureEnough: none can be proved (`signalling.agreement`)
     ├── Refused             a PeerError: it said no to our offer (`signalling.agreement`)
     ├── DiscoveryUnavailable  the LAN cannot be asked here (`aio.discovery`)
     ├── CredentialsError    a password cannot be used (`credentials.errors`)
     ├── KeyUnusable         a key of ours cannot be used (`security.errors`)
     └── StoreError          what is kept on the disk cannot be used (`kept.errors`)

Each text names what was wrong and where, in words for a person, and holds no secret.
"""

from __future__ import annotations

__all__ = [
    "CannotReach",
    "ConnectionLost",
    "MessageCut",
    "MsrpError",
    "NotDelivered",
    "NotSecureEnough",
    "PeerError",
    "UsageError",
]


class MsrpError(Exception):
    """The root of the tree; never raised itself."""


class PeerError(MsrpError):
    """The other side broke a protocol, or refused what we asked.

    Attributes:
        status: the MSRP code it answered with, None where there was no answer.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class ConnectionLost(MsrpError):
    """The connection ended while it was needed.

    Attributes:
        reason: how it ended.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CannotReach(MsrpError):
    """Nobody was found, or nobody answered, where the target points."""


class NotDelivered(MsrpError):
    """A message did not arrive, or nobody can tell whether it did.

    Attributes:
        status: the code it was refused with; 408 where no answer came in time
            (RFC 4975 section 7.1.1); None where the connection was lost.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class MessageCut(MsrpError):
    """A message of the other side stopped before its end; what came before is there."""


class NotSecureEnough(MsrpError):
    """The line, or who is proved at its end, is less than what was required.

    Attributes:
        key: SHA-256 over the certificate the other side showed, where it was refused for that
            (`Protection.peer_key`); None else.
        claims: then who that certificate says it is; nothing proves it.
    """

    def __init__(self, message: str, *, key: str | None = None, claims: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.key = key
        self.claims = claims


class UsageError(MsrpError):
    """The caller asked for something that makes no sense; nothing was done."""
