"""TLS of people: whose certificate counts, and what is said to whom where one does not."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL, crypto

from msrp_peer.kept.errors import StoreError
from msrp_peer.security.keys import Key, ThrowAway
from msrp_peer.security.known_peers import KnownPeers
from msrp_peer.security.own_key import OwnKey
from msrp_peer.security.tls import TlsLayer
from msrp_peer.security.tls_modes import TlsMode, client_context, server_context
from msrp_peer.security.trust import Judge, Trust
from msrp_peer.terms.errors import PeerError, UsageError
from msrp_peer.terms.fingerprints import OTHER_KEY, Fingerprint
from msrp_peer.terms.principal import Principal
from msrp_peer.terms.security import Level, Security
from security.tls_line import hear, octetwise, owed, records, shake
from support.authority import CA, CLIENT, DAY, MAIL, NOW, SERVER, Authority, Wanted, host, uri, weak_key

ALICE, BOB, EVE = "im:alice@example.com", "im:bob@example.com", "im:eve@example.com"
CERTIFICATE = TlsMode.CERTIFICATE
BAD_CERTIFICATE = 42


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def alice(authority: Authority) -> OwnKey:
    return authority.issue(ALICE)


@pytest.fixture(scope="module")
def trust(authority: Authority) -> Trust:
    return Trust([authority.certificate])


def principals(*names: str) -> list[Principal]:
    return [Principal.parse(name) for name in names]


@dataclass
class Ends:
    client: TlsLayer
    server: TlsLayer
    judges: tuple[Judge, Judge]

    def failure(self) -> tuple[str, bytes]:
        """What the client says of the server's certificate, and what it then says to the server."""
        server_said = hear_flight(self.server, owed(self.client))
        with pytest.raises(PeerError) as caught:
            hear(self.client, server_said)
        assert self.client.protection is None
        assert self.client.refused == str(caught.value)
        return str(caught.value), owed(self.client)

    def refusal(self) -> tuple[str, bytes, bytes]:
        """The same the other way round, and what the server had said before."""
        first = hear_flight(self.server, owed(self.client))
        hear(self.client, first)
        with pytest.raises(PeerError) as caught:
            hear(self.server, owed(self.client))
        assert self.server.protection is None
        assert self.server.refused == str(caught.value)
        return str(caught.value), owed(self.server), first


def hear_flight(layer: TlsLayer, octets: bytes) -> bytes:
    hear(layer, octets)
    return owed(layer)


def ends(
    server_key: Key,
    client_key: Key | None,
    client_trust: Trust,
    server_trust: Trust | None = None,
    *,
    expects: Iterable[str] = (BOB,),
    expected: Iterable[str] = (),
    demanding: bool = True,
    old: bool = False,
    weak: str = "",
    told: Iterable[Fingerprint] = (),
) -> Ends:
    """The side named `weak` shows whatever it has; ours would not."""
    server_trust = server_trust or client_trust
    judges = client_trust.judge(principals(*expects), told), server_trust.judge(principals(*expected))
    contexts = (
        client_context(CERTIFICATE, client_key, client_trust),
        server_context(CERTIFICATE, server_key, server_trust, demanding=demanding),
    )
    if old:
        contexts[0].set_max_proto_version(0x0303)
    if weak:
        showing = SSL.Context(SSL.TLS_METHOD), SSL.Context(SSL.TLS_METHOD)
        for each, key in zip(showing, (client_key, server_key), strict=True):
            each.set_cipher_list(b"ECDHE+AESGCM:@SECLEVEL=0")
            if key is not None:
                key.install(each)
            each.set_max_proto_version(0x0303 if old else 0x0304)
        contexts = (showing[0], contexts[1]) if weak == "client" else (contexts[0], showing[1])
    return Ends(
        TlsLayer(
            contexts[0], server=False, judge=None if weak == "client" else judges[0], host="msrp.example.com"
        ),
        TlsLayer(contexts[1], server=True, judge=judges[1]),
        judges,
    )


