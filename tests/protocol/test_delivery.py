"""Every message arrives whole and once, or its sender is told: whatever the channel does."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from msrp_peer.protocol.incoming import Incoming
from msrp_peer.terms.errors import PeerError
from msrp_peer.terms.limits import Limits
from support.by_hand import LISTENER, ByHand, content
from support.pair import Cut, Pair

SMALL = Limits(chunk_alone=40, chunk_in_company=10, turn=60, unsent=100, window=200, unopened=50, unread=80)


def cut_by(sizes: list[int]) -> Cut:
    def cut(octets: bytes) -> Iterator[bytes]:
        at = i = 0
        while at < len(octets):
            size = sizes[i % len(sizes)]
            yield octets[at : at + size]
            at, i = at + size, i + 1

    return cut


bodies = st.lists(st.binary(max_size=300), min_size=1, max_size=4)
cuts = st.lists(st.integers(1, 200), min_size=1, max_size=5).map(cut_by)


@given(
    there=bodies,
    back=bodies,
    cut=cuts,
    known=st.booleans(),
    budget=st.none() | st.integers(0, 9000),
    withdrawn=st.booleans(),
    end=st.sampled_from(["none", "left", "right"]),
)
def test_whole_and_once_or_told(
    there: list[bytes],
    back: list[bytes],
    cut: Cut,
    known: bool,
    budget: int | None,
    withdrawn: bool,
    end: str,
) -> None:
    pair = Pair(limits=SMALL, cut=cut)
    ends = pair.meet()
    pair.budget = budget
    left = [(ends[0], body, ends[0].send("a/b", len(body) if known else None)) for body in there]
    right = [(ends[1], body, ends[1].send("a/b", len(body) if known else None)) for body in back]
    sent = left + right
    fed = {id(outgoing): 0 for _, _, outgoing in sent}
    for turn in range(2000):
        for _, body, outgoing in sent:
            if outgoing.wants():
                at = fed[id(outgoing)]
                outgoing.feed(body[at : at + 70])
                fed[id(outgoing)] = min(at + 70, len(body))
                if fed[id(outgoing)] == len(body):
                    outgoing.end()
        if withdrawn and turn == 2:
            left[0][2].withdraw()
        if end != "none" and turn == 3:
            getattr(pair, end).close(pair.now)
        if not pair.step() and not any(outgoing.wants() for _, _, outgoing in sent):
            break
    else:
        raise AssertionError("it never came to rest")

    for endpoint, arrivals in ((ends[0], ends[1].inbox), (ends[1], ends[0].inbox)):
        by_id: dict[str, list[Incoming]] = {}
        for incoming in arrivals:
            by_id.setdefault(incoming.message_id, []).append(incoming)
            assert incoming.reason or incoming.state in ("whole", "arriving")
        for owner, body, outgoing in sent:
            if owner is not endpoint:
                continue
            found = by_id.pop(outgoing.message_id, [])
            assert len(found) <= 1, "once"
            assert outgoing.over, f"its sender is told, not left {outgoing.state}"
            if outgoing.state == "delivered":
                assert found
                assert found[0].state == "whole"
            if outgoing.state == "failed":
                assert outgoing.reason
            for incoming in found:
                came = content(incoming)
                assert body.startswith(came)
                assert len(came) == incoming.received
                assert (incoming.state == "whole") <= (came == body)
                assert incoming.state != "arriving"
        assert not by_id, "nothing arrives that nobody sent"
    if budget is None and end == "none":
        states = [outgoing.state for _, _, outgoing in sent]
        assert states.count("delivered") >= len(states) - withdrawn


tokens = st.sampled_from(
    [
        *(b"MSRP aaaa%d SEND\r\n" % i for i in range(3)),
        b"MSRP aaaa1 AUTH\r\n",
        b"MSRP aaaa1 REPORT\r\n",
        b"MSRP aaaa1 FOO\r\n",
        b"MSRP aaaa1 200 OK\r\n",
        b"To-Path: @to\r\n",
        b"To-Path: @other\r\n",
        b"To-Path: @listener\r\n",
        b"From-Path: @own\r\n",
        b"From-Path: @own @other\r\n",
        b"Message-ID: abcd\r\n",
        b"Message-ID: \r\n",
        b"Byte-Range: 1-*/*\r\n",
        b"Byte-Range: 3-2/9\r\n",
        b"Byte-Range: 99999999999999999999-1/*\r\n",
        b"Status: 000 413\r\n",
        b"Status: \xff\r\n",
        b"Success-Report: yes\r\n",
        b"Failure-Report: maybe\r\n",
        b"Accept-Types: *\r\n",
        b"Max-Size: 9\r\n",
        b"Content-Disposition: attachment; filename*=\xfe''%ff\r\n",
        b"Content-Type: text/plain\r\n",
        b"\r\n",
        b"body\xff\xfe",
        b"\r\n-------aaaa1",
        b"-------aaaa0$\r\n",
        b"-------aaaa1$\r\n",
        b"-------aaaa1+\r\n",
        b"-------aaaa2#\r\n",
    ]
)


@given(pieces=st.lists(tokens, max_size=40), cut=cuts)
def test_nothing_of_the_other_side_raises(pieces: list[bytes], cut: Cut) -> None:
    hand = ByHand()
    hand.bind()
    names = {b"@to": hand.to, b"@own": hand.own, b"@other": hand.fresh(), b"@listener": LISTENER}
    octets = b"".join(pieces)
    for name, uri in names.items():
        octets = octets.replace(name, uri.encode())
    for read in cut(octets):
        hand.connection.receive(read, hand.now)
    hand.hear()
    hand.connection.ended(hand.now)
    assert hand.connection.state == "closed"
    assert hand.connection.reason


@given(st.data())
def test_nothing_of_the_other_side_raises_beneath_a_layer(data: st.DataObject) -> None:
    pair = Pair()
    pair.meet()
    for _ in range(5):
        record = data.draw(st.binary(max_size=50))
        pair.right.receive(bytes([data.draw(st.integers(0, 4)), 0, len(record)]) + record, 0)
        assert isinstance(pair.right.data_to_send(0), list)


def test_a_layer_that_breaks_while_it_sends() -> None:
    class Broken(Exception):
        pass

    hand = ByHand()
    endpoint = hand.bind()

    def wrap(pieces: object) -> list[bytes]:
        if pieces:
            raise PeerError("the other side broke the layer")
        return [b"!"]

    hand.layer.wrap = wrap  # type: ignore[method-assign]
    outgoing = endpoint.send("a/b", 1)
    outgoing.feed(b"x")
    outgoing.end()
    assert hand.connection.data_to_send(0) == [b"!"]
    assert (outgoing.state, outgoing.reason) == ("failed", "the other side broke the layer")
    assert hand.connection.data_to_send(0) == [b"!"] or hand.connection.state == "closed"
