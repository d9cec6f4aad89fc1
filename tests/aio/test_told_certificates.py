"""Two people led to each other by SDP show keys that last: the one told, and that of whom is meant."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

import msrp_peer
from msrp_peer import Answer, Level, NotSecureEnough, Offer, OwnKey, Trust, UsageError
from msrp_peer.terms.fingerprints import OTHER_KEY
from support.authority import Authority
from support.running import LOCAL, first, running, together, until

ALICE, BOB, EVE = "im:alice@example.com", "im:bob@example.com", "im:eve@example.com"
AUTHORITY = Authority()
TRUST = Trust([AUTHORITY.certificate])
ALICES, BOBS, EVES = (AUTHORITY.issue(name) for name in (ALICE, BOB, EVE))


def bobs(**more: Any) -> msrp_peer.listen:
    """Where Bob waits."""
    given = {"key": BOBS, "trust": TRUST, **more}
    return msrp_peer.listen(LOCAL, tls="fingerprint", **given)


def told(listener: msrp_peer.Listener, key: OwnKey | None = ALICES, **more: Any) -> tuple[Offer, Answer]:
    """Bob offers at his listener, and who connects answers."""
    offer = Offer(listener, me=BOB, expected=ALICE, **more)
    answer = Answer(offer.text, key=key, expected=BOB, **more)
    offer.answered(answer.text)
    return offer, answer


def taken(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


async def both_say(near: msrp_peer.Session, far: msrp_peer.Session, level: Level) -> None:
    for session, name, own, other in ((near, BOB, ALICES, BOBS), (far, ALICE, BOBS, ALICES)):
        security = session.security
        assert security.level is level
        assert security.names == (name,)
        layer = security.layers[0]
        assert (layer.own_key, layer.peer_key) == (own.fingerprint, other.fingerprint)
        assert str(session.peer_claim) == name
    await (await near.send("hello")).delivered()
    assert await (await first(far)).text() == "hello"


async def not_met(going: msrp_peer.join, waiting: msrp_peer.join, why: str) -> None:
    """Who connects is refused, or refuses; who waits has no session by it."""
    task = asyncio.ensure_future(waiting.__aenter__())
    with pytest.raises(msrp_peer.MsrpError, match=why):
        await going
    assert not task.done(), "somebody else may come yet"
    task.cancel()
    await asyncio.wait([task])


# -- what it gives


@pytest.mark.rule("8122 6.1-2")
@pytest.mark.parametrize("signalled", [False, True])
@running
async def test_both_are_proved(signalled: bool) -> None:
    async with bobs(expect=ALICE) as listener:
        offer, answer = told(listener, signalled=signalled)
        for one, key in ((offer, BOBS), (answer, ALICES)):
            assert f"a=fingerprint:sha-256 {key.fingerprint}\r\n" in one.text
        near, far = await together(
            msrp_peer.join(answer, trust=TRUST, require=Level.AUTHENTICATED),
            msrp_peer.join(offer, listener=listener, trust=TRUST, require=Level.AUTHENTICATED),
        )
        await both_say(near, far, Level.AUTHENTICATED)
        await near.close()


@running
async def test_without_a_listener_of_its_own() -> None:
    """The passive side waits where its URI says, and verifies there, too."""
    async with bobs() as probe:
        port = probe.port

    class Place:
        key = BOBS
        tls = "fingerprint"

        def new_uri(self, host: str | None = None, *, user: str | None = None) -> str:
            return msrp_peer.new_uri("127.0.0.1", port, user=user)

    offer = Offer(Place(), key=BOBS, me=BOB, expected=ALICE)
    answer = Answer(offer.text, key=ALICES, expected=BOB)
    offer.answered(answer.text)
    task = asyncio.ensure_future(msrp_peer.join(offer, trust=TRUST).__aenter__())
    await until(lambda: taken(port))
    near = await msrp_peer.join(answer, trust=TRUST)
    await both_say(near, await task, Level.AUTHENTICATED)
    await near.close()


@running
async def test_pinned_keys() -> None:
    """They are known and not proved; whoever wants more is refused."""
    pins = Trust(pins={ALICE: [ALICES.fingerprint], BOB: [BOBS.fingerprint]})
    async with bobs(trust=pins) as listener:
        for signalled in (False, True):
            offer, answer = told(listener, signalled=signalled)
            near, far = await together(
                msrp_peer.join(answer, trust=pins), msrp_peer.join(offer, listener=listener, trust=pins)
            )
            await both_say(near, far, Level.KEY_VERIFIED)
            assert near.security.pinned == (BOB,)
            await near.close()
        offer, answer = told(listener)
        await not_met(
            msrp_peer.join(answer, trust=pins, require=Level.AUTHENTICATED),
            msrp_peer.join(offer, listener=listener, trust=pins),
            "authenticated is required, and this line reaches key-verified",
        )


# -- what is refused


@pytest.mark.rule("8122 6.1-3 6.2-1")
@running
async def test_a_certificate_of_somebody_else() -> None:
    """Its fingerprint is the one told; that alone does not do."""
    async with bobs(key=EVES) as listener:
        offer = Offer(listener, expected=ALICE)
        answer = Answer(offer.text, key=ALICES, expected=BOB)
        offer.answered(answer.text)
        why = f"the other side's certificate is that of {EVE}, and {BOB} was expected"
        await not_met(
            msrp_peer.join(answer, trust=TRUST),
            msrp_peer.join(offer, listener=listener, trust=TRUST),
            why,
        )


@pytest.mark.parametrize("key", [EVES, None])
@pytest.mark.parametrize("expect", [ALICE, None])
@running
async def test_somebody_else_comes(key: OwnKey | None, expect: str | None) -> None:
    """With the certificate of another, or with a key made for the session."""
    async with bobs(expect=expect) as listener:
        offer, answer = told(listener, key=key)
        going = msrp_peer.join(answer)
        waiting = msrp_peer.join(offer, listener=listener, trust=TRUST)
        if key is None or expect is not None:
            await not_met(going, waiting, "does not accept the one this side shows")
            return
        # The listener believes that it is Eve; the session is not for her.
        met, refused = await asyncio.gather(going, waiting, return_exceptions=True)
        assert isinstance(met, msrp_peer.PeerError)
        assert isinstance(refused, NotSecureEnough)
        assert f"{ALICE} is expected, and it is {EVE} who is proved" in str(refused)


@pytest.mark.rule("8122 5.1-3 6.2-1")
@running
async def test_another_key_than_the_one_told() -> None:
    """A certificate of the right person will not do where signalling told another."""
    other = AUTHORITY.issue(BOB)
    async with bobs() as listener:
        offer, _ = told(listener)
        text = offer.text.replace(BOBS.fingerprint, other.fingerprint)
        await not_met(
            msrp_peer.join(Answer(text, key=ALICES, expected=BOB), trust=TRUST),
            msrp_peer.join(offer, listener=listener, trust=TRUST),
            OTHER_KEY,
        )


@pytest.mark.rule("8122 5.1-3 6.2-3")
@running
async def test_another_key_comes_than_the_one_told() -> None:
    other = AUTHORITY.issue(ALICE)
    async with bobs() as listener:
        offer = Offer(listener, expected=ALICE)
        answer = Answer(offer.text, key=ALICES, expected=BOB)
        offer.answered(answer.text.replace(ALICES.fingerprint, other.fingerprint))
        met, refused = await asyncio.gather(
            msrp_peer.join(answer, trust=TRUST),
            msrp_peer.join(offer, listener=listener, trust=TRUST),
            return_exceptions=True,
        )
        assert isinstance(met, msrp_peer.MsrpError)
        assert isinstance(refused, NotSecureEnough)
        assert str(refused) == OTHER_KEY


# -- what makes no sense


@running
async def test_what_does_not_fit() -> None:
    async with bobs() as listener, bobs(key=None, trust=None) as plain:
        offer, answer = told(listener)
        for wrong, why in (
            (msrp_peer.join(answer, trust=TRUST, key=ALICES), "give the key to Offer or Answer"),
            (msrp_peer.join(offer, listener=listener, trust=Trust([AUTHORITY.certificate])), "this trust"),
        ):
            with pytest.raises(UsageError, match=why):
                await wrong
        with pytest.raises(UsageError, match="the listener shows another key"):
            Offer(listener, key=ALICES)
        with pytest.raises(UsageError, match=f"is that of {BOB}, and not of {EVE}"):
            Offer(listener, key=BOBS, me=EVE)
        with pytest.raises(UsageError, match="is shown in TLS alone"):
            Offer(tls="none", key=BOBS)
        unverified = Offer(plain, expected=ALICE)
        unverified.answered(Answer(unverified.text, expected=BOB).text)
        with pytest.raises(UsageError, match="give it this trust, too"):
            await msrp_peer.join(unverified, listener=plain, trust=TRUST)
        nobody = Offer(listener)
        answered = Answer(nobody.text)
        nobody.answered(answered.text)
        for side in (
            msrp_peer.join(answered, trust=TRUST),
            msrp_peer.join(nobody, listener=listener, trust=TRUST),
        ):
            with pytest.raises(UsageError, match=r"say whom we mean \(expect\)"):
                await side
