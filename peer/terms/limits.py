"""Every number the engine waits for, or stops at, with unit and reason.

Those a program may want to change; tests pass smaller ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from msrp_core import Limits as FrameLimits

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one connection and its sessions. Seconds and octets."""

    frames: FrameLimits = field(default_factory=FrameLimits)
    """What one frame's head may be (`msrp_core.Limits`)."""

    handshake: float = 30.0
    """Seconds from the connection's start to its first bound session."""
    transaction: float = 30.0
    """Seconds until a request without an answer has failed (RFC 4975 section 7.1.1)."""
    missing: float = 540.0
    """Seconds without a chunk after which a message is cut of which octets are missing: others
    behind them came (RFC 4975 gives no number; RFC 7701 section 6.1 has some minutes in mind)."""
    stall: float = 30.0
    """Seconds in which an unfinished frame must bring at least `stall_octets`."""
    stall_octets: int = 512
    """What a slow line still brings in `stall` seconds; one octet a minute does not."""
    closing: float = 5.0
    """Seconds a closing connection may take to hand over what it still owes."""
    idle: float = 60.0
    """Seconds a connection may stay without a session, after it had one."""
    keep_alive: float | None = None
    """Seconds of silence after which the other side is asked whether it is there; None for never."""
    reserved: float = 300.0
    """Seconds a URI of `Listener.new_uri` waits for its signalling: somebody may have to pick up."""
    grant: float = 30.0
    """Seconds a granted session URI may stay unused (the Expires of a grant)."""
    grants: int = 8
    """Unused granted URIs on one connection; beyond it, 403."""
    tries: int = 3
    """Exchanges of authentication that may fail on one connection; with the last it ends."""
    failures: int = 20
    """Logins that may fail within `failing` seconds from one address, and under one name, at a listener."""
    failing: float = 60.0
    """Seconds that a failed login counts."""
    attend: float = 5.0
    """Seconds in which somebody here may turn up whom the other side wants to compare words with."""
    sessions: int = 8
    """Sessions on one connection at a time; beyond it, 403."""

    chunk_alone: int = 64 * 1024
    """Octets of body a chunk carries while its message is alone on the connection."""
    chunk_in_company: int = 2048
    """The same while others wait (the 2,048 rule of RFC 4975 section 7.1.1)."""
    unsent: int = 256 * 1024
    """Octets of one outgoing message held before its sender must wait."""
    window: int = 2 * 1024 * 1024
    """Octets of one outgoing message on their way and not answered yet."""
    turn: int = 64 * 1024
    """Octets written in one go, so that answers and other messages get their turn."""
    backlog: float = 0.05
    """Seconds the network may take for what is written in one go; half of it is meant to be enough,
    so that on a slow line less is written."""
    unanswered: int = 16384
    """Requests of one connection without an answer; beyond it chunks wait."""

    unread: int = 256 * 1024
    """Octets of messages being read that may wait in memory; beyond it the wire waits, too."""
    unopened: int = 64 * 1024
    """Octets in memory of one message nobody reads yet; beyond it they go to a temporary file."""
    memory: int = 128 * 1024 * 1024
    """Octets in memory of all that waits to be read, of a listener together; beyond it, 413."""
    unhurried: int = 32 * 1024 * 1024
    """Octets of a message nobody reads yet that are taken at full speed; beyond it answers wait."""
    delay: float = 10.0
    """Seconds such an answer waits at most: a third of what its sender waits for it, so that a slow
    line has the rest (RFC 4975 section 7.1.1)."""
    spill: int = 1 << 30
    """Octets of a listener's messages in such files together; beyond it, 413."""
    spills: int = 16
    """Such files of one session; beyond it, 413."""
    pieces: int = 1024
    """Pieces in which octets of one message may lie that came out of order; beyond it, 413."""
    arriving: int = 64
    """Unfinished messages of one session; beyond it, 413."""
    inbox: int = 4096
    """Messages of one session that nobody looked at yet; beyond it, 413."""
    remembered: int = 4096
    """Message-IDs of one other side kept to know a duplicate by."""
    reported: int = 16 * 1024 * 1024
    """Octets taken of a long message between two success reports, where they were asked for."""
    message: int | None = None
    """The largest message accepted, announced as Max-Size; None for any."""
    owed: int = 1024 * 1024
    """Octets of answers we owe before we stop reading: a peer that asks and never reads."""

    connections: int = 256
    """Connections of one listener at a time; more are closed at once."""
    per_source: int = 64
    """Connections of one address (in IPv6, of one network of 64 bits) at a time; more are closed at once."""
    unbound: int = 128
    """Connections of one listener that have no session yet. Of more, the address that has most of them
    loses its oldest; where none has more than the newest one's own, that one is closed."""
    unbound_per_source: int = 16
    """Connections of one address that have no session yet; more are closed at once."""
