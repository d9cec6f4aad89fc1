"""Too many connections: a crowd from few addresses keeps nobody else out. Over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import msrp_peer
from msrp_peer import Limits
from msrp_peer.aio.crowd import Crowd, source_of
from msrp_peer.aio.newcomers import AT_A_TIME
from support.running import LOCAL, Talk, first, running, until


@dataclass(eq=False)
class Line:
    peer_address: str
    bound: bool = False


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("127.0.0.2:5000", "127.0.0.2"),
        ("[2001:db8:1:2:3:4:5:6]:5000", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1:5000", "2001:db8:1:2::/64"),
        ("[fe80::1%eth0]:5000", "fe80::/64"),
        ("[::ffff:192.0.2.1]:5000", "192.0.2.1"),
        ("[::1]:5000", "::1"),
        ("somewhere:5000", "somewhere"),
    ],
)
def test_where_somebody_comes_from(address: str, source: str) -> None:
    assert source_of(address) == source


LIMITS = Limits(connections=8, per_source=5, unbound=6, unbound_per_source=3)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), max_size=60))
def test_whatever_comes_the_bounds_hold_and_the_modest_get_in(
    happenings: list[tuple[int, bool, bool]],
) -> None:
    """Each: a source opens a connection, which may get its session at once, or its oldest one ends."""
    lines: list[Line] = []
    crowd: Crowd[Line] = Crowd(LIMITS)
    for source, binds, ends in happenings:
        address = f"127.0.0.{source}:1"
        own = [line for line in lines if line.peer_address == address]
        if ends and own:
            lines.remove(own[0])
            crowd.gone(own[0])
            continue
        line = Line(address)
        lines.append(line)
        gone = crowd.came(line, source_of(address))
        if gone is not None:
            assert not gone.bound, "nobody who talks is cut"
            lines.remove(gone)
        if gone is line:
            waiting = [sum(not each.bound for each in own), 0]
            others = [
                sum(each.peer_address == other and not each.bound for each in lines)
                for other in {each.peer_address for each in lines}
            ]
            filled = len(own) >= LIMITS.per_source or waiting[0] >= LIMITS.unbound_per_source
            assert filled or max(others, default=0) <= waiting[0] + 1
        elif binds:
            line.bound = True
            crowd.begun(line)
        assert len(lines) <= LIMITS.connections
        assert sum(not each.bound for each in lines) <= LIMITS.unbound


def test_of_the_greediest_what_talks_stays() -> None:
    crowd: Crowd[Line] = Crowd(LIMITS)
    lines = [Line(f"127.0.0.{number}:1") for number in (2, 2, 2, 2, 3, 4, 5)]
    for line in lines:
        assert crowd.came(line, source_of(line.peer_address)) is None
        if line is lines[0]:
            crowd.begun(line)
    assert crowd.came(Line("127.0.0.6:1"), "127.0.0.6") is lines[1]


def test_whoever_is_gone_counts_no_more() -> None:
    """Whatever is told of a line, and however often: the sums fit those that are there."""
    crowd: Crowd[Line] = Crowd(LIMITS)
    line = Line("127.0.0.2:1")
    crowd.begun(line)
    crowd.gone(line)
    for _ in range(20):
        assert crowd.came(line, "127.0.0.2") is None
        crowd.begun(line)
        crowd.begun(line)
        crowd.gone(line)
        crowd.gone(line)
    many = [Line("127.0.0.2:1") for _ in range(LIMITS.unbound_per_source + 1)]
    assert [crowd.came(one, "127.0.0.2") for one in many] == [None, None, None, many[-1]]


@contextlib.asynccontextmanager
async def crowd(port: int, *hosts: str, each: int) -> AsyncIterator[list[asyncio.StreamReader]]:
    """So many connections of each address, which say nothing."""
    came: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    try:
        for host in hosts:
            for _ in range(each):
                came.append(await asyncio.open_connection("127.0.0.1", port, local_addr=(host, 0)))
        yield [reader for reader, _ in came]
    finally:
        for _, writer in came:
            writer.close()
        for _, writer in came:
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def ended(reader: asyncio.StreamReader) -> bool:
    return reader.at_eof() or reader.exception() is not None


@running
async def test_a_crowd_of_one_address_stops_nobody_from_elsewhere() -> None:
    talk = Talk()
    limits = Limits(connections=40, unbound=30, unbound_per_source=16)
    async with msrp_peer.listen(LOCAL, talk, limits=limits) as listener:
        async with msrp_peer.connect(f"127.0.0.1:{listener.port}") as before:
            far = await talk.met()
            async with crowd(listener.port, "127.0.0.2", each=100):
                await until(lambda: len(listener._lines) <= 17)
                async with msrp_peer.connect(f"127.0.0.1:{listener.port}") as session:
                    await session.send("hello")
                    assert await (await first(await talk.met())).text() == "hello"
                await before.send("still here")
                assert await (await first(far)).text() == "still here"
        talk.over()


@running
async def test_nor_does_one_of_ten_addresses_that_fills_all_there_is() -> None:
    """Those who have most lose their oldest; who talks loses nothing."""
    talk = Talk()
    limits = Limits(connections=40, unbound=30, unbound_per_source=16)
    addresses = [f"127.0.0.{number}" for number in range(2, 12)]
    async with msrp_peer.listen(LOCAL, talk, limits=limits) as listener:
        async with msrp_peer.connect(f"127.0.0.1:{listener.port}") as before:
            far = await talk.met()
            async with crowd(listener.port, *addresses, each=20) as silent:
                await until(lambda: len(listener._lines) == 31)
                for _ in range(3):
                    async with msrp_peer.connect(f"127.0.0.1:{listener.port}") as session:
                        await session.send("hello")
                        assert await (await first(await talk.met())).text() == "hello"
                await before.send("still here")
                assert await (await first(far)).text() == "still here"
                # The first address had sixteen at first, and has no more than others now.
                await until(lambda: sum(map(ended, silent[:20])) >= 16)
        talk.over()


@running
async def test_who_is_alone_and_too_many_is_turned_away_itself() -> None:
    limits = Limits(connections=40, unbound=4, unbound_per_source=16)
    async with (
        msrp_peer.listen(LOCAL, Talk(), limits=limits) as listener,
        crowd(listener.port, "127.0.0.2", each=4) as early,
    ):
        await until(lambda: len(listener._lines) == 4)
        async with crowd(listener.port, "127.0.0.2", each=3) as late:
            for reader in late:
                with contextlib.suppress(ConnectionError):
                    assert await reader.read() == b""
            assert not any(map(ended, early))


@running
async def test_few_are_let_in_at_a_time_and_the_rest_may_wait() -> None:
    """Between them those who talk have their turn. The system keeps the others meanwhile."""
    many = 5 * AT_A_TIME
    limits = Limits(unbound_per_source=many)
    async with msrp_peer.listen(LOCAL, Talk(), limits=limits) as listener:
        with contextlib.ExitStack() as stack:
            for _ in range(many):  # the event loop accepts none meanwhile
                stack.enter_context(socket.create_connection(("127.0.0.1", listener.port), timeout=5))
            steps = [0]
            while steps[-1] < many:
                await asyncio.sleep(0)
                steps.append(len(listener._lines))
        assert max(after - before for before, after in pairwise(steps)) <= AT_A_TIME + 1  # as Pythons count
