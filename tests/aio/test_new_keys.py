"""A listener and lasting keys that it does not know: asked about, taken at first use, or refused."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import msrp_peer
from msrp_peer import (
    KnownPeers,
    KnownPolicy,
    Level,
    Limits,
    NewKeys,
    NotAsKnown,
    NotSecureEnough,
    PeerError,
    Principal,
    Trust,
)
from msrp_peer.security.known import Judgement, Learned, level_of
from msrp_peer.terms.security import NewKey
from support.authority import Authority
from support.running import LOCAL, Talk, first, running, together, until

ALICE, BOB, CAROL = "im:alice@example.com", "im:bob@example.com", "im:carol@example.com"
WHO = Principal.parse(ALICE)
NEW = KnownPolicy("accept-new")


class Person:
    """Is asked, and answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[Judgement, str]] = []
        self._answers: asyncio.Queue[bool] = asyncio.Queue()

    async def __call__(self, found: Judgement, address: str) -> bool:
        self.asked.append((found, address))
        return await self._answers.get()

    def says(self, answer: bool) -> None:
        self._answers.put_nowait(answer)

    async def sees(self, count: int = 1) -> Judgement:
        await until(lambda: len(self.asked) >= count)
        return self.asked[-1][0]


@pytest.fixture
def bobs(tmp_path: Path) -> KnownPeers:
    return KnownPeers(tmp_path / "bob" / "known_peers.db")


@pytest.fixture
def alices(tmp_path: Path) -> KnownPeers:
    return KnownPeers(tmp_path / "alice" / "known_peers.db")


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "kept"


def key_of(name: str, keys: Path) -> Any:
    return msrp_peer.lasting_key(name, keys)


def listen(talk: Talk, known: KnownPeers, keys: Path, ask: Any = None, **more: Any) -> msrp_peer.listen:
    more = {"trust": Trust(pins=known), **more}
    return msrp_peer.listen(
        LOCAL, talk, tls="certificate", key=key_of(BOB, keys), new_keys=NewKeys(known, ask), **more
    )


def connect(port: int, keys: Path, name: str = ALICE, **more: Any) -> msrp_peer.connect:
    """Somebody who has compared bob's key."""
    mine = {"trust": Trust(pins={BOB: [key_of(BOB, keys).fingerprint]}), "key": key_of(name, keys)}
    return msrp_peer.connect(f"127.0.0.1:{port}", expect=BOB, tls="certificate", **{**mine, **more})


@running
async def test_nothing_is_done_before_a_yes_and_others_go_on(bobs: KnownPeers, keys: Path) -> None:
    person, talk = Person(), Talk()
    bobs.pin(Principal.parse(CAROL), key_of(CAROL, keys).fingerprint, 1000)
    async with listen(talk, bobs, keys, person) as listener:
        calling = asyncio.create_task(connect(listener.port, keys).__aenter__())
        found = await person.sees()
        assert found.principal == WHO
        assert found.key == key_of(ALICE, keys).fingerprint
        assert "was never met here, and nothing verifies their key" in found.sentence
        async with connect(listener.port, keys, CAROL) as carol:
            await carol.send("hello")
            met = await talk.met()
            assert met.security.names == (CAROL,)
            assert await (await first(met)).text() == "hello"
        assert not calling.done()
        assert bobs.recall(WHO) is None
        assert talk._met.empty()
        person.says(True)
        session = await calling
        await session.send("it is me")
        met = await talk.met()
        assert await (await first(met)).text() == "it is me"
        assert met.security.level is Level.KEY_VERIFIED
        assert met.security.pinned == (ALICE,)
        await session.close()
        async with connect(listener.port, keys):
            await talk.met()
        talk.over()
    known = bobs.recall(WHO)
    assert known is not None
    assert [(key.fingerprint, key.learned) for key in known.keys] == [
        (key_of(ALICE, keys).fingerprint, Learned.COMPARED)
    ]
    assert len(person.asked) == 1


@running
async def test_after_a_no_they_are_refused_and_not_asked_about_again(bobs: KnownPeers, keys: Path) -> None:
    person, talk = Person(), Talk()
    async with listen(talk, bobs, keys, person) as listener:
        person.says(False)
        for _ in range(2):
            with pytest.raises(PeerError, match="does not let you in") as caught:
                await connect(listener.port, keys)
            assert caught.value.status == 403
            told = await listener.failed_logins.next()
            assert f"{ALICE} was never met here" in told.reason
        talk.over()
    assert len(person.asked) == 1
    assert bobs.recall(WHO) is None
    assert talk._met.empty()


@running
async def test_who_gives_up_meanwhile_can_call_again(bobs: KnownPeers, keys: Path) -> None:
    person, talk = Person(), Talk()
    async with listen(talk, bobs, keys, person) as listener:
        with pytest.raises(msrp_peer.MsrpError):
            await connect(listener.port, keys, timeout=0.2)
        await person.sees()
        person.says(True)
        await until(lambda: bobs.recall(WHO) is not None)
        async with connect(listener.port, keys):
            assert (await talk.met()).security.level is Level.KEY_VERIFIED
        talk.over()
    assert len(person.asked) == 1


