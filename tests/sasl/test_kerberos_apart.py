"""KRB5-U2U between two programs, each with one ticket-granting ticket alone; two realms; clocks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from msrp_sasl import Reason
from msrp_sasl.kerberos.gss import Flag, InitiatorContext
from sasl.parties import refused, run
from sasl.realm import HOST, HOST_BASED, NAME, Realm, faketime, identity, needed

pytestmark = needed

ALICE, BOB = identity("alice"), identity("bob")
SPEAKER = Path(__file__).with_name("speaker.py")


class Program:
    """A speaker; what it sees of the machine is its own cache and krb5.conf."""

    def __init__(self, realm: Realm, role: str, user: str, other: str, **env: str) -> None:
        own = {
            "PATH": os.environ["PATH"],
            "KRB5_CONFIG": realm.env["KRB5_CONFIG"],
            "KRB5CCNAME": realm.ccache(user),
            "KRB5_KTNAME": "FILE:/nowhere/keytab",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-P", SPEAKER, role, identity(user), other],
            env=own | env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def say(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line)
        self._process.stdin.flush()

    def hear(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=30)


def talk(first: Program, second: Program) -> Iterator[dict[str, str]]:
    """Lines to and fro; what each said of it at the end."""
    speaker, listener = first, second
    while not (line := speaker.hear()).startswith("{"):
        assert line, "it ended without a word"
        listener.say(line)
        if line == "-\n":  # nothing more to say: it has succeeded
            yield json.loads(speaker.hear())
            yield json.loads(listener.hear())
            return
        speaker, listener = listener, speaker
    yield json.loads(line)


@pytest.fixture
def strict(realm: Realm) -> Iterator[Realm]:
    """For bob the KDC gives no tickets but user-to-user ones."""
    realm.kdc.run_kadminl("modprinc -allow_svr bob")
    yield realm
    realm.kdc.run_kadminl("modprinc +allow_svr bob")


def test_two_people(strict: Realm) -> None:
    with (
        Program(strict, "initiator", "alice", BOB) as first,
        Program(strict, "acceptor", "bob", ALICE) as second,
    ):
        theirs, ours = talk(first, second)
    assert ours == {"name": BOB, "binding": "tls-exporter"}
    assert theirs == {"name": ALICE, "binding": "tls-exporter"}


def test_an_ordinary_ticket_is_not_to_be_had(strict: Realm, tmp_path: Path) -> None:
    fresh = strict.kinit("alice", ccache=f"FILE:{tmp_path}/fresh")  # other tests may have got one already
    context = InitiatorContext(f"bob@{NAME}", fresh, Flag.MUTUAL)
    assert "user-to-user" in refused(Reason.CREDENTIALS, lambda: context.step(None, 0))


@pytest.mark.parametrize("name", HOST_BASED)
def test_somebody_of_another_realm(
    realm: Realm, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The realms trust each other, and the ticket is good: still it stands for nobody here, unless mapped."""
    other = allied(realm)
    conf = tmp_path / "krb5.conf"
    kdcs = "".join(
        f"{one.name} = {{\nkdc = {one.kdc.hostname}:{one.kdc.portbase}\n}}\n" for one in (realm, other)
    )
    conf.write_text(
        f"[libdefaults]\ndefault_realm = {other.name}\ndns_lookup_kdc = false\n"
        f"[realms]\n{kdcs}[domain_realm]\n{HOST} = {realm.name}\n"
    )
    monkeypatch.setenv("KRB5_CONFIG", str(conf))
    me = f"im:alice@{other.name.lower()}"
    client = realm.initiator(name, me=me, kerberos=other.of("alice"))
    said = refused(Reason.WRONG, lambda: run(client, realm.acceptor(name)))
    assert said == "the other side's Kerberos principal is of another realm, or nobody's here"
    mapped = replace(realm.of_service(), mapped={me: f"alice@{other.name}"})
    server = realm.acceptor(name, kerberos=mapped)
    run(realm.initiator(name, me=me, kerberos=other.of("alice")), server)
    assert server.identity.name == me


@cache
def allied(realm: Realm) -> Realm:
    """Another realm, whose people get tickets for this one."""
    made = Realm("OTHER.COM", ("alice",))
    for one in (realm, made):
        one.kdc.addprinc(f"krbtgt/{realm.name}@{made.name}", "secret-of-both")
    return made


@pytest.mark.parametrize("offset", ["+10m", "-10m"])
@pytest.mark.parametrize("whose", ["initiator", "acceptor"])
def test_a_clock_is_wrong(realm: Realm, whose: str, offset: str) -> None:
    """Who notices says so: the initiator hears it of the KDC, the acceptor sees it in the AP-REQ."""
    wrong = faketime(offset)
    with ExitStack() as programs:
        first, second = (
            programs.enter_context(Program(realm, role, user, other, **(wrong if role == whose else {})))
            for role, user, other in (("initiator", "alice", BOB), ("acceptor", "bob", ALICE))
        )
        (said,) = talk(first, second)
    assert said["reason"] == "WRONG"
    assert "clocks" in said["said"]
