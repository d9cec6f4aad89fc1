"""What a sender asks for, what it is told, and how long it waits (RFC 4975 sections 5.4, 7.1.1, 7.1.3)."""

from __future__ import annotations

import asyncio

import pytest

import msrp_peer
from msrp_peer import ConnectionLost, Limits, NotDelivered, UsageError
from support.running import LOCAL, Talk, first, meeting, running, until

K = 1024


@running
async def test_a_success_report_waits_for_whoever_reads() -> None:
    """A time for it is the application's choice (section 7.1.1)."""
    async with meeting() as (near, far):
        sent = await near.send("read me", success_report=True)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await sent.delivered()
        assert sent.acknowledged == 7, "it arrived, and nobody has read it"
        assert (sent.taken, sent.failure) == (0, None)
        assert await (await first(far)).text() == "read me"
        await sent.delivered()
        assert sent.taken == 7


@running
@pytest.mark.rule("4975 7.1.1-6")
async def test_a_success_report_that_never_came() -> None:
    """Section 7.1.1: the user is told at the end of the session at the latest."""
    async with meeting() as (near, _):
        sent = await near.send("read me", success_report=True)
        waiting = asyncio.create_task(sent.delivered())
        await until(lambda: sent.acknowledged == 7)
        await near.close()
        with pytest.raises(NotDelivered, match="closed before it was confirmed"):
            await waiting
        assert sent.failure is not None


@running
@pytest.mark.rule("4975 7.1.3-2")
async def test_a_long_message_is_reported_as_it_is_taken() -> None:
    size = 3000 * K
    async with meeting(limits=Limits(reported=100 * K)) as (near, far):
        sending = asyncio.create_task(near.send(bytes(size), "a/b", success_report=True))
        message = await first(far)
        sent = await sending
        seen, told = 0, []
        async for block in message:
            seen += len(block)
            if 1500 * K < seen < size:
                await until(lambda: sent.taken >= 1000 * K)
                told.append(sent.taken)
                assert told[-1] <= seen
        await sent.delivered()
        assert told
        assert told[-1] < sent.taken == seen == size


@running
async def test_a_file_may_go_without_a_report() -> None:
    async with meeting() as (near, far):
        sent = await near.send(b"octets", name="x.bin", success_report=False)
        await sent.delivered()
        assert (await first(far)).file


@running
async def test_failure_report_no_tells_nothing() -> None:
    async with meeting(files=False) as (near, far):
        for name in (None, "refused.bin"):
            sent = await near.send(b"octets", "a/b", name=name, failure_report="no", success_report=False)
            with pytest.raises(NotDelivered, match="nobody can tell"):
                await sent.delivered()
            assert sent.failure is None
        assert await (await first(far)).read() == b"octets"


@running
@pytest.mark.rule("4975 7.1.1-8")
async def test_failure_report_partial_tells_of_refusals() -> None:
    async with meeting(files=False) as (near, far):
        fine = await near.send("hello", failure_report="partial")
        refused = await near.send(
            b"octets", name="refused.bin", failure_report="partial", success_report=False
        )
        with pytest.raises(NotDelivered, match="refuses it") as why:
            await refused.delivered()
        assert why.value.status == 403
        assert await (await first(far)).text() == "hello"
        assert fine.failure is None
        await near.close()
        with pytest.raises(NotDelivered, match="closed before it was confirmed"):
            await fine.delivered()


@running
async def test_failure_report_no_with_a_success_report() -> None:
    """Section 7.1.3: they are asked for independently."""
    async with meeting() as (near, far):
        sent = await near.send("hello", failure_report="no", success_report=True)
        await (await first(far)).read()
        await sent.delivered()


@running
@pytest.mark.rule("4975 5.4-15 5.4-16")
async def test_sent_again_in_the_next_session_it_is_a_duplicate() -> None:
    """Section 5.4: never shown again without a word."""
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener:
        async with msrp_peer.connect(f"127.0.0.1:{listener.port}") as near:
            sent = await near.send("once")
            message = await first(await talk.met())
            assert (await message.text(), message.duplicate) == ("once", False)
        async with msrp_peer.connect(f"127.0.0.1:{listener.port}") as near:
            again = await near.send("once", message_id=sent.message_id)
            other = await near.send("another")
            far = await talk.met()
            assert [(m.message_id, m.duplicate) for m in (await first(far), await first(far))] == [
                (sent.message_id, True),
                (other.message_id, False),
            ]
            await again.delivered()
        talk.over()


@running
async def test_an_id_that_cannot_be_one() -> None:
    async with meeting() as (near, _):
        for wrong in ("", "abc", "x" * 33, "a b c d", "-abcd", "a\r\nb\r\n"):
            with pytest.raises(UsageError, match="Message-ID"):
                await near.send("hello", message_id=wrong)
        held = asyncio.create_task(near.send(bytes(9_000_000), "a/b", message_id="again"))
        await asyncio.sleep(0)
        with pytest.raises(UsageError, match="which is over"):
            await near.send("hello", message_id="again")
        held.cancel()
        with pytest.raises(asyncio.CancelledError):
            await held


@running
async def test_a_type_refused_once_is_not_sent_again() -> None:
    """Section 10.6."""
    async with meeting() as (near, far):
        sending = asyncio.create_task(near.send(bytes(5_000_000), "application/x-odd"))
        (await first(far)).refuse(415)
        with pytest.raises(NotDelivered) as why:
            await (await sending).delivered()
        assert why.value.status == 415
        with pytest.raises(NotDelivered, match="does not take application/x-odd"):
            await near.send(b"more", "application/x-odd")
        await (await near.send("and text goes on")).delivered()


@running
async def test_a_duplicate_may_be_refused_and_has_arrived_all_the_same() -> None:
    async with meeting() as (near, far):
        first_time = await near.send(b"octets", name="x.bin")
        await (await first(far)).read()
        await first_time.delivered()
        again = await near.send(b"octets", name="x.bin", message_id=first_time.message_id)
        message = await first(far)
        assert message.duplicate
        message.refuse()
        await again.delivered()


@running
async def test_nothing_is_sent_into_a_session_that_is_over() -> None:
    async with meeting() as (near, _):
        await near.close()
        with pytest.raises(ConnectionLost):
            await near.send("too late", failure_report="no")
