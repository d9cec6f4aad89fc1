"""Frames to be written down: what is shown of them, and that nothing else is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrp_core import Frame, Parser, request, response
from msrp_peer.terms.blanked import Blanking

OURS = "msrps://im%3Aalice%40lan@192.0.2.4:49152/jC6BhPe9IJ5u6hxDPsdwxg;tcp"
THEIRS = "msrps://192.0.2.7:2855/y1M6WVaFkVWe4pwLVlqfqw;tcp"
SECRET = "c2VjcmV0IG9jdGV0cw=="


def frame(*headers: tuple[str, str], to: str = THEIRS, own: str = OURS) -> Frame:
    body = b"hello" if any(name.startswith("Content-") for name, _ in headers) else None
    kind = [("Content-Type", "text/plain;charset=utf-8")] if body else []
    (found,) = Parser().feed(request("SEND", to, own, [*headers, *kind], body)[1])
    assert isinstance(found, Frame)
    return found


def shown(*headers: tuple[str, str]) -> list[list[str]]:
    return Blanking().headers(frame(*headers))[2 : 2 + len(headers)]


def test_sessions_are_numbered_and_can_be_told_apart() -> None:
    blanking = Blanking()
    assert blanking.headers(frame()) == [
        ["To-Path", "msrps://192.0.2.7:2855/(1);tcp"],
        ["From-Path", "msrps://im%3Aalice%40lan@192.0.2.4:49152/(2);tcp"],
    ]
    other = THEIRS.replace("y1M6", "aaaa")
    assert [value for _, value in blanking.headers(frame(("Use-Path", other), to=f"{OURS} {THEIRS}"))] == [
        "msrps://im%3Aalice%40lan@192.0.2.4:49152/(2);tcp msrps://192.0.2.7:2855/(1);tcp",
        "msrps://im%3Aalice%40lan@192.0.2.4:49152/(2);tcp",
        "msrps://192.0.2.7:2855/(3);tcp",
    ]


def test_a_session_id_is_found_wherever_somebody_puts_it() -> None:
    blanking = Blanking()
    blanking.headers(frame())
    (answer,) = Parser().feed(response(frame(), 481, "no jC6BhPe9IJ5u6hxDPsdwxg here"))
    assert isinstance(answer, Frame)
    assert blanking.comment(answer) == "no (2) here"
    assert blanking.headers(frame(("Message-ID", "y1M6WVaFkVWe4pwLVlqfqw")))[2] == ["Message-ID", "(1)"]


@pytest.mark.parametrize(
    ("name", "value", "left"),
    [
        ("Byte-Range", "1-5/5", "1-5/5"),
        ("Accept-Types", "text/plain *", "text/plain *"),
        ("Content-Disposition", 'attachment; filename="divorce.pdf"; size=5', "attachment;…"),
        ("Authorization", f"SASL {SECRET}", "SASL …"),
        ("Content-Digest", f"sha-256=:{SECRET}:", "…"),
        ("X-Token", SECRET, "…"),
        ("Authorization", f'SASL mech="SCRAM-SHA-256-PLUS",to="im:bob@lan",c2s="{SECRET}"',
         'SASL mech="SCRAM-SHA-256-PLUS",to="im:bob@lan",c2s=…'),
        ("authorization", f'sasl  c2s="{SECRET}"', "sasl c2s=…"),
        ("WWW-Authenticate", f'SASL s2c="{SECRET}"', "SASL s2c=…"),
        ("WWW-Authenticate", f'SAS nonce="{SECRET}"', "SAS nonce=…"),
        ("Authorization", f'SAS commit="{SECRET}"', "SAS commit=…"),
        ("Authorization", 'SAS result="same"', 'SAS result="same"'),
        ("Authorization", f'Digest username="x",to="{SECRET}",response={SECRET}', "…"),
        ("Authorization", f"Basic {SECRET}", "…"),
        ("Authentication-Info", f'rspauth="{SECRET}"', "…"),
    ],
)  # fmt: skip
def test_what_is_shown_of_a_header(name: str, value: str, left: str) -> None:
    assert shown((name, value)) == [[name, left]]


@given(st.sampled_from(["Authorization", "X-Any", "Content-Digest"]), st.text('aA= ,"\\S:;/.', max_size=30))
def test_whatever_stands_around_it_a_token_is_not_shown(name: str, around: str) -> None:
    value = f'SASL {around}c2s="{SECRET}"'.strip()
    assert re.search(SECRET[:12], repr(shown((name, value)))) is None


def test_a_flood_of_session_ids_is_not_kept() -> None:
    blanking = Blanking()
    for number in range(1500):
        assert blanking.headers(frame(own=f"msrps://h:1/flood{number:05};tcp"))[1][1].startswith(
            "msrps://h:1/("
        )
    assert len(blanking._sessions) <= 1000
