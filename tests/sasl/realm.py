"""A Kerberos realm of its own, with MIT's KDC, for the tests of this process."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from msrp_sasl import Channel, Kerberos, SASLClient, SASLServer
from sasl.parties import BOUND, VERIFIED, acceptor, initiator

NAME = "KRBTEST.COM"
HOST = "lan"
"""The host that the realm has a service of."""
SERVICE = f"msrp/{HOST}@{NAME}"
PEOPLE = ("alice", "bob", "carol")


CLEAR = Channel()
USER_TO_USER = "KRB5-U2U"
HOST_BASED = ("GSSAPI", "GS2-KRB5", "GS2-KRB5-PLUS")


def identity(user: str) -> str:
    return f"im:{user}@{NAME.lower()}"


def _found() -> str:
    """What is missing; nothing where all is there."""
    for module in ("gssapi", "k5test"):
        if find_spec(module) is None:
            return f"the Python package {module}"
    path = [*os.get_exec_path(), "/usr/sbin"]
    for program in ("krb5kdc", "kdb5_util", "kadmin.local", "kinit", "faketime"):
        if shutil.which(program, path=os.pathsep.join(path)) is None:
            return f"the program {program}"
    return ""


MISSING = _found()
needed = pytest.mark.skipif(bool(MISSING), reason=f"Kerberos cannot be tested without {MISSING}")


def faketime(offset: str) -> dict[str, str]:
    """For the environment of a program whose clock is wrong by this much: "-2d", "+10m"."""
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    return {"LD_PRELOAD": str(library), "FAKETIME": offset}


def _ports() -> int:
    """The first of a few ports that are free next to each other, for UDP and TCP."""
    # Other processes look for theirs elsewhere: between looking and taking nobody holds them.
    for base in range(20_000 + 7 * (os.getpid() % 1_800), 60_000, 7):
        with ExitStack() as opened:
            try:
                for port in range(base, base + 6):
                    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                        opened.enter_context(socket.socket(socket.AF_INET, kind)).bind(("0.0.0.0", port))
            except OSError:
                continue
            return base
    raise AssertionError("no ports are free")


class Realm:
    """A realm, its people with tickets, and the keytab of the service."""

    def __init__(self, name: str = NAME, people: tuple[str, ...] = PEOPLE) -> None:
        import k5test

        # No DNS: who has none would wait for it.
        quiet = {"libdefaults": {"dns_canonicalize_hostname": "false", "rdns": "false"}}
        self.kdc = k5test.K5Realm(
            realm=name,
            portbase=_ports(),
            krb5_conf=quiet,
            create_user=False,
            create_host=False,
            get_creds=False,
        )
        self._elsewhere: set[str] = set()
        atexit.register(self.kdc.stop)
        self.name = name
        self.env: dict[str, str] = {key: value for key, value in self.kdc.env.items() if "KRB5" in key}
        self.env["KRB5_KTNAME"] = self.keytab = f"FILE:{self.kdc.tmpdir}/service"
        for user in people:
            self.kdc.addprinc(user, f"secret-{user}")
            self.kinit(user)

    def service(self, *names: str) -> None:
        """Give services keys, in the keytab."""
        for name in names:
            self.kdc.addprinc(name)
            self.kdc.extract_keytab(name, self.keytab.removeprefix("FILE:"))

    def service_elsewhere(self, name: str) -> None:
        """Let the KDC know a service whose key is not in the keytab."""
        if name not in self._elsewhere:
            self.kdc.addprinc(name)
            self._elsewhere.add(name)

    def ccache(self, user: str) -> str:
        return f"FILE:{self.kdc.tmpdir}/{user}"

    def kinit(self, user: str, *flags: str, ccache: str = "") -> str:
        """A ticket; returns the name of its cache."""
        made = ccache or self.ccache(user)
        self.kdc.kinit(user, f"secret-{user}", [*flags, "-c", made])
        return made

    def of(self, user: str) -> Kerberos:
        """The Kerberos of one of the people."""
        return Kerberos(ccache=self.ccache(user))

    def of_service(self) -> Kerberos:
        return Kerberos(keytab=self.keytab)

    def initiator(self, name: str, user: str = "alice", **more: Any) -> SASLClient:
        """One of the people begins, with bob or with the service."""
        person = name == USER_TO_USER
        more = {
            "kerberos": self.of(user),
            "me": identity(user),
            "acceptor": identity("bob") if person else HOST,
            "channel": BOUND if person else VERIFIED,
        } | more
        return initiator(name, **more)

    def acceptor(self, name: str, user: str = "bob", **more: Any) -> SASLServer:
        """One of the people answers, or the service."""
        person = name == USER_TO_USER
        more = {
            "kerberos": self.of(user) if person else self.of_service(),
            "me": identity(user) if person else HOST,
            "channel": BOUND if person else VERIFIED,
        } | more
        return acceptor(name, **more)

    def long_ago(self, user: str, ccache: str) -> str:
        """A ticket that ended yesterday; returns the name of its cache."""
        env = self.kdc.env | faketime("-2d")
        self.kdc.stop_kdc()
        self.kdc.start_kdc(env=env)
        try:
            self.kdc.kinit(user, f"secret-{user}", ["-c", ccache], env=env)
        finally:
            self.kdc.stop_kdc()
            self.kdc.start_kdc()
        return ccache

    @contextmanager
    def at_home(self, user: str = "nobody") -> Iterator[None]:
        """The libraries of this process look here meanwhile; others' find the ticket of this user."""
        before = {key: os.environ.get(key) for key in self.env}
        os.environ.update(self.env | {"KRB5CCNAME": self.ccache(user)})
        try:
            yield
        finally:
            for key, value in before.items():
                if value is None:
                    del os.environ[key]
                else:
                    os.environ[key] = value


@cache
def realm() -> Realm:
    """The one that most tests share; it takes a second to start."""
    made = Realm()
    made.service(SERVICE)
    return made
