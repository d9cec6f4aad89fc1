"""The examples of the RFCs as flows between two processes: one says what the RFC prints, the other is ours.

Octets and SDP are those of tests/vectors. What is replaced is what cannot be as printed: the URI and
the port of our side, of theirs where we must connect to it, and of files their content, length and hash.

    RFC 4975 section 4         test_a_message[4], test_a_message_of_ours[4]
    section 5.1, 11.3          test_chunks
    section 8.2, 8.7           test_a_message[8.7], test_a_message_of_ours[8.7] (8.2 is 8.7's offer)
    section 11.1               test_a_talk, test_a_talk_that_we_begin
    section 11.2               test_xhtml
    section 11.4               test_chunks_of_cpim
    section 11.5               test_a_system_message
    section 11.6               test_a_positive_report, test_a_positive_report_for_us
    section 11.7               none: what forks is SIP's, each branch is a flow like 11.1
    section 14.4               tests/aio/test_offer_answer.py: its fingerprint is of nobody's key
    RFC 5547 section 6, 9.1    test_a_file_comes, test_a_file_of_ours (9.1 has all of 6 but the range)
    section 9.2                test_a_file_is_fetched_and_another_comes, test_we_fetch_a_file
    section 9.3                test_what_we_make_of_abilities
    RFC 6135                   prints no example; its cases: tests/cli/test_offer.py, test_a_message
    RFC 6714                   prints no example; its cases: tests/cli/test_middlebox.py
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import msrp_peer
from cli.programs import Program, Start
from msrp_peer import Level, NotAcceptable
from msrp_peer.session import described
from msrp_peer.signalling.agreement import look
from msrp_peer.signalling.file_attributes import FileTransfer
from msrp_peer.signalling.sdp import Description
from support.by_the_book import Book
from support.running import LOCAL, running, together

VECTORS = Path(__file__).parent.parent / "vectors"
PLAIN = ("--tls", "none", "--at", "127.0.0.1:0")


@pytest.fixture
def book() -> Iterator[Book]:
    program = Book()
    yield program
    program.stop()


def frame(start: str, *, corrected: bool = False) -> bytes:
    (path,) = (VECTORS / "msrp" / ("corrected" if corrected else "")).glob(f"{start}*.msrp")
    return path.read_bytes()


def sdp(name: str) -> str:
    return (VECTORS / "sdp" / f"{name}.sdp").read_text()


def path_of(text: str) -> str:
    (path,) = re.findall(r"a=path:(\S+)", text)
    return str(path)


def port_of(path: str) -> int:
    return int(re.findall(r":(\d+)/", path)[0])


def header(octets: bytes, name: str) -> str:
    return re.findall(rf"(?<=\n){name}: (.*?)\r\n".encode(), octets)[0].decode()


def start(octets: bytes) -> str:
    return octets.partition(b"\r\n")[0].decode()


def body(octets: bytes) -> bytes:
    return octets.partition(b"\r\n\r\n")[2].rpartition(b"\r\n-------")[0]


def between(octets: bytes, to: str, origin: str) -> bytes:
    """A frame of the RFC with these paths."""
    octets = re.sub(rb"(?<=To-Path: )[^\r]+", to.encode(), octets, count=1)
    return re.sub(rb"(?<=From-Path: )[^\r]+", origin.encode(), octets, count=1)


def answer(octets: bytes) -> bytes:
    """200 to a request of ours, as the RFC's responses are: the paths swapped, and no more."""
    ident = octets.split(b" ")[1].decode()
    to, origin = header(octets, "From-Path"), header(octets, "To-Path")
    return f"MSRP {ident} 200 OK\r\nTo-Path: {to}\r\nFrom-Path: {origin}\r\n-------{ident}$\r\n".encode()


def answering(msrp: Start, offer: str, *options: str | Path) -> tuple[Program, str]:
    """Our program, which was told an offer, and its path."""
    program = msrp("answer", *PLAIN, *options, stdin=subprocess.PIPE)
    program.write(offer + "\n")
    return program, path_of(program.wait_for(r"(?s)^v=0\n.*?\n\n").group())


def offering(
    msrp: Start, book: Book, reply: str, *options: str | Path, command: str = "offer"
) -> tuple[Program, str, str, str]:
    """Our program, whose offer the book answers; both paths, and the offer. We connect to the book."""
    program = msrp(command, *PLAIN, *options, stdin=subprocess.PIPE)
    offer = program.wait_for(r"(?s)^v=0\n.*?\n\n").group()
    theirs = path_of(reply)
    here = re.sub(r"(?<=//)[^/]+", f"127.0.0.1:{book.listen()}", theirs)
    reply = reply.replace(theirs, here)
    transfer = re.findall(r"a=file-transfer-id:.*", offer)
    program.write(re.sub("a=file-transfer-id:.*", "".join(transfer), reply) + "\n")
    book.accept()
    return program, path_of(offer), here, offer


