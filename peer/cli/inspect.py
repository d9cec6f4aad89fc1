"""``msrp inspect``: what a stream of MSRP holds, as one JSON object a line.

The output is the same however the octets are fed, so that it can be compared: each frame is
shown with one object for its body, whose octets are hashed as they pass and never kept.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from ..terms.display import escape
from .exits import Exit

if TYPE_CHECKING:
    from io import BufferedReader

    from typing_extensions import Buffer

    from msrp_core import Body, Flag, Frame, RemoteProtocolError

__all__ = ["Inspector", "add_arguments", "run"]

_STEP: Final = 65536
# CRLF, seven hyphens, an id of at most 32, a flag, CRLF: what a parser may hold back of a body.
_LONGEST_END: Final = 2 + 7 + 32 + 1 + 2

_EPILOG: Final = """\
A stream is what one side of a connection sends to the other, octet by octet and without TLS, from
its first octet on, which has offset 0: what "Follow TCP stream" of Wireshark saves as raw, in one
direction, or what a program of your own has written down. What msrp itself sends is encrypted, so
that no capture shows it: there --trace FILE of msrp send, listen and the others writes the frames.

Each frame gives these objects, in this order, each on a line of its own:

  {"event": "request", "offset": 0, "transaction_id": "abcd", "method": "SEND",
   "headers": [["To-Path", "msrp://..."], ...]}
      or {"event": "response", ..., "status": 200, "headers": [...]}
  {"event": "body", "offset": 180, "size": 5, "sha256": "..."}
      where there is a body, even an empty one
  {"event": "end", "offset": 187, "flag": "$"}

An offset is the number of octets before, in the whole stream: of the frame, of its body, of its
end-line. What is wrong is said at the octet where it is wrong, and has one of two ranks:

  {"event": "error", "rank": "message", ...}   one value is wrong; behind the request or response
  {"event": "error", "rank": "stream", ...}    nobody can tell what follows; nothing does

A stream that ends inside a frame is such an error too. Exit code 1 says that the stream is in
error, 2 that FILE cannot be read.

URIs are shown in full. Whoever knows the URI of a session may speak in it while it lasts: treat
the output as you treat FILE.

