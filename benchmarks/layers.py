"""DIGEST-MD5's layers: how much of the time is the bare MAC's and cipher's?

    .venv/bin/python -P benchmarks/layers.py [--rounds 31]

Each row is held against the bare primitives of the same library (cryptography) over the same
octets, in turn, in one run: HMAC-MD5 with its key read once, and the cipher's running context.
"MAC" is what the layer computes of it, "protect" and "open" are one buffer without its length,
"framed" is what a connection has: octets to octets, lengths and checks included.
"""

from __future__ import annotations

import argparse
import gc
import os
import time
from collections.abc import Callable
from typing import Any, Final, Literal

from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4, TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, modes
from cryptography.hazmat.primitives.hashes import MD5
from cryptography.hazmat.primitives.hmac import HMAC

from msrp_peer.bench.measure import Figure, ratio
from msrp_sasl import LayerTerms, SecurityLayer
from msrp_sasl.mechanisms.digest_hash import LayerKeys
from msrp_sasl.mechanisms.digest_layer import Receiver, Sender

KEYS: Final = LayerKeys(os.urandom(16), os.urandom(16))
SIZES: Final = (60, 2048, 16384)
CIPHERS: Final = ("", "rc4", "3des")
GOALS: Final = {("MAC", 2048): "90 %", ("framed out", 16384): "80 %", ("framed in", 16384): "80 %"}
WORK: Final = 4_000_000  # octets of a round, about
Side = Literal["out", "in"]
Many = Callable[[list[bytes]], Any]


def bare(cipher: str, side: Side) -> Many:
    """The primitives alone; the MAC's alone where there is no cipher."""
    state = HMAC(KEYS.signing, MD5())
    context = _context(cipher, side)

    def run(messages: list[bytes]) -> None:
        for message in messages:
            mac = state.copy()
            mac.update(message)
            mac.finalize()
            if context is not None:
                context.update(message)

    return run


def _context(cipher: str, side: Side) -> CipherContext | None:
    if not cipher:
        return None
    key = KEYS.sealing
    made: Cipher[modes.CBC | None] = (
        Cipher(ARC4(key), None) if cipher == "rc4" else Cipher(TripleDES(key + key[:8]), modes.CBC(key[8:]))
    )
    return made.encryptor() if side == "out" else made.decryptor()


def through(function: Callable[[Any], Any]) -> Many:
    """One call after the other; what it gives is dropped, as it is once it was written."""

    def run(inputs: list[Any]) -> None:
        for octets in inputs:
            function(octets)

    return run


def mac(cipher: str) -> tuple[Many, Many]:
    sender = Sender(KEYS, cipher or None)
    number = bytes(4)
    return list, through(lambda message: sender._signed(number, message))


def protect(cipher: str) -> tuple[Many, Many]:
    return list, through(Sender(KEYS, cipher or None).protect)


def open_(cipher: str) -> tuple[Many, Many]:
    sender, receiver = Sender(KEYS, cipher or None), Receiver(KEYS, cipher or None)
    return lambda messages: [sender.protect(message) for message in messages], through(receiver.open)


def _layer(cipher: str) -> SecurityLayer:
    terms = LayerTerms("confidentiality" if cipher else "integrity", cipher, 65536, 65000, 65536)
    return SecurityLayer(Sender(KEYS, cipher or None).protect, Receiver(KEYS, cipher or None).open, terms)


def framed_out(cipher: str) -> tuple[Many, Many]:
    layer = _layer(cipher)
    return list, through(lambda message: layer.wrap((message,)))


def framed_in(cipher: str) -> tuple[Many, Many]:
    layer = _layer(cipher)

    def run(wires: list[bytes]) -> None:
        for wire in wires:
            for _ in layer.unwrap(wire):
                pass

    return lambda messages: [b"".join(layer.wrap((message,))) for message in messages], run


ROWS: Final[dict[str, tuple[Side, Callable[[str], tuple[Many, Many]]]]] = {
    "MAC": ("out", mac),
    "protect": ("out", protect),
    "open": ("in", open_),
    "framed out": ("out", framed_out),
    "framed in": ("in", framed_in),
}
"""What is measured, and how it begins with a cipher: what makes its input of messages, and itself."""


def share(what: str, cipher: str, size: int, rounds: int) -> tuple[Figure, Figure]:
    """The share of the bare primitives' speed, and the microseconds of a message."""
    side, begin = ROWS[what]
    prepare, work = begin(cipher)
    alone = bare(cipher, side)
    amount = max(4, min(WORK // (size + 200), 40 if cipher == "3des" else 2000))
    messages = [os.urandom(size) for _ in range(amount)]
    # A block cipher's own input is whole blocks; padding and MAC are the layer's.
    inputs = [message[: size // 8 * 8] for message in messages] if cipher == "3des" else messages
    times: dict[str, list[float]] = {"bare": [], "ours": []}
    for turn in range(rounds + 2):
        prepared = prepare(messages)
        for name, call, given in (("bare", alone, inputs), ("ours", work, prepared)):
            began = time.thread_time()
            call(given)
            if turn >= 2:  # those before warm up
                times[name].append((time.thread_time() - began) / amount)
    return ratio(times["bare"], times["ours"]), Figure.of([value * 1e6 for value in times["ours"]])


def main() -> None:
    parser = argparse.ArgumentParser(description="DIGEST-MD5's layers as a share of the bare primitives")
    parser.add_argument("--rounds", type=int, default=31)
    rounds = parser.parse_args().rounds
    gc.disable()
    print(f"share of the bare primitives' speed, {rounds} rounds; median (quartiles)")
    print(f"{'what':12} {'cipher':8} {'octets':>7} {'share':>20} {'us a message':>24}  goal")
    for cipher in CIPHERS:
        for what in ROWS:
            if what == "MAC" and cipher:
                continue
            for size in SIZES:
                found, took = share(what, cipher, size, rounds)
                goal = GOALS.get((what, size), "")
                told = f"{cipher or 'none':8} {size:7} {f'{found:.0%}':>20} {f'{took:.1f}':>24}"
                print(f"{what:12} {told}  {goal}")


if __name__ == "__main__":
    main()
