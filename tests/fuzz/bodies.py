"""Messages of the kinds people send: whatever their octets are, something is shown and nothing raised."""

from __future__ import annotations

from fuzz.inputs import FIELD, fit
from msrp_peer.session.bodies import is_readable, kinds, parts, show, text_of
from msrp_peer.session.cpim import Cpim
from msrp_peer.terms.display import escape

__all__ = ["bodies"]


def bodies(data: bytes) -> None:
    """An input is a content type, FIELD, and a body."""
    head, _, body = data.partition(FIELD)
    kind = head.decode("utf-8", "replace")
    shown = show(kind, body)
    # Words, or a part that is named, or why there are none.
    assert shown.text or shown.others or shown.notes or not body.strip() or is_readable(kind)
    for text in (shown.text, shown.sender or "", shown.subject or "", *shown.notes):
        fit(escape(text))
    assert len(list(kinds(kind, body))) < 1 << 16
    for part in parts(kind, body):
        text_of(part.content_type, part.body)
    _written(body)


def _written(octets: bytes) -> None:
    """What was read as message/cpim and can be written is read the same."""
    read = Cpim.parse(octets)
    if read is None:
        return
    read.address("From")
    try:
        written = read.octets()
    except (ValueError, UnicodeEncodeError):
        return
    again = Cpim.parse(written)
    if len(written) - len(read.body) < 16 * 1024:
        assert again is not None
        assert again.body == read.body
        assert again.headers == read.headers
