"""Messages as a test that plays both sides sees them: planned, sent, arrived."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

from msrp_peer.protocol.endpoint import Endpoint
from msrp_peer.protocol.incoming import Incoming
from msrp_peer.protocol.outgoing import FailureReport, Outgoing
from support.actors import Reader, Sender
from support.channel import Channel

__all__ = ["Letter", "Plan", "Talk", "plans"]


@dataclass(frozen=True)
class Plan:
    """A message to be sent, and what is done with it on the other side."""

    back: bool  # from the acceptor
    size: int
    block: int  # octets fed at a time
    known: bool  # whether its size is said beforehand
    failures: FailureReport
    report: bool
    way: str

    @property
    def must_arrive(self) -> bool:
        """Whether nothing here stands in its way."""
        return self.way == "read" or (self.way == "never look" and not self.report)


FAILURES: list[FailureReport] = ["yes", "yes", "yes", "partial", "no"]
WAYS = ["leave", "refuse", "spoil", "throw away", "never look"]
plans = st.builds(
    Plan,
    back=st.booleans(),
    size=st.integers(0, 9000),
    block=st.sampled_from([40, 1000, 10_000]),
    known=st.booleans(),
    failures=st.sampled_from(FAILURES),
    report=st.booleans(),
    way=st.sampled_from([*["read"] * 10, *WAYS]),
)


@dataclass
class Letter:
    """One message: its sender, what became of it on the other side, what happened to it."""

    number: int
    talk: Talk
    endpoint: Endpoint
    outgoing: Outgoing
    sender: Sender
    body: bytes
    plan: Plan
    arrivals: list[Incoming] = field(default_factory=list)
    readers: list[Reader] = field(default_factory=list)
    troubled: bool = False  # it need not arrive: the test did something to it

    def __repr__(self) -> str:
        return f"message {self.number}, {self.outgoing.state} {self.outgoing.status} {self.outgoing.reason!r}"


@dataclass
class Talk:
    """One session and both its ends."""

    channel: Channel
    ends: tuple[Endpoint, Endpoint]
    letters: dict[str, Letter] = field(default_factory=dict)