def heard(book: Book) -> bytes:
    """The next SEND of ours with a body, answered as is all before it: the side that connects says
    something at once (RFC 4975 section 5.4)."""
    while True:
        octets = book.hear()
        assert octets.startswith(b"MSRP ")
        if octets.split(b" ")[2].startswith(b"SEND"):
            book.say(answer(octets))
            if b"\r\n\r\n" in octets:
                return octets


def left(program: Program, book: Book) -> None:
    """Our program goes, and the book with it: whoever stays is waited for, for seconds."""
    while book.hear():
        pass
    book.close()
    assert program.wait() == 0, program.errors


# -- RFC 4975


@pytest.mark.parametrize(
    ("offer", "request_", "words"),
    [
        ("rfc4975_s4_01", "rfc4975_s4_01", "Hey Bob, are you there?"),
        ("rfc4975_s8.7_04", "rfc4975_s11.1_05", "Hi, I'm Alice!"),
    ],
    ids=["4", "8.7"],
)
def test_a_message(msrp: Start, book: Book, offer: str, request_: str, words: str) -> None:
    """Alice of the book connects to our Bob, as he is the one without a=setup in her SDP."""
    program, ours = answering(msrp, sdp(offer), "--listen")
    alice = path_of(sdp(offer))
    book.connect(port_of(ours))
    book.say(between(frame(request_), ours, alice))
    ident = frame(request_).split(b" ")[1]
    expected = frame("rfc4975_s4_02").replace(b"a786hjs2", ident)
    assert book.hear() == between(expected, alice, ours)
    program.wait_for(f": {re.escape(words)}$")
    book.close()
    assert program.wait() == 0, program.errors


@pytest.mark.parametrize(
    ("reply", "words", "wrapped"),
    [("rfc4975_s4_02", "Hey Bob, are you there?", False), ("rfc4975_s8.7_05", "Hi, I'm Alice!", True)],
    ids=["4", "8.7"],
)
def test_a_message_of_ours(msrp: Start, book: Book, reply: str, words: str, wrapped: bool) -> None:
    """Our Alice offers, and connects: the book's answer has no a=setup. In section 8.7 it lists
    message/cpim first, and so wants what is said inside of that (section 13)."""
    program, ours, bob, _ = offering(msrp, book, sdp(reply), words)
    octets = heard(book)
    said = body(octets)
    if wrapped:
        assert header(octets, "Content-Type") == "message/cpim"
        envelope, inside, said = said.split(b"\r\n\r\n")
        assert envelope.startswith(b"From: <im:anonymous@anonymous.invalid>\r\n")
        assert inside.startswith(b"Content-Type: text/plain")
    assert said == words.encode()
    assert (header(octets, "To-Path"), header(octets, "From-Path")) == (bob, ours)
    size = len(body(octets))
    assert header(octets, "Byte-Range") == f"1-{size}/{size}"
    book.say(_report(octets))
    left(program, book)


def _report(octets: bytes) -> bytes:
    """The REPORT of section 11.6, about a message of ours."""
    said = between(frame("rfc4975_s11.6_14"), header(octets, "From-Path"), header(octets, "To-Path"))
    said = re.sub(rb"(?<=Message-ID: )[^\r]+", header(octets, "Message-ID").encode(), said)
    size = len(body(octets))
    return re.sub(rb"(?<=Byte-Range: )[^\r]+", f"1-{size}/{size}".encode(), said)


def test_a_talk(msrp: Start, book: Book) -> None:
    offer = sdp("rfc4975_s11.1_06")
    program, ours = answering(msrp, offer)
    alice = path_of(offer)
    book.connect(port_of(ours))
    book.say(between(frame("rfc4975_s11.1_05"), ours, alice))
    assert book.hear() == between(frame("rfc4975_s11.1_06"), alice, ours)
    program.wait_for(r": Hi, I'm Alice!$")
    program.write("Hi, Alice!  I'm Bob!\n")
    octets = book.hear()
    assert body(octets) == body(frame("rfc4975_s11.1_07"))
    assert (header(octets, "To-Path"), header(octets, "From-Path")) == (alice, ours)
    book.say(between(frame("rfc4975_s11.1_08").replace(b"dkei38sd", octets.split(b" ")[1]), ours, alice))
    program.write("/quit\n")
    left(program, book)


