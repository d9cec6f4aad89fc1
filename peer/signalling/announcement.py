"""What a listener tells the LAN about itself (DNS-SD, RFC 6763), and what is made of it.

An announcement is a hint: everybody on the network can send any. It picks an address to
connect to; it proves nobody, raises no level and lowers no policy.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

from ..terms.display import escape
from ..terms.principal import Principal, PrincipalError

__all__ = ["PLAIN_SERVICE_TYPE", "SERVICE_TYPE", "Announcement", "fingerprint", "instance_name"]

SERVICE_TYPE: Final = "_msrps._tcp.local."
PLAIN_SERVICE_TYPE: Final = "_msrp._tcp.local."
"""Of listeners without TLS, where a proof protects the line by a layer of its own."""

_LONGEST_NAME = 58  # octets, of the 63 of a label: a responder may add "-2" to a name in use
_LONGEST_STRING = 255  # octets of one key=value (RFC 6763 section 6.1)
_MOST_ADDRESSES = 16
_MOST_MECHANISMS = 16

_FINGERPRINT = re.compile(r"(?:sha-256[ ])?((?:[0-9a-f]{2}:){31}[0-9a-f]{2})", re.IGNORECASE)
_MECHANISM = re.compile(r"[A-Z0-9_-]{1,20}")  # RFC 4422 section 3.1


@dataclass(frozen=True, slots=True)
class Announcement:
    """One listener, as announced.

    Attributes:
        name: the instance name, for people. Escaped where it came from the network.
        addresses: numeric, in the order to try them: IPv4, IPv6, IPv6 of the link with zone.
        port: 1 to 65535.
        principal: who the listener says it is; to publish it is the owner's decision.
        fingerprint: SHA-256 over its certificate, upper-case hexadecimal with colons, as
            `terms.security.Protection.own_key` has it.
        mechanisms: SASL mechanisms it says it offers.
        secure: whether it speaks TLS.

    Made directly, it is checked: ValueError where a field could not be announced.
    """

    name: str
    addresses: tuple[str, ...]
    port: int
    principal: Principal | None = None
    fingerprint: str | None = None
    mechanisms: tuple[str, ...] = ()
    secure: bool = True

    def __post_init__(self) -> None:
        if not self.name or len(self.name.encode("utf-8", "replace")) > 63:
            raise ValueError("an instance name has 1 to 63 octets")
        if not self.addresses:
            raise ValueError("an announcement has an address")
        for address in self.addresses:
            ipaddress.ip_address(address)
        if not 1 <= self.port <= 65535:
            raise ValueError("a port is between 1 and 65535")
        if self.fingerprint is not None:
            if (plain := fingerprint(self.fingerprint)) is None:
                raise ValueError("a fingerprint is a SHA-256: 32 octets in hexadecimal, colons between them")
            object.__setattr__(self, "fingerprint", plain)
        if not all(_MECHANISM.fullmatch(mechanism) for mechanism in self.mechanisms):
            raise ValueError("a mechanism's name has 1 to 20 characters from A-Z, 0-9, - and _")

    @property
    def service_type(self) -> str:
        return SERVICE_TYPE if self.secure else PLAIN_SERVICE_TYPE

    def txt(self) -> dict[str, str]:
        """The TXT record's keys and values; what does not fit into 255 octets is left out."""
        values = {"v": "1"}
        if self.principal is not None:
            values["id"] = self.principal.text
        if self.fingerprint is not None:
            values["fp"] = f"sha-256 {self.fingerprint}"  # RFC 8122 section 5
        if self.mechanisms:
            values["mech"] = " ".join(self.mechanisms)
        return {key: value for key, value in values.items() if len(f"{key}={value}") <= _LONGEST_STRING}

    @classmethod
    def from_txt(
        cls,
        name: str,
        addresses: Iterable[str],
        port: int | None,
        txt: Mapping[bytes, bytes | None],
        *,
        secure: bool = True,
    ) -> Self | None:
        """What the network says of one listener; None where nobody could connect to it.

        Fields that are damaged, too long or of another version are ignored. Never raises.
        """
        reachable = _addresses(addresses)
        if not reachable or port is None or not 1 <= port <= 65535:
            return None
        values = _values(txt)
        if values.get("v") != "1":
            values = {}  # of another version we know the meaning of no key
        return cls(
            _cut(escape(name, 63), 63) or "?",
            reachable,
            port,
            _principal(values.get("id")),
            fingerprint(values.get("fp", "")),
            _mechanisms(values.get("mech", "")),
            secure,
        )


def instance_name(host: str, process: int, principal: Principal | None = None) -> str:
    """A name for people to tell listeners apart, at most 58 octets: ``"msrp on box (PID 4711)"``.

    With a principal to publish, that. Dots become hyphens: a DNS name is written with dots
    between its labels, and this name is one label.
    """
    if principal is not None:
        return _cut(principal.text.replace(".", "-"), _LONGEST_NAME)
    end = f" (PID {process})"
    start = f"msrp on {escape(host.partition('.')[0], 63) or 'this host'}"
    return _cut(start, _LONGEST_NAME - len(end)) + end


def fingerprint(text: str) -> str | None:
    """A SHA-256 fingerprint as RFC 8122 section 5 writes it, with or without ``sha-256 ``.

    The result is without, in upper case; None where the text is none.
    """
    found = _FINGERPRINT.fullmatch(text)
    return found.group(1).upper() if found else None


def _values(txt: Mapping[bytes, bytes | None]) -> dict[str, str]:
    values: dict[str, str] = {}
    for key, value in txt.items():
        if value is None or len(key) + 1 + len(value) > _LONGEST_STRING:
            continue
        try:
            # Keys are ASCII in any case, and the first of two counts (RFC 6763 section 6.4).
            values.setdefault(key.decode("ascii").lower(), value.decode("utf-8"))
        except UnicodeDecodeError:
            continue
    return values


def _principal(text: str | None) -> Principal | None:
    try:
        return Principal.parse(text) if text else None
    except PrincipalError:
        return None


def _mechanisms(text: str) -> tuple[str, ...]:
    names = dict.fromkeys(name for name in text.split(" ") if _MECHANISM.fullmatch(name))
    return tuple(names)[:_MOST_MECHANISMS]


def _addresses(texts: Iterable[str]) -> tuple[str, ...]:
    """The ones that can be connected to: IPv4 first, then IPv6, those of the link last."""
    ranked: list[tuple[int, str]] = []
    for text in texts:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            continue
        if address.is_multicast or address.is_unspecified or text in (known for _, known in ranked):
            continue
        if isinstance(address, ipaddress.IPv4Address):
            ranked.append((0, text))
        elif not address.is_link_local:
            ranked.append((1, text))
        elif address.scope_id is not None:  # without a zone nobody knows which link is meant
            ranked.append((2, text))
        if len(ranked) == _MOST_ADDRESSES:
            break
    return tuple(text for _, text in sorted(ranked, key=lambda pair: pair[0]))


def _cut(text: str, octets: int) -> str:
    return text.encode("utf-8", "replace")[:octets].decode("utf-8", "ignore").rstrip()
