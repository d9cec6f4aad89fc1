"""Files in SDP (RFC 5547): what a selector says, and offers and answers about one file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_peer.signalling.agreement import NotAcceptable, Side
from msrp_peer.signalling.file_attributes import FileRange, FileSelector, FileTransfer, transfer_id
from msrp_peer.signalling.offer_answer import Negotiation
from msrp_peer.terms.fingerprints import Fingerprint, preferred

VECTORS = Path(__file__).parent.parent / "vectors" / "sdp"
ALICE = "msrp://alicepc.example.com:7654/jshA7we;tcp"
BOB = "msrp://bobpc.example.com:8888/9di4ea;tcp"
SHA1 = bytes(range(20))


def vector(name: str) -> str:
    return (VECTORS / name).read_bytes().decode()


def lines(text: str) -> list[str]:
    return [line for line in text.split("\r\n") if line.startswith("a=file")]


@pytest.mark.parametrize(
    ("value", "selector"),
    [
        ("", FileSelector()),
        ('name:"a b.txt"', FileSelector("a b.txt")),
        ('name:"50%25 of %22all%22.txt" size:3', FileSelector('50% of "all".txt', 3)),
        ('name:"..%2F..%5Cetc"', FileSelector("../..\\etc")),
        ('name:"grüße.txt"', FileSelector("grüße.txt")),
        ('name:"open end', FileSelector("open end")),
        ("size:12 size:13", FileSelector(size=12)),
        ("size:-1", FileSelector()),
        ("size:" + "9" * 30, FileSelector()),
        ('type:text/plain;charset="utf-8; x" size:1', FileSelector(None, 1, 'text/plain;charset="utf-8; x"')),
        ("type:nonsense", FileSelector()),
        ('size:1 type:text/plain;x="', FileSelector(size=1)),  # written again it would take in what follows
        ("hash:sha-1:" + SHA1.hex(":"), FileSelector(hashes={"sha-1": SHA1})),
        ("hash:SHA-1:" + SHA1.hex(":").upper(), FileSelector(hashes={"sha-1": SHA1})),
        ("hash:sha-1:00:11", FileSelector()),
        ("hash:md5:" + ":".join(["00"] * 16), FileSelector()),
        ("colour:red size:1", FileSelector(size=1)),
    ],
)
def test_selectors(value: str, selector: FileSelector) -> None:
    assert FileSelector.parse(value) == selector


@pytest.mark.rule("5547 6-2")
def test_several_hashes() -> None:
    """RFC 5547 section 6: be prepared for more than one."""
    both = FileSelector(hashes={"sha-1": SHA1, "sha-256": bytes(32)})
    assert FileSelector.parse(both.text) == both
    assert both.text.startswith("hash:sha-1:00:01:02")


@given(
    st.none() | st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"])),
    st.none() | st.integers(0, 10**18),
    st.none() | st.sampled_from(["image/jpeg", "application/x-y;a=b"]),
    st.none() | st.binary(min_size=20, max_size=20),
)
def test_what_is_written_is_read_back(
    name: str | None, size: int | None, kind: str | None, digest: bytes | None
) -> None:
    selector = FileSelector(name, size, kind, {} if digest is None else {"sha-1": digest})
    assert FileSelector.parse(selector.text) == selector
    assert not set(selector.text) & set("\r\n\x00")


@pytest.mark.rule("5547 6-1")
def test_no_directory_in_a_name() -> None:
    """RFC 5547 section 6: what some system takes for a directory is percent-encoded."""
    assert FileSelector("a/b\\c:d").text == 'name:"a%2Fb%5Cc%3Ad"'


@given(st.text(max_size=200))
def test_any_value_is_read(value: str) -> None:
    FileSelector.parse(value)
    FileRange.parse(value)
    Fingerprint.parse(value)


@pytest.mark.rule("5547 5-2")
def test_selecting() -> None:
    """RFC 5547 section 5: each selector must match; a renamed file is not the one."""
    file = FileSelector("a.txt", 5, "text/plain", {"sha-1": SHA1, "sha-256": bytes(32)})
    assert FileSelector(hashes={"sha-1": SHA1}).selects(file)
    assert FileSelector("a.txt", 5, 'text/plain;charset="utf-8"').selects(file)
    assert not FileSelector("b.txt", hashes={"sha-1": SHA1}).selects(file)
    assert not FileSelector(size=6).selects(file)
    assert not FileSelector(hashes={"sha-1": bytes(20)}).selects(file)
    assert FileSelector(size=5).is_same(FileSelector("a.txt", 5))
    assert not FileSelector(hashes={"sha-1": SHA1}).is_same(FileSelector(hashes={"sha-1": bytes(20)}))


@pytest.mark.rule("5547 6-3")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1-32349", FileRange(1, 32349)),
        ("100-*", FileRange(100)),
        ("0-5", None),
        ("6-5", None),
        ("1-", None),
        ("*-*", None),
        ("1" * 40 + "-*", None),
    ],
)
def test_ranges(value: str, expected: FileRange | None) -> None:
    assert FileRange.parse(value) == expected
    assert expected is None or expected.text == value


# -- offer and answer


@pytest.mark.rule("5547 8.3-2 8.1-2")
def test_pushing_a_file() -> None:
    """RFC 5547 section 9.1: the answer repeats selector and id, not date, icon and disposition."""
    offer = vector("rfc5547_s9.1_02.sdp")
    bob = Negotiation(Side(BOB))
    answer = bob.answer(offer)
    assert lines(answer) == lines(vector("rfc5547_s9.1_03.sdp"))
    assert "a=recvonly\r\n" in answer
    assert bob.agreed is not None
    assert bob.agreed.file is not None
    assert bob.agreed.file.selector.size == 4092
    assert bob.agreed.may_receive
    assert not bob.agreed.may_send


@pytest.mark.rule("5547 8.1-1 8.2-1 7-1")
def test_our_push_reads_like_the_figure() -> None:
    """RFC 5547 section 8.2.1."""
    file = FileTransfer(
        FileSelector("sunset.jpg", 4096, "image/jpeg", {"sha-1": SHA1}),
        transfer_id(),
        dates={"creation": "Sun, 21 May 2006 13:02:15 +0300"},
        icon="cid:id3@alicepc.example.com",
    )
    alice = Negotiation(Side(ALICE, direction="sendonly", file=file))
    offer = alice.offer()
    assert "a=sendonly\r\n" in offer
    assert [line.partition(":")[0] for line in lines(offer)] == [
        "a=file-selector",
        "a=file-transfer-id",
        "a=file-date",
        "a=file-icon",
    ]
    assert len(file.transfer_id or "") == 32
    assert alice.accept(Negotiation(Side(BOB)).answer(offer)) is None
    assert alice.agreed is not None
    assert alice.agreed.file == file


@pytest.mark.rule("5547 8.3-4 8.1-2")
def test_pulling_a_file() -> None:
    """RFC 5547 sections 8.2.2, 8.3.2 and 9.2: by its hash; the answer names what it will send."""
    offer = vector("rfc5547_s9.2_04.sdp")
    wanted = FileTransfer.read({"file-selector": lines(offer)[0].partition(":")[2]})
    assert wanted is not None
    there = FileSelector("sunset.jpg", 9, "image/jpeg", wanted.selector.hashes)
    assert wanted.selector.selects(there)
    found = FileTransfer(FileSelector(type="image/jpeg", hashes=there.hashes))
    bob = Negotiation(Side(BOB, file=found))
    answer = bob.answer(offer)
    assert lines(answer) == lines(vector("rfc5547_s9.2_05.sdp"))
    assert "a=sendonly\r\n" in answer
    assert bob.agreed is not None
    assert bob.agreed.may_send


@pytest.mark.rule("5547 8.3-1")
def test_a_refused_file_is_named() -> None:
    """RFC 5547 section 8.3: port 0, selector and id as they came."""
    offer = vector("rfc5547_s9.1_02.sdp")
    answer = Negotiation(Side(BOB)).refuse(offer)
    assert "m=message 0 " in answer
    assert lines(answer) == lines(offer)[:2]


@pytest.mark.rule("5547 8.3-3")
def test_a_range_is_confirmed() -> None:
    """RFC 5547 section 8.3.1: same range in the answer, or no transfer."""
    part = FileTransfer(FileSelector(size=100), transfer_id(), range=FileRange(41))
    alice = Negotiation(Side(ALICE, direction="sendonly", file=part))
    answer = Negotiation(Side(BOB)).answer(alice.offer())
    assert "a=file-range:41-*\r\n" in answer
    with pytest.raises(NotAcceptable, match="range"):
        alice.accept(answer.replace("a=file-range:41-*\r\n", ""))
    alice.offer()
    assert alice.accept(answer) is None


@pytest.mark.rule("5547 8.1-3")
def test_the_transfer_id_in_later_offers() -> None:
    """RFC 5547 section 8.1, figure 3."""
    one, two = FileSelector("a", 1), FileSelector("b", 2)
    first, second = transfer_id(), transfer_id()
    alice, bob = Negotiation(Side(ALICE, file=FileTransfer(one, first))), Negotiation(Side(BOB))
    alice.accept(bob.answer(alice.offer()))
    going = bob.agreed and bob.agreed.file

    def offer(selector: FileSelector, name: str) -> str:
        alice.rejected()
        return alice.offer(Side(ALICE, file=FileTransfer(selector, name)))

    bob.answer(offer(one, first))
    assert bob.agreed is not None
    assert bob.agreed.file is going  # the transfer there is
    with pytest.raises(NotAcceptable, match="another file"):
        bob.answer(offer(two, first))
    bob.answer(offer(one, second))
    assert bob.agreed.file is not going
    bob.answer(offer(two, transfer_id()))
    assert bob.agreed.file is not None
    assert bob.agreed.file.selector == two


def test_an_answer_about_another_file() -> None:
    alice = Negotiation(Side(ALICE, file=FileTransfer(FileSelector(size=1), transfer_id())))
    answer = Negotiation(Side(BOB)).answer(alice.offer())
    with pytest.raises(NotAcceptable, match="another file"):
        alice.accept(answer.replace("size:1", "size:2"))


@pytest.mark.parametrize(("told", "fits"), [("1-*", True), ("1-9", True), ("2-*", False), ("1-8", False)])
def test_who_asked_for_a_file_is_told_of_a_part(told: str, fits: bool) -> None:
    """Nobody takes a part for the whole because the sender chose to send no more."""
    file = FileTransfer(FileSelector(size=9), transfer_id())
    alice = Negotiation(Side(ALICE, file=file, direction="recvonly"))
    answer = Negotiation(Side(BOB, file=file, direction="sendonly")).answer(alice.offer())
    answer += f"a=file-range:{told}\r\n"
    if fits:
        alice.accept(answer)
    else:
        with pytest.raises(NotAcceptable, match="a part of the file only"):
            alice.accept(answer)


def test_an_offer_about_another_file_than_ours() -> None:
    """Whoever answers with a file of theirs sends that one, and nothing under another's name."""
    bob = Negotiation(Side(BOB, file=FileTransfer(FileSelector(size=1), transfer_id()), direction="sendonly"))
    asked = FileTransfer(FileSelector(size=2), transfer_id())
    offer = Negotiation(Side(ALICE, file=asked, direction="recvonly")).offer()
    with pytest.raises(NotAcceptable, match="another file"):
        bob.answer(offer)
    bob.answer(offer.replace("size:2", "size:1"))
    assert bob.agreed is not None
    assert bob.agreed.file is not None
    assert bob.agreed.file.transfer_id == asked.transfer_id


