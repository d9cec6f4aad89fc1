"""A middlebox between two sides, as RFC 6714 has it: it rewrites c= and m=, and nothing else."""

from __future__ import annotations

import re

import pytest

from msrp_peer.signalling.agreement import NotAcceptable, Side, look
from msrp_peer.signalling.offer_answer import Negotiation

ALICE = "msrp://192.0.2.1:7394/2s93i93idj;tcp"
BOB = "msrp://192.0.2.2:8493/si438dsaodes;tcp"
RELAYED = "msrp://192.0.2.7:2855/re1ay;tcp "
BOX = ("203.0.113.9", 5000)


def box(text: str) -> str:
    """What a middlebox makes of a description."""
    moved = re.sub(r"c=IN IP4 \S+", f"c=IN IP4 {BOX[0]}", text)
    return re.sub(r"m=message \d+", f"m=message {BOX[1]}", moved)


def old(text: str) -> str:
    """The text of a side that knows no CEMA."""
    return text.replace("a=msrp-cema\r\n", "")


def relayed(text: str) -> str:
    return text.replace("a=path:", f"a=path:{RELAYED}")


def setup(text: str, value: str | None) -> str:
    return re.sub(r"a=setup:\w+\r\n", f"a=setup:{value}\r\n" if value else "", text)


def alice(*, reachable: bool = True) -> Negotiation:
    path = ALICE if reachable else ALICE.replace("7394", "9")
    return Negotiation(Side(path, cema=True, reachable=reachable))


def bob(*, reachable: bool = True) -> Negotiation:
    path = BOB if reachable else BOB.replace("8493", "9")
    return Negotiation(Side(path, cema=True, reachable=reachable))


@pytest.mark.rule("6714 4.2-1 4.2-6 4.3-4")
def test_the_active_side_connects_to_the_middlebox() -> None:
    """RFC 6714 sections 4.2 and 4.3; the paths, and so the sessions' names, stay."""
    a, b = alice(), bob()
    offer = a.offer()
    assert "a=msrp-cema\r\n" in offer
    answer = b.answer(box(offer))
    assert "a=msrp-cema\r\n" in answer
    assert a.accept(box(answer)) is None
    assert a.agreed is not None
    assert a.agreed.connect == BOX
    assert (a.agreed.local, a.agreed.remote) == (ALICE, BOB)


@pytest.mark.rule("6714 4.3-5 4.5-1")
def test_an_active_answerer_does_so_too() -> None:
    a, b = alice(), bob(reachable=False)
    answer = b.answer(box(a.offer()))
    assert b.agreed is not None
    assert b.agreed.active
    assert b.agreed.connect == BOX
    a.accept(box(answer))
    assert a.agreed is not None
    assert not a.agreed.active


def test_without_a_middlebox_nothing_differs() -> None:
    a, b = alice(), bob()
    assert a.accept(b.answer(a.offer())) is None
    assert a.agreed is not None
    assert a.agreed.connect == ("192.0.2.2", 8493)


@pytest.mark.rule("6714 4.3-1")
def test_an_offer_without_cema_through_a_middlebox_is_refused() -> None:
    """RFC 6714 section 4.3: port 0, or 488."""
    b = bob()
    offer = box(Negotiation(Side(ALICE)).offer())
    with pytest.raises(NotAcceptable, match="middlebox") as refused:
        b.answer(offer)
    assert refused.value.status == 488
    assert "m=message 0 " in b.refuse(offer)


def test_who_does_not_know_cema_does_not_look() -> None:
    """RFC 4975 section 8.1: c= and m= do not say where to connect."""
    plain = Negotiation(Side(BOB))
    plain.answer(setup(box(Negotiation(Side(ALICE)).offer()), "passive"))
    assert plain.agreed is not None
    assert plain.agreed.connect == ("192.0.2.1", 7394)


