"""The network interfaces of this machine, as multicast DNS and those who announce themselves see them."""

from __future__ import annotations

import socket
from collections.abc import Sequence

import ifaddr

__all__ = ["interface_addresses", "local_addresses", "try_port"]

_MDNS_PORT = 5353


def local_addresses(bound: str) -> tuple[str, ...]:
    """The addresses under which a listener bound to `bound` can be reached, to announce them.

    For ``0.0.0.0`` and ``::`` those of every interface; loopback only where there is no other.
    """
    if bound not in ("0.0.0.0", "::", ""):  # noqa: S104 - compared, not bound
        return (bound,)
    every = interface_addresses(with_ipv6=bound != "0.0.0.0")  # noqa: S104
    others = [address for address in every if not address.startswith("127.") and address != "::1"]
    return tuple(others or every)


def try_port(interfaces: Sequence[str]) -> None:
    """Raise OSError where the port of multicast DNS cannot be had; the library leaks a socket then."""
    family = socket.AF_INET6 if all(":" in address for address in interfaces) else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        trial.bind(("", _MDNS_PORT))


def interface_addresses(*, with_ipv6: bool) -> list[str]:
    """Numeric addresses of every interface, IPv4 first; those of an IPv6 link with their zone."""
    ipv4: list[str] = []
    ipv6: list[str] = []
    for adapter in ifaddr.get_adapters():
        for address in adapter.ips:
            if isinstance(address.ip, str):
                ipv4.append(address.ip)
            else:
                number, _, scope = address.ip
                ipv6.append(f"{number}%{adapter.nice_name}" if scope else number)
    return ipv4 + ipv6 if with_ipv6 else ipv4
