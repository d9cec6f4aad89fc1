"""The writer: what it makes parses back to what was asked; what it cannot make it refuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from core.events import PLAIN, normalise, run
from fuzz.inputs import FIELD, exact, text
from msrp_core import (
    ByteRange,
    Chunks,
    Express,
    Lane,
    LocalProtocolError,
    Parser,
    ReceiveBuffer,
    Seen,
    request,
    response,
)

__all__ = ["writer"]

Headers = list[tuple[str, str]]
Made = TypeVar("Made")


def _headers(field: bytes) -> Headers:
    """Lines of "name:value"; without a colon the value is empty."""
    lines = [text(line).partition(":") for line in field.split(b"\n") if line]
    return [(name, value) for name, _, value in lines]


def _number(field: bytes) -> int | None:
    """Any number whatever, of as many digits as Python reads; None for anything else."""
    digits = field.removeprefix(b"-")
    return int(field) if digits.isdigit() and len(digits) <= 4000 else None


def _frames(octets: bytes) -> list[Any]:
    """The frames of what was written: whole, and the same to both parsers."""
    parser = Parser()
    frames = list(parser.feed(exact(octets)))
    parser.end()
    assert all(frame.flag is not None for frame in frames)
    if len(octets) < 4096:
        assert (normalise(frames), None) == run(PLAIN, octets).compared
    return frames


def _request(fields: Sequence[bytes]) -> bytes | None:
    method, to, source, tid, flag = map(text, fields[:5])
    headers = _headers(fields[5])
    body = exact(fields[6]) if len(fields) > 6 else None
    try:
        made, octets = request(
            method,
            to,
            source,
            headers,
            body,
            flag=flag,
            transaction_id=tid or None,  # type: ignore[arg-type]
        )
    except LocalProtocolError:
        return None
    (frame,) = _frames(octets)
    assert frame.transaction_id == made == (tid or made)
    assert (frame.method, frame.flag, frame.status) == (method, flag, None)
    assert (frame.to_path, frame.from_path) == (to, source)
    assert frame.headers == (("To-Path", to), ("From-Path", source), *headers)
    assert frame.has_body == (body is not None)
    assert frame.body == bytes(body or b"")
    return octets


def _response(fields: Sequence[bytes]) -> None:
    """The answer to a request made of the fields behind these."""
    status = _number(fields[0]) or 0
    comment = text(fields[1][1:]) if fields[1] else None
    headers = _headers(fields[2])
    octets = _request(fields[3:])
    if octets is None:
        return
    (asked,) = Parser().feed(octets)
    try:
        answer = response(asked, status, comment, headers)
    except LocalProtocolError:
        return
    (frame,) = _frames(answer)
    to, source = asked.from_path, asked.to_path.split()[0]
    if asked.method == "SEND":
        to = to.split()[0]
    assert frame.transaction_id == asked.transaction_id
    assert (frame.method, frame.status, frame.comment) == (None, status, comment)
    assert (frame.flag, frame.has_body) == ("$", False)
    assert frame.headers == (("To-Path", to), ("From-Path", source), *headers)


def _chunks(fields: Sequence[bytes], made: Chunks) -> None:
    """One chunk, then the whole body as a batch."""
    to, source, message_id = map(text, fields[:3])
    headers, extra, body = _headers(fields[3]), _headers(fields[4]), exact(fields[5])
    first, end, total, size = map(_number, fields[6:10])
    flag = text(fields[10])
    fixed = (("To-Path", to), ("From-Path", source), ("Message-ID", message_id))
    try:
        tid, octets = made.cut(body, first or 0, end, total, flag, extra)  # type: ignore[arg-type]
    except LocalProtocolError:
        pass
    else:
        (frame,) = _frames(octets)
        assert (frame.transaction_id, frame.method, frame.flag) == (tid, "SEND", flag)
        assert frame.byte_range == (first, end, total)
        assert frame.headers[:3] == fixed
        assert frame.headers[4:] == (*extra, *headers)
        assert frame.body == bytes(body)
    step = size or 0
    if 0 < step < len(body) // 64:
        step = len(body) // 64  # not thousands of frames
    last = flag == "$"
    try:
        batch, octets = made.batch(body, first or 0, step, total, last)
    except LocalProtocolError:
        return
    frames = _frames(octets)
    assert batch.ids == [frame.transaction_id for frame in frames]
    assert b"".join(frame.body for frame in frames) == bytes(body)
    at = first or 0
    for frame in frames:
        ends = last and frame is frames[-1]
        assert frame.flag == ("$" if ends else "+")
        stop = at + frame.size - 1 if ends or frame.size <= 2048 else None
        assert frame.byte_range == (at, stop, total)
        assert frame.headers[:3] == fixed
        assert frame.headers[4:] == tuple(headers)
        assert frame.size <= step
        at += frame.size


def _numbers(fields: Sequence[bytes]) -> None:
    """Whatever else takes a number: it is taken as it is, or refused as our own misuse."""
    one, other, third = ((_number(field) or 0) for field in fields[:3])
    if (held := _taken(lambda: ByteRange(one, other, third))) is not None:
        assert held == (one, other, third)
    _taken(lambda: Seen(one))
    lane = _taken(lambda: Lane("msrp://a:1/s;tcp", "msrp://b:2/t;tcp", Seen(1), "here", {}, one))
    if lane is not None:
        _taken(lambda: lane.allow(one, other))
        _taken(lambda: lane.follow("abcd", one, third, True))
        assert not lane.octets()
    _taken(lambda: Express().begin(one))
    if one > 1 << 20 and one < 1 << 63:
        return  # memory that may be there, or not
    buffer = _taken(lambda: ReceiveBuffer(one))
    if buffer is not None:
        assert len(buffer.get()) == one
        octets = _taken(lambda: buffer.filled(other))
        assert octets is None or len(octets) == other


def _taken(use: Callable[[], Made]) -> Made | None:
    try:
        return use()
    except LocalProtocolError:
        return None


def _message(fields: Sequence[bytes]) -> None:
    to, source, message_id = map(text, fields[:3])
    try:
        made = Chunks(to, source, message_id, _headers(fields[3]))
    except LocalProtocolError:
        return
    _chunks(fields, made)


# By the first octet of an input (an "n" is of `_numbers`), and how many fields each reads at least.
_KINDS: tuple[tuple[Callable[[Sequence[bytes]], object], int], ...] = (
    (_request, 6),
    (_response, 9),
    (_message, 11),
)


def writer(data: bytes) -> None:
    """Values to octets and back."""
    work, least = (_numbers, 3) if data[:1] == b"n" else _KINDS[data[0] % 3 if data else 0]
    fields = data[1:].split(FIELD)
    if len(fields) >= least:
        work(fields)
