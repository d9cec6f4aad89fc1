"""A Kerberos realm of the demo's own: a KDC in a folder that vanishes with it, and two people's tickets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import socket
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from ..terms.errors import MsrpError, UsageError
from .demo_guard import Guard

__all__ = ["NAME", "Realm", "check", "realm"]

NAME: Final = "LAN"
"""Its people are im:somebody@lan."""

_PROGRAMS: Final = ("kdb5_util", "kadmin.local", "krb5kdc", "kinit")
_PATH: Final = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
_PATIENCE: Final = 10.0  # seconds for the KDC to answer, and to end

_CONF: Final = """\
[libdefaults]
    default_realm = {name}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
[realms]
    {name} = {{
        kdc = 127.0.0.1:{port}
        database_name = {folder}/principal
        key_stash_file = {folder}/stash
        acl_file = {folder}/acl
        kdc_listen = ""
        kdc_tcp_listen = 127.0.0.1:{port}
    }}
[logging]
    kdc = FILE:{folder}/kdc.log
"""


def check() -> None:
    """Raises `UsageError` where a realm cannot be made here, and says what is missing."""
    from msrp_sasl import Kerberos, SaslError

    try:
        Kerberos()
    except SaslError as error:
        raise UsageError(f"msrp demo --auth kerberos speaks Kerberos, and that is {error}") from None
    missing = [name for name in _PROGRAMS if shutil.which(name, path=_PATH) is None]
    if missing:
        raise UsageError(
            f"msrp demo --auth kerberos makes a realm of its own, and {', '.join(missing)} of MIT's Kerberos "
            "is not installed here (Debian: apt install krb5-kdc krb5-admin-server krb5-user)"
        )


class Realm:
    """One that stands.

    Attributes:
        environment: what a program needs to be in it; the ticket is named apart.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self.environment = {
            "KRB5_CONFIG": str(folder / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(folder / "krb5.conf"),
            "KRB5RCACHENAME": "none:",
        }

    def ccache(self, user: str) -> str:
        """The credential cache of one of its people, as ``KRB5CCNAME`` has it."""
        return f"FILE:{self._folder / user}.ccache"

    async def make(self, people: tuple[str, ...]) -> None:
        """The database, and a key for each, which nobody ever sees."""
        conf = _CONF.format(name=NAME, port=self._port, folder=self._folder)
        (self._folder / "krb5.conf").write_text(conf)
        master = secrets.token_hex(16)
        await self._run("kdb5_util", "create", "-s", said=f"{master}\n{master}\n")
        for user in people:
            await self._run("kadmin.local", "addprinc", "-randkey", user)
            await self._run("kadmin.local", "ktadd", "-norandkey", "-k", str(self._folder / user), user)

    async def tickets(self, people: tuple[str, ...]) -> None:
        for user in people:
            await self._run("kinit", "-k", "-t", str(self._folder / user), "-c", self.ccache(user), user)

    async def start(self, guard: Guard) -> None:
        """Run the KDC, until it can be asked; `guard` ends it."""
        await guard.run([_found("krb5kdc"), "-n"], {**os.environ, **self.environment})
        over = asyncio.ensure_future(guard.ended())
        try:
            async with asyncio.timeout(_PATIENCE):
                while True:
                    try:
                        _, writer = await asyncio.open_connection("127.0.0.1", self._port)
                    except OSError:
                        if over.done():
                            raise MsrpError("the KDC ended at once") from None
                        await asyncio.sleep(0.05)
                        continue
                    writer.close()
                    return
        finally:
            over.cancel()

    async def _run(self, program: str, *words: str, said: str = "") -> None:
        process = await self._begin(program, *words)
        try:
            told, _ = await process.communicate(said.encode())
        except BaseException:
            await _stop(process)
            raise
        if process.returncode:
            last = (told.decode(errors="replace").strip().splitlines() or ["without a word"])[-1]
            raise MsrpError(f"{program} failed: {last}")

    async def _begin(self, program: str, *words: str) -> Process:
        # A group of their own: Ctrl-C is ours to see to.
        return await asyncio.create_subprocess_exec(
            _found(program),
            *words,
            stdin=PIPE,
            stdout=PIPE,
            stderr=STDOUT,
            env={**os.environ, **self.environment},
            start_new_session=True,
        )


def _found(program: str) -> str:
    return shutil.which(program, path=_PATH) or program


async def _stop(process: Process) -> None:
    """End it, and wait for that."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            await process.wait()
            return
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


@asynccontextmanager
async def realm(guard: Guard, people: tuple[str, ...]) -> AsyncIterator[Realm]:
    """A realm in the guard's folder, whose people have tickets; for this process, too, while it stands.

    Raises `MsrpError` where a program fails.
    """
    folder = guard.folder / "realm"
    folder.mkdir()
    made = Realm(folder, _port())
    with _environment(made.environment):
        await made.make(people)
        await made.start(guard)
        await made.tickets(people)
        yield made


def _port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
