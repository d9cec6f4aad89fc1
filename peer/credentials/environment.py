"""A password in the environment: what some programs and containers can do, and nothing better.

Every process of this user, every child and many a crash report can read it. Standard input is
better, a keyring is better. The environment often outlives what it was set for, so the password
counts for one acceptor alone, which a second variable names.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from typing import Final

from msrp_sasl import Password

from ..terms.principal import Principal, PrincipalError
from .errors import CredentialsError
from .secret import entered

__all__ = ["ACCEPTOR", "PASSWORD", "Environment"]

PASSWORD: Final = "MSRP_PASSWORD"  # noqa: S105 - its name
ACCEPTOR: Final = "MSRP_PASSWORD_FOR"


class Environment:
    """The password that ``MSRP_PASSWORD`` holds for the acceptor in ``MSRP_PASSWORD_FOR``.

    Implements `msrp_sasl.Credentials`. It is taken out of the environment when this object is
    made, so that no child inherits it.
    """

    def __init__(self, environment: MutableMapping[str, str] | None = None) -> None:
        environment = os.environ if environment is None else environment
        self._text = environment.pop(PASSWORD, "")
        self._acceptor = environment.get(ACCEPTOR, "")

    @staticmethod
    def names(acceptor: str) -> bool:
        """Whether there is one for that acceptor; nothing is taken out."""
        try:
            named = Principal.parse(os.environ.get(ACCEPTOR, ""))
        except PrincipalError:
            return False
        return bool(os.environ.get(PASSWORD)) and named == Principal.parse(acceptor)

    def password(self, initiator: str, acceptor: str) -> Password | None:
        """None for every other acceptor.

        Raises `CredentialsError` where the second variable is missing or names nobody.
        """
        if not self._text:
            return None
        if not self._acceptor:
            raise CredentialsError(f"{PASSWORD} counts for one acceptor only: name it in {ACCEPTOR}")
        try:
            named = Principal.parse(self._acceptor)
        except PrincipalError as error:
            raise CredentialsError(f"{ACCEPTOR}: {error}") from None
        return entered(self._text) if named == Principal.parse(acceptor) else None
