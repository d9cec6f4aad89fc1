"""How a command ends: the exit codes, and which error leads to which."""

from __future__ import annotations

import re
from enum import IntEnum

from ..credentials.errors import CredentialsError
from ..kept.errors import StoreError
from ..security.errors import KeyUnusable
from ..terms.errors import CannotReach, MsrpError, NotSecureEnough, UsageError

__all__ = ["MEANINGS", "Exit", "exit_of", "kind_of"]


class Exit(IntEnum):
    """The exit codes of every command; `msrp --help` shows `MEANINGS`."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOBODY = 3
    INSECURE = 4
    INTERRUPTED = 130


MEANINGS = {
    Exit.DONE: "done; what was sent was delivered",
    Exit.FAILED: "not delivered, cut, damaged; this system failed; no password, ticket or key will do",
    Exit.USAGE: "the command line, or the config file, makes no sense",
    Exit.NOBODY: "nobody was found, or nobody answered",
    Exit.INSECURE: "weaker than --require asks for; somebody not proved, or not as known; words that differ",
    Exit.INTERRUPTED: "interrupted by Ctrl-C or a signal",
}


def exit_of(error: BaseException) -> Exit:
    """The code a command ends with after `error`."""
    match error:
        case UsageError():
            return Exit.USAGE
        case CannotReach():
            return Exit.NOBODY
        case NotSecureEnough():
            return Exit.INSECURE
        case CredentialsError() | KeyUnusable() | StoreError():
            return Exit.FAILED
        case MsrpError():
            from ..aio.discovery import DiscoveryUnavailable  # loaded by now, where it was raised

            return Exit.NOBODY if isinstance(error, DiscoveryUnavailable) else Exit.FAILED
        case _:
            return Exit.FAILED


def kind_of(error: BaseException) -> str:
    """The name of an error in JSON: ``"not-delivered"``."""
    if isinstance(error, OSError):
        return "system"
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(error).__name__).lower()
