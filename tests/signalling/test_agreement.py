"""Any two sides come to a session both agree on, or one of them is told why not."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from msrp_core import Uri
from msrp_peer.signalling.agreement import NotAcceptable, Outcome, Refused, Side
from msrp_peer.signalling.file_attributes import FileRange, FileSelector, FileTransfer, transfer_id
from msrp_peer.signalling.media import Setup
from msrp_peer.signalling.offer_answer import Negotiation
from msrp_peer.signalling.sdp import SdpError
from msrp_peer.terms.content import Accepts
from msrp_peer.terms.fingerprints import PREFERENCE, Fingerprint

TYPES = ["text/plain", "text/*", "message/cpim", "image/png", "text/plain;charset=utf-8", "*"]
LENGTHS = dict(zip(PREFERENCE, (32, 64, 48, 28, 20), strict=True))


@st.composite
def fingerprints(draw: st.DrawFn) -> Fingerprint:
    name = draw(st.sampled_from(PREFERENCE))
    octets = draw(st.binary(min_size=LENGTHS[name], max_size=LENGTHS[name]))
    return Fingerprint(name, octets.hex(":").upper())


@st.composite
def files(draw: st.DrawFn) -> FileTransfer:
    selector = FileSelector(
        draw(st.text(min_size=1, max_size=20, alphabet=st.characters(exclude_categories=["Cs"]))),
        draw(st.integers(0, 10**12)),
        draw(st.sampled_from(["image/jpeg", 'text/plain;charset="utf-8"'])),
        {"sha-1": draw(st.binary(min_size=20, max_size=20))},
    )
    spans = st.builds(
        lambda start, more: FileRange(start, more and start + more), st.integers(1, 99), _OR_NONE
    )
    return FileTransfer(selector, transfer_id(), "attachment", draw(st.none() | spans))


_OR_NONE = st.none() | st.integers(1, 99)


@st.composite
def sides(draw: st.DrawFn, host: str, *, strict: bool = True) -> Side:
    """`strict`: some refuse whoever cannot be proved."""
    secure = draw(st.booleans())
    reachable = draw(st.booleans())
    port = draw(st.integers(1024, 65535)) if reachable else 9
    auth: Setup | None = draw(st.sampled_from([None, None, "active", "passive", "actpass"]))
    able = auth is not None and (reachable or auth != "passive")
    return Side(
        Uri.fresh(host, port, secure=secure).text,
        reachable=reachable,
        accepts=Accepts(tuple(draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True)))),
        wrapped=Accepts(tuple(draw(st.lists(st.sampled_from(TYPES), max_size=2, unique=True)))),
        maximum=draw(st.none() | st.integers(0, 10**18 - 1)),
        produces=Accepts(tuple(draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=3)))),
        direction=draw(st.sampled_from(["sendrecv", "sendrecv", "sendonly", "recvonly", "inactive"])),
        fingerprints=tuple(draw(st.lists(fingerprints(), max_size=2))) if secure else (),
        cema=draw(st.booleans()),
        auth=auth,
        proved=strict and able and draw(st.booleans()),
        file=draw(st.none() | files()),
    )


HOSTS = st.sampled_from(["a.example.com", "192.0.2.1", "2001:db8::1"])
OLD = st.lists(st.sampled_from(["a=setup", "a=msrp-cema", "a=file", "o=", "c=", "t="]), unique=True)


def aged(text: str, unknown: list[str]) -> str:
    """The text as a side would write it that does not know these lines."""
    return "".join(
        f"{line}\r\n" for line in text.split("\r\n") if line and not line.startswith(tuple(unknown))
    )


def agreement(alice: Negotiation, bob: Negotiation, unknown: tuple[list[str], list[str]]) -> bool:
    """One exchange; whether it ended well. Whatever else it raises fails the test."""
    text: str | None = alice.offer()
    for _ in range(2):
        try:
            answer = bob.answer(aged(text or "", unknown[0]))
        except (NotAcceptable, SdpError):
            alice.rejected()
            return False
        try:
            text = alice.accept(aged(answer, unknown[1]))
        except (NotAcceptable, Refused, SdpError):
            return False
        if text is None:
            return True
    raise AssertionError("a second new offer")


def check(alice: Outcome | None, bob: Outcome | None, *, roles: bool = True) -> None:
    """`roles`: whether both have said in which they are."""
    assert alice is not None
    assert bob is not None
    assert alice.auth == bob.auth or not roles
    assert alice.active != bob.active
    assert (alice.local, alice.remote) == (bob.remote, bob.local)
    assert alice.secure == bob.secure
    assert (alice.takes, alice.maximum) == (bob.peer_takes, bob.peer_maximum)
    assert (bob.takes, bob.maximum) == (alice.peer_takes, alice.peer_maximum)
    assert (alice.may_send, alice.may_receive) == (bob.may_receive, bob.may_send)
    active, passive = (alice, bob) if alice.active else (bob, alice)
    own = Uri.parse(passive.local)
    assert active.connect == (own.host, own.port)
    assert own.port != 9
    assert {one.hash for one in alice.fingerprints} <= {one.hash for one in alice.peer.fingerprints}
    assert len({one.hash for one in alice.fingerprints}) < 2


@given(HOSTS.flatmap(sides), HOSTS.flatmap(sides), st.tuples(OLD, OLD))
def test_any_two_sides(first: Side, second: Side, unknown: tuple[list[str], list[str]]) -> None:
    assume(first.path != second.path)
    alice, bob = Negotiation(first), Negotiation(second)
    if agreement(alice, bob, unknown):
        check(alice.agreed, bob.agreed, roles="a=setup" not in unknown[0] + unknown[1])
        for side, negotiation in ((first, alice), (second, bob)):
            assert negotiation.agreed is not None
            assert negotiation.agreed.auth or not side.proved
        assert (
            first.direction != "sendrecv"
            or second.direction == "sendrecv"
            or not (alice.agreed and alice.agreed.may_send and alice.agreed.may_receive)
        )
    else:
        assert alice.agreed is None or bob.agreed is None


@given(sides("a.example.com"), sides("b.example.com"), st.booleans())
def test_sides_that_fit_do_agree(first: Side, second: Side, first_reachable: bool) -> None:
    """No needless refusal: without the reasons there are for one there is a session."""
    anything = Accepts(("*",))
    first = replace(first, file=None, produces=anything, proved=False)
    second = replace(
        second,
        path=Uri.fresh("b.example.com", 2855, secure=first.uri.secure).text,
        reachable=True,
        fingerprints=first.fingerprints,
        file=None,
        produces=anything,
        proved=False,
    )
    one, other = (first, second) if first_reachable else (second, first)
    alice, bob = Negotiation(one), Negotiation(other)
    assert agreement(alice, bob, ([], []))
    check(alice.agreed, bob.agreed)


@given(
    sides("a.example.com", strict=False),
    sides("b.example.com", strict=False),
    st.lists(st.booleans(), max_size=4),
    st.data(),
)
def test_updates_from_either_side(first: Side, second: Side, turns: list[bool], data: st.DataObject) -> None:
    """RFC 4975 section 8.4: whoever offers, however often; what fails leaves all as it was."""
    alice, bob = Negotiation(first), Negotiation(second)
    assume(agreement(alice, bob, ([], [])))
    for theirs in turns:
        one, other = (bob, alice) if theirs else (alice, bob)
        before = one.agreed, other.agreed, one.side, other.side
        update = data.draw(sides("a.example.com", strict=False))
        assume(update.path != other.side.path)
        one.side = update
        if agreement(one, other, ([], [])):
            check(alice.agreed, bob.agreed)
        else:
            assert one.agreed == before[0]
            one.side = before[2]
            # An answer that was of no use is known to one side only: the signalling ends the session.
            assume(other.agreed == before[1])
            assert other.side == before[3]
