"""The parser of a command line: a slip is answered with what was perhaps meant, and with the usage of
the command in which it was made. Loads nothing."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

__all__ = ["Parser", "meant", "refuse_first", "refuse_rest"]


def meant(word: str, words: Iterable[str]) -> str:
    """``"; did you mean listen?"``, where one of `words` is like `word`; else nothing."""
    near = difflib.get_close_matches(word, list(words), 1)
    return f"; did you mean {near[0]}?" if near else ""


class Parser(argparse.ArgumentParser):
    """Its sub-commands are of the same class: argparse makes them so."""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        words = [str(choice) for choice in action.choices]
        hint = meant(str(value), words)
        raise argparse.ArgumentError(action, f"invalid choice: {value!r}{hint} ({', '.join(words)})")


def refuse_first(
    parser: argparse.ArgumentParser, commands: Mapping[str, argparse.ArgumentParser], words: Sequence[str]
) -> None:
    """End the program where the first word is an option, and not one that stands before the command:
    argparse would take its value for the command."""
    name = words[0].partition("=")[0] if words else ""
    own = _options(parser)
    if len(name) < 2 or not name.startswith("-") or any(option.startswith(name) for option in own):
        return
    if any(name in _options(each) for each in commands.values()):
        parser.error(f"{name} stands behind the command: msrp COMMAND {name}")
    parser.error(f"there is no option {name}{meant(name, own)}")


def refuse_rest(
    command: str, commands: Mapping[str, argparse.ArgumentParser], rest: Sequence[str]
) -> NoReturn:
    """End the program: `rest` is what `command`, one of `commands`, has no use for."""
    one = commands[command]
    option = next((word for word in rest if len(word) > 1 and word.startswith("-")), None)
    if option is None:
        text = any(action.dest == "text" for action in one._actions)
        hint = "; a text of several words stands in quotes" if text else ""
        one.error(f"unrecognized arguments: {' '.join(rest)}{hint}")
    name = option.partition("=")[0]  # what stands behind it may be a secret
    others = [f"msrp {other}" for other, its in commands.items() if name in _options(its)]
    hint = f"; {' and '.join(others)} {'have' if others[1:] else 'has'} it"
    if not others:
        hint = meant(name, _options(one))
    one.error(f"there is no option {name} here{hint}")


def _options(parser: argparse.ArgumentParser) -> list[str]:
    """Those that its help shows."""
    shown = (action for action in parser._actions if action.help is not argparse.SUPPRESS)
    return [word for action in shown for word in action.option_strings]
