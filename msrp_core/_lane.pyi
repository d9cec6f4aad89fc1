"""What the short way keeps for those who ask later (see `Express`)."""

from collections.abc import Mapping, Sequence
from typing import final

from ._frame import Frame

@final
class Seen:
    """What became of the last messages of one other side, by Message-ID (RFC 4975 section 5.4).

    A code: 200 where one came whole, else what the rest of it is to be answered with.

    `most` are remembered, 1 at least. This and what else takes a number here raises
    `LocalProtocolError` for one beyond 63 bits.
    """

    def __init__(self, most: int) -> None: ...
    def get(self, message_id: str) -> int | None: ...
    def within(self, message_id: str, session: object) -> bool:
        """Whether that became of it in this very session."""
    def set(self, message_id: str, status: int, session: object) -> None: ...

@final
class Lane:
    """One session on the short way: plain SENDs between exactly these paths.

    Nothing is taken until `takes` and `allow` say so.
    """

    seen: Seen
    def __init__(
        self,
        to_path: str,
        from_path: str,
        seen: Seen,
        mark: object,
        arriving: Mapping[str, object],
        largest: int | None = None,
    ) -> None:
        """`seen` knows the messages that came before, and this session by `mark`; `arriving` (a dict)
        those of which more is to come; `largest` is how long one may be, in octets."""
    def takes(self, content_type: str) -> None:
        """Messages of this type, as it is written, may be taken: one was before."""
    def allow(self, messages: int, octets: int) -> None:
        """What may be taken from now on; a message costs its `Frame.weight`."""
    def follow(self, message_id: str, position: int, total: int | None, success: bool) -> None:
        """Take the chunks of this message, too, while each continues where the last one ended:
        next at `position`, counted from 1. `success`: whether its chunks ask for a success report."""
    def leave(self) -> None:
        """Take no more of its chunks."""
    @property
    def following(self) -> bool: ...
    def messages(self) -> tuple[Sequence[Frame], int]:
        """Messages that came whole in one SEND each, in their order, and their weight together;
        given out once."""
    def octets(self) -> Sequence[bytes]:
        """Octets of the message followed; given out once."""
