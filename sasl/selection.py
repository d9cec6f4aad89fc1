"""Which mechanism: the one ranking, and what each channel allows.

    channel, as seen     where the acceptor is a person            where it is a service
    by the side deciding
    clear                KRB5-U2U with confidentiality;            nothing
                         DIGEST-MD5 with it, if configured
    encrypted            SCRAM-*-PLUS; KRB5-U2U, bound; DIGEST-MD5 nothing; as the service itself,
                         with confidentiality; ANONYMOUS if conf.  all of its ranking
    verified             those; EXTERNAL; DIGEST-MD5 without       all of its ranking

SCRAM without channel binding and host-based Kerberos can be relayed to another acceptor: they
never prove a person. PLAIN and CRAM-MD5 are not there at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal

from .errors import Reason, SaslError, SaslUsageError
from .mechanisms import PROPERTIES
from .policy import RANKING, Channel, ChannelLevel, Policy, qops

__all__ = ["RANKING", "allowed", "choose", "compare", "names", "offered"]

MOST_NAMES: Final = 64
"""Mechanisms read of a list; nobody has more."""
_NAME = re.compile(r"[A-Z0-9_-]{1,20}")
_NEVER: Final = frozenset({"PLAIN", "CRAM-MD5", "LOGIN"})


def offered(policy: Policy, channel: Channel, *, kerberos: bool = False) -> tuple[str, ...]:
    """What an acceptor offers on this channel, the best first; with `kerberos`, what needs that, too."""
    return _usable(policy, channel, "acceptor", kerberos)


def choose(offer: Iterable[str], policy: Policy, channel: Channel, *, kerberos: bool = False) -> str:
    """The best of what the other side offers; decided before anything is sent.

    `kerberos` says whether this side has it. Raises `SaslError` where nothing of it will do.
    """
    here = _usable(policy, channel, "initiator", kerberos)
    if not here and (missing := allowed(policy, channel, "initiator")):
        raise SaslError(Reason.POLICY, f"{', '.join(missing)}: allowed here, and not set up")
    if not here:
        raise SaslError(
            Reason.POLICY, "no mechanism may be used on this channel: secure it better, or allow less"
        )
    there = set(names(offer))
    for name in here:
        if name in there:
            return name
    raise SaslError(
        Reason.POLICY,
        f"the other side offers none of {', '.join(here)}: one of them has to be set up there{_taken(there)}",
    )


def _taken(there: set[str]) -> str:
    """By what of ours the other side lets somebody in, of the names that are known here."""
    known = [PROPERTIES[name] for name in there if name in PROPERTIES]
    kinds = ["a password"] if any(each.password for each in known) else []
    kinds += ["a Kerberos ticket"] if any(each.kerberos for each in known) else []
    return f". It takes {' or '.join(kinds)}" if kinds else ""


def compare(first: Iterable[str], second: Iterable[str]) -> None:
    """The second look: the list asked for again after success has to be the first one, as a set.

    It counts only where the second list came protected. Raises `SaslError` where they differ:
    close the connection.
    """
    if set(names(first)) != set(names(second)):
        raise SaslError(
            Reason.DOWNGRADE, "the list of mechanisms was another before: somebody changed it on the way"
        )


def names(offer: Iterable[str]) -> tuple[str, ...]:
    """A list as it arrived, checked (RFC 4422 section 3.1). Raises `SaslError`."""
    found: list[str] = []
    for name in offer:
        if len(found) == MOST_NAMES or not _NAME.fullmatch(name):
            raise SaslError(Reason.MALFORMED, "the other side's list of mechanisms is not one")
        found.append(name)
    return tuple(found)


def allowed(policy: Policy, channel: Channel, side: Literal["initiator", "acceptor"]) -> tuple[str, ...]:
    """What the table allows, the best first, whether it is built in or not."""
    ranking = policy.ranking
    if policy.least is not None and policy.least not in ranking:
        raise SaslUsageError(f"{policy.least} is the least allowed, and not in the ranking")
    if channel.level < policy.least_channel:
        return ()
    if policy.least is not None:
        ranking = ranking[: ranking.index(policy.least) + 1]
    return tuple(name for name in ranking if _may(name, policy, channel, side))


def _usable(
    policy: Policy, channel: Channel, side: Literal["initiator", "acceptor"], kerberos: bool
) -> tuple[str, ...]:
    built = (name for name in allowed(policy, channel, side) if name in PROPERTIES)
    return tuple(name for name in built if kerberos or not PROPERTIES[name].kerberos)


def _may(name: str, policy: Policy, channel: Channel, side: Literal["initiator", "acceptor"]) -> bool:
    level = channel.level
    if name in _NEVER or (name == "ANONYMOUS" and not policy.anonymous):
        return False
    bound = name.endswith("-PLUS") or (name == "KRB5-U2U" and level is not ChannelLevel.CLEAR)
    if bound and not channel.bound_by(policy.bindings):
        return False
    if name == "DIGEST-MD5" and not qops(policy, channel):
        return False
    if name == "EXTERNAL" and not (channel.own_names if side == "initiator" else channel.peer_names):
        return False
    if policy.acceptor == "service":
        # Whether the service's own key was verified is for its clients to know.
        return level is ChannelLevel.VERIFIED or (side == "acceptor" and level is ChannelLevel.ENCRYPTED)
    if name == "KRB5-U2U":
        return True
    if name == "DIGEST-MD5":
        return level is not ChannelLevel.CLEAR or policy.digest_md5
    if name == "EXTERNAL":
        return level is ChannelLevel.VERIFIED
    if name == "ANONYMOUS" or (name.startswith("SCRAM-") and name.endswith("-PLUS")):
        return level is not ChannelLevel.CLEAR
    return False
