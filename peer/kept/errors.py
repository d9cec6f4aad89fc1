"""What can go wrong with what is kept on the disk. No text holds anything of it."""

from __future__ import annotations

from ..terms.errors import MsrpError

__all__ = ["StoreError"]


class StoreError(MsrpError):
    """A file or folder of this user's data cannot be used; the text says what to do."""
