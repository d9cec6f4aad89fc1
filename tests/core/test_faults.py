"""What is wrong with octets, where, and of which rank."""

from __future__ import annotations

import pytest

from core.events import Implementation, implementation, run
from msrp_core import Limits, RemoteProtocolError

TO = b"To-Path: msrp://a.example:1/secretA;tcp\r\n"
FROM = b"From-Path: msrp://b.example:2/secretB;tcp\r\n"
PATHS = TO + FROM
START = b"MSRP abcd SEND\r\n"
END = b"-------abcd$\r\n"

# What comes before the first wrong octet, what comes from it on, and a word of the error.
STREAM_ERRORS = [
    (b"", b"GET / HTTP/1.1\r\n", "MSRP"),
    (b"", b"\r\nMSRP abcd SEND\r\n", "MSRP"),
    (b"MS", b"rp abcd SEND\r\n", "MSRP"),
    (b"MSRP", b"\tabcd SEND\r\n", "MSRP"),
    (b"MSRP", b"\r\n", "MSRP"),
    (b"MSRP ", b" abcd SEND\r\n", "transaction id"),
    (b"MSRP ", b"abc SEND\r\n", "transaction id"),
    (b"MSRP ", b"-abc SEND\r\n", "transaction id"),
    (b"MSRP ", b"ab_d SEND\r\n", "transaction id"),
    (b"MSRP ", b"a" * 33 + b" SEND\r\n", "transaction id"),
    (b"MSRP ", b"\r\n", "transaction id"),
    (b"MSRP abcd", b"\r\n", "method"),
    (b"MSRP abcd ", b"\r\n", "method"),
    (b"MSRP abcd ", b"send\r\n", "method"),
    (b"MSRP abcd ", b"SEND \r\n", "method"),
    (b"MSRP abcd ", b" SEND\r\n", "method"),
    (b"MSRP abcd ", b"SEND2\r\n", "method"),
    (b"MSRP abcd ", b"20 OK\r\n", "status"),
    (b"MSRP abcd ", b"2000\r\n", "status"),
    (b"MSRP abcd ", b"200OK\r\n", "status"),
    (b"MSRP abcd SEND", b"\n", "LF"),
    (b"MSRP abcd SEND", b"\r\r\n", "CR"),
    (START + PATHS + b"X: y", b"\n", "LF"),
    (START + PATHS + b"X: ", b"\ry\r\n", "CR"),
    (START + PATHS, b"\n", "LF"),
    (START + PATHS, b"no header\r\n", "header"),
    (START + PATHS, b": y\r\n", "header"),
    (START + PATHS, b" X: y\r\n", "header"),
    (START + PATHS, b"X : y\r\n", "header"),
    (START + PATHS, b"1X: y\r\n", "header"),
    (START + PATHS, b"X\xe9: y\r\n", "header"),
    (START, b"From-Path: msrp://b;tcp\r\n", "To-Path"),
    (START, b"\r\n", "To-Path"),
    (START, END, "To-Path"),
    (START + TO, TO, "From-Path"),
    (START + TO, b"Message-ID: abcd\r\n", "From-Path"),
    (START + TO, b"\r\n", "From-Path"),
    (START + TO, END, "From-Path"),
    (START + b"To-Path:", b"\r\n", "To-Path"),
    (START + b"To-Path:  ", b"\r\n", "To-Path"),
    (START + b"To-Path: ", b"sip:alice@example.com\r\n", "To-Path"),
    (START + b"To-Path:  ", b"msrp://a;tcp msrp://b:1/\r\n", "To-Path"),
    (START + b"To-Path: ", b"msrp://a;tcp\tmsrp://b;tcp\r\n", "To-Path"),
    (START + b"To-Path: ", b"msrp://a" + b"a" * 4096 + b";tcp\r\n", "To-Path"),
    (START + TO + b"From-Path:", b"msrp://\xc3\xa9;tcp\r\n", "From-Path"),
    (START + PATHS, b"-------abcd!\r\n", "end-line"),
    (START + PATHS, b"-------abce$\r\n", "end-line"),
    (START + PATHS, b"-------abcd$ \r\n", "end-line"),
    (START + PATHS, b"------abcd$\r\n", "end-line"),
    (START + PATHS, b"-X: y\r\n", "end-line"),
    (START + PATHS + END, b"\r\n", "MSRP"),
    (START + PATHS + b"\r\nbody\r\n" + END, b"-------abcd$\r\n", "MSRP"),
]


