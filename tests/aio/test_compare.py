"""Two people compare the words of their line; with somebody in between the words differ."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import msrp_peer
from msrp_peer import ConnectionLost, KnownPeers, Level, Limits, NotSecureEnough, Trust, UsageError
from msrp_peer.protocol.sas_header import Told
from msrp_peer.security.told_key import tell
from msrp_peer.session.comparison import Compared, Comparison
from msrp_peer.terms.principal import Principal
from support.in_between import in_between
from support.people import ALICE, BOB, Knows, known
from support.running import LOCAL, Talk, first, meeting, running, together

WORD = "words cannot be compared"


@running
async def test_both_see_the_same_and_with_both_users_word_the_level_rises() -> None:
    async with meeting() as (near, far):
        await far.send("before")
        early = await first(near)
        weak = near.security
        ours, theirs = await together(near.compare(), far.asked_to_compare())
        assert len(ours.words) == 5
        assert (ours.words, ours.digits) == (theirs.words, theirs.digits)
        assert (ours.begun_here, theirs.begun_here) == (True, False)
        await ours.confirm()
        assert ours.said
        waiting = asyncio.ensure_future(ours.agreed())
        await near.send("the line goes on")
        await first(far)
        assert theirs.said_there
        assert not theirs.said
        assert near.security.level is far.security.level is Level.PASSIVE_ONLY
        assert not waiting.done()
        await theirs.confirm()
        there = await theirs.agreed()
        here = await waiting
        for session in (near, far):
            assert session.security.level is Level.KEY_VERIFIED
            assert [layer.verified for layer in session.security.layers] == ["compared"]
            assert "to a key you have verified" in session.security.describe()
        assert weak.level is Level.PASSIVE_ONLY  # a value never changes
        assert early.security.level is Level.KEY_VERIFIED  # it came from the same key
        await far.send("after")
        assert (await first(near)).security.level is Level.KEY_VERIFIED
        assert here.own_key == there.peer_key is not None
        assert here.peer_key == there.own_key is not None
        with pytest.raises(UsageError, match="said already"):
            await ours.confirm()


@running
async def test_what_can_be_remembered_has_the_names() -> None:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk, me=BOB) as listener:
        async with msrp_peer.connect(f"127.0.0.1:{listener.port}", me=ALICE) as near:
            far = await talk.met()
            ours, theirs = await together(near.compare(), far.asked_to_compare())
            await together(ours.confirm(), theirs.confirm())
            here, there = await together(ours.agreed(), theirs.agreed())
            alice, bob = Principal.parse(ALICE), Principal.parse(BOB)
            assert (here.me, here.peer, there.me, there.peer) == (alice, bob, bob, alice)
            assert here.lasting is None
            assert here == Compared(alice, bob, there.peer_key, listener.fingerprint, lacking=here.lacking)
        talk.over()


@running
async def test_keys_that_last_are_known_by_what_was_compared(tmp_path: Path) -> None:
    mine, theirs = (msrp_peer.lasting_key(name, tmp_path / "keys") for name in (ALICE, BOB))
    near, far = (KnownPeers(tmp_path / side / "known_peers.db") for side in ("near", "far"))
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk, me=BOB, key=theirs, tls="anonymous") as listener:
        assert listener.fingerprint == theirs.fingerprint
        shown = msrp_peer.connect(f"127.0.0.1:{listener.port}", me=ALICE, key=mine, tls="anonymous")
        async with shown as session:
            ours, other = await together(session.compare(), (await talk.met()).asked_to_compare())
            await together(ours.confirm(), other.confirm())
            for compared, known in ((await ours.agreed(), near), (await other.agreed(), far)):
                assert compared.peer is not None
                assert compared.peer_key in (mine.fingerprint, theirs.fingerprint)
                known.pin(compared.peer, compared.peer_key, 1000)
        talk.over()
    talk = Talk()
    async with msrp_peer.listen(
        LOCAL, talk, tls="certificate", key=theirs, trust=Trust(pins=far)
    ) as listener:
        async with msrp_peer.connect(
            f"127.0.0.1:{listener.port}", expect=BOB, tls="certificate", key=mine, trust=Trust(pins=near)
        ) as session:
            assert session.security.level is Level.KEY_VERIFIED
            assert (await talk.met()).security.level is Level.KEY_VERIFIED
        talk.over()


@contextlib.asynccontextmanager
async def shown(me: str | None = ALICE) -> AsyncIterator[tuple[Comparison, Comparison]]:
    """Both comparisons of one line whose keys are made for the run: that of `me`, who called, and BOB's."""
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk, me=BOB) as listener:
        async with msrp_peer.connect(f"127.0.0.1:{listener.port}", me=me) as near:
            yield await together(near.compare(), (await talk.met()).asked_to_compare())
        talk.over()


