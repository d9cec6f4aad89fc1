"""The acceptor's side: what is kept of the passwords of those who may log in.

Kept are SCRAM verifiers, for SHA-256 and SHA-512, of pairs: who logs in, and as whom we accept.
No password is kept, nor anything that is worth one by itself. Who steals the file can try
passwords against it, can play the acceptor to those users, and can log in as one who has logged
in at them like that (RFC 5802 section 9).

Only where it is asked for, a password's secret of DIGEST-MD5 is kept, too: who steals that can
log in with it at once, at this acceptor.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msrp_sasl import (
    DigestMD5Verifier,
    Hash,
    Password,
    SaslUsageError,
    ScramVerifier,
    Verifiers,
    digest_md5_secret,
)
from msrp_sasl.identity import bare
from msrp_sasl.verifier import ITERATIONS, LEAST_ITERATIONS, MOST_ITERATIONS

from ..kept.database import Database
from ..kept.errors import StoreError
from ..kept.folder import data_folder
from ..terms.errors import UsageError
from ..terms.principal import Principal

__all__ = ["KEPT", "Pair", "VerifierStore", "check_pair", "usual_path"]

KEPT: Final[tuple[Hash, ...]] = ("SHA-256", "SHA-512")
"""The hashes verifiers are kept for. SHA-1 is not needed between peers."""

_APPLICATION: Final = 0x4D535256  # "MSRV"
_VERSION: Final = 2
_DIGEST_MD5: Final = """CREATE TABLE digest_md5 (
        pair INTEGER PRIMARY KEY REFERENCES pair ON DELETE CASCADE,
        realm TEXT NOT NULL,
        secret BLOB NOT NULL
    )"""
_SCHEMA: Final = (
    "CREATE TABLE store (decoy_key BLOB NOT NULL)",
    "CREATE TABLE usual (hash TEXT PRIMARY KEY, iterations INTEGER NOT NULL)",
    """CREATE TABLE pair (
        id INTEGER PRIMARY KEY,
        initiator TEXT NOT NULL,
        acceptor TEXT NOT NULL,
        generated INTEGER NOT NULL,
        shared INTEGER NOT NULL,
        made INTEGER NOT NULL,
        UNIQUE (initiator, acceptor)
    )""",
    """CREATE TABLE scram (
        pair INTEGER NOT NULL REFERENCES pair ON DELETE CASCADE,
        hash TEXT NOT NULL,
        salt BLOB NOT NULL,
        iterations INTEGER NOT NULL,
        stored_key BLOB NOT NULL,
        server_key BLOB NOT NULL,
        PRIMARY KEY (pair, hash)
    )""",
    _DIGEST_MD5,
)
_STEPS: Final = {1: (_DIGEST_MD5,)}


def usual_path() -> Path:
    """Where the store of this user lies. Raises `StoreError` where the user has no home."""
    return data_folder() / "verifiers.db"


@dataclass(frozen=True, slots=True)
class Pair:
    """One password that is known here, and what is known of it.

    Attributes:
        initiator: who logs in with it.
        acceptor: whom they reach with it.
        generated: whether it was drawn at random with 80 bits or more.
        shared: whether it is used elsewhere, too.
        made: when it was set, in seconds since the epoch.
        digest_md5: whether what DIGEST-MD5 needs is kept of it, too.
    """

    initiator: str
    acceptor: str
    generated: bool
    shared: bool
    made: float
    digest_md5: bool = False


class VerifierStore(Verifiers):
    """A file of verifiers.

    Any number of threads and processes may use the same file. Every method raises
    `StoreError` where the file cannot be used, and has changed nothing then.
    """

    def __init__(self, path: Path, *, iterations: Mapping[Hash, int] = ITERATIONS) -> None:
        """Open the file, and make it where it is missing, with its folder.

        `iterations` are those of a new file; they stay its own, so that all its users, and
        those it does not know, look alike.
        """
        self._database = Database(path, _APPLICATION, _VERSION, _STEPS, instead="set the passwords anew")
        self._database.make(
            [
                *((statement, ()) for statement in _SCHEMA),
                ("INSERT INTO store VALUES (?)", (secrets.token_bytes(32),)),
                *(("INSERT INTO usual VALUES (?, ?)", item) for item in iterations.items()),
            ]
        )
        with self._database.read() as connection:
            found = connection.execute("SELECT decoy_key FROM store").fetchone()
            self._usual: dict[str, int] = dict(connection.execute("SELECT hash, iterations FROM usual"))
        if found is None or not isinstance(found[0], bytes) or not all(map(_usable, self._usual.values())):
            raise self._damaged()
        self._decoy_key: bytes = found[0]

    # -- what msrp_sasl asks

    @property
    def decoy_key(self) -> bytes:
        """A secret that stays as long as the file does."""
        return self._decoy_key

    def iterations(self, hash: Hash) -> int:
        """The count that all verifiers of this file have."""
        return self._usual.get(hash, ITERATIONS[hash])

    def scram(self, user: str, acceptor: str, hash: Hash) -> ScramVerifier | None:
        """The verifier of a pair; None for a user who is not known.

        `user` counts only as `Principal.text` has it. What an unknown user is answered with
        depends on the spelling: a known one with several could be told from it.
        """
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT salt, iterations, stored_key, server_key, shared"
                " FROM scram JOIN pair ON pair.id = scram.pair"
                " WHERE initiator = ? AND acceptor = ? AND hash = ?",
                (user, Principal.parse(acceptor).text, hash),
            ).fetchone()
        if row is None:
            return None
        salt, iterations, stored_key, server_key, shared = row
        try:
            return ScramVerifier(
                hash, bytes(salt), iterations, bytes(stored_key), bytes(server_key), bool(shared)
            )
        except (SaslUsageError, TypeError):
            raise self._damaged() from None

    def digest_md5(self, user: str, realm: str, acceptor: str) -> DigestMD5Verifier | None:
        """What was kept of a password for DIGEST-MD5, where that was asked for.

        The realm is the acceptor's own name, without its scheme: ``"bob@lan"``. `user`
        counts only as `Principal.text` has it, as with `scram`.
        """
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT secret, shared FROM digest_md5 JOIN pair ON pair.id = digest_md5.pair"
                " WHERE initiator = ? AND acceptor = ? AND realm = ?",
                (user, Principal.parse(acceptor).text, realm),
            ).fetchone()
        if row is None:
            return None
        try:
            return DigestMD5Verifier(bytes(row[0]), bool(row[1]))
        except (SaslUsageError, TypeError):
            raise self._damaged() from None

    def keeps_digest_md5(self, acceptor: str) -> bool:
        """Whether anything is kept for DIGEST-MD5 at this acceptor."""
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT 1 FROM digest_md5 JOIN pair ON pair.id = digest_md5.pair WHERE acceptor = ? LIMIT 1",
                (Principal.parse(acceptor).text,),
            ).fetchone()
        return found is not None

    # -- what its owner does

    def keep(
        self,
        initiator: Principal,
        acceptor: Principal,
        password: Password,
        now: float,
        *,
        digest_md5: bool = False,
    ) -> bool:
        """Let `initiator` log in at `acceptor` with this password, and with no other; takes its time.

        With `digest_md5` they can log in by DIGEST-MD5, too, and so can who reads the file. Returns
        whether there was one before. Raises `UsageError` where the two are the same.
        """
        check_pair(initiator, acceptor)
        made = [
            ScramVerifier.make(password.text, hash, iterations=self.iterations(hash), shared=password.shared)
            for hash in KEPT
        ]
        with self._database.write() as connection:
            changed = connection.execute(_REMOVE, (initiator.text, acceptor.text)).rowcount > 0
            row = connection.execute(
                "INSERT INTO pair (initiator, acceptor, generated, shared, made) VALUES (?, ?, ?, ?, ?)",
                (initiator.text, acceptor.text, password.generated, password.shared, int(now)),
            ).lastrowid
            connection.executemany(
                "INSERT INTO scram VALUES (?, ?, ?, ?, ?, ?)",
                [(row, v.hash, v.salt, v.iterations, v.stored_key, v.server_key) for v in made],
            )
            if digest_md5:
                realm = bare(acceptor.text)
                secret = digest_md5_secret(initiator.text, realm, password.text)
                connection.execute("INSERT INTO digest_md5 VALUES (?, ?, ?)", (row, realm, secret))
        return changed

    def remove(self, initiator: Principal, acceptor: Principal) -> bool:
        """Let `initiator` log in at `acceptor` no more; whether there was a password to remove."""
        with self._database.write() as connection:
            return connection.execute(_REMOVE, (initiator.text, acceptor.text)).rowcount > 0

    def pairs(self) -> list[Pair]:
        """All there are, by name."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT initiator, acceptor, generated, shared, made, digest_md5.pair IS NOT NULL"
                " FROM pair LEFT JOIN digest_md5 ON digest_md5.pair = pair.id ORDER BY acceptor, initiator"
            ).fetchall()
        try:
            return [Pair(str(i), str(a), bool(g), bool(s), float(m), bool(d)) for i, a, g, s, m, d in rows]
        except ValueError:
            raise self._damaged() from None

    def _damaged(self) -> StoreError:
        return StoreError(self._database.damaged())


def check_pair(initiator: Principal, acceptor: Principal) -> None:
    """Raises `UsageError` where the two are the same: what we accept from ourselves could be a reflection."""
    if initiator == acceptor:
        raise UsageError(f"nobody logs in at themselves: both are {initiator}")


_REMOVE: Final = "DELETE FROM pair WHERE initiator = ? AND acceptor = ?"


def _usable(iterations: object) -> bool:
    return isinstance(iterations, int) and LEAST_ITERATIONS <= iterations <= MOST_ITERATIONS
