"""What a certificate of the other side says, once it is known who vouches for it.

A person is named by a URI of the subject's alternative names and by nothing else: not by a common
name, not by a host, not by a pattern (RFC 5280 section 4.2.1.6, RFC 5922 section 7.2).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import _util, crypto

from ..terms.display import escape
from ..terms.fingerprints import Fingerprint
from ..terms.principal import Principal, PrincipalError

__all__ = ["DAMAGED", "UNREADABLE", "Said", "matches", "said", "wrong"]

T = TypeVar("T", bound=x509.ExtensionType)

UNREADABLE: Final = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    crypto.Error,
    Warning,
)
"""What cryptography and pyOpenSSL raise of octets that are no certificate as they have it."""
_MOST: Final = 64
"""Names that are looked at; nobody has more."""
DAMAGED: Final = "the other side's certificate cannot be read: it is damaged, or of a version there is not"
_TLS: Final = frozenset(
    (
        ExtendedKeyUsageOID.CLIENT_AUTH,
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    )
)


class Said:
    """What stands in a certificate.

    Attributes:
        principals: the people it names, as `Principal.text` has them.
        hosts: the hosts it names, in lower-case A-labels, patterns among them.
        others: what else it names, for a person to read; safe to show.
        unfit: why it is no certificate of a person for TLS; None where it is one.
    """

    def __init__(self, certificate: x509.Certificate) -> None:
        extensions = certificate.extensions
        self.principals: tuple[str, ...] = ()
        self.hosts: frozenset[str] = frozenset()
        self.others: tuple[str, ...] = ()
        names = _of(extensions, x509.SubjectAlternativeName)
        if names is not None:
            self._sort(list(names)[:_MOST])
        self.unfit = _unfit(extensions)

    def _sort(self, names: list[x509.GeneralName]) -> None:
        people: list[str] = []
        others: list[str] = []
        for name in names:
            if isinstance(name, x509.UniformResourceIdentifier):
                try:
                    who = Principal.parse(name.value)
                except PrincipalError:
                    others.append(name.value)
                    continue
                # Nobody's name has a star in it: it would be meant, or read, as a pattern.
                (others if "*" in who.user else people).append(who.text)
            elif isinstance(name, x509.DNSName | x509.RFC822Name):
                others.append(name.value)
        self.principals = tuple(dict.fromkeys(people))
        self.hosts = frozenset(name.value.lower() for name in names if isinstance(name, x509.DNSName))
        self.others = tuple(escape(name, 80) for name in others[:3])


def matches(certificate: crypto.X509, fingerprints: Iterable[Fingerprint]) -> bool:
    """Whether it has one of these (RFC 8122 section 5.1)."""
    told = tuple(fingerprints)
    hashes = {one.hash for one in told}
    digests = {name: certificate.digest(name.replace("-", "")).decode("ascii") for name in hashes}
    return any(hmac.compare_digest(digests[one.hash], one.value) for one in told)


def said(certificate: crypto.X509) -> Said | None:
    """What stands in it; None where it cannot be read."""
    try:
        return Said(certificate.to_cryptography())
    except UNREADABLE:
        return None  # octets of the other side, whatever they are


def _unfit(extensions: x509.Extensions) -> str | None:
    constraints = _of(extensions, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        return "is an authority's, and no person's"
    usage = _of(extensions, x509.KeyUsage)
    if usage is not None and not usage.digital_signature:
        return "is not for signing (its key usage), and so not for TLS"
    extended = _of(extensions, x509.ExtendedKeyUsage)
    if extended is not None and not _TLS.intersection(extended):
        return "is for something else than TLS (its extended key usage)"
    return None


def _of(extensions: x509.Extensions, kind: type[T]) -> T | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


# X509_V_ERR_... of OpenSSL's x509_vfy.h
_NOT_YET, _EXPIRED = 9, 10
_SELF_SIGNED = 18
_UNKNOWN = (2, 19, 20, 21, 24, 27)
_FORGED = (4, 7)
_SHORT = (66, 67)
_WEAK = 68
_NO_AUTHORITY = (37, 79, 89, 90, 91)
_LONG = (22, 25)
_USAGE = (32, 92)
_CONSTRAINED = range(47, 54)


def wrong(error: int, depth: int, certificate: crypto.X509) -> str:
    """OpenSSL's finding about a chain, in words for a person. `depth` 0 is the other side's own."""
    whose = "the other side's certificate" if depth == 0 else "a certificate behind the other side's"
    if error == _NOT_YET:
        return f"{whose} is not valid yet: it begins on {_date(certificate.get_notBefore())}"
    if error == _EXPIRED:
        return f"{whose} has expired, on {_date(certificate.get_notAfter())}"
    if error == _SELF_SIGNED:
        return "the other side's certificate is signed by its own key: no authority vouches for it"
    if error in _UNKNOWN:
        return (
            "no authority trusted here vouches for the other side's certificate: it is of another one, "
            "or one in between is not shown"
        )
    if error in _FORGED:
        return f"the signature of {whose} is wrong: it was forged or damaged"
    if error in _SHORT:
        return f"the key of {whose} is too short"
    if error == _WEAK:
        return f"{whose} is signed with a hash that can be forged"
    if error in _NO_AUTHORITY:
        return "what stands behind the other side's certificate is no authority's, or not for signing others"
    if error in _LONG:
        return "more certificates stand behind the other side's than its authorities allow"
    if error in _USAGE:
        return "an authority's certificate behind the other side's lacks the key usage for signing others"
    if error in _CONSTRAINED:
        return f"an authority may not vouch for what {whose} names (its name constraints)"
    return f"{whose} does not hold: {_words(error)}"


def _words(error: int) -> str:
    """OpenSSL's own."""
    found = _util.ffi.string(_util.lib.X509_verify_cert_error_string(error))
    return found.decode("ascii", "replace") if isinstance(found, bytes) else str(found)


def _date(value: bytes | None) -> str:
    """``20260131120000Z`` as people write it."""
    text = (value or b"").decode("ascii", "replace")
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}" if len(text) == 15 else escape(text, 20)
