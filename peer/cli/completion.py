"""What the key Tab completes in a chat: its commands, and the path behind /file."""

from __future__ import annotations

from collections.abc import Iterable

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document

__all__ = ["Files"]

_COMMANDS = ("/file ", "/help", "/quit", "/security")


class Files(Completer):
    """Words that are said are left alone."""

    def __init__(self) -> None:
        self._paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """For prompt_toolkit."""
        typed = document.text_before_cursor
        word, space, path = typed.partition(" ")
        if word == "/file" and space:
            yield from self._paths.get_completions(Document(path), complete_event)
        elif word.startswith("/") and not space:
            for command in _COMMANDS:
                if command.startswith(word):
                    yield Completion(command, start_position=-len(word))
