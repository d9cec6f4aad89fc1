"""What an attempt left of a file goes on with the next one, of the same sender and the same file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import FileIO
from pathlib import Path

import pytest

import msrp_peer
from msrp_peer import Limits, MessageCut
from msrp_peer.session.files import FileDamaged, Receiving
from msrp_peer.session.parts import Origin, from_whom
from msrp_peer.terms.security import Proof, Protection, Security
from support.running import LOCAL, Talk, first, running, until

M = 1 << 20
BODY = os.urandom(6 * M)
BOB = Origin("proved im:bob@lan", "a.bin", 3000, b"h" * 32)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "a.bin"
    path.write_bytes(BODY)
    return path


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    path = tmp_path / "in"
    path.mkdir()
    return path


@asynccontextmanager
async def listener(talk: Talk) -> AsyncIterator[str]:
    async with msrp_peer.listen(LOCAL, talk) as listening:
        yield f"127.0.0.1:{listening.port}"
        talk.over()


@asynccontextmanager
async def met(talk: Talk, target: str) -> AsyncIterator[tuple[msrp_peer.Session, msrp_peer.Session]]:
    # So little may wait unanswered, and be read ahead, that a report is heard before much has gone.
    limits = Limits(window=256 * 1024, unsent=64 * 1024)
    async with msrp_peer.connect(target, limits=limits) as near:
        yield near, await talk.met()


async def cut(near: msrp_peer.Session, far: msrp_peer.Session, source: Path, inbox: Path, after: int) -> None:
    """An attempt that ends in the middle, for the sender at least behind so many octets."""
    sending = asyncio.create_task(near.send(source))
    message = await first(far)
    saving = asyncio.create_task(message.save(inbox))
    await until(lambda: message.received > after)
    sending.cancel()
    with pytest.raises(MessageCut, match="what came stays in"):
        await saving
    with pytest.raises(asyncio.CancelledError):
        await sending


@running
async def test_the_next_attempt_goes_on(source: Path, inbox: Path) -> None:
    talk = Talk()
    async with listener(talk) as target:
        sizes = []
        for after in (M, 3 * M):
            async with met(talk, target) as (near, far):
                await cut(near, far, source, inbox, after)
                assert names(inbox) == [".a.bin.part", "a.bin.part"]
                sizes.append((inbox / "a.bin.part").stat().st_size)
        assert M < sizes[0] < sizes[1] < len(BODY)
        async with met(talk, target) as (near, far):
            sending = asyncio.create_task(near.send(source))
            message = await first(far)
            told: list[tuple[int, int | None]] = []
            received = await message.save(inbox, progress=lambda *at: told.append(at))
            sent = await sending
            await sent.delivered()
            assert (received.before, received.size, received.checked) == (sizes[1], len(BODY), True)
            assert message.received + sent.left_out <= len(BODY), "what was left out did not travel"
            assert sent.left_out > M
            assert told[0][0] > sizes[1]
            assert told[-1] == (len(BODY), len(BODY))
    assert names(inbox) == ["a.bin"]
    assert (inbox / "a.bin").read_bytes() == BODY


@running
async def test_another_file_of_that_name_does_not(source: Path, inbox: Path) -> None:
    talk = Talk()
    async with listener(talk) as target:
        async with met(talk, target) as (near, far):
            await cut(near, far, source, inbox, M)
        source.write_bytes(BODY[::-1])  # noqa: ASYNC240
        async with met(talk, target) as (near, far):
            sending = asyncio.create_task(near.send(source))
            received = await (await first(far)).save(inbox)
            sent = await sending
            await sent.delivered()
    assert (received.before, sent.left_out) == (0, 0)
    assert names(inbox) == [".a.bin.part", "a.bin", "a.bin.part"]
    assert (inbox / "a.bin").read_bytes() == BODY[::-1]


@running
async def test_a_part_that_was_changed_is_found_out_once(source: Path, inbox: Path) -> None:
    talk = Talk()
    async with listener(talk) as target, met(talk, target) as (near, far):
        await cut(near, far, source, inbox, M)
        with (inbox / "a.bin.part").open("r+b") as part:
            part.write(b"x" * 100)
        sending = asyncio.create_task(near.send(source))
        with pytest.raises(FileDamaged, match="SHA-256"):
            await (await first(far)).save(inbox)
        with pytest.raises(msrp_peer.NotDelivered):
            await (await sending).delivered()
        assert names(inbox) == ["a.bin.part"], "nothing goes on from it, and nothing is thrown away"
        sending = asyncio.create_task(near.send(source))
        received = await (await first(far)).save(inbox)
        await (await sending).delivered()
    assert received.path.read_bytes() == BODY


@running
async def test_two_at_once_have_a_part_each(source: Path, inbox: Path) -> None:
    talk = Talk()
    async with listener(talk) as target:
        async with met(talk, target) as (near, far):
            await cut(near, far, source, inbox, M)
        async with met(talk, target) as (near, far), met(talk, target) as (other, far_other):
            sending = [asyncio.create_task(each.send(source)) for each in (near, other)]
            messages = [await first(each) for each in (far, far_other)]
            received = await asyncio.gather(*(message.save(inbox) for message in messages))
            for each in sending:
                await (await each).delivered()
    assert sorted(each.before > 0 for each in received) == [False, True]
    assert names(inbox) == ["a (1).bin", "a.bin"]
    assert all(each.path.read_bytes() == BODY for each in received)


# --- which part is whose --------------------------------------------------------------------


def left(folder: Path, origin: Origin = BOB) -> Path:
    with Receiving(folder, "a.bin", size=3000, digest=b"h" * 32, origin=origin) as receiving:
        assert receiving.before == 0
        receiving.write(bytes(1000))
        return receiving.keep()


def before(folder: Path, origin: Origin = BOB) -> int:
    with Receiving(folder, "a.bin", size=3000, digest=b"h" * 32, origin=origin) as receiving:
        found = receiving.before
        if not found:
            receiving.discard()
        return found


@pytest.mark.parametrize(
    "other",
    [
        Origin("proved im:eve@lan", "a.bin", 3000, b"h" * 32),
        Origin("from 192.0.2.1 ", "a.bin", 3000, b"h" * 32),
        Origin("proved im:bob@lan", "b/a.bin", 3000, b"h" * 32),
        Origin("proved im:bob@lan", "a.bin", 3001, b"h" * 32),
        Origin("proved im:bob@lan", "a.bin", 3000, b"i" * 32),
    ],
)
def test_all_of_it_must_be_the_same(other: Origin, tmp_path: Path) -> None:
    left(tmp_path)
    assert before(tmp_path, other) == 0
    assert before(tmp_path) == 1000


def test_the_part_of_another_name_is_found_too(tmp_path: Path) -> None:
    """The first number was taken by somebody else's, who is through since."""
    with Receiving(tmp_path, "a.bin") as somebody:
        somebody.write(b"x")
        part = left(tmp_path)
        somebody.discard()
    assert part.name == "a (1).bin.part"
    assert before(tmp_path) == 1000


