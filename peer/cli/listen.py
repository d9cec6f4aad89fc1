"""``msrp listen``: wait for sessions, show their messages, take their files."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from ..terms.display import escape
from ..terms.errors import CannotReach, MsrpError
from ..terms.principal import Principal
from .exits import Exit, exit_of
from .incoming import Incoming, Taking, session_fields, who, who_and_where
from .knowing import Ask, Knowing, blocked, mark, new_keys, note, ruling_fields
from .login import Accepting, accepting
from .options import listening_address
from .output import Output
from .progress import Bars
from .running import run as run_loop
from .terminal import Lines, Questions, can_ask

if TYPE_CHECKING:
    from ..aio.failed_logins import FailedLogin, InVain, TurnedAway
    from ..aio.listen import Handler, Listener
    from ..security.several_paths import Ruling
    from ..session.session import Session

__all__ = ["CannotListen", "Listening", "listening", "run", "tell_failed"]

_One = TypeVar("_One")
_ONE_BY_ONE = 5  # failed logins, and those turned away
_TOGETHER = 10.0  # seconds of them that are told in one line


def run(args: argparse.Namespace) -> Exit:
    """Wait for sessions as the options say, until Ctrl-C."""
    output = Output(json=args.json)
    taking = Taking.from_options(args)
    login = accepting(args)
    return run_loop(
        lambda: Listening(args, output, taking, Lines(), login).run(), output, args.verbose, args.trace
    )


class Listening:
    """Shows what comes, in any number of sessions; questions are answered by `lines`."""

    def __init__(
        self,
        args: argparse.Namespace,
        output: Output,
        taking: Taking,
        lines: Lines,
        login: Accepting | None = None,
    ) -> None:
        self._args = args
        self._login = login
        self._output = output
        self._taking = taking
        self._bars = Bars(shown=not args.json, output=output)
        self._ask = Questions(lines, output).ask
        self._knowing = Knowing(args, output)
        self._first: Session | None = None
        self._once: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()

    async def run(self) -> Exit:
        ask = self._ask if can_ask() else None
        async with listening(self._args, self._serve, self._output, self._taking, self._login, ask):
            self._output.note("Ctrl-C ends.")
            return await self._once

    async def _serve(self, session: Session) -> None:
        if self._args.once and self._first not in (None, session):
            return  # somebody else was first
        ruling = await self._knowing.lets_in(session, self._ask if can_ask() else None)
        if ruling is None or (self._args.once and self._first not in (None, session)):
            return
        self._first = session
        try:
            code = await self.show(session, ruling)
        finally:
            self._knowing.left(session)
        if self._args.once and not self._once.done():
            self._once.set_result(code)

    async def show(self, session: Session, ruling: Ruling | None = None) -> Exit:
        """One session to its end; whatever happens in it, the others go on."""
        code = Exit.DONE
        await self._output.room()
        label = f"[{session.tag}] {who(session)}{mark(ruling)}"
        words = [f"session with {who_and_where(session)}", session.security.describe(), *note(ruling)]
        self._output.event(
            "session",
            "\n".join(f"[{session.tag}] {line}" for line in words),
            **session_fields(session),
            **ruling_fields(ruling),
        )
        incoming = Incoming(session, self._output, self._taking, label=label, ask=self._ask, bars=self._bars)
        try:
            await incoming.run()
            code = Exit.FAILED if incoming.failed else Exit.DONE
            self._output.event("closed", f"{label} has left", session=session.tag)
        except (MsrpError, OSError) as error:
            code = exit_of(error)
            self._output.error(error, label, session=session.tag)
        except Exception as error:  # of one session; the others go on
            code = Exit.FAILED
            self._output.bug(error)
        return code


class CannotListen(MsrpError):
    """The address to listen at cannot be had."""


@contextlib.asynccontextmanager
async def listening(
    args: argparse.Namespace,
    handler: Handler,
    output: Output,
    taking: Taking,
    login: Accepting | None,
    ask: Ask | None = None,
) -> AsyncIterator[Listener]:
    """Listen as the options say, and tell where; `ask` asks about keys that are new, where somebody can
    be asked. Raises `CannotListen` and UsageError."""
    from .. import listen

    login = login or Accepting({})
    arguments = {"me": args.me, "tls": args.tls or "anonymous", **login.arguments}
    async with contextlib.AsyncExitStack() as stack:
        try:
            listener = await stack.enter_async_context(
                listen(
                    listening_address(args.address, args.port),
                    handler,
                    announce=args.announce,
                    interfaces=args.interfaces,
                    access=blocked(),
                    new_keys=new_keys(args, output, ask) if login.certified else None,
                    **arguments,
                )
            )
        except CannotReach as error:
            raise CannotListen(str(error)) from None
        _tell(listener, output, arguments["me"], taking, login)
        stack.callback(asyncio.ensure_future(tell_failed(listener, output)).cancel)
        if not listener.name_taken:  # else it is told
            stack.callback(asyncio.ensure_future(_tell_namesake(listener, output, arguments["me"])).cancel)
        yield listener


async def tell_failed(listener: Listener, output: Output) -> None:
    """Say who could not log in, and who is not let in: the first few one by one, then how many there
    were; whoever tries all day long does not fill the terminal."""
    await asyncio.gather(
        _tell_few(listener.failed_logins, output, partial(_tell_login, output)),
        _tell_few(listener.turned_away, output, partial(_tell_turned, output)),
    )


async def _tell_few(those: InVain[_One], output: Output, tell: Callable[[_One, int, bool], None]) -> None:
    """`tell` is called with the last one, how many they are, and whether some were told just before."""
    while True:
        for _ in range(_ONE_BY_ONE):
            one = await those.next()
            told = those.count
            await output.room()
            tell(one, 1, False)
        await asyncio.sleep(_TOGETHER)
        more = those.count - told
        if last := those.take():
            await output.room()
            tell(last[-1], more, True)


async def _tell_namesake(listener: Listener, output: Output, me: str | None) -> None:
    """Say that somebody else has our name, where it was not known at the beginning."""
    await listener.namesake.wait()
    await output.room()
    output.event("name-taken", _namesake(me, ", too"), me=me)


def _namesake(me: str | None, when: str) -> str:
    who = "that name" if me is None else me
    return f"another listener is announced as {who}{when}: msrp send {who} refuses to choose"


def _tell_login(output: Output, one: FailedLogin, count: int, more: bool) -> None:
    words, reason = f"a login from {escape(one.address)} failed", escape(one.reason, 300)
    if more:
        logins = f"{count} more login{'' if count == 1 else 's'} failed"
        words = f"{logins}, the last from {escape(one.address)}"
    output.event("login-failed", f"{words}: {reason}", address=one.address, reason=one.reason, count=count)


def _tell_turned(output: Output, one: TurnedAway, count: int, more: bool) -> None:
    words = f"{who_and_where(one)} was turned away"
    if more:
        words = f"{count} more {'was' if count == 1 else 'were'} turned away, the last {who_and_where(one)}"
    output.event("turned-away", words, **session_fields(one), count=count)


def _tell(listener: Listener, output: Output, me: str | None, taking: Taking, login: Accepting) -> None:
    """Tell where somebody can reach us, and under which name and key."""
    lines = [f"Listening at {listener.uri}"]
    if me is not None:
        proved = "a claim; nothing proves it to the other side"
        if login.certified:
            proved = "proved by a certificate, or known by this key"
        elif login.users or login.realm:
            proved = "proved to those who log in"
        lines.append(f"  as {Principal.parse(me).shown}: {proved}")
    if login.sentence is not None:
        lines.append(f"  {login.sentence}")
    if listener.announced:
        lines.append("  announced on this network")
    if listener.name_taken:
        lines.append(f"  {_namesake(me, ' already')}")
    if listener.fingerprint is not None:
        whose = "the key of this certificate" if login.certified else "a key made for this run"
        lines.append(f"  with {whose}, SHA-256 {listener.fingerprint}")
    lines.append(f"  {taking.sentence}")
    output.event(
        "listening",
        "\n".join(lines),
        uri=listener.uri,
        port=listener.port,
        fingerprint=listener.fingerprint,
        me=me,
        announced=listener.announced,
        name_taken=listener.name_taken,
        discovery_problem=listener.discovery_problem,
        files=taking.accept,
        may_log_in=list(login.users),
        kerberos_realm=login.realm,
        login_needed=login.needed,
    )
    if login.lacking:
        output.note(f"msrp: nobody can log in by Kerberos: {login.lacking}")
    if listener.discovery_problem is not None:
        output.note(f"msrp: not announced: {listener.discovery_problem}")
