"""Two people prove themselves to each other over TLS that verifies nobody; who is in between fails."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import msrp_peer
from msrp_core import Frame, request
from msrp_peer import Level, Limits, NotSecureEnough, PeerError, UsageError
from msrp_peer.protocol.sasl_header import SaslHeader
from msrp_sasl import (
    Channel,
    ChannelLevel,
    FromPasswords,
    Hash,
    Initiating,
    Password,
    Policy,
    SASLClient,
    ScramVerifier,
)
from support.by_hand import LISTENER
from support.in_between import answering, in_between
from support.people import ALICE, BOB, EVE, SECRET, Knows, known
from support.proxy import Fate, proxy
from support.raw_peer import RawPeer, raw_peer
from support.running import LOCAL, Talk, first, running


def connect(port: int, **more: Any) -> msrp_peer.connect:
    given = {"me": ALICE, "expect": BOB, "credentials": Knows(), **more}
    return msrp_peer.connect(f"127.0.0.1:{port}", **given)


def listen(talk: Talk | None, **more: Any) -> msrp_peer.listen:
    given = {"me": BOB, "verifiers": known(), "expect": ALICE, **more}
    return msrp_peer.listen(LOCAL, talk, **given)


async def nobody(session: msrp_peer.Session) -> None:
    raise AssertionError("nobody was to get in")


# -- what it gives


@pytest.mark.parametrize("tls", ["anonymous", "adh"])
@running
async def test_both_are_proved(tls: str) -> None:
    talk = Talk()
    async with listen(talk, tls=tls) as listener:
        async with connect(listener.port, tls=tls, require=Level.AUTHENTICATED) as near:
            far = await talk.met()
            await near.send("hello")
            message = await first(far)
            for security, name in ((near.security, BOB), (far.security, ALICE), (message.security, ALICE)):
                assert security.level is Level.AUTHENTICATED
                assert security.proof is not None
                assert security.proof.principal == name
                assert (security.proof.mechanism, security.proof.bound) == ("SCRAM-SHA-512-PLUS", True)
                assert f"{name} is proved by SCRAM-SHA-512-PLUS, bound to this line" in security.describe()
                assert len(security.layers) == 1
        talk.over()


@running
async def test_a_security_layer_of_a_mechanism_begins_inside_of_tls() -> None:
    """DIGEST-MD5 is not bound to the line; its own layer goes from end to end, past whoever ends TLS."""
    talk = Talk()
    digest = Policy(mechanisms=("DIGEST-MD5",))
    async with listen(talk, policy=digest) as listener, in_between(listener.port) as middle:
        async with connect(middle.port, policy=digest, require=Level.AUTHENTICATED) as near:
            far = await talk.met()
            for end, name in ((near, BOB), (far, ALICE)):
                assert end.security.level is Level.AUTHENTICATED
                assert end.security.proof is not None
                assert (end.security.proof.principal, end.security.proof.bound) == (name, False)
                assert [layer.kind for layer in end.security.layers] == ["tls", "sasl"]
            await near.send("x" * 200_000)
            assert len(await (await first(far)).text()) == 200_000
        for secret in (b"xxxx", b"Accept-Types", b"Use-Path", b"SEND"):
            assert secret not in middle.there + middle.back
        talk.over()


@running
async def test_octet_by_octet() -> None:
    talk = Talk()
    async with (
        listen(talk) as listener,
        proxy(listener.port, Fate(octetwise=True), Fate(octetwise=True)) as slow,
    ):
        async with connect(slow.port) as near:
            assert near.security.level is Level.AUTHENTICATED
        talk.over()


@running
async def test_several_sessions_on_one_proved_line() -> None:
    talk = Talk()
    credentials = Knows()
    async with listen(talk) as listener, msrp_peer.Pool() as pool:
        async with connect(listener.port, pool=pool, credentials=credentials) as one:
            async with connect(listener.port, pool=pool, credentials=credentials) as two:
                assert pool.connections == 1
                for near in (one, two):
                    far = await talk.met()
                    assert near.security.proof is not None
                    assert far.security.proof is not None
                    assert (near.security.proof.principal, far.security.proof.principal) == (BOB, ALICE)
                assert len(credentials.asked) == 1, "proved once"
            async with connect(listener.port, pool=pool, credentials=Knows()) as other:
                assert pool.connections == 2, "what proves others is another line"
                assert other.security.level is Level.AUTHENTICATED
        talk.over()


@running
async def test_a_listener_may_serve_those_who_are_not_proved_too() -> None:
    talk = Talk()
    async with listen(talk, expect=None) as listener:
        async with msrp_peer.connect(f"127.0.0.1:{listener.port}", me=EVE) as near:
            far = await talk.met()
            assert near.security.level is far.security.level is Level.PASSIVE_ONLY
            assert far.security.proof is None
            assert str(far.peer_claim) == EVE
        async with connect(listener.port) as near:
            assert (await talk.met()).security.level is near.security.level is Level.AUTHENTICATED
        talk.over()


@running
async def test_a_shared_secret_proves_somebody_who_knows_it() -> None:
    talk = Talk()
    async with listen(talk, expect=None, verifiers=known(shared=True)) as listener:
        async with connect(listener.port, credentials=Knows(shared=True)) as near:
            far = await talk.met()
            for security in (near.security, far.security):
                assert security.level is Level.PASSIVE_ONLY
                assert "shared with others" in security.describe()
                assert security.as_dict()["secret_shared"] is True
        with pytest.raises(NotSecureEnough, match="authenticated is required"):
            async with connect(listener.port, credentials=Knows(shared=True), require=Level.AUTHENTICATED):
                pass
        talk.over()
    async with listen(talk, verifiers=known(shared=True)) as listener:
        with pytest.raises(PeerError) as refused:
            async with connect(listener.port, credentials=Knows(shared=True)):
                pass
        assert refused.value.status == 403


# -- who is refused


@pytest.mark.parametrize(
    ("who", "word"),
    [(ALICE, "wrong"), (EVE, SECRET), ("im:ALICE@lan", SECRET)],
    ids=["password", "user", "spelling"],
)
@running
async def test_who_is_not_who_they_say(who: str, word: str) -> None:
    async with listen(nobody) as listener:
        with pytest.raises(NotSecureEnough, match="the password is wrong"):
            async with connect(listener.port, me=who, credentials=Knows(word)):
                pass


@running
async def test_who_did_not_mean_this_listener() -> None:
    async with listen(nobody) as listener:
        with pytest.raises(NotSecureEnough, match="the password is wrong"):
            async with connect(listener.port, expect=EVE):
                pass


@running
async def test_a_listener_that_does_not_know_the_password_is_not_believed() -> None:
    """It would gladly be bob."""
    async with listen(nobody, verifiers=known({ALICE: "another"})) as listener:
        with pytest.raises(NotSecureEnough):
            async with connect(listener.port):
                pass


@running
async def test_who_is_proved_and_not_expected() -> None:
    verifiers = known({ALICE: SECRET, EVE: "eve's own"})
    async with listen(nobody, verifiers=verifiers) as listener:
        with pytest.raises(NotSecureEnough):
            async with connect(listener.port, me=EVE, credentials=Knows("eve's own")):
                pass


@running
async def test_a_mechanism_that_proves_nobody() -> None:
    anonymous = Policy(anonymous=True, mechanisms=("ANONYMOUS",))
    async with listen(nobody, policy=anonymous, expect=None) as listener:
        with pytest.raises(NotSecureEnough, match="ANONYMOUS proves nobody"):
            async with connect(listener.port, policy=anonymous):
                pass
    async with listen(nobody, policy=anonymous) as listener:
        with pytest.raises(NotSecureEnough):
            async with connect(listener.port, policy=anonymous):
                pass


@running
async def test_who_calls_itself_another_than_it_has_proved() -> None:
    listening = listen(nobody)
    own = listening._listener._terms
    listening._listener._terms = replace(own, claim=EVE)
    async with listening as listener:
        with pytest.raises(PeerError, match="somebody else"):
            async with connect(listener.port):
                pass


@running
async def test_who_does_not_log_in() -> None:
    async with listen(nobody) as listener:
        with pytest.raises(PeerError, match="log in") as refused:
            async with msrp_peer.connect(f"127.0.0.1:{listener.port}", me=ALICE):
                pass
        assert refused.value.status == 401


@running
async def test_a_listener_that_knows_no_authentication() -> None:
    async with msrp_peer.listen(LOCAL, nobody, me=BOB) as listener:
        credentials = Knows()
        with pytest.raises(NotSecureEnough, match="does not know authentication"):
            async with connect(listener.port, credentials=credentials):
                pass
        assert credentials.asked == []


@running
async def test_a_password_somebody_thought_of_is_not_used_where_it_could_be_guessed() -> None:
    talk = Talk()
    async with listen(talk) as listener:
        with pytest.raises(NotSecureEnough, match="was not generated"):
            async with connect(listener.port, credentials=Knows(generated=False)):
                pass
        chosen = Policy(guessable=True)
        async with connect(listener.port, credentials=Knows(generated=False), policy=chosen) as near:
            assert near.security.level is Level.AUTHENTICATED
        talk.over()


@pytest.mark.parametrize(
    "more",
    [
        {"credentials": None},
        {"me": None},
        {"me": BOB},
        {"expect": None},
        {"expect": "bob"},
    ],
)
def test_what_connect_must_be_told(more: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        connect(1, **more)


@pytest.mark.parametrize(
    "more",
    [
        {"verifiers": None},
        {"verifiers": None, "expect": None, "require": Level.AUTHENTICATED},
        {"me": None},
        {"expect": BOB},
        {"expect": ["im:carol@lan", "bob"]},
    ],
)
def test_what_listen_must_be_told(more: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        listen(Talk(), **more)


# -- somebody in between


@running
async def test_a_relaying_man_in_the_middle_is_refused() -> None:
    """Valid TLS to both sides, every octet carried as it is: the channels are two, and that is seen."""
    async with listen(nobody) as listener, in_between(listener.port) as middle:
        with pytest.raises(NotSecureEnough, match="somebody stands in between"):
            async with connect(middle.port):
                pass
        assert b"mech=" in middle.there, "it carried the login"
        for secret in (SECRET.encode(), b"Accept-Types", b"im%3A", b"SEND"):
            assert secret not in middle.there + middle.back


@running
async def test_without_a_proof_the_man_in_the_middle_sees_everything() -> None:
    """What the test above would find, if it were there."""
    talk = Talk()
    async with msrp_peer.listen(LOCAL, talk) as listener, in_between(listener.port) as middle:
        async with msrp_peer.connect(f"127.0.0.1:{middle.port}", me=ALICE) as near:
            await (await near.send("the secret")).delivered()
            assert near.security.level is Level.PASSIVE_ONLY
        assert b"the secret" in middle.there
        assert b"Accept-Types" in middle.there
        talk.over()


@pytest.mark.parametrize(
    ("back", "why"),
    [
        (answering(b"501 what?"), "does not know authentication"),
        (answering(b"481 no"), "does not know authentication"),
        (answering(b"401 go on", b'WWW-Authenticate: SASL mech="ANONYMOUS"\r\n'), "offers none of"),
        (answering(b"401 go on", b'WWW-Authenticate: SASL mech="SCRAM-SHA-256 PLAIN"\r\n'), "offers none of"),
        (answering(b"200 OK", b'Authentication-Info: SASL mech="SCRAM-SHA-256-PLUS"\r\n'), "it answered 200"),
    ],
    ids=["501", "481", "anonymous", "unbound", "200"],
)
@running
async def test_a_man_in_the_middle_who_takes_the_offer_away(back: Callable[[bytes], bytes], why: str) -> None:
    credentials = Knows()
    async with listen(nobody) as listener, in_between(listener.port, back=back) as middle:
        with pytest.raises((NotSecureEnough, PeerError), match=why):
            async with connect(middle.port, credentials=credentials):
                pass
    assert credentials.asked == [], "nothing was said that rests on the password"


@running
async def test_a_man_in_the_middle_who_claims_success_for_the_listener() -> None:
    def back(octets: bytes) -> bytes:
        octets = octets.replace(b" 403 not authenticated", b" 200 OK")
        return re.sub(rb"(200 OK\r\n.*?)(-------)", rb"\1Authentication-Info: SASL\r\n\2", octets, flags=re.S)

    async with listen(nobody) as listener, in_between(listener.port, back=back) as middle:
        with pytest.raises(NotSecureEnough, match="without the proof it owes"):
            async with connect(middle.port):
                pass


@running
async def test_a_list_made_shorter_for_the_first_look() -> None:
    """Both sides would still be proved, by less: the second look is behind the bound exchange, and
    a man in the middle fails before that."""
    back = lambda octets: octets.replace(b"SCRAM-SHA-512-PLUS ", b"")  # noqa: E731
    async with listen(nobody) as listener, in_between(listener.port, back=back) as middle:
        with pytest.raises(NotSecureEnough):
            async with connect(middle.port):
                pass
        assert b'mech="SCRAM-SHA-256-PLUS"' in middle.there


# -- raw


class Client:
    """SCRAM by hand, over a raw peer."""

    def __init__(
        self, peer: RawPeer, me: str, *, word: str = SECRET, name: str = "SCRAM-SHA-256-PLUS"
    ) -> None:
        binding = peer.tls.binding("tls-exporter")
        assert binding is not None
        channel = Channel(ChannelLevel.ENCRYPTED, {"tls-exporter": binding})
        self.peer = peer
        self.name = name
        self.sasl = SASLClient(
            Initiating(me, "im:somebody@lan", channel, Policy(), Knows(word), offered=(name,))
        )

    async def ask(self, header: SaslHeader | None) -> Frame | None:
        headers = [] if header is None else [("Authorization", header.text())]
        self.peer.say(request("AUTH", LISTENER, self.peer.own, headers)[1])
        return await self.peer.hear()

    async def run(self) -> list[tuple[int | None, SaslHeader | None]]:
        """Each answer: its code, and what it said."""
        heard = [await self.ask(None), await self.ask(SaslHeader((self.name,), c2s=self.sasl.start(0)))]
        challenge = heard[-1]
        assert challenge is not None
        said = SaslHeader.of(challenge, "WWW-Authenticate")
        assert said is not None
        assert said.s2c is not None
        heard.append(await self.ask(SaslHeader(c2s=self.sasl.process(said.s2c, 0))))
        if heard[-1] is None or heard[-1].status != 200:
            heard.append(await self.peer.hear())
        return [
            (None, None) if frame is None else (frame.status, SaslHeader.of(frame, "WWW-Authenticate"))
            for frame in heard
        ]


@running
async def test_wrong_password_and_unknown_user_look_the_same() -> None:
    looks = []
    async with listen(nobody) as listener:
        for me, word in ((ALICE, "wrong"), (EVE, "wrong")):
            async with raw_peer(listener.port) as peer:
                answers = await Client(peer, me, word=word).run()
            listing, challenge, outcome, end = answers
            assert (outcome, end) == ((403, None), (None, None)), "and the connection ends with it"
            assert challenge[1] is not None
            # The same fields of the same lengths; nonces and salts differ in every one.
            shape = re.sub(rb"=[^,]*", lambda found: b"=%d" % len(found[0]), challenge[1].s2c or b"")
            looks.append((listing, challenge[0], shape))
    assert looks[0] == looks[1]


@running
async def test_what_an_unknown_user_is_answered_stays_the_same() -> None:
    salts = []
    async with listen(nobody) as listener:
        for _ in range(2):
            async with raw_peer(listener.port) as peer:
                client = Client(peer, EVE)
                await client.ask(None)
                challenge = await client.ask(SaslHeader((client.name,), c2s=client.sasl.start(0)))
                assert challenge is not None
                said = SaslHeader.of(challenge, "WWW-Authenticate")
                assert said is not None
                salts.append(re.findall(rb"s=([^,]*)", said.s2c or b""))
    assert salts[0] == salts[1]


@running
async def test_reflection_is_refused() -> None:
    """Whoever logs in at bob as bob sends him his own words."""
    async with listen(
        nobody, verifiers=known({BOB: SECRET, ALICE: SECRET}), expect=None, require=Level.AUTHENTICATED
    ) as listener:
        async with raw_peer(listener.port) as peer:
            assert [status for status, _ in await Client(peer, BOB).run()] == [401, 401, 403, None]
        async with raw_peer(listener.port) as peer:
            assert [status for status, _ in await Client(peer, ALICE).run()] == [401, 401, 200]


@running
async def test_who_fails_too_often_is_looked_at_no_more() -> None:
    """How it is counted is tested in tests/security/test_prove.py; here, that it is at all."""
    talk = Talk()
    async with listen(talk, limits=Limits(failures=2, failing=1000)) as listener:
        async with connect(listener.port):
            pass
        for _ in range(2):
            with pytest.raises(NotSecureEnough):
                async with connect(listener.port, credentials=Knows("wrong")):
                    pass
        with pytest.raises(NotSecureEnough):
            async with connect(listener.port):
                pass
        talk.over()


class Held:
    """Whoever asks for what it holds has to wait, in a thread, until another session has said something."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.spoken = threading.Event()

    def wait(self) -> None:
        self.begun.set()
        if not self.spoken.wait(20):
            raise AssertionError("the loop stood still")


