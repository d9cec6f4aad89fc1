"""Every test of the rules runs twice: with the short way of plain frames, and without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from msrp_peer.protocol.short import Short


@pytest.fixture(scope="module", autouse=True, params=[True, False], ids=["short", "long"])
def way(request: pytest.FixtureRequest) -> Iterator[None]:
    Short.on = request.param
    yield
    Short.on = True
