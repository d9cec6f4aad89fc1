"""Two people whose texts, or whose program, led them to each other prove themselves on the line."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest

import msrp_peer
from msrp_core import Uri, request
from msrp_peer import (
    Answer,
    CannotReach,
    Level,
    Limits,
    NotSecureEnough,
    Offer,
    Paths,
    PeerError,
    UsageError,
)
from msrp_peer.signalling.agreement import Unprovable
from sasl.realm import Realm, identity, needed, realm
from support.in_between import in_between
from support.people import ALICE, BOB, EVE, SECRET, Knows, known
from support.raw_peer import raw_peer
from support.running import LOCAL, first, running, together, until

CAROL = "im:carol@lan"
LOGS_IN: dict[str, Any] = {"me": ALICE, "expected": BOB, "auth": "active", "proved": True}
LETS_IN: dict[str, Any] = {"me": BOB, "expected": ALICE, "auth": "passive", "proved": True}


def fingerprinted(**more: Any) -> msrp_peer.listen:
    return msrp_peer.listen(LOCAL, tls="fingerprint", **more)


async def proved(near: msrp_peer.Session, far: msrp_peer.Session) -> None:
    """Alice is near, and has logged in at Bob's."""
    for session, name in ((near, BOB), (far, ALICE)):
        assert session.security.level is Level.AUTHENTICATED
        assert session.security.proof is not None
        assert (session.security.proof.principal, session.security.proof.bound) == (name, True)
        await (await session.send("hello")).delivered()
    for session, name in ((near, BOB), (far, ALICE)):
        message = await first(session)
        assert await message.text() == "hello"
        assert message.security.proof is not None
        assert message.security.proof.principal == name


def paths(listener: msrp_peer.Listener, user: str = ALICE) -> tuple[Paths, Paths]:
    """Those of who connects, and of Bob, who waits at `listener`."""
    here, there = msrp_peer.new_uri("127.0.0.1", 9, user=user), listener.new_uri(user=BOB)
    going = Paths(local_uri=here, remote_path=there, active=True, me=user, expected=BOB)
    return going, Paths(local_uri=there, remote_path=here, active=False, me=BOB, expected=user)


def begun(join: msrp_peer.join) -> asyncio.Task[msrp_peer.Session]:
    return asyncio.ensure_future(join.__aenter__())


