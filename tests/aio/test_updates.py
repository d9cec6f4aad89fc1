"""New offers in sessions that stand: the two sides agree anew, and the real sessions follow."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator

import pytest

import msrp_peer
from msrp_peer import (
    Answer,
    MessageCut,
    NotAcceptable,
    NotDelivered,
    Offer,
    Refused,
    SdpError,
    Session,
    UsageError,
)
from msrp_peer.session.told import Changes, Told
from msrp_peer.signalling.file_attributes import FileSelector, FileTransfer, transfer_id
from support.running import LOCAL, first, running, together

Side = tuple[Told, Session]


@contextlib.asynccontextmanager
async def standing(*, swapped: bool = False) -> AsyncIterator[tuple[Side, Side]]:
    """A session that stands: the side that shall offer anew, and the other; `swapped` for the one
    that answered first."""
    async with msrp_peer.listen(LOCAL, tls="fingerprint") as there:
        offer = Offer()
        answer = Answer(offer.text, there)
        offer.answered(answer.text)
        near, far = await together(msrp_peer.join(offer), msrp_peer.join(answer, listener=there))
        async with near, far:
            sides: tuple[Side, Side] = ((offer, near), (answer, far))
            yield sides[::-1] if swapped else sides


async def passes(one: Session, other: Session, kind: str = "text/plain", body: bytes = b"hello") -> None:
    sent = await one.send(body, kind)
    assert await (await first(other)).read() == body
    await sent.delivered()


async def fails(one: Session, kind: str = "text/plain", body: bytes = b"hello") -> None:
    with pytest.raises(NotDelivered):
        await (await one.send(body, kind)).delivered()


def terms(session: Session) -> tuple[object, ...]:
    """What it takes, and expects to be taken."""
    end = session.endpoint
    return end.takes, end.files, end.limits.message, end.peer_takes, end.peer_maximum


both_ways = pytest.mark.parametrize("swapped", [False, True], ids=["offerer", "answerer"])


@pytest.mark.rule("4975 8.4-1 8.6-8")
@both_ways
@running
async def test_kinds_and_sizes_change(swapped: bool) -> None:
    async with standing(swapped=swapped) as ((one, near), (other, far)):
        one.answered(
            other.answer(one.update(accept_types="text/plain", max_size=10), accept_types="image/png")
        )
        await passes(far, near)
        await passes(near, far, "image/png")
        await fails(far, body=b"eleven....!")
        await fails(far, "image/png")
        await fails(near)
        other.answered(one.answer(other.update(accept_types="*"), accept_types="*", max_size=None))
        await passes(far, near, "image/png", b"eleven....!")
        await passes(near, far)


@pytest.mark.rule("4975 8.4-2")
@running
async def test_an_answer_of_another_path_is_another_session() -> None:
    """Who offers anew does not take for granted that the other side's path is the one before."""
    async with standing() as ((one, near), (_, far)), msrp_peer.listen(LOCAL, tls="fingerprint") as there:
        other = Answer(one.update(max_size=10), there)
        one.answered(other.text)
        assert near.closed
        assert [message async for message in far] == []
        near, far = await together(msrp_peer.join(one), msrp_peer.join(other, listener=there))
        async with near, far:
            await passes(near, far)
            await fails(far, body=b"eleven....!")


@both_ways
@running
async def test_a_hold_and_its_end(swapped: bool) -> None:
    """RFC 4975 section 8.9: nothing goes either way, the connection stands, and then all goes on."""
    async with standing(swapped=swapped) as ((one, near), (other, far)):
        one.answered(other.answer(one.update(direction="inactive")))
        await fails(near)
        await fails(far)
        one.answered(other.answer(one.update(direction="sendonly")))
        await passes(near, far)
        await fails(far)
        one.answered(other.answer(one.update(direction="sendrecv")))
        await passes(near, far)
        await passes(far, near)


@pytest.mark.parametrize(
    ("change", "status"),
    [({"direction": "inactive"}, 415), ({"max_size": 3}, 413), ({"accept_types": "a/b"}, 415)],
)
@running
async def test_the_other_side_may_not_know_it_yet(change: Changes, status: int) -> None:
    """A message that crosses the answer is refused, and that counts for this time alone."""
    async with standing() as ((one, near), (other, far)):
        await passes(far, near)
        offer = one.update(**change)
        takes, most = far.endpoint.peer_takes, far.endpoint.peer_maximum
        answer = other.answer(offer)
        far.endpoint.peer_takes, far.endpoint.peer_maximum = takes, most  # as if they had crossed
        one.answered(answer)
        with pytest.raises(NotDelivered) as refused:
            await (await far.send(b"late", "text/plain")).delivered()
        assert refused.value.status == status
        one.answered(other.answer(one.update(direction="sendrecv", max_size=None, accept_types="*")))
        await passes(far, near)


@running
async def test_more_is_taken_before_the_answer_is_there() -> None:
    """RFC 3264 section 8: who offers to take more is ready for it when the offer goes."""
    async with standing() as ((one, near), (other, far)):
        one.answered(other.answer(one.update(accept_types="text/plain", max_size=4)))
        answer = other.answer(one.update(accept_types="image/png", max_size=100))
        await passes(far, near, "image/png")
        one.answered(answer)
        await fails(far)


