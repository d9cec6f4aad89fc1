"""Kerberos with every other side there is, in both roles, over every binding and through every layer.

Each cell is an exchange, a million octets each way through its layer, and exchanges that must fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, Literal, NamedTuple

from msrp_sasl import Channel, ChannelLevel, Layer, Policy, SASLClient, SaslError, SASLServer

from . import cyrus, gsasl
from .ends import End, Failed, Ours, cut, exchange, pour
from .matrix import OTHER, VALUES
from .parties import alone
from .realm import HOST, NAME, USER_TO_USER, identity, realm

ELSEWHERE: Final = "elsewhere"
"""A host that the realm knows, and whose key the acceptor does not have."""


class Row(NamedTuple):
    mechanism: str
    binding: str
    layer: Layer


class Cell(NamedTuple):
    row: Row
    peer: str
    role: Literal["initiator", "acceptor"]
    """Ours."""


@dataclass(frozen=True)
class Terms:
    """With what an end goes into the exchange."""

    row: Row
    value: bytes = b""
    host: str = HOST
    person: str = "bob"
    """Whom the initiator means, where it means a person."""

    @property
    def binding(self) -> tuple[str, bytes] | None:
        return (self.row.binding, self.value) if self.row.binding else None

    @property
    def more(self) -> dict[str, object]:
        """For an end of ours."""
        name = self.row.mechanism
        clear = name == USER_TO_USER and not self.binding
        level = ChannelLevel.CLEAR if clear else ChannelLevel.VERIFIED
        bindings = dict([self.binding]) if self.binding else {}
        policy = Policy(acceptor=alone(name).acceptor, mechanisms=(name,), bindings=tuple(VALUES))
        return {"channel": Channel(level, bindings), "policy": policy}


class OurInitiator(Ours):
    def __init__(self, terms: Terms) -> None:
        name = terms.row.mechanism
        acceptor = identity(terms.person) if name == USER_TO_USER else terms.host
        kerberos = replace(realm().of("alice"), layers=(terms.row.layer,))
        self.exchange: SASLClient = realm().initiator(
            name, acceptor=acceptor, kerberos=kerberos, **terms.more
        )


class OurAcceptor(Ours):
    def __init__(self, terms: Terms) -> None:
        self.exchange: SASLServer = realm().acceptor(terms.row.mechanism, **terms.more)


STRENGTHS: Final[dict[Layer, tuple[int, int]]] = {
    "none": (0, 0),
    "integrity": (1, 1),
    "confidentiality": (56, 256),
}
"""Those by which Cyrus SASL knows them: at least, at most."""


class Cyrus(cyrus.Cyrus):
    def __init__(self, side: Literal["client", "server"], terms: Terms) -> None:
        least, most = STRENGTHS[terms.row.layer]
        super().__init__(
            side,
            # As an initiator it binds under this name, too.
            terms.row.mechanism if side == "server" else terms.row.mechanism.removesuffix("-PLUS"),
            user="alice",
            binding=terms.binding,
            least=least,
            most=most,
            host=terms.host if side == "client" else HOST,
        )

    def encode(self, data: bytes) -> bytes:
        return cut(super().encode, data, self.number(cyrus.MOST))


class Gsasl(gsasl.Gsasl):
    def __init__(self, side: Literal["client", "server"], terms: Terms) -> None:
        host = terms.host if side == "client" else HOST
        super().__init__(side, terms.row.mechanism, user="alice", binding=terms.binding, host=host)

    def encode(self, data: bytes) -> bytes:
        raise AssertionError("GNU SASL has no layers of Kerberos")

    decode = encode


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
ROWS: Final = [
    Row("GSSAPI", "", "none"),
    Row("GSSAPI", "", "integrity"),
    Row("GSSAPI", "", "confidentiality"),
    Row("GS2-KRB5", "", "none"),
    *(Row("GS2-KRB5-PLUS", binding, "none") for binding in VALUES),
    Row(USER_TO_USER, "", "confidentiality"),
    *(Row(USER_TO_USER, binding, "none") for binding in VALUES),
]
CELLS: Final = [Cell(row, peer, role) for row in ROWS for peer in PEERS for role in ("initiator", "acceptor")]


def there(cell: Cell) -> bool:
    """Whether the other side has this at all; the tests see to it that it does not work otherwise."""
    if cell.peer == "ours":
        return True
    if cell.peer == "gsasl":
        return cell.row.mechanism in ("GSSAPI", "GS2-KRB5")
    return cell.row.mechanism != USER_TO_USER


def refuses(cell: Cell) -> bool:
    """What the other side has no means to do; the tests see to it that it does not."""
    return cell.peer == "gsasl" and cell.row.layer != "none"


def run(cell: Cell, initiating: Terms, accepting: Terms) -> None:
    """An exchange of this cell, and its layer. Raises `Failed`."""
    peer = PEERS[cell.peer]
    ends: list[End] = []
    with realm().at_home("alice"):
        try:
            ends.append((OurInitiator if cell.role == "initiator" else peer.initiator)(initiating))
            ends.append((OurAcceptor if cell.role == "acceptor" else peer.acceptor)(accepting))
            exchange(*ends)
            layers = [end.exchange.layer for end in ends if isinstance(end, Ours)]
            if any((layer.terms.gives if layer else "none") != cell.row.layer for layer in layers):
                raise Failed("another layer")
            if cell.row.layer != "none":
                pour(*ends)
        except (SaslError, cyrus.Refused, gsasl.Refused) as error:
            raise Failed(str(error)) from error
        finally:
            for end in ends:
                end.close()


@cache
def faults(cell: Cell) -> tuple[str, ...]:
    """What is not as it should be; nothing where it works and no false exchange does."""
    row = cell.row
    value = VALUES.get(row.binding, b"")
    good = Terms(row, value)
    found = []
    try:
        run(cell, good, good)
    except Failed as failure:
        found.append(str(failure))
    if row.mechanism == USER_TO_USER:
        false = {"who was not meant": replace(good, person="carol")}
    else:
        realm().service_elsewhere(f"msrp/{ELSEWHERE}@{NAME}")
        false = {"another service's ticket": replace(good, host=ELSEWHERE)}
    if row.binding:
        false["another channel"] = replace(good, value=OTHER)
    for what, terms in false.items():
        try:
            run(cell, terms, good)
        except Failed:
            continue
        found.append(f"{what} was accepted")
    return tuple(found)


def word(cell: Cell) -> str:
    if not there(cell):
        return "-"
    if refuses(cell):
        return "refuses"
    return "works" if not faults(cell) else "FAILS"


def section() -> list[str]:
    """The lines of docs/sasl-interop.md about it."""
    columns = [(key, role) for key in PEERS for role in ("acceptor", "initiator")]
    lines = [
        "",
        "## Kerberos",
        "",
        "With a KDC of MIT's. Here *works* also means that a million octets go each way through the layer, in"
        " random pieces; that a ticket for another service, or another person's answer, is refused; and so"
        " is another channel where there is a binding. *refuses*: the other side has no means to do it.",
        "",
        "| mechanism | binding | layer | "
        + " | ".join(f"{PEERS[key].title}, {role}" for key, role in columns)
        + " |",
        "| --- | --- | --- |" + " --- |" * len(columns),
    ]
    for row in ROWS:
        words = [
            word(Cell(row, key, "initiator" if role == "acceptor" else "acceptor")) for key, role in columns
        ]
        lines.append(f"| {row.mechanism} | {row.binding} | {row.layer} | " + " | ".join(words) + " |")
    lines += [
        "",
        "What the others refuse or do otherwise:",
        "",
        "- GNU SASL has no layers of GSSAPI: as an acceptor it offers none, and as an initiator takes none."
        " All the same it tells a buffer's size, which RFC 4752 wants to be 0 there; that is passed over.",
        "- GNU SASL has no GS2-KRB5-PLUS.",
        "- Nobody else has KRB5-U2U: [krb5-u2u.md](krb5-u2u.md) defines it, for people without keytabs.",
    ]
    return lines
