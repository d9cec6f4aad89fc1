"""What blocks, in threads: the loop goes on, the limit holds, nothing is touched too early."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from msrp_peer.aio.threads import Threads
from msrp_sasl import Reason, SaslError, SaslUsageError
from sasl.realm import USER_TO_USER, needed, realm
from support.silent import Silent, silent_kdc


class Call:
    """Blocks until it is let go."""

    def __init__(self, outcome: object = "done") -> None:
        self.outcome = outcome
        self.begun, self.free, self.late = threading.Event(), threading.Event(), threading.Event()

    def __call__(self) -> object:
        self.begun.set()
        assert self.free.wait(30)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


async def until(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 30)


def test_the_loop_goes_on_meanwhile() -> None:
    async def main() -> None:
        call = Call()
        waiting = asyncio.create_task(Threads().run(call, 30, call.late.set))
        await until(call.begun)
        assert not waiting.done()
        call.free.set()
        assert await waiting == "done"
        assert not call.late.is_set()

    asyncio.run(main())


def test_what_it_raises_is_raised() -> None:
    async def main() -> None:
        call = Call(SaslError(Reason.WRONG, "so"))
        call.free.set()
        with pytest.raises(SaslError, match="so"):
            await Threads().run(call, 30)

    asyncio.run(main())


@pytest.mark.parametrize("how", ["limit", "cancelled"])
@pytest.mark.parametrize("outcome", ["done", ValueError()])
def test_nobody_waits_any_more(how: str, outcome: object) -> None:
    """It is cleaned up once it has ended, and not before."""

    async def main() -> None:
        call = Call(outcome)
        waiting = asyncio.create_task(Threads().run(call, 0.05 if how == "limit" else 30, call.late.set))
        await until(call.begun)
        if how == "cancelled":
            waiting.cancel()
        with pytest.raises(TimeoutError if how == "limit" else asyncio.CancelledError):
            await waiting
        assert not call.late.is_set()
        call.free.set()
        await until(call.late)

    asyncio.run(main())


@pytest.mark.parametrize("outcome", ["done", ValueError()])
def test_it_ends_in_the_moment_nobody_waits_any_more(outcome: object) -> None:
    async def main() -> None:
        call, before = Call(outcome), set(threading.enumerate())
        waiting = asyncio.create_task(Threads().run(call, 30, call.late.set))
        await asyncio.sleep(0)
        (thread,) = (one for one in set(threading.enumerate()) - before if one.name == "msrp-blocking")
        call.free.set()
        thread.join()  # its word is on the way now, and the waiter is given up behind it
        asyncio.get_running_loop().call_soon(waiting.cancel)
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert call.late.is_set()

    asyncio.run(main())


def test_the_loop_is_gone() -> None:
    async def main() -> Call:
        call = Call()
        with pytest.raises(TimeoutError):
            await Threads().run(call, 0.05, call.late.set)
        return call

    call = asyncio.run(main())  # and does not wait for the thread
    assert not call.late.is_set()
    call.free.set()
    assert call.late.wait(30)


def test_there_are_only_so_many() -> None:
    """Those that are late keep their places; who finds none waits, within the limit."""

    async def main() -> None:
        threads = Threads(2)
        calls = [Call(), Call()]
        for call in calls:
            with pytest.raises(TimeoutError):
                await threads.run(call, 0.05)
        third = Call()
        third.free.set()
        with pytest.raises(TimeoutError):
            await threads.run(third, 0.05)
        assert not third.begun.is_set()
        calls[0].free.set()
        assert await threads.run(third, 30) == "done"
        calls[1].free.set()

    asyncio.run(main())


# -- a KDC that does not answer


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[Silent]:
    with realm().at_home(), silent_kdc(tmp_path) as kdc:
        yield kdc


@needed
@pytest.mark.parametrize("name", ["GSSAPI", USER_TO_USER])
def test_a_kdc_that_does_not_answer(silent: Silent, name: str, tmp_path: Path) -> None:
    """The exchange ends with its limit, and the loop hears meanwhile what the KDC is asked."""
    home = silent.realm
    fresh = tmp_path / "fresh"  # without tickets for services
    fresh.write_bytes(Path(realm().ccache("carol").removeprefix("FILE:")).read_bytes())
    client = home.initiator(name, "carol", kerberos=replace(home.of("carol"), ccache=f"FILE:{fresh}"))
    assert client.properties.may_block
    ended = threading.Event()

    def late() -> None:
        client.abort()
        ended.set()

    async def main() -> None:
        now = time.time()

        def step() -> bytes | None:
            token = client.start(now)
            if name == USER_TO_USER:
                server = home.acceptor(name)
                token = client.process(server.start(name, token, now) or b"", now)
            return token

        waiting = asyncio.create_task(Threads().run(step, 1, late))
        await silent.asked()
        with pytest.raises(TimeoutError):
            await waiting

    asyncio.run(main())
    assert not client.complete
    assert not ended.is_set()  # libkrb5 still asks


@needed
def test_a_kdc_that_is_not_there(silent: Silent) -> None:
    conf = silent.conf
    conf.write_text(conf.read_text().replace("127.0.0.1:", "127.0.0.1:1\n#"))
    client = silent.realm.initiator("GSSAPI", "carol", acceptor="elsewhere")
    with pytest.raises(SaslError) as caught:
        client.start(time.time())
    assert caught.value.reason is Reason.CREDENTIALS
    assert str(caught.value) == "no KDC answers: check the network, and krb5.conf"
    with pytest.raises(SaslUsageError):
        client.start(time.time())
