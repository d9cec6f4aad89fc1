"""Sessions are granted on protected lines, one URI at a time, each good once, here and for a while."""

from __future__ import annotations

import pytest

from msrp_core import Uri, request
from msrp_peer.protocol.auth import Terms, granted
from msrp_peer.terms.content import Accepts
from msrp_peer.terms.limits import Limits
from support.by_hand import LISTENER, ByHand, Clear, statuses

EMPTY = [("Message-ID", "msg1")]


@pytest.mark.rule("4975 3-2 3-5 8.2-4 8.2-5 8.6-9")
def test_a_grant_names_a_fresh_uri_and_what_is_taken() -> None:
    terms = Terms(Accepts.parse("text/plain *"), maximum=5000, claim="im:bob@lan")
    hand = ByHand(terms=terms)
    first = hand.ask(("Accept-Types", "text/plain"), ("Max-Size", "77"))
    second = hand.ask(("Accept-Types", "text/plain"))
    assert first.status == second.status == 200
    assert first.header("Expires") == "30"
    assert first.header("Accept-Types") == "text/plain *"
    assert first.header("Max-Size") == "5000"
    uris = [Uri.parse(answer.header("Use-Path") or "") for answer in (first, second)]
    assert uris[0] != uris[1]
    for uri in uris:
        assert uri.secure
        assert (uri.host, uri.port) == ("127.0.0.1", 2855)
        assert len(uri.session_id or "") >= 22, "128 random bits in base64"
        assert uri.userinfo == "im%3Abob%40lan"
    assert granted(first) == (uris[0].text, terms.accepts, 5000)


def test_the_acceptor_learns_what_the_other_side_takes() -> None:
    hand = ByHand()
    endpoint = hand.bind(("Max-Size", "77"))
    assert endpoint.peer_takes.text == "*"
    assert endpoint.peer_maximum == 77
    assert endpoint.local == hand.to
    assert endpoint.remote == hand.own


def test_a_grant_is_good_for_thirty_seconds() -> None:
    hand = ByHand(limits=Limits(handshake=100))
    hand.to = hand.ask(("Accept-Types", "*")).header("Use-Path") or ""
    assert hand.connection.next_timer() == 30
    hand.now = 30.0  # before any timer was handled: the time itself counts
    assert statuses(hand.say(hand.frame(EMPTY))) == [481]
    hand.wait(0)
    assert statuses(hand.say(hand.frame(EMPTY))) == [481]
    assert not hand.connection.arrived


@pytest.mark.rule("4975 5.4-10")
def test_a_grant_used_in_time_stays() -> None:
    hand = ByHand(limits=Limits(handshake=100))
    hand.to = hand.ask(("Accept-Types", "*")).header("Use-Path") or ""
    hand.now = 29.9
    assert statuses(hand.say(hand.frame(EMPTY))) == [200]
    hand.wait(1000)
    assert statuses(hand.say(hand.frame(EMPTY))) == [200]


def test_no_more_than_eight_unused_grants() -> None:
    hand = ByHand()
    answers = [hand.ask(("Accept-Types", "*")) for _ in range(9)]
    assert statuses(answers) == [200] * 8 + [403]
    hand.to = answers[0].header("Use-Path") or ""
    assert statuses(hand.say(hand.frame(EMPTY))) == [200]
    assert hand.ask(("Accept-Types", "*")).status == 200, "a used one makes room"
    hand.wait(31)
    assert hand.ask(("Accept-Types", "*")).status == 200, "so does time"


@pytest.mark.rule("4975 3-3 5.4-9")
def test_a_grant_is_for_the_one_who_asked() -> None:
    hand = ByHand()
    hand.to = hand.ask(("Accept-Types", "*")).header("Use-Path") or ""
    own = hand.own
    for stranger in (hand.fresh(), f"{own} {hand.fresh()}", f"{hand.fresh()} {own}"):
        hand.own = stranger
        assert statuses(hand.say(hand.frame(EMPTY))) == [481]
    hand.own = own
    assert statuses(hand.say(hand.frame(EMPTY))) == [200]


@pytest.mark.rule("4975 8.2-4")
def test_a_grant_is_used_once() -> None:
    hand = ByHand()
    hand.bind()
    hand.own = hand.fresh()
    assert statuses(hand.say(hand.frame(EMPTY))) == [481]
    assert not hand.connection.arrived


def test_a_session_goes_on_however_its_uris_are_written() -> None:
    hand = ByHand()
    hand.bind()
    hand.to = hand.to.replace("msrps://127", "MSRPS://127").replace(";tcp", ";TCP")
    hand.own = hand.own.replace(";tcp", ";tcp;new=1")
    assert statuses(hand.say(hand.frame(EMPTY))) == [200]
    assert not hand.connection.arrived


@pytest.mark.rule("4975 3-3")
def test_no_grant_without_confidentiality() -> None:
    hand = ByHand(layer=Clear(confidential=False))
    assert hand.ask(("Accept-Types", "*")).status == 403
    assert hand.connection.state == "open"


