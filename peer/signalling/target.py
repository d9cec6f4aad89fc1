"""What a person types to say with whom to speak: an address, or a principal on the LAN."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, Literal

from msrp_core import Uri

from ..terms.display import escape
from ..terms.errors import UsageError
from ..terms.principal import Principal, PrincipalError, domain_name

__all__ = ["DEFAULT_PORT", "Target", "parse_target"]

DEFAULT_PORT: Final = 2855
"""The port registered for MSRP (RFC 4975 section 15.4); ours where none is given."""

_LONGEST = 1100  # characters; a principal has up to 1024
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
_ZONE = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_LIKE = "a target looks like im:bob@lan, box.lan:2855, 192.168.1.7:2855, [fe80::1%eth0]:2855 or msrps://box.lan:2855;tcp"


@dataclass(frozen=True, slots=True)
class Target:
    """Where to find the other side.

    Attributes:
        kind: ``"address"`` (then `host` and `port` are set) or ``"principal"`` (to be
            looked for on the LAN; then `principal` is set).
        host: a name, or an address without brackets; an IPv6 one may have a zone (``%eth0``).
        port: 1 to 65535.
        secure: whether TLS must protect the connection (``msrps``).
        principal: whom the user named. For an address None: whoever is there.
    """

    kind: Literal["address", "principal"]
    host: str | None = None
    port: int | None = None
    secure: bool = True
    principal: Principal | None = None

    @property
    def uri(self) -> str:
        """The URI of the listener at an address, without session-id (RFC 4975 section 6).

        Raises UsageError for a principal: it has no address yet.
        """
        if self.host is None or self.port is None:
            raise UsageError(f"{self} has no address yet")
        # A zone has a meaning on this machine only (RFC 6874 section 1) and never leaves it.
        return f"{'msrps' if self.secure else 'msrp'}://{_bracketed(self.host.partition('%')[0])}:{self.port};tcp"

    def __str__(self) -> str:
        if self.principal is not None:
            return self.principal.text
        return f"{_bracketed(self.host or '')}:{self.port}"


def parse_target(text: str) -> Target:
    """Read what a user typed: an MSRP URI, ``host:port``, or an im:, sip: or sips: URI.

    A missing port is 2855, a missing ``;tcp`` is added, ``host:port`` means ``msrps``. Raises
    UsageError that says what a target looks like, and what was perhaps meant.
    """
    text = text.strip()
    if not text:
        raise UsageError(f"no target was given: {_LIKE}")
    if len(text) > _LONGEST:
        raise UsageError(f"{escape(text, 40)} is too long for a target: {_LIKE}")
    scheme, colon, rest = text.partition(":")
    word = scheme.lower()
    if colon and word in ("im", "sip", "sips"):
        try:
            return Target("principal", principal=Principal.parse(text))
        except PrincipalError as error:
            raise UsageError(str(error)) from None
    if colon and word in ("msrp", "msrps") and not re.fullmatch(r"\d*", rest):
        return _from_uri(word, rest)
    if "://" in text:
        raise UsageError(f"'{escape(text, 80)}' is no MSRP address: {_LIKE}")
    if "@" in text:
        raise UsageError(_meant_principal(text))
    return Target("address", *_host_and_port(text, escape(text, 80)))


def _from_uri(scheme: str, rest: str) -> Target:
    # No text of an error here holds what was typed: there may be a session-id in it.
    if not rest.startswith("//"):
        raise UsageError(f"after {scheme}: come two slashes: {scheme}://box.lan:{DEFAULT_PORT};tcp")
    authority, semicolon, parameters = rest[2:].partition(";")
    transport = parameters.partition(";")[0].lower()
    if "/" in authority or "/" in parameters:
        raise UsageError(
            "this URI names one session, and whoever knows it may speak there: it is no address of a "
            "listener; give msrps://host:port;tcp"
        )
    if "@" in authority:
        raise UsageError(f"a target has no user before its host: {scheme}://host:port;tcp, or im:bob@lan")
    if semicolon and transport != "tcp":
        raise UsageError(f"only the transport tcp can be reached: {scheme}://host:port;tcp")
    host, port = _host_and_port(authority, "this URI")
    target = Target("address", host, port, secure=scheme == "msrps")
    try:
        Uri.parse(target.uri)
    except ValueError as error:
        raise UsageError(f"this URI cannot be used: {error}") from None
    return target


def _host_and_port(text: str, shown: str) -> tuple[str, int]:
    if text.startswith("["):
        inside, bracket, after = text[1:].partition("]")
        if not bracket or (after and not after.startswith(":")):
            raise UsageError(f"{shown} lacks a bracket: an IPv6 address looks like [::1]:{DEFAULT_PORT}")
        return _address6(inside, shown), _port(after[1:], shown) if after else DEFAULT_PORT
    if text.count(":") > 1:
        raise UsageError(f"{shown} lacks brackets: an IPv6 address looks like [::1]:{DEFAULT_PORT}")
    host, colon, port = text.partition(":")
    if host.isdigit():
        raise UsageError(f"{shown} is a number and no host: {_LIKE}")
    return _name(host, shown), _port(port, shown) if colon else DEFAULT_PORT


def _address6(text: str, shown: str) -> str:
    address, percent, zone = text.partition("%")
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        raise UsageError(f"{shown} has no IPv6 address between its brackets: [::1]:{DEFAULT_PORT}") from None
    if percent and not _ZONE.fullmatch(zone):
        raise UsageError(f"{shown} has an odd zone: [fe80::1%eth0]:{DEFAULT_PORT}")
    return text.lower() if not percent else f"{address.lower()}%{zone}"


def _name(text: str, shown: str) -> str:
    if not text:
        raise UsageError(f"{shown} has no host: {_LIKE}")
    if re.fullmatch(r"[0-9.]+", text):
        try:
            return str(ipaddress.IPv4Address(text))
        except ValueError:
            raise UsageError(f"{shown} is no IPv4 address: four numbers from 0 to 255") from None
    host = text
    if not text.isascii():
        try:
            host = domain_name(text)
        except PrincipalError as error:
            raise UsageError(str(error)) from None
    if len(host) > 253 or ".." in host or not _HOST.fullmatch(host):
        raise UsageError(f"{shown} has no host that could be looked up: {_LIKE}")
    return host.lower()


def _port(text: str, shown: str) -> int:
    # Five digits hold every port; more than that int() need not see.
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"{shown} has no number for a port: {_LIKE}")
    digits = text.lstrip("0")
    if not digits or len(digits) > 5 or int(digits) > 65535:
        raise UsageError(f"{shown} has a port out of range: ports go from 1 to 65535")
    return int(digits)


def _meant_principal(text: str) -> str:
    try:
        Principal.parse(text)
    except PrincipalError as error:
        if "did you mean" in str(error):
            return str(error)
    return f"'{escape(text, 80)}' is no target: {_LIKE}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
