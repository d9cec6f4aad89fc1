"""A SASL security layer on a line: `msrp_sasl`'s framing as `msrp_peer.protocol.wire.Layer`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msrp_sasl import SaslError, SecurityLayer

from ..terms.errors import PeerError
from ..terms.security import Protection

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["SaslLayer"]


class SaslLayer:
    """One connection's. It has no goodbye of its own (RFC 4422 has none): the layer below has, or none."""

    def __init__(self, layer: SecurityLayer, mechanism: str) -> None:
        self._layer = layer
        self._fault: str | None = None
        terms = layer.terms
        self.protection: Protection | None = Protection(
            kind="sasl",
            version=mechanism,
            cipher=terms.cipher,
            confidential=terms.gives == "confidentiality",
        )

    def unwrap(self, data: Buffer) -> list[bytes]:
        """Octets from below, for above. Raises `PeerError` for a buffer that is broken or too large."""
        try:
            return list(self._layer.unwrap(data))
        except SaslError as error:
            self._fault = str(error)
            raise PeerError(f"the security layer broke: {error}") from None

    def wrap(self, pieces: Sequence[Buffer]) -> list[bytes]:
        """Octets from above, for below. Raises `PeerError` where nothing more can be protected."""
        if self._fault is not None or not pieces:
            return []  # it owes the other side nothing by itself, and an alert is the layer's below
        try:
            return self._layer.wrap(pieces)
        except SaslError as error:
            self._fault = str(error)
            raise PeerError(f"the security layer can protect nothing more: {error}") from None

    def binding(self, name: str) -> bytes | None:
        """None: a channel is bound to by what it is made of, and that is below."""
        return None

    @property
    def partial(self) -> bool:
        """Whether a buffer is half read: an end here is a cut."""
        return self._layer.partial

    def ended(self) -> bool:
        """Whether an end may be here: between two buffers."""
        return not self._layer.partial

    def close(self) -> None:
        """There is no goodbye to say."""
