"""AUTH that is none, over real sockets and with real mechanisms: each is closed with clear words here,
and the least said to the other side. Plain TCP, where nothing but AUTH stands between an attacker and us."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import re
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

import msrp_peer
from msrp_core import Frame, Parser, Uri, request, response
from msrp_peer import ConnectionLost, Limits, MsrpError, NotSecureEnough, PeerError
from msrp_peer.protocol.sasl_header import SaslHeader
from msrp_peer.terms.principal import Principal
from msrp_sasl import Accepting, Channel, Identities, Initiating, Policy, SASLClient, SASLServer
from sasl.realm import Realm, identity, needed, realm
from support.people import ALICE, BOB, Knows, known
from support.proxy import raw
from support.running import LOCAL, Talk, running

MIB = 1 << 20
DIGEST = Policy(digest_md5=True, mechanisms=("DIGEST-MD5",))
SHORT = Limits(handshake=1.0, closing=1.0)


async def nobody(session: msrp_peer.Session) -> None:
    raise AssertionError("nobody was to get in")


def listen(talk: Callable[..., Any] = nobody, limits: Limits | None = None) -> msrp_peer.listen:
    return msrp_peer.listen(
        LOCAL, talk, me=BOB, verifiers=known(), policy=DIGEST, tls="none", limits=limits or Limits()
    )


# -- whoever comes to a listener


class Caller:
    """DIGEST-MD5 by hand on plain TCP."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        self.reader, self.writer = reader, writer
        self.to = f"msrp://127.0.0.1:{port};tcp"
        self.own = Uri.fresh("127.0.0.1", 9, secure=False).text
        self.sasl = SASLClient(Initiating(ALICE, BOB, Channel(), DIGEST, Knows(), ("DIGEST-MD5",)))
        self._parser = Parser()
        self.frames: list[Frame] = []

    def auth(self, header: SaslHeader | str | None, body: bytes | None = None) -> bytes:
        value = header.text() if isinstance(header, SaslHeader) else header
        headers = [] if value is None else [("Authorization", value)]
        if body is not None:
            headers += [("Message-ID", "abcdefgh"), ("Byte-Range", "1-4/4"), ("Content-Type", "text/plain")]
        return request("AUTH", self.to, self.own, headers, body)[1]

    async def hear(self) -> Frame | None:
        while not self.frames:
            data = b""
            with contextlib.suppress(ConnectionError):
                data = await self.reader.read(65536)
            if not data:
                return None
            self.frames += [event for event in self._parser.feed(data) if isinstance(event, Frame)]
        return self.frames.pop(0)

    async def ask(self, header: SaslHeader | str | None, body: bytes | None = None) -> Frame | None:
        self.writer.write(self.auth(header, body))
        return await self.hear()

    async def challenged(self) -> bytes:
        """Start; the answer to the challenge, not sent yet."""
        answer = await self.ask(SaslHeader(("DIGEST-MD5",), to=BOB))
        assert answer is not None
        said = SaslHeader.of(answer, "WWW-Authenticate")
        assert said is not None
        self.sasl.start(0)
        return self.sasl.process(said.s2c or b"", 0)

    async def succeed(self) -> None:
        answer = await self.ask(SaslHeader(c2s=await self.challenged()))
        assert answer is not None
        assert answer.status == 200
        said = SaslHeader.of(answer, "Authentication-Info")
        assert said is not None
        self.sasl.succeeded(said.s2c, 0)

    async def closed(self) -> None:
        """Nothing more is said, and the connection ends."""
        assert await self.hear() is None


@contextlib.asynccontextmanager
async def calling(limits: Limits | None = None) -> AsyncIterator[Caller]:
    async with listen(limits=limits) as listener, raw(listener.port) as (reader, writer):
        yield Caller(reader, writer, listener.port)


@running
async def test_a_start_in_the_middle_of_an_exchange() -> None:
    async with calling() as caller:
        await caller.challenged()
        answer = await caller.ask(SaslHeader(("DIGEST-MD5",)))
        assert answer is not None
        assert answer.status == 400
        await caller.closed()


@pytest.mark.parametrize("first", ["start", "token"])
@running
async def test_two_at_once(caplog: pytest.LogCaptureFixture, first: str) -> None:
    """Whoever sends behind an unanswered AUTH cannot know through which layer it has to go."""
    caplog.set_level(logging.INFO)
    async with calling() as caller:
        start = SaslHeader(("DIGEST-MD5",), to=BOB)
        if first == "token":
            start = SaslHeader(c2s=await caller.challenged())
        caller.writer.write(caller.auth(start) + caller.auth(None))
        await caller.closed()
        await asyncio.sleep(0)
    assert "went on talking before its AUTH was answered" in caplog.text


