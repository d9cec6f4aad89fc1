"""Somebody in the middle is a process, too: two programs, and between them one with valid TLS to both.

What stands in the table of docs/security.md about man in the middle, reflection, replay, downgrade and
malicious discovery is shown here with the programs people use. Of KRB5-U2U there is more in tests/sasl.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from cli.programs import Listening, Program, Start, generated
from sasl.realm import identity, needed, realm
from support.authority import authority_of, shown_of
from support.people import ALICE, BOB, SECRET

MIDDLE = Path(__file__).parents[1] / "support" / "in_between.py"
TEXT = "The meadow behind the mill is dry."
ON_LOOPBACK = ("--interface", "127.0.0.1")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("MSRP_PASSWORD", "MSRP_PASSWORD_FOR"):
        monkeypatch.delenv(name, raising=False)


class Middle:
    """Who stands in between.

    Attributes:
        target: where the victim is to go.
        key: the fingerprint of what it shows in TLS.
    """

    def __init__(self, to: int, order: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", MIDDLE, str(to), json.dumps(order)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(MIDDLE.parents[1])},
        )
        assert self._process.stdout is not None
        here = json.loads(self._process.stdout.readline())
        self.port = here["port"]
        self.target = f"127.0.0.1:{self.port}"
        self.key = here.get("key")

    def heard(self) -> dict[str, Any]:
        """What the victim said (`there`), and what it was to hear (`back`)."""
        said, _ = self._process.communicate(timeout=30)
        found: dict[str, Any] = json.loads(said)
        return found

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()


class Between(Protocol):
    def __call__(self, to: str, **order: Any) -> Middle: ...


@pytest.fixture
def between() -> Iterator[Between]:
    made: list[Middle] = []

    def start(to: str, **order: Any) -> Middle:
        made.append(Middle(int(to.rpartition(":")[2]), order))
        return made[-1]

    yield start
    for each in made:
        each.stop()


@pytest.fixture
def word(msrp: Start) -> str:
    """Bob has made a password for alice."""
    return generated(msrp, ALICE, BOB)


def send(msrp: Start, target: str, word: str, *more: str) -> Program:
    who = ("--as", ALICE, "--expect", BOB, "--password-stdin")
    program = msrp("send", target, TEXT, *who, *more, stdin=subprocess.PIPE)
    program.write(f"{word}\n")
    return program


def secret(heard: dict[str, Any], *more: str) -> None:
    """Whoever heard this has neither heard what was said nor got what is good for saying anything."""
    for word in (TEXT, "Accept-Types", "Use-Path", "SEND", *more):
        assert word not in heard["there"] + heard.get("back", ""), word


# -- a man in the middle


@pytest.mark.parametrize("tls", ["anonymous", "adh"])
def test_where_nobody_is_proved_it_reads_all_and_is_not_noticed(
    msrp: Start, listening: Listening, between: Between, tls: str
) -> None:
    """What is not stopped. Where there are keys, those that people may compare differ."""
    bob, target = listening("--as", BOB, "--json")
    middle = between(target)
    alice = msrp("send", middle.target, TEXT, "--as", ALICE, "--json", "--tls", tls)
    assert alice.wait() == 0, alice.errors
    heard = middle.heard()
    assert TEXT in heard["there"]
    assert "Use-Path" in heard["back"], "and the session's URIs"
    here, there = (end.event("session")["security"] for end in (alice, bob))
    assert here["level"] == there["level"] == "passive-only"
    met, shown = here["layers"][0]["peer_key"], there["layers"][0]["own_key"]
    assert met == (middle.key if tls == "anonymous" else None)
    assert met != shown


@pytest.mark.parametrize("change", ["nothing", "shorter"])
def test_a_bound_password_is_refused_by_both(
    msrp: Start, listening: Listening, between: Between, word: str, change: str
) -> None:
    """Valid TLS to both sides, the whole exchange carried, under SHA-512 and under SHA-256."""
    bob, target = listening("--as", BOB, "--expect", ALICE, "-v")
    middle = between(target, change=change)
    alice = send(msrp, middle.target, word)
    assert alice.wait() == 4
    assert "somebody stands in between" in alice.errors
    heard = middle.heard()
    secret(heard, word, "im%3Aalice")
    name = "SCRAM-SHA-256-PLUS" if change == "shorter" else "SCRAM-SHA-512-PLUS"
    assert f'mech="{name}"' in heard["there"], "it carried the login"
    assert len(re.findall(r"c2s=", heard["there"])) == 2, "all of it"
    assert " 403 " in heard["back"], "and the listener refused it, too"
    bob.interrupt()
    assert "a login from 127.0.0.1 failed" in bob.errors
    assert "session with" not in bob.output


@pytest.mark.parametrize("shows", ["a key of its own", "a valid certificate for another"])
@pytest.mark.parametrize("victim", ["who calls", "who listens"])
def test_certificates_are_asked_for_whom_they_name(
    between: Between, tmp_path: Path, victim: str, shows: str
) -> None:
    """Each end, by the library, refuses inside of the handshake whoever is not the one it expects: here
    one side believes everybody, and the other does not."""
    authority_of(tmp_path, {name: f"im:{name}@lan" for name in ("alice", "bob", "eve")})
    shown = [shown_of(tmp_path, name) for name in ("alice", "bob")]
    careful = {
        "tls": "certificate",
        "shown": shown,
        "authority": str(tmp_path / "ca.pem"),
        "text": TEXT,
    }
    eve = {"shows": shown_of(tmp_path, "eve")} if "valid" in shows else {}
    with talker("listen", "127.0.0.1:0", careful if victim == "who listens" else {}) as listener:
        assert listener.stdout is not None
        port = json.loads(listener.stdout.readline())["port"]
        middle = between(f":{port}", **eve)
        order = careful if victim == "who calls" else {"text": TEXT}
        with talker("connect", middle.target, order) as caller:
            said, _ = caller.communicate(timeout=60)
        heard = middle.heard()
        assert heard["back"] == "", "who listens has said nothing"
        refused = json.loads(said)["refused"]
        if victim == "who calls":
            assert heard["there"] == "", "and neither has who calls"
            why = "and im:bob@lan was expected" if eve else "no authority vouches for it"
            assert why in refused
        else:
            assert TEXT not in heard["there"]
        listener.kill()
        assert listener.stdout.read() == "", "no session"


@pytest.mark.parametrize(
    "mechanism", ["SCRAM-SHA-256-PLUS", "DIGEST-MD5", pytest.param("KRB5-U2U", marks=needed)]
)
def test_a_login_by_the_library(between: Between, mechanism: str) -> None:
    """What is bound to the line is refused by both. DIGEST-MD5 is not bound: it may be carried, and its
    layer lets whoever does read nothing."""
    order: dict[str, Any] = {"mechanisms": [mechanism], "secret": SECRET, "text": TEXT}
    environment: dict[str, str] = {}
    if mechanism == "KRB5-U2U":
        home = realm()
        environment = home.env
        order["people"] = identity("alice"), identity("bob")
        order["tickets"] = home.ccache("alice"), home.ccache("bob")
    with talker("listen", "127.0.0.1:0", order, environment) as listener:
        assert listener.stdout is not None
        middle = between(f":{json.loads(listener.stdout.readline())['port']}")
        with talker("connect", middle.target, order, environment) as caller:
            said, _ = caller.communicate(timeout=60)
        heard = middle.heard()
        secret(heard, SECRET)
        assert f'mech="{mechanism}"' in heard["there"], "it carried the login"
        if mechanism == "DIGEST-MD5":
            for end in (json.loads(said), json.loads(listener.stdout.readline())):
                assert (end["level"], end["layers"]) == ("authenticated", ["tls", "sasl"])
            return
        assert "somebody stands in between" in json.loads(said)["refused"]
        listener.kill()
        assert listener.stdout.read() == "", "no session"


@contextlib.contextmanager
def talker(
    role: str, where: str, order: dict[str, Any], more: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A process of support/talker.py."""
    command = [sys.executable, "-P", MIDDLE.with_name("talker.py"), role, where]
    environment = {**os.environ, **(more or {}), "PYTHONPATH": str(MIDDLE.parents[1])}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        try:
            yield process
        finally:
            process.kill()


