"""``--auth certificate`` between two processes, with the files people have."""

from __future__ import annotations

import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from cli.programs import Listening, Open, Program, Start
from msrp_peer.security.known import Learned
from msrp_peer.security.known_peers import KnownPeers
from msrp_peer.security.lasting import lasting_key
from msrp_peer.terms.principal import Principal
from support.authority import DAY, NOW, Wanted, authority_of, host, uri, write

ALICE, BOB, EVE = "im:alice@example.com", "im:bob@example.com", "im:eve@example.com"
CERTIFICATE = ("--auth", "certificate")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keys of this test alone."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an authority gave to alice, bob and eve."""
    folder = tmp_path_factory.mktemp("papers")
    authority = authority_of(folder, {"alice": ALICE, "bob": BOB, "eve": EVE})
    both = Wanted(names=[uri(ALICE), uri("sip:alice@example.com")])
    write(folder, "both", *authority.issue_pem(wanted=both))
    write(folder, "host", *authority.issue_pem(wanted=Wanted(names=[host("127.0.0.1.example.com")])))
    old = replace(Wanted(names=[uri(BOB)]), begins=NOW - 9 * DAY, ends=NOW - 2 * DAY)
    write(folder, "old", *authority.issue_pem(wanted=old))
    return folder


def papers(files: Path, name: str) -> list[str | Path]:
    return ["--cert", files / f"{name}.pem", "--key", files / f"{name}.key", "--ca", files / "ca.pem"]


def send(msrp: Start, files: Path, target: str, *options: str | Path, me: str = "alice") -> Program:
    return msrp("send", target, "Lunch?", "--expect", BOB, *papers(files, me), *options)


@pytest.mark.journey("listen", "send")
def test_each_is_proved_to_the_other(listening: Listening, msrp: Start, files: Path) -> None:
    bob, target = listening(*CERTIFICATE, *papers(files, "bob"), "--expect", ALICE)
    said = bob.output
    assert f"as {BOB}: proved by a certificate, or known by this key" in said
    bob.wait_for(rf"nobody is served but those whose certificate is believed: {ALICE}")
    bob.wait_for(r"with the key of this certificate, SHA-256 [0-9A-F:]{95}$")
    alice = send(msrp, files, target, *CERTIFICATE)
    assert alice.wait() == 0, alice.errors
    words = f"protected, and {BOB} is proved by a certificate of an authority you trust (TLSv1.3 with"
    assert alice.output.startswith(f"To {BOB} (proved)\n{words}")
    bob.wait_for(rf"session with {ALICE} \(proved\) at 127")
    bob.wait_for(rf"protected, and {ALICE} is proved by a certificate of an authority you trust")
    bob.wait_for(rf"{ALICE} \(proved\): Lunch\?")


def test_programs_are_told_in_fields(listening: Listening, msrp: Start, files: Path) -> None:
    """--cert says it all; --auth certificate need not be said, nor --as."""
    bob, target = listening(*papers(files, "bob"), "--require", "authenticated", "--json")
    assert f'"me": "{BOB}"' in bob.output
    assert '"login_needed": true' in bob.output
    alice = send(msrp, files, target, "--json", "--require", "authenticated")
    for program, other in ((alice, BOB), (bob, ALICE)):
        session = program.event("session")
        assert session["peer_proved"] == session["peer_claimed"] == other
        assert session["security"]["level"] == "authenticated"
        assert session["security"]["principal_proved"] == other
        assert session["security"]["layers"][0]["verified"] == "chain"
        assert session["security"]["layers"][0]["names"] == [other]
    assert alice.wait() == 0, alice.errors


def test_a_chat(msrp: Start, terminal: Open, listening: Listening, files: Path) -> None:
    _, target = listening(*papers(files, "bob"))
    talk = terminal("chat", target, "--expect", BOB, *papers(files, "alice"))
    talk.wait_for(f"{BOB} is proved by a certificate")
    talk.type("/quit")
    assert talk.wait() == 0


def test_one_of_two_names(listening: Listening, msrp: Start, files: Path) -> None:
    bob, target = listening(*papers(files, "bob"), "--expect", "sip:alice@example.com")
    unsaid = send(msrp, files, target, me="both")
    assert unsaid.wait() == 2
    assert f"names {ALICE} and sip:alice@example.com: say who you are, --as" in unsaid.errors
    alice = send(msrp, files, target, "--as", "sip:alice@example.com", me="both")
    assert alice.wait() == 0, alice.errors
    bob.wait_for(r"session with sip:alice@example.com \(proved\)")


