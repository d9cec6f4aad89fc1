"""Those who meet in benchmarks: an authority that vouches for them, and a realm where they have tickets."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msrp_peer
from msrp_peer.cli.demo_authority import make_papers

__all__ = ["ALICE", "BOB", "REALM", "SECRET", "certify", "local_part", "realm", "shown", "ticket"]

REALM = "BENCH.EXAMPLE"
ALICE, BOB = f"im:alice@{REALM.lower()}", f"im:bob@{REALM.lower()}"
SECRET = "k7fk-q4ph-sgmt-wxhw-x2bm"


def local_part(principal: str) -> str:
    """``alice`` of ``im:alice@bench.example``."""
    return principal.removeprefix("im:").partition("@")[0]


def shown(principal: str) -> dict[str, Any]:
    """What one of them shows, and whom they believe."""
    folder = Path(os.environ["BENCH_SHOWN"])
    return {
        "key": msrp_peer.read_key(folder / f"{local_part(principal)}.pem"),
        "trust": msrp_peer.Trust.read(folder / "ca.pem"),
    }


def ticket(principal: str) -> str:
    """The credential cache of one of them, as Kerberos names it."""
    return f"FILE:{os.environ['BENCH_TICKETS']}/{local_part(principal)}"


def certify(folder: Path, people: Iterable[str] = (ALICE, BOB)) -> None:
    """An authority, and what it vouches for, in files; told to all processes by the environment."""
    os.environ["BENCH_SHOWN"] = str(folder)
    everybody = list(people)
    for principal, papers in zip(everybody, make_papers(folder, everybody), strict=True):
        path = folder / f"{local_part(principal)}.pem"
        path.touch(mode=0o600)
        path.write_bytes(papers.cert.read_bytes() + papers.key.read_bytes())


@contextlib.contextmanager
def realm(people: Iterable[str] = (ALICE, BOB), address: str | None = None) -> Iterator[str]:
    """A Kerberos realm of its own, told to this process and those it starts by the environment; gives
    what is missing for one, or nothing.

    Args:
        people: those who have tickets.
        address: where its KDC is reached; None for the name of this machine.
    """
    try:
        import k5test
    except ImportError:
        yield "k5test"
        return
    path = os.pathsep.join([*os.get_exec_path(), "/usr/sbin"])
    for program in ("krb5kdc", "kdb5_util", "kadmin.local", "kinit"):
        if shutil.which(program, path=path) is None:
            yield program
            return
    conf: dict[str, Any] = {"libdefaults": {"dns_canonicalize_hostname": "false", "rdns": "false"}}
    if address is not None:
        conf["realms"] = {REALM: {"kdc": f"{address}:$port0"}}
    kdc = k5test.K5Realm(
        realm=REALM, portbase=_ports(), krb5_conf=conf, create_user=False, create_host=False, get_creds=False
    )
    try:
        os.environ.update({name: value for name, value in kdc.env.items() if "KRB5" in name})
        os.environ["BENCH_TICKETS"] = kdc.tmpdir
        for name in people:
            kdc.addprinc(local_part(name), SECRET)
            kdc.kinit(local_part(name), SECRET, ["-c", ticket(name)])
        yield ""
    finally:
        kdc.stop()


def _ports() -> int:
    """The first of a few that are free next to each other."""
    for base in range(20_000 + 7 * (os.getpid() % 1_800), 60_000, 7):
        with contextlib.ExitStack() as opened:
            try:
                for port in range(base, base + 6):
                    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                        opened.enter_context(socket.socket(socket.AF_INET, kind)).bind(("0.0.0.0", port))
            except OSError:
                continue
            return base
    raise SystemExit("no ports are free")
