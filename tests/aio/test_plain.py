"""Plain TCP where the proof protects the line: through connect and listen, with no TLS."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import msrp_peer
from msrp_core import new_ident, request
from msrp_peer import ConnectionLost, Level, NotSecureEnough, PeerError, UsageError
from msrp_peer.aio.line import Line
from msrp_peer.protocol.connection import Connection
from msrp_peer.session.establish import establish, own_terms
from msrp_peer.signalling.interface import Agreed
from msrp_sasl import Policy
from sasl.realm import Realm, identity, needed, realm
from support.people import ALICE, BOB, SECRET, Knows, known
from support.proxy import Fate, proxy, raw
from support.running import LOCAL, Talk, first, running, until

DIGEST = Policy(digest_md5=True)
PLAIN = "msrp://127.0.0.1:{};tcp"
SECRETS = (b"Accept-Types", b"Use-Path", b"SEND", b"meanwhile", SECRET.encode())


def by_digest(**more: Any) -> dict[str, Any]:
    return {"me": ALICE, "expect": BOB, "credentials": Knows(), "policy": DIGEST, "tls": "none", **more}


def to_digest(**more: Any) -> dict[str, Any]:
    return {"me": BOB, "verifiers": known(), "policy": DIGEST, "tls": "none", **more}


class Way:
    """How the two prove themselves."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.home: Realm | None = realm() if name == "KRB5-U2U" else None
        self.level = Level.AUTHENTICATED if self.home else Level.PASSIVE_ONLY
        self.me, self.other = (identity("alice"), identity("bob")) if self.home else (ALICE, BOB)

    def connect(self, target: str | int, **more: Any) -> msrp_peer.connect:
        given = by_digest()
        if self.home is not None:
            ticket = self.home.of("alice")
            given = {"me": self.me, "expect": self.other, "kerberos": ticket, "tls": "none"}
        return msrp_peer.connect(f"127.0.0.1:{target}" if isinstance(target, int) else target, **given | more)

    def listen(self, talk: Callable[..., Any], **more: Any) -> msrp_peer.listen:
        given = to_digest()
        if self.home is not None:
            given = {"me": self.other, "kerberos": self.home.of("bob"), "tls": "none"}
        return msrp_peer.listen(LOCAL, talk, **given | more)


@pytest.fixture(params=["DIGEST-MD5", pytest.param("KRB5-U2U", marks=needed)])
def way(request: pytest.FixtureRequest) -> Any:
    if request.param == "KRB5-U2U":
        with realm().at_home():
            yield Way(request.param)
    else:
        yield Way(request.param)


async def nobody(session: msrp_peer.Session) -> None:
    raise AssertionError("nobody was to get in")


# -- what it gives


@pytest.mark.parametrize("octetwise", [False, True])
def test_a_session_on_plain_tcp(way: Way, octetwise: bool) -> None:
    """Who watches sees the proof, and nothing of the session; not even its URIs."""

    @running
    async def test() -> None:
        talk = Talk()
        there, back = Fate(octetwise=octetwise), Fate(octetwise=octetwise)
        async with way.listen(talk) as listener, proxy(listener.port, there, back) as watched:
            assert listener.uri == PLAIN.format(listener.port)
            async with way.connect(watched.port) as near:
                far = await talk.met()
                for end, who in ((near, way.other), (far, way.me)):
                    security = end.security
                    assert security.level is way.level
                    assert [layer.kind for layer in security.layers] == ["sasl"]
                    assert security.proof is not None
                    assert (security.proof.principal, security.proof.mechanism) == (who, way.name)
                await (await near.send("meanwhile")).delivered()
                assert await (await first(far)).text() == "meanwhile"
                await (await far.send("meanwhile")).delivered()
            talk.over()
        said = bytes(there.kept + back.kept)
        assert b"AUTH" in said, "it would have been seen"
        assert b"msrps:" not in said
        assert f'mech="{way.name}"'.encode() in said
        for secret in (*SECRETS, near._endpoint.local.encode(), near._endpoint.remote.encode()):
            assert secret not in said

    test()


