"""Several sessions on one connection: shared by a pool, and never by accident."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket

import pytest

import msrp_peer
from msrp_peer import CannotReach, ConnectionLost, Level, Limits, Paths, Pool, UsageError
from msrp_peer.aio.line import Line
from support.proxy import Fate, proxy
from support.running import LOCAL, Talk, first, running, together, until


def where(listener: msrp_peer.Listener) -> str:
    return f"127.0.0.1:{listener.port}"


@running
@pytest.mark.rule("4975 5.4-1")
async def test_sessions_of_a_pool_share_a_connection() -> None:
    """RFC 4975 section 5.4: the same host, port and scheme."""
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener, Pool() as pool:
        async with (
            msrp_peer.connect(where(listener), pool=pool) as one,
            msrp_peer.connect(where(listener), pool=pool) as two,
            msrp_peer.connect(where(listener)) as alone,
        ):
            far = [await talk.met() for _ in range(3)]
            assert (pool.connections, len(listener._lines)) == (1, 2)
            for near, text in ((one, "one"), (two, "two"), (alone, "alone")):
                await (await near.send(text)).delivered()
            said = [await (await first(session)).text() for session in far]
            assert said == ["one", "two", "alone"]
        talk.over()


@running
async def test_those_who_come_together_share_too() -> None:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener, Pool() as pool:
        sessions = await together(*(msrp_peer.connect(where(listener), pool=pool) for _ in range(8)))
        assert (pool.connections, len(listener._lines)) == (1, 1)
        await together(*(session.close() for session in sessions))
        talk.over()


@running
async def test_no_more_sessions_than_a_connection_may_have() -> None:
    talk = Talk()
    small = Limits(sessions=2)
    async with msrp_peer.listen(LOCAL, talk, limits=small) as listener, Pool() as pool:
        # Our own bound is the same as theirs, or larger: then they refuse, and a new one is made.
        for limits in (small, Limits()):
            sessions = [await msrp_peer.connect(where(listener), pool=pool, limits=limits) for _ in range(5)]
            assert pool.connections == 3
            await together(*(session.close() for session in sessions))
            await pool_emptied(pool, listener)
        talk.over()


@running
async def test_no_more_sessions_than_our_own_bound() -> None:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener, Pool() as pool:
        sessions = [
            await msrp_peer.connect(where(listener), pool=pool, limits=Limits(sessions=2)) for _ in range(5)
        ]
        assert pool.connections == 3
        await together(*(session.close() for session in sessions))
        talk.over()


async def pool_emptied(pool: Pool, listener: msrp_peer.Listener) -> None:
    for line in list(listener._lines):
        line.connection.close(line.now())
        line.flush()
    await until(lambda: pool.connections == 0 and not listener._lines)


@running
@pytest.mark.rule("4975 5.4-1")
async def test_what_differs_is_not_shared() -> None:
    talk = Talk()
    async with (
        msrp_peer.listen(LOCAL, talk) as listener,
        msrp_peer.listen(LOCAL, talk) as elsewhere,
        Pool() as pool,
    ):
        sessions = [
            await msrp_peer.connect(where(listener), pool=pool),
            await msrp_peer.connect(where(elsewhere), pool=pool),
            await msrp_peer.connect(where(listener), pool=pool, me="im:alice@lan"),
            await msrp_peer.connect(where(listener), pool=pool, me="im:carol@lan"),
            await msrp_peer.connect(where(listener), pool=pool, require=Level.PLAINTEXT),
            await msrp_peer.connect(where(listener), pool=pool, tls="adh"),
            await msrp_peer.connect(where(listener), pool=pool, limits=Limits(window=10_000)),
        ]
        assert pool.connections == len(sessions)
        # What one session takes is its own affair.
        same = await msrp_peer.connect(where(listener), pool=pool, files=False, accept_types="text/plain")
        assert pool.connections == len(sessions)
        await together(*(session.close() for session in (*sessions, same)))
        talk.over()


@running
async def test_what_a_session_takes_is_its_own_affair() -> None:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener, Pool() as pool:
        async with (
            msrp_peer.connect(where(listener), pool=pool),
            msrp_peer.connect(where(listener), pool=pool, accept_types="text/plain", files=False),
        ):
            anything, text = await talk.met(), await talk.met()
            await (await anything.send("{}", "application/json")).delivered()
            with pytest.raises(msrp_peer.NotDelivered) as refused:
                await text.send("{}", "application/json")
            assert refused.value.status == 415
            with pytest.raises(msrp_peer.NotDelivered) as no_file:
                await (await text.send("x", "text/plain", name="x")).delivered()
            assert no_file.value.status == 403
        talk.over()


@running
@pytest.mark.rule("4975 5.4-21")
async def test_one_session_ends_and_the_other_goes_on() -> None:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener, Pool() as pool:
        one = await msrp_peer.connect(where(listener), pool=pool)
        other = await msrp_peer.connect(where(listener), pool=pool)
        far_one, far_other = await talk.met(), await talk.met()
        await one.close()
        assert [message async for message in far_one] == [], "the other side learns it at once"
        await (await other.send("still here")).delivered()
        assert await (await first(far_other)).text() == "still here"
        await other.close()
        talk.over()


@running
async def test_a_connection_nobody_uses_is_kept_for_a_while_and_used_again() -> None:
    ended = asyncio.Event()

    async def serve(session: msrp_peer.Session) -> None:
        async for message in session:
            await message.text()
        ended.set()

    async with msrp_peer.listen(LOCAL, serve) as listener, Pool() as pool:
        for _ in range(3):
            ended.clear()
            async with msrp_peer.connect(where(listener), pool=pool) as session:
                await (await session.send("hello")).delivered()
            await ended.wait()
            assert (pool.connections, len(listener._lines)) == (1, 1)
            assert session.closed


@running
async def test_a_connection_nobody_uses_is_closed_in_the_end() -> None:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener, Pool() as pool:
        async with msrp_peer.connect(where(listener), pool=pool, limits=Limits(idle=0.05)):
            pass
        await until(lambda: pool.connections == 0)
        await until(lambda: not listener._lines)
        async with msrp_peer.connect(where(listener), pool=pool) as session:
            await (await session.send("on a new one")).delivered()
        talk.over()


@running
async def test_a_listener_does_not_keep_connections_without_sessions_for_ever() -> None:
    async def serve(session: msrp_peer.Session) -> None:
        async for message in session:
            await message.text()

    async with msrp_peer.listen(LOCAL, serve, limits=Limits(idle=0.05)) as listener, Pool() as pool:
        async with msrp_peer.connect(where(listener), pool=pool):
            pass
        await until(lambda: not listener._lines)


@running
@pytest.mark.rule("4975 5.4-13")
async def test_where_the_connection_breaks_all_its_sessions_end_with_the_reason() -> None:
    """RFC 4975 section 5.4; what was received stays, and the next session gets a new connection."""
    talk = Talk()
    async with (
        msrp_peer.listen(LOCAL, talk) as listener,
        proxy(listener.port) as between,
        Pool() as pool,
    ):
        target = f"127.0.0.1:{between.port}"
        near = [await msrp_peer.connect(target, pool=pool) for _ in range(3)]
        far = [await talk.met() for _ in range(3)]
        for session in far:
            await (await session.send("before")).delivered()
        between.cut("reset")
        for session in near:
            assert await (await first(session)).text() == "before"
            with pytest.raises(ConnectionLost, match="reset"):
                await first(session)
            with pytest.raises(ConnectionLost):
                await session.send("after")
        for session in far:
            with pytest.raises(ConnectionLost):
                await first(session)
        async with msrp_peer.connect(target, pool=pool) as again:
            await (await again.send("a new connection")).delivered()
        talk.over()


@running
async def test_a_connection_that_answers_no_more_is_let_go() -> None:
    talk = Talk()
    there = Fate()
    async with (
        msrp_peer.listen(LOCAL, talk) as listener,
        proxy(listener.port, there=there) as between,
        Pool() as pool,
    ):
        target, soon = f"127.0.0.1:{between.port}", Limits(transaction=0.2)
        dead = await msrp_peer.connect(target, pool=pool, limits=soon)
        there.freeze = there.carried + 1
        with pytest.raises(msrp_peer.NotDelivered):
            await (await dead.send("is anybody there?")).delivered()
        there.freeze = None
        alive = await msrp_peer.connect(target, pool=pool, limits=soon)
        await (await alive.send("on a new one")).delivered()
        assert pool.connections == 1
        await together(dead.close(), alive.close())
        talk.over()


@running
async def test_chat_and_files_take_turns() -> None:
    talk = Talk()
    octets = os.urandom(3_000_000)
    async with msrp_peer.listen(LOCAL, talk) as listener, Pool() as pool:
        async with (
            msrp_peer.connect(where(listener), pool=pool) as chat,
            msrp_peer.connect(where(listener), pool=pool) as files,
        ):
            far_chat, far_files = await talk.met(), await talk.met()
            sending = asyncio.ensure_future(files.send(octets, "a/b"))
            arriving = asyncio.ensure_future((await first(far_files)).read())
            for number in range(20):
                await (await chat.send(f"line {number}")).delivered()
                assert await (await first(far_chat)).text() == f"line {number}"
            await (await sending).delivered()
            assert hashlib.sha256(await arriving).digest() == hashlib.sha256(octets).digest()
        talk.over()


@running
async def test_a_pool_that_is_left_ends_its_sessions_in_order() -> None:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener:
        pool = Pool()
        async with pool:
            near = await msrp_peer.connect(where(listener), pool=pool)
            far = await talk.met()
        assert [message async for message in near] == []
        assert [message async for message in far] == []
        assert near.closed
        with pytest.raises(UsageError, match="pool is closed"):
            await msrp_peer.connect(where(listener), pool=pool)
        talk.over()


@running
async def test_a_pool_holds_on_to_nothing_that_failed() -> None:
    async with Pool() as pool:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        with pytest.raises(msrp_peer.CannotReach):
            await msrp_peer.connect(f"127.0.0.1:{port}", pool=pool)
        async with msrp_peer.listen(LOCAL, Talk()) as listener:
            with pytest.raises(msrp_peer.NotSecureEnough):
                await msrp_peer.connect(where(listener), pool=pool, require=Level.AUTHENTICATED)
            await until(lambda: not listener._lines)
        assert pool.connections == 0


@running
async def test_joined_sessions_share_too() -> None:
    async with msrp_peer.listen(LOCAL) as listener, Pool() as pool:
        joins = []
        for _ in range(3):
            here, there = msrp_peer.new_uri("127.0.0.1", 9), listener.new_uri()
            going = Paths(local_uri=here, remote_path=there, active=True)
            waiting = Paths(local_uri=there, remote_path=here, active=False)
            joins += [msrp_peer.join(going, pool=pool), msrp_peer.join(waiting, listener=listener)]
        sessions = await together(*joins)
        assert (pool.connections, len(listener._lines)) == (1, 1)
        for near, far in zip(sessions[::2], sessions[1::2], strict=True):
            await (await near.send("hello")).delivered()
            assert await (await first(far)).text() == "hello"
        unknown = Paths(
            local_uri=msrp_peer.new_uri("127.0.0.1", 9),
            remote_path=msrp_peer.new_uri("127.0.0.1", listener.port),
            active=True,
        )
        with pytest.raises(msrp_peer.PeerError):
            await msrp_peer.join(unknown, pool=pool)
        here, there = msrp_peer.new_uri("127.0.0.1", 9), listener.new_uri()
        wary = Paths(local_uri=there, remote_path=here, active=False)
        outcomes = await asyncio.gather(
            msrp_peer.join(Paths(local_uri=here, remote_path=there, active=True), pool=pool).__aenter__(),
            msrp_peer.join(wary, listener=listener, require=Level.AUTHENTICATED).__aenter__(),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [msrp_peer.PeerError, msrp_peer.NotSecureEnough]
        shared = sessions[0]._driver.connection
        assert shared.sessions == 3, "what could not begin is not kept"
        await (await sessions[0].send("unharmed")).delivered()
        await together(*(session.close() for session in sessions))


@running
async def test_a_line_that_is_forgotten_while_a_session_begins_on_it() -> None:
    """It breaks, somebody else looks at the pool, and only then the session hears of it."""

    async def begin(line: Line) -> msrp_peer.Session:
        line.abort("it broke")
        await line.gone()
        assert pool.connections == 0
        raise ConnectionLost("it broke")

    async def fresh() -> tuple[Line, msrp_peer.Session]:
        raise CannotReach("a new one was tried")

    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener, Pool() as pool:
        async with msrp_peer.connect(where(listener), pool=pool):
            (sharing,) = pool._lines
            with pytest.raises(CannotReach, match="a new one was tried"):
                await pool.session(sharing, begin, fresh)
        talk.over()
