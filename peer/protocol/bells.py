"""Bells: how the protocol tells that something changed, without running anybody's code.

Ringing wakes whoever waits, later, from the event loop; the ringer goes on undisturbed. A
driver makes the real ones (`msrp_peer.session.driver`); nobody hears `SILENT`.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["SILENT", "Bell"]


class Bell(Protocol):
    def ring(self) -> None:
        """Wake everybody who waits now."""


class _Silent:
    def ring(self) -> None:
        pass


SILENT: Bell = _Silent()
