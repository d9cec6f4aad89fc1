"""What is fed of a message comes out in order, in whatever pieces, less what nobody wants."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from msrp_peer.protocol.fed import Fed

sizes = st.integers(0, 40)
deeds = st.lists(st.tuples(st.sampled_from(["add", "take", "drop", "leap"]), sizes), max_size=40)


@given(deeds)
def test_what_is_wanted_comes_out_in_order(deeds: list[tuple[str, int]]) -> None:
    fed = Fed()
    body = bytes(range(256)) * 8
    at = out = 0  # where the next octet to be fed is, and the next to come out
    for deed, size in deeds:
        if deed == "add":
            wanted = max(at + size - max(at, out), 0)
            assert fed.add(memoryview(body[at : at + size])) == wanted
            at += size
        elif deed == "take":
            taken = bytes(fed.take(size + 1))
            assert taken == body[out : max(min(at, out + size + 1), out)]
            out += len(taken)
        elif deed == "drop":
            fed.drop(size)
            out += size
        else:
            assert fed.leap() == max(out - at, 0)
            at = max(at, out)
        assert (fed.held, fed.ahead) == (max(at - out, 0), max(out - at, 0))
    fed.clear()
    assert (fed.held, bytes(fed.take(10))) == (0, b"")
