"""Answers that wait: how the sender of a message that nobody reads is slowed down.

A sender sends only so much of a message ahead of its answers (decision 7). An answer that waits
holds that message back, and nothing else on the line: the wire is read on, other messages and
other sessions go on at full speed. No answer waits longer than a sender is patient (decision 70).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .connection import Connection
    from .incoming import Incoming

__all__ = ["Delayed"]


class Delayed:
    """Those of one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        limits = connection.limits
        self._most = max(limits.window // limits.chunk_in_company, 1)
        self._waiting: dict[Incoming, deque[tuple[float, bytes]]] = {}

    def put(self, message: Incoming, answer: bytes, due: float) -> None:
        """An answer to a chunk of this message waits until `due`, or until `release`.

        Of one message there wait as many as a sender like ours leaves unanswered; of one that
        does not care about answers, the oldest is given.
        """
        answers = self._waiting.setdefault(message, deque())
        answers.append((due, answer))
        if len(answers) > self._most:
            self._connection.say(answers.popleft()[1])

    def release(self, message: Incoming) -> None:
        """Somebody reads it, or nobody ever will: say what waits."""
        for _, answer in self._waiting.pop(message, ()):
            self._connection.say(answer)

    def next_timer(self) -> float | None:
        return min((answers[0][0] for answers in self._waiting.values()), default=None)

    def handle_timer(self, now: float) -> None:
        for message, answers in list(self._waiting.items()):
            while answers and answers[0][0] <= now:
                self._connection.say(answers.popleft()[1])
            if not answers:
                del self._waiting[message]
