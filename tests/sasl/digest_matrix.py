"""DIGEST-MD5 with every other side there is, in both roles and with every protection.

Each cell is an exchange, a million octets each way through its layer, and exchanges that must fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

from msrp_sasl import Password, Policy, SASLClient, SASLServer

from . import cyrus, gsasl
from .digests import CIPHERS, NAME, VERIFIED, policy
from .ends import End, Failed, Ours, cut, exchange, pour
from .parties import ALICE, BOB, EVE, SECRET, Kept, Passwords, acceptor, initiator

HOST: Final = "bob@lan"


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


class OurInitiator(Ours):
    def __init__(self, terms: Terms) -> None:
        known = Passwords({(ALICE, terms.acceptor): Password(terms.password)})
        self.exchange: SASLClient = initiator(
            NAME, acceptor=terms.acceptor, channel=VERIFIED, policy=terms.policy, credentials=known
        )


class OurAcceptor(Ours):
    def __init__(self, terms: Terms) -> None:
        kept = Kept().add_digest(ALICE, terms.acceptor, terms.password, "lan")
        self.exchange: SASLServer = acceptor(
            NAME, me=terms.acceptor, policy=terms.policy, verifiers=kept, realms=("lan",)
        )


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
        return cut(super().encode, data, self.number(cyrus.MOST))


class Gsasl(gsasl.Gsasl):
    def __init__(self, side: Any, terms: Terms) -> None:
        super().__init__(side, NAME, user=ALICE, password=terms.password, host=terms.host, qop=terms.qop)
        self._left = b""

    def encode(self, data: bytes) -> bytes:
        return cut(super().encode, data, 65536 - 16)  # it cuts nothing by itself

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


def refuses(cell: Cell) -> bool:
    """What the other side has no mind or no means to do; the tests see to it that it does not."""
    if cell.peer == "gsasl":
        return cell.qop == "auth-conf"
    return cell.peer == "cyrus" and cell.cipher == "3des"


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
            pour(first, second)
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
        "- GNU SASL has no auth-conf. It puts the names of user and realm into the hash in UTF-8 even where"
        " ISO 8859-1 would do, so that users like `müller` cannot log in with it, nor at it, and nobody in a"
        " realm like `Köln`; and it neither writes nor reads the backslashes before quotes in names.",
        "- Cyrus SASL, as Debian builds it, cannot begin 3des, and for des needs OpenSSL's legacy provider."
        " As an initiator it sends names in UTF-8 without saying so; our acceptor understands it all the"
        " same. To an acceptor it knows already it says its last response once more, with the next count;"
        " our acceptor then begins anew, and so does Cyrus SASL.",
        "- Neither of the two, as an acceptor, looks at whom the initiator means.",
        "- pure-sasl's own DIGEST-MD5, an initiator, has auth alone.",
    ]
    return lines