def test_a_talk_that_we_begin(msrp: Start, book: Book) -> None:
    program, ours, bob, _ = offering(msrp, book, sdp("rfc4975_s11.1_07"))
    book.say(answer(book.hear()))
    program.wait_for("^Talking to ")
    program.write("Hi, I'm Alice!\n")
    assert body(heard(book)) == b"Hi, I'm Alice!"
    book.say(between(frame("rfc4975_s11.1_07"), ours, bob))
    assert book.hear() == between(frame("rfc4975_s11.1_08"), bob, ours)
    program.wait_for(r": Hi, Alice!  I'm Bob!$")
    book.close()
    assert program.wait() == 0, program.errors


def _said(msrp: Start, book: Book, frames: list[bytes], *options: str | Path) -> tuple[Program, list[bytes]]:
    """Frames of the book's Alice to our Bob; what is answered to each."""
    offer = sdp("rfc4975_s8.7_04")
    program, ours = answering(msrp, offer, "--listen", *options)
    alice = path_of(offer)
    book.connect(port_of(ours))
    book.say(*(between(octets, ours, alice) for octets in frames))
    return program, [book.hear() for octets in frames if b"Failure-Report: no" not in octets]


def test_chunks(msrp: Start, book: Book) -> None:
    frames = [frame(f"rfc4975_s5.1_0{number}", corrected=True) for number in (3, 4)]
    program, answers = _said(msrp, book, frames)
    assert [octets.split(b" ", 2)[1:] for octets in answers]
    assert [octets.split(b"\r\n")[0] for octets in answers] == [
        b"MSRP dkei38sd 200 OK",
        b"MSRP dkei38ia 200 OK",
    ]
    program.wait_for(": abcdEFGH$")


def test_xhtml(msrp: Start, book: Book, tmp_path: Path) -> None:
    """No text to show: it is kept, where files are."""
    octets = frame("rfc4975_s11.2_09", corrected=True)
    program, answers = _said(msrp, book, [octets], "--out", tmp_path / "in", "--accept-files")
    assert answers[0].startswith(b"MSRP dsdfoe38sd 200 OK\r\n")
    program.wait_for("SHA-256")
    (kept,) = (tmp_path / "in").iterdir()
    assert kept.read_bytes() == body(octets)


def test_chunks_of_cpim(msrp: Start, book: Book) -> None:
    frames = [frame("rfc4975_s11.4_10", corrected=True), frame("rfc4975_s11.4_11", corrected=True)]
    program, answers = _said(msrp, book, frames)
    assert [octets.split(b"\r\n")[0] for octets in answers] == [
        b"MSRP d93kswow 200 OK",
        b"MSRP op2nc9a 200 OK",
    ]
    program.wait_for(": ABCD1234567890$")
    program.wait_for(r"says it is from .*sip:alice@example\.com.*, which nothing proves")


def test_a_system_message(msrp: Start, book: Book) -> None:
    """Failure-Report and Success-Report are no: nothing at all is answered to it."""
    then = frame("rfc4975_s11.1_05").replace(b"d93kswow", b"d93kswox").replace(b"12339sdqwer", b"12339sdqwes")
    program, answers = _said(msrp, book, [frame("rfc4975_s11.5_12"), then])
    program.wait_for(": This conference will end in 5 minutes$")
    assert [start(octets) for octets in answers] == ["MSRP d93kswox 200 OK"]


def test_a_positive_report(msrp: Start, book: Book, tmp_path: Path) -> None:
    """Only the report is said, and it is that of the RFC but for its transaction id."""
    request = frame("rfc4975_s11.6_13", corrected=True)
    program, _ = _said(msrp, book, [request])
    report = book.hear()
    expected = frame("rfc4975_s11.6_14").replace(b"dkei38sd", report.split(b" ")[1])
    expected = between(expected, header(report, "To-Path"), header(report, "From-Path"))
    assert report == expected.replace(b"1-106/106", header(request, "Byte-Range").encode())
    assert header(report, "To-Path") == path_of(sdp("rfc4975_s8.7_04"))
    program.wait_for("Here is that important link")


def test_a_positive_report_for_us(msrp: Start, book: Book) -> None:
    """What we send is delivered when the RFC's REPORT says so, and not before."""
    program, *_ = offering(msrp, book, sdp("rfc4975_s8.7_05"), "important")
    octets = heard(book)
    assert header(octets, "Success-Report") == "yes"
    assert "Delivered" not in program.output
    book.say(_report(octets))
    program.wait_for("^Delivered: the message, 9 octets$")
    left(program, book)


# -- RFC 5547

