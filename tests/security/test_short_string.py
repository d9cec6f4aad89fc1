"""The short string: what it is made of, how it is read; and who sits in between, playing as well as one can.

He has TLS to both sides, and so two exporters. With the commitment he has one guess a line; without it
he tries until he has the same string on both. Shortened strings show both in a second.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from itertools import count

import pytest
from OpenSSL import SSL

from msrp_core import Frame, Parser, Uri, request, response
from msrp_peer.protocol.connection import Connection
from msrp_peer.protocol.sas_header import SasHeader
from msrp_peer.protocol.wire import Layer
from msrp_peer.security.short_string import ShortString
from msrp_peer.security.tls import TlsLayer
from msrp_peer.security.words import EVEN, ODD
from msrp_peer.terms.content import Accepts
from msrp_peer.terms.limits import Limits
from security.tls_line import ADH, pair, secured, shake
from support.by_hand import ANY
from support.keyed import KeyedToy

ASKED, ANSWERED = bytes(range(16)), bytes(range(16, 32))


# -- the string


def test_it_is_the_first_forty_bits() -> None:
    exported = bytes(32)
    whole = hmac.new(exported, ASKED + ANSWERED, hashlib.sha256).digest()
    string = ShortString(exported, ASKED, ANSWERED)
    assert string.value.to_bytes(5, "big") == whole[:5]
    assert string.words == (EVEN[whole[0]], ODD[whole[1]], EVEN[whole[2]], ODD[whole[3]], EVEN[whole[4]])
    assert int(string.digits.replace(" ", "")) == string.value
    assert [len(group) for group in string.digits.split(" ")] == [3, 3, 3, 4]


def test_a_vector() -> None:
    """Its octets are those of `openssl dgst -sha256 -mac HMAC` over the two nonces: 50ebb9df76."""
    string = ShortString(bytes(range(100, 132)), ASKED, ANSWERED)
    assert " ".join(string.words) == "drumbeat underfoot sentence therapist inverse"
    assert string.digits == "034 755 221 0806"


@pytest.mark.parametrize("what", range(3))
def test_whatever_goes_in_counts(what: int) -> None:
    given = [bytes(32), ASKED, ANSWERED]
    other = list(given)
    other[what] = other[what][:-1] + bytes([other[what][-1] ^ 1])
    assert ShortString(*given).value != ShortString(*other).value
    assert ShortString(bytes(32), ASKED, ANSWERED).value != ShortString(bytes(32), ANSWERED, ASKED).value


def test_the_words_tell_every_octet_at_its_place() -> None:
    assert len(EVEN) == len(ODD) == 256
    assert len({*EVEN, *ODD}) == 512  # so a word at a wrong place is no word there
    assert all(word.isascii() and word.isalpha() and word.islower() for word in (*EVEN, *ODD))


def test_small_values_keep_their_noughts() -> None:
    string = ShortString(bytes(32), ASKED, ANSWERED)
    string.value = 7
    assert string.words == ("aardvark", "adroitness", "aardvark", "adroitness", EVEN[7])
    assert string.digits == "000 000 000 0007"


def test_no_repr_tells_it() -> None:
    string = ShortString(bytes(32), ASKED, ANSWERED)
    assert not any(word in repr(string) for word in string.words)


# -- the line it is made from


def test_both_ends_of_a_line_export_the_same_and_no_other_line_does() -> None:
    client, server = secured()
    exported = client.binding("msrp-sas")
    assert exported == server.binding("msrp-sas")
    assert exported is not None
    assert len(exported) == 32
    assert exported not in (client.binding("tls-exporter"), secured()[0].binding("msrp-sas"))


def test_tls_1_2_needs_extended_master_secret() -> None:
    for options, there in ((0, True), (1, False)):  # SSL_OP_NO_EXTENDED_MASTER_SECRET
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
        context.set_options(options)
        client, server = TlsLayer(context, server=False), pair()[1]
        shake(client, server)
        for end in (client, server):
            assert (end.binding("msrp-sas") is not None) is there


def test_an_anonymous_suite_has_no_keys_to_verify() -> None:
    client, server = secured(ADH)
    assert client.binding("tls-exporter") is not None
    assert client.binding("msrp-sas") is server.binding("msrp-sas") is None


def test_compared_says_so_and_nothing_better_is_lost() -> None:
    client, _ = secured()
    client.compared()
    assert client.protection is not None
    assert client.protection.verified == "compared"


# -- who sits in between


class Side:
    """A victim, and the man's end of the line to it."""

    def __init__(self, victim: Layer, man: Layer) -> None:
        self.victim = Connection([victim], terms=ANY, granting=False)
        self.layer = man
        self._parser = Parser()
        self.victim.begin(0.0)
        self._carry()
        own, other = (Uri.fresh("127.0.0.1", 9).text for _ in range(2))
        self.end = self.victim.bind(own, other, Accepts.parse("*"), None)

    @property
    def exported(self) -> bytes:
        exported = self.layer.binding("msrp-sas")
        assert exported is not None
        assert self.victim.wire.binding("msrp-sas") == exported
        return exported

    def _carry(self, *said: bytes) -> list[Frame]:
        heard: list[Frame] = []
        out = self.layer.wrap(said)
        while True:
            if out:
                self.victim.receive(b"".join(out), 0.0)
            octets = b"".join(self.victim.data_to_send(0.0))
            if not octets:
                return heard
            for piece in self.layer.unwrap(octets):
                heard += (event for event in self._parser.feed(piece) if isinstance(event, Frame))
            out = self.layer.wrap([])

    def heard(self) -> Frame:
        """The one thing the victim says now."""
        if self.victim.next_timer() == 0.0:
            self.victim.handle_timer(0.0)
        (frame,) = self._carry()
        return frame

    def answer(self, frame: Frame, status: int, *headers: tuple[str, str]) -> None:
        assert self._carry(response(frame, status, "", headers)) == []

    def ask(self, header: SasHeader) -> Frame:
        _, octets = request("AUTH", self.end.local, self.end.remote, [("Authorization", header.text())])
        (frame,) = self._carry(octets)
        return frame

    def string(self, bits: int) -> int:
        """What the victim shows."""
        assert self.victim.comparing.nonces is not None
        return ShortString(self.exported, *self.victim.comparing.nonces, bits).value


