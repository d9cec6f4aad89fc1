"""The options of ``msrp known``, and the help that teaches them. Loads nothing."""

from __future__ import annotations

import argparse
from typing import Final

from .login_options import principal
from .options import _json

__all__ = ["EPILOG", "SUMMARY", "add_arguments"]

SUMMARY: Final = "show, pin, forget or block those you know"
EPILOG: Final = """\
Remembered is who was proved, by what, with which lasting keys, and how well the best line to them
was protected. The next line has to be as good, and a key has to be the same: else somebody may be
in between, and msrp says so. What somebody merely says of themselves is not remembered.

examples:
  msrp known                               everybody, a line each
  msrp known show im:bob@lan               all that is remembered of bob
  msrp known forget im:bob@lan             everything, so that he is met for the first time again
  msrp known forget im:bob@lan 4A:AD:...   one key of his
  msrp known pin im:bob@lan 4A:AD:...      this key is bob's: you have compared it with him
  msrp known block im:eve@lan              she gets no session here, nor who says to be her
  msrp known unblock im:eve@lan

Forget somebody only when you know why they are not as before: ask them, on another way than the
one that was refused, whether they have a new key or a new computer, and compare.

exit code 1: nobody of that name is known.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of ``msrp known``."""
    parser.add_argument(
        "what",
        nargs="?",
        choices=("list", "show", "pin", "forget", "block", "unblock"),
        default="list",
        metavar="WHAT",
        help="list, show, pin, forget, block or unblock (list)",
    )
    parser.add_argument("who", nargs="?", type=principal, metavar="URI", help="who: im:bob@lan")
    parser.add_argument(
        "key", nargs="?", metavar="SHA-256", help="the key to pin, or the only one to forget: 4A:AD:..."
    )
    _json(parser)