@running
async def test_the_line_is_not_held_longer_than_a_handshake(bobs: KnownPeers, keys: Path) -> None:
    person, talk = Person(), Talk()
    async with listen(talk, bobs, keys, person, limits=Limits(handshake=0.3)) as listener:
        with pytest.raises(msrp_peer.ConnectionLost):
            await connect(listener.port, keys, limits=Limits(handshake=20.0))
        person.says(True)
        await until(lambda: bobs.recall(WHO) is not None)
        talk.over()
    assert talk._met.empty()


@running
async def test_one_is_asked_about_at_a_time(bobs: KnownPeers, keys: Path) -> None:
    """Whoever calls twice is one question; somebody else meanwhile is refused, and may call again."""
    person, talk = Person(), Talk()
    async with listen(talk, bobs, keys, person) as listener:
        calls = [asyncio.create_task(connect(listener.port, keys).__aenter__()) for _ in range(2)]
        await person.sees()
        with pytest.raises(PeerError, match="does not let you in"):
            await connect(listener.port, keys, CAROL)
        assert "somebody else is being asked about" in (await listener.failed_logins.next()).reason
        person.says(True)
        for call in calls:
            await (await call).close()
        assert len(person.asked) == 1
        calls = [asyncio.create_task(connect(listener.port, keys, CAROL).__aenter__())]
        assert (await person.sees(2)).principal == Principal.parse(CAROL)
        person.says(True)
        await (await calls[0]).close()
        talk.over()


@running
async def test_another_key_is_refused_without_a_question(bobs: KnownPeers, keys: Path) -> None:
    person, talk = Person(), Talk()
    before = key_of(ALICE, keys.with_name("before")).fingerprint
    for policy in (KnownPolicy(), NEW):
        bobs.pin(WHO, before, 86400)
        async with listen(talk, bobs.under(policy), keys, person) as listener:
            with pytest.raises(PeerError, match="does not let you in"):
                await connect(listener.port, keys)
            reason = (await listener.failed_logins.next()).reason
            assert f"it was {before} (compared on 1970-01-02)" in reason
            assert f"now is {key_of(ALICE, keys).fingerprint}" in reason
            talk.over()
    assert person.asked == []


@running
async def test_who_is_blocked_is_refused_without_a_question(bobs: KnownPeers, keys: Path) -> None:
    person, talk = Person(), Talk()
    bobs.block(WHO, 1000)
    for policy in (KnownPolicy(), NEW):
        async with listen(talk, bobs.under(policy), keys, person) as listener:
            with pytest.raises(PeerError, match="does not let you in"):
                await connect(listener.port, keys)
            assert f"{ALICE} is blocked" in (await listener.failed_logins.next()).reason
            talk.over()
    assert person.asked == []
    assert bobs.recall(WHO) is None


@pytest.mark.parametrize("policy", [KnownPolicy("strict"), KnownPolicy()])
@running
async def test_where_nobody_can_be_asked(bobs: KnownPeers, keys: Path, policy: KnownPolicy) -> None:
    talk = Talk()
    async with listen(talk, bobs.under(policy), keys, None) as listener:
        with pytest.raises(PeerError, match="does not let you in"):
            await connect(listener.port, keys)
        assert "nothing verifies their key" in (await listener.failed_logins.next()).reason
        talk.over()
    assert not bobs.path.exists()


@running
async def test_only_keys_of_those_who_would_be_served_are_asked_about(bobs: KnownPeers, keys: Path) -> None:
    """Not of somebody else than is expected, and none that names nobody, or several; and where an
    authority says who is who, none at all."""
    person, talk, authority = Person(), Talk(), Authority()
    for more, key in (
        ({"expect": CAROL}, key_of(ALICE, keys)),
        ({}, Authority().issue()),
        ({}, Authority().issue(ALICE, CAROL)),
        ({"trust": Trust([authority.certificate], bobs)}, key_of(ALICE, keys)),
    ):
        async with listen(talk, bobs, keys, person, **more) as listener:
            with pytest.raises(msrp_peer.MsrpError):
                await connect(listener.port, keys, key=key, me=ALICE)
            await listener.failed_logins.next()
            talk.over()
    assert person.asked == []


