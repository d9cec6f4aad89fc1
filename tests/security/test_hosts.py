"""Relays: a certificate of the host, and of nobody else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography import x509

from msrp_peer.security.hosts import HostJudge
from msrp_peer.security.keys import ThrowAway
from msrp_peer.security.own_key import OwnKey
from msrp_peer.security.tls import TlsLayer
from msrp_peer.security.tls_modes import TlsMode, client_context, server_context
from msrp_peer.security.trust import Trust
from msrp_peer.terms.errors import PeerError, UsageError
from msrp_peer.terms.security import Level, Security
from security.tls_line import hear, owed, shake
from support.authority import CA, CLIENT, DAY, NOW, SERVER, Authority, Wanted, host, uri

RELAY = "relay.example.com"
AUTHORITY = Authority()
TRUST = Trust([AUTHORITY.certificate])
GOOD = Wanted(names=[host(RELAY)], extended=[SERVER])


def ends(shown: OwnKey, named: str = RELAY, trust: Trust = TRUST) -> tuple[TlsLayer, TlsLayer]:
    client = client_context(TlsMode.CERTIFICATE, None, trust)
    server = server_context(TlsMode.ANONYMOUS, shown)
    return TlsLayer(client, server=False, judge=HostJudge(trust, named)), TlsLayer(server, server=True)


@pytest.mark.parametrize("named", [RELAY, "Relay.EXAMPLE.com", "relay.example.com."])
def test_the_host_that_was_meant(named: str) -> None:
    client, server = ends(AUTHORITY.issue(wanted=GOOD), named)
    shake(client, server)
    assert client.protection is not None
    assert (client.protection.verified, client.protection.names) == ("host", ())
    # Whoever speaks through it is not proved by that.
    assert Security((client.protection,)).level is Level.PASSIVE_ONLY


def test_a_name_beyond_ascii() -> None:
    client, server = ends(
        AUTHORITY.issue(wanted=replace(GOOD, names=[host("xn--rl-yka.example")])), "rél.example"
    )
    with pytest.raises(PeerError, match="and not xn--"):
        shake(client, server)
    client, server = ends(
        AUTHORITY.issue(wanted=replace(GOOD, names=[host("xn--rl-bja.example")])), "rél.example"
    )
    shake(client, server)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (
            replace(GOOD, names=[host("other.example.com")]),
            "names other.example.com, and not relay.example.com",
        ),
        (replace(GOOD, names=[host("*.example.com")]), r"names \*.example.com, and not relay.example.com"),
        (replace(GOOD, names=[host("example.com")]), "names example.com, and not relay"),
        (replace(GOOD, names=[uri("sip:relay.example.com")]), "names sip:relay.example.com, and not relay"),
        (replace(GOOD, names=[x509.RFC822Name("a@relay.example.com")]), "and not relay.example.com"),
        (replace(GOOD, names=None, common_name=RELAY), "names no host, and not relay.example.com"),
        (replace(GOOD, extended=[CLIENT]), "is not for a TLS server"),
        (replace(GOOD, ca=True), "is an authority's"),
        (replace(GOOD, begins=NOW - 3 * DAY, ends=NOW - DAY), "has expired"),
    ],
)
def test_another_host(wanted: Wanted, words: str) -> None:
    client, server = ends(AUTHORITY.issue(wanted=wanted))
    hear(server, owed(client))
    with pytest.raises(PeerError, match=words):
        hear(client, owed(server))
    assert client.protection is None
    with pytest.raises(PeerError, match="bad_certificate"):
        hear(server, owed(client))


def test_no_authority_vouches() -> None:
    shown = Authority().issue(wanted=GOOD)
    client, server = ends(shown, trust=Trust([AUTHORITY.certificate], {"im:bob@lan": [shown.fingerprint]}))
    hear(server, owed(client))
    with pytest.raises(PeerError, match=r"vouches for|was forged"):
        hear(client, owed(server))


def test_constraints_of_the_authority() -> None:
    elsewhere = x509.NameConstraints([host("example.org")], None)
    between = AUTHORITY.intermediate(replace(CA, common_name="between", constraints=elsewhere))
    client, server = ends(between.issue(wanted=GOOD))
    hear(server, owed(client))
    with pytest.raises(PeerError, match="may not vouch for what"):
        hear(client, owed(server))


@pytest.mark.parametrize("named", ["192.0.2.1", "::1", "", "relay..example", "*.example.com"])
def test_what_is_no_name(named: str) -> None:
    with pytest.raises(UsageError, match="a relay is verified by its name"):
        HostJudge(TRUST, named)


def test_no_authority_at_all() -> None:
    with pytest.raises(UsageError, match="by an authority"):
        HostJudge(Trust(pins={"im:bob@lan": [ThrowAway().fingerprint]}), RELAY)
