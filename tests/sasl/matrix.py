"""Every mechanism with every other side there is, in both roles and over every binding.

`make interop` writes docs/sasl-interop.md from it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol

from msrp_sasl import Channel, ChannelLevel, Password, Policy, SaslError

from . import cyrus, gsasl
from .parties import (
    ALICE,
    BOB,
    EVE,
    NOW,
    SCRAM,
    SECRET,
    Kept,
    Passwords,
    acceptor,
    alone,
    initiator,
)

Role = Literal["initiator", "acceptor"]

VALUES: Final = {
    "tls-exporter": bytes(range(32)),
    "tls-unique": bytes(range(100, 112)),
    "tls-server-end-point": bytes(range(200, 232)),
}
OTHER: Final = bytes(range(50, 82))
"""The binding of another channel."""


class Party(Protocol):
    """One end of an exchange, whoever's it is."""

    def step(self, token: bytes | None) -> bytes | None: ...

    @property
    def complete(self) -> bool: ...

    def close(self) -> None: ...


class Cell(NamedTuple):
    mechanism: str
    binding: str | None
    peer: str
    role: Role
    """Ours."""


@dataclass(frozen=True)
class Terms:
    """With what one end goes into the exchange."""

    mechanism: str
    binding: tuple[str, bytes] | None
    password: str = SECRET
    proved: str = ALICE
    """Whom the acceptor's layer below has proved."""

    @property
    def channel(self) -> Channel:
        bindings = dict([self.binding]) if self.binding else {}
        return Channel(ChannelLevel.VERIFIED, bindings, frozenset({self.proved}), frozenset({ALICE}))

    @property
    def authorization(self) -> str:
        """As whom the initiator asks to act, where nothing else says who it is."""
        return ALICE if self.mechanism == "EXTERNAL" else ""

    @property
    def policy(self) -> Policy:
        return Policy(
            acceptor=alone(self.mechanism).acceptor,
            mechanisms=(self.mechanism,),
            anonymous=True,
            bindings=tuple(VALUES),
        )


@cache
def kept(password: str) -> Kept:
    return Kept().add(ALICE, BOB, password)


class OurInitiator:
    def __init__(self, terms: Terms) -> None:
        self._client = initiator(
            terms.mechanism,
            channel=terms.channel,
            policy=terms.policy,
            credentials=Passwords({(ALICE, BOB): Password(terms.password)}),
            authorization=terms.authorization,
            trace="somebody",
        )
        self._begun = False

    def step(self, token: bytes | None) -> bytes | None:
        if not self._begun:
            self._begun = True
            return self._client.start(NOW)
        assert token is not None
        return self._client.process(token, NOW)

    def succeeded(self, data: bytes | None) -> None:
        self._client.succeeded(data, NOW)

    @property
    def complete(self) -> bool:
        return self._client.complete

    def close(self) -> None:
        self._client.dispose()


class OurAcceptor:
    def __init__(self, terms: Terms) -> None:
        self._server = acceptor(
            terms.mechanism, channel=terms.channel, policy=terms.policy, verifiers=kept(terms.password)
        )
        self._name = terms.mechanism
        self._begun = False

    def step(self, token: bytes | None) -> bytes | None:
        if not self._begun:
            self._begun = True
            return self._server.start(self._name, token, NOW)
        assert token is not None
        return self._server.process(token, NOW)

    @property
    def complete(self) -> bool:
        return self._server.complete

    def close(self) -> None:
        self._server.dispose()


def _theirs(make: Callable[..., Party], side: Literal["client", "server"]) -> Callable[[Terms], Party]:
    def begin(terms: Terms) -> Party:
        return make(
            side,
            terms.mechanism,
            user=ALICE,
            password=terms.password,
            binding=terms.binding,
            authorization=terms.authorization if side == "client" else "",
            external=terms.proved,
        )

    return begin


@dataclass(frozen=True)
class Peer:
    title: str
    initiator: Callable[[Terms], Party]
    acceptor: Callable[[Terms], Party]
    mechanisms: Callable[[], set[str]]
    bindings: tuple[str, ...]


