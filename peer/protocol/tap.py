"""Whoever wants to see what passes on one line, as it is above all its layers."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Tap"]


class Tap(Protocol):
    """Sees, and changes nothing. Neither call may raise, nor take long.

    What is seen holds secrets: session URIs are capabilities, and so is much of what AUTH says.
    """

    def heard(self, octets: bytes) -> None:
        """Octets of the other side's frames, all of them, in order, before they are answered."""

    def said(self, octets: bytes) -> None:
        """Octets of ours: whole frames."""
