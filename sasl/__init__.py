"""SASL for both sides of any protocol. Knows no MSRP, no socket, no event loop.

The mechanisms and their layers come with later releases; the name is kept here so that the
three packages of this distribution stand from its first day.
"""

from __future__ import annotations

__all__: list[str] = []
