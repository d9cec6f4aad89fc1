"""Where passwords and verifiers come from: the protocols a program implements.

An initiator asks `Credentials` for the password of a pair (initiator, acceptor); the acceptor's
name is the one its user entered, never one the other side sent. An acceptor asks `Verifiers`
for what was kept about a user; a store of verifiers holds no passwords. Either may take its
time: exchanges that use them say so (`Properties.may_block`).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from .verifier import HASHES, ITERATIONS, SALT, DigestMD5Verifier, Hash, ScramVerifier

__all__ = ["Credentials", "FromPasswords", "Password", "Verifiers", "decoy"]


@dataclass(frozen=True, slots=True)
class Password:
    """A password, and what is known about it.

    Attributes:
        text: as it was entered; it is prepared where it is used (RFC 4013).
        generated: whether it was drawn at random with 80 bits or more, so that nobody guesses
            it offline.
        shared: whether it is used with more than this one acceptor, so that it proves
            only "somebody who knows it".
    """

    text: str = field(repr=False)
    generated: bool = False
    shared: bool = False


class Credentials(Protocol):
    """An initiator's side."""

    def password(self, initiator: str, acceptor: str) -> Password | None:
        """The password of this pair; None where there is none, or nobody wanted to give it.

        Both names are those the exchange was begun with.
        """


class Verifiers(Protocol):
    """An acceptor's side. `user` is prepared (RFC 4013) for SCRAM; `acceptor` is the acceptor's own name.

    Every method answers None for a user it does not know, after the same work.
    """

    @property
    def decoy_key(self) -> bytes:
        """A secret of 16 octets or more that stays as long as the store does.

        The salts of users that do not exist are made with it, so that they look like others.
        """

    def iterations(self, hash: Hash) -> int:
        """The count that verifiers of this store usually have; users that do not exist get it."""

    def scram(self, user: str, acceptor: str, hash: Hash) -> ScramVerifier | None:
        """What was kept for SCRAM with this hash."""

    def digest_md5(self, user: str, realm: str, acceptor: str) -> DigestMD5Verifier | None:
        """What was kept for DIGEST-MD5 in this realm; it is worth the password.

        `user` is as the initiator wrote it, not prepared: the name is a part of what was hashed.
        """


class FromPasswords:
    """Verifiers of an acceptor that holds passwords: made anew in every exchange.

    For a user who does not exist, one is made as well, and thrown away. Each costs what
    `ScramVerifier.make` costs; keep verifiers instead where you can.
    """

    def __init__(
        self,
        password: Callable[[str, str], Password | None],
        *,
        iterations: Mapping[Hash, int] = ITERATIONS,
        decoy_key: bytes | None = None,
    ) -> None:
        """`password` is asked with user and acceptor. Without a key, salts last as long as this object."""
        self._password = password
        self._iterations = iterations
        self.decoy_key = secrets.token_bytes(32) if decoy_key is None else decoy_key

    def iterations(self, hash: Hash) -> int:
        return self._iterations[hash]

    def scram(self, user: str, acceptor: str, hash: Hash) -> ScramVerifier | None:
        found = self._password(user, acceptor)
        used = _or_nobodys(found)
        salt = _salt(self.decoy_key, user, acceptor, hash)
        count = self.iterations(hash)
        made = ScramVerifier.make(used.text, hash, salt=salt, iterations=count, shared=used.shared)
        return made if found else None

    def digest_md5(self, user: str, realm: str, acceptor: str) -> DigestMD5Verifier | None:
        found = self._password(user, acceptor)
        used = _or_nobodys(found)
        made = DigestMD5Verifier.make(user, realm, used.text, shared=used.shared)
        return made if found else None


def _or_nobodys(found: Password | None) -> Password:
    """One that nobody has is made for every user, so that those who do not exist cost no more."""
    nobodys = Password(secrets.token_hex(16))
    return found or nobodys


def decoy(verifiers: Verifiers, user: str, acceptor: str, hash: Hash) -> ScramVerifier:
    """What a user who does not exist is answered with: always the same, and like any other.

    No password fits its keys: nobody derived them from one.
    """
    salt = _salt(verifiers.decoy_key, user, acceptor, hash)
    keys = hmac.digest(verifiers.decoy_key, b"keys" + salt, HASHES[hash][0])
    return ScramVerifier(hash, salt, verifiers.iterations(hash), keys, keys)


def _salt(key: bytes, user: str, acceptor: str, hash: Hash) -> bytes:
    about = "\0".join(("salt", hash, acceptor, user))
    return hmac.digest(key, about.encode(), "sha256")[:SALT]
