"""Direct rendezvous as one `Signalling` among others: by its own name, by `connect`, and in a pool."""

from __future__ import annotations

import secrets

import pytest

import msrp_peer
from msrp_peer import Agreed, NotSecureEnough, Paths, Pool, Principal, Rendezvous, UsageError
from support.running import LOCAL, Talk, first, running, together


def where(listener: msrp_peer.Listener) -> str:
    return f"127.0.0.1:{listener.port}"


@pytest.mark.parametrize("tls", ["anonymous", "adh"])
@running
async def test_a_listener_at_an_address(tls: str) -> None:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener:
        signalling = Rendezvous(where(listener), me="im:alice@lan", tls=tls, accept_types="text/plain")
        async with msrp_peer.join(signalling) as session:
            far = await talk.met()
            await (await session.send("hello")).delivered()
            assert await (await first(far)).text() == "hello"
            assert str(far.peer_claim) == "im:alice@lan"
            with pytest.raises(msrp_peer.NotDelivered, match="text/html"):
                await far.send("hello", "text/html")
        talk.over()


@running
async def test_somebody_on_the_lan() -> None:
    talk = Talk()
    bob = f"im:bob-{secrets.token_hex(6)}@lan"
    loopback = ["127.0.0.1"]
    async with (
        msrp_peer.listen(LOCAL, talk, me=bob, announce=True, interfaces=loopback),
        Pool() as pool,
    ):
        async with (
            msrp_peer.join(Rendezvous(bob), interfaces=loopback, pool=pool) as one,
            msrp_peer.connect(bob, interfaces=["192.0.2.1"], pool=pool) as two,
        ):
            assert pool.connections == 1, "who was found is not looked for again"
            for session in (one, two):
                await (await session.send("hello")).delivered()
        talk.over()


@running
async def test_anything_else_that_knows_a_listener_only() -> None:
    class Known:
        def __init__(self, agreed: Agreed) -> None:
            self._agreed = agreed

        async def agree(self) -> Agreed:
            return self._agreed

    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener:
        known = Known(Agreed(None, listener.uri, active=True))
        async with msrp_peer.join(known) as session:
            await (await session.send("hello")).delivered()
        talk.over()


@running
async def test_who_is_expected_is_proved_or_nothing_is_said() -> None:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener:
        with pytest.raises(UsageError, match="give credentials"):
            await msrp_peer.join(Rendezvous(where(listener), me="im:alice@lan"), expect="im:bob@lan")
        with pytest.raises(NotSecureEnough, match="key-verified is required"):
            await msrp_peer.join(Rendezvous(where(listener)), require=msrp_peer.Level.KEY_VERIFIED)
        assert talk._met.empty()
        talk.over()


@running
async def test_a_line_that_paths_led_to_serves_for_connect_too() -> None:
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener, Pool() as pool:
        here, there = msrp_peer.new_uri("127.0.0.1", 9), listener.new_uri()
        near, far = await together(
            msrp_peer.join(Paths(local_uri=here, remote_path=there, active=True), pool=pool),
            msrp_peer.join(Paths(local_uri=there, remote_path=here, active=False), listener=listener),
        )
        async with msrp_peer.connect(where(listener), pool=pool) as session:
            await (await session.send("hello")).delivered()
            assert pool.connections == 1
        await together(near.close(), far.close())
        talk.over()


@pytest.mark.parametrize(
    ("target", "more", "words"),
    [
        ("msrp://127.0.0.1:1;tcp", {"tls": "anonymous"}, "means plain TCP"),
        ("msrps://127.0.0.1:1;tcp", {"tls": "none"}, "means TLS"),
        ("127.0.0.1:1", {"tls": "fingerprint"}, "nobody told the fingerprint"),
        ("127.0.0.1:1", {"me": "alice"}, "not a principal"),
        ("bob@lan", {}, "im:bob@lan"),
    ],
)
def test_what_makes_no_sense(target: str, more: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Rendezvous(target, **more)  # type: ignore[arg-type]


def test_what_is_agreed() -> None:
    bob = Principal.parse("im:bob@lan")
    sought = Agreed(None, "", active=True, expected=bob)
    assert (sought.asks, sought.sought) == (True, bob)
    assert Agreed(None, "msrps://b.example:1;tcp", active=True, expected=bob).sought is None
    with pytest.raises(ValueError, match="neither named nor placed"):
        Agreed(None, "", active=True)
    with pytest.raises(ValueError, match="names no session"):
        Agreed("msrps://a.example:1/x;tcp", "", active=True, expected=bob)