def test_lasting_keys_that_are_known(
    listening: Listening, msrp: Start, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has a key of their own, made at first use, and has compared the other's."""
    his, hers = home / "bob", home / "alice"
    keys = {}
    for data, name in ((his, BOB), (hers, ALICE)):
        monkeypatch.setenv("XDG_DATA_HOME", str(data))
        keys[name] = lasting_key(name).fingerprint
    for data, other in ((his, ALICE), (hers, BOB)):
        monkeypatch.setenv("XDG_DATA_HOME", str(data))
        KnownPeers.usual().pin(Principal.parse(other), keys[other], 1.0, Learned.COMPARED)
    monkeypatch.setenv("XDG_DATA_HOME", str(his))
    bob, target = listening(*CERTIFICATE, "--as", BOB, "--expect", ALICE)
    monkeypatch.setenv("XDG_DATA_HOME", str(hers))
    options = ("send", target, "Lunch?", *CERTIFICATE, "--as", ALICE, "--expect", BOB)
    alice = msrp(*options)
    assert alice.wait() == 0, alice.errors
    assert alice.output.startswith(
        f"To {BOB} (known by their key)\nprotected, to the key that is pinned to {BOB}"
    )
    bob.wait_for(rf"session with {ALICE} \(known by their key\)")
    more = msrp(*options, "--require", "authenticated")
    assert more.wait() == 4
    assert "authenticated is required, and this line reaches key-verified" in more.errors


def test_a_key_is_made_at_first_use(listening: Listening, msrp: Start, files: Path, home: Path) -> None:
    """It proves nothing: whoever wants an authority's word refuses it."""
    _, target = listening(*CERTIFICATE, "--as", BOB, "--ca", files / "ca.pem")
    made = home / "data/msrp-peer/keys/im%3abob@example.com.pem"
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    alice = send(msrp, files, target)
    assert alice.wait() == 4
    assert "signed by its own key: no authority vouches for it" in alice.errors


def test_the_first_key_that_is_ever_agreed_to(
    listening: Listening, msrp: Start, terminal: Open, files: Path, home: Path
) -> None:
    """Nothing was remembered of anybody when the command began. Of a key that an authority gives to
    somebody else nobody is asked."""
    call = ("send", "Lunch?", "--expect", BOB, *papers(files, "alice"))
    _, of_eve = listening(*papers(files, "eve"))
    alice = terminal(*call[:1], of_eve, *call[1:])
    alice.wait_for(rf"is\s+that\s+of\s+{EVE},\s+and\s+{BOB}\s+was\s+expected")
    assert alice.wait() == 4
    assert "Is it theirs?" not in alice.seen
    assert not KnownPeers.usual().path.exists()
    _, target = listening(*CERTIFICATE, "--as", BOB, "--ca", files / "ca.pem")
    alice = terminal(*call[:1], target, *call[1:])
    alice.wait_for(r"Is it theirs\? \[y/N\]")
    alice.type("y")
    alice.wait_for("Delivered: the message")
    assert alice.wait() == 0


def test_somebody_else(listening: Listening, msrp: Start, files: Path) -> None:
    for name, words in (
        ("eve", f"the other side's certificate is that of {EVE}, and {BOB} was expected"),
        ("old", "the other side's certificate has expired, on"),
    ):
        bob, target = listening(*papers(files, name))
        alice = send(msrp, files, target)
        assert alice.wait() == 4
        assert words in alice.errors
        assert "session with" not in bob.output
    bob, target = listening(*papers(files, "bob"), "--expect", ALICE)
    eve = send(msrp, files, target, me="eve")
    assert eve.wait() == 4
    assert "it verifies certificates and does not accept the one this side shows" in eve.errors
    assert ALICE not in eve.errors + eve.output
    host_alone = send(msrp, files, target, "--as", ALICE, me="host")
    assert host_alone.wait() == 4
    assert "session with" not in bob.output


def test_a_key_that_is_encrypted(
    listening: Listening, msrp: Start, terminal: Open, files: Path, home: Path
) -> None:
    locked = home / "locked.key"
    command = [
        "openssl",
        "pkey",
        "-in",
        files / "alice.key",
        "-aes256",
        "-passout",
        "pass:sesame",
        "-out",
        locked,
    ]
    subprocess.run(command, check=True, capture_output=True)
    locked.chmod(0o600)
    _, target = listening(*papers(files, "bob"))
    options = (
        target,
        "Lunch?",
        "--expect",
        BOB,
        "--cert",
        files / "alice.pem",
        "--key",
        locked,
        "--ca",
        files / "ca.pem",
    )
    alice = msrp("send", *options, "--password-stdin", stdin=subprocess.PIPE)
    alice.write("sesame\n")
    assert alice.wait() == 0, alice.errors
    wrong = msrp("send", *options, "--password-stdin", stdin=subprocess.PIPE)
    wrong.write("tahini\n")
    assert wrong.wait() == 1
    assert "the passphrase is wrong, or the key is damaged" in wrong.errors
    assert "tahini" not in wrong.errors
    asked = terminal("send", *options)
    asked.wait_for("Passphrase of the key in .*locked.key: ")
    asked.type("sesame")
    asked.wait_for("Delivered")
    assert asked.wait() == 0


def test_a_key_that_others_can_read(msrp: Start, files: Path, home: Path) -> None:
    shown = home / "shown.key"
    shown.write_bytes((files / "alice.key").read_bytes())
    shown.chmod(0o644)
    alice = msrp(
        "send", "127.0.0.1:9", "Lunch?", "--expect", BOB,
        "--cert", files / "alice.pem", "--key", shown, "--ca", files / "ca.pem",
    )  # fmt: skip
    assert alice.wait() == 1
    assert f"chmod 600 {shown}" in alice.errors
    assert shown.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--auth", "certificate", "--as", ALICE],
            "name the authorities whose certificates count, --ca FILE",
        ),
        (["--auth", "certificate", "--ca", "ca.pem"], "say whose key is to be shown, --as im:alice@lan"),
        (["--auth", "scram", "--ca", "ca.pem"], "--ca is for --auth certificate"),
        (["--auth", "none", "--cert", "alice.pem"], "--cert is for --auth certificate"),
        (["--key", "alice.key"], "--key alone shows nothing"),
        (
            ["--cert", "alice.pem", "--key", "alice.key", "--ca", "ca.pem", "--tls", "adh"],
            "leave out --tls adh",
        ),
        (["--cert", "no.pem", "--ca", "ca.pem"], "there is no file no.pem"),
        (
            ["--cert", "alice.pem", "--key", "alice.key", "--ca", "no.pem"],
            "cannot read the authorities in no.pem",
        ),
        (["--cert", "alice.pem", "--key", "alice.key", "--ca", "bob.pem"], "is no authority's"),
        (["--cert", "alice.pem", "--key", "alice.key", "--ca", "alice.key"], "holds no certificates in PEM"),
        (["--cert", "alice.pem", "--key", "alice.key", "--ca", "ca.pem", "--as", EVE], f"and not {EVE}"),
    ],
)
def test_what_makes_no_sense(
    msrp: Start, files: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], words: str
) -> None:
    monkeypatch.chdir(files)
    alice = msrp("send", "127.0.0.1:9", "Lunch?", "--expect", BOB, *options)
    assert alice.wait() == 2
    assert words in alice.errors


