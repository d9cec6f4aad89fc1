"""Generated secrets: strong, told from others, and forgiving where it does no harm."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from msrp_peer.credentials import secret
from msrp_peer.credentials.errors import CredentialsError
from msrp_peer.credentials.secret import ALPHABET, entered, generate, mistyped

SHAPE = r"[2-9a-hjkmnp-z]{4}(-[2-9a-hjkmnp-z]{4}){4}"
# What an eye takes for another: at most one of each may be used.
LOOK_ALIKE = ["0oO", "1lI", "1iI", "lI", "ij1"]

ROOT = Path(__file__).resolve().parents[2]

places = st.sampled_from([at for at in range(24) if at % 5 != 4])
symbols = st.sampled_from(ALPHABET)


def test_it_has_80_bits_and_more() -> None:
    assert 18 * math.log2(len(ALPHABET)) > 89
    made = [generate() for _ in range(1000)]
    assert len(set(made)) == 1000
    # Every symbol turns up everywhere but where it is calculated: nothing is constant.
    for place in (at for at in range(24) if at % 5 != 4):
        assert len({one[place] for one in made}) == len(ALPHABET), place


def test_it_can_be_read_aloud_and_typed() -> None:
    for _ in range(100):
        assert re.fullmatch(SHAPE, generate())
    assert ALPHABET.lower() == ALPHABET
    for group in LOOK_ALIKE:
        assert len(set(group) & set(ALPHABET)) <= 1, group


def test_those_shown_in_docs_are_some() -> None:
    texts = [(ROOT / "docs/security.md").read_text(), secret.__doc__ or ""]
    shown = [re.search(SHAPE, text) for text in texts]
    assert all(found and entered(found[0]).generated for found in shown)


@given(st.randoms(use_true_random=False), st.sampled_from(["-", " ", ""]), st.sampled_from(["", " ", "\t"]))
def test_it_is_known_again_however_it_is_written(random, separator: str, around: str) -> None:
    made = generate()
    written = "".join(random.choice([c.upper(), c]) for c in made.replace("-", separator))
    password = entered(around + written + around)
    assert password.generated
    assert password.text == made
    assert not mistyped(written)


@given(places, places, symbols, symbols)
def test_one_or_two_wrong_characters_are_noticed(one: int, other: int, first: str, second: str) -> None:
    made = generate()
    changed = list(made)
    changed[one], changed[other] = first, second
    assume("".join(changed) != made)
    assert mistyped("".join(changed))
    assert not entered("".join(changed)).generated


@given(places, places)
def test_two_that_changed_places_are_noticed(one: int, other: int) -> None:
    made = list(generate())
    assume(made[one] != made[other])
    made[one], made[other] = made[other], made[one]
    assert mistyped("".join(made))


@pytest.mark.parametrize(
    "text",
    ["hunter2", "correct horse battery staple", "2345-6789-abcd-efgh", "ünïcödé", "a" * 1024, "pass word "],
)
def test_other_passwords_stay_as_they_are(text: str) -> None:
    password = entered(text)
    assert (password.text, password.generated) == (text, False)
    assert not mistyped(text)


@pytest.mark.parametrize("text", ["", "a\x00b", "tab\there", "a" * 1025, "\ue000", "\ufffd"])
def test_what_no_password_can_be_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(CredentialsError) as caught:
        entered(text)
    assert not text or text not in str(caught.value)


@given(st.text())
def test_any_text_is_a_password_or_refused(text: str) -> None:
    mistyped(text)
    try:
        password = entered(text)
    except CredentialsError:
        return
    assert password.text == text or password.generated
    assert repr(password).count("text") == 0


@pytest.mark.parametrize("text", ["22222222222222222222", "2222-2222-2222-2222-2222"])
def test_one_key_pressed_twenty_times_was_not_drawn(text: str) -> None:
    """Its sums are right, as two is the first of the alphabet."""
    assert not entered(text).generated
    assert mistyped(text)
