"""`msrp passwd`: passwords are set, listed and removed, and never shown, but the one it makes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.programs import MSRP, Open, Terminal
from credentials.stores import open_store
from msrp_peer.credentials.secret import entered
from msrp_peer.credentials.verifiers import KEPT, VerifierStore, usual_path
from msrp_sasl import digest_md5_secret

# Python 3.12 and later fear a fork beside threads; pexpect forks, and there are no threads here.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")

PAIR = ("--from", "im:alice@lan", "--for", "im:bob@lan")
SECRET = "S3cret-of-the-two"


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store whose verifiers are quickly made: its file keeps the iterations it began with."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    open_store(tmp_path)
    return usual_path()


def passwd(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [MSRP, "passwd", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        start_new_session=True,  # without the terminal these tests may have
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


def logs_in(data: Path, password: str, user: str = "im:alice@lan") -> bool:
    store = VerifierStore(data)
    found = [store.scram(user, "im:bob@lan", hash) for hash in KEPT]
    right = {verifier is not None and verifier.verify(password) for verifier in found}
    assert len(right) == 1
    return right.pop()


class TestOnATerminal:
    @pytest.fixture
    def asked(self, terminal: Open) -> Terminal:
        """It waits for the new password."""
        opened = terminal("passwd", *PAIR, "-vv")
        opened.wait_for("New password of im:alice@lan for im:bob@lan: ")
        return opened

    def test_twice_the_same(self, asked: Terminal, data: Path) -> None:
        asked.type(SECRET)
        asked.wait_for("The same again: ")
        asked.type(SECRET)
        asked.wait_for("Set: im:alice@lan for im:bob@lan")
        asked.wait_for("--generate")  # what a password somebody thought of is good for
        assert asked.wait() == 0
        assert SECRET not in asked.seen
        assert logs_in(data, SECRET)

    def test_two_that_differ(self, asked: Terminal, data: Path) -> None:
        asked.type(SECRET)
        asked.wait_for("The same again: ")
        asked.type("S3cret-of-the-twp")
        asked.wait_for("not the same; once more")
        asked.wait_for("New password of ")
        asked.type("")
        asked.wait_for("no password was given; nothing was changed")
        assert asked.wait() == 1
        assert "S3cret" not in asked.seen
        assert VerifierStore(data).pairs() == []

    @pytest.mark.parametrize("text", ["S3cret!", 7 * "\u00ad" + "a"], ids=["seven", "of which one counts"])
    def test_too_short(self, asked: Terminal, data: Path, text: str) -> None:
        asked.type(text)
        asked.wait_for("8 characters at least")
        for question in ("New password of ", "The same again: "):
            asked.wait_for(question)
            asked.type(SECRET)
        asked.wait_for("Set: im:alice@lan for im:bob@lan")
        assert asked.wait() == 0
        assert "S3cret" not in asked.seen
        assert logs_in(data, SECRET)

    def test_none(self, asked: Terminal, data: Path) -> None:
        asked.key("d")
        asked.wait_for("no password was given; nothing was changed")
        assert asked.wait() == 1
        assert VerifierStore(data).pairs() == []

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_interrupted_the_terminal_shows_again_what_is_typed(
        self, asked: Terminal, data: Path, number: signal.Signals
    ) -> None:
        assert not asked.child.getecho()
        if number is signal.SIGINT:
            asked.key("c")
        else:
            asked.child.kill(number)
        assert asked.wait_and_look_at_echo() == (130, True)
        assert VerifierStore(data).pairs() == []


class TestInScripts:
    @pytest.mark.journey("passwd")
    def test_from_standard_input(self, data: Path) -> None:
        done = passwd("--password-stdin", *PAIR, "-vv", stdin=f"{SECRET}\n")
        assert (done.returncode, done.stdout) == (0, "Set: im:alice@lan for im:bob@lan\n")
        assert "does not log in with it unless that is allowed" in done.stderr
        assert logs_in(data, SECRET)
        done = passwd("--password-stdin", *PAIR, "--json", stdin="Another-one")
        event = json.loads(done.stdout)
        assert event == {
            "event": "kept",
            "from": "im:alice@lan",
            "for": "im:bob@lan",
            "generated": False,
            "shared": False,
            "changed": True,
            "digest_md5": False,
        }
        assert done.stderr == ""
        assert logs_in(data, "Another-one")
        assert not logs_in(data, SECRET)

    @pytest.mark.parametrize(
        ("stdin", "words"),
        [
            ("", "holds no password"),
            ("\n", "holds no password"),
            ("S3cret", "8 characters at least"),
            ("S3cret" * 1000, "longer than 4096 octets"),
            ("S3cret\x07word", "not allowed"),
        ],
    )
    def test_what_is_no_password_changes_nothing(self, data: Path, stdin: str, words: str) -> None:
        passwd("--password-stdin", *PAIR, stdin=SECRET)
        done = passwd("--password-stdin", *PAIR, stdin=stdin)
        assert done.returncode == 1
        assert words in done.stderr
        assert "S3cret" not in done.stdout + done.stderr
        assert logs_in(data, SECRET)

    def test_without_a_terminal_it_says_what_else_there_is(self, data: Path) -> None:
        done = passwd(*PAIR, stdin=SECRET)
        assert done.returncode == 2
        assert "no terminal" in done.stderr
        assert "--password-stdin" in done.stderr
        assert "--generate" in done.stderr
        assert VerifierStore(data).pairs() == []

    @pytest.mark.parametrize(
        "arguments", [[SECRET], ["--password", SECRET], [f"--password={SECRET}"], ["-p", SECRET]]
    )
    def test_a_password_among_the_arguments_is_neither_taken_nor_repeated(
        self, data: Path, arguments: list[str]
    ) -> None:
        done = passwd(*PAIR, *arguments, stdin=SECRET)
        assert done.returncode == 2
        assert "no password is taken from the command line" in done.stderr
        assert SECRET not in done.stdout + done.stderr
        assert VerifierStore(data).pairs() == []

    def test_a_store_others_can_open_is_told_before_anybody_types(self, data: Path) -> None:
        passwd("--generate", *PAIR)
        data.chmod(0o644)
        for arguments in ([*PAIR, "--generate"], ["--list"], [*PAIR, "--remove"]):
            done = passwd(*arguments)
            assert done.returncode == 1
            assert f"chmod 600 {data}" in done.stderr
            assert done.stdout == ""


class TestForDigestMd5:
    def test_it_is_kept_when_asked_for_and_said_to_be_worth_the_password(self, data: Path) -> None:
        done = passwd("--password-stdin", "--digest-md5", *PAIR, stdin=SECRET)
        assert done.returncode == 0
        assert f"kept in {data} that is as good as the password" in done.stderr
        assert logs_in(data, SECRET)
        found = VerifierStore(data).digest_md5("im:alice@lan", "bob@lan", "im:bob@lan")
        assert found is not None
        assert found.secret == digest_md5_secret("im:alice@lan", "bob@lan", SECRET)
        assert "chosen by somebody, also for DIGEST-MD5, set" in passwd("--list").stdout
        assert json.loads(passwd("--list", "--json").stdout)["digest_md5"] is True
        done = passwd("--generate", "--digest-md5", *PAIR)
        assert "as good as the password" in done.stderr
        found = VerifierStore(data).digest_md5("im:alice@lan", "bob@lan", "im:bob@lan")
        assert found is not None
        assert found.secret == digest_md5_secret("im:alice@lan", "bob@lan", done.stdout.strip())
        # Without the option the next password is not kept for it, and the last one is forgotten.
        done = passwd("--generate", *PAIR)
        assert "DIGEST-MD5" not in done.stderr
        assert VerifierStore(data).digest_md5("im:alice@lan", "bob@lan", "im:bob@lan") is None
        assert "DIGEST-MD5" not in passwd("--list").stdout


class TestGenerate:
    def test_it_is_shown_once_and_known_ever_after(self, data: Path) -> None:
        done = passwd("--generate", *PAIR, "-vv")
        assert done.returncode == 0
        secret = done.stdout.strip()
        assert re.fullmatch(r"[0-9a-z]{4}(-[0-9a-z]{4}){4}", secret)
        assert entered(secret).generated
        assert logs_in(data, secret)
        assert secret not in done.stderr
        assert "shown this once" in done.stderr
        again = passwd("--list")
        assert again.stdout.startswith("im:alice@lan for im:bob@lan: generated, set 20")
        for path in data.parent.iterdir():
            octets = path.read_bytes()
            assert secret.encode() not in octets
            assert secret.replace("-", "").encode() not in octets
        changed = passwd("--generate", *PAIR, "--json")
        event = json.loads(changed.stdout)
        assert event["changed"] is True
        assert event["generated"] is True
        assert logs_in(data, event["secret"])
        assert not logs_in(data, secret)

    @pytest.mark.parametrize("sink", ["/dev/full", "broken pipe"])
    def test_one_that_could_not_be_shown_is_told(self, sink: str) -> None:
        if sink == "broken pipe":
            read, write = os.pipe()
            os.close(read)
        else:
            write = os.open(sink, os.O_WRONLY)
        with os.fdopen(write, "wb") as stdout:
            done = subprocess.run(
                [MSRP, "passwd", "--generate", *PAIR], stdout=stdout, stderr=subprocess.PIPE, check=False
            )
        assert done.returncode == 1
        assert b"nobody could read it: make another one" in done.stderr

    def test_a_generated_secret_of_somebody_else_is_one(self, data: Path) -> None:
        secret = passwd("--generate", "--from", "im:bob@lan", "--for", "im:alice@lan").stdout
        done = passwd("--password-stdin", *PAIR, stdin=secret.upper().replace("-", " "))
        assert (done.returncode, done.stderr) == (0, "")
        assert logs_in(data, secret.strip())
        assert all(pair.generated for pair in VerifierStore(data).pairs())


class TestList:
    def test_nothing_there_makes_nothing(self, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_DATA_HOME", str(data.parent / "other"))
        done = passwd("--list")
        assert (done.returncode, done.stdout) == (0, "")
        assert "msrp passwd --help" in done.stderr
        assert passwd("--remove", *PAIR).returncode == 1
        assert not (data.parent / "other").exists()

    def test_all_or_some(self) -> None:
        began = datetime.now(UTC).replace(microsecond=0)
        for user in ("IM:Al%69ce@LAN", "sip:carol@lan"):
            passwd("--password-stdin", "--shared", "--from", user, "--for", "im:bob@lan", stdin=SECRET)
        made = passwd("--generate", "--from", "im:bob@lan", "--for", "im:carol@lan").stdout
        passwd("--password-stdin", "--shared", "--from", "im:bob@lan", "--for", "im:dave@lan", stdin=made)
        assert [line.partition(", set")[0] for line in passwd("--list").stdout.splitlines()] == [
            "im:Alice@lan for im:bob@lan: chosen by somebody, and used elsewhere, too",
            "sip:carol@lan for im:bob@lan: chosen by somebody, and used elsewhere, too",
            "im:bob@lan for im:carol@lan: generated",
            "im:bob@lan for im:dave@lan: generated, and used elsewhere, too",
        ]
        (event,) = map(
            json.loads, passwd("--list", "--json", "--from", "sip:c%61rol@LAN").stdout.splitlines()
        )
        set_at = datetime.fromisoformat(event.pop("made"))
        assert began <= set_at <= datetime.now(UTC)
        assert event == {
            "event": "pair",
            "from": "sip:carol@lan",
            "for": "im:bob@lan",
            "generated": False,
            "shared": True,
            "digest_md5": False,
            "blocked": False,
        }
        assert len(passwd("--list", "--for", "im:bob@lan").stdout.splitlines()) == 2


def test_remove(data: Path) -> None:
    passwd("--password-stdin", *PAIR, stdin=SECRET)
    done = passwd("--remove", *PAIR)
    assert (done.returncode, done.stdout) == (0, "Removed: im:alice@lan for im:bob@lan\n")
    assert VerifierStore(data).pairs() == []
    done = passwd("--remove", *PAIR, "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["kind"] == "credentials-error"


def test_the_help_tells_the_truth() -> None:
    done = passwd("--help")
    words = " ".join(done.stdout.split())
    assert "msrp listen --as im:bob@lan --expect im:alice@lan" in words
    assert "never the password itself" in words
    assert os.environ["XDG_DATA_HOME"] not in words
