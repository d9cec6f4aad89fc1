"""Two people with certificates: connect and listen with tls="certificate", and EXTERNAL in AUTH."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import msrp_peer
from msrp_core import Uri
from msrp_peer import Level, NotSecureEnough, PeerError, Trust, UsageError
from msrp_peer.protocol.auth import same_pair
from msrp_peer.terms.security import Proof, Protection, Security
from support.authority import Authority
from support.people import Knows, known
from support.proxy import Fate, proxy
from support.running import LOCAL, Talk, first, running

ALICE, BOB, EVE = "im:alice@example.com", "im:bob@example.com", "im:eve@example.com"
SIP = "sip:alice@example.com"
AUTHORITY = Authority()
TRUST = Trust([AUTHORITY.certificate])
ALICES, BOBS, EVES = (AUTHORITY.issue(name) for name in (ALICE, BOB, EVE))


def connect(port: int, **more: Any) -> msrp_peer.connect:
    given = {"expect": BOB, "tls": "certificate", "key": ALICES, "trust": TRUST, **more}
    return msrp_peer.connect(f"127.0.0.1:{port}", **given)


def listen(talk: Talk | None, **more: Any) -> msrp_peer.listen:
    given = {"tls": "certificate", "key": BOBS, "trust": TRUST, **more}
    return msrp_peer.listen(LOCAL, talk, **given)


async def nobody(session: msrp_peer.Session) -> None:
    raise AssertionError("nobody was to get in")


# -- what it gives


@pytest.mark.parametrize("expect", [None, ALICE, [EVE, ALICE]])
@running
async def test_both_are_proved(expect: str | list[str] | None) -> None:
    talk = Talk()
    async with listen(talk, expect=expect, require=Level.AUTHENTICATED) as listener:
        assert listener.fingerprint == BOBS.fingerprint
        async with connect(listener.port, require=Level.AUTHENTICATED) as near:
            far = await talk.met()
            await near.send("hello")
            message = await first(far)
            for security, name in ((near.security, BOB), (far.security, ALICE), (message.security, ALICE)):
                assert security.level is Level.AUTHENTICATED
                assert security.principal == name
                assert f"{name} is proved by a certificate of an authority you trust" in security.describe()
                assert security.proof is not None
                assert security.proof.mechanism == "EXTERNAL"
                assert security.layers[0].names == (name,)
            # Who has a certificate need not say twice who they are.
            assert str(near.peer_claim) == BOB
            assert str(far.peer_claim) == ALICE
        talk.over()


@running
async def test_octet_by_octet() -> None:
    talk = Talk()
    async with (
        listen(talk) as listener,
        proxy(listener.port, Fate(octetwise=True), Fate(octetwise=True)) as slow,
        connect(slow.port) as near,
    ):
        assert near.security.level is Level.AUTHENTICATED
        talk.over()


@running
async def test_pinned_keys() -> None:
    """They are known and not proved; whoever wants more is refused."""
    mine, theirs = Authority().issue(ALICE), Authority().issue(BOB)
    pins = Trust(pins={ALICE: [mine.fingerprint], BOB: [theirs.fingerprint]})
    talk = Talk()
    async with listen(talk, key=theirs, trust=pins, expect=ALICE, require=Level.KEY_VERIFIED) as listener:
        async with connect(listener.port, key=mine, trust=pins, require=Level.KEY_VERIFIED) as near:
            far = await talk.met()
            for security, name in ((near.security, BOB), (far.security, ALICE)):
                assert security.level is Level.KEY_VERIFIED
                assert security.pinned == (name,)
                assert f"to the key that is pinned to {name}" in security.describe()
                assert security.proof is not None
                assert security.proof.mechanism == "EXTERNAL"
        with pytest.raises(
            NotSecureEnough, match="authenticated is required, and this line reaches key-verif"
        ):
            await connect(listener.port, key=mine, trust=pins, require=Level.AUTHENTICATED)
        talk.over()


@running
async def test_lasting_keys(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("kept") / "keys"
    mine, theirs = msrp_peer.lasting_key(ALICE, folder), msrp_peer.lasting_key(BOB, folder)
    talk = Talk()
    async with listen(talk, key=theirs, trust=Trust(pins={ALICE: [mine.fingerprint]})) as listener:
        async with connect(listener.port, key=mine, trust=Trust(pins={BOB: [theirs.fingerprint]})) as near:
            assert near.security.level is Level.KEY_VERIFIED
            assert (await talk.met()).security.pinned == (ALICE,)
        # Its own word for who it is raises nothing.
        with pytest.raises(NotSecureEnough, match="signed by its own key: no authority vouches for it"):
            await connect(listener.port, key=mine)
        talk.over()


@running
async def test_one_name_of_several_is_said_by_external() -> None:
    both = AUTHORITY.issue(ALICE, SIP)
    talk = Talk()
    async with listen(talk) as listener:
        for me in (ALICE, SIP):
            async with connect(listener.port, key=both, me=me):
                far = await talk.met()
                assert far.security.layers[0].names == (ALICE, SIP)
                assert far.security.principal == str(far.peer_claim) == me
                assert f"{me} is proved" in far.security.describe()
        talk.over()


@running
async def test_several_sessions_on_one_line() -> None:
    talk = Talk()
    async with listen(talk) as listener, msrp_peer.Pool() as pool:
        async with connect(listener.port, pool=pool) as one, connect(listener.port, pool=pool) as two:
            assert pool.connections == 1
            assert one.security == two.security
            async with connect(listener.port, pool=pool, key=EVES) as other:
                assert pool.connections == 2
                assert other.security.level is Level.AUTHENTICATED
        talk.over()


@running
async def test_a_password_where_there_is_no_certificate() -> None:
    """The listener's key is verified, so a password that somebody thought of may be used, too."""
    talk = Talk()
    verifiers = known({ALICE: "correct horse"}, at=BOB)
    async with listen(talk, verifiers=verifiers, expect=ALICE) as listener:
        credentials = Knows("correct horse", generated=False)
        async with connect(listener.port, key=None, me=ALICE, credentials=credentials) as near:
            far = await talk.met()
            assert near.security.layers[0].verified == "chain"
            assert near.security.level is far.security.level is Level.AUTHENTICATED
            assert far.security.proof is not None
            assert far.security.proof.mechanism == "SCRAM-SHA-512-PLUS"
            assert far.security.layers[0].verified is None
        async with connect(listener.port, credentials=credentials):  # with both, the better
            far = await talk.met()
            assert far.security.proof is not None
            assert far.security.proof.mechanism == "EXTERNAL"
        # Who shows a certificate is to be one of those expected, whatever else they have.
        with pytest.raises(msrp_peer.MsrpError, match="does not accept the one this side shows") as caught:
            await connect(listener.port, key=EVES, me=EVE, credentials=credentials)
        assert EVE not in str(caught.value)
        with pytest.raises(PeerError, match="it speaks only with those who log in"):
            await connect(listener.port, key=None)
        talk.over()