examples:
  msrp inspect capture.msrp
  msrp inspect --one-byte capture.msrp   the same output, or the parser has a fault
  printf 'MSRP abcd SEND\\r\\n' | msrp inspect -
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of ``msrp inspect``, and the help that teaches them."""
    parser.epilog = _EPILOG
    parser.add_argument(
        "file",
        nargs="?",
        default="-",
        metavar="FILE",
        help="what one side of a connection said, without TLS; - reads standard input (-)",
    )
    parser.add_argument(
        "--one-byte", action="store_true", help="feed the parser one octet at a time; the output is the same"
    )


def run(args: argparse.Namespace) -> int:
    """Print what the stream holds.

    Returns the exit code: 0, or 1 where the stream is in error, or 2 where FILE cannot be read.
    """
    inspector = Inspector()
    try:
        for octets in _read(args.file, 1 if args.one_byte else _STEP):
            _print(inspector.feed(octets))
            if inspector.broken:
                return Exit.FAILED
    except _Unreadable as error:
        print(f"msrp: cannot read {escape(args.file)}: {error}", file=sys.stderr)
        return Exit.USAGE
    _print(inspector.end())
    return Exit.FAILED if inspector.broken else Exit.DONE


class Inspector:
    """Turns octets into the objects to print; knows nothing of files.

    Attributes:
        broken: whether the stream is in error; then nothing more is to be fed.
    """

    def __init__(self) -> None:
        # Loaded here, so that the help of every command can be shown without the engine.
        from msrp_core import Body, Frame, Parser, RemoteProtocolError

        self._body_type = Body
        self._frame_type = Frame
        self._error_type = RemoteProtocolError
        self._parser = Parser()
        self._total = 0
        self._tail = b""
        self._body: _Body | None = None
        self.broken = False

    def feed(self, octets: bytes) -> Iterator[dict[str, object]]:
        """What these octets complete; to be iterated to its end before the next call."""
        self._total += len(octets)
        self._tail = (self._tail + octets)[-_LONGEST_END:]
        try:
            for event in self._parser.feed(octets):
                yield from self._say(event)
        except self._error_type as error:
            yield self._fail(error)

    def end(self) -> Iterator[dict[str, object]]:
        """What the end of the stream completes: nothing, or an error behind the body so far."""
        try:
            self._parser.end()
        except self._error_type as error:
            if self._body is not None:
                # What might have become the end-line did not: it counts as body, however it was fed.
                held = self._total - self._body.end
                self._body.add(self._tail[len(self._tail) - held :])
                yield self._body.shown()
            yield self._fail(error)

    def _say(self, event: Frame | Body | Flag) -> Iterator[dict[str, object]]:
        if isinstance(event, self._frame_type):
            yield _head(event)
            fault = event.fault()
            if fault is not None:
                yield _error(fault)
            if event.has_body:
                self._body = _Body(event.body_offset)
                self._body.add(event)
            if event.flag is not None:
                yield from self._end(event.end_offset, event.flag)
        elif isinstance(event, self._body_type):
            assert self._body is not None
            self._body.add(event)
        else:
            yield from self._end(event.offset, event.flag)

    def _end(self, offset: int | None, flag: str) -> Iterator[dict[str, object]]:
        if self._body is not None:
            yield self._body.shown()
            self._body = None
        yield {"event": "end", "offset": offset, "flag": flag}

    def _fail(self, error: RemoteProtocolError) -> dict[str, object]:
        self.broken = True
        return _error(error)


class _Body:
    """The body being read: its place, its size so far, its digest so far."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.end = offset
        self._digest = hashlib.sha256()

    def add(self, octets: Buffer) -> None:
        view = memoryview(octets)
        self.end += view.nbytes
        self._digest.update(view)

    def shown(self) -> dict[str, object]:
        size = self.end - self.offset
        return {"event": "body", "offset": self.offset, "size": size, "sha256": self._digest.hexdigest()}


def _head(frame: Frame) -> dict[str, object]:
    shown: dict[str, object] = {
        "event": "response" if frame.method is None else "request",
        "offset": frame.offset,
        "transaction_id": frame.transaction_id,
    }
    if frame.method is None:
        shown["status"] = frame.status
    else:
        shown["method"] = frame.method
    shown["headers"] = [list(header) for header in frame.headers]
    return shown


def _error(error: RemoteProtocolError) -> dict[str, object]:
    return {"event": "error", "rank": error.rank, "offset": error.offset, "message": error.message}


def _print(objects: Iterator[dict[str, object]]) -> None:
    # ASCII alone: nothing of the stream reaches the terminal as it is.
    for one in objects:
        print(json.dumps(one, ensure_ascii=True), flush=True)


class _Unreadable(Exception):
    """FILE cannot be opened, or not be read further; says why."""


def _read(name: str, step: int) -> Iterator[bytes]:
    """The octets of a file, or of standard input, at most `step` at a time.

    Raises _Unreadable; never while whoever iterates works on what was read.
    """
    with ExitStack() as stack:
        try:
            if name != "-":
                source = stack.enter_context(Path(name).open("rb"))
            elif sys.stdin is None:
                raise _Unreadable("standard input is closed")
            else:
                if sys.stdin.isatty():
                    print("msrp: reading the stream from this terminal; Ctrl-D ends it", file=sys.stderr)
                source = cast("BufferedReader", sys.stdin.buffer)
        except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
            raise _Unreadable(_reason(error)) from None
        while True:
            try:
                # What is there, without waiting for more: standard input may be a live line.
                octets = source.read1(_STEP)
            except OSError as error:
                raise _Unreadable(_reason(error)) from None
            if not octets:
                return
            for start in range(0, len(octets), step):
                yield octets[start : start + step]


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
