"""What somebody on the way sees: two programs on two hosts, and tcpdump between them.

The capture is searched for what was said, for who said it, and for what would let somebody else say it.
All of that is found where everything was turned off by name, and there alone.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from cli.programs import Program
from sasl.realm import identity, needed, realm
from support.authority import authority_of, shown_of
from support.hosts import PORT, Capture, Host, hosts, outside
from support.people import ALICE, BOB, SECRET

TALKER = Path(__file__).parents[1] / "support" / "talker.py"
TEXT = "The meadow behind the mill is dry."
FILE = "oats-and-hay.bin"
CONTENT = os.urandom(300_000)
PIECE = 24
"""Octets that nobody sends twice by chance."""


@dataclass
class Line:
    """Two hosts, and what is started at them."""

    near: Host
    far: Host
    folder: Path
    stack: contextlib.ExitStack

    def start(self, at: Host, *arguments: str | Path, environment: Sequence[str] = ()) -> Program:
        inside = (*at.inside, "env", *environment)
        program = Program(*arguments, stdin=subprocess.PIPE, inside=inside)
        self.stack.callback(program.stop)
        return program

    def talker(
        self, at: Host, role: str, where: str, order: dict[str, Any], environment: dict[str, str]
    ) -> subprocess.Popen[str]:
        """A process of support/talker.py."""
        process = subprocess.Popen(
            [*at.inside, sys.executable, "-P", TALKER, role, where],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment, "PYTHONPATH": str(TALKER.parents[1])},
        )
        self.stack.enter_context(process)
        self.stack.callback(process.kill)
        assert process.stdin is not None
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        return process


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with contextlib.ExitStack() as stack:
        try:
            near, far = stack.enter_context(hosts())
        except OSError as error:
            pytest.skip(f"no network namespaces can be made here: {error}")
        if shutil.which("tcpdump") is None:
            pytest.skip("there is no tcpdump: make venv installs it, as root")
        yield Line(near, far, tmp_path, stack)


@pytest.fixture
def capture(line: Line, tmp_path: Path) -> Iterator[Capture]:
    made = Capture(line.near, line.far, tmp_path / "line.pcap")
    yield made
    made.stop()


# -- the paths

Told = dict[str, list[str]]
"""What was used on a path beside text, file and names, and should not be seen: by what it is."""


def pasted(*more: str) -> Callable[[Line, Path], Told]:
    """`msrp offer` and `msrp answer`; their texts go another way than over the line."""

    def run(line: Line, file: Path) -> Told:
        sdp = r"(?s)^v=0\n.*?\n\n"
        offering = (TEXT, "--file", file, "--as", ALICE, "--connect", *more)
        one = line.start(line.near, "offer", "--at", f"{line.near.address}:0", *offering)
        taking = ("--listen", "--as", BOB, "--out", line.folder / "in", "--accept-files", *more)
        other = line.start(line.far, "answer", "--at", f"{line.far.address}:{PORT}", *taking)
        offer = one.wait_for(sdp).group()
        other.write(offer)
        answer = other.wait_for(sdp).group()
        one.write(answer)
        assert (one.wait(), other.wait()) == (0, 0), one.errors + other.errors
        return {"session-ids": [_session_id(text) for text in re.findall(r"a=path:(\S+)", offer + answer)]}

    return run


def met(*more: str, auth: str = "none") -> Callable[[Line, Path], Told]:
    """`msrp listen` and `msrp send`; each is proved by a password that was made for them, or by a ticket."""

    def run(line: Line, file: Path) -> Told:
        alice_is, bob_is = (identity("alice"), identity("bob")) if auth == "kerberos" else (ALICE, BOB)
        told: Told = {}
        tickets: dict[str, tuple[str, ...]] = {"alice": (), "bob": ()}
        who: tuple[str, ...] = ("--auth", auth)
        listening = ("--auth", auth, "--as", bob_is, "--out", line.folder / "in", "--accept-files")
        if auth == "kerberos":
            words = kerberos(line).items()
            for user in tickets:
                tickets[user] = (*(f"{k}={v}" for k, v in words), f"KRB5CCNAME={realm().ccache(user)}")
        elif auth != "none":
            kept = ("--digest-md5",) if auth == "digest" else ()
            made = line.start(
                line.far, "passwd", "--from", ALICE, "--for", BOB, "--generate", "--json", *kept
            )
            assert made.wait() == 0, made.errors
            told["passwords"] = [str(made.event("kept")["secret"])]
            who += ("--password-stdin",)
        if auth != "none":
            who += ("--expect", bob_is)
        at = (line.far.address, "--port", str(PORT))
        bob = line.start(line.far, "listen", *at, *listening, *more, environment=tickets["bob"])
        bob.wait_for("Listening at")
        said = (TEXT, "--file", file, "--as", alice_is, *who, *more)
        alice = line.start(line.near, "send", line.far.address, *said, environment=tickets["alice"])
        for word in told.get("passwords", ()):
            alice.write(f"{word}\n")
        assert alice.wait() == 0, alice.errors
        bob.wait_for(re.escape(TEXT))
        bob.interrupt()
        return told

    return run


def kerberos(line: Line) -> dict[str, str]:
    """For the environment of who has a ticket, on either host; the near one reaches the KDC, which is on
    neither of the two."""
    home = realm()
    reached = line.stack.enter_context(outside(line.near))
    told = Path(home.env["KRB5_CONFIG"]).read_text()
    (line.folder / "krb5.conf").write_text(re.sub(r"(kdc = )[^:\s]+", rf"\g<1>{reached}", told))
    return {**home.env, "KRB5_CONFIG": str(line.folder / "krb5.conf")}


CLEAR = "everything off"
PATHS: dict[str, Callable[[Line, Path], Told]] = {
    CLEAR: pasted("--tls", "none"),
    "a fingerprint by SDP": pasted(),
    "anonymous TLS": met(),
    "anonymous Diffie-Hellman": met("--tls", "adh"),
    "SCRAM inside TLS": met("--require", "authenticated", auth="scram"),
    "DIGEST-MD5 inside TLS": met(auth="digest"),
    "DIGEST-MD5, no TLS": met("--tls", "none", auth="digest"),
    "KRB5-U2U inside TLS": met("--require", "authenticated", auth="kerberos"),
    "KRB5-U2U, no TLS": met("--tls", "none", auth="kerberos"),
}
OPEN = ("DIGEST-MD5, no TLS", "KRB5-U2U, no TLS")
"""Where nothing hides the login: of these the names are seen, and that it is MSRP."""


def marked(path: str) -> Any:
    return pytest.param(path, marks=[needed] if path.startswith("KRB5") else [])


def _session_id(uri: str) -> str:
    found = re.search(r"//[^/]+/([^;]+);tcp", uri)
    assert found is not None, uri
    return found[1]


# -- the search


def seen(streams: list[bytes], told: Told) -> dict[str, bool]:
    """What of all that stands in what went over the line, in any form it is written in."""
    octets = b"\n".join(streams)

    def stands(*words: str) -> bool:
        return any(form in octets for word in words for form in _forms(word))

    pieces = [CONTENT[at : at + PIECE] for at in range(0, len(CONTENT) - PIECE, 1000)]
    found = {
        "text": stands(TEXT),
        "file": any(piece in octets for piece in pieces),
        "the file's name": stands(FILE),
        "names": stands(ALICE, BOB, "alice", "bob@lan"),
        "MSRP": re.search(rb"MSRP [!-~]+ (SEND|AUTH|REPORT|[0-9]{3})|msrps?://", octets) is not None,
    }
    return found | {what: stands(*words) for what, words in told.items()}


def _forms(word: str) -> Iterator[bytes]:
    plain = word.encode()
    yield plain
    yield quote(word, safe="").encode()
    for shift in range(3):  # wherever it begins in what is written as base64
        coded = base64.b64encode(b"\0" * shift + plain)[4 if shift else 0 : -4]
        if len(coded) >= 8:  # fewer stand anywhere by chance
            yield coded


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / FILE
    made.write_bytes(CONTENT)
    return made


@pytest.mark.parametrize("path", [marked(path) for path in PATHS])
def test_what_is_seen_on_the_way(path: str, line: Line, capture: Capture, file: Path) -> None:
    told = PATHS[path](line, file)
    (received,) = (line.folder / "in").iterdir()
    assert received.read_bytes() == CONTENT
    streams = capture.streams()
    assert max(map(len, streams)) > len(CONTENT), "the file went over the line, whatever it looked like"
    found = seen(streams, told)
    if path in OPEN:
        del found["names"], found["MSRP"]
    assert set(found.values()) == {path == CLEAR}, found


# -- by the library, which tells the session-ids

ORDERS: dict[str, dict[str, Any]] = {
    "anonymous": {},
    "adh": {"tls": "adh"},
    "SCRAM-SHA-512-PLUS": {"mechanisms": ["SCRAM-SHA-512-PLUS"]},
    "SCRAM-SHA-256-PLUS": {"mechanisms": ["SCRAM-SHA-256-PLUS"]},
    "DIGEST-MD5": {"mechanisms": ["DIGEST-MD5"]},
    "DIGEST-MD5, no TLS": {"mechanisms": ["DIGEST-MD5"], "tls": "none"},
    "KRB5-U2U": {"mechanisms": ["KRB5-U2U"]},
    "KRB5-U2U, no TLS": {"mechanisms": ["KRB5-U2U"], "tls": "none"},
    "certificates": {"tls": "certificate"},
}


@pytest.mark.parametrize("path", [marked(path) for path in ORDERS])
def test_session_ids_on_the_way(path: str, line: Line, capture: Capture) -> None:
    """Those that `msrp` tells nobody: two processes with the library are asked for them. Of a login
    without TLS around it is seen whom it is for, and, unless a ticket hides that, whose it is."""
    order = {**ORDERS[path], "secret": SECRET, "text": TEXT, "people": (ALICE, BOB)}
    environment: dict[str, str] = {}
    if path.startswith("KRB5"):
        home = realm()
        order["people"] = identity("alice"), identity("bob")
        order["tickets"] = home.ccache("alice"), home.ccache("bob")
        environment = kerberos(line)
    if path == "certificates":
        authority_of(line.folder, dict(zip(("one", "other"), order["people"], strict=True)))
        order["shown"] = [shown_of(line.folder, name) for name in ("one", "other")]
        order["authority"] = str(line.folder / "ca.pem")
    where = f"{line.far.address}:{PORT}"
    listener = line.talker(line.far, "listen", where, order, environment)
    assert listener.stdout is not None
    assert json.loads(listener.stdout.readline())["port"] == PORT
    caller = line.talker(line.near, "connect", where, order, environment)
    said, _ = caller.communicate(timeout=60)
    heard, _ = listener.communicate(timeout=60)
    here, there = json.loads(said), json.loads(heard)
    assert here["uris"] == there["uris"][::-1]
    proved = "EXTERNAL" if path == "certificates" else order.get("mechanisms", [None])[0]
    assert here["mechanism"] == there["mechanism"] == proved
    ids = [_session_id(uri) for uri in here["uris"]]
    assert all(len(each) >= 22 for each in ids)
    octets = capture.streams()
    found = seen(octets, {"session-ids": ids, "passwords": [SECRET]})
    if path in OPEN:
        found.pop("names")
        assert found.pop("MSRP")
        caller_name, called = order["people"]
        names = seen(octets, {"caller": [caller_name, caller_name[3:]], "called": [called]})
        assert (names["caller"], names["called"]) == (path.startswith("DIGEST"), True)
        assert b"Accept-Types" not in b"".join(octets)
    assert not any(found.values()), found


@pytest.mark.parametrize("path", [CLEAR, "anonymous TLS"])
def test_an_independent_reader_of_the_capture(path: str, line: Line, capture: Capture, file: Path) -> None:
    """tshark finds requests and session URIs where everything is off, and no MSRP inside TLS."""
    if shutil.which("tshark") is None:
        pytest.skip("there is no tshark: make venv installs it, as root")
    told = PATHS[path](line, file)
    capture.streams()

    def read(protocol: str, field: str) -> str:
        command = ["tshark", "-r", str(capture.file), "-d", f"tcp.port=={PORT},{protocol}"]
        command += ["-Y", protocol, "-T", "fields", "-e", field]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout

    requests = read("msrp", "msrp.method")
    if path == CLEAR:
        assert "SEND" in requests
        paths = read("msrp", "msrp.to.path")
        assert all(each in paths for each in told["session-ids"])
    else:
        assert "SEND" not in requests
        assert "AUTH" not in requests
        assert read("tls", "tls.record.version").split()
