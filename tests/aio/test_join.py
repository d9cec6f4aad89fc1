"""Joining a session whose paths came by signalling of somebody else's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

import msrp_peer
from msrp_core import Frame, Parser, new_ident, request, response
from msrp_peer import CannotReach, Level, NotDelivered, NotSecureEnough, Paths, PeerError, UsageError
from support.proxy import raw
from support.running import LOCAL, Talk, first, running, together

PLAIN: dict[str, Any] = {"require": Level.PLAINTEXT}


@contextlib.asynccontextmanager
async def joined(
    tls: str = "anonymous", own: dict[str, Any] | None = None, **more: Any
) -> AsyncIterator[tuple[msrp_peer.Session, msrp_peer.Session]]:
    """The active side and the passive one of a session, and a listener for it."""
    options = PLAIN if tls == "none" else {}
    async with msrp_peer.listen(LOCAL, tls=tls) as listener:
        here = msrp_peer.new_uri("127.0.0.1", 9, secure=tls != "none")
        there = listener.new_uri()
        going = Paths(local_uri=here, remote_path=there, active=True, tls=tls, **(own or {}))
        waiting = Paths(local_uri=there, remote_path=here, active=False, tls=tls, **more)
        near, far = await together(
            msrp_peer.join(going, **options), msrp_peer.join(waiting, listener=listener, **options)
        )
        async with near, far:
            yield near, far


@pytest.mark.parametrize("tls", ["anonymous", "adh", "none"])
@running
async def test_two_sides_that_brought_their_paths(tls: str) -> None:
    async with joined(tls) as (near, far):
        assert near.security.level == far.security.level
        assert near.security.level == (Level.PLAINTEXT if tls == "none" else Level.PASSIVE_ONLY)
        for one, other in ((near, far), (far, near)):
            sent = await one.send("hello")
            assert await (await first(other)).text() == "hello"
            await sent.delivered()


@running
async def test_the_passive_side_listens_where_its_uri_says() -> None:
    async with msrp_peer.listen(LOCAL) as reserved:
        port = reserved.port
    here, there = msrp_peer.new_uri("127.0.0.1", 9), msrp_peer.new_uri("127.0.0.1", port)
    waiting = msrp_peer.join(Paths(local_uri=there, remote_path=here, active=False))
    going = msrp_peer.join(Paths(local_uri=here, remote_path=there, active=True))
    passive = asyncio.ensure_future(waiting.__aenter__())
    stranger = await _once_listening(lambda: asyncio.open_connection("127.0.0.1", port))
    near = await going
    far = await passive
    assert await stranger[0].read() == b"", "nobody else is waited for any more"
    stranger[1].close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    await (await near.send("hello")).delivered()
    assert await (await first(far)).text() == "hello"
    await together(near.close(), far.close())


async def _once_listening(
    dial: Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]],
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    while True:
        try:
            return await dial()
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("host", ["[::1]", "localhost"])
@running
async def test_hosts_of_other_kinds(host: str) -> None:
    """RFC 4975 section 6.2: an address as it is, a name by what it resolves to."""
    async with msrp_peer.listen(f"{host}:0") as listener:
        here, there = msrp_peer.new_uri(host, 9), listener.new_uri(host)
        near, far = await together(
            msrp_peer.join(Paths(local_uri=here, remote_path=there, active=True)),
            msrp_peer.join(Paths(local_uri=there, remote_path=here, active=False), listener=listener),
        )
        await (await near.send("hello")).delivered()
        await together(near.close(), far.close())


@running
async def test_many_sessions_wait_at_one_listener() -> None:
    async with msrp_peer.listen(LOCAL) as listener:
        uris = [(msrp_peer.new_uri("127.0.0.1", 9), listener.new_uri()) for _ in range(5)]
        passive = [
            msrp_peer.join(Paths(local_uri=there, remote_path=here, active=False), listener=listener)
            for here, there in uris
        ]
        active = [
            msrp_peer.join(Paths(local_uri=here, remote_path=there, active=True)) for here, there in uris
        ]
        sessions = await together(*reversed(active), *passive)
        for number, near in enumerate(reversed(sessions[:5])):
            await near.send(f"to {number}")
            assert await (await first(sessions[5 + number])).text() == f"to {number}"
        await together(*(session.close() for session in sessions))


@running
async def test_a_listener_serves_its_handler_and_joins_beside() -> None:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener:
        here, there = msrp_peer.new_uri("127.0.0.1", 9), listener.new_uri()
        near, far = await together(
            msrp_peer.join(Paths(local_uri=here, remote_path=there, active=True)),
            msrp_peer.join(Paths(local_uri=there, remote_path=here, active=False), listener=listener),
        )
        async with near, far, msrp_peer.connect(f"127.0.0.1:{listener.port}") as other:
            await (await near.send("joined")).delivered()
            await (await other.send("met")).delivered()
            assert await (await first(far)).text() == "joined"
            assert await (await first(await talk.met())).text() == "met"
        talk.over()


@running
async def test_a_listener_without_a_handler_grants_nothing() -> None:
    async with msrp_peer.listen(LOCAL) as listener:
        with pytest.raises(PeerError, match="knows no direct rendezvous") as refused:
            await msrp_peer.connect(f"127.0.0.1:{listener.port}")
        assert refused.value.status == 501


@running
@pytest.mark.rule("4975 5.4-4")
async def test_the_active_side_sends_at_once() -> None:
    """RFC 4975 section 5.4: an empty SEND, before anybody asked for anything."""
    heard: asyncio.Queue[Frame] = asyncio.Queue()

    async def listening(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser = Parser()
        while data := await reader.read(65536):
            for event in parser.feed(data):
                assert isinstance(event, Frame)
                heard.put_nowait(event)
                writer.write(_ok(event))
        writer.close()

    server = await asyncio.start_server(listening, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    here = msrp_peer.new_uri("127.0.0.1", 9, secure=False)
    there = msrp_peer.new_uri("127.0.0.1", port, secure=False)
    paths = Paths(local_uri=here, remote_path=there, active=True, tls="none")
    async with msrp_peer.join(paths, **PLAIN):
        frame = heard.get_nowait()
        assert (frame.method, frame.to_path, frame.from_path) == ("SEND", there, here)
        assert not frame.has_body
    server.close()
    await server.wait_closed()


def _ok(frame: Frame) -> bytes:

    return response(frame, 200, "OK")


@running
@pytest.mark.rule("4975 8.3-1")
async def test_a_path_with_relays_goes_to_the_leftmost() -> None:
    """RFC 4975 sections 7.1 and 8.3: connect to the first URI, name them all in To-Path."""
    heard: asyncio.Queue[Frame] = asyncio.Queue()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (frame,) = Parser().feed(await reader.readuntil(b"$\r\n"))
        assert isinstance(frame, Frame)
        heard.put_nowait(frame)
        writer.write(_ok(frame))
        await reader.read()
        writer.close()

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    path = f"msrp://127.0.0.1:{port}/relay;tcp {msrp_peer.new_uri('192.0.2.1', 9, secure=False)}"
    here = msrp_peer.new_uri("127.0.0.1", 9, secure=False)
    async with msrp_peer.join(Paths(local_uri=here, remote_path=path, active=True, tls="none"), **PLAIN):
        assert heard.get_nowait().to_path == path
    server.close()
    await server.wait_closed()


@running
async def test_an_address_other_than_the_path() -> None:
    """RFC 6714: connect there; the paths stay what they are."""
    async with msrp_peer.listen(LOCAL) as listener:
        here, there = msrp_peer.new_uri("127.0.0.1", 9), listener.new_uri("192.0.2.1")
        going = Paths(local_uri=here, remote_path=there, active=True, address=("127.0.0.1", listener.port))
        near, far = await together(
            msrp_peer.join(going),
            msrp_peer.join(Paths(local_uri=there, remote_path=here, active=False), listener=listener),
        )
        await together(near.close(), far.close())


# --- what each side takes --------------------------------------------------------------------


@running
async def test_what_was_signalled_is_kept_to() -> None:
    there = {"accept_types": "text/plain", "max_size": 10, "files": False}
    async with joined(own={}, **there) as (near, _):
        await (await near.send("0123456789")).delivered()
        for what, kind, status in (("0123456789+", None, 413), ("{}", "application/json", 415)):
            with pytest.raises(NotDelivered) as refused:
                await (await near.send(what, kind)).delivered()
            assert refused.value.status == status
        with pytest.raises(NotDelivered) as no_file:
            await (await near.send("x", "text/plain", name="x.txt")).delivered()
        assert no_file.value.status == 403


@running
async def test_what_the_other_side_signalled_is_kept_to() -> None:
    own = {"peer_accept_types": "text/plain", "peer_max_size": 10}
    async with joined(own=own) as (near, _):
        for what, kind, status in (("0123456789+", None, 413), ("{}", "application/json", 415)):
            with pytest.raises(NotDelivered) as refused:
                await near.send(what, kind)
            assert refused.value.status == status


@running
async def test_names_are_claims() -> None:
    async with msrp_peer.listen(LOCAL) as listener:
        here = msrp_peer.new_uri("127.0.0.1", 9, user="im:alice@lan")
        there = listener.new_uri(user="im:bob@lan")
        near, far = await together(
            msrp_peer.join(Paths(local_uri=here, remote_path=there, active=True, expected="im:bob@lan")),
            msrp_peer.join(Paths(local_uri=there, remote_path=here, active=False), listener=listener),
        )
        assert (str(near.peer_claim), str(far.peer_claim)) == ("im:bob@lan", "im:alice@lan")
        assert near.security.level is Level.PASSIVE_ONLY
        await together(near.close(), far.close())


# --- how well protected ----------------------------------------------------------------------


@running
async def test_plain_tcp_must_be_asked_for_twice() -> None:
    """By name, and by a level: nothing is said otherwise, nor waited for."""
    async with msrp_peer.listen(LOCAL, tls="none") as listener:
        here, there = msrp_peer.new_uri("127.0.0.1", 9, secure=False), listener.new_uri()
        assert there.startswith("msrp://")
        for paths in (
            Paths(local_uri=here, remote_path=there, active=True, tls="none"),
            Paths(local_uri=there, remote_path=here, active=False, tls="none"),
        ):
            with pytest.raises(NotSecureEnough, match="plain TCP protects nothing"):
                await msrp_peer.join(paths, listener=listener)
        assert not listener._lines


@pytest.mark.parametrize("active", [True, False])
@running
async def test_more_than_the_line_can_give(active: bool) -> None:
    async with msrp_peer.listen(LOCAL) as listener:
        here, there = msrp_peer.new_uri("127.0.0.1", 9), listener.new_uri()
        going = msrp_peer.join(
            Paths(local_uri=here, remote_path=there, active=True),
            require=Level.AUTHENTICATED if active else Level.PASSIVE_ONLY,
        )
        waiting = msrp_peer.join(
            Paths(local_uri=there, remote_path=here, active=False),
            listener=listener,
            require=Level.PASSIVE_ONLY if active else Level.AUTHENTICATED,
            timeout=0.2 if active else None,
        )
        outcomes = await asyncio.gather(going.__aenter__(), waiting.__aenter__(), return_exceptions=True)
        expected = (NotSecureEnough, CannotReach) if active else (PeerError, NotSecureEnough)
        assert tuple(map(type, outcomes)) == expected
        if not active:
            assert isinstance(outcomes[0], PeerError)
            assert outcomes[0].status == 403


@running
async def test_plain_tcp_serves_nobody_who_just_comes() -> None:
    with pytest.raises(UsageError, match="protects the line itself"):
        msrp_peer.listen(LOCAL, Talk(), tls="none")


@running
async def test_a_plain_session_is_cut_and_ends_in_order() -> None:
    async with msrp_peer.listen(LOCAL, tls="none") as listener:
        here, there = msrp_peer.new_uri("127.0.0.1", 9, secure=False), listener.new_uri()
        waiting = asyncio.ensure_future(
            msrp_peer.join(
                Paths(local_uri=there, remote_path=here, active=False, tls="none"),
                listener=listener,
                **PLAIN,
            ).__aenter__()
        )
        async with raw(listener.port) as (reader, writer):
            writer.write(request("SEND", there, here, [("Message-ID", new_ident())])[1])
            await reader.readuntil(b"$\r\n")
            far = await waiting
            headers = [("Message-ID", "whole"), ("Content-Type", "text/plain")]
            writer.write(request("SEND", there, here, headers, b"hello")[1])
            message = await first(far)
            assert await message.text() == "hello"
            await reader.readuntil(b"$\r\n")
            cut = request("SEND", there, here, [("Message-ID", "cut1"), headers[1]], b"half of it")[1]
            writer.write(cut[:-20])
            writer.close()
            half = await first(far)
            with pytest.raises(msrp_peer.MessageCut):
                await half.read()
            with pytest.raises(msrp_peer.ConnectionLost, match="cut inside a frame"):
                await first(far)
        await far.close()


@running
async def test_what_else_makes_no_sense() -> None:
    for host, port in (("a b", 1), ("a.example", 0), ("a.example", 65536)):
        with pytest.raises(UsageError, match="no session URI"):
            msrp_peer.new_uri(host, port)
    async with msrp_peer.listen(LOCAL) as listener:
        here = msrp_peer.new_uri("127.0.0.1", 9)
        paths = Paths(local_uri=listener.new_uri(), remote_path=here, active=False)
        waiting = asyncio.ensure_future(msrp_peer.join(paths, listener=listener).__aenter__())
        await asyncio.sleep(0)
        with pytest.raises(UsageError, match="in use already"):
            await msrp_peer.join(paths, listener=listener)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with pytest.raises(CannotReach, match="did not come within"):
            await msrp_peer.join(paths, listener=listener, timeout=0.05)
        plain = Paths(
            local_uri=msrp_peer.new_uri("127.0.0.1", 9, secure=False),
            remote_path=msrp_peer.new_uri("127.0.0.1", 8, secure=False),
            active=False,
            tls="none",
        )
        with pytest.raises(UsageError, match="this listener speaks anonymous"):
            await msrp_peer.join(plain, listener=listener, **PLAIN)
