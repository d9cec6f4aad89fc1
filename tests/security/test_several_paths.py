"""One sender, several paths: the decision, by example and for whatever comes."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_peer.security.several_paths import Path, Reception, Ruling, SenderPolicy, Why, sender_of
from msrp_peer.terms.errors import UsageError
from msrp_peer.terms.principal import Principal
from msrp_peer.terms.security import Level, Security
from security.known_lines import ALICE, BOB, CAROL, PLAIN, key_of, line, shows, tls

PHONE = Principal.parse("sip:alice@phone.example")
GOOD, PASSIVE, PINNED = Level.AUTHENTICATED, Level.PASSIVE_ONLY, Level.KEY_VERIFIED


def ruled(ruling: Ruling) -> tuple[Reception, Why]:
    return ruling.reception, ruling.why


class TestAliceAndBob:
    """The example of the review: a good line with alice, and a second session."""

    talking = (Path(ALICE, GOOD, standing=True),)
    remembered = (Path(ALICE, GOOD),)

    def test_the_good_line_itself(self) -> None:
        ruling = SenderPolicy().rule(ALICE, GOOD, self.talking)
        assert ruled(ruling) == (Reception.ACCEPT, Why.EQUAL)
        assert ruling.sentence == ""

    def test_a_second_session_that_proves_less_of_her_is_held(self) -> None:
        ruling = SenderPolicy().rule(ALICE, PASSIVE, self.talking)
        assert ruled(ruling) == (Reception.HOLD, Why.BESIDE)
        assert ruling.sentence == (
            "this came by a line that is passive-only; im:alice@lan is here by a line that is authenticated, "
            "and did not use it"
        )

    def test_so_is_one_that_comes_when_she_has_left(self) -> None:
        ruling = SenderPolicy().rule(ALICE, PINNED, self.remembered)
        assert ruled(ruling) == (Reception.HOLD, Why.BEFORE)
        assert "was met by a line that is authenticated" in ruling.sentence

    def test_under_another_uri_she_is_somebody_else_until_bob_says_otherwise(self) -> None:
        assert ruled(SenderPolicy().rule(PHONE, PINNED, self.talking)) == (Reception.ACCEPT, Why.EQUAL)
        policy = SenderPolicy(same=[[ALICE, PHONE], [CAROL]])
        assert ruled(policy.rule(PHONE, PINNED, self.talking)) == (Reception.HOLD, Why.BESIDE)
        assert ruled(policy.rule(CAROL, PINNED, self.talking)) == (Reception.ACCEPT, Why.EQUAL)

    def test_under_her_name_without_proof_it_is_nobody(self) -> None:
        """Whatever it calls itself: it is marked, and no more hers for the good line beside it."""
        for security in (line(), PLAIN):
            assert sender_of(security) is None
            ruling = SenderPolicy().rule(sender_of(security), security.level, self.talking)
            assert ruled(ruling) == (Reception.MARK, Why.UNPROVED)
            assert ruling.sentence == "nothing here verifies who sent this"

    def test_what_bob_agreed_to_is_shown_with_a_mark(self) -> None:
        policy = SenderPolicy()
        agreed = policy.rule(ALICE, PINNED, self.talking, agreed=PINNED)
        assert ruled(agreed) == (Reception.MARK, Why.AGREED)
        assert agreed.sentence.endswith("and you agreed to this")
        assert ruled(policy.rule(ALICE, PASSIVE, self.talking, agreed=PINNED))[0] is Reception.HOLD

    def test_others_may_be_stricter(self) -> None:
        strict = SenderPolicy(beside=Reception.REFUSE, unproved=Reception.REFUSE)
        assert ruled(strict.rule(ALICE, PINNED, self.talking)) == (Reception.REFUSE, Why.BESIDE)
        assert ruled(strict.rule(ALICE, PASSIVE, ())) == (Reception.REFUSE, Why.UNPROVED)
        assert ruled(strict.rule(None, GOOD, ())) == (Reception.REFUSE, Why.UNPROVED)


def test_a_secret_that_is_shared_names_somebody_and_verifies_nobody() -> None:
    security = line(ALICE, shared=True)
    sender = sender_of(security)
    assert sender == ALICE
    assert ruled(SenderPolicy().rule(sender, security.level, ())) == (Reception.MARK, Why.UNPROVED)


def test_a_key_that_is_known_names_its_owner() -> None:
    assert sender_of(shows(ALICE, key_of("one"), "pinned")) == ALICE
    assert sender_of(shows(ALICE, key_of("one"), "chain")) == ALICE
    assert sender_of(line(BOB, key=key_of("one"), verified="pinned")) == BOB
    both = Security((tls(key_of("one"), "pinned", (ALICE.text, CAROL.text)),))
    assert sender_of(both) is None, "it could be either"


def test_nobody_is_two_persons() -> None:
    with pytest.raises(UsageError, match="im:bob@lan is said to be two persons"):
        SenderPolicy(same=[[ALICE, BOB], [BOB, CAROL]])
    SenderPolicy(same=[[ALICE, BOB], [BOB, ALICE]])


def test_no_name_that_is_only_said_is_an_input() -> None:
    assert list(inspect.signature(SenderPolicy.rule).parameters) == [
        "self",
        "sender",
        "level",
        "paths",
        "agreed",
    ]


# -- whatever comes

principals = st.sampled_from([ALICE, BOB, CAROL, PHONE])
levels = st.sampled_from(Level)
receptions = st.sampled_from(Reception)
paths = st.lists(st.builds(Path, principals, levels, st.booleans()), max_size=5)
policies = st.builds(
    SenderPolicy,
    unproved=receptions,
    before=receptions,
    beside=receptions,
    agreed=receptions,
    same=st.sampled_from([(), ((ALICE, PHONE),), ((ALICE, PHONE), (BOB, CAROL))]),
)
usual = st.builds(SenderPolicy, same=st.sampled_from([(), ((ALICE, PHONE),)]))
agreements = st.none() | levels


@given(policies, principals, levels, paths, agreements)
def test_it_depends_on_the_persons_own_paths_alone_and_on_no_order(
    policy: SenderPolicy, sender: Principal, level: Level, paths: list[Path], agreed: Level | None
) -> None:
    ruling = policy.rule(sender, level, paths, agreed)
    own = next((set(group) for group in policy.same if sender in set(group)), {sender})
    assert policy.rule(sender, level, [path for path in paths if path.principal in own], agreed) == ruling
    assert ruled(policy.rule(sender, level, paths[::-1], agreed)) == ruled(ruling)
    if ruling.best is not None:
        assert ruling.best.principal in own
        assert ruling.best.level > level
    assert bool(ruling.sentence) is (ruling.why is not Why.EQUAL)


@given(policies, principals, levels, paths, st.builds(Path, principals, levels, st.booleans()))
def test_to_know_more_is_never_to_be_laxer(
    policy: SenderPolicy, sender: Principal, level: Level, paths: list[Path], one: Path
) -> None:
    assert policy.rule(sender, level, [*paths, one]).reception >= policy.rule(sender, level, paths).reception


@given(policies, principals, levels, levels, paths, agreements)
def test_a_better_path_is_never_received_worse(
    policy: SenderPolicy,
    sender: Principal,
    level: Level,
    other: Level,
    paths: list[Path],
    agreed: Level | None,
) -> None:
    if policy.agreed > min(policy.before, policy.beside):
        return  # whoever makes a yes stricter than none has it so
    lower, higher = sorted((level, other))
    worse = policy.rule(sender, lower, paths, agreed).reception
    assert policy.rule(sender, higher, paths, agreed).reception <= worse


@given(usual, st.none() | principals, levels, paths, agreements)
def test_by_default_nothing_weaker_slips_in(
    policy: SenderPolicy, sender: Principal | None, level: Level, paths: list[Path], agreed: Level | None
) -> None:
    ruling = policy.rule(sender, level, paths, agreed)
    if ruling.reception is Reception.ACCEPT:
        assert sender is not None
        assert level >= Level.KEY_VERIFIED
        own = {ALICE, PHONE} if policy.same and sender in (ALICE, PHONE) else {sender}
        assert all(path.level <= level for path in paths if path.principal in own)
    if ruling.best is not None and ruling.reception < Reception.HOLD:
        assert agreed is not None
        assert agreed <= level


@given(policies, levels, paths, agreements)
def test_who_is_not_proved_gains_and_loses_nothing_by_what_others_have(
    policy: SenderPolicy, level: Level, paths: list[Path], agreed: Level | None
) -> None:
    assert policy.rule(None, level, paths, agreed) == policy.rule(None, level, ())
