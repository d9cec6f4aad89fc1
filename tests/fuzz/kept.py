"""What lies on this user's disk and may have been written by anything: settings, and those who are known."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from functools import cache
from pathlib import Path

from fuzz.inputs import FIELD, fit
from msrp_peer.cli.config_file import ConfigError, File
from msrp_peer.cli.options import build_parser
from msrp_peer.cli.settings import settable
from msrp_peer.kept.errors import StoreError
from msrp_peer.security.known import Learned
from msrp_peer.security.known_peers import KnownPeers
from msrp_peer.terms.principal import Principal

__all__ = ["config", "known"]

OPTIONS = settable(build_parser())


def config(data: bytes) -> None:
    """A file of settings: each command is told its own, or what is wrong, in one line."""
    try:
        file = File(Path("config.toml"), data.decode("utf-8", "replace"), OPTIONS)
    except ConfigError as error:
        fit(error)
        return
    for command in OPTIONS:
        try:
            settings = file.of(command)
        except ConfigError as error:
            fit(error)
        else:
            assert settings.keys() <= OPTIONS[command].keys()


BOB = Principal.parse("im:bob@lan")
KEY = ":".join(["A5"] * 32)
COLUMNS = (
    *(f"peer.{name}" for name in ("principal", "first", "last", "level", "reached")),
    *(f"key.{name}" for name in ("fingerprint", "learned", "first", "last")),
    *(f"mechanism.{name}" for name in ("name", "first", "last")),
    *(f"blocked.{name}" for name in ("principal", "since")),
)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="msrp-fuzz-")


@cache
def _written() -> tuple[Path, bytes]:
    """A file of somebody who is known in every way, and its octets."""
    store = KnownPeers(Path(_folder().name) / "known_peers.db")
    store.pin(BOB, KEY, 1000, Learned.COMPARED)
    store.block(BOB, 1000)
    with contextlib.closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("INSERT INTO mechanism SELECT id, 'SCRAM-SHA-256', 1000, 1000 FROM peer")
    with contextlib.closing(sqlite3.connect(store.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return store.path, store.path.read_bytes()


def known(data: bytes) -> None:
    """An input is values to be put into the file of known peers, FIELD between them: an octet that picks
    the column, one that picks the kind of value, the value. It is used, or `StoreError` tells."""
    path, octets = _written()
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    path.write_bytes(octets)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for field in data.split(FIELD)[:4]:
            table, _, column = COLUMNS[(field[:1] or b"\0")[0] % len(COLUMNS)].partition(".")
            with contextlib.suppress(sqlite3.IntegrityError):
                connection.execute(f"UPDATE {table} SET {column} = ?", (_value(field[1:]),))
    store = KnownPeers(path)
    for use in (
        lambda: store.recall(BOB),
        store.everybody,
        store.blocked,
        lambda: store.holders(KEY),
        lambda: store.pin(BOB, KEY, 2000),
        lambda: store.forget(BOB),
    ):
        try:
            use()
        except StoreError as error:
            fit(error)


def _value(field: bytes) -> object:
    """Text, octets, a number of either sort, or nothing."""
    kind, rest = field[:1], field[1:]
    if kind == b"i":
        return int.from_bytes(rest[:8], "big", signed=True)
    if kind == b"f":
        return len(rest) / 7
    if kind == b"n":
        return None
    return rest if kind == b"b" else rest.decode("utf-8", "replace")