def test_no_grant_over_several_hops() -> None:
    hand = ByHand()
    answers = [
        hand.ask(("Accept-Types", "*"), to=f"{LISTENER} {LISTENER}"),
        hand.ask(("Accept-Types", "*"), own=f"{hand.fresh()} {hand.fresh()}"),
    ]
    assert statuses(answers) == [403, 403]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 501),  # which mechanisms are there? None: no such extension
        ([("Authorization", 'SASL mech="ANONYMOUS"')], 403),
        ([("Authorization", 'SASL mech="ANONYMOUS"'), ("Accept-Types", "*")], 403),
        ([("Accept-Types", "*"), ("Max-Size", "many")], 400),
        ([("Accept-Types", "*"), ("Max-Size", "-1")], 400),
        ([("Accept-Types", "*"), ("Max-Size", "9" * 19)], 400),
        ([("Accept-Types", "*"), ("Byte-Range", "1-5/3")], 400),
        ([("Accept-Types", ";;;/,,")], 400),
        ([("accept-types", "text/plain")], 200),  # RFC 4975 section 9: names in any case
    ],
)
@pytest.mark.rule("4975 3-4")
def test_answers_to_auth(headers: list[tuple[str, str]], status: int) -> None:
    hand = ByHand()
    assert hand.ask(*headers).status == status
    assert hand.connection.state == "open"


def test_a_grant_asks_for_no_session_of_its_own() -> None:
    hand = ByHand()
    assert hand.ask(("Accept-Types", "*"), to=hand.fresh()).status == 481
    assert hand.ask(("Accept-Types", "*"), own=LISTENER).status == 481


@pytest.mark.rule("4975 7.2-4")
def test_answers_go_back_where_requests_came_from() -> None:
    hand = ByHand()
    answer = hand.ask(("Accept-Types", "*"))
    assert (answer.to_path, answer.from_path) == (hand.own, LISTENER)


@pytest.mark.rule("4975 3-1 5.4-11")
def test_a_send_before_anything_was_granted() -> None:
    hand = ByHand()
    hand.to = hand.fresh()
    assert statuses(hand.say(hand.chunk("msg1", b"hello"))) == [481]
    hand.to = LISTENER
    assert statuses(hand.say(hand.chunk("msg2", b"hello"))) == [481]
    hand.bind()


@pytest.mark.rule("4975 12-3")
def test_methods_that_are_not_implemented() -> None:
    hand = ByHand()
    endpoint = hand.bind()
    before = hand.chunk("msg1", b"one ", 1, 7, "+")
    after = hand.chunk("msg1", b"two", 5, 7, "$")
    unknown = request("NICKNAME", hand.to, hand.own, [("Use-Nickname", '"x"')])[1]
    with_body = request("FOO", hand.to, hand.own, [("Content-Type", "a/b")], b"x" * 20000)[1]
    assert statuses(hand.say(before, unknown, with_body, after)) == [200, 501, 501, 200]
    assert endpoint.inbox[0].state == "whole"


@pytest.mark.rule("4975 7.1-7")
def test_an_auth_with_a_body_that_is_too_long() -> None:
    """RFC 4975 section 7.1: a request other than SEND carries 10,240 octets at most."""
    hand = ByHand()
    headers = [("Accept-Types", "*"), ("Content-Type", "a/b")]
    octets = request("AUTH", LISTENER, hand.own, headers, b"x" * 10241)[1]
    assert statuses(hand.say(octets[:9000], octets[9000:])) == [413]
    octets = request("AUTH", LISTENER, hand.own, headers, b"x" * 10240)[1]
    assert statuses(hand.say(octets[:9000], octets[9000:])) == [200]


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ([("Accept-Types", "*")], "without Use-Path"),
        ([("Use-Path", LISTENER), ("Accept-Types", "*")], "without a session-id"),
        ([("Use-Path", "msrps://h:1/secret;tcp")], "without Accept-Types"),
        ([("Use-Path", "nonsense"), ("Accept-Types", "*")], "msrps"),
        ([("Use-Path", "msrps://h:1/secret;tcp"), ("Accept-Types", "*"), ("Max-Size", "x")], "Max-Size"),
    ],
)
def test_grants_that_cannot_be_used(headers: list[tuple[str, str]], problem: str) -> None:
    from msrp_core import Frame, Parser, response

    asked = next(iter(Parser().feed(request("AUTH", LISTENER, LISTENER)[1])))
    assert isinstance(asked, Frame)
    answer = next(iter(Parser().feed(response(asked, 200, None, headers))))
    assert isinstance(answer, Frame)
    with pytest.raises(ValueError, match=problem) as wrong:
        granted(answer)
    assert "secret" not in str(wrong.value)


def test_no_more_sessions_on_a_connection_than_the_limit() -> None:
    hand = ByHand(limits=Limits(sessions=2))
    for _ in range(2):
        hand.to = hand.ask(("Accept-Types", "*")).header("Use-Path") or ""
        assert statuses(hand.say(hand.frame(EMPTY))) == [200]
    assert hand.ask(("Accept-Types", "*")).status == 403
    hand.connection.leave(hand.connection.arrived[0], hand.now)
    hand.hear()
    assert hand.ask(("Accept-Types", "*")).status == 200, "one that ended makes room"
