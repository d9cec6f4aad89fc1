"""Two people read a short string to each other, and say whether it is the same.

    comparison = await session.compare()            # or: await session.asked_to_compare()
    print(*comparison.words)
    await comparison.confirm()                      # or: await comparison.differ()
    compared = await comparison.agreed()

What each side's user says counts for both: the line's level rises when both have said "the same".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..protocol.comparing import BINDING
from ..security.short_string import ShortString
from ..terms.errors import ConnectionLost, NotSecureEnough, UsageError
from ..terms.principal import Principal, claimed_in

if TYPE_CHECKING:
    from .session import Session

__all__ = ["Compared", "Comparison", "begin", "wait"]


@dataclass(frozen=True, slots=True)
class Compared:
    """What can be remembered of a comparison, by whoever keeps the keys of known people.

    The keys are as in `Protection`. Where one is made anew for each run there is nothing to
    remember: the next line will show another.

    Attributes:
        me: who we said we are; None where we said nothing.
        peer: who the other side says it is, or is proved to be; two people have heard each other's voice,
            and nothing else proves this name.
        own_key, peer_key: the fingerprints; None where a side showed no certificate.
    """

    me: Principal | None
    peer: Principal | None
    own_key: str | None
    peer_key: str | None


class Comparison:
    """The short string of one line. Made by `Session.compare` and `Session.asked_to_compare`.

    Attributes:
        words: five words to read aloud.
        digits: the same as thirteen digits.
        begun_here: whether this side asked for it.
    """

    def __init__(self, session: Session, string: ShortString) -> None:
        self._session = session
        self._comparing = session.driver.connection.comparing
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

    async def confirm(self) -> None:
        """Our user has heard the same words from the other one, whose voice it is.

        Raises `UsageError` where that was said before, `ConnectionLost` where the line is gone.
        """
        self._say(same=True)

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
        return Compared(claimed_in(session.endpoint.local_uri.userinfo), peer, tls.own_key, tls.peer_key)

    def _say(self, *, same: bool) -> None:
        session = self._session
        if session.closed:
            raise ConnectionLost(session.driver.connection.reason or "the session is closed")
        self._comparing.say(same, session.endpoint, session.driver.now())
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
    return Comparison(session, ShortString(exported, *nonces))
