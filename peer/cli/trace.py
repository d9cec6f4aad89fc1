"""``--trace FILE``: every frame of every connection, one JSON object a line, without what is secret.

The event loop only hands octets over; a thread of its own makes lines of them and writes them. Where it
cannot, or cannot keep up, the trace ends, and no session does.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import secrets
import stat
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from msrp_core import Body, Flag, Frame, Parser, RemoteProtocolError

from ..protocol.tap import Tap
from ..terms.blanked import Blanking
from ..terms.errors import UsageError

__all__ = ["Trace"]

_AHEAD: Final = 64 * 1024 * 1024
"""Octets handed over and not looked at; more, and the trace is too slow for the line."""
_BEGINS: Final = b'{"time"'
_LAST: Final = 2.0  # seconds for what is still to be written, where the command ends

_Job = Callable[[], str]


class Trace:
    """A trace being written.

    Raises `UsageError` and OSError where the file cannot be had. What was traced before stays in it. No
    other user of this machine can read it.

    Args:
        path: the file.
        ended: told why the trace ended before its time; from its thread.
    """

    def __init__(self, path: Path, ended: Callable[[OSError], object]) -> None:
        self._file = _opened(path)
        self._name = str(path)
        self._ended = ended
        self._jobs: queue.SimpleQueue[tuple[_Job | None, int]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._ahead = 0
        self._over = False
        self._thread = threading.Thread(target=self._run, name="trace", daemon=True)
        self._thread.start()

    # -- from the event loop (`msrp_peer.aio.taps.Watcher`)

    def line(self, address: str) -> Tap:
        tap = _Tap(self)
        tap.event("line", address=address)
        return tap

    def gone(self, tap: Tap, reason: str | None) -> None:
        if isinstance(tap, _Tap):
            tap.event("gone", reason=reason)

    def close(self) -> None:
        """Write what is still to be written, for a moment."""
        self._jobs.put((None, 0))
        self._thread.join(_LAST)

    def put(self, job: _Job, octets: int) -> None:
        """Something to be written: a call that makes lines, in the thread, and what it holds meanwhile."""
        if self._over:
            return
        with self._lock:
            self._ahead += octets
            late = self._ahead > _AHEAD
        if late:
            self._end(OSError(0, "it is written too slowly for what passes on the line", self._name))
        else:
            self._jobs.put((job, octets))

    # -- the thread

    def _run(self) -> None:
        while True:
            job, octets = self._jobs.get()
            if job is None:
                break
            if not self._over:
                try:
                    self._write(job().encode("ascii"))
                except OSError as error:
                    self._end(OSError(error.errno, error.strerror, self._name))
            with self._lock:
                self._ahead -= octets
        with contextlib.suppress(OSError):
            os.close(self._file)

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._file, data) :]

    def _end(self, why: OSError) -> None:
        with self._lock:
            first, self._over = not self._over, True
        if first:
            self._ended(why)


class _Tap:
    """One connection's, with an id of its own."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._id = secrets.token_hex(3)
        blanking = Blanking()  # used in the thread alone
        self._heard, self._said = _Direction("in", blanking), _Direction("out", blanking)

    def heard(self, octets: bytes) -> None:
        self._frames(self._heard, octets)

    def said(self, octets: bytes) -> None:
        self._frames(self._said, octets)

    def event(self, event: str, **fields: object) -> None:
        now = time.time()
        self._trace.put(lambda: self._line(now, {"event": event, **fields}), 0)

    def _frames(self, direction: _Direction, octets: bytes) -> None:
        now = time.time()
        self._trace.put(
            lambda: "".join(self._line(now, shown) for shown in direction.shown(octets)), len(octets)
        )

    def _line(self, now: float, fields: dict[str, object]) -> str:
        when = datetime.fromtimestamp(now, UTC).isoformat(timespec="microseconds")
        # ASCII alone: whoever looks at the file on a terminal is not obeyed by it.
        return json.dumps({"time": when, "connection": self._id, **fields}, ensure_ascii=True) + "\n"


class _Direction:
    """What goes one way, frame by frame: a line is made where a frame ends."""

    def __init__(self, word: str, blanking: Blanking) -> None:
        self._word = word
        self._blanking = blanking
        self._parser: Parser | None = Parser()
        self._frame: Frame | None = None
        self._size = 0

    def shown(self, octets: bytes) -> Iterator[dict[str, object]]:
        if self._parser is None:
            return
        try:
            for event in self._parser.feed(octets):
                if isinstance(event, Frame):
                    self._frame, self._size = event, event.size
                elif isinstance(event, Body):
                    self._size += len(event)
                if (flag := event.flag if isinstance(event, Frame | Flag) else None) is not None:
                    yield self._ended(flag)
        except RemoteProtocolError as error:
            self._parser = None  # nobody can tell what follows
            yield {"event": "error", "direction": self._word, "message": error.message}

    def _ended(self, flag: str) -> dict[str, object]:
        frame = self._frame
        assert frame is not None  # a flag ends one
        shown: dict[str, object] = {
            "event": "response" if frame.method is None else "request",
            "direction": self._word,
            "transaction_id": frame.transaction_id,
        }
        if frame.method is None:
            shown |= {"status": frame.status, "comment": self._blanking.comment(frame)}
        else:
            shown["method"] = frame.method
        shown["headers"] = self._blanking.headers(frame)
        shown["body"] = self._size if frame.has_body else None
        return shown | {"flag": flag}


def _opened(path: Path) -> int:
    """Open for appending, readable for nobody else. Raises `UsageError` and OSError."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    # No link is followed, and nobody is waited for who would read a pipe.
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise UsageError(f"no trace can be written to {path}: {error.strerror}") from None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"{path} is no plain file: a trace goes into one")
        # What the name was given to by mistake stays what it is.
        if os.read(descriptor, len(_BEGINS)) not in (b"", _BEGINS):
            raise UsageError(f"{path} is there, and is no trace: name a new file")
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, 0o600)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
