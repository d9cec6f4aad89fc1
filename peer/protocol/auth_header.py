"""What WWW-Authenticate, Authorization and Authentication-Info have in common, whatever their scheme.

A scheme, and parameters behind it (RFC 2616, RFC 2617 section 1.2). A line of another scheme is passed
over: each scheme has a line of its own.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Collection
from typing import Final

__all__ = ["AuthHeaderError", "octets", "parameters"]

_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"  # a token of RFC 2616 section 2.2
_SCHEME: Final = re.compile(rf"({_WORD})(?: (?=[^ ])|\Z)")
_QUOTED: Final = r'"((?:[^"\\]|\\.)*+)"'
_PARAM: Final = re.compile(rf"({_WORD})=(?:({_WORD})|{_QUOTED})", re.S)
_NEXT: Final = re.compile(r", ?")


class AuthHeaderError(ValueError):
    """A header of a scheme we know breaks the grammar. The text quotes nothing of it."""


def parameters(value: str, scheme: str, known: Collection[str]) -> dict[str, str] | None:
    """The known parameters of a header's value, by lower-case name, as they stand between their quotes.

    None where it is of another scheme. Parameters nobody here knows are passed over. Each may stand
    there once. Raises `AuthHeaderError`.
    """
    named = _SCHEME.match(value)
    if named is None or named[1].lower() != scheme.lower():
        # Authentication-Info of RFC 4976 names no scheme: it begins with a parameter.
        if value[: len(scheme) + 1].lower() == f"{scheme} ".lower():
            raise AuthHeaderError(f"more than a space behind {scheme}")
        return None
    at = named.end()
    found: dict[str, str] = {}
    names: set[str] = set()
    while at < len(value):
        if names:
            comma = _NEXT.match(value, at)
            if comma is None:
                raise AuthHeaderError("no comma between two parameters")
            at = comma.end()
        param = _PARAM.match(value, at)
        if param is None:
            raise AuthHeaderError("what stands there is no parameter")
        name = param[1].lower()
        if name in names:
            raise AuthHeaderError("a parameter stands there twice")
        names.add(name)
        if name in known:
            if param[3] is None:
                raise AuthHeaderError(f"{name} is not quoted")
            found[name] = param[3]
        at = param.end()
    return found


def octets(text: str | None) -> bytes | None:
    """Strict base64 (RFC 4648 section 4): padded, nothing else in it, no bit left over.

    None for None. Raises `AuthHeaderError`.
    """
    if text is None:
        return None
    try:
        found = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:  # binascii.Error, or characters outside ASCII
        found = None
    if found is None or binascii.b2a_base64(found, newline=False).decode("ascii") != text:
        raise AuthHeaderError("a token is not base64")
    return found
