"""The key that is kept for a principal: whose it is, where it lies, and who may not have touched it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from msrp_peer.kept.errors import StoreError
from msrp_peer.security.lasting import key_path, lasting_key
from msrp_peer.terms.errors import UsageError
from msrp_peer.terms.principal import Principal
from support.authority import Authority

BOB = "im:bob@lan"
SCRIPT = """
import sys
from pathlib import Path
from msrp_peer.security.lasting import lasting_key
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[2])):
    print(lasting_key(f"im:user{number}@lan", Path(sys.argv[1])).fingerprint, flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def path_of(principal: str, folder: Path | None = None) -> Path:
    return key_path(Principal.parse(principal), folder)


def test_it_is_made_once_and_kept(folder: Path) -> None:
    made = lasting_key(BOB, folder)
    assert lasting_key("IM:bob@LAN", folder).fingerprint == made.fingerprint
    assert lasting_key("im:carol@lan", folder).fingerprint != made.fingerprint
    assert [path.name for path in sorted(folder.iterdir())] == ["im%3abob@lan.pem", "im%3acarol@lan.pem"]


@pytest.mark.rule("4975 14.4-1 14.5-5")
def test_it_names_its_principal_and_nobody_vouches_for_it(folder: Path) -> None:
    key = lasting_key("sip:b%C3%B6b@example.org", folder)
    assert key.names == ("sip:b%C3%B6b@example.org",)
    certificate = key.certificate
    certificate.verify_directly_issued_by(certificate)
    assert isinstance(key.certificate.public_key(), ec.EllipticCurvePublicKey)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [(type(name), name.value) for name in names] == [
        (x509.UniformResourceIdentifier, "sip:b%C3%B6b@example.org")
    ]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    # Neither our clock nor the moment it was made shows.
    assert certificate.not_valid_before_utc.year == 2000
    assert certificate.not_valid_after_utc.year == 9999


def test_nobody_else_may_open_it(folder: Path) -> None:
    old = os.umask(0)
    try:
        lasting_key(BOB, folder)
    finally:
        os.umask(old)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path_of(BOB, folder).stat().st_mode) == 0o600
    load_pem_private_key(path_of(BOB, folder).read_bytes(), None)


def test_it_lies_in_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    old = os.umask(0)
    try:
        lasting_key(BOB)
    finally:
        os.umask(old)
    assert path_of(BOB) == tmp_path / "msrp-peer" / "keys" / "im%3abob@lan.pem"
    assert path_of(BOB).exists()
    assert stat.S_IMODE((tmp_path / "msrp-peer").stat().st_mode) == 0o700


@pytest.mark.rule("4975 14.4-3")
def test_no_two_principals_share_a_file(folder: Path) -> None:
    """Even where the disk does not tell upper case from lower, and for names longer than a file's may be."""
    names = [
        "im:bob@lan",
        "im:Bob@lan",
        "sip:bob@lan",
        "sips:bob@lan",
        "im:bob%40@lan",
        "im:bob%2f..@lan",
        "im:b%C3%B6b@lan",
        f"im:{'x' * 250}@lan",
        f"im:{'x' * 249}y@lan",
    ]
    paths = [path_of(name, folder) for name in names]
    assert len({path.name.lower() for path in paths}) == len(names)
    for name, path in zip(names, paths, strict=True):
        assert path.parent == folder
        assert len(path.name) < 255
        assert lasting_key(name, folder).names == (Principal.parse(name).text,)


def test_two_processes_get_the_same(folder: Path) -> None:
    many = 40
    processes = [
        subprocess.Popen(
            [sys.executable, "-P", "-c", SCRIPT, folder, str(many)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        said = [process.communicate()[0].split() for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert len(said[0]) == len(set(said[0])) == many
    assert said[0] == said[1] == said[2]
    assert len(list(folder.iterdir())) == many  # and no drafts


def refused(folder: Path, words: str) -> None:
    before = {path: path.lstat() for path in folder.iterdir()}
    with pytest.raises(StoreError, match=words):
        lasting_key(BOB, folder)
    assert {path: path.lstat().st_mtime_ns for path in folder.iterdir()} == {
        path: found.st_mtime_ns for path, found in before.items()
    }


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_may_open_is_refused(folder: Path, mode: int) -> None:
    lasting_key(BOB, folder)
    path_of(BOB, folder).chmod(mode)
    refused(folder, "can be opened by other users .* chmod 600 ")


def test_a_folder_that_others_may_open_is_refused(folder: Path) -> None:
    folder.mkdir(0o755)
    refused(folder, "can be opened by other users .* chmod 700 ")


@pytest.mark.parametrize("target", ["there", "missing"])
def test_a_link_is_refused(folder: Path, tmp_path: Path, target: str) -> None:
    """Whoever could put one there would choose the key."""
    lasting_key("im:carol@lan", folder)
    other = tmp_path / target
    if target == "there":
        other.write_bytes(
            lasting_key(BOB, tmp_path / "elsewhere") and path_of(BOB, tmp_path / "elsewhere").read_bytes()
        )
        other.chmod(0o600)
    path_of(BOB, folder).symlink_to(other)
    refused(folder, "is no regular file, and is not used")
    assert other.exists() == (target == "there")


def test_what_is_no_file_is_refused(folder: Path) -> None:
    lasting_key("im:carol@lan", folder)
    os.mkfifo(path_of(BOB, folder), 0o600)
    refused(folder, "is no regular file, and is not used")


@pytest.mark.parametrize("keep", ["", "nonsense", "the key", "the certificate", "half"])
def test_a_damaged_one_is_refused(folder: Path, keep: str) -> None:
    lasting_key(BOB, folder)
    path = path_of(BOB, folder)
    octets = path.read_bytes()
    border = octets.index(b"-----BEGIN CERTIFICATE")
    path.write_bytes(
        {
            "": b"",
            "nonsense": os.urandom(500),
            "the key": octets[:border],
            "the certificate": octets[border:],
            "half": octets[:-40],
        }[keep]
    )
    refused(folder, r"im%3abob@lan\.pem is damaged \(.*move it away")


def test_somebody_elses_is_refused(folder: Path) -> None:
    lasting_key("im:carol@lan", folder)
    path_of("im:carol@lan", folder).rename(path_of(BOB, folder))
    refused(folder, r"is not that of im:bob@lan: put back")


def test_a_certificate_of_another_key_is_refused(folder: Path) -> None:
    one, two = lasting_key(BOB, folder), Authority().issue_pem(BOB)
    path = path_of(BOB, folder)
    octets = path.read_bytes()
    border = octets.index(b"-----BEGIN CERTIFICATE")
    path.write_bytes(octets[:border] + two[0])
    refused(folder, "is damaged .the certificate belongs to another key")
    assert one.fingerprint


def test_a_full_disk_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(0o700)
    program = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "from msrp_peer.security.lasting import lasting_key\n"
        f"lasting_key({BOB!r}, Path(sys.argv[1]))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-P", "-c", program, folder], capture_output=True, text=True, check=False
    )
    assert "StoreError: cannot keep a key in" in ran.stderr
    assert "File too large" in ran.stderr
    assert list(folder.iterdir()) == []


def test_what_is_no_principal(folder: Path) -> None:
    with pytest.raises(UsageError, match="did you mean im:bob@lan"):
        lasting_key("bob@lan", folder)
    assert not folder.exists()
