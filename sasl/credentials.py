"""Where passwords and verifiers come from: the protocols a program implements.

An initiator asks `Credentials` for the password of a pair (initiator, acceptor); the acceptor's
name is the one its user entered, never one the other side sent. An acceptor asks `Verifiers`
for what was kept about a user; a store of verifiers holds no passwords. Either may take its
time: exchanges that use them say so (`Properties.may_block`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from .verifier import Hash, ScramVerifier

__all__ = ["Credentials", "Password", "Verifiers"]


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
    """An acceptor's side. `user` is prepared (RFC 4013), `acceptor` is the acceptor's own name.

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

    def digest_md5(self, user: str, realm: str, acceptor: str) -> bytes | None:
        """H(user:realm:password) of RFC 2831 section 2.1.2.1, 16 octets; it is worth the password."""
