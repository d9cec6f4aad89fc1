"""A file of known peers on a disk that gets full, or can only be read. Run by a test: FOLDER CASE."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from credentials.small_disk import fill, mount
from msrp_peer.kept.errors import StoreError
from msrp_peer.security.known import NotAsKnown
from msrp_peer.terms.principal import Principal
from security.known_lines import BOB, key_of, line, store_in

ONE, TWO = key_of("one"), key_of("two")


def refused(folder: Path, *words: str) -> None:
    """Whoever is new is not met, and it says why."""
    try:
        for number in range(200):  # until the page that has room is full, too
            who = Principal.parse(f"im:somebody-new-{number}@lan")
            store_in(folder).meet(who, line(who), 5)
    except StoreError as error:
        said = str(error)
    else:
        said = "met"
    assert any(word in said for word in words), said
    assert str(folder) in said


def other_key_refused(folder: Path) -> None:
    """What is known counts, whether or not anything can be written."""
    with pytest.raises(NotAsKnown, match=TWO):
        store_in(folder).meet(BOB, line(BOB, key=TWO), 5, key=TWO)


def main(folder: Path, case: str) -> None:
    mount(folder, "size=512k,mode=700")
    if case == "full when made":
        ballast = fill(folder)
        refused(folder, "No space left", "no room left")
        ballast.unlink()
        assert not (folder / "msrp-peer/known_peers.db").exists()
    store_in(folder).meet(BOB, line(BOB, key=ONE, verified="compared"), 1, key=ONE)
    before = store_in(folder).everybody()
    if case == "full when changed":
        ballast = fill(folder)
        refused(folder, "no room left", "or is full")
        ballast.unlink()
    if case == "read-only":
        mount(folder, "remount,ro")
        refused(folder, "cannot be opened for writing", "does not read or write")
        mount(folder, "remount,rw")
    other_key_refused(folder)
    assert store_in(folder).everybody()[: len(before)] == before
    left = [path for path in (folder / "msrp-peer").iterdir() if path.name != "known_peers.db"]
    assert left == []
    print("as it was")


main(Path(sys.argv[1]), sys.argv[2])
