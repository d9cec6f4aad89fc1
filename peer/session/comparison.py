"""Two people read a short string to each other, and say whether it is the same.

    comparison = await session.compare()            # or: await session.asked_to_compare()
    print(*comparison.words)
    await comparison.confirm()                      # or: await comparison.differ()
    compared = await comparison.agreed()

What each side's user says counts for both: the line's level rises when both have said "the same".
With ``confirm(key)`` the other side is told a key that lasts, by which it knows us the next time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..protocol.comparing import BINDING
from ..protocol.sas_header import Told
from ..security.own_key import OwnKey
from ..security.short_string import ShortString
from ..security.told_key import hear, tell
from ..terms.errors import ConnectionLost, NotSecureEnough, PeerError, UsageError
from ..terms.principal import Principal, claimed_in
from ..terms.security import Protection

if TYPE_CHECKING:
    from .session import Session

__all__ = ["Compared", "Comparison", "begin", "wait"]


@dataclass(frozen=True, slots=True)
class Compared:
    """What can be remembered of a comparison, by whoever keeps the keys of known people.

    The keys are as in `Protection`. One that is made anew for each run is not worth remembering: the
    next line will show another. `lasting` is.

    Attributes:
        me: who we said we are; None where we said nothing.
        peer: who the other side says it is, or is proved to be; two people have heard each other's voice,
            and nothing else proves this name.
        own_key, peer_key: the fingerprints; None where a side showed no certificate.
        lasting: the fingerprint of the key that the other side has told to last, as that of `peer`, and
            has proved to have; or `peer_key`, where that was taken for theirs at first use. None
            where it told none that can be taken.
        lacking: why there is none, for a person; empty where there is one.
    """

    me: Principal | None
    peer: Principal | None
    own_key: str | None
    peer_key: str | None
    lasting: str | None = None
    lacking: str = ""


class Comparison:
    """The short string of one line. Made by `Session.compare` and `Session.asked_to_compare`.

    Attributes:
        words: five words to read aloud.
        digits: the same as thirteen digits.
        begun_here: whether this side asked for it.
    """

    def __init__(self, session: Session, exported: bytes, nonces: tuple[bytes, bytes]) -> None:
        self._session = session
        self._line = exported, nonces
        self._comparing = session.driver.connection.comparing
        string = ShortString(exported, *nonces)
        self.words = string.words
        self.digits = string.digits
        self.begun_here = self._comparing.asked_here

    @property
    def said(self) -> bool:
        """Whether our user has said something."""
        return self._comparing.state in ("ours", "compared", "over")

    @property
    def said_there(self) -> bool:
        """Whether the other side's user has said that the words are the same."""
        return self._comparing.state in ("theirs", "compared")

    @property
    def differed(self) -> bool:
        """Whether a user, here or there, said that the words are not the same."""
        return self._comparing.differed

    @property
    def me(self) -> Principal | None:
        """Who we said we are in this session; None where we said nothing."""
        return claimed_in(self._session.endpoint.local_uri.userinfo)

    async def confirm(self, key: OwnKey | None = None) -> None:
        """Our user has heard the same words from the other one, whose voice it is.

        With `key` (`lasting_key`) the other side is told it, so that it knows us by it from the next time
        on; it names who we said we are, and nobody else.

        Raises `UsageError` where that was said before, or the key is that of somebody else,
        `KeyUnusable` for one that is not of P-256, `ConnectionLost` where the line is gone.
        """
        told = None
        if key is not None:
            if self.me is None or key.names != (self.me.text,):
                raise UsageError("the key that is told is that of who we said we are, and of nobody else")
            told = Told(*tell(key, *self._line, asker=self.begun_here))
        self._say(same=True, told=told)

    async def differ(self) -> None:
        """Our user has heard other words: somebody sits in between. Ends all sessions of the line."""
        self._say(same=False)
        driver = self._session.driver
        while driver.connection.state == "ending":
            await driver.changed.heard()

    async def agreed(self) -> Compared:
        """Wait until both users have said that the words are the same; then the key is verified.

        Raises `NotSecureEnough` where one said that they are not, `ConnectionLost`.
        """
        connection = self._session.driver.connection
        while self._comparing.state not in ("compared", "over"):
            await self._session.driver.changed.heard()
        if self._comparing.state == "over":
            if self._comparing.differed:
                raise NotSecureEnough(connection.reason or "the words are not the same")
            raise ConnectionLost(connection.reason or "the session ended before both users had compared")
        tls = next(layer for layer in connection.wire.protections if layer.kind == "tls")
        session = self._session
        peer = session.peer_claim
        if session.security.proof is not None:
            peer = Principal.parse(session.security.proof.principal)
        try:
            lasting, lacking = self._told(peer, tls), ""
        except PeerError as error:
            lasting, lacking = None, str(error)
        return Compared(self.me, peer, tls.own_key, tls.peer_key, lasting, lacking)

    def _told(self, peer: Principal | None, tls: Protection) -> str:
        """The key that `peer` has told, or shows. Raises `PeerError` where there is none that is theirs."""
        told = self._comparing.told
        if told is None:
            # Taken for theirs when they were met first, and nobody had compared it; it is not told again.
            met = tls.verified == "compared" and peer is not None and peer.text in tls.names
            if met and tls.peer_key is not None:
                return tls.peer_key
            raise PeerError("the other side told no key by which it would be known again")
        found = hear(*told, *self._line, asker=not self.begun_here)
        if peer is None:
            raise PeerError("the other side told a key, and did not say before who it is")
        if found.principal != peer:
            raise PeerError(f"the other side says it is {peer}, and told a key of {found.principal}")
        return found.fingerprint

    def _say(self, *, same: bool, told: Told | None = None) -> None:
        session = self._session
        if session.closed:
            raise ConnectionLost(session.driver.connection.reason or "the session is closed")
        self._comparing.say(same, session.endpoint, session.driver.now(), told)
        session.driver.flush()

    def __repr__(self) -> str:
        return f"<Comparison in {self._session!r}>"


async def begin(session: Session) -> Comparison:
    """`Session.compare`."""
    comparing = session.driver.connection.comparing
    if session.closed:
        raise ConnectionLost(session.driver.connection.reason or "the session is closed")
    comparing.ask(session.endpoint, session.driver.now())
    session.driver.flush()
    while comparing.nonces is None:
        if comparing.state == "idle":
            raise NotSecureEnough(f"words cannot be compared: {comparing.refusal}")
        await _heard(session)
    return _shown(session)


async def wait(session: Session) -> Comparison:
    """`Session.asked_to_compare`."""
    comparing = session.driver.connection.comparing
    comparing.welcome(session.driver.now())
    session.driver.flush()
    while comparing.nonces is None or comparing.asked_here:
        await _heard(session)
    return _shown(session)


async def _heard(session: Session) -> None:
    if session.driver.connection.comparing.state == "over":
        raise ConnectionLost(session.driver.connection.reason or "the session ended")
    await session.driver.changed.heard()


def _shown(session: Session) -> Comparison:
    connection = session.driver.connection
    exported = connection.wire.binding(BINDING)
    nonces = connection.comparing.nonces
    if exported is None or nonces is None:
        raise UsageError("there is no string on this line")
    return Comparison(session, exported, nonces)
