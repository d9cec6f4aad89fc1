"""DIGEST-MD5 with every other side there is, in both roles and with every protection.

Each cell is an exchange, a million octets each way through its layer, and exchanges that must fail.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Final, NamedTuple, Protocol

from msrp_sasl import Password, Policy, SASLClient, SaslError, SASLServer, SecurityLayer

from . import cyrus, gsasl
from .digests import CIPHERS, NAME, VERIFIED, policy
from .parties import ALICE, BOB, EVE, NOW, SECRET, Kept, Passwords, acceptor, initiator

HOST: Final = "bob@lan"
AMOUNT: Final = 1_000_000
"""Octets each way."""


class Cell(NamedTuple):
    qop: str
    cipher: str
    peer: str
    role: str
    """Ours."""


@dataclass(frozen=True)
class Terms:
    """With what an end goes into the exchange."""

    qop: Any
    cipher: Any
    password: str = SECRET
    acceptor: str = BOB

    @property
    def policy(self) -> Policy:
        return policy(self.qop, ciphers=(self.cipher,) if self.cipher else ("rc4",))

    @property
    def host(self) -> str:
        return self.acceptor.removeprefix("im:")


class End(Protocol):
    """One end, whoever's it is: tokens until it is complete, and then octets."""

    def step(self, token: bytes | None) -> bytes | None: ...

    @property
    def complete(self) -> bool: ...

    def encode(self, data: bytes) -> bytes: ...

    def decode(self, data: bytes) -> bytes: ...

    def close(self) -> None: ...


class _Ours:
    exchange: SASLClient | SASLServer

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
        self.exchange.dispose()


class OurInitiator(_Ours):
    def __init__(self, terms: Terms) -> None:
        known = Passwords({(ALICE, terms.acceptor): Password(terms.password)})
        self.exchange: SASLClient = initiator(
            NAME, acceptor=terms.acceptor, channel=VERIFIED, policy=terms.policy, credentials=known
        )
        self._begun = False

    def step(self, token: bytes | None) -> bytes | None:
        if not self._begun:
            self._begun = True
            return self.exchange.start(NOW)
        assert token is not None
        return self.exchange.process(token, NOW)


class OurAcceptor(_Ours):
    def __init__(self, terms: Terms) -> None:
        kept = Kept().add_digest(ALICE, terms.acceptor, terms.password, "lan")
        self.exchange: SASLServer = acceptor(
            NAME, me=terms.acceptor, policy=terms.policy, verifiers=kept, realms=("lan",)
        )
        self._begun = False

    def step(self, token: bytes | None) -> bytes | None:
        if not self._begun:
            self._begun = True
            return self.exchange.start(NAME, token, NOW)
        assert token is not None
        return self.exchange.process(token, NOW)


STRENGTHS: Final = {"auth": 0, "auth-int": 1, "rc4": 128, "3des": 112, "rc4-56": 56, "des": 55, "rc4-40": 40}
"""Those by which Cyrus SASL knows them."""


class Cyrus(cyrus.Cyrus):
    def __init__(self, side: Any, terms: Terms) -> None:
        strength = STRENGTHS[terms.cipher or terms.qop]
        super().__init__(
            side,
            NAME,
            user=ALICE,
            password=terms.password,
            host=terms.host,
            least=strength,
            most=strength,
        )

    def encode(self, data: bytes) -> bytes:
        most = self.number(cyrus.MOST)
        return b"".join(super(Cyrus, self).encode(data[a : a + most]) for a in range(0, len(data), most))


class Gsasl(gsasl.Gsasl):
    def __init__(self, side: Any, terms: Terms) -> None:
        super().__init__(side, NAME, user=ALICE, password=terms.password, host=terms.host, qop=terms.qop)
        self._left = b""

    def encode(self, data: bytes) -> bytes:
        most = 65536 - 16  # it cuts nothing by itself
        return b"".join(super(Gsasl, self).encode(data[a : a + most]) for a in range(0, len(data), most))

    def decode(self, data: bytes) -> bytes:
        """It takes whole buffers, one at a time."""
        self._left += data
        found = b""
        while len(self._left) >= 4 and len(self._left) >= (end := 4 + int.from_bytes(self._left[:4])):
            found += super().decode(self._left[:end])
            self._left = self._left[end:]
        return found


Maker = Callable[[Terms], End]


class Peer(NamedTuple):
    title: str
    initiator: Maker
    acceptor: Maker


PEERS: Final = {
    "ours": Peer("this library", OurInitiator, OurAcceptor),
    "gsasl": Peer("GNU SASL", lambda t: Gsasl("client", t), lambda t: Gsasl("server", t)),
    "cyrus": Peer("Cyrus SASL", lambda t: Cyrus("client", t), lambda t: Cyrus("server", t)),
}
ROWS: Final = [("auth", ""), ("auth-int", ""), *(("auth-conf", cipher) for cipher in CIPHERS)]
CELLS: Final = [
    Cell(*row, peer, role) for row in ROWS for peer in PEERS for role in ("initiator", "acceptor")
]


class Failed(Exception):
    """The exchange or its layer did not work, and who refused it."""


