"""Octets to frames (RFC 4975 sections 7.1 and 9), incrementally."""

from collections.abc import Iterator
from typing import final

from typing_extensions import Buffer

from ._express import Express
from ._frame import Body, Flag, Frame
from .limits import Limits

@final
class Parser:
    """Turns octets into frames; knows no socket and no clock.

        parser = Parser()
        for event in parser.feed(octets):
            ...                           # Frame, Body or Flag

    Events are made while iterating, so that whoever iterates may stop after any of them and
    take what was not yet looked at with `rest` (a security layer begins there).

    The object fed is kept alive, unchanged, only while large bodies that lie in it are.
    After a `RemoteProtocolError` the parser is done: every further use raises it again.
    """

    def __init__(self, limits: Limits | None = None, express: Express | None = None) -> None:
        """What `express` takes does not come out as an event."""
    def feed(self, data: Buffer, /) -> Parser:
        """Look at octets; iterate to get events.

        Raises `LocalProtocolError` while octets of the feed before are not looked at yet.
        """
    def __iter__(self) -> Iterator[Frame | Body | Flag]: ...
    def __next__(self) -> Frame | Body | Flag: ...
    def rest(self) -> bytes:
        """Take the octets not yet looked at, away from the parser.

        Only between frames: inside one, `LocalProtocolError`.
        """
    def end(self) -> None:
        """Say that no octets follow. Raises `RemoteProtocolError` where a frame is unfinished."""
    @property
    def offset(self) -> int:
        """Octets looked at so far, since the first."""
    @property
    def idle(self) -> bool:
        """Whether the parser stands between two frames."""

def scan_name() -> str:
    """Which end-line scan is at work: ``"avx2"``, ``"sse2"`` or ``"c"``."""
