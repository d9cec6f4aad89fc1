"""The example flows of docs/profile.md, made by running both sides with fixed random octets.

.venv/bin/python tests/docs/flow.py          prints section 9, to be pasted into the page
.venv/bin/python tests/docs/flow.py login    prints section 11.6
.venv/bin/python tests/docs/flow.py words    prints section 12.7
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

import msrp_sasl.setting
from msrp_core import Frame, Parser, Uri, request
from msrp_core._writer import forget_pool
from msrp_peer.protocol.auth import Terms, granted
from msrp_peer.protocol.connection import Connection, Request
from msrp_peer.protocol.endpoint import Endpoint
from msrp_peer.protocol.initiator import Initiator
from msrp_peer.protocol.sas_header import SasHeader, Told
from msrp_peer.security.guard import Guard
from msrp_peer.security.prove import Login
from msrp_peer.security.short_string import ShortString
from msrp_peer.security.told_key import hear, signed
from msrp_peer.terms.content import Accepts, digest_header, disposition
from msrp_peer.terms.dates import NEVER, SOME_TIME
from msrp_peer.terms.limits import Limits
from msrp_peer.terms.principal import Principal
from msrp_peer.terms.security import Level, Protection
from msrp_sasl import FromPasswords, Hash, Password, Policy

INITIATOR = "Initiator to acceptor"
ACCEPTOR = "Acceptor to initiator"
LISTENER = "msrps://192.0.2.7:2855;tcp"
ALICE, BOB = "im:alice@lan", "im:bob@lan"
PASSWORD = "k7fk-q4ph-sgmt-wxhw-x2bm"
BINDING = bytes(range(32))
EXPORTED = bytes(range(32, 64))
FEW: dict[Hash, int] = {"SHA-1": 4096, "SHA-256": 4096, "SHA-512": 4096}
SCRAM = Policy(mechanisms=("SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS"))
FILE = b"Oats, hay, apples, carrots."

Step = tuple[str, str, bytes]
"""What happens, who sends to whom, the octets of one frame."""


class Covered:
    """Stands for TLS: says that it protects, and leaves the octets readable."""

    protection = Protection("tls", "TLSv1.3", "TLS_AES_256_GCM_SHA384", confidential=True)

    def unwrap(self, data: bytes) -> Sequence[bytes]:
        return [bytes(data)]

    def wrap(self, pieces: Sequence[bytes]) -> list[bytes]:
        return [bytes(piece) for piece in pieces]

    def binding(self, name: str) -> bytes | None:
        return {"tls-exporter": BINDING, "msrp-sas": EXPORTED}.get(name)

    def compared(self) -> None:
        self.protection = replace(self.protection, verified="compared")

    @property
    def partial(self) -> bool:
        return False

    def ended(self) -> bool:
        return False

    def close(self) -> None:
        pass


@contextmanager
def fixed_random_octets(first: int) -> Iterator[None]:
    """Every run from the same `first` makes the same ids, session-ids, nonces and salts."""
    numbers = count(first)
    random_octets, token = os.urandom, secrets.token_urlsafe

    def fixed(size: int) -> bytes:
        return hashlib.shake_256(b"msrp %d" % next(numbers)).digest(size)

    def fixed_token(size: int | None = None) -> str:
        return base64.urlsafe_b64encode(fixed(size or 32)).rstrip(b"=").decode()

    os.urandom, secrets.token_urlsafe = fixed, fixed_token
    token_bytes, msrp_sasl.setting.token_bytes = msrp_sasl.setting.token_bytes, fixed
    forget_pool()  # ids are made of octets drawn in advance
    try:
        yield
    finally:
        os.urandom, secrets.token_urlsafe = random_octets, token
        msrp_sasl.setting.token_bytes = token_bytes
        forget_pool()


class Flow:
    """Two connections, and every frame that went from one to the other."""

    def __init__(self, guard: Guard | None = None) -> None:
        limits = Limits(chunk_alone=16, chunk_in_company=16)  # chunks that fit on a page
        gate = None if guard is None else guard.gate()
        self.alice = Connection([Covered()], terms=_terms(ALICE), limits=limits)
        self.bob = Connection([Covered()], terms=_terms(BOB), limits=limits, gate=gate)
        self.steps: list[Step] = []
        self.alice.begin(0)
        self.bob.begin(0)

    def carry(self, what: str) -> None:
        """Hand everything over that is due, in both directions, until nothing is."""
        moved = True
        while moved:
            moved = False
            for direction, sender, receiver in (
                (INITIATOR, self.alice, self.bob),
                (ACCEPTOR, self.bob, self.alice),
            ):
                while data := b"".join(sender.data_to_send(0)):
                    moved = True
                    for frame in frames(data):
                        self.steps.append((what, direction, frame))
                        what = ""
                    receiver.receive(data, 0)

    def ask(self, what: str, own: str, headers: list[tuple[str, str]], method: str = "AUTH") -> Request:
        asked = self.alice.request(method, LISTENER, own, headers, 0)
        self.carry(what)
        return asked


def _terms(claim: str) -> Terms:
    return Terms(Accepts.parse("*"), None, True, Principal.parse(claim).text)


def frames(data: bytes) -> Iterator[bytes]:
    """Each frame's octets."""
    starts = [event.offset for event in Parser().feed(data) if isinstance(event, Frame)]
    for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
        yield data[start:end]


