"""The short way: whatever it takes, nothing is lost, doubled, changed or out of order."""

from __future__ import annotations

from fuzz.inputs import stream
from msrp_core import Body, Express, Flag, Frame, Lane, Parser, RemoteProtocolError, Seen

__all__ = ["express"]

Told = list[tuple[int, str, bytes, str | None]]
"""Of each frame: where it begins, its transaction id, its body as far as it came, its flag."""


class Reader:
    """Gathers what a parser tells, and what the short way took meanwhile."""

    def __init__(self) -> None:
        self.frames: dict[int, tuple[str, bytearray]] = {}
        self.flags: dict[int, str | None] = {}
        self.followed = bytearray()  # bodies of the chunks that no frame tells of
        self._at: int | None = None  # of the frame at hand; None where it is one of those

    def frame(self, frame: Frame) -> None:
        self.frames[frame.offset] = frame.transaction_id, bytearray(frame.body)
        self.flags[frame.offset] = frame.flag
        self._at = frame.offset

    def go_on(self) -> None:
        self._at = None

    def event(self, event: Frame | Body | Flag) -> None:
        if isinstance(event, Frame):
            self.frame(event)
        elif isinstance(event, Body):
            (self.followed if self._at is None else self.frames[self._at][1]).extend(bytes(event))
        elif self._at is not None:
            self.flags[self._at] = event.flag

    @property
    def told(self) -> Told:
        return [(at, tid, bytes(body), self.flags[at]) for at, (tid, body) in sorted(self.frames.items())]


def _usual(octets: bytes, parser: Parser) -> tuple[Told, int | None]:
    """What is told without a short way; and where the stream is wrong."""
    reader = Reader()
    try:
        for event in parser.feed(octets):
            reader.event(event)
    except RemoteProtocolError as error:
        return reader.told, error.offset
    return reader.told, None


def _first(octets: bytes, parser: Parser) -> Frame | None:
    """The frame whose paths the session has."""
    try:
        for event in parser.feed(octets):
            if isinstance(event, Frame) and event.method == "SEND" and event.content_type:
                return event
    except RemoteProtocolError:
        pass
    return None


def express(data: bytes) -> None:
    """With and without the short way the same frames come, and each is answered once where it is taken."""
    one = stream(data, 1 << 16)
    usual, wrong = _usual(one.octets, Parser(one.limits))
    first = _first(one.octets, Parser(one.limits))
    short = Express()
    lane = None
    if first is not None:
        lane = Lane(first.to_path, first.from_path, Seen(4), "session", {}, 1 << 15)
        lane.takes(first.content_type or "")
        short.open(lane)
        lane.allow(3 + len(data) % 5, 1 << 16)
    parser = Parser(one.limits, short)
    reader = Reader()
    answered: list[str] = []

    def settle() -> None:
        answered.extend(
            event.transaction_id for event in Parser().feed(short.answers()) if isinstance(event, Frame)
        )
        if lane is not None:
            for frame in lane.messages()[0]:
                assert frame.flag == "$"
                reader.frame(frame)
            for block in lane.octets():
                reader.followed += block
        begun = short.release()
        if begun is not None:
            frame, followed = begun
            if followed is None:
                reader.frame(frame)
            else:
                reader.go_on()

    at: int | None = None
    try:
        for piece in one.pieces:
            short.begin(len(piece))
            asked = short.asks()
            if asked is not None:
                asked.allow(3, 1 << 16)
            for event in parser.feed(one.memory(piece)):
                asked = short.asks()
                if asked is not None:
                    asked.allow(3, 1 << 16)
                    if isinstance(event, Frame) and short.takes(event):
                        continue
                settle()
                reader.event(event)
                _follow(lane, event)
                if len(data) % 2:
                    short.doubt()
            if len(data) % 3 == 0:
                settle()
    except RemoteProtocolError as error:
        at = error.offset
    settle()
    assert at == wrong
    told = reader.told
    here = {entry[0] for entry in told}
    assert told == [entry for entry in usual if entry[0] in here]
    rest = [entry for entry in usual if entry[0] not in here]
    assert bytes(reader.followed) == b"".join(body for _, _, body, _ in rest)
    assert len(answered) <= len(usual)
    every = iter(tid for _, tid, _, _ in usual)
    assert all(tid in every for tid in answered), "answered in order, and only what came"


def _follow(lane: Lane | None, event: object) -> None:
    """Take the chunks behind one that came in one piece."""
    if lane is None or not isinstance(event, Frame) or event.flag != "+" or event.fault() is not None:
        return
    byte_range = event.byte_range
    if event.message_id is not None and byte_range is not None and byte_range.start < 1 << 60:
        lane.follow(event.message_id, byte_range.start + event.size, byte_range.total, event.success_report)
