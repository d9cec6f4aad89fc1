"""Two people with tickets prove themselves to each other by KRB5-U2U, through connect and listen."""

from __future__ import annotations

import asyncio
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import msrp_peer
from msrp_core import Frame, request
from msrp_peer import ConnectionLost, Level, Limits, NotSecureEnough, UsageError
from msrp_peer.protocol.sasl_header import SaslHeader
from msrp_peer.protocol.watch import EXPIRED
from msrp_sasl import Policy
from msrp_sasl.kerberos.libkrb5 import own_ticket
from sasl.realm import CLEAR, USER_TO_USER, Realm, identity, needed, realm
from support.by_hand import LISTENER
from support.people import SECRET, Knows, known
from support.raw_peer import raw_peer
from support.running import LOCAL, Talk, first, running
from support.silent import silent_kdc

pytestmark = needed

IN_BETWEEN = Path(__file__).parents[1] / "support" / "in_between_script.py"

ALICE, BOB, CAROL = identity("alice"), identity("bob"), identity("carol")


@pytest.fixture(name="home")
def _home() -> Iterator[Realm]:
    shared = realm()
    with shared.at_home():
        yield shared


def connect(home: Realm, port: int, who: str = "alice", **more: Any) -> msrp_peer.connect:
    given = {"me": identity(who), "expect": BOB, "kerberos": home.of(who), **more}
    return msrp_peer.connect(f"127.0.0.1:{port}", **given)


def listen(home: Realm, talk: Talk | None, **more: Any) -> msrp_peer.listen:
    given = {"me": BOB, "kerberos": home.of("bob"), "require": Level.AUTHENTICATED, **more}
    return msrp_peer.listen(LOCAL, talk, **given)


async def nobody(session: msrp_peer.Session) -> None:
    raise AssertionError("nobody was to get in")


def seen(session: msrp_peer.Session) -> tuple[str, str, bool]:
    """Who is proved there, by what, and whether bound to the line."""
    security = session.security
    assert security.level is Level.AUTHENTICATED
    assert security.proof is not None
    return security.proof.principal, security.proof.mechanism, security.proof.bound


@pytest.mark.parametrize("tls", ["anonymous", "adh"])
def test_both_are_proved(home: Realm, tls: str) -> None:
    @running
    async def test() -> None:
        talk = Talk()
        async with listen(home, talk, tls=tls) as listener:
            async with connect(home, listener.port, tls=tls) as near:
                far = await talk.met()
                assert seen(near) == (BOB, "KRB5-U2U", True)
                assert seen(far) == (ALICE, "KRB5-U2U", True)
                assert [layer.kind for layer in far.security.layers] == ["tls"]
                await near.send("hello")
                assert seen_of(await first(far)) == ALICE
            talk.over()

    def seen_of(message: msrp_peer.Message) -> str | None:
        return message.security.proof and message.security.proof.principal

    test()


def test_what_a_side_has_decides(home: Realm) -> None:
    """One listener for those with tickets and those with passwords; each takes what it has."""

    @running
    async def test() -> None:
        talk = Talk()
        verifiers = known({ALICE: SECRET, CAROL: SECRET}, at=BOB)
        async with listen(home, talk, verifiers=verifiers) as listener:
            for has, mechanism in (
                ({"credentials": Knows(), "kerberos": None}, "SCRAM-SHA-512-PLUS"),
                ({"credentials": Knows()}, "KRB5-U2U"),
                ({}, "KRB5-U2U"),
            ):
                async with connect(home, listener.port, "carol", **has) as near:
                    assert seen(near) == (BOB, mechanism, True)
                    assert seen(await talk.met()) == (CAROL, mechanism, True)
            talk.over()

    test()


