"""`listen --announce`, `peers`, and im: URIs as targets, on the loopback interface."""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
import subprocess
from collections.abc import AsyncGenerator

import pytest

from cli.programs import Listening, Start
from msrp_peer.aio.discovery import Announcer
from msrp_peer.cli.peers import settled
from msrp_peer.signalling.announcement import Announcement
from msrp_peer.terms.principal import Principal

ON_LOOPBACK = ("--interface", "127.0.0.1")


@pytest.fixture
def name() -> str:
    """Somebody nobody else on this machine is."""
    return f"im:bob-{secrets.token_hex(4)}@lan"


@pytest.mark.journey("peers")
def test_announced_found_and_called(msrp: Start, listening: Listening, name: str) -> None:
    listener, target = listening("--announce", "--as", name, *ON_LOOPBACK)
    listener.wait_for("announced on this network")
    peers = msrp("peers", "--follow", *ON_LOOPBACK)
    peers.wait_for(rf"^{name}  {target}  ")
    assert "a hint: anybody can announce any name" in peers.errors
    assert peers.interrupt() < 5
    in_json = msrp("peers", "--seconds", "3", "--json", *ON_LOOPBACK)
    sender = msrp("send", name, "found you", *ON_LOOPBACK)
    assert sender.wait() == 0, sender.errors
    listener.wait_for(": found you$")
    assert f"To {name} (claimed, not proved)" in sender.output
    assert in_json.wait() == 0
    assert in_json.errors == ""
    peer = in_json.event("peer")
    while peer["principal"] != name:
        peer = in_json.event("peer")
    assert peer["addresses"] == [target]
    assert peer["proved"] is False
    assert peer["fingerprint"] in listener.output


def test_who_has_the_name_of_another_is_told(msrp: Start, listening: Listening, name: str) -> None:
    first, target = listening("--announce", "--as", name, *ON_LOOPBACK)
    first.wait_for("announced on this network")
    assert "another listener" not in first.output
    second, other = listening("--announce", "--as", name, *ON_LOOPBACK)
    # What registering asks and answers may get lost, on a busy machine, too.
    second.wait_for(f"another listener is announced as {name}(?: already|, too): msrp send")
    sender = msrp("send", name, "to whom?", *ON_LOOPBACK)
    assert sender.wait() == 3
    assert target in sender.errors
    assert other in sender.errors
    assert f"With --expect {name} whoever is there has to prove it" in sender.errors


@pytest.mark.parametrize("command", ["listen", "chat"])
def test_who_was_first_is_told_of_the_second(
    msrp: Start, listening: Listening, name: str, command: str
) -> None:
    if command == "listen":
        first, _ = listening("--announce", "--as", name, *ON_LOOPBACK)
    else:
        first = msrp("chat", "--listen", "127.0.0.1", "--port", "0", "--announce", "--as", name, *ON_LOOPBACK,
                     stdin=subprocess.PIPE)  # fmt: skip
    first.wait_for("announced on this network")
    second = msrp("listen", "127.0.0.1", "--port", "0", "--json", "--announce", "--as", name, *ON_LOOPBACK)
    known = second.event("listening")["name_taken"]
    first.wait_for(f"another listener is announced as {name}, too: msrp send {name} refuses to choose")
    if not known:
        assert second.event("name-taken")["me"] == name
    for program in (first, second):
        program.interrupt()
    assert first.output.count("another listener") == 1
    assert second.output.count('"name-taken"') == (not known)


def test_nobody_of_that_name(msrp: Start, name: str) -> None:
    sender = msrp("send", name, "hi", "--timeout", "0.5", *ON_LOOPBACK)
    assert sender.wait() == 3
    assert f"nobody on this network announced {name}" in sender.errors


def test_where_there_is_no_network_to_search(msrp: Start, listening: Listening, name: str) -> None:
    nowhere = ("--interface", "192.0.2.123")  # of nobody, RFC 5737
    assert msrp("peers", *nowhere).wait() == 3
    sender = msrp("send", name, "hi", *nowhere)
    assert sender.wait() == 3
    assert "cannot be searched" in sender.errors
    listener, target = listening("--announce", "--as", name, *nowhere)
    assert msrp("send", target, "still reached").wait() == 0
    assert "not announced: the network cannot be searched" in listener.errors