def said(frame: Frame, header: str = "Authorization") -> SasHeader:
    found = SasHeader.of(frame, header)
    assert found is not None
    return found


def play(alice: Side, bob: Side, bits: int) -> bool:
    """One line to each; whether alice and bob see the same in the end, though he is in between.

    Alice asks. He asks bob in her place, with a nonce of his own. He knows bob's string before he
    reveals it, and hers before her words are shown: he cannot change either any more.
    """
    assert alice.exported != bob.exported
    bob.victim.comparing.welcome(0.0)
    alice.victim.comparing.ask(alice.end, 0.0)
    asked = alice.heard()
    assert said(asked).name == "commit"
    mine = os.urandom(16)  # whatever hers is: he cannot see it
    challenge = said(bob.ask(SasHeader("commit", hashlib.sha256(mine).digest())), "WWW-Authenticate")
    bobs = ShortString(bob.exported, mine, challenge.octets, bits).value
    # Hers depends on a nonce he does not know: any answer is as good as another.
    alice.answer(asked, 401, ("WWW-Authenticate", SasHeader("nonce", os.urandom(16)).text()))
    revealed = alice.heard()
    assert said(revealed).name == "reveal"
    alice.answer(revealed, 200)
    assert bob.ask(SasHeader("reveal", mine)).status == 200
    assert bob.string(bits) == bobs
    assert {alice.victim.state, bob.victim.state} == {"open"}
    return alice.string(bits) == bobs


def over_tls() -> tuple[Side, Side]:
    (client, his_server), (his_client, server) = pair(), pair()
    return Side(client, his_server), Side(server, his_client)


def over_toys() -> tuple[Side, Side]:
    """The same with lines that cost nothing, for many runs."""
    hers, his = os.urandom(32), os.urandom(32)
    return Side(KeyedToy(hers), KeyedToy(hers)), Side(KeyedToy(his), KeyedToy(his))


@pytest.mark.parametrize(
    ("sides", "bits", "runs", "least", "most"),
    # Right with a chance of 2**-bits each: beyond these bounds it is once in a million runs of the test.
    [(over_tls, 4, 256, 1, 39), (over_toys, 8, 4096, 1, 40)],
    ids=["TLS", "many"],
)
def test_who_sits_in_between_has_one_guess(
    sides: Callable[[], tuple[Side, Side]], bits: int, runs: int, least: int, most: int
) -> None:
    right = sum(play(*sides(), bits) for _ in range(runs))
    assert least <= right <= most


def test_with_the_whole_string_the_words_differ() -> None:
    alice, bob = over_tls()
    assert not play(alice, bob, 40)


def test_without_the_commitment_he_would_try_until_it_fits() -> None:
    """Why it is there: had alice told her nonce first, he would look for one of his own that fits."""
    for _ in range(20):
        alice, bob, hers, bobs = (os.urandom(size) for size in (32, 32, 16, 16))
        # Bob answers whatever alice is said to have asked with; then the man answers her.
        mine = os.urandom(16)
        shown = ShortString(bob, mine, bobs, 8).value
        tried = next(n for n in count(1) if ShortString(alice, hers, n.to_bytes(16, "big"), 8).value == shown)
        assert tried < 256 * 40  # with 40 bits: what a graphics card does in minutes


def test_a_guess_that_was_wrong_cannot_be_taken_back() -> None:
    """He knows bob's string before he reveals. Whatever he does instead of revealing ends the line."""
    for instead in (
        SasHeader("commit", hashlib.sha256(bytes(16)).digest()),
        SasHeader("reveal", bytes(16)),
        SasHeader("result", same=True),
    ):
        alice, bob = over_toys()
        bob.victim.comparing.welcome(0.0)
        bob.ask(SasHeader("commit", hashlib.sha256(os.urandom(16)).digest()))
        assert bob.ask(instead).status in (400, 403)
        assert bob.victim.state != "open"
        assert bob.victim.comparing.nonces is None
        assert alice.victim.state == "open"
    alice, bob = over_toys()
    bob.victim.comparing.welcome(0.0)
    bob.ask(SasHeader("commit", hashlib.sha256(os.urandom(16)).digest()))
    bob.victim.handle_timer(Limits().transaction)
    assert bob.victim.state == "closed"


def test_he_cannot_ask_both_of_one_line_twice() -> None:
    alice, bob = over_toys()
    play(alice, bob, 40)
    for side in (alice, bob):
        assert side.ask(SasHeader("commit", hashlib.sha256(bytes(16)).digest())).status == 400