@implementation
@pytest.mark.parametrize(("before", "wrong", "word"), STREAM_ERRORS)
@pytest.mark.rule("4975 9-3 9-4")
def test_errors_of_the_stream(parser: Implementation, before: bytes, wrong: bytes, word: str) -> None:
    octets = before + wrong + START
    error = parser.error(octets)
    assert error.offset == len(before)
    assert word in error.message
    assert "secret" not in str(error)
    whole = run(parser, octets)
    assert whole.error == ("stream", 400, len(before))
    for cut in range(1, min(len(octets), 200)):
        assert run(parser, octets, [cut]) == whole
    assert run(parser, octets, range(len(octets))) == whole


@implementation
def test_octets_that_are_no_msrp_are_told_at_once(parser: Implementation) -> None:
    assert parser.error(b"H").offset == 0
    assert parser.error(b"MSRQ").offset == 3


NARROW = Limits(head=200, line=80, auth_line=120, headers=4)
LONG = START + PATHS
OTHER = LONG + END


def _filled(size: int, tail: bytes = b"") -> bytes:
    """A head, up to its blank line or end-line, of so many octets with what is given."""
    spare = size - len(LONG + tail) - len(b"A: \r\nB: \r\n")
    return LONG + b"A: " + b"y" * 60 + b"\r\nB: " + b"y" * (spare - 60) + b"\r\n" + tail


@implementation
@pytest.mark.parametrize(
    ("octets", "offset"),
    [
        (b"MSRP abcd 200 " + b"x" * 64 + b"\r\n" + PATHS + END, None),
        (b"MSRP abcd 200 " + b"x" * 65 + b"\r\n" + PATHS + END, 80),
        (LONG + b"X: " + b"y" * 75 + b"\r\n" + END, None),
        (LONG + b"X: " + b"y" * 76 + b"\r\n" + END, len(LONG) + 80),
        (LONG + b"X: " + b"y" * 77 + b"\n", len(LONG) + 80),
        (LONG + b"y" * 81, len(LONG) + 80),
        (LONG + b"X\ry" + b"y" * 100 + b"\r\n" + END, len(LONG) + 80),
        (LONG + b"Content-Type: a/b\r\n\r\n" + b"y" * 500 + b"\r\n" + END, None),
        (LONG + b"A:\r\nB:\r\n" + END, None),
        (LONG + b"A:\r\nB:\r\n\r\n\r\n" + END, None),
        (LONG + b"A:\r\nB:\r\nC:\r\n" + END, len(LONG) + 8),
        (_filled(200, END), None),
        (_filled(201, END), 200),
        (_filled(200, b"\r\n") + b"\r\n" + END, None),
        (_filled(201, b"\r\n") + b"\r\n" + END, 200),
        (_filled(180) + b"C: " + b"y" * 50, 200),
        (OTHER + _filled(200, END), None),
        (OTHER + _filled(201, END), len(OTHER) + 200),
    ],
)
def test_limits_are_kept_to_the_octet(parser: Implementation, octets: bytes, offset: int | None) -> None:
    whole = run(parser, octets, (), NARROW)
    assert whole.error == (None if offset is None else ("stream", 400, offset))
    for cut in range(1, len(octets)):
        assert run(parser, octets, [cut], NARROW) == whole
    if offset is not None:
        assert whole.text is not None
        assert "limit" in whole.text or "too" in whole.text


@implementation
@pytest.mark.parametrize("name", ["WWW-Authenticate", "authorization", "AUTHENTICATION-info"])
def test_lines_of_authentication_may_be_longer(parser: Implementation, name: str) -> None:
    limits = Limits(head=400, line=80, auth_line=120, headers=4)
    most = b"y" * (120 - len(name) - 4)
    octets = LONG + f"{name}: ".encode() + most + b"\r\n" + END
    assert run(parser, octets, (), limits).error is None
    longer = octets.replace(most, most + b"y")
    assert run(parser, longer, range(len(longer)), limits).error == ("stream", 400, len(LONG) + 120)
    other = longer.replace(name.encode(), b"X" * len(name))
    assert run(parser, other, (), limits).error == ("stream", 400, len(LONG) + 80)


