"""``--known`` and ``--let-in``: who is spoken with. Loads nothing."""

from __future__ import annotations

import argparse

__all__ = ["add_known", "add_let_in"]


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


def add_known(parser: argparse.ArgumentParser) -> None:
    """Of both sides."""
    parser.add_argument(
        "--known",
        choices=("ask", "strict", "off"),
        default="ask",
        help=(
            "where somebody who is named was better protected before: ask, and refuse where nobody can "
            "be asked (ask); refuse, and also who is named, not known and not proved (strict); "
            "forget about it (off)"
        ),
    )
