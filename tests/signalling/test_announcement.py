"""What the network says is a hint: read as far as it makes sense, and never trusted to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_peer.signalling.announcement import Announcement, fingerprint, instance_name
from msrp_peer.terms.display import is_plain
from msrp_peer.terms.principal import Principal

BOB = Principal.parse("im:bob@lan")
PRINT = ":".join(["0A"] * 32)


def read(txt: dict[bytes, bytes | None], addresses: tuple[str, ...] = ("10.0.0.1",)) -> Announcement:
    announcement = Announcement.from_txt("box", addresses, 2855, {b"v": b"1", **txt})
    assert announcement is not None
    return announcement


def test_what_is_announced_reads_back() -> None:
    told = Announcement("box", ("10.0.0.1", "fd00::1"), 7, BOB, PRINT, ("SCRAM-SHA-256-PLUS", "KRB5-U2U"))
    txt = told.txt()
    assert txt == {
        "v": "1",
        "id": "im:bob@lan",
        "fp": f"sha-256 {PRINT}",
        "mech": "SCRAM-SHA-256-PLUS KRB5-U2U",
    }
    octets: dict[bytes, bytes | None] = {key.encode(): value.encode() for key, value in txt.items()}
    assert Announcement.from_txt(told.name, told.addresses, told.port, octets) == told


def test_nothing_is_published_that_was_not_given() -> None:
    assert Announcement("box", ("10.0.0.1",), 7).txt() == {"v": "1"}


def test_what_does_not_fit_into_the_record_is_left_out() -> None:
    long = Principal("im", "b" * 250, "lan")
    announcement = Announcement("box", ("10.0.0.1",), 7, long, mechanisms=("A" * 20,) * 16)
    assert announcement.txt() == {"v": "1"}
    edge = Principal("im", "b" * (255 - len("id=im:@lan")), "lan")
    assert "id" in Announcement("box", ("10.0.0.1",), 7, edge).txt()


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "ü" * 32},
        {"addresses": ()},
        {"addresses": ("box.lan",)},
        {"port": 0},
        {"port": 65536},
        {"fingerprint": "0A:0B"},
        {"mechanisms": ("plain",)},
    ],
)
def test_ours_are_checked(change: dict[str, object]) -> None:
    fields: dict[str, object] = {"name": "box", "addresses": ("10.0.0.1",), "port": 7, **change}
    with pytest.raises(ValueError):
        Announcement(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (PRINT, PRINT),
        (f"sha-256 {PRINT}", PRINT),
        (f"SHA-256 {PRINT.lower()}", PRINT),
        (f"sha-1 {PRINT}", None),
        (PRINT[:-3], None),
        (f"{PRINT}\n", None),
        (PRINT.replace(":", ""), None),
        ("", None),
    ],
)
def test_fingerprints(text: str, plain: str | None) -> None:
    assert fingerprint(text) == plain


@pytest.mark.parametrize(
    "txt",
    [
        {},
        {b"id": None, b"fp": None, b"mech": None},
        {b"id": b"", b"fp": b"", b"mech": b""},
        {b"id": b"bob", b"fp": b"sha-256 AA", b"mech": b"plain ***"},
        {b"id": b"im:bob\xff@lan", b"fp": b"\xff"},
        {b"id": b"im:bob\x00@lan", b"\xff": b"x"},
        {b"id": b"im:" + b"b" * 250 + b"@lan"},
        {b"v": b"2", b"id": b"im:bob@lan", b"fp": PRINT.encode(), b"mech": b"KRB5-U2U"},
        {b"v": None, b"id": b"im:bob@lan"},
    ],
)
def test_fields_that_are_damaged_are_ignored(txt: dict[bytes, bytes | None]) -> None:
    assert read(txt) == Announcement("box", ("10.0.0.1",), 2855)


def test_keys_are_read_in_any_case_and_the_first_counts() -> None:
    assert read({b"ID": b"im:bob@lan", b"id": b"im:eve@lan"}).principal == BOB


def test_mechanisms_are_bounded_and_named_once() -> None:
    assert read({b"mech": b"A B A  bad C"}).mechanisms == ("A", "B", "C")
    assert len(read({b"mech": b" ".join(b"M%d" % n for n in range(50))}).mechanisms) == 16


def test_addresses_that_can_be_reached_ipv4_first() -> None:
    given = (
        "fe80::1%2",
        "fe80::2",
        "fd00::1",
        "10.0.0.2",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "ff02::1",
        "x",
        "10.0.0.2",
    )
    assert read({}, given).addresses == ("10.0.0.2", "fd00::1", "fe80::1%2")
    assert len(read({}, tuple(f"10.0.0.{n}" for n in range(1, 200))).addresses) == 16


@pytest.mark.parametrize(
    ("addresses", "port"), [((), 1), (("x",), 1), (("10.0.0.1",), 0), (("10.0.0.1",), None)]
)
def test_what_cannot_be_reached_is_nothing(addresses: tuple[str, ...], port: int | None) -> None:
    assert Announcement.from_txt("box", addresses, port, {b"v": b"1"}) is None


def test_a_name_from_the_network_can_be_shown() -> None:
    for name in ("\x1b[2J", "ü" * 40, "", "a\u202eb", "\ud800", "\x00" * 63):
        announcement = Announcement.from_txt(name, ("10.0.0.1",), 1, {})
        assert announcement is not None
        assert all(is_plain(c) for c in announcement.name)


@given(
    st.text(st.characters(codec=None), max_size=80),
    st.lists(st.text(max_size=45) | st.ip_addresses().map(str), max_size=20),
    st.none() | st.integers(),
    st.dictionaries(
        st.sampled_from([b"v", b"id", b"fp", b"mech"]) | st.binary(max_size=300),
        st.none() | st.binary(max_size=300) | st.just(b"1") | st.text(max_size=90).map(str.encode),
    ),
)
def test_nothing_raises(
    name: str, addresses: list[str], port: int | None, txt: dict[bytes, bytes | None]
) -> None:
    announcement = Announcement.from_txt(name, addresses, port, txt)
    if announcement is not None:
        assert 1 <= len(announcement.name.encode()) <= 63


@pytest.mark.parametrize(
    ("host", "principal", "name"),
    [
        ("box", None, "msrp on box (PID 42)"),
        ("box.example.org", None, "msrp on box (PID 42)"),
        ("", None, "msrp on this host (PID 42)"),
        ("box", BOB, "im:bob@lan"),
        ("box", Principal.parse("im:bob@example.org"), "im:bob@example-org"),
    ],
)
def test_instance_names(host: str, principal: Principal | None, name: str) -> None:
    assert instance_name(host, 42, principal) == name


@given(st.text(st.characters(codec=None)), st.integers(1, 2**22))
def test_instance_names_fit_and_stay_distinct(host: str, process: int) -> None:
    name = instance_name(host, process)
    assert len(name.encode()) <= 58
    assert "." not in name
    assert name != instance_name(host, process + 1)
    Announcement(name, ("10.0.0.1",), 1)
