"""``msrp config``: what the config file sets, for which commands, and where it lies."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Final

from ..terms.display import escape
from ..terms.errors import UsageError
from .config_file import ConfigError, File, Setting, usual_path
from .exits import Exit
from .output import Output
from .parsing import meant
from .settings import file_of, settable

__all__ = ["EPILOG", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "show what the config file sets, or every option of a command"
EPILOG: Final = """\
Options that you would type each time can stand in ~/.config/msrp/config.toml (or below
$XDG_CONFIG_HOME), under their names without dashes:

  as = "im:bob@lan"             for every command that has this option
  require = "passive-only"

  [listen]                      for msrp listen alone; counts for more
  out = "~/inbox"
  accept-files = true
  expect = ["im:alice@lan", "im:carol@lan"]

What is typed counts for more than the file, --no-out or --no-accept-files as if the file did not
say it, and --no-config leaves the file out. msrp demo heeds only [demo].

What one run is about is typed: whom to meet, what to send (--file, --get), which act is meant
(--list, --once), how it is read (--json). No password stands in the file: the system's keyring, or
MSRP_PASSWORD, is for that. A file that others may write is refused, and so is one with a word in
it that means nothing.

examples:
  msrp config                   what is set, and for whom
  msrp config listen            every option of msrp listen, and where its value is from
  msrp config --path            where the file lies
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of ``msrp config``."""
    parser.add_argument("of", nargs="?", metavar="COMMAND", help="all options of this command")
    parser.add_argument("--path", action="store_true", help="only say where the file lies, or would")
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a line on stdout, and nothing else"
    )


def run(args: argparse.Namespace) -> Exit:
    """Show the file, or the options of one command with what it sets."""
    from .options import build_parser

    output = Output(json=args.json)
    options = settable(build_parser())
    if args.of is not None and not options.get(args.of):
        able = [command for command in options if options[command]]
        hint = f"{meant(args.of, able)} ({', '.join(able)})"
        raise UsageError(f"{escape(args.of, 60)} is no command with options that can be set{hint}")
    if args.path:
        _file(output, args.config or usual_path(), only=True)
        return Exit.DONE
    file = file_of(args, options)
    _file(output, file.path)
    if args.of is not None:
        _one(output, args.of, options[args.of], file)
    else:
        _all(output, options, file)
    return Exit.DONE


def _file(output: Output, path: Path | None, *, only: bool = False) -> None:
    there = path is not None and path.exists()
    shown = "no file" if path is None else escape(str(path), 1000)
    words = shown if only or there or path is None else f"{shown} (there is none)"
    output.text("config", words, path=None if path is None else str(path), exists=there)


def _one(output: Output, command: str, options: dict[str, argparse.Action], file: File) -> None:
    found = file.of(command)
    for name, action in options.items():
        if name in found:
            _setting(output, name, found[name], [command])
        else:
            value = action.default
            words = f"  {name} is not set" if value is None else f"  {name} = {_toml(value)}  (default)"
            output.event("setting", words, option=name, value=value, commands=[command], line=None, set=False)


def _all(output: Output, options: dict[str, dict[str, argparse.Action]], file: File) -> None:
    """What the file sets, once for all commands that it sets it for."""
    same: dict[tuple[str, int | None, str], tuple[Setting, list[str]]] = {}
    for command in options:
        try:
            found = file.of(command)
        except ConfigError as error:
            output.error(error)  # the others work
            continue
        for name, one in found.items():
            same.setdefault((name, one.line, repr(one.told)), (one, []))[1].append(command)
    for (name, _, _), (one, commands) in same.items():
        _setting(output, name, one, commands, whom=True)
    if not same:
        output.note("Nothing is set. msrp config listen shows what could be, msrp config --help how.")


def _setting(output: Output, name: str, one: Setting, commands: list[str], *, whom: bool = False) -> None:
    where = "" if one.line is None else f"line {one.line}"
    words = f"  {name} = {_toml(one.told)}  ({where}{': ' if where and whom else ''}"
    words += f"{', '.join(commands) if whom else ''})"
    value = one.value if isinstance(one.value, bool | int | float | list) else str(one.value)
    output.event("setting", words, option=name, value=value, commands=commands, line=one.line, set=True)


def _toml(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str | Path):
        return escape(json.dumps(str(value), ensure_ascii=False), 1000)
    return json.dumps(value)