PICTURE = bytes(range(256)) * 16
HELLO = b"MSRP a1b2c3 SEND\r\nTo-Path: .\r\nFrom-Path: .\r\nMessage-ID: 1233\r\n-------a1b2c3$\r\n"


def of(text: str, octets: bytes) -> str:
    """A description of the RFC, of these octets."""
    digest = hashlib.sha1(octets).digest().hex(":").upper()
    text = re.sub(r"hash:sha-1:[0-9A-F:]+", f"hash:sha-1:{digest}", text)
    return re.sub(r"size:\d+", f"size:{len(octets)}", text)


def inside(octets: bytes, content: bytes) -> bytes:
    """What a SEND of the RFC has around a picture, around this one."""
    return body(octets).rpartition(b"\r\n\r\n")[0] + b"\r\n\r\n" + content


def of_body(octets: bytes, content: bytes, span: str) -> bytes:
    """The same frame with another body and range."""
    head, _, rest = octets.partition(b"\r\n\r\n")
    head = re.sub(rb"(?<=Byte-Range: )[^\r]+", span.encode(), head)
    return head + b"\r\n\r\n" + content + b"\r\n-------" + rest.rpartition(b"\r\n-------")[2]


@pytest.mark.rule("5547 8.3-2 8.7-1")
def test_a_file_comes(msrp: Start, book: Book, tmp_path: Path) -> None:
    """Section 9.1: as printed, but for the picture: chunks of message/cpim, icon and date left alone."""
    offer = of(sdp("rfc5547_s9.1_02"), PICTURE)
    program = msrp("answer", *PLAIN, "--out", tmp_path / "in", "--accept-files", stdin=subprocess.PIPE)
    program.write(offer + "\n")
    reply = program.wait_for(r"(?s)^v=0\n.*?\n\n").group()
    printed = of(sdp("rfc5547_s9.1_03"), PICTURE)
    for name in ("recvonly", "file-transfer-id", "file-selector"):
        (line,) = re.findall(f"^a={name}.*", printed, re.M)
        assert sorted(line.split()) == sorted(re.findall(f"^a={name}.*", reply, re.M)[0].split())
    ours, alice = path_of(reply), path_of(offer)
    first, second = frame("rfc5547_s9.1_01"), frame("rfc5547_s9.1_02")
    whole = inside(first, PICTURE)
    book.connect(port_of(ours))
    book.say(
        between(of_body(first, whole[:2048], f"1-2048/{len(whole)}"), ours, alice),
        between(of_body(second, whole[2048:], f"2049-{len(whole)}/{len(whole)}"), ours, alice),
    )
    for name in ("rfc5547_s9.1_03", "rfc5547_s9.1_04"):
        assert start(book.hear()) == start(frame(name))
    program.wait_for("checked$")
    assert (tmp_path / "in" / "My cool picture.jpg").read_bytes() == PICTURE
    left(program, book)


@pytest.mark.rule("5547 8.2-1 8.7-1")
def test_a_file_of_ours(msrp: Start, book: Book, tmp_path: Path) -> None:
    """Section 9.1, our Alice: the book's Bob takes message/cpim alone, and gets the picture in it."""
    file = tmp_path / "My cool picture.jpg"
    file.write_bytes(PICTURE)
    reply = of(sdp("rfc5547_s9.1_03"), PICTURE)
    program, _, _, offer = offering(msrp, book, reply, "--file", file)
    printed = of(sdp("rfc5547_s9.1_02"), PICTURE)
    (selector,) = re.findall("^a=file-selector:(.*)", printed, re.M)
    told = re.findall("^a=file-selector:(.*)", offer, re.M)[0]
    assert set(re.findall(r'\w+:(?:"[^"]*"|\S+)', selector)) <= set(re.findall(r'\w+:(?:"[^"]*"|\S+)', told))
    assert "a=sendonly\n" in offer
    octets = heard(book)
    assert header(octets, "Content-Type") == "message/cpim"
    assert body(octets).endswith(b"Content-Type: image/jpeg\r\n\r\n" + PICTURE)
    assert b'filename="My cool picture.jpg"; size=4096\r\n' in body(octets)
    book.say(_report(octets))
    left(program, book)