class SlowVerifiers(FromPasswords):
    held: Held

    def scram(self, user: str, acceptor: str, hash: Hash) -> ScramVerifier | None:
        self.held.wait()
        return super().scram(user, acceptor, hash)


class SlowPassword(Knows):
    held: Held

    def password(self, initiator: str, acceptor: str) -> Password:
        self.held.wait()
        return super().password(initiator, acceptor)


@pytest.mark.parametrize("side", ["initiator", "acceptor"])
@running
async def test_a_slow_step_stops_nobody_else(side: str) -> None:
    held = Held()
    verifiers, credentials = known(), Knows()
    if side == "acceptor":
        verifiers = SlowVerifiers(verifiers._password, iterations=verifiers._iterations)
        verifiers.held = held
    else:
        credentials = SlowPassword()
        credentials.held = held
    talk = Talk()
    async with listen(talk, verifiers=verifiers, expect=None) as listener:
        async with msrp_peer.connect(f"127.0.0.1:{listener.port}") as near:
            far = await talk.met()
            logging_in = asyncio.ensure_future(connect(listener.port, credentials=credentials).__aenter__())
            assert await asyncio.to_thread(held.begun.wait, 20)
            await near.send("meanwhile")
            assert await (await first(far)).text() == "meanwhile"
            assert not logging_in.done()
            held.spoken.set()
            session = await logging_in
            assert session.security.level is Level.AUTHENTICATED
            await session.close()
        talk.over()


@running
async def test_a_slow_step_ends_with_the_handshake() -> None:
    release = threading.Event()

    class Never(Knows):
        def password(self, initiator: str, acceptor: str) -> Password:
            release.wait(20)
            return super().password(initiator, acceptor)

    try:
        async with listen(nobody) as listener:
            limits = Limits(handshake=0.2)
            with pytest.raises(msrp_peer.ConnectionLost):
                async with connect(listener.port, credentials=Never(), limits=limits):
                    pass
    finally:
        release.set()
