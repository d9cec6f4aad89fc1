"""Session descriptions: whatever the other side writes, `PeerError` is all that comes of it.

An input is one octet that picks our side, then texts with FIELD between them: the other side's
offers, and its answers to ours, in turn.
"""

from __future__ import annotations

from fuzz.inputs import FIELD, fit
from msrp_peer.signalling.agreement import Outcome, Side, look
from msrp_peer.signalling.file_attributes import FileRange, FileSelector, FileTransfer
from msrp_peer.signalling.interface import Agreed
from msrp_peer.signalling.offer_answer import Negotiation
from msrp_peer.signalling.sdp import MAX_SDP, Description
from msrp_peer.terms.content import Accepts
from msrp_peer.terms.errors import PeerError
from msrp_peer.terms.fingerprints import Fingerprint

__all__ = ["sdp"]

KEY = (Fingerprint("sha-256", b"k" * 32),)
FILE = FileTransfer(
    FileSelector("a.bin", 4, "image/png", {"sha-1": b"h" * 20}), "id", "attachment", FileRange(2)
)
SIDES = (
    Side("msrp://192.0.2.1:7394/2s93i93idj;tcp", cema=True),
    Side("msrp://192.0.2.1:9/2s93i93idj;tcp", reachable=False, file=FILE, direction="recvonly"),
    Side("msrps://192.0.2.1:7394/2s93i93idj;tcp", fingerprints=KEY, file=FILE, direction="sendonly"),
    Side(
        "msrp://alice.example:7394/2s93i93idj;tcp",
        accepts=Accepts.parse("message/cpim text/plain"),
        wrapped=Accepts.parse("*"),
        maximum=100,
        produces=Accepts.parse("text/plain"),
        cema=True,
        auth="actpass",
    ),
)
KNOWN = {"alice.example": ("192.0.2.1", "no address"), "bob.example": ("2001:db8::1",)}


def sdp(data: bytes) -> None:
    """Reading, writing, answering, being answered, and all of it once more in a session that stands."""
    if not data:
        return
    side = SIDES[data[0] & 3]
    texts = data[1:].split(FIELD)[:4]
    for text in texts:
        _written(text)
        _looked_at(text)
    answering, offering = Negotiation(side), Negotiation(side)
    for text in texts:
        _answered(answering, text)
        _offered(offering, text)
    _refused(Negotiation(side), texts[0])


def _written(text: bytes) -> None:
    """What was read is written, read and written again without a change."""
    try:
        description = Description.parse(text)
    except PeerError as error:
        fit(error)
        return
    written = description.text
    if len(written) <= MAX_SDP:
        again = Description.parse(written)
        assert again.sections == description.sections
        assert again.text == written


def _looked_at(text: bytes) -> None:
    try:
        media = look(text)
    except PeerError as error:
        fit(error)
        return
    media.hosts()
    assert media.fits({}) <= media.fits(dict.fromkeys(media.hosts(), tuple(u.host for u in media.uris)))


def _answered(ours: Negotiation, text: bytes) -> None:
    """The other side offers: an answer of as many sections, or a refusal that changes nothing."""
    if ours.state == "over":
        return
    before = ours.agreed, ours.side, ours.state
    try:
        answer = ours.answer(text, known=KNOWN)
    except PeerError as error:
        fit(error)
        assert (ours.agreed, ours.side, ours.state) == before
        return
    sections = Description.parse(answer).sections
    assert len(sections) == len(Description.parse(text).sections)
    assert sum(section.port != 0 for section in sections) == (ours.agreed is not None)
    if ours.agreed is not None:
        look(answer)
        _agreed(ours.agreed)


def _offered(ours: Negotiation, text: bytes) -> None:
    """The other side answers us."""
    if ours.state == "over":
        return
    before = ours.agreed
    look(ours.offer())
    try:
        again = ours.accept(text, known=KNOWN)
    except PeerError as error:
        fit(error)
        assert ours.agreed == (None if ours.state == "over" else before)
        return
    if again is not None:  # without CEMA, and not a third time
        assert "msrp-cema" not in again
        ours.rejected()
    elif ours.agreed is not None:
        _agreed(ours.agreed)


def _agreed(outcome: Outcome) -> None:
    """It becomes a session."""
    tls = "fingerprint" if outcome.fingerprints else "anonymous" if outcome.secure else "none"
    agreed = Agreed(
        outcome.local,
        outcome.remote,
        outcome.active,
        tls,
        address=outcome.connect if outcome.active else None,
        fingerprints=outcome.fingerprints,
    )
    assert not agreed.asks
    if outcome.active:
        assert agreed.place == outcome.connect
        assert 0 < agreed.place[1] <= 65535


def _refused(ours: Negotiation, text: bytes) -> None:
    try:
        answer = ours.refuse(text)
    except PeerError as error:
        fit(error)
        return
    assert all(section.port == 0 for section in Description.parse(answer).sections)
