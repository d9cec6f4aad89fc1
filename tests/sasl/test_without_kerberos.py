"""Without the extra: nothing else is missing, and who asks for Kerberos is told what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SAID = (
    'not installed: pip install "msrp-peer[kerberos]" (which on Debian needs: apt install libkrb5-dev gcc '
    "python3-dev)"
)
PROGRAM = """
import sys
sys.modules[{missing!r}] = None  # as if it were not installed
import msrp_sasl, msrp_peer
try:
    msrp_sasl.Kerberos()
except msrp_sasl.SaslError as error:
    print(error.reason.name, error)
channel = msrp_sasl.Channel(msrp_sasl.ChannelLevel.VERIFIED, {{"tls-exporter": b"x" * 32}})
print(*msrp_sasl.offered(msrp_sasl.Policy(), channel))
"""


@pytest.mark.parametrize("missing", ["gssapi", "pyasn1"])
def test_it_is_said_what_to_install(missing: str, tmp_path: Path) -> None:
    code = PROGRAM.format(missing=missing)
    done = subprocess.run(
        [sys.executable, "-I", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    said, names = done.stdout.splitlines()
    assert said == f"CREDENTIALS {SAID}"
    assert "SCRAM-SHA-256-PLUS" in names
    assert "KRB5" not in names
