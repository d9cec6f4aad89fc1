"""Meeting somebody directly, in one step."""

from __future__ import annotations

from collections.abc import Sequence

from msrp_sasl import Credentials, Kerberos, Policy

from ..security.known_peers import KnownPeers
from ..security.own_key import OwnKey
from ..security.trust import Trust
from ..signalling.rendezvous import Rendezvous
from ..terms.limits import Limits
from ..terms.security import Level
from .join import join
from .pool import Pool
from .proofs import certified, claimed

__all__ = ["connect"]


class connect(join):  # a verb: async with ...
    """Meet whom a target names, directly: `join` with a `Rendezvous`.

        async with msrp_peer.connect("im:bob@lan") as session:
            await session.send("hello")

    Leaving the block ends the session in order. Awaiting it gives the session, and then its
    `close` is the caller's.

    Args:
        target: ``host:port``, an msrps or msrp URI without session-id, or an im:, sip: or sips: URI
            to be looked for on the LAN, as the user typed it.
        me: who we say we are (``im:alice@lan``); None says nothing. Not proved by saying it.
        expect: whom we mean (``im:bob@lan``), where the target is only an address, or another
            name than theirs. They must be proved, or nothing is said.
        credentials: where the password of `me` for whom we mean comes from
            (`msrp_sasl.Credentials`).
        kerberos: where our Kerberos ticket is (`msrp_sasl.Kerberos`). With either of these each side
            proves itself to the other by SASL, or nothing is said; without, nobody is proved.
        policy: which mechanisms may be used (`msrp_sasl.Policy`).
        known: those who are known (`KnownPeers`). Where we mean somebody by name, the line has to be as
            good as the best there was with them, or nothing is said; then it is remembered. None
            remembers nothing.
        require: the least level (`Level`) at which anything is said.
        tls: ``"anonymous"`` (TLS 1.3, keys nobody verifies), ``"adh"`` (TLS 1.2, none),
            ``"certificate"`` (each side shows a key that lasts, and verifies whose the other's is before
            it says anything) or ``"none"``: plain TCP, where what proves the two sides protects the line
            as well (KRB5-U2U; DIGEST-MD5, with ``Policy(digest_md5=True)``), and nothing is said before
            it does. None for what the target says: ``"none"`` for an msrp URI, ``"anonymous"`` for all
            else.
        key: what we show with ``"certificate"`` (`OwnKey`); None for nothing, where the other side lets
            us log in instead. It says who we are, where `me` does not. With ``"anonymous"``, said by name,
            it is shown and verified by nobody, until two people compare (`Session.compare`); None for one
            that is made for the occasion.
        trust: whom to believe there that a key is the one of whom we mean (`Trust`).
        files: whether the other side may send files.
        accept_types: the kinds of content taken (RFC 4975 section 8.6).
        limits: every number that bounds the session.
        timeout: seconds to look on the LAN, to reach what was found, and for it to begin a
            session, each; None for five, and for the handshake's limit.
        interfaces: numeric addresses of those to look on; None for all.
        pool: shares one connection with the other sessions of this `Pool` that go to the same
            place; None gives the session a connection of its own.

    Raises `UsageError`; entering also `CannotReach`, `ConnectionLost`, `NotSecureEnough` (with `known`
    also the one that is `NotAsKnown`, and `StoreError`), `PeerError`.
    """

    def __init__(
        self,
        target: str,
        *,
        me: str | None = None,
        expect: str | None = None,
        credentials: Credentials | None = None,
        kerberos: Kerberos | None = None,
        policy: Policy | None = None,
        known: KnownPeers | None = None,
        require: Level = Level.PASSIVE_ONLY,
        tls: str | None = None,
        key: OwnKey | None = None,
        trust: Trust | None = None,
        files: bool = True,
        accept_types: str = "*",
        limits: Limits | None = None,
        timeout: float | None = None,
        interfaces: Sequence[str] | None = None,
        pool: Pool | None = None,
    ) -> None:
        limits = limits or Limits()
        who = certified(claimed(me), tls, key, trust)
        signalling = Rendezvous(
            target,
            me=None if who is None else who.text,
            tls=tls,
            accept_types=accept_types,
            max_size=limits.message,
            files=files,
        )
        super().__init__(
            signalling,
            expect=expect,
            credentials=credentials,
            kerberos=kerberos,
            policy=policy,
            known=known,
            key=key,
            trust=trust,
            require=require,
            limits=limits,
            timeout=timeout,
            interfaces=interfaces,
            pool=pool,
        )
        self._login = self._login_for(signalling.agreed)  # what makes no sense is told at once
