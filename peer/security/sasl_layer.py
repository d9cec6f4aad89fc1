"""A SASL security layer on a line: `msrp_sasl`'s framing as `msrp_peer.protocol.wire.Layer`."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msrp_sasl import SaslError, SaslUsageError, SecurityLayer

from ..terms.errors import PeerError
from ..terms.security import Protection

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["SaslLayer"]


class SaslLayer:
    """One connection's. Its goodbye is a buffer that holds nothing (docs/profile.md section 11.3): RFC 4422
    has none, and without one whoever is on the way could end a line in somebody's place."""

    def __init__(self, layer: SecurityLayer, mechanism: str) -> None:
        self._layer = layer
        self._fault: str | None = None
        self._closing = False
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
        if self._fault is not None or not (pieces or self._closing):
            return []  # it owes the other side a goodbye at most, and an alert is the layer's below
        try:
            made = self._layer.wrap(pieces)
            if self._closing:
                self._closing = False
                with contextlib.suppress(SaslUsageError):  # judged behind its success, and its keys forgotten
                    made.append(self._layer.end())
            return made
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
        """Whether the other side said goodbye."""
        return self._layer.empty and not self._layer.partial

    def close(self) -> None:
        """Say goodbye: `wrap([])` afterwards collects it."""
        self._closing = True
