"""The short way takes plain SENDs, and nothing else; in doubt it takes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from msrp_core import Chunks, Express, Flag, Frame, Lane, LocalProtocolError, Parser, Seen, request, response

OURS = "msrp://a.example:1/secretA;tcp"
THEIRS = "msrp://b.example:2/secretB;tcp"
OTHER = "msrp://c.example:3/secretC;tcp"
PLAIN = "text/plain"


class Line:
    """A parser with one session on the short way, and what comes of it."""

    def __init__(self, *, messages: int = 100, octets: int = 1 << 20, largest: int | None = None) -> None:
        self.express = Express()
        self.seen = Seen(100)
        self.arriving: dict[str, object] = {}
        self.lane = Lane(OURS, THEIRS, self.seen, "session", self.arriving, largest)
        self.lane.takes(PLAIN)
        self.express.open(self.lane)
        self.lane.allow(messages, octets)
        self.parser = Parser(None, self.express)

    def feed(self, *reads: bytes) -> list[object]:
        """What comes out as events."""
        events: list[object] = []
        for octets in reads:
            self.express.begin(len(octets))
            self.express.asks()  # it may still take what it may
            for event in self.parser.feed(octets):
                if (
                    self.express.asks() is None
                    or not isinstance(event, Frame)
                    or not self.express.takes(event)
                ):
                    events.append(event)
        return events

    def bodies(self) -> list[bytes]:
        return [frame.body for frame in self.lane.messages()[0]]

    def octets(self) -> bytes:
        return b"".join(self.lane.octets())


def message(body: bytes = b"hello", message_id: str = "msg1", **other: object) -> bytes:
    """A plain one, but for `other`."""
    size = len(body)
    fields = {
        "Message-ID": message_id,
        "Byte-Range": f"1-{size}/{size}",
        **{str(k).replace("_", "-"): str(v) for k, v in other.items() if k not in ("flag", "to", "source")},
    }
    headers = [*((name, value) for name, value in fields.items() if value != "None")]
    headers.sort(key=lambda header: header[0] == "Content-Type")
    if not any(name == "Content-Type" for name, _ in headers):
        headers.append(("Content-Type", PLAIN))
    to, source, flag = other.get("to", OURS), other.get("source", THEIRS), other.get("flag", "$")
    return request("SEND", to, source, headers, body, flag=flag)[1]  # type: ignore[arg-type]


def octetwise(octets: bytes) -> Iterable[bytes]:
    return (octets[i : i + 1] for i in range(len(octets)))


@pytest.mark.parametrize("size", [0, 5, 1024, 1025, 60_000])
def test_a_plain_message_is_taken_and_answered_as_ever(size: int) -> None:
    line = Line()
    octets = message(b"x" * size)
    (usual,) = Parser().feed(octets)
    assert isinstance(usual, Frame)
    assert line.feed(octets) == []
    assert line.bodies() == [b"x" * size]
    assert line.express.answers() == response(usual, 200, "OK")
    assert line.seen.get("msg1") == 200
    assert line.seen.within("msg1", "session")
    assert line.bodies() == []


NOT_PLAIN = {
    "a header it does not know": {"Content_Disposition": "attachment"},
    "a success report": {"Success_Report": "yes"},
    "no failure report": {"Failure_Report": "no"},
    "a partial failure report": {"Failure_Report": "partial"},
    "a wrong value": {"Failure_Report": "maybe"},
    "no Byte-Range": {"Byte_Range": None},
    "no size": {"Byte_Range": "1-5/*"},
    "another size": {"Byte_Range": "1-5/6"},
    "another end": {"Byte_Range": "1-4/5"},
    "not from its beginning": {"Byte_Range": "2-6/6"},
    "more to come": {"flag": "+"},
    "given up": {"flag": "#"},
    "a type nobody asked about": {"Content_Type": "image/png"},
    "a path of nobody": {"to": OTHER},
    "from somebody else": {"source": OTHER},
    "over a relay": {"source": f"{OTHER} {THEIRS}"},
}


@pytest.mark.parametrize("other", NOT_PLAIN.values(), ids=NOT_PLAIN.keys())
@pytest.mark.parametrize("cut", [False, True], ids=["whole", "in two reads"])
def test_what_is_not_plain_is_not_taken(other: dict[str, object], cut: bool) -> None:
    line = Line()
    assert line.feed(message(message_id="first")) == []
    octets = message(**other)
    events = line.feed(octets[:-8], octets[-8:]) if cut else line.feed(octets)
    begun = line.express.release()
    assert events or begun
    if begun is not None:  # its end came otherwise than its head promised
        frame, lane = begun
        assert (frame.body, frame.flag, lane) == (b"hello", None, None)
        (flag,) = events
        assert isinstance(flag, Flag)
        assert flag.flag == other["flag"]
    assert line.bodies() == [b"hello"]
    assert line.seen.get("msg1") is None


def test_other_methods_and_responses_are_not_taken() -> None:
    line = Line()
    auth = request("AUTH", OURS, THEIRS, [("Message-ID", "abcd")])[1]
    bodiless = request("SEND", OURS, THEIRS, [("Message-ID", "abcd"), ("Byte-Range", "1-0/0")])[1]
    report = request("REPORT", OURS, THEIRS, [("Message-ID", "abcd"), ("Status", "000 200 OK")])[1]
    assert len(line.feed(auth + bodiless + report)) == 3
    assert line.express.answers() == b""


def test_one_that_came_before_is_not_taken() -> None:
    line = Line()
    assert len(line.feed(message(), message())) == 1
    line.seen.set("given", 413, "another session")
    assert len(line.feed(message(message_id="given"))) == 1
    line.arriving["begun"] = "more of it is to come"
    assert len(line.feed(message(message_id="begun"))) == 1
    assert line.bodies() == [b"hello"]


def test_no_more_is_taken_than_is_allowed() -> None:
    line = Line(messages=2)
    assert len(line.feed(*(message(message_id=f"msg{i}") for i in range(3)))) == 1
    each = 2048 + message(message_id="msg0").index(b"\r\n\r\n") + 4 + 5
    line = Line(octets=2 * each)
    assert len(line.feed(*(message(message_id=f"msg{i}") for i in range(3)))) == 1
    messages, weight = line.lane.messages()
    assert weight == sum(frame.weight for frame in messages) == 2 * each
    line = Line(largest=4)
    assert len(line.feed(message())) == 1


def test_before_and_after_its_time_nothing_is_taken() -> None:
    line = Line()
    line.express.close(line.lane)
    assert len(line.feed(message())) == 1
    line.express.open(line.lane)
    assert line.feed(message(message_id="msg2")) == []
    line.express.close(line.lane)
    assert len(line.feed(message(message_id="msg3"))) == 1
    untold = Lane(OURS, OTHER, Seen(1), "session", {})
    untold.allow(9, 9999)
    line.express.open(untold)
    assert len(line.feed(message(source=OTHER, message_id="msg4"))) == 1  # its type was not taken yet


def test_messages_over_many_reads_are_gathered() -> None:
    body = bytes(range(256)) * 100
    octets = message(body) + message(b"next", "msg2")
    for size in (1, 7, 1000, 16384):
        line = Line()
        assert line.feed(*(octets[i : i + size] for i in range(0, len(octets), size))) == []
        assert line.bodies() == [body, b"next"]
        assert line.express.answers().count(b" 200 OK\r\n") == 2


def test_what_takes_long_is_told() -> None:
    line = Line()
    octets = message(b"hello, world")
    assert line.feed(octets[:-30]) == []
    assert not line.express.overdue
    line.feed(octets[-30:-20])
    assert line.express.overdue
    frame, lane = line.express.release() or (None, None)
    assert frame is not None
    assert (lane, frame.flag, frame.message_id) == (None, None, "msg1")
    came = frame.body + b"".join(
        bytes(event) for event in line.feed(octets[-20:]) if not isinstance(event, Flag)
    )
    assert came == b"hello, world"
    assert line.seen.get("msg1") is None


def test_gathering_takes_memory_for_what_came() -> None:
    line = Line(octets=1 << 40)
    octets = message(b"x").replace(b"1-1/1", b"1-65536/65536")
    assert line.feed(octets[:-8]) == []
    frame, _ = line.express.release() or (None, None)
    assert frame is not None
    assert frame.body == b"x"
    big = message(b"x" * 65537, "msg2")
    assert len(Line().feed(big[:-8])) == 2  # more than is ever held back
    more = message(b"xyz", "msg3").replace(b"1-3/3", b"1-2/2")
    line = Line()
    assert line.feed(more[:-30]) == [] or line.express.release()
    assert line.bodies() == []


CHUNKS = Chunks(OURS, THEIRS, "long", [("Content-Type", PLAIN)])


def chunk(body: bytes, first: int, total: int | None = 100, flag: str = "+") -> bytes:
    return CHUNKS.cut(body, first, first + len(body) - 1, total, flag)[1]  # type: ignore[arg-type]


def following(**more: int) -> Line:
    line = Line(**more)
    line.lane.follow("long", 11, 100, False)
    return line


@pytest.mark.parametrize("reads", [whole := lambda octets: [octets], octetwise], ids=["whole", "octetwise"])
def test_chunks_in_order_are_taken(reads: object) -> None:
    line = following()
    assert line.feed(*reads(chunk(b"a" * 10, 11) + message() + chunk(b"b" * 10, 21))) == []  # type: ignore[operator]
    assert line.octets() == b"a" * 10 + b"b" * 10
    assert line.bodies() == [b"hello"]
    assert line.express.answers().count(b" 200 OK\r\n") == 3
    assert line.octets() == b""


OUT_OF_ORDER = {
    "a hole": chunk(b"a", 12),
    "twice": chunk(b"a", 10),
    "another total": chunk(b"a", 11, 101),
    "no total": chunk(b"a", 11, None),
    "the last": chunk(b"a" * 90, 11, 100, "$"),
    "given up": chunk(b"", 11, 100, "#"),
    "a header": CHUNKS.cut(b"a", 11, 11, 100, "+", [("Content-Digest", "x")])[1],
    "a report": chunk(b"a", 11).replace(b"Content-Type", b"Success-Report: yes\r\nContent-Type"),
}


@pytest.mark.parametrize("octets", OUT_OF_ORDER.values(), ids=OUT_OF_ORDER.keys())
def test_chunks_otherwise_are_not_taken(octets: bytes) -> None:
    line = following()
    assert len(line.feed(octets)) == 1
    assert line.octets() == b""
    line.lane.leave()
    assert not line.lane.following
    assert len(line.feed(chunk(b"a", 11))) == 1


@pytest.mark.parametrize("flag", ["$", "#"])
def test_a_chunk_that_ends_otherwise_is_handed_over(flag: str) -> None:
    line = following()
    octets = chunk(b"a" * 10, 11, 100, flag)
    (end,) = line.feed(octets[:-20], octets[-20:])
    assert isinstance(end, Flag)
    frame, lane = line.express.release() or (None, None)
    assert lane is line.lane
    assert frame is not None
    assert line.octets() == b"a" * 10
    assert line.express.answers() == b""


def test_a_chunk_beyond_what_is_allowed_is_handed_over() -> None:
    line = following(octets=15)
    assert len(line.feed(chunk(b"a" * 10, 11) + chunk(b"b" * 10, 21))) == 1
    assert line.octets() == b"a" * 10
    line = following(octets=15)
    octets = chunk(b"a" * 20, 11)
    events = line.feed(octets[:-30], octets[-30:])
    assert line.express.release() is not None
    rest = b"".join(bytes(event) for event in events if not isinstance(event, Flag))  # type: ignore[call-overload]
    assert line.octets() + rest == b"a" * 20


def test_seen_remembers_the_last_ones() -> None:
    seen = Seen(3)
    for i in range(9):
        seen.set(f"msg{i}", 200 + i, "session")
        assert [seen.get(f"msg{j}") for j in range(max(0, i - 2), i + 1)] == [
            200 + j for j in range(max(0, i - 2), i + 1)
        ]
    assert seen.get("msg0") is None
    assert seen.within("msg8", "session")
    assert not seen.within("msg8", "another")
    assert not seen.within("msg0", "session")


def test_who_is_in_doubt_asks() -> None:
    """Once for each lane, not for each frame."""
    express = Express()
    other = Lane(OTHER, THEIRS, Seen(100), "session", {})
    line = Lane(OURS, THEIRS, Seen(100), "session", {})
    for lane in (line, other):
        lane.takes(PLAIN)
        express.open(lane)
    asked = []
    octets = b"".join(message(message_id=f"msg{i}", to=(OURS, OTHER)[i % 2]) for i in range(10))
    express.begin(len(octets))
    for number, event in enumerate(Parser(None, express).feed(octets)):
        assert isinstance(event, Frame)
        lane = express.asks()
        asked.append((number, lane))
        if lane is not None:
            lane.allow(3, 1 << 20)
            assert express.takes(event)
        if number == 1:
            express.doubt()
    assert asked == [(0, line), (1, other), (2, line), (3, other), (4, None), (5, None)]
    assert express.lanes_with_news() == [line, other]
    assert not express.lanes_with_news(), "given out once"
    assert [len(lane.messages()[0]) for lane in (line, other)] == [4, 4]


@pytest.mark.parametrize(
    "use",
    [
        lambda line, number: Seen(number),
        lambda line, number: line.express.begin(number),
        lambda line, number: line.lane.allow(number, 1),
        lambda line, number: line.lane.allow(1, number),
        lambda line, number: line.lane.follow("abcd", number, None, False),
        lambda line, number: line.lane.follow("abcd", 1, number, False),
        lambda line, number: Line(largest=number),
    ],
)
@pytest.mark.parametrize("number", [2**63, 2**70, -(2**70)])
def test_a_number_that_no_c_integer_holds_is_our_own_misuse(
    use: Callable[[Line, int], object], number: int
) -> None:
    line = Line()
    with pytest.raises(LocalProtocolError, match="2 \\*\\* 6"):
        use(line, number)
    assert not line.lane.following
    line.feed(message(b"hello"))
    assert line.bodies() == [b"hello"]


def test_none_is_too_few_to_remember() -> None:
    with pytest.raises(LocalProtocolError):
        Seen(0)


def test_a_total_may_be_as_large_as_a_range_can_say() -> None:
    line = Line()
    line.lane.follow("abcd", 1, 2**63 - 1, False)
    assert line.lane.following
