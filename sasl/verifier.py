"""What an acceptor keeps instead of a password (RFC 5802 section 3, RFC 2831 section 2.1.2.1)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final, Literal

from .errors import SaslUsageError
from .prep import prepare_password

__all__ = [
    "HASHES",
    "ITERATIONS",
    "LEAST_ITERATIONS",
    "MOST_ITERATIONS",
    "SALT",
    "DigestMD5Verifier",
    "Hash",
    "ScramVerifier",
    "derive",
    "digest_md5_secret",
]

Hash = Literal["SHA-1", "SHA-256", "SHA-512"]

HASHES: Final[dict[Hash, tuple[str, int]]] = {
    "SHA-1": ("sha1", 20),
    "SHA-256": ("sha256", 32),
    "SHA-512": ("sha512", 64),
}
"""Each hash with its name in `hashlib` and its octets."""

LEAST_ITERATIONS: Final = 4096
"""Fewer are refused (RFC 5802 section 5.1)."""
MOST_ITERATIONS: Final = 1_000_000
"""More are refused: they cost the initiator's processor, and a false acceptor names them."""
ITERATIONS: Final[dict[Hash, int]] = {"SHA-1": 1_000_000, "SHA-256": 600_000, "SHA-512": 210_000}
"""What new verifiers get: a tenth of a second or more for each guess of a password."""
SALT: Final = 16
"""Octets of a new salt."""


@dataclass(frozen=True, slots=True)
class ScramVerifier:
    """Enough to recognise a password, not enough to use it.

    Who gets hold of one can try passwords against it, and can play the acceptor to its user.

    Attributes:
        hash: ``"SHA-1"``, ``"SHA-256"`` or ``"SHA-512"``.
        salt: random, and never copied from another verifier.
        iterations: rounds of PBKDF2.
        stored_key, server_key: as RFC 5802 section 3 names them.
        shared: whether the password is also used with other acceptors (`Password.shared`).
    """

    hash: Hash
    salt: bytes
    iterations: int
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)
    shared: bool = False

    def __post_init__(self) -> None:
        if self.hash not in HASHES:
            raise SaslUsageError("a SCRAM verifier's hash is one of " + ", ".join(HASHES))
        octets = HASHES[self.hash][1]
        if len(self.stored_key) != octets or len(self.server_key) != octets:
            raise SaslUsageError(f"the keys of a verifier for {self.hash} have {octets} octets")
        if not self.salt:
            raise SaslUsageError("a SCRAM verifier has a salt")
        _check_iterations(self.iterations)

    @classmethod
    def make(
        cls,
        password: str,
        hash: Hash = "SHA-256",
        *,
        salt: bytes | None = None,
        iterations: int | None = None,
        shared: bool = False,
    ) -> ScramVerifier:
        """Derive a verifier; a new salt and the usual iterations unless given. Takes its time.

        Raises `SaslUsageError` for a hash or a count that is not allowed, and `SaslError` for a
        password with characters that RFC 4013 prohibits.
        """
        if hash not in HASHES:
            raise SaslUsageError("a SCRAM verifier's hash is one of " + ", ".join(HASHES))
        salt = secrets.token_bytes(SALT) if salt is None else salt
        iterations = ITERATIONS[hash] if iterations is None else iterations
        _check_iterations(iterations)
        _, stored_key, server_key = derive(prepare_password(password), hash, salt, iterations)
        return cls(hash, salt, iterations, stored_key, server_key, shared)

    def verify(self, password: str) -> bool:
        """Whether this is the password. Takes as long as `make`."""
        _, stored_key, _ = derive(prepare_password(password), self.hash, self.salt, self.iterations)
        return hmac.compare_digest(stored_key, self.stored_key)


def _check_iterations(iterations: int) -> None:
    if not LEAST_ITERATIONS <= iterations <= MOST_ITERATIONS:
        raise SaslUsageError(f"a SCRAM verifier has {LEAST_ITERATIONS} to {MOST_ITERATIONS} iterations")


def derive(password: bytes, hash: Hash, salt: bytes, iterations: int) -> tuple[bytes, bytes, bytes]:
    """ClientKey, StoredKey and ServerKey of a prepared password (RFC 5802 section 3)."""
    name = HASHES[hash][0]
    salted = hashlib.pbkdf2_hmac(name, password, salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", name)
    return client_key, hashlib.new(name, client_key).digest(), hmac.digest(salted, b"Server Key", name)


@dataclass(frozen=True, slots=True)
class DigestMD5Verifier:
    """What DIGEST-MD5 needs to recognise a password, and enough to use it in its realm.

    Attributes:
        secret: H(user:realm:password) of RFC 2831 section 2.1.2.1, 16 octets.
        shared: whether the password is also used with other acceptors (`Password.shared`).
    """

    secret: bytes = field(repr=False)
    shared: bool = False

    def __post_init__(self) -> None:
        if len(self.secret) != 16:
            raise SaslUsageError("H(user:realm:password) has 16 octets")

    @classmethod
    def make(cls, user: str, realm: str, password: str, *, shared: bool = False) -> DigestMD5Verifier:
        """From a password, which is taken as it is, and quickly."""
        return cls(digest_md5_secret(user, realm, password), shared)


def digest_md5_secret(user: str, realm: str, password: str) -> bytes:
    """H(user:realm:password), 16 octets: worth the password itself, and quick to guess from.

    Each part is written in ISO 8859-1 where it can be, else in UTF-8 (RFC 2831 section 2.1.2.1; it does
    not speak of the realm there, which Cyrus SASL treats alike).
    """
    parts = (_latin(user), _latin(realm), _latin(password))
    return hashlib.md5(b":".join(parts), usedforsecurity=False).digest()


def _latin(text: str) -> bytes:
    try:
        return text.encode("iso-8859-1")
    except UnicodeEncodeError:
        return text.encode()
