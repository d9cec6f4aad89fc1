"""What is said of a line whose two ends speak TLS differently; the commands say what to try."""

from __future__ import annotations

from typing import Final

__all__ = ["NOT_TLS", "NO_TLS", "OTHER_TLS", "OTHER_TLS_PERHAPS"]

NO_TLS: Final = "perhaps it speaks no TLS"
NOT_TLS: Final = "the other side does not speak TLS"
OTHER_TLS: Final = "the other side speaks TLS, and this side does not"
OTHER_TLS_PERHAPS: Final = "the other side closed the connection without a word: perhaps it speaks TLS alone"
