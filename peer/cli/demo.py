"""``msrp demo``: two real processes meet, talk, and send a file; everything is checked."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msrp_sasl import Password

from ..credentials.secret import generate
from ..terms.errors import CannotReach, MsrpError, NotSecureEnough, PeerError, UsageError
from ..terms.security import Level
from . import demo_realm
from .about import about, openssl
from .demo_authority import Papers, make_papers
from .demo_child import Child
from .demo_guard import Guard, guarded
from .demo_peer import ALICE, BOB, DIGEST, told_digest
from .exits import Exit
from .journey import send_file
from .output import Output, size_text
from .progress import Bars
from .running import run as run_loop
from .terminal import TEXT_LIMIT
from .wrap import width_of

if TYPE_CHECKING:
    from ..session.message import Message
    from ..session.session import Session

__all__ = ["run"]

_LOOPBACK = "127.0.0.1"
_MIB = 1 << 20


def run(args: argparse.Namespace) -> Exit:
    """Play it through; `Exit.DONE` only if all of it held. Raises `UsageError` where it cannot begin."""
    if args.auth == "kerberos":
        demo_realm.check()
    output = Output(json=args.json)
    return run_loop(lambda: _Demo(args, output).run(), output, args.verbose)


@dataclass(frozen=True, slots=True)
class _Noise:
    """The file Alice sends."""

    path: Path
    size: int
    sha256: str


class _Demo:
    """Alice, who also tells the story."""

    def __init__(self, args: argparse.Namespace, output: Output) -> None:
        self._args = args
        self._output = output
        self._waiting_for = "the start"
        self._checks: list[tuple[str, bool]] = []
        self._facts: dict[str, Any] = {}
        self._auth: str = args.auth
        self._tls: str = args.tls or ("none" if args.auth == "digest" else "anonymous")
        self._password = generate() if args.auth in ("scram", "digest") else None
        self._realm: demo_realm.Realm | None = None
        # DIGEST-MD5 in the open can be guessed at by whoever watches.
        weak = args.auth == "none" or (args.auth == "digest" and self._tls == "none")
        self._level = Level.PASSIVE_ONLY if weak else Level.AUTHENTICATED
        self._papers: Papers | None = None
        if args.auth == "certificate":
            if args.tls is not None:
                raise UsageError(
                    f"certificates are shown in TLS of their own kind: leave out --tls {args.tls}"
                )
            self._tls = "certificate"
        if self._tls == "none" and args.auth not in ("digest", "kerberos"):
            raise UsageError("plain TCP is protected by a proof alone: --auth digest, or --auth kerberos")

    async def run(self) -> Exit:
        began = asyncio.get_running_loop().time()
        self._introduce()
        held = False
        try:
            async with asyncio.timeout(self._args.seconds):
                await self._play()
            held = bool(self._checks) and all(held for _, held in self._checks)
        except TimeoutError:
            self._output.error(
                MsrpError(f"gave up after {self._args.seconds:g} s, waiting for {self._waiting_for}")
            )
        except (MsrpError, OSError) as error:
            if isinstance(error, UsageError):
                raise
            self._output.error(error, f"failed while waiting for {self._waiting_for}")
        self._conclude(held, asyncio.get_running_loop().time() - began)
        return Exit.DONE if held else Exit.FAILED

    def _introduce(self) -> None:
        facts = {**about(), "openssl": openssl()}
        self._facts |= facts
        self._output.say(
            f"msrp {facts['version']}, installed in {facts['installed']}\n"
            f"Python {facts['python']}, {facts['openssl']}\n"
        )

    async def _play(self) -> None:
        kept = self._kept()
        async with AsyncExitStack() as stack:
            guard = await stack.enter_async_context(guarded("msrp-demo-"))
            folder = kept or guard.folder
            inbox = folder / "bob"
            inbox.mkdir(exist_ok=True)
            ticket = await self._kerberos(stack, guard)
            told = "anonymous" if self._tls == "certificate" else self._tls  # his papers say it
            child = Child(inbox, told, _LOOPBACK, self._auth, password=self._password, ticket=ticket)
            child.papers = self._certificates(guard)
            bob = await stack.enter_async_context(child)
            self._stage(f"{self._args.size} MiB of random octets")
            noise = await _make_noise(folder / "noise.bin", self._args.size)
            await self._meet(bob, noise)
            self._stage("bob to end")
            code = await bob.end()
            self._check("bob's process ended by itself, without an error", code == Exit.DONE)

    def _certificates(self, guard: Guard) -> Papers | None:
        """Make an authority and what it gives the two, where it is wanted; bob's part."""
        if self._auth != "certificate":
            return None
        papers = guard.folder / "papers"
        papers.mkdir()
        self._papers, his = make_papers(papers, (ALICE, BOB))
        self._tell("ca", "an authority of their own; alice and bob have a certificate each, and nothing else")
        return his

    async def _kerberos(self, stack: AsyncExitStack, guard: Guard) -> str | None:
        """Make a realm, where it is wanted; where bob's ticket is."""
        if self._auth != "kerberos":
            return None
        self._stage("a Kerberos realm")
        self._realm = await stack.enter_async_context(demo_realm.realm(guard, ("alice", "bob")))
        words = f"a realm of their own, {demo_realm.NAME}; alice and bob have a ticket each, and nothing else"
        self._tell("kdc", words)
        return self._realm.ccache("bob")

    async def _meet(self, bob: Child, noise: _Noise) -> None:
        self._stage("bob to listen")
        listening = await bob.event("listening")
        self._tell("bob", f"listens at {listening['uri']} (process {bob.process})")
        async with AsyncExitStack() as stack:
            session = await self._reach(stack, listening)
            self._stage("bob to see the session")
            seen = await bob.event("session")
            self._compare(session, seen, listening)
            self._output.say("")
            await self._talk(session, bob, noise)
        self._stage("bob to see the end of the session")
        await bob.event("closed")

    # -- meeting

    async def _reach(self, stack: AsyncExitStack, listening: dict[str, Any]) -> Session:
        """By multicast DNS; by the address where that is not to be had, saying why."""
        from ..aio.discovery import DiscoveryUnavailable

        problem: str | None = listening["discovery_problem"]
        if problem is None:
            try:
                self._stage(f"somebody who announces to be {BOB}")
                session = await stack.enter_async_context(self._connect(BOB))
                if session.peer_address.endswith(f":{listening['port']}"):
                    self._tell("alice", f"finds {BOB} by multicast DNS, at {session.peer_address}")
                    self._facts["found_by"] = "multicast DNS"
                    return session
                await session.close()
                problem = f"the {BOB} found at {session.peer_address} is another one"
            except (CannotReach, DiscoveryUnavailable, NotSecureEnough, PeerError) as error:
                problem = str(error)
        self._tell("alice", f"does not find bob by multicast DNS: {problem}")
        self._tell("alice", f"connects to the address {_LOOPBACK}:{listening['port']} instead")
        self._facts |= {"found_by": "address", "discovery_problem": problem}
        self._stage("the connection")
        return await stack.enter_async_context(self._connect(f"{_LOOPBACK}:{listening['port']}"))

    def _connect(self, target: str) -> AbstractAsyncContextManager[Session]:
        from msrp_sasl import Kerberos, Policy

        from .. import connect

        login: dict[str, Any] = {}
        if self._password is not None:
            login = {"expect": BOB, "credentials": _Generated(self._password), "require": self._level}
        if self._auth == "digest":
            login["policy"] = Policy(mechanisms=DIGEST, digest_md5=True)
        if self._realm is not None:
            kerberos = Kerberos(ccache=self._realm.ccache("alice"))
            login = {"expect": BOB, "kerberos": kerberos, "require": self._level}
        if self._papers is not None:
            login = {"expect": BOB, "require": self._level, **self._papers.arguments()}
        login = {"tls": self._tls, **login}
        return connect(target, me=ALICE, interfaces=[_LOOPBACK], files=False, **login)

    def _compare(self, session: Session, seen: dict[str, Any], listening: dict[str, Any]) -> None:
        """Both ends must describe one and the same line."""
        ours, theirs = session.security.as_dict(), seen["security"]
        words = session.security.describe()
        self._output.say(f"\nalice's end of the line: {ours['level']}\n{_wrapped(words)}")
        his_words = "in the same words" if seen["describe"] == words else seen["describe"]
        self._output.say(f"bob's end of the line: {theirs['level']}\n{_wrapped(his_words)}")
        self._facts["security"] = {"alice": ours, "bob": theirs}
        word = self._level.word
        self._check(f"both ends say: {word}", ours["level"] == theirs["level"] == word)
        mine, his = _layer(ours), _layer(theirs)
        same = mine["cipher"] == his["cipher"] and mine["version"] == his["version"]
        keys = mine["peer_key"] == his["own_key"] == listening["fingerprint"]
        told = "" if listening["fingerprint"] is None else ", and bob's key is the one he told"
        self._check(f"both ends name the same cipher{told}", same and keys)
        claims = str(session.peer_claim) == BOB and seen["peer_claimed"] == ALICE
        proofs = (ours["principal_named"], theirs["principal_named"])
        if self._auth == "none":
            claims = claims and proofs == (None, None)
            self._check("each knows whom the other claims to be, and that it is not proved", claims)
        else:
            bound = self._tls not in ("none", "certificate") and self._auth != "digest"
            proved = (*proofs, ours["bound"], theirs["bound"]) == (BOB, ALICE, bound, bound)
            words = "each has proved to the other who they are"
            if bound:
                words += ", bound to this very line"
            elif self._level is Level.PASSIVE_ONLY:
                words = "each knows the other by a password, at which whoever watched could guess"
            self._check(words, claims and proved)

    # -- talking

    async def _talk(self, session: Session, bob: Child, noise: _Noise) -> None:
        replies = aiter(session)
        first = await self._say(session, bob, replies, "Hello Bob, can you read this?")
        second = await self._say(
            session, bob, replies, f"Then I send you {self._args.size} MiB of noise. What is its SHA-256?"
        )
        self._output.say("")
        third = await self._send(session, bob, replies, noise)
        same = told_digest(third) == noise.sha256
        thanks = "Mine, too. Thank you, Bob." if same else "Not so mine: something was lost."
        fourth = await self._say(session, bob, replies, thanks)
        self._check("four messages came back, one for each", all((first, second, third, fourth)))

    async def _say(self, session: Session, bob: Child, replies: AsyncIterator[Message], text: str) -> str:
        """Alice says something, and hears the answer."""
        self._line("alice", text)
        self._stage("a message to be delivered")
        await (await session.send(text)).delivered()
        self._stage("bob to read it")
        heard = await bob.event("message")
        self._check("what bob read is what alice wrote", heard["text"] == text)
        return await self._hear(replies)

    async def _hear(self, replies: AsyncIterator[Message]) -> str:
        self._stage("bob's answer")
        message = await anext(replies, None)
        if message is None:
            raise MsrpError("bob closed the session")
        text = await message.text(TEXT_LIMIT)
        self._line("bob", text)
        return text

    async def _send(
        self, session: Session, bob: Child, replies: AsyncIterator[Message], noise: _Noise
    ) -> str:
        self._stage("the file to be delivered")
        transfer = await send_file(session, _Quiet(), noise.path, Bars(shown=not self._args.json))
        self._stage("bob to check the file")
        got = await bob.event("file")
        arrived = await _digest(Path(got["path"]))
        self._tell("alice", f"sent {noise.path.name}, {size_text(noise.size)}")
        self._tell("alice", f"SHA-256 {noise.sha256}")
        self._tell("bob", f"SHA-256 {got['sha256']}")
        self._tell("line", f"{transfer.speed:.0f} MB/s, encrypted, {transfer.seconds:.2f} s")
        self._output.say("")
        self._facts |= {
            "file": {"size": noise.size, "sha256": {"alice": noise.sha256, "bob": got["sha256"]}},
            "seconds": round(transfer.seconds, 3),
            "megabytes_per_second": round(transfer.speed, 1),
        }
        self._check("the file arrived whole", got["size"] == transfer.size == noise.size)
        same = noise.sha256 == got["sha256"] == arrived and got["checked"]
        self._check("its SHA-256 is the same at both ends, and was checked on arrival", same)
        text = await self._hear(replies)
        self._check("the SHA-256 that bob told over the line is it, too", told_digest(text) == noise.sha256)
        return text

    # -- telling

    def _tell(self, name: str, words: str) -> None:
        self._output.event("step", f"{name + ' ':<6}{words}", who=name, words=words)

    def _line(self, name: str, text: str) -> None:
        from ..terms.display import escape

        self._output.event("message", f"{name + ':':<7}{escape(text, 500)}", **{"from": name}, text=text)

    def _stage(self, waiting_for: str) -> None:
        """What comes next, for the case that it does not come."""
        self._waiting_for = waiting_for

    def _check(self, words: str, held: bool) -> None:
        self._checks.append((words, held))

    def _conclude(self, held: bool, seconds: float) -> None:
        self._output.say("")
        checks: dict[str, bool] = {}
        for words, one in self._checks:
            checks[words] = checks.get(words, True) and one
        for words, one in checks.items():
            self._output.say(f"{'  ok  ' if one else 'FAILED'} {words}")
        verdict = "All of it held" if held else "Not all of it held"
        self._output.event(
            "demo",
            f"{verdict}, in {seconds:.1f} s.",
            held=held,
            checks=checks,
            total_seconds=round(seconds, 3),
            **self._facts,
        )

    def _kept(self) -> Path | None:
        """Where the files stay, where they do."""
        keep: Path | None = self._args.keep
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            if (keep / "noise.bin").exists():
                raise UsageError(f"{keep / 'noise.bin'} is there already")
        return keep


