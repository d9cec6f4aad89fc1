"""The framing of security layers (RFC 4422 section 3.7): octets in, octets out.

Each buffer goes as its length in four octets, and then itself, protected by the mechanism.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from .errors import Reason, SaslError, SaslUsageError
from .interfaces import LayerTerms

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["SecurityLayer"]

_LENGTH: Final = 4  # octets
_FAILED_BEFORE: Final = SaslError(Reason.MALFORMED, "the layer failed before")


class SecurityLayer:
    """One connection's layer, in both directions.

    Holds what has arrived of one buffer, which is at most the size that was announced; a
    length is never believed before. After the first fault nothing goes through any more.

    Attributes:
        terms: what was agreed on.
        empty: whether the last buffer that came held nothing (`end`).
    """

    def __init__(
        self, protect: Callable[[bytes], bytes], check: Callable[[bytes], bytes], terms: LayerTerms
    ) -> None:
        """`protect` and `check` turn one buffer into the protected one and back."""
        if not (0 < terms.room <= terms.send and terms.receive > 0):
            raise SaslUsageError("a layer without room for an octet")
        self.terms = terms
        self.empty = False
        self._protect = protect
        self._check = check
        self._waiting: deque[memoryview] = deque()
        self._length: int | None = None
        self._partial = bytearray()
        self._fault: SaslError | None = None

    @property
    def partial(self) -> bool:
        """Whether a buffer is half read: the end of the stream here is a failure."""
        return bool(self._partial) or self._length is not None

    def unwrap(self, data: Buffer) -> Iterator[bytes]:
        """Octets from the network; iterate to the end for what they hold, buffer by buffer.

        The iterator raises `SaslError` at a buffer that is too large or broken, and so does
        every later one: close then. What came before that buffer is good.
        """
        if self._fault is None:  # else nobody will ever take them
            self._waiting.append(memoryview(data).cast("B"))
        return self._opened()

    def wrap(self, pieces: Sequence[Buffer]) -> list[bytes]:
        """Octets for the network, in as few buffers as will hold them.

        Raises `SaslError` after a fault, and where the mechanism cannot protect any more:
        close then.
        """
        self._alive()
        whole = b"".join(pieces)
        room = self.terms.room
        return [self._framed(whole[start : start + room]) for start in range(0, len(whole), room)]

    def end(self) -> bytes:
        """One buffer that holds nothing. RFC 4422 has no goodbye; a protocol may take this for one, and
        whoever does not know it reads nothing. Raises as `wrap`.
        """
        self._alive()
        return self._framed(b"")

    def _framed(self, plain: bytes) -> bytes:
        buffer = self._through(self._protect, plain)
        if len(buffer) > self.terms.send:
            self._fail(_FAILED_BEFORE)
            raise SaslUsageError("the mechanism made a buffer larger than the other side takes")
        return b"".join((len(buffer).to_bytes(_LENGTH), buffer))

    def _opened(self) -> Iterator[bytes]:
        self._alive()
        while self._waiting:
            buffer, rest = self._taken(self._waiting.popleft())
            if rest:
                self._waiting.appendleft(rest)
            if buffer is not None:
                plain = self._through(self._check, buffer)
                self.empty = not plain
                if plain:
                    yield plain
                self._alive()

    def _taken(self, data: memoryview) -> tuple[bytes | None, memoryview]:
        """The next buffer, once all of it is there, and what is left of `data`."""
        if self._length is None:
            if not self._partial and len(data) >= _LENGTH:  # all of it at once, as usual
                self._length = self._believed(int.from_bytes(data[:_LENGTH]))
                data = data[_LENGTH:]
            else:
                data = self._collect(data, _LENGTH)
                if len(self._partial) < _LENGTH:
                    return None, data
                self._length = self._believed(int.from_bytes(self._partial))
                self._partial.clear()
        length = self._length
        if not self._partial and len(data) >= length:  # then it is copied but once
            buffer, data = bytes(data[:length]), data[length:]
        else:
            data = self._collect(data, length)
            if len(self._partial) < length:
                return None, data
            buffer = bytes(self._partial)
            self._partial.clear()
        self._length = None
        return buffer, data

    def _collect(self, data: memoryview, wanted: int) -> memoryview:
        """Take what is missing to so many octets; returns the rest."""
        missing = wanted - len(self._partial)
        self._partial += data[:missing]
        return data[missing:]

    def _believed(self, length: int) -> int:
        if length > self.terms.receive:
            self._fail(
                SaslError(
                    Reason.MALFORMED,
                    f"a buffer of {length} octets, where {self.terms.receive} were agreed on",
                )
            )
        self._alive()
        return length

    def _through(self, mechanism: Callable[[bytes], bytes], octets: bytes) -> bytes:
        """Whatever goes wrong inside ends the layer: a mechanism's state is not what it was."""
        try:
            return mechanism(octets)
        except SaslError as error:
            self._fail(error)
            raise
        except BaseException:
            self._fail(_FAILED_BEFORE)
            raise

    def _fail(self, error: SaslError) -> None:
        self._fault = error
        self._waiting.clear()
        self._partial.clear()
        self._length = None

    def _alive(self) -> None:
        if self._fault is not None:
            raise SaslError(self._fault.reason, str(self._fault))
