"""What people hold of a message that went."""

from __future__ import annotations

from collections.abc import Callable

from ..protocol.outgoing import Outgoing
from ..terms.errors import NotDelivered
from .driver import HeardBell

__all__ = ["Progress", "Sent", "failure"]

Progress = Callable[[int, int | None], None]
"""Called with the octets done so far, and how many there will be where that is known."""


class Sent:
    """A message of ours whose last octet was handed to the transport.

    Attributes:
        message_id: as the other side sees it.
        size: its octets.
        left_out: those of them, from the first on, that the other side had from an attempt before, and
            that did not travel again.
    """

    def __init__(self, outgoing: Outgoing, bell: HeardBell) -> None:
        self._outgoing = outgoing
        self._bell = bell
        self.message_id = outgoing.message_id
        self.size = outgoing.cut_octets
        self.left_out = outgoing.left_out

    @property
    def acknowledged(self) -> int:
        """Octets the other side has confirmed."""
        return self._outgoing.acknowledged

    @property
    def taken(self) -> int:
        """Octets from the first on that the other side reports as taken, where it was asked to; it
        may tell only at the end."""
        return self._outgoing.reported

    @property
    def failure(self) -> NotDelivered | None:
        """Why it did not arrive, or may not have; None as far as is known."""
        return failure(self._outgoing) if self._outgoing.state == "failed" else None

    async def delivered(self, progress: Progress | None = None) -> None:
        """Wait until the other side has confirmed all of it; with a success report, as of a file,
        until it has been taken there: agreed to, stored and checked. Somebody may be asked: that
        wait has no limit. Put `asyncio.timeout` around it where yours has one (RFC 4975 section
        7.1.1 names no time for it).

        Raises `NotDelivered` where it refused it, did not answer in time, or the line was lost;
        also where nothing was asked that could confirm it: at once after Failure-Report no,
        after partial when it was refused or the session is over.
        """
        outgoing = self._outgoing
        while outgoing.state == "awaiting":
            if progress is not None:
                progress(outgoing.acknowledged, self.size)
            await self._bell.heard()
        if outgoing.state != "delivered":
            raise failure(outgoing)
        if progress is not None:
            progress(self.size, self.size)

    def __repr__(self) -> str:
        return f"<Sent {self.message_id}, {self.size} octets, {self._outgoing.state}>"


def failure(outgoing: Outgoing) -> NotDelivered:
    """Why a message did not arrive, as an error to raise."""
    if outgoing.state == "out":
        return NotDelivered("nobody can tell whether it was delivered: nothing was asked for that says so")
    return NotDelivered(f"not delivered: {outgoing.reason}", status=outgoing.status)
