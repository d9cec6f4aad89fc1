"""Sessions with those who are known: what was reached once is the floor, at both ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import msrp_peer
from msrp_peer import KnownPeers, KnownPolicy, Level, NotAsKnown, Principal, StoreError
from msrp_peer.security.known import Finding
from support.in_between import in_between
from support.people import ALICE, BOB, Knows, known
from support.running import LOCAL, Talk, first, running, until


class Means:
    """Signalling that says whom we mean, and proves nothing: as if bob had been found by his name."""

    def __init__(self, port: int) -> None:
        agreed = msrp_peer.Rendezvous(f"127.0.0.1:{port}").agreed
        self._agreed = replace(agreed, expected=Principal.parse(BOB))

    async def agree(self) -> msrp_peer.Agreed:
        return self._agreed


def connect(port: int, **more: Any) -> msrp_peer.connect:
    return msrp_peer.connect(
        f"127.0.0.1:{port}", **{"me": ALICE, "expect": BOB, "credentials": Knows(), **more}
    )


def listen(talk: Talk, **more: Any) -> msrp_peer.listen:
    return msrp_peer.listen(LOCAL, talk, **{"me": BOB, "verifiers": known(), **more})


async def nobody(session: msrp_peer.Session) -> None:
    raise AssertionError("nobody was to get in")


def level_in(store: KnownPeers, name: str) -> Level | None:
    found = store.recall(Principal.parse(name))
    return None if found is None else found.level


@pytest.fixture
def near(tmp_path: Path) -> KnownPeers:
    return KnownPeers(tmp_path / "near" / "known_peers.db")


@pytest.fixture
def far(tmp_path: Path) -> KnownPeers:
    return KnownPeers(tmp_path / "far" / "known_peers.db")


@contextlib.asynccontextmanager
async def met(store: KnownPeers, far: KnownPeers | None = None) -> AsyncIterator[msrp_peer.Listener]:
    """Alice and bob have been proved to each other once; bob listens on."""
    talk = Talk()
    async with listen(talk, known=far) as listener:
        async with connect(listener.port, known=store):
            await talk.met()
        yield listener
        talk.over()


@running
async def test_both_remember_who_was_proved(near: KnownPeers, far: KnownPeers) -> None:
    async with met(near, far):
        assert [known.principal for known in near.everybody()] == [BOB]
        assert [known.principal for known in far.everybody()] == [ALICE]
        for store, name in ((near, BOB), (far, ALICE)):
            found = store.recall(Principal.parse(name))
            assert found is not None
            assert found.level is Level.AUTHENTICATED
            assert [mechanism.name for mechanism in found.mechanisms] == ["SCRAM-SHA-512-PLUS"]
            assert found.keys == (), "a key made for the run is nothing to remember"


@running
async def test_who_is_not_proved_leaves_nothing(near: KnownPeers, far: KnownPeers) -> None:
    """Not at the listener either, whatever they say they are."""
    talk = Talk()
    async with listen(talk, known=far) as listener:
        async with msrp_peer.connect(f"127.0.0.1:{listener.port}", me=ALICE, known=near) as session:
            assert session.peer_claim is not None
            assert (await talk.met()).peer_claim is not None
        async with msrp_peer.join(Means(listener.port), known=near):
            await talk.met()
        talk.over()
    assert near.everybody() == far.everybody() == []


@running
async def test_less_than_was_reached_is_refused_before_anything_is_said(near: KnownPeers) -> None:
    async with met(near) as listener:
        async with in_between(listener.port) as middle:
            with pytest.raises(NotAsKnown) as caught:
                await msrp_peer.join(Means(middle.port), known=near)
            assert middle.connections == 1
            assert middle.there == b"", "no session was asked for"
        assert caught.value.judgement.finding is Finding.WEAKER
        assert "has been authenticated" in str(caught.value)
        # Who would have been asked to agree, and did, is let through this once.
        agreed = near.under(KnownPolicy(least=Level.PASSIVE_ONLY))
        async with msrp_peer.join(Means(listener.port), known=agreed) as session:
            assert session.security.level is Level.PASSIVE_ONLY
        with pytest.raises(NotAsKnown):
            await msrp_peer.join(Means(listener.port), known=near)
    assert level_in(near, BOB) is Level.AUTHENTICATED


@running
async def test_a_secret_that_has_become_shared_is_weaker(near: KnownPeers) -> None:
    async with met(near) as listener:
        with pytest.raises(NotAsKnown, match="this one is passive-only"):
            await connect(listener.port, known=near, credentials=Knows(shared=True))


@running
async def test_at_the_listener_too(far: KnownPeers, caplog: pytest.LogCaptureFixture) -> None:
    talk = Talk()
    async with listen(talk, known=far) as listener, connect(listener.port):
        await talk.met()
        talk.over()
    with caplog.at_level(logging.WARNING, "msrp_peer"):
        async with msrp_peer.listen(
            LOCAL, nobody, me=BOB, verifiers=known(shared=True), known=far
        ) as listener:
            session = await connect(listener.port)
            await until(lambda: session.closed)
            await session.close()
    assert "a line to im:alice@lan has been authenticated" in caplog.text


@running
async def test_each_session_of_a_shared_line_is_judged(near: KnownPeers) -> None:
    talk = Talk()
    async with listen(talk) as listener, msrp_peer.Pool() as pool:
        async with msrp_peer.join(Means(listener.port), pool=pool, known=near):
            near.pin(Principal.parse(BOB), ":".join(["AB"] * 32), 1000)  # somebody compared, meanwhile
            with pytest.raises(NotAsKnown):
                await msrp_peer.join(Means(listener.port), pool=pool, known=near)
        talk.over()


@pytest.mark.parametrize("end", ["near", "far"])
@running
async def test_where_nobody_can_tell_what_was_known_nobody_is_spoken_with(
    near: KnownPeers, far: KnownPeers, end: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with met(near, far):
        pass
    damaged = near if end == "near" else far
    damaged.path.write_bytes(b"\xa5" * 8192)
    if end == "near":
        async with msrp_peer.listen(LOCAL, nobody, me=BOB, verifiers=known()) as listener:
            with pytest.raises(StoreError, match="is damaged"):
                await connect(listener.port, known=near)
        return
    with caplog.at_level(logging.WARNING, "msrp_peer"):
        async with msrp_peer.listen(LOCAL, nobody, me=BOB, verifiers=known(), known=far) as listener:
            session = await connect(listener.port)
            await until(lambda: session.closed)
            await session.close()
    assert "is damaged" in caplog.text


@running
async def test_a_file_that_others_write_to_for_long_stops_no_other_session(near: KnownPeers) -> None:
    async with met(near):
        pass
    talk = Talk()
    async with listen(talk) as listener, connect(listener.port) as standing:
        there = await talk.met()
        with contextlib.closing(sqlite3.connect(near.path)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            waiting = asyncio.ensure_future(connect(listener.port, known=near).__aenter__())
            for number in range(20):
                await standing.send(f"line {number}")
                assert await (await first(there)).text() == f"line {number}"
            assert not waiting.done()
            writer.rollback()
        async with asyncio.timeout(20):
            session = await waiting
        await session.close()
        talk.over()
