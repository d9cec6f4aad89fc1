"""Layers on which two people can compare a short string."""

from __future__ import annotations

from dataclasses import replace

from support.by_hand import Clear
from support.pair import Toy

EXPORTED = bytes(range(100, 132))


class KeyedToy(Toy):
    """`Toy`, with an exporter."""

    def __init__(self, exported: bytes = EXPORTED) -> None:
        super().__init__()
        self.exported = exported

    def binding(self, name: str) -> bytes | None:
        return self.exported if name == "msrp-sas" else None

    def compared(self) -> None:
        assert self.protection is not None
        self.protection = replace(self.protection, verified="compared")


class KeyedClear(Clear):
    """`Clear`, with an exporter."""

    def binding(self, name: str) -> bytes | None:
        return EXPORTED if name == "msrp-sas" else None

    def compared(self) -> None:
        assert self.protection is not None
        self.protection = replace(self.protection, verified="compared")
