"""One `Connection`, and the other side of it played by hand: no loop, no clock, no sockets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

from msrp_core import Frame, Parser, Uri, new_ident, request, response
from msrp_peer.protocol.auth import Terms
from msrp_peer.protocol.budget import Budget
from msrp_peer.protocol.connection import Connection
from msrp_peer.protocol.endpoint import Endpoint
from msrp_peer.protocol.incoming import Incoming
from msrp_peer.protocol.prover import Gate
from msrp_peer.terms.content import Accepts
from msrp_peer.terms.limits import Limits
from msrp_peer.terms.security import Protection

LISTENER = "msrps://127.0.0.1:2855;tcp"
ANY = Terms(Accepts.parse("*"))


class Clear:
    """A layer that leaves octets as they are, and says of itself what the test wants."""

    def __init__(self, *, confidential: bool = True) -> None:
        self.protection: Protection | None = Protection("tls", "TOY", "none", confidential)
        self.goodbye = False  # whether the other side said it
        self.closed = False
        self.half = False

    def unwrap(self, data: Buffer) -> list[Buffer]:
        return [data]

    def wrap(self, pieces: Sequence[Buffer]) -> list[bytes]:
        return [bytes(piece) for piece in pieces]

    def binding(self, name: str) -> bytes | None:
        return None

    @property
    def partial(self) -> bool:
        return self.half

    def ended(self) -> bool:
        return self.goodbye

    def close(self) -> None:
        self.closed = True


class ByHand:
    """The acceptor's `connection`, and what the other side says to it and hears of it.

    Attributes:
        now: the time.
        to, own: session URIs once `bind` was called: where to send, and the other side's own.
    """

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        terms: Terms = ANY,
        layer: Clear | None = None,
        budget: Budget | None = None,
        gate: Gate | None = None,
    ) -> None:
        self.now = 0.0
        self.layer = layer or Clear()
        self.connection = Connection([self.layer], terms=terms, limits=limits, budget=budget, gate=gate)
        self.connection.begin(self.now)
        self.parser = Parser()
        self.own = self.fresh()
        self.to = ""

    @staticmethod
    def fresh() -> str:
        return Uri.fresh("127.0.0.1", 9).text

    # -- octets

    def hear(self) -> list[Frame]:
        """What the connection says, all of it, as whole frames."""
        frames = []
        more = True
        while data := self.connection.data_to_send(self.now):
            assert more, "or a driver would not have asked"
            more = self.connection.more
            for event in self.parser.feed(b"".join(data)):
                assert isinstance(event, Frame)
                assert event.flag is not None
                assert event.fault() is None
                frames.append(event)
        return frames

    def say(self, *octets: bytes) -> list[Frame]:
        """Say octets, each in a read of its own; what is heard then."""
        for piece in octets:
            self.connection.receive(piece, self.now)
        return self.hear()

    def wait(self, seconds: float) -> list[Frame]:
        self.now += seconds
        self.connection.handle_timer(self.now)
        return self.hear()

    def end(self) -> None:
        """Say goodbye and close, as the other side."""
        self.layer.goodbye = True
        self.connection.ended(self.now)

    # -- frames

    def ask(self, *headers: tuple[str, str], to: str = LISTENER, own: str | None = None) -> Frame:
        """AUTH; the one answer."""
        (answer,) = self.say(request("AUTH", to, own or self.own, headers)[1])
        return answer

    def bind(self, *headers: tuple[str, str]) -> Endpoint:
        """Ask for a session and begin it with an empty SEND."""
        granted = self.ask(("Accept-Types", "*"), *headers)
        assert granted.status == 200
        self.to = granted.header("Use-Path") or ""
        (answer,) = self.say(self.frame([("Message-ID", new_ident())]))
        assert answer.status == 200
        return self.connection.arrived.popleft()

    def frame(
        self,
        headers: Sequence[tuple[str, str]],
        body: bytes | None = None,
        flag: str = "$",
        method: str = "SEND",
        transaction_id: str | None = None,
    ) -> bytes:
        """Octets of one request within the session."""
        return request(
            method,
            self.to,
            self.own,
            headers,
            body,
            flag=flag,  # type: ignore[arg-type]
            transaction_id=transaction_id,
        )[1]

    def chunk(
        self,
        message_id: str,
        body: bytes | None,
        start: int = 1,
        total: int | str = "*",
        flag: str = "$",
        *headers: tuple[str, str],
        kind: str = "text/plain",
        end: int | str | None = None,
        transaction_id: str | None = None,
    ) -> bytes:
        """Octets of one SEND with a Byte-Range and a body."""
        last = start + len(body or b"") - 1 if end is None else end
        fields = [("Message-ID", message_id), ("Byte-Range", f"{start}-{last}/{total}"), *headers]
        if body is not None:
            fields.append(("Content-Type", kind))
        return self.frame(fields, body, flag, transaction_id=transaction_id)

    def answer(self, *frames: Frame, status: int = 200) -> list[Frame]:
        """Answer requests; what is heard then."""
        return self.say(*(response(frame, status) for frame in frames))


def statuses(frames: Sequence[Frame]) -> list[int | None]:
    return [frame.status for frame in frames]


def content(message: Incoming) -> bytes:
    """All that can be read of a message now."""
    blocks = []
    while block := message.take():
        blocks.append(block)
    return b"".join(blocks)


class Rung:
    """A bell that counts."""

    def __init__(self) -> None:
        self.times = 0

    def ring(self) -> None:
        self.times += 1
