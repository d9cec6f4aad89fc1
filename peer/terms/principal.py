"""Who somebody is: an im:, sip: or sips: URI in one canonical form.

A principal is compared octet by octet, so that a name proved is the name meant. The form:
scheme and domain in lower case, the domain as A-labels, the user percent-decoded and encoded
again in one way only; no parameters, headers, password or port (RFC 3860 section 3, RFC 3261
section 19.1). ``im:``, ``sip:`` and ``sips:`` name different principals.

Domains outside ASCII become A-labels by Python's own codec (RFC 3490). The four characters
that RFC 5891 treats otherwise (sharp s, final sigma and the two joiners) are refused there: the
two standards would make two domains of one spelling. Whoever means such a domain writes its
A-labels, which are kept as they are. The user is not normalised further: two spellings that
differ in an octet are two users.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final
from urllib.parse import quote, unquote, unquote_to_bytes

from .display import escape, reads

__all__ = ["SCHEMES", "Principal", "PrincipalError", "claimed_in", "domain_name"]

SCHEMES: Final = ("im", "sip", "sips")

_LONGEST = 1024  # characters of a URI: the longest user and domain, every octet encoded
_LONGEST_USER = 255  # octets
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# What stands in a user as it is, or is tolerated there when typed. The characters with
# which other parts of a URI begin (: @ ; ? # /) count only when percent-encoded, so that no
# other reader can find another user or domain in the same text.
_USER = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,=^`{|}]|[^\x00-\x9f\ud800-\udfff]|%[0-9A-Fa-f]{2})+")
_KEPT = "-._~!$&'*+="  # beside letters and digits; everything else is percent-encoded
_DISPUTED = "\u00df\u1e9e\u03c2\u200c\u200d"


class PrincipalError(ValueError):
    """A text is not a principal; says what it lacks, and is safe to print."""


@dataclass(frozen=True)
class Principal:
    """One person or service, by URI; make it with `Principal.parse`.

    Attributes:
        scheme: ``"im"``, ``"sip"`` or ``"sips"``.
        user: percent-decoded; may hold any character but controls (see `display.escape`).
        domain: lower-case A-labels.

    Equal, and equal as dictionary keys, exactly where `text` is.
    """

    scheme: str
    user: str
    domain: str

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            raise PrincipalError(f"a principal's scheme is one of {', '.join(SCHEMES)}")
        _check_user(self.user)
        if domain_name(self.domain) != self.domain:
            raise PrincipalError("a principal's domain is kept in lower-case A-labels: use Principal.parse")

    @classmethod
    def parse(cls, text: str) -> Principal:
        """Read a URI as a person writes it or as it came over the network.

        Raises `PrincipalError` for anything that is not one.
        """
        return _parsed(text)

    @cached_property
    def text(self) -> str:
        """The canonical URI, ASCII only: ``"im:bob@lan"``."""
        return f"{self.scheme}:{quote(self.user, safe=_KEPT)}@{self.domain}"

    @property
    def shown(self) -> str:
        """For a person: `text`, and behind it how the user's name reads, where that is not ASCII and
        looks like nothing else (`display.reads`): ``"im:b%C3%B6b@lan (böb)"``."""
        return f"{self.text} ({self.user})" if reads(self.user) else self.text

    def __str__(self) -> str:
        return self.text


# A session names its two people a dozen times, and a listener the same ones in each. Bounded, as names come
# from anybody; errors are not kept.
@lru_cache(maxsize=256)
def _parsed(text: str) -> Principal:
    if len(text) > _LONGEST:
        raise PrincipalError(f"{escape(text, 40)} is too long for a principal")
    shown = escape(text)
    scheme, colon, rest = text.partition(":")
    scheme = scheme.lower()
    if not colon or scheme not in SCHEMES:
        raise PrincipalError(f"'{shown}' is not a principal: {_hint(text)}")
    user, at, domain = rest.partition("@")
    if not at or not user:
        raise PrincipalError(f"'{shown}' names no user: a principal looks like {scheme}:bob@lan")
    for mark, meaning in _REFUSED:
        if mark in domain or (mark != "[" and mark in user):
            raise PrincipalError(f"'{shown}' has {meaning}: a principal looks like {scheme}:bob@lan")
    if not _USER.fullmatch(user):
        raise PrincipalError(f"'{shown}' has a character in the user's name that must be percent-encoded")
    try:
        decoded = unquote_to_bytes(user).decode()
    except UnicodeDecodeError:
        raise PrincipalError(f"the user's name in '{shown}' is not UTF-8") from None
    try:
        return Principal(scheme, decoded, domain_name(domain))
    except PrincipalError as error:
        raise PrincipalError(f"'{shown}': {error}") from None


def claimed_in(userinfo: str | None) -> Principal | None:
    """Who the userinfo of a session URI names (RFC 4975 section 6), None for nobody; only a claim."""
    if userinfo is None:
        return None
    try:
        return Principal.parse(unquote(userinfo))
    except PrincipalError:
        return None


_REFUSED = (
    ("@", "more than one @"),
    (";", "parameters"),
    ("?", "headers"),
    ("#", "a fragment"),
    ("/", "a path"),
    (":", "a port or a password"),
    ("[", "an address for a domain"),
)


def domain_name(text: str) -> str:
    """The canonical form of a domain: lower-case A-labels, no dot at the end.

    Raises `PrincipalError` where it is none.
    """
    domain = text
    if len(domain) > 253:
        raise PrincipalError("the domain is too long")
    if not domain.isascii():
        if any(character in domain for character in _DISPUTED):
            raise PrincipalError("write this domain in its xn-- form; its letters are read in two ways")
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            raise PrincipalError(f"'{escape(text, 80)}' is not a domain") from None
    domain = domain.lower().removesuffix(".")
    if len(domain) > 253 or not all(_LABEL.fullmatch(label) for label in domain.split(".")):
        raise PrincipalError(f"'{escape(text, 80)}' is not a domain")
    return domain


def _check_user(user: str) -> None:
    if not user:
        raise PrincipalError("a principal has a user before the @")
    for character in user:
        if character < " " or "\x7f" <= character <= "\x9f" or "\ud800" <= character <= "\udfff":
            raise PrincipalError("the user's name has a control character")
    if len(user.encode()) > _LONGEST_USER:
        raise PrincipalError("the user's name is too long")


def _hint(text: str) -> str:
    scheme, colon, rest = text.partition(":")
    bare = rest if colon and scheme.lower() in ("mailto", "xmpp", "acct") else text
    try:
        guess = Principal.parse(f"im:{bare}").text
    except PrincipalError:
        return "a principal looks like im:bob@lan"
    return f"did you mean {guess}?"