@running
async def test_a_body() -> None:
    async with calling() as caller:
        answer = await caller.ask(SaslHeader(("DIGEST-MD5",)), b"body")
        assert answer is not None
        assert answer.status == 400
        token = SaslHeader(c2s=await caller.challenged())
        answer = await caller.ask(token, b"body")
        assert answer is not None
        assert answer.status == 400
        await caller.closed()


@pytest.mark.parametrize("where", ["start", "token"])
@running
async def test_a_token_of_a_mebibyte(caplog: pytest.LogCaptureFixture, where: str) -> None:
    """It is not even kept until its end."""
    caplog.set_level(logging.INFO)
    huge = base64.b64encode(bytes(MIB)).decode()
    async with calling() as caller:
        value = f'SASL mech="DIGEST-MD5",c2s="{huge}"'
        if where == "token":
            await caller.challenged()
            value = f'SASL c2s="{huge}"'
        to, own = caller.to, caller.own
        head = f"MSRP abcdefgh AUTH\r\nTo-Path: {to}\r\nFrom-Path: {own}\r\nAuthorization: {value}\r\n"
        caller.writer.write(f"{head}-------abcdefgh$\r\n".encode())
        with contextlib.suppress(ConnectionError):
            await caller.writer.drain()
        answer = await caller.hear()
        assert answer is None or (answer.status or 0) >= 400
        assert await caller.hear() is None
    assert "the other side broke the protocol" in caplog.text


@pytest.mark.parametrize("said", [b"MSRP abcdefgh SEND\r\n", b"\0\0\0\x20" + bytes(32), b"\xff" * 64])
@running
async def test_a_layer_that_never_starts(caplog: pytest.LogCaptureFixture, said: bytes) -> None:
    """Behind success nothing counts that did not go through the layer."""
    caplog.set_level(logging.INFO)
    async with calling() as caller:
        await caller.succeed()
        caller.writer.write(said)
        await caller.closed()
    assert "the security layer broke" in caplog.text


