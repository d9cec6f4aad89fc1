"""Secrets that nobody guesses, in a form that people can read to each other and type.

Five groups of four: ``"k7fk-q4ph-sgmt-wxhw-x2bm"``. The 31 letters and digits are those nobody
takes for others: no 0 and o, no 1, i and l. Eighteen are drawn at random, 89 bits; the last two
check the others, so that a slip in typing is noticed before it becomes a wrong password, and so
that a secret is known again as generated wherever it is entered.
"""

from __future__ import annotations

import re
import secrets
from typing import Final

from msrp_sasl import Password, SaslError
from msrp_sasl.prep import prepare_password

from .errors import CredentialsError

__all__ = ["ALPHABET", "entered", "generate", "mistyped"]

ALPHABET: Final = "23456789abcdefghjkmnpqrstuvwxyz"
_PRIME: Final = len(ALPHABET)  # 31: that it is a prime is what makes the check find what it does
_DRAWN: Final = 18
_GROUP: Final = 4
_LEAST_DIFFERENT: Final = 6  # twenty drawn at random hardly ever have fewer
_SHAPE: Final = re.compile(rf"[{ALPHABET}]{{{_GROUP}}}(?:[ -]?[{ALPHABET}]{{{_GROUP}}}){{4}}")


def generate() -> str:
    """A new secret."""
    while True:
        drawn = [secrets.randbelow(_PRIME) for _ in range(_DRAWN)]
        total, weighted = _sums(drawn)
        # The two that make both sums of all twenty zero.
        last = (_DRAWN * total - weighted) % _PRIME
        digits = [*drawn, (-total - last) % _PRIME, last]
        if _is_one(digits):
            return _grouped(digits)


def entered(text: str) -> Password:
    """A password as it was entered. A generated secret gets its own form, however it is written.

    Raises `CredentialsError` where no password can be that.
    """
    digits = _read(text)
    if digits is not None and _is_one(digits):
        return Password(_grouped(digits), generated=True)
    try:
        prepare_password(text)
    except SaslError as error:
        raise CredentialsError(str(error)) from None
    return Password(text)


def mistyped(text: str) -> bool:
    """Whether it looks like a generated secret and is none.

    One or two wrong characters, and two that changed places, are always noticed.
    """
    digits = _read(text)
    return digits is not None and not _is_one(digits)


def _read(text: str) -> list[int] | None:
    """The places in the alphabet of what is shaped like a secret."""
    text = text.strip().lower()
    if not _SHAPE.fullmatch(text):
        return None
    return [ALPHABET.index(character) for character in text if character in ALPHABET]


def _is_one(digits: list[int]) -> bool:
    # What somebody types with two or three fingers was not drawn, even where the sums are right.
    return _sums(digits) == (0, 0) and len(set(digits)) >= _LEAST_DIFFERENT


def _sums(digits: list[int]) -> tuple[int, int]:
    return sum(digits) % _PRIME, sum(place * digit for place, digit in enumerate(digits)) % _PRIME


def _grouped(digits: list[int]) -> str:
    text = "".join(ALPHABET[digit] for digit in digits)
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))
