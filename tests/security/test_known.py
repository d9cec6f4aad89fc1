"""What a line is worth beside what is remembered: the decision, without a file and without a person."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_peer.security.known import (
    Answer,
    Finding,
    Judgement,
    Known,
    KnownKey,
    KnownPolicy,
    Learned,
    New,
    NotAsKnown,
    judge,
    lasting_key,
    level_of,
)
from msrp_peer.terms.errors import NotSecureEnough, UsageError
from msrp_peer.terms.principal import Principal
from msrp_peer.terms.security import Level, Proof, Protection, Security
from security.known_lines import ALICE, BOB, CAROL, DAY, PLAIN, key_of, line, shows

ONE, TWO = key_of("one"), key_of("two")


def known(level: Level, *keys: tuple[str, Learned], principal: Principal = BOB) -> Known:
    kept = tuple(KnownKey(key, learned, 10 * DAY, 20 * DAY) for key, learned in keys)
    return Known(principal.text, 10 * DAY, 20 * DAY, level, 15 * DAY, kept)


def found(
    remembered: Known | None, security: Security, key: str | None = None, policy: KnownPolicy | None = None
) -> tuple[Finding, Answer]:
    judged = judge(BOB, remembered, security, key, policy or KnownPolicy())
    return judged.finding, judged.answer


class TestSomebodyNew:
    @pytest.mark.parametrize("new", New)
    def test_who_is_proved_needs_no_question(self, new: New) -> None:
        policy = KnownPolicy(new)
        certified = line(BOB, key=ONE, verified="chain", mechanism="EXTERNAL")
        for security in (line(BOB), certified, line(key=ONE, verified="compared")):
            assert found(None, security, ONE, policy) == (Finding.FIRST, Answer.ACCEPT)
        assert found(None, line(BOB), None, policy) == (Finding.FIRST, Answer.ACCEPT)

    def test_a_key_that_nothing_verifies_is_asked_about_or_what_was_said_beforehand(self) -> None:
        shown = line(key=ONE)
        assert found(None, shown, ONE) == (Finding.FIRST, Answer.ASK)
        assert found(None, shown, ONE, KnownPolicy(New.ACCEPT)) == (Finding.FIRST, Answer.ACCEPT)
        assert found(None, shown, ONE, KnownPolicy(New.REFUSE)) == (Finding.FIRST, Answer.REFUSE)

    def test_a_yes_counts_for_the_key_it_was_said_to(self) -> None:
        assert found(None, line(key=ONE), ONE, KnownPolicy(key=ONE))[1] is Answer.ACCEPT
        assert found(None, line(key=TWO), TWO, KnownPolicy(key=ONE))[1] is Answer.ASK

    def test_a_key_made_for_the_occasion_is_nothing_to_ask_about(self) -> None:
        assert found(None, line(key=ONE)) == (Finding.NOBODY, Answer.ACCEPT)
        assert found(None, line(key=ONE), None, KnownPolicy(New.REFUSE)) == (Finding.NOBODY, Answer.REFUSE)
        assert not judge(BOB, None, line(key=ONE), None, KnownPolicy()).worth_keeping


def test_what_was_decided_is_one_of_three_words() -> None:
    assert KnownPolicy("strict") == KnownPolicy(New.REFUSE)
    assert found(None, line(key=ONE), ONE, KnownPolicy("accept-new"))[1] is Answer.ACCEPT
    with pytest.raises(UsageError, match="ask or accept-new or strict"):
        KnownPolicy("accept")


class TestTheFloor:
    @pytest.mark.parametrize(
        ("floor", "security"),
        [
            (Level.AUTHENTICATED, line()),
            (Level.AUTHENTICATED, line(BOB, shared=True)),
            (Level.AUTHENTICATED, line(key=ONE, verified="pinned")),
            (Level.KEY_VERIFIED, line()),
            (Level.KEY_VERIFIED, line(key=ONE, verified="host")),
            (Level.PASSIVE_ONLY, PLAIN),
        ],
    )
    def test_less_than_was_reached_needs_a_yes(self, floor: Level, security: Security) -> None:
        remembered = known(floor)
        assert found(remembered, security) == (Finding.WEAKER, Answer.ASK)
        for new in (New.ACCEPT, New.REFUSE):
            assert found(remembered, security, None, KnownPolicy(new)) == (Finding.WEAKER, Answer.REFUSE)
        agreed = KnownPolicy(New.REFUSE, least=security.level)
        assert found(remembered, security, None, agreed) == (Finding.WEAKER, Answer.ACCEPT)

    def test_a_yes_to_less_is_no_yes_to_still_less(self) -> None:
        agreed = KnownPolicy(least=Level.KEY_VERIFIED)
        assert found(known(Level.AUTHENTICATED), line(), None, agreed)[1] is Answer.ASK

    def test_a_yes_to_less_takes_no_key(self) -> None:
        judged = judge(
            BOB, known(Level.AUTHENTICATED), line(key=ONE), ONE, KnownPolicy(least=Level.PLAINTEXT)
        )
        assert judged.answer is Answer.ACCEPT
        assert not judged.keeps_key

    @pytest.mark.parametrize("floor", Level)
    def test_as_much_as_ever_is_the_same(self, floor: Level) -> None:
        assert found(known(floor), line(BOB), None, KnownPolicy(New.REFUSE)) == (Finding.SAME, Answer.ACCEPT)

    def test_who_is_proved_to_be_somebody_else_is_not_proved(self) -> None:
        assert level_of(BOB, line(CAROL)) is Level.PASSIVE_ONLY
        assert found(known(Level.AUTHENTICATED), line(CAROL)) == (Finding.WEAKER, Answer.ASK)
        assert found(None, line(CAROL), ONE) == (Finding.FIRST, Answer.ASK)
        # Nor is the key of somebody else that of bob, certified or pinned.
        for verified in ("chain", "pinned"):
            assert level_of(BOB, shows(CAROL, ONE, verified)) is Level.PASSIVE_ONLY
        assert level_of(BOB, shows(BOB, ONE, "pinned")) is Level.KEY_VERIFIED
        assert level_of(BOB, shows(BOB, ONE, "chain")) is Level.AUTHENTICATED
        # A key that was verified for this line stays so.
        assert level_of(BOB, line(CAROL, key=ONE, verified="compared")) is Level.KEY_VERIFIED


class TestAnotherKey:
    @pytest.mark.parametrize("learned", [Learned.COMPARED, Learned.SIGNALLED, Learned.FIRST_USE])
    @pytest.mark.parametrize("new", New)
    @pytest.mark.parametrize(
        "security",
        [line(key=TWO), line(BOB, key=TWO), line(BOB, key=TWO, verified="chain"), PLAIN],
        ids=["unverified", "password", "certified", "plain"],
    )
    def test_is_refused_whatever_else_is_shown(self, learned: Learned, new: New, security: Security) -> None:
        policy = KnownPolicy(new, key=TWO, least=Level.PLAINTEXT)
        remembered = known(Level.PASSIVE_ONLY, (ONE, learned))
        assert found(remembered, security, TWO, policy) == (Finding.OTHER_KEY, Answer.REFUSE)

    def test_an_authority_may_certify_another_key(self) -> None:
        remembered = known(Level.AUTHENTICATED, (ONE, Learned.CHAIN))
        renewed = line(BOB, key=TWO, verified="chain", mechanism="EXTERNAL")
        assert found(remembered, renewed, TWO) == (Finding.SAME, Answer.ACCEPT)
        assert found(remembered, line(key=TWO), TWO) == (Finding.OTHER_KEY, Answer.REFUSE)

    def test_one_of_several_is_enough(self) -> None:
        remembered = known(Level.KEY_VERIFIED, (ONE, Learned.COMPARED), (TWO, Learned.COMPARED))
        assert found(remembered, line(key=TWO, verified="pinned"), TWO) == (Finding.SAME, Answer.ACCEPT)

    def test_the_words_have_both_keys_and_what_to_do(self) -> None:
        judged = judge(
            BOB, known(Level.KEY_VERIFIED, (ONE, Learned.COMPARED)), line(key=TWO), TWO, KnownPolicy()
        )
        error = NotAsKnown(judged)
        assert isinstance(error, NotSecureEnough)
        for words in (
            f"it was {ONE} (compared on 1970-01-11)",
            f"and now is {TWO}",
            "msrp known forget im:bob@lan",
        ):
            assert words in str(error)


def test_a_key_stays_that_is_certified_or_pinned() -> None:
    assert lasting_key(shows(BOB, ONE, "chain")) == lasting_key(shows(BOB, ONE, "pinned")) == ONE
    for security in (line(BOB, key=ONE), line(key=ONE, verified="compared"), line(key=ONE, verified="host")):
        assert lasting_key(security) is None


def test_the_words_of_a_weaker_line_say_what_was_when_and_what_to_do() -> None:
    words = str(NotAsKnown(judge(BOB, known(Level.AUTHENTICATED), line(), None, KnownPolicy())))
    for part in ("authenticated", "1970-01-16", "passive-only", "msrp known forget im:bob@lan"):
        assert part in words


# -- whatever comes

keys = st.sampled_from([None, *map(key_of, ("one", "two", "three"))])
shown_keys = st.sampled_from([key_of(name) for name in ("one", "two", "three")])
protections = st.builds(
    Protection,
    kind=st.sampled_from(["tls", "sasl"]),
    version=st.just("x"),
    cipher=st.just("y"),
    confidential=st.booleans(),
    peer_key=keys,
    verified=st.sampled_from([None, "pinned", "signalled", "compared", "chain", "host"]),
    names=st.lists(st.sampled_from([BOB.text, CAROL.text]), unique=True).map(tuple),
)
proofs = st.builds(
    Proof,
    principal=st.sampled_from([ALICE.text, BOB.text, CAROL.text]),
    mechanism=st.just("M"),
    bound=st.booleans(),
    shared=st.booleans(),
    guessable=st.booleans(),
)
securities = st.builds(
    Security, layers=st.lists(protections, max_size=2).map(tuple), proof=st.none() | proofs
)


def _keys(learned: Sequence[tuple[str, Learned]]) -> tuple[KnownKey, ...]:
    return tuple(KnownKey(key, how, 0, DAY) for key, how in dict(learned).items())


remembered = st.builds(
    Known,
    principal=st.just(BOB.text),
    first=st.just(0.0),
    last=st.just(DAY),
    level=st.sampled_from(Level),
    reached=st.just(DAY),
    keys=st.lists(st.tuples(shown_keys, st.sampled_from(Learned)), max_size=3).map(_keys),
)
policies = st.builds(
    KnownPolicy, new=st.sampled_from(New), key=keys, least=st.none() | st.sampled_from(Level)
)


@given(st.none() | remembered, securities, keys, policies)
def test_what_is_accepted_was_earned_or_agreed_to(
    known: Known | None, security: Security, key: str | None, policy: KnownPolicy
) -> None:
    judged = judge(BOB, known, security, key, policy)
    check(judged, known, key, policy)
    assert (judged.answer is Answer.ASK) <= (policy.new is New.ASK)
    # What is proved of others, or claimed, changes nothing for bob.
    if security.proof is not None and security.proof.principal != BOB.text:
        assert judge(BOB, known, Security(security.layers), key, policy) == judged
    assert judged.sentence
    assert bool(judged.advice) is (judged.answer is not Answer.ACCEPT)
    assert judged.as_dict()["floor"] == (known.level.word if known else None)


def check(judged: Judgement, known: Known | None, key: str | None, policy: KnownPolicy) -> None:
    if judged.answer is not Answer.ACCEPT:
        assert not judged.worth_keeping
        return
    if known is None:
        if judged.level < Level.KEY_VERIFIED:
            assert policy.new is not New.REFUSE or key == policy.key
            assert key is None or policy.new is New.ACCEPT or key == policy.key
        return
    assert judged.level >= known.level or (policy.least is not None and judged.level >= policy.least)
    if key is not None and known.pins:
        assert key in {each.fingerprint for each in known.keys}
    if judged.keeps_key and key is not None and not known.has(key):
        assert judged.level >= Level.KEY_VERIFIED


@given(st.none() | remembered, securities, keys, policies)
def test_a_better_line_is_never_answered_worse(
    known: Known | None, security: Security, key: str | None, policy: KnownPolicy
) -> None:
    """Of two lines that differ by a proof alone."""
    order = [Answer.REFUSE, Answer.ASK, Answer.ACCEPT]
    proof = Proof(BOB.text, "M", bound=True)
    worse = judge(BOB, known, Security(security.layers), key, policy)
    better = judge(BOB, known, Security(security.layers, proof), key, policy)
    assert order.index(better.answer) >= order.index(worse.answer)
