"""Whoever is slow holds back whoever is fast, and nobody's memory grows with a message."""

from __future__ import annotations

import tempfile

import pytest

from msrp_core import Frame, request
from msrp_peer.protocol.budget import Budget
from msrp_peer.protocol.endpoint import Endpoint
from msrp_peer.terms.limits import Limits
from support.actors import Reader, Sender
from support.by_hand import ByHand, Rung, content, statuses
from support.pair import Pair

K = 1024


def begin(limits: Limits | None = None) -> tuple[ByHand, Endpoint]:
    hand = ByHand(limits=limits)
    return hand, hand.bind()


def test_a_reader_behind_stops_the_reading() -> None:
    hand, endpoint = begin(Limits(unread=10_000))
    hand.say(hand.chunk("msg1", b"x" * 6000, 1, "*", "+"))
    message = endpoint.inbox[0]
    message.open()
    assert not hand.connection.paused
    hand.say(hand.chunk("msg1", b"x" * 6000, 6001, "*", "+"))
    assert hand.connection.paused
    bell = hand.connection.bell = Rung()
    assert len(message.take()) == 6000
    assert hand.connection.paused, "until a quarter is left"
    assert not bell.times
    assert len(message.take()) == 6000
    assert not hand.connection.paused
    assert bell.times


def test_readers_count_together_and_the_unread_do_not() -> None:
    hand, endpoint = begin(Limits(unread=1000))
    for name in ("msg1", "msg2", "msg3"):
        hand.say(hand.chunk(name, b"x" * 600, 1, "*", "+"))
    one, two, _ = endpoint.inbox
    one.open()
    one.open()
    assert not hand.connection.paused
    two.open()
    assert hand.connection.paused


@pytest.mark.parametrize("how", ["refuse", "drop"])
@pytest.mark.parametrize("flag", ["+", "$", "#"])
def test_credit_comes_back_from_what_nobody_reads_on(how: str, flag: str) -> None:
    hand, endpoint = begin(Limits(unread=1000))
    for i in range(10):
        name = f"msg{i}"
        hand.say(hand.chunk(name, b"x" * 2000, 1, "*", flag))
        message = endpoint.inbox.popleft()
        message.open()
        assert hand.connection.paused
        message.refuse(413) if how == "refuse" else message.drop()
        assert not hand.connection.paused
        assert message.take() == b""
        message.drop()
        if flag == "+":
            hand.say(hand.chunk(name, b"x" * 2000, 2001))
        assert not hand.connection.paused


def test_a_connection_that_ends_is_read_to_its_end() -> None:
    hand, endpoint = begin(Limits(unread=1000))
    hand.say(hand.chunk("msg1", b"x" * 2000, 1, "*", "+"))
    endpoint.inbox[0].open()
    assert hand.connection.paused
    hand.connection.close(hand.now)
    assert not hand.connection.paused, "or its end would never be seen"


def test_an_unread_message_goes_to_a_file_and_comes_back() -> None:
    hand, endpoint = begin(Limits(unopened=1000))
    body = bytes(range(256)) * 40
    for at in range(0, len(body), 512):
        flag = "$" if at + 512 == len(body) else "+"
        assert statuses(hand.say(hand.chunk("msg1", body[at : at + 512], at + 1, "*", flag))) == [200]
    message = endpoint.inbox[0]
    assert message.spilled == len(body) - 512
    assert not hand.connection.paused
    assert content(message) == body
    assert message.spilled == 0


def test_a_message_read_while_it_is_written_to_its_file() -> None:
    hand, endpoint = begin(Limits(unopened=1000))
    body = bytes(range(256)) * 40
    heard = b""
    for at in range(0, len(body), 512):
        flag = "$" if at + 512 == len(body) else "+"
        hand.say(hand.chunk("msg1", body[at : at + 512], at + 1, "*", flag))
        if at % 2048 == 0 and at > 4000:
            endpoint.inbox[0].open()
            heard += endpoint.inbox[0].take()
    assert heard + content(endpoint.inbox[0]) == body
    assert not hand.connection.paused


