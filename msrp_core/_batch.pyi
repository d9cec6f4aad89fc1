"""SENDs that were cut together, and which of them are answered (see `Batches`)."""

from collections.abc import Sequence
from typing import final

@final
class Batch:
    """What `Chunks.batch` has cut: so many transactions, none of which is answered yet."""

    @property
    def count(self) -> int:
        """How many SENDs it has."""
    @property
    def left(self) -> int:
        """How many of them wait for their answer."""
    @property
    def ids(self) -> list[str]:
        """Their transaction ids, in order; made when asked for."""

@final
class Batches:
    """Batches whose SENDs wait for their answers, found by transaction id.

    A `Parser` with an `Express` of it takes plain 200s to them by itself.
    """

    def __init__(self) -> None: ...
    def add(self, batch: Batch) -> None:
        """Its answers may come from now on."""
    def discard(self, batch: Batch) -> None:
        """They may not any more: all have come, or it is too late. Without effect where it is not here."""
    def take(self, transaction_id: str) -> tuple[Batch, int] | None:
        """An answer came, whatever it says: the batch it is for, and the octets of body it is about.

        None where no SEND of that id waits for one.
        """
    def confirmed(self) -> Sequence[tuple[Batch, int, int]]:
        """The plain 200s that came: for each batch how many, and about how many octets of body;
        given out once."""
    def clear(self) -> None: ...
