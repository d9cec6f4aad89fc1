"""Which addresses a listener has, and which a name has."""

from __future__ import annotations

import asyncio
import socket
from typing import NoReturn

import ifaddr
import pytest

from msrp_peer.aio.interfaces import local_addresses
from msrp_peer.aio.resolve import addresses
from msrp_peer.terms.errors import CannotReach
from support.loops import looped


def adapter(name: str, *ips: object) -> ifaddr.Adapter:
    return ifaddr.Adapter(name, name, [ifaddr.IP(ip, 24, name) for ip in ips])  # type: ignore[arg-type]


def test_the_addresses_to_announce(monkeypatch: pytest.MonkeyPatch) -> None:
    lo = adapter("lo", "127.0.0.1", ("::1", 0, 0))
    eth0 = adapter("eth0", ("fe80::1", 0, 2), "10.0.0.7", ("fd00::7", 0, 0))
    monkeypatch.setattr(ifaddr, "get_adapters", lambda: [lo, eth0])
    assert local_addresses("0.0.0.0") == ("10.0.0.7",)
    assert local_addresses("::") == ("10.0.0.7", "fe80::1%eth0", "fd00::7")
    assert local_addresses("10.0.0.7") == ("10.0.0.7",)
    monkeypatch.setattr(ifaddr, "get_adapters", lambda: [lo])
    assert local_addresses("0.0.0.0") == ("127.0.0.1",)
    assert local_addresses("::") == ("127.0.0.1", "::1")


@looped
async def test_for_an_address_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread, which would cost a session more than the rest of finding it."""
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", None)
    for address, family in (("192.0.2.7", socket.AF_INET), ("2001:db8::7", socket.AF_INET6)):
        assert await addresses(address, 7) == [(family, address, 7)]


@looped
@pytest.mark.rule("4975 6.2-1")
async def test_numeric_addresses_resolve_to_themselves() -> None:
    assert await addresses("127.0.0.1", 2855) == [(socket.AF_INET, "127.0.0.1", 2855)]
    assert await addresses("::1", 7) == [(socket.AF_INET6, "::1", 7)]
    assert await addresses("fe80::1%lo", 7) == [(socket.AF_INET6, "fe80::1%lo", 7)]


@looped
@pytest.mark.rule("4975 6.2-2")
async def test_names_resolve_in_the_systems_order_each_address_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def getaddrinfo(host: str, port: int, **more: object) -> list[tuple[object, ...]]:
        if host == "none.lan":
            return []
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::2", port, 0, 1)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.2", port)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.2", port)),
            (socket.AF_UNIX, socket.SOCK_STREAM, 6, "", ("odd",)),
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::3", port, 0, 999_999)),
        ]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    assert await addresses("box.lan", 7) == [
        (socket.AF_INET6, f"fe80::2%{socket.if_indextoname(1)}", 7),
        (socket.AF_INET, "10.0.0.2", 7),
        (socket.AF_INET6, "fe80::3%999999", 7),
    ]
    with pytest.raises(CannotReach, match="no address that can be connected to"):
        await addresses("none.lan", 7)


@looped
async def test_a_name_the_system_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(CannotReach, match=r"'b\\x1bx' has no address here: Name or service not known"):
        await addresses("b\x1bx", 7)


@pytest.mark.parametrize("host", ["a..b", "x" * 64, "ü" * 300, "localhost\x00", "\ud800"])
@looped
async def test_a_name_that_is_none(host: str) -> None:
    with pytest.raises(CannotReach, match="cannot be looked up"):
        await addresses(host, 7)
