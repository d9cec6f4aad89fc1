"""Authentication that proves nothing, to see that its order is kept: the word decides, and nothing else.

TOY      "alice" > "who?"   "word" > success, "bob"
SLOW     the same, and every step of it may take long
BOUND    the same, and a failure spends the line
EARLY    the acceptor speaks first, and its success has no data
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from msrp_peer.protocol.prover import Binding
from msrp_peer.protocol.wire import Layer
from msrp_peer.terms.errors import MsrpError, NotSecureEnough, PeerError
from msrp_peer.terms.security import Level, Proof, Security

ALICE, BOB = "im:alice@lan", "im:bob@lan"
WORD = b"word"
NAMES = ("TOY", "SLOW", "BOUND", "EARLY")


@dataclass
class Verdict:
    layer: Layer | None
    proof: Proof | None
    lasts: float | None = None


@dataclass
class Door:
    """An acceptor's gate."""

    least: Level = Level.AUTHENTICATED
    names: tuple[str, ...] = NAMES
    layer: Callable[[], Layer] | None = None
    lasts: float | None = None
    realm: str = "lan"
    source: str = ""
    me: str = ""
    begun: list[Trial] = field(default_factory=list)

    def offered(self, security: Security, binding: Binding) -> tuple[str, ...]:
        return self.names

    def exchange(
        self, name: str, to: str | None, offered: tuple[str, ...], security: Security, binding: Binding
    ) -> Trial:
        self.begun.append(Trial(self, name, to))
        return self.begun[-1]


class Trial:
    """One exchange of an acceptor."""

    def __init__(self, door: Door, name: str, to: str | None) -> None:
        self.door, self.name, self.to = door, name, to
        self.slow = name == "SLOW"
        self.spent = name == "BOUND"
        self.verdict: Verdict | None = None
        self.forgotten = False

    def start(self, token: bytes | None) -> bytes | None:
        if self.name not in self.door.names:
            raise PeerError("not offered", status=401)
        if token == b"forbidden":
            raise PeerError("not welcome", status=403)
        if token == b"bug":
            raise ZeroDivisionError
        return b"who?" if token is not None or self.name == "EARLY" else b""

    def process(self, token: bytes) -> bytes | None:
        if token == b"alice":
            return b"who?"
        if token != WORD:
            raise PeerError("wrong", status=401)
        layer = None if self.door.layer is None else self.door.layer()
        self.verdict = Verdict(layer, Proof(ALICE, self.name, True), self.door.lasts)
        return None if self.name == "EARLY" else b"bob"

    def forget(self) -> None:
        self.forgotten = True


class Asking:
    """One exchange of an initiator."""

    to = BOB
    needed = True

    def __init__(
        self,
        name: str = "TOY",
        *,
        word: bytes = WORD,
        layer: Callable[[], Layer] | None = None,
        fails_at: str = "",
        lasts: float | None = None,
    ) -> None:
        self.name = name
        self.slow = name == "SLOW"
        self.word = word
        self.layer = layer
        self.fails_at = fails_at
        self.lasts = lasts
        self.offered: tuple[str, ...] = ()
        self.forgotten = False

    def _at(self, step: str) -> None:
        if self.fails_at == step:
            raise NotSecureEnough(f"we do not like it: {step}")

    def choose(self, offered: tuple[str, ...], security: Security, binding: Binding) -> bool:
        self._at("choose")
        self.offered = offered
        return True

    def start(self) -> bytes | None:
        self._at("start")
        return None if self.name == "EARLY" else b"alice"

    def process(self, challenge: bytes) -> bytes:
        self._at("process")
        return self.word

    def judge(self, data: bytes | None) -> Verdict:
        self._at("judge")
        if data != (None if self.name == "EARLY" else b"bob"):
            raise NotSecureEnough("it is not bob")
        return Verdict(None if self.layer is None else self.layer(), Proof(BOB, self.name, True), self.lasts)

    def failed(self) -> MsrpError:
        return NotSecureEnough("it failed there")

    def look_again(self, offered: tuple[str, ...]) -> None:
        if set(offered) != set(self.offered):
            raise NotSecureEnough("another list")

    def forget(self) -> None:
        self.forgotten = True
