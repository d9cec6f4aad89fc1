"""What a command says: words for people, or one JSON object a line for programs.

Words of the conversation go to stdout; notes, questions, progress and errors to stderr. With
``--json`` stdout holds nothing but events. Whatever the other side chose passes `escape`
before it reaches a terminal; in JSON it is ASCII and stands as it is.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable

from ..terms.display import escape
from ..terms.errors import MsrpError
from .exits import kind_of

__all__ = ["Output", "is_terminal", "reason", "size_text"]

_LONGEST_ERROR = 2000


class Interrupted(MsrpError):
    """Ctrl-C, or a signal, came first."""


class Output:
    """Where a command speaks.

    Attributes:
        json: whether events are written instead of words.
        gone: whether nobody reads stdout any more; then `on_gone` was called, once.
    """

    def __init__(self, *, json: bool = False) -> None:
        self.json = json
        self.gone = False
        self._interrupted = False
        self.on_gone: Callable[[], object] | None = None

    def say(self, words: str) -> None:
        """Words for a person, on stdout; nothing with --json."""
        if not self.json:
            self._write(words)

    def event(self, event: str, words: str | None = None, /, **fields: object) -> None:
        """Something happened: `words` for a person (None: nothing), the fields for a program."""
        if self.json:
            self._write(json.dumps({"event": event, **fields}, ensure_ascii=True, default=str))
        elif words is not None:
            self._write(words)

    def note(self, words: str) -> None:
        """Words beside the conversation, on stderr; nothing with --json."""
        if not self.json:
            _to_stderr(words)

    def ask(self, words: str) -> None:
        """A question, on stderr, also with --json: whoever sits there must see it."""
        _to_stderr(words)

    def error(self, error: BaseException, words: str | None = None, **fields: object) -> None:
        """Say what went wrong: on stderr, or as an event of its kind.

        `words` stand before the error's own text.
        """
        text = escape(reason(error), _LONGEST_ERROR)
        message = f"{words}: {text}" if words else text
        if self.json:
            self.event("error", kind=kind_of(error), message=message, **fields)
        else:
            _to_stderr(f"msrp: {message}")

    def interrupted(self, words: str) -> None:
        """Say what Ctrl-C, or a signal, has left undone."""
        if not self._interrupted and not self.json and is_terminal(sys.stderr):
            _to_stderr("")  # behind the terminal's own ^C
        self._interrupted = True
        self.error(Interrupted(words))

    def bug(self, error: BaseException) -> None:
        """Say in one sentence that something happened which nobody expected."""
        name = type(error).__name__
        self.error(error, f"unexpected {name}, a fault of this program; MSRP_DEBUG=1 shows the details")

    def _write(self, line: str) -> None:
        if self.gone:
            return
        try:
            print(line, flush=True)
        except BrokenPipeError:
            self.abandon()
        except OSError as error:  # a full disk: nothing more can be said there
            _to_stderr(f"msrp: standard output: {reason(error)}")
            self.abandon()

    def abandon(self) -> None:
        """Nobody reads stdout any more: write nothing from here on."""
        self.gone = True
        # What is still buffered would fail once more when Python ends; nobody misses it.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
        if self.on_gone is not None:
            self.on_gone()


def reason(error: BaseException) -> str:
    """The text of an error for a person: never empty, an OSError without its number."""
    if isinstance(error, OSError) and error.strerror:
        name = f": {error.filename}" if isinstance(error.filename, str) else ""
        return f"{error.strerror}{name}"
    return str(error) or type(error).__name__


def size_text(octets: int | None) -> str:
    """A size for people: ``"3.1 MB (3,145,728 octets)"``."""
    if octets is None:
        return "of unknown size"
    if octets < 1000:
        return f"{octets} octet{'' if octets == 1 else 's'}"
    amount = float(octets)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= 1000
        if amount < 999.95 or unit == "TB":
            break
    return f"{amount:.1f} {unit} ({octets:,} octets)"


def is_terminal(stream: object) -> bool:
    """Whether somebody sits at the other end of a stream."""
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):
        return False  # closed, or never there


def _to_stderr(words: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        print(words, file=sys.stderr, flush=True)
