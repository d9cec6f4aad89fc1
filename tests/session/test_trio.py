"""The same sessions on trio: its driver against a listener on asyncio in another process."""

from __future__ import annotations

import functools
import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType

import pytest
import trio
import trio.lowlevel

from msrp_peer import Agreed, ConnectionLost, Level, Limits, Session, UsageError
from msrp_peer.protocol.auth import Terms
from msrp_peer.protocol.connection import Connection
from msrp_peer.security.tls import TlsLayer
from msrp_peer.security.tls_modes import TlsMode, client_context
from msrp_peer.session.establish import establish
from msrp_peer.terms.content import Accepts

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "trio_driver.py"


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("trio_driver", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


driver = _load()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Where a listener echoes."""
    script = ROOT / "tests" / "support" / "echo_script.py"
    with subprocess.Popen(
        [sys.executable, script, "listen"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0


def on_trio(test: Callable[..., Awaitable[None]]) -> Callable[[int], None]:
    @functools.wraps(test)
    def wrapper(port: int) -> None:
        async def limited() -> None:
            with trio.fail_after(20):
                await test(port)

        trio.run(limited)

    return wrapper


@asynccontextmanager
async def connected(port: int, limits: Limits | None = None) -> AsyncIterator[Session]:
    layer = TlsLayer(client_context(TlsMode.ANONYMOUS), server=False)
    connection = Connection([layer], terms=Terms(Accepts.parse("*")), limits=limits)
    line = driver.TrioLine(connection, await trio.open_tcp_stream("127.0.0.1", port))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(line.run)
        uri = f"msrps://127.0.0.1:{port};tcp"
        async with await establish(line, Agreed(None, uri, active=True), Level.PASSIVE_ONLY) as session:
            yield session


def test_the_example(port: int) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", EXAMPLE, f"127.0.0.1:{port}", "grüß dich"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    assert done.stdout.splitlines()[1:] == ["grüß dich"]


@on_trio
async def test_text_there_and_back(port: int) -> None:
    async with connected(port) as session:
        for i in range(3):
            await (await session.send(f"line {i}")).delivered()
            assert await (await anext(aiter(session))).text() == f"line {i}"
        assert session.peer_address == f"127.0.0.1:{port}"


@on_trio
async def test_much_there_and_back(port: int) -> None:
    body = bytes(range(256)) * 20_000
    async with connected(port) as session:
        sent = await session.send(body, "a/b")
        async for message in session:
            heard = b""
            async for block in message:
                heard += block
                for _ in range(20):
                    await trio.lowlevel.checkpoint()  # whoever could go on meanwhile does
                assert message.received - len(heard) <= 2 * 256 * 1024
            assert heard == body
            break
        await sent.delivered()


@on_trio
async def test_a_send_cancelled(port: int) -> None:
    async def endless() -> AsyncGenerator[bytes, None]:
        while True:
            await trio.lowlevel.checkpoint()
            yield bytes(10_000)

    async with connected(port) as session:
        blocks = endless()
        with trio.CancelScope() as scope:

            def progress(done: int, total: int | None) -> None:
                if done > 1_000_000:
                    scope.cancel()

            await session.send(blocks, "a/b", progress=progress)
        assert scope.cancelled_caught
        await blocks.aclose()
        with trio.CancelScope() as scope:
            await session.send(bytes(60_000_000), "a/b", progress=progress)
        assert scope.cancelled_caught
        await (await session.send("alive")).delivered()


@on_trio
async def test_a_message_read_in_part(port: int) -> None:
    async with connected(port) as session:
        await (await session.send(bytes(10_000), "a/b")).delivered()
        message = await anext(session)
        with pytest.raises(UsageError, match="longer than 10 octets"):
            await message.read(10)


@on_trio
async def test_a_session_waited_for_ends_with_the_line(port: int) -> None:
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012
        async with connected(port, Limits(closing=0.2)) as session:
            await (await session.send("hello")).delivered()
            line = session._driver
            assert isinstance(line, driver.TrioLine)
            # Behind the driver's back, as when the network breaks.
            with socket.socket(fileno=os.dup(line._stream.socket.fileno())) as same:
                same.shutdown(socket.SHUT_RDWR)
            async for message in session:
                await message.read()
    assert caught.group_contains(ConnectionLost, match="connection")


def test_a_line_that_is_given_up() -> None:
    async def main() -> None:
        listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
        silent = listener.socket.getsockname()[1]
        layer = TlsLayer(client_context(TlsMode.ANONYMOUS), server=False)
        connection = Connection([layer], terms=Terms(Accepts.parse("*")), limits=Limits(handshake=0.1))
        line = driver.TrioLine(connection, await trio.open_tcp_stream("127.0.0.1", silent))
        with trio.fail_after(10):
            await line.run()  # its timers run without anybody asking
        assert "did not finish the handshake" in (connection.reason or "")
        await listener.aclose()

    trio.run(main)
