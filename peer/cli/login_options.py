"""The options by which people are proved to each other. Loads nothing."""

from __future__ import annotations

import argparse

from ..terms.principal import Principal, PrincipalError
from ..terms.security import Level
from . import papers

__all__ = ["add_accepting", "add_calling", "add_require", "principal"]

_METHODS = ("auto", "scram", "digest", "kerberos", "certificate", "none")
_ASKED = (
    "how the two are proved to each other: by a password (scram; digest, which is weaker), by Kerberos "
    "tickets (kerberos), by keys that are verified in TLS (certificate, or just --cert or --ca), not at all "
    "(none); or, where --expect, --require, --tls none or a password wants it, by a ticket if you have one, "
    "else by a password (auto)"
)


def add_calling(parser: argparse.ArgumentParser) -> None:
    """The options of whoever connects directly, or waits to be connected to."""
    _common(parser, "speak with nobody but them, once they are proved: im:bob@lan")
    parser.add_argument(
        "--password-stdin", action="store_true", help="read the password from the first line of stdin"
    )
    parser.add_argument(
        "--guessable",
        action="store_true",
        help="allow a password that somebody thought of, which whoever stands in between could guess",
    )
    papers.add_papers(parser)


def add_accepting(parser: argparse.ArgumentParser) -> None:
    """The options of whoever only listens."""
    _common(parser, "serve nobody but them, once they are proved: im:alice@lan; repeatable")
    papers.add_papers(parser)
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
    parser.add_argument("--auth", choices=_METHODS, default="auto", metavar="HOW", help=_ASKED)
    parser.add_argument(
        "--realm",
        metavar="REALM",
        help="the Kerberos realm of the people named, where it is not their domain: alice@REALM",
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