# -- replay and reflection


def test_a_captured_login_is_good_for_nothing(
    msrp: Start, listening: Listening, between: Between, word: str
) -> None:
    """Whoever stood in between says all of it again, on a line of their own."""
    bob, target = listening("--as", BOB, "--expect", ALICE)
    middle = between(target)
    assert send(msrp, middle.target, word).wait() == 4
    frames = re.findall(r"MSRP .*?\r\n-------\w+\$\r\n", middle.heard()["there"], re.S)
    assert len(frames) >= 3
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    answers = []
    with (
        socket.create_connection(("127.0.0.1", int(target.rpartition(":")[2])), 20) as plain,
        context.wrap_socket(plain) as line,
    ):
        for frame in frames:
            line.sendall(frame.encode())
            answer = b""
            while not answer.endswith(b"$\r\n") and (more := line.recv(65536)):
                answer += more
            answers.append(answer.split(b" ", 3)[2] if answer else b"")
    assert answers[-2:] == [b"401", b"403"], "a challenge, and then no"
    bob.interrupt()
    assert "session with" not in bob.output


def test_a_login_comes_back_to_who_began_it(
    msrp: Start, listening: Listening, between: Between, word: str
) -> None:
    """Alice means bob, and whoever stands in between lets her talk to herself."""
    generated(msrp, BOB, ALICE)
    own, target = listening("--as", ALICE, "--expect", BOB)
    middle = between(target)
    assert send(msrp, middle.target, word).wait() == 4
    secret(middle.heard(), word)
    own.interrupt()
    assert "session with" not in own.output