def refuses(cell: Cell) -> bool:
    """What the other side has no mind or no means to do; the tests see to it that it does not."""
    if cell.peer == "gsasl":
        return cell.qop == "auth-conf"
    return cell.peer == "cyrus" and cell.cipher == "3des"


def exchange(first: End, second: End) -> None:
    """Tokens to and fro until both are sure. Raises `Failed`."""
    try:
        token = second.step(first.step(None))
        while not second.complete:
            token = second.step(first.step(token))
        if isinstance(first, OurInitiator):
            first.exchange.succeeded(token, NOW)
        elif not first.complete:
            first.step(token)
    except (SaslError, gsasl.Refused, cyrus.Refused) as error:
        raise Failed(f"{type(error).__module__}: {error}") from error
    if not (first.complete and second.complete):
        raise Failed("an end that is not sure")


def pieces(data: bytes, chance: random.Random, most: int) -> Iterator[bytes]:
    """All of it, in random pieces."""
    cuts = sorted(chance.sample(range(len(data)), min(most, len(data) // 2)))
    return (data[a:b] for a, b in pairwise([0, *cuts, len(data)]))


def pour(first: End, second: End, amount: int) -> None:
    """So many octets each way, in random pieces on both sides of the layer. Raises `Failed`."""
    chance = random.Random(amount)
    said = chance.randbytes(amount)
    for sender, receiver in ((first, second), (second, first)):
        wire = b"".join(map(sender.encode, pieces(said, chance, 60)))
        if said[:1000] in wire and len(wire) == len(said):
            raise Failed("nothing was protected")
        if b"".join(map(receiver.decode, pieces(wire, chance, 200))) != said:
            raise Failed("the octets are others")


def run(cell: Cell, ours: Terms, theirs: Terms) -> None:
    """An exchange of this cell, and its layer. Raises `Failed`."""
    peer = PEERS[cell.peer]
    first, second = None, None
    try:
        try:
            if cell.role == "initiator":
                first, second = OurInitiator(ours), peer.acceptor(theirs)
            else:
                first, second = peer.initiator(theirs), OurAcceptor(ours)
            exchange(first, second)
        except (cyrus.Refused, gsasl.Refused) as error:
            raise Failed(str(error)) from error
        if cell.qop != "auth":
            pour(first, second, AMOUNT)
    finally:
        for end in (first, second):
            if end is not None:
                end.close()


@cache
def faults(cell: Cell) -> tuple[str, ...]:
    """What is not as it should be; nothing where it works and no false exchange does."""
    good = Terms(cell.qop, cell.cipher)
    found = []
    try:
        run(cell, good, good)
    except Failed as failure:
        found.append(str(failure))
    false = {"a wrong password": Terms(cell.qop, cell.cipher, "another password")}
    # An acceptor of theirs lets us in whomever we mean: neither of them looks at the digest-uri.
    if cell.role == "acceptor" or cell.peer == "ours":
        false["another acceptor"] = Terms(cell.qop, cell.cipher, acceptor=EVE)
    for what, terms in false.items():
        try:
            run(cell, good, terms)
        except Failed:
            continue
        found.append(f"{what} was accepted")
    return tuple(found)


def word(cell: Cell) -> str:
    if refuses(cell):
        return "refuses"
    return "works" if not faults(cell) else "FAILS"


def section() -> list[str]:
    """The lines of docs/sasl-interop.md about it."""
    columns = [(key, role) for key in PEERS for role in ("acceptor", "initiator")]
    lines = [
        "",
        "## DIGEST-MD5",
        "",
        "Here *works* also means that a million octets go each way through the layer, in random pieces, and"
        " that our acceptor refuses who means another one. *refuses*: the other side has no mind or no means"
        " to do it.",
        "",
        "| protection | cipher | "
        + " | ".join(f"{PEERS[key].title}, {role}" for key, role in columns)
        + " |",
        "| --- | --- |" + " --- |" * len(columns),
    ]
    for qop, cipher in ROWS:
        words = [
            word(Cell(qop, cipher, key, "initiator" if role == "acceptor" else "acceptor"))
            for key, role in columns
        ]
        lines.append(f"| {qop} | {cipher} | " + " | ".join(words) + " |")
    lines += [
        "",
        "What the others refuse or do otherwise, each shown by a test:",
        "",
        "- GNU SASL has no auth-conf. It puts a user name into the hash in UTF-8 even where ISO 8859-1 would"
        " do, so that users like `müller` cannot log in with it, nor at it; and it neither writes nor reads"
        " the backslashes before quotes in names.",
        "- Cyrus SASL, as Debian builds it, cannot begin 3des, and for des needs OpenSSL's legacy provider."
        " As an initiator it sends names in UTF-8 without saying so; our acceptor understands it all the"
        " same. To an acceptor it knows already it says its last response once more, with the next count;"
        " our acceptor then begins anew, and so does Cyrus SASL.",
        "- Neither of the two, as an acceptor, looks at whom the initiator means.",
        "- pure-sasl's own DIGEST-MD5, an initiator, has auth alone.",
    ]
    return lines
