"""Changes to an input that keep a stream a stream: frames nearly alike, end-lines nearly right, cuts.

The parser remembers the last head of each kind, and how much of an end-line a feed ended with; octets
changed at random hardly ever get there, as frames whose ids do not fit are over at once.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from fuzz.inputs import CUT, FIELD, REPEAT

__all__ = ["fields", "lines", "steps", "stream"]

Change = Callable[[random.Random, bytes], bytes]

_START = re.compile(rb"MSRP ([A-Za-z0-9.\-+%=]{1,33})")
_LINE = re.compile(rb"[^\r\n]*\r\n")
_VALUE = re.compile(rb"((?:Message-ID|Byte-Range|Content-Type|X[a-z]*): *)([^\r\n]*)", re.IGNORECASE)
_EDGE = re.compile(rb"[\r\n:\-$+# ]")
_IDENTS = (b"abcd", b"abce", b"a786", b"0123456789abcdef0123456789abcdef", b"a.-+%=b", b"abc", b"a" * 33)
_LINES = (
    b"To-Path: msrp://h:1/s;tcp",
    b"From-Path: msrp://i:1/s;tcp",
    b"To-Path: msrp://h:1/s;tcp msrps://[::1]/t;ws",
    b"Message-ID: abcd",
    b"message-id: 0123456789abcdef0123456789abcdef",
    b"Message-ID: x",
    b"Byte-Range: 1-5/5",
    b"Byte-Range: 1-*/*",
    b"byte-range: 9223372036854775807-*/9223372036854775808",
    b"Byte-Range: 6-5/5",
    b"Content-Type: text/plain",
    b'content-type: a/b;c="\\""',
    b"Content-Type: a",
    b"Success-Report: yes",
    b"Failure-Report: partial",
    b"Failure-Report: maybe",
    b"Status: 000 200 OK",
    b"Status: 000 20",
    b"X: \xc3\xa9",
    b"X: \xff",
    b"X:",
    b"WWW-Authenticate: " + REPEAT + b"y\x06",
    b"L: " + REPEAT + b"z\x20",
)
_BODIES = (
    b"hello",
    b"",
    b"\r",
    b"\r\n",
    b"\r\n\r\n",
    b"-------",
    b"\r\n-------",
    b"\n-------",
    b"MSRP ",
    b"\x00",
    REPEAT + b"x\x10",
    REPEAT + b"\r\x05",
    REPEAT + b"-\x09",
    REPEAT + b"x\x40",
    REPEAT + b"x\x41\r",
)


def _frames(data: bytes) -> list[bytes]:
    starts = [found.start() for found in _START.finditer(data)]
    return [data[a:b] for a, b in zip(starts, [*starts[1:], len(data)], strict=True)]


def _some_line(rng: random.Random, data: bytes) -> tuple[int, int]:
    found = rng.choice([*_LINE.finditer(data)] or [*re.finditer(rb"$", data)])
    return found.span()


def _ident(data: bytes, at: int) -> bytes:
    """The transaction id of the frame that stands there."""
    before = [found for found in _START.finditer(data) if found.start() <= at]
    return before[-1][1] if before else b"abcd"


def _again(rng: random.Random, data: bytes) -> bytes:
    """A frame once more, behind all of them; mostly with one value changed."""
    frames = _frames(data)
    if not frames:
        return data
    frame = rng.choice(frames)
    if not data.endswith(b"\n"):
        frame = b"\r\n" + frame
    return data + (_other_id(rng, frame) if rng.random() < 0.4 else _other_value(rng, frame))


def _other_id(rng: random.Random, data: bytes) -> bytes:
    """Another transaction id, at both ends of its frame."""
    frames = _frames(data)
    if not frames:
        return data
    frame = rng.choice(frames)
    old = _ident(frame, 0)
    return data.replace(frame, frame.replace(old, rng.choice(_IDENTS)), 1)


def _other_value(rng: random.Random, data: bytes) -> bytes:
    """One value longer, shorter or another: all behind it moves."""
    values = [*_VALUE.finditer(data)]
    if not values:
        return data
    found = rng.choice(values)
    value = found[2]
    at = rng.randrange(len(value) + 1)
    other = value[:at] + rng.choice(b'0123456789*-/ abc;="').to_bytes() + value[at + 1 :]
    new = rng.choice([value + b"1", value[:-1], other, value + b" "])
    return data[: found.start(2)] + new + data[found.end(2) :]


def _line_in(rng: random.Random, data: bytes) -> bytes:
    at, _ = _some_line(rng, data)
    return data[:at] + rng.choice(_LINES) + b"\r\n" + data[at:]


def _line_out(rng: random.Random, data: bytes) -> bytes:
    start, end = _some_line(rng, data)
    return data[:start] + data[end:]


def _line_else(rng: random.Random, data: bytes) -> bytes:
    start, end = _some_line(rng, data)
    return data[:start] + rng.choice(_LINES) + b"\r\n" + data[end:]


def _cut(rng: random.Random, data: bytes) -> bytes:
    """A cut beside an octet that decides something, or one fewer."""
    if data.count(CUT) > rng.randrange(1, 12):
        return data.replace(CUT, b"", 1)
    edges = [found.start() for found in _EDGE.finditer(data)] or [0]
    at = rng.choice(edges) + rng.randrange(2)
    return data[:at] + CUT + data[at:]


def _near_end(rng: random.Random, data: bytes) -> bytes:
    """An end-line of the frame it stands in, or nearly."""
    at = rng.choice([found.end() for found in re.finditer(rb"\r\n\r\n|\n", data)] or [0])
    name = _ident(data, at)
    line = b"\r\n-------" + name + rng.choice([b"$", b"+", b"#", b"!", b""]) + b"\r\n"
    place = rng.randrange(len(line))
    if rng.random() < 0.8:
        line = (
            line[:place]
            + rng.choice([b"", CUT, b"\r", b"-", line[place : place + 1] * 2])
            + line[place + 1 :]
        )
    return data[:at] + line[: rng.randrange(1, len(line) + 1)] + data[at:]


def _body(rng: random.Random, data: bytes) -> bytes:
    at = data.find(b"\r\n\r\n", rng.randrange(len(data) + 1))
    if at < 0:
        end = data.rfind(b"-------")
        at = end if end >= 0 else len(data)
        return data[:at] + b"Content-Type: text/plain\r\n\r\n" + rng.choice(_BODIES) + b"\r\n" + data[at:]
    return data[: at + 4] + rng.choice(_BODIES) + data[at + 4 :]


def _repair(rng: random.Random, data: bytes) -> bytes:
    """Every frame ends with the id it began with."""
    return b"".join(
        re.sub(rb"\r\n-------[^\r\n]*([$+#])\r\n$", rb"\r\n-------" + _ident(frame, 0) + rb"\1\r\n", frame)
        for frame in _frames(data)
    )


def _crossed(rng: random.Random, data: bytes) -> bytes:
    """The frames in another order, some of them twice."""
    frames = _frames(data)
    return b"".join(rng.choices(frames, k=len(frames) + 1)) if frames else data


_CHANGES: tuple[Change, ...] = (
    *(_again, _again, _other_id, _other_value, _other_value, _line_in, _line_out, _line_else),
    *(_cut, _cut, _near_end, _near_end, _body, _repair, _crossed),
)


def stream(data: bytes, most: int, seed: int) -> bytes:
    """One or a few such changes to an input of a target that parses."""
    rng = random.Random(seed)
    head, rest = data[:2].ljust(2, b"@"), data[2:]
    if rng.random() < 0.1:
        head = bytes((0x40 | rng.randrange(32), 0x40 | rng.randrange(8)))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        rest = rng.choice(_CHANGES)(rng, rest)
    return (head + rest)[:most]


_FIELDS = (
    *(b"SEND", b"REPORT", b"AUTH", b"msrp://h:1/s;tcp", b"msrps://u@[::1]:65535/s;ws msrp://i;tcp", b"abcd"),
    *(b"$", b"+", b"#", b"", b"0", b"1", b"6", b"-1", b"2048", b"2049"),
    *(b"9223372036854775807", b"4611686018427387904", b"\r\n-------abcd$\r\n"),
    *(b"2147483648", b"-9223372036854775809", b"9223372036854775808", b"7" * 40),
    *(b"X:y\nContent-Type:text/plain", b"Message-ID:abcd\nByte-Range:1-5/5\nContent-Type:a/b"),
    *(b"-" * 40, b"x" * 33, b"-" * 128, b"x" * 2049, b"\xff", b" OK", b"Success-Report:yes"),
)


def fields(data: bytes, most: int, seed: int) -> bytes:
    """A field of the writer's input is another one, or is where another is."""
    rng = random.Random(seed)
    some = data[1:].split(FIELD)
    at = rng.randrange(len(some))
    some[at] = rng.choice((rng.choice(_FIELDS), rng.choice(some), some[at] + rng.choice(_FIELDS)))
    while len(some) < 12 and rng.random() < 0.3:
        some.append(rng.choice(_FIELDS))
    kind = bytes((rng.choice(b"012n"),)) if rng.random() < 0.1 else data[:1]
    return (kind + FIELD.join(some))[:most]


