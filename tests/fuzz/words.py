"""Comparing a short string (docs/profile.md 12): whatever the other side says, and whenever, there is one
run on a line, and it is verified only where both users say so."""

from __future__ import annotations

import hashlib
from contextlib import suppress

from fuzz.inputs import FIELD
from msrp_core import Frame, request, response
from msrp_peer.protocol.sas_header import SasHeader
from msrp_peer.terms.errors import NotSecureEnough, UsageError
from support.by_hand import ByHand
from support.keyed import KeyedClear

__all__ = ["words"]

NONCE = bytes(range(16))
READY = {
    "%C": SasHeader("commit", hashlib.sha256(NONCE).digest()).text(),
    "%N": SasHeader("nonce", NONCE).text(),
    "%R": SasHeader("reveal", NONCE).text(),
    "%S": SasHeader("result", same=True).text(),
    "%D": SasHeader("result", same=False).text(),
}


def words(data: bytes) -> None:
    """An input is steps, FIELD between them. The first letter says which: "A" an AUTH of the other side
    with that header, "4" and "2" its 401 or 200 to what it was asked last, with that header; "a", "w",
    "s", "d" ask, welcome, say the same, say another on our side; "t" time goes by."""
    layer = KeyedClear()
    hand = ByHand(layer=layer)
    end = hand.bind()
    connection, comparing = hand.connection, hand.connection.comparing
    asked: Frame | None = None
    nonces = None
    ours = theirs = False
    for step in data.split(FIELD)[:24]:
        if connection.state == "closed":
            return
        kind, value = step[:1], _header(step[1:])
        heard: list[Frame] = []
        with suppress(UsageError, NotSecureEnough):
            if kind == b"A" and value is not None:
                headers = [("Authorization", value)]
                heard = hand.say(request("AUTH", hand.to, hand.own, headers)[1])
                theirs = theirs or 'result="same"' in value.lower()
            elif kind in (b"4", b"2") and asked is not None and value is not None:
                status, asked_now, asked = 401 if kind == b"4" else 200, asked, None
                heard = hand.say(response(asked_now, status, "", [("WWW-Authenticate", value)]))
            elif kind == b"a":
                comparing.ask(end, hand.now)
                heard = hand.hear()
            elif kind == b"w":
                comparing.welcome(hand.now)
                heard = hand.hear()
            elif kind in (b"s", b"d"):
                comparing.say(kind == b"s", end, hand.now)
                ours = True
                heard = hand.hear()
            elif kind == b"t":
                heard = hand.wait(len(step) - 1)
        asked = next((frame for frame in heard if frame.method == "AUTH"), asked)
        assert nonces is None or comparing.nonces == nonces, "a second guess"
        nonces = comparing.nonces
        assert layer.protection is not None
        if layer.protection.verified == "compared":
            assert ours
            assert theirs
            assert nonces is not None
            assert not comparing.differed


def _header(octets: bytes) -> str | None:
    """The value of a header: one of those that stand ready, or these very octets; None where no line
    holds them."""
    text = octets.decode("utf-8", "replace")
    text = READY.get(text, text)
    return text if text.isprintable() and text == text.strip() else None
