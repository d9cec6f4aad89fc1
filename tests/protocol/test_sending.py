"""Messages on their way out: cut into chunks, in turn, up to the window, withdrawn, refused."""

from __future__ import annotations

import pytest

from msrp_core import Frame, response
from msrp_peer.protocol.endpoint import Endpoint
from msrp_peer.protocol.outgoing import Outgoing
from msrp_peer.terms.errors import NotDelivered, UsageError
from msrp_peer.terms.limits import Limits
from support.by_hand import ByHand, Rung

K = 1024
PLAIN = "text/plain"


def begin(limits: Limits | None = None, *headers: tuple[str, str]) -> tuple[ByHand, Endpoint]:
    hand = ByHand(limits=limits)
    return hand, hand.bind(*headers)


def full(endpoint: Endpoint, body: bytes, total: int | None = None) -> Outgoing:
    """A message with all its octets fed."""
    outgoing = endpoint.send(PLAIN, total)
    outgoing.feed(body)
    outgoing.end()
    return outgoing


def ranges(frames: list[Frame]) -> list[str]:
    return [f"{frame.header('Byte-Range')}{frame.flag}" for frame in frames]


@pytest.mark.rule("4975 7.1-3 7.1-14 7.1.1-12 7.1.1-14 10-1")
def test_a_short_message_is_one_send() -> None:
    hand, endpoint = begin()
    outgoing = full(endpoint, b"hello", 5)
    assert outgoing.state == "queued"
    (frame,) = hand.hear()
    assert (frame.method, frame.to_path, frame.from_path) == ("SEND", hand.own, hand.to)
    assert frame.message_id == outgoing.message_id
    assert ranges([frame]) == ["1-5/5$"]
    assert (frame.content_type, bytes(frame)) == (PLAIN, b"hello")
    assert outgoing.state == "awaiting"
    assert not outgoing.over
    hand.answer(frame)
    assert outgoing.state == "delivered"
    assert outgoing.over
    assert outgoing.acknowledged == 5


def test_no_empty_chunk_ends_a_message_of_known_size() -> None:
    """Its last octets wait for `end`: an empty chunk behind them would say 5001-5000/5000."""
    hand, endpoint = begin()
    outgoing = endpoint.send(PLAIN, 5000)
    outgoing.feed(b"x" * 3000)
    heard = hand.hear()
    outgoing.feed(b"x" * 2000)
    heard += hand.hear()
    outgoing.end()
    heard += hand.hear()
    assert ranges(heard) == ["1-*/5000+", "3001-5000/5000$"]


def test_who_has_fed_all_need_not_wait_to_end_it() -> None:
    """However much is held: nothing more of it would go, and ring, before the end."""
    _, endpoint = begin(Limits(unsent=1000))
    outgoing = endpoint.send(PLAIN, 5000)
    outgoing.feed(b"x" * 5000)
    assert outgoing.wants()
    outgoing.feed(b"")
    outgoing.end()
    assert not outgoing.wants()


@pytest.mark.rule("4975 7.1.1-18")
def test_an_empty_message() -> None:
    hand, endpoint = begin()
    outgoing = endpoint.send(PLAIN, 0)
    outgoing.end()
    (frame,) = hand.hear()
    assert ranges([frame]) == ["1-0/0$"]
    assert frame.has_body
    hand.answer(frame)
    assert outgoing.state == "delivered"


@pytest.mark.rule(
    "4975 7.1-14 7.1-16 7.1.1-9 7.1.1-13 7.1.1-14 7.1.1-15 7.1.1-16 7.1.1-17",
    "4975 7.1.1-19 7.1.1-20 7.1.1-23",
)
def test_chunks_of_a_message_alone() -> None:
    hand, endpoint = begin()
    body = bytes(range(256)) * 600
    full(endpoint, body, len(body))
    frames = hand.hear()
    # Longer than 2,048 octets: open to interruption, and saying so (RFC 4975 section 7.1.1).
    assert ranges(frames) == ["1-*/153600+", "65537-*/153600+", "131073-153600/153600$"]
    assert len({frame.transaction_id for frame in frames}) == 3
    assert b"".join(bytes(frame) for frame in frames) == body


