"""``--auth certificate``, ``--cert``, ``--key`` and ``--ca``: what is shown in TLS, and whom to believe."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..terms.errors import UsageError
from ..terms.security import Level

if TYPE_CHECKING:
    from ..security.own_key import OwnKey
    from ..security.trust import Trust

__all__ = ["about_new", "add_papers", "serving", "showing", "telling", "wanted"]


def add_papers(parser: argparse.ArgumentParser) -> None:
    """The options of both sides."""
    parser.add_argument(
        "--cert",
        type=Path,
        metavar="FILE",
        help="your certificate in PEM, with those between it and its authority behind it; without, your own "
        "lasting key is shown, which is made when it is first needed",
    )
    parser.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help="its private key in PEM, where that is another file; --password-stdin reads its passphrase",
    )
    parser.add_argument(
        "--ca",
        type=Path,
        metavar="FILE",
        help="whose certificates you believe: the authorities in this file (PEM); without, only keys that "
        "are known already count",
    )


def wanted(args: argparse.Namespace) -> bool:
    """Whether certificates are to prove people; raises `UsageError` where the options do not fit."""
    given = [option for option in ("cert", "key", "ca") if getattr(args, option, None) is not None]
    chosen = args.auth == "certificate" or (args.auth == "auto" and bool(given))
    typed = [option for option in given if option in args.given]
    if typed and not chosen:  # the config file may know them always
        raise UsageError(f"--{typed[0]} is for --auth certificate")
    if chosen and args.key is not None and args.cert is None:
        raise UsageError("--key alone shows nothing: give its certificate, --cert")
    if chosen and args.tls not in ("anonymous", "fingerprint", None):
        raise UsageError(f"certificates are shown in TLS of their own kind: leave out --tls {args.tls}")
    return chosen


def showing(args: argparse.Namespace, expected: str | None, level: Level) -> dict[str, Any]:
    """Arguments for `msrp_peer.connect`.

    Raises `UsageError`, and what the files do: `KeyUnusable`, `StoreError`.
    """
    if expected is None:
        raise UsageError("a certificate proves a person: say whom you mean, --expect im:bob@example.com")
    return {"expect": expected, **_common(args, level)}


def serving(args: argparse.Namespace, level: Level) -> dict[str, Any]:
    """Arguments for `msrp_peer.listen`; raises as `showing` does."""
    return {"expect": args.expect or None, **_common(args, level)}


def telling(args: argparse.Namespace, expected: str | None, level: Level) -> dict[str, dict[str, Any]]:
    """The fields of `Either`: what Offer and Answer tell, and join and its listener verify.

    Raises as `showing` does.
    """
    if expected is None:
        raise UsageError("a certificate proves a person: say whom you mean, --expect im:bob@example.com")

    key, me = _own(args)
    trust = _trust(args)
    return {
        "told": {"me": me, "expected": expected, "key": key},
        "arguments": {"expect": expected, "trust": trust, "require": _least(args, level)},
        "listening": {"me": me, "expect": expected, "key": key, "trust": trust},
    }


def _common(args: argparse.Namespace, level: Level) -> dict[str, Any]:
    from msrp_sasl import Policy

    key, me = _own(args)
    return {
        "tls": "certificate",
        "me": me,
        "key": key,
        "trust": _trust(args),
        "policy": Policy(mechanisms=("EXTERNAL",)),
        "require": _least(args, level),
    }


def about_new(args: argparse.Namespace) -> str:
    """What a listener does about a key that is not known, said behind whom it serves."""
    from .terminal import can_ask  # brings asyncio, which --help does without

    how = getattr(args, "known", "off")
    if args.ca is not None or how in ("strict", "off"):
        return ""
    if how == "accept-new":
        return "; the first key of somebody new is taken, which verifies nobody"
    return "; you are asked about a key that is new" if can_ask() else ""


def _least(args: argparse.Namespace, level: Level) -> Level:
    """A key is to be verified; but one that is taken at first use is not, and whoever says so wants that."""
    lax = args.ca is None and getattr(args, "known", None) == "accept-new"
    return level if lax else max(level, Level.KEY_VERIFIED)


def _own(args: argparse.Namespace) -> tuple[OwnKey, str]:
    """What is shown, and who it says we are."""
    from ..security.errors import PassphraseNeeded
    from ..security.lasting import lasting_key
    from ..security.own_key import read_key

    if args.cert is None:
        if args.me is None:
            raise UsageError("say whose key is to be shown, --as im:alice@lan; or show another, --cert FILE")
        return lasting_key(args.me), args.me
    try:
        key = read_key(args.cert, args.key)
    except PassphraseNeeded:
        key = read_key(args.cert, args.key, _passphrase(args))
    if args.me is None and len(key.names) == 1:
        return key, key.names[0]
    if args.me is None:
        raise UsageError(
            f"{args.cert} names {_several(key.names)}: say who you are, --as im:alice@example.com"
        )
    if key.names and args.me not in key.names:
        raise UsageError(f"{args.cert} names {_several(key.names)}, and not {args.me}")
    return key, args.me


def _several(names: Sequence[str]) -> str:
    return " and ".join(names) or "nobody"


def _passphrase(args: argparse.Namespace) -> bytes:
    from ..credentials.errors import CannotAsk
    from ..credentials.prompt import passphrase
    from ..credentials.standard_input import read_text
    from ..security.errors import PassphraseNeeded

    where = args.key or args.cert
    if getattr(args, "password_stdin", False):
        return read_text().encode()
    try:
        return passphrase(f"Passphrase of the key in {where}: ").encode()
    except CannotAsk:
        raise PassphraseNeeded(
            f"the key in {where} is encrypted, and there is no terminal to ask for its passphrase: "
            f"--password-stdin reads it, and openssl pkey -in {where} writes one without"
        ) from None


def _trust(args: argparse.Namespace) -> Trust:
    from ..security.known import KnownPolicy
    from ..security.known_peers import KnownPeers
    from ..security.trust import Trust, read_authorities
    from .terminal import can_ask

    how = getattr(args, "known", "off")  # a command may not have it
    known = KnownPeers.usual(KnownPolicy("strict" if how == "off" else how))
    if args.ca is not None:
        return Trust(read_authorities(args.ca), known)  # a first key may be pinned meanwhile
    new = can_ask() or getattr(args, "protected", False) or how == "accept-new"
    if not known.path.exists() and not (new and how != "off"):
        raise UsageError(
            "nobody would be believed: name the authorities whose certificates count, --ca FILE; or pin the "
            "key that they have told you, msrp known pin"
        )
    return Trust(pins=known)
