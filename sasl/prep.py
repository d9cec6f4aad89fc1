"""SASLprep: names and passwords in one form (RFC 4013, a profile of RFC 3454)."""

from __future__ import annotations

import stringprep
import unicodedata

from .errors import Reason, SaslError

__all__ = ["LONGEST", "prepare", "prepare_password"]

LONGEST = 1024
"""Characters of a name or password; normalising may make each of them 18."""

_PROHIBITED = (
    stringprep.in_table_c12,  # spaces other than ASCII's (mapped before)
    stringprep.in_table_c21_c22,  # control characters
    stringprep.in_table_c3,  # private use
    stringprep.in_table_c4,  # not characters
    stringprep.in_table_c5,  # surrogates
    stringprep.in_table_c6,  # unsuitable for plain text
    stringprep.in_table_c7,  # unsuitable in one canonical form
    stringprep.in_table_c8,  # change the display, or deprecated
    stringprep.in_table_c9,  # tags
)


def prepare(text: str, what: str = "name", *, query: bool = False) -> str:
    """The form of `text` in which names and passwords are compared.

    A *query* may hold code points that Unicode 3.2 had not assigned, a stored string may not
    (RFC 3454 section 7). Raises `SaslError`, whose text names `what` and never quotes it.
    """
    if len(text) > LONGEST:
        raise SaslError(Reason.MALFORMED, f"the {what} is longer than {LONGEST} characters")
    if text.isascii():  # nothing to map; only controls are prohibited
        if not text.isprintable():
            raise _refused(what)
        return text
    # U+200B stands in both tables; as in other implementations it is a space.
    mapped = "".join(
        " " if stringprep.in_table_c12(character) else character
        for character in text
        if stringprep.in_table_c12(character) or not stringprep.in_table_b1(character)
    )
    if not query and any(stringprep.in_table_a1(character) for character in mapped):
        raise _refused(what)
    # Unicode 3.2 alone, as RFC 3454 wants: later versions may compose otherwise.
    normal = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    if any(prohibits(character) for prohibits in _PROHIBITED for character in normal):
        raise _refused(what)
    if any(stringprep.in_table_d1(character) for character in normal) and (
        any(stringprep.in_table_d2(character) for character in normal)
        or not stringprep.in_table_d1(normal[0])
        or not stringprep.in_table_d1(normal[-1])
    ):
        raise _refused(what)
    return normal


def prepare_password(text: str) -> bytes:
    """A password as the mechanisms use it: a stored string (RFC 5802 section 2.2).

    Raises `SaslError` where it is empty or refused.
    """
    try:
        prepared = prepare(text, "password")
    except SaslError as error:
        raise SaslError(Reason.CREDENTIALS, str(error)) from None
    if not prepared:
        raise SaslError(Reason.CREDENTIALS, "the password is empty")
    return prepared.encode()


def _refused(what: str) -> SaslError:
    return SaslError(Reason.MALFORMED, f"the {what} has characters that are not allowed there (RFC 4013)")
