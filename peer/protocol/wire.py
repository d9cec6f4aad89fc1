"""The seam between octets and frames: a stack of layers, and where the unread octets stand.

Octets carry their *height*: how many layers they have already passed. A layer pushed while
a read is being worked through finds the parser's unread rest waiting just below it, and
nothing else needs to know (RFC 4422 section 3.7: a layer starts at an exact octet).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ..terms.fingerprints import Fingerprint
from ..terms.security import Believed, NewKey, Protection

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Certified", "Doubtful", "Layer", "Wire", "WithKeys"]


class Layer(Protocol):
    """A transform of octets: TLS is one, a SASL security layer is one."""

    @property
    def protection(self) -> Protection | None:
        """What the layer gives; None while it still shakes hands."""

    def unwrap(self, data: Buffer) -> Sequence[Buffer]:
        """Octets from below, for above.

        Raises `PeerError` where they cannot be what the layer expects; then `wrap([])` once
        more collects the alert, and nothing else may be asked of the layer.
        """

    def wrap(self, pieces: Sequence[Buffer]) -> list[bytes]:
        """Octets from above, for below, plus what the layer owes the other side itself.

        `wrap([])` collects handshake flights and alerts.
        """

    def binding(self, name: str) -> bytes | None:
        """The channel binding of that name (RFC 5929, RFC 9266); None where there is none.

        ``"msrp-sas"`` is what a short string is made from (docs/profile.md section 12).
        """

    @property
    def partial(self) -> bool:
        """Whether a record is half read."""

    def ended(self) -> bool:
        """Whether the other side said goodbye."""

    def close(self) -> None:
        """Say goodbye: `wrap([])` afterwards collects it."""


@runtime_checkable
class Certified(Protocol):
    """A layer on which the other side showed a certificate."""

    def verify(self, fingerprints: Sequence[Fingerprint], *, signalled: bool) -> bool:
        """Whether it matches one of these; then, with `signalled`, `protection` says so."""

    @property
    def refused(self) -> str | None:
        """Why it was not that of whom we mean, where the layer broke off for that; None else."""

    @property
    def refused_key(self) -> str | None:
        """Then its fingerprint, as `Protection.peer_key` has it."""

    @property
    def refused_claims(self) -> tuple[str, ...]:
        """And who it says it is."""

    @property
    def unwanted(self) -> bool:
        """Whether the other side broke off because it does not take what this side shows."""


@runtime_checkable
class Doubtful(Protocol):
    """A layer that may stand though it is not decided whose the other side's key is."""

    @property
    def new_key(self) -> NewKey | None:
        """That key; None where there is no doubt."""

    def believe(self, how: Believed) -> None:
        """It is that of whom it says."""


@runtime_checkable
class WithKeys(Protocol):
    """A layer whose two ends can be compared by people."""

    def compared(self) -> None:
        """Both users saw the same short string: `protection` says so, where nothing better does."""


