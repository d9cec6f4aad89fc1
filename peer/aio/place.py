"""Where to listen: an address as it is written, and why it cannot be had."""

from __future__ import annotations

import errno

from ..signalling.target import parse_target
from ..terms.errors import UsageError

__all__ = ["where", "why_not"]

_CANNOT = {
    errno.EADDRINUSE: "another program listens there already. Another port will do, or 0 for any free one",
    errno.EADDRNOTAVAIL: "this computer has no such address. 0.0.0.0 means all of those it has",
    errno.EACCES: "that is not allowed. Ports from 1024 on are for everybody",
}


def why_not(error: OSError | OverflowError) -> str:
    """Why an address cannot be listened at, for a person."""
    number = error.errno if isinstance(error, OSError) and error.errno else 0
    return _CANNOT.get(number) or getattr(error, "strerror", None) or str(error)


def where(address: str) -> tuple[str, int]:
    """``host:port``, the host ``0.0.0.0`` where none is given, the port 2855."""
    if address.startswith(":"):
        address = f"0.0.0.0{address}"  # noqa: S104 - what was asked for
    host, colon, port = address.rpartition(":")
    if colon and port == "0":
        address = f"{host}:1"  # a target's port is never 0, a listener's may be
    target = parse_target(address)
    if target.kind != "address" or target.host is None or target.port is None:
        raise UsageError(f"{address} is no address to listen at: write host:port")
    return target.host, 0 if colon and port == "0" else target.port
