"""Keys in files of the user's own: what is read, and what is refused, in words that say what to do."""

from __future__ import annotations

import os
import pickle
import subprocess
from pathlib import Path

import pytest
from OpenSSL import SSL

from msrp_peer.security.errors import KeyUnusable, PassphraseNeeded
from msrp_peer.security.keys import Key
from msrp_peer.security.own_key import OwnKey, read_key
from msrp_peer.terms.errors import UsageError
from support.authority import CA, Authority, Wanted, host, pem, uri, weak_key, write

BOB = "im:bob@example.org"
Files = tuple[Path, Path]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def files(authority: Authority, tmp_path: Path) -> Files:
    return write(tmp_path, "bob", *authority.issue_pem(BOB))


def openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def test_a_key_and_its_chain(authority: Authority, tmp_path: Path) -> None:
    between = authority.intermediate()
    key: Key = read_key(*write(tmp_path, "bob", *between.issue_pem(BOB)))
    assert isinstance(key, OwnKey)
    assert key.names == (BOB,)
    assert key.chain == (between.certificate,)
    key.install(SSL.Context(SSL.TLS_METHOD))
    assert repr(key) == f"<OwnKey {key.fingerprint}>"


def test_both_in_one_file(files: Files) -> None:
    both = files[1]
    both.write_bytes(both.read_bytes() + files[0].read_bytes())
    assert read_key(both).names == read_key(both, both).names == (BOB,)


@pytest.mark.parametrize(
    "kind",
    [
        "-newkey ec -pkeyopt ec_paramgen_curve:P-384",
        "-newkey rsa:2048",
        "-newkey ed25519",
    ],
)
def test_keys_that_openssl_makes(tmp_path: Path, kind: str) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    openssl(
        *f"req -x509 {kind} -nodes -subj /CN=bob -addext subjectAltName=URI:{BOB}".split(),
        "-keyout",
        key,
        "-out",
        cert,
    )
    key.chmod(0o600)
    assert read_key(cert, key).names == (BOB,)


def test_names_are_principals_alone(authority: Authority) -> None:
    names = [
        uri("SIP:Bob@EXAMPLE.org"),
        uri("https://example.org/bob"),
        uri("sip:example.org"),
        host("bob.example.org"),
        uri(BOB),
        uri("im:bob@example.org;x=y"),
    ]
    assert authority.issue(wanted=Wanted(names=names)).names == ("sip:Bob@example.org", BOB)
    assert authority.issue(wanted=Wanted(names=None, common_name=BOB)).names == ()


