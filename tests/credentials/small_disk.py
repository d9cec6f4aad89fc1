"""A store on a disk that gets full, or can only be read. Run by a test: FOLDER CASE."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

from credentials.stores import ALICE, BOB, CAROL, PASSWORD, open_store
from msrp_peer.kept.errors import StoreError
from msrp_sasl import Password


def mount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], check=True)


def fill(folder: Path) -> Path:
    """Until not an octet more fits."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 512)
    return ballast


def refused(folder: Path, *words: str) -> None:
    """Whatever is tried, it fails and says why."""
    try:
        store = open_store(folder)
        store.keep(ALICE, BOB, Password("quite another one"), 5)
    except StoreError as error:
        said = str(error)
    else:
        said = "kept"
    assert any(word in said for word in words), said
    assert str(folder) in said


def main(folder: Path, case: str) -> None:
    mount(folder, "size=512k,mode=700")
    if case == "full when made":
        ballast = fill(folder)
        refused(folder, "No space left", "no room left")
        ballast.unlink()
        assert not (folder / "msrp-peer/verifiers.db").exists()
    open_store(folder).keep(ALICE, BOB, PASSWORD, 0)
    if case == "full when changed":
        ballast = fill(folder)
        refused(folder, "no room left", "or is full")
        ballast.unlink()
    if case == "read-only":
        mount(folder, "remount,ro")
        refused(folder, "cannot be opened for writing", "does not read or write")
        mount(folder, "remount,rw")
    store = open_store(folder)
    for hash in ("SHA-256", "SHA-512"):
        verifier = store.scram(ALICE.text, BOB.text, hash)
        assert verifier is not None
        assert verifier.verify(PASSWORD.text)
    store.keep(CAROL, BOB, PASSWORD, 0)
    assert len(store.pairs()) == 2
    left = [path for path in (folder / "msrp-peer").iterdir() if path.name != "verifiers.db"]
    assert left == []
    print("as it was")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
