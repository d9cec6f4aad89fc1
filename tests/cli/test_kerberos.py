"""`--auth kerberos` and what `auto` makes of a ticket: two programs, a real KDC, no password."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.programs import Listening, Open, Program, Start, carry, generated, wait_until
from sasl.realm import Realm, identity, needed, realm

pytestmark = needed

ALICE, BOB, CAROL = identity("alice"), identity("bob"), identity("carol")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Realm]:
    """The realm; no passwords. Whose ticket a program has is said by `as_`."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("MSRP_PASSWORD", "MSRP_PASSWORD_FOR"):
        monkeypatch.delenv(name, raising=False)
    shared = realm()
    with shared.at_home():
        yield shared


class Two:
    """Bob listens with his ticket, and alice sends with hers."""

    def __init__(
        self, home: Realm, listening: Listening, msrp: Start, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self._home, self._listening, self._msrp, self._patch = home, listening, msrp, monkeypatch

    def ticket(self, user: str) -> None:
        self._patch.setenv("KRB5CCNAME", self._home.ccache(user))

    def listen(self, *options: str | Path, me: str = BOB) -> tuple[Program, str]:
        self.ticket("bob")
        return self._listening("--as", me, *options)

    def send(self, target: str, *options: str | Path, user: str = "alice", me: str = "") -> Program:
        self.ticket(user)
        return self._msrp("send", target, "Lunch?", "--as", me or identity(user), *options)


@pytest.fixture
def two(home: Realm, listening: Listening, msrp: Start, monkeypatch: pytest.MonkeyPatch) -> Two:
    return Two(home, listening, msrp, monkeypatch)


@pytest.mark.parametrize("auth", ["kerberos", "auto"])
@pytest.mark.journey("listen", "send")
def test_each_is_proved_to_the_other(two: Two, auth: str) -> None:
    """Where somebody is to be proved, auto takes the ticket that is there; nobody is asked for anything."""
    bob, target = two.listen("--auth", auth, "--require", "authenticated")
    bob.wait_for(f"as {BOB}: proved to those who log in")
    bob.wait_for(r"nobody is served but those who log in: people of KRBTEST\.COM with a ticket")
    alice = two.send(target, "--auth", auth, "--expect", BOB)
    assert alice.wait() == 0, alice.errors
    assert f"protected, and {BOB} is proved by KRB5-U2U, bound to this line" in alice.output
    bob.wait_for(rf"session with {ALICE} \(proved\)")
    bob.wait_for(rf"{ALICE} \(proved\): Lunch\?")


def test_a_file_on_plain_tcp(two: Two, tmp_path: Path) -> None:
    """64 MiB between two processes, with no TLS and nothing less proved."""
    noise = tmp_path / "noise.bin"
    noise.write_bytes(os.urandom(64 << 20))
    bob, target = two.listen("--tls", "none", "--out", tmp_path / "in", "--accept-files")
    alice = two.send(target, "--tls", "none", "--expect", BOB, "--file", noise)
    assert alice.wait(60) == 0, alice.errors
    assert f"protected, and {BOB} is proved by KRB5-U2U (KRB5-U2U with Kerberos)" in alice.output
    bob.wait_for("noise.bin")
    assert (tmp_path / "in" / "noise.bin").read_bytes() == noise.read_bytes()


def test_expected_alone_is_served(two: Two) -> None:
    bob, target = two.listen("--expect", ALICE)
    bob.wait_for(f"nobody is served but those who log in: {ALICE}")
    carol = two.send(target, "--expect", BOB, user="carol")
    assert carol.wait() == 4
    alice = two.send(target, "--expect", BOB)
    assert alice.wait() == 0, alice.errors
    assert "session with im:carol" not in bob.output


def test_a_realm_that_is_not_the_domain(two: Two) -> None:
    """im:alice@lan is alice@KRBTEST.COM where both sides say so."""
    _, target = two.listen("--expect", "im:alice@lan", "--realm", "KRBTEST.COM", me="im:bob@lan")
    alice = two.send(target, "--expect", "im:bob@lan", "--realm", "KRBTEST.COM", me="im:alice@lan")
    assert alice.wait() == 0, alice.errors
    assert "im:bob@lan is proved by KRB5-U2U" in alice.output


def test_a_ticket_alone_asks_for_nothing(two: Two) -> None:
    """Who has a ticket and wants nobody proved speaks with those who have none, too."""
    bob, target = two.listen("--auth", "none")
    alice = two.send(target)
    assert alice.wait() == 0, alice.errors
    assert "nobody is proved" in alice.output
    bob.wait_for(r"claimed, not proved")


def test_a_password_where_there_is_no_ticket(
    two: Two, msrp: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    word = generated(msrp, ALICE, BOB)
    bob, target = two.listen("--require", "authenticated")
    bob.wait_for(rf"{ALICE}, people of KRBTEST\.COM with a ticket")
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/none")
    program = msrp("send", target, "Lunch?", "--as", ALICE, "--expect", BOB, "--password-stdin",
                   stdin=subprocess.PIPE)  # fmt: skip
    program.write(f"{word}\n")
    assert program.wait() == 0, program.errors
    assert "SCRAM-SHA-512-PLUS" in program.output


@pytest.mark.parametrize("command", ["send", "listen"])
def test_what_to_do_is_said(
    two: Two, home: Realm, msrp: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    words = ["send", "127.0.0.1:1", "x", "--as", ALICE, "--expect", BOB]
    if command == "listen":
        words = ["listen", "--as", ALICE]
    words += ["--auth", "kerberos"]

    def said(*more: str) -> str:
        program = msrp(*words, *more)
        assert program.wait() == 1
        return " ".join(program.errors.split())

    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/none")
    assert "there is no Kerberos ticket here: run kinit" in said()
    two.ticket("bob")
    assert "the Kerberos ticket here is bob@KRBTEST.COM's" in said()
    assert "run kinit alice@KRBTEST.COM" in said()
    monkeypatch.setenv("KRB5CCNAME", home.long_ago("alice", f"FILE:{tmp_path}/old"))
    assert "alice's Kerberos ticket expired at" in said()
    assert "run kinit" in said()
    two.ticket("alice")
    words[words.index(ALICE)] = "im:alice@lan"
    assert "say --realm KRBTEST.COM" in said()


def test_whoever_is_there_is_somebody_else(two: Two) -> None:
    """Both sides say so, each to its own user; on the line it is a failure like any other."""
    bob, target = two.listen("--require", "authenticated")
    alice = two.send(target, "--expect", CAROL)
    assert alice.wait() == 4
    said = " ".join(alice.errors.split())
    assert (
        f"KRB5-U2U failed at the other side: it is not {CAROL}, or its own Kerberos ticket has ended" in said
    )
    assert "clock" not in said
    assert BOB not in said
    bob.wait_for("a login from 127.0.0.1 failed: somebody else was to be reached")


def test_auto_says_why_it_goes_by_password(
    two: Two, home: Realm, terminal: Open, msrp: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where there is no ticket that will do, and nobody to ask for a password; and where there is one who
    should know why a password is asked for."""
    words = ["send", "127.0.0.1:1", "x", "--as", ALICE, "--expect", BOB]

    def said() -> str:
        program = msrp(*words)
        assert program.wait() == 1
        return " ".join(program.errors.split())

    def asked() -> str:
        one = terminal(*words)
        one.wait_for(f"Password of {ALICE} for {BOB}: ")
        one.key("c")
        assert one.wait() == 130
        return " ".join(one.seen.split())

    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/none")
    assert "(--password-stdin). By Kerberos it does not go either: there is no Kerberos ticket" in said()
    assert "Kerberos" not in asked()
    two.ticket("carol")
    others = (
        f"ticket here is carol@KRBTEST.COM's, and {ALICE} is alice@KRBTEST.COM: run kinit alice@KRBTEST.COM"
    )
    assert others in said()
    assert others in asked()
    monkeypatch.setenv("KRB5CCNAME", home.long_ago("alice", f"FILE:{tmp_path}/old"))
    assert "alice's Kerberos ticket expired at" in said()
    assert "run kinit. So it goes by password; --auth scram leaves Kerberos out" in asked()
    words += ["--auth", "scram"]
    assert "Kerberos" not in said() + asked()


def test_who_waits_is_told_that_nobody_can_log_in_by_kerberos(
    two: Two, msrp: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    two.ticket("carol")
    served = msrp("listen", "127.0.0.1", "--port", "0", "--as", BOB)
    served.wait_for("Listening")
    wait_until(lambda: "Ctrl-C" in served.errors)
    assert "nobody can log in by Kerberos: the Kerberos ticket here is carol@KRBTEST.COM's" in served.errors
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/none")
    refused = msrp("listen", "127.0.0.1", "--port", "0", "--as", BOB, "--require", "authenticated")
    assert refused.wait() == 2
    assert f"nobody has a password for {BOB}" in refused.errors
    assert "By Kerberos nobody can, either: there is no Kerberos ticket here: run kinit" in refused.errors


def test_what_the_other_side_takes_instead_is_said(two: Two, msrp: Start) -> None:
    word = generated(msrp, ALICE, BOB)
    _, tickets = two.listen("--auth", "kerberos")
    alice = msrp(
        "send", tickets, "x", "--as", ALICE, "--expect", BOB, "--auth", "scram", "--password-stdin",
        stdin=subprocess.PIPE,
    )  # fmt: skip
    alice.write(f"{word}\n")
    assert alice.wait() == 4
    assert "one of them has to be set up there. It takes a Kerberos ticket" in alice.errors
    _, words = two.listen("--auth", "scram")
    alice = two.send(words, "--expect", BOB)
    assert alice.wait() == 4
    assert "offers none of KRB5-U2U: one of them has to be set up there. It takes a password" in alice.errors


def test_a_ticket_of_another_realm(two: Two) -> None:
    two.ticket("alice")
    program = two.send("127.0.0.1:1", "--auth", "kerberos", "--expect", "im:bob@example.com")
    assert program.wait() == 1
    assert "im:bob@example.com is nobody of its realm" in " ".join(program.errors.split())


def test_without_the_extra(msrp: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is missing is said, with the command that installs it; and auto goes on without."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['gssapi'] = None\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for words in (["send", "127.0.0.1:1", "x", "--as", ALICE, "--expect", BOB], ["listen", "--as", BOB]):
        program = msrp(*words, "--auth", "kerberos")
        assert program.wait() == 1
        assert 'pip install "msrp-peer[kerberos]"' in program.errors
    demo = msrp("demo", "--auth", "kerberos")
    assert demo.wait() == 2
    assert 'pip install "msrp-peer[kerberos]"' in demo.errors
    bob = msrp("listen", "127.0.0.1", "--port", "0", "--as", BOB)
    bob.wait_for("Listening")


def test_the_demo(msrp: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    demo = msrp("demo", "--size", "1", "--auth", "kerberos")
    assert demo.wait(60) == 0, demo.output + demo.errors
    assert demo.output.count("'s end of the line: authenticated\n") == 2
    assert "is proved by KRB5-U2U, bound to this line" in " ".join(demo.output.split())
    assert list(folder.iterdir()) == []


def test_the_demo_where_no_kdc_is(msrp: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """/usr/sbin, where the KDC is, is looked at, whatever PATH says."""
    monkeypatch.setenv("PATH", str(tmp_path))
    demo = msrp("demo", "--auth", "kerberos")
    assert demo.wait() == 2
    assert "kinit of MIT's Kerberos is not installed here" in " ".join(demo.errors.split())
    assert "apt install krb5-kdc" in " ".join(demo.errors.split())


@pytest.fixture
def begun(msrp: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Program, Path]:
    """A demo that has a realm already, and the folder in which it makes all it makes."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    demo = msrp("demo", "--size", "2000", "--auth", "kerberos")
    demo.wait_for("a realm of their own")
    return demo, folder


def test_ctrl_c_leaves_nothing_of_the_demo(begun: tuple[Program, Path]) -> None:
    demo, folder = begun
    wait_until(lambda: any(folder.glob("msrp-demo-*/realm/bob.ccache")))
    demo.interrupt()
    assert list(folder.iterdir()) == []
    assert processes_of(folder) == []


def processes_of(folder: Path) -> list[str]:
    """Every process that has something of this folder in its arguments or its environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue  # gone meanwhile
        if int(process.name) != os.getpid() and f"{folder}/msrp".encode() in told:
            found.append(told.partition(b"\0")[0].decode())
    return found


def test_killed_it_leaves_neither_the_kdc_nor_a_folder(begun: tuple[Program, Path]) -> None:
    demo, folder = begun
    assert any("krb5kdc" in program for program in processes_of(folder))
    demo.process.kill()
    wait_until(lambda: not list(folder.iterdir()))
    wait_until(lambda: not processes_of(folder))


@pytest.mark.parametrize("tls", [(), ("--tls", "none")], ids=["fingerprint", "plain"])
@pytest.mark.parametrize("connects", ["alice", "bob"])
def test_by_pasted_texts(
    home: Realm, msrp: Start, monkeypatch: pytest.MonkeyPatch, tls: tuple[str, ...], connects: str
) -> None:
    """Either of two with tickets can do either part, and over plain TCP the proof protects the line."""
    programs = []
    for me, expected, words in (("alice", BOB, ("offer", "Lunch?")), ("bob", ALICE, ("answer", "--listen"))):
        monkeypatch.setenv("KRB5CCNAME", home.ccache(me))
        where = ("--connect",) if connects == "bob" == me else ("--interface", "127.0.0.1")
        options = ("--as", identity(me), "--expect", expected, *tls, *where)
        programs.append(msrp(*words, *options, stdin=subprocess.PIPE))
    alice, bob = programs
    assert "a=msrp-auth:SASL\n" in carry(alice, bob)
    assert "a=msrp-auth:SASL\n" in carry(bob, alice)
    assert (alice.wait(), bob.wait()) == (0, 0), alice.errors + bob.errors
    assert f"{BOB} is proved by KRB5-U2U" in alice.output
    assert f"{ALICE} (proved): Lunch?" in bob.output
