"""Two people who share a password, and others who do not."""

from __future__ import annotations

from collections.abc import Mapping

from msrp_sasl import FromPasswords, Hash, Password

__all__ = ["ALICE", "BOB", "EVE", "SECRET", "Knows", "known"]

ALICE, BOB, EVE = "im:alice@lan", "im:bob@lan", "im:eve@lan"
SECRET = "k7fk-q4ph-sgmt-wxhw-x2bm"
FEW: dict[Hash, int] = {"SHA-1": 4096, "SHA-256": 4096, "SHA-512": 4096}


class Knows:
    """Credentials: one password, whoever asks; counts how often it was asked for, by whom."""

    def __init__(self, text: str = SECRET, *, generated: bool = True, shared: bool = False) -> None:
        self._password = Password(text, generated=generated, shared=shared)
        self.asked: list[tuple[str, str]] = []

    def password(self, initiator: str, acceptor: str) -> Password:
        self.asked.append((initiator, acceptor))
        return self._password


def known(users: Mapping[str, str] | None = None, *, at: str = BOB, shared: bool = False) -> FromPasswords:
    """Verifiers at `at`: alice's alone, unless told otherwise."""
    users = {ALICE: SECRET} if users is None else users

    def password(user: str, acceptor: str) -> Password | None:
        return Password(users[user], shared=shared) if user in users and acceptor == at else None

    return FromPasswords(password, iterations=FEW)
