"""The ways to speak TLS, as contexts to make `TlsLayer` from.

All modes protect against listening. CERTIFICATE verifies who is there; the others nobody, by themselves:

- ANONYMOUS is TLS 1.3, or 1.2, with a throw-away key. TLS 1.3 has no anonymous suites; a
  self-signed key that nobody verifies gives exactly what they gave.
- ADH is TLS 1.2 with the anonymous Diffie-Hellman suites (RFC 5288) and no key at all.
- FINGERPRINT is ANONYMOUS in which both sides must show a key (RFC 8122 section 6.2). Whether it is
  the right one is for `TlsLayer.verify`, once signalling has told its fingerprint: the connection
  may be faster than that. A client knows it beforehand, and asks a `SignalledKey` in the handshake.
- CERTIFICATE is TLS 1.3, or 1.2, in which each side shows a key of its own that lasts, and the other
  verifies inside of the handshake whose it is (`msrp_peer.security.trust`).

A server in mode ANONYMOUS serves clients of both modes, and uses ADH only for a client that
offers nothing else. A client in mode ANONYMOUS never offers ADH.

A context is made once for each listener or connect and may serve any number of connections.
Nothing is ever resumed (no tickets, no cache), renegotiated, compressed or sent early: a
channel binding must mean one handshake (RFC 9266 section 4.2, RFC 5929 section 3.1).
"""

from __future__ import annotations

import enum
import ipaddress
import tempfile
from pathlib import Path

from OpenSSL import SSL, crypto

from ..terms.errors import UsageError
from .keys import Key
from .tls_verify import verify_by_judges
from .trust import Trust

__all__ = ["TlsMode", "client_context", "server_context", "server_name"]


class TlsMode(enum.StrEnum):
    """How to speak TLS with a peer."""

    ANONYMOUS = "anonymous"
    """TLS 1.3 or 1.2 with a throw-away key that is not verified."""
    ADH = "adh"
    """TLS 1.2 with anonymous Diffie-Hellman."""
    FINGERPRINT = "fingerprint"
    """TLS 1.3 or 1.2, both sides with a key whose fingerprint signalling tells."""
    CERTIFICATE = "certificate"
    """TLS 1.3 or 1.2, both sides with a certificate that is vouched for, or a key that is pinned."""


# What RFC 9325 section 4.2 recommends of TLS 1.2; TLS 1.3 has suites of its own.
_ECDHE = "ECDHE+AESGCM:ECDHE+CHACHA20"
_DEPTH = 8  # certificates between a person's own and the authority trusted
_ADH = "aNULL+AESGCM"
# Of a certificate that counts: no keys and hashes below 112 bits, in the whole chain (RFC 9325 section 4.4).
_STRONG = "@SECLEVEL=2"
# OpenSSL refuses unauthenticated suites at every security level but the lowest. Versions and
# suites are named one by one here, so nothing else comes in with it.
_ALLOW_ADH = "@SECLEVEL=0"

# SSL_MODE_NO_AUTO_CHAIN of OpenSSL, which pyOpenSSL has no name for: what is shown is what our key holds, and
# not also those we trust. The other side would have to keep their certificates for as long as the line lasts.
_NO_AUTO_CHAIN = 0x8

# The group ffdhe3072 of RFC 7919 appendix A.2, as PKCS #3 parameters.
_FFDHE3072 = """\
-----BEGIN DH PARAMETERS-----
MIIBiAKCAYEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz
+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a
87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7
YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi
7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD
ssbzSibBsu/6iGtCOGEfz9zeNVs7ZRkDW7w09N75nAI4YbRvydbmyQd62R0mkff3
7lmMsPrBhtkcrv4TCYUTknC0EwyTvEN5RPT9RFLi103TZPLiHnH1S/9croKrnJ32
nuhtK8UiNjoNq8Uhl5sN6todv5pC1cRITgq80Gv6U93vPBsg7j/VnXwl5B0rZsYu
N///////////AgEC
-----END DH PARAMETERS-----
"""


