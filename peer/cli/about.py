"""What runs here: versions, and where the command was installed."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path

__all__ = ["about"]


def about() -> dict[str, str]:
    """``version`` of this distribution, the folder where it is ``installed``, and ``python``."""
    try:
        version = metadata.version("msrp-peer")
    except metadata.PackageNotFoundError:
        version = "unknown"
    return {
        "version": version,
        "installed": str(Path(__file__).resolve().parent.parent),
        "python": platform.python_version(),
    }


def openssl() -> str:
    """The version of the OpenSSL that protects the lines: ``"OpenSSL 3.5.1 1 Jul 2025"``."""
    from OpenSSL import SSL

    return SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode("ascii", "replace")
