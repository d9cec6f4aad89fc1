"""Passwords asked for on the terminal, which does not show them."""

from __future__ import annotations

import getpass
import os
import sys
import warnings

from msrp_sasl import Password

from ..terms.display import escape
from .errors import CannotAsk, CredentialsError
from .secret import entered, mistyped

__all__ = ["Prompt", "ask", "has_terminal", "passphrase"]

_MISTYPED = "That looks like a generated secret with a slip in it. Once more, please: "


class Prompt:
    """Asks whoever sits at the terminal; implements `msrp_sasl.Credentials`.

    Best used in the main thread, where Ctrl-C ends the question and the terminal shows again
    what is typed.
    """

    def password(self, initiator: str, acceptor: str) -> Password | None:
        """None where nothing is entered. Raises `CannotAsk` where there is no terminal."""
        return ask(f"Password of {escape(initiator)} for {escape(acceptor)}: ")


def ask(question: str) -> Password | None:
    """What is entered at the terminal; None for an empty line or its end.

    Raises `CannotAsk` where there is no terminal, and `CredentialsError` where no password can
    be what was entered.
    """
    text = _line(question)
    if text and mistyped(text):
        again = _line(_MISTYPED)
        # Whoever enters the same again means it.
        text = again or text
    return entered(text) if text else None


def passphrase(question: str) -> str:
    """What is entered at the terminal, as it is; empty for nothing. Raises `CannotAsk` without one."""
    return _line(question)


def has_terminal() -> bool:
    """Whether somebody can be asked, even where standard input is something else."""
    if sys.platform != "win32":
        try:
            os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
            return True
        except OSError:
            pass
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


def _line(question: str) -> str:
    if not has_terminal():
        raise CannotAsk("there is no terminal to ask for the password; standard input can give it")
    try:
        with warnings.catch_warnings():
            # getpass would go on and show what is typed.
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(question)
    except EOFError:
        return ""
    except UnicodeDecodeError:
        problem = "the password is not text in this terminal's encoding"
    except (getpass.GetPassWarning, OSError):
        raise CannotAsk("this terminal cannot be kept from showing the password") from None
    # Out here: that error holds what was typed, and would hang on to ours.
    raise CredentialsError(problem)
