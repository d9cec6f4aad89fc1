"""Two connections and the channel between them, which may cut, merge, hold and break."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

from msrp_core import Uri
from msrp_peer.protocol.auth import Terms, granted
from msrp_peer.protocol.connection import Connection
from msrp_peer.protocol.endpoint import Endpoint
from msrp_peer.protocol.prover import Gate
from msrp_peer.protocol.wire import Layer
from msrp_peer.terms.errors import PeerError
from msrp_peer.terms.limits import Limits
from msrp_peer.terms.security import Protection
from support.by_hand import ANY, LISTENER

Cut = Callable[[bytes], Iterable[bytes]]

HELLO, DATA, GOODBYE = 1, 2, 3
_MASK = bytes(i ^ 0x5A for i in range(256))


def octetwise(octets: bytes) -> Iterator[bytes]:
    for i in range(len(octets)):
        yield octets[i : i + 1]


def whole(octets: bytes) -> Iterator[bytes]:
    yield octets


class Toy:
    """A layer with everything one can have: a handshake, records, a goodbye, failures.

    A record is its kind, its length in two octets, and its octets masked.
    """

    def __init__(self, *, confidential: bool = True, handshake: bool = True) -> None:
        self.confidential = confidential
        self.protection: Protection | None = None
        self._half = b""
        self._owed = [self._record(HELLO, b"")] if handshake else []
        self._goodbye = False
        if not handshake:
            self._shaken()

    def _shaken(self) -> None:
        self.protection = Protection("tls", "TOY", "mask", self.confidential)

    @staticmethod
    def _record(kind: int, data: bytes) -> bytes:
        return bytes([kind]) + len(data).to_bytes(2, "big") + data.translate(_MASK)

    def unwrap(self, data: Buffer) -> list[Buffer]:
        self._half += bytes(data)
        above: list[Buffer] = []
        while len(self._half) >= 3 and not self._goodbye:
            kind, size = self._half[0], int.from_bytes(self._half[1:3], "big")
            if kind not in (HELLO, DATA, GOODBYE):
                self._owed.append(b"!")
                raise PeerError("what the other side sent is no record")
            if len(self._half) < 3 + size:
                break
            record, self._half = self._half[3 : 3 + size], self._half[3 + size :]
            if kind == HELLO:
                self._shaken()
            elif kind == GOODBYE:
                self._goodbye = True
            else:
                above.append(record.translate(_MASK))
        return above

    def wrap(self, pieces: Sequence[Buffer]) -> list[bytes]:
        owed, self._owed = self._owed, []
        for piece in pieces:
            data = bytes(piece)
            assert self.protection is not None
            for at in range(0, len(data), 1000):
                owed.append(self._record(DATA, data[at : at + 1000]))
        return owed

    def binding(self, name: str) -> bytes | None:
        return None

    @property
    def partial(self) -> bool:
        return bool(self._half)

    def ended(self) -> bool:
        return self._goodbye and not self._half

    @classmethod
    def goodbye(cls) -> bytes:
        """As anybody can say it who is there where the layer ends."""
        return cls._record(GOODBYE, b"")

    def close(self) -> None:
        self._owed.append(self.goodbye())


class Pair:
    """An initiator and an acceptor. `run` carries octets until both are silent."""

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        terms: Terms = ANY,
        own_terms: Terms = ANY,
        cut: Cut = whole,
        layers: Callable[[], list[Layer]] = lambda: [Toy()],
        gate: Gate | None = None,
    ) -> None:
        self.now = 0.0
        self.cut = cut
        self.left = Connection(layers(), terms=own_terms, limits=limits)
        self.right = Connection(layers(), terms=terms, limits=limits, gate=gate)
        self.left.begin(0.0)
        self.right.begin(0.0)
        self.budget: int | None = None  # octets the channel still carries; None for any number
        self.broken = False

    def run(self) -> None:
        """Carry octets both ways until neither side has any."""
        while self.step():
            pass

    def step(self) -> bool:
        """One turn of each side; whether anything moved."""
        moved = self._carry(self.left, self.right)
        moved = self._carry(self.right, self.left) or moved
        if self.broken:
            return False
        for side, other in ((self.left, self.right), (self.right, self.left)):
            if side.state in ("ending", "closed") and other.state not in ("ending", "closed"):
                other.ended(self.now)  # its words are out, then its end
                moved = True
            if side.state == "ending" and other.state in ("ending", "closed"):
                side.ended(self.now)
                moved = True
        return moved

    def _carry(self, side: Connection, other: Connection) -> bool:
        data = b"".join(side.data_to_send(self.now))
        if self.broken or not data:
            return False
        if self.budget is not None and len(data) > self.budget:
            data = data[: self.budget]
            self._deliver(data, other)
            self.break_()
            return False
        if self.budget is not None:
            self.budget -= len(data)
        self._deliver(data, other)
        return True

    def _deliver(self, data: bytes, other: Connection) -> None:
        for piece in self.cut(data):
            other.receive(piece, self.now)

    def break_(self) -> None:
        """The network connection is gone, without goodbye."""
        self.broken = True
        self.left.lost("the connection broke")
        self.right.lost("the connection broke")

    def meet(self) -> tuple[Endpoint, Endpoint]:
        """Begin a session; its two ends."""
        self.run()
        assert self.left.state == self.right.state == "open"
        own = Uri.fresh("127.0.0.1", 9).text
        asked = self.left.request("AUTH", LISTENER, own, self.left.terms.headers(), self.now)
        self.run()
        assert asked.response is not None
        ours = self.left.bind(own, *granted(asked.response))
        self.left.greet(ours, self.now)
        self.run()
        return ours, self.right.arrived.popleft()
