"""Several addresses for one target: the first that answers counts, whatever the others do."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import msrp_peer
from msrp_peer.aio import connect as module
from msrp_peer.session.session import Session
from msrp_peer.signalling.target import Target
from msrp_peer.terms.errors import CannotReach
from msrp_peer.terms.principal import Principal
from support.loops import looped


@contextmanager
def hole() -> Iterator[int]:
    """A port that accepts no connection and refuses none: its queue of them is full."""
    with socket.socket() as full:
        full.bind(("127.0.0.2", 0))
        full.listen(0)
        waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(full.getsockname())
            waiting.append(one)
        try:
            yield full.getsockname()[1]
        finally:
            for one in waiting:
                one.close()


async def nobody(session: Session) -> None:
    async for _ in session:
        pass


def at(*places: tuple[str, int]) -> module.connect:
    """A connect to somebody announced at all of these."""
    connect = module.connect("im:bob@lan", timeout=2)

    async def found(principal: Principal, *, secure: bool) -> list[Target]:
        return [Target("address", host, port) for host, port in places]

    connect._look_for = found  # type: ignore[method-assign]
    return connect


@looped
@pytest.mark.rule("4975 6.2-3")
async def test_an_address_that_swallows_everything_hides_no_other() -> None:
    with hole() as port:
        async with (
            msrp_peer.listen("127.0.0.1:0", nobody) as listener,
            at(("127.0.0.2", port), ("127.0.0.1", listener.port)) as session,
        ):
            assert session.peer_address == f"127.0.0.1:{listener.port}"


@looped
@pytest.mark.rule("4975 6.2-3")
async def test_of_two_that_answer_one_is_used_and_the_other_let_go() -> None:
    async with (
        msrp_peer.listen("127.0.0.1:0", nobody) as one,
        msrp_peer.listen("127.0.0.1:0", nobody) as two,
        at(("127.0.0.1", one.port), ("127.0.0.1", two.port)) as session,
    ):
        assert session.peer_address == f"127.0.0.1:{one.port}"


@looped
async def test_every_failure_is_told_with_its_address() -> None:
    with hole() as port, socket.socket() as closed:
        closed.bind(("127.0.0.3", 0))
        connect = at(("127.0.0.2", port), ("127.0.0.3", closed.getsockname()[1]))
        with pytest.raises(CannotReach) as told:
            await connect
        words = str(told.value)
        assert "127.0.0.3: Connection refused" in words
        assert re.search(r"127\.0\.0\.2: no answer within 2 s", words)


@looped
async def test_cancelled_while_it_tries() -> None:
    with hole() as port:
        task = asyncio.ensure_future(at(("127.0.0.2", port)).__aenter__())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