_STEPS = (
    *(b"A%C", b"A%R", b"A%S", b"A%D", b"4%N", b"2", b"4", b"a", b"w", b"s", b"d", b"t", b"t....."),
    *(b'ASAS nonce="AAAAAAAAAAAAAAAAAAAAAA=="', b'ASAS reveal="AAAAAAAAAAAAAAAAAAAAAA=="', b"ASASL"),
)


def steps(data: bytes, most: int, seed: int) -> bytes:
    """A step of the comparing is another one, comes twice, or not at all."""
    rng = random.Random(seed)
    some = data.split(FIELD)
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.randrange(len(some) + 1)
        some[at : at + rng.randrange(2)] = rng.choice(
            ([rng.choice(_STEPS)], [rng.choice(some or [b"a"])], [])
        )
    return FIELD.join(some)[:most]


def lines(data: bytes, most: int, seed: int) -> bytes:
    """A line of a text is gone, or somewhere else, too; or half of it is that of another."""
    rng = random.Random(seed)
    texts = data[1:].split(FIELD)
    all_lines = [line for text in texts for line in text.splitlines(keepends=True)] or [b"v=0\r\n"]
    for _ in range(rng.choice((1, 1, 2, 4))):
        which = rng.randrange(len(texts))
        some = texts[which].splitlines(keepends=True)
        at = rng.randrange(len(some) + 1)
        line = rng.choice(all_lines)
        if rng.random() < 0.3 and at < len(some):
            line = some[at].partition(b":")[0] + b":" + line.partition(b":")[2]
        some[at : at + rng.randrange(2)] = rng.choice(([line], [line], []))
        texts[which] = b"".join(some)
    if rng.random() < 0.1:
        texts.insert(0, texts.pop())
    return (data[:1] + FIELD.join(texts))[:most]
