"""tls-server-end-point, of certificates that the openssl command made and hashes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from msrp_sasl import SaslUsageError
from msrp_sasl.bindings import server_end_point

OPENSSL = shutil.which("openssl")
EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
PSS = ("-newkey", "rsa:2048", "-sigopt", "rsa_padding_mode:pss", "-sha384")


@pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")
@pytest.mark.parametrize(
    ("key", "digest"),
    [
        ((*EC, "-sha256"), "sha256"),
        ((*EC, "-sha384"), "sha384"),
        ((*EC, "-sha512"), "sha512"),
        ((*EC, "-sha1"), "sha256"),  # RFC 5929 section 4.1: not SHA-1
        (("-newkey", "rsa:2048", "-sha224"), "sha224"),
        (PSS, "sha384"),
        (("-newkey", "ed25519"), None),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_it_is_what_openssl_hashes(key: tuple[str, ...], digest: str | None, tmp_path: Path) -> None:
    assert OPENSSL is not None
    made = tmp_path / "cert.der"
    make = (OPENSSL, "req", "-x509", *key, "-nodes", "-keyout", tmp_path / "key", "-subj", "/CN=x")
    subprocess.run([*make, "-outform", "DER", "-out", made], check=True, capture_output=True)
    expected = None
    if digest:
        command = [OPENSSL, "dgst", f"-{digest}", "-binary", made]
        expected = subprocess.run(command, check=True, capture_output=True).stdout
    assert server_end_point(made.read_bytes()) == expected


@pytest.mark.parametrize("octets", [b"", b"nonsense", b"\x30\x00"])
def test_what_is_no_certificate(octets: bytes) -> None:
    with pytest.raises(SaslUsageError):
        server_end_point(octets)
