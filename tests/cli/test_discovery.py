"""`listen --announce`, `peers`, and im: URIs as targets, on the loopback interface."""

from __future__ import annotations

import secrets

import pytest

from cli.programs import Listening, Start

ON_LOOPBACK = ("--interface", "127.0.0.1")


@pytest.fixture
def name() -> str:
    """Somebody nobody else on this machine is."""
    return f"im:bob-{secrets.token_hex(4)}@lan"


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
