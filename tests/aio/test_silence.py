"""Lines that fall silent: who is asked, who is given up, and what is kept."""

from __future__ import annotations

import asyncio

import pytest

import msrp_peer
from msrp_peer import ConnectionLost, Limits, MessageCut, NotDelivered
from support.proxy import Fate, proxy
from support.running import LOCAL, Talk, first, running, until

SOON = Limits(keep_alive=0.05, transaction=0.2)


@running
async def test_a_line_that_carries_nothing_any_more() -> None:
    """It is not closed, nor reset: only asking finds out (RFC 4975 section 7.1)."""
    talk = Talk()
    back = Fate()
    async with msrp_peer.listen(LOCAL, talk) as listener, proxy(listener.port, back=back) as between:
        near = await msrp_peer.connect(f"127.0.0.1:{between.port}", limits=SOON)
        far = await talk.met()
        sending = asyncio.ensure_future(far.send(bytes(4_000_000), "a/b"))
        message = await first(near)
        blocks = aiter(message)
        await anext(blocks)
        back.freeze = back.carried + 1
        with pytest.raises(MessageCut, match="has not answered, nor said anything"):
            async for _ in blocks:
                pass
        with pytest.raises(ConnectionLost, match=r"has not answered, nor said anything, for 0\.2 s"):
            await first(near)
        assert near.closed
        with pytest.raises(NotDelivered):
            await (await sending).delivered()
        talk.over()


@running
async def test_a_line_that_is_asked_and_answers() -> None:
    talk = Talk()
    there = Fate()
    async with msrp_peer.listen(LOCAL, talk, limits=SOON) as listener:
        async with proxy(listener.port, there=there) as between:
            near = await msrp_peer.connect(f"127.0.0.1:{between.port}", limits=SOON)
            far = await talk.met()
            carried = there.carried
            await until(lambda: there.carried > carried + 2000)
            await (await near.send("hello")).delivered()
            assert await (await first(far)).text() == "hello"
            await near.close()
        talk.over()
