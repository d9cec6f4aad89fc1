"""The session descriptions RFCs print, what is made of them, and that no octets break the reader.

tests/vectors/sdp holds their exact octets and index.json what is known of them. Many are
fragments: without v=, o=, s= and t=.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_peer.signalling.media import MsrpMedia, read_media
from msrp_peer.signalling.sdp import MAX_SDP, Description, Origin, SdpError
from msrp_peer.terms.display import is_plain

VECTORS = Path(__file__).parent.parent / "vectors" / "sdp"
FILES = sorted(path.name for path in VECTORS.glob("*.sdp"))
FOREIGN = {"rfc8122_s3.4_01.sdp", "rfc8873_s4.8_01.sdp", "rfc8873_s4.8_02.sdp"}  # fax; data channels
REFUSED = {"rfc5547_s9.3_08.sdp"}  # a list of abilities: port 0, no path
USABLE = sorted(set(FILES) - FOREIGN - REFUSED)


def read(name: str) -> tuple[Description, MsrpMedia]:
    description = Description.parse((VECTORS / name).read_bytes())
    return description, read_media(description, description.sections[0])


def test_every_file_is_in_the_index_and_tried() -> None:
    index = json.loads((VECTORS / "index.json").read_text())
    assert {entry["file"] for entry in index} == set(FILES)
    assert len(FILES) == 29
    assert len(USABLE) == 25


@pytest.mark.parametrize("name", FILES)
def test_every_line_is_kept(name: str) -> None:
    """Writing what was read gives the same lines, spaces at their ends aside."""
    octets = (VECTORS / name).read_bytes()
    description = Description.parse(octets)
    given = [line.replace("s= -", "s=-") for line in octets.decode().split("\r\n") if line]
    written = description.text.split("\r\n")
    assert written[-1] == ""
    lines = written[:-1]
    if not given[0].startswith("v="):
        assert lines.pop(0) == "v=0"
    assert lines == [line.rstrip() for line in given]


@pytest.mark.parametrize("name", USABLE)
def test_every_msrp_section_is_understood(name: str) -> None:
    octets = (VECTORS / name).read_bytes().decode()
    _, media = read(name)
    assert f"a=path:{media.path}\r\n" in octets
    assert media.secure == media.path.startswith("msrps")
    assert media.accepts.text in octets
    assert media.wrapped.text in octets
    assert media.address is not None
    assert media.setup is None
    assert not media.cema
    assert media.direction == ("sendrecv" if "only" not in octets else media.direction)
    for uri in media.uris:
        assert uri.session_id is not None
        assert uri.session_id not in repr(media)
        assert uri.session_id not in f"{media}"


@pytest.mark.parametrize("name", sorted(FOREIGN))
def test_other_media_are_kept_and_not_taken_for_msrp(name: str) -> None:
    description = Description.parse((VECTORS / name).read_bytes())
    assert not any(section.is_msrp for section in description.sections)


def test_section_8_7() -> None:
    """RFC 4975 section 8.7, endpoint A."""
    description, media = read("rfc4975_s8.7_04.sdp")
    assert description.origin == Origin("usera", 2890844526, 2890844527, "alice.example.com")
    assert media.accepts.entries == ("message/cpim", "text/plain", "text/html")
    assert media.uris[0].host == media.address == "alice.example.com"
    assert media.uris[0].port == media.port == 7394
    assert media.fits({})


def test_fingerprints_of_section_14_4() -> None:
    _, media = read("rfc4975_s14.4_08.sdp")
    assert [one.hash for one in media.fingerprints] == ["sha-1"]
    assert media.secure


def test_a_path_through_relays() -> None:
    """RFC 7977 section 8.4.1: the first URI is the place, the last the end; m= says another port."""
    _, media = read("rfc7977_s8.4.1_06.sdp")
    assert [uri.host for uri in media.uris] == ["relay.example.net", "bob.example.com"]
    assert media.port == 1234
    assert not media.fits({})


@pytest.mark.rule("5547 5-1")
def test_file_attributes_of_section_6() -> None:
    """RFC 5547 section 6, figure 2."""
    _, media = read("rfc5547_s6_01.sdp")
    assert media.files
    assert media.direction == "sendonly"
    file = media.file
    assert file is not None
    assert file.selector.name == "My cool picture.jpg"
    assert file.selector.size == 32349
    assert file.selector.type == "image/jpeg"
    assert file.selector.hashes["sha-1"].hex().startswith("72245fe8")
    assert file.transfer_id == "vBnG916bdberum2fFEABR1FR3ExZMUrd"
    assert file.disposition == "attachment"
    assert file.dates == {"creation": "Mon, 15 May 2006 15:01:31 +0300"}
    assert file.icon == "cid:id2@alicepc.example.com"
    assert file.range is not None
    assert (file.range.start, file.range.stop) == (1, 32349)


@pytest.mark.rule("5547 8.5-1")
def test_abilities_without_a_session() -> None:
    """RFC 5547 section 9.3: an answer to OPTIONS, with port 0 and an empty file-selector."""
    description = Description.parse((VECTORS / "rfc5547_s9.3_08.sdp").read_bytes())
    (section,) = description.sections
    assert section.is_msrp
    assert section.port == 0
    assert description.value(section, "file-selector") == ""
    assert description.value(section, "max-size") == "20000"


@pytest.mark.rule("8122 5-4")
def test_levels_of_attributes() -> None:
    """RFC 8866 section 5.13, RFC 8122 section 5: the session's hold where a section has none."""
    text = (
        "v=0\r\na=recvonly\r\na=setup:active\r\na=fingerprint:sha-1 " + ":".join(["AA"] * 20) + "\r\n"
        "c=IN IP4 192.0.2.1\r\n"
        "m=message 1 TCP/TLS/MSRP *\r\na=accept-types:*\r\na=path:msrps://192.0.2.1:1/a;tcp\r\n"
        "m=message 1 TCP/TLS/MSRP *\r\nc=IN IP4 192.0.2.2\r\na=accept-types:*\r\na=setup:passive\r\n"
        "a=path:msrps://192.0.2.1:1/b;tcp\r\na=sendonly\r\na=fingerprint:sha-256 " + ":".join(["BB"] * 32)
    )
    description = Description.parse(text)
    first, second = (read_media(description, section) for section in description.sections)
    assert (first.direction, first.setup, first.address) == ("recvonly", "active", "192.0.2.1")
    assert (second.direction, second.setup, second.address) == ("sendonly", "passive", "192.0.2.2")
    assert [one.hash for one in first.fingerprints] == ["sha-1"]
    assert [one.hash for one in second.fingerprints] == ["sha-256"]


