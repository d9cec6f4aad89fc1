"""What an MSRP section of a session description says (RFC 4975 section 8 and its relatives)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from msrp_core import Uri

from ..terms.content import Accepts
from ..terms.fingerprints import Fingerprint
from .file_attributes import FILE_NAMES, FileTransfer
from .sdp import Description, SdpError, Section

__all__ = ["DIRECTIONS", "Direction", "MsrpMedia", "Setup", "read_media"]

Setup = Literal["active", "passive", "actpass"]
Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]

DIRECTIONS: Final[Mapping[Direction, Direction]] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}
"""Each direction, and the same seen from the other side (RFC 3264 section 6.1)."""

_DISCARD = 9  # the port of a side that cannot be connected to (RFC 4145 section 4.1)
_AUTHORITY = re.compile(r"(?i:msrps?)://([^/;@\[\]]{1,60})(?=[/;])")


@dataclass(frozen=True, slots=True)
class MsrpMedia:
    """One MSRP stream as one side describes it.

    Attributes:
        path: the value of a=path, one space between its URIs; each confidential.
        uris: the same, parsed; the last is the other side's end, the first the place to connect to.
        secure: whether TLS protects the connection, by the first URI.
        address, port: of c= and m=, which only CEMA connects to (RFC 6714).
        setup: None where it is absent, or holdconn, which RFC 6135 section 4.2.1 ignores.
        accepts, wrapped: kinds of content taken at the top, and inside of others only.
        maximum: the largest message in octets, a hint; None where it says nothing.
        fingerprints: those we can compare.
        auth: schemes of AUTH to be tried, in upper case.
        file: the file this stream is for; `files` whether RFC 5547 is understood.
    """

    path: str = field(repr=False)
    uris: tuple[Uri, ...]
    secure: bool
    address: str | None
    port: int
    setup: Setup | None
    accepts: Accepts
    wrapped: Accepts
    maximum: int | None
    direction: Direction
    cema: bool
    fingerprints: tuple[Fingerprint, ...]
    auth: tuple[str, ...]
    file: FileTransfer | None
    files: bool

    def hosts(self) -> frozenset[str]:
        """Names that must be looked up before `fits` can compare them (RFC 6714 section 4.4)."""
        found = {self.address or "", *(uri.host for uri in self.uris)}
        return frozenset(host.lower() for host in found if host and _address(host) is None)

    def fits(self, known: Mapping[str, Collection[str]]) -> bool:
        """Whether c= and m= name the place of one of the path's URIs (RFC 6714 section 4.4).

        They do not where a middlebox has put its own address there. `known` has the addresses
        of the names in `hosts`; of several one that matches is enough, and a name that is not
        known is like itself only.
        """
        if self.address is None:
            return True  # nothing is said that could differ
        own = _addresses(self.address, known)
        discard = self.setup == "active"
        return any(
            own & _addresses(uri.host, known)
            and (self.port == uri.port or (discard and _DISCARD in (self.port, uri.port)))
            for uri in self.uris
        )


def read_media(description: Description, section: Section) -> MsrpMedia:
    """Read an MSRP section whose port is not 0.

    Raises `SdpError` where it lacks what RFC 4975 section 8 demands, a=path and a=accept-types,
    or contradicts itself on TLS; an optional attribute that cannot be understood counts as absent.
    """
    path = description.value(section, "path")
    if not path:
        raise SdpError("its MSRP section has no a=path (RFC 4975 section 8.2)")
    path, uris = _path(path)
    # The URI says how to connect (RFC 4975 section 8.2). Where m= promises TLS and it does not,
    # to go without would be to do what a man in the middle may have wished for.
    secure = uris[0].secure
    if section.protocol == "TCP/TLS/MSRP" and not secure:
        raise SdpError("its m= line says TLS, the URI in its a=path does not")
    accepts = description.value(section, "accept-types")
    if accepts is None:
        raise SdpError("its MSRP section has no a=accept-types (RFC 4975 section 8.6)")
    values = {name: description.value(section, name) for name in FILE_NAMES}
    try:
        file = FileTransfer.read(values)
    except ValueError as wrong:
        raise SdpError(str(wrong)) from None
    return MsrpMedia(
        path=path,
        uris=uris,
        secure=secure,
        address=description.address(section),
        port=section.port,
        setup=_setup(description.value(section, "setup")),
        accepts=Accepts.parse(accepts),
        wrapped=Accepts.parse(description.value(section, "accept-wrapped-types")),
        maximum=_number(description.value(section, "max-size")),
        direction=_direction(description, section),
        # A property of the section alone (RFC 6714 section 5.1).
        cema=section.attribute("msrp-cema") is not None,
        fingerprints=_fingerprints(description, section),
        auth=tuple((description.value(section, "msrp-auth") or "").upper().split()),
        file=file,
        files=values["file-selector"] is not None,
    )


def _path(value: str) -> tuple[str, tuple[Uri, ...]]:
    # RFC 8873 section 4.8 prints an IPv6 address without its brackets, and so do some stacks.
    text = " ".join(map(_bracketed, value.split()))
    try:
        uris = Uri.parse_path(text)
    except ValueError as wrong:
        raise SdpError(f"its a=path is no list of MSRP URIs: {wrong}") from None
    if any(uri.port is None for uri in uris):
        raise SdpError("a URI in its a=path has no port (RFC 4975 section 8.2)")
    if len({uri.secure for uri in uris}) > 1:
        raise SdpError("some of the URIs in its a=path say TLS, others do not")
    if uris[-1].session_id is None:
        raise SdpError("the last URI in its a=path names no session (RFC 4975 section 6)")
    return text, uris


def _bracketed(uri: str) -> str:
    found = _AUTHORITY.match(uri)
    if found is None:
        return uri
    host, _, port = found.group(1).rpartition(":")
    if ":" not in host or _address(host) is None:
        return uri
    return f"{uri[: found.start(1)]}[{host}]:{port}{uri[found.end(1) :]}"


def _setup(value: str | None) -> Setup | None:
    match (value or "").lower():
        case "active":
            return "active"
        case "passive":
            return "passive"
        case "actpass":
            return "actpass"
    return None


def _direction(description: Description, section: Section) -> Direction:
    for lines in (section.lines, description.lines):
        for letter, value in lines:
            if letter == "a" and (name := value.lower()) in DIRECTIONS:
                return next(direction for direction in DIRECTIONS if direction == name)
    return "sendrecv"


def _fingerprints(description: Description, section: Section) -> tuple[Fingerprint, ...]:
    found = map(Fingerprint.parse, description.values(section, "fingerprint"))
    return tuple(dict.fromkeys(one for one in found if one is not None))


def _number(value: str | None) -> int | None:
    return int(value) if value and value.isascii() and value.isdigit() and len(value) < 19 else None


def _address(host: str) -> object | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _addresses(host: str, known: Mapping[str, Collection[str]]) -> frozenset[object]:
    """What a host can be: addresses as such, because IPv6 has many spellings of one."""
    address = _address(host)
    if address is not None:
        return frozenset([address])
    name = host.lower()
    looked_up = (_address(text) for text in known.get(name, ()))
    return frozenset([name, *(found for found in looked_up if found is not None)])
