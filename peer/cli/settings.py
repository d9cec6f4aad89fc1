"""The config file: defaults for the options of each command.

What it may set follows from the parsers of the commands. An option that is added there can be set
here, under its name and with its own check, without a word in this file.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .config_file import ONLY_TYPED, File, usual_path

__all__ = ["add_options", "commands", "complete", "file_of", "mention", "settable", "withhold"]


def add_options(parser: argparse.ArgumentParser, **default: Any) -> None:
    """Where the settings come from."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="another file of settings; see msrp config --help",
        **default,
    )
    which.add_argument("--no-config", action="store_true", help="heed no file of settings", **default)


def settable(parser: argparse.ArgumentParser) -> dict[str, dict[str, argparse.Action]]:
    """The options that a file can set, of each command of the whole parser."""
    return {
        command: {name: action for action in one._actions if (name := _name(action)) is not None}
        for command, one in commands(parser).items()
    }


def commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parser of each command."""
    action = next(each for each in parser._actions if isinstance(each, argparse._SubParsersAction))
    return dict(action.choices)


def _name(action: argparse.Action) -> str | None:
    if isinstance(action, _Without):
        return None
    long = [word[2:] for word in action.option_strings if word.startswith("--")]
    return long[0] if long and long[0] not in ONLY_TYPED else None


def withhold(parser: argparse.ArgumentParser) -> dict[str, dict[str, object]]:
    """Have the parser leave out what was not typed; what it would have said instead, by command and
    name. It also learns ``--no-NAME``: as if the file did not set NAME.
    """
    defaults: dict[str, dict[str, object]] = {}
    for command, options in settable(parser).items():
        defaults[command] = {}
        for name, action in options.items():
            defaults[command][name] = action.default
            if action.help:
                action.help = action.help.replace("%(default)s", str(action.default).replace("%", "%%"))
            action.default = argparse.SUPPRESS
            commands(parser)[command].add_argument(
                f"--no-{name}", action=_Without, nargs=0, dest=action.dest, help=argparse.SUPPRESS
            )
    return defaults


class _Without(argparse.Action):
    """Of what is typed, the later counts."""

    def __init__(self, option_strings: list[str], dest: str, **options: Any) -> None:
        super().__init__(option_strings, dest, **{**options, "default": argparse.SUPPRESS})

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, *_: object, **__: object
    ) -> None:
        if hasattr(namespace, self.dest):
            delattr(namespace, self.dest)
        namespace.without = {*getattr(namespace, "without", ()), self.dest}


def complete(
    parser: argparse.ArgumentParser, typed: argparse.Namespace, defaults: Mapping[str, Mapping[str, object]]
) -> None:
    """Add to what was typed what the file sets, and else the defaults that were withheld.

    Afterwards ``typed.given`` has the destinations of what was typed, and ``typed.settings`` what
    came from the file, by name. A command that it cannot set anything of does not read it. Raises
    `ConfigError`.
    """
    options = settable(parser)
    mine = options[typed.command]
    typed.given = frozenset(vars(typed))
    typed.settings = {}
    if not mine:
        return
    file = file_of(typed, options)
    found = file.of(typed.command, skipped={*typed.given, *getattr(typed, "without", ())})
    for name, action in mine.items():
        if action.dest in typed.given:
            continue
        if name in found:
            typed.settings[name] = found[name]
            setattr(typed, action.dest, found[name].value)
            continue
        default = defaults[typed.command][name]
        if isinstance(default, str) and callable(action.type):
            default = action.type(default)  # as argparse does
        setattr(typed, action.dest, copy.copy(default))


def mention(args: argparse.Namespace) -> str | None:
    """What of the command came from the file, for somebody who wonders; None where nothing did."""
    if not getattr(args, "settings", None):
        return None
    return f"(the config file sets {', '.join(sorted(args.settings))}; --no-config leaves it out)"


def file_of(args: argparse.Namespace, options: Mapping[str, Mapping[str, argparse.Action]]) -> File:
    """The file that --config names, or the usual one, which need not be there. Raises `ConfigError`."""
    path = None if args.no_config else args.config or usual_path()
    return File.read(path, options, needed=args.config is not None)
