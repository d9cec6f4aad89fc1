"""SCRAM and DIGEST-MD5 at the acceptor: do users that exist and users that do not take the same time?

    .venv/bin/python -P benchmarks/sasl.py [--rounds 400]

An exchange with a wrong password is held against one with an unknown user, step by step and in
turn; then two runs of the same user against each other, which shows what the machine's noise is.
Last, what deriving a key costs: that is what each guess of a password costs, too.
"""

from __future__ import annotations

import argparse
import random
import time

from msrp_peer.bench.measure import Figure, contest, ratio
from msrp_sasl import (
    Accepting,
    Channel,
    ChannelLevel,
    DigestMD5Verifier,
    FromPasswords,
    Hash,
    Identities,
    Initiating,
    Password,
    Policy,
    SASLClient,
    SaslError,
    SASLServer,
    ScramVerifier,
    Verifiers,
)
from msrp_sasl.verifier import ITERATIONS as ITERATIONS_OF_NEW

NAMES = ("SCRAM-SHA-256-PLUS", "DIGEST-MD5")
CHANNEL = Channel(ChannelLevel.ENCRYPTED, {"tls-exporter": bytes(32)})
HASHES: tuple[Hash, ...] = ("SHA-1", "SHA-256", "SHA-512")
KNOWN, UNKNOWN, ACCEPTOR = "alice@lan", "nobody@lan", "bob@lan"
ITERATIONS: dict[Hash, int] = {"SHA-1": 4096, "SHA-256": 4096, "SHA-512": 4096}


class Kept:
    """Verifiers in a dictionary, so that the store's own time hides nothing."""

    decoy_key = bytes(32)

    def __init__(self) -> None:
        self._known = {KNOWN: ScramVerifier.make("right", iterations=4096)}
        self._digests = {KNOWN: DigestMD5Verifier.make(KNOWN, ACCEPTOR, "right")}

    def iterations(self, hash: Hash) -> int:
        return ITERATIONS[hash]

    def scram(self, user: str, acceptor: str, hash: Hash) -> ScramVerifier | None:
        return self._known.get(user)

    def digest_md5(self, user: str, realm: str, acceptor: str) -> DigestMD5Verifier | None:
        return self._digests.get(user)


class Wrong:
    """A password that is nobody's."""

    def password(self, initiator: str, acceptor: str) -> Password:
        return Password("wrong", generated=True)


def attempt(name: str, user: str, verifiers: Verifiers) -> tuple[float, float]:
    """One wrong attempt: the seconds of the acceptor's two steps."""
    policy = Policy(mechanisms=(name,))
    client = SASLClient(Initiating(user, ACCEPTOR, CHANNEL, policy, Wrong(), offered=(name,)))
    server = SASLServer(Accepting(ACCEPTOR, CHANNEL, policy, Identities(str), verifiers))
    first = client.start(0.0)
    began = time.perf_counter()
    challenge = server.start(name, first, 0.0)
    begin = time.perf_counter() - began
    final = client.process(challenge or b"", 0.0)
    began = time.perf_counter()
    try:
        server.process(final, 0.0)
    except SaslError:
        return begin, time.perf_counter() - began
    raise SystemExit("a wrong password was right")


def attempts(name: str, verifiers: Verifiers, rounds: int) -> list[dict[str, list[float]]]:
    """Of each step the seconds of every contestant, round by round; "again" is who exists once more."""
    users = {"exists": KNOWN, "unknown": UNKNOWN, "again": KNOWN}
    times: list[dict[str, list[float]]] = [{who: [] for who in users} for _ in range(2)]
    for turn in range(rounds + 5):
        for who in random.sample(list(users), k=len(users)):  # who comes first pays for cold caches
            taken = attempt(name, users[who], verifiers)
            if turn >= 5:  # those before warm up
                for step, seconds in enumerate(taken):
                    times[step][who].append(seconds)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description="wrong passwords and unknown users, in time")
    parser.add_argument("--rounds", type=int, default=400)
    rounds = parser.parse_args().rounds
    stores: dict[str, Verifiers] = {
        "verifiers": Kept(),
        "passwords": FromPasswords(
            lambda user, acceptor: Password("right") if user == KNOWN else None, iterations=ITERATIONS
        ),
    }
    print(f"{rounds} rounds; median (quartiles)")
    for name in NAMES:
        print(f"\n{name}")
        print(f"{'store':10} {'step':6} {'exists, us':>24} {'unknown : exists':>24} {'again : exists':>24}")
        for kept, verifiers in stores.items():
            for step, times in zip(("first", "second"), attempts(name, verifiers, rounds), strict=True):
                exists = Figure.of([seconds * 1e6 for seconds in times["exists"]])
                unknown, again = (ratio(times[who], times["exists"]) for who in ("unknown", "again"))
                told = " ".join(f"{f'{figure:.3f}':>24}" for figure in (unknown, again))
                print(f"{kept:10} {step:6} {f'{exists:.1f}':>24} {told}")
    print()
    print("deriving a key, with the iterations new verifiers get:")
    for hash in HASHES:
        took = contest({hash: lambda hash=hash: ScramVerifier.make("a password", hash)}, 3)[hash]
        print(f"{hash:8} {ITERATIONS_OF_NEW[hash]:9} rounds {min(took) * 1e3:8.0f} ms")


if __name__ == "__main__":
    main()