def at(*addresses: str, name: str = "bob") -> Announcement:
    return Announcement(name, addresses, 2855)


def test_several_addresses_are_one_peer() -> None:
    """Whoever announces on several interfaces is heard of several times."""
    both, carol = at("192.0.2.1", "198.51.100.1"), at("192.0.2.9", name="carol")
    again = asyncio.Event()

    async def heard() -> AsyncGenerator[Announcement, None]:
        yield at("192.0.2.1")
        yield carol
        yield both
        await again.wait()
        yield at("192.0.2.2")

    async def run() -> list[Announcement]:
        found = []
        async for one in settled(heard(), still=0.05):
            found.append(one)
            if len(found) == 2:
                again.set()
        return found

    assert asyncio.run(run()) == [both, carol, at("192.0.2.2")]


def test_a_peer_that_never_stands_still_is_shown_all_the_same() -> None:
    async def heard() -> AsyncGenerator[Announcement, None]:
        port = 1
        while True:
            yield Announcement("bob", ("192.0.2.1",), port := port + 1)
            await asyncio.sleep(0.001)

    async def run() -> Announcement:
        stream = heard()
        found = settled(stream, still=0.05)
        async with asyncio.timeout(5):
            first = await anext(found)
        await found.aclose()
        await stream.aclose()  # possible: nobody waits in it any more
        return first

    assert asyncio.run(run()).port > 2


def test_a_peer_at_two_addresses_stands_on_one_line(msrp: Start, name: str) -> None:
    told = Announcement(name, ("127.0.0.1", "127.0.0.2"), 2855, Principal.parse(name))

    async def run() -> str:
        async with Announcer(told, interfaces=["127.0.0.1"]):
            peers = msrp("peers", "--seconds", "3", *ON_LOOPBACK)
            assert await asyncio.to_thread(peers.wait) == 0
            return peers.output

    lines = [line for line in asyncio.run(run()).splitlines() if line.startswith(name)]
    assert len(lines) == 1
    assert sorted(re.findall(r"127\.0\.0\.\d:2855", lines[0])) == ["127.0.0.1:2855", "127.0.0.2:2855"]


def test_a_change_is_told_as_one(msrp: Start, name: str) -> None:
    async def run() -> str:
        peers = msrp("peers", "--follow", *ON_LOOPBACK)
        for port in (1001, 1002):
            told = Announcement(name, ("127.0.0.1",), port, Principal.parse(name))
            async with Announcer(told, interfaces=["127.0.0.1"]):
                await asyncio.to_thread(peers.wait_for, rf"^{name}  127.0.0.1:{port}  .*$")
        await asyncio.to_thread(peers.interrupt)
        return peers.output

    first, second = (line for line in asyncio.run(run()).splitlines() if line.startswith(name))
    assert second.endswith("(changed)")
    assert not first.endswith("(changed)")


def test_what_to_do_is_said_where_nobody_is_found(msrp: Start, listening: Listening, name: str) -> None:
    nobody = msrp("send", name, "hi", "--timeout", "1", *ON_LOOPBACK)
    assert nobody.wait() == 3
    assert (
        f"to be found by its name it has to listen and be announced: msrp listen --as {name}" in nobody.errors
    )
    assert "Who is announced here, msrp peers shows" in nobody.errors
    listener, _ = listening("--announce", "--as", name, *ON_LOOPBACK)
    listener.wait_for("announced on this network")
    plain = msrp("send", name, "hi", "--tls", "none", "--auth", "digest", "--as", "im:alice@lan",
                 "--password-stdin", *ON_LOOPBACK, stdin=subprocess.PIPE)  # fmt: skip
    plain.write("k7fk-q4ph-sgmt-wxhw-x2bm\n")
    assert plain.wait() == 3
    assert f"{name} is announced with TLS alone, and plain TCP was chosen" in plain.errors
    assert "Leave out --tls none" in plain.errors


def test_what_to_do_is_said_of_an_address(msrp: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        refused = msrp("send", f"127.0.0.1:{taken.getsockname()[1]}", "hi")
        assert refused.wait() == 3
    assert "Connection refused. Nobody listens at that port, or a firewall says so" in refused.errors
    unknown = msrp("send", "nobody-has-this-name", "hi")
    assert unknown.wait() == 3
    assert "Somebody's name is written im:nobody-has-this-name@lan; msrp peers shows" in unknown.errors
