"""The TLS layers of each end's connections: what is shown, and who may be at the other end."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..terms.errors import UsageError
from ..terms.fingerprints import Fingerprint
from ..terms.principal import Principal
from .keys import Key, ThrowAway
from .signalled_key import SignalledKey
from .tls import TlsLayer
from .tls_modes import TlsMode, client_context, server_context
from .trust import Trust

__all__ = ["Serving", "client_layers"]


def client_layers(
    mode: TlsMode | None,
    host: str,
    key: Key | None = None,
    trust: Trust | None = None,
    expected: Principal | None = None,
    told: Sequence[Fingerprint] = (),
) -> list[TlsLayer]:
    """The layers of one connection of ours to `host`; no mode for plain TCP.

    Without `key` a throw-away one is shown, or in mode CERTIFICATE none; there `expected` is whom the
    other side must be, by `trust`, and so in mode FINGERPRINT where there is trust. The fingerprints
    `told` are looked at in the handshake, too. Raises `UsageError` where either is
    missing, and `KeyUnusable`.
    """
    if mode is None:
        return []
    if mode is TlsMode.FINGERPRINT and trust is not None:
        mode, key = TlsMode.CERTIFICATE, key or ThrowAway()
    if mode is TlsMode.ADH:
        return [TlsLayer(client_context(mode), server=False, host=host)]
    if mode is not TlsMode.CERTIFICATE:
        key = key or ThrowAway()
        judge = SignalledKey(told) if mode is TlsMode.FINGERPRINT and told else None
        context = client_context(mode, key, told=judge is not None)
        return [TlsLayer(context, server=False, own_key=key.fingerprint, host=host, judge=judge)]
    if expected is None or trust is None:
        raise UsageError("a certificate proves a person: say whom you mean, and whom to believe")
    own = None if key is None else key.fingerprint
    context = client_context(mode, key, trust)
    return [TlsLayer(context, server=False, own_key=own, host=host, judge=trust.judge([expected], told))]


class Serving:
    """How a listener protects its lines.

    Args:
        mode: None for plain TCP.
        key: what is shown; None for a throw-away key, where the mode has one.
        trust, expected: whom to believe, and who may come, where nobody else is to; for mode
            CERTIFICATE, and for FINGERPRINT where the fingerprint alone is not to do.
        demanding: whether in mode CERTIFICATE whoever shows nothing is turned away.
        doubting: whether somebody decides about keys that are not known, once the handshake is done.

    Raises `UsageError` where something is missing, and `KeyUnusable`.

    Attributes:
        key: what is shown; None for nothing.
        trust: whom to believe; None where no certificate is verified.
    """

    def __init__(
        self,
        mode: TlsMode | None,
        key: Key | None = None,
        trust: Trust | None = None,
        expected: Collection[Principal] = (),
        *,
        demanding: bool = True,
        doubting: bool = False,
    ) -> None:
        certified = mode is TlsMode.CERTIFICATE
        self.key = None if mode in (None, TlsMode.ADH) else key if certified else key or ThrowAway()
        if mode is TlsMode.FINGERPRINT and trust is not None:
            mode, certified, demanding = TlsMode.CERTIFICATE, True, True
        self._context = None
        if mode is not None:
            self._context = server_context(mode, self.key, trust, demanding=demanding)
        self.trust = trust if certified else None
        self._expected = tuple(expected)
        self._doubting = doubting

    @property
    def fingerprint(self) -> str | None:
        """SHA-256 of the certificate shown (RFC 8122 section 5); None without one."""
        return None if self.key is None else self.key.fingerprint

    def layers(self) -> list[TlsLayer]:
        """Those of one connection."""
        if self._context is None:
            return []
        judge = None if self.trust is None else self.trust.judge(self._expected, doubting=self._doubting)
        return [TlsLayer(self._context, server=True, own_key=self.fingerprint, judge=judge)]
