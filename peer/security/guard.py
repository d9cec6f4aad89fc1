"""Who may log in: the side that answers, as what the order of AUTH asks for (`msrp_peer.protocol.prover`)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from secrets import token_bytes
from typing import Protocol, runtime_checkable

from msrp_sasl import (
    PROPERTIES,
    Accepting,
    DigestMD5Verifier,
    Hash,
    Identities,
    Kerberos,
    Policy,
    Reason,
    SaslError,
    SASLServer,
    ScramVerifier,
    Verifiers,
    offered,
)

from ..terms.errors import MsrpError, PeerError
from ..terms.principal import Principal
from ..terms.security import Level, Security
from .attempts import Attempts
from .prove import Binding, Verdict, channel, layered, verdict

__all__ = ["Exchange", "Gate", "Guard", "Keeping"]

log = logging.getLogger(__name__)


@runtime_checkable
class Keeping(Protocol):
    """Verifiers that know whether they keep anything for DIGEST-MD5; of others it is taken for granted."""

    def keeps_digest_md5(self, acceptor: str) -> bool:
        """Whether anybody could log in by it at this acceptor."""


class Guard:
    """Who may log in at one listener, on all of its connections.

    Args:
        me: who we are.
        verifiers: what is kept of the passwords of those who may log in; None where nothing is.
        policy: what is allowed.
        kerberos: where our own ticket is; None where there is none.
        expected: those who alone are let in; empty for everybody who is proved.
        least: the level below which nothing but AUTH is done.
        failures, seconds: beyond so many failures within so long, an address and a name are not
            looked at any more.
        clock: seconds since the epoch, for what expires.
    """

    def __init__(
        self,
        me: Principal,
        verifiers: Verifiers | None,
        policy: Policy,
        *,
        kerberos: Kerberos | None = None,
        expected: frozenset[Principal],
        least: Level,
        failures: int,
        seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.me = me
        self.verifiers = verifiers
        self.policy = policy
        self.kerberos = kerberos
        self.expected = frozenset(each.text for each in expected)
        self.least = least
        self.attempts = Attempts(failures, seconds)
        self.clock = clock

    def gate(self) -> Gate:
        """For one connection."""
        return Gate(self)

    @property
    def layered(self) -> tuple[str, ...]:
        """The mechanisms that need no TLS around them."""
        has = {"passwords": self.verifiers is not None, "kerberos": self.kerberos is not None}
        return layered(self.policy, **has)

    def is_reached(self, to: str | None) -> bool:
        """Whether somebody who wants to reach `to` is at the right place."""
        return to is None or _same(to, self.me)

    def is_like(self, other: Guard) -> bool:
        """Whether the other one judges by the same."""
        mine = self.verifiers, self.policy, self.kerberos
        return mine == (other.verifiers, other.policy, other.kerberos)

    def can(self, name: str) -> bool:
        """Whether anybody at all could log in by this mechanism; one that cannot is not offered."""
        if not PROPERTIES[name].password:
            return True
        if self.verifiers is None:
            return False
        if name != "DIGEST-MD5" or not isinstance(self.verifiers, Keeping):
            return True
        try:
            return self.verifiers.keeps_digest_md5(self.me.text)
        except MsrpError as error:  # the verifiers cannot be had
            log.error("whether anybody can log in by %s is not known: %s", name, error)
            return False


class Gate:
    """One connection's; see `msrp_peer.protocol.prover.Gate`."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self.least = guard.least
        self.realm = guard.me.domain
        self.source = ""
        self.me = guard.me.text

    def offered(self, security: Security, binding: Binding) -> tuple[str, ...]:
        guard = self._guard
        seen = channel(security, binding, guard.policy)
        usable = offered(guard.policy, seen, kerberos=guard.kerberos is not None)
        return tuple(name for name in usable if guard.can(name))

    def exchange(
        self, name: str, to: str | None, offered: tuple[str, ...], security: Security, binding: Binding
    ) -> Exchange:
        return Exchange(self._guard, self.source, name, to, offered, security, binding)


