"""Text of the other side, made safe to show to a person.

A terminal obeys control characters, and an eye believes what bidirectional overrides and
invisible characters make of a name. Whatever came over the network passes `escape` before
it is printed, logged for a person or put into an error's text.

Letters that look like others are left as they are, for most who use them mean no harm. Of a name that
somebody is to judge, `quoted` says in words what the eye may miss. Principals need none of this: they
are shown as they are compared, in ASCII (`Principal.text`), and beside that as they read only where
that looks like nothing else (`reads`).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

__all__ = ["escape", "is_plain", "oddities", "quoted", "reads"]

# Letters and signs by their category, yet drawn as nothing at all.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")

# Scripts of which some letters look the same, by the first word of a letter's name in Unicode.
_ALIKE: Final = frozenset(
    {"ARMENIAN", "CHEROKEE", "COPTIC", "CYRILLIC", "FULLWIDTH", "GREEK", "LATIN", "LISU", "MATHEMATICAL"}
)
# Letters that look like none of ASCII: of the scripts whose letters look alike some in each word, or the
# word may be read as another; those of Latin that are not a letter of ASCII with a mark.
_DISTINCT: Final = {
    "CYRILLIC": frozenset("бджйлфчщыэюяґєїБДЖЙЛФЧЩЫЭЮЯҐЄЇ"),
    "GREEK": frozenset("δζθλξπφψΔΘΛΞΠΣΦΨΩ"),
}
_LATIN: Final = frozenset("ßæøœþÆØŒÞ")
_OWN: Final = frozenset({"CJK", "HANGUL", "HIRAGANA", "KATAKANA"})  # scripts of which no letter looks so
_MARKS: Final = (202, 230)  # combining classes of marks below a letter that touch it, and of those above

_WORD: Final = re.compile(r"[^\W\d_]+")
_GAP: Final = re.compile(r"\s{4,}")


def is_plain(character: str) -> bool:
    """Whether one character can be shown as it is: visible or a space, and obeyed by nobody.

    Not plain are controls, format characters (bidirectional overrides and isolates,
    zero-width ones), surrogates, line and paragraph separators, private use, code points
    that Python's tables do not know, and the letters and selectors that draw nothing.
    """
    if character in _BLANK or 0xE0000 <= ord(character) <= 0xE0FFF:
        return False
    # NO-BREAK SPACE and its like are not "printable" to Python, but harmless.
    return character.isprintable() or unicodedata.category(character) == "Zs"


def escape(text: str, limit: int = 200, *, lines: bool = False) -> str:
    """Return `text` as it can be shown: what is not plain becomes ``\\x1b`` or ``\\u202e``.

    The result has at most `limit` characters, and one more, an ellipsis, where something
    was left out. With `lines`, line feeds and tabs stay and CRLF becomes a line feed, as
    the text of a message wants; a name or a single line goes without. A backslash stays a
    backslash: the result is for eyes, not for reading back. Never raises.
    """
    limit = max(limit, 0)
    # Every character gives one or more: what lies behind the limit need not be looked at.
    head = text[: 2 * limit + 2].replace("\r\n", "\n") if lines else text
    if len(head) <= limit and head.isascii() and head.isprintable():
        return head
    shown: list[str] = []
    room = limit
    for character in head:
        piece = character if (lines and character in "\n\t") or is_plain(character) else _code(character)
        room -= len(piece)
        if room < 0:
            return "".join(shown) + "…"
        shown.append(piece)
    return "".join(shown)


def quoted(text: str, limit: int = 200) -> str:
    """A name in quotation marks, as `escape` shows it, and behind them what is odd about it, in words."""
    odd = oddities(text[:limit])
    shown = f'"{escape(text, limit)}"'
    return f"{shown} ({'; '.join(odd)})" if odd else shown


def oddities(text: str) -> tuple[str, ...]:
    """What in a name may look like something else, each in words for a person; empty for most names.

    Letters of two scripts in one word, where those scripts have letters that look the same; letters
    that run from right to left, beside which a terminal may move others; a gap that may push the end of
    a name out of sight. It does not find a word that is whole in another script.
    """
    if text.isascii() and "    " not in text:
        return ()
    found = []
    for word in _WORD.findall(text):
        names = (unicodedata.name(letter, "").partition(" ")[0] for letter in word)
        scripts = sorted(_ALIKE.intersection(names))
        if len(scripts) > 1:
            found.append(f"{' and '.join(map(str.capitalize, scripts))} letters in one word")
            break
    if any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text):
        found.append("with letters that run from right to left")
    if _GAP.search(text):
        found.append("with a wide gap in it")
    return tuple(found)


def reads(name: str) -> bool:
    """Whether a name that is not ASCII can be shown beside its form in ASCII, because it looks like no
    name that is.

    Its letters are of one script; in Latin each is one of ASCII, with marks that are seen, or unlike
    them; in Cyrillic and Greek each word has a letter that looks like no Latin one; Chinese, Japanese
    and Korean letters do not look so at all. Of any other script the answer is no, and for whatever
    else is not a letter of ASCII, a digit or one of ``._-``.
    """
    if name.isascii() or unicodedata.normalize("NFC", name) != name:
        return False
    words = _WORD.findall(name)
    if not re.fullmatch(r"[0-9._-]*", _WORD.sub("", name)):
        return False
    letters = "".join(words)
    scripts = {re.split("[ -]", unicodedata.name(letter, ""))[0] for letter in letters}
    if len(scripts) != 1:
        return False
    script = scripts.pop()
    if script == "LATIN":
        return all(map(_is_seen, letters))
    return script in _OWN or all(_DISTINCT.get(script, frozenset()).intersection(word) for word in words)


def _is_seen(letter: str) -> bool:
    """Whether a Latin letter is one of ASCII, but for marks that are seen, or unlike them."""
    parts = unicodedata.normalize("NFD", letter)
    marks = (unicodedata.combining(mark) in _MARKS for mark in parts[1:])
    return letter in _LATIN or (parts[0].isascii() and all(marks))


def _code(character: str) -> str:
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
