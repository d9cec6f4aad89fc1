"""``msrp inspect``: what a stream holds, the same however it is fed."""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import subprocess
import sys
import tracemalloc
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.strategies import broken_streams, cuts, doubtful_frames
from msrp_core import Parser, request
from msrp_peer.cli.inspect import Inspector, add_arguments, run

TO = "msrp://a.example:1/secretA;tcp"
FROM = "msrp://b.example:2/secretB;tcp"
MAIN = "import sys; from msrp_peer.cli.main import main; sys.exit(main())"
VECTORS = sorted((Path(__file__).parent.parent / "vectors" / "msrp").glob("*.msrp"))


def send(body: bytes | None, *headers: tuple[str, str], name: str = "abcd") -> bytes:
    if body is not None:
        headers = (*headers, ("Content-Type", "text/plain"))
    return request("SEND", TO, FROM, headers, body, transaction_id=name)[1]


def inspect(octets: bytes, at: list[int] | None = None) -> list[dict[str, Any]]:
    """What is said of these octets, cut at these places."""
    inspector = Inspector()
    said: list[dict[str, Any]] = []
    places = [0, *sorted(at or []), len(octets)]
    for start, end in pairwise(places):
        said += inspector.feed(octets[start:end])
        if inspector.broken:
            return said
    said += inspector.end()
    return said


