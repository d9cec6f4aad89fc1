"""Frames to octets, strictly as RFC 4975 section 9 writes them."""

from collections.abc import Iterable, Sequence
from typing import Literal, final

from typing_extensions import Buffer

from ._batch import Batch
from ._frame import Frame

def forget_pool() -> None:
    """Draw new random octets for the ids that follow; called by itself in a process that forked."""

def new_ident() -> str:
    """A fresh transaction id or Message-ID: 96 random bits (RFC 4975 section 7.1 wants 64)."""

def request(
    method: str,
    to_path: str,
    from_path: str,
    headers: Iterable[tuple[str, str]] = (),
    body: Buffer | None = None,
    *,
    flag: Literal["$", "+", "#"] = "$",
    transaction_id: str | None = None,
) -> tuple[str, bytes]:
    """One request: its transaction id (made here unless given) and its octets.

    With `body`, the last of `headers` must be Content-Type; without, none may be ``Content-``
    anything (RFC 4975 section 7.1). Raises `LocalProtocolError` for
    anything the grammar has no room for, and where a given id's end-line occurs in the body.
    """

def response(
    frame: Frame,
    status: int,
    comment: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
) -> bytes:
    """The response to a request (RFC 4975 section 7.2).

    To a SEND it goes to the leftmost URI of the request's From-Path, to any other request to
    the whole of it; From-Path is the first URI of the request's To-Path. Raises
    `LocalProtocolError` for a `status` that is not three digits, and for anything else that the
    grammar has no room for.
    """

@final
class Chunks:
    """Makes the SENDs of one message: all share everything but id, range, flag and body."""

    def __init__(
        self,
        to_path: str,
        from_path: str,
        message_id: str,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        """`headers` follow Byte-Range in every chunk; Content-Type must be last where there is one."""
    def cut(
        self,
        data: Buffer,
        first: int,
        end: int | None,
        total: int | None,
        flag: Literal["$", "+", "#"],
        headers: Sequence[tuple[str, str]] = (),
    ) -> tuple[str, bytes]:
        """One SEND with `data` as its body: its transaction id and its octets.

        `first` is the number of its first octet, counted from 1; `end` and `total` None for
        ``*``. `headers` go before those of the message, into this chunk alone. The id is made
        here, so that its end-line cannot occur in `data`. Raises `LocalProtocolError` for a
        range that cannot be.
        """
    def batch(
        self, data: Buffer, first: int, size: int, total: int | None, last: bool = False
    ) -> tuple[Batch, bytes]:
        """SENDs of at most `size` octets of body each, one after the other: their transactions, their octets.

        With `last` the final one ends the message. Ranges as RFC 4975 section 7.1.1 wants them:
        a chunk above 2,048 octets that is not the last has ``*`` for its end. Raises
        `LocalProtocolError` for a range or a size that cannot be.
        """
