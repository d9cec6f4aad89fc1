"""Meeting by whatever signalling there is: direct rendezvous, paths, an offer, an answer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Generator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from msrp_core import Uri
from msrp_sasl import Credentials, Kerberos, Policy, Verifiers

from ..protocol.connection import Connection
from ..security.guard import Guard
from ..security.known import Answer, Finding, Learned, NotAsKnown, judge_refused, lasting_key
from ..security.known_peers import KnownPeers
from ..security.own_key import OwnKey
from ..security.prove import Login
from ..security.tls_ends import Serving, client_layers
from ..security.tls_modes import TlsMode
from ..security.trust import Trust
from ..session.establish import establish, own_terms
from ..session.session import Session
from ..session.told import Told
from ..signalling.interface import Agreed, Signalling
from ..signalling.target import Target
from ..terms.errors import CannotReach, NotSecureEnough, UsageError
from ..terms.limits import Limits
from ..terms.principal import Principal
from ..terms.security import Level, Security
from .arrivals import Demand
from .dial import begun, reach, tls_mode
from .discovery import find_all
from .line import Line
from .listen import Listener
from .pool import Pool, Sharing
from .proofs import certified, claimed, guarding, login, over_tcp

if TYPE_CHECKING:
    from ..security.keys import Key

__all__ = ["join"]

log = logging.getLogger(__name__)

_UNSHOWN = "the other side's description does not show that it can be proved who it is (a=msrp-auth)"
_PATIENCE = 5.0  # seconds to look for a principal on the LAN


class join:  # a verb: async with ...
    """Meet whom signalling led to.

        async with msrp_peer.join(msrp_peer.Rendezvous("im:bob@lan")) as session:
            await session.send("hello")

    The active side connects and sends at once, and has the session when the other side has
    answered. The passive side has it when that first request came: at `listener`, or else at the
    host and port of its own URI, for as long as that takes.

    Leaving the block ends the session in order. Awaiting it gives the session, and then its
    `close` is the caller's.

    Args:
        signalling: `Rendezvous`, `Paths`, `Offer`, `Answer`, or anything else that is a `Signalling`.
        listener: where the passive side waits; many sessions may wait at one. Let its
            `Listener.new_uri` make the URI, so that nobody comes too early.
        expect: whom we mean (``im:bob@lan``), where signalling does not say it, or another name.
            They must be proved, or nothing is said.
        credentials: where the password of who we are comes from (`msrp_sasl.Credentials`), where
            it is we who connect.
        verifiers: what is kept of the other side's password (`msrp_sasl.Verifiers`), where it is
            the other side that connects; a `listener` may have them, too.
        kerberos: where our Kerberos ticket is (`msrp_sasl.Kerberos`), for either. With any of these
            that fits, each side proves itself to the other by SASL, or nothing is said; without,
            nobody is proved.
        policy: which mechanisms may be used (`msrp_sasl.Policy`).
        known, key, trust: as for `connect`. With SDP the key is that of `Offer` and `Answer`, and with
            trust the other side's certificate must be that of whom we mean, besides matching its
            fingerprint; a `listener` verifies it in the handshake, and is given the same trust.
        require: the least level (`Level`) at which anything is said. Plain TCP needs
            ``Level.PLAINTEXT``, save where a proof protects it (`connect`).
        limits: every number that bounds the session. At a `listener` its own count.
        timeout: seconds to reach the other side and for it to answer, each, or for it to come;
            None for the handshake's limit. Also to look for somebody on the LAN; None for five.
        interfaces: numeric addresses of those to look on; None for all.
        pool: as for `connect`.

    Entering raises what the signalling raises, `UsageError`, `CannotReach`, `ConnectionLost`,
    `NotSecureEnough`, and `PeerError` where the other side knows no such session (481) or has
    it elsewhere (506).
    """

    def __init__(
        self,
        signalling: Signalling,
        *,
        listener: Listener | None = None,
        expect: str | None = None,
        credentials: Credentials | None = None,
        verifiers: Verifiers | None = None,
        kerberos: Kerberos | None = None,
        policy: Policy | None = None,
        known: KnownPeers | None = None,
        key: OwnKey | None = None,
        trust: Trust | None = None,
        require: Level = Level.PASSIVE_ONLY,
        limits: Limits | None = None,
        timeout: float | None = None,
        interfaces: Sequence[str] | None = None,
        pool: Pool | None = None,
    ) -> None:
        self._signalling = signalling
        self._listener = listener
        self._expect = claimed(expect)
        self._credentials = credentials
        self._verifiers = verifiers
        self._kerberos = kerberos
        self._policy = policy
        self._known = known
        self._key = key
        self._trust = trust
        self._require = require
        self._limits = limits or Limits()
        self._timeout = timeout
        self._seconds = self._limits.handshake if timeout is None else timeout
        self._interfaces = interfaces
        self._pool = pool
        self._login: Login | None = None
        self._session: Session | None = None

    async def __aenter__(self) -> Session:
        agreed = await self._signalling.agree()
        if agreed.active:
            self._login = self._login or self._login_for(agreed)
            try:
                self._session = await self._go(agreed, self._login)
            except NotSecureEnough as error:
                beside = await self._beside_known(agreed, error)
                if not await self._took(beside):
                    raise beside from None
                self._session = await self._go(agreed, self._login)
        elif self._listener is not None:
            _, self._session = await self._wait(self._listener, agreed, self._demand(agreed))
        else:
            self._session = await self._wait_there(agreed, self._demand(agreed))
        if not agreed.active and (judge := self._judge(agreed)) is not None:
            await self._judged(self._session, judge)
        if isinstance(self._signalling, Told):
            self._signalling.follow(self._session)
        return self._session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    def __await__(self) -> Generator[Any, None, Session]:
        return self.__aenter__().__await__()

    def _may_go(self, agreed: Agreed, proof: Login | Guard | None) -> None:
        """Raises where it is plain TCP, and that neither is what is meant nor does the proof protect it."""
        if agreed.tls != "none" or (self._require is Level.PLAINTEXT and not agreed.asks):
            return
        if proof is None and not agreed.asks:
            raise NotSecureEnough(
                f"{self._require.word} is required, and plain TCP protects nothing: "
                "say require=Level.PLAINTEXT where that is meant"
            )
        over_tcp(proof, self._require)

    def _judge(self, agreed: Agreed) -> Callable[[Security], object] | None:
        """What compares a line with what is known of whom we mean."""
        known, whom = self._known, self._expect or agreed.expected
        if known is None or whom is None:
            return None
        return lambda line: known.meet(whom, line, time.time(), key=lasting_key(line))

    async def _beside_known(self, agreed: Agreed, error: NotSecureEnough) -> NotSecureEnough:
        """The same; where it is about a key, with what is known of the one we mean."""
        known, whom = self._known, self._expect or agreed.expected
        if known is None or whom is None or error.key is None or isinstance(error, NotAsKnown):
            return error
        remembered = await asyncio.to_thread(known.recall, whom)
        named = whom.text in error.claims
        found = judge_refused(whom, remembered, error.key, known.policy, named=named)
        why = str(error)
        if not named:
            why += "; its certificate does not name them, so that it may be made for the occasion"
        return error if found is None else NotAsKnown(found, why)

    async def _took(self, error: NotSecureEnough) -> bool:
        """Whether it was about a first key that is taken as it comes: then it is remembered as that.

        It verifies nobody; so not where more than that is required.
        """
        known = self._known
        if known is None or self._require > Level.PASSIVE_ONLY or not isinstance(error, NotAsKnown):
            return False
        found = error.judgement
        new = found.finding is Finding.FIRST and found.answer is Answer.ACCEPT
        if not new or found.key is None or self._trust is None or self._trust.authorities:
            return False
        await asyncio.to_thread(known.pin, found.principal, found.key, time.time(), Learned.FIRST_USE)
        return True

    async def _judged(self, session: Session, judge: Callable[[Security], object]) -> None:
        try:
            await asyncio.to_thread(judge, session.security)
        except BaseException:
            await session.close()
            raise

    # -- the active side

    def _login_for(self, agreed: Agreed) -> Login | None:
        """What proves us and whom we mean to each other. Raises `UsageError`, and `NotSecureEnough`
        where the other side did not show that it can be proved."""
        whom = self._expect or agreed.expected
        me = certified(agreed.me, agreed.tls, self._key, self._trust)
        self._not_told(agreed)
        # By SDP both sides have been verified when the handshake is over, and EXTERNAL adds nothing.
        key = None if agreed.fingerprints else self._key
        found = login(me, whom, self._credentials, self._kerberos, self._policy, key, self._trust)
        if found is None and (self._expect is not None or agreed.auth) and self._trust is None:
            raise UsageError(f"nothing can prove that it is {whom}: give credentials, or kerberos")
        if found is not None and found.needed and agreed.auth is False:
            raise NotSecureEnough(_UNSHOWN)
        self._may_go(agreed, found)
        return found

    async def _go(self, agreed: Agreed, proves: Login | None) -> Session:
        mode = _mode(agreed)
        sought = agreed.sought
        target = Target("principal", principal=sought) if sought else Target("address", *agreed.place)
        # What was asked for on the line comes within the handshake's limit, which the line keeps.
        seconds = self._timeout if agreed.asks else self._seconds

        def make(host: str) -> Connection:
            key = cast("Key | None", agreed.key) or self._key
            layers = client_layers(
                mode, host, key, self._trust, self._expect or agreed.expected, agreed.fingerprints
            )
            return Connection(layers, terms=own_terms(agreed), limits=self._limits, granting=False)

        def begin(line: Line) -> Coroutine[Any, Any, Session]:
            found = replace(agreed, remote=line.listener) if sought else agreed
            prover = None if proves is None else proves.begin()
            return establish(line, found, self._require, prover, judge=self._judge(agreed))

        async def fresh() -> tuple[Line, Session]:
            places = [target] if sought is None else await self._look_for(sought, secure=mode is not None)
            line, place = await reach(target, places, make, self._seconds)
            if sought is not None:
                line.listener = place.uri
            return line, await begun(line, begin(line), seconds, place)

        if self._pool is None or agreed.fingerprints:  # whose key belongs to one session
            return (await fresh())[1]
        where = sought or agreed.place
        whom = self._expect or agreed.expected
        papers = (self._key, self._trust)
        sharing = Sharing(where, agreed.tls, agreed.me, whom, self._require, self._limits, proves, papers)
        return await self._pool.session(sharing, begin, fresh)

    async def _look_for(self, principal: Principal, *, secure: bool) -> list[Target]:
        """Where the listener is that announces itself as that principal: each of its addresses."""
        seconds = _PATIENCE if self._timeout is None else self._timeout
        interfaces = self._interfaces
        found = await find_all(principal, secure=secure, timeout=seconds, interfaces=interfaces)
        places = {(a.addresses, a.port) for a in found}
        if len(places) > 1:
            where = ", ".join(sorted(f"{addresses[0]}:{port}" for addresses, port in places))
            # Whichever we took would be a guess, and nothing on this line proves a guess right.
            raise CannotReach(f"several listeners say they are {principal}: name one by its address: {where}")
        first = found[0]
        log.info("%s announces itself at %s port %d", principal, ", ".join(first.addresses), first.port)
        return [Target("address", address, first.port, secure=secure) for address in first.addresses]

    # -- the passive side

    def _demand(self, agreed: Agreed) -> Demand:
        """What the other side has to be. Raises as `_login_for`."""
        trust = self._verifying(agreed)
        guard = guarding(
            agreed.me, self._verifiers, self._kerberos, self._policy, None, Level.PLAINTEXT, self._limits
        )
        # Whom signalling calls so has to be proved where we have what it takes; `expect` says it must.
        whom = self._expect or (None if guard is None and trust is None else agreed.expected)
        if trust is not None and whom is None:
            raise UsageError("a certificate proves a person: say whom we mean (expect)")
        if whom is not None and whom == agreed.me:
            raise UsageError(f"nobody logs in at themselves: we are {whom}")
        if whom is not None and agreed.auth is False and trust is None:
            raise NotSecureEnough(_UNSHOWN)
        self._may_go(agreed, guard or (None if self._listener is None else self._listener.guard))
        return Demand(self._require, whom, guard, trust is not None)

    def _not_told(self, agreed: Agreed) -> None:
        if self._key is not None and agreed.fingerprints:
            raise UsageError("with SDP the fingerprint of our key is told: give the key to Offer or Answer")

    def _verifying(self, agreed: Agreed) -> Trust | None:
        """Whom the passive side believes; None where it verifies no certificate. Raises `UsageError`."""
        if agreed.tls == "certificate":
            return None  # the listener's own guard judges it
        certified(agreed.me, agreed.tls, self._key, self._trust)
        self._not_told(agreed)
        if self._listener is None:
            return self._trust
        if self._trust is not None and self._listener.trust is not self._trust:
            raise UsageError("a listener verifies certificates in the handshake: give it this trust, too")
        return self._listener.trust

    async def _wait(self, listener: Listener, agreed: Agreed, demand: Demand) -> tuple[Line, Session]:
        try:
            async with asyncio.timeout(self._seconds):
                return await listener.arrival(agreed, demand)
        except TimeoutError:
            raise CannotReach(f"the other side did not come within {self._seconds:g} s") from None

    async def _wait_there(self, agreed: Agreed, demand: Demand) -> Session:
        """At a listener of our own, where our URI says."""
        own = Uri.parse(agreed.local or "")
        key = cast("Key | None", agreed.key)
        mode = _mode(agreed)
        expected = () if demand.principal is None else (demand.principal,)
        serving = Serving(mode, key, self._trust, expected)
        listener = Listener(None, mode, self._limits, own_terms(agreed), serving)
        await listener.open(own.host, own.port or 0)
        try:
            line, session = await self._wait(listener, agreed, demand)
        except BaseException:
            await listener.close()
            raise
        listener.only(line)
        return session


def _mode(agreed: Agreed) -> TlsMode | None:
    return None if agreed.tls == "none" else tls_mode(agreed.tls)