def taken(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


async def called_off(join: asyncio.Task[msrp_peer.Session]) -> None:
    join.cancel()
    await asyncio.wait([join])


# -- what it gives


@pytest.mark.parametrize("offers", ["alice", "bob"])
@running
async def test_by_sdp(offers: str) -> None:
    """Whoever has the password connects, whichever of the two makes the offer."""
    async with fingerprinted() as at_alice, fingerprinted() as at_bob:
        alice: Offer | Answer
        bob: Offer | Answer
        if offers == "alice":
            alice = Offer(at_alice, **LOGS_IN)
            bob = Answer(alice.text, at_bob, **LETS_IN)
            alice.answered(bob.text)
        else:
            bob = Offer(at_bob, **LETS_IN)
            alice = Answer(bob.text, at_alice, **LOGS_IN)
            bob.answered(alice.text)
        for text in (alice.text, bob.text):
            assert "a=msrp-auth:SASL\r\n" in text
        near, far = await together(
            msrp_peer.join(alice, listener=at_alice, credentials=Knows()),
            msrp_peer.join(bob, listener=at_bob, verifiers=known()),
        )
        async with near, far:
            await proved(near, far)


@running
async def test_by_paths_of_an_application() -> None:
    async with msrp_peer.listen(LOCAL) as listener:
        going, waiting = paths(listener)
        near, far = await together(
            msrp_peer.join(going, credentials=Knows()),
            msrp_peer.join(waiting, listener=listener, verifiers=known()),
        )
        async with near, far:
            await proved(near, far)


@running
async def test_a_password_that_others_have_proves_nobody_who_is_expected() -> None:
    """Alice's own side would take less; Bob's does not."""
    async with msrp_peer.listen(LOCAL) as listener:
        going, waiting = paths(listener)
        near, far = await asyncio.gather(
            msrp_peer.join(going, credentials=Knows(shared=True)),
            msrp_peer.join(waiting, listener=listener, verifiers=known(shared=True)),
            return_exceptions=True,
        )
        assert isinstance(near, PeerError)
        assert isinstance(far, NotSecureEnough)
        assert "authenticated is required, and the other side came over a line that is passive" in str(far)


@running
async def test_where_the_passive_side_listens_by_itself() -> None:
    async with msrp_peer.listen(LOCAL) as reserved:
        port = reserved.port
    here, there = msrp_peer.new_uri("127.0.0.1", 9), msrp_peer.new_uri("127.0.0.1", port)
    waiting = Paths(local_uri=there, remote_path=here, active=False, me=BOB, expected=ALICE)
    going = Paths(local_uri=here, remote_path=there, active=True, me=ALICE, expected=BOB)
    passive = begun(msrp_peer.join(waiting, verifiers=known()))
    await until(lambda: passive.done() or taken(port))
    near, far = await msrp_peer.join(going, credentials=Knows()), await passive
    async with near, far:
        await proved(near, far)


@running
async def test_a_listener_of_its_own_rules() -> None:
    """`listen` says who may log in, and each `join` who has to."""
    both = known({ALICE: SECRET, CAROL: SECRET})
    async with msrp_peer.listen(LOCAL, me=BOB, verifiers=both) as listener:
        for user in (ALICE, CAROL):
            going, waiting = paths(listener, user)
            near, far = await together(
                msrp_peer.join(going, credentials=Knows()),
                msrp_peer.join(waiting, listener=listener, expect=user),
            )
            async with near, far:
                assert far.security.proof is not None
                assert far.security.proof.principal == user
        with pytest.raises(UsageError, match="already who may log in"):
            await msrp_peer.join(paths(listener)[1], listener=listener, verifiers=both)


@running
async def test_several_wait_at_one_listener() -> None:
    """Each for somebody else, and one of them as somebody else; each gets whom it meant."""
    verifiers = known({ALICE: SECRET, CAROL: SECRET})
    at_eve = known({ALICE: SECRET}, at=EVE)
    async with msrp_peer.listen(LOCAL) as listener:
        met = [paths(listener, user) for user in (ALICE, CAROL)]
        here, there = msrp_peer.new_uri("127.0.0.1", 9), listener.new_uri()
        eve = (
            Paths(local_uri=here, remote_path=there, active=True, me=ALICE, expected=EVE),
            Paths(local_uri=there, remote_path=here, active=False, me=EVE, expected=ALICE),
        )
        sessions = await together(
            *(msrp_peer.join(waiting, listener=listener, verifiers=verifiers) for _, waiting in met),
            msrp_peer.join(eve[1], listener=listener, verifiers=at_eve),
            *(msrp_peer.join(going, credentials=Knows()) for going, _ in (*met, eve)),
        )
        for session, name in zip(sessions, (ALICE, CAROL, ALICE, BOB, BOB, EVE), strict=True):
            assert session.security.proof is not None
            assert session.security.proof.principal == name
        await together(*(session.close() for session in sessions))
        assert not listener._arrivals._doors


@running
async def test_who_logs_in_before_join_is_there_waits() -> None:
    """As a first SEND does: signalling may be slower than the line."""
    async with fingerprinted() as at_bob:
        bob = Offer(at_bob, **LETS_IN)
        alice = Answer(bob.text, **LOGS_IN)
        going = begun(msrp_peer.join(alice, credentials=Knows()))
        await until(lambda: any(line.connection.hold.events for line in at_bob._lines))
        bob.answered(alice.text)
        far = await msrp_peer.join(bob, listener=at_bob, verifiers=known())
        near = await going
        async with near, far:
            await proved(near, far)


@running
async def test_nobody_waits_for_ever_to_log_in() -> None:
    limits = Limits(handshake=0.3)
    async with fingerprinted(limits=limits) as at_bob:
        bob = Offer(at_bob, **LETS_IN)
        alice = Answer(bob.text, **LOGS_IN)
        with pytest.raises((NotSecureEnough, msrp_peer.ConnectionLost)):
            await msrp_peer.join(alice, credentials=Knows())


@running
async def test_sessions_share_a_proved_line() -> None:
    credentials = Knows()
    verifiers = known()
    async with msrp_peer.listen(LOCAL) as listener, msrp_peer.Pool() as pool:
        sessions = []
        for _ in range(2):
            going, waiting = paths(listener)
            sessions += await together(
                msrp_peer.join(going, credentials=credentials, pool=pool),
                msrp_peer.join(waiting, listener=listener, verifiers=verifiers),
            )
        assert pool.connections == 1
        assert len(credentials.asked) == 1, "proved once"
        await together(*(session.close() for session in sessions))


# -- what never goes


@running
async def test_no_capability_goes_before_the_proof() -> None:
    """To-Path is the peer's URI without its session-id, From-Path names nothing (docs/profile.md)."""
    async with msrp_peer.listen(LOCAL) as listener, in_between(listener.port) as middle:
        here, there = msrp_peer.new_uri("127.0.0.1", 9), listener.new_uri(user=BOB)
        through = there.replace(str(listener.port), str(middle.port))
        going = Paths(local_uri=here, remote_path=through, active=True, me=ALICE, expected=BOB)
        waiting = Paths(local_uri=there, remote_path=here, active=False, me=BOB, expected=ALICE)
        passive = begun(msrp_peer.join(waiting, listener=listener, verifiers=known(), timeout=5))
        with pytest.raises(NotSecureEnough, match="wrong"):
            await msrp_peer.join(going, credentials=Knows())
        said = bytes(middle.there).decode("latin-1")
        assert "AUTH" in said
        assert "SEND" not in said
        for uri in (here, there):
            session_id = Uri.parse(uri).session_id
            assert session_id is not None
            assert session_id not in said + bytes(middle.back).decode("latin-1")
        (shown,) = set(re.findall(r"^To-Path: (.*)\r$", said, re.M))
        assert shown == Uri.parse(through).without_session().text
        await called_off(passive)


@running
async def test_auth_is_not_tried_where_the_sdp_did_not_show_it() -> None:
    async with fingerprinted() as at_bob:
        bob = Offer(at_bob, me=BOB)
        alice = Answer(bob.text, me=ALICE, expected=BOB, auth="active")
        assert "msrp-auth" not in alice.text
        bob.answered(alice.text)
        with pytest.raises(NotSecureEnough, match="does not show"):
            await msrp_peer.join(alice, credentials=Knows())
        with pytest.raises(NotSecureEnough, match="does not show"):
            await msrp_peer.join(bob, listener=at_bob, verifiers=known(), expect=ALICE)
        assert not at_bob._lines, "nobody was even connected to"


@running
async def test_a_text_without_it_is_refused_where_somebody_is_to_be_proved() -> None:
    async with fingerprinted() as at_bob:
        for text, at, more in ((Offer().text, at_bob, LETS_IN), (Offer(at_bob).text, None, LOGS_IN)):
            with pytest.raises(Unprovable, match="no a=msrp-auth") as refused:
                Answer(text, at, **more)
            assert refused.value.status == 488


# -- who is refused


@pytest.mark.parametrize(
    ("user", "word", "why"),
    [(ALICE, "wrong", "password is wrong"), (EVE, SECRET, "password is wrong")],
    ids=["password", "user"],
)
@running
async def test_who_is_not_who_they_say(user: str, word: str, why: str) -> None:
    async with msrp_peer.listen(LOCAL) as listener:
        going, _ = paths(listener, user)
        local = (await going.agree()).remote
        waiting = Paths(
            local_uri=local,
            remote_path=(await going.agree()).local or "",
            active=False,
            me=BOB,
            expected=ALICE,
        )
        passive = begun(msrp_peer.join(waiting, listener=listener, verifiers=known(), timeout=0.5))
        with pytest.raises(NotSecureEnough, match=why):
            await msrp_peer.join(going, credentials=Knows(word))
        with pytest.raises(CannotReach):
            await passive


@running
async def test_somebody_else_who_is_proved() -> None:
    """Carol may log in, and knows the session's URIs; she is not who was meant."""
    verifiers = known({ALICE: SECRET, CAROL: SECRET})
    async with msrp_peer.listen(LOCAL) as listener:
        here, there = msrp_peer.new_uri("127.0.0.1", 9), listener.new_uri()
        going = Paths(local_uri=here, remote_path=there, active=True, me=CAROL, expected=BOB)
        waiting = Paths(local_uri=there, remote_path=here, active=False, me=BOB, expected=ALICE)
        passive = begun(msrp_peer.join(waiting, listener=listener, verifiers=verifiers))
        with pytest.raises(PeerError) as refused:
            await msrp_peer.join(going, credentials=Knows())
        assert refused.value.status == 403
        with pytest.raises(NotSecureEnough, match="im:alice@lan is expected, and it is im:carol@lan who"):
            await passive


@running
async def test_a_uri_that_says_another_name_than_is_proved() -> None:
    async with msrp_peer.listen(LOCAL) as listener:
        here, there = msrp_peer.new_uri("127.0.0.1", 9, user=EVE), listener.new_uri()
        going = Paths(local_uri=here, remote_path=there, active=True, me=ALICE, expected=BOB)
        waiting = Paths(local_uri=there, remote_path=here, active=False, me=BOB, expected=ALICE)
        passive = begun(msrp_peer.join(waiting, listener=listener, verifiers=known()))
        with pytest.raises(PeerError):
            await msrp_peer.join(going, credentials=Knows())
        with pytest.raises(NotSecureEnough, match="somebody else than it calls itself"):
            await passive
    async with msrp_peer.listen(LOCAL) as listener:
        here, there = msrp_peer.new_uri("127.0.0.1", 9), listener.new_uri(user=EVE)
        going = Paths(local_uri=here, remote_path=there, active=True, me=ALICE, expected=BOB)
        waiting = Paths(local_uri=there, remote_path=here, active=False, me=BOB, expected=ALICE)
        passive = begun(msrp_peer.join(waiting, listener=listener, verifiers=known(), timeout=1))
        with pytest.raises(PeerError, match="somebody else than it calls itself"):
            await msrp_peer.join(going, credentials=Knows())
        with pytest.raises(CannotReach):
            await passive


@running
async def test_who_does_not_prove_themselves() -> None:
    """Whoever knows both URIs, and no password."""
    async with msrp_peer.listen(LOCAL) as listener:
        going, waiting = paths(listener)
        passive = begun(msrp_peer.join(waiting, listener=listener, verifiers=known()))
        with pytest.raises(PeerError) as refused:
            await msrp_peer.join(going)
        assert refused.value.status == 403
        with pytest.raises(NotSecureEnough, match="im:alice@lan is expected, and nobody is proved"):
            await passive


@running
async def test_a_line_belongs_to_two_people() -> None:
    """Proved to Bob, Alice cannot use the line for a session with Eve, who is at the same listener."""
    async with msrp_peer.listen(LOCAL) as listener, msrp_peer.Pool() as pool:
        going, waiting = paths(listener)
        near, far = await together(
            msrp_peer.join(going, credentials=Knows(), pool=pool),
            msrp_peer.join(waiting, listener=listener, verifiers=known()),
        )
        here, there = msrp_peer.new_uri("127.0.0.1", 9), listener.new_uri(user=EVE)
        other = Paths(local_uri=there, remote_path=here, active=False, me=EVE)
        passive = begun(msrp_peer.join(other, listener=listener, timeout=0.5))
        await asyncio.sleep(0)
        (line,) = next(iter(pool._lines.values()))
        asked = line.connection.request("SEND", there, here, [("Message-ID", "1234")], line.now())
        line.flush()
        await until(lambda: asked.over)
        assert asked.response is not None
        assert asked.response.status == 481
        with pytest.raises(CannotReach):
            await passive
        await together(near.close(), far.close())


@running
async def test_through_a_relay_nobody_is_proved() -> None:
    async with msrp_peer.listen(LOCAL) as listener:
        relay = f"msrps://127.0.0.1:{listener.port};tcp"
        path = f"{relay} msrps://b.example:1/x;tcp"
        going = Paths(
            local_uri=msrp_peer.new_uri("127.0.0.1", 9), remote_path=path, active=True, me=ALICE, expected=BOB
        )
        with pytest.raises(NotSecureEnough, match="through a relay"):
            await msrp_peer.join(going, credentials=Knows())


@pytest.mark.parametrize(
    ("active", "more", "words"),
    [
        (True, {"expect": BOB}, "give credentials, or kerberos"),
        (True, {"expect": BOB, "verifiers": known()}, "give credentials, or kerberos"),
        (True, {"expect": ALICE, "credentials": Knows()}, "nobody logs in at themselves"),
        (False, {"expect": ALICE}, "give verifiers, or kerberos"),
        (False, {"expect": ALICE, "credentials": Knows()}, "give verifiers, or kerberos"),
        (False, {"expect": BOB, "verifiers": known()}, "nobody logs in at themselves"),
    ],
)
@running
async def test_what_makes_no_sense(active: bool, more: dict[str, Any], words: str) -> None:
    async with msrp_peer.listen(LOCAL) as listener:
        with pytest.raises(UsageError, match=words):
            await msrp_peer.join(paths(listener)[not active], listener=listener, **more)


@running
async def test_what_the_texts_have_promised_is_kept() -> None:
    async with fingerprinted() as at_bob:
        bob = Offer(at_bob, **LETS_IN)
        alice = Answer(bob.text, **LOGS_IN)
        bob.answered(alice.text)
        with pytest.raises(UsageError, match="give credentials"):
            await msrp_peer.join(alice)
        with pytest.raises(UsageError, match="give verifiers"):
            await msrp_peer.join(bob, listener=at_bob)


@running
async def test_those_who_wait_as_one_judge_by_one_measure() -> None:
    async with msrp_peer.listen(LOCAL) as listener:
        one, other = paths(listener)[1], paths(listener)[1]
        waiting = begun(msrp_peer.join(one, listener=listener, verifiers=known()))
        await asyncio.sleep(0)
        with pytest.raises(UsageError, match="other verifiers"):
            await msrp_peer.join(other, listener=listener, verifiers=known())
        await called_off(waiting)


@running
async def test_who_only_asks_what_there_is_gets_no_session() -> None:
    """A listener of `join` alone lets people log in while somebody waits for them, and grants nothing."""
    async with msrp_peer.listen(LOCAL) as listener:
        waiting = begun(msrp_peer.join(paths(listener)[1], listener=listener, verifiers=known()))
        await asyncio.sleep(0)
        async with raw_peer(listener.port) as peer:
            _, octets = request("AUTH", listener.uri, "msrps://a.invalid:9/x;tcp", [])
            peer.say(octets)
            answer = await peer.hear()
            assert answer is not None
            assert answer.status == 401
            assert "SCRAM-SHA-512-PLUS" in (answer.header("WWW-Authenticate") or "")
            grant = [("Accept-Types", "*")]
            assert await peer.asked(request("AUTH", listener.uri, peer.own, grant)[1]) == 501
        await called_off(waiting)


# -- Kerberos


@pytest.fixture(name="home")
def _home() -> Iterator[Realm]:
    shared = realm()
    with shared.at_home():
        yield shared


@needed
@pytest.mark.parametrize("connects", ["offerer", "answerer"])
def test_with_tickets_either_side_can_do_either_part(home: Realm, connects: str) -> None:
    @running
    async def test() -> None:
        alice, bob = identity("alice"), identity("bob")
        async with fingerprinted() as here, fingerprinted() as there:
            at = None if connects == "answerer" else there
            offer = Offer(here, me=alice, expected=bob, auth="actpass", proved=True)
            answer = Answer(offer.text, at, me=bob, expected=alice, auth="actpass", proved=True)
            offer.answered(answer.text)
            near, far = await together(
                msrp_peer.join(offer, listener=here, kerberos=home.of("alice")),
                msrp_peer.join(answer, listener=at, kerberos=home.of("bob")),
            )
            async with near, far:
                for session, name in ((near, bob), (far, alice)):
                    assert session.security.level is Level.AUTHENTICATED
                    assert session.security.proof is not None
                    assert session.security.proof.principal == name
                    assert session.security.proof.mechanism == "KRB5-U2U"

    test()


@needed
def test_over_plain_tcp_the_proof_protects_the_line(home: Realm) -> None:
    """`--tls none` in the texts, and yet nobody on the way reads or changes anything."""

    @running
    async def test() -> None:
        alice, bob = identity("alice"), identity("bob")
        async with msrp_peer.listen(LOCAL, tls="none") as there:
            offer = Offer(tls="none", me=alice, expected=bob, auth="active", proved=True)
            answer = Answer(
                offer.text, there, tls="none", me=bob, expected=alice, auth="passive", proved=True
            )
            offer.answered(answer.text)
            for told, at, more in (
                (offer, None, {"credentials": Knows()}),
                (answer, there, {"verifiers": known()}),
            ):
                with pytest.raises(UsageError, match="over plain TCP only a proof will do"):
                    await msrp_peer.join(told, listener=at, **more)
            near, far = await together(
                msrp_peer.join(offer, kerberos=home.of("alice"), require=Level.AUTHENTICATED),
                msrp_peer.join(answer, listener=there, kerberos=home.of("bob"), require=Level.AUTHENTICATED),
            )
            async with near, far:
                assert [layer.kind for layer in near.security.layers] == ["sasl"]
                await (await near.send("hello")).delivered()
                assert await (await first(far)).text() == "hello"

    test()