@pytest.mark.parametrize("cut", [True, False])
def test_the_end_of_a_line_cannot_be_forged(way: Way, cut: bool) -> None:
    """Between two buffers, too: who is on the way ends the connection, and nobody takes it for goodbye."""

    @running
    async def test() -> None:
        talk = Talk()
        async with way.listen(talk) as listener, proxy(listener.port) as between:
            async with way.connect(between.port) as near:
                far = await talk.met()
                await (await near.send("meanwhile")).delivered()
                assert await (await first(far)).text() == "meanwhile"
                if cut:
                    between.cut()
                    for end in (near, far):
                        with pytest.raises(ConnectionLost, match="did not say goodbye"):
                            await first(end)
                else:
                    await near.close()
                    for end in (near, far):
                        assert [message async for message in end] == []
            talk.over()

    test()


def test_a_password_over_plain_tcp_reaches_less_and_says_why() -> None:
    @running
    async def test() -> None:
        talk, way = Talk(), Way("DIGEST-MD5")
        async with way.listen(talk) as listener, way.connect(listener.port) as near:
            assert "could be guessed by whoever watched" in near.security.describe()
            talk.over()

    test()


def test_an_msrp_uri_means_it(way: Way) -> None:
    @running
    async def test() -> None:
        talk = Talk()
        async with way.listen(talk) as listener:
            async with way.connect(PLAIN.format(listener.port), tls=None) as near:
                assert [layer.kind for layer in near.security.layers] == ["sasl"]
            async with msrp_peer.Pool() as pool:
                shared = {"pool": pool} | ({} if way.home else {"credentials": Knows()})
                async with way.connect(listener.port, **shared), way.connect(listener.port, **shared):
                    assert pool.connections == 1
            talk.over()

    test()


# -- what it never does


