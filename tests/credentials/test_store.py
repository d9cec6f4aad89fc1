"""The store of verifiers, over real files."""

from __future__ import annotations

import stat
import threading
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.stores import ALICE, BOB, CAROL, FEW, PASSWORD, open_store
from msrp_peer.credentials.verifiers import KEPT, VerifierStore, usual_path
from msrp_peer.terms.errors import UsageError
from msrp_peer.terms.principal import Principal
from msrp_sasl import Hash, Password, ScramVerifier, Verifiers
from msrp_sasl.verifier import ITERATIONS


@pytest.fixture
def store(tmp_path: Path) -> VerifierStore:
    return open_store(tmp_path)


def test_a_password_is_known_again_and_no_other_is(store: VerifierStore) -> None:
    kept: Verifiers = store
    assert store.keep(ALICE, BOB, PASSWORD, 1000.0) is False
    for hash in KEPT:
        verifier = kept.scram(ALICE.text, BOB.text, hash)
        assert verifier is not None
        assert verifier.hash == hash
        assert verifier.iterations == kept.iterations(hash) == FEW[hash]
        assert verifier.verify(PASSWORD.text)
        assert not verifier.verify("another password")
    assert kept.scram(ALICE.text, BOB.text, "SHA-1") is None
    assert kept.digest_md5(ALICE.text, "lan", BOB.text) is None


def test_it_belongs_to_one_pair_in_one_direction(store: VerifierStore) -> None:
    store.keep(ALICE, BOB, PASSWORD, 0)
    for initiator, acceptor in [(BOB, ALICE), (ALICE, CAROL), (CAROL, BOB), (ALICE, ALICE)]:
        assert store.scram(initiator.text, acceptor.text, "SHA-256") is None
    for scheme in ("sip", "sips"):
        other = Principal.parse(f"{scheme}:alice@lan")
        assert store.scram(other.text, BOB.text, "SHA-256") is None


def test_nobody_logs_in_at_themselves(store: VerifierStore) -> None:
    with pytest.raises(UsageError, match="at themselves"):
        store.keep(BOB, Principal.parse("IM:b%6Fb@LAN"), PASSWORD, 0)
    assert store.pairs() == []


def test_every_verifier_has_a_salt_of_its_own(store: VerifierStore) -> None:
    for initiator, acceptor in [(ALICE, BOB), (BOB, ALICE), (CAROL, BOB)]:
        store.keep(initiator, acceptor, PASSWORD, 0)
    found = [store.scram(p.initiator, p.acceptor, hash) for p in store.pairs() for hash in KEPT]
    salts = {verifier.salt for verifier in found if verifier}
    assert len(salts) == 6
    assert {len(salt) for salt in salts} == {16}


def test_a_change_replaces_all_there_was(store: VerifierStore) -> None:
    store.keep(ALICE, BOB, PASSWORD, 1000.0)
    before = [store.scram(ALICE.text, BOB.text, hash) for hash in KEPT]
    assert store.keep(ALICE, BOB, Password("quite another one", shared=True), 2000.0) is True
    for old, hash in zip(before, KEPT, strict=True):
        new = store.scram(ALICE.text, BOB.text, hash)
        assert old is not None
        assert new is not None
        assert new.salt != old.salt
        assert new.verify("quite another one")
        assert not new.verify(PASSWORD.text)
        assert new.shared
    (pair,) = store.pairs()
    assert (pair.made, pair.generated, pair.shared) == (2000.0, False, True)


def test_what_is_removed_is_gone_from_the_file_too(store: VerifierStore, tmp_path: Path) -> None:
    store.keep(ALICE, BOB, PASSWORD, 0)
    store.keep(CAROL, BOB, PASSWORD, 0)
    verifiers = [store.scram(ALICE.text, BOB.text, hash) for hash in KEPT]
    secrets = [key for v in verifiers if v for key in (v.stored_key, v.server_key, v.salt)]
    on_disk = b"".join(path.read_bytes() for path in tmp_path.rglob("verifiers.db*"))
    assert all(secret in on_disk for secret in secrets), "else the search proves nothing"
    assert store.remove(ALICE, BOB) is True
    assert store.remove(ALICE, BOB) is False
    assert store.scram(ALICE.text, BOB.text, "SHA-256") is None
    assert [pair.initiator for pair in store.pairs()] == [CAROL.text]
    on_disk = b"".join(path.read_bytes() for path in tmp_path.rglob("verifiers.db*"))
    assert not any(secret in on_disk for secret in secrets)


