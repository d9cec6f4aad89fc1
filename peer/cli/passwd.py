"""``msrp passwd``: the passwords with which others log in here."""

from __future__ import annotations

import argparse
import contextlib
import hmac
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from types import FrameType
from typing import NoReturn

from msrp_sasl import Password
from msrp_sasl.prep import prepare_password

from ..credentials import secret
from ..credentials.errors import CannotAsk, CredentialsError
from ..credentials.prompt import ask
from ..credentials.standard_input import read_line
from ..credentials.verifiers import Pair, VerifierStore, check_pair, usual_path
from ..security.known_peers import KnownPeers
from ..terms.errors import UsageError
from ..terms.principal import Principal
from .exits import Exit
from .output import Output

__all__ = ["NoPassword", "run"]

_SHORTEST = 8  # characters of a password that somebody thought of


def run(args: argparse.Namespace) -> Exit:
    """Set, list or remove."""
    output = Output(json=args.json)
    if args.shared and (args.generate or args.list or args.remove):
        raise UsageError("--shared goes with a password that you enter")
    if args.digest_md5 and (args.list or args.remove):
        raise UsageError("--digest-md5 goes with a password that is set")
    if args.list:
        return _list(args, output)
    if args.initiator is None or args.acceptor is None:
        raise UsageError("say who logs in and whom they reach: --from im:alice@lan --for im:bob@lan")
    initiator, acceptor = Principal.parse(args.initiator), Principal.parse(args.acceptor)
    if args.remove:
        return _remove(initiator, acceptor, output)
    check_pair(initiator, acceptor)
    # First: nobody is to think of a password that then cannot be kept.
    store = VerifierStore(usual_path())
    password = _password(args, initiator, acceptor, output)
    changed = store.keep(initiator, acceptor, password, time.time(), digest_md5=args.digest_md5)
    _say_kept(args, output, password, changed)
    return Exit.DONE


def _password(
    args: argparse.Namespace, initiator: Principal, acceptor: Principal, output: Output
) -> Password:
    if args.generate:
        return Password(secret.generate(), generated=True)
    try:
        if args.password_stdin:
            given = _good(read_line())
        else:
            with _interruptible():
                given = _asked_twice(f"New password of {initiator} for {acceptor}: ", output)
    except CannotAsk as error:
        raise UsageError(f"{error}, with --password-stdin; or let one be made: --generate") from None
    return Password(given.text, generated=given.generated, shared=args.shared)


def _asked_twice(question: str, output: Output) -> Password:
    """What is entered twice; whatever is no password is asked for again, until nothing is entered."""
    while True:
        try:
            first = _good(ask(question))
            second = ask("The same again: ")
            if second is not None and hmac.compare_digest(first.text.encode(), second.text.encode()):
                return first
            output.error(CredentialsError("the two are not the same; once more, please, or nothing to end"))
        except (CannotAsk, NoPassword):
            raise
        except CredentialsError as error:
            output.error(error)


class NoPassword(CredentialsError):
    """Nothing was entered."""


def _good(password: Password | None) -> Password:
    if password is None:
        raise NoPassword("no password was given; nothing was changed")
    if len(prepare_password(password.text).decode()) < _SHORTEST:
        raise CredentialsError(
            f"a password has {_SHORTEST} characters at least: a shorter one is guessed at once. --generate "
            "makes one that nobody guesses"
        )
    return password


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Whatever ends the command, the terminal shows again what is typed."""

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = {}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say_kept(args: argparse.Namespace, output: Output, password: Password, changed: bool) -> None:
    told = {"from": args.initiator, "for": args.acceptor, "generated": password.generated}
    told |= {"shared": password.shared, "changed": changed, "digest_md5": args.digest_md5}
    if args.generate:
        output.event("kept", password.text, **told, secret=password.text)
        if output.gone:
            raise CredentialsError("the password was set, but nobody could read it: make another one")
        output.note(
            f"This is the {'new ' if changed else ''}password of {args.initiator} for {args.acceptor}; it is "
            "shown this once.\nGive it to them where nobody listens. Capitals, and spaces for the hyphens, "
            "do no harm."
        )
        _warn_of_digest(args, output)
        return
    output.event("kept", f"{'Changed' if changed else 'Set'}: {args.initiator} for {args.acceptor}", **told)
    if not password.generated:
        output.note(
            "Whoever gets between the two computers can try to guess it: where the other side's key is not "
            "verified, msrp does not log in with it unless that is allowed. --generate makes one that nobody "
            "guesses."
        )
    _warn_of_digest(args, output)


def _warn_of_digest(args: argparse.Namespace, output: Output) -> None:
    if args.digest_md5:
        output.note(
            f"For DIGEST-MD5 something is kept in {usual_path()} that is as good as the password: whoever "
            f"reads it can log in with it as {args.initiator} at {args.acceptor}, without guessing."
        )


def _remove(initiator: Principal, acceptor: Principal, output: Output) -> Exit:
    path = usual_path()
    if not path.exists() or not VerifierStore(path).remove(initiator, acceptor):
        raise CredentialsError(f"there is no password of {initiator} for {acceptor}; msrp passwd --list")
    told = {"from": initiator.text, "for": acceptor.text}
    output.event("removed", f"Removed: {initiator} for {acceptor}", **told)
    return Exit.DONE


def _list(args: argparse.Namespace, output: Output) -> Exit:
    path = usual_path()
    pairs = VerifierStore(path).pairs() if path.exists() else []
    pairs = [
        pair
        for pair in pairs
        if args.initiator in (None, pair.initiator) and args.acceptor in (None, pair.acceptor)
    ]
    away = {each.text for each in KnownPeers.usual().blocked()} if pairs else set()
    for pair in pairs:
        blocked = pair.initiator in away
        made = datetime.fromtimestamp(pair.made, UTC)
        output.event(
            "pair",
            f"{pair.initiator} for {pair.acceptor}: {_described(pair)}, set {made.astimezone():%Y-%m-%d}"
            + (", and blocked: msrp known unblock lets them in again" if blocked else ""),
            **{"from": pair.initiator, "for": pair.acceptor},
            generated=pair.generated,
            shared=pair.shared,
            made=made.isoformat(),
            digest_md5=pair.digest_md5,
            blocked=blocked,
        )
    if not pairs:
        output.note("There is no password of this kind. msrp passwd --help shows how to set one.")
    return Exit.DONE


def _described(pair: Pair) -> str:
    words = "generated" if pair.generated else "chosen by somebody"
    words += ", and used elsewhere, too" if pair.shared else ""
    return f"{words}, also for DIGEST-MD5" if pair.digest_md5 else words
