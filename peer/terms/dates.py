"""The dates of certificates that nobody verifies by their dates.

Real ones would tell our clock, and when the key was made.
"""

from __future__ import annotations

import datetime
from typing import Final

__all__ = ["NEVER", "SOME_TIME"]

SOME_TIME: Final = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
"""When they begin."""
NEVER: Final = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)
"""When they end: "99991231235959Z" (RFC 5280 section 4.1.2.5)."""
