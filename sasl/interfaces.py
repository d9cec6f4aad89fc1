"""What a mechanism is, for each side.

A mechanism takes and gives the octets of RFC 4422 section 3: None is no token, ``b""`` an
empty one. `SASLClient` and `SASLServer` (`exchange`) keep the order around it; nobody else
calls `step`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

__all__ = ["AcceptorMechanism", "Expiring", "InitiatorMechanism", "LayerTerms", "Mechanism", "Properties"]


@dataclass(frozen=True, slots=True)
class Properties:
    """What a mechanism can do, known before it runs.

    Attributes:
        client_first: whether the initiator's token is the first (RFC 4422 section 5).
        variable: whether another initiator than ours may begin although `client_first` is false.
        mutual: whether the acceptor is proved, too.
        binds: whether it runs bound to the channel (RFC 5056).
        layers: the security layers it may leave behind (RFC 4422 section 3.7).
        proves_initiator: whether it proves who the initiator is.
        proves_acceptor: as what it proves the acceptor: the person expected, a service on a
            host, or nobody.
        password: whether it rests on a password, which a false acceptor might guess offline.
        may_block: whether a step may take long (derive keys, ask a KDC): then run it in a thread.
        kerberos: whether it needs a `Kerberos`.
    """

    client_first: bool
    variable: bool = False
    mutual: bool = False
    binds: bool = False
    layers: frozenset[Literal["integrity", "confidentiality"]] = frozenset()
    proves_initiator: bool = False
    proves_acceptor: Literal["principal", "service"] | None = None
    password: bool = False
    may_block: bool = False
    kerberos: bool = False


@dataclass(frozen=True, slots=True)
class LayerTerms:
    """What two sides agreed on for the octets after the exchange.

    Attributes:
        gives: what the layer protects against.
        cipher: its name, for people.
        send: octets a buffer to the other side may have, its length not counted.
        room: octets that fit into such a buffer before they are protected.
        receive: octets of a buffer that are accepted, as announced.
    """

    gives: Literal["integrity", "confidentiality"]
    cipher: str
    send: int
    room: int
    receive: int


class Mechanism(Protocol):
    """One run of a mechanism; used once."""

    @property
    def name(self) -> str:
        """The registered name (RFC 4422 section 3.1)."""

    @property
    def properties(self) -> Properties: ...

    def step(self, token: bytes | None, now: float) -> bytes | None:
        """Take the other side's token, give ours; None where there is none.

        `token` is None where none arrived: at an initiator's start, or as an absent initial
        response. `now` is in seconds since the epoch, for what expires. Raises `SaslError`.
        """

    @property
    def complete(self) -> bool:
        """Whether everything this side wants proved is proved."""

    @property
    def layer(self) -> LayerTerms | None:
        """The layer that begins after success; None for none."""

    @property
    def binding(self) -> str | None:
        """The channel binding it uses, by name; None for none."""

    @property
    def shared(self) -> bool:
        """Whether the secret is known to more than the two of the pair."""

    def wrap(self, data: bytes) -> bytes:
        """Protect one buffer, without the length before it. Only with a `layer`."""

    def unwrap(self, data: bytes) -> bytes:
        """Check and open one buffer. Raises `SaslError`; the layer is over then."""

    def dispose(self) -> None:
        """Forget secrets. Nothing else may be called afterwards."""


class InitiatorMechanism(Mechanism, Protocol):
    """The side that starts."""


class AcceptorMechanism(Mechanism, Protocol):
    """The side that answers. Its `step` is not called any more once it is `complete`."""

    @property
    def user(self) -> str:
        """Who the initiator is, as it authenticated; "" for nobody. Trusted once `complete`."""

    @property
    def authorization(self) -> str:
        """As whom it wants to act; "" for itself. Trusted once `complete`."""


@runtime_checkable
class Expiring(Protocol):
    """A mechanism whose proof ends by itself."""

    @property
    def until(self) -> float | None:
        """When, in seconds since the epoch; None for never."""
