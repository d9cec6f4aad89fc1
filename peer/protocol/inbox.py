"""Messages of one session that nobody looked at yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from msrp_core import Frame

from .incoming import Incoming

if TYPE_CHECKING:
    from .endpoint import Endpoint

__all__ = ["Inbox"]


class Inbox:
    """In the order they began, in `waiting`. One that came whole in one SEND may wait as that frame:
    few ever ask more of it than its body."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._budget = endpoint.connection.budget
        self.waiting: deque[Incoming | Frame] = deque()
        self._weight = 0  # of the frames
        self._paid = 0  # memory taken for them: `settle` makes it the same

    def append(self, message: Incoming) -> None:
        self.waiting.append(message)

    def extend(self, frames: Sequence[Frame], weight: int) -> None:
        """Whole messages, for which there is room."""
        self.waiting.extend(frames)
        self._weight += weight
        self.settle()

    def settle(self) -> None:
        """Give back what those took that are gone."""
        if self._weight != self._paid:
            self._budget.take_memory(self._weight - self._paid)
            self._paid = self._weight

    def next(self) -> Incoming | Frame:
        """The oldest, as it is."""
        message = self.waiting.popleft()
        if type(message) is Frame:
            self._weight -= message.weight
        return message

    def popleft(self) -> Incoming:
        message = self[0]
        self.waiting.popleft()
        return message

    def clear(self) -> None:
        self.waiting.clear()
        self._weight = 0
        self.settle()

    def pop(self) -> Incoming:
        """The newest."""
        message = self[-1]
        self.waiting.pop()
        return message

    def begun(self) -> list[Incoming]:
        """Those that did not come whole in one SEND."""
        return [message for message in self.waiting if isinstance(message, Incoming)]

    def __len__(self) -> int:
        return len(self.waiting)

    def __getitem__(self, index: int) -> Incoming:
        message = self.waiting[index]
        if isinstance(message, Frame):
            self._weight -= message.weight
            self.settle()
            message = self.waiting[index] = Incoming.whole(self._endpoint, message)
        return message

    def __iter__(self) -> Iterator[Incoming]:
        return (self[index] for index in range(len(self)))

    def __del__(self) -> None:
        self._budget.take_memory(-self._paid)
