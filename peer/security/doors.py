"""Who may log in at a listener where `join` waits for sessions: each brings its own rules along.

A connection is made before it is known for which of them it comes. So whoever logs in is judged by
the rules of whom they want to reach, and each session then looks at who is proved.
"""

from __future__ import annotations

from ..terms.errors import UsageError
from ..terms.security import Level, Security
from .attempts import Attempts
from .guard import Exchange, Guard
from .prove import Binding

__all__ = ["Doors"]


class Doors:
    """One listener's, for all of its connections."""

    def __init__(self) -> None:
        self._guards: list[Guard] = []
        self._attempts: Attempts | None = None

    def __bool__(self) -> bool:
        return bool(self._guards)

    def open(self, guard: Guard) -> None:
        """Let people log in by these rules, too.

        Raises `UsageError` where others hold already for the same name: nobody could say by which
        of them they log in.
        """
        for other in self._guards:
            if other.me == guard.me and not other.is_like(guard):
                raise UsageError(
                    f"others wait here as {guard.me}, too, and judge by other verifiers, policy or kerberos"
                )
        # Failures count together: it is one listener that somebody guesses at.
        self._attempts = guard.attempts = self._attempts or guard.attempts
        self._guards.append(guard)

    def shut(self, guard: Guard) -> None:
        """By these no longer; what has begun goes on."""
        self._guards.remove(guard)

    def all(self) -> list[Guard]:
        """One for each name."""
        return list({guard.me: guard for guard in self._guards}.values())

    def gate(self) -> Shared:
        """For one connection."""
        return Shared(self)


class Shared:
    """One connection's; see `msrp_peer.protocol.prover.Gate`."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._seen: list[Guard] = []
        self.least = Level.PLAINTEXT  # each session has its own
        self.realm = self.source = self.me = ""

    def offered(self, security: Security, binding: Binding) -> tuple[str, ...]:
        self._seen = self._doors.all()
        found: dict[str, None] = {}
        for guard in self._seen:
            self.realm = self.realm or guard.me.domain
            found |= dict.fromkeys(guard.gate().offered(security, binding))
        return tuple(found)

    def exchange(
        self, name: str, to: str | None, offered: tuple[str, ...], security: Security, binding: Binding
    ) -> Exchange:
        # The session that somebody comes for may have been given up meanwhile: then it fails at the end.
        guards = self._doors.all() + self._seen
        # Where nobody has that name it is anybody's, and fails like a wrong password.
        guard = next((guard for guard in guards if guard.is_reached(to)), guards[0])
        self.me = guard.me.text
        return Exchange(guard, self.source, name, to, offered, security, binding)
