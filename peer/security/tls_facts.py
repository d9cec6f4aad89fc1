"""What pyOpenSSL does not tell of a connection by itself."""

from __future__ import annotations

from OpenSSL import SSL, _util

__all__ = ["extended_master_secret"]


def extended_master_secret(tls: SSL.Connection) -> bool:
    """Whether a TLS 1.2 connection has extended master secret (RFC 7627).

    There is no public call for it; where even the private one is missing, the answer is no.
    """
    ask = getattr(_util.lib, "SSL_get_extms_support", None)
    return ask is not None and ask(tls._ssl) == 1