def test_the_password_is_nowhere_in_the_files(store: VerifierStore, tmp_path: Path) -> None:
    store.keep(ALICE, BOB, Password("Sup3rSecretWord"), 0)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"Sup3rSecret" not in path.read_bytes()
    assert "Sup3rSecret" not in repr(vars(store))


def test_what_an_unknown_user_gets_stays_and_looks_alike(store: VerifierStore, tmp_path: Path) -> None:
    store.keep(ALICE, BOB, PASSWORD, 0)
    again = VerifierStore(tmp_path / "msrp-peer/verifiers.db")  # whatever the defaults are now
    assert again.decoy_key == store.decoy_key
    assert len(store.decoy_key) >= 16
    for hash in KEPT:
        assert again.iterations(hash) == FEW[hash]
    assert VerifierStore(tmp_path / "other/verifiers.db").decoy_key != store.decoy_key
    assert VerifierStore(tmp_path / "other/verifiers.db").iterations("SHA-256") == ITERATIONS["SHA-256"]


def test_the_usual_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert usual_path() == tmp_path / "msrp-peer/verifiers.db"
    monkeypatch.setenv("HOME", "/home/somebody")
    for ignored in ("", "relative/folder"):
        monkeypatch.setenv("XDG_DATA_HOME", ignored)
        assert usual_path() == Path("/home/somebody/.local/share/msrp-peer/verifiers.db")


def test_others_can_open_neither_folder_nor_file(store: VerifierStore, tmp_path: Path) -> None:
    store.keep(ALICE, BOB, PASSWORD, 0)
    assert stat.S_IMODE((tmp_path / "msrp-peer").stat().st_mode) == 0o700
    files = list((tmp_path / "msrp-peer").iterdir())
    assert files
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_many_threads_use_one_store(store: VerifierStore) -> None:
    found: list[ScramVerifier | None] = []

    def work(number: int) -> None:
        user = Principal.parse(f"im:user{number}@lan")
        for _ in range(3):
            store.keep(user, BOB, PASSWORD, 0)
            found.append(store.scram(user.text, BOB.text, "SHA-512"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 18
    assert None not in found
    assert len(store.pairs()) == 6


users = st.text(
    st.characters(min_codepoint=0x20, exclude_categories=("Cs", "Cc")), min_size=1, max_size=12
).filter(lambda text: len(text.encode()) < 80)


@st.composite
def spellings(draw: st.DrawFn) -> list[str]:
    """One principal, written in many ways."""
    user, scheme = draw(users), draw(st.sampled_from(["im", "sip", "sips"]))
    forms = [f"{scheme}:{quote(user, safe='')}@lan.example"]
    for _ in range(3):
        encoded = "".join(
            character if character.isascii() and character.isalnum() and draw(st.booleans())
            else "".join(f"%{octet:02{draw(st.sampled_from('xX'))}}" for octet in character.encode())
            for character in user
        )  # fmt: skip
        scheme = draw(st.sampled_from([scheme, scheme.upper(), scheme.title()]))
        forms.append(
            f"{scheme}:{encoded}@{draw(st.sampled_from(['lan.example', 'LAN.example', 'Lan.Example.']))}"
        )
    return forms


@pytest.fixture(scope="module")
def spelled(tmp_path_factory: pytest.TempPathFactory) -> VerifierStore:
    """One for all examples; each cleans up behind itself."""
    return open_store(tmp_path_factory.mktemp("spelled"))


@given(spellings())
def test_every_spelling_names_the_same_pair(spelled: VerifierStore, forms: list[str]) -> None:
    canonical = Principal.parse(forms[0]).text
    assert spelled.keep(Principal.parse(forms[1]), BOB, PASSWORD, 0) is False
    assert [pair.initiator for pair in spelled.pairs()] == [canonical]
    assert spelled.scram(canonical, "IM:b%6fb@LAN.", "SHA-256") is not None
    # On the wire one spelling counts: the decoy of another would tell that this one is no decoy.
    for form in forms:
        assert (spelled.scram(form, BOB.text, "SHA-256") is not None) == (form == canonical)
    assert spelled.remove(Principal.parse(forms[2]), BOB) is True
    assert spelled.remove(Principal.parse(forms[3]), BOB) is False


@pytest.mark.parametrize(
    "user", ["", "alice", "alice@lan", "im:alice@lan ", "' OR 1=1 --", "%", "im:%@lan", "*"]
)
def test_what_is_no_principal_is_nobody(store: VerifierStore, user: str) -> None:
    store.keep(ALICE, BOB, PASSWORD, 0)
    hash: Hash = "SHA-256"
    assert store.scram(user, BOB.text, hash) is None
