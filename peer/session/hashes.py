"""The digests of files. Everything here blocks, and is called in a worker thread."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ["hash_file", "hashes_of", "read_blocks"]

_STEP = 1 << 20  # octets hashed between two calls of progress


def read_blocks(path: Path, size: int = 262_144) -> Iterator[bytes]:
    """The octets of a file in blocks of `size`, the last one shorter. Raises OSError."""
    with path.open("rb", buffering=0) as file:
        while block := file.read(size):
            yield block


def hash_file(path: Path, progress: Callable[[int, int], None] | None = None) -> bytes:
    """The SHA-256 of a file, 32 octets; `progress` gets octets done and in all, after each MiB.

    Raises OSError.
    """
    return _hashed(path, (hashlib.sha256(),), progress)[0]


def hashes_of(path: Path, progress: Callable[[int, int], None] | None = None) -> dict[str, bytes]:
    """The digests of a file by the names SDP gives them, as `FileSelector` has them (RFC 5547
    section 5): its ``sha-1``, and our ``sha-256``. The rest is as for `hash_file`."""
    both = (hashlib.sha1(usedforsecurity=False), hashlib.sha256())
    return dict(zip(("sha-1", "sha-256"), _hashed(path, both, progress), strict=True))


def _hashed(
    path: Path, hashes: tuple[hashlib._Hash, ...], progress: Callable[[int, int], None] | None
) -> list[bytes]:
    total, done = path.stat().st_size, 0
    for block in read_blocks(path, _STEP):
        for one in hashes:
            one.update(block)
        done += len(block)
        if progress is not None:
            progress(done, total)
    return [one.digest() for one in hashes]
