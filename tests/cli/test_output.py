"""Words for people, events for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from msrp_peer.aio.discovery import DiscoveryUnavailable
from msrp_peer.cli.exits import MEANINGS, Exit, exit_of, kind_of
from msrp_peer.cli.options import listening_address
from msrp_peer.cli.output import Output, size_text
from msrp_peer.credentials.errors import CannotAsk, CredentialsError
from msrp_peer.kept.errors import StoreError
from msrp_peer.security.errors import KeyUnusable
from msrp_peer.session.files import FileDamaged
from msrp_peer.terms import errors


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (None, "of unknown size"),
        (0, "0 octets"),
        (1, "1 octet"),
        (999, "999 octets"),
        (1000, "1.0 kB (1,000 octets)"),
        (999_960, "1.0 MB (999,960 octets)"),
        (67_108_864, "67.1 MB (67,108,864 octets)"),
        (10**16, "10000.0 TB (10,000,000,000,000,000 octets)"),
    ],
)
def test_size(octets: int | None, text: str) -> None:
    assert size_text(octets) == text


@pytest.mark.parametrize(
    ("error", "code", "kind"),
    [
        (errors.UsageError("x"), Exit.USAGE, "usage-error"),
        (errors.CannotReach("x"), Exit.NOBODY, "cannot-reach"),
        (DiscoveryUnavailable("x"), Exit.NOBODY, "discovery-unavailable"),
        (errors.NotSecureEnough("x"), Exit.INSECURE, "not-secure-enough"),
        (errors.NotDelivered("x", status=403), Exit.FAILED, "not-delivered"),
        (errors.ConnectionLost("x"), Exit.FAILED, "connection-lost"),
        (errors.PeerError("x"), Exit.FAILED, "peer-error"),
        (errors.MessageCut("x"), Exit.FAILED, "message-cut"),
        (CredentialsError("x"), Exit.FAILED, "credentials-error"),
        (CannotAsk("x"), Exit.FAILED, "cannot-ask"),
        (KeyUnusable("x"), Exit.FAILED, "key-unusable"),
        (StoreError("x"), Exit.FAILED, "store-error"),
        (FileDamaged("x", Path("x.part")), Exit.FAILED, "file-damaged"),
        (PermissionError(13, "Permission denied"), Exit.FAILED, "system"),
    ],
)
def test_every_error_has_its_exit_code_and_name(error: Exception, code: Exit, kind: str) -> None:
    assert exit_of(error) is code
    assert kind_of(error) == kind


def test_the_help_says_which_code_a_password_or_key_of_ours_has() -> None:
    assert "no password, ticket or key will do" in MEANINGS[exit_of(CredentialsError("x"))]


def test_events_are_ascii_and_alone(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(json=True)
    output.say("words")
    output.note("words")
    output.event("message", "words", text="\x1b[31mgrün\n\ud800", path=Path("/x"))
    output.error(errors.NotDelivered("refused"), session="a")
    out, err = capsys.readouterr()
    assert err == ""
    assert out.isascii()
    first, second = map(json.loads, out.splitlines())
    assert first == {"event": "message", "text": "\x1b[31mgrün\n\ud800", "path": "/x"}
    assert second == {"event": "error", "kind": "not-delivered", "message": "refused", "session": "a"}


def test_errors_for_people_obey_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    Output().error(errors.PeerError("it says \x1b[2J\u202e"), "bob")
    Output().error(FileNotFoundError(2, "No such file or directory", "a.txt"))
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "msrp: bob: it says \\x1b[2J\\u202e\nmsrp: No such file or directory: a.txt\n"


@pytest.mark.parametrize(
    ("address", "port", "result"),
    [
        ("0.0.0.0:2855", None, "0.0.0.0:2855"),
        ("127.0.0.1", None, "127.0.0.1:2855"),
        ("127.0.0.1", 0, "127.0.0.1:0"),
        ("127.0.0.1:0", None, "127.0.0.1:0"),
        ("127.0.0.1:0", 99, "127.0.0.1:99"),
        ("[::1]:7", None, "[::1]:7"),
        ("[::1]", 0, "[::1]:0"),
        ("box.lan", 5000, "box.lan:5000"),
    ],
)
def test_listening_address(address: str, port: int | None, result: str) -> None:
    assert listening_address(address, port) == result
