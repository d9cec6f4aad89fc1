"""Where an initiator's passwords come from: the environment, standard input, keyrings, a chain."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backends import fail
from keyrings.alt.file import PlaintextKeyring

from msrp_peer.credentials.chain import Chain, usual
from msrp_peer.credentials.environment import Environment
from msrp_peer.credentials.errors import CannotAsk, CredentialsError
from msrp_peer.credentials.keyring import Keyring, is_installed
from msrp_peer.credentials.secret import generate
from msrp_peer.credentials.standard_input import StandardInput
from msrp_sasl import Credentials, Password

ALICE, BOB, CAROL = "im:alice@lan", "im:bob@lan", "im:carol@lan"
SECRET = "S3cret-of-the-two"


class TestEnvironment:
    def test_it_counts_for_one_acceptor(self) -> None:
        source: Credentials = Environment({"MSRP_PASSWORD": SECRET, "MSRP_PASSWORD_FOR": "IM:bob@LAN"})
        assert source.password(ALICE, BOB) == Password(SECRET)
        assert source.password(CAROL, BOB) == Password(SECRET)
        assert source.password(ALICE, CAROL) is None

    def test_nothing_there(self) -> None:
        assert Environment({}).password(ALICE, BOB) is None
        assert Environment({"MSRP_PASSWORD_FOR": BOB}).password(ALICE, BOB) is None

    @pytest.mark.parametrize(
        ("named", "words"),
        [("", "name it in MSRP_PASSWORD_FOR"), ("bob", "MSRP_PASSWORD_FOR: .* looks like")],
    )
    def test_without_an_acceptor_it_is_not_used(self, named: str, words: str) -> None:
        source = Environment({"MSRP_PASSWORD": SECRET, "MSRP_PASSWORD_FOR": named})
        with pytest.raises(CredentialsError, match=words) as caught:
            source.password(ALICE, BOB)
        assert SECRET not in str(caught.value)

    def test_no_child_inherits_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MSRP_PASSWORD", SECRET)
        monkeypatch.setenv("MSRP_PASSWORD_FOR", BOB)
        source = Environment()
        child = subprocess.run(["env"], capture_output=True, text=True, check=True)
        assert SECRET not in child.stdout
        assert source.password(ALICE, BOB) == Password(SECRET)
        assert SECRET not in repr(source)

    def test_a_generated_secret_is_known_as_such(self) -> None:
        secret = generate()
        environment = {"MSRP_PASSWORD": secret.upper(), "MSRP_PASSWORD_FOR": BOB}
        assert Environment(environment).password(ALICE, BOB) == Password(secret, generated=True)


def through_stdin(octets: bytes, program: str) -> subprocess.CompletedProcess[bytes]:
    before = (
        "from msrp_peer.credentials.standard_input import *; from msrp_peer.credentials.errors import *\n"
    )
    return subprocess.run(
        [sys.executable, "-P", "-c", before + program],
        input=octets,
        capture_output=True,
        check=False,
        timeout=30,
    )


class TestStandardInput:
    @pytest.mark.parametrize(
        ("octets", "text"),
        [
            (b"S3cret\n", "S3cret"),
            (b"S3cret", "S3cret"),
            (b"S3cret\r\n", "S3cret"),
            (b" with spaces \n", " with spaces "),
            ("pässword\n".encode(), "pässword"),
            (b"x" * 1024 + b"\n", "x" * 1024),
        ],
    )
    def test_the_line_is_the_password(self, octets: bytes, text: str) -> None:
        done = through_stdin(octets, "import sys; sys.stdout.buffer.write(read_line().text.encode())")
        assert (done.stdout, done.stderr) == (text.encode(), b"")

    @pytest.mark.parametrize(
        ("octets", "words"),
        [
            (b"", "first line is empty"),
            (b"\nS3cret\n", "first line is empty"),
            (b"S3cret" * 800 + b"\n", "longer than 4096 octets"),
            (b"S3cret" * 100_000, "longer than 4096 octets"),
            (b"S3cret" * 200 + b"\n", "longer than 1024 characters"),
            (b"S3cret\xff\n", "not UTF-8"),
            (b"S3cr\0et\n", "not allowed"),
        ],
    )
    def test_a_bad_line_is_refused_and_not_repeated(self, octets: bytes, words: str) -> None:
        done = through_stdin(octets, "try: read_line()\nexcept CredentialsError as error: print(error)")
        assert words in done.stdout.decode()
        assert b"S3cr" not in done.stdout + done.stderr
        assert done.stderr == b""

    def test_what_follows_is_left_to_others(self) -> None:
        done = through_stdin(
            b"S3cret\nthe message\nits end", "import sys; read_line(); print(sys.stdin.read())"
        )
        assert done.stdout == b"the message\nits end\n"

    def test_closed(self) -> None:
        program = (
            "import os, sys; sys.stdin.close()\ntry: read_line()\nexcept CannotAsk as error: print(error)"
        )
        assert through_stdin(b"", program).stdout == b"standard input cannot be read\n"

    def test_it_is_read_once_for_one_pair(self) -> None:
        program = (
            "source = StandardInput()\n"
            f"print(source.password({ALICE!r}, {BOB!r}).text, source.password({ALICE!r}, {CAROL!r}))\n"
            f"print(source.password({ALICE!r}, {BOB!r}).text, 'S3cret' in repr(source))"
        )
        assert through_stdin(b"S3cret\nother\n", program).stdout == b"S3cret None\nS3cret False\n"


@pytest.fixture
def file_keyring(tmp_path: Path) -> Iterator[PlaintextKeyring]:
    """A real keyring in a file."""
    before = keyring.get_keyring()
    backend = PlaintextKeyring()
    backend.file_path = str(tmp_path / "keyring.cfg")
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


class TestKeyring:
    def test_it_holds_a_password_for_a_pair(
        self, file_keyring: PlaintextKeyring, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        secret = generate()
        keyring.set_password(f"msrp/{BOB}", ALICE, secret)
        keyring.set_password(f"msrp/{CAROL}", ALICE, SECRET)
        source: Credentials = Keyring()
        assert source.password(ALICE, BOB) == Password(secret, generated=True)
        assert source.password(ALICE, CAROL) == Password(SECRET)
        assert source.password(CAROL, BOB) is None
        assert secret not in caplog.text
        assert SECRET not in caplog.text

    def test_its_own_command_puts_one_in(self, tmp_path: Path) -> None:
        env = {
            **os.environ,
            "PYTHON_KEYRING_BACKEND": "keyrings.alt.file.PlaintextKeyring",
            "XDG_DATA_HOME": str(tmp_path),
        }
        command = [sys.executable, "-P", "-m", "keyring", "set", f"msrp/{BOB}", ALICE]
        subprocess.run(command, input=SECRET, text=True, env=env, check=True, capture_output=True)
        program = (
            "from msrp_peer.credentials.keyring import Keyring\n"
            f"print(Keyring().password({ALICE!r}, {BOB!r}).text)"
        )
        done = subprocess.run([sys.executable, "-P", "-c", program], env=env, capture_output=True, check=True)
        assert done.stdout.decode() == f"{SECRET}\n"

    def test_no_keyring_is_running(self, file_keyring: PlaintextKeyring) -> None:
        keyring.set_keyring(fail.Keyring())
        with pytest.raises(CannotAsk, match="no keyring that is running: start one"):
            Keyring().password(ALICE, BOB)

    def test_a_keyring_that_fails(self, file_keyring: PlaintextKeyring) -> None:
        Path(file_keyring.file_path).write_bytes(b"[msrp_2F")
        with pytest.raises(CannotAsk, match=r"does not answer \(MissingSectionHeaderError\): is it locked"):
            Keyring().password(ALICE, BOB)

    def test_the_package_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert is_installed()
        monkeypatch.setitem(sys.modules, "keyring", None)
        assert not is_installed()
        with pytest.raises(CannotAsk, match=r"pip install 'msrp-peer\[keyring\]'"):
            Keyring().password(ALICE, BOB)

    def test_it_is_loaded_when_asked_and_not_before(self) -> None:
        program = (
            "import sys, msrp_peer.credentials.chain as chain; chain.usual(); print('keyring' in sys.modules)"
        )
        done = subprocess.run(
            [sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True
        )
        assert done.stdout == "False\n"


class Fixed:
    def __init__(self, answer: Password | Exception | None) -> None:
        self.answer = answer

    def password(self, initiator: str, acceptor: str) -> Password | None:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class TestChain:
    def test_the_first_that_has_one_gives_it(self) -> None:
        last = Fixed(CredentialsError("never asked"))
        chain: Credentials = Chain([Fixed(None), Fixed(CannotAsk("x")), Fixed(Password(SECRET)), last])
        assert chain.password(ALICE, BOB) == Password(SECRET)

    def test_nobody_has_one(self) -> None:
        assert Chain([]).password(ALICE, BOB) is None
        assert Chain([Fixed(None), Fixed(None)]).password(ALICE, BOB) is None

    def test_nobody_can_be_asked(self) -> None:
        with pytest.raises(CannotAsk, match=r"^no keyring; no terminal$"):
            Chain([Fixed(CannotAsk("no keyring")), Fixed(None), Fixed(CannotAsk("no terminal"))]).password(
                "", ""
            )

    def test_a_bad_password_is_not_passed_over(self) -> None:
        with pytest.raises(CredentialsError, match=r"^too long$"):
            Chain([Fixed(CredentialsError("too long")), Fixed(Password(SECRET))]).password(ALICE, BOB)

    def test_the_usual_order(self, monkeypatch: pytest.MonkeyPatch, file_keyring: PlaintextKeyring) -> None:
        keyring.set_password(f"msrp/{BOB}", ALICE, "from the keyring")
        monkeypatch.setenv("MSRP_PASSWORD", SECRET)
        monkeypatch.setenv("MSRP_PASSWORD_FOR", BOB)
        assert usual().password(ALICE, BOB) == Password(SECRET)
        # That chain has taken it out of the environment.
        assert usual().password(ALICE, BOB) == Password("from the keyring")

    def test_standard_input_stands_alone(self) -> None:
        program = "from msrp_peer.credentials.chain import usual\nusual(standard_input=True).password('', '')"
        env = {"MSRP_PASSWORD": SECRET}
        done = subprocess.run(
            [sys.executable, "-P", "-c", program],
            env=os.environ | env,
            input=b"",
            capture_output=True,
            check=False,
        )
        assert b"CredentialsError: standard input holds no password" in done.stderr
        assert SECRET.encode() not in done.stderr


@pytest.mark.parametrize(
    "make",
    [
        lambda: Environment({"MSRP_PASSWORD": SECRET, "MSRP_PASSWORD_FOR": BOB}),
        StandardInput,
        Keyring,
        lambda: Chain([Environment({"MSRP_PASSWORD": SECRET, "MSRP_PASSWORD_FOR": BOB})]),
    ],
)
def test_no_source_shows_what_it_holds(make: Callable[[], Credentials]) -> None:
    source = make()
    assert SECRET not in repr(source)
    assert SECRET not in f"{source} {source!r}"
