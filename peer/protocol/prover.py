"""What the order of AUTH asks of whoever knows mechanisms (`msrp_peer.security.prove`).

`acceptor` and `initiator` keep the order; what is said in it, and who is proved by it, is decided
behind these. A call that is `slow` derives keys or asks somebody else: it may run in a thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ..terms.errors import MsrpError
from ..terms.security import Level, Proof, Security
from .wire import Layer

__all__ = ["Accepting", "Binding", "Gate", "Initiating", "Verdict"]

Binding = Callable[[str], bytes | None]
"""The line's channel binding of that name (RFC 9266, RFC 5929); None where there is none."""


class Verdict(Protocol):
    """What an exchange that succeeded leaves behind."""

    @property
    def layer(self) -> Layer | None:
        """The security layer that begins now."""

    @property
    def proof(self) -> Proof | None:
        """Who the other side is; None where the mechanism proves nobody."""

    @property
    def lasts(self) -> float | None:
        """Seconds for which that is proved; None for ever."""


class Accepting(Protocol):
    """One exchange of an acceptor. Whatever fails raises an `MsrpError`; then it is over.

    A `PeerError` with status 403 says that the other side is proved, and not welcome.
    """

    @property
    def slow(self) -> bool: ...

    @property
    def spent(self) -> bool:
        """Whether the channel's binding was used: no other exchange may follow on this line."""

    @property
    def verdict(self) -> Verdict | None:
        """None until it has succeeded."""

    def start(self, token: bytes | None) -> bytes | None:
        """The challenge; with `verdict`, the data of success, None for none."""

    def process(self, token: bytes) -> bytes | None:
        """As `start`."""

    def forget(self) -> None:
        """Drop what is secret; what was proved stays."""


class Gate(Protocol):
    """Who may come in over one connection.

    Attributes:
        least: below this level nothing but AUTH is done.
        realm: what this end calls itself, for people.
        source: where the other side comes from; its driver tells.
        me: whom the other side proves itself to, as far as it has begun to.
    """

    least: Level
    realm: str
    source: str
    me: str

    def offered(self, security: Security, binding: Binding) -> tuple[str, ...]:
        """The mechanisms for this line, the best first."""

    def exchange(
        self,
        name: str,
        to: str | None,
        offered: tuple[str, ...],
        security: Security,
        binding: Binding,
    ) -> Accepting:
        """Begin one by the mechanism of that name; `to` is whom the other side wants to reach."""


class Initiating(Protocol):
    """An initiator's exchange, once its mechanism is chosen. What fails raises an `MsrpError`."""

    @property
    def slow(self) -> bool: ...

    @property
    def name(self) -> str:
        """The mechanism."""

    @property
    def to(self) -> str:
        """Whom we want to reach."""

    @property
    def needed(self) -> bool:
        """Whether the line is of no use unless somebody is proved by this."""

    def choose(self, offered: tuple[str, ...], security: Security, binding: Binding) -> bool:
        """Take the best of what is offered; false where there is nothing for us, and need not be.
        Nothing has been said yet."""

    def start(self) -> bytes | None:
        """The initial response; None for none."""

    def process(self, challenge: bytes) -> bytes: ...

    def judge(self, data: bytes | None) -> Verdict:
        """The other side claims success: whether it is."""

    def failed(self) -> MsrpError:
        """The other side said that it failed: what to tell our user."""

    def look_again(self, offered: tuple[str, ...]) -> None:
        """The list as it came once more, under what protects it now."""

    def forget(self) -> None:
        """Drop what is secret."""
