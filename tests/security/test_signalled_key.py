"""A client knows the fingerprint that was told, and says bad_certificate in the handshake to other keys."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hashes
from OpenSSL import SSL

from msrp_peer.security.keys import ThrowAway
from msrp_peer.security.tls import TlsLayer
from msrp_peer.security.tls_ends import Serving, client_layers
from msrp_peer.security.tls_modes import TlsMode
from msrp_peer.terms.errors import PeerError
from msrp_peer.terms.fingerprints import OTHER_KEY, Fingerprint
from security.tls_line import hear, owed
from support.authority import Authority

BAD_CERTIFICATE = 42
OTHER = Fingerprint("sha-256", ":".join(["AB"] * 32))


def met(serving: Serving, *told: Fingerprint, old: bool = False) -> tuple[TlsLayer, TlsLayer]:
    (client,) = client_layers(TlsMode.FINGERPRINT, "", told=told)
    if old:
        assert serving._context is not None
        serving._context.set_max_proto_version(SSL.TLS1_2_VERSION)
    (server,) = serving.layers()
    return client, server


@pytest.mark.parametrize("old", [False, True], ids=["1.3", "1.2"])
@pytest.mark.parametrize("hashed", ["sha-256", "sha-1"])
def test_the_right_key(hashed: str, old: bool) -> None:
    """Nothing is said of it but that it is the right one: how it was told decides what that is worth."""
    key = Authority().issue("im:bob@lan")
    kind = {"sha-256": hashes.SHA256(), "sha-1": hashes.SHA1()}[hashed]
    value = key.certificate.fingerprint(kind).hex(":").upper()
    client, server = met(Serving(TlsMode.FINGERPRINT, key), OTHER, Fingerprint(hashed, value), old=old)
    for _ in range(2):
        hear(server, owed(client))
        hear(client, owed(server))
    assert client.protection is not None
    assert server.protection is not None
    assert client.protection.peer_key == key.fingerprint
    assert (client.protection.verified, client.protection.names, client.refused) == (None, (), None)
    assert client.verify([Fingerprint(hashed, value)], signalled=True)
    assert client.protection.verified == "signalled"


@pytest.mark.parametrize("old", [False, True], ids=["1.3", "1.2"])
def test_another_key(old: bool) -> None:
    """RFC 8122 section 6.2; the client's own key is not shown to whoever that is."""
    client, server = met(Serving(TlsMode.FINGERPRINT, ThrowAway()), OTHER, old=old)
    hear(server, owed(client))
    with pytest.raises(PeerError) as caught:
        hear(client, owed(server))
    assert str(caught.value) == client.refused == OTHER_KEY
    assert (client.protection, client.refused_key, client.refused_claims) == (None, None, ())
    said = owed(client)
    if old:
        assert (said[0], said[-1]) == (0x15, BAD_CERTIFICATE)
    with pytest.raises(PeerError, match="does not accept the one this side shows"):
        hear(server, said)
    assert server.unwanted