def test_the_file_has_a_limit() -> None:
    hand, endpoint = begin(Limits(unopened=1000, spill=3000))
    answers = [
        hand.say(hand.chunk("msg1", b"x" * 1000, 1 + at, "*", "+"))[0].status for at in range(0, 6000, 1000)
    ]
    assert answers == [200, 200, 200, 200, 413, 413]
    (message,) = endpoint.inbox
    assert len(content(message)) == 4000, "what came stays"
    assert "no room" in message.reason


def test_files_have_a_number() -> None:
    hand, endpoint = begin(Limits(unopened=1000, spills=2))
    answers = [hand.say(hand.chunk(f"msg{i}", b"x" * 2000, 1, 2000))[0].status for i in range(3)]
    assert answers == [200, 200, 413]
    content(endpoint.inbox.popleft())
    assert statuses(hand.say(hand.chunk("msg4", b"x" * 2000, 1, 2000))) == [200]


def test_a_disk_that_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    hand, endpoint = begin(Limits(unopened=1000))
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    first = hand.say(hand.chunk("msg1", b"x" * 900, 1, "*", "+"))
    second = hand.say(hand.chunk("msg1", b"x" * 900, 901, "*", "+"))
    assert statuses(first + second) == [200, 413]
    (message,) = endpoint.inbox
    assert len(content(message)) == 900
    assert "No space left on device" in message.reason
    assert statuses(hand.say(hand.chunk("msg2", b"x"))) == [200]


def test_what_is_read_while_it_arrives_goes_to_no_file() -> None:
    """Once somebody reads, a temporary file is emptied and grows no more."""
    hand, endpoint = begin(Limits(unopened=1000, unread=2000))
    hand.say(hand.chunk("msg1", b"a" * 5000, 1, "*", "+"))
    message = endpoint.inbox[0]
    assert message.spilled == 5000
    message.open()
    hand.say(hand.chunk("msg1", b"b" * 500, 5001, "*", "+"))
    assert message.spilled == 5000
    heard = b""
    while block := message.take():
        heard += block
    assert heard == b"a" * 5000 + b"b" * 500
    hand.say(hand.chunk("msg1", b"c" * 5000, 5501, "*", "+"))
    assert message.spilled == 0
    assert message.take() == b"c" * 5000


def test_one_budget_for_all_of_a_listener() -> None:
    limits = Limits(memory=6000)  # a message takes a little more than 2,048 octets before its first
    budget = Budget(limits)
    hands = [ByHand(limits=limits, budget=budget) for _ in range(2)]
    endpoints = [hand.bind() for hand in hands]
    assert statuses(hands[0].say(hands[0].chunk("msg1", b"x" * 2000, 1, 2000))) == [200]
    assert statuses(hands[1].say(hands[1].chunk("msg2", b"x" * 2000, 1, 2000))) == [413]
    message = endpoints[0].inbox.popleft()
    message.open()
    message.take()
    assert statuses(hands[1].say(hands[1].chunk("msg3", b"x" * 2000, 1, 2000))) == [200]


def test_answers_nobody_reads_stop_the_reading() -> None:
    hand, _ = begin(Limits(owed=300))
    asked = request("FOO", hand.to, hand.own)[1]
    said = 0
    while not hand.connection.paused:
        hand.connection.receive(asked, hand.now)
        said += 1
        assert said < 10
    heard = hand.hear()
    assert statuses(heard) == [501] * said
    assert not hand.connection.paused


@pytest.mark.rule("4975 7.1.1-24")
def test_answers_go_before_chunks() -> None:
    hand, endpoint = begin()
    outgoing = endpoint.send("a/b", None)
    outgoing.feed(b"x" * 200 * K)
    asked = request("FOO", hand.to, hand.own)[1]
    hand.connection.receive(asked + asked, hand.now)
    first = hand.connection.data_to_send(hand.now)
    frames = list(hand.parser.feed(b"".join(first)))
    assert [getattr(f, "status", None) for f in frames] == [501, 501, None]


def test_answers_are_gathered() -> None:
    hand, _ = begin()
    hand.connection.receive(b"".join(hand.chunk(f"msg{i}", b"x") for i in range(50)), hand.now)
    (octets,) = [b"".join(data) for data in iter(lambda: hand.connection.data_to_send(hand.now), [])]
    assert octets.count(b" 200 OK\r\n") == 50


