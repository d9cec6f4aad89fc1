"""Connecting: whom, how well protected, and what is said when it cannot be."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import msrp_peer
from msrp_peer import CannotReach, ConnectionLost, Level, Limits, NotSecureEnough, PeerError, UsageError
from support.running import LOCAL, Talk, first, running, until

SCRIPTS = Path(__file__).parent.parent / "support"


@running
async def test_not_secure_enough() -> None:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener:
        target = f"127.0.0.1:{listener.port}"
        with pytest.raises(NotSecureEnough, match=r"key-verified is required, .* reaches passive-only"):
            await msrp_peer.connect(target, require=Level.KEY_VERIFIED)
        assert talk._met.empty(), "nothing was asked for"
        async with msrp_peer.connect(target, require=Level.PASSIVE_ONLY):
            await talk.met()
        talk.over()


@running
async def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(CannotReach, match=rf"nobody can be reached at 127.0.0.1:{port}: .*refused"):
        await msrp_peer.connect(f"127.0.0.1:{port}")


@running
async def test_a_name_nobody_has() -> None:
    with pytest.raises(CannotReach, match=r"nobody\.invalid"):
        await msrp_peer.connect("nobody.invalid:2855")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("", "no target"),
        ("msrp://127.0.0.1:1;tcp", "protects the line itself"),
        ("msrps://127.0.0.1:1/secretsession;tcp", "names one session"),
        ("http://127.0.0.1", "no MSRP address"),
    ],
)
@running
@pytest.mark.rule("4975 5.4-6")
async def test_targets_that_make_no_sense(target: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as wrong:
        await msrp_peer.connect(target)
    assert "secretsession" not in str(wrong.value)


def test_what_else_makes_no_sense() -> None:
    with pytest.raises(UsageError, match="tls is anonymous, adh, certificate or none"):
        msrp_peer.connect("127.0.0.1:1", tls="ssl")
    with pytest.raises(UsageError):
        msrp_peer.connect("127.0.0.1:1", me="not a principal")


@pytest.mark.parametrize("mode", ["anonymous", "adh"])
@running
@pytest.mark.rule("4975 5.4-6")
async def test_a_uri_as_target(mode: str) -> None:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk, tls=mode) as listener:
        async with msrp_peer.connect(f"msrps://127.0.0.1:{listener.port};tcp", tls=mode) as session:
            await (await session.send("hello")).delivered()
        talk.over()


@running
async def test_a_listener_with_anonymous_keys_takes_adh_too() -> None:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk, tls="anonymous") as listener:
        async with msrp_peer.connect(f"127.0.0.1:{listener.port}", tls="adh") as session:
            assert session.security.layers[0].cipher.startswith("ADH-")
        talk.over()


@running
async def test_no_common_mode() -> None:
    async with msrp_peer.listen(LOCAL, Talk(), tls="adh") as listener:
        with pytest.raises(ConnectionLost, match="anonymous or adh"):
            await msrp_peer.connect(f"127.0.0.1:{listener.port}")


@running
async def test_a_session_awaited_is_the_callers_to_close() -> None:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener:
        session = await msrp_peer.connect(f"127.0.0.1:{listener.port}")
        far = await talk.met()
        await session.send("hello")
        assert await (await first(far)).text() == "hello"
        await session.close()
        talk.over()


@running
async def test_an_error_in_the_block_closes_the_session_in_order() -> None:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener:
        with pytest.raises(ZeroDivisionError):  # noqa: PT012
            async with msrp_peer.connect(f"127.0.0.1:{listener.port}"):
                far = await talk.met()
                raise ZeroDivisionError
        assert [message async for message in far] == []
        talk.over()


@running
async def test_connecting_can_be_cancelled() -> None:
    """Somebody takes the connection and says nothing."""

    def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        writers.append(writer)

    connected = asyncio.Event()
    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connecting = asyncio.ensure_future(msrp_peer.connect(f"127.0.0.1:{port}").__aenter__())
    await connected.wait()
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    writers[0].close()
    server.close()


@pytest.mark.rule("4975 5.4-2")
def test_two_processes() -> None:
    """One listens, the other connects, both in processes of their own."""
    script = SCRIPTS / "echo_script.py"
    with subprocess.Popen(
        [sys.executable, "-X", "dev", script, "listen"],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    ) as listener:
        assert listener.stdout is not None
        port = listener.stdout.readline().strip()
        near = subprocess.run(
            [sys.executable, "-X", "dev", script, "connect", port],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert near.stderr == "", "no slow callback, nothing never awaited, nothing unclosed"
        assert near.stdout == "hello, passive-only\n"
        assert near.returncode == 0
        assert listener.stdin is not None
        listener.stdin.close()
        assert listener.wait(30) == 0


@running
async def test_what_is_no_msrp_at_all() -> None:
    async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(http, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(ConnectionLost, match="does not speak TLS"):
        await msrp_peer.connect(f"127.0.0.1:{port}")
    server.close()


@running
async def test_a_listener_that_grants_nothing_more() -> None:
    """As where eight grants lie unused already."""
    async with msrp_peer.listen(LOCAL, Talk(), limits=Limits(grants=0)) as listener:
        with pytest.raises(PeerError, match="there are too many on this connection") as refused:
            await msrp_peer.connect(f"127.0.0.1:{listener.port}")
        assert refused.value.status == 403


@running
async def test_a_peer_that_stalls_in_the_handshake() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(ConnectionLost, match=r"did not finish the handshake, .* within 0\.2 s"):
        await msrp_peer.connect(f"127.0.0.1:{port}", limits=Limits(handshake=0.2))
    server.close()
    await until(lambda: len(asyncio.all_tasks()) == 1)


@pytest.mark.rule("4975 14.2-3")
@pytest.mark.parametrize(("host", "named"), [("localhost", True), ("127.0.0.1", False)])
@pytest.mark.parametrize("joins", [False, True])
@running
async def test_a_server_is_told_the_name(host: str, named: bool, joins: bool) -> None:
    """Server name indication, in the first octets there are."""
    hello: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not hello.done():
            hello.set_result(await reader.read(65536))
        writer.close()

    server = await asyncio.start_server(come, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    paths = msrp_peer.Paths(
        local_uri=msrp_peer.new_uri("127.0.0.1", 9), remote_path=msrp_peer.new_uri(host, port), active=True
    )
    with pytest.raises(msrp_peer.MsrpError):
        await (msrp_peer.join(paths) if joins else msrp_peer.connect(f"{host}:{port}"))
    assert (b"localhost" in await hello) == named
    server.close()
    await server.wait_closed()
