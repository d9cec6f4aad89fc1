"""What can go wrong, and for whom.

    SaslError        the exchange failed: the other side's doing, or policy's; the exchange is dead
    SaslUsageError   our own program asked for something that makes no sense

The text of a `SaslError` is for the person at this end, says what can be done, and holds no
secret and nothing the other side wrote, but for numbers. The other side is told "failed", and no more.
"""

from __future__ import annotations

from enum import Enum

__all__ = ["Reason", "SaslError", "SaslUsageError"]


class Reason(Enum):
    """Why an exchange failed, for a program; the text says it to a person."""

    MALFORMED = "malformed"
    """What arrived is not what the mechanism allows there."""
    WRONG = "wrong"
    """User, password or acceptor are wrong, or unknown: which of them is never told."""
    BINDING = "binding"
    """The two sides do not see the same channel: somebody may stand in between."""
    DOWNGRADE = "downgrade"
    """Somebody made the list of mechanisms weaker than it is."""
    UNPROVED = "unproved"
    """The other side claims success without the proof it owes, or with a false one."""
    FORBIDDEN = "forbidden"
    """The user is proved, but may not act as whom it asked for."""
    POLICY = "policy"
    """This end does not allow it: mechanism, channel or parameters are too weak."""
    CREDENTIALS = "credentials"
    """This end has no password, ticket or certificate to use."""
    REFUSED = "refused"
    """The other side said that it failed."""
    ABORTED = "aborted"
    """One side gave up."""


class SaslError(Exception):
    """The exchange failed, and nothing more can be done with it.

    Attributes:
        reason: why, for a program.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class SaslUsageError(Exception):
    """The caller asked for something that makes no sense; nothing was done."""
