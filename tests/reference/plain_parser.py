"""RFC 4975 framing once more, in plain Python: what the compiled parser is held against.

Written from the RFC for clarity, not for speed: it looks at one octet after the other, so what
it says cannot depend on how the octets were cut. The interface is that of `msrp_core._parser`,
but for the buffer protocol, which Python 3.11 cannot speak: ``bytes(event)`` gives the octets.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NoReturn

from msrp_core import Limits, LocalProtocolError, RemoteProtocolError, Uri
from msrp_core.uri import UriError
from reference.plain_frame import Body, Flag, FlagName, Frame, Line
from reference.plain_values import ByteRange, header_name, ident

__all__ = ["Body", "ByteRange", "Flag", "Frame", "Parser"]

_FLAGS: dict[int, FlagName] = {0x24: "$", 0x2B: "+", 0x23: "#"}
_LONG_LINES = (b"www-authenticate:", b"authorization:", b"authentication-info:")


class Parser:
    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.offset = 0
        self._fed = b""
        self._at = 0
        self._events: deque[Frame | Body | Flag] = deque()
        self._error: RemoteProtocolError | None = None
        self._frame_offset = 0
        self._line = bytearray()  # the header line being read
        self._frame: Frame | None = None  # the frame being read, once its start line is
        self._in_body = False
        self._told = False  # whether the frame's own event is out
        self._here = False  # whether the frame began in the octets fed last
        self._body = bytearray()  # body not handed out yet
        self._held = bytearray()  # what may become the end-line

    def feed(self, data: bytes | bytearray | memoryview) -> Parser:
        self._check()
        if self._at < len(self._fed) or self._events:
            raise LocalProtocolError("octets fed before are not looked at yet")
        self._fed = bytes(data)
        self._at = 0
        self._here = False
        return self

    def __iter__(self) -> Iterator[Frame | Body | Flag]:
        return self

    def __next__(self) -> Frame | Body | Flag:
        self._check()
        while not self._events and self._at < len(self._fed):
            octet = self._fed[self._at]
            if self._in_body:
                self._body_octet(octet)
            else:
                self._head_octet(octet)
            self._at += 1
            self.offset += 1
            if self._at == len(self._fed) and self._in_body:
                self._hand_out()
        if not self._events:
            raise StopIteration
        return self._events.popleft()

    def rest(self) -> bytes:
        self._check()
        if not self.idle:
            raise LocalProtocolError("the parser stands inside a frame")
        rest = self._fed[self._at :]
        self._fed = b""
        self._at = 0
        return rest

    def end(self) -> None:
        self._check()
        if self._at < len(self._fed) or self._events:
            raise LocalProtocolError("octets fed before are not looked at yet")
        if self._in_body:
            self._break("the stream ends inside a body", self.offset)
        if not self.idle:
            self._break("the stream ends inside a head", self.offset)

    @property
    def idle(self) -> bool:
        return self._frame is None and not self._line and not self._events

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _break(self, message: str, offset: int) -> NoReturn:
        self._error = RemoteProtocolError(message, offset=offset)
        raise self._error

    # -- head

    def _head_octet(self, octet: int) -> None:
        line = self._line
        if self._frame is None and not line:
            self._frame_offset = self.offset
            self._here = True
        line.append(octet)
        start = self.offset - len(line) + 1
        if self._frame is None and not b"MSRP ".startswith(line[:5]):
            self._break("a frame does not begin with MSRP", self.offset)
        bound = min(start + self._room(bytes(line[:24])), self._frame_offset + self.limits.head)
        if self.offset >= bound:
            self._break("a line or a head is too long", bound)
        if octet == 0x0A:
            self._line_ended(bytes(line), start)
            line.clear()

    def _room(self, begun: bytes) -> int:
        """How long the line that begins so may become."""
        begun = begun.lower()
        for name in _LONG_LINES:
            # Shorter than the name, it may still become one of those lines.
            if begun.startswith(name) or name.startswith(begun):
                return max(self.limits.auth_line, len(begun) if len(begun) < len(name) else 0)
        return self.limits.line

    def _line_ended(self, line: bytes, start: int) -> None:
        first = min(at for at in (line.find(b"\r"), line.find(b"\n")) if at >= 0)
        if first != len(line) - 2:
            self._break("a CR or a LF stands alone", start + first)
        line = line[:-2]
        frame = self._frame
        if frame is None:
            self._start_line(line, start)
            return
        end_line = len(line) == 8 + len(frame.transaction_id) and line[-1] in _FLAGS
        end_line = end_line and line[:-1] == b"-------" + frame.transaction_id.encode()
        if not line or end_line:
            if len(frame.lines) < 2:
                self._break("a head without To-Path and From-Path", start)
            if end_line:
                frame.flag = _FLAGS[line[-1]]
                frame.body_offset = frame.end_offset = start
                self._events.append(frame)
                self._frame = None
            else:
                frame.has_body = self._in_body = True
                frame.body_offset = start + 2
                self._told = not self._here
                if self._told:
                    self._events.append(frame)
            return
        if line.startswith(b"-"):
            self._break("a line begins with '-' and is not the end-line", start)
        self._header(frame, line, start)

    def _start_line(self, line: bytes, start: int) -> None:
        _, transaction_id, *rest = line.split(b" ", 2)
        if not ident(transaction_id):
            self._break("a transaction id is no ident", start + 5)
        what = rest[0] if rest else b""
        name = transaction_id.decode("ascii")
        if what and all(0x41 <= octet <= 0x5A for octet in what):
            self._frame = Frame(start, name, what.decode("ascii"), None, None)
            return
        code, space, comment = what.partition(b" ")
        if len(code) == 3 and code.isdigit():
            self._frame = Frame(start, name, None, int(code), comment if space else None)
            return
        # Where nothing stands behind the id, the method is missing at the end of the line.
        self._break("neither a method nor a status", start + 5 + len(name) + (1 if rest else 0))

    def _header(self, frame: Frame, line: bytes, start: int) -> None:
        if len(frame.lines) >= self.limits.headers:
            self._break("too many header lines", start)
        raw_name, colon, value = line.partition(b":")
        if not colon or not header_name(raw_name):
            self._break("a line is no header", start)
        name = raw_name.decode("ascii")
        stripped = value.lstrip(b" \t")
        value_offset = start + len(line) - len(stripped)
        stripped = stripped.rstrip(b" \t")
        if len(frame.lines) < 2:
            due = ("To-Path", "From-Path")[len(frame.lines)]
            if name.lower() != due.lower():
                self._break(f"{due} is not where it is due", start)
            try:
                Uri.parse_path(stripped.decode("ascii"))
            except (UriError, UnicodeDecodeError):
                self._break(f"{due} is no list of MSRP URIs", value_offset)
        frame.lines.append(Line(start, name, value_offset, stripped))

    # -- body

    def _body_octet(self, octet: int) -> None:
        assert self._frame is not None
        frame = self._frame
        boundary = b"\r\n-------" + frame.transaction_id.encode("ascii")
        self._held.append(octet)
        while self._held and not _may_become(self._held, boundary):
            self._body.append(self._held.pop(0))
        if len(self._held) < len(boundary) + 3:
            return
        flag = _FLAGS[self._held[len(boundary)]]
        end_offset = self.offset - len(self._held) + 1 + 2
        if not self._told:
            frame.flag = flag
            frame.body = bytes(self._body)
            frame.end_offset = end_offset
            self._events.append(frame)
        else:
            if self._body:
                self._events.append(Body(end_offset - 2 - len(self._body), bytes(self._body)))
            self._events.append(Flag(flag, end_offset))
        self._body.clear()
        self._held.clear()
        self._frame = None
        self._in_body = False

    def _hand_out(self) -> None:
        """The octets fed end inside a body: hand out what surely belongs to it."""
        assert self._frame is not None
        if not self._told:
            self._told = True
            self._events.append(self._frame)
        if self._body:
            begin = self.offset - len(self._held) - len(self._body)
            self._events.append(Body(begin, bytes(self._body)))
            self._body.clear()


def _may_become(held: bytearray, boundary: bytes) -> bool:
    """Whether these octets begin, or are, the CRLF and the end-line behind a body."""
    size = len(boundary)
    if not boundary.startswith(held[:size]):
        return False
    return (len(held) <= size or held[size] in _FLAGS) and b"\r\n".startswith(held[size + 1 :])
