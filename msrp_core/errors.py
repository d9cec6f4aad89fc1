"""The two kinds of error of the framing core.

    ProtocolError
     ├── RemoteProtocolError   the other side sent what RFC 4975 does not allow
     └── LocalProtocolError    we asked for something RFC 4975 does not allow

A `RemoteProtocolError` has one of two ranks. Of the *stream*: nobody can tell where the
next frame begins, or for whom this one is, so the connection must be closed. Of the
*message*: the frame is delimited, one value in it is wrong, so it is answered (with
`status`, usually 400) and the connection goes on.

No text of an error holds octets of a session URI or of a body: they may be secrets.
"""

from __future__ import annotations

from typing import Literal

__all__ = ["LocalProtocolError", "ProtocolError", "RemoteProtocolError"]


class ProtocolError(Exception):
    """What is said or asked does not fit RFC 4975. Never raised itself."""


class RemoteProtocolError(ProtocolError):
    """The other side broke the protocol.

    Attributes:
        rank: ``"stream"`` (close the connection) or ``"message"`` (answer and go on).
        status: the response code to answer with where an answer is due.
        offset: octets of the stream before the first one that is wrong, counted from 0
            at the parser's first octet; the same however the octets were cut.
    """

    def __init__(
        self,
        message: str,
        *,
        offset: int,
        rank: Literal["stream", "message"] = "stream",
        status: int = 400,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.rank: Literal["stream", "message"] = rank
        self.status = status

    def __str__(self) -> str:
        return f"{self.message} (at octet {self.offset})"

    def __reduce__(self) -> tuple[object, ...]:
        return _remote, (self.message, self.offset, self.rank, self.status)


def _remote(
    message: str, offset: int, rank: Literal["stream", "message"], status: int
) -> RemoteProtocolError:
    return RemoteProtocolError(message, offset=offset, rank=rank, status=status)


class LocalProtocolError(ProtocolError):
    """We were asked to make or do what RFC 4975 does not allow; nothing was sent."""
