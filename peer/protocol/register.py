"""The session URIs of one place, known across its connections.

One session is on one connection (RFC 4975 section 5.4). So the connections of a listener share
a register: a request that names a session in use on another connection is answered 506, one
that names none 481 (sections 7.3, 10.9, 10.11), and the first request to a session that is
*expected* begins it on whichever connection it comes.

A URI can be *reserved* before signalling is through: the other side may have it, and send,
before we learn its own. Such a request is not answered yet; its connection is held until the
other side's path is told, for the time of a handshake at most.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msrp_core import Frame, Uri

from ..terms.content import Accepts
from ..terms.errors import PeerError, UsageError
from ..terms.fingerprints import OTHER_KEY, Fingerprint
from ..terms.security import Level
from .auth import same_pair
from .bells import SILENT, Bell

if TYPE_CHECKING:
    from .auth import Terms
    from .connection import Connection
    from .endpoint import Endpoint

__all__ = ["Expected", "Register"]


@dataclass(eq=False, slots=True)
class Expected:
    """A session the other side is to begin. Capabilities: no repr shows them.

    Attributes:
        local: our URI; `remote` the other side's path.
        own: what we told the other side; `peer_takes`, `peer_maximum`, `peer_wrapped` what it told us.
        least: the level its connection must have.
        principal: who must be proved at the other end of it; None for anybody.
        fingerprints: its certificate must match one of them, where there are any; `signalled`
            whether nobody can have changed them on their way.
        bell: rung when it begins, or cannot.
        refusal: why it did not begin, though the right request came; None else.
    """

    local: str = field(repr=False)
    remote: str = field(repr=False)
    own: Terms
    peer_takes: Accepts
    peer_maximum: int | None
    least: Level
    fingerprints: tuple[Fingerprint, ...] = ()
    signalled: bool = False
    peer_wrapped: Accepts | None = None
    principal: str | None = None
    bell: Bell = SILENT
    refusal: str | None = None


class Register:
    """What the connections of one place know together. Times in seconds."""

    def __init__(self) -> None:
        self._reserved: dict[Uri, float] = {}
        self._expected: dict[Uri, Expected] = {}
        self._standing: dict[Uri, Endpoint] = {}

    # -- what may come

    def reserve(self, local: str, now: float, deadline: float) -> None:
        """Keep a URI for a session whose other side is not known yet."""
        self._reserved = {uri: until for uri, until in self._reserved.items() if until > now}
        self._reserved[Uri.parse(local)] = deadline

    def expect(self, expected: Expected) -> None:
        """Let the other side begin a session.

        Raises `UsageError` where the URI is in use: it names one session (RFC 4975 section 6).
        """
        uri = Uri.parse(expected.local)
        if uri in self._expected or uri in self._standing:
            raise UsageError("this session URI is in use already: make a new one for each session")
        self._reserved.pop(uri, None)
        self._expected[uri] = expected

    def forget(self, local: str) -> None:
        """Expect it no longer."""
        uri = Uri.parse(local)
        self._reserved.pop(uri, None)
        self._expected.pop(uri, None)

    @property
    def reserves(self) -> bool:
        """Whether any URI is kept so."""
        return bool(self._reserved)

    def early(self, frame: Frame, now: float) -> bool:
        """Whether a request names a URI whose other side is not known yet."""
        if " " in frame.to_path:
            return False
        return self._reserved.get(Uri.parse(frame.to_path), now) > now

    def use(self, frame: Frame, line: Connection) -> Expected | int:
        """The expected session that a request begins; or the code to answer it with.

        It must come from the other side's whole path, and on a line that is good enough. Raises
        `PeerError`, which closes the line, where the other side shows another key than signalling
        told (RFC 8122 section 6.2).
        """
        if " " in frame.to_path:
            return 481
        uri = Uri.parse(frame.to_path)
        if uri in self._standing:
            return 506
        expected = self._expected.get(uri)
        if expected is None or Uri.parse_path(frame.from_path) != Uri.parse_path(expected.remote):
            return 481
        if expected.fingerprints and not line.wire.verify(
            expected.fingerprints, signalled=expected.signalled
        ):
            expected.refusal = OTHER_KEY
            expected.bell.ring()
            raise PeerError(OTHER_KEY)
        gate, claim = line.acceptor.gate, expected.own.claim
        if line.proof is not None and gate is not None and claim is not None and gate.me != claim:
            return 481  # proved, but to somebody else: a connection belongs to two people
        expected.refusal = _lacking(expected, line)
        if expected.refusal is not None:
            expected.bell.ring()
            return 403
        del self._expected[uri]
        return expected

    # -- what stands

    def stands(self, endpoint: Endpoint) -> None:
        self._standing[endpoint.local_uri] = endpoint

    def over(self, endpoint: Endpoint) -> None:
        if self._standing.get(endpoint.local_uri) is endpoint:
            del self._standing[endpoint.local_uri]


def _lacking(expected: Expected, line: Connection) -> str | None:
    """Why a line is not good enough for a session; None where it is."""
    security, whom = line.security, expected.principal
    level, names = security.level, security.names
    if whom is not None and whom not in names:
        seen = f"it is {' and '.join(names)} who is proved" if names else "nobody is proved"
        return f"{whom} is expected, and {seen} at the other end"
    if not same_pair(Uri.parse_path(expected.remote)[-1], security):
        return "the other side proved to be somebody else than it calls itself"
    if level < expected.least:
        return f"{expected.least.word} is required, and the other side came over a line that is {level.word}"
    return None
