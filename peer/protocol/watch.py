"""Who keeps a connection waiting: a handshake that never ends, a frame that never ends."""

from __future__ import annotations

from ..terms.limits import Limits

__all__ = ["EXPIRED", "Watch"]

EXPIRED = "what proved the two sides to each other has ended (a ticket lasts so long), and the line with it"


class Watch:
    """Deadlines of one connection that are nobody's transaction. Times in seconds."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._handshake: float | None = None
        self._stall: float | None = None
        self._brought = 0
        self._closing: float | None = None
        self._deaf: float | None = None
        self._idle: float | None = None
        self._silent: float | None = None
        self._proved: float | None = None

    def begin(self, now: float) -> None:
        self._handshake = now + self._limits.handshake

    def bound(self) -> None:
        """A session stands: the handshake is over."""
        self._handshake = self._idle = None

    def idle(self, now: float) -> None:
        """No session stands any more."""
        if self._idle is None:
            self._idle = now + self._limits.idle

    def unused(self, now: float) -> bool:
        """Whether none has stood for too long."""
        return self._idle is not None and self._idle <= now

    def proved(self, now: float, lasts: float | None) -> None:
        """Somebody is proved, for so many seconds; None for ever."""
        self._proved = None if lasts is None else now + lasts

    def expired(self, now: float) -> bool:
        """Whether nobody is proved any more."""
        return self._proved is not None and self._proved <= now

    def silent(self, now: float) -> bool:
        """Whether the other side has been silent for so long that it is to be asked."""
        if self._silent is None or self._silent > now:
            return False
        self._silent = now + (self._limits.keep_alive or 0)
        return True

    def ending(self, now: float) -> None:
        self._handshake = self._stall = self._deaf = self._idle = self._silent = self._proved = None
        self._closing = now + self._limits.closing

    def brought(self, octets: int, now: float, *, unfinished: bool) -> None:
        """The network brought octets, and a frame or record is unfinished behind them, or none."""
        if self._limits.keep_alive is not None:
            self._silent = now + self._limits.keep_alive
        if not unfinished:
            self._stall = None
        elif self._stall is None:
            self._stall, self._brought = now + self._limits.stall, 0
        else:
            self._brought += octets
            if self._brought >= self._limits.stall_octets:
                self._stall, self._brought = now + self._limits.stall, 0

    def owing(self, now: float, *, much: bool) -> None:
        """The network takes none of our answers, and they have become more than may wait; or it does."""
        if not much:
            self._deaf = None
        elif self._deaf is None:
            self._deaf = now + self._limits.stall

    def paused(self, now: float) -> None:
        """We do not read: what does not come is not the other side's fault."""
        if self._stall is not None:
            self._stall = now + self._limits.stall

    def next_timer(self) -> float | None:
        due = None
        silences = self._deaf, self._idle, self._silent
        for at in (self._handshake, self._stall, self._closing, self._proved, *silences):
            if at is not None and (due is None or at < due):
                due = at
        return due

    def overdue(self, now: float, *, paused: bool) -> str | None:
        """What has taken too long, for a person; None where nothing has."""
        if paused:
            self.paused(now)
        if self._closing is not None and self._closing <= now:
            return "the other side did not finish closing"
        if self._handshake is not None and self._handshake <= now:
            return (
                f"the other side did not finish the handshake, or begin a session, "
                f"within {self._limits.handshake:g} s"
            )
        if self._deaf is not None and self._deaf <= now:
            return f"the other side has not read our answers for {self._limits.stall:g} s"
        if self._stall is not None and self._stall <= now:
            return (
                f"the other side stalled in the middle of a frame: fewer than "
                f"{self._limits.stall_octets} octets in {self._limits.stall:g} s"
            )
        return None
