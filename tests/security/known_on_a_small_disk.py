"""A file of known peers on a disk that gets full, or can only be read. Run by a test: FOLDER CASE."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from msrp_peer.security.known import NotAsKnown
from msrp_peer.terms.principal import Principal
from security.known_lines import BOB, key_of, line, store_in
from support.small_disk import live_through

ONE, TWO = key_of("one"), key_of("two")


def main(folder: Path, case: str) -> None:
    def meets_many() -> None:
        for number in range(200):  # until the page that has room is full, too
            who = Principal.parse(f"im:somebody-new-{number}@lan")
            store_in(folder).meet(who, line(who), 5)

    def look() -> None:
        # What is known counts, whether or not anything could be written.
        with pytest.raises(NotAsKnown, match=TWO):
            store_in(folder).meet(BOB, line(BOB, key=TWO), 5, key=TWO)
        (known, *_) = store_in(folder).everybody()
        assert known.principal == BOB.text
        assert known.has(ONE)
        assert (known.first, known.last) == (1, 1)

    live_through(
        folder,
        case,
        file="known_peers.db",
        begin=lambda: store_in(folder).meet(BOB, line(BOB, key=ONE, verified="compared"), 1, key=ONE),
        change=meets_many,
        look=look,
    )


main(Path(sys.argv[1]), sys.argv[2])
