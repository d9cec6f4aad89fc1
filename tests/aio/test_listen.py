"""Listening: addresses, limits, answers gathered, an end that leaves nothing behind."""

from __future__ import annotations

import asyncio
import logging

import pytest

import msrp_peer
from msrp_peer import CannotReach, Limits, UsageError
from msrp_peer.aio.line import Bell, Line
from support.proxy import raw
from support.raw_peer import raw_peer
from support.running import LOCAL, Talk, first, meeting, running, until


async def nobody(session: msrp_peer.Session) -> None:
    raise AssertionError("nobody was to come")


@running
async def test_where_it_listens() -> None:
    async with msrp_peer.listen(LOCAL, nobody) as listener:
        assert listener.port
        assert listener.uri == f"msrps://127.0.0.1:{listener.port};tcp"
        assert not listener.announced
        assert len((listener.fingerprint or "").split(":")) == 32
    async with msrp_peer.listen(LOCAL, nobody, tls="adh") as listener:
        assert listener.fingerprint is None


@running
async def test_the_fingerprint_is_the_one_the_other_side_sees() -> None:
    async with meeting() as (near, far):
        assert near.security.layers[0].peer_key == far.security.layers[0].own_key
        assert far.security.layers[0].peer_key == near.security.layers[0].own_key


@running
async def test_an_address_that_is_taken() -> None:
    async with msrp_peer.listen(LOCAL, nobody) as listener:
        with pytest.raises(CannotReach, match=rf"127.0.0.1:{listener.port} cannot be listened at"):
            async with msrp_peer.listen(f"127.0.0.1:{listener.port}", nobody):
                pass


@pytest.mark.parametrize("address", ["im:bob@lan", "", "127.0.0.1:99999", "msrps://h/secret;tcp"])
def test_no_address(address: str) -> None:
    with pytest.raises(UsageError) as wrong:
        msrp_peer.listen(address, nobody)
    assert "secret" not in str(wrong.value)


@running
async def test_serving_for_ever_ends_when_it_is_cancelled() -> None:
    async with msrp_peer.listen(LOCAL, nobody) as listener:
        serving = asyncio.create_task(listener.serve_forever())
        await asyncio.sleep(0)
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving


@running
async def test_serving_for_ever_ends_when_it_is_closed() -> None:
    async with msrp_peer.listen(LOCAL, nobody) as listener:
        serving = asyncio.create_task(listener.serve_forever())
        await asyncio.sleep(0)
    await serving


@running
async def test_closing_cancels_the_handlers() -> None:
    begun, cancelled = [], []

    async def handler(session: msrp_peer.Session) -> None:
        begun.append(session)
        try:
            await first(session)
        except asyncio.CancelledError:
            cancelled.append(session)
            raise

    async with msrp_peer.listen(LOCAL, handler) as listener:
        near = await msrp_peer.connect(f"127.0.0.1:{listener.port}")
        await until(lambda: bool(begun))
    assert len(cancelled) == 1
    assert [message async for message in near] == []
    await near.close()


@running
async def test_closing_does_not_wait_for_those_who_say_nothing() -> None:
    async with msrp_peer.listen(LOCAL, nobody, limits=Limits(closing=0.2)) as listener:
        connections = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(3)]
        await until(lambda: len(listener._lines) == 3)
    for reader, writer in connections:
        assert await reader.read() == b""
        writer.close()


@running
async def test_too_many_connections_from_one_address(caplog: pytest.LogCaptureFixture) -> None:
    """300 connections that say nothing; those who have a session go on, and others come in later."""
    talk = Talk()
    with caplog.at_level(logging.WARNING):
        async with msrp_peer.listen(LOCAL, talk) as listener:
            target = f"127.0.0.1:{listener.port}"
            async with msrp_peer.connect(target) as near:
                far = await talk.met()
                silent = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(300)]
                await until(lambda: caplog.text.count("too many") == 300 - 16)
                assert len(listener._lines) == 17
                await near.send("still here")
                assert await (await first(far)).text() == "still here"
                with pytest.raises(msrp_peer.ConnectionLost):
                    await msrp_peer.connect(target)
                for _, writer in silent:
                    writer.close()
                await until(lambda: len(listener._lines) == 1)
                async with msrp_peer.connect(target) as later:
                    await (await later.send("room again")).delivered()
            talk.over()


@running
async def test_too_many_connections_in_all(caplog: pytest.LogCaptureFixture) -> None:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk, limits=Limits(connections=2)) as listener:
        target = f"127.0.0.1:{listener.port}"
        async with msrp_peer.connect(target), msrp_peer.connect(target):
            with pytest.raises(msrp_peer.ConnectionLost):
                await msrp_peer.connect(target)
        talk.over()


@running
async def test_connections_come_and_go_for_ever() -> None:
    async with msrp_peer.listen(
        LOCAL, nobody, limits=Limits(connections=4, unbound_per_source=4)
    ) as listener:
        for _ in range(12):
            async with raw(listener.port) as (_, writer):
                writer.write(b"x")
            await until(lambda: not listener._lines)


@running
async def test_answers_are_gathered_into_one_write_a_read() -> None:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener, raw_peer(listener.port) as peer:
        await peer.bind()
        line = (await talk.met())._driver
        assert isinstance(line, Line)
        transport, reads, writes = line._transport, 0, 0
        assert transport is not None
        write, updated = transport.write, line.buffer_updated

        def counted_write(data: bytes) -> None:
            nonlocal writes
            writes += 1
            write(data)

        def counted_read(nbytes: int) -> None:
            nonlocal reads
            reads += 1
            updated(nbytes)

        transport.write = counted_write  # type: ignore[method-assign,assignment]
        line.buffer_updated = counted_read  # type: ignore[method-assign]
        peer.say(b"".join(peer.message(f"msg{i}", b"hello") for i in range(200)))
        for _ in range(200):
            answer = await peer.hear()
            assert answer is not None
            assert answer.status == 200
        assert writes <= reads < 20
        talk.over()


@running
async def test_a_bell_forgets_who_waits_no_more() -> None:
    bell = Bell()
    for _ in range(10):
        waiting = asyncio.create_task(bell.heard())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert not bell._waiting
    waiting = asyncio.create_task(bell.heard())
    await asyncio.sleep(0)
    bell.ring()
    await waiting


def test_nothing_is_left_in_debug_mode(caplog: pytest.LogCaptureFixture) -> None:
    """asyncio's debug mode sees slow callbacks, and what was never awaited; warnings are errors."""

    async def main() -> None:
        asyncio.get_running_loop().slow_callback_duration = 0.5
        async with meeting() as (near, far):
            sending = asyncio.create_task(near.send(bytes(5_000_000), "a/b"))
            message = await first(far)
            async for _ in message:
                pass
            await (await sending).delivered()

    with caplog.at_level(logging.WARNING, "asyncio"):
        asyncio.run(main(), debug=True)
    assert caplog.records == []
