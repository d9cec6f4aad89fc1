"""``--known``: what was once reached with somebody is the floor, and less needs a yes."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..terms.display import escape
from ..terms.errors import MsrpError, NotSecureEnough
from ..terms.principal import Principal
from ..terms.security import Level
from . import papers
from .incoming import session_fields, who_and_where
from .login import initiating, required
from .output import Output

if TYPE_CHECKING:
    from ..aio.new_keys import NewKeys
    from ..security.access import Access
    from ..security.known import Judgement, Known
    from ..security.known_peers import KnownPeers
    from ..security.several_paths import Path, Ruling
    from ..session.session import Session
    from ..terms.security import Security

__all__ = [
    "Ask",
    "Knowing",
    "as_before",
    "begun",
    "blocked",
    "kept",
    "mark",
    "new_keys",
    "note",
    "remark",
    "ruling_fields",
]

Ask = Callable[[str], Awaitable[bool]]


def kept(args: argparse.Namespace) -> KnownPeers | None:
    """Who is known, under what --known says; None for nobody. Raises `StoreError`."""
    if getattr(args, "known", "off") == "off":  # a command may not have it
        return None
    from ..security.known import KnownPolicy
    from ..security.known_peers import KnownPeers

    return KnownPeers.usual(KnownPolicy(args.known))


def as_before(args: argparse.Namespace) -> dict[str, Any]:
    """Arguments for `msrp_peer.connect`, as `initiating` makes them: whoever was proved before is to be
    proved again, and whose lasting key was compared is to show it, unless --auth says how.

    Raises as `initiating`, `StoreError`, and `NotSecureEnough` where their key is all there is.
    """
    known = kept(args)
    remembered = None if known is None else _remembered(args, known)
    # Who says that somebody is to be proved made a slip elsewhere, and is not shown the way around it.
    if remembered is not None:
        _by_key_alone(args, remembered)
    wanted = bool(args.expect) or args.password_stdin or required(args) is Level.AUTHENTICATED
    if remembered is None or args.auth != "auto" or wanted:
        return {**initiating(args), "known": known}
    if remembered.level >= Level.AUTHENTICATED:
        again = {"require": Level.AUTHENTICATED.word}
    elif remembered.verified and args.me is not None and args.tls is None and not papers.wanted(args):
        again = {"auth": "certificate"}
    else:
        return {**initiating(args), "known": known}
    args = argparse.Namespace(**{**vars(args), **again})
    try:
        return {**initiating(args), "known": known}
    except MsrpError as error:
        error.args = (
            f"{error}. {remembered.principal} has been {remembered.level.word} before, so nothing less is "
            "taken; --auth none asks whether less will do",
        )
        raise


def _by_key_alone(args: argparse.Namespace, remembered: Known) -> None:
    """Raises `NotSecureEnough` where somebody is to be authenticated who is known by their key alone, and
    nothing else is here that could prove them: a password that was never made is not asked for."""
    if args.auth != "auto" or required(args) is not Level.AUTHENTICATED or papers.wanted(args):
        return
    if args.me is None or args.tls is not None or args.realm is not None:
        return
    if not remembered.verified or remembered.level >= Level.AUTHENTICATED:
        return
    if not _at_hand(args, args.me, remembered.principal):
        raise NotSecureEnough(
            f"{remembered.principal} is known by their key, and a line by that reaches "
            f"{Level.KEY_VERIFIED.word}; {Level.AUTHENTICATED.word} needs a password (--auth scram asks for "
            "it), a Kerberos ticket (kinit) or a certificate (--cert and --ca). Or leave out --require"
        )


def _at_hand(args: argparse.Namespace, me: str, whom: str) -> bool:
    """Whether there is a password or a ticket without asking our user for one."""
    from ..credentials.environment import Environment
    from ..credentials.errors import CannotAsk
    from ..credentials.keyring import Keyring, is_installed
    from .tickets import held

    if args.password_stdin or Environment.names(whom) or held(me, [whom], None) is not None:
        return True
    with contextlib.suppress(CannotAsk):
        return is_installed() and Keyring().password(me, whom) is not None
    return False


def _remembered(args: argparse.Namespace, known: KnownPeers) -> Known | None:
    from ..signalling.target import parse_target

    meant = Principal.parse(args.expect[0]) if args.expect else parse_target(args.target).principal
    return None if meant is None else known.recall(meant)


async def begun(
    begin: Callable[[KnownPeers | None], Awaitable[Session]],
    known: KnownPeers | None,
    ask: Ask | None,
    vouched: Callable[[str], bool] = lambda key: False,
    *,
    named: bool = True,
) -> Session:
    """The session that `begin` gives; where that needs a yes, the person is asked, and it begins again.

    A new key that is `vouched` for needs none: protected signalling told it. `named` is whether our user
    has said who they are, without which no key of theirs is shown. Raises as `begin`;
    `NotAsKnown` where nobody can be asked, too.
    """
    from ..security.known import Answer, Finding, KnownPolicy, Learned, NotAsKnown

    while True:
        try:
            return await begin(known)
        except NotAsKnown as error:
            found = error.judgement
            new = found.finding is Finding.FIRST and found.key is not None
            if known is not None and new and found.key is not None and vouched(found.key):
                signalled = Learned.SIGNALLED
                await asyncio.to_thread(known.pin, found.principal, found.key, time.time(), signalled)
                continue
            by_key = found.finding is Finding.WEAKER and found.known is not None and found.known.verified
            hint = ". Their key is known: say who you are, --as im:alice@lan, and it counts" if by_key else ""
            hint = "" if named else hint
            if known is None or ask is None or found.answer is not Answer.ASK:
                error.args = (f"{error}{hint}",)
                raise
            question = "Is it theirs?" if new else "Talk to them all the same, this once?"
            why = f" ({escape(error.why, 300)})" if error.why else ""  # it may be that of somebody else
            if not await ask(f"{found.sentence}{why}.\n{found.advice}{hint}.\n{question}"):
                raise NotSecureEnough(f"{found.principal} was not spoken with: you did not agree") from None
            if new and found.key is not None:
                await asyncio.to_thread(known.pin, found.principal, found.key, time.time())
                continue
            known = known.under(KnownPolicy(known.policy.new, key=found.key, least=found.level))


def new_keys(args: argparse.Namespace, output: Output, ask: Ask | None) -> NewKeys | None:
    """What becomes of lasting keys at a listener that are not known; None where they are refused."""
    from ..aio.new_keys import NewKeys
    from ..security.known import New

    known = kept(args)
    first = known is not None and known.policy.new is New.ACCEPT
    if known is None or args.ca is not None or (first and required(args) > Level.PASSIVE_ONLY):
        return None

    async def asks(found: Judgement, address: str) -> bool:
        assert ask is not None  # else nobody asks
        # The name is what the certificate says; whoever has the key wrote it.
        yes = await ask(
            f"{escape(address)} says to be {found.principal}: {found.sentence}.\n{found.advice}.\n"
            "Nothing is said to them meanwhile. Is it theirs?"
        )
        if yes:
            output.note(f"Pinned to {found.principal}. Whoever has given up meanwhile can call again now.")
        return yes

    return NewKeys(known, None if ask is None else asks)


def remark(args: argparse.Namespace, output: Output) -> None:
    """Say so where whom we call is blocked here. Raises `StoreError`."""
    from ..security.known_peers import KnownPeers
    from ..signalling.target import parse_target

    meant = Principal.parse(args.expect[0]) if args.expect else parse_target(args.target).principal
    if meant is not None and meant in KnownPeers.usual().blocked():
        output.note(f"({meant} is blocked here: you can call them, and they get no session with you)")


def blocked() -> Access:
    """Who gets no session here. Raises `StoreError`."""
    from ..security.access import Access, Entry
    from ..security.known_peers import KnownPeers

    return Access(dict.fromkeys(KnownPeers.usual().blocked(), Entry.DENY))


def _access(let_in: str, line: Security, known: bool | None) -> Access:
    """Of all who are known only whoever is there counts; `known` says whether they are, where it was
    looked up before."""
    from ..security.access import Entry
    from ..security.known_peers import KnownPeers
    from ..security.several_paths import sender_of

    access, who = blocked(), sender_of(line)
    if let_in == "all":
        return access
    persons = dict(access.persons)
    if who is not None and known is None:
        known = KnownPeers.usual().recall(who) is not None
    if who is not None and known:
        persons.setdefault(who, Entry.ALLOW)
    others = Entry.ASK if let_in == "ask" else Entry.DENY
    return replace(access, persons=persons, proved=others, unproved=others)


class Knowing:
    """Who is let in, of those who come, and with what word beside their lines.

    With ``--known off`` whoever --let-in says, without a word.
    """

    def __init__(self, args: argparse.Namespace, output: Output) -> None:
        self._known = kept(args)
        self._let_in: str = getattr(args, "let_in", "all")
        self._output = output
        self._standing: dict[Session, Path] = {}

    async def lets_in(self, session: Session, ask: Ask | None) -> Ruling | None:
        """What becomes of a session's messages; None where it is turned away, which was said then."""
        try:
            if not await self.admitted(session, ask):
                return None
            return await self._ruled(session, ask)
        except MsrpError as error:
            self._output.error(error, session=session.tag)
            return None

    async def admitted(self, session: Session, ask: Ask | None, known: bool | None = None) -> bool:
        """What --let-in says, and who is blocked, also since we listen; who is turned away is told.

        `known` is whether whoever is proved was known before, where that was looked up. Raises
        `StoreError`.
        """
        from ..security.access import Entry

        access = await asyncio.to_thread(_access, self._let_in, session.security, known)
        entry = access.entry(session.security, session.peer_claim)
        if entry is Entry.ALLOW:
            return True
        shown = who_and_where(session)
        question = f"{shown} wants to talk to you. {session.security.describe()}. Let them in?"
        if entry is Entry.ASK and ask is not None and await ask(question):
            return True
        self._output.event("turned-away", f"{shown} was turned away", **session_fields(session), count=1)
        return False

    async def _ruled(self, session: Session, ask: Ask | None) -> Ruling:
        from ..security.known import KnownPolicy, lasting_key
        from ..security.several_paths import Path, Reception, SenderPolicy, sender_of

        line = session.security
        sender, policy = sender_of(line), SenderPolicy()
        known = self._known
        if known is None or sender is None:
            return policy.rule(sender, line.level, ())
        remembered = await asyncio.to_thread(known.recall, sender)
        paths = list(self._standing.values())
        if remembered is not None:
            paths.append(Path(sender, remembered.level))
        ruling = policy.rule(sender, line.level, paths)
        if ruling.reception is Reception.HOLD:
            if ask is None or not await ask(f"{ruling.sentence}. Let them in all the same?"):
                raise NotSecureEnough(f"{sender} was not let in: {ruling.sentence}")
            ruling = policy.rule(sender, line.level, paths, agreed=line.level)
        least = line.level if remembered is not None and line.level < remembered.level else None
        known = known.under(KnownPolicy(known.policy.new, least=least))
        await asyncio.to_thread(known.meet, sender, line, time.time(), key=lasting_key(line))
        self._standing[session] = Path(sender, line.level, standing=True)
        return ruling

    def left(self, session: Session) -> None:
        """It is over."""
        self._standing.pop(session, None)


def mark(ruling: Ruling | None) -> str:
    """What stands behind the name on every line; nothing where the name alone says it."""
    return " (less protected than before)" if ruling is not None and ruling.why == "agreed" else ""


def note(ruling: Ruling | None) -> list[str]:
    """What is said of it once, if anything."""
    return [ruling.sentence] if ruling is not None and mark(ruling) else []


def ruling_fields(ruling: Ruling | None) -> dict[str, object]:
    """The same for a program."""
    if ruling is None:
        return {}
    better = None if ruling.best is None else ruling.best.level.word
    return {"reception": ruling.reception.word, "reception_why": ruling.why.value, "better_level": better}