def _frame(*lines: bytes, start: bytes = b"MSRP abcd SEND", body: bytes | None = None) -> bytes:
    octets = start + b"\r\n" + PATHS + b"".join(line + b"\r\n" for line in lines)
    return octets + (b"" if body is None else b"\r\n" + body + b"\r\n") + END


TYPE = b"Content-Type: text/plain"


@implementation
@pytest.mark.parametrize(
    ("line", "attribute", "value"),
    [
        (b"Message-ID: A.-+%=9", "message_id", "A.-+%=9"),
        (b"Byte-Range: 1-0/0", "byte_range", (1, 0, 0)),
        (b"Byte-Range: 1-*/*", "byte_range", (1, None, None)),
        (b"Byte-Range: 0005-*/9", "byte_range", (5, None, 9)),
        (b"Byte-Range: 10-9/9", "byte_range", (10, 9, 9)),
        (b"Byte-Range: " + b"0" * 30 + b"1-1/1", "byte_range", (1, 1, 1)),
        (
            b"Byte-Range: 9223372036854775807-*/9223372036854775807",
            "byte_range",
            (2**63 - 1, None, 2**63 - 1),
        ),
        (b"Success-Report: YES", "success_report", True),
        (b"Success-Report: no", "success_report", False),
        (b"Failure-Report: Partial", "failure_report", "partial"),
        (b"Failure-Report: NO", "failure_report", "no"),
        (b'Content-Type: a/b ; c="\\"\xc3\xa9\t\\\\";d', "content_type", 'a/b ; c="\\"é\t\\\\";d'),
    ],
)
@pytest.mark.rule("4975 9-2 9-4")
def test_right_values(parser: Implementation, line: bytes, attribute: str, value: object) -> None:
    frame = parser.frame_of(_frame(line))
    assert getattr(frame, attribute) == value
    assert frame.fault() is None


@implementation
@pytest.mark.parametrize(
    ("name", "attribute", "values"),
    [
        ("Message-ID", "message_id", [b"", b"abc", b"a" * 33, b"ab cd", b"-abcd", b"ab_cd", b"abcd\x00"]),
        (
            "Byte-Range",
            "byte_range",
            [
                *(
                    b"",
                    b"1-5",
                    b"1-5/",
                    b"1/5",
                    b"-5/5",
                    b"1 -5/5",
                    b"a-5/5",
                    b"1-5/5 x",
                    b"*-5/5",
                    b"+1-5/5",
                ),
                *(b"+1-5/5", b"1--5/5", b"0-5/5", b"0-*/*", b"1-5/3", b"5-3/9", b"7-*/5", b"3-1/*"),
                *(b"9223372036854775808-*/*", b"1-*/" + b"9" * 5000, "1-5/\u0665".encode()),
            ],
        ),
        ("Success-Report", "success_report", [b"", b"partial", b"true", b"yes no", "ye\u017f".encode()]),
        ("Failure-Report", "failure_report", [b"", b"never", b"par tial"]),
        (
            "Content-Type",
            "content_type",
            [
                *(
                    b"",
                    b"text",
                    b"/plain",
                    b"text/",
                    b"a/b;",
                    b"a/b;c=",
                    b'a/b;c="',
                    b'a/b;c="\\x"',
                    b"a/b c",
                ),
                *(b"a/b;c = d", b'a/b;c="d"e', b"a/b;;c", b'a/b;c="\x1b[2J"', b'a/b;c="\x7f"'),
                *(b'a/b;c="\\', b"\xe9/b"),
            ],
        ),
    ],
)
@pytest.mark.rule("4975 9-3")
def test_wrong_values(parser: Implementation, name: str, attribute: str, values: list[bytes]) -> None:
    for value in values:
        octets = _frame(b"X: y", f"{name}: ".encode() + value, b"Z: z")
        offset = octets.index(b": ", octets.index(name.encode())) + 2 if value else None
        frame = parser.frame_of(octets)
        fault = frame.fault()
        assert fault is not None, value
        assert (fault.rank, fault.status) == ("message", 400)
        assert name in fault.message
        if offset is not None:
            assert fault.offset == offset, value
        with pytest.raises(RemoteProtocolError, match=name) as caught:
            getattr(frame, attribute)
        assert caught.value.offset == fault.offset
        # One wrong value does no harm to the others, nor to what follows.
        assert frame.header("x") == "y"
        assert frame.header(name) == value.decode("utf-8", "replace")
        assert [one.offset for one in parser.events(octets + octets)] == [0, len(octets)]