class Exchange:
    """One exchange of an acceptor; see `msrp_peer.protocol.prover.Accepting`.

    Whatever is wrong with name, password, acceptor or number of tries, it looks the same.
    """

    def __init__(
        self,
        guard: Guard,
        source: str,
        name: str,
        to: str | None,
        offered: tuple[str, ...],
        security: Security,
        binding: Binding,
    ) -> None:
        self._guard = guard
        self._source = source
        self._name = name
        self._reached = guard.is_reached(to)
        kept = guard.verifiers
        self._verifiers = None if kept is None else _Noting(kept, guard.attempts, self._reached)
        policy = guard.policy
        authority = Identities(lambda text: Principal.parse(text).text, scheme="im", domain=guard.me.domain)
        self._server = SASLServer(
            Accepting(
                guard.me.text,
                channel(security, binding, policy),
                policy,
                authority,
                self._verifiers,
                offered,
                kerberos=guard.kerberos,
            )
        )
        self.verdict: Verdict | None = None

    @property
    def slow(self) -> bool:
        return self._name in PROPERTIES and PROPERTIES[self._name].may_block

    @property
    def _by_password(self) -> bool:
        return self._name in PROPERTIES and PROPERTIES[self._name].password

    @property
    def spent(self) -> bool:
        return self._server.spent

    def start(self, token: bytes | None) -> bytes | None:
        if self._guard.attempts.barred(self._source):
            raise PeerError("too many logins from there have failed", status=403)
        if not self._reached and not self._by_password:
            # With a password it fails at the end, like a wrong one.
            raise self._failed("somebody else was to be reached")
        return self._judged(lambda now: self._server.start(self._name, token, now))

    def process(self, token: bytes) -> bytes | None:
        return self._judged(lambda now: self._server.process(token, now))

    def _judged(self, step: Callable[[float], bytes | None]) -> bytes | None:
        guard = self._guard
        now = guard.clock()
        try:
            said = step(now)
        except SaslError as error:
            raise self._failed(str(error), 403 if error.reason is Reason.FORBIDDEN else 401) from None
        except MsrpError as error:  # the verifiers cannot be had
            log.error("a login from %s cannot be judged: %s", self._source, error)
            raise
        if self._server.complete:
            identity = self._server.identity
            if guard.expected and identity.name not in guard.expected:
                log.warning("%s logged in from %s, and is not expected", identity.name, self._source)
                raise PeerError("somebody else is expected", status=403)
            self.verdict = verdict(identity, self._server.layer, now)
        return said

    def _failed(self, why: str, status: int = 401) -> PeerError:
        log.warning("a login from %s failed: %s", self._source, why)
        attempts = self._guard.attempts
        # An address may have to wait longer each time; a name is somebody's who can do nothing for it.
        attempts.failed(self._source, growing=True)
        if self._verifiers is not None and self._verifiers.user is not None:
            attempts.failed(self._verifiers.user)
        return PeerError(why, status=status)

    def forget(self) -> None:
        self._server.dispose()


class _Noting(Verifiers):
    """Notes whom an exchange asked for, and lets none succeed that must not: where somebody else is to
    be reached than we are, or too many have failed under that name. Nothing shows it: the salt of
    somebody who is known stays what it is, or it would tell them from those who are not."""

    def __init__(self, verifiers: Verifiers, attempts: Attempts, reached: bool) -> None:
        self._verifiers = verifiers
        self._attempts = attempts
        self._reached = reached
        self.user: str | None = None

    @property
    def decoy_key(self) -> bytes:
        return self._verifiers.decoy_key

    def iterations(self, hash: Hash) -> int:
        return self._verifiers.iterations(hash)

    def scram(self, user: str, acceptor: str, hash: Hash) -> ScramVerifier | None:
        found = self._verifiers.scram(user, acceptor, hash)
        if self._may(user) or found is None:
            return found
        keys = token_bytes(len(found.stored_key))
        return replace(found, stored_key=keys, server_key=keys)

    def digest_md5(self, user: str, realm: str, acceptor: str) -> DigestMD5Verifier | None:
        found = self._verifiers.digest_md5(user, realm, acceptor)
        return found if self._may(user) else None

    def _may(self, user: str) -> bool:
        self.user = user
        return self._reached and not self._attempts.barred(user)


def _same(text: str, principal: Principal) -> bool:
    try:
        return Principal.parse(text) == principal
    except ValueError:
        return False
