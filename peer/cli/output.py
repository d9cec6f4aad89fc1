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
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

from ..terms.display import escape
from ..terms.errors import MsrpError
from .exits import kind_of
from .wrap import escaped, width_of, wrapped

if TYPE_CHECKING:
    from .writer import Through, Writer

__all__ = ["Output", "is_terminal", "reason", "size_text"]

_LONGEST_ERROR = 2000
_SOON = 1.0  # seconds
_WINDOWS = sys.platform == "win32"  # where a terminal is not written to in octets


class Interrupted(MsrpError):
    """Ctrl-C, or a signal, came first."""


class Output:
    """Where a command speaks.

    Attributes:
        json: whether events are written instead of words.
        gone: whether nobody reads stdout any more; then `on_gone` was called, once.
        undone: whether it was said what Ctrl-C has left undone.
    """

    lost = False
    """Whether some of what any of them was to say on stdout could not be written."""

    def __init__(self, *, json: bool = False) -> None:
        self.json = json
        self.gone = False
        self.on_gone: Callable[[], object] | None = None
        self.undone = False
        self._question: str | None = None
        self._writer: Writer | None = None

    def start(self) -> None:
        """From here on, and as long as the event loop runs, nobody is held up by who reads slowly."""
        from .writer import Writer

        self._writer = Writer(self._unwritable)

    async def room(self) -> None:
        """Wait here before taking more of what leads to words: whoever reads them may be behind."""
        if self._writer is not None:
            await self._writer.room()

    async def settled(self) -> None:
        """What was said is written, before somebody else draws on the terminal; at once, or it is stopped."""
        if self._writer is not None:
            await self._writer.drained(_SOON)

    async def finish(self, seconds: float | None = None) -> None:
        """All of it is written; or not, after so many seconds. Back to writing at once."""
        writer = self._writer
        if writer is not None:
            await writer.drained(seconds)
            self._writer = None

    def say(self, words: str) -> None:
        """Words for a person, on stdout; nothing with --json."""
        if not self.json:
            self._write(words)

    def event(self, event: str, words: str | None = None, /, **fields: object) -> None:
        """Something happened: `words` for a person (None: nothing), the fields for a program."""
        if self.json:
            self._write(json.dumps({"event": event, **fields}, ensure_ascii=True, default=str), verbatim=True)
        elif words is not None:
            self._write(words)

    def text(self, event: str, words: str, /, **fields: object) -> None:
        """The same, of words that are to be copied: no line is broken, however narrow the terminal."""
        if self.json:
            self.event(event, **fields)
        else:
            self._write(words, verbatim=True)

    def note(self, words: str) -> None:
        """Words beside the conversation, on stderr; nothing with --json."""
        if not self.json:
            self._put(sys.stderr, words)

    def log(self, line: str) -> None:
        """A line of the log, on stderr."""
        self._put(sys.stderr, line)

    def ask(self, words: str) -> None:
        """A question, on stderr, also with --json: whoever sits there must see it."""
        self._put(sys.stderr, words)

    @contextlib.contextmanager
    def question(self, words: str) -> Iterator[Callable[[], None]]:
        """The same, answered behind it: it is asked again below whatever is said meanwhile. What is
        yielded says that it is answered; else it is withdrawn, and its line ends."""
        self._question = wrapped(words, width_of(sys.stderr))
        self._errors(self._question)

        def answered() -> None:
            self._question = None

        try:
            yield answered
        finally:
            if self._question is not None:
                self._question = None
                self._errors("\n")

    def error(self, error: BaseException, words: str | None = None, **fields: object) -> None:
        """Say what went wrong: on stderr, or as an event of its kind.

        `words` stand before the error's own text.
        """
        text = escape(reason(error), _LONGEST_ERROR)
        message = f"{words}: {text}" if words else text
        if self.json:
            self.event("error", kind=kind_of(error), message=message, **fields)
        else:
            self._put(sys.stderr, f"msrp: {message}")

    def interrupted(self, words: str) -> None:
        """Say what Ctrl-C, or a signal, has left undone."""
        if not self.undone and not self.json and is_terminal(sys.stderr):
            self._errors("\n")  # behind the terminal's own ^C
        self.undone = True
        words = escaped(words, _LONGEST_ERROR)
        if self.json:
            self.event("error", kind=kind_of(Interrupted()), message=wrapped(words, None))
        else:
            self._put(sys.stderr, f"msrp: {words}")

    def bug(self, error: BaseException) -> None:
        """Say in one sentence that something happened which nobody expected."""
        name = type(error).__name__
        self.error(error, f"unexpected {name}, a fault of this program; MSRP_DEBUG=1 shows the details")

    def _errors(self, text: str) -> None:
        if sys.stderr is not None:
            self._emit(sys.stderr, text)

    def _write(self, words: str, *, verbatim: bool = False) -> None:
        if self.gone:
            return
        try:
            self._put(sys.stdout, words, verbatim=verbatim)
        except OSError as error:
            self._unwritable(None, error)

    def _put(self, stream: TextIO | None, words: str, *, verbatim: bool = False) -> None:
        """Raises OSError where stdout cannot be written to, unless the writer finds out later."""
        if stream is None:  # closed before we were started
            return
        shown = is_terminal(stream)
        words = wrapped(words, width_of(stream) if shown and not verbatim else None)
        asked = self._question if shown else None
        self._emit(stream, f"{words}\n" if asked is None else f"\n{words}\n{asked}")

    def _emit(self, stream: TextIO, text: str) -> None:
        own = stream is sys.__stdout__ or stream is sys.__stderr__  # else a prompt stands before it
        if self._writer is not None and own and not (_WINDOWS and is_terminal(stream)):
            octets = text.replace("\n", os.linesep).encode(stream.encoding, "backslashreplace")
            self._writer.put(stream.fileno(), octets)
        elif stream is sys.stderr:
            _print(text)
        else:
            print(text, end="", flush=True)

    def through(self) -> Through | None:
        """Standard error for whoever draws on the terminal that it is, and must not be held up."""
        if self._writer is None or _WINDOWS or sys.__stderr__ is None or not is_terminal(sys.__stderr__):
            return None
        from .writer import Through

        return Through(self._writer, sys.__stderr__)

    @property
    def behind(self) -> bool:
        """Whether the terminal is stopped, or read so slowly that nothing should be drawn."""
        return self._writer is not None and self._writer.behind

    def _unwritable(self, descriptor: int | None, error: OSError) -> None:
        """A stream cannot be written to; of stderr nobody can be told."""
        if self.gone or (descriptor is not None and sys.stdout.fileno() != descriptor):
            return
        if not isinstance(error, BrokenPipeError):  # a full disk: nothing more can be said there
            _print(f"msrp: standard output: {reason(error)}\n")
        self.abandon()

    def abandon(self) -> None:
        """Nobody reads stdout any more: write nothing from here on."""
        self.gone = Output.lost = True
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


def _print(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        print(text, end="", file=sys.stderr, flush=True)
