"""A password on standard input, for programs that start the command."""

from __future__ import annotations

import os
import sys
from typing import Final

from msrp_sasl import Password

from .errors import CannotAsk, CredentialsError
from .secret import entered

__all__ = ["StandardInput", "read_line", "read_text"]

_LONGEST: Final = 4096  # octets; longer than any password that is allowed


class StandardInput:
    """The first line of standard input; implements `msrp_sasl.Credentials`.

    It is read once, and is the password of the first pair that asks; others get none.
    """

    def __init__(self) -> None:
        self._pair: tuple[str, str] | None = None
        self._read: Password | None = None

    def password(self, initiator: str, acceptor: str) -> Password | None:
        """Raises `CannotAsk` where standard input is a terminal, `CredentialsError` for a bad line."""
        if self._pair is None:
            self._read = read_line()
            self._pair = initiator, acceptor
        return self._read if self._pair == (initiator, acceptor) else None


def read_line() -> Password:
    """The next line of standard input as a password; raises as `read_text` does, and `CredentialsError`
    where it is none."""
    return entered(read_text())


def read_text() -> str:
    """The next line of standard input, without its end. What follows is left for others.

    Raises `CannotAsk` where it is a terminal, which would show the password, or closed, and
    `CredentialsError` where the line is missing, too long or no text.
    """
    try:
        descriptor = sys.stdin.fileno()
        if os.isatty(descriptor):
            raise CannotAsk("standard input is a terminal, which would show the password")
        line = _octets(descriptor)
    except (AttributeError, OSError, ValueError):
        raise CannotAsk("standard input cannot be read") from None
    if len(line) > _LONGEST:
        raise CredentialsError(f"the first line of standard input is longer than {_LONGEST} octets")
    text = line.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
    if "\ufffd" in text:
        raise CredentialsError("the first line of standard input is not UTF-8")
    if not text:
        raise CredentialsError("standard input holds no password: its first line is empty")
    return text


def _octets(descriptor: int) -> bytes:
    # One by one: what is behind the line belongs to whoever reads next, and not into our buffer.
    line = b""
    while len(line) <= _LONGEST and not line.endswith(b"\n"):
        octet = os.read(descriptor, 1)
        if not octet:
            break
        line += octet
    return line