@pytest.mark.parametrize(
    ("target", "more"),
    [
        ("msrp://127.0.0.1:1;tcp", {"tls": "anonymous"}),
        ("msrps://127.0.0.1:1;tcp", {}),
        ("127.0.0.1:1", {"tls": "fingerprint"}),
        ("127.0.0.1:1", {"tls": "nothing"}),
        ("127.0.0.1:1", {"policy": Policy()}),
        ("127.0.0.1:1", {"credentials": None, "expect": None}),
        ("msrp://127.0.0.1:1;tcp", {"tls": None, "credentials": None, "expect": None}),
        ("127.0.0.1:1", {"credentials": None, "expect": None, "require": Level.PLAINTEXT}),
        ("127.0.0.1:1", {"require": Level.KEY_VERIFIED}),
        ("127.0.0.1:1", {"policy": Policy(digest_md5=True, digest_md5_qops=("auth", "auth-int"))}),
    ],
)
def test_what_connect_must_be_told(target: str, more: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        msrp_peer.connect(target, **by_digest(**more))


@pytest.mark.parametrize(
    "more",
    [
        {"verifiers": None},
        {"verifiers": None, "require": Level.PLAINTEXT},
        {"policy": Policy()},
        {"require": Level.AUTHENTICATED},
        {"expect": ALICE},
    ],
)
def test_what_listen_must_be_told(more: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        msrp_peer.listen(LOCAL, nobody, **to_digest(**more))


@running
async def test_before_the_layer_a_listener_does_nothing_but_auth() -> None:
    """Whatever it was told to require."""
    for required in (Level.PLAINTEXT, Level.PASSIVE_ONLY):
        listening = msrp_peer.listen(LOCAL, nobody, **to_digest(require=required))
        async with listening as listener, raw(listener.port) as (reader, writer):
            to, own = PLAIN.format(listener.port), f"msrp://127.0.0.1:9/{new_ident()}{new_ident()};tcp"
            for method, headers, status in (
                ("AUTH", [("Accept-Types", "*")], b" 401 "),
                ("SEND", [("Message-ID", "12345")], b" 403 "),
                ("REPORT", [("Message-ID", "12345")], b""),
                ("NICKNAME", [], b" 501 "),
                ("AUTH", [("Expires", "0")], b" 401 "),
                ("AUTH", [("Authorization", "Digest x")], b" 401 "),
            ):
                writer.write(request(method, to, own, headers)[1])
                if status:
                    answer = await reader.readuntil(b"$\r\n")
                    assert status in answer
                    assert b"Use-Path" not in answer


@running
async def test_a_session_is_never_asked_for_in_the_clear() -> None:
    """Even where the application says that it wants no protection: that is for URIs of its own."""
    heard = bytearray()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.read())
        writer.close()

    server = await asyncio.start_server(hear, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    agreed = Agreed(None, PLAIN.format(port), active=True, tls="none")
    loop = asyncio.get_running_loop()
    _, line = await loop.create_connection(
        lambda: Line(Connection(terms=own_terms(agreed), granting=False)), "127.0.0.1", port
    )
    with pytest.raises(NotSecureEnough, match="everybody on the way can read"):
        await establish(line, agreed, Level.PLAINTEXT)
    line.connection.close(line.now())
    line.flush()
    await line.gone()
    await until(lambda: line.connection.state == "closed")
    server.close()
    assert heard == b""


@needed
def test_a_list_made_shorter_is_seen_under_the_layer() -> None:
    """Both have tickets and a password; who stands in between would rather have the password."""

    @running
    async def test() -> None:
        home = realm()
        alice, bob = identity("alice"), identity("bob")
        both = {"tls": "none", "policy": DIGEST}
        verifiers = known({alice: SECRET}, at=bob)
        async with msrp_peer.listen(
            LOCAL, nobody, me=bob, verifiers=verifiers, kerberos=home.of("bob"), **both
        ) as listener:

            async def middle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", listener.port)

                async def carry(
                    source: asyncio.StreamReader, sink: asyncio.StreamWriter, change: Callable[[bytes], bytes]
                ) -> None:
                    while data := await source.read(65536):
                        sink.write(change(data))
                    sink.close()

                await asyncio.gather(
                    carry(reader, far_writer, lambda octets: octets),
                    carry(far_reader, writer, lambda octets: octets.replace(b"KRB5-U2U ", b"")),
                )

            server = await asyncio.start_server(middle, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(NotSecureEnough, match="somebody changed it on the way"):
                async with msrp_peer.connect(
                    f"127.0.0.1:{port}",
                    me=alice,
                    expect=bob,
                    credentials=Knows(),
                    kerberos=home.of("alice"),
                    **both,
                ):
                    pass
            server.close()

    with realm().at_home():
        test()


def test_who_is_not_who_they_say(way: Way) -> None:
    @running
    async def test() -> None:
        async with way.listen(nobody) as listener:
            if way.home is None:
                with pytest.raises(NotSecureEnough, match="the password is wrong"):
                    async with way.connect(listener.port, credentials=Knows("wrong")):
                        pass
            with pytest.raises(NotSecureEnough):
                async with way.connect(listener.port, expect=identity("carol")):
                    pass

    test()


@pytest.mark.parametrize("listens", ["none", "anonymous"])
def test_one_side_with_tls_and_the_other_without(listens: str) -> None:
    @running
    async def test() -> None:
        async with msrp_peer.listen(LOCAL, nobody, **to_digest(tls=listens)) as listener:
            tls = {"none": "anonymous", "anonymous": "none"}[listens]
            with pytest.raises((PeerError, msrp_peer.ConnectionLost)) as lost:
                async with msrp_peer.connect(f"127.0.0.1:{listener.port}", **by_digest(tls=tls)):
                    pass
            print(lost.value)

    test()
