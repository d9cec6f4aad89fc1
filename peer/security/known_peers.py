"""The file of those who are known: what their keys are, what they have proved, how well.

It grows only by what was proved, or by a key that a person took at first use; what the other side
merely says of itself leaves nothing behind. The decision is `known.judge`; here it is made and
remembered in one step, so that two processes cannot both take a first key for the only one.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ..kept.database import Database
from ..kept.errors import StoreError
from ..kept.folder import data_folder
from ..terms.errors import UsageError
from ..terms.fingerprints import Fingerprint
from ..terms.principal import Principal, PrincipalError
from ..terms.security import Level, Security
from .known import (
    Judgement,
    Known,
    KnownKey,
    KnownMechanism,
    KnownPolicy,
    Learned,
    New,
    NotAsKnown,
    judge,
)

__all__ = ["KnownPeers", "usual_path"]

_APPLICATION: Final = 0x4D53524B  # "MSRK"
_VERSION: Final = 2
_CERTIFIED: Final = 8
"""Keys an authority has certified that are remembered of one principal; the oldest are forgotten."""
_BLOCKED: Final = "CREATE TABLE blocked (principal TEXT PRIMARY KEY, since INTEGER NOT NULL)"
_STEPS: Final = {1: (_BLOCKED,)}
_SCHEMA: Final = (
    """CREATE TABLE peer (
        id INTEGER PRIMARY KEY,
        principal TEXT NOT NULL UNIQUE,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        level INTEGER NOT NULL,
        reached INTEGER NOT NULL
    )""",
    """CREATE TABLE key (
        peer INTEGER NOT NULL REFERENCES peer ON DELETE CASCADE,
        fingerprint TEXT NOT NULL,
        learned TEXT NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        PRIMARY KEY (peer, fingerprint)
    )""",
    """CREATE TABLE mechanism (
        peer INTEGER NOT NULL REFERENCES peer ON DELETE CASCADE,
        name TEXT NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        PRIMARY KEY (peer, name)
    )""",
    _BLOCKED,
)


def usual_path() -> Path:
    """Where the file of this user lies. Raises `StoreError` where the user has no home."""
    return data_folder() / "known_peers.db"


class KnownPeers:
    """A file of those who are known.

    Any number of threads and processes may use the same file. It is made when something is to be
    remembered first; until then nobody is known. Every method raises `StoreError` where the file
    cannot be used, and has changed nothing then; it may wait for another process, up to ten seconds.
    """

    def __init__(self, path: Path, policy: KnownPolicy | None = None) -> None:
        """`policy` is what was decided beforehand about those who are new or not as before."""
        self.path = path
        self.policy = policy or KnownPolicy()
        self._database = Database(
            path, _APPLICATION, _VERSION, _STEPS, instead="everybody is met for the first time again"
        )

    @classmethod
    def usual(cls, policy: KnownPolicy | None = None) -> KnownPeers:
        """The file of this user. Raises `StoreError` where the user has no home."""
        return cls(usual_path(), policy)

    def under(self, policy: KnownPolicy) -> KnownPeers:
        """The same file, where something else was decided."""
        return KnownPeers(self.path, policy)

    def recall(self, principal: Principal) -> Known | None:
        """What is remembered of somebody; None for nothing."""
        if not os.path.lexists(self.path):
            return None
        with self._database.read() as connection:
            return self._recall(connection, principal)

    def everybody(self) -> list[Known]:
        """All who are known, by name."""
        if not os.path.lexists(self.path):
            return []
        with self._database.read() as connection:
            names = [row[0] for row in connection.execute("SELECT principal FROM peer ORDER BY principal")]
            found = [self._recall(connection, self._principal(name)) for name in names]
        return [known for known in found if known is not None]

    def holders(self, fingerprint: str) -> Sequence[str]:
        """Whose key it is: compared, or told by signalling that nobody could change. Keys taken at
        first use, or certified, verify nobody by being here."""
        if not os.path.lexists(self.path):
            return ()
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT principal FROM peer JOIN key ON key.peer = peer.id"
                " WHERE fingerprint = ? AND learned IN (?, ?) ORDER BY principal",
                (fingerprint, Learned.COMPARED, Learned.SIGNALLED),
            ).fetchall()
        return tuple(self._principal(row[0]).text for row in rows)

    @property
    def takes_first(self) -> bool:
        """Whether keys count that are taken at first use; they verify nobody."""
        return self.policy.new is New.ACCEPT

    def met(self, fingerprint: str) -> Sequence[str]:
        """For whose it was taken at first use, where that counts."""
        if not self.takes_first or not os.path.lexists(self.path):
            return ()
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT principal FROM peer JOIN key ON key.peer = peer.id"
                " WHERE fingerprint = ? AND learned = ? ORDER BY principal",
                (fingerprint, Learned.FIRST_USE),
            ).fetchall()
        return tuple(self._principal(row[0]).text for row in rows)

    def meet(
        self,
        principal: Principal,
        security: Security,
        now: float,
        *,
        key: str | None = None,
        policy: KnownPolicy | None = None,
    ) -> Judgement:
        """Judge a line (`known.judge`), and where it is accepted remember it.

        `key` is the fingerprint of the lasting key the other side showed (None for one made for
        the occasion), `now` in seconds since the epoch, `policy` what was decided, where it is not that
        of this object. Raises `NotAsKnown` where it is not
        accepted; then nothing was changed. Raises `UsageError` for a key that is no SHA-256.
        """
        if key is not None:
            _check_key(key)
        policy = policy or self.policy
        judged = _accepted(judge(principal, self.recall(principal), security, key, policy))
        if not judged.worth_keeping:
            return judged
        self._make()
        with self._database.write() as connection:
            # Once more: another process may have met them since.
            judged = _accepted(judge(principal, self._recall(connection, principal), security, key, policy))
            peer = _row(connection, principal, judged.level, int(now))
            if key is not None and (judged.keeps_key or (judged.known and judged.known.has(key))):
                _learn(connection, peer, key, _learned(security, key, judged.known), int(now))
            if (by := _proved_by(security, principal)) is not None:
                connection.execute(
                    "INSERT INTO mechanism VALUES (?, ?, ?, ?)"
                    " ON CONFLICT DO UPDATE SET last = max(last, excluded.last)",
                    (peer, by, int(now), int(now)),
                )
        return judged

    def pin(self, principal: Principal, key: str, now: float, learned: Learned = Learned.COMPARED) -> None:
        """Remember that a key is theirs: it was compared, or signalling told it that nobody could change.

        Raises `NotAsKnown` where another one is pinned: that one has to be forgotten first.
        """
        _check_key(key)
        self._make()
        with self._database.write() as connection:
            known = self._recall(connection, principal)
            level = Level.PASSIVE_ONLY if learned is Learned.FIRST_USE else Level.KEY_VERIFIED
            if known is not None and known.pins and not known.has(key):
                finding = judge(principal, known, Security(), key, KnownPolicy())
                raise NotAsKnown(finding)
            peer = _row(connection, principal, level, int(now))
            _learn(connection, peer, key, learned, int(now))

    def forget(self, principal: Principal, key: str | None = None) -> bool:
        """Forget somebody, or one key of theirs; whether there was anything to forget."""
        if not os.path.lexists(self.path):
            return False
        with self._database.write() as connection:
            if key is None:
                done = connection.execute("DELETE FROM peer WHERE principal = ?", (principal.text,))
            else:
                done = connection.execute(
                    "DELETE FROM key WHERE fingerprint = ?"
                    " AND peer = (SELECT id FROM peer WHERE principal = ?)",
                    (key, principal.text),
                )
            return done.rowcount > 0

    # -- who is not wanted

    def block(self, principal: Principal, now: float) -> bool:
        """Remember that somebody is not to be let in; whether that is new. They need not be known."""
        self._make()
        with self._database.write() as connection:
            done = connection.execute(
                "INSERT INTO blocked VALUES (?, ?) ON CONFLICT DO NOTHING", (principal.text, int(now))
            )
            return done.rowcount > 0

    def unblock(self, principal: Principal) -> bool:
        """Let them in as anybody; whether they were blocked."""
        if not os.path.lexists(self.path):
            return False
        with self._database.write() as connection:
            return (
                connection.execute("DELETE FROM blocked WHERE principal = ?", (principal.text,)).rowcount > 0
            )

    def blocked(self) -> dict[Principal, float]:
        """Those who are not to be let in, by name, with the time since when."""
        if not os.path.lexists(self.path):
            return {}
        with self._database.read() as connection:
            rows = connection.execute("SELECT principal, since FROM blocked ORDER BY principal").fetchall()
        try:
            return {self._principal(name): _time(since) for name, since in rows}
        except ValueError:
            raise StoreError(self._database.damaged()) from None

    # -- rows

    def _make(self) -> None:
        self._database.make([(statement, ()) for statement in _SCHEMA])

    def _recall(self, connection: sqlite3.Connection, principal: Principal) -> Known | None:
        found = connection.execute(
            "SELECT id, first, last, level, reached FROM peer WHERE principal = ?", (principal.text,)
        ).fetchone()
        if found is None:
            return None
        peer, first, last, level, reached = found
        keys = connection.execute(
            "SELECT fingerprint, learned, first, last FROM key WHERE peer = ? ORDER BY first, fingerprint",
            (peer,),
        ).fetchall()
        mechanisms = connection.execute(
            "SELECT name, first, last FROM mechanism WHERE peer = ? ORDER BY first, name", (peer,)
        ).fetchall()
        try:
            return Known(
                principal.text,
                _time(first),
                _time(last),
                Level(level),
                _time(reached),
                tuple(KnownKey(_key(k), Learned(how), _time(f), _time(t)) for k, how, f, t in keys),
                tuple(KnownMechanism(_text(name), _time(f), _time(t)) for name, f, t in mechanisms),
            )
        except ValueError:
            raise StoreError(self._database.damaged()) from None

    def _principal(self, text: object) -> Principal:
        try:
            principal = Principal.parse(_text(text))
        except (PrincipalError, ValueError):
            principal = None
        if principal is None or principal.text != text:
            raise StoreError(self._database.damaged())
        return principal


def _accepted(judged: Judgement) -> Judgement:
    if judged.answer != "accept":
        raise NotAsKnown(judged)
    return judged


def _row(connection: sqlite3.Connection, principal: Principal, level: Level, now: int) -> int:
    """The row of somebody who is met; the highest level stays, and the time it was last reached."""
    connection.execute(
        "INSERT INTO peer (principal, first, last, level, reached) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET last = max(last, excluded.last), level = max(level, excluded.level),"
        " reached = CASE WHEN excluded.level > level THEN excluded.reached"
        " WHEN excluded.level = level THEN max(reached, excluded.reached) ELSE reached END",
        (principal.text, now, now, int(level), now),
    )
    (row,) = connection.execute("SELECT id FROM peer WHERE principal = ?", (principal.text,)).fetchone()
    return int(row)


def _learn(connection: sqlite3.Connection, peer: int, key: str, learned: Learned, now: int) -> None:
    """A key that is theirs. What was learned better stays; comparing betters all."""
    connection.execute(
        "INSERT INTO key VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET last = max(last, excluded.last)",
        (peer, key, learned, now, now),
    )
    if learned in (Learned.COMPARED, Learned.SIGNALLED):
        connection.execute(
            "UPDATE key SET learned = ?, first = ?"
            " WHERE peer = ? AND fingerprint = ? AND learned NOT IN (?, ?)",
            (learned, now, peer, key, learned, Learned.COMPARED),
        )
    connection.execute(
        "DELETE FROM key WHERE peer = ? AND learned = ? AND rowid NOT IN ("
        "SELECT rowid FROM key WHERE peer = ? AND learned = ? ORDER BY last DESC, rowid DESC LIMIT ?)",
        (peer, Learned.CHAIN, peer, Learned.CHAIN, _CERTIFIED),
    )


_LEARNED: Final = {
    "compared": Learned.COMPARED,
    "pinned": Learned.COMPARED,  # by somebody, in the program's own store
    "signalled": Learned.SIGNALLED,
    "chain": Learned.CHAIN,
    "first-use": Learned.FIRST_USE,
}


def _learned(security: Security, key: str, known: Known | None) -> Learned:
    before = [] if known is None else [each.learned for each in known.keys if each.fingerprint == key]
    for layer in security.layers:
        if layer.peer_key == key and layer.verified in _LEARNED:
            if layer.verified == "pinned" and before == [Learned.SIGNALLED]:
                return Learned.SIGNALLED  # which is why it is pinned; nobody has compared it since
            return _LEARNED[layer.verified]
    return Learned.FIRST_USE


def _proved_by(security: Security, principal: Principal) -> str | None:
    proof = security.proof
    if proof is not None and proof.principal == principal.text:
        return proof.mechanism
    return "certificate" if principal.text in security.vouched else None


def _check_key(key: str) -> None:
    found = Fingerprint.parse(f"sha-256 {key}")
    if found is None or found.value != key:
        raise UsageError("a key is known by its SHA-256, as RFC 8122 writes it: AB:CD:...")


def _key(value: object) -> str:
    text = _text(value)
    try:
        _check_key(text)
    except UsageError as error:
        raise ValueError(str(error)) from None
    return text


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("not text")
    return value


def _time(value: object) -> float:
    # What datetime cannot show is no time of ours.
    if not isinstance(value, int) or not 0 <= value < 1 << 37:
        raise ValueError("no time")
    return float(value)