@pytest.mark.rule("5547 8.1-3 8.3-4 8.7-1")
def test_a_file_is_fetched_and_another_comes(book: Book, tmp_path: Path) -> None:
    """Section 9.2, all of it: the file goes, then the same media line is for another, which comes."""
    photo, sunset = PICTURE[:1931], PICTURE[::-1]
    mine = tmp_path / "My cool photo.jpg"
    mine.write_bytes(photo)
    fetch, send = of(sdp("rfc5547_s9.2_04"), photo), of(sdp("rfc5547_s9.2_06"), sunset)

    @running
    async def flow() -> None:
        async with msrp_peer.listen(LOCAL, tls="none") as listener:
            file = FileTransfer(described.describe(mine))
            bob = msrp_peer.Answer(fetch, listener, tls="none", direction="sendonly", file=file)
            printed = Description.parse(of(sdp("rfc5547_s9.2_05"), photo))
            said = Description.parse(bob.text)
            for name in ("sendonly", "file-transfer-id"):
                assert said.sections[0].attribute(name) == printed.sections[0].attribute(name)
            alice, ours = path_of(fetch), path_of(bob.text)
            joining = msrp_peer.join(bob, listener=listener, require=Level.PLAINTEXT)

            def first() -> bytes:
                book.connect(port_of(ours))
                # The side that connects says something at once (RFC 4975 section 5.4).
                book.say(between(HELLO, ours, alice))
                book.hear()
                octets = heard(book)
                book.say(_report(octets))
                return octets

            async def goes() -> None:
                session = await joining
                assert bob.outcome is not None
                assert bob.outcome.file is not None
                await (await described.send(session, mine, bob.outcome.file)).delivered()

            octets, _ = await together(asyncio.to_thread(first), goes())
            assert header(octets, "Content-Type") == "message/cpim"
            assert body(octets).endswith(b"\r\n\r\n" + photo)

            reply = bob.answer(send, direction="recvonly", file=None)
            again = Description.parse(reply)
            printed = Description.parse(of(sdp("rfc5547_s9.2_07"), sunset))
            for name in ("recvonly", "file-transfer-id"):
                assert again.sections[0].attribute(name) == printed.sections[0].attribute(name)
            assert again.origin is not None
            assert said.origin is not None
            assert again.origin.version == said.origin.version + 1
            alice, theirs = path_of(send), path_of(reply)
            assert theirs != ours
            assert port_of(theirs) == port_of(ours)
            request = frame("rfc5547_s9.2_07").replace(b"d95ksxox+", b"d95ksxox$")  # printed by mistake
            whole = inside(request, sunset)

            def second() -> bytes:
                book.close()
                book.connect(port_of(theirs))
                book.say(between(of_body(request, whole, f"1-{len(whole)}/{len(whole)}"), theirs, alice))
                heard = book.hear()
                book.close()
                return heard

            async def comes() -> Path:
                assert bob.outcome is not None
                assert bob.outcome.file is not None
                async with msrp_peer.join(bob, listener=listener, require=Level.PLAINTEXT) as session:
                    received = await described.receive(session, tmp_path, bob.outcome.file)
                    assert received.checked
                    return received.path

            response, path = await together(asyncio.to_thread(second), comes())
            assert response.startswith(b"MSRP d95ksxox 200 OK\r\n")
            assert path.name == "sunset.jpg"

    flow()
    assert (tmp_path / "sunset.jpg").read_bytes() == sunset


@pytest.mark.rule("5547 8.2-1 8.2-2")
def test_we_fetch_a_file(msrp: Start, book: Book, tmp_path: Path) -> None:
    """Section 9.2, our Alice: she knows the hash alone, and names the file as Bob does."""
    photo = PICTURE[:1931]
    digest = re.findall(r"hash:\S+", of(sdp("rfc5547_s9.2_04"), photo))[0]
    reply = of(sdp("rfc5547_s9.2_05"), photo)
    program, ours, bob, offer = offering(msrp, book, reply, "--get", digest, "--out", tmp_path / "in")
    assert f"a=file-selector:{digest}\n" in offer
    assert "a=recvonly\n" in offer
    book.say(answer(book.hear()))
    request = frame("rfc5547_s9.2_05")
    whole = inside(request, photo)
    book.say(between(of_body(request, whole, f"1-{len(whole)}/{len(whole)}"), ours, bob))
    assert start(book.hear()) == start(frame("rfc5547_s9.2_06"))
    program.wait_for("checked$")
    assert [path.read_bytes() for path in (tmp_path / "in").iterdir()] == [photo]
    left(program, book)


@pytest.mark.rule("5547 8.5-1")
def test_what_we_make_of_abilities() -> None:
    """Section 9.3: no session is offered, and files are understood."""
    text = sdp("rfc5547_s9.3_08")
    with pytest.raises(NotAcceptable, match="no MSRP session"):
        look(text)
    (section,) = Description.parse(text).sections
    assert section.port == 0
    assert section.attribute("file-selector") == ""
    assert section.attribute("max-size") == "20000"
