"""What one side brings into an exchange of session descriptions, and what both agree on."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from msrp_core import Uri

from ..terms.content import Accepts
from ..terms.errors import NotSecureEnough, PeerError, UsageError
from ..terms.fingerprints import Fingerprint
from .file_attributes import FileTransfer
from .media import Direction, MsrpMedia, Setup, read_media
from .sdp import Description

__all__ = ["NotAcceptable", "Outcome", "Refused", "Side", "Unprovable", "look"]

_ANY = Accepts(("*",))
_NONE = Accepts()


class NotAcceptable(PeerError):
    """What the other side offers or answers cannot work with what we are; says why.

    Attributes:
        status: as SIP would answer: 488, or 491 where two offers met (RFC 3261 section 14.2).
    """

    def __init__(self, message: str, *, status: int = 488) -> None:
        super().__init__(message, status=status)


class Unprovable(NotAcceptable, NotSecureEnough):
    """Somebody is to be proved, and by what both sides say of themselves nobody can be."""


class Refused(PeerError):
    """The other side answered an offer of ours with port 0."""


@dataclass(frozen=True)
class Side:
    """What one side brings into the negotiation.

    Attributes:
        path: its own session URI, fresh, with a port; confidential. ``msrps`` asks for TLS.
            A side that is not `reachable` has the port 9 (RFC 4145 section 4.1).
        reachable: whether the other side could connect to it.
        accepts, wrapped: kinds of content it takes at the top, and inside of others only.
        maximum: the largest message it takes, in octets.
        produces: kinds of content it may send; an offer that takes none of them is refused.
        direction: of messages, as it sees it.
        fingerprints: of the certificate it will show. With any, the other side must give some.
        cema: whether it connects to c= and m= where a middlebox stands (RFC 6714).
        auth: in which role it can take part in AUTH with SASL: ``"active"`` where it connects, and
            proves itself first; ``"passive"`` where it is connected to, and judges; ``"actpass"`` in
            either; None in none.
        proved: whether a session without AUTH is refused.
        file: the file this session is for (RFC 5547).
    """

    path: str = field(repr=False)
    reachable: bool = True
    accepts: Accepts = _ANY
    wrapped: Accepts = _NONE
    maximum: int | None = None
    produces: Accepts = _ANY
    direction: Direction = "sendrecv"
    fingerprints: tuple[Fingerprint, ...] = ()
    cema: bool = False
    auth: Setup | None = None
    proved: bool = False
    file: FileTransfer | None = None

    def __post_init__(self) -> None:
        if self.uri.port is None or self.uri.session_id is None:
            raise UsageError("a session URI for SDP has a port and a session-id")
        if not self.accepts.entries:
            raise UsageError("name at least one kind of content to take (RFC 4975 section 8.6)")
        if self.fingerprints and not self.uri.secure:
            raise UsageError("a fingerprint belongs to TLS: the URI must be an msrps one")
        if self.proved and not self.speaks_auth(self.setup):
            raise UsageError(
                "somebody is to be proved, and this side can neither prove itself nor judge others"
            )

    @property
    def setup(self) -> Setup:
        """The role to offer (RFC 6135 section 4.2.2): one in which AUTH can be, where there is any."""
        if not self.reachable:
            return "active"
        return self.auth or "actpass"

    def speaks_auth(self, role: Setup) -> bool:
        """Whether it can take part in AUTH in this role; ``"actpass"`` is whichever comes of it."""
        return self.auth in ("actpass", role)

    @cached_property
    def uri(self) -> Uri:
        """The URI of this end."""
        try:
            return Uri.parse_path(self.path)[-1]
        except ValueError as wrong:
            raise UsageError(f"this is no path of MSRP URIs: {wrong}") from None


@dataclass(frozen=True)
class Outcome:
    """What both sides agreed on, as this side sees it.

    Attributes:
        active: whether this side connects, and at once sends a SEND (RFC 4975 section 5.4).
        connect: where to, host and port; of use to the active side only.
        local, remote: the two paths; confidential.
        secure: whether TLS protects the line; the active side is its client.
        fingerprints: the other side's certificate must match one of them (RFC 8122 section 5.1).
        takes, wrapped, maximum: what we take.
        peer_takes, peer_wrapped, peer_maximum: what the other side takes.
        may_send, may_receive: whether messages may go, may come (RFC 4975 section 8.9).
        auth: whether AUTH with SASL is to be tried on the line: both have shown it.
        file: the file the session is for; None for a conversation.
        peer: the whole of what the other side described.
    """

    active: bool
    connect: tuple[str, int]
    local: str = field(repr=False)
    remote: str = field(repr=False)
    secure: bool
    fingerprints: tuple[Fingerprint, ...]
    takes: Accepts
    wrapped: Accepts
    maximum: int | None
    may_send: bool
    may_receive: bool
    cema: bool
    auth: bool
    file: FileTransfer | None
    peer: MsrpMedia

    @property
    def peer_takes(self) -> Accepts:
        return self.peer.accepts

    @property
    def peer_wrapped(self) -> Accepts:
        return self.peer.wrapped

    @property
    def peer_maximum(self) -> int | None:
        return self.peer.maximum

    def continues(self, before: Outcome) -> bool:
        """Whether the session is the one of `before`, and its connection stays (RFC 4975 section 8.4).

        Another transfer is another session, on whatever path (RFC 5547 section 8.1).
        """
        same = (self.local, self.remote, self.secure) == (before.local, before.remote, before.secure)
        return same and _transfer(self) == _transfer(before)


def _transfer(outcome: Outcome) -> str | None:
    return None if outcome.file is None else outcome.file.transfer_id


def look(text: str | bytes) -> MsrpMedia:
    """What an offer proposes, before anything is answered: its first MSRP section in use.

    Raises `SdpError`, and `NotAcceptable` where it offers no MSRP.
    """
    description = Description.parse(text)
    for section in description.sections:
        if section.is_msrp and section.port:
            return read_media(description, section)
    raise NotAcceptable("it offers no MSRP session")
