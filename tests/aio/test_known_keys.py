"""Lasting keys and certificates of those who are known: a pin stands, whatever else is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import msrp_peer
from msrp_peer import KnownPeers, KnownPolicy, Level, NotAsKnown, NotSecureEnough, Principal, Trust
from msrp_peer.security.known import Answer, Finding, Learned
from support.authority import Authority
from support.running import LOCAL, Talk, first, running

ALICE, BOB = "im:alice@example.com", "im:bob@example.com"
WHO = Principal.parse(BOB)
AUTHORITY = Authority()


@pytest.fixture
def near(tmp_path: Path) -> KnownPeers:
    return KnownPeers(tmp_path / "near" / "known_peers.db")


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "kept"


def connect(port: int, known: KnownPeers, trust: Trust, **more: Any) -> msrp_peer.connect:
    return msrp_peer.connect(
        f"127.0.0.1:{port}", expect=BOB, tls="certificate", trust=trust, known=known, **more
    )


def listen(talk: Talk, key: Any, mine: Any) -> msrp_peer.listen:
    return msrp_peer.listen(
        LOCAL, talk, tls="certificate", key=key, trust=Trust(pins={ALICE: [mine.fingerprint]})
    )


@running
async def test_a_new_key_is_shown_compared_pinned_and_known_again(near: KnownPeers, keys: Path) -> None:
    mine, theirs = msrp_peer.lasting_key(ALICE, keys), msrp_peer.lasting_key(BOB, keys)
    trust, talk = Trust(pins=near), Talk()
    async with listen(talk, theirs, mine) as listener:
        with pytest.raises(NotAsKnown) as caught:
            await connect(listener.port, near, trust, key=mine)
        found = caught.value.judgement
        assert (found.finding, found.answer) == (Finding.FIRST, Answer.ASK)
        assert found.key == theirs.fingerprint
        assert f"{BOB} was never met here, and nothing verifies their key, {theirs.fingerprint}" in str(
            caught.value
        )
        assert near.everybody() == []
        near.pin(WHO, theirs.fingerprint, 1000)  # two people have compared it
        for _ in range(2):
            async with connect(listener.port, near, trust, key=mine) as session:
                assert session.security.level is Level.KEY_VERIFIED
                await session.send("hello")
                assert await (await first(await talk.met())).text() == "hello"
        talk.over()
    known = near.recall(WHO)
    assert known is not None
    assert [(key.fingerprint, key.learned, key.first) for key in known.keys] == [
        (theirs.fingerprint, Learned.COMPARED, 1000)
    ]
    assert known.level is Level.KEY_VERIFIED
    assert known.last > 1000


@pytest.mark.parametrize("policy", [KnownPolicy(), KnownPolicy("accept-new")])
@running
async def test_another_key_is_refused_with_both(near: KnownPeers, keys: Path, policy: KnownPolicy) -> None:
    mine = msrp_peer.lasting_key(ALICE, keys)
    before, now = (
        msrp_peer.lasting_key(BOB, keys),
        msrp_peer.lasting_key(BOB, keys.with_name("of-somebody-else")),
    )
    near.pin(WHO, before.fingerprint, 86400)
    talk = Talk()
    async with listen(talk, now, mine) as listener:
        with pytest.raises(NotAsKnown) as caught:
            await connect(listener.port, near.under(policy), Trust(pins=near), key=mine)
        talk.over()
    assert caught.value.judgement.finding is Finding.OTHER_KEY
    words = str(caught.value)
    assert f"it was {before.fingerprint} (compared on 1970-01-02), and now is {now.fingerprint}" in words
    assert f"msrp known forget {BOB}" in words
    assert talk._met.empty()


@running
async def test_a_pin_stands_against_an_authority(near: KnownPeers, keys: Path) -> None:
    mine, certified = msrp_peer.lasting_key(ALICE, keys), AUTHORITY.issue(BOB)
    near.pin(WHO, msrp_peer.lasting_key(BOB, keys).fingerprint, 1000)
    talk = Talk()
    async with listen(talk, certified, mine) as listener:
        with pytest.raises(NotAsKnown) as caught:
            await connect(listener.port, near, Trust([AUTHORITY.certificate], near), key=mine)
        talk.over()
    assert caught.value.judgement.finding is Finding.OTHER_KEY
    assert caught.value.judgement.verified


@running
async def test_an_authority_may_certify_another_key_and_nobody_else_may(near: KnownPeers, keys: Path) -> None:
    mine, talk = msrp_peer.lasting_key(ALICE, keys), Talk()
    trust = Trust([AUTHORITY.certificate], near)
    for certified in (AUTHORITY.issue(BOB), AUTHORITY.issue(BOB)):
        async with listen(talk, certified, mine) as listener:
            async with connect(listener.port, near, trust, key=mine) as session:
                assert session.security.level is Level.AUTHENTICATED
            talk.over()
    known = near.recall(WHO)
    assert known is not None
    assert known.level is Level.AUTHENTICATED
    assert [key.learned for key in known.keys] == [Learned.CHAIN, Learned.CHAIN]
    own = msrp_peer.lasting_key(BOB, keys)
    async with listen(talk, own, mine) as listener:
        with pytest.raises(NotAsKnown, match="is another one than before"):
            await connect(listener.port, near, trust, key=mine)
        talk.over()
    assert near.recall(WHO) == known


@running
async def test_without_a_memory_the_refusal_is_what_it_was(keys: Path) -> None:
    mine, theirs = msrp_peer.lasting_key(ALICE, keys), msrp_peer.lasting_key(BOB, keys)
    talk = Talk()
    async with listen(talk, theirs, mine) as listener:
        with pytest.raises(NotSecureEnough) as caught:
            await msrp_peer.connect(
                f"127.0.0.1:{listener.port}",
                expect=BOB,
                tls="certificate",
                key=mine,
                trust=Trust(pins={BOB: [mine.fingerprint]}),
            )
        talk.over()
    assert not isinstance(caught.value, NotAsKnown)
    assert caught.value.key == theirs.fingerprint
