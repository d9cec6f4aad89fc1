"""Who is there: `msrp_sasl`'s exchanges as what the order of AUTH asks for (`msrp_peer.protocol.prover`).

What counts is fixed before anybody is connected to: who we are, whom we mean, what is allowed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from secrets import token_bytes
from typing import Final

from msrp_sasl import (
    PROPERTIES,
    Accepting,
    Channel,
    ChannelLevel,
    Credentials,
    DigestMD5Verifier,
    Hash,
    Identities,
    Identity,
    Initiating,
    Policy,
    Reason,
    SASLClient,
    SaslError,
    SASLServer,
    ScramVerifier,
    SecurityLayer,
    Verifiers,
    offered,
)

from ..terms.errors import MsrpError, NotSecureEnough, PeerError, UsageError
from ..terms.principal import Principal
from ..terms.security import Level, Proof, Security
from .attempts import Attempts
from .sasl_layer import SaslLayer

__all__ = ["Guard", "Login"]

log = logging.getLogger(__name__)

Binding = Callable[[str], bytes | None]

_VERIFIED: Final = ("pinned", "signalled", "compared", "chain")
"""How a person's key is verified. That a host is who it should be says nothing about a person."""


def channel(security: Security, binding: Binding, policy: Policy) -> Channel:
    """The line below, as this side sees it."""
    tls = [layer for layer in security.layers if layer.kind == "tls" and layer.confidential]
    level = ChannelLevel.CLEAR
    if tls:
        verified = any(layer.verified in _VERIFIED for layer in tls)
        level = ChannelLevel.VERIFIED if verified else ChannelLevel.ENCRYPTED
    bindings = {name: value for name in policy.bindings if (value := binding(name))}
    return Channel(level, bindings)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an exchange that succeeded leaves behind."""

    layer: SaslLayer | None
    proof: Proof | None


def _verdict(identity: Identity, layer: SecurityLayer | None) -> Verdict:
    proof = None
    if identity.name is not None:
        guessable = PROPERTIES[identity.mechanism].password
        bound = identity.binding is not None
        proof = Proof(identity.name, identity.mechanism, bound, identity.shared, guessable)
    return Verdict(None if layer is None else SaslLayer(layer, identity.mechanism), proof)


@dataclass(frozen=True, slots=True)
class Login:
    """What an initiator proves itself by, and to whom.

    Attributes:
        me: who we are; `acceptor` whom we mean, as the user said it.
        credentials: where the password comes from.
        policy: what is allowed.
        clock: seconds since the epoch, for what expires.

    Raises `UsageError` where the two are the same.
    """

    me: Principal
    acceptor: Principal
    credentials: Credentials = field(repr=False)
    policy: Policy = field(default_factory=Policy)
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        if self.me == self.acceptor:
            raise UsageError(f"nobody logs in at themselves: both are {self.me}")

    def begin(self) -> Prover:
        """For one connection."""
        return Prover(self)


class Prover:
    """One exchange of an initiator; see `msrp_peer.protocol.prover.Initiating`."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._client: SASLClient | None = None

    @property
    def _exchange(self) -> SASLClient:
        assert self._client is not None  # since a mechanism was chosen
        return self._client

    @property
    def slow(self) -> bool:
        return self._exchange.properties.may_block

    @property
    def name(self) -> str:
        return self._exchange.name

    @property
    def to(self) -> str:
        return self._login.acceptor.text

    def choose(self, offered: tuple[str, ...], security: Security, binding: Binding) -> None:
        login = self._login
        with _refusing():
            self._client = SASLClient(
                Initiating(
                    login.me.text,
                    login.acceptor.text,
                    channel(security, binding, login.policy),
                    login.policy,
                    login.credentials,
                    offered,
                )
            )

    def start(self) -> bytes | None:
        with _refusing():
            return self._exchange.start(self._login.clock())

    def process(self, challenge: bytes) -> bytes:
        with _refusing():
            return self._exchange.process(challenge, self._login.clock())

    def judge(self, data: bytes | None) -> Verdict:
        with _refusing():
            self._exchange.succeeded(data, self._login.clock())
        return _verdict(self._exchange.identity, self._exchange.layer)

    def failed(self) -> MsrpError:
        return NotSecureEnough(str(self._exchange.failed()))

    def look_again(self, offered: tuple[str, ...]) -> None:
        with _refusing():
            self._exchange.look_again(offered)

    def forget(self) -> None:
        if self._client is not None:
            self._client.dispose()


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except SaslError as error:
        raise NotSecureEnough(str(error)) from None


