"""What can go wrong with keys and certificates. No text holds a key, nor a part of one."""

from __future__ import annotations

from ..terms.errors import MsrpError

__all__ = ["KeyUnusable", "PassphraseNeeded"]


class KeyUnusable(MsrpError):
    """A key of ours, or its certificate, cannot be used; the text says what to do."""


class PassphraseNeeded(KeyUnusable):
    """A key is encrypted, and no passphrase was given."""
