"""One negotiation of session descriptions, and the session that stands by it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Protocol, TypedDict, Unpack

from ..security.keys import Key, ThrowAway
from ..security.own_key import OwnKey, owner
from ..signalling.agreement import NotAcceptable, Outcome, Side, look
from ..signalling.file_attributes import FileTransfer
from ..signalling.interface import Agreed, new_uri
from ..signalling.media import Direction, Setup
from ..signalling.offer_answer import Known, Negotiation
from ..terms.content import Accepts, Takes
from ..terms.errors import PeerError, UsageError
from ..terms.fingerprints import Fingerprint
from ..terms.principal import Principal, PrincipalError
from .session import Session

__all__ = ["NOBODY", "NOWHERE", "Changes", "Place", "Told"]

NOBODY: Final = "anonymous.invalid"  # RFC 2606: it never resolves
NOWHERE: Final = 9  # RFC 4145 section 4.1: the port of a side that waits for nobody


class Place(Protocol):
    """Where the other side can connect to: a `msrp_peer.Listener`."""

    @property
    def key(self) -> Key | None: ...

    @property
    def tls(self) -> str: ...

    def new_uri(self, host: str | None = None, *, user: str | None = None) -> str: ...


class Changes(TypedDict, total=False):
    """What an offer in a standing session may change, as arguments of `Offer`; what is left out
    stays. A `file` begins a session of its own, and leaves the one before (RFC 5547 section 8.7):
    it is for when that is done with."""

    accept_types: str
    accept_wrapped_types: str
    max_size: int | None
    direction: Direction
    file: FileTransfer | None


class Told:
    """What Offer and Answer have in common: one negotiation, and the session it is of.

    Attributes:
        text: what is to be sent to the other side, as it was last. Confidential.
    """

    text: str

    def __init__(
        self,
        listener: Place | None,
        *,
        host: str | None,
        tls: str,
        accept_types: str,
        accept_wrapped_types: str,
        max_size: int | None,
        files: bool,
        direction: Direction,
        file: FileTransfer | None,
        cema: bool,
        signalled: bool,
        me: str | None,
        expected: str | None,
        auth: Setup | None,
        proved: bool,
        key: OwnKey | None,
    ) -> None:
        if tls not in ("fingerprint", "none"):
            raise UsageError(f"with SDP tls is fingerprint or none, not {tls!r}")
        if listener is not None and listener.tls != tls:
            raise UsageError(f"the listener speaks tls {listener.tls}, and the SDP is to say {tls}")
        self._tls = tls
        self._listener, self._host = listener, host
        self._me, self._expected = owner(key, _principal(me)), _principal(expected)
        self._files = files
        _check_wrapped(Accepts.parse(accept_types), Accepts.parse(accept_wrapped_types))
        self._key = _shown(listener, tls, key)
        self._signalled = signalled
        self._session: Session | None = None
        self._followed: Outcome | None = None  # what the session stands by
        self._negotiation = Negotiation(
            Side(
                self._new_path(),
                reachable=listener is not None,
                accepts=Accepts.parse(accept_types),
                wrapped=Accepts.parse(accept_wrapped_types),
                maximum=max_size,
                direction=direction,
                # Ours are signed with SHA-256, so this one line is all of RFC 8122 section 5.1.
                fingerprints=(Fingerprint("sha-256", self._key.fingerprint),) if self._key else (),
                cema=cema,
                auth=auth,
                proved=proved,
                file=file,
            )
        )

    def _new_path(self) -> str:
        claim = None if self._me is None else self._me.text
        if self._listener is not None:
            return self._listener.new_uri(self._host, user=claim)
        secure = self._tls == "fingerprint"
        return new_uri(self._host or NOBODY, NOWHERE, secure=secure, user=claim)

    @property
    def outcome(self) -> Outcome | None:
        """All that was agreed; None before, and when the session is over."""
        return self._negotiation.agreed

    @property
    def over(self) -> bool:
        """Whether one side ended the session by its text, or refused it so."""
        return self._negotiation.state == "over"

    async def agree(self) -> Agreed:
        """As `Signalling` has it. Raises `UsageError` where nothing is agreed."""
        found = self._negotiation.agreed
        if found is None:
            why = (
                "the session is over" if self.over else "nothing is agreed yet: the answer must be told first"
            )
            raise UsageError(why)
        own, peer = self._takes(found)
        try:
            return Agreed(
                found.local,
                found.remote,
                found.active,
                self._tls,
                own,
                peer,
                self._me,
                self._expected,
                found.connect if found.active and found.cema else None,
                found.fingerprints,
                self._signalled,
                self._key,
                found.auth,
            )
        except ValueError as wrong:
            raise NotAcceptable(f"this cannot become a session: {wrong}") from None

    def _takes(self, found: Outcome) -> tuple[Takes, Takes]:
        """What each side takes; nothing where nothing is to come (RFC 4975 section 8.9)."""
        own = Takes(found.takes, found.wrapped, found.maximum, self._files)
        if not found.may_receive:
            own = Takes(Accepts(), Accepts(), found.maximum, False)
        peer = Takes(found.peer_takes, found.peer_wrapped, found.peer_maximum)
        if not found.may_send:
            peer = Takes(Accepts(), Accepts(), found.peer_maximum)
        return own, peer

    # -- in a session that stands

    def follow(self, session: Session) -> None:
        """Let a session stand by what is agreed here, now and later. `msrp_peer.join` does it.

        What is agreed anew holds at once for messages that begin then; those under way go on.
        Where it names another session (other paths), or none any more, this one is left: then
        `join` again, if there is to be one.
        """
        self._session, self._followed = session, self._negotiation.agreed

    def update(self, **changes: Unpack[Changes]) -> str:
        """A new offer to send, by either side (RFC 4975 section 8.4); its answer is for `answered`.

        What it takes more than before is taken from now on, as the answer may be slower than
        messages (RFC 3264 section 8). Raises `UsageError` where an offer is unanswered, or the
        session is over.
        """
        self.text = self._negotiation.offer(self._changed(changes, fresh="file" in changes))
        session, found, side = self._session, self._negotiation.agreed, self._negotiation.side
        if session is not None and found is not None and side.path == found.local:
            own, peer = self._takes(found)
            more = Takes(side.accepts, side.wrapped, side.maximum, self._files)
            if side.direction in ("sendrecv", "recvonly"):
                session.renew(_both(own, more) if found.may_receive else more, peer)
        return self.text

    def end(self) -> str:
        """An offer of port 0 to send, which ends the session; its answer is for `answered`."""
        self.text = self._negotiation.end()
        return self.text

    def answered(self, text: str | bytes, known: Known | None = None) -> str | None:
        """Tell the answer to an offer of ours. Returns None, or a new offer to send, whose answer is
        then told in turn (RFC 6714 section 4.2). `known`: addresses of names, as `MsrpMedia.fits`
        wants them.

        Raises `Refused`, `NotAcceptable` and `SdpError`. Then a session that stands is as it was
        before the offer; but `Refused`, an answer with port 0, ends it.
        """
        try:
            again = self._negotiation.accept(text, known or {})
        finally:
            self._settle()
        if again is not None:
            self.text = again
        return again

    def rejected(self) -> None:
        """Signalling refused our offer (SIP: 488, 491): all is as it was before."""
        self._negotiation.rejected()
        self._settle()

    def answer(self, offer: str | bytes, *, known: Known | None = None, **changes: Unpack[Changes]) -> str:
        """Answer an offer of the other side in a session that stands.

        Raises `SdpError`, and `NotAcceptable` where it does not fit us, or meets one of ours that
        is not answered (its status is what SIP would answer): then nothing has changed. An offer of
        port 0 ends the session.
        """
        found = self._negotiation.agreed
        # Another path, or another file, is another session, and its URI is for it alone (RFC 4975
        # section 8.2, RFC 5547 section 8.1).
        fresh = found is not None and _is_another(offer, found)
        side = self._changed(changes, fresh=fresh)
        self.text = self._negotiation.answer(offer, side, known or {})
        self._settle()
        return self.text

    def refuse(self, offer: str | bytes) -> str:
        """The answer that refuses an offer, with port 0. It ends a session that stands: to refuse
        only what is new, let the signalling say so (SIP: 488). Raises `SdpError`."""
        self.text = self._negotiation.refuse(offer)
        self._settle()
        return self.text

    def _changed(self, changes: Changes, *, fresh: bool) -> Side:
        side = self._negotiation.side
        if fresh:
            side = replace(side, path=self._new_path(), file=None)
        if "accept_types" in changes:
            side = replace(side, accepts=Accepts.parse(changes["accept_types"]))
        if "accept_wrapped_types" in changes:
            side = replace(side, wrapped=Accepts.parse(changes["accept_wrapped_types"]))
        if "max_size" in changes:
            side = replace(side, maximum=changes["max_size"])
        if "direction" in changes:
            side = replace(side, direction=changes["direction"])
        if "file" in changes:
            side = replace(side, file=changes["file"])
        _check_wrapped(side.accepts, side.wrapped)
        return side

    def _settle(self) -> None:
        """Let the session follow."""
        session, found = self._session, self._negotiation.agreed
        if session is None or self._followed is None:
            return
        if found is not None and found.continues(self._followed):
            session.renew(*self._takes(found))
        else:
            self._session = None
            session.leave()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}, {self._negotiation.state}, tls {self._tls}>"


def _shown(listener: Place | None, tls: str, key: OwnKey | None) -> Key | None:
    """What is shown in TLS, and told."""
    if tls != "fingerprint":
        if key is not None:
            raise UsageError("a key of ours is shown in TLS alone")
        return None
    if listener is None:
        return key or ThrowAway()
    if key is not None and (listener.key is None or listener.key.fingerprint != key.fingerprint):
        raise UsageError("the listener shows another key: give it this one, too")
    return listener.key


def _principal(text: str | None) -> Principal | None:
    try:
        return None if text is None else Principal.parse(text)
    except PrincipalError as wrong:
        raise UsageError(str(wrong)) from None


def _is_another(text: str | bytes, found: Outcome) -> bool:
    """Whether an offer proposes another session. Of one that cannot be read, whoever answers it tells
    what is wrong."""
    try:
        offered = look(text)
    except PeerError:
        return False
    before, file = found.file, offered.file
    another = before is not None and file is not None and file.transfer_id != before.transfer_id
    return offered.path != found.remote or another


def _both(one: Takes, other: Takes) -> Takes:
    """What is taken on either terms."""
    largest = None if one.maximum is None or other.maximum is None else max(one.maximum, other.maximum)
    return Takes(
        Accepts((*one.accepts.entries, *other.accepts.entries)),
        Accepts((*one.wrapped.entries, *other.wrapped.entries)),
        largest,
        one.files or other.files,
    )


def _check_wrapped(accepts: Accepts, wrapped: Accepts) -> None:
    """Raises `UsageError` where something is taken inside of others, and nothing that holds others
    (RFC 4975 section 8.6)."""
    if wrapped.entries and not accepts.containers:
        raise UsageError(
            "accept_wrapped_types are for the inside of others (message/cpim, multipart/mixed, ...): "
            "accept_types must have one of those"
        )