@pytest.mark.rule("6714 4.2-3 4.2-4 4.2-6")
@pytest.mark.parametrize(
    ("change", "again"),
    [
        (lambda text: setup(text, "passive"), False),
        (lambda text: setup(text, None), False),
        (lambda text: setup(text, "active"), True),  # criterion 1
        (lambda text: relayed(setup(text, "passive")), True),  # criterion 3
        (lambda text: relayed(setup(text, None)), True),
    ],
    ids=["passive", "default", "active", "relay passive", "relay default"],
)
def test_the_offerer_falls_back(change, again: bool) -> None:  # type: ignore[no-untyped-def]
    """RFC 6714 section 4.2, the three criteria: an answer without CEMA through a middlebox."""
    a = alice()
    answer = box(change(old(Negotiation(Side(BOB)).answer(old(a.offer())))))
    text = a.accept(answer)
    assert (text is not None) == again
    if text is None:
        # None of the criteria: it connects to the middlebox, which knows where to go on to.
        assert a.agreed is not None
        assert a.agreed.connect == BOX
        return
    assert "a=msrp-cema" not in text
    assert a.agreed is None
    a.accept(setup(Negotiation(Side(BOB)).answer(text), "passive"))
    assert a.agreed is not None
    assert a.agreed.connect == ("192.0.2.2", 8493)


@pytest.mark.rule("6714 4.2-5")
def test_a_relay_without_a_middlebox() -> None:
    """RFC 6714 section 4.2: c= and m= are one of the path's; the path counts, no new offer is needed."""
    a = alice()
    assert a.accept(relayed(bob().answer(a.offer()))) is None
    assert a.agreed is not None
    assert a.agreed.connect == ("192.0.2.7", 2855)


@pytest.mark.rule("6714 4.3-2")
def test_an_active_offerer_behind_a_relay() -> None:
    """RFC 6714 section 4.3, criterion 2: the answer has no CEMA."""
    b = bob()
    answer = b.answer(relayed(alice(reachable=False).offer()))
    assert "a=msrp-cema" not in answer
    assert b.agreed is not None
    assert not b.agreed.cema


@pytest.mark.rule("6714 4.4-1")
@pytest.mark.parametrize(
    ("place", "known", "fits"),
    [
        ("c=IN IP4 192.0.2.1", {}, True),
        ("c=IN IP4 192.0.2.3", {}, False),
        ("c=IN IP4 a.example.com", {}, False),
        ("c=IN IP4 a.example.com", {"a.example.com": ["192.0.2.9", "192.0.2.1"]}, True),
        ("c=IN IP4 A.EXAMPLE.com", {"a.example.com": ["192.0.2.1"]}, True),
        ("c=IN IP6 2001:db8::1", {}, False),
        ("", {}, True),
    ],
)
def test_addresses_are_compared(place: str, known: dict[str, list[str]], fits: bool) -> None:
    """RFC 6714 section 4.4: names by what they resolve to, one match of several is enough."""
    text = Negotiation(Side(ALICE)).offer().replace("c=IN IP4 192.0.2.1", place)
    assert look(text).fits(known) == fits


@pytest.mark.rule("6714 4.4-2")
def test_ipv6_addresses_are_compared_as_such() -> None:
    text = Negotiation(Side("msrp://[2001:db8:0:0::1]:5/abcd;tcp")).offer()
    assert "c=IN IP6 2001:db8:0:0::1\r\n" in text
    assert look(text.replace("IP6 2001:db8:0:0::1", "IP6 2001:DB8::1")).fits({})
    assert not look(text.replace("IP6 2001:db8:0:0::1", "IP6 2001:DB8::2")).fits({})


def test_the_port_of_a_side_that_connects() -> None:
    """RFC 6135 section 4.2.2: its port says nothing, so a 9 is no middlebox."""
    text = alice(reachable=False).offer()
    assert look(text.replace("m=message 9", "m=message 7394")).fits({})
    assert not look(setup(text, "actpass").replace("m=message 9", "m=message 7394")).fits({})


def test_names_to_look_up() -> None:
    assert look(Negotiation(Side("msrp://Bob.example:5/abcd;tcp")).offer()).hosts() == {"bob.example"}
    assert look(Negotiation(Side(ALICE)).offer()).hosts() == frozenset()
