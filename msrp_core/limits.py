"""Every number that bounds what the framing core accepts or makes.

RFC 4975 defines no maximum line or header length; these are ours. All are octets
unless said otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one `Parser` accepts. Beyond any of these the stream is in error.

    The memory a parser may hold for an unfinished frame is bounded by `head`;
    bodies are handed on as they arrive and never held.
    """

    head: int = 128 * 1024
    """From the first octet of a frame up to and including the blank line or the end-line."""
    line: int = 16 * 1024
    """One header line, its CRLF included."""
    auth_line: int = 96 * 1024
    """One WWW-Authenticate, Authorization or Authentication-Info line: Kerberos tokens are large."""
    headers: int = 64
    """Header lines in one frame, To-Path and From-Path included."""

    def __post_init__(self) -> None:
        # Below 24 octets a line could be over before its name is known.
        for name, least in (("head", 24), ("line", 24), ("auth_line", self.line), ("headers", 2)):
            value = getattr(self, name)
            if not least <= value <= 1 << 30:
                raise ValueError(f"Limits.{name} must lie between {least} and 2**30, not {value}")
