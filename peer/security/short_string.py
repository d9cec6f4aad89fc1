"""The short string that two people read to each other (docs/profile.md section 12).

From the line's exporter and a nonce of each side, of which the first was committed to before the
second was told: so whoever ends TLS in between has one guess, and nothing to try before it.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from .words import EVEN, ODD

__all__ = ["BITS", "ShortString"]

BITS: Final = 40


class ShortString:
    """What both ends of one line show, and nobody else can make to be the same on two.

    Args:
        exported: the line's binding ``"msrp-sas"`` (32 octets).
        asked, answered: the nonces, of the side that asked and of the one that answered (16 octets each).
        bits: how many are shown; 40 always, but in tests that play whoever is in between.
    """

    def __init__(self, exported: bytes, asked: bytes, answered: bytes, bits: int = BITS) -> None:
        whole = hmac.digest(exported, asked + answered, hashlib.sha256)
        self.value = int.from_bytes(whole, "big") >> (256 - bits)
        self._bits = bits

    @property
    def words(self) -> tuple[str, ...]:
        """Five words, an octet each."""
        octets = self.value.to_bytes((self._bits + 7) // 8, "big")
        return tuple((ODD if place % 2 else EVEN)[octet] for place, octet in enumerate(octets))

    @property
    def digits(self) -> str:
        """The same as a decimal number: thirteen digits, in groups."""
        digits = f"{self.value:013d}"
        return f"{digits[:3]} {digits[3:6]} {digits[6:9]} {digits[9:]}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"  # no secret, but for two people and no log