# -- what cannot be used is told

MINIMAL = {
    "v": "v=0",
    "m": "m=message 7394 TCP/MSRP *",
    "types": "a=accept-types:text/plain",
    "path": "a=path:msrp://alice.example.com:7394/2s93i93idj;tcp",
}


def media_of(**changed: str) -> MsrpMedia:
    description = Description.parse("\r\n".join({**MINIMAL, **changed}.values()))
    return read_media(description, description.sections[0])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"v": "v=1"}, "v=0"),
        ({"m": "m=message"}, "media, port and protocol"),
        ({"m": "m=message any TCP/MSRP *"}, "media, port and protocol"),
        ({"m": "m=message 65536 TCP/MSRP *"}, "above 65535"),
        ({"types": ""}, "no a=accept-types"),
        ({"path": ""}, "no a=path"),
        ({"path": "a=path"}, "no a=path"),
        ({"path": "a=path:sip:alice@example.com"}, "no list of MSRP URIs"),
        ({"path": "a=path:msrp://alice.example.com/2s93i93idj;tcp"}, "no port"),
        ({"path": "a=path:msrp://alice.example.com:7394;tcp"}, "names no session"),
        ({"path": "a=path:msrp://alice.example.com:7394/2s93i93idj"}, "no list of MSRP URIs"),
        ({"path": "a=path:msrp://a:1/2s93i93idj;tcp,msrp://b:1/2s93i93idj;tcp"}, "no list of MSRP URIs"),
        ({"m": "m=message 7394 TCP/TLS/MSRP *"}, "says TLS"),
        (
            {"path": MINIMAL["path"] + "\r\na=file-selector:size:3\r\na=file-range:9-3"},
            "file-range",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_used(changed: dict[str, str], words: str) -> None:
    with pytest.raises(SdpError, match=words) as wrong:
        media_of(**changed)
    assert "2s93i93idj" not in str(wrong.value)
    assert all(map(is_plain, str(wrong.value)))


@pytest.mark.parametrize("text", ["", "hello", "\x00\xff", "a=path:msrp://h:1/s;tcp", "v:0", "<html>"])
def test_what_is_no_description(text: str) -> None:
    with pytest.raises(SdpError, match="no session description"):
        Description.parse(text)


def test_nothing_endless() -> None:
    with pytest.raises(SdpError, match="at most"):
        Description.parse("v=0\r\n" + "a" * MAX_SDP)


TOKENS = st.sampled_from(
    [
        "v=0", "o=", "s=-", "c=IN IP4 ", "c=IN IP6 ", "t=0 0", "m=message 9 TCP/MSRP *",
        "m=message 2855 TCP/TLS/MSRP *", "m=audio 0 RTP/AVP 0", "a=path:", "msrp://", "msrps://h:1/s;tcp",
        "a=accept-types:", "text/plain", "*", "a=accept-wrapped-types:", "a=max-size:", "a=setup:active",
        "a=setup:holdconn", "a=msrp-cema", "a=fingerprint:sha-256 ", "AA:", "a=file-selector:name:\"",
        "size:", "hash:sha-1:", "type:", "a=file-range:1-", "a=msrp-auth:SASL", "a=sendonly", "::1",
        "[::1]", ":", ";", " ", "\"", "%", "%41", "\r\n", "\n", "\r", "\t", "\x00", "\ufeff", "é",
        "99999999999",
    ]
)  # fmt: skip


def use(octets: str | bytes) -> None:
    """Read as far as it goes; whatever else it raises than the one class of errors is a fault."""
    told: SdpError | None = None
    try:
        description = Description.parse(octets)
        for section in description.sections:
            if section.is_msrp and section.port:
                media = read_media(description, section)
                media.fits({host: ["192.0.2.1"] for host in media.hosts()})
    except SdpError as wrong:
        told = wrong
    else:
        assert Description.parse(description.text).text == description.text
    assert all(map(is_plain, str(told or "")))


@given(st.one_of(st.binary(max_size=400), st.lists(TOKENS, max_size=60).map("".join)))
def test_no_octets_break_the_reader(octets: str | bytes) -> None:
    use(octets)


@given(st.sampled_from(FILES), st.data())
def test_no_change_of_a_real_one_breaks_the_reader(name: str, data: st.DataObject) -> None:
    octets = bytearray((VECTORS / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(octets) - 1))
        octets[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    use(bytes(octets))
