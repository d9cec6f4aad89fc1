"""The one order of levels, from what protects a line and who is proved on it."""

from __future__ import annotations

import pytest

from msrp_peer.terms.security import Level, Proof, Protection, Security

TLS = Protection("tls", "TLSv1.3", "AES", confidential=True)
KEY = Protection("tls", "TLSv1.3", "AES", confidential=True, verified="signalled")
HOST = Protection("tls", "TLSv1.3", "AES", confidential=True, verified="host")
LAYER = Protection("sasl", "DIGEST-MD5", "rc4", confidential=True)
OWN = Protection("tls", "TLSv1.3", "AES", True, verified="chain", names=("im:bob@lan",))
OTHERS = Protection("tls", "TLSv1.3", "AES", True, verified="chain", names=("im:eve@lan",))
PINNED = Protection("tls", "TLSv1.3", "AES", True, verified="pinned", names=("im:eve@lan",))
INTEGRITY = Protection("sasl", "DIGEST-MD5", "none", confidential=False)
TICKET = Proof("im:bob@lan", "KRB5-U2U", True)
WORD = Proof("im:bob@lan", "SCRAM-SHA-256-PLUS", True, guessable=True)
SHARED = Proof("im:bob@lan", "SCRAM-SHA-256-PLUS", True, shared=True, guessable=True)
EXTERNAL = Proof("im:bob@lan", "EXTERNAL", False)


@pytest.mark.parametrize(
    ("layers", "proof", "level"),
    [
        ((), None, Level.PLAINTEXT),
        ((), TICKET, Level.PLAINTEXT),
        ((INTEGRITY,), WORD, Level.PLAINTEXT),
        ((TLS,), None, Level.PASSIVE_ONLY),
        ((HOST,), None, Level.PASSIVE_ONLY),
        ((TLS,), SHARED, Level.PASSIVE_ONLY),
        ((LAYER,), WORD, Level.PASSIVE_ONLY),
        ((KEY,), None, Level.KEY_VERIFIED),
        ((KEY,), SHARED, Level.KEY_VERIFIED),
        ((TLS,), WORD, Level.AUTHENTICATED),
        ((TLS, INTEGRITY), WORD, Level.AUTHENTICATED),
        ((TLS, LAYER), WORD, Level.AUTHENTICATED),
        ((LAYER,), TICKET, Level.AUTHENTICATED),
        ((KEY,), TICKET, Level.AUTHENTICATED),
        ((OWN,), SHARED, Level.AUTHENTICATED),
        ((OTHERS,), SHARED, Level.PASSIVE_ONLY),
        ((PINNED,), SHARED, Level.PASSIVE_ONLY),
        ((OTHERS,), WORD, Level.AUTHENTICATED),
        ((OTHERS,), EXTERNAL, Level.PASSIVE_ONLY),
    ],
)
def test_levels(layers: tuple[Protection, ...], proof: Proof | None, level: Level) -> None:
    security = Security(layers, proof)
    assert security.level is level
    told = security.as_dict()
    assert told["level"] == level.word
    named = None if proof is None else proof.principal
    assert told["principal_named"] == named
    assert told["principal_proved"] == (named if level is Level.AUTHENTICATED else None)
    words = security.describe()
    assert ("is proved by" in words) == (level is Level.AUTHENTICATED)


def test_words_say_why_a_proof_is_little() -> None:
    assert "shared with others" in Security((TLS,), SHARED).describe()
    assert "could be guessed" in Security((LAYER,), WORD).describe()
