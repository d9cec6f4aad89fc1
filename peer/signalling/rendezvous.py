"""Direct rendezvous as signalling: only a listener is known, or whom to look for on the LAN.

    join(Rendezvous("im:bob@lan"))

Nothing was agreed beforehand: the session is asked for on the line itself, once that is protected
(docs/profile.md).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ..terms.content import Accepts, Takes
from ..terms.errors import UsageError
from ..terms.principal import Principal, PrincipalError
from .interface import Agreed
from .target import Target, parse_target

__all__ = ["Rendezvous"]

_PROTECTED: Final = ("anonymous", "adh", "certificate", "none")
"""How a line may be protected where no signalling told of the other side's key; with the last one only a
proof protects it."""


class Rendezvous:
    """Somebody who listens is asked for a session.

    Args:
        target: ``host:port``, an msrps or msrp URI without session-id, or an im:, sip: or sips: URI
            to be looked for on the LAN, as the user typed it.
        me: who we say we are (``im:alice@lan``); None says nothing. Not proved by saying it.
        tls: ``"anonymous"`` (TLS 1.3, keys nobody verifies), ``"adh"`` (TLS 1.2, none), ``"certificate"``
            (keys that last, and are verified) or ``"none"`` (plain TCP, for a proof that protects the
            line). None for what the target says: ``"none"`` for an msrp URI, ``"anonymous"`` for all else.
        accept_types, max_size: what we take (RFC 4975 section 8.6).
        files: whether attachments are among it.

    Attributes:
        target: what `target` says.
        agreed: what is known beforehand.

    Raises `UsageError`.
    """

    def __init__(
        self,
        target: str,
        *,
        me: str | None = None,
        tls: str | None = None,
        accept_types: str = "*",
        max_size: int | None = None,
        files: bool = True,
    ) -> None:
        if tls == "fingerprint":
            raise UsageError(
                "nobody told the fingerprint of whoever is there: tls='fingerprint' is for join with SDP"
            )
        if tls is not None and tls not in _PROTECTED:
            raise UsageError(f"tls is {', '.join(_PROTECTED[:-1])} or {_PROTECTED[-1]}, not {tls!r}")
        self.target: Final = _secured(parse_target(target), tls, target)
        try:
            claim = None if me is None else Principal.parse(me)
        except PrincipalError as wrong:
            raise UsageError(str(wrong)) from None
        sought = self.target.principal
        self.agreed: Final = Agreed(
            None,
            self.target.uri if sought is None else "",
            active=True,
            tls=tls or ("anonymous" if self.target.secure else "none"),
            own=Takes(Accepts.parse(accept_types), maximum=max_size, files=files),
            me=claim,
            expected=sought,
            # A zone stays here, and is in no URI.
            address=None if sought is not None else (self.target.host or "", self.target.port or 0),
        )

    async def agree(self) -> Agreed:
        return self.agreed

    def __repr__(self) -> str:
        return f"<Rendezvous {self.target}, tls {self.agreed.tls}>"


def _secured(target: Target, tls: str | None, typed: str) -> Target:
    """The target with the scheme that fits `tls`. Raises `UsageError` where it was typed with another."""
    if tls is None:
        return target
    if tls != "none" and not target.secure:
        raise UsageError(f"an msrp URI means plain TCP, and tls={tls!r} TLS: write msrps://, not msrp://")
    if tls == "none" and typed.strip().lower().startswith("msrps:"):
        raise UsageError("an msrps URI means TLS, and tls='none' means none: write msrp://, or host:port")
    return replace(target, secure=tls != "none")