# -- what it refuses


async def refused(port: int, words: str, **more: Any) -> None:
    with pytest.raises(NotSecureEnough, match=words):
        await connect(port, **more)


@running
async def test_somebody_else_listens() -> None:
    async with listen(nobody, key=EVES) as listener:
        await refused(listener.port, f"certificate is that of {EVE}, and {BOB} was expected")
    async with msrp_peer.listen(LOCAL, nobody, me=BOB) as listener:
        await refused(listener.port, "is signed by its own key: no authority vouches for it")


@running
async def test_nothing_is_said_to_somebody_else() -> None:
    async with listen(nobody, key=EVES) as listener, proxy(listener.port) as way:
        await refused(way.port, "and im:bob@example.com was expected")
        said = bytes(way.there.kept)
        assert said
        for secret in (ALICE.encode(), BOB.encode(), ALICES.certificate.tbs_certificate_bytes[:50], b"AUTH"):
            assert secret not in said


@running
async def test_somebody_else_comes() -> None:
    """They learn that their certificate will not do, and not whose would. Whoever listens learns of it."""
    async with listen(nobody, expect=ALICE) as listener:
        for key, me in ((EVES, EVE), (Authority().issue(ALICE), ALICE)):
            with pytest.raises(
                msrp_peer.MsrpError, match="does not accept the one this side shows"
            ) as caught:
                await connect(listener.port, key=key, me=me)
            assert ALICE not in str(caught.value)
        somebody_else, of_another = [await listener.failed_logins.next() for _ in range(2)]
        assert somebody_else.address == "127.0.0.1"
        assert somebody_else.reason.endswith(f"is that of {EVE}, and {ALICE} was expected")
        assert "no authority trusted here" in of_another.reason or "was forged" in of_another.reason
        with pytest.raises(msrp_peer.MsrpError, match="it wants a certificate, and this side shows none"):
            await connect(listener.port, key=None)
        with pytest.raises(msrp_peer.MsrpError, match=r"it wants a certificate|does not accept"):
            await msrp_peer.connect(f"127.0.0.1:{listener.port}", me=ALICE)


@pytest.mark.parametrize("verified", ["chain", "pinned"])
def test_a_session_uri_claims_nobody_else(verified: Any) -> None:
    key = Protection("tls", "TLSv1.3", "any", True, verified=verified, names=(ALICE, SIP))
    line = Security((key,))
    for name, fits in ((ALICE, True), (SIP, True), (EVE, False), (None, True)):
        assert same_pair(Uri.fresh("127.0.0.1", 2855, user=name), line) == fits
    assert same_pair(Uri.fresh("127.0.0.1", 2855, user=EVE), Security((replace(key, names=()),)))
    assert not same_pair(
        Uri.fresh("127.0.0.1", 2855, user=ALICE), Security((key,), Proof(SIP, "EXTERNAL", False))
    )


# -- what makes no sense


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"expect": None}, "say whom we mean"),
        ({"trust": None}, "say whom to believe"),
        ({"tls": "anonymous"}, "are for tls='certificate' and SDP alone"),
        ({"tls": "adh", "key": None}, "are for tls='certificate' and SDP alone"),
        ({"me": EVE}, f"our certificate is that of {ALICE}, and not of {EVE}"),
        ({"key": AUTHORITY.issue(ALICE, SIP)}, f"names {ALICE} and {SIP}: say who we are"),
        ({"expect": ALICE}, "nobody logs in at themselves"),
    ],
)
def test_a_connect_that_makes_no_sense(more: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        connect(1, **more)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"trust": None}, "say whom to believe"),
        ({"key": None}, "shows who we are: give a key"),
        ({"tls": "anonymous"}, "are for tls='certificate' and SDP alone"),
        ({"me": EVE}, f"our certificate is that of {BOB}, and not of {EVE}"),
        ({"expect": BOB}, "nobody logs in at themselves"),
    ],
)
def test_a_listen_that_makes_no_sense(more: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        listen(nobody, **more)  # type: ignore[arg-type]