class TestFirstUse:
    """`accept-new`, at both ends."""

    @running
    async def test_the_first_key_is_taken_and_verifies_nobody(
        self, alices: KnownPeers, bobs: KnownPeers, keys: Path
    ) -> None:
        talk, lax, near = Talk(), bobs.under(NEW), alices.under(NEW)
        async with listen(talk, lax, keys, trust=Trust(pins=lax), expect=ALICE) as listener:
            for _ in range(2):
                async with connect(listener.port, keys, trust=Trust(pins=near), known=near) as session:
                    met = await talk.met()
                    for line, other in ((session.security, BOB), (met.security, ALICE)):
                        assert line.level is Level.PASSIVE_ONLY
                        assert line.met == (other,)
                        assert line.names == (other,)
                        assert f"taken for that of {other} when they were met first" in line.describe()
                        assert line.as_dict()["principal_proved"] is None
                    await session.send("hello")
                    assert await (await first(met)).text() == "hello"
            talk.over()
        for known, other in ((alices, BOB), (bobs, ALICE)):
            found = known.recall(Principal.parse(other))
            assert found is not None
            assert found.level is Level.PASSIVE_ONLY
            assert [key.learned for key in found.keys] == [Learned.FIRST_USE]

    @running
    async def test_once_two_people_have_compared_it_verifies(
        self, alices: KnownPeers, bobs: KnownPeers, keys: Path
    ) -> None:
        """Of whom it was taken for, still: the words prove no name, and nothing is kept of them unasked."""
        talk, lax, near = Talk(), bobs.under(NEW), alices.under(NEW)
        async with listen(talk, lax, keys, trust=Trust(pins=lax)) as listener:
            async with connect(listener.port, keys, trust=Trust(pins=near), known=near) as session:
                met = await talk.met()
                ours, theirs = await together(session.compare(), met.asked_to_compare())
                await ours.confirm()
                assert session.security.level is met.security.level is Level.PASSIVE_ONLY
                await theirs.confirm()
                here, there = await together(ours.agreed(), theirs.agreed())
                for line in (session.security, met.security):
                    assert line.level is Level.KEY_VERIFIED
                    assert line.names == ()
                    assert "to a key you have verified" in line.describe()
                assert level_of(Principal.parse(BOB), session.security) is Level.KEY_VERIFIED
                assert level_of(Principal.parse(CAROL), session.security) is Level.PASSIVE_ONLY
                assert here.lasting == here.peer_key == key_of(BOB, keys).fingerprint
                assert there.lasting == there.peer_key == key_of(ALICE, keys).fingerprint
            talk.over()
        found = alices.recall(Principal.parse(BOB))
        assert found is not None
        assert [key.learned for key in found.keys] == [Learned.FIRST_USE]

    @running
    async def test_whoever_makes_up_names_fills_no_disk(self, bobs: KnownPeers, keys: Path) -> None:
        decides, key = NewKeys(bobs.under(NEW)), key_of(ALICE, keys).fingerprint
        for number in range(20):
            assert await decides.decide(NewKey(f"im:{number}@lan", key), "192.0.2.7:9") == "first-use"
        with pytest.raises(NotSecureEnough, match="too many new keys came from that address of late"):
            await decides.decide(NewKey(ALICE, key), "192.0.2.7:10")
        assert bobs.recall(WHO) is None
        assert await decides.decide(NewKey(ALICE, key), "192.0.2.8:9") == "first-use"

    @running
    async def test_another_one_is_refused(self, alices: KnownPeers, bobs: KnownPeers, keys: Path) -> None:
        talk, lax, near = Talk(), bobs.under(NEW), alices.under(NEW)
        elsewhere = keys.with_name("elsewhere")
        trust = Trust(pins=near)
        async with listen(talk, lax, keys, trust=Trust(pins=lax)) as listener:
            async with connect(listener.port, keys, trust=trust, known=near):
                await talk.met()
            with pytest.raises(PeerError, match="does not let you in"):
                await connect(
                    listener.port, keys, trust=trust, known=near, key=msrp_peer.lasting_key(ALICE, elsewhere)
                )
            talk.over()
        talk = Talk()
        async with listen(talk, lax, elsewhere, trust=Trust(pins=lax)) as listener:
            with pytest.raises(NotAsKnown, match=r"it was .* \(taken at first use on"):
                await connect(listener.port, keys, trust=trust, known=near)
            talk.over()

    @running
    async def test_it_does_not_do_where_more_is_required(
        self, alices: KnownPeers, bobs: KnownPeers, keys: Path
    ) -> None:
        talk, near = Talk(), alices.under(NEW)
        bobs.pin(WHO, key_of(ALICE, keys).fingerprint, 1000)
        async with listen(talk, bobs, keys) as listener:
            with pytest.raises(NotSecureEnough):
                await connect(
                    listener.port, keys, trust=Trust(pins=near), known=near, require=Level.KEY_VERIFIED
                )
            talk.over()
        assert not alices.path.exists()

    @running
    async def test_whoever_asks_is_asked_about_it_then(self, bobs: KnownPeers, keys: Path) -> None:
        """A key that was taken so is no known one where keys are compared."""
        person, talk = Person(), Talk()
        bobs.pin(WHO, key_of(ALICE, keys).fingerprint, 86400, Learned.FIRST_USE)
        async with listen(talk, bobs, keys, person) as listener:
            calling = asyncio.create_task(connect(listener.port, keys).__aenter__())
            found = await person.sees()
            assert f"the key of {ALICE} was taken at first use on 1970-01-02" in found.sentence
            person.says(True)
            await (await calling).close()
            talk.over()
        known = bobs.recall(WHO)
        assert known is not None
        assert [key.learned for key in known.keys] == [Learned.COMPARED]
        assert known.level is Level.KEY_VERIFIED
