"""A sender leaves out what the other side has from an attempt before (docs/profile.md, section 7)."""

from __future__ import annotations

import pytest

from msrp_core import Frame
from msrp_peer.protocol.outgoing import Outgoing
from msrp_peer.terms.errors import UsageError
from msrp_peer.terms.limits import Limits
from support.by_hand import ByHand, content, statuses

SUCCESS, RESUMABLE = ("Success-Report", "yes"), ("Resumable", "yes")
BODY = bytes(range(256)) * 1000


def sending(*, resumable: bool = True, window: int = 4096) -> tuple[ByHand, Outgoing, list[Frame]]:
    """A file of which no more than the window is out; what is."""
    hand = ByHand(limits=Limits(chunk_alone=2048, window=window, unsent=8192))
    endpoint = hand.bind()
    outgoing = endpoint.send("a/b", len(BODY), success_report=True, resumable=resumable)
    outgoing.feed(BODY[:8192])
    return hand, outgoing, hand.hear()


def told(hand: ByHand, outgoing: Outgoing, byte_range: str, status: str = "000 200 OK") -> list[Frame]:
    fields = [("Message-ID", outgoing.message_id), ("Byte-Range", byte_range), ("Status", status)]
    return hand.say(hand.frame(fields, method="REPORT"))


def fed(hand: ByHand, outgoing: Outgoing, out: list[Frame]) -> list[Frame]:
    """The rest of it, as a reader feeds it, and what is out answered; what goes out then."""
    frames = hand.answer(*out)
    hand.answer(*frames)
    at = 8192
    while at < len(BODY):
        at += outgoing.leap()
        outgoing.feed(BODY[at : at + 4096])
        at += 4096
        heard = hand.hear()
        frames += heard
        while heard:
            heard = hand.answer(*heard)
            frames += heard
    outgoing.end()
    heard = hand.hear()
    while heard:
        frames += heard
        heard = hand.answer(*heard)
    return frames


def test_it_goes_on_behind_what_is_there() -> None:
    hand, outgoing, out = sending()
    assert [frame.header("Resumable") for frame in out] == ["yes", None], "it is said once"
    assert told(hand, outgoing, "1-100000/256000") == [], "no octet fed so far is wanted"
    assert outgoing.left_out == 100_000 - 4096
    frames = fed(hand, outgoing, out)
    assert frames[0].header("Byte-Range") == "100001-102048/256000"
    assert b"".join(frame.body for frame in frames) == BODY[100_000:]
    assert told(hand, outgoing, "1-256000/256000") == []
    assert outgoing.state == "delivered"


def test_within_what_is_fed_already() -> None:
    hand, outgoing, out = sending()
    told(hand, outgoing, "1-5000/256000")
    assert (outgoing.leap(), outgoing.left_out) == (0, 5000 - 4096)
    frames = fed(hand, outgoing, out)
    assert b"".join(frame.body for frame in frames) == BODY[5000:]
    assert told(hand, outgoing, "1-256000/256000") == []
    assert outgoing.state == "delivered"


def test_a_block_on_its_way_from_the_disk_is_passed_over() -> None:
    """It was read before the report came, and is fed after it."""
    hand, outgoing, out = sending()
    told(hand, outgoing, "1-100000/256000")
    outgoing.feed(BODY[8192:12_288])
    assert outgoing.leap() == 100_000 - 12_288
    outgoing.feed(BODY[100_000:104_096])
    (chunk, *_) = hand.answer(*out)
    assert (chunk.byte_range, chunk.body) == (chunk.byte_range, BODY[100_000:102_048])
    with pytest.raises(UsageError, match="longer than the size"):
        outgoing.feed(bytes(len(BODY)))


