"""Two TLS layers and the line between them, which may cut the octets anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import cycle

from OpenSSL import SSL

from msrp_peer.security.keys import ThrowAway
from msrp_peer.security.own_key import OwnKey
from msrp_peer.security.tls import TlsLayer
from msrp_peer.security.tls_modes import TlsMode, client_context, server_context
from msrp_peer.security.trust import Trust
from support.authority import Authority

ANONYMOUS, ADH = TlsMode.ANONYMOUS, TlsMode.ADH

Cut = Callable[[bytes], Iterable[bytes]]


def whole(octets: bytes) -> Iterator[bytes]:
    yield octets


def octetwise(octets: bytes) -> Iterator[bytes]:
    for i in range(len(octets)):
        yield octets[i : i + 1]


def cut_by(sizes: Iterable[int]) -> Cut:
    """A cut into pieces of these sizes, over and over, going on from call to call."""
    endless = cycle(list(sizes) or [1 << 30])

    def cut(octets: bytes) -> Iterator[bytes]:
        while octets:
            size = next(endless)
            yield octets[:size]
            octets = octets[size:]

    return cut


@cache
def key() -> ThrowAway:
    return ThrowAway()


@cache
def somebody() -> tuple[OwnKey, Trust]:
    """A key that an authority vouches for, and who trusts that authority."""
    authority = Authority()
    return authority.issue("im:somebody@lan"), Trust([authority.certificate])


@cache
def contexts(mode: TlsMode) -> tuple[SSL.Context, SSL.Context]:
    """Client's and server's, made once: serving many connections is what they promise."""
    if mode is TlsMode.CERTIFICATE:
        return client_context(mode, *somebody()), server_context(mode, *somebody())
    shown = key() if mode is TlsMode.FINGERPRINT else None
    return client_context(mode, shown), server_context(mode, key())


def pair(client: TlsMode = ANONYMOUS, server: TlsMode | None = None) -> tuple[TlsLayer, TlsLayer]:
    """A client and a server that have not said anything yet."""
    ours, theirs = contexts(client)[0], contexts(server or client)[1]
    if client is TlsMode.CERTIFICATE and server is None:
        own, trust = somebody()
        return (
            TlsLayer(ours, server=False, judge=trust.judge()),
            TlsLayer(theirs, server=True, own_key=own.fingerprint, judge=trust.judge()),
        )
    own_key = None if (server or client) is ADH else key().fingerprint
    return TlsLayer(ours, server=False), TlsLayer(theirs, server=True, own_key=own_key)


def owed(layer: TlsLayer) -> bytes:
    return b"".join(layer.wrap([]))


def say(layer: TlsLayer, *pieces: bytes | bytearray | memoryview) -> bytes:
    return b"".join(layer.wrap(pieces))


def hear(layer: TlsLayer, octets: bytes, cut: Cut = whole) -> bytes:
    return b"".join(piece for part in cut(octets) for piece in layer.unwrap(part))


def shake(client: TlsLayer, server: TlsLayer, cut: Cut = whole) -> None:
    """Let both shake hands until neither owes anything."""
    for _ in range(10):
        there, back = owed(client), owed(server)
        if not there and not back:
            break
        assert not hear(server, there, cut)
        assert not hear(client, back, cut)
    assert client.protection is not None
    assert server.protection is not None


def secured(client: TlsMode = ANONYMOUS, server: TlsMode | None = None) -> tuple[TlsLayer, TlsLayer]:
    """A client and a server that have shaken hands."""
    ends = pair(client, server)
    shake(*ends)
    return ends


def records(octets: bytes) -> list[bytes]:
    """The TLS records in there, each with its header (RFC 8446 section 5.1)."""
    found = []
    while octets:
        size = 5 + int.from_bytes(octets[3:5], "big")
        assert len(octets) >= size, "half a record"
        found.append(octets[:size])
        octets = octets[size:]
    return found
