"""The Kerberos realm, for tests that ask for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sasl.realm import Realm, realm


@pytest.fixture(name="realm")
def _realm() -> Iterator[Realm]:
    shared = realm()
    with shared.at_home():
        yield shared
