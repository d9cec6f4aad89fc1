"""Where the lines of a chat come from: a prompt on a terminal, or plain standard input."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from types import TracebackType
from typing import Protocol, Self

from .terminal import Lines, can_ask, flush_typed

__all__ = ["Entry", "Interrupted", "entry"]


class Interrupted(Exception):
    """Ctrl-C at the prompt."""


class Entry(Protocol):
    """Lines as they are typed, for as long as it is entered.

    Attributes:
        live: whether a person types, who sees what happens between two lines.
    """

    live: bool

    async def next(self) -> str | None:
        """The next line, None at the end. Raises `Interrupted`."""

    def forget(self) -> None:
        """Drop what was typed and not asked for."""

    def prompt(self, words: str) -> None:
        """What stands before the line being typed."""

    def above(self, words: str | None) -> None:
        """A line above the prompt, where there is one; from any thread."""

    def end(self) -> None:
        """Nothing more is to be typed: the terminal is as it was, and can show bars."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def entry(*, json: bool) -> Entry:
    """A prompt where there is a terminal to show it on, else the lines of stdin."""
    if not json and can_ask() and sys.stdout.isatty():
        return _Prompt()
    return _Plain()


class _Plain:
    def __init__(self) -> None:
        self.live = can_ask()
        self._lines = Lines()

    async def next(self) -> str | None:
        return await self._lines.next()

    def forget(self) -> None:
        self._lines.forget()

    def prompt(self, words: str) -> None:
        pass

    def above(self, words: str | None) -> None:
        pass

    def end(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class _Prompt:
    """prompt_toolkit: what arrives is printed above the line being typed."""

    def __init__(self) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.key_binding import KeyBindings
        from prompt_toolkit.keys import Keys

        from .completion import Files

        # Colours that are pasted look like a mouse to it, of which it cannot make sense.
        bindings = KeyBindings()
        bindings.add(Keys.Vt100MouseEvent)(lambda _: None)

        self.live = True
        self._words = "> "
        self._above = ""
        self._session: PromptSession[str] = PromptSession(
            lambda: f"{self._above}{self._words}",
            completer=Files(),
            complete_while_typing=False,
            key_bindings=bindings,
        )
        self._stack = ExitStack()

    async def next(self) -> str | None:
        try:
            # Its own handler of errors would print them, and wait for Enter.
            return await self._session.prompt_async(set_exception_handler=False)
        except EOFError:
            return None
        except KeyboardInterrupt:
            # Let through, it would end the loop before anything is closed.
            raise Interrupted from None

    def forget(self) -> None:
        from prompt_toolkit.input.typeahead import clear_typeahead

        clear_typeahead(self._session.app.input)
        flush_typed()

    def prompt(self, words: str) -> None:
        self._words = words
        self._session.app.invalidate()

    def above(self, words: str | None) -> None:
        self._above = "" if words is None else f"{words}\n"
        self._session.app.invalidate()

    def end(self) -> None:
        self._stack.close()

    def __enter__(self) -> Self:
        from prompt_toolkit.patch_stdout import patch_stdout

        self._stack.enter_context(patch_stdout())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
