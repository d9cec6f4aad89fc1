"""Who is there: `msrp_sasl`'s exchanges as what the order of AUTH asks for (`msrp_peer.protocol.prover`).

What counts is fixed before anybody is connected to: who we are, whom we mean, what we prove it by, and
what is allowed. Here is the side that asks; `guard` is the one that answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from msrp_sasl import (
    PROPERTIES,
    Channel,
    ChannelLevel,
    Credentials,
    Identity,
    Initiating,
    Kerberos,
    Policy,
    SASLClient,
    SaslError,
    SecurityLayer,
    offered,
)

from ..terms.errors import MsrpError, NotSecureEnough, UsageError
from ..terms.principal import Principal
from ..terms.security import Proof, Security
from .sasl_layer import SaslLayer

__all__ = ["Login", "Verdict", "channel", "layered", "verdict"]

Binding = Callable[[str], bytes | None]

_VERIFIED: Final = ("pinned", "signalled", "compared", "chain")
"""How a person's key is verified. That a host is who it should be says nothing about a person."""


def channel(
    security: Security, binding: Binding, policy: Policy, own: frozenset[str] = frozenset()
) -> Channel:
    """The line below, as this side sees it; `own` is who our key there says we are."""
    tls = [layer for layer in security.layers if layer.kind == "tls" and layer.confidential]
    level = ChannelLevel.CLEAR
    if tls:
        verified = any(layer.verified in _VERIFIED for layer in tls)
        level = ChannelLevel.VERIFIED if verified else ChannelLevel.ENCRYPTED
    bindings = {name: value for name in policy.bindings if (value := binding(name))}
    return Channel(level, bindings, frozenset(security.vouched + security.pinned), own)


def layered(policy: Policy, *, passwords: bool, kerberos: bool) -> tuple[str, ...]:
    """The mechanisms that may be used where there is no TLS, since they protect the line themselves."""
    usable = offered(policy, Channel(), kerberos=kerberos)
    return tuple(name for name in usable if passwords or not PROPERTIES[name].password)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an exchange that succeeded leaves behind; see `msrp_peer.protocol.prover.Verdict`."""

    layer: SaslLayer | None
    proof: Proof | None
    lasts: float | None = None


def verdict(identity: Identity, layer: SecurityLayer | None, now: float) -> Verdict:
    """What counts of what was proved; `now` in seconds since the epoch."""
    proof = None
    if identity.name is not None:
        guessable = PROPERTIES[identity.mechanism].password
        bound = identity.binding is not None
        proof = Proof(identity.name, identity.mechanism, bound, identity.shared, guessable)
    lasts = None if identity.until is None else identity.until - now
    return Verdict(None if layer is None else SaslLayer(layer, identity.mechanism), proof, lasts)


@dataclass(frozen=True, slots=True)
class Login:
    """What an initiator proves itself by, and to whom.

    Attributes:
        me: who we are; `acceptor` whom we mean, as the user said it.
        credentials: where the password comes from; None where there is none.
        policy: what is allowed.
        clock: seconds since the epoch, for what expires.
        kerberos: where our ticket is; None where there is none.
        certified: whether our key in TLS says who we are, so that EXTERNAL may be used.
        needed: whether the line is of no use unless we log in. Otherwise what the other side offers
            and we do not have is passed over: TLS has proved it, and to it.

    Raises `UsageError` where the two are the same.
    """

    me: Principal
    acceptor: Principal
    credentials: Credentials | None = field(default=None, repr=False)
    policy: Policy = field(default_factory=Policy)
    clock: Callable[[], float] = time.time
    kerberos: Kerberos | None = field(default=None, hash=False)  # it holds a mapping
    certified: bool = False
    needed: bool = True

    def __post_init__(self) -> None:
        if self.me == self.acceptor:
            raise UsageError(f"nobody logs in at themselves: both are {self.me}")

    def begin(self) -> Prover:
        """For one connection."""
        return Prover(self)

    @property
    def layered(self) -> tuple[str, ...]:
        """The mechanisms that need no TLS around them."""
        has = {"passwords": self.credentials is not None, "kerberos": self.kerberos is not None}
        return layered(self.policy, **has)

    @property
    def usable(self) -> Policy:
        """What is allowed, without what we have nothing for."""
        if self.credentials is not None:
            return self.policy
        there = (name for name in self.policy.ranking if not _by_password(name))
        return replace(self.policy, mechanisms=tuple(there))


def _by_password(name: str) -> bool:
    return name in PROPERTIES and PROPERTIES[name].password


class Prover:
    """One exchange of an initiator; see `msrp_peer.protocol.prover.Initiating`."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._client: SASLClient | None = None
        self._holders: tuple[str, ...] = ()  # whose key the other side has

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

    @property
    def needed(self) -> bool:
        return self._login.needed

    def choose(self, offered: tuple[str, ...], security: Security, binding: Binding) -> bool:
        login = self._login
        policy = login.usable
        own = frozenset([login.me.text] if login.certified else [])
        self._holders = security.vouched + security.pinned
        seen = channel(security, binding, policy, own)
        # A key that was taken at first use verifies nobody, and EXTERNAL is for one that is verified.
        if not login.needed and ("EXTERNAL" not in offered or seen.level is not ChannelLevel.VERIFIED):
            return False
        setting = Initiating(
            login.me.text,
            login.acceptor.text,
            seen,
            policy,
            login.credentials,
            offered,
            kerberos=login.kerberos,
        )
        with _refusing():
            self._client = SASLClient(setting)
            if self._client.name == "EXTERNAL":  # a certificate may name several
                self._client = SASLClient(replace(setting, authorization=login.me.text))
        return True

    def start(self) -> bytes | None:
        with _refusing():
            return self._exchange.start(self._login.clock())

    def process(self, challenge: bytes) -> bytes:
        with _refusing():
            return self._exchange.process(challenge, self._login.clock())

    def judge(self, data: bytes | None) -> Verdict:
        now = self._login.clock()
        with _refusing():
            self._exchange.succeeded(data, now)
        found = verdict(self._exchange.identity, self._exchange.layer, now)
        if self.name == "EXTERNAL" and self.to in self._holders:  # what proves them is below
            return replace(found, proof=Proof(self.to, "EXTERNAL", False))
        return found

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