def _session(flow: Flow) -> Endpoint:
    own = Uri.fresh("192.0.2.4", 49152, user=flow.alice.terms.claim)
    asked = flow.ask("Alice asks for a session, and is granted one.", own.text, flow.alice.terms.headers())
    assert asked.response is not None
    remote, takes, maximum = granted(asked.response)
    endpoint = flow.alice.bind(own.text, remote, takes, maximum)
    flow.alice.greet(endpoint, 0)
    flow.carry("The first SEND to the granted URI begins the session.")
    return endpoint


def _messages(flow: Flow, endpoint: Endpoint) -> None:
    text = b"Hello, Bob."
    outgoing = endpoint.send("text/plain;charset=utf-8", len(text))
    outgoing.feed(text)
    outgoing.end()
    flow.carry("A message.")
    digest = digest_header(hashlib.sha256(FILE).digest())
    headers = [("Content-Disposition", disposition("list.txt", len(FILE))), ("Content-Digest", digest)]
    outgoing = endpoint.send("application/octet-stream", len(FILE), headers)
    outgoing.feed(FILE)
    outgoing.end()
    flow.carry(f"A file of {len(FILE)} octets, cut into chunks of 16 so that it fits on this page.")


def _refusals(flow: Flow, endpoint: Endpoint) -> None:
    own = Uri.fresh("192.0.2.4", 49152).text
    flow.ask("Which SASL mechanisms are there? None: there is no such extension here.", own, [])
    start = [("Authorization", 'SASL mech="SCRAM-SHA-256-PLUS"')]
    flow.ask("A start all the same is refused.", own, start)
    flow.ask("A method that nobody here knows.", own, [], "NICKNAME")
    _, octets = request("SEND", endpoint.remote, own, [("Message-ID", "k3bv0s2x")])
    flow.alice.say(octets)
    flow.carry("Bob's URI with the From-Path of somebody else.")


def _end(flow: Flow, endpoint: Endpoint) -> None:
    flow.alice.keeps = True
    flow.alice.leave(endpoint, 0)
    flow.carry("Alice gives the session back, and keeps the connection.")


def run() -> list[Step]:
    with fixed_random_octets(1):
        flow = Flow()
        endpoint = _session(flow)
        _messages(flow, endpoint)
        _refusals(flow, endpoint)
        _end(flow, endpoint)
    return flow.steps


def _guard() -> Guard:
    known = {(ALICE, BOB): Password(PASSWORD, generated=True)}
    verifiers = FromPasswords(
        lambda user, acceptor: known.get((user, acceptor)), iterations=FEW, decoy_key=b"bob's own"
    )
    return Guard(
        Principal.parse(BOB),
        verifiers,
        SCRAM,
        expected=frozenset(),
        least=Level.AUTHENTICATED,
        failures=20,
        seconds=60,
    )


