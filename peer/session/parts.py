"""What an earlier attempt left of a file, and how it is known again.

Beside a part that may go on lies a *mark*, ``.NAME.part``: a digest of who sends it, its name, size
and SHA-256, and of the part's place on the disk. The first dot keeps it out of reach: no name
that the other side says begins with one (`files.safe_name`).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from ..terms.errors import UsageError
from ..terms.security import Level

if TYPE_CHECKING:
    from ..terms.security import Security

__all__ = ["NEW", "Origin", "erase", "from_whom", "mark", "open_part", "part_size", "take_alone"]

# O_EXCL makes one opener the owner and follows no symbolic link, not even a dangling one.
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL
for _flag in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT"):  # the last two are Windows'
    NEW |= getattr(os, _flag, 0)

_AGAIN = NEW & ~(os.O_CREAT | os.O_EXCL | os.O_WRONLY) | os.O_RDWR
_HEAD = b"msrp part 1 "
_MARK = 256  # octets read of it; it has fewer


@dataclass(frozen=True, slots=True)
class Origin:
    """Which file this is, and of whom: what must be the same where a part goes on.

    Attributes:
        sender: as `from_whom` has it.
        name: as the sender says it.
        size: its octets.
        sha256: its digest, as the sender told it.
    """

    sender: str
    name: str
    size: int
    sha256: bytes

    def says(self, part: FileIO) -> bytes:
        """The mark of a part."""
        # The inode: whatever was put in the place of the part is not it.
        told = [self.sender, self.name, self.size, self.sha256.hex(), os.fstat(part.fileno()).st_ino]
        return _HEAD + hashlib.sha256(json.dumps(told).encode()).hexdigest().encode() + b"\n"


def from_whom(security: Security, address: str) -> str:
    """Who counts as the same sender: who is proved, and nobody else; where nobody is proved, whoever
    comes from the same host and says as much about themselves. `address` is ``host:port``."""
    names = " ".join(security.names)
    if security.level is Level.AUTHENTICATED:
        return f"proved {names}"
    return f"from {address.rpartition(':')[0]} {names}"


def mark(part: Path, file: FileIO, origin: Origin) -> None:
    """Say of which file a part is. Where that cannot be kept (a full disk), the part does not go on, and
    that is all."""
    with contextlib.suppress(OSError), FileIO(os.open(_beside(part), NEW, 0o600), "wb") as written:
        try:
            whole = written.write(origin.says(file)) == len(origin.says(file))
        except OSError:
            whole = False
        if not whole:
            _beside(part).unlink()


def erase(part: Path) -> None:
    """The part goes on no more. What is no mark of ours stays. Never raises."""
    with contextlib.suppress(OSError):
        if _read(part).startswith(_HEAD):
            _beside(part).unlink()


def open_part(part: Path, *, origin: Origin | None = None) -> FileIO:
    """Open a part to go on with it, and keep others from it for as long as it is open.

    With `origin` only what its mark says is of this file and sender. Raises FileNotFoundError where it
    is not, BlockingIOError where it is being received into, UsageError for what is no regular file, and
    other kinds of OSError.
    """
    file = FileIO(os.open(part, _AGAIN), "r+b")
    try:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"{part} is no file")
        alone = take_alone(file)
        if alone is False:
            raise BlockingIOError(f"{part} is being received into already")
        # Where nothing keeps two apart, a part goes on only where a person has it so, by SDP.
        if origin is not None and not (
            alone
            and found.st_nlink == 1
            and 0 < found.st_size < origin.size
            and _read(part) == origin.says(file)
        ):
            raise FileNotFoundError(f"{part} is not of this file")
    except BaseException:
        file.close()
        raise
    return file


def part_size(part: Path) -> int:
    """The octets of a part that can go on; 0 where there is none, or somebody is writing to it."""
    try:
        with open_part(part) as file:
            return os.fstat(file.fileno()).st_size
    except (OSError, UsageError):
        return 0


def take_alone(file: FileIO) -> bool | None:
    """Keep other transfers from a part for as long as it is open; False where one has it, None where
    the system (Windows) or the file system cannot."""
    with contextlib.suppress(ImportError, OSError):
        import fcntl

        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
    return None


def _beside(part: Path) -> Path:
    return part.with_name(f".{part.name}")


def _read(part: Path) -> bytes:
    with FileIO(os.open(_beside(part), _AGAIN), "rb") as file:
        return file.read(_MARK) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""
