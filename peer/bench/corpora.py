"""Octets to measure with: the same on every machine and in every run."""

from __future__ import annotations

import random

__all__ = ["FROM", "HOSTILE", "KINDS", "TO", "frames", "pieces"]

TO = b"msrps://bob.example.com:8145/jshA7weztasQ5fKpQ2mNAA;tcp"
FROM = b"msrps://alicepc.example.com:7777/iau39soe2843zBq8HwYtLQ;tcp"

HOSTILE = ("hyphens", "crlf-hyphens", "near-miss", "all-cr", "wrong-flag", "both-probes")
KINDS = ("chat", "response", "2k", "64k", "1m", *HOSTILE)
_SIZES = {"chat": 60, "2k": 2048, "64k": 65536, "1m": 1 << 20}


def frames(kind: str, octets: int, seed: int = 7) -> list[bytes]:
    """Whole frames of one kind, about that many octets in all."""
    rng = random.Random(seed)  # noqa: S311 - the same octets every time are wanted
    found: list[bytes] = []
    size = 0
    while size < octets or not found:
        tid = b"%016x" % rng.getrandbits(64)
        if kind == "response":
            head = b"MSRP %s 200 OK\r\nTo-Path: %s\r\nFrom-Path: %s\r\n" % (tid, FROM, TO)
            frame = head + b"-------%s$\r\n" % tid
        else:
            frame = _send(tid, _body(kind, tid, rng), rng)
        found.append(frame)
        size += len(frame)
    return found


def _send(tid: bytes, body: bytes, rng: random.Random) -> bytes:
    return b"".join(
        (
            b"MSRP %s SEND\r\nTo-Path: %s\r\nFrom-Path: %s\r\n" % (tid, TO, FROM),
            b"Message-ID: %020x\r\nByte-Range: 1-%d/%d\r\n" % (rng.getrandbits(80), len(body), len(body)),
            b"Content-Type: text/plain\r\n\r\n%s\r\n-------%s$\r\n" % (body, tid),
        )
    )


def _body(kind: str, tid: bytes, rng: random.Random) -> bytes:
    if kind in _SIZES:
        return rng.randbytes(_SIZES[kind]) if kind != "chat" else b"the quick brown fox, " * 3
    boundary = b"\r\n-------" + tid
    unit = {
        "hyphens": b"-",
        "crlf-hyphens": b"\r\n-------",
        "near-miss": boundary[:-1] + b"!",
        "all-cr": b"\r",
        "wrong-flag": boundary + b"!",
        # Wherever the first three octets of a boundary stand, its last one stands where it would.
        "both-probes": (b"\r\n-" * 8) + tid[-1:] * 24,
    }[kind]
    return (unit * (65536 // len(unit) + 1))[:65536]


def pieces(data: bytes, size: int) -> list[bytes]:
    """The octets as a network would bring them, `size` at a time."""
    return [data[at : at + size] for at in range(0, len(data), size)]
