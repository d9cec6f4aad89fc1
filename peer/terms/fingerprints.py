"""Fingerprints of certificates as SDP has them (RFC 8122 section 5)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

__all__ = ["OTHER_KEY", "PREFERENCE", "Fingerprint", "preferred"]

OTHER_KEY: Final = "the other side shows another key than the one whose fingerprint was signalled"
"""Why a line is ended whose certificate matches none (RFC 8122 section 6.2)."""

PREFERENCE: Final = ("sha-256", "sha-512", "sha-384", "sha-224", "sha-1")
"""The hashes that are compared, the preferred first. MD5 and MD2 must not be (RFC 8122 section 5).

SHA-1 is last: RFC 4975 section 14.4 knew no other, and some stacks give nothing else. Finding
another certificate with a given SHA-1 is still beyond everybody.
"""

_OCTETS = {"sha-1": 20, "sha-224": 28, "sha-256": 32, "sha-384": 48, "sha-512": 64}
_LINE = re.compile(r"([A-Za-z0-9-]{1,20})[ \t]+([0-9A-Fa-f:. \t]+)")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A hash over the DER form of a certificate.

    Attributes:
        hash: its textual name in lower case (IANA), one of `PREFERENCE`.
        value: upper-case hexadecimal, colons between octets.
    """

    hash: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Fingerprint | None:
        """Read the value of an a=fingerprint line, ``sha-256 4A:AD:...``.

        The name is taken in any case, and so are the digits; a space among them (a line folded
        by somebody) is passed over. None for an unknown hash, MD5, MD2, or a wrong length.
        """
        found = _LINE.fullmatch(text.strip())
        if found is None:
            return None
        name = found.group(1).lower()
        value = re.sub(r"[ \t]", "", found.group(2)).upper()
        octets = _OCTETS.get(name)
        if octets is None or not re.fullmatch(rf"(?:[0-9A-F]{{2}}:){{{octets - 1}}}[0-9A-F]{{2}}", value):
            return None
        return cls(name, value)

    @property
    def text(self) -> str:
        """As the attribute's value."""
        return f"{self.hash} {self.value}"


def preferred(fingerprints: Iterable[Fingerprint]) -> tuple[Fingerprint, ...]:
    """Those of the one hash we prefer among them: the set a certificate must match one of.

    RFC 8122 section 5.1: one hash is chosen, and a certificate that matches only by another
    does not match.
    """
    given = tuple(fingerprints)
    for name in PREFERENCE:
        if chosen := tuple(one for one in given if one.hash == name):
            return chosen
    return ()
