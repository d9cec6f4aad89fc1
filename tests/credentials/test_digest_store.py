"""What the store keeps for DIGEST-MD5, only where that is asked for; and files of earlier releases."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from credentials.stores import ALICE, BOB, CAROL, PASSWORD, open_store
from credentials.test_processes import Start, go, start
from msrp_peer.credentials.environment import Environment
from msrp_peer.credentials.verifiers import KEPT, VerifierStore
from msrp_peer.kept.errors import StoreError
from msrp_peer.terms.principal import Principal
from msrp_sasl import (
    Accepting,
    Channel,
    ChannelLevel,
    Identities,
    Initiating,
    Password,
    Policy,
    SASLClient,
    SaslError,
    SASLServer,
    digest_md5_secret,
)

__all__ = ["start"]  # a fixture

REALM = "bob@lan"


def secret_of(store: VerifierStore, realm: str = REALM, who: Principal = ALICE) -> bytes | None:
    found = store.digest_md5(who.text, realm, BOB.text)
    return found.secret if found else None


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("verifiers.db*"))


def test_it_is_kept_only_when_asked_for(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    secret = digest_md5_secret(ALICE.text, REALM, PASSWORD.text)
    store.keep(ALICE, BOB, PASSWORD, 0)
    assert secret_of(store) is None
    assert secret not in on_disk(tmp_path)
    store.keep(ALICE, BOB, PASSWORD, 0, digest_md5=True)
    assert secret_of(store) == secret
    assert secret in on_disk(tmp_path), "else the searches prove nothing"
    assert [pair.digest_md5 for pair in store.pairs()] == [True]
    # The next password without it takes it away, from the file, too.
    store.keep(ALICE, BOB, Password("another password"), 0)
    assert secret_of(store) is None
    assert secret not in on_disk(tmp_path)
    assert [pair.digest_md5 for pair in store.pairs()] == [False]


def test_what_is_removed_is_gone_from_the_file_too(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.keep(ALICE, BOB, PASSWORD, 0, digest_md5=True)
    store.keep(CAROL, BOB, PASSWORD, 0, digest_md5=True)
    secret, other = secret_of(store), secret_of(store, who=CAROL)
    assert secret is not None
    assert other is not None
    assert store.remove(ALICE, BOB)
    assert secret_of(store) is None
    assert secret not in on_disk(tmp_path)
    assert secret_of(store, who=CAROL) == other


@pytest.mark.parametrize(
    ("user", "realm", "acceptor"),
    [
        ("im:alice@lan", "lan", "im:bob@lan"),
        ("im:alice@lan", "", "im:bob@lan"),
        ("im:alice@lan", REALM, "sip:bob@lan"),
        ("im:alice@lan", REALM, "im:carol@lan"),
        ("IM:alice@lan", REALM, "im:bob@lan"),
        ("alice", REALM, "im:bob@lan"),
        ("' OR 1=1 --", REALM, "im:bob@lan"),
    ],
)
def test_it_belongs_to_one_pair_and_realm(tmp_path: Path, user: str, realm: str, acceptor: str) -> None:
    store = open_store(tmp_path)
    store.keep(ALICE, BOB, PASSWORD, 0, digest_md5=True)
    assert store.digest_md5(user, realm, acceptor) is None
    assert secret_of(store) is not None


def log_in(store: VerifierStore, password: str, me: Principal = ALICE) -> SASLServer:
    channel = Channel(ChannelLevel.ENCRYPTED)
    policy = Policy(mechanisms=("DIGEST-MD5",), guessable=True)
    known = Environment({"MSRP_PASSWORD": password, "MSRP_PASSWORD_FOR": BOB.text})
    client = SASLClient(Initiating(me.text, BOB.text, channel, policy, known, offered=("DIGEST-MD5",)))
    authority = Identities(lambda text: Principal.parse(text).text)
    server = SASLServer(Accepting(BOB.text, channel, policy, authority, store))
    client.start(0)
    challenge = server.start("DIGEST-MD5", None, 0)
    client.succeeded(server.process(client.process(challenge or b"", 0), 0), 0)
    assert client.layer is not None
    return server


def test_it_logs_in(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.keep(ALICE, BOB, PASSWORD, 0, digest_md5=True)
    met = log_in(store, PASSWORD.text)
    assert met.identity.name == ALICE.text
    assert not met.identity.shared
    strange = Principal.parse("sips:J%C3%BCrgen%20%22=,@lan")
    store.keep(strange, BOB, Password("pässwörd", shared=True), 0, digest_md5=True)
    met = log_in(store, "pässwörd", strange)
    assert (met.identity.name, met.identity.shared) == (strange.text, True)


@pytest.mark.parametrize(("me", "password"), [(ALICE, "a wrong password"), (CAROL, PASSWORD.text)])
def test_who_is_not_known_looks_like_who_is_wrong(tmp_path: Path, me: Principal, password: str) -> None:
    store = open_store(tmp_path)
    store.keep(ALICE, BOB, PASSWORD, 0, digest_md5=True)
    store.keep(CAROL, BOB, PASSWORD, 0)  # who is known, but not for DIGEST-MD5
    with pytest.raises(SaslError, match=r"^user or password are wrong$"):
        log_in(store, password, me)


# -- files of the first form, which had no table for it


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The folder of a store as the first release made it."""
    open_store(tmp_path).keep(ALICE, BOB, PASSWORD, 1000.0)
    with contextlib.closing(sqlite3.connect(tmp_path / "msrp-peer/verifiers.db")) as connection:
        connection.execute("DROP TABLE digest_md5")
        connection.execute("PRAGMA user_version = 1")
        connection.commit()
    return tmp_path