def alert(octets: bytes) -> int:
    """The number of the alert these octets are, and nothing else besides."""
    (record,) = records(octets)
    assert record[0] == 0x15, record
    assert len(record) == 7
    return record[6]


# -- what counts


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("cut", [None, octetwise])
def test_both_are_verified(authority: Authority, alice: OwnKey, trust: Trust, old: bool, cut: object) -> None:
    bob = authority.issue(BOB)
    two = ends(bob, alice, trust, old=old)
    if cut is None:
        shake(two.client, two.server)
    else:
        shake(two.client, two.server, octetwise)
    for end, name, key in ((two.client, BOB, bob), (two.server, ALICE, alice)):
        protection = end.protection
        assert protection is not None
        assert protection.version == ("TLSv1.2" if old else "TLSv1.3")
        assert (protection.verified, protection.names) == ("chain", (name,))
        assert protection.peer_key == key.fingerprint
        security = Security((protection,))
        assert security.level is Level.AUTHENTICATED
        assert security.principal == name
        assert f"{name} is proved by a certificate of an authority you trust" in security.describe()


@pytest.mark.parametrize("scheme", ["im", "sip", "sips"])
def test_every_scheme_and_spelling(authority: Authority, alice: OwnKey, trust: Trust, scheme: str) -> None:
    bob = authority.issue(f"{scheme.upper()}:b%6Fb@EXAMPLE.com")
    two = ends(bob, alice, trust, expects=[f"{scheme}:bob@example.com"])
    shake(two.client, two.server)
    assert two.judges[0].names == (f"{scheme}:bob@example.com",)


def test_one_of_several_names(authority: Authority, alice: OwnKey, trust: Trust) -> None:
    bob = authority.issue("sip:bob@example.com", BOB)
    two = ends(bob, authority.issue("sip:alice@example.com", ALICE), trust)
    shake(two.client, two.server)
    assert two.judges[0].names == (BOB,)
    assert two.judges[1].names == (ALICE, "sip:alice@example.com")
    assert two.server.protection is not None
    security = Security((two.server.protection,))
    assert security.principal is None
    assert f"{ALICE} and sip:alice@example.com is proved" in security.describe()


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(names=[uri(BOB)], extended=[CLIENT]),
        Wanted(names=[uri(BOB)], extended=[SERVER]),
        Wanted(names=[uri(BOB)], extended=None, usage=None, ca=None),
        Wanted(names=[uri(BOB)], identifiers=False),
        Wanted(names=[host("*.example.com"), uri("https://example.com/*"), uri(BOB)]),
    ],
)
def test_a_persons_certificate_serves_at_both_ends(
    authority: Authority, trust: Trust, wanted: Wanted
) -> None:
    key = authority.issue(wanted=wanted)
    two = ends(key, key, trust)
    shake(two.client, two.server)
    assert two.judges[0].names == two.judges[1].names == (BOB,)


def test_a_chain_with_something_in_between(authority: Authority, alice: OwnKey, trust: Trust) -> None:
    bob = (
        authority.intermediate(replace(CA, common_name="one"))
        .intermediate(replace(CA, common_name="two"))
        .issue(BOB)
    )
    two = ends(bob, alice, trust)
    shake(two.client, two.server)
    assert two.judges[0].verified == "chain"


def test_shown_is_what_a_key_holds_and_not_whom_its_owner_trusts(
    authority: Authority, alice: OwnKey, trust: Trust
) -> None:
    """RFC 8446 section 4.4.2: the other side has the authority itself. It would be kept with the line."""
    assert alice.chain == ()
    two = ends(authority.issue(BOB), alice, trust)
    shake(two.client, two.server)
    shown = [len(layer._tls.get_peer_cert_chain() or ()) for layer in (two.client, two.server)]
    assert shown == [1, 0]  # OpenSSL counts the certificate itself at the client alone


def test_an_authority_in_between_may_be_the_trusted_one(authority: Authority) -> None:
    between = authority.intermediate(replace(CA, common_name="between"))
    key = between.issue(BOB, chain=False)
    two = ends(key, key, Trust([between.certificate]))
    shake(two.client, two.server)


