"""OpenSSL asks a judge about each certificate, and says bad_certificate where that refuses one."""

from __future__ import annotations

from OpenSSL import SSL, _util, crypto

__all__ = ["verify_by_judges"]

_REJECTED = 28  # X509_V_ERR_CERT_REJECTED, of which OpenSSL makes the alert bad_certificate


def verify_by_judges(context: SSL.Context, mode: int) -> None:
    """Let each connection's judge (its app data, see `TlsLayer`) decide; without one, refuse.

    The alert is bad_certificate, whatever was wrong: RFC 8122 section 6.2 wants it, and no other
    tells less. pyOpenSSL has no way to choose it, so its own callback is wrapped in another; where a
    release of it should lack what that needs, the certificate is refused with another alert.
    """
    context.set_verify(mode, _ask)
    asking = getattr(context, "_verify_callback", None)
    pointer = getattr(context, "_context", None)
    if asking is None or pointer is None:
        return
    lib, ffi = _util.lib, _util.ffi

    @ffi.callback("int(int, X509_STORE_CTX *)")  # type: ignore[untyped-decorator]
    def answer(holds: int, store: object) -> int:
        if asking(holds, store):
            return 1
        lib.X509_STORE_CTX_set_error(store, _REJECTED)
        return 0

    lib.SSL_CTX_set_verify(pointer, mode, answer)
    context._msrp_answer = answer  # type: ignore[attr-defined]  # OpenSSL has a bare pointer to it


def _ask(connection: SSL.Connection, certificate: crypto.X509, error: int, depth: int, holds: int) -> bool:
    judge = connection.get_app_data()
    return judge is not None and bool(judge.look(certificate, error, depth, bool(holds)))