@running
async def test_a_key_that_lasts_is_told_to_whom_was_heard(tmp_path: Path) -> None:
    mine, theirs = (msrp_peer.lasting_key(name, tmp_path) for name in (ALICE, BOB))
    async with shown() as (ours, other):
        await ours.confirm(mine)
        await other.confirm(theirs)
        here, there = await together(ours.agreed(), other.agreed())
        assert (here.peer, here.lasting) == (Principal.parse(BOB), theirs.fingerprint)
        assert (there.peer, there.lasting) == (Principal.parse(ALICE), mine.fingerprint)
        assert here.lacking == there.lacking == ""
        assert here.lasting != here.peer_key  # the line shows none that lasts


@running
async def test_one_side_may_tell_a_key_and_the_other_none(tmp_path: Path) -> None:
    mine = msrp_peer.lasting_key(ALICE, tmp_path)
    async with shown() as (ours, other):
        await together(ours.confirm(mine), other.confirm())
        here, there = await together(ours.agreed(), other.agreed())
        assert here.lasting is None
        assert "told no key" in here.lacking
        assert there.lasting == mine.fingerprint


@running
async def test_our_own_key_is_that_of_who_we_said_we_are(tmp_path: Path) -> None:
    mine, others = (msrp_peer.lasting_key(name, tmp_path) for name in (ALICE, BOB))
    for me, key in ((ALICE, others), (None, mine)):
        async with shown(me) as (ours, _):
            with pytest.raises(UsageError, match="that of who we said we are"):
                await ours.confirm(key)
            assert not ours.said


@pytest.mark.parametrize("me", ["im:eve@lan", None])
@running
async def test_whom_the_key_names_is_whom_the_other_side_said_it_is(me: str | None, tmp_path: Path) -> None:
    """Who is honest about her voice, and not about her name, is known by none."""
    alices = msrp_peer.lasting_key(ALICE, tmp_path)
    async with shown(me) as (eve, bob):
        eve._say(same=True, told=Told(*tell(alices, *eve._line, asker=True)))
        await bob.confirm()
        found = await bob.agreed()
        assert found.lasting is None
        assert re.search("a key of im:alice@|did not say before who it is", found.lacking)


@running
async def test_whom_a_key_was_told_cannot_tell_it_to_others_as_their_own(tmp_path: Path) -> None:
    alices = msrp_peer.lasting_key(ALICE, tmp_path)
    async with shown() as (alice, eve):
        await together(alice.confirm(alices), eve.confirm())
        assert (await eve.agreed()).lasting == alices.fingerprint
        heard = eve._comparing.told
    async with shown() as (eve, bob):  # who says she is Alice
        eve._say(same=True, told=heard)
        await bob.confirm()
        found = await bob.agreed()
        assert found.peer == Principal.parse(ALICE)
        assert found.lasting is None
        assert "it cheats" in found.lacking


@running
async def test_either_side_may_begin_and_who_asks_again_gets_the_same() -> None:
    async with meeting() as (near, far):
        theirs, ours = await together(far.compare(), near.asked_to_compare())
        assert theirs.words == ours.words
        assert (await near.compare()).words == (await far.compare()).words == ours.words