@pytest.mark.rule("4975 7.1-14 7.1-16 7.1.1-15 7.1.1-16 7.1.1-22")
def test_a_message_of_unknown_length_says_so_until_its_end() -> None:
    hand, endpoint = begin()
    outgoing = endpoint.send(PLAIN, None)
    outgoing.feed(b"x" * 64 * K)
    first = hand.hear()
    outgoing.feed(b"y" * 2047)
    assert hand.hear() == [], "less than 2,048 octets are for the end alone"
    outgoing.feed(b"y")
    second = hand.hear()
    outgoing.feed(b"z")
    outgoing.end([("Content-Digest", "later")])
    third = hand.hear()
    assert ranges(first + second + third) == ["1-*/*+", "65537-67584/*+", "67585-67585/67585$"]
    assert [f.header("Content-Digest") for f in first + second + third] == [None, None, "later"]


def test_a_message_whose_end_comes_late_ends_with_an_empty_chunk() -> None:
    hand, endpoint = begin()
    outgoing = endpoint.send(PLAIN, None)
    outgoing.feed(b"x" * 4 * K)
    first = hand.hear()
    outgoing.end()
    assert ranges(first + hand.hear()) == ["1-*/*+", "4097-4096/4096$"]


@pytest.mark.rule("4975 7.1.1-20 7.1.1-23")
def test_messages_take_turns_and_a_chat_line_need_not_wait() -> None:
    hand, endpoint = begin(Limits(turn=1))  # one chunk a turn, as on a slow line
    file, other = full(endpoint, b"f" * 100 * K, 100 * K), full(endpoint, b"o" * 6 * K, 6 * K)

    def turn() -> list[Frame]:
        return [
            e for e in hand.parser.feed(b"".join(hand.connection.data_to_send(0))) if isinstance(e, Frame)
        ]

    heard = turn() + turn()
    line = full(endpoint, b"hi", 2)
    while frames := turn():
        heard += frames
    by = {file.message_id: "f", other.message_id: "o", line.message_id: "hi"}
    order = [(by[f.message_id or ""], len(f)) for f in heard]
    assert order[:8] == [
        ("f", 2048),
        ("o", 2048),
        ("f", 2048),
        ("o", 2048),
        ("hi", 2),
        ("f", 2048),
        ("o", 2048),
        ("f", 64 * K),
    ]
    assert ranges(heard)[0] == "1-2048/102400+", "in company a chunk says exactly where it ends"
    for message, size in ((file, 100 * K), (other, 6 * K)):
        assert sum(len(f) for f in heard if f.message_id == message.message_id) == size


@pytest.mark.rule("4975 7.1.1-27")
def test_the_first_chunk_alone_names_the_file() -> None:
    hand, endpoint = begin()
    outgoing = endpoint.send(PLAIN, 70 * K, [("Content-Disposition", "attachment")])
    outgoing.feed(b"x" * 70 * K)
    outgoing.end()
    assert [f.header("Content-Disposition") for f in hand.hear()] == ["attachment", None]


@pytest.mark.rule("4975 7.1-15")
def test_withdrawn_in_the_middle() -> None:
    hand, endpoint = begin()
    outgoing = endpoint.send(PLAIN, 200 * K)
    outgoing.feed(b"x" * 64 * K)
    frames = hand.hear()
    outgoing.feed(b"x" * 64 * K)
    outgoing.withdraw()
    assert outgoing.state == "withdrawn"
    assert not outgoing.wants()
    notice = hand.hear()
    assert ranges(frames + notice) == ["1-*/204800+", "65537-65536/204800#"]
    assert notice[0].message_id == outgoing.message_id
    assert hand.answer(*frames, *notice) == []
    assert outgoing.state == "withdrawn"


def test_withdrawn_before_it_began_or_after_it_ended() -> None:
    hand, endpoint = begin()
    early, late = full(endpoint, b"early"), full(endpoint, b"late")
    early.withdraw()
    frames = hand.hear()
    assert [f.message_id for f in frames] == [late.message_id]
    late.withdraw()
    assert hand.hear() == []
    hand.answer(*frames)
    assert (early.state, late.state) == ("withdrawn", "delivered")


