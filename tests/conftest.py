"""How hard hypothesis looks: HYPOTHESIS_PROFILE is `ci` (the default) or `deep`. And whoever runs the
tests may have a config file, passwords and known peers, which are not for them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=100)
settings.register_profile("deep", deadline=None, max_examples=10_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session", autouse=True)
def _nobodys_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    for what in ("config", "data"):
        folder: Path = tmp_path_factory.mktemp(what)
        os.environ[f"XDG_{what.upper()}_HOME"] = str(folder)
