"""Reading the config file, and saying in one sentence what in it makes no sense, and where."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..terms.display import escape
from ..terms.errors import UsageError
from .values import Wrong, settled

__all__ = ["ONLY_TYPED", "ConfigError", "File", "Options", "Setting", "usual_path"]

ONLY_TYPED: Final = frozenset(
    {
        # which settings there are
        *("config", "no-config"),
        # what is sent, or asked for
        *("file", "get"),
        # which of its acts a command is to do
        *("help", "version", "path", "listen", "once", "follow", "list", "generate", "remove"),
        # which password that act is about
        *("from", "for", "shared", "digest-md5"),
        # what comes on standard input, and goes out on standard output
        *("password-stdin", "json"),
        # what one run is looked into with
        "trace",
    }
)
"""Options of one run alone. The rule: a file says *how* things are done, and *what* is done now (whom
to meet, what to send, which act, in which shape it is read) is typed. Words without a name are, too."""

_OWN_TABLE: Final = "demo"  # is to show the program, and not what somebody has set
_LONGEST: Final = 65536  # octets; a file of settings has a few hundred
_SECRET: Final = re.compile(r"passw|passphrase|secret|token|credential", re.I)
_TRIES: Final = 50  # places looked at for the line of a key
_FRESH: Final = "a-key-that-nobody-uses"

Options = Mapping[str, Mapping[str, argparse.Action]]
"""By command, then by name without dashes."""


class ConfigError(UsageError):
    """The config file makes no sense, or is not to be trusted."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One option as the file sets it.

    Attributes:
        value: what the command gets.
        told: what the file says.
        line: where, counted from 1; None where that is not plain.
    """

    value: object
    told: object
    line: int | None


def usual_path() -> Path | None:
    """``$XDG_CONFIG_HOME/msrp/config.toml``, or below ``~/.config`` where that says nothing; None for
    somebody who has no home."""
    named = os.environ.get("XDG_CONFIG_HOME", "")
    if Path(named).is_absolute():  # the XDG specification has relative ones ignored
        return Path(named) / "msrp/config.toml"
    try:
        return Path.home() / ".config/msrp/config.toml"
    except RuntimeError:
        return None


class File:
    """What a config file says, all of it checked.

    Attributes:
        path: where it is, or would be; None for no file.
    """

    def __init__(self, path: Path | None, text: str, options: Options) -> None:
        """Raises `ConfigError` for whatever in `text` nobody would understand."""
        self.path = path
        self._text = text
        self._options = options
        self._tables: dict[str, dict[str, Setting]] = {}
        self._top: dict[str, object] = {}
        document = self._parsed()
        for key, told in document.items():
            named = any(key in each for each in options.values())
            if key in options and (isinstance(told, dict) or not named):
                self._table(key, told)
            elif isinstance(told, dict) and not named:
                raise self._wrong(key, f"there is no command of this name{_nearest(key, options)}")
            else:
                self._everywhere(key, told)

    @classmethod
    def read(cls, path: Path | None, options: Options, *, needed: bool) -> File:
        """Of a path; where nothing is there it sets nothing, unless it is `needed`."""
        octets = b""
        if path is not None:
            try:
                octets = _octets(path)
            except (FileNotFoundError, NotADirectoryError):
                if needed:
                    raise ConfigError(f"{_shown(path)}: there is no such file") from None
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or "no file has such a name"
                raise ConfigError(f"{_shown(path)}: {why}") from None
        try:
            text = octets.decode("utf-8-sig")  # some editors put a mark before it
        except UnicodeDecodeError as error:
            line = octets.count(b"\n", 0, error.start) + 1
            raise ConfigError(f"{_shown(path)}, line {line}: this is no text in UTF-8") from None
        return cls(path, text.replace("\r\n", "\n"), options)

    def of(self, command: str, *, skipped: Iterable[str] = ()) -> dict[str, Setting]:
        """What is set for a command. Raises `ConfigError` for a value that is good for others alone;
        not where it is among the destinations `skipped`, which count for more."""
        options, found = self._options[command], dict(self._tables.get(command, {}))
        for key, told in self._top.items() if command != _OWN_TABLE else ():
            if key in options and key not in found and options[key].dest not in skipped:
                try:
                    found[key] = Setting(settled(options[key], told), told, self._line(key))
                except Wrong as wrong:
                    how = f"{wrong}. Set another in [{command}], or type --no-{key}"
                    raise self._wrong(key, f"msrp {command}: {how}") from None
        return {key: one for key, one in found.items() if options[key].dest not in skipped}

    def _parsed(self) -> dict[str, Any]:
        import tomllib

        try:
            return tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            # The text is not repeated: it may be a password, put where it does not belong.
            what, _, where = str(error).partition(" (at ")
            line = re.match(r"line (\d+)", where)
            hint = '; text stands in quotes: as = "im:alice@lan"' if what == "Invalid value" else ""
            at = f", line {line[1]}" if line else ", at its end"
            raise ConfigError(f"{_shown(self.path)}{at}: no TOML: {escape(what, 200)}{hint}") from None
        except (ValueError, RecursionError):
            raise ConfigError(
                f"{_shown(self.path)}: a number, or a nest of brackets, beyond reason"
            ) from None

    def _table(self, command: str, told: object) -> None:
        if not isinstance(told, dict):
            raise self._wrong(command, f"this is a command: its options stand below [{command}]")
        self._tables[command] = {}
        for key, value in told.items():
            action = self._options[command].get(key)
            if action is None:
                raise self._wrong(key, self._unknown(key, command), command)
            try:
                known = settled(action, value)
            except Wrong as wrong:
                raise self._wrong(key, str(wrong), command) from None
            self._tables[command][key] = Setting(known, value, self._line(key, command))

    def _everywhere(self, key: str, told: object) -> None:
        """A key above all tables is for whichever command has the option, and good for one at least."""
        actions = [options[key] for options in self._options.values() if key in options]
        if not actions:
            raise self._wrong(key, self._unknown(key))
        wrong: Wrong | None = None
        for action in actions:
            try:
                settled(action, told)
                break
            except Wrong as error:
                wrong = wrong or error
        else:
            raise self._wrong(key, str(wrong))
        self._top[key] = told

    def _unknown(self, key: str, command: str | None = None) -> str:
        names = {name for each in self._options.values() for name in each}
        if key in ONLY_TYPED:
            return f"this is of one run alone, and is typed: --{key}"
        if _SECRET.search(key):
            return (
                "no password or other secret stands in this file: with its copies it would get around. The "
                "system's keyring keeps one, or the environment (MSRP_PASSWORD); see msrp passwd --help"
            )
        if command is None:
            return f"there is no such option{_nearest(key, names)}"
        others = [each for each, options in self._options.items() if key in options]
        if others:
            have = "has" if len(others) == 1 else "have"
            return f"msrp {command} has no such option; {', '.join(others)} {have}"
        return f"there is no such option{_nearest(key, self._options[command])}"

    def _wrong(self, key: str, what: str, command: str | None = None) -> ConfigError:
        line = self._line(key, command)
        at = _shown(self.path) if line is None else f"{_shown(self.path)}, line {line}"
        table = "" if command is None else f"[{command}] "
        return ConfigError(f"{at}: {table}{escape(key, 60)}: {escape(what, 500)}")

    def _line(self, key: str, command: str | None = None) -> int | None:
        """The line where the key stands: the one in which another word makes it another key."""
        import tomllib

        places = re.finditer(rf"(?<![\w-]){re.escape(key)}(?![\w-])", self._text)
        for place, _ in zip(places, range(_TRIES), strict=False):
            changed = f"{self._text[: place.start()]}{_FRESH}{self._text[place.end() :]}"
            try:
                table = tomllib.loads(changed)
            except (ValueError, RecursionError):
                continue
            table = table if command is None else table.get(command, {})
            if isinstance(table, dict) and _FRESH in table:
                return self._text.count("\n", 0, place.start()) + 1
        return None


def _octets(path: Path) -> bytes:
    """What the file holds. Raises `ConfigError` for one that is not this user's alone to write.

    It could lower what is required of a line. The rights of Windows are not looked at: there a
    profile is its user's own.
    """
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        if sys.platform != "win32" and not stat.S_ISCHR(found.st_mode):  # /dev/null: no settings
            if found.st_uid not in (0, os.geteuid()):
                raise ConfigError(f"{_shown(path)} belongs to another user, and is not heeded")
            if stat.S_ISREG(found.st_mode) and found.st_mode & 0o022:
                raise ConfigError(
                    f"{_shown(path)} can be written by other users of this machine, and is not heeded. "
                    f"If what it says is yours, run: chmod go-w {_shown(path)}"
                )
        octets = file.read(_LONGEST + 1)
    if len(octets) > _LONGEST:
        raise ConfigError(f"{_shown(path)}: this is no file of settings: it is longer than {_LONGEST} octets")
    return octets


def _shown(path: Path | None) -> str:
    return escape(str(path), 1000)


def _nearest(word: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(word.replace("_", "-").lower(), list(names), 1)
    return f"; did you mean {near[0]}?" if near else ""
