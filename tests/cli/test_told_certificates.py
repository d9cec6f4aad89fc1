"""`msrp offer` and `msrp answer` with `--auth certificate`: the key that is told is somebody's."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from cli.programs import AT, Program, Start, carry, exchanged, printed
from msrp_peer.security.known import Learned
from msrp_peer.security.known_peers import KnownPeers
from msrp_peer.security.lasting import lasting_key
from msrp_peer.security.own_key import read_key
from msrp_peer.terms.principal import Principal
from support.authority import authority_of

ALICE, BOB, EVE = "im:alice@example.com", "im:bob@example.com", "im:eve@example.com"
TO_BOB = ("Lunch?", "--expect", BOB)
TO_ALICE = ("--listen", "--expect", ALICE)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keys of this test alone."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an authority gave to alice, bob and eve."""
    folder = tmp_path_factory.mktemp("papers")
    authority_of(folder, {"alice": ALICE, "bob": BOB, "eve": EVE})
    return folder


def papers(files: Path, name: str) -> list[str | Path]:
    return ["--cert", files / f"{name}.pem", "--key", files / f"{name}.key", "--ca", files / "ca.pem"]


@pytest.mark.parametrize("more", [(), ("--connect",), ("--protected",)])
def test_each_is_proved_to_the_other(msrp: Start, files: Path, more: tuple[str, ...]) -> None:
    """The texts tell the fingerprints of their certificates."""
    alice, bob, offer, answer = exchanged(
        msrp,
        [*TO_BOB, *papers(files, "alice"), *more],
        [*TO_ALICE, *papers(files, "bob"), "--auth", "certificate", "--require", "authenticated"],
    )
    for text, name in ((offer, "alice"), (answer, "bob")):
        assert read_key(files / f"{name}.pem", files / f"{name}.key").fingerprint in text
    assert (alice.wait(), bob.wait()) == (0, 0), alice.errors + bob.errors
    for program, other in ((alice, BOB), (bob, ALICE)):
        assert f"{other} (proved)" in program.output
        assert f"protected, and {other} is proved by a certificate of an authority you" in program.output
    assert f"{ALICE} (proved): Lunch?" in bob.output


def test_keys_that_were_compared(msrp: Start, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a key of their own, and has compared the other's."""
    keys = {}
    for name in (ALICE, BOB):
        monkeypatch.setenv("XDG_DATA_HOME", str(home / name))
        keys[name] = lasting_key(name).fingerprint
    programs: list[Program] = []
    for name, other, command, words in (
        (ALICE, BOB, "offer", TO_BOB),
        (BOB, ALICE, "answer", TO_ALICE),
    ):
        monkeypatch.setenv("XDG_DATA_HOME", str(home / name))
        KnownPeers.usual().pin(Principal.parse(other), keys[other], 1.0, Learned.COMPARED)
        programs.append(
            msrp(command, *AT, *words, "--auth", "certificate", "--as", name, stdin=subprocess.PIPE)
        )
    alice, bob = programs
    assert keys[ALICE] in carry(alice, bob)
    assert keys[BOB] in carry(bob, alice)
    assert (alice.wait(), bob.wait()) == (0, 0), alice.errors + bob.errors
    for program, other in ((alice, BOB), (bob, ALICE)):
        assert f"{other} (known by their key)" in program.output
        assert f"protected, to the key that is pinned to {other}" in program.output


@pytest.mark.parametrize("shows", ["eve", None])
@pytest.mark.parametrize("connects", ["alice", "other"])
def test_somebody_else(msrp: Start, files: Path, shows: str | None, connects: str) -> None:
    """Another person's certificate, or a key of the session alone; told, and not believed."""
    theirs = [] if shows is None else [*papers(files, shows), "--expect", ALICE]
    one, other = ("offer", "answer") if connects == "alice" else ("answer", "offer")
    patience = "60" if connects == "alice" else "5"
    alice = msrp(one, *AT, *TO_BOB, *papers(files, "alice"), "--timeout", patience,
                 *(["--connect"] if connects == "alice" else []), stdin=subprocess.PIPE)  # fmt: skip
    eve = msrp(other, *AT, "--listen", *theirs, "--timeout", "5",
               *([] if connects == "alice" else ["--connect"]), stdin=subprocess.PIPE)  # fmt: skip
    first, second = (alice, eve) if one == "offer" else (eve, alice)
    carry(first, second)
    carry(second, first)
    assert alice.wait() in (3, 4), alice.errors
    if connects == "alice":
        words = f"is that of {EVE}, and {BOB} was expected" if shows else "no authority vouches for it"
        assert words in alice.errors
    else:
        assert "does not accept the one this side shows" in eve.errors
        words = f"is that of {EVE}, and {BOB} was expected" if shows else "no authority vouches for it"
        assert re.search(rf"a login from 127.0.0.1 failed: .*{words}", alice.output + alice.errors)
    assert eve.wait() != 0
    assert "Lunch" not in eve.output


def test_a_text_that_was_changed(msrp: Start, files: Path) -> None:
    """The right person's certificate, and another fingerprint: whoever connects refuses."""
    alice = msrp("answer", *AT, *TO_BOB, "--connect", *papers(files, "alice"), "--timeout", "20",
                 stdin=subprocess.PIPE)  # fmt: skip
    bob = msrp("offer", *AT, *TO_ALICE, *papers(files, "bob"), "--timeout", "3", stdin=subprocess.PIPE)
    eves = read_key(files / "eve.pem", files / "eve.key").fingerprint
    bobs = read_key(files / "bob.pem", files / "bob.key").fingerprint
    alice.write(printed(bob).replace(bobs, eves))
    carry(alice, bob)
    assert alice.wait() == 4
    assert "another key than the one whose fingerprint was signalled" in alice.errors
    assert bob.wait() == 3
    assert "Lunch" not in bob.output


@pytest.mark.parametrize("command", ["offer", "answer"])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--auth", "certificate", "--as", ALICE, "--expect", BOB],
            "name the authorities whose certificates",
        ),
        (["--cert", "alice.pem", "--key", "alice.key", "--ca", "ca.pem"], "say whom you mean, --expect"),
        (["--auth", "certificate", "--ca", "ca.pem", "--expect", BOB], "say whose key is to be shown"),
        (["--auth", "scram", "--ca", "ca.pem"], "--ca is for --auth certificate"),
        (["--ca", "ca.pem", "--as", ALICE, "--expect", BOB, "--tls", "none"], "leave out --tls none"),
    ],
)
def test_what_makes_no_sense(
    msrp: Start, files: Path, monkeypatch: pytest.MonkeyPatch, command: str, options: list[str], words: str
) -> None:
    monkeypatch.chdir(files)
    alice = msrp(command, *options)
    assert alice.wait() == 2
    assert words in alice.errors
