"""Streams for hypothesis: right ones, nearly right ones, and garbage."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st

__all__ = [
    "Piece",
    "alike_streams",
    "bodies",
    "broken_streams",
    "cuts",
    "doubtful_frames",
    "doubtful_uris",
    "header_values",
    "idents",
    "messages",
    "paths",
    "streams",
    "uris",
]

_ALPHANUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_TOKEN = _ALPHANUM + "!#$%&'*+-.^_`{|}~"


def _word(alphabet: str, least: int = 1, most: int = 12) -> st.SearchStrategy[str]:
    return st.text(st.sampled_from(alphabet), min_size=least, max_size=most)


idents = st.builds(str.__add__, st.sampled_from(_ALPHANUM), _word(_ALPHANUM + ".-+%=", 3, 31))

hosts = st.one_of(
    _word(_ALPHANUM + "-._~!$&'()*+,=", 1, 20),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
    st.ip_addresses(v=6).map(lambda address: f"[{address.exploded}]"),
    st.sampled_from(["h%41st", "%7e", "[::ffff:192.0.2.1]", "host.example.com"]),
)
users = _word(_ALPHANUM + "-._~:%", 0, 8).map(lambda user: user.replace("%", "%2f") + "@")
uris = st.builds(
    "{}://{}{}{}{};{}{}".format,
    st.sampled_from(["msrp", "msrps", "MSRP", "mSrPs"]),
    st.one_of(st.just(""), users),
    hosts,
    st.one_of(st.just(""), st.integers(0, 65535).map(lambda port: f":{port}")),
    st.one_of(st.just(""), _word(_ALPHANUM + "-._~+=/", 1, 24).map(lambda session: f"/{session}")),
    st.one_of(st.just("tcp"), _word(_ALPHANUM, 1, 4)),
    st.lists(
        st.builds("{}{}".format, _word(_TOKEN), st.one_of(st.just(""), _word(_TOKEN).map("={}".format))),
        max_size=2,
    ).map(lambda some: "".join(f";{one}" for one in some)),
)
paths = st.lists(uris, min_size=1, max_size=3).map(" ".join)

header_values = st.text(
    st.just("\t") | st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=["Cs"]),
    max_size=30,
).map(lambda text: text.strip(" \t"))
extension_headers = st.tuples(st.builds(str.__add__, st.just("X"), _word(_TOKEN, 0, 12)), header_values)


class Piece(NamedTuple):
    """One right frame, and what it says."""

    octets: bytes
    transaction_id: str
    body: bytes | None
    flag: str


def _near_misses(transaction_id: str) -> st.SearchStrategy[bytes]:
    """Octets that look like that end-line and are none."""
    name = transaction_id.encode("ascii")
    return st.sampled_from(
        [
            b"\r\n-------" + name,
            b"\r\n-------" + name + b"$",
            b"\r\n-------" + name + b"+\r",
            b"\r\n-------" + name + b"#\n",
            b"\r\n-------" + name + b"!\r\n",
            b"\r\n-------" + name[:-1] + b"$\r\n",
            b"\r\n-------" + name + b"x$\r\n",
            b"\r\n------" + name + b"$\r\n",
            b"\n-------" + name + b"$\r\n",
            b"-------" + name + b"$\r\n",
            b"\r",
            b"\r\n",
            b"\r\r\n-------",
            b"-------",
            b"MSRP " + name + b" SEND\r\n",
        ]
    )


def bodies(transaction_id: str) -> st.SearchStrategy[bytes]:
    """Bodies that may stand in a frame of that id, end-lines nearly among them."""
    whole = tuple(
        b"\r\n-------" + transaction_id.encode("ascii") + flag + b"\r\n" for flag in (b"$", b"+", b"#")
    )

    def fits(body: bytes) -> bool:
        # What follows a body may complete an end-line that began in it.
        return not any(end in body + b"\r\n-------" + transaction_id.encode("ascii") for end in whole)

    parts = st.one_of(st.binary(max_size=40), _near_misses(transaction_id), st.just(b"x" * 1500))
    return st.lists(parts, max_size=6).map(b"".join).filter(fits)


@st.composite
def messages(draw: st.DrawFn) -> Piece:
    """One frame with nothing wrong in it, written here and not by the writer under test."""
    name = draw(idents)
    response = draw(st.booleans())
    if response:
        verb = f"{draw(st.integers(0, 999)):03d}" + draw(
            st.one_of(st.just(""), header_values.map(" {}".format))
        )
    else:
        verb = draw(st.sampled_from(["SEND", "REPORT", "AUTH", "NICKNAME", "X"]))
    lines = [f"MSRP {name} {verb}", f"To-Path: {draw(paths)}", f"From-Path: {draw(paths)}"]
    lines += [
        f"{header}{colon}{value}"
        for (header, value), colon in draw(
            st.lists(st.tuples(extension_headers, st.sampled_from([": ", ":", ":  ", ":\t"])), max_size=3)
        )
    ]
    if draw(st.booleans()):
        lines.append(f"message-ID: {draw(idents)}")
    if draw(st.booleans()):
        lines.append(
            "Byte-Range: " + draw(st.sampled_from(["1-0/0", "1-*/*", "1-5/5", "007-*/10", "2048-2047/*"]))
        )
    body = None if response else draw(st.one_of(st.none(), bodies(name)))
    flag = draw(st.sampled_from("$+#"))
    octets = "\r\n".join(lines).encode() + b"\r\n"
    if body is not None:
        kind = draw(st.sampled_from(["text/plain", "message/cpim", 'a/b;c="d;\\"e\xe9" ; f=g; h']))
        octets += f"Content-Type: {kind}\r\n\r\n".encode() + body + b"\r\n"
    octets += f"-------{name}{flag}\r\n".encode()
    return Piece(octets, name, body, flag)


streams = st.lists(messages(), min_size=1, max_size=3)

_OCTETS = (
    *(b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"-", b"-------", b" ", b"  ", b"\t", b":", b";", b"@", b"/", b"["),
    *(b"\x00", b"\x7f", b"\xc3\xa9", b"\xc3", b"\xfc\x80\x80\x80\x80\x80", b"\xfe", b"\xed\xa0\x80"),
    *(b"%", b"%4", b'"', b"\\", b"]", b"9" * 20),
    *(b"MSRP ", b"MSRP", b"msrp://h:1/s;tcp", b"msrps://[::1]:65536/s;tcp"),
)
_LINES = (
    *(b"To-Path: msrp://h/s;tcp", b"from-path: msrp://h;tcp", b"Content-Type: text/plain"),
    *(b"Message-ID: a", b"Message-ID: abcd", b"Byte-Range: 1-5/3", b"Byte-Range: 0-*/*", b"BYTE-range:1-2/-"),
    *(b"Status: 000 200 OK", b"Status: 000 2000", b"Success-Report: YES", b"Failure-Report: maybe"),
    *(b"Content-Type: text", b"Content-Type: a/b;c=", b"X-\xff: y", b"X: \x01", b"Y", b" Z: y"),
    *(b"WWW-Authenticate: " + b"y" * 90, b"L: " + b"y" * 90, b"Use-Nickname: x\r\n" * 9 + b"X: y"),
)
_PIECES = st.one_of(
    st.binary(min_size=1, max_size=3),
    st.sampled_from(_OCTETS),
    st.sampled_from(_LINES).map(lambda line: line + b"\r\n"),
)


@st.composite
def broken_streams(draw: st.DrawFn) -> bytes:
    """Right frames with a few things changed, or octets that hardly ever were any."""
    octets = b"".join(one.octets for one in draw(streams))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(octets)))
        if draw(st.booleans()):  # at the beginning of a line, where most is decided
            start = octets.rfind(b"\n", 0, start) + 1
        length = draw(st.sampled_from([0, 0, 0, 1, 2, 5, 20]))
        octets = octets[:start] + draw(st.one_of(st.just(b""), _PIECES)) + octets[start + length :]
    return octets[: draw(st.one_of(st.none(), st.integers(0, len(octets))))]


_number = st.one_of(st.integers(0, 6), st.integers(2**63 - 2, 2**63), st.just("*"))
_VALUES = {
    "Message-ID": st.one_of(idents, _word(_ALPHANUM + ".-+%=_ ", 0, 40)),
    "Byte-Range": st.one_of(
        st.builds("{}-{}/{}".format, _number, _number, _number),
        st.from_regex(r"(0|2|5|0{30}6|\*)[-/ ]?(0|1|4|5|\*)?/?(0|5|7|\*)?", fullmatch=True),
    ),
    "Success-Report": st.sampled_from(["yes", "no", "YES", "No", "partial", "", "yes no", "ye\u017f"]),
    "Failure-Report": st.sampled_from(["yes", "no", "Partial", "PARTIAL", "", "partially", "true"]),
    "Status": st.one_of(
        st.sampled_from(["000 200", "000 200 OK", "000 200 ", "000  200", "000 200OK", "a00 200"]),
        st.from_regex(r"[0-9]{2,4} [0-9]{2,4}( .{0,3})?", fullmatch=True),
    ),
    "Content-Type": st.one_of(
        st.sampled_from(["text/plain", "text", "/", "a/", "/b", "a/b;", "a/b;c=", "a/b ;c"]),
        st.sampled_from(
            ['a/b;c="', 'a/b;c="\\x"', 'a/b;c="\\"', "a/b; c=d\t;e", 'a/b;c="d"e', 'a/b;c="\x00"']
        ),
        st.text(st.sampled_from('ab/;="\\ \té\x01'), max_size=12),
    ),
    "X": st.text(max_size=6),
}


@st.composite
def doubtful_frames(draw: st.DrawFn) -> bytes:
    """One frame, delimited as it should be, whose values are right or wrong."""
    name = draw(idents)
    verb = draw(st.sampled_from(["SEND", "REPORT", "200", "200 OK", "481 \x07", "404 \u00e9"]))
    lines = [f"MSRP {name} {verb}", "To-Path: msrp://h:1/s;tcp", "From-Path: msrp://h:2/s;tcp"]
    for header in draw(st.lists(st.sampled_from([*_VALUES, "To-Path", "from-path"]), max_size=5)):
        value = draw(_VALUES.get(header, st.just("msrp://h:3/s;tcp")))
        lines.append(f"{header}: {value}".replace("\r", "").replace("\n", ""))
    octets = "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n"
    if draw(st.booleans()):
        # Octets of the old, longer UTF-8, and ones that never belonged to any.
        high = draw(st.sampled_from([b"", b"\xf8\x88\x80\x80\x80", b"\xc0", b"\xff", b"\x80"]))
        octets = octets[:-2] + high + b"\r\n"
    if draw(st.booleans()):
        octets += b"\r\nbody\r\n"
    return octets + f"-------{name}$\r\n".encode()


_TO_PATHS = (
    *("To-Path: msrp://h:1/s;tcp", "To-Path:  msrp://h:1/s;tcp", "to-path: msrp://h:1/s;tcp"),
    *("To-Path: msrp://h:1/S;tcp", "To-Path: msrp://h:1/" + "s" * 400 + ";tcp"),
    *("To-Path: msrp://h:1/s;tcp msrp://i;tcp", "To-Path: x"),
)
_OTHERS = (
    *(
        "Content-Type: a/b",
        "content-type: a/c",
        "Content-Type: a/b ",
        "Content-Type: a",
        "Content-Type: a/b;c=d",
    ),
    *(
        'Content-Type: a/b;c="\udcff"',
        'Content-Type: a/b;c="\u00e9"',
        'Content-Type: a/b;c="\x01"',
        "Content-Type: a/" + "b" * 400,
    ),
    *("X: y", "X: \x01", "Message-ID: abcd", "Message-ID: a", "From-Path: msrp://h:1/s;tcp"),
    *("Byte-Range: 1-5/5", "Byte-Range: 1-5/3", "Byte-Range: 1-*/*"),
    *("Success-Report: yes", "Failure-Report: no", "Failure-Report: partial"),
)


@st.composite
def alike_streams(draw: st.DrawFn) -> bytes:
    """Frames that have most lines in common: whatever is remembered of one must fit the next."""
    octets = b""
    for _ in range(draw(st.integers(2, 6))):
        name = draw(st.sampled_from(["abcd", "abce", "0123456789abcdef0123456789abcdef"]))
        usual = draw(st.integers(0, 5)) > 0
        lines = [f"MSRP {name} " + draw(st.sampled_from(["SEND", "SEND", "200 OK", "REPORT"]))]
        lines.append(_TO_PATHS[0] if usual else draw(st.sampled_from(_TO_PATHS)))
        lines.append("From-Path: msrp://" + ("i" if usual else draw(st.sampled_from("ijk"))) + ";tcp")
        lines += draw(st.lists(st.sampled_from(_OTHERS), max_size=3))
        octets += "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape")
        octets += draw(st.sampled_from([b"", b"\r\nbody\r\n"])) + f"-------{name}$\r\n".encode()
    return octets


@st.composite
def doubtful_uris(draw: st.DrawFn) -> str:
    """A URI with a few characters changed."""
    text = draw(uris)
    for _ in range(draw(st.integers(0, 2))):
        start = draw(st.integers(0, len(text)))
        length = draw(st.sampled_from([0, 0, 1, 3]))
        pieces = [*"@:/;[]%=. _?#é", "::", "0", "00000", "65536", "f", "%4", "%zz", "\x00", "1.2.3.4"]
        text = text[:start] + draw(st.sampled_from(["", *pieces])) + text[start + length :]
    return text


def cuts(octets: bytes) -> st.SearchStrategy[list[int]]:
    """Where to cut these octets: nowhere, here and there, or everywhere."""
    some = st.lists(st.integers(0, len(octets)), max_size=8)
    return st.one_of(st.just([]), some, some, st.just(list(range(len(octets)))))
