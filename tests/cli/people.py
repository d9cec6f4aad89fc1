"""People on one machine, each with files of their own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.programs import Open, Program, Start, Terminal
from msrp_peer import lasting_key
from msrp_peer.security.known import Learned
from msrp_peer.security.known_peers import KnownPeers
from msrp_peer.terms.principal import Principal
from msrp_peer.terms.security import Level

__all__ = ["Person"]


class Person:
    """What is kept of somebody, apart from what is kept of others, and programs that use it."""

    def __init__(self, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.name = name
        self._folder = folder
        self._patch = monkeypatch

    def start(self, msrp: Start, *words: str) -> Program:
        with self.at_home():
            return msrp(*words, stdin=subprocess.PIPE)

    def sits(self, terminal: Open, *words: str) -> Terminal:
        with self.at_home():
            return terminal(*words)

    @contextmanager
    def at_home(self) -> Iterator[None]:
        with self._patch.context() as patch:
            patch.setenv("XDG_DATA_HOME", str(self._folder))
            yield

    @property
    def known(self) -> KnownPeers:
        return KnownPeers(self._folder / "msrp-peer" / "known_peers.db")

    @property
    def key(self) -> str:
        with self.at_home():
            return lasting_key(self.name).fingerprint

    def knows(self, other: str) -> Level | None:
        found = self.known.recall(Principal.parse(other))
        return None if found is None else found.level

    def learned(self, other: str) -> list[tuple[str, Learned]]:
        found = self.known.recall(Principal.parse(other))
        return [] if found is None else [(key.fingerprint, key.learned) for key in found.keys]

    def forget_key(self) -> None:
        """Their lasting key is lost, and a new one is made when it is needed."""
        for path in (self._folder / "msrp-peer" / "keys").iterdir():
            path.unlink()
