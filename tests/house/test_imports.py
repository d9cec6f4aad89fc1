"""Who may import whom, seen from the installed packages."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Away from the source tree, whose folders would hide the installed packages."""
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def test_contracts_hold(tmp_path: Path) -> None:
    linter = Path(sysconfig.get_path("scripts")) / "lint-imports"
    done = run(linter, "--config", ROOT / "pyproject.toml", "--no-cache", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


# A program with another event loop, or none, is not to pay for asyncio.
@pytest.mark.parametrize(
    "package", ["msrp_core", "msrp_sasl", "msrp_peer", "msrp_peer.terms", "msrp_peer.protocol"]
)
def test_import_loads_no_event_loop(package: str, tmp_path: Path) -> None:
    code = f"import {package}, sys; print(*{{'asyncio', 'trio'}} & set(sys.modules))"
    done = run(sys.executable, "-I", "-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_sasl_loads_only_what_it_needs(tmp_path: Path) -> None:
    """Each of these is for whoever asks for `puresasl`, for `bindings`, for Kerberos."""
    code = (
        "import msrp_sasl, sys; "
        "print(*{'puresasl', 'cryptography', 'gssapi', 'pyasn1', 'ctypes'} & set(sys.modules))"
    )
    done = run(sys.executable, "-I", "-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