def test_a_config_file_may_know_them_always(
    msrp: Start, files: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another --auth that is typed counts for more."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    (home / "config/msrp").mkdir(parents=True)
    settings = home / "config/msrp/config.toml"
    lines = [f"{name} = '{files / file}'" for name, file in (("cert", "alice.pem"), ("key", "alice.key"))]
    settings.write_text("\n".join([*lines, f"ca = '{files / 'ca.pem'}'", f"as = '{ALICE}'", ""]))
    settings.chmod(0o600)
    alice = msrp("send", "127.0.0.1:9", "Lunch?", "--auth", "none")
    assert alice.wait() == 3
    assert "nobody can be reached at 127.0.0.1:9" in alice.errors
    alice = msrp("send", "127.0.0.1:9", "Lunch?", "--auth", "none", "--ca", files / "ca.pem")
    assert alice.wait() == 2
    assert "--ca is for --auth certificate" in alice.errors
    alice = msrp("send", "127.0.0.1:9", "Lunch?")
    assert alice.wait() == 2
    assert "a certificate proves a person: say whom you mean" in alice.errors


def test_whom_it_means_must_be_said(msrp: Start, files: Path) -> None:
    alice = msrp("send", "127.0.0.1:9", "Lunch?", *papers(files, "alice"))
    assert alice.wait() == 2
    assert "a certificate proves a person: say whom you mean, --expect" in alice.errors


def test_the_demo(msrp: Start) -> None:
    """No root, no terminal, no extra."""
    demo = msrp("demo", "--auth", "certificate", "--size", "1")
    assert demo.wait(60) == 0, demo.output + demo.errors
    assert "both ends say: authenticated" in demo.output
    assert "is proved by a certificate of an authority you trust" in " ".join(demo.output.split())
    assert "  ok   each has proved to the other who they are" in demo.output