@pytest.mark.parametrize(
    "byte_range", ["1-256000/256000", "1-*/256000", "1-300000/256000", "2-100000/256000", "1-4096/256000"]
)
def test_what_leaves_nothing_out(byte_range: str) -> None:
    """All of it, more than that, not from the first on, or what is out already."""
    hand, outgoing, _ = sending()
    told(hand, outgoing, byte_range)
    assert (outgoing.left_out, outgoing.cut_octets) == (0, 4096)
    assert outgoing.state == "sending"


def test_who_did_not_say_that_it_can_goes_on_as_ever() -> None:
    hand, outgoing, out = sending(resumable=False)
    assert [frame.header("Resumable") for frame in out] == [None, None]
    told(hand, outgoing, "1-100000/256000")
    assert (outgoing.left_out, outgoing.cut_octets, outgoing.reported) == (0, 4096, 4096)


def test_a_failure_reported_leaves_nothing_out() -> None:
    hand, outgoing, _ = sending()
    told(hand, outgoing, "1-100000/256000", "000 413 refused")
    assert (outgoing.left_out, outgoing.state) == (0, "failed")


def test_a_report_behind_the_end_is_too_late() -> None:
    hand = ByHand()
    outgoing = hand.bind().send("a/b", 100, success_report=True, resumable=True)
    outgoing.feed(bytes(100))
    outgoing.end()
    hand.hear()
    told(hand, outgoing, "1-50/100")
    assert (outgoing.state, outgoing.left_out) == ("awaiting", 0)


# --- received -------------------------------------------------------------------------------


@pytest.mark.parametrize("knows", [True, False])
def test_who_has_a_part_says_so_and_reads_the_rest(*, knows: bool) -> None:
    """Whatever the sender makes of it: who does not look for it sends all, and nothing is read twice."""
    hand = ByHand()
    endpoint = hand.bind()
    hand.say(hand.chunk("msg1", BODY[:1000], 1, len(BODY), "+", RESUMABLE, SUCCESS))
    message = endpoint.inbox[0]
    assert message.resumable
    message.open()
    message.skip(100_000)
    (report,) = hand.hear()
    assert (report.method, report.header("Byte-Range")) == ("REPORT", "1-100000/256000")
    assert content(message) == b""
    start = 100_000 if knows else 1000
    hand.say(hand.chunk("msg1", BODY[start:150_000], start + 1, len(BODY), "+", SUCCESS))
    assert content(message) == BODY[100_000:150_000]
    hand.say(hand.chunk("msg1", BODY[150_000:], 150_001, len(BODY), "$", SUCCESS))
    assert content(message) == BODY[150_000:]
    assert message.state == "whole"
    message.confirm()
    assert [frame.header("Byte-Range") for frame in hand.hear()][-1] == "1-256000/256000"


def test_one_that_is_here_already_is_not_reported_in_between() -> None:
    hand = ByHand()
    endpoint = hand.bind()
    hand.say(hand.chunk("msg1", BODY[:1000], 1, 1000, "$", RESUMABLE, SUCCESS))
    message = endpoint.inbox[0]
    message.open()
    message.skip(600)
    assert hand.hear() == []
    assert content(message) == BODY[600:1000]


def test_a_sender_who_ends_before_what_is_here() -> None:
    hand = ByHand()
    endpoint = hand.bind()
    hand.say(hand.chunk("msg1", BODY[:1000], 1, len(BODY), "+", RESUMABLE, SUCCESS))
    message = endpoint.inbox[0]
    message.open()
    message.skip(100_000)
    hand.hear()
    assert statuses(hand.say(hand.chunk("msg1", BODY[1000:2000], 1001, len(BODY), "$", SUCCESS))) == [400]
    assert message.state == "refused"


@pytest.mark.parametrize("headers", [(SUCCESS,), (RESUMABLE,), (SUCCESS, ("Resumable", "maybe"))])
def test_who_is_not_told(headers: tuple[tuple[str, str], ...]) -> None:
    hand = ByHand()
    endpoint = hand.bind()
    hand.say(hand.chunk("msg1", BODY[:1000], 1, len(BODY), "+", *headers))
    assert not endpoint.inbox[0].resumable
