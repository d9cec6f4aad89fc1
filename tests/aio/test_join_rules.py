"""One session, one connection: who comes too early, too late, or is somebody else."""

from __future__ import annotations

import asyncio

import pytest

import msrp_peer
from msrp_core import request
from msrp_peer import CannotReach, Limits, Paths, PeerError
from msrp_peer.aio.line import Line
from support.raw_peer import raw_peer
from support.running import LOCAL, Talk, first, running, together, until


@running
async def test_who_comes_before_the_signalling_waits_for_it() -> None:
    """The other side has our URI already, we do not have its own yet: nothing is lost."""
    async with msrp_peer.listen(LOCAL) as listener:
        here, there = msrp_peer.new_uri("127.0.0.1", 9), listener.new_uri()
        going = asyncio.ensure_future(
            msrp_peer.join(Paths(local_uri=here, remote_path=there, active=True)).__aenter__()
        )
        await until(lambda: any(line.connection.hold.events for line in listener._lines))
        assert not going.done()
        far = await msrp_peer.join(Paths(local_uri=there, remote_path=here, active=False), listener=listener)
        near = await going
        await (await near.send("hello")).delivered()
        assert await (await first(far)).text() == "hello"
        await together(near.close(), far.close())


@running
async def test_who_comes_before_the_signalling_waits_no_longer_than_a_handshake() -> None:
    async with msrp_peer.listen(LOCAL, limits=Limits(handshake=0.2)) as listener:
        paths = Paths(
            local_uri=msrp_peer.new_uri("127.0.0.1", 9), remote_path=listener.new_uri(), active=True
        )
        with pytest.raises((PeerError, msrp_peer.ConnectionLost)):
            await msrp_peer.join(paths)


@running
async def test_a_reservation_is_for_a_while() -> None:
    async with msrp_peer.listen(LOCAL, limits=Limits(reserved=0.0)) as listener:
        paths = Paths(
            local_uri=msrp_peer.new_uri("127.0.0.1", 9), remote_path=listener.new_uri(), active=True
        )
        with pytest.raises(PeerError, match="no such session") as unknown:
            await msrp_peer.join(paths)
        assert unknown.value.status == 481


@running
@pytest.mark.rule("4975 5.4-11 10-9")
async def test_a_uri_nobody_knows() -> None:
    """RFC 4975 section 7.3."""
    async with msrp_peer.listen(LOCAL) as listener:
        there = msrp_peer.new_uri("127.0.0.1", listener.port)
        paths = Paths(local_uri=msrp_peer.new_uri("127.0.0.1", 9), remote_path=there, active=True)
        with pytest.raises(PeerError, match="no such session") as unknown:
            await msrp_peer.join(paths)
        assert unknown.value.status == 481


@running
@pytest.mark.rule("4975 5.4-9")
async def test_somebody_else_with_the_right_uri() -> None:
    """From-Path is checked: RFC 4975 asks for it nowhere, and one URI alone shall not be enough."""
    async with msrp_peer.listen(LOCAL) as listener:
        here, there = msrp_peer.new_uri("127.0.0.1", 9), listener.new_uri()
        waiting = asyncio.ensure_future(
            msrp_peer.join(
                Paths(local_uri=there, remote_path=here, active=False), listener=listener
            ).__aenter__()
        )
        await asyncio.sleep(0)
        stranger = Paths(local_uri=msrp_peer.new_uri("127.0.0.1", 9), remote_path=there, active=True)
        with pytest.raises(PeerError) as unknown:
            await msrp_peer.join(stranger)
        assert unknown.value.status == 481
        near = await msrp_peer.join(Paths(local_uri=here, remote_path=there, active=True))
        far = await waiting
        await together(near.close(), far.close())


@running
@pytest.mark.rule("4975 5.4-12 10-11")
async def test_a_session_in_use_on_another_connection() -> None:
    """RFC 4975 sections 5.4 and 10.11: one session, one connection."""
    async with msrp_peer.listen(LOCAL) as listener:
        here, there = msrp_peer.new_uri("127.0.0.1", 9), listener.new_uri()
        going = Paths(local_uri=here, remote_path=there, active=True)
        near, far = await together(
            msrp_peer.join(going),
            msrp_peer.join(Paths(local_uri=there, remote_path=here, active=False), listener=listener),
        )
        with pytest.raises(PeerError, match="in use on another connection") as elsewhere:
            await msrp_peer.join(going)
        assert elsewhere.value.status == 506
        await (await near.send("unharmed")).delivered()
        assert await (await first(far)).text() == "unharmed"
        await together(near.close(), far.close())
        with pytest.raises(PeerError) as over:
            await msrp_peer.join(going)
        assert over.value.status == 481, "what is over is known nowhere"


