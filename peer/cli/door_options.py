"""``--known``, ``--let-in`` and ``--remember``: who is spoken with, and known by it. Loads nothing."""

from __future__ import annotations

import argparse

from .login_options import principal

__all__ = ["add_known", "add_let_in", "add_remember"]


def add_let_in(parser: argparse.ArgumentParser) -> None:
    """Of who listens, and of offer and answer."""
    parser.add_argument(
        "--let-in",
        choices=("all", "ask", "known"),
        default="all",
        help=(
            "who may begin a session: everybody (all); who is known and proved, others once you have agreed "
            "(ask); nobody else (known). Who is blocked never may: msrp known block"
        ),
    )


def add_remember(parser: argparse.ArgumentParser) -> None:
    """Of who compares words."""
    parser.add_argument(
        "--remember",
        type=principal,
        metavar="URI",
        help=(
            "with whom you compare, where TARGET does not name them: im:bob@lan. If they say so, too, "
            "their lasting key is remembered under this name"
        ),
    )


def add_known(parser: argparse.ArgumentParser) -> None:
    """Of both sides."""
    parser.add_argument(
        "--known",
        choices=("ask", "accept-new", "strict", "off"),
        default="ask",
        metavar="HOW",
        help=(
            "where somebody who is named was better protected before, or shows a lasting key that is new: "
            "ask, and refuse where nobody can be asked (ask); take the first key without a question, which "
            "verifies nobody, and refuse another one and what is weaker (accept-new); refuse all of it, and "
            "also who is named, not known and not proved (strict); neither compare nor remember (off): only "
            "keys that are pinned already still tell, with --auth certificate, who somebody is"
        ),
    )
