"""How GSSAPI and KRB5-U2U agree on a layer, and whom to act as (RFC 4752 section 3).

acceptor, wrapped                 octets: the layers it has (1), the largest buffer it takes (3)
initiator, wrapped                octets: the layer (1), its largest buffer (3), as whom to act
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..errors import Reason, SaslError
from ..identity import check_authorization
from ..interfaces import LayerTerms
from ..kerberos.gss import Context, Flag
from ..kerberos.setting import Layer

__all__ = ["LEAST", "MOST", "RECEIVE", "agreed", "available", "choice", "offer", "read_choice", "read_offer"]

RECEIVE: Final = 64 * 1024
"""Octets of a buffer that are accepted."""
LEAST: Final = 4096
MOST: Final = 1024 * 1024
"""Octets of the buffers sent: another side that takes fewer is refused, more are not used."""

_BITS: Final[dict[Layer, int]] = {"none": 1, "integrity": 2, "confidentiality": 4}
_HEAD: Final = 4  # octets: the mask, the size


def available(context: Context, layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """Those of the layers that the context can give; order is owed by any."""
    needed = {
        "none": Flag.INTEGRITY,
        "integrity": Flag.INTEGRITY | Flag.SEQUENCE,
        "confidentiality": Flag.INTEGRITY | Flag.SEQUENCE | Flag.CONFIDENTIALITY,
    }
    return tuple(layer for layer in layers if context.has(needed[layer]))


def offer(layers: Iterable[Layer], size: int = RECEIVE) -> bytes:
    mask = sum(_BITS[layer] for layer in layers)
    return _head(mask, 0 if mask == _BITS["none"] else size)


def read_offer(plain: bytes) -> tuple[frozenset[Layer], int]:
    """The layers offered, and the largest buffer. Raises `SaslError`.

    Bits nobody knows are ignored, and so is a size without a layer, which GNU SASL sends.
    """
    if len(plain) != _HEAD:
        raise _malformed("the offer of layers")
    mask, size = plain[0], int.from_bytes(plain[1:])
    return frozenset(layer for layer, bit in _BITS.items() if mask & bit), size


def choice(layer: Layer, authorization: str, size: int = RECEIVE) -> bytes:
    return _head(_BITS[layer], 0 if layer == "none" else size) + authorization.encode()


def read_choice(plain: bytes, offered: Iterable[Layer]) -> tuple[Layer, int, str]:
    """The layer taken, the largest buffer, as whom to act. Raises `SaslError`.

    Here, too, GNU SASL tells a size without a layer.
    """
    taken = [layer for layer in offered if plain[:1] == bytes([_BITS[layer]])]
    if len(plain) < _HEAD or not taken:
        raise _malformed("a layer that was not offered")
    return taken[0], int.from_bytes(plain[1:_HEAD]), check_authorization(plain[_HEAD:])


def agreed(context: Context, layer: Layer, size: int) -> LayerTerms | None:
    """The layer that begins; None for none. Raises `SaslError` where the other side takes too little."""
    if layer == "none":
        return None
    if size < LEAST:
        raise SaslError(
            Reason.POLICY, f"the other side takes buffers of {size} octets; at least {LEAST} are needed"
        )
    send = min(size, MOST)
    return LayerTerms(layer, "Kerberos", send, context.room(send, layer == "confidentiality"), RECEIVE)


def _head(mask: int, size: int) -> bytes:
    return bytes([mask]) + size.to_bytes(_HEAD - 1)


def _malformed(what: str) -> SaslError:
    return SaslError(Reason.MALFORMED, f"the other side's token is not right: {what}")