@implementation
@pytest.mark.parametrize(
    ("before", "wrong", "word"),
    [
        (b"Status: ", b"000 20", "Status"),
        (b"Status: ", b"000  200", "Status"),
        (b"Status: ", b"0000 200", "Status"),
        (b"Status: ", b"000 200OK", "Status"),
        (b"Message-ID: abcd\r\n", b"message-id: abce", "twice"),
        (b"Byte-Range: 1-*/*\r\n", b"Byte-Range: 1-*/*", "twice"),
        (b"Status: 000 200\r\nX: y\r\n", b"STATUS: 000 200", "twice"),
        (b"Success-Report: no\r\n", b"Success-Report: no\r\nSuccess-Report: no", "twice"),
        (b"", b"to-PATH: msrp://a;tcp", "twice"),
        (b"", b"From-Path: garbage", "twice"),
        (b"X: a", b"\x01b", "text"),
        (b"X: a", b"\x00", "text"),
        (b"X: a", b"\x7fb", "text"),
        (b"X: ", b"\x80", "text"),
        (b"X: \xc3\xa9", b"\xc3", "text"),
        (b"X: \xfd\x80\x80\x80\x80\x80", b"\xfe", "text"),
        (b"X: \xc0\x80", b"\xe2\x82 ", "text"),
    ],
)
def test_other_faults(parser: Implementation, before: bytes, wrong: bytes, word: str) -> None:
    octets = _frame(before + wrong)
    fault = parser.frame_of(octets).fault()
    assert fault is not None
    assert (fault.rank, fault.offset) == ("message", len(START + PATHS + before))
    assert word in fault.message
    assert parser.frame_of(_frame(b"X: \xf8\x88\x80\x80\x80\t")).fault() is None


@implementation
@pytest.mark.parametrize(
    ("octets", "wrong", "word"),
    [
        (_frame(TYPE, start=b"MSRP abcd 200 OK", body=b"xyz"), b"xyz", "response"),
        (_frame(b"Message-ID: abcd", body=b"xyz"), b"xyz", "Content-Type"),
        (_frame(start=b"MSRP abcd AUTH", body=b""), b"\r\n-------", "Content-Type"),
        (_frame(TYPE, b"X: y", body=b"xyz"), b"Content-Type", "last"),
        (_frame(TYPE, TYPE, body=b"xyz"), b"Content-Type", "last"),
        (_frame(start=b"MSRP abcd 200 O\x1bK"), b"\x1b", "comment"),
        (_frame(start=b"MSRP abcd 200 \xff"), b"\xff", "comment"),
        (_frame(b"Byte-Range: 5", b"Message-ID: !", start=b"MSRP abcd 200 ok"), b"5\r\nM", "Byte-Range"),
    ],
)
def test_faults_of_a_frame(parser: Implementation, octets: bytes, wrong: bytes, word: str) -> None:
    fault = parser.frame_of(octets).fault()
    assert fault is not None
    assert (fault.rank, fault.offset) == ("message", octets.index(wrong))
    assert word in fault.message


@implementation
@pytest.mark.parametrize(
    "line", [b'Content-Type: a/b;c="\xff"', b"Content-Type: a", b"Content-Type: a/b\x01"]
)
def test_a_fault_is_found_each_time_it_comes(parser: Implementation, line: bytes) -> None:
    octets = _frame(TYPE, body=b"x") + _frame(line, body=b"x") * 3
    faults = [frame.fault() for frame in parser.events(octets)]
    assert [fault is not None for fault in faults] == [False, True, True, True]


@implementation
def test_what_is_declared_is_never_held_against_what_came(parser: Implementation) -> None:
    """RFC 4975 section 7.3.1: the octets received count; its own examples declare wrongly."""
    for declared in (b"1-4/4", b"1-6/6", b"100-104/1000", b"1-*/9"):
        assert parser.frame_of(_frame(b"Byte-Range: " + declared, TYPE, body=b"hello")).fault() is None


@implementation
def test_octets_that_are_no_utf8_can_be_looked_at(parser: Implementation) -> None:
    frame = parser.frame_of(_frame(b"X: a\xff\x1b", start=b"MSRP abcd 200 \xffok"))
    assert frame.header("X") == "a\ufffd\x1b"
    assert frame.comment == "\ufffdok"
