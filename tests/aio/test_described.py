"""A session for one file (RFC 5547 section 8.7), as the library sends and receives it: real sessions."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

import msrp_peer
from msrp_peer import Answer, MessageCut, NotDelivered, Offer, Session, UsageError
from msrp_peer.session import described
from msrp_peer.session.files import FileDamaged
from msrp_peer.signalling.file_attributes import FileRange, FileTransfer, transfer_id
from support.running import LOCAL, first, running, together

OCTETS = bytes(range(256)) * 2000


@contextlib.asynccontextmanager
async def standing(**receiver: str) -> AsyncIterator[tuple[Session, Session]]:
    """Who sends, who receives."""
    async with msrp_peer.listen(LOCAL, tls="fingerprint") as there:
        offer = Offer(direction="sendonly")
        answer = Answer(offer.text, there, **receiver)  # type: ignore[arg-type]
        offer.answered(answer.text)
        near, far = await together(msrp_peer.join(offer), msrp_peer.join(answer, listener=there))
        async with near, far:
            yield near, far


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "big.bin"
    path.write_bytes(OCTETS)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def write(path: Path, octets: bytes) -> None:
    path.write_bytes(octets)


def same(one: Path, other: Path) -> bool:
    return one.read_bytes() == other.read_bytes()


def names(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir()]


def of(path: Path) -> FileTransfer:
    return FileTransfer(described.describe(path), transfer_id(), "attachment")


async def goes(
    near: Session, far: Session, path: Path, sent: FileTransfer, folder: Path, file: FileTransfer
) -> None:
    """What is sent arrives, and both sides know."""

    async def sending() -> None:
        await (await described.send(near, path, sent)).delivered()

    received, _ = await together(described.receive(far, folder, file), sending())
    assert received.path == folder / path.name
    assert received.checked
    assert same(received.path, path)


@pytest.mark.rule("5547 8.7-1")
@pytest.mark.parametrize("size", [0, 1, 16 * 1024, len(OCTETS)])
@pytest.mark.parametrize(
    "receiver",
    [{}, {"accept_types": "message/cpim", "accept_wrapped_types": "*"}],
    ids=["plain", "in CPIM"],
)
@running
async def test_a_file(path: Path, folder: Path, size: int, receiver: dict[str, str]) -> None:
    """All of it; inside of message/cpim where that is all the other side takes, as in RFC 5547 section 9."""
    write(path, OCTETS[:size])
    async with standing(**receiver) as (near, far):
        await goes(near, far, path, of(path), folder, of(path))


@pytest.mark.rule("5547 6-3 6-6 8.7-1")
@pytest.mark.parametrize(
    "receiver",
    [{}, {"accept_types": "message/cpim", "accept_wrapped_types": "*"}],
    ids=["plain", "in CPIM"],
)
@running
async def test_the_rest_of_a_file(path: Path, folder: Path, receiver: dict[str, str]) -> None:
    (folder / "big.bin.part").write_bytes(OCTETS[:300_000])
    rest = replace(of(path), range=FileRange(300_001))
    async with standing(**receiver) as (near, far):
        await goes(near, far, path, rest, folder, rest)
    assert names(folder) == ["big.bin"]


@running
async def test_a_sender_who_sends_all_of_it_nevertheless(path: Path, folder: Path) -> None:
    (folder / "big.bin.part").write_bytes(OCTETS[:300_000])
    async with standing() as (near, far):
        await goes(near, far, path, of(path), folder, replace(of(path), range=FileRange(300_001)))


@running
async def test_a_digest_of_the_rest_is_not_the_file_s(path: Path, folder: Path) -> None:
    """Content-Digest is of the message (RFC 9530), the hash of a selector of the file."""
    (folder / "big.bin.part").write_bytes(OCTETS[:300_000])
    file = replace(of(path), range=FileRange(300_001))
    async with standing() as (near, far):

        async def sending() -> None:
            await (await near.send(OCTETS[300_000:], name="big.bin")).delivered()

        received, _ = await together(described.receive(far, folder, file), sending())
    assert same(received.path, path)


@pytest.mark.rule("5547 8.2-2")
@pytest.mark.parametrize("what", ["hash", "size"])
@running
async def test_another_file_than_was_described(path: Path, folder: Path, what: str) -> None:
    """It never gets its name, and the sender learns that it was not taken."""
    file = of(path)
    write(path, OCTETS[::-1] if what == "hash" else OCTETS[:-1])
    async with standing() as (near, far):

        async def sending() -> None:
            sent = await described.send(near, path, replace(file, selector=described.describe(path)))
            with pytest.raises(NotDelivered):
                await sent.delivered()

        sender = asyncio.ensure_future(sending())
        with pytest.raises(FileDamaged):
            await described.receive(far, folder, file)
        await sender
    assert names(folder) == ["big.bin.part"]


@pytest.mark.rule("5547 8.1-5 8.4-1")
@pytest.mark.parametrize("who", ["sender", "receiver"])
@running
async def test_a_transfer_is_given_up(path: Path, folder: Path, who: str) -> None:
    """RFC 5547 section 8.4: the sender by # and an offer of port 0, the receiver by 413 and one; each
    names the transfer."""
    file = of(path)
    async with msrp_peer.listen(LOCAL, tls="fingerprint") as there:
        offer = Offer(direction="sendonly", file=file)
        answer = Answer(offer.text, there)
        offer.answered(answer.text)
        near, far = await together(msrp_peer.join(offer), msrp_peer.join(answer, listener=there))
        go_on = asyncio.Event()

        async def blocks() -> AsyncIterator[bytes]:
            yield OCTETS[:300_000]
            await go_on.wait()
            yield OCTETS[300_000:]

        sending = asyncio.ensure_future(near.send(blocks(), size=len(OCTETS)))
        message = await first(far)
        if who == "sender":
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            with pytest.raises(MessageCut, match="gave it up"):
                await message.read()
            giving, other = offer, answer
        else:
            message.refuse(413)
            go_on.set()
            with pytest.raises(NotDelivered) as refused:
                await (await sending).delivered()
            assert refused.value.status == 413
            giving, other = answer, offer
        text = giving.end()
        reply = other.answer(text)
        giving.answered(reply)
        for one in (text, reply):
            assert "m=message 0 " in one
            assert f"a=file-transfer-id:{file.transfer_id}\r\n" in one
            assert "a=file-selector:name" in one
        assert near.closed
        assert far.closed


@running
async def test_octets_that_are_not_there(path: Path) -> None:
    async with standing() as (near, _):
        with pytest.raises(UsageError, match="none from 512001"):
            await described.send(near, path, replace(of(path), range=FileRange(len(OCTETS) + 1)))


@running
async def test_nobody_takes_it(path: Path) -> None:
    async with standing(accept_types="message/cpim", accept_wrapped_types="text/plain") as (near, _):
        with pytest.raises(NotDelivered, match="inside of others"):
            await described.send(near, path, of(path))


@pytest.mark.parametrize("octets", [b"no headers", b"x" * 20_000, b"From: <im:a@b>\r\nno"])
@running
async def test_a_wrapper_that_is_none(path: Path, folder: Path, octets: bytes) -> None:
    async with standing() as (near, far):
        sending = asyncio.ensure_future(near.send(octets, "message/cpim"))
        with pytest.raises(MessageCut, match="is none"):
            await described.receive(far, folder, of(path))
        await sending


@running
async def test_nothing_comes(path: Path, folder: Path) -> None:
    async with standing() as (near, far):
        await near.close()
        with pytest.raises(MessageCut, match="has left"):
            await described.receive(far, folder, of(path))


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda part: part.write_bytes(b"x"), True),
        (lambda part: part.write_bytes(b""), False),
        (lambda part: part.write_bytes(OCTETS), False),
        (lambda part: part.mkdir(), False),
        (lambda part: part.symlink_to("big.bin"), False),
        (lambda part: None, False),
    ],
    ids=["a part", "empty", "all of it", "a folder", "a link", "nothing"],
)
def test_what_a_file_goes_on_from(path: Path, make, found: bool) -> None:  # type: ignore[no-untyped-def]
    part = path.with_name("big.bin.part")
    make(part)
    assert described.left_part(path.parent, of(path).selector) == (part if found else None)
