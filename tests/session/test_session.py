"""Sessions over real sockets and TLS: how they begin, go on beside each other, and end."""

from __future__ import annotations

import asyncio
import logging

import pytest

import msrp_peer
from msrp_peer import ConnectionLost, Level, Limits, NotDelivered
from support.proxy import proxy
from support.running import LOCAL, Talk, first, meeting, running, together, until


@pytest.mark.parametrize("tls", ["anonymous", "adh"])
@running
@pytest.mark.rule("4975 14.5-4")
async def test_text_both_ways(tls: str) -> None:
    async with meeting(tls=tls) as (near, far):
        sent = await near.send("grüß dich")
        message = await first(far)
        assert await message.text() == "grüß dich"
        assert message.content_type == "text/plain;charset=utf-8"
        assert message.message_id == sent.message_id
        assert message.size == sent.size == 11
        assert message.whole
        assert not message.file
        assert not message.duplicate
        await sent.delivered()
        assert sent.acknowledged == 11
        await (await far.send(b"\xff\x00", "a/b")).delivered()
        assert await (await first(near)).read() == b"\xff\x00"
        for session in (near, far):
            assert session.security.level is Level.PASSIVE_ONLY
            assert session.security.layers[0].version == ("TLSv1.3" if tls == "anonymous" else "TLSv1.2")
        assert message.security is far.security


@running
@pytest.mark.rule("4975 5.4-4")
async def test_who_they_say_they_are() -> None:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk, me="im:bob@lan") as listener:
        async with msrp_peer.connect(f"127.0.0.1:{listener.port}", me="im:alice@lan") as near:
            far = await talk.met()
            assert near.peer_claim is not None
            assert near.peer_claim.text == "im:bob@lan"
            assert far.peer_claim is not None
            assert far.peer_claim.text == "im:alice@lan"
            assert near.peer_address == f"127.0.0.1:{listener.port}"
            assert "im:" not in repr(near)
            assert "passive-only" in repr(near)
        talk.over()


@running
async def test_a_session_that_ends_ends_the_loop_over_it() -> None:
    for closes in (0, 1):
        async with meeting() as ends:
            closing, staying = ends[closes], ends[1 - closes]
            await closing.send("last words")
            await closing.close()
            assert closing.closed
            heard = [await message.text() async for message in staying]
            assert heard == ["last words"]
            assert staying.closed
            assert [message async for message in closing] == []
            with pytest.raises(ConnectionLost):
                await staying.send("too late")


@running
async def test_both_close_at_once() -> None:
    async with meeting() as (near, far):
        await together(near.close(), far.close())
        await together(near.close(), far.close(), near.close())
        assert [message async for message in near] == [message async for message in far] == []


@running
async def test_close_while_messages_are_under_way() -> None:
    async with meeting() as (near, far):
        sends = [asyncio.create_task(s.send(bytes(3_000_000), "a/b")) for s in (near, far)]
        await first(far)
        await together(near.close(), far.close())
        for outcome in await asyncio.gather(*sends, return_exceptions=True):
            assert isinstance(outcome, NotDelivered)


@running
async def test_closing_is_not_held_up_by_a_message_half_read() -> None:
    """Reading is paused for a slow reader; the other side's goodbye must be seen all the same."""
    async with meeting(limits=Limits(closing=60), own_limits=Limits(closing=60)) as (near, far):
        sending = asyncio.create_task(near.send(bytes(5_000_000), "a/b"))
        message = await first(far)
        blocks = aiter(message)
        await anext(blocks)
        await until(lambda: far._driver.connection.paused)
        await far.close()
        with pytest.raises(NotDelivered):
            await sending
        async for _ in near:
            pass
        with pytest.raises(msrp_peer.MessageCut):
            async for _ in blocks:
                pass


@running
async def test_a_peer_gone_without_goodbye() -> None:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener, proxy(listener.port) as between:
        async with msrp_peer.connect(f"127.0.0.1:{between.port}") as near:
            far = await talk.met()
            await (await near.send("hello")).delivered()
            waiting = asyncio.create_task(first(near))
            between.cut()
            with pytest.raises(ConnectionLost, match="did not say goodbye"):
                await waiting
            heard = []
            with pytest.raises(ConnectionLost, match="did not say goodbye"):  # noqa: PT012
                async for message in far:
                    heard.append(await message.text())
            assert heard == ["hello"], "what came before is given out first"
            with pytest.raises(ConnectionLost, match="did not say goodbye"):
                await near.send("too late")
        talk.over()


@running
async def test_several_sessions_at_a_time() -> None:
    async def echo(session: msrp_peer.Session) -> None:
        async for message in session:
            await session.send(await message.read(), message.content_type)

    async def ask(port: int, word: str) -> None:
        async with msrp_peer.connect(f"127.0.0.1:{port}") as session:
            for i in range(5):
                await session.send(f"{word} {i}")
                assert await (await first(session)).text() == f"{word} {i}"

    async with msrp_peer.listen(LOCAL, echo) as listener:
        await together(*(ask(listener.port, f"client {i}") for i in range(8)))


@running
async def test_a_handler_that_raises_hurts_only_its_session(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(session: msrp_peer.Session) -> None:
        async for message in session:
            if await message.text() == "die":
                raise ZeroDivisionError("on purpose")
            await session.send("alive")

    with caplog.at_level(logging.ERROR):
        async with msrp_peer.listen(LOCAL, handler) as listener:
            target = f"127.0.0.1:{listener.port}"
            async with msrp_peer.connect(target) as one, msrp_peer.connect(target) as other:
                await one.send("die")
                assert [message async for message in one] == [], "an orderly end"
                await other.send("still there?")
                assert await (await first(other)).text() == "alive"
            async with msrp_peer.connect(target) as later:
                await later.send("and you?")
                assert await (await first(later)).text() == "alive"
    assert "on purpose" in caplog.text


@running
async def test_a_handler_that_returns_ends_its_session_in_order() -> None:
    async def handler(session: msrp_peer.Session) -> None:
        await session.send("go away")

    async with (
        msrp_peer.listen(LOCAL, handler) as listener,
        msrp_peer.connect(f"127.0.0.1:{listener.port}") as session,
    ):
        assert [await message.text() async for message in session] == ["go away"]


@running
async def test_a_listener_that_closes_ends_its_sessions_in_order() -> None:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener:
        near = await msrp_peer.connect(f"127.0.0.1:{listener.port}")
        await talk.met()
    assert [message async for message in near] == []
    await near.close()


@running
@pytest.mark.rule("4975 5.3-1")
async def test_unread_messages_do_not_stand_in_the_way_of_answers() -> None:
    """Both await delivered() while neither reads what the other sends (the house, section 2)."""
    async with meeting() as (near, far):
        size = 20_000_000

        async def send(session: msrp_peer.Session) -> None:
            sent = await session.send(bytes(size), "a/b")
            await sent.delivered()

        await together(send(near), send(far))
        for session in (near, far):
            message = await first(session)
            assert sum([len(block) async for block in message]) == size


@running
async def test_a_message_a_second_reader_may_not_have() -> None:
    async with meeting() as (near, far):
        await near.send("once")
        message = await first(far)
        assert await message.text() == "once"
        with pytest.raises(msrp_peer.UsageError, match="read once"):
            await message.read()


@running
async def test_waiting_for_a_session_can_be_cancelled() -> None:
    async with meeting() as (near, far):
        for _ in range(100):
            waiting = asyncio.create_task(first(far))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        await near.send("still")
        assert await (await first(far)).text() == "still"
