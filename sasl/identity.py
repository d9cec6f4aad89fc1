"""Who a user is, and as whom it may act (RFC 4422 section 3.4.1).

The normal form of an identity belongs to the protocol that uses SASL, which gives it as a
function; identities are compared octet by octet in that form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final, Protocol

from .errors import Reason, SaslError

__all__ = ["LONGEST", "Authority", "Identities", "bare", "check_authorization"]

LONGEST = 2048
"""Octets of an authorization identity."""

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class Authority(Protocol):
    """Decides at the acceptor, once a user is proved."""

    def principal(self, user: str) -> str:
        """The identity of a user who asks for none. Raises `SaslError`."""

    def normal(self, authorization: str) -> str:
        """The normal form of an identity asked for. Raises `SaslError`."""

    def may(self, principal: str, authorization: str) -> bool:
        """Whether the one may act as the other; both in normal form, and different."""


class Identities:
    """The usual authority: everybody is user@domain, and acts as nobody else unless mapped."""

    def __init__(
        self,
        normal: Callable[[str], str],
        *,
        scheme: str = "",
        domain: str = "",
        mapped: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        """`normal` gives an identity's normal form, or raises ValueError.

        `domain` is added to users without "@", and `scheme` to those without one. `mapped` says
        for an identity as which others it may act (all in normal form).
        """
        self._normal = normal
        self._scheme = scheme
        self._domain = domain
        self._mapped = mapped or {}

    def principal(self, user: str) -> str:
        if "@" not in user and self._domain:
            user = f"{user}@{self._domain}"
        if self._scheme and not _SCHEME.match(user):
            user = f"{self._scheme}:{user}"
        return self.normal(user)

    def normal(self, authorization: str) -> str:
        try:
            return self._normal(authorization)
        except ValueError:
            raise SaslError(Reason.FORBIDDEN, "the identity asked for is not one of this protocol") from None

    def may(self, principal: str, authorization: str) -> bool:
        return authorization in self._mapped.get(principal, ())


def check_authorization(octets: bytes) -> str:
    """An authorization identity as it arrived: UTF-8 without NUL. Raises `SaslError`."""
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        raise SaslError(Reason.MALFORMED, "the authorization identity is not UTF-8") from None
    if "\0" in text or len(octets) > LONGEST:
        raise SaslError(Reason.MALFORMED, "the authorization identity has a NUL, or is too long")
    return text


def bare(identity: str) -> str:
    """An identity without its scheme: ``"bob@lan"``."""
    scheme = _SCHEME.match(identity)
    return identity[scheme.end() :] if scheme else identity
