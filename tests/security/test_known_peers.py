"""The file of those who are known, over real files and several processes."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given

from credentials.test_store import spellings
from credentials.test_store_faults import garbage_behind_the_first_page, own_file_systems, sql
from msrp_peer.kept.errors import StoreError
from msrp_peer.security.known import Answer, Finding, KnownPolicy, Learned, New, NotAsKnown
from msrp_peer.security.known_peers import KnownPeers, usual_path
from msrp_peer.terms.errors import UsageError
from msrp_peer.terms.principal import Principal
from msrp_peer.terms.security import Level
from security.known_lines import ALICE, BOB, CAROL, key_of, line, shows, store_in

ONE, TWO = key_of("one"), key_of("two")
HERE = Path(__file__).parent


@pytest.fixture
def store(tmp_path: Path) -> KnownPeers:
    return store_in(tmp_path)


class TestWhatIsRemembered:
    def test_nobody_is_known_and_no_file_made_until_something_is_proved(self, store: KnownPeers) -> None:
        assert store.recall(BOB) is None
        assert store.everybody() == []
        assert store.forget(BOB) is False
        assert store.meet(BOB, line(key=ONE), 5).finding is Finding.NOBODY
        assert store.meet(BOB, line(CAROL), 5).finding is Finding.NOBODY  # of bob nothing is proved
        assert not store.path.parent.exists()

    def test_who_was_proved(self, store: KnownPeers) -> None:
        assert store.meet(BOB, line(BOB, mechanism="KRB5-U2U"), 1000).finding is Finding.FIRST
        assert store.meet(BOB, line(BOB, mechanism="DIGEST-MD5"), 2000).finding is Finding.SAME
        known = store.recall(BOB)
        assert known is not None
        assert (known.principal, known.first, known.last) == (BOB.text, 1000, 2000)
        assert (known.level, known.reached, known.keys) == (Level.AUTHENTICATED, 2000, ())
        assert [(m.name, m.first, m.last) for m in known.mechanisms] == [
            ("KRB5-U2U", 1000, 1000),
            ("DIGEST-MD5", 2000, 2000),
        ]
        assert store.recall(ALICE) is None

    def test_a_certificate_is_what_somebody_is_proved_by_too(self, store: KnownPeers) -> None:
        store.meet(BOB, shows(BOB, ONE, "chain"), 1000, key=ONE)
        assert (known := store.recall(BOB)) is not None
        assert known.level is Level.AUTHENTICATED
        assert [mechanism.name for mechanism in known.mechanisms] == ["certificate"]
        assert [(key.fingerprint, key.learned) for key in known.keys] == [(ONE, Learned.CHAIN)]

    def test_the_highest_level_stays_with_the_time_it_was_last_reached(self, store: KnownPeers) -> None:
        store.meet(BOB, line(key=ONE, verified="compared"), 1000, key=ONE)
        store.meet(BOB, line(BOB), 2000)
        agreed = KnownPolicy(least=Level.KEY_VERIFIED)
        store.meet(BOB, line(key=ONE, verified="pinned"), 3000, key=ONE, policy=agreed)
        known = store.recall(BOB)
        assert known is not None
        assert (known.level, known.reached, known.last) == (Level.AUTHENTICATED, 2000, 3000)
        store.meet(BOB, line(BOB), 1500)  # a clock that was put back
        assert (known := store.recall(BOB)) is not None
        assert (known.first, known.reached, known.last) == (1000, 2000, 3000)

    def test_what_is_refused_leaves_nothing(self, store: KnownPeers) -> None:
        store.meet(BOB, line(BOB), 1000)
        before = store.recall(BOB)
        with pytest.raises(NotAsKnown) as caught:
            store.meet(BOB, line(key=ONE), 2000, key=ONE)
        assert caught.value.judgement.finding is Finding.WEAKER
        with pytest.raises(NotAsKnown):
            store.meet(ALICE, line(key=ONE), 2000, key=ONE)
        assert store.recall(BOB) == before
        assert store.recall(ALICE) is None

    @pytest.mark.parametrize(
        ("security", "learned"),
        [
            (line(key=ONE, verified="compared"), Learned.COMPARED),
            (line(key=ONE, verified="signalled"), Learned.SIGNALLED),
            (line(BOB, key=ONE, verified="chain"), Learned.CHAIN),
            (line(key=ONE), Learned.FIRST_USE),
        ],
    )
    def test_how_a_key_was_learned(self, store: KnownPeers, security: object, learned: Learned) -> None:
        store.meet(BOB, security, 1000, key=ONE, policy=KnownPolicy(New.ACCEPT))  # type: ignore[arg-type]
        assert (known := store.recall(BOB)) is not None
        assert [(key.fingerprint, key.learned) for key in known.keys] == [(ONE, learned)]

    def test_another_key_is_refused_and_the_first_one_stays(self, store: KnownPeers) -> None:
        store.meet(BOB, line(key=ONE), 1000, key=ONE, policy=KnownPolicy(key=ONE))
        assert store.meet(BOB, line(key=ONE), 2000, key=ONE).answer is Answer.ACCEPT
        for security in (line(key=TWO), line(BOB, key=TWO)):
            with pytest.raises(NotAsKnown, match=f"{ONE}.* now is {TWO}"):
                store.meet(BOB, security, 3000, key=TWO, policy=KnownPolicy(New.ACCEPT))
        assert (known := store.recall(BOB)) is not None
        assert [(key.fingerprint, key.first, key.last) for key in known.keys] == [(ONE, 1000, 2000)]

    def test_comparing_betters_what_was_taken_at_first_use(self, store: KnownPeers) -> None:
        store.meet(BOB, line(key=ONE), 1000, key=ONE, policy=KnownPolicy(New.ACCEPT))
        store.pin(BOB, ONE, 2000)
        store.pin(BOB, ONE, 3000, Learned.SIGNALLED)  # which takes nothing from it
        store.pin(BOB, ONE, 4000)
        assert (known := store.recall(BOB)) is not None
        assert [(key.learned, key.first, key.last) for key in known.keys] == [(Learned.COMPARED, 2000, 4000)]
        assert (known.level, known.first, known.reached) == (Level.KEY_VERIFIED, 1000, 4000)

    def test_a_pin_is_not_changed_but_forgotten_and_made_anew(self, store: KnownPeers) -> None:
        store.pin(BOB, ONE, 1000)
        with pytest.raises(NotAsKnown, match="another one than before"):
            store.pin(BOB, TWO, 2000)
        assert store.forget(BOB, TWO) is False
        assert store.forget(BOB, ONE) is True
        store.pin(BOB, TWO, 3000)
        assert (known := store.recall(BOB)) is not None
        assert [key.fingerprint for key in known.keys] == [TWO]

    def test_whose_key_it_is_say_only_those_that_somebody_verified(self, store: KnownPeers) -> None:
        assert store.holders(ONE) == ()
        store.pin(BOB, ONE, 1000)
        store.pin(ALICE, ONE, 1000, Learned.SIGNALLED)
        store.meet(CAROL, line(CAROL, key=ONE, verified="chain"), 1000, key=ONE)
        dave = Principal.parse("im:dave@lan")
        store.meet(dave, line(key=ONE), 1000, key=ONE, policy=KnownPolicy(New.ACCEPT))
        assert store.holders(ONE) == (ALICE.text, BOB.text)
        assert store.holders(TWO) == ()

    def test_of_certified_keys_the_last_are_remembered(self, store: KnownPeers) -> None:
        names = [key_of(str(number)) for number in range(20)]
        for number, key in enumerate(names):
            store.meet(BOB, line(BOB, key=key, verified="chain"), 1000 + number, key=key)
        assert (known := store.recall(BOB)) is not None
        assert [key.fingerprint for key in known.keys] == names[-8:]

    def test_a_yes_to_less_takes_no_key(self, store: KnownPeers) -> None:
        store.meet(BOB, line(BOB), 1000)
        agreed = KnownPolicy(least=Level.PASSIVE_ONLY)
        store.meet(BOB, line(key=ONE), 2000, key=ONE, policy=agreed)
        assert (known := store.recall(BOB)) is not None
        assert known.keys == ()

    @pytest.mark.parametrize("key", ["", ONE.lower(), ONE[:-1], ONE.replace(":", ""), "SHA-256", f"{ONE} "])
    def test_a_key_is_written_in_one_way(self, store: KnownPeers, key: str) -> None:
        with pytest.raises(UsageError):
            store.meet(BOB, line(BOB), 1000, key=key)
        with pytest.raises(UsageError):
            store.pin(BOB, key, 1000)
        assert store.everybody() == []

    def test_forgetting_leaves_the_others(self, store: KnownPeers) -> None:
        for who in (CAROL, ALICE, BOB):
            store.meet(who, line(who, key=ONE, verified="chain"), 1000, key=ONE)
        assert [known.principal for known in store.everybody()] == [ALICE.text, BOB.text, CAROL.text]
        assert store.forget(BOB) is True
        assert store.forget(BOB) is False
        assert [known.principal for known in store.everybody()] == [ALICE.text, CAROL.text]
        assert all(known.keys and known.mechanisms for known in store.everybody())
        assert store.meet(BOB, line(key=TWO), 2000).finding is Finding.NOBODY

    def test_blocking(self, store: KnownPeers) -> None:
        assert store.blocked() == {}
        assert store.unblock(BOB) is False
        assert not store.path.exists()
        assert store.block(BOB, 1000) is True
        assert store.block(Principal.parse("IM:b%6Fb@LAN"), 2000) is False
        store.block(ALICE, 3000)
        assert store.blocked() == {ALICE: 3000, BOB: 1000}
        assert store.everybody() == [], "they need not be known"
        store.meet(BOB, line(BOB), 4000)
        store.forget(BOB)
        assert BOB in store.blocked(), "who is forgotten stays blocked"
        assert store.unblock(BOB) is True
        assert store.blocked() == {ALICE: 3000}

    def test_a_file_of_the_first_form_is_renewed(self, store: KnownPeers) -> None:
        store.meet(BOB, line(BOB), 1000)
        sql(store.path, "DROP TABLE blocked", "PRAGMA user_version = 1")
        assert store.blocked() == {}
        assert store.block(ALICE, 2000) is True
        assert (known := store.recall(BOB)) is not None
        assert known.last == 1000

    def test_the_usual_path(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        assert usual_path() == tmp_path / "msrp-peer/known_peers.db"

    def test_others_can_open_neither_folder_nor_file(self, store: KnownPeers) -> None:
        before = os.umask(0)
        try:
            store.meet(BOB, line(BOB), 1000)
        finally:
            os.umask(before)
        assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in store.path.parent.iterdir()} == {0o600}
        with contextlib.closing(sqlite3.connect(store.path)) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.fixture(scope="module")
def spelled(tmp_path_factory: pytest.TempPathFactory) -> KnownPeers:
    """One for all examples; each cleans up behind itself."""
    return store_in(tmp_path_factory.mktemp("spelled"))


@given(spellings())
def test_every_spelling_names_the_same_principal(spelled: KnownPeers, forms: list[str]) -> None:
    first, *others = map(Principal.parse, forms)
    spelled.pin(first, ONE, 1000)
    for other in others:
        with pytest.raises(NotAsKnown):
            spelled.meet(other, line(other, key=TWO), 2000, key=TWO)
        assert (known := spelled.recall(other)) is not None
        assert known.principal == first.text
    assert [known.principal for known in spelled.everybody()] == [first.text]
    assert spelled.forget(others[-1]) is True
    assert spelled.everybody() == []


def test_schemes_and_look_alikes_are_others(store: KnownPeers) -> None:
    store.pin(BOB, ONE, 1000)
    for other in ("sip:bob@lan", "sips:bob@lan", "im:b\u043eb@lan", "im:bob\u200b@lan", "im:BOB@lan"):
        principal = Principal.parse(other)
        assert store.recall(principal) is None
        with pytest.raises(NotAsKnown) as caught:  # no trust of bob's is theirs
            store.meet(principal, line(key=ONE), 2000, key=ONE)
        assert caught.value.judgement.finding is Finding.FIRST
        assert str(caught.value).isascii()


# -- what may be wrong with the file


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    store = store_in(folder)
    store.meet(BOB, line(BOB, key=ONE, verified="compared"), 1000, key=ONE)
    return folder


@pytest.fixture
def path(whole: Path, tmp_path: Path) -> Path:
    """A copy of the file, to be spoiled."""
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    return tmp_path / "msrp-peer/known_peers.db"


USES: dict[str, Callable[[KnownPeers], object]] = {
    "recall": lambda store: store.recall(BOB),
    "holders": lambda store: store.holders(ONE),
    "list": lambda store: store.everybody(),
    "meet": lambda store: store.meet(BOB, line(BOB, key=ONE), 2000, key=ONE),
    "meet somebody new": lambda store: store.meet(ALICE, line(ALICE), 2000),
    "meet nobody": lambda store: store.meet(ALICE, line(), 2000),
    "pin": lambda store: store.pin(ALICE, TWO, 2000),
    "forget": lambda store: store.forget(BOB),
    "forget a key": lambda store: store.forget(BOB, ONE),
    "block": lambda store: store.block(ALICE, 2000),
    "unblock": lambda store: store.unblock(BOB),
    "list the blocked": lambda store: store.blocked(),
}
FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "file open to others": (lambda path: path.chmod(0o640), "other users .* run: chmod 600"),
    "folder open to others": (lambda path: path.parent.chmod(0o750), "other users .* run: chmod 700"),
    "link": (lambda path: path.rename(f"{path}.away") and path.symlink_to(f"{path}.away"), "no regular file"),
    "link to nothing": (
        lambda path: path.unlink() or path.symlink_to("nowhere"),  # type: ignore[func-returns-value]
        "no regular file",
    ),
    "garbage": (
        lambda path: path.write_bytes(b"\xa5" * 8192),
        "is damaged, .* everybody is met for",
    ),
    "half garbage": (garbage_behind_the_first_page, "is damaged, .* put a copy in its place"),
    "emptied": (lambda path: path.write_bytes(b""), "is not what msrp keeps there: move it away"),
    "newer": (lambda path: sql(path, "PRAGMA user_version = 3"), "later release .* form is 3, .* knows 2"),
    "the file of passwords": (
        lambda path: sql(path, f"PRAGMA application_id = {0x4D535256}"),
        "is not what msrp keeps there",
    ),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_went_bad_is_not_trusted_and_not_changed(path: Path, fault: str, use: str) -> None:
    spoil, words = FAULTS[fault]
    spoil(path)
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(StoreError, match=words) as caught:
        USES[use](KnownPeers(path))
    assert str(path.parent) in str(caught.value)
    assert (path.read_bytes() if path.exists() else None) == before


@pytest.mark.parametrize(
    ("statement", "use"),
    [
        ("DROP TABLE peer", "recall"),
        ("DROP TABLE key", "recall"),
        ("DROP TABLE mechanism", "meet"),
        ("UPDATE peer SET level = 7", "recall"),
        ("UPDATE peer SET level = 'authenticated'", "meet"),
        ("UPDATE peer SET last = 'yesterday'", "recall"),
        ("UPDATE peer SET reached = -5", "recall"),
        ("UPDATE peer SET first = 1 << 60", "recall"),
        ("UPDATE peer SET principal = 'IM:bob@lan'", "list"),
        ("UPDATE peer SET principal = 'im:bob@lan' || char(27)", "list"),
        ("UPDATE peer SET principal = x'00'", "list"),
        ("UPDATE key SET fingerprint = lower(fingerprint)", "meet"),
        ("UPDATE key SET fingerprint = x'00'", "recall"),
        ("UPDATE key SET learned = 'from somewhere'", "recall"),
        ("UPDATE mechanism SET name = x'00'", "recall"),
        ("DROP TABLE blocked", "block"),
        ("INSERT INTO blocked VALUES ('bob', 1)", "list the blocked"),
        ("INSERT INTO blocked VALUES ('im:bob@lan', 'long')", "list the blocked"),
    ],
)
def test_contents_that_make_no_sense_are_told_as_damage(path: Path, statement: str, use: str) -> None:
    sql(path, statement)
    with pytest.raises(StoreError, match="is damaged"):
        USES[use](KnownPeers(path))


def test_a_change_that_fails_in_the_middle_changes_nothing(path: Path) -> None:
    store = KnownPeers(path)
    before = store.recall(BOB)
    sql(path, "CREATE TRIGGER no BEFORE INSERT ON mechanism BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(StoreError):
        store.meet(BOB, line(BOB, mechanism="DIGEST-MD5"), 9000)
    with pytest.raises(StoreError):
        store.meet(ALICE, line(ALICE), 9000)
    assert store.recall(BOB) == before
    assert store.recall(ALICE) is None


@pytest.mark.parametrize("case", ["full when made", "full when changed", "read-only"])
def test_a_disk_that_takes_nothing(tmp_path: Path, case: str) -> None:
    """On a file system of its own, in a mount namespace that ends with the script."""
    command = own_file_systems()
    if not command:
        pytest.skip("no file system of its own may be mounted here")
    done = subprocess.run(
        [*command, sys.executable, "-P", HERE / "known_on_a_small_disk.py", tmp_path, case],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(HERE.parent)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "as it was\n"


# -- several at once


def test_many_threads_use_one_file(store: KnownPeers) -> None:
    def work(number: int) -> None:
        who = Principal.parse(f"im:user{number}@lan")
        for round in range(3):
            store.meet(who, line(who), 1000 + round)
            store.meet(BOB, line(BOB), 1000 + number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {known.principal: known.last for known in store.everybody()}
    assert found == {BOB.text: 1005, **{f"im:user{number}@lan": 1002 for number in range(6)}}


def test_of_two_that_take_a_first_key_at_once_one_is_refused(tmp_path: Path) -> None:
    class Overtaken(KnownPeers):
        """Another process takes its key between the look at the file and the change of it."""

        def _make(self) -> None:
            super()._make()
            store_in(tmp_path).meet(BOB, line(key=TWO), 1000, key=TWO, policy=KnownPolicy(New.ACCEPT))

    store = Overtaken(store_in(tmp_path).path)
    with pytest.raises(NotAsKnown, match=f"now is {ONE}"):
        store.meet(BOB, line(key=ONE), 1000, key=ONE, policy=KnownPolicy(New.ACCEPT))
    assert (known := store.recall(BOB)) is not None
    assert [key.fingerprint for key in known.keys] == [TWO]


class TestProcesses:
    @pytest.fixture
    def start(self, tmp_path: Path) -> Callable[[int, int], subprocess.Popen[str]]:
        started: list[subprocess.Popen[str]] = []

        def begin(number: int, rounds: int) -> subprocess.Popen[str]:
            """Waits until it is told to go."""
            process = subprocess.Popen(
                [sys.executable, "-P", HERE / "known_process.py", tmp_path, str(number), str(rounds)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": str(HERE.parent)},
            )
            started.append(process)
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            return process

        yield begin
        for process in started:
            process.kill()
            process.communicate()

    def test_processes_meet_the_same_at_once(
        self, start: Callable[[int, int], subprocess.Popen[str]], tmp_path: Path
    ) -> None:
        """Nobody has made the file yet; each takes the first key it is shown, and one is the first."""
        processes = [start(number, 20) for number in range(3)]
        for process in processes:
            go(process)
        said = [process.communicate(timeout=60) for process in processes]
        assert [process.returncode for process in processes] == [0, 0, 0], said
        taken = [number for number, (out, _) in enumerate(said) if out == "taken\n"]
        assert sorted(out for out, _ in said) == ["refused\n", "refused\n", "taken\n"], said
        store = store_in(tmp_path)
        assert (known := store.recall(BOB)) is not None
        assert [key.fingerprint for key in known.keys] == [key_of(f"key {taken[0]}")]
        assert (known := store.recall(CAROL)) is not None
        assert (known.level, known.last) == (Level.AUTHENTICATED, 1019)
        assert {each.principal for each in store.everybody()} == {
            BOB.text,
            CAROL.text,
            *(f"im:user{number}@lan" for number in range(3)),
        }
        assert [path.name for path in (tmp_path / "msrp-peer").iterdir()] == ["known_peers.db"]

    def test_a_process_killed_in_the_middle_leaves_the_file_whole(
        self, start: Callable[[int, int], subprocess.Popen[str]], tmp_path: Path
    ) -> None:
        store = store_in(tmp_path)
        store.meet(ALICE, line(ALICE, key=ONE, verified="compared"), 1000, key=ONE)
        before = store.recall(ALICE)
        for number in range(3):
            process = start(number, 1_000_000)
            go(process)
            while store.recall(Principal.parse(f"im:user{number}@lan")) is None:
                assert process.poll() is None, process.communicate()
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert store.recall(ALICE) == before
            for known in store.everybody():  # a whole meeting, or none
                assert known.mechanisms or known.keys


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