# -- fingerprints (RFC 8122)


@pytest.mark.rule("8122 5.1-2")
def test_the_preferred_hash_counts_alone() -> None:
    """RFC 8122 section 5.1."""
    weak = Fingerprint("sha-1", ":".join(["01"] * 20))
    one, two = (Fingerprint("sha-256", ":".join([digit * 2] * 32)) for digit in "AB")
    assert preferred([weak, one, two]) == (one, two)
    assert preferred([weak]) == (weak,)
    assert preferred([]) == ()


@pytest.mark.rule("8122 5-3")
@pytest.mark.parametrize(
    "text",
    [
        "md5 " + ":".join(["AB"] * 16),
        "md2 " + ":".join(["AB"] * 16),
        "sha-256 " + ":".join(["AB"] * 31),
        "sha-256 " + "AB" * 32,
        "sha-256",
        "sha-9 AB",
        "sha-1 " + ":".join(["ＡＢ"] * 20),
        "",
    ],
)
def test_what_is_no_fingerprint(text: str) -> None:
    """RFC 8122 section 5: MD5 and MD2 must not be used."""
    assert Fingerprint.parse(text) is None


def test_a_folded_fingerprint() -> None:
    """RFC 8122 section 3.4 folds its example, and a space stays when it is joined."""
    value = ":".join(["AB"] * 32)
    assert Fingerprint.parse(f"SHA-256 {value[:48]} {value[48:].lower()}") == Fingerprint("sha-256", value)
    assert Fingerprint("sha-256", value).text == f"sha-256 {value}"
