"""Files as SDP describes them (RFC 5547): `msrp offer --file`, `--get`, and their answers."""

from __future__ import annotations

import asyncio
import hashlib
import re
import subprocess
from pathlib import Path

import pytest

import msrp_peer
from cli.programs import AT, Open, Program, Start, exchanged, printed, wait_until
from msrp_peer.cli.incoming import Taking
from msrp_peer.cli.output import Output
from msrp_peer.cli.transfer import agreed, taken
from msrp_peer.signalling.agreement import NotAcceptable, Side, look
from msrp_peer.signalling.file_attributes import FileRange, FileSelector, FileTransfer
from msrp_peer.signalling.offer_answer import Negotiation

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")

OCTETS = bytes(range(256)) * 1000
HASHES = {"sha-1": hashlib.sha1(OCTETS).digest()}
SHA1 = hashlib.sha1(OCTETS).digest().hex(":").upper()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a picture.png"
    path.write_bytes(OCTETS)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def lines(text: str, name: str) -> list[str]:
    return re.findall(f"^a={name}.*", text, re.M)


@pytest.mark.rule("5547 5-1 6-2 8.1-1 8.1-2 8.2-1 8.2-2 8.2-3 8.3-2 8.7-1 8.7-3")
def test_a_file_is_offered(msrp: Start, file: Path, folder: Path) -> None:
    one, other, offer, answer = exchanged(
        msrp, ("--file", file), ("--listen", "--out", folder, "--accept-files")
    )
    assert (one.wait(), other.wait()) == (0, 0), one.errors + other.errors
    assert "a=sendonly\n" in offer
    (told,) = lines(offer, "file-selector")
    assert 'name:"a picture.png" type:image/png size:256000' in told
    assert f"hash:sha-1:{SHA1}" in told
    assert lines(offer, "file-disposition") == ["a=file-disposition:attachment"]
    assert "a=recvonly\n" in answer
    for name in ("file-selector", "file-transfer-id"):
        assert lines(answer, name) == lines(offer, name)
    assert not lines(answer, "file-(disposition|date|icon|range)")
    assert (folder / file.name).read_bytes() == OCTETS
    assert f"SHA-256 {hashlib.sha256(OCTETS).hexdigest()}, checked\n" in other.output
    assert re.search(r"^Delivered: a picture.png, 256.0 kB \(256,000 octets\), in [\d.]+ s", one.output, re.M)


@pytest.mark.rule("5547 8.3-1")
@pytest.mark.parametrize("answer", [(), ("--listen",), ("--listen", "--out")], ids=str)
def test_a_file_is_refused_before_it_is_sent(
    msrp: Start, file: Path, folder: Path, answer: tuple[str, ...]
) -> None:
    """Without --out, and where nobody can be asked: port 0, and both programs say why."""
    where = (folder,) if answer[-1:] == ("--out",) else ()
    one, other, offer, text = exchanged(msrp, ("--file", file), (*answer, *where))
    assert (one.wait(), other.wait()) == (1, 1)
    assert "m=message 0 TCP/TLS/MSRP *\n" in text
    for name in ("file-selector", "file-transfer-id"):
        assert lines(text, name) == lines(offer, name)
    assert "refused" in one.errors
    assert '"a picture.png", image/png, 256.0 kB' in other.errors
    assert list(folder.iterdir()) == []


@pytest.mark.rule("5547 10-2")
@pytest.mark.parametrize(("said", "code"), [("y", 0), ("n", 1)])
def test_somebody_is_asked(
    terminal: Open, msrp: Start, file: Path, folder: Path, said: str, code: int
) -> None:
    one = msrp("offer", *AT, "--file", file, stdin=subprocess.PIPE)
    other = terminal("answer", *AT, "--listen", "--out", folder)
    other.wait_for("Paste the ")
    for line in printed(one).splitlines():
        other.type(line)
    other.wait_for(r"offers \"a picture.png\", image/png, 256.0 kB \(256,000 octets\). Take it\? \[y/n\]")
    other.type(said)
    other.wait_for("whoever made")
    one.write(other.wait_for(r"v=0\r?\n(?:[a-z]=[^\r\n]*\r?\n)+\r?\n").replace("\r", ""))
    assert (one.wait(), other.wait()) == (code, code)
    assert [path.name for path in folder.iterdir()] == ([file.name] if code == 0 else [])


