"""What goes wrong while a session stands: each an answer or a clear end, and what came is kept."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import msrp_peer
from msrp_core import Uri, request, response
from msrp_peer import ConnectionLost, Limits, MessageCut, NotDelivered, Session
from support.proxy import Fate, Proxy, proxy, reset
from support.raw_peer import RawPeer, raw_peer
from support.running import LOCAL, Talk, first, running, until

QUICK = Limits(stall=0.3, stall_octets=64, closing=0.3)


@contextlib.asynccontextmanager
async def raw_session(limits: Limits = QUICK) -> AsyncIterator[tuple[RawPeer, Session]]:
    """A session whose other side the test plays; another one beside it stays untouched."""
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk, limits=limits) as listener:
        async with msrp_peer.connect(f"127.0.0.1:{listener.port}") as near:
            beside = await talk.met()
            async with raw_peer(listener.port) as peer:
                await peer.bind()
                yield peer, await talk.met()
            await near.send("untouched")
            assert await (await first(beside)).text() == "untouched"
        talk.over()


async def lost(session: Session) -> str:
    """How a session was lost."""
    with pytest.raises(ConnectionLost) as how:  # noqa: PT012
        async for message in session:
            message.refuse()
    return how.value.reason


@running
async def test_two_sessions_on_one_line_one_of_which_ends() -> None:
    async with raw_session() as (peer, one):
        first_to, first_own = peer.to, peer.own
        peer.own = Uri.fresh("127.0.0.1", 9).text
        await peer.bind()
        await one.close()
        assert await peer.asked(peer.message("msg1", b"still here")) == 200
        peer.to, peer.own = first_to, first_own
        assert await peer.asked(peer.message("msg2", b"too late")) == 481


@running
async def test_a_session_the_other_side_has_forgotten() -> None:
    async with raw_session() as (peer, session):
        sending = asyncio.create_task(session.send("hello"))
        asked = await peer.hear()
        assert asked is not None
        peer.say(response(asked, 481))
        with pytest.raises(NotDelivered, match="knows no such session"):
            await (await sending).delivered()
        assert await lost(session) == "the other side knows no such session"


@running
async def test_a_garbage_line() -> None:
    async with raw_session() as (peer, session):
        assert await peer.asked(peer.message("msg1", b"good")) == 200
        message = await first(session)
        peer.say(b"garbage\r\n")
        reason = await lost(session)
        assert "broke the protocol" in reason
        assert "at octet" in reason
        assert await message.text() == "good"


@pytest.mark.parametrize("which", ["to", "own"])
@running
async def test_the_wrong_session_uri(which: str) -> None:
    async with raw_session() as (peer, session):
        right = getattr(peer, which)
        setattr(peer, which, Uri.fresh("127.0.0.1", 9).text)
        assert await peer.asked(peer.message("msg1", b"stray")) == 481
        setattr(peer, which, right)
        assert await peer.asked(peer.message("msg2", b"right")) == 200
        assert await (await first(session)).text() == "right"


@pytest.mark.parametrize(
    "head",
    [
        b"X-Long: " + b"x" * 20_000 + b"\r\n",
        b"X-Many: x\r\n" * 100,
        (b"X-Big: " + b"x" * 15_000 + b"\r\n") * 10,
    ],
    ids=["line", "lines", "head"],
)
@running
async def test_an_oversize_head(head: bytes) -> None:
    async with raw_session() as (peer, session):
        octets = peer.frame([("Message-ID", "msg1")])
        peer.say(octets.replace(b"Message-ID", head + b"Message-ID", 1))
        reason = await lost(session)
        assert "broke the protocol" in reason
        assert "at octet" in reason


@running
async def test_a_line_that_never_ends_is_not_collected() -> None:
    async with raw_session() as (peer, session):
        peer.say(b"MSRP abcd1234 SEND\r\nTo-Path: ", *([b"x" * 16_000] * 20))
        assert "broke the protocol" in await lost(session)


@running
async def test_a_body_larger_than_max_size() -> None:
    async with raw_session(Limits(message=50_000)) as (peer, session):
        octets = peer.message("msg1", bytes(200_000))
        assert await peer.asked(octets[:100_000]) == 413, "in total, and while it still comes"
        peer.say(octets[100_000:])
        message = await first(session)
        with pytest.raises(MessageCut, match="longer than the 50000 octets taken here"):
            await message.read()
        assert await peer.asked(peer.message("msg2", b"small")) == 200


@running
async def test_a_body_larger_than_max_size_as_announced() -> None:
    async with raw_session(Limits(message=50_000)) as (peer, _):
        assert await peer.asked(peer.message("msg1", b"x", total="50001")) == 413
        assert await peer.asked(peer.message("msg2", b"small")) == 200


@running
async def test_other_requests_with_large_bodies() -> None:
    async with raw_session() as (peer, session):
        kind = [("Accept-Types", "*"), ("Content-Type", "a/b")]
        big = bytes(100_000)
        assert await peer.asked(request("AUTH", "msrps://h:1;tcp", peer.own, kind, big)[1]) == 413
        assert await peer.asked(request("OTHER", peer.to, peer.own, kind, big)[1]) == 501
        assert await peer.asked(peer.message("msg1", b"alive")) == 200
        assert await (await first(session)).text() == "alive"


@running
async def test_a_peer_that_stalls_in_the_middle_of_a_frame() -> None:
    async with raw_session() as (peer, session):
        peer.say(peer.message("msg1", b"x" * 1000)[:-200])
        message = await first(session)
        came = 0
        with pytest.raises(  # noqa: PT012
            MessageCut, match=r"stalled in the middle of a frame: fewer than 64 octets in 0\.3 s"
        ):
            async for block in message:
                came += len(block)
        assert 700 < came < 1000
        assert "stalled" in await lost(session)


@running
async def test_a_peer_that_stalls_inside_a_tls_record() -> None:
    async with raw_session() as (peer, session):
        peer.writer.write(peer.sealed(peer.message("msg1", b"x" * 1000))[:-200])
        assert "stalled in the middle of a frame" in await lost(session)


@running
async def test_one_octet_at_a_time_slowly() -> None:
    async with raw_session(Limits(stall=0.3, closing=0.3)) as (peer, session):
        losing = asyncio.create_task(lost(session))
        for octet in peer.message("msg1", b"x" * 1000):
            if losing.done():
                break
            peer.say(bytes([octet]))
            await asyncio.sleep(0.02)
        assert "stalled in the middle of a frame" in await losing


@running
async def test_a_frame_in_single_octets_fast_enough() -> None:
    async with raw_session() as (peer, session):
        octets = peer.message("msg1", "grüße".encode("latin-1"))
        assert await peer.asked(*(octets[i : i + 1] for i in range(len(octets)))) == 200
        assert await (await first(session)).read() == "grüße".encode("latin-1")


@running
async def test_a_frame_split_just_before_its_flag() -> None:
    async with raw_session() as (peer, session):
        octets = peer.message("msg1", b"hello")
        for at in (3, 2, 1):
            assert await peer.asked(octets[:-at], octets[-at:]) == 200
            message = await first(session)
            assert await message.text() == "hello"
            assert message.duplicate == (at != 3)


@running
async def test_a_response_to_nothing() -> None:
    async with raw_session() as (peer, _):
        octets = (
            f"MSRP abcd1234 200 OK\r\nTo-Path: {peer.to}\r\nFrom-Path: {peer.own}\r\n-------abcd1234$\r\n"
        )
        peer.say(octets.encode(), octets.replace("200 OK", "777").encode())
        assert await peer.asked(peer.message("msg1", b"alive")) == 200


@running
async def test_a_damaged_tls_record() -> None:
    async with raw_session() as (peer, session):
        sealed = bytearray(peer.sealed(peer.message("msg1", b"x" * 1000)))
        sealed[500] ^= 1
        peer.writer.write(bytes(sealed))
        assert "damaged" in await lost(session)


@running
async def test_a_peer_that_never_reads_our_answers() -> None:
    async with raw_session(Limits(stall=0.3, owed=2000, closing=0.3)) as (peer, session):
        transport = peer.writer.transport
        transport.pause_reading()  # type: ignore[attr-defined]
        losing = asyncio.create_task(lost(session))
        while not losing.done():
            peer.say(request("OTHER", peer.to, peer.own)[1] * 500)
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(0.01):
                    await peer.writer.drain()
            await asyncio.sleep(0)
        assert await losing == "the other side has not read our answers for 0.3 s"
        transport.abort()


# --- files, through a proxy -----------------------------------------------------------------


@contextlib.asynccontextmanager
async def through(there: Fate) -> AsyncIterator[tuple[Proxy, Session, Session]]:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk, limits=QUICK) as listener:
        async with (
            proxy(listener.port, there=there) as between,
            msrp_peer.connect(f"127.0.0.1:{between.port}", limits=QUICK) as near,
        ):
            yield between, near, await talk.met()
        talk.over()


@pytest.mark.parametrize("how", ["close", "reset"])
@running
async def test_a_connection_cut_in_the_middle_of_a_file(how: str, tmp_path: Path) -> None:
    source = tmp_path / "source.bin"
    body = bytes(range(256)) * 8000
    source.write_bytes(body)
    target = tmp_path / "in"
    target.mkdir()
    async with through(Fate(cut=1_000_000, how=how)) as (_, near, far):
        sending = asyncio.create_task(near.send(source))
        message = await first(far)
        with pytest.raises(MessageCut) as cut:
            await message.save(target)
        part = target / "source.bin.part"
        assert f"what came stays in {part}" in str(cut.value)
        assert f"cut after {message.received:,} octets" in str(cut.value)
        came = part.read_bytes()
        assert 500_000 < len(came) == message.received
        assert body.startswith(came)
        with pytest.raises(NotDelivered, match="not delivered: the connection"):
            await (await sending).delivered()
        for session in (near, far):
            assert "connection" in await lost(session)


@running
async def test_a_line_that_freezes_in_the_middle_of_a_file() -> None:
    async with through(Fate(freeze=1_030_000)) as (_, near, far):  # well inside a chunk
        sending = asyncio.create_task(near.send(bytes(20_000_000), "a/b"))
        message = await first(far)
        with pytest.raises(MessageCut, match="stalled"):
            async for _ in message:
                pass
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending


@running
async def test_a_file_octet_by_octet_and_late(tmp_path: Path) -> None:
    body = bytes(range(256)) * 20
    async with through(Fate(octetwise=True, delay=0.01)) as (_, near, far):
        sending = asyncio.create_task(near.send(body, name="x.bin"))
        received = await (await first(far)).save(tmp_path)
        assert received.path.read_bytes() == body
        await (await sending).delivered()


@running
async def test_an_answer_that_never_comes() -> None:
    talk = Talk()
    limits = Limits(transaction=0.3, closing=0.3)
    async with msrp_peer.listen(LOCAL, talk, limits=limits) as listener:
        async with (
            proxy(listener.port) as between,
            msrp_peer.connect(f"127.0.0.1:{between.port}", limits=limits) as near,
        ):
            await (await near.send("hello")).delivered()
            between.back.freeze = between.back.carried
            with pytest.raises(NotDelivered, match="no answer came in time") as late:
                await (await near.send("hello?")).delivered()
            assert late.value.status == 408
            assert not near.closed
        talk.over()


@running
async def test_reset_while_nothing_is_under_way() -> None:
    async with raw_session() as (peer, session):
        reset(peer.writer.get_extra_info("socket"))
        peer.writer.transport.abort()
        assert "connection broke: Connection reset by peer" in await lost(session)


@running
async def test_a_peer_that_goes_while_it_is_answered() -> None:
    async with raw_session() as (peer, session):
        for i in range(200):
            peer.say(peer.message(f"msg{i}", b"x" * 100))
        await until(lambda: bool(session._endpoint.inbox))
        reset(peer.writer.get_extra_info("socket"))
        peer.writer.transport.abort()
        await lost(session)
