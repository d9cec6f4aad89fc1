"""What was asked of MSRP's security, in docs/security.md: each row has an answer, and code and tests that
are there, or says in words why not."""

from __future__ import annotations

import re

import pytest

from docs.claims import ROOT, named_tests, rows, section, there

REVIEW = "What a review asked, and what answers it"
RFC2779 = "What RFC 2779 asks"
RFC3862 = "What RFC 3862 asks of who uses it"
DONE = ("met: ", "in part: ")
UNDONE = ("not yet: ", "not met: ", "not ours: ")
NUMBERS = (
    *("2.3.5", "2.3.6", "2.3.7", "2.4.3", "2.4.4", "2.5.1", "2.5.2", "2.5.3", "2.5.4"),
    *(f"4.1.{n}" for n in range(1, 11)),
    "4.2.1",
    *(f"5.4.{n}" for n in range(1, 11)),
)
"""What RFC 2779 asks of messages that is about their security, or that section 5.4 rests on."""
SUBJECTS = (
    *(
        "SASL",
        "RFC 4422",
        "DIGEST-MD5",
        "Kerberos",
        "fingerprint",
        "plain TCP",
        "only listens",
        "certificates of people",
        "relays",
    ),
    *(
        "what a person types",
        "exchange of session URIs",
        "capability",
        "S/MIME",
        "message/cpim",
        "one sender",
    ),
    *("not known", "RFC 3862", "recorded", "end of a session", "Byte-Range", "somebody else's address"),
)
"""What the review, and the points the RFC left open, are about."""
ROWS = [(title, *row) for title in (REVIEW, RFC2779, RFC3862) for row in rows(section(title))[1:]]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1][:40])
def test_each_has_an_answer_with_code_and_tests_or_says_why_not(row: tuple[str, ...]) -> None:
    _, asked, answer, code, shown = row
    assert len(asked) > 10
    (verdict,) = [word for word in (*DONE, *UNDONE) if answer.startswith(word)]
    assert len(answer) > len(verdict) + 3
    modules = re.findall(r"`([^`]+)`", code)
    tests = named_tests(shown)
    assert bool(modules) == bool(tests) == (verdict in DONE)
    for module in modules:
        assert module.startswith(("msrp_core/", "sasl/", "peer/")), module
        assert (ROOT / module).is_file(), module
    for named in (*tests, *named_tests(answer)):
        assert there(named), named


def test_nothing_that_rfc_2779_asks_is_passed_over() -> None:
    asked = [row[1] for row in ROWS if row[0] == RFC2779]
    found = [number for words in asked for number in re.findall(r"\d\.\d\.\d+", words)]
    assert sorted(found) == sorted(NUMBERS)


def test_nothing_that_the_review_asks_is_passed_over() -> None:
    asked = [row[1] for row in ROWS if row[0] == REVIEW]
    for subject in SUBJECTS:
        assert any(subject in words for words in asked), subject
