"""``--auth``, ``--expect`` and ``--require``: who is to be proved, decided before anybody is met.

What the network says never makes it less: where somebody is to be proved, they are, or nothing is said.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..credentials.errors import CannotAsk, CredentialsError
from ..signalling.target import parse_target
from ..terms.errors import NotSecureEnough, UsageError
from ..terms.principal import Principal
from ..terms.security import Level
from . import papers
from .output import Output

if TYPE_CHECKING:
    from msrp_sasl import Kerberos, Password, Policy, Verifiers

__all__ = [
    "Accepting",
    "Either",
    "accepting",
    "either",
    "initiating",
    "required",
]

_UNPROTECTED = (
    "nothing protects plain TCP but a proof that brings its own protection: a Kerberos ticket, or "
    "--auth digest"
)
_LITTLE = (
    "--expect serves only who is proved, and over plain TCP --auth digest proves too little: whoever "
    "watches could guess the password. Leave out --tls none"
)


def required(args: argparse.Namespace) -> Level:
    """What --require says."""
    return next(level for level in Level if level.word == args.require)


def initiating(args: argparse.Namespace) -> dict[str, Any]:
    """Arguments for `msrp_peer.connect`. Looks for the ticket, or asks for the password, where one is
    needed.

    Raises `UsageError`, `CredentialsError` where there is none, `NotSecureEnough` for one that
    could be guessed.
    """
    if len(args.expect) > 1:
        raise UsageError("you call one: say --expect once")
    target = parse_target(args.target)
    named = None if target.principal is None else target.principal.text
    expected = args.expect[0] if args.expect else named
    level = required(args)
    if papers.wanted(args):
        return papers.showing(args, expected, level)
    plain = args.tls == "none" or not target.secure
    if plain and args.auth == "scram":
        raise UsageError(_UNPROTECTED)
    wanted = args.auth not in ("auto", "none") or bool(args.expect) or _wanted(args, expected, level)
    if args.auth == "none" or not (wanted or plain):
        if plain or args.expect or level is Level.AUTHENTICATED or args.password_stdin:
            raise UsageError(_UNPROTECTED if plain else "--auth none proves nobody")
        return {"require": level}
    if args.me is None or expected is None:
        option = "who you are: --as im:alice@lan" if args.me is None else "whom you mean: --expect im:bob@lan"
        raise UsageError(f"two people are proved to each other: say {option}")
    kerberos = _ticket(args, [expected], plain=plain)
    password = args.auth in ("scram", "digest") or kerberos is None or _given(args, expected)
    if args.auth == "kerberos" or (args.auth == "auto" and plain):
        password = False  # it would prove nothing there, or less
    if args.password_stdin and not password:
        raise UsageError("--password-stdin, and nothing here takes a password")
    return {
        "require": _least(args, level, plain=plain),
        "expect": expected,
        "credentials": _Given(
            args.me, expected, _password(args, expected, guessable=args.guessable, alone=kerberos is None)
        )
        if password
        else None,
        "kerberos": None if kerberos is None else kerberos[0],
        "policy": _policy(args.auth, guessable=args.guessable),
    }


def _ticket(args: argparse.Namespace, others: Sequence[str], *, plain: bool) -> tuple[Kerberos, str] | None:
    """Our Kerberos and its realm, where --auth wants it, or would have it."""
    from .tickets import held, ticket

    if args.auth not in ("auto", "kerberos"):
        if args.realm is not None and "realm" in args.given:  # the config file may know it always
            raise UsageError("--realm is for --auth kerberos")
        return None
    if args.auth == "kerberos" or args.realm is not None:
        return ticket(args.me, others, args.realm)
    if plain:
        try:
            return ticket(args.me, others, args.realm)
        except CredentialsError as error:
            raise UsageError(f"{_UNPROTECTED}. There is no ticket that will do: {error}") from None
    return held(args.me, others, args.realm)


def _lacking(args: argparse.Namespace, others: Sequence[str]) -> tuple[str, bool]:
    """As `tickets.lacking`, where --auth would have had a ticket."""
    from .tickets import lacking

    return lacking(args.me, others, args.realm) if args.auth == "auto" else ("", False)


def _least(args: argparse.Namespace, level: Level, *, plain: bool) -> Level:
    """Somebody is to be proved; by DIGEST-MD5 without TLS nobody is so well."""
    return level if args.auth == "digest" and plain else max(level, Level.AUTHENTICATED)


def _wanted(args: argparse.Namespace, expected: str | None, level: Level) -> bool:
    return level is Level.AUTHENTICATED or _given(args, expected)


def _given(args: argparse.Namespace, expected: str | None) -> bool:
    """Whether there is a password without asking for one."""
    if args.password_stdin:
        return True
    from ..credentials.environment import Environment

    # A password that was put there for them says that they are meant; nobody is asked for one unasked.
    return expected is not None and args.me is not None and Environment.names(expected)


def _password(args: argparse.Namespace, expected: str, *, guessable: bool, alone: bool) -> Password:
    """`alone`: there is no ticket that would do instead."""
    from ..credentials.chain import usual
    from ..credentials.prompt import has_terminal

    why, meant = _lacking(args, [expected]) if alone else ("", False)
    if meant and not _given(args, expected) and has_terminal():
        Output(json=args.json).note(f"({why}. So it goes by password; --auth scram leaves Kerberos out)")
    try:
        password = usual(standard_input=args.password_stdin).password(args.me, expected)
    except CannotAsk as error:
        nor = f". By Kerberos it does not go either: {why}" if why else ""
        raise CannotAsk(f"{error} (--password-stdin){nor}") from None
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


def _policy(auth: str, *, guessable: bool = False) -> Policy:
    from msrp_sasl import Policy

    usual = Policy(guessable=guessable, digest_md5=auth == "digest")
    return replace(usual, mechanisms=tuple(name for name in usual.ranking if _fits(name, auth)))


def _fits(name: str, auth: str) -> bool:
    """Whether a mechanism is meant by a word of --auth."""
    word = {"KRB5-U2U": "kerberos", "DIGEST-MD5": "digest"}.get(name, name.partition("-")[0].lower())
    return word == auth or (auth == "auto" and word in ("scram", "kerberos"))


@dataclass(frozen=True)
class Accepting:
    """Who may log in at a listener.

    Attributes:
        arguments: for `msrp_peer.listen`.
        users: those who have a password here, and are not blocked.
        realm: the Kerberos realm whose people may log in with their tickets; None for none.
        lacking: why they cannot, where that is probably not meant; "" else.
        needed: whether nobody else is served.
        new: what becomes of keys that are not known, in words; empty where they are refused.
    """

    arguments: dict[str, Any]
    users: tuple[str, ...] = ()
    realm: str | None = None
    needed: bool = False
    new: str = ""
    lacking: str = ""

    @property
    def certified(self) -> bool:
        """Whether each side shows a key that the other verifies."""
        return "trust" in self.arguments

    @property
    def sentence(self) -> str | None:
        """The same for a person; None where nobody can."""
        expected = self.arguments.get("expect")
        if self.certified:
            whose = f": {', '.join(expected)}" if expected else ""
            return f"nobody is served but those whose certificate is believed{whose}{self.new}"
        tickets = [] if self.realm is None else [f"people of {self.realm} with a ticket"]
        who = ", ".join(expected or (*self.users, *tickets))
        if not who:
            return None
        if self.needed:
            return f"nobody is served but those who log in: {who}"
        return f"who logs in is proved, others are served, too: {who}"


def accepting(args: argparse.Namespace) -> Accepting:
    """From the options, the ticket, and the passwords that are known here (``msrp passwd``).

    Raises `UsageError`, also where somebody is to be proved who cannot be, and `CredentialsError`
    where the ticket will not do.
    """
    level = required(args)
    if papers.wanted(args):
        return Accepting(papers.serving(args, level), needed=True, new=papers.about_new(args))
    plain = args.tls == "none"
    if plain and args.auth == "scram":
        raise UsageError(_UNPROTECTED)
    if plain and args.auth == "digest" and args.expect:
        raise UsageError(_LITTLE)
    needed = bool(args.expect) or level is Level.AUTHENTICATED or args.auth not in ("auto", "none") or plain
    if args.auth == "none" and needed:
        raise UsageError(_UNPROTECTED if plain else "--auth none proves nobody")
    if args.me is None and needed:
        raise UsageError("whoever logs in has to know at whom: say who you are, --as im:bob@lan")
    if args.me is None or args.auth == "none":
        if level > Level.PASSIVE_ONLY:
            raise UsageError(_nobody(args))
        return Accepting({"require": level})
    others = args.expect if args.auth == "kerberos" or args.realm else []
    kerberos = _ticket(args, others, plain=plain)
    users: tuple[str, ...] = ()
    if args.auth != "kerberos" and not (args.auth == "auto" and plain):
        users = _users(args, kerberos)
    why, meant = _lacking(args, others) if kerberos is None else ("", False)
    lacking = why if meant else ""
    if not users and kerberos is None:
        if needed or level > Level.PASSIVE_ONLY:
            raise UsageError(_nobody(args) + (f". By Kerberos nobody can, either: {why}" if why else ""))
        return Accepting({"require": level}, lacking=lacking)
    from ..credentials.verifiers import VerifierStore, usual_path

    arguments = {
        "verifiers": VerifierStore(usual_path()) if users else None,
        "kerberos": None if kerberos is None else kerberos[0],
        "policy": _policy(args.auth),
        "expect": args.expect or None,
        "require": _least(args, level, plain=plain) if needed else level,
    }
    from ..security.known_peers import KnownPeers

    away = {each.text for each in KnownPeers.usual().blocked()}
    users = tuple(each for each in users if each not in away)
    return Accepting(arguments, users, None if kerberos is None else kerberos[1], needed, lacking)


def _users(args: argparse.Namespace, kerberos: tuple[Kerberos, str] | None) -> tuple[str, ...]:
    """Those who have a password for us; all of those expected must, or else may have a ticket."""
    from ..credentials.verifiers import VerifierStore, usual_path

    path = usual_path()
    pairs = VerifierStore(path).pairs() if path.exists() else []
    digest = args.auth == "digest"
    known = tuple(
        pair.initiator for pair in pairs if pair.acceptor == args.me and (pair.digest_md5 or not digest)
    )
    if not known and kerberos is None:
        return ()
    for each in args.expect:
        if each not in known and not _in_realm(each, kerberos):
            raise UsageError(f"{each} has no password for {args.me}: {_make(each, args.me, args.auth)}")
    return tuple(each for each in known if each in args.expect) if args.expect else known


def _in_realm(name: str, kerberos: tuple[Kerberos, str] | None) -> bool:
    if kerberos is None:
        return False
    from msrp_sasl import SaslError

    try:
        return bool(kerberos[0].principal(name, kerberos[1]))
    except SaslError:
        return False


def _nobody(args: argparse.Namespace) -> str:
    me = Principal.parse(args.me).text if args.me else "im:bob@lan"
    who = args.expect[0] if args.expect else "im:alice@lan"
    return f"nobody has a password for {me}, so nobody can be proved: {_make(who, me, args.auth)}"


def _make(who: str, me: str, auth: str) -> str:
    """The command that makes a password."""
    return f"msrp passwd {'--digest-md5 ' if auth == 'digest' else ''}--from {who} --for {me}"


@dataclass(frozen=True)
class Either:
    """Who is to be proved where it is only agreed which side connects.

    Attributes:
        told: for `msrp_peer.Offer` and `Answer`.
        arguments: for `msrp_peer.join`.
        listening: for `msrp_peer.listen`, where that waits.
    """

    told: dict[str, Any]
    arguments: dict[str, Any]
    listening: dict[str, Any] = field(default_factory=dict)


def either(args: argparse.Namespace) -> Either:
    """From the options, the ticket, and the passwords that are known here. Asks for the password of the
    other side, where there is no ticket and none of it is kept here.

    Raises as `initiating`.
    """
    if len(args.expect) > 1:
        raise UsageError("you meet one: say --expect once")
    expected = args.expect[0] if args.expect else None
    level = required(args)
    if papers.wanted(args):
        return Either(**papers.telling(args, expected, level))
    # Plain TCP alone is RFC 4975's own, and is warned of.
    if args.auth == "none" or not (args.auth != "auto" or expected or _wanted(args, expected, level)):
        if expected or level is Level.AUTHENTICATED or args.password_stdin:
            raise UsageError("--auth none proves nobody")
        if args.tls != "none":
            return Either({}, {"require": level})
        if level > Level.PASSIVE_ONLY or "require" in args.given:
            raise UsageError(f"--tls none protects nothing, and --require says {level.word}: leave out one")
        return Either({}, {"require": Level.PLAINTEXT})
    if args.me is None or expected is None:
        option = "who you are: --as im:alice@lan" if args.me is None else "whom you mean: --expect im:bob@lan"
        raise UsageError(f"two people are proved to each other: say {option}")
    plain = args.tls == "none"
    if plain and args.auth in ("scram", "digest"):
        raise UsageError("a password proves nobody well enough over plain TCP: leave out --tls none")
    kerberos = _ticket(args, [expected], plain=plain)
    words = args.auth in ("scram", "digest") or (args.auth == "auto" and not plain)
    if args.password_stdin and not words:
        raise UsageError("--password-stdin, and nothing here takes a password")
    # With --protected the key is verified, and nobody stands in between who could guess.
    guessable = args.guessable or (args.protected and not plain)
    kept = _kept(args, expected) if words else None
    given = words and (_given(args, expected) or (kept is None and kerberos is None))
    arguments = {
        "require": max(level, Level.AUTHENTICATED),
        "expect": expected,
        "policy": _policy(args.auth, guessable=guessable),
        "verifiers": kept,
        "kerberos": None if kerberos is None else kerberos[0],
    }
    if given:
        password = _password(args, expected, guessable=guessable, alone=kerberos is None)
        arguments["credentials"] = _Given(args.me, expected, password)
    role = "actpass" if kerberos or (given and kept) else "active" if given else "passive"
    return Either({"expected": expected, "auth": role, "proved": True}, arguments)


def _kept(args: argparse.Namespace, expected: str) -> Verifiers | None:
    """What is kept of the password of somebody for us; None where nothing is that would do."""
    from ..credentials.verifiers import VerifierStore, usual_path

    path = usual_path()
    store = VerifierStore(path)
    for pair in store.pairs() if path.exists() else ():
        if (pair.initiator, pair.acceptor) == (expected, args.me):
            return store if pair.digest_md5 or args.auth != "digest" else None
    return None