@both_ways
@running
async def test_a_refused_update_leaves_the_session_as_it_was(swapped: bool) -> None:
    """488, 491, or an answer nobody can read: types, sizes and directions hold on."""
    async with standing(swapped=swapped) as ((one, near), (other, far)):
        one.answered(other.answer(one.update(accept_types="text/*", max_size=10), accept_types="text/plain"))
        before = one.outcome, other.outcome
        taken = terms(near), terms(far)
        offer = one.update(accept_types="*", direction="recvonly", max_size=100)
        with pytest.raises(NotAcceptable) as refused:
            other.answer(re.sub("a=fingerprint.*\r\n", "", offer))
        assert refused.value.status == 488
        one.rejected()
        assert (terms(near), terms(far)) == taken
        one.update(direction="inactive")
        offer = other.update(direction="inactive")
        with pytest.raises(NotAcceptable) as met:
            one.answer(offer)
        assert met.value.status == 491
        other.rejected()
        with pytest.raises(SdpError):
            one.answered("what?")
        assert (one.outcome, other.outcome) == before
        assert (terms(near), terms(far)) == taken
        assert not one.over
        await passes(near, far)
        await passes(far, near, "text/html")
        await fails(far, "image/png")
        await fails(far, body=b"eleven....!")
        await fails(near, "text/html")


@both_ways
@running
async def test_port_0_ends_it(swapped: bool) -> None:
    """RFC 3264 section 8.2, from either side; what was said before is still read."""
    async with standing(swapped=swapped) as ((one, near), (other, far)):
        await (await near.send("last words")).delivered()
        answer = other.answer(one.end())
        assert "m=message 0 " in one.text
        assert "m=message 0 " in answer
        one.answered(answer)
        assert one.over
        assert other.over
        assert [await message.text() async for message in far] == ["last words"]
        assert [message async for message in near] == []
        with pytest.raises(UsageError, match="over"):
            one.update(max_size=1)
        with pytest.raises(UsageError, match="over"):
            await msrp_peer.join(one)


@running
async def test_an_update_refused_with_port_0_ends_it() -> None:
    async with standing() as ((one, near), (other, far)):
        refusal = other.refuse(one.update(max_size=5))
        with pytest.raises(Refused):
            one.answered(refusal)
        assert near.closed
        assert far.closed


@running
async def test_what_is_under_way_goes_on() -> None:
    """A message of many chunks, through an update that takes no more of its kind or size."""
    gate = asyncio.Event()

    async def blocks() -> AsyncIterator[bytes]:
        yield b"a" * 200_000
        await gate.wait()
        yield b"b" * 200_000

    async with standing() as ((one, near), (other, far)):
        sending = asyncio.ensure_future(far.send(blocks(), "image/png", size=400_000))
        message = await first(near)
        one.answered(other.answer(one.update(accept_types="text/plain", max_size=10)))
        gate.set()
        assert await message.read() == b"a" * 200_000 + b"b" * 200_000
        await (await sending).delivered()
        await fails(far, "image/png")


@pytest.mark.rule("4975 8.2-4", "5547 8.6-1 8.7-1")
@running
async def test_a_file_in_the_session_of_another() -> None:
    """RFC 5547 section 8.6: the media line is used again, with new URIs and a new id."""
    async with msrp_peer.listen(LOCAL, tls="fingerprint") as there:
        offer = Offer()
        answer = Answer(offer.text, there)
        offer.answered(answer.text)
        near, far = await together(msrp_peer.join(offer), msrp_peer.join(answer, listener=there))
        paths = offer.outcome and (offer.outcome.local, offer.outcome.remote)
        file = FileTransfer(FileSelector("a.txt", 5, "text/plain"), transfer_id(), "attachment")
        offer.answered(answer.answer(offer.update(direction="sendonly", file=file)))
        assert near.closed
        assert far.closed
        again = offer.outcome
        assert paths is not None
        assert again is not None
        assert again.local != paths[0]
        assert again.remote != paths[1]
        assert answer.outcome is not None
        assert answer.outcome.file == file
        near, far = await together(msrp_peer.join(offer), msrp_peer.join(answer, listener=there))
        async with near, far:
            await passes(near, far)
            await fails(far)
        # The same offer once more is no new transfer (RFC 5547 section 8.1).
        once_more = answer.answer(offer.update())
        assert re.findall("a=path.*", once_more) == [f"a=path:{again.remote}\r"]
        offer.answered(once_more)


@pytest.mark.rule("5547 8.1-6")
@running
async def test_a_new_id_in_the_midst_of_a_transfer_is_a_new_transfer() -> None:
    """Also on the path of the last one: what was under way is given up, and begins anew."""
    async with msrp_peer.listen(LOCAL, tls="fingerprint") as there:
        file = FileTransfer(FileSelector("a.txt", 400_000, "text/plain"), transfer_id(), "attachment")
        offer = Offer(direction="sendonly", file=file)
        answer = Answer(offer.text, there)
        offer.answered(answer.text)
        near, far = await together(msrp_peer.join(offer), msrp_peer.join(answer, listener=there))

        async def half() -> AsyncIterator[bytes]:
            yield b"a" * 200_000
            await asyncio.Event().wait()

        sending = asyncio.ensure_future(near.send(half(), "text/plain", size=400_000))
        message = await anext(aiter(far))
        octets = aiter(message)
        assert (await anext(octets)).startswith(b"aaa")
        before = answer.outcome
        text = answer.answer(offer.update().replace(file.transfer_id, "anotherid"))
        assert far.closed
        with pytest.raises(MessageCut):
            [more async for more in octets]
        assert "a=file-transfer-id:anotherid\r\n" in text
        assert before is not None
        assert answer.outcome is not None
        assert answer.outcome.remote == before.remote
        assert answer.outcome.local != before.local, "whoever sends for the last one finds no session"
        assert [left async for left in near] == [], "and the other side learns that it is over"
        sending.cancel()
        await asyncio.wait([sending])
        await near.close()
