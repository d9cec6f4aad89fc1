"""The short way and the long way come to the same: the same answers, the same messages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_peer.protocol.endpoint import Endpoint
from msrp_peer.protocol.short import Short
from msrp_peer.terms.limits import Limits
from support.by_hand import ByHand, content, statuses

IDS = st.sampled_from(["msg1", "msg2", "msg3"])
REPORTS = [(), (("Success-Report", "yes"),), (("Failure-Report", "no"),), (("Failure-Report", "partial"),)]


@pytest.fixture(autouse=True, scope="module")
def way() -> Iterator[None]:
    """Both are in each test here."""
    yield
    Short.on = True


def begin(*, short: bool, limits: Limits | None = None) -> tuple[ByHand, Endpoint]:
    Short.on = short
    hand = ByHand(limits=limits)
    hand.own, hand.to = "msrps://127.0.0.1:9/theirs;tcp", "msrps://127.0.0.1:8/ours;tcp"
    connection = hand.connection
    return hand, connection.bind(hand.to, hand.own, connection.terms.accepts, None)


@st.composite
def said(draw: st.DrawFn) -> list[tuple[str, object]]:
    """What the other side says, and what is done here between its reads."""
    steps: list[tuple[str, object]] = []
    places: dict[str, int] = {}
    for number in range(draw(st.integers(1, 12))):
        what = draw(st.sampled_from(["whole", "whole", "chunk", "chunk", "chunk", "any", "do"]))
        message_id = draw(IDS)
        body = draw(st.binary(max_size=40)) * draw(st.sampled_from([1, 1, 60]))
        if what == "do":
            steps.append((draw(st.sampled_from(["open", "take", "refuse", "drop", "timer"])), 0))
            continue
        if what == "whole":
            message_id, start, total, flag = f"whole{number}", 1, len(body), "$"
        elif what == "chunk":  # where the last one ended
            start, total, flag = places.get(message_id, 1), "*", draw(st.sampled_from("+++$#"))
        else:
            start, total, flag = (
                draw(st.integers(1, 50)),
                draw(st.sampled_from(["*", 5000])),
                draw(st.sampled_from("+$#")),
            )
        places[message_id] = start + len(body)
        headers = draw(st.sampled_from([(), (), (), *REPORTS]))
        steps.append(("say", (message_id, body, start, total, flag, headers, f"transaction{number}")))
    return steps


def play(short: bool, steps: list[tuple[str, object]], size: int, limits: Limits) -> list[object]:
    """All that can be seen of it from outside."""
    hand, endpoint = begin(short=short, limits=limits)
    heard: list[tuple[str | None, str, int | None]] = []
    messages = []
    pending = b""
    for what, detail in [*steps, ("", 0)]:
        if what == "say":
            message_id, body, start, total, flag, headers, tid = detail  # type: ignore[misc]
            pending += hand.chunk(message_id, body, start, total, flag, *headers, transaction_id=tid)
            continue
        for frame in hand.say(*(pending[i : i + size] for i in range(0, len(pending), size))):
            key = (
                frame.transaction_id if frame.status is not None else f"{frame.message_id}{frame.byte_range}"
            )
            heard.append((frame.method, key, frame.status))
        pending = b""
        while endpoint.inbox:
            messages.append(endpoint.inbox.popleft())
        if what == "timer":
            hand.wait(1.0)
        for message in messages[-1:]:
            if what == "open":
                message.open()
            elif what == "take":
                message.take()
            elif what == "refuse":
                message.refuse(403)
            elif what == "drop":
                message.dropped = True
    return [
        sorted(heard, key=repr),
        [(m.message_id, m.state, m.received, m.total, m.duplicate, m.refusal, content(m)) for m in messages],
        hand.connection.state,
        hand.connection.budget.memory,
    ]


@given(
    said(),
    st.sampled_from([1 << 20, 1000, 150, 37, 1]),
    st.sampled_from(
        [Limits(), Limits(message=100), Limits(unopened=50), Limits(memory=6000), Limits(inbox=2)]
    ),
)
def test_both_ways_come_to_the_same(steps: list[tuple[str, object]], size: int, limits: Limits) -> None:
    assert play(True, steps, size, limits) == play(False, steps, size, limits)


@pytest.mark.parametrize("short", [True, False])
def test_messages_cut_by_the_end_of_the_line_stay_readable(short: bool) -> None:
    hand, endpoint = begin(short=short)
    hand.say(hand.chunk("msg1", b"first", 1, 5))
    hand.say(hand.chunk("msg2", b"x" * 50, 1, 50)[:-30])
    hand.connection.ended(hand.now)
    one, two = endpoint.inbox
    assert (one.state, content(one)) == ("whole", b"first")
    assert two.state == "cut"
    assert content(two)[:40] == b"x" * 40


@pytest.mark.parametrize("short", [True, False])
def test_what_came_before_a_fault_counts(short: bool) -> None:
    hand, endpoint = begin(short=short)
    hand.say(hand.chunk("msg1", b"first", 1, 5) + b"nonsense\r\n")
    assert hand.connection.state == "closed"
    (message,) = endpoint.inbox
    assert content(message) == b"first"


def test_room_is_given_back() -> None:
    hand, endpoint = begin(short=True)
    before = hand.connection.budget.memory
    hand.say(
        hand.chunk("msg1", b"first", 1, 5), *(hand.chunk(f"msg{i}", b"first", 1, 5) for i in range(2, 9))
    )
    assert hand.connection.budget.memory < before
    for message in [endpoint.inbox.next() for _ in range(4)]:
        del message
    endpoint.inbox.settle()
    between = hand.connection.budget.memory
    assert between < before
    endpoint.close(None)
    budget = hand.connection.budget
    del hand, endpoint
    import gc

    gc.collect()
    assert budget.memory == before


def test_the_next_message_of_a_kind_goes_the_short_way() -> None:
    """Or everything here would hold because nothing ever does."""
    hand, endpoint = begin(short=True)
    assert statuses(hand.say(*(hand.chunk(f"msg{i}", b"x", 1, 1) for i in range(3)))) == [200] * 3
    assert len(endpoint.inbox.begun()) == 1
    assert len(endpoint.inbox) == 3


@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["whole", "chunk", "asks", "again"])), max_size=60),
    st.sampled_from([1 << 20, 1000, 150]),
    st.sampled_from([Limits(), Limits(inbox=2), Limits(unopened=50), Limits(memory=9000)]),
)
def test_many_sessions_do_not_mix(steps: list[tuple[int, str]], size: int, limits: Limits) -> None:
    """Whoever's frame goes the long way, what the others may bring is as it would be without."""
    seen = []
    for short in (True, False):
        Short.on = short
        hand = ByHand(limits=limits)
        connection = hand.connection
        pairs = [(f"msrps://127.0.0.1:8/ours{i};tcp", f"msrps://127.0.0.1:9/theirs{i};tcp") for i in range(6)]
        ends = [connection.bind(*pair, connection.terms.accepts, None) for pair in pairs]
        octets = b""
        places = [1] * 6
        for number, (i, what) in enumerate(steps):
            hand.to, hand.own = pairs[i]
            tid = f"transaction{number}"
            if what == "chunk":
                octets += hand.chunk(f"long{i}", b"x" * 20, places[i], "*", "+", transaction_id=tid)
                places[i] += 20
                continue
            headers = [("Success-Report", "yes")] if what == "asks" else []
            name = "again" if what == "again" else f"msg{number}"
            octets += hand.chunk(name, b"hello", 1, 5, "$", *headers, transaction_id=tid)
        heard = hand.say(*(octets[i : i + size] for i in range(0, len(octets), size)))
        answers = sorted((frame.transaction_id, frame.status) for frame in heard)
        inboxes = [[(m.message_id, m.state, m.duplicate, content(m)) for m in end.inbox] for end in ends]
        seen.append((answers, inboxes, connection.budget.memory))
    assert seen[0] == seen[1]
