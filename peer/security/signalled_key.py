"""The key that signalling told, looked for while TLS shakes hands (RFC 8122 section 6.2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from OpenSSL import crypto

from ..terms.fingerprints import OTHER_KEY, Fingerprint
from ..terms.security import NewKey
from .certificates import matches

__all__ = ["SignalledKey"]


class SignalledKey:
    """Looks at the certificate of one other side, as `msrp_peer.security.trust.Judge` does: it must match
    one of the fingerprints that were told, and nothing else of it counts. Attributes as there."""

    def __init__(self, told: Iterable[Fingerprint]) -> None:
        self._told = tuple(told)
        self.accepted = False
        self.verified: Literal["pinned", "chain", "host"] | None = None  # that is for the signalling to say
        self.names: tuple[str, ...] = ()
        self.failure: str | None = None
        self.shown: str | None = None
        self.anothers = False
        self.claims: tuple[str, ...] = ()
        self.doubt: NewKey | None = None  # there is none: it was told, or it was not

    def look(self, certificate: crypto.X509, error: int, depth: int, holds: bool) -> bool:
        """Who signed it, and whether it is still good, is not asked: the fingerprint is of this very one."""
        if depth > 0 or self.failure is not None:
            return self.failure is None
        self.shown = certificate.digest("sha256").decode("ascii")
        self.accepted = matches(certificate, self._told)
        if not self.accepted:
            self.anothers = True
            self.failure = OTHER_KEY
        return self.accepted
