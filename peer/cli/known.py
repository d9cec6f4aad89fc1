"""``msrp known``: what is remembered of those who were met."""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime

from ..security.known import Known, Learned
from ..security.known_peers import KnownPeers, usual_path
from ..terms.display import escape
from ..terms.errors import MsrpError, UsageError
from ..terms.fingerprints import Fingerprint
from ..terms.principal import Principal
from .exits import Exit
from .output import Output

__all__ = ["NotKnown", "run"]

_LEARNED = {
    Learned.COMPARED: "compared",
    Learned.SIGNALLED: "told by protected signalling",
    Learned.CHAIN: "certified by an authority",
    Learned.FIRST_USE: "taken at first use, not verified",
}


class NotKnown(MsrpError):
    """Nothing is remembered of somebody."""


def run(args: argparse.Namespace) -> Exit:
    """List, show, pin, forget, block, unblock."""
    output = Output(json=args.json)
    if args.key is not None and args.what not in ("forget", "pin"):
        raise UsageError("a key goes with pin and forget")
    if args.what == "list" and args.who is not None:
        raise UsageError(f"to see one alone: msrp known show {args.who}")
    if args.what != "list" and args.who is None:
        raise UsageError(f"say whom: msrp known {args.what} im:bob@lan")
    known = KnownPeers(usual_path())
    if args.what == "list":
        return _list(known, output)
    who = Principal.parse(args.who)
    if args.what == "show":
        found = known.recall(who)
        if found is None:
            raise _unknown(who)
        output.event("known", _words(found), **_fields(found))
        return Exit.DONE
    key = None if args.key is None else _key(args.key)
    if args.what == "pin":
        if key is None:
            raise UsageError(
                f"say which key, as the other side's msrp listen shows it: known pin {who} 4A:AD:..."
            )
        known.pin(who, key, time.time())
        output.event("pinned", f"Pinned to {who}: {key}", principal=who.text, key=key)
        return Exit.DONE
    if args.what == "block":
        known.block(who, time.time())
        output.event("blocked", f"Blocked: {who}", principal=who.text)
        return Exit.DONE
    if args.what == "unblock":
        if not known.unblock(who):
            raise NotKnown(f"{who} is not blocked")
        output.event("unblocked", f"Let in again: {who}", principal=who.text)
        return Exit.DONE
    if not known.forget(who, key):
        raise _unknown(who, key)
    words = f"Forgotten: {who}" if key is None else f"Forgotten: a key of {who}"
    output.event("forgotten", words, principal=who.text, key=key)
    return Exit.DONE


def _key(text: str) -> str:
    """As it is kept, however it was typed."""
    found = Fingerprint.parse(f"sha-256 {text}")
    if found is None:
        raise UsageError(f"'{escape(text, 100)}' is no SHA-256 of a key: 32 octets, 4A:AD:...")
    return found.value


def _unknown(who: Principal, key: str | None = None) -> NotKnown:
    what = "nothing" if key is None else "no such key"
    return NotKnown(f"{what} is remembered of {who}; msrp known lists who is known")


def _list(known: KnownPeers, output: Output) -> Exit:
    everybody, blocked = known.everybody(), known.blocked()
    for each in everybody:
        output.event("known", _line(each), **_fields(each))
    for who, since in blocked.items():
        output.event(
            "blocked", f"{who.shown}: blocked on {_day(since)}", principal=who.text, since=_iso(since)
        )
    if not everybody and not blocked:
        output.note("Nobody is known yet. msrp known --help says how somebody comes to be.")
    return Exit.DONE


def _line(known: Known) -> str:
    keys = {0: "", 1: ", 1 key"}.get(len(known.keys), f", {len(known.keys)} keys")
    who = Principal.parse(known.principal).shown
    return f"{who}: {known.level.word} on {_day(known.reached)}{keys}, met {_day(known.last)}"


def _words(known: Known) -> str:
    lines = [
        Principal.parse(known.principal).shown,
        f"  met first on {_day(known.first)}, last on {_day(known.last)}",
        f"  best protected: {known.level.word}, last on {_day(known.reached)}; less needs your consent",
    ]
    lines += [
        f"  proved by {escape(each.name, 40)}, first on {_day(each.first)}, last on {_day(each.last)}"
        for each in known.mechanisms
    ]
    for key in known.keys:
        lines.append(f"  key {_LEARNED[key.learned]}, on {_day(key.first)}, shown last on {_day(key.last)}:")
        lines.append(f"    SHA-256 {key.fingerprint}")
    return "\n".join(lines)


def _fields(known: Known) -> dict[str, object]:
    return {
        "principal": known.principal,
        "first": _iso(known.first),
        "last": _iso(known.last),
        "level": known.level.word,
        "level_number": int(known.level),
        "reached": _iso(known.reached),
        "keys": [
            {
                "fingerprint": key.fingerprint,
                "learned": key.learned.value,
                "first": _iso(key.first),
                "last": _iso(key.last),
            }
            for key in known.keys
        ],
        "mechanisms": [
            {"name": each.name, "first": _iso(each.first), "last": _iso(each.last)}
            for each in known.mechanisms
        ],
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC).astimezone():%Y-%m-%d}"
