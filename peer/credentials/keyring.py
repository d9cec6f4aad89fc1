"""Passwords in the keyring of this system (the extra ``msrp-peer[keyring]``).

A password is kept there under the service ``msrp/`` and the acceptor, for the initiator as user:
``keyring set msrp/im:bob@lan im:alice@lan`` puts one in.
"""

from __future__ import annotations

import importlib.util

from msrp_sasl import Password

from .errors import CannotAsk
from .secret import entered

__all__ = ["Keyring", "is_installed"]


def is_installed() -> bool:
    """Whether the extra is there; it is not loaded."""
    return importlib.util.find_spec("keyring") is not None


class Keyring:
    """Asks the system's keyring; implements `msrp_sasl.Credentials`."""

    def password(self, initiator: str, acceptor: str) -> Password | None:
        """Raises `CannotAsk` where there is no keyring, or it does not open."""
        try:
            import keyring
            import keyring.errors
        except ImportError:
            raise CannotAsk("keyrings need another package: pip install 'msrp-peer[keyring]'") from None
        try:
            text = keyring.get_password(f"msrp/{acceptor}", initiator)
        except keyring.errors.NoKeyringError:
            raise CannotAsk("this system has no keyring that is running: start one, or do without") from None
        except Exception as error:
            # Each backend has errors of its own; their texts are not ours to vouch for.
            raise CannotAsk(f"the keyring does not answer ({type(error).__name__}): is it locked?") from None
        return entered(text) if text else None