class _Generated:
    """Alice's password."""

    def __init__(self, text: str) -> None:
        self._text = text

    def password(self, initiator: str, acceptor: str) -> Password | None:
        return Password(self._text, generated=True)


class _Quiet(Output):
    """The demo tells in its own words what was delivered."""

    def event(self, event: str, words: str | None = None, /, **fields: object) -> None:
        pass


def _wrapped(words: str) -> str:
    width = min(width_of(sys.stdout) or 96, 96)
    return textwrap.fill(words, width, initial_indent="  ", subsequent_indent="  ")


def _layer(security: dict[str, Any]) -> dict[str, Any]:
    layers: list[dict[str, Any]] = security["layers"]
    return layers[0] if layers else dict.fromkeys(("cipher", "version", "peer_key", "own_key"))


async def _make_noise(path: Path, mebibytes: int) -> _Noise:
    """A file of random octets, made piece by piece: never whole in memory, and soon interrupted."""
    sha256 = hashlib.sha256()
    file = await asyncio.to_thread(path.open, "xb")
    with file:
        for _ in range(mebibytes):
            block = await asyncio.to_thread(os.urandom, _MIB)
            sha256.update(block)
            await asyncio.to_thread(file.write, block)
    return _Noise(path, mebibytes * _MIB, sha256.hexdigest())


async def _digest(path: Path) -> str:
    """The SHA-256 of what lies on the disk."""
    from ..session.hashes import hash_file

    return (await asyncio.to_thread(hash_file, path)).hex()
