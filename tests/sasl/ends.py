"""Ends of an exchange, whoever's they are, and the octets that go through the layer between them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final, Protocol

from msrp_sasl import SASLClient, SaslError, SASLServer, SecurityLayer

from . import cyrus, gsasl
from .parties import NOW

AMOUNT: Final = 1_000_000
"""Octets each way."""


class End(Protocol):
    """One end: tokens until it is complete, and then octets."""

    def step(self, token: bytes | None) -> bytes | None: ...

    @property
    def complete(self) -> bool: ...

    def encode(self, data: bytes) -> bytes: ...

    def decode(self, data: bytes) -> bytes: ...

    def close(self) -> None: ...


class Ours:
    """An end of this library's."""

    exchange: SASLClient | SASLServer
    _begun = False

    def step(self, token: bytes | None) -> bytes | None:
        if self._begun:
            return self.exchange.process(token or b"", NOW)  # others say nothing where it is empty
        self._begun = True
        if isinstance(self.exchange, SASLClient):
            return self.exchange.start(NOW)
        return self.exchange.start(self.exchange.offered[0], token, NOW)

    @property
    def complete(self) -> bool:
        return self.exchange.complete

    @property
    def layer(self) -> SecurityLayer:
        assert self.exchange.layer is not None
        return self.exchange.layer

    def encode(self, data: bytes) -> bytes:
        return b"".join(self.layer.wrap([data]))

    def decode(self, data: bytes) -> bytes:
        return b"".join(self.layer.unwrap(data))

    def close(self) -> None:
        self.exchange.abort()


class Failed(Exception):
    """The exchange or its layer did not work, and who refused it."""


def exchange(first: End, second: End) -> None:
    """Tokens to and fro until both are sure. Raises `Failed`."""
    try:
        token = second.step(first.step(None))
        while not second.complete:
            token = second.step(first.step(token))
        if isinstance(first, Ours) and isinstance(first.exchange, SASLClient):
            first.exchange.succeeded(token, NOW)
        elif token is not None and not first.complete:
            first.step(token)
    except (SaslError, gsasl.Refused, cyrus.Refused) as error:
        raise Failed(f"{type(error).__module__}: {error}") from error
    if not (first.complete and second.complete):
        raise Failed("an end that is not sure")


def pieces(data: bytes, chance: random.Random, most: int) -> Iterator[bytes]:
    """All of it, in random pieces."""
    cuts = sorted(chance.sample(range(len(data)), min(most, len(data) // 2)))
    return (data[a:b] for a, b in pairwise([0, *cuts, len(data)]))


def pour(first: End, second: End, amount: int = AMOUNT) -> None:
    """So many octets each way, in random pieces on both sides of the layer. Raises `Failed`."""
    chance = random.Random(amount)
    said = chance.randbytes(amount)
    for sender, receiver in ((first, second), (second, first)):
        wire = b"".join(map(sender.encode, pieces(said, chance, 60)))
        if said[:1000] in wire and len(wire) == len(said):
            raise Failed("nothing was protected")
        if b"".join(map(receiver.decode, pieces(wire, chance, 200))) != said:
            raise Failed("the octets are others")


def cut(encode: Callable[[bytes], bytes], data: bytes, most: int) -> bytes:
    """Encoded in pieces of at most so many octets."""
    return b"".join(encode(data[start : start + most]) for start in range(0, len(data), most))
