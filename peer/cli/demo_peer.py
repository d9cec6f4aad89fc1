"""Bob, whom ``msrp demo`` starts as a process of his own: he listens, answers, and takes a file.

He says what he does in events on stdout, and ends when his standard input does: whatever
becomes of the demo, he does not outlive it.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..terms.errors import MsrpError
from ..terms.security import Level
from .demo_authority import Papers
from .exits import Exit
from .incoming import session_fields
from .output import Output
from .running import run as run_loop
from .terminal import TEXT_LIMIT, Lines

if TYPE_CHECKING:
    from ..session.message import Message
    from ..session.session import Session

__all__ = ["ALICE", "BOB", "DIGEST", "answer", "run", "told_digest"]

BOB = "im:bob@lan"
ALICE = "im:alice@lan"
DIGEST = ("DIGEST-MD5",)

_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")


def answer(text: str, *, proved: bool = False, told: bool = False) -> str:
    """What Bob says to what Alice says; whether they proved who they are."""
    if "SHA-256" in text:
        return "Send it. I shall hash every octet."
    if "Thank you" in text:
        return "Then nothing was lost on the way. Goodbye, Alice."
    if "lost" in text:
        return "I have only what I told you. Goodbye, Alice."
    if proved:
        return "Every word, Alice. And I know that it is you."
    if told:
        return "Every word, Alice. You know our password, unless somebody has guessed it."
    return "Every word, Alice. Yet neither of us has proved who we are."


def told_digest(text: str) -> str | None:
    """The SHA-256 that a text tells, in lower-case hexadecimal."""
    found = _SHA256.search(text)
    return found.group() if found else None


def run(args: argparse.Namespace) -> Exit:
    """Listen until standard input ends."""
    output = Output(json=True)
    login = _login(args.auth, args.tls)
    if args.auth == "certificate":
        login = {"expect": ALICE, **Papers(args.cert, args.key, args.ca).arguments()}
    return run_loop(lambda: _until_told(args, output, login), output)


def _login(auth: str, tls: str) -> dict[str, Any]:
    """Alice alone is served; her password, if she has one, is the first line of standard input."""
    from msrp_sasl import FromPasswords, Kerberos, Policy

    from ..credentials.standard_input import read_line

    if auth in ("none", "certificate"):
        return {}
    # Who expects somebody wants them proved, which a password in the open does not do.
    expected: dict[str, Any] = {} if tls == "none" and auth == "digest" else {"expect": ALICE}
    if auth == "kerberos":
        return {"kerberos": Kerberos(), **expected}
    known = {(ALICE, BOB): read_line()}
    policy = Policy(mechanisms=DIGEST, digest_md5=True) if auth == "digest" else Policy()
    verifiers = FromPasswords(lambda user, acceptor: known.get((user, acceptor)))
    return {"verifiers": verifiers, "policy": policy, **expected}


async def _until_told(args: argparse.Namespace, output: Output, login: dict[str, Any]) -> Exit:
    bob = asyncio.ensure_future(_bob(args, output, login))
    end = asyncio.ensure_future(Lines().next())  # nothing is ever said there: this is its end
    try:
        await asyncio.wait([bob, end], return_when=asyncio.FIRST_COMPLETED)
    finally:
        bob.cancel()
        await asyncio.wait([bob])
    if not bob.cancelled():
        bob.result()
    return Exit.DONE


async def _bob(args: argparse.Namespace, output: Output, login: dict[str, Any]) -> None:
    from .. import listen

    async def met(session: Session) -> None:
        output.event("session", **session_fields(session), describe=session.security.describe())
        try:
            async for reply in _replies(session, args.out, output):
                sent = await session.send(reply)
                await sent.delivered()
            output.event("closed", session=session.tag)
        except (MsrpError, OSError) as error:
            output.error(error, session=session.tag)

    login = {"tls": args.tls or "anonymous", **login}
    async with listen(
        "127.0.0.1:0", met, me=BOB, announce=True, interfaces=args.interfaces, **login
    ) as listener:
        output.event(
            "listening",
            uri=listener.uri,
            port=listener.port,
            fingerprint=listener.fingerprint,
            announced=listener.announced,
            discovery_problem=listener.discovery_problem,
        )
        await asyncio.Event().wait()


async def _replies(session: Session, directory: Path, output: Output) -> AsyncIterator[str]:
    async for message in session:
        if message.file:
            yield await _keep(message, directory, output)
        else:
            text = await message.text(TEXT_LIMIT)
            output.event("message", text=text)
            security = message.security
            proved = security.level is Level.AUTHENTICATED
            yield answer(text, proved=proved, told=security.proof is not None)


async def _keep(message: Message, directory: Path, output: Output) -> str:
    received = await message.save(directory)
    output.event(
        "file",
        path=str(received.path),
        size=received.size,
        sha256=received.sha256_hex,
        checked=received.checked,
    )
    return f"I have {received.size:,} octets with SHA-256 {received.sha256_hex}."
