"""Answers to chunks that were cut together, against a model that knows of no batches."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_core import Frame, response
from msrp_peer.protocol.outgoing import Outgoing
from msrp_peer.terms.limits import Limits
from support.by_hand import ByHand

K = 1024
LIMITS = Limits(chunk_alone=2 * K, turn=16 * K, unanswered=40, window=61 * K)

Step = tuple[str, int, list[int]]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["send", "send", "answer", "answer", "answer", "refuse", "guess", "wait", "withdraw", "lose"]
        ),
        st.integers(0, 99 * K),
        st.lists(st.integers(0, 200), max_size=30),
    ),
    max_size=25,
)


class _Model:
    """What each SEND that went out is still owed, by its id."""

    def __init__(self) -> None:
        self.hand = ByHand(limits=LIMITS)
        self.endpoint = self.hand.bind()
        self.messages: dict[str, Outgoing] = {}
        self.sent: list[Frame] = []
        self.open: dict[str, tuple[str, int, float]] = {}
        self.acknowledged: Counter[str] = Counter()

    def heard(self, frames: list[Frame]) -> None:
        for frame in frames:
            if frame.method != "SEND" or frame.flag == "#":
                continue
            assert frame.transaction_id not in self.open
            self.sent.append(frame)
            late = self.hand.now + LIMITS.transaction
            self.open[frame.transaction_id] = (frame.message_id or "", frame.size, late)

    def answered(self, frame: Frame, status: int) -> None:
        message_id, size, _ = self.open.pop(frame.transaction_id, ("", 0, 0.0))
        if status == 200:
            self.acknowledged[message_id] += size

    def step(self, step: Step) -> None:
        what, number, which = step
        chosen = [self.sent[k % len(self.sent)] for k in which if self.sent]
        if what == "send" and not self.endpoint.closed:
            outgoing = self.endpoint.send("a/b", number)
            outgoing.feed(bytes(number))
            outgoing.end()
            self.messages[outgoing.message_id] = outgoing
            self.heard(self.hand.hear())
        elif what in ("answer", "refuse"):
            statuses = [
                413 if what == "refuse" and k == len(chosen) // 2 else 200 for k in range(len(chosen))
            ]
            pairs = list(zip(chosen, statuses, strict=True))
            for frame, status in pairs:
                self.answered(frame, status)
            self.heard(self.hand.say(b"".join(response(frame, status) for frame, status in pairs)))
        elif what == "guess":
            for frame in chosen:
                # A neighbour of an id that went out; it may be one that went out, too.
                guessed = "%016x" % ((int(frame.transaction_id, 16) + number % 100) % 2**64)
                octets = response(frame, 200).replace(frame.transaction_id.encode(), guessed.encode())
                hit = next((one for one in self.sent if one.transaction_id == guessed), None)
                if hit is not None:
                    self.answered(hit, 200)
                self.heard(self.hand.say(octets))
        elif what == "wait":
            seconds = number % 40 if number % 2 else LIMITS.transaction
            now = self.hand.now + seconds
            self.open = {tid: entry for tid, entry in self.open.items() if entry[2] > now}
            self.heard(self.hand.wait(seconds))
        elif what == "withdraw":
            for outgoing in list(self.messages.values())[:1]:
                outgoing.withdraw()
            self.heard(self.hand.hear())
        elif what == "lose" and number % 4 == 0:
            self.hand.connection.lost("it broke")
            self.open.clear()

    def check(self) -> None:
        transactions = self.hand.connection.transactions
        assert len(transactions) == len(self.open) <= LIMITS.unanswered
        owed = Counter(message_id for message_id, _, _ in self.open.values())
        for message_id, outgoing in self.messages.items():
            assert outgoing.acknowledged == self.acknowledged[message_id]
            if self.hand.connection.state == "open":
                assert outgoing._waiting == owed[message_id]
            # The last chunk begins inside the window.
            assert outgoing.cut_octets - outgoing.acknowledged < LIMITS.window + LIMITS.chunk_alone
            if outgoing.state == "delivered":
                assert outgoing.acknowledged == outgoing.cut_octets
        kept = transactions.batches
        if not self.open:
            assert (transactions._waiting, transactions._batched, transactions.next_timer()) == ({}, {}, None)
        assert not kept.confirmed(), "all was told"


@given(STEPS)
def test_each_answer_counts_once_whoever_gives_it(steps: list[Step]) -> None:
    """Doubled, guessed, late, in any order, some of them refusals, many in one read."""
    model = _Model()
    for step in steps:
        model.step(step)
        model.check()


@pytest.mark.parametrize("merged", [True, False], ids=["in one read", "one by one"])
def test_what_is_left_of_a_batch_is_late_together(merged: bool) -> None:
    model = _Model()
    model.step(("send", 16 * K, []))
    assert len(model.sent) == 8
    others = b"".join(response(frame, 200) for frame in model.sent[:5])
    model.hand.say(*([others] if merged else [response(frame, 200) for frame in model.sent[:5]]))
    (outgoing,) = model.messages.values()
    transactions = model.hand.connection.transactions
    assert (len(transactions), outgoing._waiting, outgoing.acknowledged) == (3, 3, 10 * K)
    model.hand.wait(LIMITS.transaction)
    model.hand.answer(*model.sent)  # too late
    assert (len(transactions), outgoing._waiting, outgoing.acknowledged) == (0, 0, 10 * K)
    assert (outgoing.state, outgoing.status) == ("failed", 408)


@pytest.mark.parametrize("merged", [True, False], ids=["in one read", "one by one"])
def test_of_a_batch_that_is_answered_nothing_is_kept(merged: bool) -> None:
    model = _Model()
    model.step(("send", 16 * K, []))
    answers = [response(frame, 200) for frame in model.sent]
    model.hand.say(*([b"".join(answers)] if merged else answers))
    transactions = model.hand.connection.transactions
    assert (len(transactions), transactions._batched, transactions._waiting) == (0, {}, {})
    assert transactions.next_timer() is None


def test_answers_wait_only_where_nothing_else_is_to_be_done() -> None:
    hand = ByHand(limits=Limits(unread=100))
    connection = hand.connection
    assert connection.patient
    endpoint = hand.bind()
    connection.arrived.append(endpoint)
    assert not connection.patient, "a session arrived"
    connection.arrived.clear()
    connection.receive(hand.chunk("msg1", b"x" * 90, 1, "*", "+"), hand.now)
    assert connection.patient, "whatever answers there are"
    assert not connection.stirred, "and whoever reads need not write them"
    message = endpoint.inbox[0]
    message.open()
    connection.receive(hand.chunk("msg1", b"x" * 90, 91, "*", "+"), hand.now)
    assert not connection.patient, "the network must not be read now"
    assert len(message.take() + message.take()) == 180
    assert connection.stirred
    assert connection.data_to_send(hand.now)
    assert connection.patient
    assert not connection.stirred
    outgoing = endpoint.send("a/b", 1)
    outgoing.feed(b"x")
    outgoing.end()
    assert not connection.patient, "a chunk is to be sent"
    assert connection.data_to_send(hand.now)
    assert connection.patient
    connection.close(hand.now)
    assert not connection.patient, "it ends"


def test_a_report_is_work_for_whoever_reads() -> None:
    hand = ByHand()
    endpoint = hand.bind()
    connection = hand.connection
    connection.receive(hand.chunk("msg1", b"x", 1, 1, "$", ("Success-Report", "yes")), hand.now)
    message = endpoint.inbox[0]
    message.open()
    assert message.take() == b"x"
    assert not connection.stirred
    message.confirm()
    assert connection.stirred