# -- downgrade


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("501", "does not know authentication"),
        ("481", "does not know authentication"),
        ("200", "it answered 200"),
        ("anonymous", "offers none of"),
        ("unbound", "offers none of"),
    ],
)
def test_what_is_wanted_cannot_be_taken_away(
    msrp: Start, listening: Listening, between: Between, word: str, change: str, why: str
) -> None:
    bob, target = listening("--as", BOB, "--expect", ALICE)
    middle = between(target, change=change)
    alice = send(msrp, middle.target, word)
    assert alice.wait() != 0
    assert why in alice.errors
    heard = middle.heard()
    secret(heard, word)
    assert "c2s=" not in heard["there"], "nothing was said that rests on the password"
    bob.interrupt()
    assert "session with" not in bob.output


@pytest.mark.parametrize("login", [False, True], ids=["anonymous", "proved"])
def test_tls_cannot_be_stripped_off_a_call(msrp: Start, between: Between, word: str, login: bool) -> None:
    """Whoever answers a TLS handshake in the clear hears no more than its first flight."""
    middle = between(":0", clear=True)
    alice = send(msrp, middle.target, word) if login else msrp("send", middle.target, TEXT, "--as", ALICE)
    assert alice.wait() != 0
    assert "TLS" in alice.errors
    heard = middle.heard()
    assert heard["there"].startswith("\x16\x03")
    for said in ("MSRP", "alice", TEXT, word):
        assert said not in heard["there"]


def test_tls_cannot_be_stripped_off_a_listener(listening: Listening) -> None:
    bob, target = listening("--as", BOB)
    with socket.create_connection(("127.0.0.1", int(target.rpartition(":")[2])), 20) as line:
        line.sendall(b"MSRP a786hjs2 AUTH\r\nTo-Path: msrps://127.0.0.1:1;tcp\r\n")
        line.sendall(b"From-Path: msrps://a:1/s;tcp\r\nAccept-Types: *\r\n-------a786hjs2$\r\n")
        answer = b""
        while more := line.recv(65536):
            answer += more
    assert b"MSRP" not in answer
    bob.interrupt()
    assert "session with" not in bob.output


# -- texts that are pasted

SDP = r"(?s)^v=0\n.*?\n\n"


def stripped(text: str) -> str:
    """A description as somebody in the signalling would like it."""
    text = text.replace("TCP/TLS/MSRP", "TCP/MSRP").replace("msrps://", "msrp://")
    return re.sub(r"a=fingerprint:.*\n", "", text)


@pytest.mark.parametrize("victim", ["offer", "answer"])
def test_tls_cannot_be_stripped_off_a_pasted_text(msrp: Start, victim: str) -> None:
    one = msrp("offer", "--at", "127.0.0.1:0", TEXT, stdin=subprocess.PIPE)
    offer = one.wait_for(SDP).group()
    more = () if victim == "answer" else ("--tls", "none")
    other = msrp("answer", "--at", "127.0.0.1:0", "--listen", *more, stdin=subprocess.PIPE)
    other.write(stripped(offer))
    if victim == "offer":
        one.write(other.wait_for(SDP).group())
        assert one.wait() == 1
        assert TEXT not in other.output
    else:
        assert other.wait() == 1
        assert "one side wants TLS" in other.errors


