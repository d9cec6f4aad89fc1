"""Whoever runs a listener learns who could not log in."""

from __future__ import annotations

import asyncio

import pytest

import msrp_peer
from msrp_core import request
from msrp_peer.aio.failed_logins import FailedLogins
from support.by_hand import LISTENER
from support.people import ALICE, BOB, EVE, SECRET, Knows, known
from support.raw_peer import raw_peer
from support.running import LOCAL, Talk, running


@pytest.mark.parametrize(("me", "word"), [(ALICE, "wrong-wrong-wrong"), (EVE, SECRET)])
@running
async def test_from_where_and_why(me: str, word: str) -> None:
    async with msrp_peer.listen(LOCAL, Talk(), me=BOB, verifiers=known(), expect=ALICE) as listener:
        with pytest.raises(msrp_peer.NotSecureEnough):
            async with msrp_peer.connect(
                f"127.0.0.1:{listener.port}", me=me, expect=BOB, credentials=Knows(word)
            ):
                pass
        failed = await listener.failed_logins.next()
        assert failed.address == "127.0.0.1"
        assert failed.reason
        assert SECRET not in failed.reason
        assert word not in failed.reason
        assert listener.failed_logins.count == 1


@running
async def test_whoever_waits_hears_of_it_and_calling_off_waits_no_more() -> None:
    failed = FailedLogins()
    waiting = asyncio.ensure_future(failed.next())
    called_off = asyncio.ensure_future(failed.next())
    await asyncio.sleep(0)
    called_off.cancel()
    failed.add("192.0.2.1", "why")
    assert await waiting == ("192.0.2.1", "why")


def test_a_flood_is_counted_and_the_last_are_kept() -> None:
    failed = FailedLogins()
    for number in range(1000):
        failed.add("192.0.2.1", str(number))
    assert failed.count == 1000
    assert [each.reason for each in failed.take()] == [str(number) for number in range(900, 1000)]
    assert failed.take() == []


@running
async def test_what_begins_no_exchange_is_none() -> None:
    """To ask what there is, or for a session, is no login that failed."""
    async with (
        msrp_peer.listen(LOCAL, Talk(), me=BOB, verifiers=known(), expect=ALICE) as listener,
        raw_peer(listener.port) as eve,
    ):
        for headers in ([], [("Accept-Types", "*")]):
            assert await eve.asked(request("AUTH", LISTENER, eve.own, headers)[1]) == 401
        assert listener.failed_logins.count == 0
