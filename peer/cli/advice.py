"""What to try where nobody was reached, or not as was meant: words behind an error, with our options."""

from __future__ import annotations

import argparse

from ..signalling.target import parse_target
from ..terms.errors import CannotReach, ConnectionLost
from ..terms.spoken import NO_TLS, NOT_TLS, OTHER_TLS, OTHER_TLS_PERHAPS

__all__ = ["advised"]

_NONE_THERE = (
    ". If it is a listener with --tls none, say so here, too: --tls none, where a Kerberos ticket or --auth "
    "digest protects the line"
)


def advised(args: argparse.Namespace, error: CannotReach | ConnectionLost) -> CannotReach | ConnectionLost:
    """The same error of a command with these options, with what to try behind it."""
    if isinstance(error, ConnectionLost):
        return ConnectionLost(f"{error.reason}{_line(args, error.reason)}")
    return type(error)(f"{error}{_place(args, str(error))}")


def _line(args: argparse.Namespace, reason: str) -> str:
    if OTHER_TLS in reason or OTHER_TLS_PERHAPS in reason:
        return ". Leave out --tls none" if args.tls == "none" else ". Give msrps://, or host:port alone"
    return _NONE_THERE if NO_TLS in reason or NOT_TLS in reason else ""


def _place(args: argparse.Namespace, error: str) -> str:
    target = parse_target(args.target)
    if (who := target.principal) is None:
        if "Connection refused" in error:
            return ". Nobody listens at that port, or a firewall says so"
        if target.host is not None and "." not in target.host and "has no address here" in error:
            return f". Somebody's name is written im:{target.host}@lan; msrp peers shows who is announced"
        return ""
    if "for plain TCP alone" in error:
        return ": --tls none"
    if "with TLS alone" in error:
        return ". Leave out --tls none"
    if "several listeners" in error:
        return "" if args.expect else f". With --expect {who} whoever is there has to prove it"
    if "announced" in error:
        return f": msrp listen --as {who} --announce. Who is announced here, msrp peers shows"
    return ""
