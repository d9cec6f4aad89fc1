"""``--auth``, ``--expect`` and ``--require``: who is to be proved, decided before anybody is met.

What the network says never makes it less: where somebody is to be proved, they are, or nothing is said.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..signalling.target import parse_target
from ..terms.errors import NotSecureEnough, UsageError
from ..terms.principal import Principal, PrincipalError
from ..terms.security import Level

if TYPE_CHECKING:
    from msrp_sasl import Password, Policy, Verifiers

__all__ = [
    "Accepting",
    "Either",
    "accepting",
    "add_accepting",
    "add_initiating",
    "add_require",
    "either",
    "initiating",
    "principal",
    "required",
]

_ASKED = (
    "log in with a password (scram), do not (none), or do where --expect, --require or a password says so"
)


def add_initiating(parser: argparse.ArgumentParser) -> None:
    """The options of whoever connects."""
    _common(parser, "speak with nobody but them, once they are proved: im:bob@lan")
    parser.add_argument(
        "--password-stdin", action="store_true", help="read the password from the first line of stdin"
    )
    parser.add_argument(
        "--guessable",
        action="store_true",
        help="allow a password that somebody thought of, which whoever stands in between could guess",
    )


def add_accepting(parser: argparse.ArgumentParser) -> None:
    """The options of whoever only listens."""
    _common(parser, "serve nobody but them, once they are proved: im:alice@lan; repeatable")
    add_require(parser)


def add_require(parser: argparse.ArgumentParser) -> None:
    """The level."""
    words = [level.word for level in Level if level > Level.PLAINTEXT]
    parser.add_argument(
        "--require",
        choices=words,
        default=Level.PASSIVE_ONLY.word,
        metavar="LEVEL",
        help=f"how well the line must be protected: {', '.join(words)} (%(default)s)",
    )


def _common(parser: argparse.ArgumentParser, expected: str) -> None:
    parser.add_argument(
        "--auth", choices=("auto", "scram", "none"), default="auto", help=f"log in: {_ASKED} (auto)"
    )
    parser.add_argument(
        "--expect",
        type=principal,
        action="append",
        default=[],
        metavar="URI",
        help=expected,
    )


def principal(text: str) -> str:
    """The value of an option that names somebody."""
    try:
        return Principal.parse(text).text
    except PrincipalError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def required(args: argparse.Namespace) -> Level:
    """What --require says."""
    return next(level for level in Level if level.word == args.require)


def initiating(args: argparse.Namespace) -> dict[str, Any]:
    """Arguments for `msrp_peer.connect`. Asks for the password, where one is needed.

    Raises `UsageError`, `CredentialsError` where there is none, `NotSecureEnough` for one that
    could be guessed.
    """
    if len(args.expect) > 1:
        raise UsageError("you call one: say --expect once")
    expected = args.expect[0] if args.expect else _named(args.target)
    level = required(args)
    if args.auth == "none" or not (args.auth == "scram" or args.expect or _wanted(args, expected, level)):
        if args.expect or level is Level.AUTHENTICATED or args.password_stdin:
            raise UsageError("--auth none proves nobody")
        return {"require": level}
    if args.me is None or expected is None:
        option = "who you are: --as im:alice@lan" if args.me is None else "whom you mean: --expect im:bob@lan"
        raise UsageError(f"a password belongs to two people: say {option}")
    return {
        "require": max(level, Level.AUTHENTICATED),
        "expect": expected,
        "credentials": _Given(args.me, expected, _password(args, expected, guessable=args.guessable)),
        "policy": _policy(guessable=args.guessable),
    }


def _named(target: str) -> str | None:
    principal = parse_target(target).principal
    return None if principal is None else principal.text


def _wanted(args: argparse.Namespace, expected: str | None, level: Level) -> bool:
    if level is Level.AUTHENTICATED or args.password_stdin:
        return True
    from ..credentials.environment import Environment

    # A password that was put there for them says it, too; nobody is asked for one unasked.
    return expected is not None and args.me is not None and Environment.names(expected)


def _password(args: argparse.Namespace, expected: str, *, guessable: bool) -> Password:
    from ..credentials.chain import usual
    from ..credentials.errors import CredentialsError

    password = usual(standard_input=args.password_stdin).password(args.me, expected)
    if password is None:
        raise CredentialsError(f"no password was given, and without one nobody is {args.me} to {expected}")
    if not password.generated and not guessable:
        # It would be refused behind the handshake: nothing here verifies the other side's key before.
        raise NotSecureEnough(
            "this password was not generated: whoever stands in between could guess it. If it was, "
            f"it has a slip: type it again. Else let msrp passwd --generate make one where {expected} "
            "listens; or allow this one, --guessable"
        )
    return password


@dataclass(frozen=True)
class _Given:
    """The password of one pair; it was asked for before anybody was met."""

    initiator: str
    acceptor: str
    given: Password = field(repr=False)

    def password(self, initiator: str, acceptor: str) -> Password | None:
        return self.given if (initiator, acceptor) == (self.initiator, self.acceptor) else None


def _policy(*, guessable: bool = False) -> Policy:
    from msrp_sasl import Policy

    usual = Policy(guessable=guessable)
    return replace(usual, mechanisms=tuple(name for name in usual.ranking if name.startswith("SCRAM-")))


@dataclass(frozen=True)
class Accepting:
    """Who may log in at a listener.

    Attributes:
        arguments: for `msrp_peer.listen`.
        users: those who have a password here.
        needed: whether nobody else is served.
    """

    arguments: dict[str, Any]
    users: tuple[str, ...] = ()
    needed: bool = False

    @property
    def sentence(self) -> str | None:
        """The same for a person; None where nobody can."""
        if not self.users:
            return None
        if self.needed:
            return f"nobody is served but those who log in: {', '.join(self.users)}"
        return f"who logs in is proved, others are served, too: {', '.join(self.users)}"


def accepting(args: argparse.Namespace) -> Accepting:
    """From the options, and the passwords that are known here (``msrp passwd``).

    Raises `UsageError`, also where somebody is to be proved who has no password here.
    """
    level = required(args)
    needed = bool(args.expect) or level is Level.AUTHENTICATED or args.auth == "scram"
    if args.auth == "none" and needed:
        raise UsageError("--auth none proves nobody")
    if args.me is None and needed:
        raise UsageError("whoever logs in has to know at whom: say who you are, --as im:bob@lan")
    users: tuple[str, ...] = ()
    if args.me is not None and args.auth != "none":
        users = _users(args.me, args.expect)
    if not users:
        if needed or level > Level.PASSIVE_ONLY:
            raise UsageError(_nobody(args))
        return Accepting({"require": level})
    from ..credentials.verifiers import VerifierStore, usual_path

    arguments = {
        "verifiers": VerifierStore(usual_path()),
        "policy": _policy(),
        "expect": args.expect or None,
        "require": max(level, Level.AUTHENTICATED) if needed else level,
    }
    return Accepting(arguments, users, needed)


def _users(me: str, expected: Sequence[str]) -> tuple[str, ...]:
    """Those who have a password for `me`; all of those expected must."""
    from ..credentials.verifiers import VerifierStore, usual_path

    path = usual_path()
    if not path.exists():
        return ()
    known = tuple(pair.initiator for pair in VerifierStore(path).pairs() if pair.acceptor == me)
    if not set(expected) <= set(known):
        missing = next(each for each in expected if each not in known)
        raise UsageError(f"{missing} has no password for {me}: msrp passwd --from {missing} --for {me}")
    return tuple(each for each in known if each in expected) if expected else known


def _nobody(args: argparse.Namespace) -> str:
    me = Principal.parse(args.me).text if args.me else "im:bob@lan"
    who = args.expect[0] if args.expect else "im:alice@lan"
    return f"nobody has a password for {me}, so nobody can be proved: msrp passwd --from {who} --for {me}"


@dataclass(frozen=True)
class Either:
    """Who is to be proved where it is only agreed which side connects.

    Attributes:
        told: for `msrp_peer.Offer` and `Answer`.
        arguments: for `msrp_peer.join`.
    """

    told: dict[str, Any]
    arguments: dict[str, Any]


def either(args: argparse.Namespace) -> Either:
    """From the options, and the passwords that are known here. Asks for the password of the other
    side, where none of it is kept here.

    Raises as `initiating`.
    """
    if len(args.expect) > 1:
        raise UsageError("you meet one: say --expect once")
    expected = args.expect[0] if args.expect else None
    level = required(args)
    if args.auth == "none" or not (args.auth == "scram" or _wanted(args, expected, level) or expected):
        if expected or level is Level.AUTHENTICATED or args.password_stdin:
            raise UsageError("--auth none proves nobody")
        return Either({}, {"require": level})
    if args.me is None or expected is None:
        option = "who you are: --as im:alice@lan" if args.me is None else "whom you mean: --expect im:bob@lan"
        raise UsageError(f"a password belongs to two people: say {option}")
    if args.tls == "none":
        raise UsageError("over plain TCP a password protects nothing, and is not used: leave out --tls none")
    from ..credentials.environment import Environment

    # With --protected the key is verified, and nobody stands in between who could guess.
    guessable = args.guessable or (args.protected and args.tls == "fingerprint")
    arguments: dict[str, Any] = {"require": max(level, Level.AUTHENTICATED), "expect": expected}
    arguments["policy"] = _policy(guessable=guessable)
    kept = _kept(args.me, expected)
    if kept is not None:
        arguments["verifiers"] = kept
    given = kept is None or args.password_stdin or Environment.names(expected)
    if given:
        password = _password(args, expected, guessable=guessable)
        arguments["credentials"] = _Given(args.me, expected, password)
    role = "passive" if not given else "active" if kept is None else "actpass"
    return Either({"expected": expected, "auth": role, "proved": True}, arguments)


def _kept(me: str, expected: str) -> Verifiers | None:
    """What is kept of the password of somebody for `me`; None where nothing is."""
    from ..credentials.verifiers import VerifierStore, usual_path

    path = usual_path()
    if not path.exists():
        return None
    store = VerifierStore(path)
    there = any((pair.initiator, pair.acceptor) == (expected, me) for pair in store.pairs())
    return store if there else None