def test_what_only_one_side_has(home: Realm) -> None:
    @running
    async def test() -> None:
        passwords = known({ALICE: SECRET}, at=BOB)
        async with listen(home, nobody, kerberos=None, verifiers=passwords) as listener:
            with pytest.raises(NotSecureEnough, match="offers none of KRB5-U2U"):
                async with connect(home, listener.port):
                    pass
        async with listen(home, nobody) as listener:
            with pytest.raises(NotSecureEnough, match="offers none of SCRAM"):
                async with connect(home, listener.port, kerberos=None, credentials=Knows()):
                    pass

    test()


def test_who_is_refused(home: Realm) -> None:
    @running
    async def test() -> None:
        async with listen(home, nobody, expect=ALICE) as listener:
            with pytest.raises(NotSecureEnough):  # carol is proved, and not expected
                async with connect(home, listener.port, "carol"):
                    pass
            with pytest.raises(NotSecureEnough):  # who is there is bob, and not carol
                async with connect(home, listener.port, expect=CAROL):
                    pass
            with pytest.raises(NotSecureEnough, match=r"is alice@KRBTEST\.COM's, not that of .*carol"):
                async with connect(home, listener.port, "carol", kerberos=home.of("alice")):
                    pass

    test()


def test_a_listener_that_is_somebody_else_is_not_believed(home: Realm) -> None:
    """Its ticket is carol's, whatever it calls itself."""

    @running
    async def test() -> None:
        async with listen(home, nobody, kerberos=home.of("carol")) as listener:
            with pytest.raises(NotSecureEnough):
                async with connect(home, listener.port):
                    pass

    test()


def test_what_must_be_told(home: Realm) -> None:
    for wrong in ({"me": None}, {"expect": None}, {"expect": ALICE}):
        with pytest.raises(UsageError):
            connect(home, 1, **wrong)
    with pytest.raises(UsageError):
        listen(home, Talk(), me=None)


def test_sessions_of_a_pool_share_a_proved_line(home: Realm) -> None:
    @running
    async def test() -> None:
        talk = Talk()
        async with listen(home, talk) as listener, msrp_peer.Pool() as pool:
            async with (
                connect(home, listener.port, pool=pool) as one,
                connect(home, listener.port, pool=pool) as two,
            ):
                assert pool.connections == 1
                assert seen(one) == seen(two)
            talk.over()

    test()


@pytest.mark.parametrize("side", ["initiator", "acceptor"])
def test_a_line_ends_with_its_ticket(home: Realm, side: str) -> None:
    """For the one side the ticket ends half a second after the proof; the other sees an orderly end."""

    @running
    async def test() -> None:
        ends = min(own_ticket(home.ccache(who), 0).ends for who in ("alice", "bob"))
        talk = Talk()
        listening = listen(home, talk)
        if side == "acceptor":
            guard = listening._listener.guard
            assert guard is not None
            guard.clock = lambda: ends - 0.5
        async with listening as listener:
            connecting = connect(home, listener.port)
            if side == "initiator":
                login = connecting._login
                assert login is not None
                object.__setattr__(login, "clock", lambda: ends - 0.5)
            async with connecting as near:
                far = await talk.met()
                here, there = (near, far) if side == "initiator" else (far, near)
                with pytest.raises(ConnectionLost, match="a ticket lasts so long"):
                    await first(here)
                assert [message async for message in there] == []
            talk.over()

    assert "ticket" in EXPIRED
    test()


def test_a_kdc_that_does_not_answer_stops_nobody_else(home: Realm, tmp_path: Path) -> None:
    """One session stands, others ask a KDC that keeps silent; one more begins, by a password."""

    @running
    async def test() -> None:
        talk = Talk()
        verifiers = known({CAROL: SECRET}, at=BOB)
        async with listen(home, talk, verifiers=verifiers) as listener:
            async with connect(home, listener.port) as near:
                far = await talk.met()
                with silent_kdc(tmp_path) as silent:
                    short = Limits(handshake=4)
                    asking = [connect(home, listener.port, "carol", limits=short) for _ in range(2)]
                    waiting = [asyncio.ensure_future(each.__aenter__()) for each in asking]
                    await silent.asked()
                    await near.send("meanwhile")
                    assert await (await first(far)).text() == "meanwhile"
                    by_password = {"kerberos": None, "credentials": Knows()}
                    async with connect(home, listener.port, "carol", **by_password) as other:
                        assert seen(other)[0] == BOB
                    assert not any(each.done() for each in waiting)
                    for each in await asyncio.gather(*waiting, return_exceptions=True):
                        assert isinstance(each, ConnectionLost)
            talk.over()

    test()


