"""Everything that passed on the lines of this process, in the clear: what a trace must not tell."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msrp_core import Frame, Parser

_TOKEN = re.compile(r'(?:s2c|c2s|commit|nonce|reveal)="([^"]+)"')
_SESSION = re.compile(r"msrps?://[^\s/]*/([^\s;]+)")


class Tapped:
    """A `msrp_peer.aio.taps.Watcher`."""

    def __init__(self) -> None:
        self.lines: list[_Line] = []

    def line(self, address: str) -> _Line:
        self.lines.append(_Line())
        return self.lines[-1]

    def gone(self, tap: object, reason: str | None) -> None:
        pass

    def frames(self) -> Iterator[tuple[Frame, bytes]]:
        for line in self.lines:
            for octets in (line.there, line.back):
                for event in Parser().feed(bytes(octets)):
                    if isinstance(event, Frame):
                        yield event, event.body

    def secrets(self) -> set[str]:
        """Session-ids, and what AUTH says; at least eight characters each, or it would be found by chance."""
        found: set[str] = set()
        for frame, _ in self.frames():
            for _, value in frame.headers:
                found.update(_SESSION.findall(value))
                found.update(_TOKEN.findall(value))
        return {one for one in found if len(one) >= 8}


class _Line:
    def __init__(self) -> None:
        self.there, self.back = bytearray(), bytearray()

    def heard(self, octets: bytes) -> None:
        self.there += octets

    def said(self, octets: bytes) -> None:
        self.back += octets
