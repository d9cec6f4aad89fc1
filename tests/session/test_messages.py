"""Messages and files over real sockets and TLS: of any size, cut, refused, read slowly or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from msrp_peer import Limits, MessageCut, NotDelivered, UsageError
from msrp_peer.session.cpim import Cpim
from support.running import first, meeting, running, together, until

K = 1024
SCRIPTS = Path(__file__).parent.parent / "support"


async def endless(block: bytes = bytes(64 * K)) -> AsyncIterator[bytes]:
    while True:
        yield block


@pytest.mark.parametrize("tls", ["anonymous", "adh"])
@running
async def test_a_file_with_its_digest(tls: str, tmp_path: Path) -> None:
    body = bytes(range(256)) * 9000 + b"odd"
    source = tmp_path / "höhe.bin"
    source.write_bytes(body)
    done: list[tuple[int, int | None]] = []
    async with meeting(tls=tls) as (near, far):
        sending = asyncio.create_task(near.send(source, progress=lambda *at: done.append(at)))
        message = await first(far)
        assert (message.name, message.file, message.size) == ("höhe.bin", True, len(body))
        assert message.digest == hashlib.sha256(body).digest()
        (tmp_path / "in").mkdir()
        received = await message.save(tmp_path / "in")
        assert received.path.read_bytes() == body
        assert received.sha256_hex == hashlib.sha256(body).hexdigest()
        assert received.checked
        await (await sending).delivered()
        assert done[-1] == (len(body), len(body))
        assert done == sorted(done)


@running
async def test_a_stream_tells_its_digest_at_its_end(tmp_path: Path) -> None:
    async def blocks() -> AsyncIterator[bytes]:
        for i in range(50):
            yield bytes([i]) * 3000

    body = b"".join([block async for block in blocks()])
    async with meeting() as (near, far):
        sending = asyncio.create_task(near.send(blocks(), name="stream.bin"))
        message = await first(far)
        assert message.size is None
        received = await message.save(tmp_path)
        assert received.checked
        assert received.path.read_bytes() == body
        await (await sending).delivered()


@running
async def test_messages_of_every_small_size() -> None:
    async with meeting() as (near, far):
        sizes = [0, 1, 2, 2047, 2048, 2049, 4096, 65535, 65536, 65537, 131072, 200_000]
        for size in sizes:
            sent = await near.send(bytes(size), "a/b")
            assert len(await (await first(far)).read()) == sent.size == size
            await sent.delivered()


@running
async def test_a_chat_line_overtakes_a_file() -> None:
    async with meeting() as (near, far):
        size = 20_000_000
        sending = asyncio.create_task(near.send(bytes(size), "a/b"))
        file = await first(far)
        await near.send("hi")
        line = await first(far)
        assert await line.text() == "hi"
        assert file.received < size
        assert sum([len(block) async for block in file]) == size
        await (await sending).delivered()


def test_a_stream_of_thirty_mib_in_bounded_memory() -> None:
    """Two processes, 30 MiB of unknown length; neither grows by more than 12 MiB, most of it
    what is under way (a window of 8 MiB counts octets, it does not hold them)."""
    script = SCRIPTS / "stream_script.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    grown = [int(number) for number in done.stdout.split()]
    assert len(grown) == 2, done.stdout
    assert all(number < 12 * K for number in grown), f"grew by {grown} KiB"


@running
async def test_a_send_cancelled_in_the_middle() -> None:
    async with meeting() as (near, far):
        sending = asyncio.create_task(near.send(endless(b"x" * 5000), "a/b"))
        message = await first(far)
        came = b""
        blocks = aiter(message)
        while len(came) < 100_000:
            came += await anext(blocks)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        with pytest.raises(MessageCut, match=r"cut after [\d,]+ octets: the sender gave it up") as cut:  # noqa: PT012
            async for block in blocks:
                came += block
        assert f"after {len(came):,} octets" in str(cut.value)
        assert came == b"x" * len(came)
        await (await near.send("alive")).delivered()
        assert await (await first(far)).text() == "alive"


@running
async def test_a_saved_file_cancelled_in_the_middle_keeps_what_came(tmp_path: Path) -> None:
    async with meeting() as (near, far):
        sending = asyncio.create_task(near.send(endless(b"x" * 5000), name="f.bin"))
        message = await first(far)
        saving = asyncio.create_task(message.save(tmp_path))
        await until(lambda: message.received > 100_000)
        sending.cancel()
        with pytest.raises(MessageCut, match=r"what came stays in .*f\.bin\.part"):
            await saving
        (part,) = tmp_path.iterdir()  # noqa: ASYNC240
        assert part.name == "f.bin.part"
        assert part.read_bytes() == b"x" * message.received
        with pytest.raises(asyncio.CancelledError):
            await sending


@running
async def test_an_iterable_that_raises_gives_the_message_up() -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield bytes(10_000)
        raise ZeroDivisionError

    async with meeting() as (near, far):
        with pytest.raises(ZeroDivisionError):
            await near.send(failing(), "a/b")
        with pytest.raises(MessageCut, match="gave it up"):
            await (await first(far)).read()


@running
async def test_sizes_that_are_not_kept() -> None:
    async def two() -> AsyncIterator[bytes]:
        yield b"a" * 3000
        yield b"b" * 3000

    async with meeting() as (near, far):
        for size, words in ((5999, "longer than the size"), (6001, "shorter than the size")):
            with pytest.raises(UsageError, match=words):
                await near.send(two(), "a/b", size=size)
            with pytest.raises(MessageCut):
                await (await first(far)).read()
        await near.send(two(), "a/b", size=6000)
        assert len(await (await first(far)).read()) == 6000


@running
async def test_a_message_refused() -> None:
    async with meeting() as (near, far):
        sending = asyncio.create_task(near.send(endless(), "a/b"))
        (await first(far)).refuse(415)
        with pytest.raises(NotDelivered, match="does not take this kind") as refused:
            await sending
        assert refused.value.status == 415
        await (await near.send("alive")).delivered()
        assert await (await first(far)).text() == "alive"


@running
async def test_a_message_thrown_away_unread() -> None:
    async with meeting() as (near, far):
        fed = 0

        async def counted() -> AsyncIterator[bytes]:
            nonlocal fed
            async for block in endless():
                fed += len(block)
                yield block

        sending = asyncio.create_task(near.send(counted(), "a/b"))
        message: object = await first(far)
        del message
        with pytest.raises(NotDelivered) as refused:
            await sending
        assert refused.value.status == 413
        assert fed < 30_000_000, "at once, and not when a temporary file is full"
        await (await near.send("alive")).delivered()


@running
async def test_a_whole_message_thrown_away_unread() -> None:
    """Nothing of it comes any more that could be refused: its sender gets a report."""
    async with meeting() as (near, far):
        sent = await near.send("never looked at", success_report=True)
        held = [await first(far)]
        await until(lambda: held[0].whole)
        held.clear()
        with pytest.raises(NotDelivered) as refused:
            await sent.delivered()
        assert refused.value.status == 413


@running
async def test_messages_read_in_part_hold_nobody_back() -> None:
    """Whoever stops reading, of a message all here or not, gives its credit back."""
    async with meeting(limits=Limits(unread=50_000)) as (near, far):
        for i in range(10):
            sent = await near.send(bytes(60_000), "a/b")
            message = await first(far)
            if i % 2:
                await sent.delivered()  # all of it is here
                assert message.whole
            with pytest.raises(UsageError, match="longer than 10 octets"):
                await message.read(10)
        await (await near.send("alive")).delivered()
        assert await (await first(far)).text() == "alive"


@running
async def test_what_is_larger_than_the_other_side_takes() -> None:
    async with meeting(limits=Limits(message=100_000)) as (near, far):
        with pytest.raises(NotDelivered, match="at most 100000 octets"):
            await near.send(bytes(100_001), "a/b")
        sending = asyncio.create_task(near.send(endless(bytes(3000)), "a/b"))
        message = await first(far)
        with pytest.raises(MessageCut, match="gave it up"):
            await message.read()
        assert message.received <= 99_000
        with pytest.raises(NotDelivered, match="at most 100000 octets a message, and this is longer") as ours:
            await sending
        assert ours.value.status == 413
        near.endpoint.peer_maximum = None  # one who does not look
        sending = asyncio.create_task(near.send(endless(), "a/b"))
        message = await first(far)
        came = 0
        with pytest.raises(MessageCut, match="longer than the 100000 octets taken here"):  # noqa: PT012
            async for block in message:
                came += len(block)
        assert 0 < came <= 100_000
        with pytest.raises(NotDelivered) as refused:
            await sending
        assert refused.value.status == 413
        await (await near.send(bytes(100_000), "a/b")).delivered()


@running
async def test_what_the_other_side_does_not_take() -> None:
    async with meeting(accept_types="text/plain", files=False) as (near, _):
        with pytest.raises(NotDelivered, match="does not take image/png"):
            await near.send(b"x", "image/png")
        with pytest.raises(NotDelivered) as refused:
            await (await near.send("a file", name="x.txt")).delivered()
        assert refused.value.status == 403
        await (await near.send("alive")).delivered()


@running
@pytest.mark.rule("4975 7.3.1-7")
async def test_a_slow_reader_holds_back_the_sender() -> None:
    async with meeting() as (near, far):
        fed = 0

        async def much() -> AsyncIterator[bytes]:
            nonlocal fed
            for _ in range(2000):
                fed += 64 * K
                yield bytes(64 * K)

        sending = asyncio.create_task(near.send(much(), "a/b"))
        message = await first(far)
        read = 0
        async for block in message:
            read += len(block)
            # Until the sender has come to rest: what is fed then is what can be under way.
            before = -1
            while read < 4_000_000 and before != fed:
                before = fed
                for _ in range(20):
                    await asyncio.sleep(0)
            assert message.received - read <= 2 * 256 * K, "beyond it the wire waits"
            transport = near._driver._transport  # type: ignore[attr-defined]
            assert transport.get_write_buffer_size() <= 4 * 64 * K
            assert fed - read <= 8 * K * K + 5 * 256 * K, "the window, and what waits at either end"
        assert read == fed == 2000 * 64 * K
        await (await sending).delivered()


@running
async def test_many_short_messages_at_once() -> None:
    async with meeting() as (near, far):
        sends = await together(*(near.send(f"line {i}") for i in range(300)))
        heard = [await (await first(far)).text() for _ in range(300)]
        assert heard == [f"line {i}" for i in range(300)]
        await together(*(sent.delivered() for sent in sends))


@running
async def test_words_inside_of_other_kinds(tmp_path: Path) -> None:
    """RFC 4975 sections 7.3.1 and 13: message/cpim, multipart/mixed and multipart/alternative."""
    cpim = Cpim.wrap(b"inside", "text/plain", sender="im:a@lan", to=["im:b@lan"], when="2026-01-01T00:00:00Z")
    body = b"--x\r\nContent-Type: text/html\r\n\r\n<b>\r\n--x\r\n\r\nplain\r\n--x--\r\n"
    async with meeting() as (near, far):
        for octets, kind, words in (
            (cpim.octets(), "message/cpim", "inside"),
            (body, "multipart/alternative;boundary=x", "plain"),
            (body, "multipart/mixed;boundary=x", "<b>\n\nplain"),
            (b"\xff\x1b", "text/plain", "\\xff\x1b"),
            (b"\xff", "application/octet-stream", "\\xff"),
        ):
            await near.send(octets, kind)
            assert await (await first(far)).text() == words
        await near.send(cpim.octets(), "message/cpim")
        assert (await (await first(far)).shown()).sender == "im:a@lan"