PEERS: Final = {
    "ours": Peer("this library", OurInitiator, OurAcceptor, lambda: set(NAMES), tuple(VALUES)),
    "gsasl": Peer(
        "GNU SASL",
        _theirs(gsasl.Gsasl, "client"),
        _theirs(gsasl.Gsasl, "server"),
        gsasl.mechanisms,
        tuple(gsasl.BINDINGS),
    ),
    "cyrus": Peer(
        "Cyrus SASL",
        _theirs(cyrus.Cyrus, "client"),
        _theirs(cyrus.Cyrus, "server"),
        lambda: cyrus.library().mechanisms(),
        tuple(VALUES),
    ),
}
NAMES: Final = ("EXTERNAL", *reversed(SCRAM), "ANONYMOUS")
ROWS: Final = [
    (name, binding) for name in NAMES for binding in (VALUES if name.endswith("-PLUS") else (None,))
]
CELLS: Final = [
    Cell(*row, peer, role) for row in ROWS for peer in PEERS for role in ("initiator", "acceptor")
]


class Failed(Exception):
    """The exchange did not succeed, and who refused it."""


def exchange(first: Party, second: Party) -> None:
    """Tokens to and fro until the acceptor succeeded, and the initiator believes it."""
    try:
        token = second.step(first.step(None))
        while not second.complete:
            token = second.step(first.step(token))
        if isinstance(first, OurInitiator):
            first.succeeded(token)
        elif token is not None and not first.complete:
            first.step(token)
    except (SaslError, gsasl.Refused, cyrus.Refused) as error:
        raise Failed(f"{type(error).__module__}: {error}") from error
    finally:
        first.close()
        second.close()
    if not (first.complete and second.complete):
        raise Failed("an end that is not sure")


def run(cell: Cell, ours: Terms, theirs: Terms) -> None:
    """One exchange of a cell. Raises `Failed`."""
    peer = PEERS[cell.peer]
    if cell.role == "initiator":
        exchange(OurInitiator(ours), peer.acceptor(theirs))
    else:
        exchange(peer.initiator(theirs), OurAcceptor(ours))


def there(cell: Cell) -> bool:
    """Whether the other side has this mechanism and binding at all."""
    peer = PEERS[cell.peer]
    known = peer.mechanisms()
    # Cyrus names the bound forms nowhere, and has them wherever it has the others.
    has = cell.mechanism in known or (cell.peer == "cyrus" and cell.mechanism.removesuffix("-PLUS") in known)
    return has and (cell.binding is None or cell.binding in peer.bindings)


@cache
def faults(cell: Cell) -> tuple[str, ...]:
    """What is not as it should be; nothing where the exchange works and no false one does."""
    bound = (cell.binding, VALUES[cell.binding]) if cell.binding else None
    good = Terms(cell.mechanism, bound)
    found = []
    try:
        run(cell, good, good)
    except Failed as failure:
        found.append(str(failure))
    false = {}
    if cell.mechanism.startswith("SCRAM"):
        false["a wrong password"] = Terms(cell.mechanism, bound, "another password")
    if cell.binding:
        false["another channel"] = Terms(cell.mechanism, (cell.binding, OTHER))
    if cell.mechanism == "EXTERNAL":
        false["another certificate"] = Terms(cell.mechanism, None, proved=EVE)
    for what, terms in false.items():
        try:
            run(cell, *((good, terms) if cell.role == "initiator" else (terms, good)))
        except Failed:
            continue
        found.append(f"{what} was accepted")
    return tuple(found)


def word(cell: Cell) -> str:
    if not there(cell):
        return "-"
    return "works" if not faults(cell) else "FAILS"


def page() -> str:
    """docs/sasl-interop.md."""
    from . import digest_matrix, kerberos_matrix

    columns = [(key, role) for key in PEERS for role in ("acceptor", "initiator")]
    lines = [
        "# SASL: who works with whom",
        "",
        "Made by the tests (`tests/sasl/matrix.py`) from the exchanges they run; a test compares it with"
        " what it finds. Each cell is an exchange between `msrp_sasl` and the one named above, in the role"
        " named there. *works*: it succeeds for both sides; with another password, over another channel, or"
        " with another certificate it fails. *-*: the other side does not have it. *tls-server-end-point* is"
        " here for other protocols: it counts only where a program's `Policy.bindings` names it, which MSRP"
        " never does.",
        "",
        "| mechanism | binding | "
        + " | ".join(f"{PEERS[key].title}, {role}" for key, role in columns)
        + " |",
        "| --- | --- |" + " --- |" * len(columns),
    ]
    for mechanism, binding in ROWS:
        words = [
            word(Cell(mechanism, binding, key, "initiator" if role == "acceptor" else "acceptor"))
            for key, role in columns
        ]
        lines.append(f"| {mechanism} | {binding or ''} | " + " | ".join(words) + " |")
    lines += digest_matrix.section()
    lines += kerberos_matrix.section()
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page())
