"""The messages RFC 4975, 4976, 5547, 7701, 7977 and 8591 print, by both parsers.

tests/vectors/msrp holds their exact octets and index.json what is known of them, their defects
included: many declare a Byte-Range that their body does not fit, two have no paths, one has no
end-line. corrected/ holds those of RFC 4975 with the ranges put right (not RFC text).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.events import PLAIN, Implementation, implementation, run

VECTORS = Path(__file__).parent.parent / "vectors" / "msrp"
INDEX: list[dict[str, Any]] = json.loads((VECTORS / "index.json").read_text(encoding="utf-8"))
BY_FILE = {entry["file"]: entry for entry in INDEX}
NO_PATHS = {"rfc4975_s5.1_03_dkei38sd_SEND.msrp", "rfc4975_s5.1_04_dkei38ia_SEND.msrp"}
NO_END_LINE = {"rfc4976_s3_06_xght6_200.msrp"}
WHOLE = sorted(set(BY_FILE) - NO_PATHS - NO_END_LINE)
CORRECTED = sorted(path.name for path in (VECTORS / "corrected").glob("*.msrp"))


def test_every_file_is_in_the_index_and_tried() -> None:
    assert {path.name for path in VECTORS.glob("*.msrp")} == set(BY_FILE)
    assert len(BY_FILE) == len(INDEX) == 83
    assert len(WHOLE) == 80
    assert len(CORRECTED) == 10
    assert {name for name, entry in BY_FILE.items() if entry["flag"] is None} == NO_END_LINE
    without = {name for name, entry in BY_FILE.items() if "To-Path/From-Path omitted" in str(entry["notes"])}
    assert without == NO_PATHS


def _check(frame: Any, octets: bytes, entry: dict[str, Any]) -> None:
    assert frame.fault() is None
    assert frame.transaction_id == entry["transact_id"]
    assert frame.flag == entry["flag"]
    assert len(octets) == entry["octets"]
    kind, _, comment = entry["kind"].partition(" ")
    if kind.isdigit():
        assert (frame.method, frame.status, frame.comment) == (None, int(kind), comment or None)
    else:
        assert (frame.method, frame.status) == (kind, None)
    if "actual_body_len" in entry:
        # What came counts, whatever Byte-Range says (RFC 4975 section 7.3.1).
        assert frame.has_body
        assert frame.size == entry["actual_body_len"]
        assert frame.content_type
    assert octets[frame.body_offset : frame.body_offset + frame.size] == frame.body
    assert octets[frame.end_offset :] == f"-------{entry['transact_id']}{entry['flag']}\r\n".encode()


@implementation
@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.rule("4975 9-2")
def test_messages_as_printed(parser: Implementation, name: str) -> None:
    octets = (VECTORS / name).read_bytes()
    entry = BY_FILE[name]
    frame = parser.frame_of(octets)
    _check(frame, octets, entry)
    if "range_start" in entry:
        numbers = [entry["range_start"], entry["range_end"], entry["total"]]
        assert frame.byte_range == tuple(None if number == "*" else int(number) for number in numbers)
    whole = run(parser, octets)
    assert whole.compared == run(PLAIN, octets).compared
    assert run(parser, octets, range(len(octets))) == whole
    # The plain parser knows of no cuts inside, and is slow.
    for cut in range(1, len(octets), 29 if parser is PLAIN else 1):
        assert run(parser, octets, [cut]) == whole


@implementation
def test_all_of_them_in_one_stream(parser: Implementation) -> None:
    octets = [(VECTORS / name).read_bytes() for name in WHOLE]
    frames = parser.events(b"".join(octets))
    assert [frame.transaction_id for frame in frames] == [BY_FILE[name]["transact_id"] for name in WHOLE]
    whole = run(parser, b"".join(octets))
    assert whole.error is None
    for size in (1, 7, 64, 1000):
        assert run(parser, b"".join(octets), range(0, sum(map(len, octets)), size)) == whole


@implementation
@pytest.mark.parametrize("name", CORRECTED)
def test_messages_put_right(parser: Implementation, name: str) -> None:
    octets = (VECTORS / "corrected" / name).read_bytes()
    entry = BY_FILE[name]
    frame = parser.frame_of(octets)
    assert frame.fault() is None
    assert (frame.transaction_id, frame.flag) == (entry["transact_id"], entry["flag"])
    assert frame.size == entry["actual_body_len"]
    declared = frame.byte_range
    if declared.end is not None:
        assert declared.end == declared.start - 1 + frame.size
    if frame.flag == "$":
        assert declared.total == declared.start - 1 + frame.size
    assert run(parser, octets, range(len(octets))) == run(parser, octets)


@implementation
@pytest.mark.parametrize("name", sorted(NO_PATHS))
def test_messages_without_paths(parser: Implementation, name: str) -> None:
    """RFC 4975 section 5.1 leaves them out "for the sake of brevity": nobody knows for whom they are."""
    octets = (VECTORS / name).read_bytes()
    error = parser.error(octets)
    assert error.offset == octets.index(b"Message-ID")
    assert "To-Path" in error.message


@implementation
@pytest.mark.parametrize("name", sorted(NO_END_LINE))
def test_a_message_without_its_end_line(parser: Implementation, name: str) -> None:
    octets = (VECTORS / name).read_bytes()
    outcome = run(parser, octets)
    assert outcome.said == []
    assert outcome.error == ("stream", 400, len(octets))
    assert outcome.text is not None
    assert "ends inside a head" in outcome.text
    whole = octets + f"-------{BY_FILE[name]['transact_id']}$\r\n".encode()
    assert parser.frame_of(whole).fault() is None
