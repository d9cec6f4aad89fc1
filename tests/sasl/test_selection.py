"""The table: what may be offered and used on which channel, both columns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from msrp_sasl import (
    Channel,
    ChannelLevel,
    Policy,
    Reason,
    SaslError,
    SaslUsageError,
    choose,
    compare,
    offered,
)
from msrp_sasl.policy import layer_owed
from msrp_sasl.selection import MOST_NAMES, RANKING, allowed, names
from sasl.parties import ALICE, EXPORTER, SCRAM, refused

CLEAR, ENCRYPTED, VERIFIED = ChannelLevel
NAMED = frozenset({ALICE})
CONFIGURED = {"anonymous": True, "digest_md5": True}
BOUND = ("SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS")

# channel, what is configured: what may be used, the best first
PERSON = [
    (CLEAR, {}, ("KRB5-U2U",)),
    (CLEAR, CONFIGURED, ("KRB5-U2U", "DIGEST-MD5")),
    (ENCRYPTED, {}, ("KRB5-U2U", *BOUND, "DIGEST-MD5")),
    (ENCRYPTED, CONFIGURED, ("KRB5-U2U", *BOUND, "DIGEST-MD5", "ANONYMOUS")),
    (VERIFIED, {}, ("KRB5-U2U", "EXTERNAL", *BOUND, "DIGEST-MD5")),
    (VERIFIED, CONFIGURED, ("KRB5-U2U", "EXTERNAL", *BOUND, "DIGEST-MD5", "ANONYMOUS")),
]
ALL = ("GS2-KRB5-PLUS", *BOUND, "SCRAM-SHA-1-PLUS", "GSSAPI", "SCRAM-SHA-256")
SERVICE = [
    (CLEAR, CONFIGURED, ()),
    (ENCRYPTED, CONFIGURED, ()),
    (VERIFIED, {}, ALL),
]


def channel(level: ChannelLevel, **more: object) -> Channel:
    full: dict[str, object] = {"bindings": EXPORTER, "peer_names": NAMED, "own_names": NAMED}
    return Channel(level, **(full | more))  # type: ignore[arg-type]


BOTH = [(side, "principal", *row) for row in PERSON for side in ("initiator", "acceptor")]
TO_A_SERVICE = [("initiator", "service", *row) for row in SERVICE]
# Whether the service's key is verified, its clients know; what the service itself knows is theirs.
OF_A_SERVICE = [("acceptor", "service", level, {}, () if level is CLEAR else ALL) for level in ChannelLevel]


@pytest.mark.parametrize(
    ("side", "kind", "level", "configured", "expected"), [*BOTH, *TO_A_SERVICE, *OF_A_SERVICE]
)
def test_the_table(
    kind: str, level: ChannelLevel, configured: dict[str, bool], expected: tuple[str, ...], side: str
) -> None:
    policy = Policy(acceptor=kind, **configured)  # type: ignore[arg-type]
    assert allowed(policy, channel(level), side) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "level", "owed"),
    [
        ("KRB5-U2U", CLEAR, "confidentiality"),
        ("KRB5-U2U", ENCRYPTED, None),
        ("DIGEST-MD5", CLEAR, "confidentiality"),
        ("DIGEST-MD5", ENCRYPTED, "confidentiality"),
        ("DIGEST-MD5", VERIFIED, None),
        ("SCRAM-SHA-256-PLUS", ENCRYPTED, None),
    ],
)
def test_the_layers_it_takes(name: str, level: ChannelLevel, owed: str | None) -> None:
    assert layer_owed(name, channel(level)) == owed


def test_without_a_binding_there_is_no_plus() -> None:
    for bindings in ({}, {"tls-server-end-point": b"x"}, {"tls-exporter": b""}):
        for kind in ("principal", "service"):
            names = offered(Policy(acceptor=kind), channel(VERIFIED, bindings=bindings))
            assert not [name for name in names if name.endswith("PLUS")]


def test_external_needs_a_certificate_of_the_initiator() -> None:
    policy = Policy()
    assert "EXTERNAL" not in offered(policy, channel(VERIFIED, peer_names=frozenset()))
    with pytest.raises(SaslError):
        choose(["EXTERNAL"], policy, channel(VERIFIED, own_names=frozenset()))
    assert choose(["EXTERNAL"], policy, channel(VERIFIED, peer_names=frozenset())) == "EXTERNAL"


@pytest.mark.parametrize("name", ["PLAIN", "CRAM-MD5", "LOGIN", *(n for n in SCRAM if "PLUS" not in n)])
def test_no_configuration_allows_these_to_a_person(name: str) -> None:
    policy = Policy(mechanisms=(name,), anonymous=True, digest_md5=True, guessable=True)
    for level in ChannelLevel:
        assert offered(policy, channel(level)) == ()


@pytest.mark.parametrize("name", ["PLAIN", "CRAM-MD5", "LOGIN"])
def test_no_configuration_allows_these_to_a_service(name: str) -> None:
    for side in ("initiator", "acceptor"):
        assert allowed(Policy(acceptor="service", mechanisms=(name,)), channel(VERIFIED), side) == ()


def test_the_better_one_is_chosen_whatever_the_order() -> None:
    for offer in (BOUND, BOUND[::-1], ("PLAIN", "X-UNKNOWN", *BOUND[::-1], "ANONYMOUS")):
        assert choose(offer, Policy(anonymous=True), channel(VERIFIED, own_names=frozenset())) == BOUND[0]


@pytest.mark.parametrize("level", [ENCRYPTED, VERIFIED])
@pytest.mark.parametrize("bindings", [EXPORTER, {"tls-unique": b"x"}, {"tls-server-end-point": b"x"}, {}])
def test_digest_md5_is_chosen_only_where_scram_may_not_be(
    level: ChannelLevel, bindings: dict[str, bytes]
) -> None:
    """It is offered, too, where nobody has a verifier for it: that must not shut out one for SCRAM."""
    line = channel(level, bindings=bindings, own_names=frozenset())
    scram = [name for name in allowed(Policy(), line, "initiator") if name.startswith("SCRAM-")]
    chosen = choose(offered(Policy(), line), Policy(), line)
    assert (chosen == "DIGEST-MD5") == (not scram)


def test_an_own_ranking() -> None:
    policy = Policy(mechanisms=BOUND[::-1])
    assert offered(policy, channel(VERIFIED)) == BOUND[::-1]
    assert choose(BOUND, policy, channel(VERIFIED)) == BOUND[1]


def test_the_least() -> None:
    policy = Policy(anonymous=True, least="SCRAM-SHA-512-PLUS")
    assert offered(policy, channel(VERIFIED)) == ("EXTERNAL", "SCRAM-SHA-512-PLUS")
    said = refused(Reason.POLICY, lambda: choose(BOUND[1:], policy, channel(ENCRYPTED)))
    assert "SCRAM-SHA-512-PLUS" in said
    with pytest.raises(SaslUsageError):
        offered(Policy(least="PLAIN"), channel(VERIFIED))


def test_the_least_channel() -> None:
    policy = Policy(least_channel=VERIFIED)
    assert offered(policy, channel(ENCRYPTED)) == ()
    assert offered(policy, channel(VERIFIED))
    said = refused(Reason.POLICY, lambda: choose(BOUND, policy, channel(ENCRYPTED)))
    assert "channel" in said


def test_what_the_other_side_wrote_is_not_shown() -> None:
    said = refused(Reason.POLICY, lambda: choose(["EVIL-NAME"], Policy(), channel(VERIFIED)))
    assert "EVIL" not in said


@pytest.mark.parametrize(
    "offer", [["a"], ["A" * 21], [""], ["A B"], ["A\n"], ["SCRAM-SHA-256-PLUS"] * (MOST_NAMES + 1)]
)
def test_what_is_no_list(offer: list[str]) -> None:
    refused(Reason.MALFORMED, lambda: names(offer))
    refused(Reason.MALFORMED, lambda: choose(offer, Policy(), channel(VERIFIED)))
    refused(Reason.MALFORMED, lambda: compare(["A"], offer))


def test_every_mechanism_ranked_has_a_legal_name() -> None:
    for ranking in RANKING.values():
        assert names(ranking) == ranking


def test_values_do_not_change() -> None:
    policy = Policy()
    with pytest.raises(AttributeError):
        policy.anonymous = True  # type: ignore[misc]
    assert replace(policy, anonymous=True) != policy
