"""What the parser hands out: frames and their values, decoded when asked."""

from collections.abc import Iterator
from typing import Literal, final

from .errors import RemoteProtocolError

@final
class ByteRange:
    """The value of a Byte-Range header (RFC 4975 section 9).

    Octets are counted from 1. ``None`` stands for ``*``: not known, or open to interruption.
    ``start, end, total = range`` takes it apart; it equals the tuple of the three.
    Raises `LocalProtocolError` for a number below 0 or of 2 ** 63 or more.
    """

    def __init__(self, start: int, end: int | None = None, total: int | None = None) -> None: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int | None: ...
    @property
    def total(self) -> int | None: ...
    def __iter__(self) -> Iterator[int | None]: ...
    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Frame:
    """One request or response, or the head of one.

    Where a whole frame lay in the octets fed, `flag` is set and the body is here: the object
    exports the buffer protocol, so ``memoryview(frame)`` reads it without a copy. Where it did
    not, `flag` is None, `size` is 0, and `Body` and `Flag` events follow.

    Values are decoded when asked. One that is wrong raises `RemoteProtocolError` of rank
    ``"message"`` at that moment; `fault` finds the first of them.
    """

    @property
    def offset(self) -> int:
        """Octets of the stream before this frame."""
    @property
    def end_offset(self) -> int | None:
        """Octets of the stream before this frame's end-line; None while that is not known."""
    @property
    def body_offset(self) -> int:
        """Octets of the stream before the body (before the end-line where there is none)."""
    @property
    def transaction_id(self) -> str: ...
    @property
    def method(self) -> str | None:
        """SEND, REPORT, AUTH, ... for a request; None for a response."""
    @property
    def status(self) -> int | None:
        """The code of a response, 0 to 999; None for a request."""
    @property
    def comment(self) -> str | None:
        """The free text after a response's code (RFC 4975 section 7.2); None where there is none."""
    @property
    def to_path(self) -> str:
        """The To-Path as it stands: one URI or several, one space between them. Confidential."""
    @property
    def from_path(self) -> str:
        """The From-Path as it stands. Confidential."""
    @property
    def message_id(self) -> str | None: ...
    @property
    def byte_range(self) -> ByteRange | None:
        """The Byte-Range header, None where there is none (the message then begins at octet 1)."""
    @property
    def content_type(self) -> str | None: ...
    @property
    def success_report(self) -> bool:
        """Whether a success REPORT is asked for; False where the header is absent."""
    @property
    def failure_report(self) -> Literal["yes", "no", "partial"]:
        """``"yes"`` where the header is absent (RFC 4975 section 7.1)."""
    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Every header line, MIME ones included, in order, names as they were written.

        Octets that are not UTF-8 appear as U+FFFD.
        """
    def header(self, name: str) -> str | None:
        """The value of the first header of that name, in any case; None where there is none."""
    @property
    def has_body(self) -> bool:
        """Whether there is a body at all; an empty one counts (RFC 4975 section 7.1)."""
    @property
    def flag(self) -> Literal["$", "+", "#"] | None:
        """The continuation flag; None while the body goes on in the events that follow."""
    @property
    def size(self) -> int:
        """Octets of body in this object."""
    @property
    def weight(self) -> int:
        """Octets of memory to count for a message that waits in this frame: body, head, and the rest."""
    @property
    def body(self) -> bytes:
        """The octets of body in this object; a copy where it does not have them to itself."""
    def fault(self) -> RemoteProtocolError | None:
        """The first value that is wrong, by position; None where all are right."""
    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

@final
class Body:
    """Octets of the body of the frame begun last. Exports the buffer protocol."""

    @property
    def offset(self) -> int:
        """Octets of the stream before these."""
    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

@final
class Flag:
    """The end of a frame that came in more than one event."""

    @property
    def flag(self) -> Literal["$", "+", "#"]: ...
    @property
    def offset(self) -> int:
        """Octets of the stream before the end-line's first hyphen."""
