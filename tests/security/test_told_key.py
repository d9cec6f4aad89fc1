"""A lasting key that is told over a compared line: it is the teller's own, and of this line alone."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from msrp_peer.security.errors import KeyUnusable
from msrp_peer.security.lasting import lasting_key
from msrp_peer.security.own_key import OwnKey
from msrp_peer.security.told_key import ToldKey, hear, tell
from msrp_peer.terms.errors import PeerError
from msrp_peer.terms.principal import Principal
from support.authority import Authority, Wanted, host, uri

ALICE = Principal.parse("im:alice@lan")
CHEATS = "a key that it does not have"


@dataclass(frozen=True)
class Line:
    """What both ends of one line know."""

    exported: bytes
    nonces: tuple[bytes, bytes]

    def hear(self, told: tuple[bytes, bytes], *, asker: bool = True) -> ToldKey:
        return hear(*told, self.exported, self.nonces, asker=asker)

    def tell(self, key: OwnKey, *, asker: bool = True) -> tuple[bytes, bytes]:
        return tell(key, self.exported, self.nonces, asker=asker)


@pytest.fixture
def line() -> Line:
    return Line(os.urandom(32), (os.urandom(16), os.urandom(16)))


@pytest.fixture(scope="module")
def alices(tmp_path_factory: pytest.TempPathFactory) -> OwnKey:
    return lasting_key(ALICE.text, tmp_path_factory.mktemp("alice"))


@pytest.mark.parametrize("asker", [False, True])
def test_it_names_its_owner_and_is_the_one_that_tls_will_show(
    line: Line, alices: OwnKey, asker: bool
) -> None:
    told = line.tell(alices, asker=asker)
    assert line.hear(told, asker=asker) == ToldKey(ALICE, alices.fingerprint)


def test_of_another_line_it_is_nobodys(line: Line, alices: OwnKey) -> None:
    asked, answered = line.nonces
    others = (
        replace(line, exported=os.urandom(32)),
        replace(line, nonces=(os.urandom(16), answered)),
        replace(line, nonces=(asked, os.urandom(16))),
    )
    for other in others:
        with pytest.raises(PeerError, match=CHEATS):
            line.hear(other.tell(alices))


def test_what_we_told_ourselves_does_not_come_back(line: Line, alices: OwnKey) -> None:
    with pytest.raises(PeerError, match=CHEATS):
        line.hear(line.tell(alices, asker=False), asker=True)


def test_the_key_of_somebody_else_is_not_told_without_having_it(
    line: Line, alices: OwnKey, tmp_path: Path
) -> None:
    eves = lasting_key("im:eve@lan", tmp_path)
    _, proof = line.tell(eves)
    with pytest.raises(PeerError, match=CHEATS):
        line.hear((alices.der, proof))


def test_another_certificate_for_the_same_key_is_not_the_one_told(line: Line) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    wanted = Wanted(names=[uri(ALICE.text)], private=private)
    first, again = Authority().issue(wanted=wanted), Authority().issue(wanted=wanted)
    _, proof = line.tell(first)
    with pytest.raises(PeerError, match=CHEATS):
        line.hear((again.der, proof))


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(names=None),
        Wanted(names=[host("lan")]),
        Wanted(names=[uri(ALICE.text), uri("im:eve@lan")]),
        Wanted(names=[uri(ALICE.text)], ca=True),
        Wanted(names=[uri(ALICE.text)], usage=("key_cert_sign",)),
    ],
)
def test_it_is_that_of_one_person(line: Line, wanted: Wanted) -> None:
    with pytest.raises(PeerError, match="not that of one person"):
        line.hear(line.tell(Authority().issue(wanted=wanted)))


def test_keys_of_another_kind(line: Line, alices: OwnKey) -> None:
    _, proof = line.tell(alices)
    for private in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())):
        key = Authority().issue(wanted=Wanted(names=[uri(ALICE.text)], private=private))
        with pytest.raises(KeyUnusable, match="P-256"):
            line.tell(key)
        with pytest.raises(PeerError, match="of another kind"):
            line.hear((key.der, proof))


@pytest.mark.parametrize(
    ("whole", "odd"),
    [("a003020102", "a003020105"), ("0c08" + b"somebody".hex(), "0c08" + b"somebod\xff".hex())],
    ids=["version", "name"],
)
def test_what_one_library_reads_and_another_does_not(line: Line, whole: str, odd: str) -> None:
    """Each has exceptions of its own for that."""
    key = Authority().issue(ALICE.text)
    certificate = key.der.replace(bytes.fromhex(whole), bytes.fromhex(odd))
    assert certificate != key.der
    with pytest.raises(PeerError, match="cannot be read"):
        line.hear((certificate, line.tell(key)[1]))


@given(octets=st.binary(max_size=64), at=st.integers(0, 1 << 16), whole=st.booleans())
def test_whatever_comes_is_refused_or_true(octets: bytes, at: int, whole: bool) -> None:
    line = Line(bytes(32), (bytes(16), bytes(16)))
    told = line.tell(_KEY)
    certificate, proof = told
    at %= len(certificate)
    changed = (octets, octets) if whole else (certificate[:at] + octets + certificate[at + 1 :], proof)
    try:
        found = line.hear(changed)
    except PeerError:
        return
    assert changed == told
    assert found.fingerprint == _KEY.fingerprint


_KEY = Authority().issue(ALICE.text)