@running
async def test_a_granted_session_on_another_connection() -> None:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener:
        async with msrp_peer.connect(f"127.0.0.1:{listener.port}") as near:
            await talk.met()
            local, remote = near._endpoint.local, near._endpoint.remote
            with pytest.raises(PeerError) as elsewhere:
                await msrp_peer.join(Paths(local_uri=local, remote_path=remote, active=True))
            assert elsewhere.value.status == 506
            await (await near.send("unharmed")).delivered()
        talk.over()


@running
async def test_who_stops_waiting_as_the_session_comes_leaves_no_session_behind() -> None:
    async with msrp_peer.listen(LOCAL) as listener:
        here, there = msrp_peer.new_uri("127.0.0.1", 9), listener.new_uri()
        join = msrp_peer.join(Paths(local_uri=there, remote_path=here, active=False), listener=listener)
        waiting = asyncio.ensure_future(join.__aenter__())
        arrived = listener.sessions_arrived

        def and_cancelled(line: Line) -> None:
            arrived(line)
            waiting.cancel()

        listener.sessions_arrived = and_cancelled  # type: ignore[method-assign]
        near = await msrp_peer.join(Paths(local_uri=here, remote_path=there, active=True))
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert [message async for message in near] == []
        await near.close()


@running
async def test_who_waits_at_a_listener_that_is_closed_is_told() -> None:
    async with msrp_peer.listen(LOCAL) as listener:
        here, there = msrp_peer.new_uri("127.0.0.1", 9), listener.new_uri()
        join = msrp_peer.join(Paths(local_uri=there, remote_path=here, active=False), listener=listener)
        waiting = asyncio.ensure_future(join.__aenter__())
        await asyncio.sleep(0)
    with pytest.raises(CannotReach, match="the listener was closed"):
        await waiting
    with pytest.raises(CannotReach, match="the listener was closed"):
        await join


@running
async def test_joined_sessions_end_with_their_listener() -> None:
    async with msrp_peer.listen(LOCAL) as listener:
        here, there = msrp_peer.new_uri("127.0.0.1", 9), listener.new_uri()
        near, far = await together(
            msrp_peer.join(Paths(local_uri=here, remote_path=there, active=True)),
            msrp_peer.join(Paths(local_uri=there, remote_path=here, active=False), listener=listener),
        )
        await far.send("before")
    for session in (near, far):
        messages = [await message.text() async for message in session]
        assert messages == (["before"] if session is near else [])
        await session.close()


@running
@pytest.mark.rule("4975 5.4-8")
async def test_who_came_early_and_gave_up_is_not_there_any_more() -> None:
    """The other side tries again until we know of it: its session begins on the line that stands."""
    async with msrp_peer.listen(LOCAL) as listener:
        here, there = msrp_peer.new_uri("127.0.0.1", 9), listener.new_uri()
        going = Paths(local_uri=here, remote_path=there, active=True)
        for _ in range(2):
            with pytest.raises(CannotReach, match="did not begin a session"):
                await msrp_peer.join(going, timeout=0.3)
        await until(lambda: not listener._lines)
        near, far = await together(
            msrp_peer.join(going),
            msrp_peer.join(Paths(local_uri=there, remote_path=here, active=False), listener=listener),
        )
        await (await near.send("hello")).delivered()
        assert await (await first(far)).text() == "hello"
        await together(near.close(), far.close())


@running
async def test_who_is_early_is_read_no_further_than_that() -> None:
    """Whatever it sends meanwhile waits in the network, and not here."""
    async with msrp_peer.listen(LOCAL) as listener, raw_peer(listener.port) as peer:
        there = listener.new_uri()
        await until(lambda: bool(listener._lines))
        (line,) = listener._lines
        for number in range(3):
            peer.say(request("SEND", there, peer.own, [("Message-ID", f"early{number}")])[1])
            await until(lambda held=number: len(line.connection.hold.events) > min(held, 1))
        assert line.connection.paused
        assert len(line.connection.hold.events) < 4
