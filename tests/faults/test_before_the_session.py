"""What arrives before a session stands: garbage, silence, stalls. Each ends its own connection, says
what was wrong, and touches no other session."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

import msrp_peer
from msrp_core import request
from msrp_peer import Limits
from support.by_hand import LISTENER
from support.proxy import Fate, proxy, raw
from support.raw_peer import RawPeer, raw_peer
from support.running import LOCAL, Talk, first, running, until

QUICK = Limits(handshake=0.3, stall=0.3, stall_octets=64, closing=0.3)


@contextlib.asynccontextmanager
async def beside(
    caplog: pytest.LogCaptureFixture, limits: Limits = QUICK
) -> AsyncIterator[tuple[int, Callable[[str], Awaitable[None]]]]:
    """A listener's port, and what waits for words in its log; a session stands beside all the time."""
    talk = Talk()
    caplog.set_level(logging.INFO, "msrp_peer")
    async with msrp_peer.listen(LOCAL, talk, limits=limits) as listener:
        async with msrp_peer.connect(f"127.0.0.1:{listener.port}") as near:
            far = await talk.met()

            async def said(words: str) -> None:
                await until(lambda: words in caplog.text)

            yield listener.port, said
            await until(lambda: len(listener._lines) == 1)
            await near.send("untouched")
            assert await (await first(far)).text() == "untouched"
        talk.over()


GARBAGE = {
    "http": (b"GET / HTTP/1.1\r\n\r\n", "does not speak TLS"),
    "msrp": (b"MSRP abcd SEND\r\n", "does not speak TLS"),
    "zeros": (bytes(100), "does not speak TLS"),
    "half a hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03garbage" + bytes(600), "TLS handshake"),
}


@pytest.mark.parametrize(("octets", "words"), GARBAGE.values(), ids=GARBAGE.keys())
@running
async def test_garbage_before_tls(octets: bytes, words: str, caplog: pytest.LogCaptureFixture) -> None:
    async with beside(caplog) as (port, said), raw(port) as (reader, writer):
        writer.write(octets)
        await reader.read()
        await said(words)


@running
async def test_a_peer_that_closes_during_the_handshake(caplog: pytest.LogCaptureFixture) -> None:
    async with beside(caplog) as (port, said):
        async with raw(port) as (_, writer):
            writer.write(b"\x16\x03\x01\x02\x00")
        await said("closed the connection during the handshake")


@pytest.mark.parametrize("octets", [b"", b"\x16\x03\x01\x02\x00\x01"])
@running
async def test_a_peer_that_stalls_in_the_tls_handshake(
    octets: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with beside(caplog) as (port, said), raw(port) as (reader, writer):
        writer.write(octets)
        assert await reader.read() == b""
        await said("did not finish the handshake, or begin a session, within 0.3 s")


@running
async def test_a_handshake_one_octet_at_a_time_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    async with beside(caplog) as (port, said), raw(port) as (_, writer):
        writer.write(b"\x16\x03\x01\x02\x00")
        while "did not finish the handshake" not in caplog.text:
            writer.write(b"\x01")
            await asyncio.sleep(0.01)
        await said("within 0.3 s")


@running
async def test_a_handshake_octet_by_octet_succeeds() -> None:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener:
        ways = Fate(octetwise=True), Fate(octetwise=True)
        async with (
            proxy(listener.port, *ways) as between,
            msrp_peer.connect(f"127.0.0.1:{between.port}") as near,
        ):
            await (await near.send("octet by octet")).delivered()
            assert await (await first(await talk.met())).text() == "octet by octet"
        talk.over()


@running
async def test_a_peer_that_stalls_after_the_handshake(caplog: pytest.LogCaptureFixture) -> None:
    async with beside(caplog) as (port, said), raw_peer(port) as peer:
        assert await peer.hear() is None
        await said("did not finish the handshake, or begin a session, within 0.3 s")


@running
async def test_a_peer_that_asks_and_never_begins(caplog: pytest.LogCaptureFixture) -> None:
    async with beside(caplog) as (port, said), raw_peer(port) as peer:
        assert await peer.asked(request("AUTH", LISTENER, peer.own, [("Accept-Types", "*")])[1]) == 200
        assert await peer.hear() is None
        await said("did not finish the handshake, or begin a session")


@running
async def test_garbage_inside_tls(caplog: pytest.LogCaptureFixture) -> None:
    async with beside(caplog) as (port, said), raw_peer(port) as peer:
        peer.say(b"GET / HTTP/1.1\r\n\r\n")
        await peer.closed()
        await said("the other side broke the protocol: ")
        await said("(at octet 0)")


@running
async def test_a_truncated_stream(caplog: pytest.LogCaptureFixture) -> None:
    async with beside(caplog) as (port, said):
        async with raw_peer(port) as peer:
            peer.say(b"MSRP abcd1234 AUTH\r\nTo-Path: ")
        await said("the connection was cut inside a frame (at octet 29)")


@running
async def test_a_goodbye_in_the_middle_of_a_frame(caplog: pytest.LogCaptureFixture) -> None:
    async with beside(caplog) as (port, said), raw_peer(port) as peer:
        peer.say(b"MSRP abcd1234 AUTH\r\nTo-Path: ")
        peer.goodbye()
        await peer.closed()
        await said("the connection was cut inside a frame (at octet 29)")


@running
async def test_a_send_before_anything_was_granted(caplog: pytest.LogCaptureFixture) -> None:
    async with beside(caplog) as (port, _), raw_peer(port) as peer:
        peer.to = RawPeer(peer.reader, peer.writer).own
        assert await peer.asked(peer.message("msg1", b"hello")) == 481
        await peer.bind()
        assert await peer.asked(peer.message("msg1", b"hello")) == 200
        peer.goodbye()
        await peer.closed()


@pytest.mark.parametrize("at", [100, 300, 700])
@running
async def test_cut_during_the_handshake(at: int) -> None:
    async with (
        msrp_peer.listen(LOCAL, Talk()) as listener,
        proxy(listener.port, back=Fate(cut=at)) as between,
    ):
        with pytest.raises(msrp_peer.ConnectionLost, match=r"during the handshake|connection broke"):
            await msrp_peer.connect(f"127.0.0.1:{between.port}")


@pytest.mark.parametrize("direction", ["there", "back"])
@running
async def test_frozen_during_the_handshake(direction: str) -> None:
    async with msrp_peer.listen(LOCAL, Talk(), limits=QUICK) as listener:
        fates = {direction: Fate(freeze=200)}
        async with proxy(listener.port, **fates) as between:
            with pytest.raises(msrp_peer.ConnectionLost):
                await msrp_peer.connect(f"127.0.0.1:{between.port}", limits=QUICK)
            await until(lambda: not listener._lines)