@pytest.mark.parametrize("status", [400, 403, 408, 413, 415, 423, 481, 501, 506, 999, 0])
@pytest.mark.rule("4975 7.3.2-3 10-3 10-4 10-5 10-6")
def test_refused_between_chunks_the_rest_is_given_up(status: int) -> None:
    hand, endpoint = begin()
    outgoing = endpoint.send(PLAIN, 200 * K)
    outgoing.feed(b"x" * 128 * K)
    first, second = hand.hear()
    notice = hand.answer(first, status=status)
    assert outgoing.state == "failed"
    assert outgoing.status == status
    assert outgoing.reason
    assert ranges(notice) == ["131073-131072/204800#"], "whoever has a part is told"
    hand.answer(second, status=status)
    outgoing.feed(b"x")
    assert hand.hear() == []


def test_refused_when_all_is_out_there_is_nothing_to_give_up() -> None:
    hand, endpoint = begin()
    outgoing = full(endpoint, b"hello")
    assert hand.answer(*hand.hear(), status=415) == []
    assert (outgoing.state, outgoing.status) == ("failed", 415)


@pytest.mark.rule("4975 10-1")
def test_delivered_only_when_every_chunk_is() -> None:
    hand, endpoint = begin()
    outgoing = full(endpoint, b"x" * 150 * K, 150 * K)
    frames = hand.hear()
    hand.answer(frames[2], frames[0])
    assert outgoing.state == "awaiting"
    hand.answer(frames[1])
    assert outgoing.state == "delivered"


def test_late_doubled_and_unknown_responses_are_ignored() -> None:
    hand, endpoint = begin()
    outgoing = full(endpoint, b"x" * 100 * K)
    first, second = hand.hear()
    hand.answer(first, first, first)
    assert outgoing.state == "awaiting"
    assert outgoing.acknowledged == 64 * K
    unknown = hand.frame([("Message-ID", "none")], transaction_id="neverasked")
    (stranger,) = [e for e in hand.parser.feed(unknown) if isinstance(e, Frame)]
    hand.answer(stranger, status=500)
    hand.answer(second)
    hand.answer(second, status=413)
    assert outgoing.state == "delivered"
    assert hand.connection.state == "open"


def test_the_window() -> None:
    hand, endpoint = begin(Limits(window=128 * K))
    outgoing = endpoint.send(PLAIN, None)
    outgoing.feed(b"x" * 256 * K)
    frames = hand.hear()
    assert len(frames) == 2, "128 KiB may be under way"
    (third,) = hand.answer(frames[0])
    assert ranges([third]) == ["131073-*/*+"]
    outgoing.end()
    assert ranges(hand.answer(frames[1])) == ["196609-262144/262144$"]
    full(endpoint, b"x" * 256 * K)
    assert len(hand.hear()) == 2, "of one that is fed to its end, too"


def test_the_window_is_two_mib() -> None:
    hand, endpoint = begin()
    outgoing = endpoint.send(PLAIN, None)
    sent = 0
    for _ in range(40):
        outgoing.feed(b"x" * 256 * K)
        sent += sum(len(frame) for frame in hand.hear())
    assert sent == 2 * K * K


def test_a_sender_waits_while_much_is_held() -> None:
    hand, endpoint = begin()
    outgoing = endpoint.send(PLAIN, None)
    bell = outgoing.bell = Rung()
    assert outgoing.wants()
    outgoing.feed(b"x" * 256 * K)
    assert not outgoing.wants()
    hand.hear()
    assert outgoing.wants()
    assert bell.times
    outgoing.end()
    assert not outgoing.wants()


def test_a_size_is_a_promise() -> None:
    hand, endpoint = begin()
    outgoing = endpoint.send(PLAIN, 5)
    outgoing.feed(memoryview(b"ab"))
    with pytest.raises(UsageError, match="longer than the size"):
        outgoing.feed(b"cdef")
    with pytest.raises(UsageError, match="shorter than the size"):
        outgoing.end()
    outgoing.feed(b"cde")
    outgoing.end()
    assert [bytes(frame) for frame in hand.hear()] == [b"abcde"]