class _Word:
    """Alice's password, or what she takes for it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def password(self, initiator: str, acceptor: str) -> Password:
        return Password(self._text, generated=True)


def _log_in(flow: Flow, word: str, words: Sequence[str]) -> Initiator:
    login = Login(Principal.parse(ALICE), Principal.parse(BOB), _Word(word), SCRAM)
    nameless = Uri.fresh("192.0.2.4", 49152).text
    steps = Initiator(flow.alice, login.begin(), LISTENER, nameless)
    said = iter(words)
    steps.begin(0)
    while True:
        before = len(flow.steps)
        flow.carry(next(said) if flow.alice.transactions else "")
        if flow.bob.acceptor.thinking:
            flow.bob.acceptor.think()
            flow.bob.intake.thought(0)
        elif steps.step is not None:
            steps.think()
            steps.thought(0)
        elif len(flow.steps) == before:
            return steps


def run_login() -> list[Step]:
    """Each proves itself to the other; then somebody with another password."""
    with fixed_random_octets(1000):
        flow = Flow(_guard())
        own = Uri.fresh("192.0.2.4", 49152).text
        flow.ask(
            "Alice asks for a session before she has proved who she is.", own, flow.alice.terms.headers()
        )
        words = (
            "She asks which mechanisms there are.",
            "She takes one, and sends its first token. Bob challenges her.",
            "",
            "Her proof, and in the 200 his. A security layer, had there been one, would begin behind it.",
            "",
            "The second look: the same list.",
        )
        done = _log_in(flow, PASSWORD, words)
        assert (done.state, done.failure) == ("done", None)
        endpoint = _session(flow)
        assert endpoint.remote
        again = [("Authorization", 'SASL mech="SCRAM-SHA-256-PLUS"')]
        flow.ask("One success is all a connection has.", own, again)
        other = Flow(_guard())
        words = (
            "On another connection somebody has another password.",
            "",
            "",
            "The exchange was bound to the line, so the connection ends with it.",
            "",
        )
        failed = _log_in(other, "another", words)
        assert failed.state == "failed"
        assert other.bob.state == "ending"
    return flow.steps + other.steps


def _session_stands(flow: Flow) -> tuple[Endpoint, Endpoint]:
    """A session that is not shown: both ends."""
    alice = _session(flow)
    bob = flow.bob.arrived.popleft()
    flow.bob.comparing.welcome(0)
    flow.steps.clear()
    return alice, bob


def _reveal(flow: Flow, side: Connection, what: str) -> None:
    assert side.next_timer() == 0
    side.handle_timer(0)
    flow.carry(what)


def _told(nonces: tuple[bytes, bytes]) -> Told:
    """A key of Alice's that is the same each time, as are its signatures (RFC 6979)."""
    private = ec.derive_private_key(2**200 + 1, ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ALICE)])
    certificate = (
        x509.CertificateBuilder(name, name, private.public_key(), 1, SOME_TIME, NEVER)
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(ALICE)]), critical=False)
        .sign(private, hashes.SHA256(), ecdsa_deterministic=True)
    )
    shown = certificate.public_bytes(Encoding.DER)
    whose = signed(shown, EXPORTED, nonces, asker=True)
    return Told(shown, private.sign(whose, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)))


def run_words() -> list[Step]:
    """Two people compare; then two who ask at once."""
    with fixed_random_octets(2000):
        flow = Flow()
        alice, bob = _session_stands(flow)
        flow.alice.comparing.ask(alice, 0)
        flow.carry("Alice wants to compare: she commits to her nonce. Bob tells his.")
        _reveal(flow, flow.alice, "She reveals hers. Both know the string now, and show it.")
        nonces = flow.alice.comparing.nonces
        assert nonces is not None
        flow.alice.comparing.say(True, alice, 0, _told(nonces))
        flow.carry("Alice has heard the same words, and tells the key by which Bob will know her again.")
        flow.bob.comparing.say(True, bob, 0)
        flow.carry("So has Bob, who tells none: both are at level 2.")
        told = flow.bob.comparing.told
        assert told is not None
        assert hear(*told, EXPORTED, nonces, asker=True).principal == Principal.parse(ALICE)
        assert {flow.alice.security.level, flow.bob.security.level} == {Level.KEY_VERIFIED}
        again = [("Authorization", SasHeader("commit", bytes(32)).text())]
        flow.alice.request("AUTH", alice.remote, alice.local, again, 0)
        flow.carry("One run is all a connection has.")
        both = Flow()
        alice, bob = _session_stands(both)
        both.alice.comparing.ask(alice, 0)
        both.bob.comparing.ask(bob, 0)
        both.carry("On another connection both ask at once. The lower commitment counts.")
        side = both.alice if both.alice.comparing.state == "revealing" else both.bob
        _reveal(both, side, "Whose commitment it is reveals.")
        assert both.alice.comparing.nonces == both.bob.comparing.nonces is not None
    return flow.steps + both.steps


def string_shown() -> ShortString:
    """That of the example's first run."""
    frames = [event for _, _, octets in run_words() for event in Parser().feed(octets)]
    nonces = [
        found.octets
        for frame in frames
        if isinstance(frame, Frame)
        for name in ("Authorization", "WWW-Authenticate")
        if (found := SasHeader.of(frame, name)) is not None and found.name in ("nonce", "reveal")
    ]
    return ShortString(EXPORTED, nonces[1], nonces[0])


def section(steps: Sequence[Step]) -> str:
    """The steps as docs/profile.md shows them: one fenced block a frame, LF standing for CRLF."""
    out: list[str] = []
    for number, (what, direction, frame) in enumerate(steps, 1):
        if what:
            out.append(f"{what}\n")
        shown = frame.decode("ascii").replace("\r\n", "\n")
        out.append(f"{number}. {direction}, {len(frame)} octets:\n\n```msrp\n{shown}```\n")
    return "\n".join(out)


if __name__ == "__main__":
    which = {"login": run_login, "words": run_words}.get("".join(sys.argv[1:]), run)
    print(section(which()))