# -- somebody in between


@asynccontextmanager
async def in_another_process(to: int) -> AsyncIterator[tuple[int, list[bytes]]]:
    """The port of somebody in between, with valid TLS to both sides; what they saw, once they are gone."""
    seen: list[bytes] = []
    process = await asyncio.create_subprocess_exec(
        sys.executable, IN_BETWEEN, str(to), stdin=PIPE, stdout=PIPE
    )
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline()), seen
    finally:
        told, _ = await process.communicate(b"")
    seen += map(bytes.fromhex, told.decode().split("\n")[:2])


@pytest.mark.parametrize("tls", ["anonymous", "adh"])
def test_a_relaying_man_in_the_middle_is_refused(home: Realm, tls: str) -> None:
    """He carries every octet as it is; the tickets are bound to the channel, and the channels are two."""

    @running
    async def test() -> None:
        async with listen(home, nobody) as listener, in_another_process(listener.port) as (port, seen):
            with pytest.raises(NotSecureEnough, match="somebody stands in between"):
                async with connect(home, port, tls=tls):
                    pass
        there, back = seen
        assert b'mech="KRB5-U2U"' in there, "he carried the login"
        assert b"403" in back
        for secret in (b"Accept-Types", b"im%3A", b"SEND", b"Use-Path"):
            assert secret not in there + back

    test()


def test_without_a_proof_he_sees_everything(home: Realm) -> None:
    """What the test above would find, if it were there."""

    @running
    async def test() -> None:
        talk = Talk()
        async with listen(home, talk, require=Level.PASSIVE_ONLY) as listener:
            async with (
                in_another_process(listener.port) as (port, seen),
                msrp_peer.connect(f"127.0.0.1:{port}", me=ALICE) as near,
            ):
                await (await near.send("the secret")).delivered()
            talk.over()
        for word in (b"the secret", b"Accept-Types", b"SEND"):
            assert word in seen[0]

    test()


def test_a_ticket_that_is_bound_to_nothing_is_refused(home: Realm) -> None:
    """MIT's library lets in an initiator that gives no channel bindings at all; we do not."""

    @running
    async def test() -> None:
        async with listen(home, nobody) as listener, raw_peer(listener.port) as peer:
            outside_tls = home.initiator(USER_TO_USER, channel=CLEAR)  # whose tickets have none

            async def ask(header: SaslHeader) -> Frame:
                peer.say(request("AUTH", LISTENER, peer.own, [("Authorization", header.text())])[1])
                answer = await peer.hear()
                assert answer is not None
                return answer

            now = time.time()
            start = outside_tls.start(now)
            challenge = await ask(SaslHeader((USER_TO_USER,), to=BOB, c2s=start))
            said = SaslHeader.of(challenge, "WWW-Authenticate")
            assert said is not None
            assert said.s2c is not None, "its ticket-granting ticket, which anybody may have"
            answer = outside_tls.process(said.s2c, now)
            assert (await ask(SaslHeader(c2s=answer))).status == 403
            assert await peer.hear() is None

    test()


def test_only_kerberos_may_be_allowed(home: Realm) -> None:
    @running
    async def test() -> None:
        only = Policy(mechanisms=("KRB5-U2U",))
        talk = Talk()
        async with listen(home, talk, policy=only, verifiers=known(at=BOB)) as listener:
            with pytest.raises(NotSecureEnough, match="offers none of SCRAM"):
                async with connect(home, listener.port, kerberos=None, credentials=Knows()):
                    pass
            async with connect(home, listener.port, policy=only) as near:
                assert seen(near)[1] == "KRB5-U2U"
            talk.over()

    test()
