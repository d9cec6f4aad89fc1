"""What anybody on the local network says of a listener: an announcement, or none, and never an error."""

from __future__ import annotations

import ipaddress

from fuzz.inputs import FIELD, fit
from msrp_peer.signalling.announcement import Announcement

__all__ = ["announced"]


def announced(data: bytes) -> None:
    """An input is a name, addresses with a space between them, a port, and entries of a TXT record
    ("key=value"), with FIELD between them."""
    name, addresses, port, *entries = [*data.split(FIELD), b"", b""][: data.count(FIELD) + 3]
    found = Announcement.from_txt(
        name.decode("utf-8", "replace"),
        addresses.decode("utf-8", "replace").split(" "),
        int(port) if port.isdigit() and len(port) < 100 else None,
        dict(_entry(entry) for entry in entries),
        secure=len(data) % 2 == 0,
    )
    if found is None:
        return
    fit(found.name)
    assert 1 <= len(found.name.encode()) <= 63
    assert 1 <= found.port <= 65535
    assert 1 <= len(found.addresses) <= 16
    for address in found.addresses:
        assert not ipaddress.ip_address(address).is_unspecified
    told = found.txt()
    assert all(len(f"{key}={value}") <= 255 for key, value in told.items())
    again = Announcement.from_txt(
        found.name,
        found.addresses,
        found.port,
        {key.encode(): value.encode() for key, value in told.items()},
        secure=found.secure,
    )
    assert again is not None
    assert again.fingerprint == found.fingerprint
    assert again.mechanisms == found.mechanisms
    assert again.principal == (found.principal if "id" in told else None)


def _entry(entry: bytes) -> tuple[bytes, bytes | None]:
    key, equals, value = entry.partition(b"=")
    return key, value if equals else None