class Wire:
    """The layers of one connection, from the network (first) to the frames (last)."""

    def __init__(self, layers: Sequence[Layer] = ()) -> None:
        self.layers: list[Layer] = list(layers)
        self._rest: tuple[int, bytes] | None = None  # with its height

    @property
    def securing(self) -> bool:
        """Whether some layer still shakes hands."""
        return any(layer.protection is None for layer in self.layers)

    @property
    def protections(self) -> tuple[Protection, ...]:
        return tuple(layer.protection for layer in self.layers if layer.protection is not None)

    def verify(self, fingerprints: Sequence[Fingerprint], *, signalled: bool) -> bool:
        """Whether the other side's certificate matches one of these (RFC 8122 section 5.1).

        With `signalled` their integrity is certain, and the line's level says that its key is verified.
        """
        certified = [layer for layer in self.layers if isinstance(layer, Certified)]
        return any(layer.verify(fingerprints, signalled=signalled) for layer in certified)

    @property
    def new_key(self) -> NewKey | None:
        """The other side's key, where it has to be decided about."""
        found = (layer.new_key for layer in self.layers if isinstance(layer, Doubtful))
        return next((key for key in found if key is not None), None)

    def believe(self, how: Believed) -> None:
        """It is that of whom it says."""
        for layer in self.layers:
            if isinstance(layer, Doubtful):
                layer.believe(how)

    def compared(self) -> None:
        """Both users saw the same short string."""
        for layer in self.layers:
            if isinstance(layer, WithKeys):
                layer.compared()

    @property
    def refused(self) -> str | None:
        """Why the other side's certificate was refused, where it was."""
        found = (layer.refused for layer in self.layers if isinstance(layer, Certified))
        return next((why for why in found if why is not None), None)

    @property
    def refused_key(self) -> str | None:
        """Then its fingerprint."""
        found = (layer.refused_key for layer in self.layers if isinstance(layer, Certified))
        return next((key for key in found if key is not None), None)

    @property
    def refused_claims(self) -> tuple[str, ...]:
        """And who it says it is, which nothing proves."""
        found = (layer.refused_claims for layer in self.layers if isinstance(layer, Certified))
        return next((claims for claims in found if claims), ())

    @property
    def unwanted(self) -> bool:
        """Whether the other side broke off because it does not take the certificate of this one."""
        return any(layer.unwanted for layer in self.layers if isinstance(layer, Certified))

    def push(self, layer: Layer | None, rest: bytes) -> None:
        """Put a layer on top, if there is one; `rest` is what the parser had not looked at yet."""
        self._rest = (len(self.layers), rest) if rest else None
        if layer is not None:
            self.layers.append(layer)

    def binding(self, name: str) -> bytes | None:
        """The channel binding of that name, of the layer nearest to the network that has it."""
        found = (layer.binding(name) for layer in self.layers)
        return next((binding for binding in found if binding is not None), None)

    def unwrap(self, data: Buffer) -> Iterator[Buffer]:
        """Octets from the network, for the frames; a layer may be pushed between two of them."""
        waiting: deque[tuple[int, Buffer]] = deque([(0, data)])
        while True:
            if self._rest is not None:
                waiting.appendleft(self._rest)
                self._rest = None
            if not waiting:
                return
            height, octets = waiting.popleft()
            above = self.layers[height].unwrap(octets) if height < len(self.layers) else (octets,)
            height += height < len(self.layers)
            for k, piece in enumerate(above):
                if height < len(self.layers) or self._rest is not None:
                    # Not for the frames, or not yet.
                    waiting.extendleft((height, each) for each in reversed(above[k:]))
                    break
                yield piece

    def wrap(self, pieces: Sequence[Buffer]) -> list[bytes]:
        """Octets of frames, for the network; collects what each layer owes, too."""
        if not self.layers:
            return [piece if isinstance(piece, bytes) else bytes(piece) for piece in pieces]
        below: Sequence[Buffer] = pieces
        for layer in reversed(self.layers):
            below = wrapped = layer.wrap(below)
        return wrapped

    @property
    def partial(self) -> bool:
        """Whether some layer has read half a record."""
        for layer in self.layers:  # noqa: SIM110 - asked after each read, and any() takes three times as long
            if layer.partial:
                return True
        return False

    def ended(self) -> bool:
        """Whether every layer ended cleanly; a bare connection ends as it pleases."""
        for layer in self.layers:  # noqa: SIM110 - as above
            if not layer.ended():
                return False
        return True

    def left(self) -> bool:
        """Whether the other side said that nothing follows."""
        return bool(self.layers) and self.ended()

    def close(self) -> list[bytes]:
        """Say every layer's goodbye, for the network: each through the layers still open below it."""
        said: list[bytes] = []
        for height in reversed(range(len(self.layers))):
            self.layers[height].close()
            below: Sequence[Buffer] = []
            for layer in reversed(self.layers[: height + 1]):
                below = layer.wrap(below)
            said += (bytes(piece) for piece in below)
        return said
