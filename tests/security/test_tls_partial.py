"""Whether half a record is here: what tells a stalled peer from a quiet one."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from msrp_peer.protocol.auth import Terms
from msrp_peer.protocol.connection import Connection
from msrp_peer.terms.content import Accepts
from msrp_peer.terms.limits import Limits
from security.tls_line import cut_by, owed, pair, records, say, secured


@given(st.lists(st.integers(1, 40_000), min_size=1, max_size=8), st.lists(st.integers(1, 70_000), max_size=6))
def test_half_a_record_is_half_a_record_wherever_it_is_cut(sizes: list[int], cuts: list[int]) -> None:
    client, server = secured()
    octets = b"".join(say(client, os.urandom(size)) for size in sizes)
    ends, at = set(), 0
    for record in records(octets):
        at += len(record)
        ends.add(at)
    at = 0
    for piece in cut_by(cuts)(octets):
        server.unwrap(piece)
        at += len(piece)
        assert server.partial == (at not in ends)


def test_the_handshake_ends_on_a_record() -> None:
    client, server = pair()
    while client.protection is None or server.protection is None:
        for octet in owed(client):
            server.unwrap(bytes([octet]))
        assert not server.partial
        client.unwrap(owed(server))
        assert not client.partial


def test_a_record_without_frames_is_no_stall() -> None:
    """A session ticket, or a key update: nothing for the frames, and nothing unfinished."""
    client, server = pair()
    connection = Connection(
        [client], terms=Terms(Accepts.parse("*")), limits=Limits(stall=10, handshake=1000)
    )
    connection.begin(0)
    while True:
        server.unwrap(b"".join(connection.data_to_send(0)))
        flights = records(owed(server))
        if not flights:
            break
        for record in flights:
            connection.receive(record, 0)
    assert connection.state == "open"
    connection.handle_timer(20)
    assert connection.state == "open", connection.reason
    half = say(server, b"MSRP ")[:9]
    connection.receive(half, 20)
    connection.handle_timer(31)
    assert "stalled" in (connection.reason or "")