def test_a_pinned_key(trust: Trust, alice: OwnKey) -> None:
    """Its certificate is signed by itself, long over, and names somebody else: that is all the same."""
    strange = Authority(Wanted(names=[uri(EVE)], begins=NOW - 9 * DAY, ends=NOW - 8 * DAY, ca=None))
    bob = strange.issue(EVE)
    pinned = Trust(pins={BOB: [bob.fingerprint]})
    two = ends(bob, alice, pinned, trust)
    shake(two.client, two.server)
    assert two.client.protection is not None
    security = Security((two.client.protection,))
    assert (two.client.protection.verified, two.client.protection.names) == ("pinned", (BOB,))
    assert security.level is Level.KEY_VERIFIED
    assert security.principal is None
    assert f"to the key that is pinned to {BOB}" in security.describe()


def test_a_pinned_key_that_an_authority_vouches_for(authority: Authority, alice: OwnKey) -> None:
    bob = authority.issue(BOB)
    both = Trust([authority.certificate], {BOB: [bob.fingerprint.lower()], EVE: [bob.fingerprint]})
    two = ends(bob, alice, both, both)
    shake(two.client, two.server)
    assert two.judges[0].verified == "chain"
    # What the authority says of others does not count for a key that is pinned to somebody.
    two = ends(bob, alice, both, both, expects=[EVE])
    shake(two.client, two.server)
    assert (two.judges[0].verified, two.judges[0].names) == ("pinned", (EVE,))


def test_a_pin_is_nobody_elses(authority: Authority, alice: OwnKey) -> None:
    eve = Authority().issue(BOB)
    words, said = ends(eve, alice, Trust([authority.certificate], {EVE: [eve.fingerprint]})).failure()
    assert "no authority trusted here vouches" in words
    assert alert(said) == BAD_CERTIFICATE
    words, _ = ends(eve, alice, Trust(pins={EVE: [eve.fingerprint], BOB: [alice.fingerprint]})).failure()
    assert words == f"the key of the other side is not the one known of {BOB}"


def test_known_peers_that_cannot_be_read(alice: OwnKey, authority: Authority, tmp_path: Path) -> None:
    """OpenSSL asks in the middle of the handshake, and takes no exception: it is refused, and said why."""
    path = tmp_path / "known.sqlite3"
    path.write_bytes(b"no database" * 1000)
    path.chmod(0o600)
    damaged = KnownPeers(path)
    with pytest.raises(StoreError) as caught:
        damaged.holders(alice.fingerprint)
    # The authority would vouch for him; but nobody says what else is known of that key.
    both = Trust([authority.certificate], damaged)
    words, said = ends(authority.issue(BOB), alice, both).failure()
    assert words == f"whose the key of the other side is cannot be looked up: {caught.value}"
    assert alert(said) == BAD_CERTIFICATE
    line = ends(authority.issue(BOB), alice, Trust([authority.certificate]), both)
    assert str(caught.value) in line.refusal()[0]


@pytest.mark.parametrize("hashed", ["sha-256", "sha-1"])
def test_a_fingerprint_that_signalling_told(
    alice: OwnKey, authority: Authority, trust: Trust, hashed: str
) -> None:
    """A certificate of the right person is refused where it is not the one told (RFC 8122 section 6.2)."""
    bob, other = authority.issue(BOB), authority.issue(BOB)
    for told, right in ((bob, True), (other, False)):
        kind = {"sha-256": hashes.SHA256(), "sha-1": hashes.SHA1()}[hashed]
        value = told.certificate.fingerprint(kind).hex(":").upper()
        line = ends(bob, alice, trust, told=[Fingerprint(hashed, value)])
        if right:
            shake(line.client, line.server)
            assert line.client.protection is not None
            assert line.client.protection.verified == "chain"
            # Signalling that nobody can change takes nothing from what the chain has proved.
            assert line.client.verify([Fingerprint(hashed, value)], signalled=True)
            assert line.client.protection.verified == "chain"
            continue
        words, said = line.failure()
        assert words == OTHER_KEY
        assert alert(said) == BAD_CERTIFICATE


