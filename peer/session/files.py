"""Files: names that stay where they belong, receiving into a ``.part``.

Everything here blocks and is called in a worker thread. Nothing the other side says can make
a file appear outside the directory, replace one that is there or be taken for whole when it
is not: a file has its own name only once every octet arrived and the digest, where one was
told, is right.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from ..terms.display import is_plain
from ..terms.errors import MsrpError, UsageError
from .parts import NEW, Origin, erase, mark, open_part, take_alone

__all__ = ["FileDamaged", "Received", "Receiving", "safe_name"]

Buffer = bytes | bytearray | memoryview

_LONGEST = 200  # octets of a name: with a number and ".part" it stays below the usual 255
_LONGEST_SUFFIX = 32
_PART = ".part"
_NUMBERS = 10_000  # names tried beside one that is taken
_PARTS = 100  # names at which a part is looked for that may go on
_STEP = 1 << 20  # octets of a part read at a time

_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"]
    + [f"{device}{digit}" for device in ("com", "lpt") for digit in "0123456789¹²³"]
)


def safe_name(remote: str | None) -> str:
    """The name for a file that the other side calls `remote`: one plain component.

    Never empty, never hidden, at most 200 octets of UTF-8, the suffix kept; nothing in it that
    a file system, Windows' included, or a terminal takes for more than a letter. Directories
    are dropped; what may not stand becomes ``_``. Never raises.
    """
    last = (remote or "")[-4096:].replace("\\", "/").rstrip("/").rpartition("/")[2]
    kept = "".join(c if is_plain(c) and c not in '<>:"|?*' else "_" for c in last)
    # A final dot or space does not exist to Windows; a first dot hides; a first hyphen is
    # an option to whoever types `rm *`.
    name = _shortened(kept.strip().lstrip(". ")).rstrip(". ")
    if name.startswith("-"):
        name = f"_{name[1:]}"
    if name.lower().endswith(_PART):  # our word for what is not whole
        name = f"{name[: -len(_PART)]}_{name[1 - len(_PART) :]}"
    if name.partition(".")[0].rstrip().lower() in _DEVICES:
        name = _shortened(f"_{name}")
    return name or "file"


def _shortened(name: str) -> str:
    octets = name.encode()  # is_plain let no surrogate through
    if len(octets) <= _LONGEST:
        return name
    stem, dot, suffix = name.rpartition(".")
    tail = f".{suffix}" if dot and stem and len(suffix.encode()) <= _LONGEST_SUFFIX else ""
    return octets[: _LONGEST - len(tail.encode())].decode(errors="ignore").rstrip(". ") + tail


def _numbered(name: str) -> Iterator[str]:
    """The name itself, then ``stem (1).suffix`` and so on."""
    yield name
    path = Path(name)
    suffix = path.suffix
    stem = name.removesuffix(suffix)
    if stem.endswith(".tar"):
        stem, suffix = stem.removesuffix(".tar"), f".tar{suffix}"
    for number in range(1, _NUMBERS):
        yield f"{stem} ({number}){suffix}"


class FileDamaged(MsrpError):
    """What arrived is not the file that was announced; it stays under its ``.part`` name.

    Attributes:
        partial: where it stays.
    """

    def __init__(self, message: str, partial: Path) -> None:
        super().__init__(message)
        self.partial = partial


@dataclass(frozen=True, slots=True)
class Received:
    """A file that arrived.

    Attributes:
        path: where it is.
        size: its octets.
        sha256_hex: its SHA-256 in lower-case hexadecimal.
        checked: whether the other side told a digest, and it was this one.
        before: its first octets that an earlier attempt had left here.
    """

    path: Path
    size: int
    sha256_hex: str
    checked: bool
    before: int = 0


class Receiving:
    """One file on its way in, in ``<name>.part`` until it is whole.

        with Receiving(directory, name, size=size, digest=digest) as receiving:
            for block in blocks:
                receiving.write(block)
            received = receiving.finish()

    Leaving the ``with`` before `finish` keeps the part. Opening raises OSError where the
    directory cannot be written to; a name that is taken, by whatever, gets a number instead.
    """

    def __init__(
        self,
        directory: Path,
        name: str | None,
        *,
        size: int | None = None,
        digest: bytes | None = None,
        sha1: bytes | None = None,
        overwrite: bool = False,
        resume: Path | None = None,
        origin: Origin | None = None,
    ) -> None:
        """`name` is what the other side said, `size` in octets, of the whole file; with `overwrite`
        an existing file of that name is replaced, once the new one is whole.

        `digest` is its SHA-256, `sha1` the hash RFC 5547 section 5 has. With `resume`, a part that
        an earlier attempt left in `directory`, what is there counts as `received`, and the rest is
        to be written. One of the two must be told then: nothing else tells whether both halves are
        of one file. Raises `UsageError`. With `origin` a part that was left of this very file by this very
        sender goes on, too; where there is none a new one is marked, so that the next attempt finds it.
        """
        self.name = safe_name(name)
        self.received = 0
        self._directory = directory.absolute()
        self._announced = size
        self._digests: list[bytes] = []
        if digest is not None:
            self.set_digest(digest)
        if sha1 is not None and len(sha1) != 20:
            raise UsageError("a SHA-1 has 20 octets")
        self._sha1 = sha1
        self._overwrite = overwrite
        self._hash = hashlib.sha256()
        self._hash1 = None if sha1 is None else hashlib.sha1(usedforsecurity=False)
        self._state: Literal["open", "failed", "closed"] = "open"
        if resume is not None:
            found: tuple[Path, FileIO] | None = self._reopened(resume)
        else:
            found = None if origin is None else self._left(origin)
        self._part, self._file = found or self._open_part(origin)
        self._identity = os.fstat(self._file.fileno())
        self._before = self.received = self._identity.st_size
        self._unread = self.received  # of those that are there, octets that no hash knows yet

    @property
    def before(self) -> int:
        """Octets that an earlier attempt had left."""
        return self._before

    @property
    def part(self) -> Path:
        """Where the octets are until the file is whole."""
        return self._part

    def _left(self, origin: Origin) -> tuple[Path, FileIO] | None:
        for candidate in islice(_numbered(self.name), _PARTS):
            part = self._directory / (candidate + _PART)
            with contextlib.suppress(OSError, UsageError):
                return part, open_part(part, origin=origin)
        return None

    def _open_part(self, origin: Origin | None) -> tuple[Path, FileIO]:
        for candidate in _numbered(self.name):
            part = self._directory / (candidate + _PART)
            with contextlib.suppress(FileExistsError):
                file = FileIO(os.open(part, NEW, 0o600), "wb")
                take_alone(file)
                erase(part)  # of one that somebody took away
                if origin is not None:
                    mark(part, file, origin)
                return part, file
        raise FileExistsError(f"{self._directory} has too many files named like {self.name}{_PART}")

    def _reopened(self, part: Path) -> tuple[Path, FileIO]:
        if not self._digests and self._sha1 is None:
            raise UsageError("a part goes on only with a file whose hash was told")
        if part.absolute().parent != self._directory or not part.name.endswith(_PART):
            raise UsageError(f"{part} is no part of a file in {self._directory}")
        return part.absolute(), open_part(part)

    def _read_before(self) -> None:
        """Hash what an earlier attempt left, once; the next octets go behind it."""
        while self._unread:
            block = self._file.read(min(_STEP, self._unread))
            if not block:
                raise FileDamaged(f"{self._part} has become shorter while it was received into", self._part)
            self._hashed(block)
            self._unread -= len(block)

    def _hashed(self, octets: Buffer) -> None:
        self._hash.update(octets)
        if self._hash1 is not None:
            self._hash1.update(octets)

    def write(self, block: Buffer) -> None:
        """Add octets.

        Raises OSError where they do not fit or cannot be written, and `FileDamaged` where they
        are more than was announced; after either, only `keep` and `discard` make sense.
        """
        self._expect_open()
        octets = memoryview(block).cast("B")
        if self._announced is not None and self.received + len(octets) > self._announced:
            self._state = "failed"
            raise FileDamaged(
                f"{self.name} was announced with {self._announced} octets, and more than that arrive; "
                f"what came before stays in {self._part}",
                self._part,
            )
        self._state = "failed"
        self._read_before()
        while octets:
            written = self._file.write(octets) or 0
            self._hashed(octets[:written])
            self.received += written
            octets = octets[written:]
        self._state = "open"

    def set_digest(self, sha256: bytes) -> None:
        """Say what the SHA-256 must be, at any time before `finish`; said twice, both count."""
        if len(sha256) != 32:
            raise UsageError("a SHA-256 has 32 octets")
        self._digests.append(sha256)

    def finish(self) -> Received:
        """Check the file and give it its name.

        Raises `FileDamaged` where size or digest differ from what was announced, or something
        else took the part's place, and OSError where the name cannot be given; the part stays.
        """
        self._expect_open()
        try:
            try:
                self._read_before()
                self._check()
            finally:
                self._erase()  # whole or damaged, nothing goes on from it
            with contextlib.suppress(OSError, AttributeError):  # some systems have no modes
                os.fchmod(self._file.fileno(), 0o666 & ~_umask())
        finally:
            self._close()  # before it is renamed: Windows renames no open file
        if not self._still_ours():
            raise FileDamaged(f"{self._part} was replaced by something else meanwhile", self._part)
        path = self._publish()
        checked = bool(self._digests or self._sha1)
        return Received(path, self.received, self._hash.hexdigest(), checked, self._before)

    def keep(self) -> Path:
        """Stop here; what arrived stays in the part, whose path this returns."""
        self._close()
        return self._part

    def close(self) -> None:
        """Stop here, if that is not done: a part of no octets goes, any other stays."""
        if self._state != "closed" and not self.received:
            self.discard()
        self._close()

    def discard(self) -> None:
        """Stop here and remove what arrived."""
        ours = self._still_ours()
        self._erase()
        self._close()
        if ours:
            self._part.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _expect_open(self) -> None:
        if self._state == "failed":
            raise UsageError(f"{self.name} could not be written: keep or discard what there is")
        if self._state == "closed":
            raise UsageError(f"{self.name} is finished")

    def _close(self) -> None:
        self._state = "closed"
        self._file.close()

    def _check(self) -> None:
        if self._announced is not None and self.received != self._announced:
            raise FileDamaged(
                f"{self.name} was announced with {self._announced} octets, {self.received} arrived; "
                f"they stay in {self._part}",
                self._part,
            )
        if self._hash1 is not None and self._sha1 != self._hash1.digest():
            raise FileDamaged(
                f"{self.name} arrived damaged: its SHA-1 is not the one announced; it stays in {self._part}",
                self._part,
            )
        for digest in self._digests:
            if digest != self._hash.digest():
                raise FileDamaged(
                    f"{self.name} arrived damaged: its SHA-256 is {self._hash.hexdigest()}, "
                    f"announced was {digest.hex()}; it stays in {self._part}",
                    self._part,
                )

    def _still_ours(self) -> bool:
        """Whether the part's name still means the file we write to."""
        try:
            named = self._part.lstat()
        except OSError:
            return False
        return os.path.samestat(named, self._identity)

    def _erase(self) -> None:
        """Take the part's mark away; while the part is open nobody else can have made it."""
        if self._still_ours():
            erase(self._part)

    def _publish(self) -> Path:
        """Move the part to its own name, in one step; that name, or the next free one."""
        if self._overwrite:
            final = self._directory / self.name
            self._part.replace(final)
            return final
        for candidate in _numbered(self.name):
            final = self._directory / candidate
            with contextlib.suppress(FileExistsError):
                self._move_to_free(final)
                return final
        raise FileExistsError(f"{self._directory} has too many files named like {self.name}")

    def _move_to_free(self, final: Path) -> None:
        """Raises FileExistsError where anything, a symbolic link included, has that name."""
        try:
            # A link is made only where nothing is, and the name then means the whole file.
            os.link(self._part, final, follow_symlinks=False)
        except FileExistsError:
            raise
        except (OSError, NotImplementedError):
            # No hard links here (FAT, some network file systems): take the name with an empty
            # file, then replace that. Whoever looks in between sees a file of no octets.
            os.close(os.open(final, NEW, 0o600))
            try:
                self._part.replace(final)
            except OSError:
                final.unlink(missing_ok=True)
                raise
        else:
            self._part.unlink(missing_ok=True)


def _umask() -> int:
    """The process's file mode creation mask, not changed by looking at it where that is possible."""
    with contextlib.suppress(OSError, ValueError), Path("/proc/self/status").open() as status:
        for line in status:
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    mask = os.umask(0o077)  # another thread creating a file right now gets the narrower mode
    os.umask(mask)
    return mask
