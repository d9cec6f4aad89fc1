"""Text of the other side is shown without being obeyed."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_peer.terms.display import escape, is_plain

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
