"""Stores of verifiers whose verifiers are quickly made."""

from __future__ import annotations

from pathlib import Path

from msrp_peer.credentials.verifiers import VerifierStore
from msrp_peer.terms.principal import Principal
from msrp_sasl import Hash, Password

ALICE, BOB, CAROL = (Principal.parse(f"im:{name}@lan") for name in ("alice", "bob", "carol"))
PASSWORD = Password("correct horse battery")
FEW: dict[Hash, int] = {"SHA-1": 4096, "SHA-256": 4096, "SHA-512": 4097}


def open_store(folder: Path) -> VerifierStore:
    return VerifierStore(folder / "msrp-peer" / "verifiers.db", iterations=FEW)