@pytest.mark.rule("4975 8.6-8 8.6-10")
def test_what_the_other_side_does_not_take() -> None:
    hand, endpoint = begin(None, ("Max-Size", "10"))
    with pytest.raises(NotDelivered, match="at most 10 octets a message, not 11"):
        endpoint.send(PLAIN, 11)
    endpoint.send(PLAIN, 10)
    endpoint.send(PLAIN, None)
    hand = ByHand()
    granted = hand.ask(("Accept-Types", "text/html"))
    hand.to = granted.header("Use-Path") or ""
    hand.say(hand.frame([("Message-ID", "msg1")]))
    narrow = hand.connection.arrived.popleft()
    with pytest.raises(NotDelivered, match="does not take text/plain"):
        narrow.send("text/plain;charset=utf-8", 1)


def test_sent_into_a_session_that_is_over() -> None:
    hand, endpoint = begin()
    hand.connection.lost("the cable was cut")
    outgoing = full(endpoint, b"hello")
    assert (outgoing.state, outgoing.reason) == ("failed", "the cable was cut")
    assert hand.hear() == []


# --- many chunks in one go ------------------------------------------------------------------


def cut(limits: Limits, size: int, total: int | None, *, first: bool, last: bool) -> list[list[str]]:
    """What goes out in each turn while everything is answered at once."""
    hand, endpoint = begin(limits)
    headers = [("Content-Disposition", "attachment")] if first else []
    outgoing = endpoint.send(PLAIN, total, headers)
    body = bytes(i % 251 for i in range(size))
    outgoing.feed(body[: size // 2])
    outgoing.feed(body[size // 2 :])
    outgoing.end([("X-Last", "yes")] if last else ())
    turns = []
    came = b""
    while data := hand.connection.data_to_send(hand.now):
        frames = [frame for frame in hand.parser.feed(b"".join(data)) if isinstance(frame, Frame)]
        for place, frame in enumerate(frames):
            came += bytes(frame)
            assert bool(frame.header("Content-Disposition")) == (first and not turns and not place)
            assert bool(frame.header("X-Last")) == (last and frame.flag == "$")
        turns.append(ranges(frames))
        hand.connection.receive(b"".join(response(frame, 200) for frame in frames), hand.now)
    assert came == body
    assert outgoing.state == "delivered"
    assert len(hand.connection.transactions) == 0
    assert hand.connection.next_timer() is None
    return turns


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("size", [4097, 40 * K, 100 * K, 100 * K - 1])
@pytest.mark.parametrize("known", [False, True])
def test_chunks_cut_together_are_those_cut_one_by_one(
    first: bool, last: bool, size: int, known: bool
) -> None:
    total = size if known else None
    many = cut(Limits(chunk_alone=2 * K), size, total, first=first, last=last)
    alone = cut(Limits(chunk_alone=2 * K, turn=1), size, total, first=first, last=last)
    assert len(alone) == -(-size // (2 * K)) > len(many)
    # That its size is known may be said earlier.
    assert [r.split("/")[0] for turn in many for r in turn] == [r.split("/")[0] for (r,) in alone]
    assert many[-1][-1] == alone[-1][-1]


def test_no_more_goes_out_together_than_may_be_on_its_way() -> None:
    hand, endpoint = begin(Limits(chunk_alone=2 * K, window=20 * K))
    full(endpoint, bytes(100 * K), 100 * K)
    assert len(hand.hear()) == 10
    hand, endpoint = begin(Limits(chunk_alone=2 * K, unanswered=7))
    full(endpoint, bytes(100 * K), 100 * K)
    frames = hand.hear()
    assert len(frames) == 7
    assert len(hand.answer(*frames[2:5])) == 3
    assert len(hand.connection.transactions) == 7


def test_a_rest_that_is_too_short_waits_for_more() -> None:
    """Chunks below 2,048 octets are for the end alone (RFC 4975 section 7.1.1)."""
    hand, endpoint = begin(Limits(chunk_alone=2 * K))
    outgoing = endpoint.send(PLAIN, None)
    outgoing.feed(bytes(5000))
    assert [len(frame) for frame in hand.hear()] == [2048, 2048]
    outgoing.feed(bytes(5000))
    outgoing.end()
    assert [len(frame) for frame in hand.hear()] == [2048, 2048, 10000 - 4 * 2048]


def test_of_chunks_that_went_together_each_has_its_answer() -> None:
    hand, endpoint = begin(Limits(chunk_alone=2 * K))
    outgoing = full(endpoint, bytes(20 * K), 20 * K)
    frames = hand.hear()
    assert len(frames) == 10
    hand.answer(*frames[:4])
    hand.answer(*frames[:4])
    assert (outgoing.acknowledged, len(hand.connection.transactions)) == (8 * K, 6)
    hand.answer(frames[7], status=413)
    assert (outgoing.state, outgoing.status) == ("failed", 413)
    assert len(hand.connection.transactions) == 5
    hand.wait(30)
    assert len(hand.connection.transactions) == 0
    assert hand.answer(*frames) == [], "too late, and nothing comes of it"
    assert hand.connection.state == "open"


def test_chunks_that_went_together_are_late_together() -> None:
    hand, endpoint = begin(Limits(chunk_alone=2 * K))
    outgoing = full(endpoint, bytes(10 * K), 10 * K)
    frames = hand.hear()
    hand.now = 10
    hand.answer(*frames[:4])
    assert hand.connection.next_timer() == 30
    hand.wait(19.9)
    assert outgoing.state == "awaiting"
    hand.wait(0.1)
    assert (outgoing.state, outgoing.status) == ("failed", 408)
    assert len(hand.connection.transactions) == 0


def test_chunks_that_are_not_answered_go_together_too() -> None:
    """Failure-Report no waits for nothing; partial hears of refusals, chunk by chunk."""
    hand, endpoint = begin(Limits(chunk_alone=2 * K, window=4 * K))
    messages = []
    for asked in ("no", "partial"):
        outgoing = endpoint.send(PLAIN, 20 * K, failure_report=asked)
        outgoing.feed(bytes(20 * K))
        outgoing.end()
        messages.append((outgoing, hand.hear()))
        assert ranges(messages[-1][1]) == [
            f"{1 + 2 * K * i}-{2 * K * (i + 1)}/20480{'+$'[i == 9]}" for i in range(10)
        ]
    assert hand.connection.next_timer() is None
    for _, frames in messages:
        hand.answer(frames[4], status=413)
    assert [outgoing.state for outgoing, _ in messages] == ["out", "failed"]


@pytest.mark.rule("4975 8.6-10")
@pytest.mark.parametrize("sizes", [(1001,), (400, 601), (1000, 1)])
def test_a_stream_longer_than_the_other_side_takes_stops_here(sizes: tuple[int, ...]) -> None:
    """RFC 4975 section 8.6: max-size is of the whole message, and binds who sends it."""
    hand = ByHand(limits=Limits(chunk_in_company=100))
    endpoint = hand.bind(("Max-Size", "1000"))
    outgoing = endpoint.send("a/b", None)
    frames = []
    for size in sizes:
        outgoing.feed(bytes(size))
        frames += hand.hear()
    assert (outgoing.state, outgoing.status) == ("failed", 413)
    assert "takes at most 1000 octets a message" in outgoing.reason
    assert sum(len(frame.body) for frame in frames) == sum(sizes[:-1])
    assert [frame.flag for frame in frames] == ["+"] * (len(frames) - 1) + (["#"] if frames else [])
    outgoing.feed(bytes(10))  # of what comes behind it nothing is said
    outgoing.end()
    assert hand.hear() == []


def test_a_stream_as_long_as_the_other_side_takes() -> None:
    hand = ByHand()
    endpoint = hand.bind(("Max-Size", "1000"))
    outgoing = endpoint.send("a/b", None)
    outgoing.feed(bytes(1000))
    outgoing.end()
    hand.answer(*hand.hear())
    assert outgoing.state == "delivered"
