"""A store on a disk that gets full, or can only be read. Run by a test: FOLDER CASE."""

from __future__ import annotations

import sys
from pathlib import Path

from credentials.stores import ALICE, BOB, CAROL, PASSWORD, open_store
from msrp_sasl import Password
from support.small_disk import live_through


def main(folder: Path, case: str) -> None:
    def look() -> None:
        store = open_store(folder)
        for hash in ("SHA-256", "SHA-512"):
            verifier = store.scram(ALICE.text, BOB.text, hash)
            assert verifier is not None
            assert verifier.verify(PASSWORD.text)
        store.keep(CAROL, BOB, PASSWORD, 0)
        assert len(store.pairs()) == 2

    live_through(
        folder,
        case,
        file="verifiers.db",
        begin=lambda: open_store(folder).keep(ALICE, BOB, PASSWORD, 0),
        change=lambda: open_store(folder).keep(ALICE, BOB, Password("quite another one"), 5),
        look=look,
    )


main(Path(sys.argv[1]), sys.argv[2])
