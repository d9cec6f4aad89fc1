"""A file of the other side lands in the directory, whole, under a free name, or not at all."""

from __future__ import annotations

import errno
import hashlib
import ntpath
import os
import stat
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_peer.session.files import FileDamaged, Receiving, safe_name
from msrp_peer.session.hashes import hash_file, read_blocks
from msrp_peer.session.parts import part_size
from msrp_peer.terms.display import is_plain
from msrp_peer.terms.errors import UsageError

SHA_ABC = hashlib.sha256(b"abc").digest()


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.mark.rule("5547 6-4")
@pytest.mark.parametrize(
    ("remote", "name"),
    [
        ("a.txt", "a.txt"),
        ("Übersicht 世界.pdf", "Übersicht 世界.pdf"),
        (None, "file"),
        ("", "file"),
        ("..", "file"),
        (" . . ", "file"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("C:\\Windows\\system.ini", "system.ini"),
        ("C:evil.txt", "C_evil.txt"),
        ("a.txt:stream", "a.txt_stream"),
        (".bashrc", "bashrc"),
        ("...rc", "rc"),
        ("a.txt. . ", "a.txt"),
        ("a\x00.txt", "a_.txt"),
        ("a\n\x1b[2J.txt", "a__[2J.txt"),
        ("gpj.\u202eexe", "gpj._exe"),
        ("\ud800.txt", "_.txt"),
        ('<a>|"b"?*', "_a___b___"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("com1 .tar.gz", "_com1 .tar.gz"),
        ("LPT³", "_LPT³"),
        ("-rf", "_rf"),
        ("-", "_"),
        ("a.PART", "a_PART"),
        ("a" * 300 + ".tar.gz", "a" * 197 + ".gz"),
        ("ü" * 300 + ".x", "ü" * 99 + ".x"),
        ("a." + "b" * 300, "a." + "b" * 198),
        ("con" + " " * 195 + "x.txt", "_con.txt"),
        ("con." + "x" * 196, "_con." + "x" * 195),
        ("x" * 190 + " . . . . .jpg", "x" * 190 + ".jpg"),
    ],
)
def test_safe_names(remote: str | None, name: str) -> None:
    assert safe_name(remote) == name


reserved = getattr(ntpath, "isreserved", lambda name: PureWindowsPath(name).is_reserved())
parts = st.sampled_from(
    ["..", "/", "\\", "C:", "CON", "nul", "com1", ".", " ", "\x00", "-", ".part", "a", "ü" * 99]
)


@given(st.none() | st.text(st.characters(codec=None)) | st.lists(parts, max_size=8).map("".join))
def test_a_safe_name_is_one_component_of_any_system(remote: str | None) -> None:
    name = safe_name(remote)
    assert Path("/d", name).parent == Path("/d")
    assert os.path.normpath(f"/d/{name}") == f"/d/{name}"
    windows = PureWindowsPath("C:/d", name)
    assert windows.parent == PureWindowsPath("C:/d")
    assert windows.name == name
    assert not reserved(name)
    assert not set('<>:"|?*/\\') & set(name)
    assert 1 <= len(name.encode()) <= 200
    assert name[0] not in ". -"
    assert name[-1] not in ". "
    assert not name.lower().endswith(".part")
    assert all(is_plain(c) for c in name)
    assert safe_name(name) == name


def test_a_whole_file(tmp_path: Path) -> None:
    receiving = Receiving(tmp_path, "a.txt", size=3, digest=SHA_ABC)
    assert names(tmp_path) == ["a.txt.part"]
    assert stat.S_IMODE(receiving.part.stat().st_mode) == 0o600
    receiving.write(b"a")
    receiving.write(memoryview(bytearray(b"bc")))
    received = receiving.finish()
    assert received.path == tmp_path / "a.txt"
    assert received.path.read_bytes() == b"abc"
    assert (received.size, received.sha256_hex, received.checked) == (3, SHA_ABC.hex(), True)
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_finished_file_has_the_mode_of_any_new_file(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        received = Receiving(tmp_path, "a").finish()
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert stat.S_IMODE(received.path.stat().st_mode) == 0o666 & ~mask


def test_without_digest_it_says_not_checked(tmp_path: Path) -> None:
    received = Receiving(tmp_path, None).finish()
    assert (received.path.name, received.size, received.checked) == ("file", 0, False)


def test_a_stream_tells_its_digest_last(tmp_path: Path) -> None:
    receiving = Receiving(tmp_path, "a")
    receiving.write(b"abc")
    receiving.set_digest(SHA_ABC)
    assert receiving.finish().checked
    wrong_before = Receiving(tmp_path, "a", digest=bytes(32))
    wrong_before.write(b"abc")
    wrong_before.set_digest(SHA_ABC)
    with pytest.raises(FileDamaged):
        wrong_before.finish()


def test_a_wrong_digest_keeps_the_part_and_names_both(tmp_path: Path) -> None:
    receiving = Receiving(tmp_path, "a", digest=SHA_ABC)
    receiving.write(b"abd")
    with pytest.raises(FileDamaged, match=f"{hashlib.sha256(b'abd').hexdigest()}.*{SHA_ABC.hex()}") as damage:
        receiving.finish()
    assert damage.value.partial.read_bytes() == b"abd"
    assert names(tmp_path) == ["a.part"]
    receiving.discard()
    assert names(tmp_path) == []


def test_a_file_too_short_is_damaged(tmp_path: Path) -> None:
    receiving = Receiving(tmp_path, "a", size=4)
    receiving.write(b"abc")
    with pytest.raises(FileDamaged, match="4 octets, 3 arrived"):
        receiving.finish()
    assert names(tmp_path) == ["a.part"]


@pytest.mark.rule("5547 10-4")
def test_a_file_too_long_is_stopped_at_once(tmp_path: Path) -> None:
    receiving = Receiving(tmp_path, "a", size=3)
    receiving.write(b"abc")
    with pytest.raises(FileDamaged, match="3 octets"):
        receiving.write(b"d")
    with pytest.raises(UsageError):
        receiving.finish()
    assert receiving.keep().read_bytes() == b"abc"


def test_an_existing_file_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(b"mine")
    first = Receiving(tmp_path, "a.tar.gz").finish()
    second = Receiving(tmp_path, "a.tar.gz").finish()
    assert (first.path.name, second.path.name) == ("a (1).tar.gz", "a (2).tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes() == b"mine"


def test_a_file_that_appears_meanwhile_is_not_touched(tmp_path: Path) -> None:
    receiving = Receiving(tmp_path, "a.txt")
    (tmp_path / "a.txt").write_bytes(b"mine")
    assert receiving.finish().path.name == "a (1).txt"
    assert (tmp_path / "a.txt").read_bytes() == b"mine"


def test_overwriting_replaces_only_when_the_new_one_is_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    damaged = Receiving(tmp_path, "a", size=1, overwrite=True)
    with pytest.raises(FileDamaged):
        damaged.finish()
    assert (tmp_path / "a").read_bytes() == b"old"
    whole = Receiving(tmp_path, "a", overwrite=True)
    whole.write(b"new")
    assert whole.finish().path.read_bytes() == b"new"
    assert names(tmp_path) == ["a", "a.part"]


def test_a_part_of_another_transfer_stays(tmp_path: Path) -> None:
    first = Receiving(tmp_path, "a.txt")
    second = Receiving(tmp_path, "a.txt")
    assert second.part.name == "a (1).txt.part"
    first.write(b"1")
    second.write(b"2")
    assert second.finish().path.name == "a.txt"
    assert first.keep().read_bytes() == b"1"


def test_keep_and_discard_may_come_again(tmp_path: Path) -> None:
    receiving = Receiving(tmp_path, "a")
    assert receiving.keep() == receiving.keep() == tmp_path / "a.part"
    receiving.discard()
    receiving.discard()
    assert names(tmp_path) == []
    with pytest.raises(UsageError):
        receiving.write(b"x")


def test_discarding_a_finished_file_leaves_it(tmp_path: Path) -> None:
    receiving = Receiving(tmp_path, "a")
    receiving.finish()
    receiving.discard()
    assert names(tmp_path) == ["a"]


def test_leaving_the_block_early_keeps_the_part(tmp_path: Path) -> None:
    with Receiving(tmp_path, "a") as receiving:
        receiving.write(b"x")
    assert (tmp_path / "a.part").read_bytes() == b"x"


def test_a_digest_of_another_length_is_our_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        Receiving(tmp_path, "a", digest=b"short")
    assert names(tmp_path) == []


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """A directory to receive into, with a precious file beside it."""
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


@pytest.fixture(params=["links", "no links"])
def links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system with hard links, then one without."""

    def refuse(*args: object, **more: object) -> NoReturn:
        raise PermissionError(errno.EPERM, "no hard links here")

    if request.param == "no links":
        monkeypatch.setattr(os, "link", refuse)


@pytest.mark.usefixtures("links")
@pytest.mark.parametrize("planted", ["a.txt", "a.txt.part"])
@pytest.mark.parametrize("dangling", [False, True])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_planted_symbolic_link_is_not_followed(
    inbox: Path, planted: str, dangling: bool, overwrite: bool
) -> None:
    victim = inbox.parent / "victim"
    if dangling:
        victim.unlink()
    (inbox / planted).symlink_to(victim)
    with Receiving(inbox, "a.txt", overwrite=overwrite) as receiving:
        receiving.write(b"hostile")
        path = receiving.finish().path
    assert not path.is_symlink()
    assert path.read_bytes() == b"hostile"
    assert victim.exists() != dangling
    assert dangling or victim.read_bytes() == b"precious"


def test_a_part_replaced_meanwhile_is_not_taken_for_ours(inbox: Path) -> None:
    receiving = Receiving(inbox, "a")
    receiving.part.unlink()
    receiving.part.symlink_to(inbox.parent / "victim")
    with pytest.raises(FileDamaged, match="replaced"):
        receiving.finish()
    receiving.discard()
    assert names(inbox) == ["a.part"]
    assert (inbox.parent / "victim").read_bytes() == b"precious"


@pytest.mark.usefixtures("links")
def test_many_at_once_all_get_a_name(tmp_path: Path) -> None:
    together = threading.Barrier(16)
    paths: list[Path] = []

    def one(number: int) -> None:
        content = bytes([number]) * 10_000
        together.wait()
        receiving = Receiving(tmp_path, "a.bin", size=len(content), digest=hashlib.sha256(content).digest())
        for at in range(0, len(content), 1000):
            receiving.write(content[at : at + 1000])
        together.wait()
        paths.append(receiving.finish().path)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names(tmp_path) == sorted(path.name for path in paths)
    assert len(set(paths)) == 16
    assert {path.read_bytes() for path in paths} == {bytes([number]) * 10_000 for number in range(16)}


def test_a_failing_rename_leaves_no_empty_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **more: object) -> NoReturn:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "link", broken)
    monkeypatch.setattr(Path, "replace", broken)
    receiving = Receiving(tmp_path, "a")
    receiving.write(b"x")
    with pytest.raises(OSError, match="broken"):
        receiving.finish()
    assert names(tmp_path) == ["a.part"]
    assert receiving.keep().read_bytes() == b"x"


@pytest.fixture
def plain_user(tmp_path: Path) -> Iterator[Path]:
    """A directory of somebody without privileges, and the test being that person."""
    if os.geteuid() != 0:
        yield tmp_path
        tmp_path.chmod(0o700)
        return
    with tempfile.TemporaryDirectory() as name:  # root's tmp_path cannot be entered by others
        os.chown(name, 65534, 65534)
        os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            os.seteuid(0)


def test_a_read_only_directory(plain_user: Path) -> None:
    plain_user.chmod(0o500)
    with pytest.raises(PermissionError):
        Receiving(plain_user, "a")


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_directory_that_becomes_read_only(plain_user: Path, overwrite: bool) -> None:
    receiving = Receiving(plain_user, "a", overwrite=overwrite)
    receiving.write(b"x")
    plain_user.chmod(0o500)
    with pytest.raises(PermissionError):
        receiving.finish()
    assert names(plain_user) == ["a.part"]
    assert receiving.keep().read_bytes() == b"x"


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Receiving(tmp_path / "no", "a")


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    receiving = Receiving(tmp_path, "a")
    receiving.write(b"abc")
    with Path("/dev/full").open("wb", buffering=0) as full:
        real = receiving._file
        monkeypatch.setattr(receiving, "_file", full)
        with pytest.raises(OSError) as refused:
            receiving.write(b"def")
        monkeypatch.setattr(receiving, "_file", real)
    assert refused.value.errno == errno.ENOSPC
    with pytest.raises(UsageError, match="keep or discard"):
        receiving.finish()
    assert receiving.keep().read_bytes() == b"abc"


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    receiving = Receiving(tmp_path, "a", size=10, digest=hashlib.sha256(b"0123456789").digest())
    file = receiving._file
    with monkeypatch.context() as patch:
        patch.setattr(receiving, "_file", SimpleNamespace(write=lambda octets: file.write(octets[:3])))
        receiving.write(b"0123456789")
    assert receiving.finish().path.read_bytes() == b"0123456789"


def test_blocks(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"0123456789")
    assert list(read_blocks(path, 4)) == [b"0123", b"4567", b"89"]
    path.write_bytes(b"")
    assert list(read_blocks(path)) == []
    with pytest.raises(FileNotFoundError):
        next(read_blocks(tmp_path / "no"))


def test_hashing_tells_how_far_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a"
    content = os.urandom((1 << 20) + 5)
    path.write_bytes(content)
    told: list[tuple[int, int]] = []
    digest = hash_file(path, lambda done, total: told.append((done, total)))
    assert digest == hashlib.sha256(content).digest() == hash_file(path)
    assert told == [(1 << 20, len(content)), (len(content), len(content))]


WHOLE = bytes(range(256)) * 300
SHA1 = hashlib.sha1(WHOLE, usedforsecurity=False).digest()


@pytest.mark.parametrize("hashes", [{"sha1": SHA1}, {"digest": hashlib.sha256(WHOLE).digest()}])
def test_a_part_goes_on(hashes: dict[str, bytes], tmp_path: Path) -> None:
    """RFC 5547 section 6: the rest by its range; the hash is that of the whole file."""
    with Receiving(tmp_path, "a.bin", size=len(WHOLE)) as first:
        first.write(WHOLE[:1000])
        part = first.keep()
    with Receiving(tmp_path, "a.bin", size=len(WHOLE), resume=part, **hashes) as again:  # type: ignore[arg-type]
        assert again.received == 1000
        again.write(WHOLE[1000:])
        received = again.finish()
    assert received.path.read_bytes() == WHOLE
    assert received.checked
    assert list(tmp_path.iterdir()) == [tmp_path / "a.bin"]


def test_a_part_of_another_file_is_found_out(tmp_path: Path) -> None:
    part = tmp_path / "a.bin.part"
    part.write_bytes(b"x" * 1000)
    with Receiving(tmp_path, "a.bin", size=len(WHOLE), resume=part, sha1=SHA1) as again:
        again.write(WHOLE[1000:])
        with pytest.raises(FileDamaged, match="SHA-1"):
            again.finish()
    assert part.exists()
    assert not (tmp_path / "a.bin").exists()


def test_what_cannot_go_on(tmp_path: Path) -> None:
    part = tmp_path / "a.part"
    part.write_bytes(b"x")
    with pytest.raises(UsageError, match="hash was told"):
        Receiving(tmp_path, "a", resume=part)
    for other in (tmp_path / "a", tmp_path.parent / "a.part", tmp_path / ".." / "a.part"):
        with pytest.raises(UsageError, match="no part"):
            Receiving(tmp_path, "a", resume=other, sha1=SHA1)
    with pytest.raises(FileNotFoundError):
        Receiving(tmp_path, "a", resume=tmp_path / "b.part", sha1=SHA1)
    (tmp_path / "c.part").symlink_to(part)
    with pytest.raises(OSError, match=r"c\.part"):
        Receiving(tmp_path, "a", resume=tmp_path / "c.part", sha1=SHA1)
    os.mkfifo(tmp_path / "d.part")
    with pytest.raises(UsageError, match="no file"):
        Receiving(tmp_path, "a", resume=tmp_path / "d.part", sha1=SHA1)
    with pytest.raises(UsageError, match="20 octets"):
        Receiving(tmp_path, "a", sha1=b"short")


def test_a_part_belongs_to_one_transfer(tmp_path: Path) -> None:
    """Else another file of the same name would be written into it behind its hash."""
    with Receiving(tmp_path, "a.bin", size=30) as first:
        first.write(b"x" * 10)
        assert part_size(first.part) == 0
        with pytest.raises(BlockingIOError, match="already"):
            Receiving(tmp_path, "a.bin", size=30, sha1=b"h" * 20, resume=first.part)
        first.write(b"x" * 20)
        assert first.finish().path.read_bytes() == b"x" * 30
    with Receiving(tmp_path, "b.bin", size=30) as second:
        second.write(b"x" * 10)
    assert part_size(second.part) == 10
