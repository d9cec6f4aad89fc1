"""What signalling agrees for one session: paths told by hand, SDP, a SIP call, direct rendezvous.

    signalling.agree()  ->  Agreed  ->  msrp_peer.join  ->  Session

RFC 4975 leaves it to others how two session URIs reach two endpoints (section 3), and needs no
more of them than what an `Agreed` holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

from msrp_core import Uri
from msrp_core.uri import UriError

from ..terms.content import Accepts, Takes
from ..terms.errors import UsageError
from ..terms.fingerprints import Fingerprint
from ..terms.principal import Principal, PrincipalError

__all__ = ["TRANSPORTS", "Agreed", "Paths", "Signalling", "new_uri"]

TRANSPORTS: Final = ("anonymous", "adh", "fingerprint", "certificate", "none")
"""How a line may be protected, by name; ``none`` is plain TCP."""

_EVERYTHING: Final = Takes(Accepts.parse("*"))


@dataclass(frozen=True, slots=True)
class Agreed:
    """What two sides agreed for one session; whatever signalling there is ends in one of these.

    Attributes:
        local: our session URI, as it goes into From-Path. None only where `asks`: then one is
            made when the line stands.
        remote: the other side's path, as it goes into To-Path: the place to connect to first,
            the endpoint last. Empty where `expected` is to be looked for on the LAN first.
        active: whether we open the connection, and send first (RFC 4975 section 5.4; RFC 6135).
        tls: one of `TRANSPORTS`. The scheme of every URI fits it.
        own: what we told the other side that we take.
        peer: what it takes. Where `asks`, it is not known yet.
        me: who we are to the other side, as far as signalling said; not proved by saying it.
        expected: whom signalling says we are to meet; not proved by saying it.
        fingerprints: with tls ``"fingerprint"``, those of the other side's certificate: what it
            shows must match one (RFC 8122).
        signalled: whether nobody can have changed them on their way: the signalling protected
            their integrity. Only then is the line's key verified.
        key: what we show in TLS (`security.keys.Key`), where its fingerprint was told.
        auth: whether AUTH with SASL is to be tried on the line. With SDP: whether both sides have
            shown a=msrp-auth. None where the signalling has no words for it, and it may be.
        address: where to connect instead of the first URI of `remote`: a numeric address or
            name, and a port (RFC 6714 section 4); only with `active`.

    No repr shows a URI. Raises ValueError, whose text holds none, where it cannot be used.
    """

    local: str | None = field(repr=False)
    remote: str = field(repr=False)
    active: bool
    tls: str = "anonymous"
    own: Takes = _EVERYTHING
    peer: Takes = _EVERYTHING
    me: Principal | None = None
    expected: Principal | None = None
    address: tuple[str, int] | None = None
    fingerprints: tuple[Fingerprint, ...] = ()
    signalled: bool = False
    key: object | None = field(default=None, repr=False)
    auth: bool | None = None

    def __post_init__(self) -> None:
        if (self.tls == "fingerprint") != bool(self.fingerprints):
            raise ValueError("fingerprints are for tls 'fingerprint', which needs one")
        if self.tls not in TRANSPORTS:
            raise ValueError(f"tls is {', '.join(TRANSPORTS[:-1])} or {TRANSPORTS[-1]}, not {self.tls!r}")
        if not self.remote and self.expected is None:
            raise ValueError("the other side is neither named nor placed")
        path = Uri.parse_path(self.remote) if self.remote else ()
        own = () if self.local is None else (Uri.parse(self.local),)
        for whose, uri in (*(("our own", u) for u in own), *(("the other side's", u) for u in path)):
            if uri.secure == (self.tls == "none"):
                scheme = "msrp" if self.tls == "none" else "msrps"
                raise ValueError(f"with tls {self.tls!r} {whose} URI begins with {scheme}://")
            if uri.port is None:
                # RFC 4975 section 8.2: URIs of sessions say their port, and there is no default.
                raise ValueError(f"{whose} URI has no port")
        # Where nobody connects to, port and transport are words like others (RFC 7977 section 5.2.2).
        for uri in (*own, *path[: self.active]):
            if not uri.port:
                raise ValueError("a URI has no port")
            if uri.transport != "tcp":
                raise ValueError("a URI has a transport other than tcp")
        if self.address is not None and not self.active:
            raise ValueError("an address to connect to is for the side that connects")
        if self.asks:
            if not self.active or self.local is not None:
                raise ValueError("the other side's URI names no session")
        elif path[-1].session_id is None:
            raise ValueError("the other side's URI names no session")
        elif not own or own[0].session_id is None:
            raise ValueError("our own URI names no session")
        elif own[0] == path[-1]:
            raise ValueError("both URIs are one and the same")

    @property
    def asks(self) -> bool:
        """Whether no more than a listener is known, and a session is to be asked for on the line
        itself (direct rendezvous)."""
        if not self.remote:
            return True
        path = Uri.parse_path(self.remote)
        return len(path) == 1 and path[0].session_id is None

    @property
    def sought(self) -> Principal | None:
        """Who is to be looked for on the LAN; None where it is known where to connect."""
        return None if self.remote else self.expected

    @property
    def place(self) -> tuple[str, int]:
        """Where the active side connects: host and port (RFC 4975 section 6.2). Raises ValueError
        where somebody is `sought`."""
        if self.address is not None:
            return self.address
        first = Uri.parse_path(self.remote)[0]
        return first.host, first.port or 0


class Signalling(Protocol):
    """Whatever leads two sides to one session.

    The side that will be connected to must be listening before the other side learns its URI:
    open a `msrp_peer.listen`, let `Listener.new_uri` make the URI, and give that to the
    signalling, whose offer or answer then names a place where somebody listens already.
    """

    async def agree(self) -> Agreed:
        """What was agreed, once it is; may wait for the other side.

        Raises `UsageError` where the program did not do its part yet, `PeerError` where the
        other side refused or cannot be understood.
        """


class Paths:
    """Both sides' URIs, brought by signalling of the application's own.

    Args:
        local_uri: our session URI, from `new_uri` or `Listener.new_uri`.
        remote_path: the other side's, as it told it: one URI, or several with a space between
            where relays stand in between.
        active: whether we open the connection; of two sides exactly one does.
        tls: ``"anonymous"``, ``"adh"``, or ``"none"`` for plain TCP (then URIs are msrp://).
        accept_types, accept_wrapped_types, max_size: what we take, as the other side was told
            (RFC 4975 section 8.6).
        files: whether attachments are among it.
        peer_accept_types, peer_accept_wrapped_types, peer_max_size: what the other side takes.
        me, expected: who we are, and who the other side is (``im:bob@lan``), as far as the
            application knows; not proved by saying it.
        auth: whether AUTH with SASL is to be tried on the line. With SDP: whether both sides have
            shown a=msrp-auth. None where the signalling has no words for it, and it may be.
        address: where to connect instead of the first URI: (host, port).

    Whoever learns a session URI may speak in the session: let it travel only where nobody else
    reads it, and in no log. Raises `UsageError`, whose text holds no URI.
    """

    def __init__(
        self,
        *,
        local_uri: str,
        remote_path: str,
        active: bool,
        tls: str = "anonymous",
        accept_types: str = "*",
        accept_wrapped_types: str = "",
        max_size: int | None = None,
        files: bool = True,
        peer_accept_types: str = "*",
        peer_accept_wrapped_types: str = "",
        peer_max_size: int | None = None,
        me: str | None = None,
        expected: str | None = None,
        address: tuple[str, int] | None = None,
    ) -> None:
        own = Takes(Accepts.parse(accept_types), Accepts.parse(accept_wrapped_types), max_size, files)
        peer = Takes(
            Accepts.parse(peer_accept_types), Accepts.parse(peer_accept_wrapped_types), peer_max_size
        )
        try:
            self._agreed = Agreed(
                local_uri,
                remote_path,
                active,
                tls,
                own,
                peer,
                me=None if me is None else Principal.parse(me),
                expected=None if expected is None else Principal.parse(expected),
                address=address,
            )
        except UriError as wrong:
            raise UsageError(f"a URI given cannot be used: {wrong}") from None
        except PrincipalError as wrong:
            raise UsageError(str(wrong)) from None
        except ValueError as wrong:
            raise UsageError(f"these paths cannot be used: {wrong}") from None

    async def agree(self) -> Agreed:
        return self._agreed

    def __repr__(self) -> str:
        return f"<Paths {'active' if self._agreed.active else 'passive'}, tls {self._agreed.tls}>"


def new_uri(host: str, port: int, *, secure: bool = True, user: str | None = None) -> str:
    """A session URI for one new session at `host` and `port`, with 128 random bits.

    RFC 4975 section 14.1 wants 80 at least. It is a capability: whoever learns it may speak in
    the session. The active side may give any port, as nobody connects to it; RFC 6135 section
    4.2.1 has it say 9. `user` is who we say we are, as a principal's text.

    Raises `UsageError` where host or port cannot stand in a URI.
    """
    try:
        if not 0 < port <= 65535:
            raise ValueError("a port is between 1 and 65535")
        return Uri.fresh(host, port, secure=secure, user=user).text
    except ValueError as wrong:
        raise UsageError(f"no session URI can be made of this host and port: {wrong}") from None