@running
async def test_silence_where_a_layer_should_start(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with calling(SHORT) as caller:
        await caller.succeed()
        await caller.closed()
    assert "begin a session, within 1 s" in caplog.text


@running
async def test_auth_in_the_middle_of_a_session() -> None:
    """Under the layer, where a session stands; the session goes on."""
    talk = Talk()
    async with listen(talk) as listener:
        async with msrp_peer.connect(
            f"127.0.0.1:{listener.port}",
            me=ALICE,
            expect=BOB,
            credentials=Knows(),
            policy=DIGEST,
            tls="none",
        ) as near:
            far = await talk.met()
            line = near.driver
            own = Uri.fresh("127.0.0.1", 9, secure=False).text
            for value, status in (
                (SaslHeader(("DIGEST-MD5",)).text(), 400),
                (SaslHeader(c2s=b"x").text(), 400),
                (SaslHeader(abort=True).text(), 400),
                ("SASL c2s", 400),
            ):
                to = f"msrp://127.0.0.1:{listener.port};tcp"
                headers = [("Authorization", value)]
                asked = line.connection.request("AUTH", to, own, headers, line.now())
                asked.bell = bell = line.bell()
                line.flush()
                while not asked.over:
                    await bell.heard()
                assert asked.response is not None
                assert asked.response.status == status
            await (await near.send("still here")).delivered()
            assert [await message.text() async for message in _one(far)] == ["still here"]
        talk.over()


async def _one(session: msrp_peer.Session) -> AsyncIterator[msrp_peer.Message]:
    async for message in session:
        yield message
        return


# -- whoever is called


Reply = Callable[[Frame, "Called"], list[bytes]]


class Called:
    """An acceptor by hand on plain TCP: real mechanisms, and at one step `reply` answers instead."""

    def __init__(self, server: SASLServer, at: int, reply: Reply) -> None:
        self.server = server
        self.heard = 0
        self._at, self._reply = at, reply
        self.over = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser = Parser()
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                for event in parser.feed(data) if self.heard < 100 else ():
                    if not isinstance(event, Frame):
                        continue
                    self.heard += 1
                    said = self._reply(event, self) if self.heard == self._at else self._usual(event)
                    writer.writelines(said)
                    if self.server.complete:
                        self.heard = 100  # what follows goes through a layer
        writer.close()
        self.over.set()

    def _usual(self, frame: Frame) -> list[bytes]:
        header = SaslHeader.of(frame, "Authorization")
        if header is None:
            return [listing(frame, 401, self.server)]
        now = time.time()
        if header.mech is not None:
            token = self.server.start(header.mech[0], header.c2s, now)
        else:
            token = self.server.process(header.c2s or b"", now)
        if self.server.complete:
            return [success(frame, token)]
        return [challenge(frame, token)]


def listing(frame: Frame, status: int, server: SASLServer) -> bytes:
    name = "WWW-Authenticate" if status == 401 else "Authentication-Info"
    return response(frame, status, "x", [(name, SaslHeader(server.offered).text())])


def challenge(frame: Frame, token: bytes | None) -> bytes:
    return response(frame, 401, "x", [("WWW-Authenticate", SaslHeader(s2c=token or b"").text())])


def success(frame: Frame, token: bytes | None = None) -> bytes:
    return response(frame, 200, "x", [("Authentication-Info", SaslHeader(s2c=token).text())])


def stepped(frame: Frame, called: Called) -> bytes | None:
    """What bob's mechanism says to this token."""
    header = SaslHeader.of(frame, "Authorization")
    assert header is not None
    return called.server.process(header.c2s or b"", time.time())


def huge(frame: Frame, called: Called) -> list[bytes]:
    """A challenge of a mebibyte, as no writer of ours would let it go."""
    value = base64.b64encode(bytes(MIB)).decode()
    usual = challenge(frame, b"?").decode()
    return [usual.replace(base64.b64encode(b"?").decode(), value).encode()]


def in_the_clear(frame: Frame, called: Called) -> list[bytes]:
    """Success, and then no layer."""
    token = stepped(frame, called)
    return [success(frame, token), listing(frame, 200, called.server)]


def silent(frame: Frame, called: Called) -> list[bytes]:
    return [success(frame, stepped(frame, called))]


def early(frame: Frame, called: Called) -> list[bytes]:
    return [success(frame)]


def someone_elses(frame: Frame, called: Called) -> list[bytes]:
    stepped(frame, called)
    return [success(frame, b"rspauth=00000000000000000000000000000000")]


def owing(frame: Frame, called: Called) -> list[bytes]:
    stepped(frame, called)
    return [success(frame)]


def empty(frame: Frame, called: Called) -> list[bytes]:
    return [success(frame, b"")]


def authority(realm_name: str) -> Identities:
    return Identities(lambda text: Principal.parse(text).text, scheme="im", domain=realm_name)


async def call(server: SASLServer, at: int, reply: Reply, **login: Any) -> MsrpError:
    """What connect says to such an acceptor."""
    called = Called(server, at, reply)
    listening = await asyncio.start_server(called.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    try:
        with pytest.raises(MsrpError) as caught:
            async with msrp_peer.connect(f"127.0.0.1:{port}", tls="none", **login):
                pass
        await called.over.wait()
    finally:
        listening.close()
    assert called.heard in (at, 100), "nothing was said after it"
    return caught.value


@pytest.mark.parametrize(
    ("at", "reply", "kind", "words"),
    [
        (1, early, PeerError, "claims success|answered 200"),
        (1, empty, PeerError, "claims success|answered 200"),
        (2, early, NotSecureEnough, "without the proof it owes"),
        (2, huge, MsrpError, "broke the protocol"),
        (3, early, NotSecureEnough, "without the proof it owes"),
        (3, owing, NotSecureEnough, "without the proof it owes"),
        (3, empty, NotSecureEnough, ""),
        (3, someone_elses, NotSecureEnough, "does not know the password|false|proof"),
        (3, in_the_clear, MsrpError, "the security layer broke"),
        (3, silent, ConnectionLost, "within 1 s|longer than 1 s"),
    ],
)
def test_an_acceptor_of_digest_that_does_not_prove_itself(
    at: int, reply: Reply, kind: type[MsrpError], words: str
) -> None:
    """Without rspauth nothing is proved; what comes past the layer is not believed."""

    @running
    async def test() -> None:
        setting = Accepting(BOB, Channel(), DIGEST, authority("lan"), known(), ("DIGEST-MD5",))
        login = {"me": ALICE, "expect": BOB, "credentials": Knows(), "policy": DIGEST, "limits": SHORT}
        error = await call(SASLServer(setting), at, reply, **login)
        assert isinstance(error, kind)
        assert re.search(words, str(error)), error

    test()


@needed
@pytest.mark.parametrize(
    ("at", "reply", "words"),
    [
        (1, early, "claims success|answered 200"),
        (2, early, "without the proof it owes"),
        (2, huge, "broke the protocol"),
        (3, early, "without the proof it owes"),
        (4, early, "without the proof it owes"),
        (4, empty, ""),
        (5, in_the_clear, "the security layer broke"),
        (5, silent, "within 1 s|longer than 1 s"),
    ],
)
def test_an_acceptor_of_kerberos_that_does_not_prove_itself(at: int, reply: Reply, words: str) -> None:
    """A 200 before the wrapped offer of layers has come proves nobody: an AP-REP alone can be old."""
    home: Realm = realm()
    alice, bob = identity("alice"), identity("bob")
    policy = Policy(mechanisms=("KRB5-U2U",))

    @running
    async def test() -> None:
        setting = Accepting(bob, Channel(), policy, authority("krbtest.com"), kerberos=home.of("bob"))
        login = {"me": alice, "expect": bob, "kerberos": home.of("alice"), "limits": SHORT}
        error = await call(SASLServer(setting), at, reply, **login)
        assert re.search(words, str(error)), error

    with home.at_home():
        test()
