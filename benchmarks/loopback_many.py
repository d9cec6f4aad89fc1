"""What a frame costs where a thousand sessions stand on one connection: no network, the engine alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from msrp_core import Uri, new_ident, request
from msrp_peer.bench.framing import Row
from msrp_peer.bench.measure import Figure
from msrp_peer.protocol.auth import Terms
from msrp_peer.protocol.connection import Connection
from msrp_peer.terms.content import Accepts

MANY = 1000
FRAMES = 2000
PLAIN = [("Byte-Range", "1-5/5"), ("Content-Type", "text/plain")]
TAKES = Accepts.parse("*")


class Standing:
    """A connection with so many sessions, each of which has had a message."""

    def __init__(self, sessions: int) -> None:
        self.connection = Connection([], terms=Terms(TAKES))
        self.connection.begin(0.0)
        self.pairs = [
            (Uri.fresh("127.0.0.1", 1).text, Uri.fresh("127.0.0.1", 2).text) for _ in range(sessions)
        ]
        self.ends = [self.connection.bind(*pair, TAKES, None) for pair in self.pairs]
        self.messages(sessions)

    def _cost(self, frames: list[bytes]) -> float:
        """Seconds of processor time for each, in reads of some dozens."""
        reads = [b"".join(frames[i : i + 50]) for i in range(0, len(frames), 50)]
        began = time.process_time()
        for read in reads:
            self.connection.receive(read, 0.0)
            self.connection.data_to_send(0.0)
        cost = (time.process_time() - began) / len(frames)
        for end in self.ends:
            end.inbox.clear()
        return cost

    def messages(self, frames: int) -> float:
        """Plain ones, one for each session in turn."""
        made = []
        for i in range(frames):
            to, source = self.pairs[i % len(self.pairs)]
            made.append(request("SEND", to, source, [("Message-ID", new_ident()), *PLAIN], b"hello")[1])
        return self._cost(made)

    def events(self, frames: int) -> float:
        """Empty SENDs, as they keep a session alive: they go the long way."""
        made = []
        for i in range(frames):
            to, source = self.pairs[i % len(self.pairs)]
            made.append(request("SEND", to, source, [("Message-ID", new_ident())])[1])
        return self._cost(made)


def many(rounds: int, only: list[str]) -> Iterator[tuple[Row, str]]:
    """A frame with a thousand sessions against one with ten."""
    if only and "many" not in only:
        return
    few, all_ = Standing(10), Standing(MANY)
    kinds: list[tuple[str, Callable[[Standing], float]]] = [
        ("a plain message", lambda standing: standing.messages(FRAMES)),
        ("a frame that goes the long way", lambda standing: standing.events(FRAMES)),
    ]
    for what, cost in kinds:
        pairs = [(cost(few), cost(all_)) for _ in range(rounds)]
        figure = Figure.of([large / small for small, large in pairs])
        small, large = (Figure.of([pair[i] * 1e6 for pair in pairs]).median for i in (0, 1))
        more = f"       {large:.2f} us a frame in turn for {MANY} sessions, {small:.2f} for 10"
        yield (
            Row(
                f"{what}, {MANY} sessions against 10", "at most 3 times", figure, "times", figure.median <= 3
            ),
            more,
        )