def command(path: Path | str, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    """The command as people run it."""
    return subprocess.run(
        [sys.executable, "-P", "-c", MAIN, "inspect", *arguments, str(path)],
        input=stdin.decode("latin-1"),
        encoding="latin-1",
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_the_objects_of_a_stream() -> None:
    octets = send(b"hello", ("Message-ID", "mess4ge"))
    answer = f"MSRP abcd 200 OK\r\nTo-Path: {FROM}\r\nFrom-Path: {TO}\r\n-------abcd$\r\n".encode()
    assert inspect(octets + answer) == [
        {
            "event": "request",
            "offset": 0,
            "transaction_id": "abcd",
            "method": "SEND",
            "headers": [
                ["To-Path", TO],
                ["From-Path", FROM],
                ["Message-ID", "mess4ge"],
                ["Content-Type", "text/plain"],
            ],
        },
        {
            "event": "body",
            "offset": octets.index(b"hello"),
            "size": 5,
            "sha256": hashlib.sha256(b"hello").hexdigest(),
        },
        {"event": "end", "offset": octets.index(b"-------"), "flag": "$"},
        {
            "event": "response",
            "offset": len(octets),
            "transaction_id": "abcd",
            "status": 200,
            "headers": [["To-Path", FROM], ["From-Path", TO]],
        },
        {"event": "end", "offset": len(octets) + answer.index(b"-------"), "flag": "$"},
    ]


def test_an_empty_body_is_shown_and_a_missing_one_is_not() -> None:
    assert [one["event"] for one in inspect(send(b""))] == ["request", "body", "end"]
    assert inspect(send(b""))[1]["size"] == 0
    assert inspect(send(b""))[1]["sha256"] == hashlib.sha256().hexdigest()
    assert [one["event"] for one in inspect(send(None))] == ["request", "end"]


@pytest.mark.parametrize("octets", [send(b""), send(None), send(b"x" * 300), send(b"\r\n-------abc" * 9)])
def test_the_same_under_every_cut(octets: bytes) -> None:
    for size in range(len(octets) + 1):
        # Cut off there, and fed in every way that matters.
        part = octets[:size]
        whole = inspect(part)
        assert inspect(part, list(range(1, size))) == whole
        assert inspect(part, [size // 2]) == whole
        assert inspect(part, [max(size - 3, 0)]) == whole


@given(st.one_of(broken_streams(), doubtful_frames()), st.data())
def test_the_same_of_any_octets_under_any_cut(octets: bytes, data: st.DataObject) -> None:
    whole = inspect(octets)
    assert inspect(octets, data.draw(cuts(octets))) == whole
    assert inspect(octets, list(range(1, len(octets)))) == whole
    assert [one["event"] for one in whole].count("error") == sum("rank" in one for one in whole)


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_the_printed_messages(path: Path) -> None:
    octets = path.read_bytes()
    whole = inspect(octets)
    assert inspect(octets, list(range(1, len(octets)))) == whole
    assert whole[0]["event"] in ("request", "response", "error")
    bodies = [one for one in whole if one["event"] == "body"]
    for body in bodies:
        inside = octets[body["offset"] : body["offset"] + body["size"]]
        assert hashlib.sha256(inside).hexdigest() == body["sha256"]


def test_a_wrong_value_is_said_and_does_no_harm() -> None:
    octets = send(b"hello", ("Byte-Range", "1-5/5"))
    octets = octets.replace(b"1-5/5", b"1-5/3")
    said = inspect(octets + send(None))
    assert [one["event"] for one in said] == ["request", "error", "body", "end", "request", "end"]
    assert (said[1]["rank"], said[1]["offset"]) == ("message", octets.index(b"1-5/3"))
    assert "Byte-Range" in said[1]["message"]


def test_a_stream_in_error_stops_there() -> None:
    said = inspect(send(b"hello") + b"MSRP" + send(b"hello"))
    assert [one["event"] for one in said] == ["request", "body", "end", "error"]
    assert (said[-1]["rank"], said[-1]["offset"]) == ("stream", len(send(b"hello")) + 4)
    assert "MSRP" in said[-1]["message"]


@pytest.mark.parametrize("missing", range(1, 17))
def test_a_stream_cut_short(missing: int) -> None:
    """What might have become an end-line counts as body: the rule needs no look at how it was fed."""
    octets = send(b"hello")[:-missing]
    said = inspect(octets)
    assert [one["event"] for one in said] == ["request", "body", "error"]
    so_far = octets[octets.index(b"hello") :]
    assert said[1]["size"] == len(so_far)
    assert said[1]["sha256"] == hashlib.sha256(so_far).hexdigest()
    assert (said[2]["rank"], said[2]["offset"]) == ("stream", len(octets))
    assert "ends inside a body" in said[2]["message"]


@pytest.mark.journey("inspect")
def test_the_command(tmp_path: Path) -> None:
    path = tmp_path / "stream.msrp"
    path.write_bytes(send(b"hello") + send(None))
    done = command(path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line) for line in done.stdout.splitlines()] == inspect(path.read_bytes())
    assert command(path, "--one-byte").stdout == done.stdout
    assert command("-", stdin=path.read_bytes()).stdout == done.stdout


def test_exit_codes(tmp_path: Path) -> None:
    path = tmp_path / "stream.msrp"
    path.write_bytes(send(b"hello", ("Byte-Range", "1-5/5")).replace(b"1-5/5", b"0-5/5"))
    assert command(path).returncode == 0
    path.write_bytes(b"GET / HTTP/1.1\r\n")
    done = command(path, "--one-byte")
    assert (done.returncode, done.stderr) == (1, "")
    assert json.loads(done.stdout)["offset"] == 0
    path.write_bytes(b"")
    done = command(path)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", ["missing\x1b[2J", "."])
def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, name: str) -> None:
    done = command(tmp_path / name)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("msrp: cannot read ")
    assert len(done.stderr.splitlines()) == 1
    assert "\x1b" not in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_of_the_stream_reaches_the_terminal_as_it_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "stream.msrp"
    path.write_bytes(send(b"\x1b[2J", ("X", "é")).replace("é".encode(), b"\x1b]0;\xc3\xa9\x9b\xff"))
    assert run(argparse.Namespace(file=str(path), one_byte=False)) == 0
    shown = capsys.readouterr().out
    assert shown.isascii()
    assert "\x1b" not in shown
    assert "\\u001b]0;\\u00e9" in shown


def test_standard_input_that_is_closed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert run(argparse.Namespace(file="-", one_byte=False)) == 2
    assert "standard input" in capsys.readouterr().err


def test_help_has_an_example_and_a_warning() -> None:
    parser = argparse.ArgumentParser(prog="msrp inspect")
    add_arguments(parser)
    text = " ".join(parser.format_help().split())
    assert "msrp inspect capture.msrp" in text
    assert "URIs are shown in full" in text
    assert "usage: msrp inspect [-h] [--one-byte] [FILE]" in text
    assert (parser.parse_args([]).file, parser.parse_args(["--one-byte", "x"]).one_byte) == ("-", True)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "large.msrp"
    path.write_bytes(send(os.urandom(1 << 20) * 16))
    out = io.StringIO()
    run_into(out, path)  # whatever is loaded only once
    tracemalloc.start()
    try:
        run_into(out, path)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1 << 20
    assert f'"size": {16 << 20}' in out.getvalue()


def run_into(out: io.StringIO, path: Path) -> None:
    kept, sys.stdout = sys.stdout, out
    try:
        assert run(argparse.Namespace(file=str(path), one_byte=False)) == 0
    finally:
        sys.stdout = kept


def test_the_parser_is_the_compiled_one() -> None:
    assert Parser.__module__ == "msrp_core._parser"
