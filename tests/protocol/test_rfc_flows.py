"""The messages the RFCs print, as the flows they are: one side said by the RFC, the other by us.

tests/vectors/msrp holds their octets; what our side says must be what the RFC prints for it, to the
octet where the RFC leaves no choice.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from msrp_core import Frame, Parser
from msrp_peer.protocol.connection import Connection
from msrp_peer.protocol.endpoint import Endpoint
from msrp_peer.terms.content import Accepts
from support.by_hand import ANY, Clear, content

VECTORS = Path(__file__).parent.parent / "vectors" / "msrp"
NAMES = [entry["file"] for entry in json.loads((VECTORS / "index.json").read_text(encoding="utf-8"))]
NO_FRAMES = {
    "rfc4975_s5.1_03_dkei38sd_SEND.msrp",
    "rfc4975_s5.1_04_dkei38ia_SEND.msrp",
    "rfc4976_s3_06_xght6_200.msrp",
}


def printed(start: str, *, corrected: bool = False) -> bytes:
    (name,) = (name for name in NAMES if name.startswith(start))
    return (VECTORS / ("corrected" if corrected else "") / name).read_bytes()


def frames(octets: bytes) -> list[Frame]:
    found = list(Parser().feed(octets))
    assert all(isinstance(frame, Frame) for frame in found)
    return found  # type: ignore[return-value]


class Side:
    """One endpoint of a session whose paths were exchanged elsewhere."""

    def __init__(self, local: str, remote: str) -> None:
        self.connection = Connection([Clear()], terms=ANY)
        self.connection.begin(0)
        self.endpoint: Endpoint = self.connection.bind(local, remote, Accepts.parse("*"), None)

    @classmethod
    def of(cls, octets: bytes) -> Side:
        """The one this is for: the last of the path it goes along."""
        (frame,) = frames(octets)
        return cls(frame.to_path.split()[-1], frame.from_path)

    def hear(self) -> bytes:
        return b"".join(self.connection.data_to_send(0))

    def told(self, octets: bytes) -> bytes:
        self.connection.receive(octets, 0)
        return self.hear()

    def bodies(self) -> list[tuple[str, bytes]]:
        return [(message.state, content(message)) for message in self.endpoint.inbox]


@pytest.mark.rule("4975 7.2-1 7.2-3 7.2-4 7.2-5 9-1")
def test_rfc_4975_section_4() -> None:
    send, ok = printed("rfc4975_s4_01"), printed("rfc4975_s4_02")
    bob = Side.of(send)
    assert bob.told(send) == ok
    assert bob.bodies() == [("whole", b"Hey Bob, are you there?")]


@pytest.mark.rule("4975 7.3.1-2")
def test_rfc_4975_section_5_1() -> None:
    first, second = (printed(f"rfc4975_s5.1_0{i}", corrected=True) for i in (3, 4))
    bob = Side.of(first)
    assert [frame.status for frame in frames(bob.told(first) + bob.told(second))] == [200, 200]
    assert bob.bodies() == [("whole", b"abcdEFGH")]


def test_rfc_4975_section_11_1() -> None:
    """A basic session: each says one thing, both answers to the octet, and Alice hears hers."""
    said = [printed(f"rfc4975_s11.1_0{i}") for i in (5, 6, 7, 8)]
    bob, alice = Side.of(said[0]), Side.of(said[2])
    assert bob.told(said[0]) == said[1]
    assert alice.told(said[2]) == said[3]
    assert bob.bodies() == [("whole", b"Hi, I'm Alice!")]
    assert alice.bodies() == [("whole", b"Hi, Alice!  I'm Bob!")]
    # The same from our side: but for the ids and the length, whose printed value is wrong.
    outgoing = alice.endpoint.send("text/plain", 14)
    outgoing.feed(b"Hi, I'm Alice!")
    outgoing.end()
    (frame,) = frames(spoken := alice.hear())
    for ours, theirs in (
        (frame.transaction_id, "d93kswow"),
        (outgoing.message_id, "12339sdqwer"),
    ):
        spoken = spoken.replace(ours.encode(), theirs.encode())
    assert spoken == printed("rfc4975_s11.1_05", corrected=True)
    assert alice.told(said[1].replace(b"d93kswow", frame.transaction_id.encode())) == b""
    assert outgoing.state == "delivered"


def test_rfc_4975_section_11_2() -> None:
    send = printed("rfc4975_s11.2")
    alice = Side.of(send)
    assert [frame.status for frame in frames(alice.told(send))] == [200]
    assert alice.endpoint.inbox[0].content_type == "application/xhtml+xml"
    ((state, body),) = alice.bodies()
    assert state == "whole"
    assert body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\r\n')
    assert body.endswith(b"</html>")


@pytest.mark.parametrize("corrected", [False, True])
def test_rfc_4975_section_11_4(corrected: bool) -> None:
    """A message/cpim in two chunks, whose second is an octet shorter than the RFC says."""
    first, second = (printed(f"rfc4975_s11.4_1{i}", corrected=corrected) for i in (0, 1))
    bob = Side.of(first)
    assert [frame.status for frame in frames(bob.told(first) + bob.told(second))] == [200, 200]
    ((state, body),) = bob.bodies()
    assert state == "whole"
    assert body.startswith(b"To: Bob <sip:bob@example.com>\r\n")
    assert body.endswith(b"\r\nABCD1234567890")


@pytest.mark.rule("4975 7.1.4-4")
def test_rfc_4975_section_11_5() -> None:
    """A message to all from the operator: nobody answers it."""
    send = printed("rfc4975_s11.5")
    alice = Side.of(send)
    assert alice.told(send) == b""
    assert alice.bodies() == [("whole", b"This conference will end in 5 minutes")]
    alice.endpoint.inbox[0].confirm()
    assert alice.hear() == b""


@pytest.mark.rule("4975 7.1-9 7.1.2-1 7.1.2-2 7.1.2-3 7.1.3-1 7.1.3-3")
def test_rfc_4975_section_11_6() -> None:
    """A success report and no response; both sides of it."""
    send, report = printed("rfc4975_s11.6_13", corrected=True), printed("rfc4975_s11.6_14")
    bob = Side.of(send)
    assert bob.told(send) == b""
    message = bob.endpoint.inbox[0]
    content(message)
    message.confirm()
    (frame,) = frames(spoken := bob.hear())
    expected = report.replace(b"1-106/106", b"1-%d/%d" % (message.received, message.received))
    assert spoken.replace(frame.transaction_id.encode(), b"dkei38sd") == expected
    (told,) = frames(report)
    alice = Side(told.to_path, told.from_path)
    outgoing = alice.endpoint.send("text/html", 106, success_report=True)
    outgoing.feed(b"x" * 106)
    outgoing.end()
    (sent,) = frames(alice.hear())
    alice.told(report.replace(b"12339sdqwer", outgoing.message_id.encode()))
    alice.told(printed("rfc4975_s4_02").replace(b"a786hjs2", sent.transaction_id.encode()))
    assert outgoing.state == "delivered"


@pytest.mark.rule("4975 7.1-3 7.2-4 7.1.3-3")
def test_rfc_4976_section_3() -> None:
    """Two relays between: responses go to the last hop, reports all the way."""
    send, report = printed("rfc4976_s3_05"), printed("rfc4976_s3_07")
    bob = Side.of(send)
    (ok,) = frames(bob.told(send))
    assert (ok.status, ok.to_path) == (200, "msrps://b.example.net:9000/aeiug;tcp")
    message = bob.endpoint.inbox[0]
    content(message)
    message.confirm()
    (frame,) = frames(spoken := bob.hear())
    assert spoken.replace(frame.transaction_id.encode(), b"yh67") == report

    first, ok_there, report_there = (printed(f"rfc4976_s3_0{i}") for i in (1, 2, 9))
    (shown,) = frames(first)
    alice = Side(shown.from_path, shown.to_path)
    outgoing = alice.endpoint.send("text/plain", 39, success_report=True)
    outgoing.feed(shown.body)
    outgoing.end()
    (sent,) = frames(alice.hear())
    assert (sent.to_path, sent.from_path) == (shown.to_path, shown.from_path)
    alice.told(ok_there.replace(b"6aef", sent.transaction_id.encode()))
    assert outgoing.state == "awaiting"
    alice.told(report_there.replace(b"87652", outgoing.message_id.encode()))
    assert outgoing.state == "delivered"


@pytest.mark.rule("4975 7.3-2 9-2 12-3")
@pytest.mark.parametrize("name", sorted(set(NAMES) - NO_FRAMES))
def test_every_message_printed_finds_its_session(name: str) -> None:
    """Each alone, said to an endpoint of its paths: answered once where it is to be, with the right code."""
    octets = (VECTORS / name).read_bytes()
    (frame,) = frames(octets)
    side = Side.of(octets)
    answers = frames(side.told(octets))
    assert side.connection.state == "open"
    assert all(answer.transaction_id == frame.transaction_id for answer in answers)
    statuses = [answer.status for answer in answers]
    bodies = [content(message) for message in side.endpoint.inbox]
    if frame.method == "SEND" and " " in frame.to_path:
        assert (statuses, bodies) == ([481], [])
    elif frame.method == "SEND":
        assert statuses == ([] if frame.failure_report == "no" else [200])
        begins = frame.byte_range is None or frame.byte_range.start == 1
        assert bodies == [frame.body] * begins, "what is not its beginning waits for that"
    elif frame.method == "NICKNAME":
        assert statuses == [501]
    elif frame.method == "AUTH":
        assert len(statuses) == 1
    else:
        assert statuses == []
