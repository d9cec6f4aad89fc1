"""Two people, what they know of each other, and an exchange between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from msrp_peer.terms.principal import Principal
from msrp_sasl import (
    Accepting,
    Channel,
    ChannelLevel,
    DigestMD5Verifier,
    Hash,
    Identities,
    Initiating,
    Password,
    Policy,
    Reason,
    SASLClient,
    SaslError,
    SASLServer,
    ScramVerifier,
)
from msrp_sasl.identity import bare

ALICE = "im:alice@lan"
BOB = "im:bob@lan"
EVE = "im:eve@lan"
SECRET = "correct horse battery staple"
NOW = 1_700_000_000.0
FEW: dict[Hash, int] = {"SHA-1": 4096, "SHA-256": 4096, "SHA-512": 4096}

EXPORTER = {"tls-exporter": bytes(range(32))}
BOUND = Channel(ChannelLevel.ENCRYPTED, EXPORTER)
VERIFIED = Channel(ChannelLevel.VERIFIED, EXPORTER)
UNBOUND = Channel(ChannelLevel.VERIFIED)
CERTIFIED = Channel(ChannelLevel.VERIFIED, {}, frozenset({ALICE}), frozenset({ALICE}))
"""Each side was shown a certificate: the initiator's is one of alice."""
HASHES: tuple[Hash, ...] = ("SHA-1", "SHA-256", "SHA-512")
SCRAM = [f"SCRAM-{hash}{plus}" for hash in HASHES for plus in ("", "-PLUS")]
PLUS = "SCRAM-SHA-256-PLUS"
PERSON = Policy()
AUTHORITY = Identities(lambda text: Principal.parse(text).text, scheme="im", domain="lan")


def alone(*names: str) -> Policy:
    """A policy with nothing but these mechanisms; to a service where a person would not do."""
    unbound = any(
        name.startswith("GS") or (name.startswith("SCRAM") and not name.endswith("-PLUS")) for name in names
    )
    return Policy(
        acceptor="service" if unbound else "principal",
        mechanisms=names,
        anonymous="ANONYMOUS" in names,
        digest_md5="DIGEST-MD5" in names,
    )


@dataclass
class Passwords:
    """An initiator's passwords: (initiator, acceptor): password."""

    known: dict[tuple[str, str], Password]

    def password(self, initiator: str, acceptor: str) -> Password | None:
        return self.known.get((initiator, acceptor))


@dataclass
class Kept:
    """An acceptor's verifiers, in memory."""

    known: dict[tuple[str, str, Hash], ScramVerifier] = field(default_factory=dict)
    decoy_key: bytes = b"a key of the acceptor's own"
    digests: dict[tuple[str, str, str], DigestMD5Verifier] = field(default_factory=dict)
    """(user, realm, acceptor)"""

    def iterations(self, hash: Hash) -> int:
        return FEW[hash]

    def scram(self, user: str, acceptor: str, hash: Hash) -> ScramVerifier | None:
        return self.known.get((user, acceptor, hash))

    def digest_md5(self, user: str, realm: str, acceptor: str) -> DigestMD5Verifier | None:
        return self.digests.get((user, realm, acceptor))

    def add_digest(self, user: str, acceptor: str, text: str, realm: str = "", **more: bool) -> Kept:
        """For DIGEST-MD5; the realm is the acceptor's own unless given."""
        realm = realm or bare(acceptor)
        self.digests[user, realm, acceptor] = DigestMD5Verifier.make(user, realm, text, **more)
        return self

    def add(self, user: str, acceptor: str, text: str, **more: object) -> Kept:
        for hash in HASHES:
            made = ScramVerifier.make(text, hash, iterations=FEW[hash], **more)  # type: ignore[arg-type]
            self.known[user, acceptor, hash] = made
        return self


PASSWORDS = Passwords({(ALICE, BOB): Password(SECRET, generated=True)})
KEPT = Kept().add(ALICE, BOB, SECRET).add_digest(ALICE, BOB, SECRET)


def initiator(
    name: str,
    *,
    me: str = ALICE,
    acceptor: str = BOB,
    channel: Channel = VERIFIED,
    policy: Policy | None = None,
    credentials: Passwords | None = PASSWORDS,
    offered: tuple[str, ...] | None = None,
    authorization: str = "",
    trace: str = "",
    nonce: Callable[[], bytes] | None = None,
    **more: Any,
) -> SASLClient:
    more |= {} if nonce is None else {"nonce": nonce}
    setting = Initiating(
        me=me,
        acceptor=acceptor,
        channel=channel,
        policy=policy or alone(name),
        credentials=credentials,
        offered=(name,) if offered is None else offered,
        authorization=authorization,
        trace=trace,
        **more,
    )
    return SASLClient(setting)


def acceptor(
    *names: str,
    me: str = BOB,
    channel: Channel = VERIFIED,
    policy: Policy | None = None,
    verifiers: Kept | None = KEPT,
    authority: Identities = AUTHORITY,
    nonce: Callable[[], bytes] | None = None,
    **more: Any,
) -> SASLServer:
    more |= {} if nonce is None else {"nonce": nonce}
    return SASLServer(
        Accepting(
            me=me,
            channel=channel,
            policy=policy or alone(*names),
            authority=authority,
            verifiers=verifiers,
            offered=names,
            **more,
        )
    )


def refused(reason: Reason, act: Callable[[], object]) -> str:
    """That it is refused, and why, in words."""
    with pytest.raises(SaslError) as caught:
        act()
    assert caught.value.reason is reason
    return str(caught.value)


def started(name: str = PLUS) -> tuple[SASLClient, SASLServer, bytes]:
    """An exchange up to the initiator's last token."""
    client, server = initiator(name), acceptor(name)
    back = server.start(name, client.start(NOW), NOW)
    assert back is not None
    return client, server, client.process(back, NOW)


def same(_: int, token: bytes) -> bytes:
    return token


def run(client: SASLClient, server: SASLServer, between: Callable[[int, bytes], bytes] = same) -> list[bytes]:
    """An exchange to its end; `between` may change each token. Returns the tokens sent."""
    said: list[bytes] = []

    def over(token: bytes) -> bytes:
        said.append(token)
        return between(len(said) - 1, token)

    token = client.start(NOW)
    back = server.start(client.name, None if token is None else over(token), NOW)
    while not server.complete:
        assert back is not None
        back = server.process(over(client.process(over(back), NOW)), NOW)
    client.succeeded(None if back is None else over(back), NOW)
    return said