def server_context(
    mode: TlsMode, key: Key | None = None, trust: Trust | None = None, *, demanding: bool = True
) -> SSL.Context:
    """Make the context of a listener.

    In mode ANONYMOUS a client that has a certificate is asked to show it, so that its
    fingerprint is known; it need not have one, and nothing in it is verified.

    Args:
        mode: how to speak TLS.
        key: what to show; not used in mode ADH, needed in the others.
        trust: whom to believe; for mode CERTIFICATE alone, and needed there, as is the layer's judge.
        demanding: whether in mode CERTIFICATE a client that shows nothing is turned away.

    Raises:
        UsageError: there is no key where one is needed, or no place for a temporary file.
    """
    context = _context(mode)
    _load_group(context)
    if mode is TlsMode.ADH:
        return _with_suites(context, _ADH, _ALLOW_ADH)
    if key is None:
        raise UsageError(f"a TLS server in mode {mode} needs a key to show")
    if mode is TlsMode.CERTIFICATE:
        return _certified(context, key, trust, SSL.VERIFY_FAIL_IF_NO_PEER_CERT if demanding else 0)
    key.install(context)
    demanded = SSL.VERIFY_FAIL_IF_NO_PEER_CERT if mode is TlsMode.FINGERPRINT else 0
    context.set_verify(SSL.VERIFY_PEER | demanded, _accept_any)
    if mode is TlsMode.FINGERPRINT:
        return _with_suites(context, _ECDHE)
    # Our order counts: the anonymous suites come last, for those who offer nothing else.
    context.set_options(SSL.OP_CIPHER_SERVER_PREFERENCE)
    return _with_suites(context, _ECDHE, _ADH, _ALLOW_ADH)


def client_context(
    mode: TlsMode, key: Key | None = None, trust: Trust | None = None, *, told: bool = False
) -> SSL.Context:
    """Make the context of a connect.

    Args:
        mode: how to speak TLS.
        key: what to show to a server that asks for it; None to show nothing. Not used in
            mode ADH.
        trust: as for `server_context`.
        told: whether in mode FINGERPRINT the layer has a judge, which knows what was told (`SignalledKey`).

    Raises:
        UsageError: there is no trust where it is needed.
    """
    context = _context(mode)
    if mode is TlsMode.CERTIFICATE:
        return _certified(context, key, trust, 0)
    if told:
        verify_by_judges(context, SSL.VERIFY_PEER)
    else:
        context.set_verify(SSL.VERIFY_NONE)
    if mode is TlsMode.ADH:
        return _with_suites(context, _ADH, _ALLOW_ADH)
    if key is not None:
        key.install(context)
    return _with_suites(context, _ECDHE)


def _certified(context: SSL.Context, key: Key | None, trust: Trust | None, demanded: int) -> SSL.Context:
    if trust is None:
        raise UsageError(f"TLS in mode {TlsMode.CERTIFICATE} has to know whom to believe")
    trust.install(context)
    context.set_verify_depth(_DEPTH)
    verify_by_judges(context, SSL.VERIFY_PEER | demanded)
    _with_suites(context, _ECDHE, _STRONG)
    if key is not None:  # behind the suites: they decide which keys are strong enough
        key.install(context)
    return context


def _context(mode: TlsMode) -> SSL.Context:
    context = SSL.Context(SSL.TLS_METHOD)
    # RFC 8996: TLS 1.1 and older are not to be spoken any more.
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_max_proto_version(SSL.TLS1_2_VERSION if mode is TlsMode.ADH else SSL.TLS1_3_VERSION)
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS | _NO_AUTO_CHAIN)
    return context


def _with_suites(context: SSL.Context, *suites: str) -> SSL.Context:
    # The last thing done to a context: older pyOpenSSL makes a connection from it to look at
    # the outcome, and frowns on changes from then on.
    context.set_cipher_list(":".join(suites).encode("ascii"))
    return context


def _accept_any(
    _connection: SSL.Connection, _certificate: crypto.X509, _error: int, _depth: int, _ok: int
) -> bool:
    return True


def _load_group(context: SSL.Context) -> None:
    """Give a server the Diffie-Hellman group it uses where the client names none.

    Every OpenSSL needs this. From 4.0 on a client names the groups of RFC 7919 it can use,
    and then the server finds one by itself; older clients name none, and without a group of
    its own the server would have no suite in common with them. There is no way to hand the
    group over but a file.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="msrp-") as folder:
            path = Path(folder) / "ffdhe3072.pem"
            path.write_text(_FFDHE3072, encoding="ascii")
            context.load_tmp_dh(path)
    except OSError as error:
        raise UsageError(f"TLS needs to write a temporary file, and cannot: {error}") from error


def server_name(host: str) -> bytes:
    """A host as server name indication has it; empty for an address, and for what is no DNS name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        try:
            return host.rstrip(".").encode("idna")
        except UnicodeError:
            pass
    return b""
