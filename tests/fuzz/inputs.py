"""How octets chosen by a fuzzer become a stream, its cuts, limits, and the memory it is fed from.

Inputs of the targets that parse begin with two octets, and are text for the rest, so that a seed
can be read and written by hand:

    kind    bits 0-2: the memory fed from (`MEMORY`); 8: take `rest` between frames; 16: octet by octet
    limits  an index into `LIMITS`
    stream  CUT stands where the octets are cut; REPEAT, an octet and a count c for 16 * c such octets

Those of the writer are fields with FIELD between them; those of sdp one octet, and texts with FIELD
between them.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable
from typing import NamedTuple

from msrp_core import Limits, ReceiveBuffer
from msrp_peer.terms.display import is_plain

__all__ = ["CUT", "FIELD", "LIMITS", "REPEAT", "Stream", "exact", "fit", "stream", "text"]

# Controls that mean nothing to MSRP: any other one stands for them in a stream.
REPEAT = b"\x1d"
CUT = b"\x1e"
FIELD = b"\x1f"

LIMITS = (
    Limits(),
    Limits(head=24, line=24, auth_line=24, headers=2),
    Limits(head=200, line=60, auth_line=120, headers=4),
    Limits(head=120, line=200, auth_line=300, headers=64),
    Limits(head=400, line=80, auth_line=80, headers=3),
    Limits(head=300, line=300, auth_line=300, headers=6),
    Limits(head=1024, line=64, auth_line=512, headers=16),
    Limits(head=1 << 30, line=1 << 30, auth_line=1 << 30, headers=1 << 30),
)

_REPEATED = re.compile(REPEAT + b"(.)(.)", re.DOTALL)


def exact(octets: bytes) -> memoryview:
    """The same octets in heap memory that ends where they end: bytes have a NUL behind their end."""
    memory = memoryview(array("B", b"\0") * len(octets))
    memory[:] = octets
    return memory


def _received(octets: bytes) -> memoryview:
    """The same, in the memory a driver receives into."""
    if not octets:
        return memoryview(b"")
    buffer = ReceiveBuffer(len(octets))
    buffer.get()[:] = octets
    return buffer.filled(len(octets))


def _again_and_again() -> Callable[[bytes], memoryview]:
    """The memory one driver receives into, replaced only while slices of it are alive."""
    buffer = ReceiveBuffer(4096)

    def fill(octets: bytes) -> memoryview:
        if len(octets) > 4096:
            return _received(octets)
        buffer.get()[: len(octets)] = octets
        return buffer.filled(len(octets))

    return fill


MEMORY: tuple[Callable[[], Callable[[bytes], object]], ...] = (
    lambda: exact,
    lambda: bytes,
    lambda: bytearray,
    lambda: _received,
    _again_and_again,
)


class Stream(NamedTuple):
    """What to feed, and how."""

    pieces: list[bytes]
    limits: Limits
    memory: Callable[[bytes], object]
    take_rest: bool

    @property
    def octets(self) -> bytes:
        return b"".join(self.pieces)


def stream(data: bytes, most: int) -> Stream:
    """The stream an input says, of `most` octets at most."""
    kind, limits = (*data[:2], 0, 0)[:2]
    pieces: list[bytes] = []
    left = most
    for cut in data[2:].split(CUT):
        piece = _REPEATED.sub(lambda found: found[1] * (16 * found[2][0]), cut)[:left]
        left -= len(piece)
        pieces.append(piece)
    if kind & 16:
        pieces = _octets(pieces)
    return Stream(pieces, LIMITS[limits % len(LIMITS)], MEMORY[(kind & 7) % len(MEMORY)](), bool(kind & 8))


def _octets(pieces: Iterable[bytes]) -> list[bytes]:
    """Octet by octet; what is longer than 2,000 in larger pieces, to be done in time."""
    octets = b"".join(pieces)
    step = 1 + len(octets) // 2000
    return [octets[at : at + step] for at in range(0, len(octets), step)]


def text(field: bytes) -> str:
    """A field as text; what is no UTF-8 becomes lone surrogates, which nobody can write."""
    return field.decode("utf-8", "surrogateescape")


def fit(told: object) -> None:
    """What is told of an error, or shown, is fit for a terminal."""
    assert all(map(is_plain, str(told)))
