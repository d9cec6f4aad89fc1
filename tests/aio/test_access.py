"""Who may open a session at a listener, over real connections."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

import pytest

import msrp_peer
from msrp_peer import Access, Entry, NotSecureEnough, PeerError, Principal, UsageError
from msrp_peer.aio.door import Door
from msrp_peer.terms.security import Proof, Protection, Security
from support.people import ALICE, BOB, EVE, Knows, known
from support.running import LOCAL, Talk, first, running, until

BLOCKED = Access({Principal.parse(EVE): Entry.DENY})


def listen(handler: Any, **more: Any) -> msrp_peer.listen:
    verifiers = known({ALICE: Knows().password(ALICE, BOB).text, EVE: Knows().password(EVE, BOB).text})
    return msrp_peer.listen(LOCAL, handler, **{"me": BOB, "verifiers": verifiers, **more})


def connect(port: int, me: str, **more: Any) -> msrp_peer.connect:
    return msrp_peer.connect(f"127.0.0.1:{port}", **{"me": me, "expect": BOB, "credentials": Knows(), **more})


async def nobody(session: msrp_peer.Session) -> None:
    raise AssertionError("nobody was to get in")


@running
async def test_who_is_blocked_gets_no_session_and_others_do(caplog: pytest.LogCaptureFixture) -> None:
    talk = Talk()
    async with listen(talk, access=BLOCKED) as listener:
        async with connect(listener.port, ALICE) as session:
            await session.send("hello")
            assert await (await first(await talk.met())).text() == "hello"
        with caplog.at_level(logging.WARNING, "msrp_peer"):
            with pytest.raises(PeerError, match="it does not let you in") as caught:
                await connect(listener.port, EVE)
            with pytest.raises(PeerError, match="it does not let you in"):
                await msrp_peer.connect(f"127.0.0.1:{listener.port}", me=EVE)  # unproved, and saying so
        assert caught.value.status == 403
        assert caplog.text.count("a session was denied to im:eve@lan") == 1
        assert "who calls itself im:eve@lan" in caplog.text
        async with msrp_peer.connect(f"127.0.0.1:{listener.port}"):
            await talk.met()
        talk.over()


@running
async def test_who_is_to_be_asked_about_waits_for_a_yes() -> None:
    talk, asked, answers = Talk(), asyncio.Queue[msrp_peer.Session](), asyncio.Queue[bool]()

    async def ask(session: msrp_peer.Session) -> bool:
        asked.put_nowait(session)
        return await answers.get()

    async with listen(talk, access=Access(unproved=Entry.ASK), ask=ask) as listener:
        async with connect(listener.port, ALICE):
            await talk.met()
        assert asked.empty()
        async with msrp_peer.connect(f"127.0.0.1:{listener.port}", me=ALICE) as session:
            sent = await session.send("let me in")
            assert (await asked.get()).peer_claim == Principal.parse(ALICE)
            await sent.delivered()
            answers.put_nowait(True)
            assert await (await first(await talk.met())).text() == "let me in"
        async with msrp_peer.connect(f"127.0.0.1:{listener.port}", me=ALICE) as session:
            answers.put_nowait(False)
            await until(lambda: session.closed)
        assert talk._met.empty()
        talk.over()


def test_somebody_has_to_be_there_to_be_asked() -> None:
    for access in (Access(unproved=Entry.ASK), Access({Principal.parse(EVE): Entry.ASK})):
        with pytest.raises(UsageError, match="say whom to ask"):
            msrp_peer.listen(LOCAL, nobody, access=access)


@running
async def test_one_person_has_so_many_sessions_at_a_time() -> None:
    talk = Talk()
    async with listen(talk, access=Access(at_once=2)) as listener:
        async with connect(listener.port, ALICE), msrp_peer.Pool() as pool:
            async with connect(listener.port, ALICE, pool=pool):
                await talk.met()
                await talk.met()
                for more in ({}, {"pool": pool}):
                    with pytest.raises(PeerError, match="it does not let you in"):
                        await connect(listener.port, ALICE, **more)
                async with connect(listener.port, EVE):
                    await talk.met()
                async with msrp_peer.connect(f"127.0.0.1:{listener.port}", me=ALICE):
                    await talk.met()
            talk.over()
            await until(lambda: not listener._door._inside)
        async with connect(listener.port, ALICE):
            pass


@running
async def test_who_was_granted_several_at_once_gets_no_more_than_they_may() -> None:
    """Each was granted while none had begun."""

    @dataclass(eq=False)
    class Begun:
        security: Security
        peer_claim: Principal | None = None

    proved = Security((Protection("tls", "TLSv1.3", "AES", True),), Proof(ALICE, "SCRAM-SHA-512-PLUS", True))
    door = Door(None, Access(at_once=1), None)
    one, two = Begun(proved), Begun(proved)
    assert door.admits("192.0.2.1:1", proved, None)
    assert door.admits("192.0.2.1:1", proved, None)
    await door.enter(one)  # type: ignore[arg-type]
    assert not door.admits("192.0.2.1:1", proved, None)
    with pytest.raises(NotSecureEnough, match="no session is for them"):
        await door.enter(two)  # type: ignore[arg-type]
    for session in (one, two):
        door.leave(session)  # type: ignore[arg-type]
    assert door.admits("192.0.2.1:1", proved, None)
