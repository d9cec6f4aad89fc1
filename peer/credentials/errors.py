"""What can go wrong with passwords. No text holds one, nor a part of one."""

from __future__ import annotations

from ..terms.errors import MsrpError

__all__ = ["CannotAsk", "CredentialsError"]


class CredentialsError(MsrpError):
    """A password cannot be used; the text says what to do."""


class CannotAsk(CredentialsError):
    """This source of passwords is not there: no terminal, no keyring. Another one may be."""
