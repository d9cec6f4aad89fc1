"""docs/conformance.md cannot drift: the rules, the code, the tests and the page fit together."""

from __future__ import annotations

from collections import Counter

import pytest

from conformance.page import PAGE, Rule, documents, located, marks, page, strays

RULES = {name: rule for document in documents() for name, rule in document.rules.items()}
SHOWN = Counter(shown.rule for shown in marks())


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "make conformance writes it anew"


def test_markers_name_rules_that_exist() -> None:
    assert SHOWN.keys() - RULES.keys() == set()


def test_markers_stand_on_tests() -> None:
    assert strays() == []


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_a_rule_is_shown_or_says_why_not(rule: Rule) -> None:
    if rule.reason is None:
        assert SHOWN[rule.id], "no test names it"
        assert rule.code, "where is it kept?"
    else:
        assert not SHOWN[rule.id], f"tests show it: take away its {rule.reason!r}"
        assert rule.why
    if rule.reason == "as":
        other = RULES[f"{rule.id.split()[0]} {rule.why}"]
        assert other.reason != "as"
    for code in rule.code:
        assert located(code)