def test_a_lasting_key_raises_no_level(alice: OwnKey, trust: Trust, tmp_path: Path) -> None:
    """A name that a certificate gives itself is worth nothing."""
    from msrp_peer.security.lasting import lasting_key

    bob = lasting_key(BOB, tmp_path / "keys")
    words, said = ends(bob, alice, trust).failure()
    assert words == "the other side's certificate is signed by its own key: no authority vouches for it"
    assert alert(said) == BAD_CERTIFICATE


# -- what does not


CONSTRAINED = x509.NameConstraints
GOOD = Wanted(names=[uri(BOB)])


def subtree(name: x509.GeneralName, *, excluded: bool = False) -> x509.NameConstraints:
    return CONSTRAINED(None, [name]) if excluded else CONSTRAINED([name], None)


BAD: dict[str, tuple[Wanted, Wanted | None, str]] = {
    # Bob's certificate, that of an authority between his and the root, what is said.
    "expired": (
        replace(GOOD, begins=NOW - 9 * DAY, ends=NOW - DAY),
        None,
        f"the other side's certificate has expired, on {NOW - DAY:%Y-%m-%d}",
    ),
    "not yet valid": (
        replace(GOOD, begins=NOW + DAY),
        None,
        f"the other side's certificate is not valid yet: it begins on {NOW + DAY:%Y-%m-%d}",
    ),
    "somebody else's": (
        Wanted(names=[uri(EVE)]),
        None,
        f"the other side's certificate is that of {EVE}, and {BOB} was expected",
    ),
    "another scheme": (
        Wanted(names=[uri("sip:bob@example.com")]),
        None,
        "is that of sip:bob@example.com, and",
    ),
    "another case of the user": (
        Wanted(names=[uri("im:Bob@example.com")]),
        None,
        "is that of im:Bob@example.com",
    ),
    "a longer domain": (Wanted(names=[uri(BOB + ".evil")]), None, "is that of im:bob@example.com.evil, and"),
    "a host alone": (
        Wanted(names=[host("msrp.example.com"), host("example.com")]),
        None,
        "names only msrp.example.com, example.com, and no person: it is believed only for an im:",
    ),
    "a pattern of hosts": (
        Wanted(names=[host("*.example.com")]),
        None,
        "names only *.example.com, and no person",
    ),
    "an address": (
        Wanted(names=[x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
        None,
        "names nobody, and no",
    ),
    "mail": (Wanted(names=[x509.RFC822Name("bob@example.com")]), None, "names only bob@example.com, and no"),
    "a common name": (Wanted(names=None, common_name=BOB), None, "names nobody, and no person"),
    "a pattern of people": (
        Wanted(names=[uri("im:*@example.com")]),
        None,
        "names only im:*@example.com, and no",
    ),
    "a pattern of domains": (
        Wanted(names=[uri("im:bob@*.com")]),
        None,
        "names only im:bob@*.com, and no person",
    ),
    "a domain's": (Wanted(names=[uri("sip:example.com")]), None, "names only sip:example.com, and no person"),
    "with parameters": (Wanted(names=[uri(BOB + ";gr=1")]), None, f"names only {BOB};gr=1, and no person"),
    "an authority's": (
        replace(GOOD, ca=True, usage=("digital_signature", "key_cert_sign")),
        None,
        "the other side's certificate is an authority's, and no person's",
    ),
    "usage": (replace(GOOD, usage=("key_encipherment",)), None, "is not for signing (its key usage)"),
    "extended usage": (replace(GOOD, extended=[MAIL]), None, "is for something else than TLS"),
    "an authority that is over": (
        GOOD,
        replace(CA, begins=NOW - 9 * DAY, ends=NOW - DAY),
        "a certificate behind the other side's has expired",
    ),
    "no authority": (GOOD, replace(GOOD, names=[uri(EVE)]), "is no authority's, or not for signing others"),
    "an authority without key usage": (
        GOOD,
        replace(CA, usage=None),
        "lacks the key usage for signing others",
    ),
    "an authority with another": (GOOD, replace(CA, usage=("crl_sign",)), "or not for signing others"),
    "an authority of a short key": (
        GOOD,
        replace(CA, private="weak"),  # type: ignore[arg-type]
        "the key of a certificate behind the other side's is too short",
    ),
    "an excluded URI": (
        GOOD,
        replace(CA, constraints=subtree(uri("example.com"), excluded=True)),
        "may not vouch for what the other side's certificate names (its name constraints)",
    ),
    "a permitted URI, which no im: can be": (
        GOOD,
        replace(CA, constraints=subtree(uri("example.com"))),
        "may not vouch for what the other side's certificate names (its name constraints)",
    ),
    "another host besides": (
        Wanted(names=[uri(BOB), host("bob.example.org")]),
        replace(CA, constraints=subtree(host("example.com"))),
        "may not vouch for what the other side's certificate names (its name constraints)",
    ),
}


def shown(authority: Authority, name: str) -> OwnKey:
    wanted, between, _ = BAD[name]
    if between is not None:
        if between.private == "weak":  # type: ignore[comparison-overlap]
            between = replace(between, private=weak_key())
        authority = authority.intermediate(replace(between, common_name="between"))
    return authority.issue(wanted=wanted)


@pytest.mark.rule("8122 6.1-3")
@pytest.mark.parametrize(
    ("name", "old"), [(name, old) for name in BAD for old in (False, True) if (name, old) != ("usage", True)]
)
def test_a_server_that_is_not_whom_the_client_means(
    authority: Authority, alice: OwnKey, trust: Trust, name: str, old: bool
) -> None:
    """The client breaks off before it has said who it is."""
    weak = "server" if "short key" in name else ""
    words, said = ends(shown(authority, name), alice, trust, old=old, weak=weak).failure()
    assert BAD[name][2] in words
    if old:
        assert alert(said) == BAD_CERTIFICATE
    else:
        assert len(said) < 40  # sealed already: an alert, and no certificate
        assert said[0] == 0x17 or alert(said) == BAD_CERTIFICATE


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("name", BAD)
def test_a_client_that_is_not_whom_the_server_expects(
    authority: Authority, trust: Trust, name: str, old: bool
) -> None:
    weak = "client" if "short key" in name else ""
    two = ends(authority.issue(BOB), shown(authority, name), trust, expected=[BOB], old=old, weak=weak)
    words, said, _ = two.refusal()
    assert BAD[name][2] in words
    with pytest.raises(PeerError, match="with the alert bad_certificate: it verifies certificates"):
        hear(two.client, said)


class Odd:
    """A certificate as cryptography does not make it: there are versions 1 to 3."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        good = Authority().issue(wanted=Wanted(names=[uri(ALICE)], private=self.private)).der
        self.der = good.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020105"))
        self.fingerprint = ""

    def install(self, context: SSL.Context) -> None:
        context.use_certificate(crypto.load_certificate(crypto.FILETYPE_ASN1, self.der))
        context.use_privatekey(crypto.PKey.from_cryptography_key(self.private))


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")  # nothing else installs it
@pytest.mark.parametrize("old", [False, True])
def test_a_certificate_of_a_version_there_is_not(
    authority: Authority, alice: OwnKey, trust: Trust, old: bool
) -> None:
    """OpenSSL reads it, and cryptography does not; anybody can show one."""
    two = ends(authority.issue(BOB), Odd(), trust, expected=[ALICE], old=old, weak="client")
    assert "cannot be read" in two.refusal()[0]
    words, _ = ends(Odd(), alice, trust, old=old, weak="server").failure()
    assert "cannot be read" in words


def test_who_is_named_is_checked_though_nobody_is_expected(authority: Authority, trust: Trust) -> None:
    nobody = authority.issue(wanted=Wanted(names=[host("bob.example.com")]))
    words, _, _ = ends(authority.issue(BOB), nobody, trust).refusal()
    assert "names only bob.example.com, and no person" in words


def test_a_chain_without_what_is_in_between(authority: Authority, alice: OwnKey, trust: Trust) -> None:
    bob = authority.intermediate(replace(CA, common_name="between")).issue(BOB, chain=False)
    words, said = ends(bob, alice, trust).failure()
    assert "or one in between is not shown" in words
    assert alert(said) == BAD_CERTIFICATE


def test_another_authority_of_the_same_name(alice: OwnKey, trust: Trust) -> None:
    bob = Authority().issue(BOB)
    words, said = ends(bob, alice, trust).failure()
    assert "vouches for" in words or "was forged" in words
    assert alert(said) == BAD_CERTIFICATE


def test_what_an_authority_that_is_trusted_lacks(alice: OwnKey) -> None:
    plain = Authority(replace(CA, usage=None))
    words, _ = ends(plain.issue(BOB), alice, Trust([plain.certificate])).failure()
    assert "lacks the key usage for signing others" in words


def test_a_chain_longer_than_its_authority_allows(alice: OwnKey) -> None:
    short = Authority(replace(CA, path_length=0))
    bob = short.intermediate(replace(CA, common_name="one")).issue(BOB)
    words, _ = ends(bob, alice, Trust([short.certificate])).failure()
    assert "than its authorities allow" in words


def test_a_throw_away_key(alice: OwnKey, trust: Trust) -> None:
    words, _ = ends(ThrowAway(), alice, trust).failure()
    assert words == "the other side's certificate is signed by its own key: no authority vouches for it"


def test_a_client_that_shows_nothing(authority: Authority, trust: Trust) -> None:
    two = ends(authority.issue(BOB), None, trust)
    hear(two.client, hear_flight(two.server, owed(two.client)))
    with pytest.raises(PeerError, match=r"^the other side shows no certificate"):
        hear(two.server, owed(two.client))
    with pytest.raises(PeerError, match="certificate_required: it wants a certificate, and this side shows"):
        hear(two.client, owed(two.server))


def test_one_that_may(authority: Authority, trust: Trust) -> None:
    two = ends(authority.issue(BOB), None, trust, demanding=False)
    shake(two.client, two.server)
    assert two.server.protection is not None
    assert (two.server.protection.verified, two.server.protection.names) == (None, ())
    assert Security((two.server.protection,)).level is Level.PASSIVE_ONLY


def test_no_judge_lets_nobody_in(authority: Authority, alice: OwnKey, trust: Trust) -> None:
    bob = authority.issue(BOB)
    client = TlsLayer(client_context(CERTIFICATE, alice, trust), server=False)
    server = TlsLayer(server_context(CERTIFICATE, bob, trust), server=True, judge=trust.judge())
    hear(server, owed(client))
    with pytest.raises(PeerError, match="certificate verify failed"):
        hear(client, owed(server))
    assert client.protection is None


def test_no_anonymous_suite(authority: Authority, trust: Trust) -> None:
    client = TlsLayer(client_context(TlsMode.ADH), server=False)
    server = TlsLayer(
        server_context(CERTIFICATE, authority.issue(BOB), trust), server=True, judge=trust.judge()
    )
    with pytest.raises(PeerError, match="no cipher suite in common"):
        hear(server, owed(client))


# -- what is given


def test_what_trust_cannot_be_made_of(authority: Authority, alice: OwnKey) -> None:
    with pytest.raises(UsageError, match="nobody is believed by nobody"):
        Trust()
    with pytest.raises(UsageError, match="is no authority's"):
        Trust([alice.certificate])
    with pytest.raises(UsageError, match="is no fingerprint by SHA-256"):
        Trust(pins={BOB: ["4A:AD"]})
    with pytest.raises(UsageError, match="give a list"):
        Trust(pins={BOB: alice.fingerprint})
    with pytest.raises(UsageError, match="did you mean im:bob@lan"):
        Trust(pins={"bob@lan": [alice.fingerprint]})
    with pytest.raises(UsageError, match="has to know whom to believe"):
        client_context(CERTIFICATE, alice)
    with pytest.raises(UsageError, match="needs a key to show"):
        server_context(CERTIFICATE, None, Trust([authority.certificate]))


def test_dates_are_now() -> None:
    assert abs(datetime.datetime.now(datetime.UTC) - NOW) < DAY
