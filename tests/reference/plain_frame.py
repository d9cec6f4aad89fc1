"""What the plain parser hands out: the interface of `msrp_core._frame`, in plain Python."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from msrp_core import RemoteProtocolError
from reference.plain_values import (
    ByteRange,
    ident,
    media_type,
    no_text,
    read_byte_range,
    read_choice,
    read_status,
)

__all__ = ["Body", "Flag", "FlagName", "Frame", "Line"]

FlagName = Literal["$", "+", "#"]
_ONCE = (
    "to-path",
    "from-path",
    "message-id",
    "byte-range",
    "success-report",
    "failure-report",
    "status",
    "content-type",
)


@dataclass(frozen=True)
class Line:
    """One header line: where it begins in the stream, and where its value does."""

    offset: int
    name: str
    value_offset: int
    value: bytes


class Frame:
    def __init__(
        self, offset: int, transaction_id: str, method: str | None, status: int | None, comment: bytes | None
    ) -> None:
        self.offset = offset
        self.transaction_id = transaction_id
        self.method = method
        self.status = status
        self.raw_comment = comment
        self.lines: list[Line] = []
        self.body_offset = 0
        self.end_offset: int | None = None
        self.has_body = False
        self.flag: FlagName | None = None
        self.body = b""

    @property
    def comment(self) -> str | None:
        return None if self.raw_comment is None else self.raw_comment.decode("utf-8", "replace")

    @property
    def to_path(self) -> str:
        return self.lines[0].value.decode("ascii")

    @property
    def from_path(self) -> str:
        return self.lines[1].value.decode("ascii")

    def _first(self, name: str) -> Line | None:
        return next((line for line in self.lines if line.name.lower() == name), None)

    @property
    def message_id(self) -> str | None:
        line = self._first("message-id")
        if line is None:
            return None
        if not ident(line.value):
            raise _wrong("Message-ID is no ident", line.value_offset)
        return line.value.decode("ascii")

    @property
    def byte_range(self) -> ByteRange | None:
        line = self._first("byte-range")
        if line is None:
            return None
        found = read_byte_range(line.value)
        if found is None:
            raise _wrong("Byte-Range is no possible range", line.value_offset)
        return found

    @property
    def content_type(self) -> str | None:
        line = self._first("content-type")
        if line is None:
            return None
        if not media_type(line.value):
            raise _wrong("Content-Type is no media type", line.value_offset)
        return line.value.decode("utf-8", "replace")

    @property
    def success_report(self) -> bool:
        line = self._first("success-report")
        if line is None:
            return False
        found = read_choice(line.value, "yes", "no")
        if found is None:
            raise _wrong("Success-Report is neither yes nor no", line.value_offset)
        return found == "yes"

    @property
    def failure_report(self) -> str:
        line = self._first("failure-report")
        if line is None:
            return "yes"
        found = read_choice(line.value, "yes", "no", "partial")
        if found is None:
            raise _wrong("Failure-Report is none of yes, no, partial", line.value_offset)
        return found

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return tuple((line.name, line.value.decode("utf-8", "replace")) for line in self.lines)

    def header(self, name: str) -> str | None:
        line = self._first(name.lower())
        return None if line is None else line.value.decode("utf-8", "replace")

    @property
    def size(self) -> int:
        return len(self.body)

    def fault(self) -> RemoteProtocolError | None:
        return min(self._faults(), key=lambda fault: fault.offset, default=None)

    def _faults(self) -> Iterator[RemoteProtocolError]:
        """Every value that is wrong; of those at one place, the one that says most first."""
        for value in ("message_id", "byte_range", "content_type", "success_report", "failure_report"):
            try:
                getattr(self, value)
            except RemoteProtocolError as fault:
                yield fault
        status = self._first("status")
        if status is not None and not read_status(status.value):
            yield _wrong("Status is no status", status.value_offset)
        if self.raw_comment is not None and (at := no_text(self.raw_comment)) is not None:
            # The comment stands behind "MSRP", the id and the status, a space after each.
            start = self.offset + 5 + len(self.transaction_id) + 5
            yield _wrong("no text in the comment", start + at)
        seen = set()
        for line in self.lines:
            name = line.name.lower()
            if (at := no_text(line.value)) is not None:
                yield _wrong("no text in a header value", line.value_offset + at)
            if name in _ONCE and name in seen:
                yield _wrong(f"{name} stands twice", line.offset)
            seen.add(name)
            if name == "content-type" and self.has_body and line is not self.lines[-1]:
                yield _wrong("Content-Type is not the last header", line.offset)
        if self.has_body and self.status is not None:
            yield _wrong("a response has a body", self.body_offset)
        elif self.has_body and "content-type" not in seen:
            yield _wrong("a body has no Content-Type", self.body_offset)

    def __len__(self) -> int:
        return len(self.body)

    def __bytes__(self) -> bytes:
        return self.body

    def __repr__(self) -> str:
        return f"<Frame {self.method or self.status} {self.transaction_id} at {self.offset}>"


@dataclass(frozen=True)
class Body:
    offset: int
    octets: bytes

    def __len__(self) -> int:
        return len(self.octets)

    def __bytes__(self) -> bytes:
        return self.octets


@dataclass(frozen=True)
class Flag:
    flag: FlagName
    offset: int


def _wrong(message: str, offset: int) -> RemoteProtocolError:
    return RemoteProtocolError(message, offset=offset, rank="message")
