"""OpenSSL's errors in words for a person."""

from __future__ import annotations

import re

from OpenSSL import SSL

from ..terms.spoken import NOT_TLS

__all__ = ["UNEXPECTED", "explain", "is_tls", "reason_of", "refuses_certificate"]

# How OpenSSL names an alert: "tls alert handshake failure" (before 4.0 "ssl/tls alert ...",
# before 3.2 "sslv3 alert ..."), "tlsv1 alert protocol version", "tlsv1 unrecognized name".
_ALERT = re.compile(r"(?:(?:ssl/)?tls alert|(?:sslv3|tlsv13?)(?: alert)?) (.+)")

_NOTHING_IN_COMMON = (
    "it found nothing in common with what this side offers; it may want another mode "
    "(anonymous or adh), or an older TLS"
)
_CERTIFICATE_REFUSED = "it verifies certificates and does not accept the one this side shows"
_ALERTS = {
    "handshake_failure": _NOTHING_IN_COMMON,
    "insufficient_security": _NOTHING_IN_COMMON,
    "protocol_version": "it speaks none of the TLS versions of this side",
    "bad_certificate": _CERTIFICATE_REFUSED,
    "certificate_expired": _CERTIFICATE_REFUSED,
    "certificate_unknown": _CERTIFICATE_REFUSED,
    "unknown_ca": _CERTIFICATE_REFUSED,
    "unsupported_certificate": _CERTIFICATE_REFUSED,
    "certificate_required": "it wants a certificate, and this side shows none",
    "bad_record_mac": "what this side sent was damaged or changed on the way",
    "user_canceled": "somebody there called it off",
}

UNEXPECTED = bytes.fromhex("15 0301 0002 02 0a")
"""A fatal alert, unexpected_message, for who does not speak TLS (RFC 8446 section 5)."""

_DAMAGED = "a TLS record of the other side was damaged or changed on the way"
_NO_RECORD = "what the other side sent is no TLS record"
_NO_VERSION = (
    "no TLS version in common with the other side "
    "(TLS 1.1 and older are never spoken, and mode adh is TLS 1.2 alone)"
)
_NO_SUITE = (
    "no cipher suite in common with the other side "
    "(one side may want mode adh and the other mode anonymous, or something older)"
)
_OWN_WEAK = (
    "this side's own certificate, or one behind it, is too weak to be shown: a short key, or an old hash"
)
_REASONS = {
    "peer did not return a certificate": "the other side shows no certificate, and it has to",
    "ca key too small": _OWN_WEAK,
    "ee key too small": _OWN_WEAK,
    "ca md too weak": _OWN_WEAK,
    "decryption failed or bad record mac": _DAMAGED,
    "wrong version number": _NO_RECORD,
    "wrong ssl version": _NO_RECORD,
    "bad record type": _NO_RECORD,
    "http request": _NO_RECORD,
    "https proxy request": _NO_RECORD,
    "packet length too long": "the other side sent a TLS record longer than any may be",
    "encrypted length too long": "the other side sent a TLS record longer than any may be",
    "data length too long": "the other side sent a TLS record longer than any may be",
    "unsupported protocol": _NO_VERSION,
    "version too low": _NO_VERSION,
    "no shared cipher": _NO_SUITE,
    "no ciphers available": _NO_SUITE,
    "no suitable key share": "no key exchange group in common with the other side",
    "no suitable groups": "no key exchange group in common with the other side",
}


def is_tls(first: bytes) -> bool:
    """Whether octets can begin a handshake record or an alert (RFC 8446 section 5.1)."""
    return first[0] in (0x15, 0x16) and first[1:2] in (b"", b"\x03")


def refuses_certificate(error: SSL.Error) -> bool:
    """Whether it is an alert by which the other side does not take the certificate of this one, or
    misses one (RFC 8446 section 6.2)."""
    alert = _ALERT.fullmatch(reason_of(error))
    return alert is not None and "certificate" in _ALERTS.get(alert[1].replace(" ", "_"), "")


def explain(error: SSL.Error, first: bytes | None) -> str:
    """What was wrong, for a person. `first` is what the other side sent first, while shaking hands."""
    if first and not is_tls(first):
        return f"{NOT_TLS} (its first octets are {ascii(first)[1:]})"
    stage = "connection" if first is None else "handshake"
    if isinstance(error, SSL.ZeroReturnError):
        return f"the other side said goodbye in the middle of the TLS {stage}"
    reason = reason_of(error)
    if alert := _ALERT.fullmatch(reason):
        name = alert[1].replace(" ", "_").replace("cancelled", "canceled")
        hint = _ALERTS.get(name)
        if hint is _NOTHING_IN_COMMON and first is None:
            hint = None  # once the handshake is done, something was in common
        return f"the other side gave up the TLS {stage} with the alert {name}" + (f": {hint}" if hint else "")
    return _REASONS.get(reason) or f"the other side broke the TLS {stage} ({reason})"


def reason_of(error: SSL.Error) -> str:
    """The first reason of OpenSSL that a sentence is known for, or the first of all."""
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
    reasons = [reason for _, _, reason in queue if reason]
    known = [reason for reason in reasons if reason in _REASONS or _ALERT.fullmatch(reason)]
    found: str = (known + reasons + ["no reason given"])[0]
    return found
