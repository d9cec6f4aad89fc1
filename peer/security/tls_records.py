"""What goes into one record of TLS: as much as fits, so that short pieces cost no record each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["RECORD", "records"]

RECORD: Final = 16 * 1024
"""The plaintext of one record (RFC 8446 section 5.1). A record brings no more, and a read returns no
more than a record."""


def records(pieces: Sequence[Buffer]) -> Iterator[Buffer]:
    """Cut pieces into records: short ones joined, long ones as they lie, all but the last full."""
    joined: list[Buffer] = []
    room = RECORD
    for piece in pieces:
        size = len(piece) if type(piece) is bytes else memoryview(piece).nbytes
        if size < room:
            joined.append(piece)
            room -= size
            continue
        view = memoryview(piece)
        if joined:
            joined.append(view[:room])
            yield b"".join(joined)
            view = view[room:]
            joined = []
        while len(view) >= RECORD:
            yield view[:RECORD]
            view = view[RECORD:]
        room = RECORD - len(view)
        if view:
            joined.append(view)
    if room < RECORD:
        yield joined[0] if len(joined) == 1 else b"".join(joined)