def test_an_encrypted_key(files: Files, tmp_path: Path) -> None:
    locked = tmp_path / "locked.pem"
    openssl("pkey", "-in", files[1], "-aes256", "-passout", "pass:sesame", "-out", locked)
    locked.chmod(0o600)
    with pytest.raises(PassphraseNeeded, match=r"the key in .*locked\.pem is encrypted"):
        read_key(files[0], locked)
    assert read_key(files[0], locked, b"sesame").names == (BOB,)
    with pytest.raises(KeyUnusable, match=r"passphrase is wrong, or the key is damaged") as caught:
        read_key(files[0], locked, b"tahini")
    assert "tahini" not in str(caught.value)
    # A passphrase that is not needed does no harm.
    assert read_key(*files, b"sesame").names == (BOB,)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o602])
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_the_rights_of_a_key(files: Files, mode: int) -> None:
    files[1].chmod(mode)
    program = (
        "import os, sys\nfrom pathlib import Path\n"
        "from msrp_peer.security.own_key import read_key\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "print(read_key(*map(Path, sys.argv[1:])).names)\n"
    )

    def ran(uid: int, gid: int = 65534) -> str:
        import sys

        os.chown(files[1], uid, gid)
        for parent in (files[0], *files[0].parents):
            if parent != Path("/"):
                parent.chmod(parent.stat().st_mode | 0o055)
        done = subprocess.run(
            [sys.executable, "-P", "-c", program, *files], capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr

    assert f"chmod 600 {files[1]}" in ran(65534)  # the user's own
    theirs = ran(0)  # a service's: its group may read it
    assert (BOB in theirs) == (mode == 0o640), theirs
    if mode in (0o644, 0o640):
        assert "belongs to another user" in ran(1234)
    files[1].chmod(0o600)
    assert BOB in ran(65534)


def test_others_may_read_it(files: Files) -> None:
    files[1].chmod(0o644)
    with pytest.raises(KeyUnusable, match=r"can be read by other users .* chmod 600 "):
        read_key(*files)
    # The certificate is for everybody.
    files[1].chmod(0o600)
    files[0].chmod(0o666)
    read_key(*files)
    # Given alone, it is its key that is missing, and not its rights that are wrong.
    with pytest.raises(KeyUnusable, match="there is no private key in PEM"):
        read_key(files[0])
    files[0].write_bytes(files[0].read_bytes() + files[1].read_bytes())
    with pytest.raises(KeyUnusable, match=r"can be read by other users .* chmod 600 "):
        read_key(files[0])


def test_a_link_to_the_users_own_is_followed(files: Files, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(files[1])
    assert read_key(files[0], link).names == (BOB,)


def test_files_that_are_not_there(files: Files, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no file .*nowhere"):
        read_key(tmp_path / "nowhere", files[1])
    with pytest.raises(KeyUnusable, match=r"cannot read .*: Is a directory"):
        read_key(tmp_path, files[1])


def test_what_is_no_certificate(files: Files, tmp_path: Path) -> None:
    for octets in (b"", b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        files[0].write_bytes(octets)
        with pytest.raises(KeyUnusable, match=r"bob\.pem and .*bob\.key: there is no certificate in PEM"):
            read_key(*files)
    with (tmp_path / "big").open("wb") as big:
        big.truncate(2 << 20)
    with pytest.raises(KeyUnusable, match="is no file of certificates"):
        read_key(tmp_path / "big", files[1])


def test_what_is_no_key(files: Files) -> None:
    for octets in (b"", b"hello", files[0].read_bytes()):
        files[1].write_bytes(octets)
        with pytest.raises(KeyUnusable, match="there is no private key in PEM"):
            read_key(*files)


def test_a_key_of_no_use(files: Files) -> None:
    openssl("genpkey", "-algorithm", "x25519", "-out", files[1])
    with pytest.raises(KeyUnusable, match="TLS has no use for a key of this kind"):
        read_key(*files)


def test_another_key(authority: Authority, files: Files) -> None:
    files[1].write_bytes(authority.issue_pem(BOB)[1])
    with pytest.raises(KeyUnusable, match="the certificate belongs to another key"):
        read_key(*files)


def test_a_chain_in_the_wrong_order(authority: Authority, files: Files) -> None:
    files[0].write_bytes(pem(authority.certificate) + files[0].read_bytes())
    with pytest.raises(KeyUnusable, match="the key's own stands first"):
        read_key(*files)


def test_too_many_certificates(files: Files) -> None:
    files[0].write_bytes(files[0].read_bytes() * 11)
    with pytest.raises(KeyUnusable, match="11 certificates are more than the 10"):
        read_key(*files)


def test_a_key_that_is_too_weak(authority: Authority) -> None:
    weak = authority.issue(wanted=Wanted(names=[uri(BOB)], private=weak_key()))
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_cipher_list(b"ECDHE+AESGCM:@SECLEVEL=2")
    with pytest.raises(KeyUnusable, match="OpenSSL does not use this key: ee key too small"):
        weak.install(context)


def test_the_private_key_stays_inside(authority: Authority) -> None:
    mine = authority.issue(BOB)
    assert not [name for name in dir(mine) if "private" in name and not name.startswith("_")]
    with pytest.raises(TypeError):
        pickle.dumps(mine)
    assert CA.ca
