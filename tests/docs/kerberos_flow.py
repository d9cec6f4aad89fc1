"""The example of KRB5-U2U over plain TCP in docs/profile.md: a real run with a real KDC, its tokens named.

PYTHONPATH=tests .venv/bin/python tests/docs/kerberos_flow.py     prints the table of section 11.7

Tickets differ from run to run, so tokens are told by what they are, and not octet by octet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from docs.flow import frames
from msrp_core import Frame, Parser, Uri
from msrp_peer.protocol.auth import Terms, granted
from msrp_peer.protocol.connection import Connection
from msrp_peer.protocol.initiator import Initiator
from msrp_peer.protocol.sasl_header import SaslHeader
from msrp_peer.security.guard import Guard
from msrp_peer.security.prove import Login
from msrp_peer.terms.content import Accepts
from msrp_peer.terms.limits import Limits
from msrp_peer.terms.principal import Principal
from msrp_peer.terms.security import Level
from msrp_sasl import Policy
from sasl.realm import identity, realm

if TYPE_CHECKING:
    from typing_extensions import Buffer

LISTENER = "msrp://192.0.2.7:2855;tcp"
ALICE, BOB = identity("alice"), identity("bob")
ONLY = Policy(mechanisms=("KRB5-U2U",))
_KINDS = {
    b"\x04\x00": "KERB-TGT-REQUEST",
    b"\x04\x01": "KERB-TGT-REPLY",
    b"\x01\x00": "AP-REQ",
    b"\x02\x00": "AP-REP",
}

Row = tuple[bool, bool, Frame]
"""Whether the initiator says it, whether under the layer, and what."""


def run() -> list[Row]:
    """Both sides, without a network; only the KDC is asked."""
    home = realm()
    guard = Guard(
        Principal.parse(BOB),
        None,
        ONLY,
        kerberos=home.of("bob"),
        expected=frozenset(),
        least=Level.AUTHENTICATED,
        failures=Limits().failures,
        seconds=Limits().failing,
    )
    alice = Connection(terms=_terms(ALICE))
    bob = Connection(terms=_terms(BOB), gate=guard.gate())
    rows: list[Row] = []
    for side in (alice, bob):
        _note(side, side is alice, rows)
        side.begin(0)

    def carry() -> bool:
        moved = False
        for sender, receiver in ((alice, bob), (bob, alice)):
            while data := b"".join(sender.data_to_send(0)):
                moved = True
                receiver.receive(data, 0)
        return moved

    login = Login(Principal.parse(ALICE), Principal.parse(BOB), policy=ONLY, kerberos=home.of("alice"))
    nameless = Uri.fresh("192.0.2.4", 49152, secure=False).text
    steps = Initiator(alice, login.begin(), LISTENER, nameless)
    steps.begin(0)
    while not steps.over:
        if bob.acceptor.thinking:
            bob.acceptor.think()
            bob.intake.thought(0)
        elif steps.step is not None:
            steps.think()
            steps.thought(0)
        else:
            assert carry()
    assert (steps.failure, alice.security.level, bob.security.level) == (
        None,
        Level.AUTHENTICATED,
        Level.AUTHENTICATED,
    )
    own = Uri.fresh("192.0.2.4", 49152, secure=False, user=ALICE)
    asked = alice.request("AUTH", LISTENER, own.text, alice.terms.headers(), 0)
    while carry():
        pass
    assert asked.response is not None
    remote, takes, maximum = granted(asked.response)
    alice.greet(alice.bind(own.text, remote, takes, maximum), 0)
    while carry():
        pass
    return rows


def _terms(claim: str) -> Terms:
    return Terms(Accepts.parse("*"), None, True, claim)


def _note(side: Connection, initiator: bool, rows: list[Row]) -> None:
    """Write down what a side says, before its layer, if it has one, makes it unreadable."""
    usual = side.wire.wrap

    def wrap(pieces: Sequence[Buffer]) -> list[bytes]:
        for octets in frames(b"".join(map(bytes, pieces))) if pieces else ():
            (frame,) = (event for event in Parser().feed(octets) if isinstance(event, Frame))
            rows.append((initiator, bool(side.wire.layers), frame))
        return usual(pieces)

    side.wire.wrap = wrap  # type: ignore[method-assign]


def table(rows: Sequence[Row]) -> str:
    """As docs/profile.md shows it."""
    out = ["| | from | | says |", "| --- | --- | --- | --- |"]
    for number, (initiator, layered, frame) in enumerate(rows, 1):
        who = "initiator" if initiator else "acceptor"
        how = "under the layer" if layered else "in the clear"
        out.append(f"| {number} | {who} | {how} | {_told(frame)} |")
    return "\n".join(out)


def _told(frame: Frame) -> str:
    words = [f"`{frame.method or frame.status}`"]
    for name in ("WWW-Authenticate", "Authorization", "Authentication-Info"):
        header = SaslHeader.of(frame, name)
        if header is None:
            continue
        shown = SaslHeader(header.mech, header.realm, header.to).text()
        for word, token in (("c2s", header.c2s), ("s2c", header.s2c)):
            if token is not None:
                comma = " " if shown == "SASL" else ","
                shown += f'{comma}{word}="{"…" if token else ""}"'
                what = _named(token)
        words.append(f"`{name}: {shown}`{what if header.c2s or header.s2c else ''}")
    words += [f"`{name}: …`" for name in ("Accept-Types", "Use-Path", "Message-ID") if frame.header(name)]
    return ", ".join(words)


def _named(token: bytes) -> str:
    """What a token of krb5-u2u.md is: those in GSS framing say it behind their OID."""
    oid = bytes.fromhex("060a2a864886f71201020203")
    if oid in token[:20]:
        at = token.index(oid) + len(oid)
        return f" ({_KINDS[token[at : at + 2]]})"
    return " (wrapped)" if token[:2] == b"\x05\x04" else ""


if __name__ == "__main__":
    with realm().at_home():
        print(table(run()))
