"""Lines to somebody, of every level, and stores of those who are known."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from msrp_peer.security.known_peers import KnownPeers
from msrp_peer.terms.principal import Principal
from msrp_peer.terms.security import Proof, Protection, Security

ALICE, BOB, CAROL = (Principal.parse(f"im:{name}@lan") for name in ("alice", "bob", "carol"))
DAY = 86400.0

Verified = Literal["pinned", "signalled", "compared", "chain", "host"]


def key_of(name: str) -> str:
    """A fingerprint as RFC 8122 writes it."""
    digest = hashlib.sha256(name.encode()).digest()
    return ":".join(f"{octet:02X}" for octet in digest)


def tls(key: str | None = None, verified: Verified | None = None, names: tuple[str, ...] = ()) -> Protection:
    return Protection("tls", "TLSv1.3", "AES", True, peer_key=key, verified=verified, names=names)


def line(
    proved: Principal | None = None,
    *,
    key: str | None = None,
    verified: Verified | None = None,
    mechanism: str = "SCRAM-SHA-512-PLUS",
    shared: bool = False,
) -> Security:
    """A line inside TLS; a key that is certified or pinned is that of `proved`."""
    names = (proved.text,) if proved is not None and verified in ("chain", "pinned") else ()
    proof = None if proved is None else Proof(proved.text, mechanism, True, shared)
    return Security((tls(key, verified, names),), proof)


def shows(who: Principal, key: str, verified: Verified) -> Security:
    """A line to whoever has a key that is certified, or pinned, as that of `who`; no more is said."""
    return Security((tls(key, verified, (who.text,)),))


PLAIN = Security()


def store_in(folder: Path) -> KnownPeers:
    return KnownPeers(folder / "msrp-peer" / "known_peers.db")