def test_what_does_not_go_on(tmp_path: Path) -> None:
    part = left(tmp_path)
    mark = tmp_path / ".a.bin.part"
    content = mark.read_bytes()
    assert b"bob" not in content, "whose it is nobody reads there"
    # Another file in its place: not even one that is the same.
    moved = part.rename(tmp_path / "moved")
    part.write_bytes(bytes(1000))
    assert before(tmp_path) == 0
    part.unlink()
    # The file itself, with another name beside: what is written would be written into that, too.
    (tmp_path / "linked").hardlink_to(moved)
    moved.rename(part)
    assert before(tmp_path) == 0
    (tmp_path / "linked").unlink()
    assert before(tmp_path) == 1000
    # A mark that is a link, or nonsense, or missing.
    mark.rename(tmp_path / "elsewhere")
    mark.symlink_to(tmp_path / "elsewhere")
    assert before(tmp_path) == 0
    for nonsense in (b"", b"msrp part 1 ", content + b"more", content[:-2], b"\xff" * 10_000):
        mark.unlink()
        mark.write_bytes(nonsense)
        assert before(tmp_path) == 0
    mark.unlink()
    os.mkfifo(mark)
    assert before(tmp_path) == 0
    mark.unlink()
    assert before(tmp_path) == 0
    mark.write_bytes(content)
    assert before(tmp_path) == 1000


def test_one_that_is_as_long_as_the_file_does_not_go_on(tmp_path: Path) -> None:
    part = left(tmp_path)
    with part.open("ab") as file:
        file.write(bytes(2000))
    assert before(tmp_path) == 0


def test_a_file_of_yours_is_no_mark(tmp_path: Path) -> None:
    """It stays; the part does not go on then, and the file comes all the same."""
    (tmp_path / ".a.bin.part").write_text("mine")
    left(tmp_path)
    assert before(tmp_path) == 0
    with Receiving(tmp_path, "a.bin", size=1, origin=Origin("x", "a.bin", 1, b"h" * 32)) as receiving:
        receiving.write(b"x")
        receiving.finish()
    assert (tmp_path / ".a.bin.part").read_text() == "mine"


def test_a_part_that_becomes_shorter_is_no_file(tmp_path: Path) -> None:
    left(tmp_path)
    with Receiving(tmp_path, "a.bin", size=3000, digest=b"h" * 32, origin=BOB) as receiving:
        os.truncate(receiving.part, 10)
        with pytest.raises(FileDamaged, match="shorter"):
            receiving.write(bytes(2000))


def test_without_locks_no_part_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows, and some network file systems."""
    left(tmp_path)

    def cannot(file: FileIO) -> None:
        return None

    monkeypatch.setattr("msrp_peer.session.parts.take_alone", cannot)
    assert before(tmp_path) == 0


def test_who_is_the_same_sender() -> None:
    tls = Protection("tls", "TLSv1.3", "x", confidential=True)
    nobody = Security((tls,))
    assert from_whom(nobody, "192.0.2.1:4000") == from_whom(nobody, "192.0.2.1:5000")
    assert from_whom(nobody, "[2001:db8::1]:4000") != from_whom(nobody, "[2001:db8::2]:4000")
    bob = Security((tls,), Proof("im:bob@lan", "SCRAM-SHA-256-PLUS", bound=True))
    assert from_whom(bob, "192.0.2.1:4000") == from_whom(bob, "192.0.2.2:4000")
    assert from_whom(bob, "192.0.2.1:4000") != from_whom(nobody, "192.0.2.1:4000")
    shared = Security((tls,), Proof("im:bob@lan", "SCRAM-SHA-256-PLUS", bound=True, shared=True))
    assert from_whom(shared, "192.0.2.1:4000") not in (
        from_whom(bob, "192.0.2.1:4000"),
        from_whom(shared, "192.0.2.2:4000"),
        from_whom(nobody, "192.0.2.1:4000"),
    )
