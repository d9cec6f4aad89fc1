"""``--known``: what was once reached with somebody is the floor, and less needs a yes."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ..terms.errors import MsrpError, NotSecureEnough
from ..terms.principal import Principal
from ..terms.security import Level
from .login import initiating, required
from .output import Output

if TYPE_CHECKING:
    from ..security.known import Known
    from ..security.known_peers import KnownPeers
    from ..security.several_paths import Path, Ruling
    from ..session.session import Session

__all__ = ["Ask", "Knowing", "as_before", "begun", "mark", "note", "ruling_fields"]

Ask = Callable[[str], Awaitable[bool]]


def _kept(args: argparse.Namespace) -> KnownPeers | None:
    """Who is known, under what --known says; None for nobody."""
    if getattr(args, "known", "off") == "off":  # a command may not have it
        return None
    from ..security.known import KnownPolicy, New
    from ..security.known_peers import KnownPeers

    return KnownPeers.usual(KnownPolicy(New.REFUSE if args.known == "strict" else New.ASK))


def as_before(args: argparse.Namespace) -> dict[str, Any]:
    """Arguments for `msrp_peer.connect`, as `initiating` makes them: whoever was proved before is to be
    proved again, unless --auth none says otherwise.

    Raises as `initiating`, and `StoreError`.
    """
    known = _kept(args)
    remembered = None if known is None else _remembered(args, known)
    if remembered is None or remembered.level < Level.AUTHENTICATED or args.auth == "none":
        return {**initiating(args), "known": known}
    if required(args) < Level.AUTHENTICATED:
        args = argparse.Namespace(**{**vars(args), "require": Level.AUTHENTICATED.word})
    try:
        return {**initiating(args), "known": known}
    except MsrpError as error:
        error.args = (
            f"{error}. {remembered.principal} has been {remembered.level.word} before, so nothing less is "
            "taken; --auth none asks whether less will do",
        )
        raise


def _remembered(args: argparse.Namespace, known: KnownPeers) -> Known | None:
    from ..signalling.target import parse_target

    meant = Principal.parse(args.expect[0]) if args.expect else parse_target(args.target).principal
    return None if meant is None else known.recall(meant)


async def begun(
    begin: Callable[[KnownPeers | None], Awaitable[Session]], known: KnownPeers | None, ask: Ask | None
) -> Session:
    """The session that `begin` gives; where that needs a yes, the person is asked, and it begins again.

    Raises as `begin`; `NotAsKnown` where nobody can be asked, too.
    """
    from ..security.known import Answer, KnownPolicy, NotAsKnown

    while True:
        try:
            return await begin(known)
        except NotAsKnown as error:
            found = error.judgement
            if known is None or ask is None or found.answer is not Answer.ASK:
                raise
            if not await ask(f"{found.sentence}.\n{found.advice}.\nTalk to them all the same, this once?"):
                raise NotSecureEnough(f"{found.principal} was not spoken with: you did not agree") from None
            known = known.under(KnownPolicy(known.policy.new, key=found.key, least=found.level))


class Knowing:
    """Who is let in, of those who come, and with what word beside their lines.

    With ``--known off`` everybody, without a word.
    """

    def __init__(self, args: argparse.Namespace, output: Output) -> None:
        self._known = _kept(args)
        self._output = output
        self._standing: dict[Session, Path] = {}

    async def lets_in(self, session: Session, ask: Ask | None) -> Ruling | None:
        """What becomes of a session's messages; None where it is refused, which was said then."""
        from ..security.known import KnownPolicy, lasting_key
        from ..security.several_paths import Path, Reception, SenderPolicy, sender_of

        line = session.security
        sender, policy = sender_of(line), SenderPolicy()
        known = self._known
        if known is None or sender is None:
            return policy.rule(sender, line.level, ())
        try:
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
        except MsrpError as error:
            self._output.error(error, session=session.tag)
            return None
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
