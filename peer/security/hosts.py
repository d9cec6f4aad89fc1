"""Whether a certificate is that of a host: for relays, and for them alone (RFC 4976 section 9.2).

That a host is who it should be says nothing about any person: it raises no level.
"""

from __future__ import annotations

from OpenSSL import crypto

from ..terms.errors import UsageError
from ..terms.principal import PrincipalError, domain_name
from .certificates import DAMAGED, said
from .trust import PURPOSE, Judge, Trust

__all__ = ["HostJudge"]


class HostJudge(Judge):
    """Looks at the certificate of a relay, while TLS shakes hands in mode CERTIFICATE (`TlsLayer(judge=)`).

    It has to name the host that was connected to as a dNSName, letter by letter, and to chain to an
    authority. A pattern names no host: what answers under one of many names need not be this one. A
    common name and an address count for nothing.

    Args:
        trust: the authorities; what is pinned there is people's.
        host: as the user or the configuration has it, never as DNS or the other side does.

    Raises `UsageError` where that is no DNS name: a relay is not verified by an address.
    """

    def __init__(self, trust: Trust, host: str) -> None:
        super().__init__(trust, frozenset())
        try:
            self._host = domain_name(host)
        except PrincipalError:
            raise UsageError(f"a relay is verified by its name: {host!r} is none") from None
        if self._host.rpartition(".")[2].isdigit():
            raise UsageError(f"a relay is verified by its name, and {host} is an address")
        if not trust.authorities:
            raise UsageError("a relay is verified by an authority: there is none")

    def look(self, certificate: crypto.X509, error: int, depth: int, holds: bool) -> bool:
        if not holds and error == PURPOSE:
            return self._refuse("the other side's certificate is not for a TLS server")
        return super().look(certificate, error, depth, holds)

    def _own(self, certificate: crypto.X509) -> bool:
        found = said(certificate)
        if found is None:
            return self._refuse(DAMAGED)
        if self._problem is not None:
            return self._refuse(self._problem)
        if found.unfit is not None:
            return self._refuse(f"the other side's certificate {found.unfit}")
        if self._host not in found.hosts:
            names = f"names {', '.join(found.others)}" if found.others else "names no host"
            return self._refuse(f"the other side's certificate {names}, and not {self._host}")
        self.verified = "host"
        return True
