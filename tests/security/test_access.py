"""Who may open a session: the decision."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_peer.security.access import Access, Entry
from msrp_peer.terms.principal import Principal
from msrp_peer.terms.security import Level, Security
from security.known_lines import ALICE, BOB, CAROL, PLAIN, key_of, line, shows
from security.test_known import securities

ALLOW, ASK, DENY = Entry.ALLOW, Entry.ASK, Entry.DENY


def test_everybody_unless_told_otherwise() -> None:
    for security in (line(ALICE), line(), PLAIN):
        assert Access().entry(security, BOB) is ALLOW


def test_by_person_who_is_proved() -> None:
    access = Access({ALICE: ALLOW, BOB: DENY}, proved=ASK, unproved=DENY)
    assert access.entry(line(ALICE), None) is ALLOW
    assert access.entry(shows(ALICE, key_of("one"), "pinned"), None) is ALLOW
    assert access.entry(line(BOB), None) is DENY
    assert access.entry(line(CAROL), None) is ASK
    assert access.entry(line(), None) is DENY


def test_a_name_that_is_only_said_opens_no_door() -> None:
    access = Access({ALICE: ALLOW}, proved=ASK, unproved=ASK)
    assert access.entry(line(), ALICE) is ASK
    assert access.entry(line(CAROL), ALICE) is ASK
    assert access.entry(line(ALICE, shared=True), ALICE) is ASK, "somebody who knows a word of many"
    # Words that two people compared verify a key, and not whose it is.
    compared = line(key=key_of("one"), verified="compared")
    assert Access({ALICE: ALLOW}, unproved=DENY).entry(compared, ALICE) is DENY


def test_who_says_they_are_blocked_is_taken_at_their_word() -> None:
    access = Access({BOB: DENY})
    assert access.entry(line(), BOB) is DENY
    assert access.entry(line(BOB, shared=True), None) is DENY
    assert access.entry(line(), Principal.parse("sip:bob@lan")) is ALLOW


def test_so_many_at_a_time() -> None:
    access = Access({ALICE: ALLOW}, at_once=2)
    assert [access.entry(line(ALICE), None, standing) for standing in range(4)] == [ALLOW, ALLOW, DENY, DENY]
    assert access.entry(line(), ALICE, 9) is ALLOW, "nobody in particular"


entries = st.sampled_from(Entry)
people = st.sampled_from([ALICE, BOB, CAROL])
accesses = st.builds(
    Access,
    persons=st.dictionaries(people, entries),
    proved=entries,
    unproved=entries,
    at_once=st.none() | st.integers(0, 3),
)


@given(accesses, securities, st.none() | people, st.integers(0, 4))
def test_a_claim_never_helps(access: Access, security: Security, claim: Principal | None, n: int) -> None:
    order = [ALLOW, ASK, DENY]
    without = access.entry(security, None, n)
    assert order.index(access.entry(security, claim, n)) >= order.index(without)
    assert access.entry(security, claim, n) in (without, DENY)


@given(accesses, st.none() | people, st.integers(0, 4))
def test_nobody_is_let_in_as_somebody_without_proof(access: Access, claim: Principal | None, n: int) -> None:
    assert access.entry(line(), claim, n) in (access.unproved, DENY)


@pytest.mark.parametrize("blocked", [ALICE, BOB])
@given(accesses, securities)
def test_who_is_blocked_never_comes_in(blocked: Principal, access: Access, security: Security) -> None:
    access = Access({**access.persons, blocked: DENY}, access.proved, access.unproved, access.at_once)
    if security.principal == blocked.text:
        assert access.entry(security, None) is DENY
    if security.level is Level.PLAINTEXT and security.principal is None and not security.pinned:
        assert access.entry(security, None) is access.unproved