@running
async def test_both_at_once() -> None:
    async with meeting() as (near, far):
        ours, theirs = await together(near.compare(), far.compare())
        assert ours.words == theirs.words
        assert ours.begun_here is not theirs.begun_here


@pytest.mark.parametrize("who", [0, 1])
@running
async def test_words_that_differ_end_the_session_for_both(who: int) -> None:
    async with meeting() as both:
        comparisons = await together(both[0].compare(), both[1].asked_to_compare())
        await comparisons[1 - who].confirm()
        await comparisons[who].differ()
        for session, comparison in zip(both, comparisons, strict=True):
            with pytest.raises(NotSecureEnough, match="somebody may sit in between"):
                await comparison.agreed()
            with pytest.raises(ConnectionLost, match="somebody may sit in between"):
                await session.send("is anybody there?")
            with pytest.raises(ConnectionLost):
                await comparison.confirm()
            assert session.security.level is Level.PASSIVE_ONLY
        with pytest.raises(ConnectionLost, match="somebody may sit in between"):
            await anext(both[1 - who])


@running
async def test_a_line_that_ends_meanwhile() -> None:
    async with meeting() as (near, far):
        ours, _ = await together(near.compare(), far.asked_to_compare())
        await far.close()
        with pytest.raises(ConnectionLost):
            await ours.agreed()
        with pytest.raises(ConnectionLost):
            await near.compare()
        with pytest.raises(ConnectionLost):
            await near.asked_to_compare()


@running
async def test_where_nobody_is_there_to_compare() -> None:
    async with meeting(limits=Limits(attend=0.1)) as (near, far):
        with pytest.raises(NotSecureEnough, match=f"{WORD}: nobody compares words there"):
            await near.compare()
        await near.send("the session goes on")
        assert await (await first(far)).text() == "the session goes on"
        ours, theirs = await together(near.compare(), far.asked_to_compare())
        assert ours.words == theirs.words


@running
async def test_a_line_without_keys_says_why() -> None:
    async with meeting(tls="adh") as (near, _):
        with pytest.raises(NotSecureEnough, match=f"{WORD}: with --tls adh nobody shows a key"):
            await near.compare()


@running
async def test_people_who_are_proved_may_compare_too() -> None:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk, me=BOB, verifiers=known(), expect=ALICE) as listener:
        async with msrp_peer.connect(
            f"127.0.0.1:{listener.port}", me=ALICE, expect=BOB, credentials=Knows()
        ) as near:
            far = await talk.met()
            ours, theirs = await together(near.compare(), far.asked_to_compare())
            await together(ours.confirm(), theirs.confirm())
            compared = await ours.agreed()
            assert near.security.level is Level.AUTHENTICATED
            assert compared.peer == Principal.parse(BOB)
        talk.over()


@running
async def test_who_sits_in_between_makes_the_words_differ() -> None:
    """He carries every octet faithfully; the two have other lines all the same."""
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener, in_between(listener.port) as middle:
        async with msrp_peer.connect(f"127.0.0.1:{middle.port}") as near:
            far = await talk.met()
            ours, theirs = await together(near.compare(), far.asked_to_compare())
            assert re.search(rb"SAS commit=.*\r\n", bytes(middle.there))
            assert ours.words != theirs.words
            assert ours.digits != theirs.digits
            await ours.differ()
            with pytest.raises(NotSecureEnough):
                await theirs.agreed()
        talk.over()


@running
async def test_who_changes_what_is_revealed_ends_the_line() -> None:
    def changed(octets: bytes) -> bytes:
        return re.sub(rb'(reveal=")(.)', lambda m: m[1] + (b"B" if m[2] == b"A" else b"A"), octets)

    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener, in_between(listener.port, there=changed) as middle:
        async with msrp_peer.connect(f"127.0.0.1:{middle.port}") as near:
            far = await talk.met()
            asked = asyncio.ensure_future(far.asked_to_compare())
            with pytest.raises(ConnectionLost):
                await near.compare()
            with pytest.raises(ConnectionLost, match="it cheats"):
                await asked
        talk.over()