class Guard:
    """Who may log in at one listener, on all of its connections.

    Args:
        me: who we are.
        verifiers: what is kept about those who may log in.
        policy: what is allowed.
        expected: those who alone are let in; empty for everybody who is proved.
        least: the level below which nothing but AUTH is done.
        failures, seconds: beyond so many failures within so long, an address and a name are not
            looked at any more.
        clock: seconds since the epoch, for what expires.
    """

    def __init__(
        self,
        me: Principal,
        verifiers: Verifiers,
        policy: Policy,
        *,
        expected: frozenset[Principal],
        least: Level,
        failures: int,
        seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.me = me
        self.verifiers = verifiers
        self.policy = policy
        self.expected = frozenset(each.text for each in expected)
        self.least = least
        self.attempts = Attempts(failures, seconds)
        self.clock = clock

    def gate(self) -> Gate:
        """For one connection."""
        return Gate(self)


class Gate:
    """One connection's; see `msrp_peer.protocol.prover.Gate`."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self.least = guard.least
        self.realm = guard.me.domain
        self.source = ""

    def offered(self, security: Security, binding: Binding) -> tuple[str, ...]:
        policy = self._guard.policy
        return offered(policy, channel(security, binding, policy))

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
        self._verifiers = _Noting(guard, to)
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
            )
        )
        self.verdict: Verdict | None = None

    @property
    def slow(self) -> bool:
        return self._name in PROPERTIES and PROPERTIES[self._name].may_block

    @property
    def spent(self) -> bool:
        return self._server.spent

    def start(self, token: bytes | None) -> bytes | None:
        if self._guard.attempts.barred(self._source):
            raise PeerError("too many logins from there have failed", status=403)
        return self._judged(lambda now: self._server.start(self._name, token, now))

    def process(self, token: bytes) -> bytes | None:
        return self._judged(lambda now: self._server.process(token, now))

    def _judged(self, step: Callable[[float], bytes | None]) -> bytes | None:
        guard = self._guard
        try:
            said = step(guard.clock())
        except SaslError as error:
            log.warning("a login from %s failed: %s", self._source, error)
            guard.attempts.failed(self._source)
            if self._verifiers.user is not None:
                guard.attempts.failed(self._verifiers.user)
            raise PeerError(str(error), status=403 if error.reason is Reason.FORBIDDEN else 401) from None
        except MsrpError as error:  # the verifiers cannot be had
            log.error("a login from %s cannot be judged: %s", self._source, error)
            raise
        if self._server.complete:
            identity = self._server.identity
            if guard.expected and identity.name not in guard.expected:
                log.warning("%s logged in from %s, and is not expected", identity.name, self._source)
                raise PeerError("somebody else is expected", status=403)
            self.verdict = _verdict(identity, self._server.layer)
        return said

    def forget(self) -> None:
        self._server.dispose()


class _Noting(Verifiers):
    """Notes whom an exchange asked for, and lets none succeed that must not: where somebody else is to
    be reached than we are, or too many have failed under that name. Nothing shows it: the salt of
    somebody who is known stays what it is, or it would tell them from those who are not."""

    def __init__(self, guard: Guard, to: str | None) -> None:
        self._verifiers = guard.verifiers
        self._attempts = guard.attempts
        self._reached = to is None or _same(to, guard.me)
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
