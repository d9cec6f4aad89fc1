"""How hard hypothesis looks: HYPOTHESIS_PROFILE is `ci` (the default) or `deep`. And whoever runs the
tests may have a config file, passwords and known peers, which are not for them; or has started them in
the background, where a shell has Ctrl-C ignored, or nohup a hang-up, in all programs that they start, too."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=100)
settings.register_profile("deep", deadline=None, max_examples=10_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)  # ignored here, and not by whom we start


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """More than there are processors: half of the time the tests wait, for each other's programs, for what
    is found on the network, for limits of a few tenths of a second."""
    processors = os.cpu_count() or 1
    return processors + min(processors, 4)


@pytest.fixture(scope="session", autouse=True)
def _nobodys_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    for what in ("config", "data"):
        folder: Path = tmp_path_factory.mktemp(what)
        os.environ[f"XDG_{what.upper()}_HOME"] = str(folder)