def version(folder: Path) -> int:
    with contextlib.closing(sqlite3.connect(folder / "msrp-peer/verifiers.db")) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_an_older_file_becomes_a_newer_one_and_loses_nothing(old: Path) -> None:
    assert version(old) == 1
    store = open_store(old)
    assert version(old) == 2
    for hash in KEPT:
        verifier = store.scram(ALICE.text, BOB.text, hash)
        assert verifier is not None
        assert verifier.verify(PASSWORD.text)
    (pair,) = store.pairs()
    assert (pair.made, pair.digest_md5) == (1000.0, False)
    assert secret_of(store) is None
    store.keep(ALICE, BOB, PASSWORD, 0, digest_md5=True)
    assert secret_of(store) is not None


def test_an_older_file_put_back_under_an_open_store(old: Path, tmp_path: Path) -> None:
    """A copy from before: it is renewed when it is met."""
    path = old / "msrp-peer/verifiers.db"
    before = path.read_bytes()
    store = open_store(old)
    path.write_bytes(before)
    assert secret_of(store) is None
    assert version(old) == 2


def test_many_processes_renew_it_once(old: Path, start: Start) -> None:
    processes = [start(number, 2) for number in range(3)]
    for process in processes:
        go(process)
    said = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], said
    assert version(old) == 2
    assert ALICE.text in [pair.initiator for pair in open_store(old).pairs()]


def test_an_older_file_that_is_damaged_is_left_as_it_is(old: Path) -> None:
    path = old / "msrp-peer/verifiers.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'usual'").fetchone()
    octets = bytearray(path.read_bytes())
    octets[(page - 1) * 4096 : page * 4096] = b"\xa5" * 4096
    path.write_bytes(octets)
    with pytest.raises(StoreError, match="is damaged"):
        open_store(old)
    assert path.read_bytes() == octets


def test_a_secret_that_is_none_is_told_as_damage(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.keep(ALICE, BOB, PASSWORD, 0, digest_md5=True)
    for broken in ("x'00'", "'text'"):
        with contextlib.closing(sqlite3.connect(tmp_path / "msrp-peer/verifiers.db")) as connection:
            connection.execute(f"UPDATE digest_md5 SET secret = {broken}")
            connection.commit()
        with pytest.raises(StoreError, match="is damaged"):
            secret_of(store)


def test_whether_anything_is_kept_at_an_acceptor(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    assert not store.keeps_digest_md5(BOB.text)
    store.keep(ALICE, BOB, PASSWORD, 0)
    assert not store.keeps_digest_md5(BOB.text)
    store.keep(ALICE, BOB, PASSWORD, 0, digest_md5=True)
    assert store.keeps_digest_md5(BOB.text)
    assert not store.keeps_digest_md5(CAROL.text)
