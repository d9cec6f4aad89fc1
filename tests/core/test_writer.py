"""Frames to octets, as strictly as RFC 4975 section 9 writes them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.events import COMPILED, PLAIN, run
from core.strategies import bodies, cuts, extension_headers, header_values, idents, paths
from msrp_core import Chunks, Frame, LocalProtocolError, Parser, new_ident, request, response

TO = "msrp://a.example:1/secretA;tcp"
FROM = "msrp://b.example:2/secretB;tcp"
TYPE = ("Content-Type", "text/plain")


def read(octets: bytes) -> Frame:
    """The only frame in these octets; both parsers find nothing wrong with it."""
    outcome = run(COMPILED, octets)
    assert outcome.error is None
    assert outcome.compared == run(PLAIN, octets).compared
    (frame,) = Parser().feed(octets)
    assert isinstance(frame, Frame)
    assert frame.fault() is None
    return frame


@pytest.mark.rule("4975 7.1-3 7.1-5 7.1-6 7.1-12 7.1-13 9-1")
def test_a_request_to_the_octet() -> None:
    name, octets = request(
        "SEND", TO, FROM, [("Message-ID", "12339sdqwer"), TYPE], b"hello", flag="+", transaction_id="d93kswow"
    )
    assert name == "d93kswow"
    assert octets == (
        b"MSRP d93kswow SEND\r\n"
        b"To-Path: msrp://a.example:1/secretA;tcp\r\n"
        b"From-Path: msrp://b.example:2/secretB;tcp\r\n"
        b"Message-ID: 12339sdqwer\r\n"
        b"Content-Type: text/plain\r\n"
        b"\r\n"
        b"hello\r\n"
        b"-------d93kswow+\r\n"
    )


@pytest.mark.rule("4975 7.1-10")
def test_no_body_and_an_empty_body() -> None:
    """RFC 4975 section 7.1: no extra CRLF where there is no body."""
    _, octets = request("SEND", TO, FROM, transaction_id="abcd")
    assert octets.endswith(b"secretB;tcp\r\n-------abcd$\r\n")
    assert not read(octets).has_body
    _, octets = request("SEND", TO, FROM, [TYPE], b"", transaction_id="abcd")
    assert octets.endswith(b"text/plain\r\n\r\n\r\n-------abcd$\r\n")
    assert read(octets).has_body


@pytest.mark.parametrize("body", [b"x", bytearray(b"x"), memoryview(b"x"), memoryview(b"yxz")[1:2]])
def test_a_body_is_any_buffer(body: Any) -> None:
    assert read(request("SEND", TO, FROM, [TYPE], body)[1]).body == b"x"
    assert read(Chunks(TO, FROM, "abcd", [TYPE]).cut(body, 1, 1, 1, "$")[1]).body == b"x"


@given(
    st.sampled_from(["SEND", "REPORT", "AUTH", "A"]),
    paths,
    paths,
    st.lists(extension_headers, max_size=4),
    st.sampled_from(["$", "+", "#"]),
    st.data(),
)
@pytest.mark.rule("4975 9-1")
def test_any_request_comes_back(
    method: str, to: str, source: str, headers: list[tuple[str, str]], flag: Any, data: st.DataObject
) -> None:
    name = data.draw(idents)
    body = data.draw(st.none() | bodies(name).filter(lambda body: b"-------" + name.encode() not in body))
    if body is not None:
        headers = [*headers, TYPE]
    said, octets = request(method, to, source, headers, body, flag=flag, transaction_id=name)
    assert said == name
    frame = read(octets)
    assert (frame.method, frame.transaction_id, frame.flag) == (method, name, flag)
    assert (frame.to_path, frame.from_path) == (to, source)
    assert list(frame.headers[2:]) == headers
    assert frame.body == (body or b"")
    assert frame.has_body == (body is not None)
    assert run(COMPILED, octets, data.draw(cuts(octets))) == run(COMPILED, octets)


@pytest.mark.rule("4975 7.1-1 7.1-2 7.1.1-1")
def test_fresh_ids_are_random_and_grammatical() -> None:
    names = {request("SEND", TO, FROM)[0] for _ in range(500)} | {new_ident() for _ in range(500)}
    assert len(names) == 1000
    for name in list(names)[:20]:
        request("SEND", TO, FROM, transaction_id=name)
        # RFC 4975 section 7.1 wants 64 random bits, and a digit is four.
        assert set(name) <= set("0123456789abcdef")
        assert len(name) * 4 >= 64
    # Each digit is drawn: of 500 none keeps to fewer than the sixteen there are.
    for place in range(16):
        assert len({name[place] for name in names}) == 16


BAD_TEXT = ["\r", "\n", "\r\n", "a\r\nX: y", "a\x00", "\x7f", "\x1b[2J", "\udc80", "\ud800", "\udcc3\udc28"]


@pytest.mark.parametrize("value", [*BAD_TEXT, " a", "a ", "\ta"])
def test_no_header_value_can_break_out(value: str) -> None:
    with pytest.raises(LocalProtocolError):
        request("SEND", TO, FROM, [("X", value)])
    with pytest.raises(LocalProtocolError):
        Chunks(TO, FROM, "abcd", [("X", value), TYPE]).cut(b"", 1, 0, 0, "$")
    with pytest.raises(LocalProtocolError):
        Chunks(TO, FROM, "abcd", [TYPE]).cut(b"", 1, 0, 0, "$", [("X", value)])
    with pytest.raises(LocalProtocolError):
        response(_frame(), 200, headers=[("X", value)])


@pytest.mark.parametrize(
    "name", ["", "1X", "X:", "X y", " X", "X\r\n", "X\r\nY", "é", "X\x00", "-------abcd$", "\ud800"]
)
def test_no_header_name_can_break_out(name: str) -> None:
    with pytest.raises(LocalProtocolError):
        request("SEND", TO, FROM, [(name, "y")])
    with pytest.raises(LocalProtocolError):
        Chunks(TO, FROM, "abcd", [(name, "y"), TYPE])


@pytest.mark.parametrize(
    "method", ["", "send", "SEND ", "SEND\r\n", "SE ND", "200", "SEND1", "É", "S\x00", "\ud800"]
)
def test_no_method_can_break_out(method: str) -> None:
    with pytest.raises(LocalProtocolError, match="method"):
        request(method, TO, FROM)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "",
            " ",
            "x",
            "sip:a@b",
            "msrp://h",
            f"{TO}\r\nX: y",
            f"{TO}\n",
            f"{TO},",
            f"{TO} x",
            f"{TO}\t{TO}",
        ),
        *(f"{TO}\t{TO}", f" {TO}", f"{TO} ", f"{TO}  {TO}", "msrp://é;tcp", "msrp://h\ud800;tcp"),
        "msrp://h:1/" + "s" * 4096 + ";tcp",
    ],
)
def test_no_path_can_break_out(path: str) -> None:
    for make in (
        lambda: request("SEND", path, FROM),
        lambda: request("SEND", TO, path),
        lambda: Chunks(path, FROM, "abcd"),
        lambda: Chunks(TO, path, "abcd"),
    ):
        with pytest.raises(LocalProtocolError, match="-Path") as caught:
            make()
        assert "secret" not in str(caught.value) + repr(caught.value)


@pytest.mark.parametrize(
    "name", ["", "abc", "a" * 33, "ab d", "-abcd", "ab_d", "abcd\r\n", "abcd$", "äbcd", "\ud800bcd"]
)
def test_no_ident_can_break_out(name: str) -> None:
    with pytest.raises(LocalProtocolError, match="transaction id"):
        request("SEND", TO, FROM, transaction_id=name)
    with pytest.raises(LocalProtocolError, match="Message-ID"):
        Chunks(TO, FROM, name)


@pytest.mark.parametrize("flag", ["", "!", "$$", "$\r\n", "é"])
def test_no_flag_can_break_out(flag: Any) -> None:
    with pytest.raises(LocalProtocolError, match="flag"):
        request("SEND", TO, FROM, flag=flag)
    with pytest.raises(LocalProtocolError, match="flag"):
        Chunks(TO, FROM, "abcd", [TYPE]).cut(b"", 1, 0, 0, flag)


@pytest.mark.parametrize("headers", [[], [("X", "y")], [TYPE, ("X", "y")]])
@pytest.mark.rule("4975 7.1-4 7.1-5")
def test_with_a_body_the_last_header_is_its_type(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(LocalProtocolError, match="Content-Type"):
        request("SEND", TO, FROM, headers, b"")
    with pytest.raises(LocalProtocolError, match="Content-Type"):
        Chunks(TO, FROM, "abcd", headers).cut(b"", 1, 0, 0, "$")


@pytest.mark.rule("4975 7.1-8")
@pytest.mark.parametrize("name", ["Content-Type", "content-type", "Content-Disposition", "CONTENT-ID"])
def test_without_a_body_no_header_describes_one(name: str) -> None:
    with pytest.raises(LocalProtocolError, match="there is none"):
        request("SEND", TO, FROM, [(name, "text/plain")])
    with pytest.raises(LocalProtocolError, match="there is none"):
        response(_frame(), 200, headers=[(name, "text/plain")])
    request("SEND", TO, FROM, [(name, "text/plain"), TYPE] if name.lower() != "content-type" else [TYPE], b"")


@pytest.mark.parametrize("name", ["To-Path", "FROM-path"])
def test_the_paths_are_no_headers_to_give(name: str) -> None:
    with pytest.raises(LocalProtocolError):
        request("SEND", TO, FROM, [(name, TO)])


@pytest.mark.parametrize("flag", [b"$", b"+", b"#"])
@pytest.mark.parametrize("before", [b"x\r\n", b"\r\n", b"", b"x"])
@pytest.mark.rule("4975 7.1-17")
def test_a_body_that_holds_the_end_line_of_a_given_id(before: bytes, flag: bytes) -> None:
    """RFC 4975 section 7.1: hyphens, id and flag must not stand in the body, behind CRLF or not."""
    body = before + b"-------abcd" + flag + b"\r\nMSRP evil SEND\r\n"
    with pytest.raises(LocalProtocolError, match="body"):
        request("SEND", TO, FROM, [TYPE], body, transaction_id="abcd")
    name, octets = request("SEND", TO, FROM, [TYPE], body)
    assert name != "abcd"
    assert read(octets).body == body
    assert read(Chunks(TO, FROM, "abcd", [TYPE]).cut(body, 1, None, None, "+")[1]).body == body


def _frame(method: str = "SEND", to: str = TO, source: str = FROM) -> Frame:
    return read(request(method, to, source, transaction_id="tr4ns")[1])


@pytest.mark.rule("4975 7.2-3 7.2-4 7.2-5")
def test_a_response_to_a_send_goes_to_the_previous_hop() -> None:
    """RFC 4975 section 7.2."""
    frame = _frame(to=f"{TO} msrp://c;tcp", source=f"msrp://relay;tcp {FROM}")
    assert response(frame, 200, "OK") == (
        b"MSRP tr4ns 200 OK\r\n"
        b"To-Path: msrp://relay;tcp\r\n"
        b"From-Path: msrp://a.example:1/secretA;tcp\r\n"
        b"-------tr4ns$\r\n"
    )


@pytest.mark.rule("4975 7.2-4")
def test_a_response_to_anything_else_goes_all_the_way_back() -> None:
    frame = _frame("AUTH", to=f"{TO} msrp://c;tcp", source=f"msrp://relay;tcp {FROM}")
    answer = read(response(frame, 401, None, [("WWW-Authenticate", "Digest realm=x"), ("X", "")]))
    assert answer.to_path == f"msrp://relay;tcp {FROM}"
    assert answer.from_path == TO
    assert (answer.status, answer.comment, answer.flag) == (401, None, "$")
    assert answer.header("www-authenticate") == "Digest realm=x"


def test_a_response_has_single_spaces_where_the_request_had_more() -> None:
    octets = request("AUTH", TO, f"{FROM} {TO}", transaction_id="abcd")[1]
    octets = octets.replace(b"secretB;tcp ", b"secretB;tcp   ")
    assert f"To-Path: {FROM} {TO}\r\n".encode() in response(read(octets), 200)


@given(st.integers(0, 999), st.none() | header_values)
def test_any_status_and_comment(status: int, comment: str | None) -> None:
    answer = read(response(_frame(), status, comment))
    assert (answer.status, answer.comment) == (status, comment)
    assert answer.transaction_id == "tr4ns"


@pytest.mark.parametrize("status", [-1, 1000, 2**31, 1413141341314, -(2**70), 2**70])
def test_a_status_has_three_digits(status: int) -> None:
    with pytest.raises(LocalProtocolError, match="status"):
        response(_frame(), status)


@pytest.mark.parametrize("comment", BAD_TEXT)
def test_no_comment_can_break_out(comment: str) -> None:
    with pytest.raises(LocalProtocolError):
        response(_frame(), 200, comment)


def test_a_response_is_never_answered() -> None:
    with pytest.raises(LocalProtocolError, match="response"):
        response(read(response(_frame(), 200)), 200)


@pytest.mark.rule("4975 7.1.1-2 7.1.1-13 9-1")
def test_a_chunk_to_the_octet() -> None:
    name, octets = Chunks(TO, FROM, "mess4ge", [("X", "y"), TYPE]).cut(b"hello", 6, 10, 11, "+", [("Z", "z")])
    assert (
        octets
        == (
            f"MSRP {name} SEND\r\nTo-Path: {TO}\r\nFrom-Path: {FROM}\r\n"
            "Message-ID: mess4ge\r\nByte-Range: 6-10/11\r\nZ: z\r\nX: y\r\nContent-Type: text/plain\r\n"
            f"\r\nhello\r\n-------{name}+\r\n"
        ).encode()
    )


@pytest.mark.rule("4975 7.1-1")
def test_each_chunk_has_its_own_id() -> None:
    chunks = Chunks(TO, FROM, "mess4ge", [TYPE])
    assert len({chunks.cut(b"x", 1, 1, 1, "$")[0] for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("first", "end", "total", "written"),
    [
        (1, 0, 0, "1-0/0"),
        (1, None, None, "1-*/*"),
        (1, None, 9, "1-*/9"),
        (2049, 2048, None, "2049-2048/*"),
        (10, 9, 9, "10-9/9"),
        (2**62, 2**62, 2**62, f"{2**62}-{2**62}/{2**62}"),
    ],
)
@pytest.mark.rule("4975 7.1.1-14 7.1.1-18")
def test_ranges(first: int, end: int | None, total: int | None, written: str) -> None:
    octets = Chunks(TO, FROM, "mess4ge", [TYPE]).cut(b"x", first, end, total, "+")[1]
    frame = read(octets)
    assert frame.header("Byte-Range") == written
    assert frame.byte_range == (first, end, total)


@pytest.mark.parametrize(
    ("first", "end", "total"),
    [(0, 0, 0), (-1, None, None), (3, 1, None), (1, 5, 4), (6, None, 4), (1, 2**63, None), (1, None, 2**63)],
)
def test_ranges_that_cannot_be(first: int, end: int | None, total: int | None) -> None:
    with pytest.raises(LocalProtocolError, match="range"):
        Chunks(TO, FROM, "mess4ge", [TYPE]).cut(b"x", first, end, total, "+")


@given(st.lists(st.binary(max_size=3000), min_size=1, max_size=4), st.data())
def test_any_message_in_chunks_comes_back(pieces: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(pieces)
    chunks = Chunks(TO, FROM, "mess4ge", [TYPE])
    octets = b""
    first = 1
    for place, piece in enumerate(pieces):
        last = place == len(pieces) - 1
        octets += chunks.cut(piece, first, first + len(piece) - 1, len(whole), "$" if last else "+")[1]
        first += len(piece)
    outcome = run(COMPILED, octets, data.draw(cuts(octets)))
    assert outcome.error is None
    assert b"".join(said[2] for said in outcome.said if said[0] == "body") == whole
    assert [said[2] for said in outcome.said if said[0] == "end"] == ["+"] * (len(pieces) - 1) + ["$"]