class TestNobodyReads:
    """The sender of a message that nobody reads goes slowly, and nothing else does (decision 70)."""

    LIMITS = Limits(
        unopened=1000, unhurried=10_000, delay=10.0, reported=5000, window=16_000, chunk_in_company=1000
    )

    def long_message(self, chunks: int = 20) -> tuple[ByHand, Endpoint, list[Frame]]:
        hand, endpoint = begin(self.LIMITS)
        heard: list[Frame] = []
        asking = ("Success-Report", "yes")
        for at in range(0, chunks * 1000, 1000):
            heard += hand.say(hand.chunk("msg1", b"x" * 1000, 1 + at, "*", "+", asking))
        return hand, endpoint, heard

    def test_its_answers_wait_the_longer_the_more_is_here(self) -> None:
        hand, endpoint, heard = self.long_message()
        assert statuses(heard) == [200] * 10, "the first come at once"
        assert not hand.connection.paused
        waits = []
        while len(waits) < 10:
            due = hand.connection.next_timer()
            assert due is not None
            waits += [round(due, 1)] * len(hand.wait(due - hand.now))
        assert waits == [float(i) for i in range(1, 11)]
        assert endpoint.inbox[0].state == "arriving"

    def test_other_messages_do_not_wait(self) -> None:
        hand, _, _ = self.long_message()
        assert statuses(hand.say(hand.chunk("msg2", b"hello"))) == [200]

    def test_reading_lets_it_go_and_says_so(self) -> None:
        hand, endpoint, _ = self.long_message()
        message = endpoint.inbox[0]
        message.open()
        assert statuses(hand.hear()) == [200] * 10
        while message.take():
            pass
        (report,) = hand.hear()
        assert report.method == "REPORT"
        assert report.byte_range is not None
        assert (report.byte_range.start, report.byte_range.end) == (1, 1000), "soon, as the sender has waited"
        assert statuses(hand.say(hand.chunk("msg1", b"x" * 1000, 20_001, "*", "+"))) == [200]

    @pytest.mark.parametrize("how", ["refused", "given up", "whole", "left"])
    def test_its_end_lets_it_go(self, how: str) -> None:
        hand, endpoint, _ = self.long_message()
        if how == "refused":
            endpoint.inbox[0].refuse(403)
            heard = hand.hear()
        elif how == "left":
            hand.connection.leave(endpoint, hand.now)
            heard = [frame for frame in hand.hear() if frame.status is not None]
        else:
            heard = hand.say(hand.chunk("msg1", b"x", 20_001, "*", "#" if how == "given up" else "$"))
        assert statuses(heard)[:10] == [200] * 10
        assert hand.connection.inbound.later.next_timer() is None

    def test_a_sender_that_does_not_care_is_answered(self) -> None:
        """What waits is bounded, too."""
        *_, heard = self.long_message(chunks=60)
        assert len(heard) == 60 - 16

    def test_a_sender_of_ours_may_be_kept_waiting_for_as_long_as_anybody_thinks(self) -> None:
        """A message ten times as long as what may be kept; somebody looks at it after ten minutes."""
        limits = Limits(
            window=20_000,
            chunk_alone=2000,
            chunk_in_company=2000,
            unsent=4000,
            unopened=1000,
            unhurried=20_000,
            spill=2_000_000,
        )
        pair = Pair(limits=limits)
        near, far = pair.meet()
        body = bytes(range(256)) * 80_000
        sender = Sender(near.send("a/b", len(body)), body, 2000)
        while pair.now < 600:
            pair.run()
            while sender.ready:
                sender.act()
                pair.run()
            due = min(at for side in (pair.left, pair.right) if (at := side.next_timer()) is not None)
            pair.now = max(due, pair.now + 0.001)
            for side in (pair.left, pair.right):
                side.handle_timer(pair.now)
        (message,) = far.inbox
        assert message.state == "arriving"
        assert sender.outgoing.state == "sending", sender.outgoing.reason
        assert 1_000_000 < message.received < 2_000_000
        reader = Reader(message, "read", 0)
        while not (reader.done and sender.done):
            for actor in (sender, reader):
                if not actor.done:
                    actor.act()
            pair.run()
        assert reader.came == body
        assert sender.outgoing.state == "delivered"
