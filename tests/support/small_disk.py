"""A disk that gets full, or can only be read, for a store of this user's own; in a process whose mounts are
its own."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable
from pathlib import Path

from msrp_peer.kept.errors import StoreError

__all__ = ["live_through"]


def live_through(
    folder: Path,
    case: str,
    *,
    file: str,
    begin: Callable[[], object],
    change: Callable[[], object],
    look: Callable[[], object],
) -> None:
    """`begin` puts something into the store, whose file is called that; while the disk is full, or can
    only be read, `change` raises `StoreError` that says why; then `look` finds what was there."""
    database = folder / "msrp-peer" / file
    _mount(folder, "size=512k,mode=700")
    if case == "full when made":
        ballast = _fill(folder)
        _refused(folder, change, "No space left", "no room left")
        ballast.unlink()
        assert not database.exists()
    begin()
    if case == "full when changed":
        ballast = _fill(folder)
        _refused(folder, change, "no room left", "or is full")
        ballast.unlink()
    if case == "read-only":
        _mount(folder, "remount,ro")
        _refused(folder, change, "cannot be opened for writing", "does not read or write")
        _mount(folder, "remount,rw")
    look()
    assert list(database.parent.iterdir()) == [database]
    print("as it was")


def _mount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], check=True)


def _fill(folder: Path) -> Path:
    """Until not an octet more fits."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 512)
    return ballast


def _refused(folder: Path, change: Callable[[], object], *words: str) -> None:
    try:
        change()
    except StoreError as error:
        said = str(error)
    else:
        said = "kept"
    assert any(word in said for word in words), said
    assert str(folder) in said
