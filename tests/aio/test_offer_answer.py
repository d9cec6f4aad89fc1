"""Offer, Answer and `join`: two sides that know each other by SDP alone, over real sockets and TLS."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import msrp_peer
from msrp_peer import (
    Answer,
    Level,
    NotAcceptable,
    NotDelivered,
    NotSecureEnough,
    Offer,
    Session,
    UsageError,
)
from msrp_peer.aio.dial import reach
from msrp_peer.protocol.auth import Terms
from msrp_peer.protocol.connection import Connection
from msrp_peer.security.tls import TlsLayer
from msrp_peer.security.tls_modes import TlsMode, client_context
from msrp_peer.session.cpim import Cpim
from msrp_peer.session.establish import ready
from msrp_peer.session.files import Receiving
from msrp_peer.session.hashes import hashes_of
from msrp_peer.signalling.agreement import look
from msrp_peer.signalling.file_attributes import FileRange, FileSelector, FileTransfer, transfer_id
from msrp_peer.signalling.target import Target
from msrp_peer.terms.content import Accepts
from support.running import LOCAL, first, running, together, until


@contextlib.asynccontextmanager
async def listening(tls: str = "fingerprint") -> AsyncIterator[msrp_peer.Listener]:
    async with msrp_peer.listen(LOCAL, tls=tls) as listener:
        yield listener


@contextlib.asynccontextmanager
async def met(
    offer: Offer, answer: Answer, listeners: tuple[Any, Any], **more: Any
) -> AsyncIterator[tuple[Session, Session]]:
    """Both sessions; the texts have been exchanged."""
    near, far = await together(
        msrp_peer.join(offer, listener=listeners[0], **more),
        msrp_peer.join(answer, listener=listeners[1], **more),
    )
    async with near, far:
        yield near, far


async def talk(near: Session, far: Session) -> None:
    for one, other in ((near, far), (far, near)):
        sent = await one.send("hello")
        assert await (await first(other)).text() == "hello"
        await sent.delivered()


@pytest.mark.rule("6135 4.2.2-1 4.2.2-2 4.2.2-6 4.3-1", "8122 5-1 5.1-1 6.2-5")
@pytest.mark.parametrize("tls", ["fingerprint", "none"])
@pytest.mark.parametrize(("offerer", "answerer"), [(True, True), (True, False), (False, True)])
@running
async def test_whoever_can_be_reached(tls: str, offerer: bool, answerer: bool) -> None:
    """RFC 6135 section 4.2.2: with both the offerer connects, else the one who cannot be reached."""
    async with listening(tls) as here, listening(tls) as there:
        listeners = (here if offerer else None, there if answerer else None)
        offer = Offer(listeners[0], tls=tls)
        answer = Answer(offer.text, listeners[1], tls=tls)
        assert offer.answered(answer.text) is None
        for text, where in ((offer.text, listeners[0]), (answer.text, listeners[1])):
            port = 9 if where is None else where.port
            assert f"m=message {port} " in text
            assert f":{port}/" in text
        require = Level.PLAINTEXT if tls == "none" else Level.PASSIVE_ONLY
        async with met(offer, answer, listeners, require=require) as (near, far):
            await talk(near, far)
            assert near.security.level == far.security.level == require
            if tls == "fingerprint":
                assert near.security.layers[0].peer_key == far.security.layers[0].own_key
                assert far.security.layers[0].peer_key == near.security.layers[0].own_key
                assert f"a=fingerprint:sha-256 {near.security.layers[0].own_key}\r\n" in offer.text


@pytest.mark.rule("8122 6.1-1")
@pytest.mark.parametrize(("offerer", "answerer"), [(True, True), (True, False)])
@running
@pytest.mark.rule("4975 5.4-8")
async def test_the_key_is_verified_where_signalling_was_protected(offerer: bool, answerer: bool) -> None:
    """The level says so only where the application says that nobody can have changed the texts."""
    async with listening() as here, listening() as there:
        listeners = (here, there if answerer else None)
        offer = Offer(here, signalled=True)
        answer = Answer(offer.text, listeners[1], signalled=True)
        offer.answered(answer.text)
        async with met(offer, answer, listeners, require=Level.KEY_VERIFIED) as (near, far):
            assert near.security.level == far.security.level == Level.KEY_VERIFIED
            assert near.security.layers[0].verified == "signalled"


@pytest.mark.rule("6714 7-4", "8122 6.1-1")
@running
async def test_without_protected_signalling_no_key_is_verified() -> None:
    async with listening() as there:
        offer = Offer()
        answer = Answer(offer.text, there)
        offer.answered(answer.text)
        near, far = await together(
            _failing(msrp_peer.join(offer, require=Level.KEY_VERIFIED), NotSecureEnough),
            _failing(msrp_peer.join(answer, listener=there, timeout=0.5), msrp_peer.CannotReach),
        )
        assert "key-verified is required" in near
        assert "did not come" in far


async def _failing(joining: msrp_peer.join, error: type[Exception]) -> str:
    with pytest.raises(error) as told:
        await joining
    return str(told.value)


OTHER = "sha-256 " + ":".join(["AB"] * 32)


@pytest.mark.rule("8122 5.1-3 6.2-1", "4975 14.4-5")
@running
@pytest.mark.rule("4975 5.4-8 14.4-5")
async def test_another_key_than_the_passive_side_told() -> None:
    """RFC 8122 section 6.2: the client ends it before anything is said."""
    async with listening() as there:
        offer = Offer()
        answer = Answer(offer.text, there)
        offer.answered(re.sub("sha-256 .*", OTHER, answer.text))
        near, far = await together(
            _failing(msrp_peer.join(offer), NotSecureEnough),
            _failing(msrp_peer.join(answer, listener=there, timeout=0.5), msrp_peer.CannotReach),
        )
        assert "another key" in near
        assert "did not come" in far


@pytest.mark.rule("8122 5.1-3 6.2-3", "4975 14.4-5")
@running
@pytest.mark.rule("4975 5.4-8 14.4-5")
async def test_another_key_than_the_active_side_told() -> None:
    """RFC 8122 section 6.2: the server ends it, and tells who waited."""
    async with listening() as there:
        offer = Offer()
        answer = Answer(re.sub("sha-256 .*", OTHER, offer.text), there)
        offer.answered(answer.text)
        near, far = await together(
            _failing(msrp_peer.join(offer), msrp_peer.ConnectionLost),
            _failing(msrp_peer.join(answer, listener=there), NotSecureEnough),
        )
        assert near
        assert "another key" in far


@running
async def test_an_answer_that_names_somebody_elses_address() -> None:
    """RFC 4975 section 14.5: whoever it is gets one connection, a hello of TLS and no URI, for a while."""
    heard: list[bytes] = []
    gone = asyncio.Event()

    async def victim(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(b"")
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                heard[-1] += data
        writer.close()
        gone.set()

    server = await asyncio.start_server(victim, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with listening() as there:
        offer = Offer()
        answer = Answer(offer.text, there)
        offer.answered(answer.text.replace(str(there.port), str(port)))
        paths = re.findall(r"a=path:msrps://[^/]+/([^;]+);tcp", offer.text + answer.text)
        with pytest.raises(msrp_peer.CannotReach):
            await msrp_peer.join(offer, timeout=0.5)
        await gone.wait()
    server.close()
    (octets,) = heard
    assert octets.startswith(b"\x16\x03")
    assert len(paths) == 2
    assert not any(path.encode() in octets for path in paths)


@pytest.mark.rule("8122 6.2-6")
@pytest.mark.parametrize("right", [True, False])
@running
async def test_a_connection_may_be_faster_than_the_answer(right: bool) -> None:
    """RFC 8122 section 6.2: what it says counts only when the fingerprint is there, and is the right one."""
    async with listening() as here:
        offer = Offer(here)
        answer = Answer(offer.text)
        coming = asyncio.ensure_future(msrp_peer.join(answer).__aenter__())
        await until(lambda: any(line.connection.state == "open" for line in here._lines))
        assert not coming.done()
        offer.answered(answer.text if right else re.sub("sha-256 .*", OTHER, answer.text))
        if right:
            async with msrp_peer.join(offer, listener=here) as far, await coming as near:
                await talk(near, far)
        else:
            assert "another key" in await _failing(msrp_peer.join(offer, listener=here), NotSecureEnough)
            with pytest.raises(msrp_peer.ConnectionLost):
                await coming


@pytest.mark.rule("8122 6.2-2")
@running
async def test_a_client_without_a_key_is_no_client() -> None:
    """RFC 8122 section 6.2: the server must ask for a certificate, and end it where there is none."""
    async with listening() as there:

        def make(host: str) -> Connection:
            layer = TlsLayer(client_context(TlsMode.ANONYMOUS), server=False)
            return Connection([layer], terms=Terms(Accepts.parse("*")))

        target = Target("address", "127.0.0.1", there.port)
        line, _ = await reach(target, [target], make, 5)
        with contextlib.suppress(msrp_peer.ConnectionLost):
            await ready(line)
        await line.gone()  # TLS 1.3 tells the client after its own last flight
        assert line.connection.reason is not None
        assert "certificate" in line.connection.reason


@pytest.mark.rule("5547 8.7-2")
@running
async def test_kinds_and_directions_hold_in_both_directions() -> None:
    """RFC 4975 sections 8.6 and 8.9."""
    async with listening() as there:
        offer = Offer(direction="sendonly", max_size=100)
        answer = Answer(offer.text, there, accept_types="text/plain", max_size=10)
        assert "a=recvonly\r\n" in answer.text
        offer.answered(answer.text)
        async with met(offer, answer, (None, there)) as (near, far):
            await (await near.send("hello")).delivered()
            assert await (await first(far)).text() == "hello"
            with pytest.raises(NotDelivered):
                await near.send(b"x", "image/png")
            with pytest.raises(NotDelivered):
                await near.send("eleven....!")
            with pytest.raises(NotDelivered):
                await far.send("back")


@pytest.mark.rule("4975 8.6-5")
@running
async def test_what_is_taken_inside_of_others_needs_something_that_holds_it() -> None:
    """RFC 4975 section 8.6: containers stand in accept-types."""
    with pytest.raises(UsageError, match="inside of others"):
        Offer(accept_types="text/plain", accept_wrapped_types="image/png")
    offer = Offer(accept_types="text/plain message/cpim", accept_wrapped_types="image/png")
    assert "a=accept-wrapped-types:image/png" in offer.text
    async with listening() as there:
        with pytest.raises(UsageError, match="inside of others"):
            Answer(offer.text, there, accept_types="text/*", accept_wrapped_types="*")
        answer = Answer(offer.text, there, accept_types="text/* multipart/mixed", accept_wrapped_types="*")
        offer.answered(answer.text)
        with pytest.raises(UsageError, match="inside of others"):
            offer.update(accept_types="text/plain")
        assert "a=accept-types:text/plain\r\n" in offer.update(
            accept_types="text/plain", accept_wrapped_types=""
        )


@pytest.mark.rule("4975 8.6-8")
@pytest.mark.parametrize("offerer_wraps", [True, False])
@running
async def test_what_stands_inside_of_others_is_taken_too(offerer_wraps: bool) -> None:
    """RFC 4975 section 8.6: no type that was told neither for the top nor for the inside."""
    takes = {"accept_types": "message/cpim", "accept_wrapped_types": "text/*"}
    async with listening() as there:
        offer = Offer(**(takes if offerer_wraps else {}))  # type: ignore[arg-type]
        answer = Answer(offer.text, there, **({} if offerer_wraps else takes))  # type: ignore[arg-type]
        offer.answered(answer.text)
        async with met(offer, answer, (None, there)) as (near, far):
            sender, taker = (far, near) if offerer_wraps else (near, far)
            await (await sender.send(_wrapped("text/plain"), "message/cpim")).delivered()
            assert await (await first(taker)).text() == "x"
            with pytest.raises(NotDelivered, match="image/png inside of others"):
                await sender.send(_wrapped("image/png"), "message/cpim")
            with pytest.raises(NotDelivered, match="image/png inside of others"):
                await sender.send(b"top", "image/png")
            with pytest.raises(NotDelivered, match="does not take application/x"):
                await sender.send(b"top", "application/x", name="a file")


@pytest.mark.rule("4975 13-2 13-5")
@pytest.mark.parametrize("kind", ["message/cpim text/plain", "Message/CPIM;x=y *", "text/plain message/cpim"])
@running
async def test_who_lists_message_cpim_first_gets_all_words_in_it(kind: str) -> None:
    """RFC 4975 section 13: a gateway, say. The envelope is made before it is cut into chunks."""
    async with listening() as there:
        offer = Offer(accept_types=kind, accept_wrapped_types="image/png")
        answer = Answer(offer.text, there, me="im:bob@lan", expected="im:alice@lan")
        offer.answered(answer.text)
        async with met(offer, answer, (None, there)) as (near, far):
            far.endpoint.limits = replace(far.endpoint.limits, chunk_alone=2048)
            for body, said in (("short", "short"), (b"long" * 3000, "long" * 3000)):
                plain = {} if isinstance(body, str) else {"content_type": "text/plain"}
                sending = asyncio.ensure_future(far.send(body, **plain))
                message = await first(near)
                if kind.startswith("text"):
                    assert message.content_type.startswith("text/plain")
                    assert await message.text() == said
                else:
                    assert message.content_type == "message/cpim"
                    shown = await message.shown()
                    assert (shown.text, shown.sender) == (said, "im:bob@lan")
                await (await sending).delivered()


def _wrapped(kind: str) -> bytes:
    when = "2026-01-01T00:00:00Z"
    return Cpim.wrap(b"x", kind, sender="im:a@lan", to=["im:b@lan"], when=when).octets()


@running
async def test_what_makes_no_sense_is_told() -> None:
    async with listening() as here, listening("none") as plain:
        with pytest.raises(UsageError, match="speaks"):
            Offer(plain)
        with pytest.raises(UsageError, match="fingerprint or none"):
            Offer(here, tls="adh")
        with pytest.raises(UsageError, match="principal"):
            Offer(here, me="nobody")
        with pytest.raises(UsageError, match="nothing is agreed"):
            await msrp_peer.join(Offer(here))
        with pytest.raises(NotAcceptable, match="TLS"):
            Answer(Offer(here).text, plain, tls="none")
        with pytest.raises(NotAcceptable, match="nobody can connect"):
            Answer(Offer().text)
        with pytest.raises(UsageError, match="for join"):
            msrp_peer.connect("127.0.0.1:1", tls="fingerprint")
        with pytest.raises(UsageError, match="for join"):
            msrp_peer.listen(LOCAL, _nobody, tls="fingerprint")


async def _nobody(session: Session) -> None:
    raise AssertionError


def test_no_repr_shows_a_session_uri() -> None:
    offer = Offer(tls="none", me="im:a@lan")
    secret = re.search(r"/([\w-]+);tcp", offer.text)
    assert secret is not None
    assert secret[1] not in repr(offer)
    assert "im%3Aa%40lan@" in offer.text


@running
async def test_no_auth_is_promised_where_there_is_none() -> None:
    """Whatever the other side speaks."""
    async with listening() as there:
        offer = Offer()
        answer = Answer(offer.text + "a=msrp-auth:SASL\r\n", there)
        assert "msrp-auth" not in offer.text + answer.text
        assert answer.outcome is not None
        assert not answer.outcome.auth


@running
async def test_no_two_sessions_share_a_line_whose_keys_are_of_their_texts() -> None:
    async with listening() as there, msrp_peer.Pool() as pool:
        ends: list[Session] = []
        for _ in range(2):
            offer = Offer()
            answer = Answer(offer.text, there)
            offer.answered(answer.text)
            ends += await together(msrp_peer.join(offer, pool=pool), msrp_peer.join(answer, listener=there))
        assert (pool.connections, len(there._lines)) == (0, 2)
        await together(*(session.close() for session in ends))


@pytest.mark.rule("6714 4.2-6")
@running
async def test_cema_connects_to_the_middlebox() -> None:
    """RFC 6714: c= and m= lead to a proxy; the path, which leads nowhere, names the session."""
    async with listening("none") as there:
        offer = Offer(tls="none", cema=True)
        answer = Answer(offer.text, there, tls="none", cema=True, host="anonymous.invalid")
        box = re.sub("c=IN IP4 .*?\r", "c=IN IP4 127.0.0.1\r", answer.text)
        assert offer.answered(box) is None
        async with met(offer, answer, (None, there), require=Level.PLAINTEXT) as (near, far):
            await talk(near, far)


@pytest.mark.rule("5547 8.2-2 8.7-1")
@running
async def test_the_rest_of_a_file(tmp_path: Path) -> None:
    """RFC 5547 sections 8.2.2 and 8.7: pulled by its hash, from where an earlier attempt stopped."""
    file = tmp_path / "big.bin"
    file.write_bytes(bytes(range(256)) * 400)
    hashes = hashes_of(file)
    part = tmp_path / "in" / "big.bin.part"
    part.parent.mkdir()
    part.write_bytes(file.read_bytes()[:70_000])
    async with listening() as there:
        wanted = FileTransfer(FileSelector(hashes=hashes), transfer_id(), range=FileRange(70_001))
        offer = Offer(direction="recvonly", file=wanted)
        asked = look(offer.text).file
        assert asked is not None
        assert asked.range is not None
        mine = FileSelector(file.name, file.stat().st_size, "application/octet-stream", hashes)
        assert asked.selector.selects(mine)
        answer = Answer(offer.text, there, direction="sendonly", file=FileTransfer(mine))
        offer.answered(answer.text)
        found = offer.outcome and offer.outcome.peer.file
        assert found is not None
        assert (found.transfer_id, found.range) == (wanted.transfer_id, wanted.range)
        async with met(offer, answer, (None, there)) as (near, far):
            with pytest.raises(NotDelivered):
                await near.send("nothing but the file")
            rest = file.read_bytes()[asked.range.start - 1 :]
            sending = asyncio.ensure_future(far.send(rest))
            message = await first(near)
            selector = found.selector
            with Receiving(
                part.parent, selector.name, size=selector.size, sha1=selector.hashes["sha-1"], resume=part
            ) as receiving:
                async for block in message:
                    receiving.write(block)
                received = receiving.finish()
            await (await sending).delivered()
    assert received.checked
    assert received.path.read_bytes() == file.read_bytes()
