"""SDP as signalling: an offer or an answer as text, for `msrp_peer.join`.

    offer = Offer(listener)            answer = Answer(text, listener)
    send(offer.text)                   send(answer.text)
    offer.answered(await receive())
    join(offer, listener=listener)     join(answer, listener=listener)

How the texts travel is the application's: pasted into a chat window, in a SIP message, on paper.
They hold session URIs, so they must travel where nobody else reads them; and whoever can change
them on their way can put itself in between, unless it is certain that nobody can.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from ..security.keys import Key, ThrowAway
from ..signalling.agreement import NotAcceptable, Outcome, Side
from ..signalling.file_attributes import FileTransfer
from ..signalling.interface import Agreed, new_uri
from ..signalling.media import Direction
from ..signalling.offer_answer import Negotiation
from ..terms.content import Accepts, Takes
from ..terms.errors import UsageError
from ..terms.fingerprints import Fingerprint
from ..terms.principal import Principal, PrincipalError

__all__ = ["Answer", "Offer", "Place"]

_NOWHERE = 9  # RFC 4145 section 4.1: the port of a side that waits for nobody


class Place(Protocol):
    """Where the other side can connect to: a `msrp_peer.Listener`."""

    @property
    def key(self) -> Key | None: ...

    @property
    def tls(self) -> str: ...

    def new_uri(self, host: str | None = None, *, user: str | None = None) -> str: ...


class _Told:
    """What Offer and Answer have in common."""

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
    ) -> None:
        if tls not in ("fingerprint", "none"):
            raise UsageError(f"with SDP tls is fingerprint or none, not {tls!r}")
        if listener is not None and listener.tls != tls:
            raise UsageError(f"the listener speaks tls {listener.tls}, and the SDP is to say {tls}")
        self._tls = tls
        self._me, self._expected = _principal(me), _principal(expected)
        claim = None if self._me is None else self._me.text
        secure = tls == "fingerprint"
        self._key: Key | None = None
        if secure:
            self._key = listener.key if listener is not None else ThrowAway()
        if listener is not None:
            path = listener.new_uri(host, user=claim)
        else:
            path = new_uri(host or "anonymous.invalid", _NOWHERE, secure=secure, user=claim)
        self._own = Takes(Accepts.parse(accept_types), Accepts.parse(accept_wrapped_types), max_size, files)
        self._signalled = signalled
        self._negotiation = Negotiation(
            Side(
                path,
                reachable=listener is not None,
                accepts=self._own.accepts,
                wrapped=self._own.wrapped,
                maximum=max_size,
                direction=direction,
                # Ours are signed with SHA-256, so this one line is all of RFC 8122 section 5.1.
                fingerprints=(Fingerprint("sha-256", self._key.fingerprint),) if self._key else (),
                cema=cema,
                file=file,
            )
        )

    @property
    def outcome(self) -> Outcome | None:
        """All that was agreed; None before."""
        return self._negotiation.agreed

    def _agreed(self) -> Agreed:
        found = self._negotiation.agreed
        if found is None:
            raise UsageError("nothing is agreed yet: the answer must be told first")
        if found.secure and not found.fingerprints:
            raise NotAcceptable("it gives no fingerprint of its key that could be checked")
        nothing = Accepts()
        own = self._own
        # RFC 4975 section 8.9: a direction is for messages, and what is not to come is not taken.
        if not found.may_receive:
            own = Takes(nothing, nothing, own.maximum, False)
        peer = Takes(found.peer_takes, found.peer_wrapped, found.peer_maximum)
        if not found.may_send:
            peer = Takes(nothing, nothing, found.peer_maximum)
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
            )
        except ValueError as wrong:
            raise NotAcceptable(f"this cannot become a session: {wrong}") from None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}, {self._negotiation.state}, tls {self._tls}>"


class Offer(_Told):
    """We offer a session, and the other side answers (RFC 3264).

    Args:
        listener: where the other side may connect to; without one we connect, and the other
            side must be reachable (RFC 6135 section 4.2.2).
        host: how others reach the listener, where it is not by the address it listens at.
        tls: ``"fingerprint"``, or ``"none"`` for the RFC's plain TCP; as the listener speaks.
        accept_types, accept_wrapped_types, max_size, files: what we take.
        direction: ``"sendonly"``, ``"recvonly"``, ... as we see it.
        file: the file the session is for (RFC 5547).
        cema: whether to connect to c= and m= where a middlebox stands (RFC 6714).
        signalled: whether nobody can change the texts on their way. Only then does the right
            fingerprint verify the other side's key (`Level.KEY_VERIFIED`).
        me, expected: who we are, and who the other side is; not proved by saying it.

    Attributes:
        text: the offer. Confidential.
    """

    def __init__(
        self,
        listener: Place | None = None,
        *,
        host: str | None = None,
        tls: str = "fingerprint",
        accept_types: str = "*",
        accept_wrapped_types: str = "",
        max_size: int | None = None,
        files: bool = True,
        direction: Direction = "sendrecv",
        file: FileTransfer | None = None,
        cema: bool = False,
        signalled: bool = False,
        me: str | None = None,
        expected: str | None = None,
    ) -> None:
        super().__init__(
            listener,
            host=host,
            tls=tls,
            accept_types=accept_types,
            accept_wrapped_types=accept_wrapped_types,
            max_size=max_size,
            files=files,
            direction=direction,
            file=file,
            cema=cema,
            signalled=signalled,
            me=me,
            expected=expected,
        )
        self.text = self._negotiation.offer()

    def answered(self, text: str | bytes, known: Mapping[str, Collection[str]] | None = None) -> str | None:
        """Tell the answer. Returns None, or a new offer to send, whose answer is then told in
        turn (RFC 6714 section 4.2). `known`: addresses of names, as `MsrpMedia.fits` wants them.

        Raises `Refused`, `NotAcceptable` and `SdpError`.
        """
        again = self._negotiation.accept(text, known or {})
        if again is not None:
            self.text = again
        return again

    async def agree(self) -> Agreed:
        """As `Signalling` has it. Raises `UsageError` before `answered`."""
        return self._agreed()


class Answer(_Told):
    """The other side offered a session, and we take it. Arguments are those of `Offer`.

    Attributes:
        text: the answer. Confidential.

    Raises `SdpError`, and `NotAcceptable` where the offer does not fit us: its status is what
    SIP would answer.
    """

    def __init__(
        self,
        offer: str | bytes,
        listener: Place | None = None,
        *,
        host: str | None = None,
        tls: str = "fingerprint",
        accept_types: str = "*",
        accept_wrapped_types: str = "",
        max_size: int | None = None,
        files: bool = True,
        direction: Direction = "sendrecv",
        file: FileTransfer | None = None,
        cema: bool = False,
        signalled: bool = False,
        me: str | None = None,
        expected: str | None = None,
        known: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        super().__init__(
            listener,
            host=host,
            tls=tls,
            accept_types=accept_types,
            accept_wrapped_types=accept_wrapped_types,
            max_size=max_size,
            files=files,
            direction=direction,
            file=file,
            cema=cema,
            signalled=signalled,
            me=me,
            expected=expected,
        )
        self.text = self._negotiation.answer(offer, known=known or {})

    async def agree(self) -> Agreed:
        """As `Signalling` has it."""
        return self._agreed()


def _principal(text: str | None) -> Principal | None:
    try:
        return None if text is None else Principal.parse(text)
    except PrincipalError as wrong:
        raise UsageError(str(wrong)) from None
