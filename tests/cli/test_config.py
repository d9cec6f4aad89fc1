"""The config file: what it sets is what the same words typed would, and whatever else it says is refused."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cli.programs import MSRP, Start
from msrp_peer.cli.config_file import ONLY_TYPED, ConfigError, File
from msrp_peer.cli.options import build_parser, parse
from msrp_peer.cli.settings import settable

OPTIONS = settable(build_parser())
ALL = [(command, name) for command, options in OPTIONS.items() for name in options]
COMMANDS = {
    command: one
    for action in build_parser()._actions
    if isinstance(action, argparse._SubParsersAction)
    for command, one in action.choices.items()
}
SAMPLES: list[tuple[str, object]] = [
    ("true", True),
    ("3", 3),
    ('"/tmp/there"', "/tmp/there"),
    ('"im:alice@lan"', "im:alice@lan"),
    ('"text"', "text"),
]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the config file of this test lies, once it is written."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "msrp").mkdir()
    return tmp_path / "msrp/config.toml"


def words_for(command: str) -> list[str]:
    """The least that a command is typed with."""
    needed = [a for a in COMMANDS[command]._actions if not a.option_strings and a.nargs is None]
    return [command, *("127.0.0.1" for _ in needed)]


def sample(command: str, name: str) -> tuple[str, list[str], object]:
    """A value as TOML has it, the words that say the same, and what a command gets for them."""
    action = OPTIONS[command][name]
    choices = [(f'"{choice}"', choice) for choice in action.choices or ()]
    for toml, value in [*SAMPLES, *choices]:
        typed = [f"--{name}"] if action.nargs == 0 else [f"--{name}", str(value)]
        if (action.nargs == 0) != (value is True) or value == action.default:
            continue
        try:
            args = parse([*words_for(command), *typed, "--no-config"])
        except SystemExit:
            continue
        number = isinstance(getattr(args, action.dest), int | float) and action.nargs != 0
        if number == (value == 3):
            return (
                ("1" if isinstance(action, argparse._CountAction) else toml),
                typed,
                getattr(args, action.dest),
            )
    raise AssertionError(f"no sample for --{name} of {command}: add one")


# -- from the parsers


@pytest.mark.parametrize(("command", "name"), ALL)
def test_every_option_can_be_set(command: str, name: str, config: Path) -> None:
    toml, typed, expected = sample(command, name)
    dest = OPTIONS[command][name].dest
    for text in (f"[{command}]\n{name} = {toml}\n", f"{name} = {toml}\n"):
        config.write_text(text)
        own = command != "demo" or text.startswith("[")
        default = getattr(parse([*words_for(command), "--no-config"]), dest)
        assert default != expected
        assert getattr(parse(words_for(command)), dest) == (expected if own else default)
        assert getattr(parse([*words_for(command), f"--no-{name}"]), dest) == default
        assert getattr(parse([*words_for(command), f"--no-{name}", *typed]), dest) == expected
        assert getattr(parse([*words_for(command), *typed, f"--no-{name}"]), dest) == default


def test_without_a_file_nothing_is_other_than_the_parser_says(config: Path) -> None:
    for command in COMMANDS:
        plain = vars(build_parser().parse_args(words_for(command)))
        assert vars(parse(words_for(command))).items() >= plain.items()


def test_an_option_of_the_name_of_a_command(config: Path) -> None:
    """A table is the command's, a value the option's."""
    both = OPTIONS.keys() & {name for _, name in ALL}
    assert both == {"known"}
    config.write_text('known = "strict"\n')
    assert parse(["listen"]).known == "strict"
    config.write_text("[known]\nverbose = 1\n")
    assert parse(["known"]).verbose == 1
    assert parse(["listen"]).verbose == 0


def test_names_mean_one_thing() -> None:
    for options in OPTIONS.values():
        dests = [action.dest for action in options.values()]
        assert len(dests) == len(set(dests)), "of two options for one thing, which would the file set?"


def test_what_is_only_typed_exists() -> None:
    known = {
        word[2:]
        for parser in (build_parser(), *COMMANDS.values())
        for action in parser._actions
        for word in action.option_strings
        if word.startswith("--")
    }
    assert known >= ONLY_TYPED


# -- which counts


def test_typed_before_table_before_top(config: Path) -> None:
    config.write_text('as = "im:top@lan"\nexpect = "im:a@lan"\n[send]\nas = "im:table@lan"\ntimeout = 2.5\n')
    listen, send = parse(["listen"]), parse(["send", "127.0.0.1"])
    assert (listen.me, send.me, send.timeout) == ("im:top@lan", "im:table@lan", 2.5)
    assert parse(["send", "127.0.0.1", "--as", "im:typed@lan"]).me == "im:typed@lan"
    assert parse(["send", "127.0.0.1", "--expect", "im:b@lan", "--expect", "im:c@lan"]).expect == [
        "im:b@lan",
        "im:c@lan",
    ]
    assert set(send.settings) == {"as", "expect", "timeout"}


@pytest.mark.parametrize("words", [["--config"], ["listen", "--config"]])
def test_another_file(words: list[str], config: Path, tmp_path: Path) -> None:
    config.write_text("port = 1")
    other = tmp_path / "other.toml"
    other.write_text("port = 2")
    typed = [*words, str(other)]
    assert parse([*typed, "listen"] if len(words) == 1 else typed).port == 2
    assert parse(["--no-config", "listen"]).port is None
    with pytest.raises(ConfigError, match="there is no such file"):
        parse(["listen", "--config", str(tmp_path / "none.toml")])


def test_a_value_that_is_good_elsewhere_stops_the_command_that_has_no_such(config: Path) -> None:
    config.write_text('\ntls = "adh"\n')
    assert parse(["listen"]).tls == "adh"
    with pytest.raises(ConfigError, match=r"line 2: tls: msrp offer: it is one of fingerprint, none"):
        parse(["offer"])
    assert parse(["offer", "--no-tls"]).tls == parse(["offer", "--tls", "fingerprint"]).tls == "fingerprint"
    config.write_text('tls = "adh"\n[offer]\ntls = "none"\n')
    assert parse(["offer"]).tls == "none"


def test_half_of_a_demo_reads_no_file(config: Path) -> None:
    config.write_text("no TOML")
    assert parse(["demo-peer", "--out", "/tmp"]).command == "demo-peer"


def test_paths_begin_at_home(config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    config.write_text('out = "~/in"')
    assert parse(["listen"]).out == tmp_path / "in"


def test_some_editors_mark_the_beginning_and_end_lines_otherwise(config: Path) -> None:
    config.write_bytes(b'\xef\xbb\xbfas = "im:bob@lan"\r\n[listen]\r\nport = 7\r\n')
    assert (parse(["listen"]).me, parse(["listen"]).port) == ("im:bob@lan", 7)


# -- what makes no sense


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("\n\nas = im:bob@lan\n", r"line 3: no TOML: Invalid value; text stands in quotes"),
        ("[listen\n", "line 1: no TOML"),
        ('as = "im:bob@lan', "no TOML"),
        ("as = 1\nas = 2\n", "line 2: no TOML: Cannot overwrite"),
        (
            "port = 2000\nacceptfiles = true\n",
            "line 2: acceptfiles: there is no such option; did you mean accept-files",
        ),
        ("accept_files = true\n", "line 1: .*did you mean accept-files"),
        ("[lsten]\nport = 1\n", "line 1: lsten: there is no command of this name; did you mean listen"),
        ("listen = true\n", r"line 1: listen: this is a command: its options stand below \[listen\]"),
        ("[[listen]]\nport = 1\n", "line 1: listen: this is a command"),
        (
            "[listen]\n\nguessable = true\n",
            r"line 3: \[listen\] guessable: msrp listen has no such option; send, chat",
        ),
        ("[listen]\nprot = 1\n", r"line 2: \[listen\] prot: there is no such option; did you mean port"),
        ("port = '2855'\n", "line 1: port: it is a number, and stands without quotes: 2855"),
        ("port = 70000\n", "line 1: port: '70000' is not a number from 0 to 65535"),
        ("port = 28.5\n", "line 1: port: '28.5' is not a number"),
        ("port = true\n", "line 1: port: it is text in quotes or a number"),
        ("port = 2000-01-01\n", "line 1: port: it is text in quotes or a number"),
        ("timeout = inf\n", "line 1: timeout: 'inf' is not a number of seconds"),
        ("accept-files = 'yes'\n", "line 1: accept-files: it is true or false, without quotes"),
        ("as = 7\n", "line 1: as: '7' is not a principal"),
        ("out = 7\n", "line 1: out: it is text, and stands in quotes"),
        ("out = 'inbox'\n", 'line 1: out: say the whole of the path, from / or from ~/: "~/inbox"'),
        ('out = "/a\\u0000b"\n', "line 1: out: there is a control character in it"),
        ("require = 'autenticated'\n", "line 1: require: it is one of .*; did you mean authenticated"),
        ("[listen]\nexpect = [7]\n", r"line 2: \[listen\] expect: "),
        ("expect.a = 1\n", "line 1: expect: it is text in quotes or a number, or a list of such"),
        ("verbose = true\n", "line 1: verbose: how often it is meant is a number"),
        ("json = true\n", "line 1: json: this is of one run alone, and is typed: --json"),
        ("[send]\npassword-stdin = true\n", "line 2: .*is typed: --password-stdin"),
        ("port = " + "9" * 5000, "a number, or a nest of brackets, beyond reason"),
        ("port = 0x" + "f" * 5000, "line 1: port: this number is beyond reason"),
        ("port = " + "[" * 30000, "a number, or a nest of brackets, beyond reason"),
        ("# " + "x" * 70000, "longer than 65536 octets"),
        ('"\\u001b[2J" = 1\n', r"\\x1b\[2J: there is no such option"),
        ("# as\nx = 'as = 1'\n[listen]\n# prot\nprot = 1\n", "line 2: x: there is no such"),
        ("# prot = 1\n[listen]\n# prot\nprot = 1\n", r"line 4: \[listen\] prot"),
        ("[listen]\nas = '''\nprot = 1\n'''\n[chat]\nprot = 1", r"line 2: \[listen\] as"),
        ("[chat]\nout = '''/\nprot = 1\n'''\n", r"line 2: \[chat\] out: there is a control character"),
    ],
)
def test_what_makes_no_sense_is_said_with_its_place(text: str, complaint: str, config: Path) -> None:
    config.write_text(text)
    with pytest.raises(ConfigError, match=complaint) as error:
        parse(["listen"])
    assert str(error.value).startswith(str(config))


def test_text_in_no_charset(config: Path) -> None:
    config.write_bytes(b'port = 7\nas = "im:b\xf6b@lan"\n')
    with pytest.raises(ConfigError, match="line 2: this is no text in UTF-8"):
        parse(["listen"])


@pytest.mark.parametrize("key", ["password", "Passwd", "passphrase", "client-secret", "token"])
@pytest.mark.parametrize("table", ["", "[send]\n"])
def test_no_password_stands_there_and_none_is_repeated(key: str, table: str, config: Path) -> None:
    config.write_text(f'{table}{key} = "hunter2-hunter2"\n')
    with pytest.raises(ConfigError, match="keyring keeps one, or the environment") as error:
        parse(["listen"])
    assert "hunter2" not in str(error.value)
    config.write_text(f"{table}{key} = hunter2-hunter2\n")
    with pytest.raises(ConfigError, match="no TOML") as error:
        parse(["listen"])
    assert "hunter2" not in str(error.value)


# -- who may have written it


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_write_is_refused(mode: int, config: Path) -> None:
    config.write_text('require = "passive-only"')
    config.chmod(mode)
    with pytest.raises(ConfigError, match=r"can be written by other users of this machine, .*chmod go-w"):
        parse(["listen"])
    config.chmod(0o644)
    assert parse(["listen"]).require == "passive-only"


def test_a_file_of_another_user_is_refused(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text("port = 1")
    if os.geteuid() == 0:
        os.chown(config, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(ConfigError, match="belongs to another user"):
        parse(["listen"])


def test_a_folder_is_no_file_and_a_file_no_folder(config: Path, tmp_path: Path) -> None:
    config.mkdir()
    with pytest.raises(ConfigError, match="Is a directory"):
        parse(["listen"])
    config.rmdir()
    assert parse(["listen", "--config", "/dev/null"]).port is None


# -- whatever stands in it

_VALUES = st.recursive(
    st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(["im:bob@lan", "/tmp", "~/x", "~nobody/x", "scram", "adh", "authenticated", "none"]),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
_KEYS = st.sampled_from(sorted({name for _, name in ALL} | set(COMMANDS) | ONLY_TYPED)) | st.text(max_size=12)
_TABLES = st.dictionaries(_KEYS, _VALUES, max_size=4)


def toml(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(value).replace("Infinity", "inf").replace("NaN", "nan").replace("\x7f", "\\u007f")


def ends_in_options_or_one_sentence(text: str) -> None:
    path = Path("/home/bob/config.toml")
    told = None
    try:
        file = File(path, text, OPTIONS)
    except ConfigError as error:
        told = str(error)
    else:
        for command in OPTIONS:
            try:
                assert file.of(command).keys() <= OPTIONS[command].keys()
            except ConfigError as error:
                told = str(error)
    assert told is None or (told.startswith(str(path)) and told.isprintable())


@given(st.text(st.characters(codec="utf-8")) | st.text("=[]\"'.\n# ab1-{},:t", max_size=60))
@example("[listen]\n[listen.port]\n")
def test_any_text(text: str) -> None:
    ends_in_options_or_one_sentence(text)


@given(_TABLES, st.dictionaries(st.sampled_from(sorted(COMMANDS)) | _KEYS, _TABLES, max_size=3))
def test_any_keys_and_values(top: dict[str, Any], tables: dict[str, dict[str, Any]]) -> None:
    lines = [f"{toml(key)} = {toml(value)}" for key, value in top.items()]
    for name, table in tables.items():
        lines += [f"[{toml(name)}]", *(f"{toml(key)} = {toml(value)}" for key, value in table.items())]
    ends_in_options_or_one_sentence("\n".join(lines))


# -- the command


def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [MSRP, *arguments], capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL
    )


def test_a_listener_does_as_the_file_says(config: Path, tmp_path: Path, msrp: Start) -> None:
    out = tmp_path / "inbox"
    config.write_text(f'as = "im:bob@lan"\n[listen]\nport = 0\nout = "{out}"\naccept-files = true\n')
    program = msrp("listen", "127.0.0.1", "--once", "--json")
    told = program.event("listening")
    assert (told["me"], told["files"]) == ("im:bob@lan", "all")
    done = ask("send", told["uri"].partition("//")[2].partition(";")[0], "--file", __file__)
    assert done.returncode == 0, done.stderr
    assert program.wait() == 0
    assert [path.name for path in out.iterdir()] == [Path(__file__).name]


def test_whom_the_file_expects_must_be_proved(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(config.parent))
    config.write_text('as = "im:bob@lan"\nexpect = ["im:alice@lan"]\n')
    done = ask("listen", "127.0.0.1", "--port", "0")
    assert done.returncode == 2
    assert "nobody has a password for im:bob@lan" in done.stderr
    assert "(the config file sets as, expect; --no-config leaves it out)" in done.stderr


def test_what_is_set_for_a_listener_is_no_contradiction_for_a_caller(config: Path) -> None:
    config.write_text("[chat]\nannounce = true\nport = 7\nguessable = true\n")
    done = ask("chat", "127.0.0.1:1")
    assert done.returncode == 3, done.stderr
    done = ask("chat", "127.0.0.1:1", "--announce")
    assert done.returncode == 2


def test_what_is_set_for_one_way_to_log_in_is_no_contradiction_for_another(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text('realm = "LAN"\n')
    monkeypatch.setenv("MSRP_PASSWORD", "somebody thought of it")
    monkeypatch.setenv("MSRP_PASSWORD_FOR", "im:bob@lan")
    words = ["send", "127.0.0.1:1", "hi", "--auth", "scram", "--as", "im:alice@lan", "--expect", "im:bob@lan"]
    done = ask(*words, "--guessable")
    assert done.returncode == 3, done.stderr
    done = ask(*words, "--guessable", "--realm", "LAN")
    assert done.returncode == 2
    assert "--realm is for --auth kerberos" in done.stderr


def test_a_broken_file_is_told_to_people_and_programs(config: Path) -> None:
    config.write_text("port = nowhere\n")
    done = ask("listen")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"msrp: {config}, line 1: no TOML")
    done = ask("listen", "--json")
    assert (done.returncode, done.stderr) == (2, "")
    assert json.loads(done.stdout)["kind"] == "config-error"
    assert ask("config").returncode == 2
    assert ask("config", "--path").stdout == f"{config}\n"


@pytest.mark.journey("config")
def test_the_command_shows_what_is_set_and_for_whom(config: Path) -> None:
    config.write_text('as = "im:bob@lan"\n[listen]\nout = "~/inbox"\n')
    done = ask("config")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == str(config)
    assert '  out = "~/inbox"  (line 3: listen)' in lines
    assert any(line.startswith('  as = "im:bob@lan"  (line 1: listen, send, chat') for line in lines)
    lines = ask("config", "listen").stdout.splitlines()
    assert '  as = "im:bob@lan"  (line 1)' in lines
    assert "  accept-files = false  (default)" in lines
    assert len(lines) == 1 + len(OPTIONS["listen"])
    found = [json.loads(line) for line in ask("config", "send", "--json").stdout.splitlines()]
    assert found[0] == {"event": "config", "path": str(config), "exists": True}
    assert {one["option"]: one["line"] for one in found[1:] if one["set"]} == {"as": 1}


def test_the_command_shows_one_value_that_some_cannot_take(config: Path) -> None:
    config.write_text('tls = "adh"\n')
    done = ask("config")
    assert done.returncode == 0
    assert 'tls = "adh"' in done.stdout
    assert "msrp offer" in done.stderr


def test_the_command_says_where_a_file_would_be(config: Path) -> None:
    done = ask("config")
    assert done.returncode == 0
    assert done.stdout == f"{config} (there is none)\n"
    assert "Nothing is set" in done.stderr
    assert ask("config", "--path").stdout == f"{config}\n"
    done = ask("config", "lisen")
    assert done.returncode == 2
    assert "listen" in done.stderr


def test_what_it_shows_can_be_put_into_a_file(config: Path) -> None:
    config.write_text(
        'expect = ["im:a@lan", "im:b@lan"]\ntimeout = 2.5\naccept-files = true\nout = "/tmp/ü"\n'
    )
    shown = ask("config", "chat").stdout.splitlines()[1:]
    again = "\n".join(line.partition("  (")[0].strip() for line in shown if "is not set" not in line)
    assert tomllib.loads(again).items() >= tomllib.loads(config.read_text()).items()


def test_help_says_that_there_is_a_file() -> None:
    assert "msrp config --help" in ask("--help").stdout
    assert "config.toml" in ask("config", "--help").stdout