def test_an_answer_pasted_behind_the_text_is_none(
    terminal: Open, msrp: Start, file: Path, folder: Path
) -> None:
    """Nobody agrees to a file of their own by what they put behind their offer."""
    one = msrp("offer", *AT, "--file", file, stdin=subprocess.PIPE)
    other = terminal("answer", *AT, "--listen", "--out", folder)
    other.wait_for("Paste the ")
    other.child.send(printed(one).replace("\n", "\r") + "y\ry\r")
    other.wait_for(r"Take it\? \[y/n\]")
    other.type("no")
    assert other.wait() == 1
    assert list(folder.iterdir()) == []


TWO = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=message 7777 TCP/MSRP *
a=accept-types:*
a=path:msrp://127.0.0.1:7777/abcdefabcdef;tcp
m=message 7778 TCP/TLS/MSRP *
a=accept-types:*
a=path:msrps://127.0.0.1:7778/abcdefabcdeg;tcp
a=setup:actpass
a=fingerprint:sha-256 {key}
a=sendonly
a=file-selector:name:"b.sh" size:1000
a=file-transfer-id:another1

"""


@pytest.mark.parametrize("out", [False, True])
def test_a_file_behind_a_session_that_cannot_be(msrp: Start, folder: Path, out: bool) -> None:
    """The first m= line is for no file and cannot work; of the second nobody was told."""
    options = ("--out", folder, "--accept-files") if out else ()
    program = msrp("answer", *AT, "--listen", *options, stdin=subprocess.PIPE)
    program.write(TWO.format(key=":".join(["AB"] * 32)))
    assert program.wait() == 1, program.errors
    assert "that is for a file" in program.errors
    assert "m=message 0 TCP/MSRP *\nm=message 0 TCP/TLS/MSRP *\n" in program.output


@pytest.mark.rule("5547 8.7-1")
def test_a_file_goes_on(msrp: Start, file: Path, folder: Path) -> None:
    """The receiver has the beginning and answers with the range that is missing."""
    (folder / "a picture.png.part").write_bytes(OCTETS[:100_000])
    one, other, _, answer = exchanged(msrp, ("--file", file), ("--out", folder, "--accept-files"))
    assert (one.wait(), other.wait()) == (0, 0), one.errors + other.errors
    assert lines(answer, "file-range") == ["a=file-range:100001-*"]
    assert "Delivered: a picture.png from octet 100,001 on, 156.0 kB (156,000 octets)" in one.output
    assert [path.name for path in folder.iterdir()] == [file.name]
    assert (folder / file.name).read_bytes() == OCTETS


@pytest.mark.rule("5547 8.1-4 8.2-2")
def test_a_terminal_shows_how_far_it_is_and_ctrl_c_what_is_undone(
    msrp: Start, terminal: Open, tmp_path: Path, folder: Path
) -> None:
    large = tmp_path / "large"
    with large.open("wb") as sparse:
        sparse.truncate(1 << 30)
    one = msrp("offer", *AT, "--file", large, stdin=subprocess.PIPE)
    other = terminal("answer", *AT, "--out", folder, "--accept-files")
    offer = printed(one)
    other.wait_for(">")
    for line in offer.splitlines():
        other.type(line)
    other.wait_for("The answer is for")
    answer = other.wait_for(r"(?s)v=0\r\n.*?\r\n\r\n")
    one.write(answer.replace("\r\n", "\n"))
    other.wait_for("large .*[━╸].*MB/s")
    other.key("c")
    assert other.wait() == 130
    assert "?[" not in other.seen, "what moves the cursor is not shown as letters"
    assert f'"large" is not whole; what came stays in {folder / "large.part"}' in other.seen
    assert one.wait() == 1


def test_ctrl_c_says_how_much_was_sent(msrp: Start, terminal: Open, tmp_path: Path, folder: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as sparse:
        sparse.truncate(1 << 30)
    one = terminal("offer", *AT, "--file", large)
    other = msrp("answer", *AT, "--out", folder, "--accept-files", stdin=subprocess.PIPE)
    other.write(one.wait_for(r"(?s)v=0\r\n.*?\r\n\r\n").replace("\r\n", "\n"))
    for line in printed(other).splitlines():
        one.type(line)
    one.wait_for("large .*[━╸].*MB/s")
    one.key("c")
    assert one.wait() == 130
    told = r"msrp: large: not delivered; it had come to about [\d.]+ .B of 1\.1 GB .*; offered again"
    assert re.search(told, one.seen)
    assert "nothing was sent" not in one.seen
    assert other.wait() == 1


def test_a_part_of_another_file(msrp: Start, file: Path, folder: Path) -> None:
    """The hash tells; the sender learns it, nothing gets the name, and the next time all of it is sent."""
    (folder / "a picture.png.part").write_bytes(b"x" * 1000)
    options = ("--out", folder, "--accept-files")
    one, other, first, _ = exchanged(msrp, ("--file", file), options)
    assert (one.wait(), other.wait()) == (1, 1)
    assert "damaged" in other.errors
    assert [path.name for path in folder.iterdir()] == ["a picture.png.part"]
    one, other, again, _ = exchanged(msrp, ("--file", file), options)
    assert (one.wait(), other.wait()) == (0, 0), one.errors + other.errors
    assert (folder / file.name).read_bytes() == OCTETS
    assert lines(first, "file-selector") == lines(again, "file-selector")
    assert lines(first, "file-transfer-id") != lines(again, "file-transfer-id")


@pytest.mark.rule("5547 5-2 8.2-1 8.3-4")
@pytest.mark.parametrize(
    "selector",
    [("a picture.png",), ("size:256000", "type:image/png"), (f"hash:sha-1:{SHA1}",), ("name:a picture.png",)],
    ids=["name", "size and type", "hash", "name by word"],
)
def test_a_file_is_asked_for(msrp: Start, file: Path, folder: Path, selector: tuple[str, ...]) -> None:
    decoy = file.with_name("b.txt")
    decoy.write_bytes(b"no")
    get = tuple(word for one in selector for word in ("--get", one))
    one, other, offer, answer = exchanged(msrp, (*get, "--out", folder), ("--file", decoy, "--file", file))
    assert (one.wait(), other.wait()) == (0, 0), one.errors + other.errors
    assert "a=recvonly\n" in offer
    assert not lines(offer, "file-(disposition|date|icon|range)")
    assert "a=sendonly\n" in answer
    assert lines(answer, "file-transfer-id") == lines(offer, "file-transfer-id")
    assert f"hash:sha-1:{SHA1}" in answer
    assert [path.name for path in folder.iterdir()] == [file.name]
    assert (folder / file.name).read_bytes() == OCTETS


@pytest.mark.rule("5547 8.3-3")
def test_the_rest_of_a_file_is_asked_for(msrp: Start, file: Path, folder: Path) -> None:
    (folder / "a picture.png.part").write_bytes(OCTETS[:255_999])
    one, other, offer, answer = exchanged(msrp, ("--get", file.name, "--out", folder), ("--file", file))
    assert (one.wait(), other.wait()) == (0, 0), one.errors + other.errors
    assert lines(offer, "file-range") == lines(answer, "file-range") == ["a=file-range:256000-*"]
    assert (folder / file.name).read_bytes() == OCTETS
    assert [path.name for path in folder.iterdir()] == [file.name]


@pytest.mark.rule("5547 5-2 8.3-5")
@pytest.mark.parametrize(
    ("get", "shared", "told"),
    [
        ("b.png", "one", "not among those of --file"),
        ("../in/a picture.png", "one", "not among those of --file"),
        ("a picture.png", "none", "not among those of --file"),
        ("type:image/png", "two", "2 of --file could be meant"),
        (f"hash:sha-1:{'00:' * 19}00", "one", "not among those of --file"),
    ],
)
def test_what_is_not_shared_is_not_sent(
    msrp: Start, file: Path, folder: Path, get: str, shared: str, told: str
) -> None:
    """Only files of the command line, though others lie beside them."""
    second = file.with_name("b.png")
    second.write_bytes(b"secret")
    files = {"none": (), "one": ("--file", file), "two": ("--file", file, "--file", second)}[shared]
    one, other, _, answer = exchanged(msrp, ("--get", get, "--out", folder), files)
    assert (one.wait(), other.wait()) == (1, 1)
    assert "m=message 0 " in answer
    assert told in other.errors
    assert "secret" not in answer
    assert list(folder.iterdir()) == []


def test_a_part_longer_than_the_file(msrp: Start, file: Path, folder: Path) -> None:
    (folder / "a picture.png.part").write_bytes(b"x" * 300_000)
    one, other, *_ = exchanged(msrp, ("--get", file.name, "--out", folder), ("--file", file))
    assert (one.wait(), other.wait()) == (1, 1)
    assert "has 300,000 octets already" in other.errors


def test_json(msrp: Start, file: Path, folder: Path) -> None:
    one = msrp("offer", *AT, "--file", file, "--json", stdin=subprocess.PIPE)
    other = msrp("answer", *AT, "--out", folder, "--accept-files", "--json", stdin=subprocess.PIPE)
    sdp = one.event("offer")["sdp"]
    assert look(sdp).file is not None
    other.write(sdp + "\n")
    one.write(other.event("answer")["sdp"] + "\n")
    arrived = other.event("file")
    assert (arrived["size"], arrived["checked"]) == (len(OCTETS), True)
    assert one.event("delivered")["size"] == len(OCTETS)
    assert (one.wait(), other.wait()) == (0, 0)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("offer", "--get", "a"), "--out DIR"),
        (("offer", "--get", "size:many", "--out", "."), "selects no file"),
        (("offer", "--get", "hash:md5:00", "--out", "."), "selects no file"),
        (("offer", "--get", "hash:sha-1:00", "--out", "."), "selects no file"),
        (("offer", "--get", f"hash:sha-256:{'00' * 32}", "--out", "."), "selects no file"),
        (("offer", "--get", "a", "--get", "b", "--out", "."), "twice"),
        (("offer", "--get", "a", "--listen", "--out", "."), "does nothing else"),
        (("answer", "--get", "a"), "there is no option --get here"),
    ],
)
def test_what_makes_no_sense(msrp: Start, words: tuple[str, ...], told: str) -> None:
    program = msrp(*words)
    assert program.wait() == 2
    assert told in program.errors


async def _nobody(question: str) -> bool:
    raise AssertionError("nobody is to be asked")


@pytest.mark.rule("5547 8.3-3")
@pytest.mark.parametrize(
    ("asked", "hashes", "answered"),
    [
        (None, HASHES, "11-*"),
        (None, {}, None),
        ("1-*", HASHES, "1-*"),
        ("1-30", HASHES, "1-30"),
        ("11-*", HASHES, "11-*"),
        ("11-30", HASHES, "11-30"),
        ("11-20", HASHES, "no"),
        ("12-*", HASHES, "no"),
        ("1-10", HASHES, "no"),
        ("11-*", {}, "no"),
    ],
)
def test_which_octets_are_taken(
    folder: Path, asked: str | None, hashes: dict[str, bytes], answered: str | None
) -> None:
    """Ten of thirty octets are here."""
    (folder / "a.bin.part").write_bytes(b"x" * 10)
    selector = FileSelector("a.bin", 30, "image/png", hashes)
    file = FileTransfer(selector, "id", "attachment", None if asked is None else FileRange.parse(asked))
    taking = Taking(folder, "all", False, "every file is taken")
    if answered == "no":
        with pytest.raises(NotAcceptable, match="not what is missing here"):
            asyncio.run(taken(file, taking, _nobody, Output(json=True)))
        return
    found = asyncio.run(taken(file, taking, _nobody, Output()))
    assert (found.range and found.range.text) == answered
    assert (found.transfer_id, found.disposition) == ("id", "render")


@pytest.mark.parametrize(("start", "hashes", "fits"), [(11, HASHES, True), (1, {}, True), (11, {}, False)])
def test_a_part_goes_on_only_where_a_hash_tells_of_which_file(
    start: int, hashes: dict[str, bytes], fits: bool
) -> None:
    """The other side describes as little as it may (RFC 5547 section 8.3.2)."""
    asked = FileTransfer(FileSelector("a.bin"), "id", range=FileRange(start))
    there = FileTransfer(FileSelector("a.bin", 30, "image/png", hashes), "x")
    uris = (f"msrp://{host}.example:2855/{host * 22};tcp" for host in "ab")
    alice = Negotiation(Side(next(uris), direction="recvonly", file=asked))
    alice.accept(Negotiation(Side(next(uris), direction="sendonly", file=there)).answer(alice.offer()))
    assert alice.agreed is not None
    if fits:
        found = agreed(alice.agreed)
        assert found is not None
        assert found.selector.hashes == hashes
    else:
        with pytest.raises(NotAcceptable, match="tells no hash"):
            agreed(alice.agreed)


async def _taken_by_nobody(one: Program) -> str:
    """A receiver who lets all of the file come, and does not say that it is taken; what the sender
    says who is called off then."""
    async with msrp_peer.listen("127.0.0.1:0", tls="fingerprint") as listener:
        offer = await asyncio.to_thread(printed, one)
        answer = msrp_peer.Answer(offer, listener, file=look(offer).file)
        one.write(answer.text.replace("\r\n", "\n") + "\n")
        async with msrp_peer.join(answer, listener=listener) as session:
            async for message in session:
                await message.arrived()
                await asyncio.to_thread(wait_until, lambda: "is there; waiting for the other" in one.errors)
                one.interrupt()
                break
    return one.errors


def test_ctrl_c_where_all_of_it_is_there(msrp: Start, file: Path) -> None:
    one = msrp("offer", *AT, "--file", file, stdin=subprocess.PIPE)
    told = asyncio.run(_taken_by_nobody(one))
    assert (
        "a picture.png: not delivered; it is there, and the other side has not said that it takes it" in told
    )
    assert "offered again" not in told


async def _sent_by_nobody(one: Program) -> str:
    """A sender who never sends; what the receiver says who is called off then."""
    async with msrp_peer.listen("127.0.0.1:0", tls="fingerprint") as listener:
        selector = FileSelector("a.bin", 1000, "image/png", HASHES)
        offer = msrp_peer.Offer(
            listener, file=FileTransfer(selector, "another1", "attachment"), direction="sendonly"
        )
        one.write(offer.text.replace("\r\n", "\n") + "\n")
        offer.answered(await asyncio.to_thread(printed, one))
        async with msrp_peer.join(offer, listener=listener):
            await asyncio.to_thread(one.wait_for, "^From ")
            await asyncio.to_thread(one.interrupt)
    return one.errors


def test_ctrl_c_before_any_of_it_came(msrp: Start, folder: Path) -> None:
    one = msrp("answer", *AT, "--out", folder, "--accept-files", stdin=subprocess.PIPE)
    assert '"a.bin" is not here; nothing of it came' in asyncio.run(_sent_by_nobody(one))
    assert list(folder.iterdir()) == []
