"""The short way for what nearly every frame is (see `Express`)."""

from collections.abc import Sequence
from typing import final

from ._batch import Batches
from ._frame import Frame
from ._lane import Lane

@final
class Express:
    """What a `Parser` need not tell one by one: plain SENDs of known sessions, and plain 200s to
    the SENDs of `batches`.

    It takes only what has one outcome, and makes the 200 for a SEND. Whoever gets an event of the
    parser, or comes to the end of a feed, and finds `news`, asks first for what was taken.
    """

    def __init__(self, batches: Batches | None = None) -> None: ...
    def open(self, lane: Lane) -> None: ...
    def close(self, lane: Lane) -> None:
        """`release` first, where a SEND of it may be under way."""
    def begin(self, octets: int) -> None:
        """A read of that many octets is about to be fed. All is in `doubt`; `asks` tells at once of the
        lane of a SEND that was begun."""
    def stop(self) -> None:
        """Nothing more of this read is to be taken."""
    def doubt(self) -> None:
        """What lanes were told may be taken holds no more: each is to be told anew when its next
        frame comes."""
    def asks(self) -> Lane | None:
        """The lane that is to be told (`Lane.allow`) before the frame at hand can be taken; None where
        this is not why it was not. Afterwards `takes` looks at that frame again."""
    def takes(self, frame: Frame) -> bool:
        """Take it now, if it can be taken."""
    def lanes_with_news(self) -> Sequence[Lane]:
        """Those of which something was taken since this was called last."""
    @property
    def news(self) -> bool:
        """Whether something was taken since `answers` was called last."""
    def answers(self) -> bytes:
        """The 200s owed for what was taken, whole frames; given out once."""
    @property
    def overdue(self) -> bool:
        """Whether a message is held back since an earlier read: its end takes long."""
    def release(self) -> tuple[Frame, Lane | None] | None:
        """Give up the SEND that was begun: its frame, and its lane where its octets so far are
        among those of the message followed; without lane, they are in the frame."""
