"""Text of the other side is shown without being obeyed."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_peer.terms.display import escape, is_plain, oddities, quoted, reads
from msrp_peer.terms.principal import Principal

any_text = st.text(st.characters(codec=None))  # surrogates included


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Grüße, 世界 👋", "Grüße, 世界 👋"),
        ("C:\\new", "C:\\new"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31m", "\\x9b31m"),
        ("bell\x07 del\x7f nul\x00", "bell\\x07 del\\x7f nul\\x00"),
        ("gpj.\u202eexe", "gpj.\\u202eexe"),
        ("\u2066iso\u2069", "\\u2066iso\\u2069"),
        ("a\u200bb\ufeffc", "a\\u200bb\\ufeffc"),
        ("line\u2028end", "line\\u2028end"),
        ("\ud800", "\\ud800"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("selector\U000e0100", "selector\\U000e0100"),
        ("filler\u3164", "filler\\u3164"),
        ("two\nlines\tand tab\r", "two\\x0alines\\x09and tab\\x0d"),
        ("", ""),
    ],
)
def test_what_is_not_plain_is_shown_as_a_code(text: str, shown: str) -> None:
    assert escape(text) == shown


def test_a_text_keeps_its_lines_and_tabs_but_no_carriage_return() -> None:
    assert escape("a\r\nb\n\tc\rd", lines=True) == "a\nb\n\tc\\x0dd"


@given(any_text, st.integers(0, 30), st.booleans())
def test_the_result_is_plain_and_bounded(text: str, limit: int, lines: bool) -> None:
    shown = escape(text, limit, lines=lines)
    assert all(is_plain(c) or (lines and c in "\n\t") for c in shown)
    assert len(shown) <= limit + 1
    assert len(shown) <= limit or shown.endswith("…")


@given(any_text)
def test_plain_text_stays_and_nothing_is_lost_silently(text: str) -> None:
    shown = escape(text, 10 * len(text) + 10)
    assert not shown.endswith("…") or text.endswith("…")
    if all(is_plain(c) for c in text):
        assert shown == text


@given(st.text(max_size=20), st.integers(0, 10))
def test_a_text_of_just_the_limit_is_whole(text: str, limit: int) -> None:
    whole = escape(text, 1000)
    assert escape(text, len(whole)) == whole
    if len(whole) > limit:
        cut = escape(text, limit)
        assert cut.endswith("…")
        assert whole.startswith(cut[:-1])


def test_a_code_is_shown_whole_or_not_at_all() -> None:
    assert escape("ab\u202e", 5) == "ab…"
    assert not re.search(r"\\u\w{0,3}…", escape("\u202e" * 50, 20))


def test_only_what_can_be_shown_is_looked_at() -> None:
    text = "\u202e" * 20_000_000
    began = time.perf_counter()
    escape(text, 80)
    escape(text, 80, lines=True)
    assert time.perf_counter() - began < 0.5


@pytest.mark.parametrize(
    ("name", "odd"),
    [
        ("list.txt", ()),
        ("Grüße an Zoë.pdf", ()),
        ("отчёт за май.pdf", ()),
        ("年度報告 2026.xlsx", ()),
        ("アニメ mix.mp4", ()),
        ("µ-meter.txt", ()),
        ("p\u0430ypal.pdf", ("Cyrillic and Latin letters in one word",)),
        ("g\u03bfogle.html", ("Greek and Latin letters in one word",)),
        ("\uff41pple.zip", ("Fullwidth and Latin letters in one word",)),
        ("דוח שנתי.exe", ("with letters that run from right to left",)),
        ("تقرير.pdf", ("with letters that run from right to left",)),
        ("photo.jpg" + " " * 60 + ".exe", ("with a wide gap in it",)),
        ("photo.jpg\u2003\u2003\u00a0\u2003.exe", ("with a wide gap in it",)),
    ],
)
def test_what_is_odd_about_a_name_is_said(name: str, odd: tuple[str, ...]) -> None:
    assert oddities(name) == odd
    assert quoted(name) == f'"{escape(name)}"' + (f" ({'; '.join(odd)})" if odd else "")


def test_a_name_that_is_odd_in_every_way() -> None:
    shown = quoted("p\u0430y    \u05d0.\u202eexe")
    assert shown == (
        '"p\u0430y    \u05d0.\\u202eexe" (Cyrillic and Latin letters in one word; '
        "with letters that run from right to left; with a wide gap in it)"
    )


@given(any_text)
def test_what_is_quoted_is_plain(text: str) -> None:
    assert all(map(is_plain, quoted(text, 50)))


def test_oddities_of_a_long_name_take_no_time() -> None:
    began = time.perf_counter()
    quoted("\u0430" * 1_000_000, 100)
    assert time.perf_counter() - began < 0.5


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("im:%D0%B0lice@lan", "im:%D0%B0lice@lan"),
        ("im:alice@l\u0430n", "im:alice@xn--ln-7kc"),
        ("im:%D7%90@\u05d0\u05d1", "im:%D7%90@xn--4dbc"),
    ],
)
def test_a_principal_that_looks_like_another_is_shown_in_ascii(name: str, shown: str) -> None:
    assert str(Principal.parse(name)) == shown


@pytest.mark.parametrize(
    "name", ["böb", "Zoë", "jürgen.groß", "søren", "lukáš", "борис", "мария.2",
             "δημήτρης", "李明", "さくら", "サトー", "한지민", "françois-2"],
)  # fmt: skip
def test_what_reads_as_nothing_else(name: str) -> None:
    assert reads(name)


@pytest.mark.parametrize(
    "name",
    [
        "bob",
        "асе",  # whole in Cyrillic, and looks like "ace"
        "борис.асе",  # one word of it
        "вαв",
        "иван",  # there is a doubt about each letter
        "σογος",
        "p\u0430ypal",
        "ɑlice",  # LATIN SMALL LETTER ALPHA
        "ali\u1e05e",  # a line below
        "bọb",  # a dot below
        "bıb",  # no dot
        "bo\u0308b",  # not as it is composed
        "böb\u200b",
        "böb (proved)",
        "böb im",
        "böb\x1b[2K",
        "b\u00f6b\u202e",
        "אבג",
        "ηο",  # no, the first is like n
        "ｂｏｂ",
        "𝐛𝐨𝐛",
        "李さくら",  # two scripts
        "ö" + "\u0301" * 9,
        "١٢٣",
        "böb٣",
    ],
)
def test_what_may_be_read_as_something_else_is_not_shown(name: str) -> None:
    assert not reads(name)


@given(st.text(max_size=12))
def test_nothing_that_reads_commands_or_hides(name: str) -> None:
    if reads(name):
        assert escape(name) == name
        assert oddities(name) == ()
        assert not re.search(r"[^\w.-]", name)
