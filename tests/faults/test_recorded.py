"""What was recorded of a session is played back, over real sockets: to the listener that it was said to,
octet by octet as it was on the wire and as it was inside of TLS; and to whoever logged in there."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import msrp_peer
from msrp_core import Frame, Parser, response
from msrp_peer import MsrpError
from msrp_peer.aio.taps import watching
from msrp_peer.security.keys import ThrowAway
from msrp_peer.security.tls import TlsLayer
from msrp_peer.security.tls_modes import TlsMode, server_context
from sasl.realm import identity, needed, realm
from support.authority import authority_of
from support.people import ALICE, BOB, SECRET
from support.proxy import proxy, raw
from support.raw_peer import raw_peer
from support.running import LOCAL, running
from support.talker import options
from support.tapped import Tapped

TEXT = "The meadow behind the mill is dry."
WAYS = [
    "nobody proved, TLS",
    "nobody proved, adh",
    "SCRAM-SHA-512-PLUS, TLS",
    "SCRAM-SHA-256-PLUS, TLS",
    "SCRAM-SHA-256-PLUS, adh",
    "DIGEST-MD5, TLS",
    "DIGEST-MD5, no TLS",
    pytest.param("KRB5-U2U, TLS", marks=needed),
    pytest.param("KRB5-U2U, no TLS", marks=needed),
    "certificates, TLS",
]
LOGINS = [way for way in WAYS if not re.search("nobody|certificates|adh", str(way))]
"""Those where something is said that proves, once each."""


REFUSED = "does not (know the password|have the key|continue ours)"


@dataclass
class Way:
    """How two people meet, and what became of it at the listener.

    Attributes:
        order: as `support.talker` has it.
        sessions: how many began.
        messages: the texts of all of them.
    """

    order: dict[str, Any]
    sessions: int = 0
    messages: list[str] = field(default_factory=list)

    @property
    def tls(self) -> bool:
        return self.order.get("tls") != "none"

    async def met(self, session: msrp_peer.Session) -> None:
        self.sessions += 1
        async for message in session:
            self.messages.append(await message.text())

    def listen(self) -> msrp_peer.listen:
        told = options(self.order, accepting=True)
        if "mechanisms" in self.order and self.tls:
            told["expect"] = self.order.get("people", (ALICE, BOB))[0]
        return msrp_peer.listen(LOCAL, self.met, **told)

    def connect(self, port: int, **more: Any) -> msrp_peer.connect:
        return msrp_peer.connect(f"127.0.0.1:{port}", **options(self.order, accepting=False), **more)

    async def talk(self, port: int) -> None:
        async with self.connect(port) as session:
            await (await session.send(TEXT)).delivered()


@pytest.fixture
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Way]:
    name, _, line = request.param.partition(", ")
    order: dict[str, Any] = {"tls": {"TLS": "anonymous", "no TLS": "none"}.get(line, line)}
    with contextlib.ExitStack() as stack:
        if name == "certificates":
            people = {"alice": "im:alice@lan", "bob": "im:bob@lan"}
            authority_of(tmp_path, people)
            shown = [[tmp_path / f"{who}.pem", tmp_path / f"{who}.key"] for who in people]
            order = {"tls": "certificate", "shown": shown, "authority": tmp_path / "ca.pem"}
        elif name != "nobody proved":
            order |= {"mechanisms": [name], "secret": SECRET}
        if name == "KRB5-U2U":
            home = realm()
            stack.enter_context(home.at_home())
            order["people"] = identity("alice"), identity("bob")
            order["tickets"] = home.ccache("alice"), home.ccache("bob")
        yield Way(order)


def frames(octets: bytes | bytearray) -> list[Frame]:
    return [event for event in Parser().feed(bytes(octets)) if isinstance(event, Frame)]


def requests(octets: bytes | bytearray) -> list[bytes]:
    """Each as it was said."""
    found = re.finditer(rb"MSRP (\S+) [A-Z]+\r\n.*?\r\n-------\1[$+#]\r\n", bytes(octets), re.S)
    return [each.group() for each in found]


async def played(port: int, turns: list[bytes]) -> bytes:
    """Say every other one of them, and hear something in between; what was heard, until the other side
    had enough or had no more to say."""
    heard = bytearray()
    async with raw(port) as (reader, writer):
        with contextlib.suppress(OSError):
            for number, octets in enumerate(turns):
                if number % 2 == 0:
                    writer.write(octets)
                elif data := await reader.read(65536):
                    heard += data
                else:
                    break
            if writer.can_write_eof():
                writer.write_eof()
            while data := await reader.read(65536):
                heard += data
    return bytes(heard)


@pytest.mark.parametrize("way", WAYS, indirect=True)
@running
async def test_a_session_played_back_to_its_listener(way: Way) -> None:
    """The very octets, in the same turns."""
    async with way.listen() as listener, proxy(listener.port) as recorder:
        await way.talk(recorder.port)
        heard = await played(listener.port, recorder.turns)
        await way.talk(listener.port)
    assert len(recorder.turns) > 4
    assert way.messages == [TEXT, TEXT], "as often as they were meant"
    assert way.sessions == 2
    if not way.tls:
        answers = frames(heard)
        assert {answer.status for answer in answers} == {401}
        assert "s2c=" in (answers[1].header("WWW-Authenticate") or ""), "it got as far as a challenge"
        assert "s2c=" not in (answers[-1].header("WWW-Authenticate") or ""), "and then failed"


@pytest.mark.parametrize("way", [way for way in LOGINS if "no TLS" not in str(way)], indirect=True)
@running
async def test_a_login_played_back_inside_of_tls(way: Way) -> None:
    """Somebody has all of a login that succeeded, and a line of TLS of their own."""
    tapped = Tapped()
    async with way.listen() as listener:
        with watching(tapped):
            await way.talk(listener.port)
        (said,) = (line.there for line in tapped.lines if b" AUTH\r\n" in line.there)
        answers = []
        async with raw_peer(listener.port) as thief:
            for frame in requests(said):
                thief.say(frame)
                if (answer := await thief.hear()) is None:
                    break
                answers.append(answer)
    assert [answer.status for answer in answers[:2]] == [401, 401]
    assert "s2c=" in (answers[1].header("WWW-Authenticate") or ""), "it got as far as a challenge"
    assert 200 not in [answer.status for answer in answers]
    assert (way.sessions, way.messages) == (1, [TEXT])


class Parrot:
    """A listener that gives to each request the answer that was once given to the one in its place."""

    def __init__(self, answers: list[Frame], *, tls: bool) -> None:
        self.heard: list[Frame] = []
        self._answers = answers
        self._context = server_context(TlsMode.ANONYMOUS, ThrowAway()) if tls else None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        layer = None if self._context is None else TlsLayer(self._context, server=True)
        parser = Parser()
        with contextlib.suppress(ConnectionError, MsrpError):
            while data := await reader.read(65536):
                for piece in [data] if layer is None else layer.unwrap(data):
                    for event in parser.feed(piece):
                        if isinstance(event, Frame):
                            said = self._answer(event)
                            writer.writelines([said] if layer is None else layer.wrap([said]))
                if layer is not None:
                    writer.writelines(layer.wrap([]))
        writer.close()

    def _answer(self, frame: Frame) -> bytes:
        old = self._answers[len(self.heard)]
        self.heard.append(frame)
        kept = [(name, value) for name, value in old.headers if name not in ("To-Path", "From-Path")]
        return response(frame, old.status or 200, "x", kept)


@pytest.mark.parametrize("way", LOGINS, indirect=True)
@running
async def test_what_a_listener_said_played_back_to_who_logs_in(way: Way) -> None:
    """Its paths and ids are those of the new requests, for others would not be looked at."""
    tapped = Tapped()
    async with way.listen() as listener:
        with watching(tapped):
            await way.talk(listener.port)
    (said,) = (line.back for line in tapped.lines if b" AUTH\r\n" in line.there)
    parrot = Parrot(frames(said), tls=way.tls)
    server = await asyncio.start_server(parrot.serve, "127.0.0.1", 0)
    try:
        with pytest.raises(MsrpError) as refused:
            async with way.connect(server.sockets[0].getsockname()[1]):
                pass
    finally:
        server.close()
    assert re.search(REFUSED, str(refused.value)), refused.value
    assert [frame.method for frame in parrot.heard] == ["AUTH"] * len(parrot.heard)
    assert len(parrot.heard) >= 2, "it got as far as a token"
    for frame in parrot.heard:
        assert frame.header("Accept-Types") is None, "no session was asked for"
