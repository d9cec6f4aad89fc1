"""One session's offers and answers, both sides real, text between them; examples of the RFCs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from msrp_peer.signalling.agreement import NotAcceptable, Refused, Side, Unprovable, look
from msrp_peer.signalling.offer_answer import Negotiation
from msrp_peer.signalling.sdp import Description, SdpError
from msrp_peer.terms.content import Accepts
from msrp_peer.terms.errors import PeerError, UsageError
from msrp_peer.terms.fingerprints import Fingerprint

VECTORS = Path(__file__).parent.parent / "vectors" / "sdp"
ALICE = "msrp://alice.example.com:7394/2s93i93idj;tcp"
BOB = "msrp://bob.example.com:8493/si438dsaodes;tcp"
KEY = Fingerprint("sha-256", ":".join(["AB"] * 32))


def vector(name: str) -> str:
    return (VECTORS / name).read_bytes().decode()


def meet(alice: Negotiation, bob: Negotiation) -> None:
    assert alice.accept(bob.answer(alice.offer())) is None


def pair(alice: Side | None = None, bob: Side | None = None) -> tuple[Negotiation, Negotiation]:
    return Negotiation(alice or Side(ALICE)), Negotiation(bob or Side(BOB))


def lines(text: str, start: str) -> list[str]:
    return [line for line in text.split("\r\n") if line.startswith(start)]


def with_line(text: str, line: str) -> str:
    return f"{text}{line}\r\n"


def without(text: str, start: str) -> str:
    return "".join(f"{line}\r\n" for line in text.split("\r\n") if line and not line.startswith(start))


@pytest.mark.rule("4975 8.1-1 8.1-2 8.1-3 8.2-1 8.2-3 8.6-1")
def test_the_example_of_section_8_7() -> None:
    """RFC 4975 section 8.7: what our sides write holds what the figures show, and more."""
    alice, bob = pair(
        Side(ALICE, accepts=Accepts.parse("message/cpim text/plain text/html")),
        Side(BOB, accepts=Accepts.parse("message/cpim text/plain")),
    )
    offer = alice.offer()
    answer = bob.answer(offer)
    alice.accept(answer)
    for text, figure in ((offer, "rfc4975_s8.7_04.sdp"), (answer, "rfc4975_s8.7_05.sdp")):
        for line in vector(figure).split("\r\n"):
            assert line.startswith(("o=", "s=")) or not line or line in text.split("\r\n")
    first, second = alice.agreed, bob.agreed
    assert first is not None
    assert second is not None
    assert (first.active, second.active) == (True, False)
    assert first.connect == ("bob.example.com", 8493)
    assert (first.local, first.remote) == (second.remote, second.local) == (ALICE, BOB)
    assert first.peer_takes == second.takes == Accepts.parse("message/cpim text/plain")
    assert first.takes == second.peer_takes


def test_figures_9_and_10_without_setup() -> None:
    """RFC 4975 section 8.5: the one who offered connects; RFC 6135 section 5."""
    bob = Negotiation(Side(BOB))
    bob.answer(vector("rfc4975_s8.7_04.sdp"))
    assert bob.agreed is not None
    assert not bob.agreed.active
    alice = Negotiation(Side(ALICE))
    alice.offer()
    alice.accept(vector("rfc4975_s8.7_05.sdp"))
    assert alice.agreed is not None
    assert alice.agreed.active
    assert alice.agreed.peer_takes == Accepts.parse("message/cpim text/plain")


@pytest.mark.rule("4975 8.1-5")
def test_where_to_connect_stands_in_the_path_alone() -> None:
    """RFC 4975 section 8.1: c= and m= are for others to read."""
    alice = Negotiation(Side(ALICE))
    alice.offer()
    answer = vector("rfc4975_s8.7_05.sdp").replace("m=message 8493", "m=message 1234")
    alice.accept(answer.replace("c=IN IP4 bob.example.com", "c=IN IP4 192.0.2.66"))
    assert alice.agreed is not None
    assert alice.agreed.connect == ("bob.example.com", 8493)


def test_no_session_uri_is_shown() -> None:
    alice, bob = pair()
    meet(alice, bob)
    for shown in (
        alice.agreed,
        alice.side,
        alice,
        look(vector("rfc4975_s8.7_04.sdp")),
        Description.parse("v=0"),
    ):
        for secret in ("2s93i93idj", "si438dsaodes"):
            assert secret not in repr(shown)
            assert secret not in str(shown)


# -- who connects: RFC 6135


@pytest.mark.rule("6135 4.2.1-1 4.2.1-2 4.2.2-3 4.2.2-5")
@pytest.mark.parametrize(
    ("offerer", "answerer", "setups", "active"),
    [
        (True, True, ("actpass", "passive"), True),
        (True, False, ("actpass", "active"), False),
        (False, True, ("active", "passive"), True),
        (False, False, ("active", None), None),
    ],
)
@pytest.mark.rule("4975 5.4-3")
def test_who_connects(
    offerer: bool, answerer: bool, setups: tuple[str, str | None], active: bool | None
) -> None:
    """RFC 6135 section 4.2.2; a side that cannot be reached says port 9 (RFC 4145 section 4.1)."""
    alice, bob = pair(
        Side(ALICE if offerer else ALICE.replace("7394", "9"), reachable=offerer),
        Side(BOB if answerer else BOB.replace("8493", "9"), reachable=answerer),
    )
    offer = alice.offer()
    assert lines(offer, "a=setup:") == [f"a=setup:{setups[0]}"]
    assert lines(offer, "m=") == [f"m=message {7394 if offerer else 9} TCP/MSRP *"]
    if active is None:
        with pytest.raises(NotAcceptable, match="nobody can connect"):
            bob.answer(offer)
        return
    answer = bob.answer(offer)
    assert lines(answer, "a=setup:") == [f"a=setup:{setups[1]}"]
    alice.accept(answer)
    assert alice.agreed is not None
    assert bob.agreed is not None
    assert (alice.agreed.active, bob.agreed.active) == (active, not active)
    passive, connecting = (bob, alice) if active else (alice, bob)
    assert connecting.agreed is not None
    uri = passive.side.uri
    assert connecting.agreed.connect == (uri.host, uri.port)


@pytest.mark.rule("6135 4.2.1-1 4.2.1-3 4.2.2-4 4.4-1")
def test_nothing_of_comedia_that_must_not_be_sent() -> None:
    """RFC 6135 sections 4.2.1, 4.2.2, 4.4: no holdconn, no passive in an offer, no a=connection."""
    alice, bob = pair()
    offer = alice.offer()
    answer = bob.answer(with_line(offer, "a=connection:existing"))
    for text in (offer, answer):
        assert not lines(text, "a=connection")
        assert len(lines(text, "a=setup:")) == 1
    assert not lines(offer, "a=setup:passive")


def test_both_active_is_told() -> None:
    alice = Negotiation(Side(ALICE.replace("7394", "9"), reachable=False))
    alice.offer()
    with pytest.raises(NotAcceptable, match="neither"):
        alice.accept(with_line(without(vector("rfc4975_s8.7_05.sdp"), "a=setup"), "a=setup:active"))
    assert alice.state == "idle"


@pytest.mark.parametrize(("port", "words"), [("9", "no port"), ("0", "no port")])
def test_a_passive_side_without_a_port(port: str, words: str) -> None:
    bob = Negotiation(Side(BOB))
    text = with_line(vector("rfc4975_s8.7_04.sdp").replace(":7394/", f":{port}/"), "a=setup:passive")
    with pytest.raises(NotAcceptable, match=words):
        bob.answer(text)


def test_a_transport_we_lack() -> None:
    """RFC 7977 section 5.2.2: it may be there, as long as nobody must connect to it."""
    text = vector("rfc4975_s8.7_04.sdp").replace(";tcp", ";ws")
    bob = Negotiation(Side(BOB))
    with pytest.raises(NotAcceptable, match="another transport"):
        bob.answer(with_line(text, "a=setup:passive"))
    bob.answer(text)
    assert bob.agreed is not None


# -- kinds of content: RFC 4975 section 8.6


@pytest.mark.parametrize(
    ("taken", "produced", "fits"),
    [
        ("text/plain", "*", True),
        ("*", "text/plain", True),
        ("text/*", "text/plain", True),
        ("text/plain;charset=utf-8", "text/plain", True),
        ("message/cpim text/html", "text/plain image/png", False),
        ("image/*", "text/plain", False),
        ("nonsense", "*", False),
    ],
)
@pytest.mark.rule("4975 8.6-7")
def test_an_offer_that_takes_nothing_we_have(taken: str, produced: str, fits: bool) -> None:
    text = vector("rfc4975_s8.2_03.sdp").replace("text/plain", taken)
    bob = Negotiation(Side(BOB, produces=Accepts.parse(produced)))
    if fits:
        bob.answer(text)
        return
    with pytest.raises(NotAcceptable) as refused:
        bob.answer(text)
    assert refused.value.status == 488
    assert bob.state == "idle"
    bob.answer(with_line(text, "a=sendonly"))  # then nothing need be sent there


@pytest.mark.rule("4975 8.6-6")
def test_wrapped_types_are_told_once() -> None:
    wraps = Side(
        ALICE, accepts=Accepts.parse("message/cpim text/plain"), wrapped=Accepts.parse("text/plain image/png")
    )
    alice, bob = pair(wraps, Side(BOB, maximum=2000))
    offer = alice.offer()
    assert lines(offer, "a=accept-wrapped") == ["a=accept-wrapped-types:image/png"]
    alice.accept(bob.answer(offer))
    assert alice.agreed is not None
    assert bob.agreed is not None
    assert alice.agreed.peer_maximum == 2000
    assert bob.agreed.peer_wrapped == Accepts(("image/png",))


@pytest.mark.parametrize(
    ("offered", "answered", "said", "ways"),
    [
        ("sendrecv", "sendrecv", None, (True, True)),
        ("sendonly", "sendrecv", "recvonly", (False, True)),
        ("recvonly", "sendrecv", "sendonly", (True, False)),
        ("sendrecv", "recvonly", "recvonly", (False, True)),
        ("inactive", "sendrecv", "inactive", (False, False)),
        ("sendonly", "sendonly", "inactive", (False, False)),
    ],
)
def test_directions(offered: str, answered: str, said: str | None, ways: tuple[bool, bool]) -> None:
    """RFC 4975 section 8.9, RFC 3264 section 6.1."""
    alice, bob = pair(Side(ALICE, direction=offered), Side(BOB, direction=answered))  # type: ignore[arg-type]
    answer = bob.answer(alice.offer())
    assert [d for d in ("sendonly", "recvonly", "inactive") if lines(answer, f"a={d}")] == (
        [said] if said else []
    )
    alice.accept(answer)
    assert alice.agreed is not None
    assert bob.agreed is not None
    assert (bob.agreed.may_send, bob.agreed.may_receive) == ways
    assert (alice.agreed.may_receive, alice.agreed.may_send) == ways


# -- refusals and updates


@pytest.mark.rule("4975 8.1-3")
def test_port_0_refuses() -> None:
    alice, bob = pair()
    with pytest.raises(Refused, match="port 0"):
        alice.accept(bob.refuse(alice.offer()))
    assert alice.state == "over"
    assert bob.state == "idle"
    with pytest.raises(UsageError):
        alice.offer()


@pytest.mark.rule("4975 8.1-3 8.1-4")
def test_other_media_are_refused_and_keep_their_place() -> None:
    """RFC 3264 section 6: as many m= lines in the answer, in the same order."""
    text = (
        "v=0\r\no=- 1 1 IN IP4 alice.example.com\r\ns=-\r\nc=IN IP4 alice.example.com\r\nt=0 0\r\n"
        "m=audio 49170 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\n"
        f"m=message 7394 TCP/MSRP *\r\na=accept-types:text/plain\r\na=path:{ALICE}\r\n"
        f"m=message 7394 TCP/MSRP *\r\na=accept-types:text/plain\r\na=path:{ALICE}x\r\n"
        'a=file-selector:size:7\r\na=file-transfer-id:abc\r\na=file-date:creation:"x"\r\n'
        "m=video 0 RTP/AVP 31\r\n"
    )
    bob = Negotiation(Side(BOB))
    answer = bob.answer(text)
    assert lines(answer, "m=") == [
        "m=audio 0 RTP/AVP 0 8",
        "m=message 8493 TCP/MSRP *",
        "m=message 0 TCP/MSRP *",
        "m=video 0 RTP/AVP 31",
    ]
    # RFC 5547 section 8.3: a refused file is named again.
    assert lines(answer.partition("m=message 0")[2], "a=") == [
        "a=file-selector:size:7",
        "a=file-transfer-id:abc",
    ]
    again = bob.offer()
    assert [line.split()[:2] for line in lines(again, "m=")] == [
        ["m=audio", "0"],
        ["m=message", "8493"],
        ["m=message", "0"],
        ["m=video", "0"],
    ]
    alice = Negotiation(Side(ALICE))
    bob.accept(alice.answer(again))
    assert alice.agreed is not None


def test_the_second_section_is_used_where_the_first_cannot_be() -> None:
    text = (
        "v=0\r\nm=message 1 TCP/TLS/MSRP *\r\na=accept-types:*\r\na=path:msrps://a:1/x1;tcp\r\n"
        "m=message 1 TCP/MSRP *\r\na=accept-types:*\r\na=path:msrp://a:1/x2;tcp\r\n"
    )
    answer = Negotiation(Side(BOB)).answer(text)
    assert lines(answer, "m=") == ["m=message 0 TCP/TLS/MSRP *", "m=message 8493 TCP/MSRP *"]


def test_a_standing_session_stays_on_its_m_line() -> None:
    """RFC 3264 section 8: what an update offers on another line is another session, and is refused."""
    alice, bob = pair()
    meet(alice, bob)
    before = bob.agreed
    assert before is not None
    other = "m=message 7394 TCP/MSRP *\r\na=accept-types:*\r\na=path:msrp://alice.example.com:7394/x1;tcp\r\n"
    text = alice.offer() + other
    assert [line.split()[1] for line in lines(bob.answer(text), "m=")] == ["8493", "0"]
    assert bob.agreed is not None
    assert bob.agreed.continues(before)
    with pytest.raises(SdpError, match="TLS"):
        bob.answer(text.replace("TCP/MSRP", "TCP/TLS/MSRP", 1))
    assert bob.agreed.remote == before.remote


def test_port_0_of_another_m_line_ends_nothing() -> None:
    audio = "m=audio 49170 RTP/AVP 0\r\n"
    alice, bob = pair()
    text = alice.offer().replace("m=message", f"{audio}m=message")
    bob.answer(text)
    bob.answer(text.replace("49170", "0"))
    assert bob.state == "agreed"
    ended = bob.answer(text.replace("m=message 7394", "m=message 0"))
    assert [line.split()[1] for line in lines(ended, "m=")] == ["0", "0"]
    assert bob.state == "over"


@pytest.mark.rule("4975 8.4-3")
def test_nothing_changed_the_same_o_line() -> None:
    """RFC 4975 section 8.4; else the next version (RFC 3264 section 8)."""
    alice, bob = pair()
    first = alice.offer()
    answer = bob.answer(first)
    alice.accept(answer)
    assert alice.offer() == first
    assert bob.answer(first) == answer
    alice.accept(answer)
    before = alice.agreed
    second = alice.offer(Side(ALICE, accepts=Accepts.parse("text/plain")))
    old, new = (lines(text, "o=")[0].split() for text in (first, second))
    assert (new[1], int(new[2])) == (old[1], int(old[2]) + 1)
    alice.accept(bob.answer(second))
    assert alice.agreed is not None
    assert before is not None
    assert alice.agreed.continues(before)
    assert bob.agreed is not None
    assert bob.agreed.peer_takes == Accepts.parse("text/plain")


@pytest.mark.rule("4975 8.4-1 8.4-2")
def test_either_side_may_update() -> None:
    alice, bob = pair()
    meet(alice, bob)
    first = bob.agreed
    meet(bob, alice)
    assert bob.agreed is not None
    assert first is not None
    assert bob.agreed.active  # the new offerer is the offerer for all purposes
    assert bob.agreed.continues(first)
    fresh = Side(BOB.replace("si438", "other"))
    assert bob.accept(alice.answer(bob.offer(fresh))) is None
    assert not bob.agreed.continues(first)
    assert alice.agreed is not None
    assert alice.agreed.remote == fresh.path


def test_a_failed_update_changes_nothing() -> None:
    alice, bob = pair()
    meet(alice, bob)
    before = alice.agreed, bob.agreed, alice.side, bob.side
    with pytest.raises(PeerError):
        bob.answer(alice.offer(Side(ALICE.replace("msrp:", "msrps:"))), Side(BOB, maximum=7))
    with pytest.raises(SdpError):
        alice.accept("nothing like SDP")
    assert (alice.agreed, bob.agreed, alice.side, bob.side) == before
    assert (alice.state, bob.state) == ("agreed", "agreed")


def test_two_offers_meet() -> None:
    alice, bob = pair()
    meet(alice, bob)
    offer = bob.offer()
    alice.offer()
    with pytest.raises(NotAcceptable) as refused:
        alice.answer(offer)
    assert refused.value.status == 491


def test_the_end_from_either_side() -> None:
    alice, bob = pair()
    meet(alice, bob)
    text = bob.end()
    assert lines(text, "m=") == ["m=message 0 TCP/MSRP *"]
    answer = alice.answer(text)
    assert lines(answer, "m=") == ["m=message 0 TCP/MSRP *"]
    assert bob.accept(answer) is None
    assert (alice.state, bob.state) == ("over", "over")
    assert alice.agreed is None


def test_an_end_that_signalling_refused_is_none() -> None:
    alice, bob = pair()
    meet(alice, bob)
    alice.end()
    alice.rejected()
    meet(alice, bob)
    assert (alice.state, bob.state) == ("agreed", "agreed")


def test_order_of_calls() -> None:
    alice, _ = pair()
    with pytest.raises(UsageError, match="waits"):
        alice.accept("v=0")
    alice.offer()
    with pytest.raises(UsageError, match="not answered"):
        alice.offer()
    with pytest.raises(SdpError, match="fewer"):
        alice.accept("v=0")
    alice.offer()
    with pytest.raises(SdpError, match="something else"):
        alice.accept("m=audio 1 RTP/AVP 0")


def test_our_own_offer_comes_back() -> None:
    """Whoever holds a mirror up is no peer."""
    alice = Negotiation(Side(ALICE))
    text = alice.offer()
    with pytest.raises(NotAcceptable, match="came back"):
        alice.accept(text)
    with pytest.raises(NotAcceptable, match="came back"):
        Negotiation(Side(ALICE)).answer(text)


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("nonsense", {}),
        ("msrp://a/x;tcp", {}),
        ("msrp://a:1;tcp", {}),
        (ALICE, {"accepts": Accepts()}),
        (ALICE, {"fingerprints": (KEY,)}),
    ],
)
@pytest.mark.rule("4975 8.2-2")
def test_a_side_that_makes_no_sense(path: str, more: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Side(path, **more)  # type: ignore[arg-type]


# -- TLS: RFC 4975 section 14.4, RFC 8122

SECURE_A, SECURE_B = ALICE.replace("msrp:", "msrps:"), BOB.replace("msrp:", "msrps:")


@pytest.mark.rule("8122 4-1 5-1 5-2 5.1-2")
@pytest.mark.rule("4975 14.4-4")
def test_fingerprints_are_exchanged() -> None:
    other = Fingerprint("sha-1", ":".join(["CD"] * 20))
    alice, bob = pair(Side(SECURE_A, fingerprints=(KEY,)), Side(SECURE_B, fingerprints=(other, KEY)))
    offer = alice.offer()
    assert lines(offer, "m=") == ["m=message 7394 TCP/TLS/MSRP *"]
    assert lines(offer, "a=fingerprint") == [f"a=fingerprint:sha-256 {KEY.value}"]
    alice.accept(bob.answer(offer))
    assert alice.agreed is not None
    assert alice.agreed.fingerprints == (KEY,)  # of the hash we prefer alone (RFC 8122 section 5.1)
    assert alice.agreed.secure


def test_no_fingerprint_where_one_is_needed() -> None:
    alice, bob = pair(Side(SECURE_A, fingerprints=(KEY,)), Side(SECURE_B, fingerprints=(KEY,)))
    with pytest.raises(NotAcceptable, match="fingerprint"):
        bob.answer(without(alice.offer(), "a=fingerprint"))
    md5 = "a=fingerprint:md5 " + ":".join(["AB"] * 16)
    with pytest.raises(NotAcceptable, match="fingerprint"):
        alice.accept(with_line(without(bob.answer(Negotiation(alice.side).offer()), "a=fingerprint"), md5))


@pytest.mark.parametrize(("mine", "theirs"), [(SECURE_A, BOB), (ALICE, SECURE_B)])
def test_tls_is_never_taken_away(mine: str, theirs: str) -> None:
    with pytest.raises(NotAcceptable, match="TLS"):
        Negotiation(Side(theirs)).answer(Negotiation(Side(mine)).offer())
    alice = Negotiation(Side(mine))
    alice.offer()
    answer = Negotiation(Side(theirs)).answer(Negotiation(Side(ALICE if theirs == BOB else SECURE_A)).offer())
    with pytest.raises(NotAcceptable, match=r"TLS|came back"):
        alice.accept(answer)


AUTH = "a=msrp-auth:SASL\r\n"
ROLES = ("active", "passive", "actpass", None)


@pytest.mark.parametrize("reachable", [True, False])
@pytest.mark.parametrize("theirs", ROLES)
@pytest.mark.parametrize("mine", ROLES)
def test_auth_is_shown_where_it_can_be(mine: Any, theirs: Any, reachable: bool) -> None:
    """Only in a role in which this side can do its part; the answer shows it where both can."""
    alice = Negotiation(Side(ALICE, auth=mine))
    bob = Negotiation(Side(BOB, reachable=reachable, auth=theirs))
    offer = alice.offer()
    assert (AUTH in offer) == (mine is not None)
    assert f"a=setup:{mine or 'actpass'}\r\n" in offer
    if mine == "active" and not reachable:
        with pytest.raises(NotAcceptable, match="nobody can connect"):
            bob.answer(offer)
        return
    answer = bob.answer(offer)
    assert alice.accept(answer) is None
    assert alice.agreed is not None
    assert bob.agreed is not None
    able = {"active": {"active"}, "passive": {"passive"}, "actpass": {"active", "passive"}, None: set()}
    roles = ("active", "passive") if alice.agreed.active else ("passive", "active")
    both = roles[0] in able[mine] and roles[1] in able[theirs]
    assert alice.agreed.auth == bob.agreed.auth == both
    assert (AUTH in answer) == both
    if reachable and mine in (None, "actpass"):
        assert bob.agreed.active == (theirs == "active"), "the answerer chooses a role in which it can"


@pytest.mark.parametrize(
    ("mine", "theirs", "words"),
    [
        (Side(ALICE), Side(BOB, auth="actpass", proved=True), "no a=msrp-auth"),
        (Side(ALICE, auth="active"), Side(BOB, auth="active", proved=True), "can only prove itself"),
        (Side(ALICE, auth="passive"), Side(BOB, auth="passive", proved=True), "can only prove others"),
    ],
)
def test_somebody_is_to_be_proved_and_cannot_be(mine: Side, theirs: Side, words: str) -> None:
    bob = Negotiation(theirs)
    with pytest.raises(Unprovable, match=words):
        bob.answer(Negotiation(mine).offer())
    assert bob.state == "idle"


def test_an_answer_that_does_not_show_auth_is_of_no_use() -> None:
    alice = Negotiation(Side(ALICE, auth="active", proved=True))
    answer = Negotiation(Side(BOB)).answer(alice.offer())
    with pytest.raises(Unprovable, match="no a=msrp-auth"):
        alice.accept(answer)
    assert alice.agreed is None


@pytest.mark.parametrize("auth", [None, "passive"])
def test_what_makes_no_sense_of_auth(auth: Any) -> None:
    with pytest.raises(UsageError, match="neither prove itself nor judge others"):
        Side("msrps://a.example:9/x;tcp", reachable=False, auth=auth, proved=True)


def test_a_session_that_goes_on_was_proved() -> None:
    """An update need not show it again; another session has to."""
    alice, bob = pair(Side(ALICE, auth="active"), Side(BOB, auth="passive", proved=True))
    meet(alice, bob)
    update = alice.offer(replace(alice.side, maximum=1000)).replace(AUTH, "")
    alice.accept(bob.answer(update))
    assert bob.agreed is not None
    assert bob.agreed.auth
    other = alice.offer(replace(alice.side, path=ALICE.replace("2s93i93idj", "another0"))).replace(AUTH, "")
    with pytest.raises(Unprovable, match="no a=msrp-auth"):
        bob.answer(other)
