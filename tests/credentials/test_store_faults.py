"""What may be wrong with the store's file: clear words, and nothing is lost."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from credentials.stores import ALICE, BOB, CAROL, PASSWORD, open_store
from msrp_peer.credentials.verifiers import VerifierStore
from msrp_peer.kept.errors import StoreError
from msrp_peer.kept.folder import check_private
from msrp_sasl import Password

SCRIPT = Path(__file__).with_name("small_disk.py")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store with one password."""
    folder = tmp_path_factory.mktemp("whole")
    open_store(folder).keep(ALICE, BOB, PASSWORD, 0)
    return folder


@pytest.fixture
def path(whole: Path, tmp_path: Path) -> Path:
    """A copy of it, to be spoiled."""
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    return tmp_path / "msrp-peer/verifiers.db"


def sql(path: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def garbage_behind_the_first_page(path: Path) -> None:
    octets = bytearray(path.read_bytes())
    octets[4096:] = b"\xa5" * (len(octets) - 4096)
    path.write_bytes(octets)


USES: dict[str, Callable[[VerifierStore], object]] = {
    "log in": lambda store: store.scram(ALICE.text, BOB.text, "SHA-256"),
    "keep": lambda store: store.keep(CAROL, BOB, PASSWORD, 0),
    "remove": lambda store: store.remove(ALICE, BOB),
    "list": lambda store: store.pairs(),
}
FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "file open to others": (lambda path: path.chmod(0o640), "other users .* run: chmod 600"),
    "folder open to others": (lambda path: path.parent.chmod(0o750), "other users .* run: chmod 700"),
    "link": (lambda path: path.rename(f"{path}.away") and path.symlink_to(f"{path}.away"), "no regular file"),
    "garbage": (lambda path: path.write_bytes(b"\xa5" * 8192), "is damaged, .* put a copy in its place"),
    "half garbage": (garbage_behind_the_first_page, "is damaged, .* put a copy in its place"),
    "emptied": (lambda path: path.write_bytes(b""), "is not what msrp keeps there: move it away"),
    "newer": (lambda path: sql(path, "PRAGMA user_version = 3"), "later release .* form is 3, .* knows 2"),
    "another program's": (
        lambda path: sql(path, "PRAGMA application_id = 7"),
        "is not what msrp keeps there",
    ),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_store_that_went_bad_is_not_used_and_not_changed(path: Path, fault: str, use: str) -> None:
    store = VerifierStore(path)
    spoil, words = FAULTS[fault]
    spoil(path)
    before = path.read_bytes()
    for attempt in (lambda: USES[use](store), lambda: VerifierStore(path)):
        with pytest.raises(StoreError, match=words) as caught:
            attempt()
        assert str(path.parent) in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("use", ["keep", "remove"])
def test_nothing_is_written_beside_damage_that_only_a_check_finds(path: Path, use: str) -> None:
    store = VerifierStore(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'usual'").fetchone()
    octets = bytearray(path.read_bytes())
    octets[(page - 1) * 4096 : page * 4096] = b"\xa5" * 4096
    path.write_bytes(octets)
    with pytest.raises(StoreError, match="is damaged"):
        USES[use](store)
    assert path.read_bytes() == octets


@pytest.mark.parametrize("use", USES)
def test_a_store_that_vanished_is_missed_and_not_made_anew(path: Path, use: str) -> None:
    store = VerifierStore(path)
    path.unlink()
    with pytest.raises(StoreError, match="is missing"):
        USES[use](store)
    assert not path.exists()


@pytest.mark.parametrize(
    ("statement", "use"),
    [
        ("DROP TABLE pair", "log in"),
        ("DROP TABLE scram", "keep"),
        ("UPDATE scram SET iterations = 1", "log in"),
        ("UPDATE scram SET stored_key = x'00'", "log in"),
        ("UPDATE scram SET salt = 'text'", "log in"),
        ("UPDATE pair SET made = 'yesterday'", "list"),
        ("DROP TABLE digest_md5", "list"),
        ("DELETE FROM store", "open"),
        ("UPDATE store SET decoy_key = 'text'", "open"),
        ("UPDATE usual SET iterations = 2000000000", "open"),
    ],
)
def test_contents_that_make_no_sense_are_told_as_damage(path: Path, statement: str, use: str) -> None:
    sql(path, statement)
    with pytest.raises(StoreError, match="is damaged"):
        (USES | {"open": lambda store: None})[use](VerifierStore(path))


def test_what_belongs_to_another_user_is_not_used(path: Path) -> None:
    if os.geteuid() == 0:
        foreign = [path, path.parent]
        for one in foreign:
            os.chown(one, 12345, -1)
    else:
        foreign = [Path("/etc"), Path("/etc/passwd")]
    for one in foreign:
        with pytest.raises(StoreError, match=f"^{one} belongs to another user"):
            check_private(one)


def test_a_folder_may_lie_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "msrp-peer").symlink_to(tmp_path / "elsewhere")
    open_store(tmp_path).keep(ALICE, BOB, PASSWORD, 0)
    assert (tmp_path / "elsewhere/verifiers.db").exists()
    (tmp_path / "elsewhere").chmod(0o770)
    with pytest.raises(StoreError, match="chmod 700"):
        open_store(tmp_path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot make .*/file/msrp-peer: "):
        open_store(tmp_path / "file")


def test_an_open_umask_opens_nothing(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = open_store(tmp_path)
        store.keep(ALICE, BOB, PASSWORD, 0)
    finally:
        os.umask(before)
    assert store.pairs()  # which looks at the rights


def test_a_change_that_fails_in_the_middle_changes_nothing(path: Path) -> None:
    store = VerifierStore(path)
    sql(path, "CREATE TRIGGER no BEFORE INSERT ON scram BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(StoreError):
        store.keep(ALICE, BOB, Password("quite another one"), 5)
    verifier = store.scram(ALICE.text, BOB.text, "SHA-512")
    assert verifier is not None
    assert verifier.verify(PASSWORD.text)


def test_no_error_holds_what_is_kept(path: Path) -> None:
    store = VerifierStore(path)
    path.write_bytes(b"\xa5" * 4096)
    with pytest.raises(StoreError) as caught:
        store.keep(ALICE, BOB, PASSWORD, 0)
    assert PASSWORD.text not in repr(caught.value) + str(caught.value)


def own_file_systems() -> list[str]:
    """The command that runs another with file systems of its own; nothing where that is not allowed."""
    for rights in ([], ["--map-root-user"]):
        command = ["unshare", "--mount", *rights]
        mounting = [*command, "mount", "-t", "tmpfs", "none", "/mnt"]
        with contextlib.suppress(FileNotFoundError):
            if subprocess.run(mounting, capture_output=True, check=False).returncode == 0:
                return command
    return []


@pytest.mark.parametrize("case", ["full when made", "full when changed", "read-only"])
def test_a_disk_that_takes_nothing(tmp_path: Path, case: str) -> None:
    """On a file system of its own, in a mount namespace that ends with the script."""
    command = own_file_systems()
    if not command:
        pytest.skip("no file system of its own may be mounted here")
    done = subprocess.run(
        [*command, sys.executable, "-P", SCRIPT, tmp_path, case],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(SCRIPT.parents[1])},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "as it was\n"
