"""A small SQLite file of this user's own: opened anew for each use, by any thread and process.

It is made whole under another name and then linked to its own, so that nobody ever finds half
of one. Opening takes a fraction of a millisecond; in return neither threads nor forks nor a file
that was put back from a copy need any care.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from .errors import StoreError
from .folder import check_private, make_private

__all__ = ["Database"]

_BUSY: Final = 10.0  # seconds to wait for another process that writes


class Database:
    """One file of one application and schema; both numbers stand in its header.

    Every method raises `StoreError` where the file cannot be used. What was not written
    whole was not written at all.
    """

    def __init__(
        self,
        path: Path,
        application: int,
        version: int,
        steps: Mapping[int, Sequence[str]] | None = None,
        *,
        instead: str,
    ) -> None:
        """`steps` are the statements that make of a file of each earlier version one of the next;
        `instead` is what a person does who has no copy of a damaged file and moves it away."""
        self.path = path
        self._instead = instead
        self._application = application
        self._version = version
        self._steps = steps or {}

    def make(self, statements: Sequence[tuple[str, tuple[object, ...]]]) -> None:
        """See that the file is there. Where it is missing the statements fill a new one."""
        with self._words():
            make_private(self.path.parent)
            if os.path.lexists(self.path):
                return
            handle, name = tempfile.mkstemp(".new", f".{self.path.name}.", self.path.parent)
            os.close(handle)
            try:
                with contextlib.closing(_connect(Path(name))) as connection:
                    for statement, values in statements:
                        connection.execute(statement, values)
                    connection.execute(f"PRAGMA application_id = {self._application}")
                    connection.execute(f"PRAGMA user_version = {self._version}")
                    # Last: what came before lies in the file itself and not in a log beside it.
                    connection.execute("PRAGMA journal_mode = WAL")
                with contextlib.suppress(FileExistsError):  # somebody was quicker: theirs counts
                    os.link(name, self.path)
            finally:
                for suffix in ("", "-journal", "-wal", "-shm"):
                    Path(name + suffix).unlink(missing_ok=True)

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A look at the file as it is at one moment."""
        with self._open() as connection:
            connection.execute("BEGIN")
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A change that happens whole, or, where anything is raised, not at all."""
        with self._open() as connection, self._whole(connection):
            yield connection

    @contextlib.contextmanager
    def _whole(self, connection: sqlite3.Connection) -> Iterator[None]:
        connection.execute("BEGIN IMMEDIATE")
        # What is damaged already is not written to: a copy may be the better one.
        if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise StoreError(self.damaged())
        yield
        connection.execute("COMMIT")

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with self._words():
            check_private(self.path.parent)
            check_private(self.path)
            with contextlib.closing(_connect(self.path)) as connection:
                if self._checked_version(connection) < self._version:
                    self._renew(connection)
                yield connection

    def _renew(self, connection: sqlite3.Connection) -> None:
        """A file of an earlier release becomes one of this: whole, and once, whoever else tries."""
        with self._whole(connection):
            for version in range(self._checked_version(connection), self._version):
                for statement in self._steps[version]:
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {self._version}")

    def _checked_version(self, connection: sqlite3.Connection) -> int:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        version: int
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application != self._application or version < 1:
            raise StoreError(f"{self.path} is not what msrp keeps there: move it away")
        if version > self._version:
            raise StoreError(
                f"{self.path} was written by a later release of msrp (its form is {version}, this release "
                f"knows {self._version}): use that one"
            )
        return version

    @contextlib.contextmanager
    def _words(self) -> Iterator[None]:
        """What the file system and SQLite complain of, in words for a person."""
        try:
            yield
        except FileNotFoundError:
            raise StoreError(f"{self.path} is missing") from None
        except OSError as error:
            raise StoreError(f"{self.path} cannot be used: {error.strerror}") from None
        except sqlite3.Error as error:
            raise StoreError(self._complaint(getattr(error, "sqlite_errorcode", 0) & 0xFF)) from None

    def _complaint(self, code: int) -> str:
        match code:
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                return f"{self.path} is in use by another process for long; nothing was changed: try again"
            case sqlite3.SQLITE_FULL:
                return f"the disk has no room left for {self.path}; nothing was changed"
            case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
                return f"{self.path} cannot be opened for writing; nothing was changed"
            case sqlite3.SQLITE_IOERR:
                return f"the disk does not read or write {self.path}, or is full; nothing was changed"
            case _:
                return self.damaged()

    def damaged(self) -> str:
        """What to say where its contents make no sense."""
        return (
            f"{self.path} is damaged, and was left as it is: put a copy in its place, or move it away and "
            f"{self._instead}"
        )


def _connect(path: Path) -> sqlite3.Connection:
    """Never makes a file."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=_BUSY, isolation_level=None
    )
    try:
        # What is removed is overwritten; nothing a hostile file holds is run.
        for pragma in ("foreign_keys = ON", "secure_delete = ON", "trusted_schema = OFF"):
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection
