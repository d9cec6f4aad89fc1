"""The attributes that describe a file (RFC 5547): any text is read, and what was read is written and read
again the same."""

from __future__ import annotations

from fuzz.inputs import FIELD, fit
from msrp_peer.session.files import safe_name
from msrp_peer.signalling.file_attributes import FILE_NAMES, FileRange, FileSelector, FileTransfer

__all__ = ["files"]


def files(data: bytes) -> None:
    """An input is the values of `FILE_NAMES`, in their order, with FIELD between them; an empty one is
    an attribute that is not there."""
    fields = [field.decode("utf-8", "replace") for field in data.split(FIELD)]
    values = dict(zip(FILE_NAMES, (field or None for field in fields), strict=False))
    selector = FileSelector.parse(fields[0])
    assert FileSelector.parse(selector.text) == selector
    assert selector.selects(selector)
    assert selector.is_same(selector)
    if selector.name is not None:
        safe = safe_name(selector.name)
        fit(safe)
        assert "/" not in safe
        assert safe not in ("", ".", "..")
        assert len(safe.encode()) <= 200
    for field in fields:
        part = FileRange.parse(field)
        assert part is None or FileRange.parse(part.text) == part
    try:
        transfer = FileTransfer.read(values)
    except ValueError as error:
        fit(error)
        return
    if transfer is not None:
        assert FileTransfer.read(dict(transfer.lines())) == transfer