def over_the_middle(text: str, middle: Middle, key: str | None = None) -> str:
    """An offer as it reaches the other side, where the network leads elsewhere; with `key` where
    signalling does not keep it from being changed, either."""
    if "actpass" in text:  # the offer: its place is where the other side connects
        text = re.sub(r"(?<=a=path:msrps://)[^/]+(?=/)", middle.target, text)
    if key is not None:
        text = re.sub(r"(a=fingerprint:sha-256 ).*", rf"\g<1>{key}", text)
    return text


@pytest.mark.parametrize("changed", [False, True], ids=["the network", "the texts, too"])
def test_a_fingerprint_in_between(msrp: Start, between: Between, changed: bool) -> None:
    """The side that connects says nothing to the wrong key, and the other waits in vain. Where the texts
    can be changed, too, it is not noticed: of such texts --protected is not to be said."""
    one = msrp("offer", "--at", "127.0.0.1:0", TEXT, "--json", "--timeout", "5", stdin=subprocess.PIPE)
    offer = str(one.event("offer")["sdp"])
    (place,) = re.findall(r"a=path:msrps://([^/]+)/", offer)
    middle = between(place, places=True)
    other = msrp("answer", "--at", "127.0.0.1:0", "--listen", "--connect", "--json", stdin=subprocess.PIPE)
    key = middle.key if changed else None
    other.write(over_the_middle(offer, middle, key) + "\n")
    answer = str(other.event("answer")["sdp"])
    one.write((answer if key is None else over_the_middle(answer, middle, key)) + "\n")
    assert (one.wait(), other.wait()) == ((0, 0) if changed else (3, 4))
    heard = middle.heard()
    if changed:
        assert TEXT in heard["back"]
        for end in (one, other):
            assert end.event("session")["security"]["level"] == "passive-only"
    else:
        assert "another key than the one whose fingerprint was signalled" in other.output
        assert (heard["there"], heard["back"], heard["connections"]) == ("", "", 1)


# -- malicious discovery


@pytest.fixture
def name() -> str:
    """Somebody nobody else on this machine is."""
    return f"im:bob-{secrets.token_hex(4)}@lan"


FORGED = (["SCRAM-SHA-512-PLUS"], ["PLAIN"], [])


@pytest.mark.parametrize("mech", FORGED, ids=["strong", "weak", "none"])
def test_forged_discovery_raises_nothing(
    msrp: Start, listening: Listening, between: Between, name: str, mech: list[str]
) -> None:
    """Whoever announces the name gets the call, where nobody is to be proved; and that is all it gets:
    the key it announces is the one it shows, and verifies nothing."""
    _, target = listening("--as", name)
    middle = between(target, announce=name, mech=mech)
    strict = msrp("send", name, TEXT, "--as", ALICE, "--require", "key-verified", *ON_LOOPBACK)
    assert strict.wait() == 4
    alice = msrp("send", name, TEXT, "--as", ALICE, "--json", *ON_LOOPBACK)
    assert alice.wait() == 0, alice.errors
    session = alice.event("session")
    assert session["security"]["level"] == "passive-only"
    assert session["peer_proved"] is None
    assert session["security"]["layers"][0]["peer_key"] == middle.key
    heard = middle.heard()
    assert heard["there"].count(TEXT) == 1, "and to who required more nothing was said"


@pytest.mark.parametrize("mech", FORGED, ids=["strong", "weak", "none"])
def test_forged_discovery_lowers_nothing(
    msrp: Start, listening: Listening, between: Between, name: str, mech: list[str]
) -> None:
    word = generated(msrp, ALICE, name)
    bob, target = listening("--as", name, "--expect", ALICE)
    middle = between(target, announce=name, mech=mech)
    alice = msrp("send", name, TEXT, "--as", ALICE, "--password-stdin", *ON_LOOPBACK, stdin=subprocess.PIPE)
    alice.write(f"{word}\n")
    assert alice.wait() == 4
    assert "somebody stands in between" in alice.errors
    secret(middle.heard(), word)
    bob.interrupt()
    assert "session with" not in bob.output


def test_between_two_of_one_name_nobody_chooses(
    msrp: Start, listening: Listening, between: Between, name: str
) -> None:
    bob, target = listening("--as", name, "--announce", *ON_LOOPBACK)
    bob.wait_for("announced on this network")
    middle = between(target, announce=name)
    alice = msrp("send", name, TEXT, "--as", ALICE, *ON_LOOPBACK)
    assert alice.wait() == 3
    assert "several listeners" in alice.errors
    assert middle.heard()["connections"] == 0
