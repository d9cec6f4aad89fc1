"""A value of the config file as an option takes it: checked by what checks the typed word."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from ..terms.display import escape
from .parsing import meant

__all__ = ["Wrong", "settled"]

_MOST: Final = 1000  # values of one option


class Wrong(ValueError):
    """It is no value of this option; the text says why."""


def settled(action: argparse.Action, told: object) -> object:
    """What a command gets for what a file says. Raises `Wrong`."""
    if isinstance(action, argparse._CountAction):
        if type(told) is not int or not 0 <= told < 10:
            raise Wrong("how often it is meant is a number: 1")
        return told
    if action.nargs == 0:
        if type(told) is not bool:
            raise Wrong("it is true or false, without quotes")
        return told if action.const is True else not told
    if isinstance(action, argparse._AppendAction):
        values = told if isinstance(told, list) else [told]
        if len(values) > _MOST:
            raise Wrong(f"these are more than {_MOST} values")
        return [_one(action, value) for value in values]
    return _one(action, told)


def _one(action: argparse.Action, told: object) -> object:
    if isinstance(told, bool) or not isinstance(told, str | int | float):
        many = "or a list of such, " if isinstance(action, argparse._AppendAction) else ""
        raise Wrong(f"it is text in quotes or a number, {many}as --{_shown(action)} takes it")
    try:
        word = str(told)
    except ValueError:  # a number whose digits Python does not write
        raise Wrong("this number is beyond reason") from None
    if any(letter < " " or letter == "\x7f" for letter in word):
        raise Wrong("there is a control character in it")
    value = _converted(action, word)
    if isinstance(told, str) and isinstance(value, int | float):
        raise Wrong(f"it is a number, and stands without quotes: {word}")
    if not isinstance(told, str) and not isinstance(value, int | float):
        raise Wrong("it is text, and stands in quotes")
    if action.choices is not None and value not in action.choices:
        words = [str(choice) for choice in action.choices]
        raise Wrong(f"it is one of {', '.join(words)}{meant(word, words)}")
    return _absolute(value) if isinstance(value, Path) else value


def _converted(action: argparse.Action, word: str) -> object:
    if not callable(action.type):
        return word
    try:
        value: object = action.type(word)
    except argparse.ArgumentTypeError as error:
        raise Wrong(str(error)) from None
    except (TypeError, ValueError):
        raise Wrong(f"{escape(word, 100)} is no value for it") from None
    return value


def _absolute(path: Path) -> Path:
    """A file has no folder in which it was typed, and no shell that knows ~."""
    try:
        whole = path.expanduser()
    except RuntimeError:
        raise Wrong("nobody knows the home folder that is meant by ~") from None
    if not whole.is_absolute():
        raise Wrong(f'say the whole of the path, from / or from ~/: "~/{escape(str(path), 100)}"')
    return whole


def _shown(action: argparse.Action) -> str:
    return action.option_strings[-1].lstrip("-")
