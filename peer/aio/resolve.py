"""Names to addresses, by the system's own resolver."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

from ..terms.display import escape
from ..terms.errors import CannotReach

__all__ = ["addresses"]


async def addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, str, int]]:
    """Where to connect for `host`, in the system's order of preference (RFC 6724).

    Each as (family, numeric address, port), once; the address of an IPv6 link has its zone
    (``fe80::1%eth0``). Raises CannotReach where the name has no address.
    """
    loop = asyncio.get_running_loop()
    shown = escape(host, 80)
    if "\0" in host:
        # The system would look up what stands before it.
        raise CannotReach(f"'{shown}' cannot be looked up")
    if (numeric := _numeric(host)) is not None:
        return [(numeric, host, port)]
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise CannotReach(f"'{shown}' has no address here: {error.strerror}") from error
    except (OSError, UnicodeError, ValueError) as error:
        # A label too long or empty: Python refuses it before it asks anybody.
        raise CannotReach(f"'{shown}' cannot be looked up") from error
    result: dict[tuple[socket.AddressFamily, str, int], None] = {}
    for family, _, _, _, place in found:
        if family == socket.AF_INET:
            result[family, str(place[0]), port] = None
        elif family == socket.AF_INET6:
            result[family, _with_zone(place), port] = None
    if not result:
        raise CannotReach(f"'{shown}' has no address that can be connected to")
    return list(result)


def _numeric(host: str) -> socket.AddressFamily | None:
    """Of an address without a zone its family: nobody needs to be asked, and no thread for it."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return socket.AF_INET
    return None if address.scope_id else socket.AF_INET6


def _with_zone(place: tuple[str | int | bytes, ...]) -> str:
    address = str(place[0])
    zone = place[3] if len(place) > 3 else 0
    if not isinstance(zone, int) or zone == 0 or "%" in address:
        return address
    try:
        return f"{address}%{socket.if_indextoname(zone)}"
    except OSError:
        return f"{address}%{zone}"
