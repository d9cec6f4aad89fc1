"""The options of ``msrp passwd``, and the help that teaches them. Loads nothing."""

from __future__ import annotations

import argparse
from typing import Final

from .login_options import principal
from .options import _json

__all__ = ["EPILOG", "SUMMARY", "add_arguments"]

SUMMARY: Final = "set, list or remove the passwords with which others log in here"
EPILOG: Final = """\
A password belongs to two people: --from is who logs in with it, --for is whom they reach, that is
you. Here only what recognises it is kept, never the password itself. Whoever logs in needs it, too.

examples:
  msrp passwd --from im:alice@lan --for im:bob@lan              asks for it, twice
  msrp passwd --from im:alice@lan --for im:bob@lan --generate   makes one, and shows it once
  pass show msrp/alice | msrp passwd --from im:alice@lan --for im:bob@lan --password-stdin
  msrp passwd --list
  msrp passwd --remove --from im:alice@lan --for im:bob@lan

Rather have one made. Whoever gets between two computers, or steals the file, can try passwords
for as long as they like, and finds those that people think of. So where the other side's key is
not verified, msrp uses only generated ones to log in, unless somebody allows others expressly.

Then, here and where alice is:

  msrp listen --as im:bob@lan --expect im:alice@lan
  msrp send TARGET --as im:alice@lan --expect im:bob@lan "Hello"

She is asked for the password, unless her system's keyring has it. This puts it there, once; the
second command asks for it:

  pip install "msrp-peer[keyring]"
  keyring set msrp/im:bob@lan im:alice@lan
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of ``msrp passwd``."""
    parser.allow_abbrev = False  # --password hunter2 is not to pass for --password-stdin
    parser.add_argument(
        "--from", type=principal, dest="initiator", metavar="URI", help="who logs in: im:alice@lan"
    )
    parser.add_argument(
        "--for", type=principal, dest="acceptor", metavar="URI", help="whom they reach, you: im:bob@lan"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--generate", action="store_true", help="make a password nobody guesses; show it once")
    what.add_argument(
        "--password-stdin", action="store_true", help="read the password from the first line of stdin"
    )
    what.add_argument(
        "--list", action="store_true", help="show whose passwords there are; with --from or --for only theirs"
    )
    what.add_argument("--remove", action="store_true", help="let them log in no more")
    parser.add_argument(
        "--shared",
        action="store_true",
        help="the password is used elsewhere, too: it proves only somebody who knows it",
    )
    parser.add_argument(
        "--digest-md5",
        action="store_true",
        help="keep for DIGEST-MD5, too, what is as good as the password to whoever reads the file",
    )
    _json(parser)
