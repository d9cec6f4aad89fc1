"""The command line itself: help, versions, and what makes no sense."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.programs import MSRP, Open, Start
from msrp_peer.cli.exits import MEANINGS
from msrp_peer.cli.main import main

COMMANDS = [
    "demo",
    "listen",
    "send",
    "chat",
    "offer",
    "answer",
    "peers",
    "passwd",
    "known",
    "config",
    "inspect",
    "bench",
]


def ask(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [MSRP, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": "100"},
        cwd=cwd,
    )


def test_help_names_every_command_and_exit_code() -> None:
    done = ask("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert f"\n    {command} " in done.stdout
    for code, meaning in MEANINGS.items():
        assert f"{int(code)}  {meaning}" in done.stdout
    assert "examples:" in done.stdout
    assert "demo-peer" not in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(command: str) -> None:
    done = ask(command, "--help")
    assert done.returncode == 0
    assert f"usage: msrp {command}" in done.stdout
    assert f"msrp {command}" in done.stdout.partition("usage:")[2].partition("\n")[2], "an example"


def test_help_is_quick_because_it_loads_little() -> None:
    code = (
        "import contextlib, io, sys; from msrp_peer.cli.main import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()): main(['--help'])\n"
        "print(*{'asyncio', 'rich', 'prompt_toolkit', 'OpenSSL', 'zeroconf'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_ctrl_c_while_it_loads(tmp_path: Path) -> None:
    """In any module that the command needs."""
    (tmp_path / "argparse.py").write_text("import signal\nprint('loading', flush=True)\nsignal.pause()\n")
    program = subprocess.Popen(
        [MSRP, "listen"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    with program:
        assert program.stdout is not None
        assert program.stdout.readline() == "loading\n"
        program.send_signal(signal.SIGINT)
        assert program.communicate(timeout=30) == ("", "")
    assert program.returncode == -signal.SIGINT  # 130 to a shell


def test_help_is_found_by_its_name() -> None:
    assert ask("help").stdout == ask("--help").stdout
    assert ask("help", "listen").stdout == ask("listen", "--help").stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_what_could_not_be_written_is_no_success() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [MSRP, "config", "listen", "--no-config"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "msrp: standard output: No space left on device\n"


def test_version() -> None:
    done = ask("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("msrp 0.")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "COMMAND"),
        (["fly"], "invalid choice"),
        (["listen", "--port", "70000"], "not a number from 0 to 65535"),
        (["listen", "im:bob@lan"], "no address of this machine"),
        (["listen", "--as", "bob@lan"], "did you mean im:bob@lan"),
        (["listen", "--accept-files"], "--out DIR"),
        (["listen", "--out", __file__], "is not a folder"),
        (["listen", "--out", f"{__file__}/in"], "cannot be made: Not a directory"),
        (["listen", "127.0.0.1", "--port", "0", "--trace", f"{__file__}/t"], "no trace can be written to"),
        (["bench", "--quick", "--write", f"{__file__}/out"], "cannot be made: Not a directory"),
        (["answer", "--get", "x"], "no option --get here; msrp offer has it"),
        (["send", "127.0.0.1"], "nothing to send"),
        (["send", "127.0.0.1", "--file", "/nowhere/at/all"], "cannot be sent"),
        (["send", "127.0.0.1", "--file", "/dev/zero"], "is no file"),
        (["send", "127.0.0.1", "--timeout", "-1", "hi"], "not a number of seconds"),
        (["send", "bob@lan", "hi"], "did you mean im:bob@lan"),
        (["chat"], "TARGET, or --listen"),
        (["chat", "127.0.0.1", "--listen"], "TARGET, or --listen"),
        (["chat", "127.0.0.1", "--announce"], "go with --listen"),
        (["peers", "--seconds", "soon"], "not a number of seconds"),
        (["passwd", "--from", "im:alice@lan"], "--for im:bob@lan"),
        (["passwd", "--from", "alice", "--for", "im:bob@lan"], "a principal looks like im:bob@lan"),
        (["passwd", "--from", "im:b@lan", "--for", "im:b@lan"], "at themselves"),
        (["passwd", "--list", "--remove"], "not allowed with"),
        (["passwd", "--list", "--shared"], "a password that you enter"),
        (["passwd", "--list", "--digest-md5"], "a password that is set"),
        (["known", "show"], "msrp known show im:bob@lan"),
        (["known", "forget", "bob"], "a principal looks like im:bob@lan"),
        (["known", "block"], "msrp known block im:bob@lan"),
        (["known", "list", "im:bob@lan"], "msrp known show im:bob@lan"),
        (["known", "show", "im:bob@lan", "4A:AD"], "a key goes with pin and forget"),
        (["known", "pin", "im:bob@lan"], "say which key"),
        (["known", "pin", "im:bob@lan", "4A:AD"], "is no SHA-256 of a key"),
        (["known", "forget", "im:bob@lan", "all"], "is no SHA-256 of a key"),
        (["known", "greet", "im:bob@lan"], "invalid choice"),
        (["demo", "--size", "0"], "not a number from 1"),
    ],
)
def test_what_makes_no_sense_is_said(arguments: list[str], complaint: str) -> None:
    done = ask(*arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "demo-peer" not in done.stderr


def test_session_uri_as_target_is_refused_and_not_repeated() -> None:
    done = ask("send", "msrps://127.0.0.1:2855/tOpSeCrEt;tcp", "hi")
    assert done.returncode == 2
    assert "tOpSeCrEt" not in done.stdout + done.stderr


def test_text_beyond_the_limit_is_refused_before_anybody_is_called(msrp: Start) -> None:
    program = msrp("send", "127.0.0.1:1", "-", stdin=subprocess.PIPE)
    assert program.process.stdin is not None
    program.write("x" * 1_100_000)
    program.process.stdin.close()
    assert program.wait() == 2
    assert "--file" in program.errors


def test_nobody_reads_the_help() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([MSRP, "--help"], stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert done.stderr == ""


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)], ids=["msrp", *COMMANDS])
def test_help_fits_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int, command: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit):
        main([*command, "--help"])
    lines = capsys.readouterr().out.splitlines()
    whole = re.compile(r" +\[[^ ]+( \| [^ ]+)*\]$")  # an alternative of the usage is one word
    assert [line for line in lines if len(line) > columns and not whole.match(line)] == []


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)], ids=["msrp", *COMMANDS])
def test_examples_that_go_on_in_the_next_line_are_the_same_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """What is pasted from a narrow terminal does what it does from a wide one."""

    def examples(columns: int) -> list[list[str]]:
        monkeypatch.setenv("COLUMNS", str(columns))
        with pytest.raises(SystemExit):
            main([*command, "--help"])
        text = re.sub(r" \\\n +", " ", capsys.readouterr().out)
        found = re.findall(r"^  ((?:\S+ .*\| )?msrp [a-z].*?)(?:   .*)?$", text, re.M)
        return [each.split() for each in found]

    assert examples(60) == examples(80) == examples(200)
    assert examples(60) or command in ([], ["inspect"])


def test_a_slip_is_answered_with_what_was_perhaps_meant() -> None:
    for words, complaint in [
        (["lisen"], "invalid choice: 'lisen'; did you mean listen? (demo, listen, "),
        (["send", "127.0.0.1", "--auth", "scam"], "invalid choice: 'scam'; did you mean scram? (auto, "),
        (["send", "127.0.0.1", "--exepct", "im:b@lan"], "no option --exepct here; did you mean --expect?"),
        (
            ["send", "127.0.0.1", "--announce"],
            "--announce here; msrp listen and msrp chat and msrp verify have",
        ),
        (["config", "lisen"], "did you mean listen?"),
        (["--as", "im:bob@lan", "listen"], "--as stands behind the command: msrp COMMAND --as"),
        (["--json", "peers"], "--json stands behind the command"),
        (["--versoin"], "no option --versoin; did you mean --version?"),
        (["send", "127.0.0.1", "Lunch", "at", "noon"], "arguments: at noon; a text of several words"),
    ]:
        done = ask(*words)
        assert done.returncode == 2
        assert complaint in done.stderr


def test_a_slip_of_a_command_shows_the_usage_of_that_command() -> None:
    for words in (
        ["listen", "--prot", "1"],
        ["send", "127.0.0.1", "a", "b"],
        ["passwd", "--passwort=hunter2"],
    ):
        done = ask(*words)
        assert done.returncode == 2
        assert done.stderr.startswith(f"usage: msrp {words[0]} ")
        assert f"\nmsrp {words[0]}: error: " in done.stderr
        assert "hunter2" not in done.stderr
    assert "hunter2" not in ask("send", "127.0.0.1", "hi", "--passwort=hunter2").stderr


def test_a_stream_that_is_to_be_typed_is_asked_for(terminal: Open) -> None:
    inspect = terminal("inspect")
    inspect.wait_for("reading the stream from this terminal; Ctrl-D ends it")
    inspect.key("d")
    assert inspect.wait() == 0
